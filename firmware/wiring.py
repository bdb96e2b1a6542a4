"""The wires of a board, pin by pin, from its description. Pins have the names of the parts' datasheets."""

import csv
import io
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from board import Board, Edge, Node
from mega import PINS

LETTERS = "ABCDEFGH"


class Pin(NamedTuple):
    """A pin of a part: which kind, which of its chips, which function. A chip without a number is any that is free."""

    part: str
    chip: str
    function: str


class Wire(NamedTuple):
    """Two pins to be joined, and what for."""

    net: str
    pin: Pin
    to: Pin


def wires(board: Board) -> list[Wire]:
    """Give every wire between the controller and chips, and between chips; no supplies and passive parts."""
    found = [*_control(board), *_chains(board), *_bias(board)]
    for n, node in enumerate(board.nodes):
        found += node_wires(n, node)
    for e, edge in enumerate(board.edges):
        found += edge_wires(board, e, edge)
    return found


def wiring_csv(board: Board) -> str:
    """Give every wire as a row of a CSV file."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("net", "part", "chip", "pin", "to_part", "to_chip", "to_pin"))
    rows.writerows((wire.net, *wire.pin, *wire.to) for wire in wires(board))
    return text.getvalue()


def controller(pin: int) -> Pin:
    """Give a pin of the Mega: its number, and its port on the chip."""
    return Pin("controller", "0", f"{pin} (P{PINS[pin]})")


def chain(board: Board, part: str) -> list[list[int]]:
    """Give the chips of a kind in the order in which data goes through them; the switches have a chain a side."""
    chips = list(range(board.parts[part].count))
    half = len(chips) // 2
    return [chips[:half], chips[half:]] if part == "switch" else [chips]


# Which pin of all chips of which kinds a pin of the controller goes to.
_FUNCTIONS = {
    "SPI_CLOCK": {"dac": "SCLK", "switch": "SCLK", "adc": "SCK", "select": "SRCLK", "bits": "CLK"},
    "DAC_LOAD": {"dac": "LDAC"},
    "SWITCH_RESET": {"switch": "RESET"},
    "SELECT_STORE": {"select": "RCLK"},
    "BITS_LOAD": {"bits": "SH/LD"},
    "EDGE_LATCH": {"latch": "CLK"},
    "EDGE_FORCE": {"selector": "A/B"},
    "EDGE_SELF": {"clock": "A/B"},
}


def _control(board: Board) -> Iterator[Wire]:
    """Join the controller with what it selects and clocks."""
    for name, parts in _FUNCTIONS.items():
        for part, function in parts.items() if name in board.pins else ():
            for chip in range(board.parts[part].count):
                yield Wire(name, controller(board.pins[name][0]), Pin(part, f"{chip}", function))
    for name, part, function in (("DAC_SELECT", "dac", "SYNC"), ("ADC_SELECT", "adc", "CNV")):
        for chip, pin in enumerate(board.pins[name]):
            yield Wire(name, controller(pin), Pin(part, f"{chip}", function))
    for chips, pin in zip(chain(board, "switch"), board.pins["SWITCH_SELECT"], strict=True):
        for chip in chips:
            yield Wire("SWITCH_SELECT", controller(pin), Pin("switch", f"{chip}", "SYNC"))
    yield Wire("BITS_ENABLE", controller(board.pins["BITS_ENABLE"][0]), Pin("bus", "0", "1OE"))


def _chains(board: Board) -> Iterator[Wire]:
    """Join data to and from the controller with its first chips, and those with the next ones."""
    out, back = (controller(board.pins[name][0]) for name in ("SPI_OUT", "SPI_IN"))
    for part, function in (("dac", "SDI"), ("adc", "DIN")):
        for chip in range(board.parts[part].count):
            yield Wire("SPI_OUT", out, Pin(part, f"{chip}", function))
    for part, first, last in (("switch", "DIN", "DOUT"), ("select", "SER", "QH'")):
        for chips in chain(board, part):
            yield Wire("SPI_OUT", out, Pin(part, f"{chips[0]}", first))
            for chip, following in pairwise(chips):
                yield Wire(f"{part} chain", Pin(part, f"{chip}", last), Pin(part, f"{following}", first))
    for chip in range(board.parts["adc"].count):
        yield Wire("SPI_IN", Pin("adc", f"{chip}", "SDO"), back)
    for chip in range(1, board.parts["bits"].count):
        yield Wire("bits chain", Pin("bits", f"{chip}", "QH"), Pin("bits", f"{chip - 1}", "SER"))
    yield Wire("bits chain", Pin("bits", "0", "QH"), Pin("bus", "0", "1A"))
    yield Wire("SPI_IN", Pin("bus", "0", "1Y"), back)


def _bias(board: Board) -> Iterator[Wire]:
    """Join the bias channel with its amplifier, that with all gates, and the channel that reads it back."""
    dac, adc = board.bias.dac, board.bias.monitor_adc
    source = Pin("dac", f"{dac[0]}", f"VOUT{dac[1]}")
    yield Wire("bias", source, Pin("driver", "", "IN"))
    yield Wire("bias", source, Pin("adc", f"{adc[0]}", f"IN{adc[1]}"))
    for edge in board.edges:
        yield Wire("bias + 2 V", Pin("driver", "", "OUT"), Pin("oscillator", f"{edge.chip}", "2IN-"))


def node_wires(n: int, node: Node) -> Iterator[Wire]:
    """Join a node with its source through a switch a side, and with its converters through a buffer a side."""
    sides = (("free", node.free_switch, node.free_adc), ("clamped", node.clamped_switch, node.clamped_adc))
    if node.dac is not None:
        yield Wire(f"source {n}", Pin("dac", f"{node.dac[0]}", f"VOUT{node.dac[1]}"), Pin("driver", "", "IN"))
    for side, switch, adc in sides:
        net = f"{side} {n}"
        if switch is not None:
            yield Wire(f"source {n}", Pin("driver", "", "OUT"), Pin("switch", f"{switch[0]}", f"S{switch[1] + 1}"))
            yield Wire(net, Pin("switch", f"{switch[0]}", f"D{switch[1] + 1}"), Pin("buffer", "", "IN"))
        yield Wire(f"{net}, buffered", Pin("buffer", "", "OUT"), Pin("adc", f"{adc[0]}", f"IN{adc[1]}"))


def edge_wires(board: Board, e: int, edge: Edge) -> Iterator[Wire]:
    """Join the twins of an edge with their nodes, and what decides with what steps them."""
    own = f"{edge.chip}"
    for k, side in ((1, "free"), (2, "clamped")):
        for node, end in zip(edge.nodes, "WB", strict=True):
            yield Wire(f"{side} {node}", Pin("pot", own, f"{end}{k}"), Pin("buffer", "", "IN"))
    a, b = edge.nodes
    means = ((f"clamped {b}", f"free {a}"), (f"clamped {a}", f"free {b}"))
    means += ((f"clamped {a}", f"free {a}"), (f"clamped {b}", f"free {b}"))
    inputs = ("1IN+", "1IN-", "2IN+", "2IN-")
    for k, (mean, name) in enumerate(zip(means, inputs, strict=True)):
        array, resistors = f"{2 * edge.chip + k // 2}", (2 * (k % 2) + 1, 2 * (k % 2) + 2)
        for one, resistor in zip(mean, resistors, strict=True):
            yield Wire(f"{one}, buffered", Pin("buffer", "", "OUT"), Pin("averages", array, f"R{resistor}, outer end"))
        middle = Pin("averages", array, f"R{resistors[0]} and R{resistors[1]}, middle")
        yield Wire(f"mean of {mean[0]} and {mean[1]}", middle, Pin("comparators", own, name))
    yield from _decision(board, e, edge)


def _decision(board: Board, e: int, edge: Edge) -> Iterator[Wire]:
    """Join comparators and oscillator with latch and clock, these with selector and pot, and the controller's bits."""
    own = f"{edge.chip}"
    gate, latch, selector, clock = (f"{place[0]}" for place in (edge.xor, edge.latch, edge.selector, edge.clock))
    k, direction, opened = edge.xor[1] + 1, 2 * edge.latch[1] + 1, 2 * edge.latch[1] + 2
    way, step = 2 * edge.selector[1] + 1, 2 * edge.selector[1] + 2
    now, fall = 2 * edge.clock[1] + 1, 2 * edge.clock[1] + 2
    chip, letter = edge.bit // 8, LETTERS[edge.bit % 8]
    gates = board.parts["bits"].count // 2 + chip
    for n, name in ((1, "A"), (2, "B")):
        yield Wire(f"edge {e}, comparator {n}", Pin("comparators", own, f"{n}OUT"), Pin("xor", gate, f"{k}{name}"))
    for net, decided, flip_flop, live in (
        (f"edge {e}, up now", Pin("xor", gate, f"{k}Y"), direction, now),
        (f"edge {e}, closed now", Pin("oscillator", own, "2OUT"), opened, fall),
    ):
        yield Wire(net, decided, Pin("latch", latch, f"{flip_flop}D"))
        yield Wire(net, decided, Pin("clock", clock, f"{live}B"))
    yield Wire(f"edge {e}, direction", Pin("latch", latch, f"{direction}Q"), Pin("selector", selector, f"{way}A"))
    yield Wire(f"edge {e}, direction", Pin("latch", latch, f"{direction}Q"), Pin("bits", f"{chip}", letter))
    yield Wire(f"edge {e}, gate", Pin("latch", latch, f"/{opened}Q"), Pin("bits", f"{gates}", letter))
    yield Wire(f"edge {e}, gate", Pin("latch", latch, f"{opened}Q"), Pin("selector", selector, f"{step}A"))
    for name, given in (("EDGE_UP", now), ("EDGE_CLOCK", fall)):
        yield Wire(name, controller(board.pins[name][0]), Pin("clock", clock, f"{given}A"))
    yield Wire(f"edge {e}, forced up", Pin("clock", clock, f"{now}Y"), Pin("selector", selector, f"{way}B"))
    yield Wire(f"edge {e}, selected", Pin("select", f"{chip}", f"Q{letter}"), Pin("selector", selector, f"{step}B"))
    yield Wire(f"edge {e}, up", Pin("selector", selector, f"{way}Y"), Pin("pot", own, "U/D"))
    yield Wire(f"edge {e}, step", Pin("selector", selector, f"{step}Y"), Pin("pot", own, "CS"))
    yield Wire(f"edge {e}, clock", Pin("clock", clock, f"{fall}Y"), Pin("pot", own, "CLK"))
