"""The errors of one set of examples as they come in, kept so that any range of them is drawn quickly."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.live.decimation import decimated
from labnet.plots import averaged
from labnet.runs import Run

MOST_ROWS = 200_000
"""How many a look reads: about 0.2 s."""

_KEPT = np.dtype([("step", "i8"), ("cost_v2", "f8"), ("accuracy", "f8"), ("logs_before", "f8")])


class Trace(NamedTuple):
    """A curve: x (S,) ascending, y (S,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Measured(NamedTuple):
    """One measurement: its x, cost / cost at the start, and accuracy (NaN where there are no classes)."""

    x: float
    scaled_error: float
    accuracy: float


class Measurements:
    """Errors of one set by step.

    Parameters
    ----------
    x_per_step : float
        x is the step times this.
    """

    def __init__(self, x_per_step: float) -> None:
        self._x_per_step = x_per_step
        self._buffer = np.empty(1024, dtype=_KEPT)
        self.count = 0
        self.revisions = 0
        """How often all was read again."""

    @property
    def rows(self) -> NDArray[Any]:
        """What was measured, by step: structured, of step, cost_v2 and accuracy."""
        return self._buffer[: self.count]

    @property
    def last_step(self) -> int:
        """Before which step was measured last; 0 where nothing was."""
        return int(self.rows["step"][-1]) if self.count else 0

    def read(self, run: Run, set_name: str, most: int) -> bool:
        """Read at most `most` measurements since the last; all again where a resumed run went another way.

        True where there may be more.
        """
        rows = run.errors_from(self.last_step, set_name, most)
        if not self._add(rows):
            self.count = 0
            self.revisions += 1
            rows = run.errors_from(0, set_name, most)
            self._add(rows)
        return len(rows) == most

    def _add(self, rows: NDArray[Any]) -> bool:
        """Add what was measured from `last_step` on; False where it no longer is what was measured there."""
        if self.count:
            last = self.rows[-1]
            if not len(rows) or (rows[0]["step"], rows[0]["cost_v2"]) != (last["step"], last["cost_v2"]):
                return False
            rows = rows[1:]
        end = self.count + len(rows)
        if end > len(self._buffer):
            grown = np.empty(max(end, 2 * len(self._buffer)), dtype=_KEPT)
            grown[: self.count] = self.rows
            self._buffer = grown
        new = self._buffer[self.count : end]
        for name in ("step", "cost_v2", "accuracy"):
            new[name] = rows[name]
        before = self._logs_up_to(self.count - 1) if self.count else 0.0
        new["logs_before"] = before + np.cumsum(_logs(rows["cost_v2"])) - _logs(rows["cost_v2"])
        self.count = end
        return True

    def raw(self, low: float | None, high: float | None, points: int, log: bool) -> Trace:
        """Give scaled errors in a range of x, decimated."""
        return self._curve(self._chosen(low, high, points, log))

    def smoothed(self, low: float | None, high: float | None, points: int, log: bool) -> Trace:
        """Give their running geometric mean, over all that was measured, at points in a range of x."""
        at = self._chosen(low, high, points, log)
        window = averaged(at + 1)
        means = (self._logs_up_to(at) - self.rows["logs_before"][at + 1 - window]) / window
        return Trace(self.rows["step"][at] * self._x_per_step, self.scaled(np.exp(means)))

    def latest(self) -> Measured | None:
        """Give the last measurement."""
        return self._measured(self.count - 1) if self.count else None

    def best(self) -> Measured | None:
        """Give the measurement with the lowest error."""
        return self._measured(int(np.argmin(self.rows["cost_v2"]))) if self.count else None

    def _measured(self, at: int) -> Measured:
        x, y = self._curve(np.array([at]))
        return Measured(float(x[0]), float(y[0]), float(self.rows["accuracy"][at]))

    def _curve(self, at: NDArray[np.int64]) -> Trace:
        chosen = self.rows[at]
        return Trace(chosen["step"] * self._x_per_step, self.scaled(chosen["cost_v2"]))

    def scaled(self, cost_v2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give cost / cost at the start."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(cost_v2 / self.rows["cost_v2"][:1])

    def _logs_up_to(self, at: Any) -> Any:
        """Give the sum of logarithms of costs up to and with some rows."""
        return self.rows["logs_before"][at] + _logs(self.rows["cost_v2"][at])

    def _chosen(self, low: float | None, high: float | None, points: int, log: bool) -> NDArray[np.int64]:
        """Choose rows in a range of x; one more at either end, so that a line goes on to the border."""
        steps = self.rows["step"]
        first = 0 if low is None else int(np.searchsorted(steps, low / self._x_per_step)) - 1
        last = self.count if high is None else int(np.searchsorted(steps, high / self._x_per_step, side="right")) + 1
        first, last = max(first, 0), min(last, self.count)
        return first + decimated(steps[first:last], self.rows["cost_v2"][first:last], points, log)


def _logs(cost_v2: Any) -> Any:
    return np.log(np.maximum(cost_v2, 1e-300))
