"""Following a run: what a page or a terminal shows of one run file, while another process may write it."""

import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.errors import LabnetError, NotARun, RunMismatch
from labnet.live.measurements import MOST_ROWS, Measured, Measurements, Trace
from labnet.live.states import GateStatistics, NetworkState, at_ends, gates_of, state_of
from labnet.networks import Network
from labnet.plan import Plan, scheduled
from labnet.runs import Run
from labnet.runs.store import not_begun
from labnet.tasks import Task

__all__ = ["GateStatistics", "Measured", "NetworkState", "Tail", "Trace"]

_LATEST = 200  # logged steps that say how it goes now
_MANY_AT_ENDS = 0.5  # of the wipers; more are worth a warning
_RATE_OVER_S = 10.0
_NO_TRACE = Trace(np.empty(0), np.empty(0))


class Tail:
    """Follows one run file, and never hinders who writes it: the file is open only for each short look.

    `refresh` looks for what is new; all else is of the last look, or read for what is asked. Survives that the writer
    is killed, that the run goes on, that the file is not there yet, is removed or replaced. For one thread at a time.

    Parameters
    ----------
    path : path
        A run file, perhaps one that is not there yet.

    Attributes
    ----------
    status : str
        As `labnet.Run.status` has it; "not there yet" or "removed" where there is no run: then `path` and `warnings`
        are all that says something.
    last_step : int
        The last logged step; -1 before the first.
    steps_done, steps : int
        How far it got (that may be further than what is logged), and how many are planned.
    behind : bool
        Whether more was measured, which the next look reads: a look reads only so much.
    network, plan, task, meta, findings, updates_per_step
        As `labnet.Run` has them.
    x_per_step : float
        x is the step times this: the mean updates of an edge in a step (p), or 1 where that is not known.

    Raises
    ------
    NotARun, RunTooNew
        The file is there, and is no run that can be read.
    """

    network: Network
    plan: Plan
    task: Task
    meta: dict[str, Any]

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._run: Run | None = None
        self._notes: list[str] = []
        self._trouble = ""
        self._forget("not there yet")
        if not not_begun(self.path):
            self._opened().close()

    def _forget(self, status: str) -> None:
        """Begin anew."""
        self._run = None
        self.status = status
        self.last_step, self.steps_done, self.steps = -1, 0, 0
        self.updates_per_step = self.x_per_step = 1.0
        self.findings: list[dict[str, Any]] = []
        self._warned: list[dict[str, Any]] = []
        self._clipped, self._at_ends = 0.0, 0
        self._errors: dict[str, Measurements] = {}
        self.behind = False
        self._looks: deque[tuple[float, int]] = deque()

    @property
    def exists(self) -> bool:
        """Whether there is a run to look at."""
        return self._run is not None

    def _opened(self) -> Run:
        """Open the file for a look; where another run has taken its place, begin anew with that."""
        if self._run is not None:
            try:
                return self._run.reopen()
            except RunMismatch:
                self._forget("not there yet")
                self._notes.append("Another run took the place of the one that was here; this is the new one.")
        run = Run.open(self.path)
        try:
            self.meta, self.network, self.task, self.plan = run.meta, run.network, run.task, run.plan
            self.updates_per_step = run.updates_per_step
        except BaseException:
            run.close()
            raise
        self.status, self.steps = run.status, self.plan.steps
        self.x_per_step = self.updates_per_step if self.x_is_steps_p else 1.0
        self._scheduled = np.flatnonzero(scheduled(self.plan.log, self.steps))
        self._errors = {name: Measurements(self.x_per_step) for name, _ in self.task.sets()}
        self._run = run
        return run

    def _same(self) -> Run:
        """Open the file that the last look saw; where that is gone, or another, the next look says so."""
        if self._run is None:
            raise NotARun(f"{self.path} is {self.status}.")
        return self._run.reopen()

    @property
    def x_is_steps_p(self) -> bool:
        """Whether x is steps x p; else it is steps alone."""
        return bool(np.isfinite(self.updates_per_step))

    # Looking ----------------------------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Look once at what is new; True where something is."""
        before = self._seen()
        try:
            if not_begun(self.path):
                self._forget("removed" if self.exists or self.status == "removed" else "not there yet")
            else:
                with self._opened() as run:
                    self._look(run)
            self._trouble = ""
        except LabnetError as error:  # a damaged file: say so, and look again
            self._trouble = str(error)
        return self._seen() != before

    def _look(self, run: Run) -> None:
        self.status = run.status  # before all else: of a run that is complete, all is there
        with run.at_one_moment():
            self.findings, self._warned = run.findings, run.warnings
            steps = run.steps_before(self.steps)
            self.last_step = int(steps[0]) if len(steps) else -1
            self.steps_done = run.steps_done()
            self._clipped = run.clipped_share(_LATEST)
            self._at_ends = at_ends(run, self.last_step)
            self.behind = False
            for name in self._errors:
                self.behind |= self._errors[name].read(run, name, MOST_ROWS)
        self._looks.append((time.monotonic(), self.steps_done))
        while self._looks[-1][0] - self._looks[0][0] > _RATE_OVER_S:
            self._looks.popleft()

    def _seen(self) -> tuple[object, ...]:
        counts = tuple((each.count, each.revisions) for each in self._errors.values())
        said = (self._trouble, len(self._notes), len(self.findings), len(self._warned))
        return (self.exists, self.status, self.last_step, self.steps_done, counts, said)

    @property
    def steps_per_s(self) -> float:
        """How fast it goes, in steps a second of our time over the last 10 s; NaN where nobody knows."""
        if self.status != "running" or len(self._looks) < 2:
            return np.nan
        (then, before), (now, done) = self._looks[0], self._looks[-1]
        return (done - before) / (now - then) if done > before else np.nan

    # What was measured ------------------------------------------------------------------------------------------

    @property
    def sets(self) -> list[str]:
        """The sets that were measured: "train", "test"."""
        return [name for name, each in self._errors.items() if each.count]

    def errors(
        self, set_name: str, low: float | None = None, high: float | None = None, points: int = 1000, log: bool = True
    ) -> Trace:
        """Give scaled errors of a set against x, decimated: spikes stay.

        Parameters
        ----------
        set_name : {"train", "test"}
        low, high : float, optional
            The range of x (see `x_per_step`); one more point at either end lets a line go on to the border.
        points : int
            At most so many: the first, lowest, highest and last of each stretch.
        log : bool
            Whether stretches are equal in log(x).
        """
        return self._errors[set_name].raw(low, high, points, log) if set_name in self._errors else _NO_TRACE

    def smoothed(
        self, set_name: str, low: float | None = None, high: float | None = None, points: int = 300, log: bool = True
    ) -> Trace:
        """Give the running geometric mean of the errors, as `labnet.plots.smoothed` has it over all since the start.

        A zoom shows more of its points, and the same curve.
        """
        return self._errors[set_name].smoothed(low, high, points, log) if set_name in self._errors else _NO_TRACE

    def latest(self, set_name: str) -> Measured | None:
        """Give the last measurement of a set."""
        return self._errors[set_name].latest() if set_name in self._errors else None

    def best(self, set_name: str) -> Measured | None:
        """Give the measurement of a set with the lowest error."""
        return self._errors[set_name].best() if set_name in self._errors else None

    # What was logged --------------------------------------------------------------------------------------------

    def traces(
        self,
        edges: ArrayLike,
        low: float | None = None,
        high: float | None = None,
        points: int = 500,
        log: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give what learning moved, against x: wipers, or resistances in kOhm where the host sets them.

        Returns
        -------
        x : numpy.ndarray, shape (S,)
        values : numpy.ndarray, shape (S, E)
            NaN where not logged.
        """
        edges = np.atleast_1d(np.asarray(edges, dtype=np.int64))
        if self.last_step < 0:
            return np.empty(0), np.empty((0, len(edges)))
        first = 0 if low is None else max(low / self.x_per_step, 0.0)
        last = self.last_step if high is None else min(high / self.x_per_step, self.last_step)
        if log:
            spaced = np.geomspace(max(first, 1.0), max(last, 1.0), points - 1)
        else:
            spaced = np.linspace(first, last, points - 1)
        at = np.unique(np.searchsorted(self._scheduled, np.ceil(spaced), side="right")) - 1
        steps = self._scheduled[at[at >= 0]]
        if last == self.last_step:  # perhaps of a closing record, which no schedule has
            steps = np.union1d(steps, [self.last_step])
        with self._same() as run:
            values = run.moved(steps)[:, edges]
        if self.plan.moves == "resistances":
            values /= 1e3
        return steps.astype(np.float64) * self.x_per_step, values

    def state(self, step: int | None = None) -> NetworkState:
        """Give the network at a logged step or the last one before it; where it stands now by default."""
        with self._same() as run:
            return state_of(run, self.steps if step is None else step)

    def gates(self, last: int = _LATEST) -> GateStatistics | None:
        """Count open gates over the last logged steps; None where nobody latches them, or none is logged."""
        with self._same() as run:
            return gates_of(run, last)

    def warnings(self) -> list[str]:
        """Say what somebody who looks should know, in sentences."""
        said = [*self._notes, self._trouble]
        if self.status == "stopped":
            said.append(f"Its writer was killed at about step {self.steps_done:,}; 'labnet run --resume' goes on.")
        if self.status.startswith("failed"):
            said.append(f"It {self.status}.")
        texts = [each["text"] for each in self._warned]
        for each in self.findings:
            part = f"{each.get('part', 'edge')} {each['index']}"
            if any(text.startswith((f"{each['kind']}: {part},", f"{each['kind']}: {part} (")) for text in texts):
                continue  # a warning says it, and more
            said.append(f"{part}: {each['kind']}; {each['action']}.")
        if self._clipped:
            said.append(f"A clamped voltage was cut to the source's range in {self._clipped:.0%} of the latest steps.")
        if self.exists and self._at_ends > _MANY_AT_ENDS * self.network.edge_count:
            said.append(f"{self._at_ends} of {self.network.edge_count} wipers stand at an end of their range.")
        return [each for each in (*said, *texts) if each]
