"""Experiments: a board address and a plan, as a TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import Field, model_validator

from labnet import tasks
from labnet.data import Data
from labnet.errors import ExperimentError, LabnetError, PlanError
from labnet.networks import Network
from labnet.plan import Plan, SelfTriggered, Settings

Nodes = Annotated[int | tuple[int, ...], Field(description="how many, or a list of nodes")]
Volts = Annotated[float, Field(gt=0, description="a positive voltage")]


class AllosteryTask(Data):
    """``[task]`` with ``kind = "allostery"``; the keys are those of `labnet.tasks.Allostery.sample`."""

    kind: Literal["allostery"]
    inputs: Nodes = 2
    outputs: Nodes = 2
    grounds: Nodes = 1
    v_max: Volts = 5.0
    targets: tasks.Targets = "teacher"
    seed: int = 0


class RegressionTask(AllosteryTask):
    """``[task]`` with ``kind = "regression"``; the keys are those of `labnet.tasks.Regression.sample`."""

    kind: Literal["regression"]  # type: ignore[assignment]
    train: int = Field(16, ge=1, description="a whole number, at least 1")
    test: int = Field(16, ge=0, description="a whole number, 0 or more")


class ClassificationTask(Data):
    """``[task]`` with ``kind = "classification"``: Iris; the keys are those of `labnet.tasks.Classification.sample`."""

    kind: Literal["classification"]
    inputs: Nodes = 4
    outputs: Nodes = 1
    grounds: Nodes = 1
    v_max: Volts = 5.0
    seed: int = 0
    train: float = Field(0.5, gt=0, le=1, description="a share above 0 and up to 1")


class XorTask(Data):
    """``[task]`` with ``kind = "xor"``; the keys are those of `labnet.tasks.Differential.sample_xor`."""

    kind: Literal["xor"]
    inputs: Nodes = 2
    outputs: Nodes = 2
    grounds: Nodes = 1
    constants: Nodes = 1
    low_v: float = 0.0
    high_v: float = 0.45
    target_v: float = 0.03
    seed: int = 0


class CurveTask(XorTask):
    """``[task]`` with ``kind = "curve"``; the keys are those of `labnet.tasks.Differential.sample_curve`."""

    kind: Literal["curve"]  # type: ignore[assignment]
    inputs: Nodes = 1
    train: int = Field(16, ge=1, description="a whole number, at least 1")
    test: int = Field(16, ge=0, description="a whole number, 0 or more")


TaskSettings = Annotated[
    AllosteryTask | RegressionTask | ClassificationTask | XorTask | CurveTask,
    Field(discriminator="kind", description="a table like {kind = 'allostery'}"),
]


class Experiment(Settings):
    """A board address and a plan, as data.

    Parameters
    ----------
    board : str
        Address, as `labnet.open_board` takes it.
    task : mapping
        ``kind`` and the arguments of that task's `sample`.
    steps : int
        How many triggers; or else
    steps_p : float
        steps x p: round(steps_p / p) triggers, at least one, so that every p does equally many updates an edge.
    title : str
        What it shows.
    **settings
        All else as in `labnet.plan.Settings`.
    """

    board: str = Field(description="an address, for example 'sim://twin16'")
    task: TaskSettings
    steps: int | None = Field(None, ge=1, description="a whole number, at least 1")  # type: ignore[assignment]
    steps_p: float | None = Field(None, gt=0, description="a number above 0")
    title: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps is None and self.steps_p is None:
            raise ValueError("steps is missing; give it (a whole number, at least 1), or steps_p (steps x p)")
        if self.steps is not None and self.steps_p is not None:
            raise ValueError(f"steps is {self.steps} and steps_p is {self.steps_p:g}; give one of them")
        if self.steps is None and isinstance(self.clock, SelfTriggered):
            raise ValueError("steps_p is given with a self-triggered clock, which has no triggers; give steps")
        if self.steps is None and isinstance(self.eta, tuple):
            raise ValueError("eta is a list, one a step, with steps_p; give steps, or one number as eta")
        super()._consistent()  # type: ignore[operator]
        return self

    @property
    def triggers(self) -> int:
        """How many steps it takes: `steps`, or what `steps_p` makes of p."""
        return self.steps or max(1, round((self.steps_p or 0) / self.clock.p))

    @classmethod
    def load(cls, path: str | os.PathLike[str], changes: Sequence[str] = ()) -> "Experiment":
        """Read a TOML file and apply changes like ``clock.p=0.5``; its table ``[over]`` is for `labnet.sweep` alone.

        Raises
        ------
        ExperimentError
            With file, line and key for each mistake, and what is allowed.
        """
        text, data = read_toml(path)
        if {"tasks", "rules"} <= data.keys():
            raise ExperimentError(
                f"{path} is a file of labnet compare-rules, which trains many; this takes one [task]."
            )
        data.pop("over", None)
        changed = {_apply(data, change) for change in changes}
        try:
            return cls(**data)
        except PlanError as error:
            lines = [f"{path}{_place(text, where, changed)}: {sentence(where, what)}" for where, what in error.problems]
            raise ExperimentError("\n".join(lines), error.problems) from None

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data, with the keys that were given alone: what a TOML file would say."""
        data = self.model_dump(mode="json", exclude_unset=True)
        for key, tag in (("task", "kind"), ("rule", "name"), ("optimiser", "name")):
            if key in data:
                data[key] = {tag: getattr(getattr(self, key), tag)} | data[key]
        return data

    def changed(self, changes: Mapping[str, Any]) -> "Experiment":
        """Give the same experiment with some keys changed: ``{"clock.p": 0.5, "board.seed": 3}``.

        ``board.X`` is the option X of the board's address.

        Raises
        ------
        ExperimentError
            For a key that does not exist, with the keys that do, and for a value that is not allowed.
        """
        data = self.to_dict()
        for key in sorted(changes, key=lambda key: key.count(".")):  # the board before its options
            _put(data, key, changes[key])
        try:
            return Experiment(**data)
        except PlanError as error:
            raise ExperimentError(" ".join(sentence(*problem) for problem in error.problems), error.problems) from None

    def plan(self, network: Network) -> Plan:
        """Sample the task on a network, and give the plan."""
        options = self.task.model_dump(exclude={"kind"})
        try:
            task = _SAMPLERS[self.task.kind](network, **options)
        except LabnetError as error:
            raise ExperimentError(f"[task] {error}") from None
        settings = {name: getattr(self, name) for name in Settings.model_fields}
        return Plan(task=task, **settings | {"steps": self.triggers})


_SAMPLERS: Mapping[str, Any] = {
    **{kind.kind: kind.sample for kind in (tasks.Allostery, tasks.Regression, tasks.Classification)},
    "xor": tasks.Differential.sample_xor,
    "curve": tasks.Differential.sample_curve,
}


def read_toml(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Give the text of a TOML file and what it says."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}; give a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path} is no TOML: {error}.") from None


def _apply(data: dict[str, Any], change: str) -> tuple[str, ...]:
    """Put one ``key=value`` of the command line into the data; gives the key's names."""
    key, equals, value = change.partition("=")
    if not equals:
        raise ExperimentError(f"--set {change!r}; allowed: key=value, for example --set clock.p=0.5.")
    try:
        parsed = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    if parsed == "none":  # TOML has no word for it: the key is left out
        return _left_out(data, key.strip())
    return _put(data, key.strip(), parsed)


def _left_out(data: dict[str, Any], key: str) -> tuple[str, ...]:
    """Take a dotted key out, where it is; gives its names."""
    names = tuple(key.split("."))
    place: Any = data
    for name in names[:-1]:
        place = place.get(name) if isinstance(place, dict) else None
    if isinstance(place, dict):
        place.pop(names[-1], None)
    return names


def _put(data: dict[str, Any], key: str, value: Any) -> tuple[str, ...]:
    """Put a value at a dotted key; gives the key's names."""
    names = tuple(key.split("."))
    if not all(names):
        raise ExperimentError(f"{key!r} is no key; allowed: names joined by dots, for example clock.p.")
    if names[0] == "board" and len(names) == 2 and isinstance(data.get("board"), str):
        data["board"] = _with_option(data["board"], names[1], value)
        return names
    place = data
    for name in names[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ExperimentError(f"{key}: {name} is a single value, it has no keys.")
    place[names[-1]] = value
    for one, other in (("steps", "steps_p"), ("steps_p", "steps")):
        if names == (one,):  # a length takes the place of one that is given the other way
            data.pop(other, None)
    return names


def _with_option(address: str, option: str, value: Any) -> str:
    """Give a board's address with one of its options changed."""
    if "://" not in address:
        raise ExperimentError(f"board.{option}: {address!r} has no options; only scheme://name?option=value does.")
    where, _, query = address.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True)) | {option: str(value)}
    return f"{where}?{urlencode(options)}"


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Put changes into a table; tables in it are changed, all else is replaced."""
    both = dict(table)
    for key, value in changes.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def sentence(where: Sequence[str | int], what: str) -> str:
    """Say what is wrong with a key."""
    said = f"{'.'.join(map(str, where))} {what}".strip()
    return said if said.endswith("?") else f"{said}."


def _place(text: str, where: Sequence[str | int], changed: set[tuple[str, ...]]) -> str:
    """Say on which line of the file a key stands, or that it was given by --set."""
    names = tuple(str(name) for name in where)
    if any(names[: len(each)] == each[: len(names)] for each in changed if names):
        return " with --set"
    return line_of(text, names)


def line_of(text: str, names: tuple[str, ...]) -> str:
    """Say on which line of a TOML file a key stands, or else the table that it belongs to: ", line 3"."""
    table: tuple[str, ...] = ()
    lines: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            table = _names(found[1])
            lines.setdefault(table, number)
        elif found := re.match(r"\s*([^=#]+?)\s*=", line):
            key = table + _names(found[1])
            for length in range(len(table) + 1, len(key) + 1):
                lines.setdefault(key[:length], number)
    for length in range(len(names), 0, -1):
        if names[:length] in lines:
            return f", line {lines[names[:length]]}"
    return ""


def _names(key: str) -> tuple[str, ...]:
    """Take a dotted key apart; a quoted name may hold dots."""
    return tuple(name.strip("\"'") for name in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", key))
