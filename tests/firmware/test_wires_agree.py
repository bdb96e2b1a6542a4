"""What HAL and emulator know of the wires is what the list of wires says.

Both have the same macros, so no run of one on the other would tell.
"""

import csv
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

BOARDS = Path(__file__).parents[2] / "firmware/boards"
NODES = range(9)
SIDES = ("free", "clamped")
LETTERS = "ABCDEFGH"
# As the Mega's own pin map has it: 22 to 29 port A upwards, 30 to 37 port C downwards, 38 D7, 50 to 53 port B down.
MEGA = {
    **{22 + bit: f"A{bit}" for bit in range(8)},
    **{37 - bit: f"C{bit}" for bit in range(8)},
    **{53 - bit: f"B{bit}" for bit in range(4)},
    38: "D7",
}
NO_WIRES = {"SERIAL_IN", "SERIAL_OUT", "SPI_MASTER", "STATUS_LIGHT"}  # what they go to is on the Mega itself


class Pin(NamedTuple):
    """A pin of a chip."""

    part: str
    chip: str
    function: str


def wires() -> list[tuple[str, Pin, Pin]]:
    with (BOARDS / "twin16.wiring.csv").open(encoding="utf-8", newline="") as file:
        return [(row[0], Pin(*row[1:4]), Pin(*row[4:])) for row in list(csv.reader(file))[1:]]


WIRES = wires()


def macros() -> dict[str, str]:
    text = (BOARDS / "twin16.h").read_text(encoding="utf-8").replace("\\\n", "")
    return {name: value.strip() for name, value in re.findall(r"^#define (\w+) (.*)$", text, re.MULTILINE)}


MACROS = macros()


def numbers(name: str) -> Any:
    """Give the numbers of a macro, in lists as they are in braces."""
    return eval(MACROS[name].replace("{", "[").replace("}", "]"), {"__builtins__": {}})


def ends(net: str, part: str) -> list[Pin]:
    """Give the pins of a kind of part that a net has."""
    return sorted({pin for name, *both in WIRES if name == net for pin in both if pin.part == part})


def joined(part: str, chip: str, function: str) -> list[Pin]:
    """Give all pins that are joined with one by a wire."""
    one = Pin(part, chip, function)
    return [b if a == one else a for _, a, b in WIRES if one in (a, b)]


def other(pin: Pin, part: str) -> Pin:
    """Give the pin of a kind of part that is joined with one."""
    (found,) = (each for each in joined(*pin) if each.part == part)
    return found


def chain(part: str, first: Pin, data_out: str, data_in: str) -> list[str]:
    """Give chips in the order in which data goes through them."""
    chips = [first.chip]
    while following := [pin.chip for pin in joined(part, chips[-1], data_out) if pin[::2] == (part, data_in)]:
        chips += following
    return chips


def port(pin: Pin) -> str:
    """Give port and bit of a pin of the controller, which has its number, too."""
    number, name = re.fullmatch(r"(\d+) \(P([A-L]\d)\)", pin.function).groups()  # type: ignore[union-attr]
    assert MEGA[int(number)] == name
    return str(name)


def select(name: str, at: int) -> str:
    """Give port and bit of one of several selects."""
    mask = numbers(f"MASKS_{name}")[at]
    assert mask.bit_count() == 1
    return f"{MACROS[f'PORT_{name}']}{mask.bit_length() - 1}"


def switch_chain(side: int) -> list[str]:
    """Give the switches that the select of a side is for, in the order of their data."""
    name = "SWITCH_SELECT"
    selected = {pin.chip for pin in ends(name, "switch") if port(other(pin, "controller")) == select(name, side)}
    (first,) = (pin for pin in ends("SPI_OUT", "switch") if pin.chip in selected)
    chips = chain("switch", first, "DOUT", "DIN")
    assert set(chips) == selected
    return chips


@pytest.mark.parametrize("name", [name.removeprefix("PIN_") for name in MACROS if name.startswith("PIN_")])
def test_pins(name: str) -> None:
    wanted = set() if name in NO_WIRES else {MACROS[f"PIN_{name}"].replace(", ", "")}
    assert {port(pin) for pin in ends(name, "controller")} == wanted


@pytest.mark.parametrize("part", ["dac", "adc"])
def test_every_converter_has_its_select(part: str) -> None:
    name = f"{part.upper()}_SELECT"
    selects = {int(pin.chip): port(other(pin, "controller")) for pin in ends(name, part)}
    assert selects == {chip: select(name, chip) for chip in range(numbers(f"BOARD_{part.upper()}_CHIPS"))}
    assert len(set(selects.values())) == len(selects) == len(numbers(f"MASKS_{name}"))


def test_every_switch_has_the_select_of_one_side() -> None:
    assert len(numbers("MASKS_SWITCH_SELECT")) == 2
    assert sorted(switch_chain(0) + switch_chain(1)) == [str(chip) for chip in range(numbers("BOARD_SWITCH_CHIPS"))]


@pytest.mark.parametrize("node", NODES)
def test_the_source_of_a_node(node: int) -> None:
    (source,) = ends(f"source {node}", "dac")
    chip, channel = numbers("BOARD_NODE_DAC")[node]
    assert source[1:] == (f"{chip}", f"VOUT{channel}")


def test_the_source_of_the_bias() -> None:
    (source,) = ends("bias", "dac")
    chip, channel = numbers("BOARD_BIAS_DAC")
    assert source[1:] == (f"{chip}", f"VOUT{channel}")


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("side", [0, 1])
def test_the_switch_of_a_node(side: int, node: int) -> None:
    (drain,) = ends(f"{SIDES[side]} {node}", "switch")
    at = numbers(f"BOARD_{SIDES[side].upper()}_SWITCHES")[node]
    assert (drain.chip, drain.function) == (switch_chain(side)[at // 8], f"D{at % 8 + 1}")
    assert drain._replace(function=f"S{at % 8 + 1}") in ends(f"source {node}", "switch")


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("side", SIDES)
def test_the_channel_of_a_node(side: str, node: int) -> None:
    (channel,) = ends(f"{side} {node}, buffered", "adc")
    (found,) = ([chip, number] for chip, number, of in numbers(f"BOARD_{side.upper()}_CHANNELS") if of == node)
    assert channel[1:] == (f"{found[0]}", f"IN{found[1]}")


def nodes_of(pot: str) -> list[int]:
    """Give the nodes between which both twins of a pot are."""
    found = []
    for function in ("W1", "B1", "W2", "B2"):
        ((side, node),) = (net.split() for net, a, _ in WIRES if a == Pin("pot", pot, function))
        assert side == SIDES[int(function[1]) - 1]
        found.append(int(node))
    assert found[:2] == found[2:]
    return found[:2]


def compared(comparators: str) -> set[int]:
    """Give the nodes whose voltages a pair of comparators looks at."""
    nets = [net for net, _, b in WIRES if b[:2] == ("comparators", comparators) and net.startswith("mean of")]
    assert len(nets) == 4
    return {int(node) for net in nets for node in re.findall(r"\d+", net)}


@pytest.mark.parametrize("edge", range(16))
def test_the_bits_of_an_edge(edge: int) -> None:
    """The bits that step it, its direction and its gate are those of the parts between its nodes."""
    nodes = numbers("BOARD_EDGE_LIST")[edge]
    byte, letter = divmod(edge, 8)
    selects = chain("select", ends("SPI_OUT", "select")[0], "QH'", "SER")
    (buffer,) = (pin for pin in joined("bus", "0", "1A") if pin.part == "bits")
    registers = chain("bits", buffer, "SER", "QH")

    asked = other(Pin("select", selects[byte], f"Q{LETTERS[letter]}"), "selector")
    step = other(asked._replace(function=f"{asked.function[0]}Y"), "pot")
    assert step.function == "CS"
    assert nodes_of(step.chip) == nodes

    direction = other(Pin("bits", registers[byte], LETTERS[letter]), "latch")
    decided = other(direction._replace(function=f"{direction.function[0]}D"), "xor")
    for comparator, gate in (("1OUT", "A"), ("2OUT", "B")):
        compares = other(decided._replace(function=f"{decided.function[0]}{gate}"), "comparators")
        assert compares.function == comparator
        assert compared(compares.chip) == set(nodes)
    way = other(direction, "selector")
    assert way.function[1] == "A"
    assert other(way._replace(function=f"{way.function[0]}Y"), "pot") == step._replace(function="U/D")

    gate_bit = other(Pin("bits", registers[len(registers) // 2 + byte], LETTERS[letter]), "latch")
    gated = other(gate_bit._replace(function=gate_bit.function.removeprefix("/")), "selector")
    assert gated == asked._replace(function=f"{asked.function[0]}A")
    opens = other(gate_bit._replace(function=f"{gate_bit.function[1]}D"), "oscillator")
    assert opens.function == "2OUT"

    clocks = other(step._replace(function="CLK"), "clock")
    assert other(clocks._replace(function=f"{clocks.function[0]}B"), "oscillator") == opens
    now = other(way._replace(function=f"{way.function[0]}B"), "clock")
    assert other(now._replace(function=f"{now.function[0]}B"), "xor") == decided
    for mine, given in ((clocks, "EDGE_CLOCK"), (now, "EDGE_UP")):
        assert mine.function[1] == "Y"
        pin = other(mine._replace(function=f"{mine.function[0]}A"), "controller")
        assert port(pin) == MACROS[f"PIN_{given}"].replace(", ", "")
        assert ends("EDGE_SELF", "clock").count(mine._replace(function="A/B")) == 1


@pytest.mark.parametrize("edge", range(16))
@pytest.mark.parametrize("tie", [False, True])
def test_what_the_wires_of_an_edge_decide(edge: int, tie: bool) -> None:
    """Followed from the node voltages through means, comparators and XOR: up where the clamped drop is the larger."""
    a, b = numbers("BOARD_EDGE_LIST")[edge]
    bits = other(Pin("bits", str(edge // 8), LETTERS[edge % 8]), "latch")
    assert bits.function == f"{bits.function[0]}Q"  # as it is, not inverted
    xor = other(bits._replace(function=f"{bits.function[0]}D"), "xor")
    rng = np.random.default_rng(edge)
    for _ in range(50):
        volts = {(side, node): rng.uniform(0, 5) for side in SIDES for node in (a, b)}
        if tie:  # but for a millivolt, either way round
            turned = rng.permutation(2)
            for node, other_end in zip((a, b), np.array((a, b))[turned], strict=True):
                volts["clamped", node] = volts["free", int(other_end)]
            volts["clamped", a] += rng.choice((-1e-3, 1e-3))
        high = [
            mean(volts, f"mean of {plus}") > mean(volts, f"mean of {minus}")
            for plus, minus in (compared_by(other(xor._replace(function=f"{xor.function[0]}{gate}"), "comparators"))
                                for gate in "AB")
        ]  # fmt: skip
        drops = {side: abs(volts[side, a] - volts[side, b]) for side in SIDES}
        assert (high[0] != high[1]) == (drops["clamped"] > drops["free"])


def compared_by(comparator: Pin) -> tuple[str, str]:
    """Give what a comparator compares, of its plus and its minus."""
    inputs = {b.function: net for net, _, b in WIRES if b[:2] == comparator[:2] and net.startswith("mean of")}
    k = comparator.function[0]
    return inputs[f"{k}IN+"].removeprefix("mean of "), inputs[f"{k}IN-"].removeprefix("mean of ")


def mean(volts: dict[tuple[str, int], float], text: str) -> float:
    """Give the mean of the two voltages that a text names."""
    named = re.findall(r"(free|clamped) (\d+)", text)
    assert len(named) == 2
    return sum(volts[side, int(node)] for side, node in named) / 2
