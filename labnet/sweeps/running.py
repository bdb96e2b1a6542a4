"""The front door of sweeps: which points are trained together, and where."""

import logging
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import closing
from math import ceil
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labnet.addresses import open_board
from labnet.cores import core_count
from labnet.errors import ExperimentError, NotSupported, SweepError, WorkerDied
from labnet.experiment import Experiment
from labnet.progress import sweep_bar
from labnet.sweeps.job import COMPLETE, Job, run_job
from labnet.sweeps.over import Over
from labnet.sweeps.store import Sweep, SweepWriter

_log = logging.getLogger(__name__)

_TOGETHER, _ALONE = 5_000_000, 20_000  # steps of a job: some seconds, compiled or paced by the host
_LEAST_JOBS, _MOST_JOBS = 32, 1000

Grid = Mapping[Any, Any] | Sequence[Mapping[Any, Any]]
Chains = list[list[Job]]


def sweep(
    experiment: Experiment | str | os.PathLike[str],
    over: Grid | Over | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Sweep:
    """Train an experiment at every point of a grid or list.

    A point is the experiment with those keys changed: it gives what ``labnet run FILE --set key=value`` gives, bit for
    bit, wherever it runs. A point that fails (it diverges, its circuit is singular) says so in its status, and the
    others go on. Steps are logged only if the experiment gives `log`; the end always is.

    Parameters
    ----------
    experiment : Experiment or path
        What all points share; a path is that of a TOML file.
    over : mapping or sequence of mapping, optional
        ``{"clock.p": [0.1, 1.0], "task.seed": range(50)}`` is the grid of all combinations, a list of such mappings
        to single values is a list of points. ``"task.seed, board.seed"``, or a tuple of keys, gives several keys the
        same value; ``board.X`` is the option X of the board's address. Left out: the table ``[over]`` of the file.
    path : path, optional
        A directory; never overwritten. None keeps the sweep in memory.
    executor : concurrent.futures.Executor, optional
        Where to run: a ProcessPoolExecutor, Dask's ``client.get_executor()``. Left out: in this process, on all cores
        where boards run many plans at once (`Board.train_many`), else one point a board at a time.
    resume : bool
        Go on with the sweep at `path`, or start it where there is none.
    progress : bool
        Show a progress bar in a terminal or notebook.

    Returns
    -------
    Sweep

    Raises
    ------
    SweepError, ExperimentError, UnknownBoard
        For keys, values or an address that cannot be; nothing has run yet.
    WorkerDied
        When the executor lost a worker and gave up; what is stored is kept, and resuming goes on.
    RunError
        For a directory that is there already, is in use, or cannot be written.
    """
    base, points = _given(experiment, over)
    each = [_changed(base, points, point) for point in range(len(points.values))]
    triggers = [one.triggers for one in each]
    together = _runs_many(each[0])
    with SweepWriter(path, base, points, resume) as writer:
        left = sorted(set(range(len(each))) - writer.stored())
        chains = _chains(base, points, {point: each[point] for point in left}, together, alone=executor is None)
        with sweep_bar(len(each), sum(triggers), progress) as show:
            count = _Count(triggers, left, show)
            where = "in memory" if path is None else path
            _log.info("sweep %s begins: %s of %s points are left", where, f"{len(left):,}", f"{len(each):,}")
            try:
                with closing(_results(chains, executor, 1 if together else core_count(), count)) as results:
                    for rows in results:
                        writer.add(rows)
            except Exception as error:
                if not _is_death(error):
                    raise
                kept = f"{count.done:,} of {len(each):,} points are stored"
                raise WorkerDied(
                    f"a worker process died ({error or type(error).__name__}). "
                    + (f"{kept} in {path}; resuming goes on." if path else "Give a path, to be able to resume.")
                    + ("" if count.done else " A script must begin its sweep under `if __name__ == '__main__':`.")
                ) from error
        writer.finish()
        _log.info("sweep %s is complete", where)
        return writer.sweep()


def _given(experiment: Experiment | str | os.PathLike[str], over: Grid | Over | None) -> tuple[Experiment, Over]:
    """Give the experiment and what it is taken over; steps are not logged unless it says so."""
    if isinstance(over, Over):
        points = over
    elif over is not None:
        points = Over.read(over)
    elif not isinstance(experiment, Experiment):
        points = Over.load(experiment)
    else:
        raise SweepError("over is missing; give keys and their values, for example over={'clock.p': [0.1, 1.0]}.")
    base = experiment if isinstance(experiment, Experiment) else Experiment.load(experiment)
    return (base if "log" in base.model_fields_set.union(points.names) else base.changed({"log": []})), points


def _changed(base: Experiment, points: Over, point: int) -> Experiment:
    """Give the experiment of a point."""
    changes = points.changes(point)
    try:
        return base.changed(changes)
    except ExperimentError as error:
        where = ", ".join(f"{key} = {value!r}" for key, value in changes.items())
        raise SweepError(f"at {where}: {error}", error.problems) from None


def _runs_many(experiment: Experiment) -> bool:
    """Tell whether the board runs many such plans at once; one that does copies itself, and so opens many times too."""
    with open_board(experiment.board) as board:
        try:
            return experiment.rule.name in board.info.plans and not list(board.train_many([]))
        except NotSupported:
            return False


def _chains(base: Experiment, points: Over, left: Mapping[int, Experiment], together: bool, alone: bool) -> Chains:
    """Cut points into jobs; those of one chain run one after the other.

    A board that cannot be opened twice has one chain, unless an executor is told to run the sweep.
    """
    boards: dict[str, list[int]] = {}
    for point, experiment in left.items():
        boards.setdefault(experiment.board, []).append(point)
    groups = list(boards.values())
    if together:  # those that share board and task first, for they train as lanes of one kernel
        groups = [sorted(left, key=lambda point: (left[point].board, left[point].task.model_dump_json()))]
    total = sum(one.triggers for one in left.values())
    most_steps = max(_TOGETHER if together else _ALONE, total // _MOST_JOBS)
    most_points = len(left) if together and alone else ceil(len(left) / _LEAST_JOBS)  # alone: one job fills all cores
    plain = base.to_dict()
    chains: Chains = []
    for group in groups:
        jobs: list[dict[int, dict[str, Any]]] = []
        steps = 0
        for point in group:
            triggers = left[point].triggers
            if not jobs or steps + triggers > most_steps or len(jobs[-1]) == most_points:
                jobs.append({})
                steps = 0
            jobs[-1][point] = points.changes(point)
            steps += triggers
        chain = [Job(plain, changes) for changes in jobs]
        chains += [chain] if alone and not together else [[job] for job in chain]
    return chains


def _results(
    chains: Chains, executor: Executor | None, workers: int, count: "_Count"
) -> Generator[pa.Table, None, None]:
    """Run jobs, here on so many threads, and give the rows of each as it ends; closing it stops what still runs."""
    stop = threading.Event()

    def run_here(job: Job) -> pa.Table:
        def show(steps: int) -> None:
            if stop.is_set():
                raise CancelledError
            count.add_steps(steps)

        return run_job(job, show)

    pool = executor or ThreadPoolExecutor(workers)
    run: Callable[[Job], pa.Table] = run_job if executor else run_here
    running: dict[Future[pa.Table], list[Job]] = {}
    try:
        for first, *rest in chains:
            running[pool.submit(run, first)] = rest
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(ended, key=_failed):  # what is done is kept before a failure ends all
                rest = running.pop(future)
                rows = future.result()
                if rest:
                    running[pool.submit(run, rest[0])] = rest[1:]
                yield rows
                count.add_job(rows, shown=executor is None)
    finally:
        stop.set()
        for future in running:
            future.cancel()
        if executor is None:
            pool.shutdown()


def _failed(future: "Future[pa.Table]") -> bool:
    return future.cancelled() or future.exception() is not None


def _is_death(error: Exception) -> bool:
    """Tell whether an executor gave up because of a worker; Dask's own error is known by name, it may not be here."""
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker"


class _Count:
    """How far a sweep is, from whatever thread."""

    def __init__(self, triggers: Sequence[int], left: Sequence[int], show: Callable[[int, int, int], None]) -> None:
        self._lock = threading.Lock()
        self._triggers, self._show = triggers, show
        self.done = len(triggers) - len(left)
        self._failed = 0
        self._steps = sum(triggers) - sum(triggers[point] for point in left)

    def add_steps(self, steps: int) -> None:
        with self._lock:
            self._steps += steps
            self._show(self._steps, self.done, self._failed)

    def add_job(self, rows: pa.Table, shown: bool) -> None:
        """Count the points of a job as done, failed ones too; their steps are counted already where `shown`."""
        reached = rows.select(["point", "status", "steps"]).filter(pc.equal(rows["frame"], "points"))
        for row in reached.to_pylist():
            self.done += 1
            self._failed += row["status"] != COMPLETE
            self.add_steps(self._triggers[row["point"]] - (row["steps"] if shown else 0))
