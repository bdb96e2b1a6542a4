"""Experiments: a board address and a plan, as a TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from labnet import tasks
from labnet.data import Data
from labnet.errors import ExperimentError, LabnetError, PlanError
from labnet.networks import Network
from labnet.plan import Plan, Settings

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


TaskSettings = Annotated[
    AllosteryTask | RegressionTask | ClassificationTask,
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
    title : str
        What it shows.
    **settings
        All else as in `labnet.plan.Settings`.
    """

    board: str = Field(description="an address, for example 'sim://twin16'")
    task: TaskSettings
    title: str = ""

    @classmethod
    def load(cls, path: str | os.PathLike[str], changes: Sequence[str] = ()) -> "Experiment":
        """Read a TOML file and apply changes like ``clock.p=0.5``.

        Raises
        ------
        ExperimentError
            With file, line and key for each mistake, and what is allowed.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except OSError as error:
            raise ExperimentError(f"{path} cannot be read: {error.strerror}; give a TOML file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ExperimentError(f"{path} is no TOML: {error}.") from None
        changed = {_apply(data, change) for change in changes}
        try:
            return cls(**data)
        except PlanError as error:
            lines = [
                f"{path}{_place(text, where, changed)}: {_sentence(where, what)}" for where, what in error.problems
            ]
            raise ExperimentError("\n".join(lines), error.problems) from None

    def plan(self, network: Network) -> Plan:
        """Sample the task on a network, and give the plan."""
        options = self.task.model_dump(exclude={"kind"})
        try:
            task = _SAMPLERS[self.task.kind](network, **options)
        except LabnetError as error:
            raise ExperimentError(f"[task] {error}") from None
        settings = {name: getattr(self, name) for name in Settings.model_fields}
        return Plan(task=task, **settings)


_SAMPLERS: Mapping[str, Any] = {kind: each.sample for kind, each in tasks.KINDS.items()}  # type: ignore[attr-defined]


def _apply(data: dict[str, Any], change: str) -> tuple[str, ...]:
    """Put one ``key=value`` into the data; gives the key."""
    key, equals, value = change.partition("=")
    names = tuple(key.strip().split("."))
    if not equals or not all(names):
        raise ExperimentError(f"--set {change!r}; allowed: key=value, for example --set clock.p=0.5.")
    try:
        parsed = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    place = data
    for name in names[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ExperimentError(f"--set {change!r}: {name} is a single value, it has no keys.")
    place[names[-1]] = parsed
    return names


def _sentence(where: Sequence[str | int], what: str) -> str:
    said = f"{'.'.join(map(str, where))} {what}".strip()
    return said if said.endswith("?") else f"{said}."


def _place(text: str, where: Sequence[str | int], changed: set[tuple[str, ...]]) -> str:
    """Say on which line of the file a key stands, or that it was given by --set."""
    names = tuple(str(name) for name in where)
    if not names:
        return ""
    if any(names[: len(each)] == each[: len(names)] for each in changed):
        return " with --set"
    table: tuple[str, ...] = ()
    lines: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            table = tuple(found[1].split("."))
            lines.setdefault(table, number)
        elif found := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            lines.setdefault(table + tuple(re.sub("[\"']", "", found[1]).split(".")), number)
    for length in range(len(names), 0, -1):
        if names[:length] in lines:
            return f", line {lines[names[:length]]}"
    return ""
