"""Writes the pages of docs that hold what is in the descriptions: prose from pages/, tables from the TOML files."""

import re
from binascii import crc32, crc_hqx
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from board import SOURCES, Board
from commands import Command, Limit, Parameter
from tables import DescriptionError, Place
from wiring import Pin, Wire, controller, edge_wires, node_wires, wires

PAGES = Path(__file__).parent / "pages"
MADE = "<!-- Made by firmware/generate.py from firmware/pages/{}: do not edit. -->\n\n"


def scpi_page(commands: list[Command], board: Board) -> str:
    """Give the reference of all commands, with the ranges of a board."""
    volts = board.source.max_uv - board.source.min_uv
    words = bytes([0, 0, 255, 255])
    values = {
        "name": board.name,
        "model": board.model,
        "nodes": str(len(board.nodes)),
        "line_rate": str(board.line_rate),
        "source_min": _decimal(board.source.min_uv),
        "source_span": _decimal(volts),
        "bias_full": _decimal(board.bias.full_scale_uv),
        "bias_limit": _decimal(board.bias.limit_uv),
        "mask_bytes": str((len(board.edges) + 7) // 8),
        "block": (words + _crc(words).to_bytes(2, "little")).hex(" ").upper(),
        "frame_idn": _framed(1, "*IDN?"),
        "frame_idn_answer": _framed(1, f"LABNET,{board.model},0,1.0"),
        "commands": "\n\n".join(_subsystems(commands, board)),
    }
    return _filled("scpi.md", values)


def board_page(board: Board) -> str:
    """Give the page of a board: parts, pins, channels."""
    values = {
        "name": board.name,
        "sources": "\n".join(_table(["source", ""], list(SOURCES.items()))),
        "parts": "\n".join(_table(["kind", "part", "does", "source"], [_part_row(board, key) for key in board.parts])),
        "usb": " or ".join(board.usb),
        "oscillator_khz": f"{board.oscillator.hertz / 1000:.0f}",
        "oscillator_low": _decimal(board.oscillator.low_uv),
        "oscillator_high": _decimal(board.oscillator.high_uv),
    }
    return _filled("board.md", values)


def wiring_page(board: Board) -> str:
    """Give the page that says what is joined with what."""
    values = {
        "name": board.name,
        "pins": "\n".join(_table(["pin", "port", "name", "goes to"], _pin_rows(board))),
        "nodes": "\n".join(_node_table(board)),
        "edges": "\n".join(_edge_table(board)),
        "bias_dac": place(board.bias.dac),
        "bias_adc": place(board.bias.monitor_adc),
        "wires": str(len(wires(board))),
    }
    return _filled("wiring.md", values)


def _filled(name: str, values: dict[str, str]) -> str:
    """Put values where the prose says @key@."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise DescriptionError(f"pages/{name} asks for @{match[1]}@; allowed: {', '.join(values)}.")
        return values[match[1]]

    return MADE.format(name) + re.sub("@([a-z_]+)@", value, (PAGES / name).read_text(encoding="utf-8"))


def _crc(data: bytes) -> int:
    """Give CRC-16/CCITT-FALSE."""
    return crc_hqx(data, 0xFFFF)


def _framed(sequence: int, message: str) -> str:
    number = f"{sequence:04X}"
    return f"@{number}{crc32((number + message).encode()):08X}{message}"


def _table(head: list[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _decimal(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-6).normalize():f}"


# Commands


def _subsystems(commands: list[Command], board: Board) -> list[str]:
    groups: dict[str, list[Command]] = {}
    for command in commands:
        first = command.header.split(":")[0].split("[")[0]
        groups.setdefault("Common commands" if first.startswith("*") else first, []).append(command)
    head = ["command", "parameters", "answer", "does"]
    return [
        "\n".join([f"### {name}", "", *_table(head, [_command_row(command, board) for command in group])])
        for name, group in groups.items()
    ]


def _command_row(command: Command, board: Board) -> tuple[str, ...]:
    forms = [f"`{_form(command, form)}`" for form in command.forms]
    described: dict[str, None] = {}
    for parameters in command.forms.values():
        described |= dict.fromkeys(_parameter(parameter, board) for parameter in parameters)
    unit = f" ({command.unit})" if command.unit and command.returns else ""
    answer = f"{command.returns}{unit}".replace("|", "\\|")
    doc = command.doc
    if command.idle:
        doc += " The set form not while a training runs." if len(forms) > 1 else " Not while a training runs."
    return "<br>".join(forms), "<br>".join(described), answer, doc


def _form(command: Command, form: str) -> str:
    text = command.header + ("?" if form == "query" else "")
    for k, parameter in enumerate(command.forms[form]):
        separator = "," if k else ""
        text += f"[{separator} {parameter.name}]" if parameter.optional else f"{separator} {parameter.name}"
        text += "..." if parameter.list else ""
    return text


def _parameter(parameter: Parameter, board: Board) -> str:
    unit = f" {parameter.unit}" if parameter.unit else ""
    low, high = (_limit(limit, parameter.type, board) for limit in (parameter.min, parameter.max))
    allowed = {
        "integer64": "0 to 2^64 - 1",
        "boolean": "ON or OFF",
        "choice": " or ".join(parameter.choices),
        "string": f"a text of up to {high} characters",
        "block": "a block",
        "pairs": f"0 to {len(board.nodes) - 1}, {low} to {high}{unit}",
    }.get(parameter.type, f"{low} to {high}{unit}")
    return f"{parameter.name}: {allowed}"


def _limit(limit: Limit | None, kind: str, board: Board) -> str:
    if not isinstance(limit, str):
        return "" if limit is None else f"{limit}"
    volts = {
        "BOARD_SOURCE_MIN_UV": board.source.min_uv,
        "BOARD_SOURCE_MAX_UV": board.source.max_uv,
        "BOARD_BIAS_LIMIT_UV": board.bias.limit_uv,
    }
    if limit in volts and kind in ("number", "pairs"):
        return _decimal(volts[limit])
    name, _, less = limit.partition("-")
    counts = {"BOARD_NODES": len(board.nodes), "BOARD_WIPER_POSITIONS": board.wiper.positions}
    if name in counts:
        return f"{counts[name] - int(less or 0)}"
    asked = {"TRAIN_WORDS": "`TRAin:MEMory:SIZE?`", "CALIBRATION_CONSTANTS": "`CALibration:COUNt?`"}
    if name not in asked:
        raise DescriptionError(
            f"commands.toml has the limit {limit!r}; allowed: a number, or one of "
            f"{', '.join([*volts, *counts, *asked])}, or one of these less a number."
        )
    return asked[name] + (f" - {less}" if less else "")


# Boards


def place(at: Place | None) -> str:
    """Write chip and channel."""
    return "none" if at is None else f"{at[0]}.{at[1]}"


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers)


def _part_row(board: Board, key: str) -> tuple[str, ...]:
    part = board.parts[key]
    return f"`{key}`", f"{part.count} x {part.number}", part.use, part.source


# Wires


def _pin_rows(board: Board) -> list[tuple[str, ...]]:
    """Give a row for every pin of the controller, with the pins of chips that it goes to."""
    ends: dict[str, list[Pin]] = {}
    for wire in wires(board):
        for here, there in ((wire.pin, wire.to), (wire.to, wire.pin)):
            if here.part == "controller":
                ends.setdefault(here.function, []).append(there)
    rows = []
    for name, pins in board.pins.items():
        for pin in pins:
            number, port = controller(pin).function.rstrip(")").split(" (")
            rows.append((number, port, f"`{name}`", _joined(ends.get(f"{number} ({port})", [])) or _ON_THE_MEGA[name]))
    return rows


# Pins that no wire goes to.
_ON_THE_MEGA = {
    "SERIAL_IN": "USB, on the Mega itself",
    "SERIAL_OUT": "USB, on the Mega itself",
    "SPI_MASTER": "nothing; leave it free",
    "STATUS_LIGHT": "the light on the Mega",
}


def _joined(pins: Iterable[Pin]) -> str:
    """Write pins: kind, chips, functions."""
    kinds: dict[str, list[Pin]] = {}
    for pin in pins:
        kinds.setdefault(pin.part, []).append(pin)
    return "; ".join(
        f"`{part}` {', '.join(dict.fromkeys(pin.chip for pin in some))}: {_functions(some)}"
        for part, some in kinds.items()
    )


def _functions(pins: Iterable[Pin]) -> str:
    return ", ".join(dict.fromkeys(pin.function for pin in pins))


def _cell(found: Iterable[Wire], *parts: str) -> str:
    """Write the pins of some kinds of chips that wires end at: chip and functions."""
    chips: dict[str, list[Pin]] = {}
    for wire in found:
        for pin in (wire.pin, wire.to):
            if pin.part in parts:
                chips.setdefault(pin.chip, []).append(pin)
    return "; ".join(f"{chip}: {_functions(pins)}" for chip, pins in chips.items())


def _node_table(board: Board) -> list[str]:
    head = ["node", "source: `dac`", "free: `switch`", "`adc`", "clamped: `switch`", "`adc`"]
    rows = []
    for n, node in enumerate(board.nodes):
        found = list(node_wires(n, node))
        half = next(k for k, wire in enumerate(found) if wire.net.startswith("free") and wire.to.part == "adc") + 1
        sides = [_cell(side, part) or "none" for side in (found[:half], found[half:]) for part in ("switch", "adc")]
        rows.append((f"{n}", _cell(found, "dac") or "none", *sides))
    return _table(head, rows)


def _edge_table(board: Board) -> list[str]:
    kinds = ("pot", "xor", "latch", "selector", "clock", "select", "bits")
    head = ["edge", "nodes", *(f"`{kind}`" for kind in kinds)]
    rows = []
    for e, edge in enumerate(board.edges):
        found = list(edge_wires(board, e, edge))
        rows.append((f"{e}", _numbers(edge.nodes), *(_cell(found, kind) for kind in kinds)))
    return _table(head, rows)
