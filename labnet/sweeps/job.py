"""A job: some points of a sweep, trained one after the other or together, here or in a worker process."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from labnet.addresses import open_board
from labnet.controller import Controller
from labnet.cores import core_count
from labnet.errors import BoardError, LabnetError, NotSupported
from labnet.experiment import Experiment
from labnet.plan import Plan
from labnet.records import Block, Errors, Record
from labnet.rules import Costs
from labnet.runs import RunWriter
from labnet.runs.frames import scaled_error

Take = Callable[[Block], None]
COMPLETE = "complete"
FRAMES = {
    "points": pa.schema({"point": pa.int64(), "status": pa.string(), "steps": pa.int64()}),
    "error": pa.schema(
        {
            "point": pa.int64(),
            "step": pa.int64(),
            "steps_p": pa.float64(),
            "set": pa.string(),
            "cost_v2": pa.float64(),
            "scaled_error": pa.float64(),
            "accuracy": pa.float64(),
            **dict.fromkeys(Costs._fields, pa.int64()),
        }
    ),
    "final": pa.schema(
        {
            "point": pa.int64(),
            "step": pa.int64(),
            "edge": pa.int64(),
            "wiper": pa.int16(),
            "resistance_ohm": pa.float64(),
        }
    ),
}


@dataclass(frozen=True)
class Job:
    """Some points of a sweep, as plain data: it can be sent to another process.

    Attributes
    ----------
    experiment : dict
        `Experiment.to_dict` of what all points share.
    changes : dict of int to dict
        Of each point, by its number: what `Experiment.changed` takes.
    """

    experiment: dict[str, Any]
    changes: dict[int, dict[str, Any]]


@dataclass
class _Outcome:
    """What has come of a point so far."""

    plan: Plan | None = None
    updates_per_step: float = np.nan
    steps: int = 0
    status: str = ""
    errors: list[Errors] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def costs(self) -> list[list[int]]:
        """Give what learning took up to each measurement."""
        return [] if self.plan is None else self.plan.costs([one.step for one in self.errors]).T.tolist()

    def take(self, block: Block, steps: int) -> None:
        self.steps = block.steps
        self.errors += block.errors
        self.records += block.records
        if block.failure is not None:
            self.status = str(block.failure)
        elif block.steps == steps and block.records:  # the closing record
            self.status = COMPLETE


def run_job(job: Job, show: Callable[[int], None] = lambda steps: None) -> pa.Table:
    """Train the points of a job, each as `labnet run` would with its keys changed; `show` is told of new steps.

    A point that fails says why in its status, and the others go on.

    Returns
    -------
    pyarrow.Table
        The rows of all frames; the column "frame" says of which. See `labnet.sweeps.Sweep.frame`.
    """
    base = Experiment(**job.experiment)
    experiments = {point: base.changed(changes) for point, changes in job.changes.items()}
    outcomes = {point: _Outcome() for point in experiments}

    def take(block: Block) -> None:
        outcome = outcomes[block.plan]
        before = outcome.steps
        outcome.take(block, experiments[block.plan].triggers)
        show(outcome.steps - before)

    boards: dict[str, dict[int, Experiment]] = {}
    for point, experiment in experiments.items():
        boards.setdefault(experiment.board, {})[point] = experiment
    with ThreadPoolExecutor(min(len(boards), core_count())) as pool:  # compiled code runs beside other threads
        trained = dict(zip(boards, pool.map(_train, boards.values(), repeat(take)), strict=True))
    for point, outcome in outcomes.items():
        if not outcome.status:
            raise BoardError(f"the board of point {point} ended it after {outcome.steps} steps without saying why.")
        experiment = experiments[point]
        own_hz, plans = trained[experiment.board]
        outcome.updates_per_step = experiment.clock.updates_per_step(own_hz)
        outcome.plan = plans.get(point)
    return _rows(outcomes)


def _train(experiments: Mapping[int, Experiment], take: Take) -> tuple[float | None, dict[int, Plan]]:
    """Train points of one board: together what it can, then one by one what is left.

    Gives its `self_trigger_hz`, and the plans of the points that have one.
    """
    begun: set[int] = set()
    own_hz: float | None = None
    plans: dict[int, Plan] = {}

    def begin(block: Block) -> None:
        begun.add(block.plan)
        take(block)

    try:
        with open_board(next(iter(experiments.values())).board) as board:
            own_hz = board.info.self_trigger_hz
            for point, experiment in experiments.items():
                try:
                    plans[point] = experiment.plan(board.network)
                except LabnetError as error:
                    begin(Block(point, 0, [], [], error))
            looks = {point for point, plan in plans.items() if plan.masked or plan.on_fault != "ignore"}
            able = [point for point, plan in plans.items() if plan.rule.name in board.info.plans and point not in looks]
            try:
                for block in board.train_many([plans[point] for point in able]) if able else ():
                    begin(block._replace(plan=able[block.plan]))
            except NotSupported:
                if begun.intersection(able):
                    raise
    except LabnetError as error:
        for point in experiments.keys() - begun:
            begin(Block(point, 0, [], [], error))
    for point in experiments:
        if point not in begun:
            _train_alone(point, experiments[point], take)
    return own_hz, plans


def _train_alone(point: int, experiment: Experiment, take: Take) -> None:
    """Train one point on a board opened for it alone: as `labnet run` does."""
    log = _Log(point, take)
    try:
        with open_board(experiment.board) as board:
            # The log has what the controller asks of a run file when it begins at the start.
            Controller(board, experiment.plan(board.network)).run(cast(RunWriter, log), lambda progress: None)
    except LabnetError as error:
        take(Block(point, log.steps, [], [], error))


class _Log:
    """Passes on what the controller logs."""

    def __init__(self, point: int, take: Take) -> None:
        self.point, self.take = point, take
        self.steps = 0

    def last_state(self) -> None:
        """Say that nothing was done yet."""

    def findings(self) -> list[dict[str, object]]:
        """Say that nothing was found."""
        return []

    def note_findings(self, findings: object) -> None:
        """Keep nothing: a sweep has no place for it."""

    def save_state(self, step: int, state: object) -> None:
        """Keep no state: a point is done or it is not."""

    def add_block(self, block: Block) -> None:
        self.steps = block.steps
        self.take(block._replace(plan=self.point))


def _rows(outcomes: Mapping[int, _Outcome]) -> pa.Table:
    """Give the rows of all frames; those of "error" in the order of `Run.frame`."""
    points = [(point, each.status, each.steps) for point, each in outcomes.items()]
    measured = [
        (point, one.step, one.step * each.updates_per_step, one.set, one.cost_v2, np.nan, one.accuracy, *costs)
        for point, each in outcomes.items()
        for one, costs in zip(each.errors, each.costs(), strict=True)
    ]
    errors = pd.DataFrame(measured, columns=FRAMES["error"].names)
    errors = errors.sort_values(["point", "set", "step"], ascending=[True, False, True])
    errors["scaled_error"] = scaled_error(errors, ["point", "set"])
    frames = {
        "points": pd.DataFrame(points, columns=FRAMES["points"].names),
        "error": errors,
        "final": _final([(point, record) for point, each in outcomes.items() for record in each.records]),
    }
    tables = [
        pa.Table.from_pandas(rows, FRAMES[name], preserve_index=False)
        .append_column("frame", pa.array([name] * len(rows), pa.string()))
        .replace_schema_metadata()
        for name, rows in frames.items()
    ]
    return pa.concat_tables(tables, promote_options="default")


def _final(records: list[tuple[int, Record]]) -> pd.DataFrame:
    """Give the edges of logged records; nothing stands for wipers or resistances that the rule does not move."""
    counts = [max(len(record.wipers), len(record.resistances_ohm)) for _, record in records]

    def moved(name: str) -> NDArray[np.float64]:
        arrays = [getattr(record, name) for _, record in records]
        nan = [np.full(count, np.nan) for count in counts]
        return np.concatenate(
            [np.empty(0), *(array if len(array) else no for array, no in zip(arrays, nan, strict=True))]
        )

    return pd.DataFrame(
        {
            "point": np.repeat(np.array([point for point, _ in records], dtype=np.int64), counts),
            "step": np.repeat(np.array([record.step for _, record in records], dtype=np.int64), counts),
            "edge": np.concatenate([np.empty(0), *map(np.arange, counts)]).astype(np.int64),
            "wiper": moved("wipers"),
            "resistance_ohm": moved("resistances_ohm"),
        }
    )
