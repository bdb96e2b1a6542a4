"""The firmware's table of commands as typed properties: header, unit, range and doc stand in commands.toml alone."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

import numpy as np

from labnet.errors import OutOfRange

T = TypeVar("T")

MICRO = 1_000_000
_REAL = (int, float)


class Device(Protocol):
    """What has settings: it takes messages, and knows the numbers that the table has by name only."""

    limits: Mapping[str, int]

    def scpi(self, message: str) -> str:
        """Send a message; give what its queries answer."""
        ...


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command; `low` and `high` are numbers or names, as in the table."""

    name: str
    type: str
    unit: str
    low: float | str | None
    high: float | str | None
    choices: tuple[str, ...]

    @property
    def range(self) -> str:
        """Say what is allowed, without asking a board."""
        if self.choices:
            return " or ".join(self.choices)
        if self.type in ("integer", "number"):
            return f"{_named(self.low)} to {_named(self.high)}" + (f" {self.unit}" if self.unit else "")
        return f"up to {self.high} characters" if self.type == "string" else self.type

    def text(self, value: Any, limits: Mapping[str, int]) -> str:
        """Write a value as the firmware reads it.

        Raises
        ------
        OutOfRange
        """
        if self.type == "boolean" and value in (True, False):
            return str(int(value))
        if self.type == "choice" and isinstance(value, str):
            for choice in self.choices:
                if value.upper() in (choice.upper(), short(choice)):
                    return short(choice)
        if self.type == "string" and isinstance(value, str) and len(value) <= int(self.high or 0) and value.isascii():
            return '"{}"'.format(value.replace('"', '""'))
        if self.type in ("integer", "number"):
            low, high = (self._limit(end, limits) for end in (self.low, self.high))
            if _is_real(value) and low <= value <= high and (self.type == "number" or value == int(value)):
                return decimal(value) if self.type == "number" else str(int(value))
            raise OutOfRange(f"{self.name} is {value}; allowed: {low:g} to {high:g}{' ' * bool(self.unit)}{self.unit}.")
        raise OutOfRange(f"{self.name} is {value!r}; allowed: {self.range}.")

    def _limit(self, end: float | str | None, limits: Mapping[str, int]) -> float:
        if not isinstance(end, str):
            return float(end or 0)
        name, _, less = end.partition("-")
        value = limits[name] - int(less or 0)
        return value / MICRO if name.endswith("_UV") else value


@dataclass(frozen=True)
class Command:
    """One command of the table; `set` or `query` is None where there is no such form."""

    header: str
    set: tuple[Parameter, ...] | None
    query: tuple[Parameter, ...] | None
    returns: str
    unit: str
    doc: str

    @property
    def short(self) -> str:
        """The header as it is sent: a serial line takes its time for every letter."""
        return short(self.header)

    def message(self, limits: Mapping[str, int], *values: Any) -> str:
        """Write the set form; the last parameter may come often."""
        wanted = self.set or ()
        texts = [wanted[min(k, len(wanted) - 1)].text(value, limits) for k, value in enumerate(values)]
        return f"{self.short} {','.join(texts)}".rstrip()


@cache
def commands() -> dict[str, Command]:
    """Give the firmware's commands by their headers."""
    shipped = Path(str(files("labnet_drivers"))) / "commands.toml"
    path = shipped if shipped.is_file() else Path(__file__).parents[2] / "firmware" / "commands.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["command"]
    return {row["header"]: _command(row) for row in rows}


def _command(row: Mapping[str, Any]) -> Command:
    def parameters(form: str) -> tuple[Parameter, ...] | None:
        if form not in row:
            return None
        return tuple(
            Parameter(
                one["name"],
                one["type"],
                one.get("unit", ""),
                one.get("min"),
                one.get("max"),
                tuple(one.get("choices", ())),
            )
            for one in row[form]
        )

    given = (row.get("returns", ""), row.get("unit", ""), row["doc"])
    return Command(row["header"], parameters("set"), parameters("query"), *given)


def short(header: str) -> str:
    """Give a header or choice in its short form."""
    return re.sub(r"\[.*?\]|[a-z]", "", header)


def set_form(header: str) -> Command:
    """Give a command that has a set form."""
    command = commands()[header]
    assert command.set is not None, header
    return command


def asked(header: str) -> str:
    """Give the short form of a query."""
    command = commands()[header]
    assert command.query is not None, header
    return f"{command.short}?"


class Setting(Generic[T]):
    """A property of a board that is a command of its firmware; its doc is the table's."""

    def __init__(self, header: str, read: Callable[[str], T]) -> None:
        self.command = commands()[header]
        self._asked = asked(header)
        self._read = read
        parameters = self.command.set or ()
        unit = self.command.unit and f" In {self.command.unit}."
        allowed = f" Allowed: {parameters[0].range}." if parameters else ""
        self.__doc__ = f"{self.command.doc}{unit}{allowed} ({header}{'' if parameters else '?'})"

    @overload
    def __get__(self, device: None, owner: type) -> "Setting[T]": ...

    @overload
    def __get__(self, device: Device, owner: type) -> T: ...

    def __get__(self, device: Device | None, owner: type) -> "T | Setting[T]":
        if device is None:
            return self
        return self._read(device.scpi(self._asked))

    def __set__(self, device: Device, value: T) -> None:
        if self.command.set is None:
            raise AttributeError(f"{self.command.header} can only be asked for.")
        device.scpi(self.command.message(device.limits, value))


def number(header: str) -> Setting[float]:
    """Make a property of a number."""
    return Setting(header, float)


def integer(header: str) -> Setting[int]:
    """Make a property of a whole number."""
    return Setting(header, int)


def string(header: str) -> Setting[str]:
    """Make a property of a text."""
    return Setting(header, unquoted)


def words(header: str) -> Callable[[str], str]:
    """Give what turns the short forms of a command's choices into the long ones, in capitals."""
    parameters = commands()[header].set or ()
    return {short(word): word.upper() for parameter in parameters for word in parameter.choices}.__getitem__


def decimal(value: float) -> str:
    """Write a number with six decimals, as the firmware counts."""
    text = f"{value:.6f}".rstrip("0")
    return text.removesuffix(".")


def whole_ticks(seconds: float, tick_ns: int) -> int:
    """Give a time in ticks, rounded up; what a float of that size cannot hold makes no tick more."""
    ns = round((seconds - 4 * float(np.spacing(seconds))) * 1e9)
    return -(-ns // tick_ns)


def micro(text: str) -> int:
    """Read a number in millionths, exactly."""
    return int(Decimal(text).scaleb(6))


def unquoted(text: str) -> str:
    """Read a string."""
    return text[1:-1].replace('""', '"')


def _is_real(value: Any) -> bool:
    return (isinstance(value, _REAL) or hasattr(value, "__float__")) and isfinite(value)


def _named(end: float | str | None) -> str:
    if not isinstance(end, str):
        return f"{end:g}"
    name, minus, less = end.removeprefix("BOARD_").partition("-")
    words = name.removesuffix("_UV").replace("_", " ").lower()
    return f"the board's {words}{minus and ' - '}{less}"
