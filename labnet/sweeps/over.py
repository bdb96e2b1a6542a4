"""What a sweep goes over: keys of the experiment and their values, as a grid or as a list of points."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, Self

from labnet.errors import SweepError
from labnet.experiment import read_toml

Keys = str | tuple[str, ...]


class Over(NamedTuple):
    """The points of a sweep.

    Attributes
    ----------
    keys : tuple of tuple of str
        Swept keys; those of one inner tuple are linked: they have the same value at every point.
    values : tuple of tuple
        For each point, the values of `keys`; plain data.
    """

    keys: tuple[tuple[str, ...], ...]
    values: tuple[tuple[Any, ...], ...]

    @classmethod
    def read(cls, over: Mapping[Any, Any] | Sequence[Mapping[Any, Any]]) -> Self:
        """Take a mapping of keys to values (their grid: all combinations), or a list of mappings (these points).

        ``"task.seed, board.seed"``, or a tuple of keys, links keys. Tables in tables are dotted keys, as in TOML;
        ``{"range": 50}`` and ``{"range": [10, 60]}`` are ranges.

        Raises
        ------
        SweepError
            For keys without values, keys or points that come twice, and points with different keys.
        """
        if isinstance(over, Mapping):
            axes = {keys: _values(keys, given) for keys, given in _flat(over, in_grid=True)}
            keys, values = tuple(axes), tuple(product(*axes.values()))
        else:
            rows = [dict(_flat(row, in_grid=False)) for row in _list_of_mappings(over)]
            keys = tuple(rows[0]) if rows else ()
            for number, point in enumerate(rows):
                if set(point) != set(keys):
                    raise SweepError(
                        f"point {number} has the keys {_named(point)}, point 0 has {_named(keys)}; give every point "
                        "the same keys."
                    )
            values = tuple(tuple(_plain(key, point[key]) for key in keys) for point in rows)
        if not keys or not values:
            raise SweepError("a sweep goes over no key; give at least one, for example over={'clock.p': [0.1, 1.0]}.")
        made = cls(keys, values)
        names = made.names
        if twice := {name for name in names if names.count(name) > 1}:
            raise SweepError(f"{', '.join(sorted(twice))}: swept twice; give each key once.")
        seen: set[str] = set()
        for row in values:
            text = json.dumps(row)
            if text in seen:
                raise SweepError(f"the point {_named(keys)} = {text[1:-1]} comes twice; give each point once.")
            seen.add(text)
        return made

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the table ``[over]`` (a grid), or the tables ``[[over]]`` (a list of points), of an experiment file."""
        data = read_toml(path)[1]
        if "over" not in data:
            raise SweepError(
                f"{path} has no table [over]; add one, for example: [over] and below it clock.p = [0.1, 1.0]."
            )
        try:
            return cls.read(data["over"])
        except SweepError as error:
            raise SweepError(f"{path}, [over]: {error}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """All swept keys."""
        return tuple(key for linked in self.keys for key in linked)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of each key in frames: the key, the first of linked ones."""
        return tuple(linked[0] for linked in self.keys)

    def changes(self, point: int) -> dict[str, Any]:
        """Give what `Experiment.changed` takes for a point."""
        row = self.values[point]
        return {key: value for linked, value in zip(self.keys, row, strict=True) for key in linked}

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON gives it back."""
        return {"keys": [list(linked) for linked in self.keys], "values": [list(row) for row in self.values]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build what `to_dict` described."""
        return cls(tuple(tuple(linked) for linked in data["keys"]), tuple(tuple(row) for row in data["values"]))


def _flat(table: Mapping[Any, Any], in_grid: bool, above: str = "") -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give dotted keys, linked ones together, and what stands at them."""
    for key, value in table.items():
        names = key if isinstance(key, tuple) else tuple(name.strip() for name in str(key).split(","))
        keys = tuple(f"{above}{name}" for name in names)
        if isinstance(value, Mapping) and not (in_grid and set(value) == {"range"}):
            if len(keys) > 1:
                raise SweepError(f"{_named([keys])} is a table; link keys that have values.")
            yield from _flat(value, in_grid, f"{keys[0]}.")
        else:
            yield keys, value


def _values(keys: tuple[str, ...], values: Any) -> tuple[Any, ...]:
    """Give the values of a key as plain data."""
    name = ", ".join(keys)
    if isinstance(values, Mapping):
        ends = values["range"]
        ends = ends if isinstance(ends, list) else [ends]
        if not 1 <= len(ends) <= 3 or not all(type(end) is int for end in ends) or ends[2:] == [0]:
            raise SweepError(f"{name} has the range {values['range']}; allowed: n, [first, end] or [first, end, step].")
        values = range(*ends)
    if isinstance(values, str | bytes | set | frozenset) or not isinstance(values, Iterable):
        raise SweepError(f"{name} is {values!r}; allowed: a list of values, a range, or in a file {{range = 50}}.")
    plain = tuple(_plain(keys, value) for value in values)
    if not plain:
        raise SweepError(f"{name} has no values; give at least one.")
    return plain


def _plain(keys: tuple[str, ...], value: Any) -> Any:
    """Give a value as JSON gives it back; numpy's numbers and arrays become Python's."""
    try:
        return json.loads(json.dumps(value, default=lambda array: array.tolist(), allow_nan=False))
    except (AttributeError, TypeError, ValueError):
        raise SweepError(f"{', '.join(keys)} is {value!r}; allowed: finite numbers, text, and lists of them.") from None


def _list_of_mappings(over: Any) -> list[Mapping[Any, Any]]:
    if isinstance(over, str) or not isinstance(over, Iterable):
        raise SweepError(f"over is {over!r}; allowed: a mapping of keys to values, or a list of mappings.")
    rows = list(over)
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise SweepError(f"point {number} is {row!r}; allowed: a mapping of keys to their values.")
    return rows


def _named(keys: Iterable[tuple[str, ...]]) -> str:
    return "; ".join(", ".join(linked) for linked in keys)
