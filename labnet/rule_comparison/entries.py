"""The file of a comparison of rules, and what it says to train: every rule on every task."""

import os
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from labnet.addresses import open_board
from labnet.board import Board
from labnet.checks import check
from labnet.data import Data, Where
from labnet.errors import ExperimentError, LabnetError, NotDrivable, NotSupported, PlanError
from labnet.experiment import Experiment, line_of, merged, read_toml, sentence
from labnet.optimisers import Plain
from labnet.plan import Plan
from labnet.rules import Costs, HostRule, Needs

_NAME = r"[\w .,:=+()-]+"  # it is part of a directory's name, too
_LEARNED = 0.01
Count = Annotated[int, Field(ge=1)]
Level = Annotated[float, Field(gt=0)]
Tables = Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class _Comparison(Data):
    """What a file says besides the keys that all trainings share."""

    title: str = ""
    settlings: int = Field(ge=1, description="a whole number, at least 1: how many every training may take")
    seeds: Count | tuple[int, int] = Field(20, description="how many, at least 1, or [first, end]")
    learned: dict[str, Level] = Field(
        {}, description="a number above 0: the scaled error at which it counts as learned"
    )
    tasks: Tables = Field(description="tables [tasks.NAME] with the keys of [task], at least one")
    rules: Tables = Field(description="tables [rules.NAME] with keys of experiments, at least one")

    @property
    def seed_range(self) -> range:
        """The seeds."""
        return range(self.seeds) if isinstance(self.seeds, int) else range(*self.seeds)


class Entry(NamedTuple):
    """One rule on one task.

    Attributes
    ----------
    rule, task : str
        As the file calls them.
    experiment : Experiment
        With the first seed, and as many steps as there are settlings for.
    needs : Needs
    per_step : Costs
        What a step takes; of batches that are drawn, in the mean.
    compiled : bool
        Whether the board trains it by itself, many seeds at once.
    learned : float
        The scaled error at which the task counts as learned.
    missing : str
        What the board does not have of its needs; "" where it can do it.
    """

    rule: str
    task: str
    experiment: Experiment
    needs: Needs
    per_step: Costs
    compiled: bool
    learned: float
    missing: str = ""


class RuleFile(NamedTuple):
    """A file, read and checked.

    Attributes
    ----------
    title : str
    settings : dict
        What the file says; with `quick`, as its table ``[quick]`` changes it.
    settlings : int
    seeds : range
    entries : tuple of Entry
        Task by task, rules in the order of the file.
    """

    title: str
    settings: dict[str, Any]
    settlings: int
    seeds: range
    entries: tuple[Entry, ...]


def read(path: str | os.PathLike[str], quick: bool = False) -> RuleFile:
    """Read a file of `labnet.compare_rules`, and see what its boards can do of it.

    Raises
    ------
    ExperimentError
        With file, line and key for each mistake, and what is allowed.
    """
    text, data = read_toml(path)
    if not data.keys() & _Comparison.model_fields.keys() - {"title"} and {"task", "steps"} & data.keys():
        raise ExperimentError(
            f"{path} is a file of labnet run, one experiment; labnet compare-rules takes [rules.NAME]."
        )
    for table in ("rule", "task"):
        inner = data.get(table)
        if isinstance(inner, dict) and inner and all(isinstance(each, dict) for each in inner.values()):
            name = next(iter(inner))
            raise _mistakes(path, text, [((table, name), f"is not taken here; did you mean [{table}s.{name}]?")])
    if quick and "quick" not in data:
        raise ExperimentError(f"{path} has no table [quick], which says what --quick (quick) changes; e.g. seeds = 2.")
    fewer = data.pop("quick", {})
    if not isinstance(fewer, dict):
        raise _mistakes(path, text, [(("quick",), f"is {fewer!r}; allowed: a table, of what it changes")])
    data = merged(data, fewer) if quick else data
    shared = {key: value for key, value in data.items() if key not in _Comparison.model_fields}
    try:
        says = _Comparison(**{key: value for key, value in data.items() if key not in shared})
    except PlanError as error:
        raise _mistakes(path, text, error.problems) from None
    for where in [("seeds",)] * (not says.seed_range) + [
        (table, name) for table in ("tasks", "rules") for name in getattr(says, table) if not re.fullmatch(_NAME, name)
    ]:
        allowed = "a seed or more" if where == ("seeds",) else "names of letters, digits, blanks and . , : = + ( ) -"
        raise _mistakes(path, text, [(where, f"is not possible; allowed: {allowed}")])
    if unknown := [name for name in says.learned if name not in says.tasks]:
        raise _mistakes(path, text, [(("learned", unknown[0]), f"is of no task; allowed: {', '.join(says.tasks)}")])
    problems: list[tuple[Where, str]] = []
    experiments: dict[tuple[str, str], Experiment] = {}
    for task in says.tasks:
        for rule in says.rules:
            try:
                experiments[rule, task] = _experiment(says, shared, rule, task)
            except PlanError as error:
                problems += [(_origin(data, rule, task, where), what) for where, what in error.problems]
    if problems:
        raise _mistakes(path, text, list(dict.fromkeys(problems)))
    entries = tuple(_entries(path, experiments, says))
    return RuleFile(says.title, data, says.settlings, says.seed_range, entries)


def _experiment(says: _Comparison, shared: dict[str, Any], rule: str, task: str) -> Experiment:
    """Give the experiment of a rule on a task, of one step."""
    own = dict(says.rules[rule])
    on_tasks = own.pop("tasks", {})
    for name in on_tasks:
        if name not in says.tasks:
            raise PlanError("", ((("tasks", name), f"is of no task; allowed: {', '.join(says.tasks)}"),))
    keys = merged(merged({"title": says.title, **shared}, own), on_tasks.get(task, {}))
    for key in ("steps", "steps_p", "task", "seed"):
        if key in keys:
            allowed = "steps follow from settlings, tasks are [tasks.NAME], and seeds is of all"
            raise PlanError("", (((key,), f"is not taken here: {allowed}"),))
    return Experiment(**keys, steps=1, task={**says.tasks[task], "seed": says.seed_range[0]})


def _origin(data: dict[str, Any], rule: str, task: str, where: Where) -> Where:
    """Say where in the file a key of an experiment comes from: a rule's table for a task, a rule's, or the top."""
    if where[:1] == ("task",):
        return ("tasks", task, *where[1:])
    own = data["rules"][rule]
    for place, table in (
        (("rules", rule, "tasks", task), own.get("tasks", {}).get(task)),
        (("rules", rule), own),
        ((), data),
    ):
        if _holds(table, where):
            return (*place, *where)
    return ("rules", rule, *where)


def _holds(table: Any, where: Where) -> bool:
    """Tell whether a key stands in a table."""
    for name in where:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True


def _mistakes(path: str | os.PathLike[str], text: str, problems: Any) -> ExperimentError:
    """Put problems into words, with file and line."""
    lines = [f"{path}{line_of(text, tuple(map(str, where)))}: {sentence(where, what)}" for where, what in problems]
    return ExperimentError("\n".join(lines), tuple(problems))


def _entries(
    path: str | os.PathLike[str], experiments: dict[tuple[str, str], Experiment], says: _Comparison
) -> Iterator[Entry]:
    """Ask the boards what they can do, each opened once for entries that stand together."""
    for address, group in groupby(experiments.items(), key=lambda item: item[1].board):
        with open_board(address) as board:
            for (rule, task), experiment in group:
                try:
                    yield _entry(board, rule, task, experiment, says)
                except LabnetError as error:
                    raise ExperimentError(f"{path}, rule {rule} on task {task}: {error}") from None


def _entry(board: Board, rule: str, task: str, experiment: Experiment, says: _Comparison) -> Entry:
    """Say what a rule on a task needs and takes, whether the board can do it, and how many steps that makes."""
    plan = experiment.plan(board.network)
    costs = per_step(plan)
    if says.settlings < costs.settlings:
        raise PlanError(
            f"settlings is {says.settlings:,}, and one step takes {costs.settlings:,}; allowed: at least that, better "
            "some hundred steps of it."
        )
    missing = ""
    try:
        check(board, plan)
    except (NotSupported, NotDrivable) as error:
        missing = str(error)
    plain = isinstance(plan.optimiser, Plain) and plan.quantise is None
    compiled = plain and plan.rule.name in board.info.plans
    steps = experiment.changed({"steps": says.settlings // costs.settlings})
    return Entry(rule, task, steps, plan.rule.needs, costs, compiled, says.learned.get(task, _LEARNED), missing)


def per_step(plan: Plan) -> Costs:
    """Give what a step of a plan takes; of batches that are drawn, in the mean."""
    batch = plan.rule.batch if isinstance(plan.rule, HostRule) else None
    return plan.rule.costs(plan.task, 1 if batch is None else max(1, round(batch * len(plan.task.train))))
