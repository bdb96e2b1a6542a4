"""What is made from the descriptions is up to date, the reference board's fits together, and mistakes are said."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from labnet import networks
from labnet_simulators.oscillators import OscillatorGate

REPOSITORY = Path(__file__).parents[2]
FIRMWARE = REPOSITORY / "firmware"
MADE = [
    "firmware/src/commands.h",
    "firmware/src/commands.c",
    "firmware/boards/twin16.h",
    "firmware/boards/twin16.wiring.csv",
    "docs/scpi.md",
    "docs/board.md",
    "docs/wiring.md",
]
TWIN16 = tomllib.loads((FIRMWARE / "boards/twin16.toml").read_text(encoding="utf-8"))
COMMANDS = tomllib.loads((FIRMWARE / "commands.toml").read_text(encoding="utf-8"))["command"]


def run(script: str, *arguments: str, root: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "firmware" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository's descriptions and what is made from them, to be spoilt."""
    for folder in ("boards", "pages", "src"):
        shutil.copytree(FIRMWARE / folder, tmp_path / "firmware" / folder)
    for path in [*FIRMWARE.glob("*.py"), FIRMWARE / "commands.toml"]:
        shutil.copy(path, tmp_path / "firmware")
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("images"))
    return tmp_path


def test_all_that_is_made_is_up_to_date() -> None:
    done = run("generate.py", "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("made", MADE)
def test_a_file_that_is_not_up_to_date_is_named_and_mended(copy: Path, made: str) -> None:
    path = copy / made
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "changed", encoding="utf-8")
    done = run("generate.py", "--check", root=copy)
    assert done.returncode == 1
    assert f"not up to date: {made}." in done.stderr
    assert run("generate.py", root=copy).returncode == 0
    assert path.read_text(encoding="utf-8") == text


def test_the_reference_board_is_the_network_twin16() -> None:
    network = networks.twin16()
    assert [edge["nodes"] for edge in TWIN16["edges"]] == network.edges.tolist()
    assert network.positions is not None
    assert np.array_equal([node["at"] for node in TWIN16["nodes"]], network.positions)
    assert TWIN16["r_ref_ohm"] == network.r_ref_ohm
    assert TWIN16["name"] == network.name


def test_every_node_has_channels_of_its_own() -> None:
    nodes, bias, parts = TWIN16["nodes"], TWIN16["bias"], TWIN16["parts"]
    used = {
        "dac": [node["dac"] for node in nodes] + [bias["dac"]],
        "switch": [node[f"{side}_switch"] for node in nodes for side in ("free", "clamped")],
        "adc": [node[f"{side}_adc"] for node in nodes for side in ("free", "clamped")] + [bias["monitor_adc"]],
    }
    for kind, channels in used.items():
        there = set(product(range(parts[kind]["count"]), range(parts[kind]["channels"])))
        assert len({*map(tuple, channels)} & there) == len(channels), kind
    assert len(nodes) * 2 <= parts["buffer"]["count"] * parts["buffer"]["channels"]
    assert len(nodes) + 1 <= parts["driver"]["count"] * parts["driver"]["channels"]  # the bias has one, too


def test_every_edge_has_parts_of_its_own_and_a_bit() -> None:
    edges, parts = TWIN16["edges"], TWIN16["parts"]
    assert sorted(edge["chip"] for edge in edges) == list(range(len(edges)))
    for own in ("pot", "comparators", "oscillator"):
        assert parts[own]["count"] == len(edges)
    assert parts["averages"]["count"] == 2 * len(edges)  # 4 resistors in an array; 2 comparators of 2 inputs of 2
    for shared in ("xor", "latch", "selector", "clock"):
        there = set(product(range(parts[shared]["count"]), range(parts[shared]["channels"])))
        assert {tuple(edge[shared]) for edge in edges} == there
    assert sorted(edge["bit"] for edge in edges) == list(range(len(edges)))
    for register, bits in (("select", 1), ("bits", 2)):
        assert parts[register]["count"] * parts[register]["channels"] == bits * len(edges)


def test_no_pin_is_used_twice_and_the_buses_are_where_the_chip_has_them() -> None:
    pins = TWIN16["pins"]
    numbers = [pin for given in pins.values() for pin in (given if isinstance(given, list) else [given])]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= pin <= 53 for pin in numbers)
    hardware = {"SERIAL_IN": 0, "SERIAL_OUT": 1, "SPI_IN": 50, "SPI_OUT": 51, "SPI_CLOCK": 52, "SPI_MASTER": 53}
    assert {name: pins[name] for name in hardware} == hardware
    assert len(pins["DAC_SELECT"]) == TWIN16["parts"]["dac"]["count"]
    assert len(pins["ADC_SELECT"]) == TWIN16["parts"]["adc"]["count"]


def test_the_bias_in_volts_is_nearly_the_update_probability() -> None:
    """The gate is open while an oscillator, charged towards 5 V and 0 V between its thresholds, is below bias + 2 V."""
    low, high, supply = (TWIN16["oscillator"][key] for key in ("low_v", "high_v", "supply_v"))
    up = supply - (supply - low) * np.exp(-np.linspace(0.0, np.log((supply - low) / (supply - high)), 100_001))
    down = high * np.exp(-np.linspace(0.0, np.log(high / low), 100_001))
    period = np.sort(np.concatenate([up, down]))
    assert period[[0, -1]] == pytest.approx([low, high])
    bias = np.linspace(0.0, 1.0, 101)
    p = np.searchsorted(period, bias + 2.0) / len(period)
    assert np.abs(p - bias).max() < 0.03
    offset_v = 6.5e-3
    assert p[0] == 0.0 == np.searchsorted(period, 2.0 + offset_v)
    assert p[-1] == 1.0 == np.searchsorted(period, 3.0 - offset_v) / len(period)


def test_the_simulated_oscillators_are_those_of_the_board() -> None:
    gate, board = OscillatorGate(), TWIN16["oscillator"]
    assert (gate.resistor_ohm, gate.low_v, gate.high_v) == (board["ohm"], board["low_v"], board["high_v"])
    assert gate.capacitor_f == pytest.approx(board["pf"] * 1e-12)
    assert (gate.supply_v, gate.level_v) == (board["supply_v"], 2.0)
    header = (FIRMWARE / "boards/twin16.h").read_text(encoding="utf-8")
    assert f"#define BOARD_SELF_TRIGGER_HZ {gate.frequency_hz:.0f}\n" in header


def words(header: str) -> list[str]:
    return re.findall("[A-Za-z]+", header)


def test_short_forms_follow_the_rule_of_scpi() -> None:
    choices = {
        choice
        for row in COMMANDS
        for form in ("set", "query")
        for p in row.get(form, [])
        for choice in p.get("choices", [])
    }
    for word in {word for row in COMMANDS for word in words(row["header"])} | choices:
        upper = word.upper()
        short = upper if len(word) <= 4 else upper[:3] if upper[3] in "AEIOU" else upper[:4]
        assert word == short + upper[len(short) :].lower()


def test_no_spelling_of_a_header_is_that_of_another() -> None:
    spellings = []
    for row in COMMANDS:
        header = row["header"].removeprefix("*")
        for whole in {re.sub(r"\[.*?\]", "", header), re.sub(r"[][]", "", header)}:
            forms = [{word.upper(), re.sub("[a-z]", "", word)} for word in words(whole)]
            spellings += [":".join(spelling) for spelling in product(*forms)]
    assert len(set(spellings)) == len(spellings)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("boards/twin16.toml", "nodes = [0, 1]", "nodes = [0, 0]", "edges[0] joins nodes [0, 0]; allowed: two of"),
        ("boards/twin16.toml", "nodes = [1, 2]", "nodes = [1, 0]", "edges[0] and edges[1] join the same nodes"),
        ("boards/twin16.toml", "dac = [0, 3]", "dac = [0, 8]", "nodes[3]: dac is [0, 8]; allowed: [0 to 1, 0 to 7]"),
        ("boards/twin16.toml", "dac = [0, 3]", "dac = [1, 7]", "bias and nodes[3] both use dac [1, 7]"),
        ("boards/twin16.toml", "bit = 4", "bit = 3", "edges[3] and edges[4] both use bit 3"),
        ("boards/twin16.toml", "EDGE_LATCH = 37", "EDGE_LATCH = 36", "pin 36 is EDGE_LATCH and EDGE_CLOCK"),
        ("boards/twin16.toml", "DAC_SELECT = [22, 23]", "DAC_SELECT = 22", "DAC_SELECT has 1 pins; allowed: 2"),
        ("boards/twin16.toml", "high_v = 2.975", "high_v = 5", "high_v is 5.0; allowed: between low_v, 2.025, and"),
        ("boards/twin16.toml", "clock = [0, 1]", "clock = [0, 0]", "edges[0] and edges[1] both use clock [0, 0]"),
        ("boards/twin16.toml", "tick_ns = 1000", "", "twin16.toml has no 'tick_ns'; please give it"),
        ("boards/twin16.toml", "tick_ns", "colour = 1\ntick_ns", "twin16.toml has colour, which mean nothing here"),
        ("boards/twin16.toml", "max_v = 5, bits = 16 } # I\n", "max_v = 4, bits = 16 }\n", "source and reading differ"),
        ("boards/twin16.toml", 'name = "twin16"', 'name = "other"', "name is 'other'; allowed: 'twin16'"),
        ("boards/twin16.toml", "nodes = [", "nodes = ", "twin16.toml cannot be read as TOML"),
        ("commands.toml", "MEASure:GATes", "MEASure:GATEs", "(MEASure:GATEs): header is 'GATEs'; allowed: GATes"),
        ("commands.toml", "SYSTem:SAFE", "SYSTem:WAIT", "SYST:WAIT can be SYSTem:WAIT and SYSTem:WAIT"),
        ("commands.toml", 'type = "block"', 'type = "blob"', "set[1]: type is 'blob'; allowed: integer"),
        ("commands.toml", '"BOARD_BIAS_LIMIT_UV"', '"BOARD_BIAS_UV"', "has the limit 'BOARD_BIAS_UV'; allowed:"),
        ("commands.toml", 'unit = "V", min = 0, max', "max", "set[0] has no 'min'; please give it"),
        ("commands.toml", "doc = ", "docs = ", "command[0] (*CLS) has no 'doc'; please give it"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(copy: Path, name: str, old: str, new: str, said: str) -> None:
    path = copy / "firmware" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = run("generate.py", root=copy)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_node_without_a_source_cannot_be_held(copy: Path) -> None:
    path = copy / "firmware/boards/twin16.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"dac = \[0, 4\], free_switch = \[0, 4\](.*), clamped_switch = \[2, 4\]", r"x\1", text)
                    .replace("x, ", ""), encoding="utf-8")  # fmt: skip
    assert run("generate.py", root=copy).returncode == 0
    assert "#define BOARD_HOLDABLE 0x1EFUL" in (copy / "firmware/boards/twin16.h").read_text(encoding="utf-8")


def test_edges_of_a_board_without_the_pin_for_it_do_not_step_by_themselves(copy: Path) -> None:
    path = copy / "firmware/boards/twin16.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("^EDGE_SELF = .*$", "", text, flags=re.MULTILINE), encoding="utf-8")
    assert run("generate.py", root=copy).returncode == 0
    assert "#define BOARD_SELF_TRIGGER_HZ 0\n" in (copy / "firmware/boards/twin16.h").read_text(encoding="utf-8")
    assert "EDGE_SELF" not in (copy / "firmware/boards/twin16.wiring.csv").read_text(encoding="utf-8")


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def test_frames_and_blocks_on_the_page_have_the_right_crc() -> None:
    page = (REPOSITORY / "docs/scpi.md").read_text(encoding="utf-8")
    assert crc16(b"123456789") == 0x29B1
    frames = re.findall("^[<>] @(.{4})(.{8})(.*)$", page, re.MULTILINE)
    assert len(frames) == 2
    for number, crc, message in frames:
        assert int(crc, 16) == crc32((number + message).encode())
    (block,) = re.findall("#16` and the bytes `([0-9A-F ]+)`", page)
    payload = bytes.fromhex(block)
    assert len(payload) == 6
    assert int.from_bytes(payload[4:], "little") == crc16(payload[:4])


def test_the_page_has_every_command_and_error() -> None:
    page = (REPOSITORY / "docs/scpi.md").read_text(encoding="utf-8")
    for row in COMMANDS:
        for form, mark in (("set", ""), ("query", "?")):
            assert (f"`{row['header']}{mark}" in page) or form not in row
    errors = re.findall(r"ERROR_\w+ = (-\d+)", (FIRMWARE / "src/status.h").read_text(encoding="utf-8"))
    assert len(errors) > 10
    assert set(errors) == set(re.findall(r"^\| (-\d+) \|", page, re.MULTILINE))


def test_the_drawings_are_of_the_board_as_described(copy: Path) -> None:
    description = (FIRMWARE / "boards/twin16.toml").read_bytes()
    done = run("draw.py", root=copy)
    assert done.returncode == 0, done.stderr
    for name in ("twin-edge.svg", "twin16-board.svg"):
        for images in (REPOSITORY / "docs/images", copy / "docs/images"):
            drawing = (images / name).read_text(encoding="utf-8")
            assert f"twin16.toml, CRC-32 {crc32(description):08X}" in drawing, "run 'python firmware/draw.py'"
