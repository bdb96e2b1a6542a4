"""Reads TOML key by key: what is missing, of the wrong kind, out of range or left over is said with its place."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

MICRO = 1_000_000

Place = tuple[int, int]  # chip, channel


class DescriptionError(Exception):
    """A description that no firmware can be made from."""


class Table:
    """What is left of a TOML table to be read, and where it stands."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.left = dict(table)
        self.where = where

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Read a file; numbers with a point stay exact."""
        try:
            return cls(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal), path.name)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise DescriptionError(f"{path.name} cannot be read as TOML: {error}.") from None

    def __contains__(self, key: str) -> bool:
        return key in self.left

    def take(self, key: str, *kinds: type, default: Any = None) -> Any:
        """Take the value of a key; without a default it must be there."""
        if key not in self.left and default is not None:
            return default
        if key not in self.left:
            raise DescriptionError(f"{self.where} has no {key!r}; please give it.")
        value = self.left.pop(key)
        if type(value) not in kinds:
            self.refuse(key, value, " or ".join(_NAMES[kind] for kind in kinds))
        return value

    def refuse(self, key: str, given: object, allowed: str) -> None:
        """Say what is wrong with the value of a key."""
        raise DescriptionError(f"{self.where}: {key} is {_shown(given)}; allowed: {allowed}.")

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Take a whole number within limits."""
        value = self.take(key, int, default=default)
        if not low <= value <= high:
            self.refuse(key, value, f"{low} to {high}")
        return int(value)

    def micro(self, key: str, low: int, high: int) -> int:
        """Take a number within limits, in millionths."""
        return self._micro(key, self.take(key, int, Decimal), low, high)

    def micros(self, key: str, count: int, low: int, high: int) -> tuple[int, ...]:
        """Take so many numbers within limits, in millionths."""
        values = self._some(key, count, int, Decimal)
        return tuple(self._micro(key, value, low, high) for value in values)

    def _micro(self, key: str, value: int | Decimal, low: int, high: int) -> int:
        if not low <= value <= high or value * MICRO % 1:
            self.refuse(key, value, f"{low} to {high}, with up to six decimals")
        return int(value * MICRO)

    def place(self, key: str, ends: Place) -> Place:
        """Take two whole numbers, from 0 to below their ends."""
        first, second = self._some(key, 2, int)
        if not (0 <= first < ends[0] and 0 <= second < ends[1]):
            self.refuse(key, [first, second], f"[0 to {ends[0] - 1}, 0 to {ends[1] - 1}]")
        return first, second

    def some(self, key: str, *kinds: type) -> tuple[Any, ...]:
        """Take a list, or one value as a list of one."""
        value = self.take(key, list, *kinds)
        values = value if isinstance(value, list) else [value]
        if not values or any(type(one) not in kinds for one in values):
            self.refuse(key, value, " or ".join(_NAMES[kind] for kind in kinds) + ", one or a list of them")
        return tuple(values)

    def _some(self, key: str, count: int, *kinds: type) -> tuple[Any, ...]:
        values = self.some(key, *kinds)
        if len(values) != count:
            self.refuse(key, list(values), f"{count} numbers")
        return values

    def table(self, key: str) -> "Table":
        """Take a table within this one."""
        return Table(self.take(key, dict), f"{self.where}: {key}")

    def tables(self) -> "Iterator[tuple[str, Table]]":
        """Take all that is left: a table a key."""
        for key in list(self.left):
            yield key, self.table(key)

    def rows(self, key: str) -> "Iterator[Table]":
        """Take a list of tables, each to be read to its end."""
        for k, row in enumerate(self.take(key, list)):
            if not isinstance(row, dict):
                self.refuse(f"{key}[{k}]", row, "a table")
            table = Table(row, f"{self.where}: {key}[{k}]")
            yield table
            table.end()

    def end(self) -> None:
        """See that nothing is left over."""
        if self.left:
            raise DescriptionError(f"{self.where} has {', '.join(self.left)}, which mean nothing here; please remove.")


_NAMES = {
    int: "a whole number",
    Decimal: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    dict: "a table",
}


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
