"""``labnet flash`` and ``labnet wiring``: the image as its bootloader gets it, and what is to be joined."""

import csv
import io
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from labnet_drivers import discovery
from labnet_drivers.transports import SerialTransport
from labnet_simulators.building import build_image

FIRMWARE = Path(__file__).parents[2] / "firmware"
TWIN16 = tomllib.loads((FIRMWARE / "boards/twin16.toml").read_text(encoding="utf-8"))
MEGA = (0x2341, 0x0042)
NEEDS_AVR = pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="needs avr-gcc")

Labnet = Callable[..., tuple[int, str, str]]

# Notes its words, one a line, and ends as it is told to.
AVRDUDE = """#!/bin/sh
printf '%s\\n' "$@" > {log}
exit {code}
"""


@pytest.fixture
def port() -> Iterator[str]:
    """A serial port at whose other end nobody is."""
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


@pytest.fixture
def programmer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Put a program in avrdude's place, which ends with this code; gives the file of its words."""

    def place(code: int) -> Path:
        folder, log = tmp_path / "bin", tmp_path / "words"
        folder.mkdir()
        (folder / "avrdude").write_text(AVRDUDE.format(log=log, code=code))
        (folder / "avrdude").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return log

    return place


def in_flash(path: Path) -> bytes:
    """Read Intel HEX: what stands at which address, from 0 without a gap."""
    data, base = bytearray(), 0
    for line in path.read_text().splitlines():
        row = bytes.fromhex(line.removeprefix(":"))
        assert sum(row) % 256 == 0, line
        count, at, kind, payload = row[0], int.from_bytes(row[1:3], "big"), row[3], row[4:-1]
        assert len(payload) == count
        if kind == 0:
            assert base + at == len(data), line
            data += payload
        elif kind == 2:
            base = int.from_bytes(payload, "big") << 4
    return bytes(data)


@NEEDS_AVR
def test_the_line_that_writes_the_image_is_said_with_what_it_takes(labnet_command: Labnet) -> None:
    code, out, error = labnet_command("flash")
    assert code == 0, error
    assert "deepest stack: start 3 > main 3 > firmware_poll" in out
    *words, file = out.splitlines()[-1].split()
    assert words == ["avrdude", "-p", "atmega2560", "-c", "wiring", "-b", "115200", "-P", "PORT", "-D", "-U"]
    path = Path(file.removeprefix("flash:w:").removesuffix(":i"))
    image, elf = in_flash(path), build_image("twin16")
    plain = path.with_name("plain")
    subprocess.run(["avr-objcopy", "-O", "binary", elf, plain], check=True)
    assert image == plain.read_bytes()
    plain.unlink()
    assert f"flash{len(image):16}" in out
    assert b"!!!" not in image, "the Mega's bootloader takes that for a call of its monitor"
    assert "--run does so" in error
    code, again, _ = labnet_command("flash", "--port", "/dev/ttyACM7")
    assert again == out.replace("PORT", "/dev/ttyACM7"), "a port that is only named is not looked at"


@NEEDS_AVR
def test_run_runs_it(labnet_command: Labnet, port: str, programmer: Callable[[int], Path]) -> None:
    log = programmer(0)
    code, out, error = labnet_command("flash", "--port", port, "--run")
    assert code == 0, error
    assert f"labnet scpi ASRL{port}::INSTR" in out
    said = log.read_text().split("\n")
    assert said[:10] == ["-p", "atmega2560", "-c", "wiring", "-b", "115200", "-P", port, "-D", "-U"]
    assert Path(said[10].split(":")[2]).exists()


@NEEDS_AVR
def test_a_programmer_that_fails_is_said(labnet_command: Labnet, port: str, programmer: Callable[[int], Path]) -> None:
    programmer(3)
    code, out, error = labnet_command("flash", "--port", port, "--run")
    assert code == 2
    assert "avrdude ended with exit code 3, so what is on the chip is not known" in error
    assert "Written" not in out


@NEEDS_AVR
def test_what_is_missing_is_said_with_how_to_get_it(
    labnet_command: Labnet, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_image("twin16")
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    code, _, error = labnet_command("flash")
    assert code == 2
    assert "avr-gcc is not found; install them: Debian and Ubuntu 'sudo apt install gcc-avr" in error
    for tool in ("avr-gcc", "avr-objdump", "avr-objcopy"):
        (tools / tool).symlink_to(Path("/usr/bin") / tool)
    code, _, error = labnet_command("flash", "--port", port, "--run")
    assert code == 2
    assert "avrdude is not found; install it: Debian and Ubuntu 'sudo apt install avrdude'" in error


@NEEDS_AVR
@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({}, "no Arduino is found; say with --port which"),
        ({"/dev/ttyS0": (0x1234, 1)}, "no Arduino is found"),
        ({"/dev/ttyACM0": MEGA, "/dev/ttyACM1": MEGA}, "2 Arduinos are plugged in, at /dev/ttyACM0, /dev/ttyACM1; say"),
        ({"/dev/nothing": MEGA}, "/dev/nothing cannot be opened"),
    ],
)
def test_a_port_is_chosen_where_there_is_one(
    labnet_command: Labnet,
    programmer: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
    ports: dict[str, tuple[int, int]],
    said: str,
) -> None:
    log = programmer(0)
    listed = [SimpleNamespace(device=device, vid=vid, pid=pid) for device, (vid, pid) in ports.items()]
    monkeypatch.setattr(discovery, "comports", lambda: listed)
    code, _, error = labnet_command("flash", "--run")
    assert code == 2
    assert said in error
    assert not log.exists()


@NEEDS_AVR
def test_the_one_arduino_is_taken(
    labnet_command: Labnet, port: str, programmer: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = programmer(0)
    monkeypatch.setattr(discovery, "comports", lambda: [SimpleNamespace(device=port, vid=MEGA[0], pid=MEGA[1])])
    assert labnet_command("flash", "--run")[0] == 0
    assert f"-P\n{port}\n" in log.read_text()


@NEEDS_AVR
def test_a_port_in_use_is_not_written_to(labnet_command: Labnet, port: str, programmer: Callable[[int], Path]) -> None:
    log = programmer(0)
    used = SerialTransport(port, port)
    code, _, error = labnet_command("flash", "--port", port, "--run")
    used.close()
    assert code == 2
    assert f"another program uses {port}; close it first" in error
    assert not log.exists()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sim://twin16", "has no firmware for a chip; use firmware://twin16?target=atmega2560"),
        ("firmware://twin16", "runs on this PC; for a chip it is firmware://twin16?target=atmega2560"),
        ("firmware://twin17?target=atmega2560", "there is no firmware for 'twin17'; allowed: twin16"),
    ],
)
def test_only_the_firmware_of_a_chip_can_be_written(labnet_command: Labnet, uri: str, said: str) -> None:
    code, _, error = labnet_command("flash", uri)
    assert code == 2
    assert said in error


# A bootloader ---------------------------------------------------------------------------------------------------------


class Bootloader:
    """What a Mega's bootloader makes of STK500v2 messages (Atmel's AVR068): it writes and reads pages of flash."""

    SIGNATURE = bytes([0x1E, 0x98, 0x01])
    OK = 0

    def __init__(self) -> None:
        self.flash = bytearray(b"\xff" * (1 << 18))
        self.commands: list[int] = []
        self._at = 0
        self._host, self._line = os.openpty()
        self.port = os.ttyname(self._line)
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._line)
        self._thread.join()
        os.close(self._host)

    def _serve(self) -> None:
        heard = b""
        try:
            while True:
                heard += os.read(self._host, 1 << 12)
                while len(heard) >= 6 and len(heard) >= 6 + (size := int.from_bytes(heard[2:4], "big")):
                    message, heard = heard[: 6 + size], heard[6 + size :]
                    answer = self._answer(message[5:-1])
                    framed = bytes([0x1B, message[1], *len(answer).to_bytes(2, "big"), 0x0E]) + answer
                    check = 0
                    for byte in framed:
                        check ^= byte
                    os.write(self._host, framed + bytes([check]))
        except OSError:  # closed
            return

    def _answer(self, body: bytes) -> bytes:
        command = body[0]
        self.commands.append(command)
        done = bytes([command, self.OK])
        if command == 0x01:  # sign on
            return done + bytes([8]) + b"STK500_2"
        if command == 0x06:  # load address, in words
            self._at = 2 * (int.from_bytes(body[1:5], "big") & 0x7FFFFFFF)
        elif command == 0x13:  # program flash
            data = body[10 : 10 + int.from_bytes(body[1:3], "big")]
            self.flash[self._at : self._at + len(data)] = data
            self._at += len(data)
        elif command == 0x14:  # read flash
            count = int.from_bytes(body[1:3], "big")
            self._at += count
            return done + bytes(self.flash[self._at - count : self._at]) + bytes([self.OK])
        elif command == 0x1B:  # read the signature
            return done + bytes([self.SIGNATURE[body[4]], self.OK])
        elif command == 0x03:  # get a parameter
            return done + bytes([10])
        return done


@NEEDS_AVR
@pytest.mark.skipif(shutil.which("avrdude") is None, reason="needs avrdude")
def test_avrdude_itself_gets_the_image_onto_a_chip_and_leaves_its_eeprom(labnet_command: Labnet) -> None:
    bootloader = Bootloader()
    try:
        code, out, error = labnet_command("flash", "--port", bootloader.port, "--run")
    finally:
        bootloader.close()
    assert code == 0, error
    image = in_flash(Path(out.split("flash:w:")[1].split(":i")[0]))
    assert bytes(bootloader.flash[: len(image)]) == image
    assert set(bootloader.flash[-(-len(image) // 256) * 256 :]) == {0xFF}
    commands = set(bootloader.commands)
    assert {0x13, 0x14} < commands, "written, and read back"
    assert not commands & {0x12, 0x15}, "no chip erase, nothing into the EEPROM"


# Wires ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wires(labnet_command: Labnet) -> list[dict[str, str]]:
    code, out, error = labnet_command("wiring", "twin16", "--csv")
    assert code == 0, error
    return list(csv.DictReader(io.StringIO(out)))


def ends(wires: list[dict[str, str]]) -> set[tuple[str, str, str, str]]:
    """Give net, part, chip and pin of both ends of every wire."""
    return {
        (wire["net"], *(wire[f"{to}{key}"] for key in ("part", "chip", "pin"))) for wire in wires for to in ("", "to_")
    }


def test_a_pin_belongs_to_one_net_and_its_chip_is_there(wires: list[dict[str, str]]) -> None:
    nets: dict[tuple[str, ...], set[str]] = {}
    for net, part, chip, pin in ends(wires):
        if chip:  # not any channel that is free
            assert int(chip) < TWIN16["parts"][part]["count"]
            nets.setdefault((part, chip, pin), set()).add(net)
    assert {pin: net for pin, net in nets.items() if len(net) > 1} == {}


def test_every_channel_of_the_description_is_wired(wires: list[dict[str, str]]) -> None:
    found = ends(wires)
    for n, node in enumerate(TWIN16["nodes"]):
        assert (f"source {n}", "dac", f"{node['dac'][0]}", f"VOUT{node['dac'][1]}") in found
        for side in ("free", "clamped"):
            (switch, s), (adc, i) = node[f"{side}_switch"], node[f"{side}_adc"]
            assert (f"source {n}", "switch", f"{switch}", f"S{s + 1}") in found
            assert (f"{side} {n}", "switch", f"{switch}", f"D{s + 1}") in found
            assert (f"{side} {n}, buffered", "adc", f"{adc}", f"IN{i}") in found
    for e, edge in enumerate(TWIN16["edges"]):
        for k, side in ((1, "free"), (2, "clamped")):
            assert (f"{side} {edge['nodes'][0]}", "pot", f"{e}", f"W{k}") in found
            assert (f"{side} {edge['nodes'][1]}", "pot", f"{e}", f"B{k}") in found
        assert (f"edge {e}, step", "pot", f"{e}", "CS") in found
        assert (f"edge {e}, up now", "xor", f"{edge['xor'][0]}", f"{edge['xor'][1] + 1}Y") in found
    for name, numbers in TWIN16["pins"].items():
        for number in numbers if isinstance(numbers, list) else [numbers]:
            there = [end for end in found if end[1] == "controller" and end[3].startswith(f"{number} (")]
            assert {end[0] for end in there} == (set() if name in ALONE else {name})


ALONE = {"SERIAL_IN", "SERIAL_OUT", "SPI_MASTER", "STATUS_LIGHT"}  # on the Mega itself


def test_data_goes_through_a_chain_to_the_bit_that_the_firmware_means(wires: list[dict[str, str]]) -> None:
    """Bytes go out last chip first and come in first chip first, each its highest bit first."""
    pairs = {
        (wire["part"], wire["chip"], wire["pin"]): (wire["to_part"], wire["to_chip"], wire["to_pin"]) for wire in wires
    }
    assert pairs["select", "0", "QH'"] == ("select", "1", "SER")
    assert pairs["switch", "0", "DOUT"] == ("switch", "1", "DIN")
    assert pairs["switch", "2", "DOUT"] == ("switch", "3", "DIN")
    assert [pairs["bits", f"{chip}", "QH"] for chip in range(4)] == [
        ("bus", "0", "1A"), *(("bits", f"{chip}", "SER") for chip in range(3))
    ]  # fmt: skip
    found = ends(wires)
    for e in range(16):
        assert (f"edge {e}, selected", "select", f"{e // 8}", f"Q{'ABCDEFGH'[e % 8]}") in found
        assert (f"edge {e}, direction", "bits", f"{e // 8}", "ABCDEFGH"[e % 8]) in found
        assert (f"edge {e}, gate", "bits", f"{2 + e // 8}", "ABCDEFGH"[e % 8]) in found


def test_the_table_has_a_line_a_wire(labnet_command: Labnet, wires: list[dict[str, str]]) -> None:
    code, out, _ = labnet_command("wiring", "firmware://twin16")
    assert code == 0
    assert len(out.splitlines()) == 1 + len(wires)
    assert out.splitlines()[1].split()[:6] == ["SPI_CLOCK", "controller", "0", "52", "(PB1)", "dac"]


def test_a_board_without_a_description_has_no_wires(labnet_command: Labnet) -> None:
    code, _, error = labnet_command("wiring", "twin17")
    assert code == 2
    assert "there is no firmware for 'twin17'; allowed: twin16" in error
    assert "has no wiring list; use firmware://twin16" in labnet_command("wiring", "sim://twin16")[2]
