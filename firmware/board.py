"""A board's description, read from boards/NAME.toml and checked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

from tables import MICRO, DescriptionError, Place, Table

MOST = 32  # nodes, and edges: a mask of them is 32 bits
SOURCES = {
    "V": "read in a datasheet or paper",
    "C": "read in the authors' published lab code",
    "I": "inferred, or chosen here",
    "R": "remembered: look it up before you solder",
    "NF": "not found anywhere",
}


@dataclass(frozen=True)
class Part:
    """A kind of chip: how many, how many channels each has, where its facts are from."""

    number: str
    count: int
    channels: int
    source: str
    use: str


@dataclass(frozen=True)
class Node:
    """Where a node is drawn, in millionths, and its channels; one that has no source cannot be held."""

    at_micro: tuple[int, ...]
    dac: Place | None
    free_switch: Place | None
    clamped_switch: Place | None
    free_adc: Place
    clamped_adc: Place


@dataclass(frozen=True)
class Edge:
    """The two nodes of an edge; the number of what it has alone, and its channels of what it shares."""

    nodes: tuple[int, int]
    chip: int
    xor: Place
    latch: Place
    selector: Place
    clock: Place
    bit: int


@dataclass(frozen=True)
class Converter:
    """Voltages of the first and the last code, in microvolts."""

    min_uv: int
    max_uv: int
    bits: int


@dataclass(frozen=True)
class Bias:
    """The gates' bias: 2^bits codes span the full scale; at the limit every edge updates."""

    full_scale_uv: int
    bits: int
    limit_uv: int
    dac: Place
    monitor_adc: Place


@dataclass(frozen=True)
class Oscillator:
    """A capacitor, charged towards the supply and discharged towards 0 V, from threshold to threshold."""

    ohm: int
    pf: int
    supply_uv: int
    low_uv: int
    high_uv: int

    @property
    def hertz(self) -> int:
        """The nominal frequency."""
        turn = log((self.supply_uv - self.low_uv) / (self.supply_uv - self.high_uv)) + log(self.high_uv / self.low_uv)
        return round(1e12 / (self.ohm * self.pf * turn))


@dataclass(frozen=True)
class Wiper:
    """Nominal R(k) = ohm + k end_to_end_ohm / positions."""

    positions: int
    ohm: int
    end_to_end_ohm: int
    power_up: int


@dataclass(frozen=True)
class Board:
    """All of it."""

    name: str
    model: str
    r_ref_ohm: int
    tick_ns: int
    line_rate: int
    usb: tuple[str, ...]
    source: Converter
    reading: Converter
    bias: Bias
    oscillator: Oscillator
    wiper: Wiper
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    parts: Mapping[str, Part]
    pins: Mapping[str, tuple[int, ...]]

    @property
    def holdable(self) -> tuple[int, ...]:
        """The nodes that have a source."""
        return tuple(n for n, node in enumerate(self.nodes) if node.dac is not None)

    @property
    def self_trigger_hz(self) -> int:
        """The frequency at which edges step by themselves; 0 where EDGE_SELF is no pin, and they cannot."""
        return self.oscillator.hertz if "EDGE_SELF" in self.pins else 0


def read_board(path: Path) -> Board:
    """Read and check a description."""
    table = Table.read(path)
    parts = {key: _part(part) for key, part in table.table("parts").tables()}
    _check_parts(parts, path.name)
    ends = {key: (part.count, part.channels) for key, part in parts.items()}
    board = Board(
        name=_text(table, "name", "[a-z][a-z0-9-]*"),
        model=_text(table, "model", "[A-Z][A-Z0-9-]*"),
        r_ref_ohm=table.whole("r_ref_ohm", 1, 10**9),
        tick_ns=table.whole("tick_ns", 1, 10**6),
        line_rate=table.whole("line_rate", 1, 10**8),
        usb=table.some("usb", str),
        source=_converter(table.table("source")),
        reading=_converter(table.table("reading")),
        bias=_bias(table.table("bias"), ends),
        oscillator=_oscillator(table.table("oscillator")),
        wiper=_wiper(table.table("wiper")),
        nodes=tuple(_node(row, ends) for row in table.rows("nodes")),
        edges=tuple(_edge(row, ends) for row in table.rows("edges")),
        parts=parts,
        pins=_pins(table.table("pins")),
    )
    table.end()
    if board.name != path.stem:
        raise DescriptionError(f"{path.name}: name is {board.name!r}; allowed: {path.stem!r}, as the file is called.")
    if board.source != board.reading:
        raise DescriptionError(
            f"{path.name}: source and reading differ; allowed: one grid, so what is read can be held."
        )
    _check_graph(board, path.name)
    _check_channels(board, path.name)
    _check_pins(board, path.name)
    _check_chains(board, path.name)
    return board


def _text(table: Table, key: str, pattern: str) -> str:
    text = table.take(key, str)
    if not re.fullmatch(pattern, text):
        table.refuse(key, text, pattern)
    return str(text)


def _part(table: Table) -> Part:
    source = table.take("source", str)
    if source not in SOURCES:
        table.refuse("source", source, ", ".join(SOURCES))
    part = Part(
        table.take("number", str),
        table.whole("count", 1, 1000),
        table.whole("channels", 1, 64, default=1),
        source,
        table.take("use", str),
    )
    table.end()
    return part


def _check_parts(parts: Mapping[str, Part], where: str) -> None:
    for key in (*_SHARED, *_OWN, *_REGISTERS, "dac", "adc", "switch"):
        if key not in parts:
            raise DescriptionError(f"{where}: parts has no {key!r}; please describe it.")


def _converter(table: Table) -> Converter:
    converter = Converter(table.micro("min_v", -100, 100), table.micro("max_v", -100, 100), table.whole("bits", 1, 16))
    if converter.min_uv >= converter.max_uv:
        table.refuse("max_v", converter.max_uv / MICRO, f"more than min_v, {converter.min_uv / MICRO}")
    table.end()
    return converter


def _bias(table: Table, ends: Mapping[str, Place]) -> Bias:
    bias = Bias(
        table.micro("full_scale_v", 0, 100),
        table.whole("bits", 1, 16),
        table.micro("limit_v", 0, 100),
        table.place("dac", ends["dac"]),
        table.place("monitor_adc", ends["adc"]),
    )
    if not 0 < bias.limit_uv < bias.full_scale_uv:
        table.refuse("limit_v", bias.limit_uv / MICRO, f"above 0, below full_scale_v, {bias.full_scale_uv / MICRO}")
    table.end()
    return bias


def _oscillator(table: Table) -> Oscillator:
    oscillator = Oscillator(
        table.whole("ohm", 1, 10**8),
        table.whole("pf", 1, 10**9),
        table.micro("supply_v", 0, 100),
        table.micro("low_v", 0, 100),
        table.micro("high_v", 0, 100),
    )
    if not 0 < oscillator.low_uv < oscillator.high_uv < oscillator.supply_uv:
        limits = f"between low_v, {oscillator.low_uv / MICRO}, and supply_v, {oscillator.supply_uv / MICRO}"
        table.refuse("high_v", oscillator.high_uv / MICRO, limits)
    table.end()
    return oscillator


def _wiper(table: Table) -> Wiper:
    positions = table.whole("positions", 2, 256)
    wiper = Wiper(
        positions,
        table.whole("ohm", 1, 10**6),
        table.whole("end_to_end_ohm", 1, 10**8),
        table.whole("power_up", 0, positions - 1),
    )
    table.end()
    return wiper


def _node(table: Table, ends: Mapping[str, Place]) -> Node:
    held = "dac" in table
    return Node(
        table.micros("at", 2, -1000, 1000),
        table.place("dac", ends["dac"]) if held else None,
        table.place("free_switch", ends["switch"]) if held else None,
        table.place("clamped_switch", ends["switch"]) if held else None,
        table.place("free_adc", ends["adc"]),
        table.place("clamped_adc", ends["adc"]),
    )


def _edge(table: Table, ends: Mapping[str, Place]) -> Edge:
    return Edge(
        table.place("nodes", (MOST, MOST)),
        table.whole("chip", 0, min(ends[key][0] for key in _OWN) - 1),
        table.place("xor", ends["xor"]),
        table.place("latch", ends["latch"]),
        table.place("selector", ends["selector"]),
        table.place("clock", ends["clock"]),
        table.whole("bit", 0, min(ends[key][0] * ends[key][1] // each for key, each in _REGISTERS.items()) - 1),
    )


def _pins(table: Table) -> dict[str, tuple[int, ...]]:
    pins = {key: table.some(key, int) for key in list(table.left)}
    for key, values in pins.items():
        if not all(0 <= value < _MEGA_PINS for value in values):
            table.refuse(key, list(values), f"0 to {_MEGA_PINS - 1}, the pins of an Arduino Mega")
    return pins


def _check_graph(board: Board, where: str) -> None:
    for what, rows in (("nodes", board.nodes), ("edges", board.edges)):
        if not 1 <= len(rows) <= MOST:
            raise DescriptionError(f"{where} has {len(rows)} {what}; allowed: 1 to {MOST}.")
    joined: dict[frozenset[int], int] = {}
    for e, edge in enumerate(board.edges):
        if max(edge.nodes) >= len(board.nodes) or edge.nodes[0] == edge.nodes[1]:
            last = len(board.nodes) - 1
            raise DescriptionError(f"{where}: edges[{e}] joins nodes {list(edge.nodes)}; allowed: two of 0 to {last}.")
        if (first := joined.setdefault(frozenset(edge.nodes), e)) != e:
            raise DescriptionError(f"{where}: edges[{first}] and edges[{e}] join the same nodes; keep one of them.")
    reached = {0}
    for _ in board.nodes:
        reached.update(*(pair for pair in joined if pair & reached))
    if apart := set(range(len(board.nodes))) - reached:
        raise DescriptionError(f"{where}: no edges lead from node 0 to nodes {sorted(apart)}; the network is one.")


def _channels(board: Board) -> Iterable[tuple[str, Place | int | None, str]]:
    """Give every channel in use: of what, which, and by whom."""
    yield "dac", board.bias.dac, "bias"
    yield "adc", board.bias.monitor_adc, "bias"
    for n, node in enumerate(board.nodes):
        yield "dac", node.dac, f"nodes[{n}]"
        for key in ("free_switch", "clamped_switch", "free_adc", "clamped_adc"):
            yield key.split("_")[1], getattr(node, key), f"nodes[{n}], {key}"
    for e, edge in enumerate(board.edges):
        for key in ("chip", *_SHARED, "bit"):
            yield key, getattr(edge, key), f"edges[{e}]"


def _check_channels(board: Board, where: str) -> None:
    used: dict[object, str] = {}
    for what, channel, user in _channels(board):
        if channel is not None and (what, channel) in used:
            shown = list(channel) if isinstance(channel, tuple) else channel
            other = used[what, channel]
            raise DescriptionError(f"{where}: {other} and {user} both use {what} {shown}; give one of them another.")
        used[what, channel] = user


def _check_pins(board: Board, where: str) -> None:
    used: dict[int, str] = {}
    for name, pin in ((name, pin) for name, pins in board.pins.items() for pin in pins):
        if pin in used:
            raise DescriptionError(f"{where}: pin {pin} is {used[pin]} and {name}; give one of them another.")
        used[pin] = name
    for name, key in (("DAC_SELECT", "dac"), ("ADC_SELECT", "adc")):
        if len(board.pins.get(name, ())) != (count := board.parts[key].count):
            raise DescriptionError(
                f"{where}: {name} has {len(board.pins.get(name, ()))} pins; allowed: {count}, one a chip."
            )


def _check_chains(board: Board, where: str) -> None:
    """See that each side has a chain of switches for itself, and that no mask of edges needs sorting."""
    half = board.parts["switch"].count // 2
    for n, node in enumerate(board.nodes):
        for key, first in (("free_switch", 0), ("clamped_switch", half)):
            switch = getattr(node, key)
            if switch is not None and not first <= switch[0] < first + half:
                raise DescriptionError(
                    f"{where}: nodes[{n}], {key} is on chip {switch[0]}; allowed: {first} to {first + half - 1}, the "
                    "chain of that side."
                )
    for e, edge in enumerate(board.edges):
        if edge.bit != e:
            raise DescriptionError(f"{where}: edges[{e}] has bit {edge.bit}; allowed: {e}, its number.")


_OWN = ("pot", "comparators", "oscillator")  # an edge has one alone
_SHARED = ("xor", "latch", "selector", "clock")  # it has a channel of
_REGISTERS = {"select": 1, "bits": 2}  # it has so many bits in
_MEGA_PINS = 70
