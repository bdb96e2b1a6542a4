"""The six statements of wycoff2022 about the discrete rule, as criteria on errors (T, K) of T tasks at K ascending p.

Each gives an outcome, the gain in question, and how likely as many tasks as the paper has would show what it says: the
trainings are drawn again and again, that many at a time, and averaged as the paper does.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import numpy as np

from labnet.analysis import Interval, log_contrasts, medians, slope_weights
from labnet.figures.figure import SAME, FloatArray

Average = Literal["median", "mean"]
NAMES = ("4A", "4B", "4C", "16 edges, regression", "4D", "4E")
_LABS = 2000  # resamples
_STANDS = 1.0  # a wiper that toggles by one position stands still: Eq. 10 has no zero step


class Outcome(IntEnum):
    """Whether a statement holds."""

    NOT = 0
    IN_PART = 1
    HOLDS = 2

    def __str__(self) -> str:
        return ("does not hold", "in part", "holds")[self]


class Trained(NamedTuple):
    """What one setting gave.

    Attributes
    ----------
    allostery, spans : numpy.ndarray, shape (T, K)
        Final scaled errors of 16 edges at `p`, and how far the wiper that moves furthest late moves, in positions.
    regression, large : numpy.ndarray, shape (T, K)
        Test errors of regression on 16 and on 143 edges.
    outputs : dict of int to numpy.ndarray, shape (T, L)
        Errors of allostery on 143 edges by the number of outputs, at p of their own, ascending to 1.
    p : numpy.ndarray, shape (K,)
        Ascending to 1.
    """

    allostery: FloatArray
    spans: FloatArray
    regression: FloatArray
    large: FloatArray
    outputs: Mapping[int, FloatArray]
    p: FloatArray


class Judged(NamedTuple):
    """One statement at one setting.

    Attributes
    ----------
    outcome : Outcome
    number : Interval
        The gain, error at p = 1 over that at the lowest p; of Fig. 4D at the fewest outputs. For Fig. 4B the span at
        p = 1, in positions.
    seen : float
        How likely the paper's number of tasks shows the statement.
    more : dict
        Other numbers that decide.
    """

    outcome: Outcome
    number: Interval
    seen: float
    more: dict[str, Any]


def judged(of: Trained, average: Average, labs: Mapping[str, int]) -> dict[str, Judged]:
    """Judge all statements, by name; `labs` says of how many tasks the paper averages."""
    found = (
        _ends_lower(of.allostery, average, labs["4A"]),
        _stands_still(of.spans, labs["4B"]),
        _falls(of.allostery, of.p, average, labs["4C"]),
        _no_gain(of.regression, average, labs["16 edges, regression"]),
        _shrinks(of.outputs, average, labs["4D"]),
        _falls(of.large, of.p, average, labs["4E"]),
    )
    return dict(zip(NAMES, found, strict=True))


def _outcome(*says: bool) -> Outcome:
    """Give the outcome of a statement in parts, the first of which it stands or falls with."""
    return Outcome.NOT if not says[0] else Outcome.HOLDS if all(says) else Outcome.IN_PART


def _contrasts(errors: FloatArray, weights: FloatArray, average: Average) -> list[Interval]:
    """Give weighted sums of logarithms of errors: medians task by task, or of the mean errors."""
    errors = np.maximum(errors, np.finfo(float).tiny)
    if average == "mean":
        return log_contrasts(errors, weights, np.mean)
    return [Interval(*each) for each in medians(np.log(errors) @ weights.T).T.tolist()]


def _gains(errors: FloatArray, average: Average) -> list[Interval]:
    """Give the error at p = 1 over that at every other p."""
    others = errors.shape[1] - 1
    weights = np.hstack([-np.eye(others), np.ones((others, 1))])
    return [Interval(*np.exp(each).tolist()) for each in _contrasts(errors, weights, average)]


def _helps(gain: Interval) -> bool:
    return gain.low > 1.0 and gain.value >= SAME


def _drawn(errors: FloatArray, tasks: int) -> FloatArray:
    """Give the mean errors that labs with so many tasks would find, shape (labs, K)."""
    rng = np.random.default_rng(0)
    return np.asarray(errors[rng.integers(len(errors), size=(_LABS, tasks))].mean(axis=1))


def _ends_lower(errors: FloatArray, average: Average, tasks: int) -> Judged:
    """4A: p < 1 ends lower than p = 1, at the lowest p and at a middle one."""
    gains = _gains(errors, average)
    lowest, middle = gains[0], gains[len(gains) // 2]
    means = _drawn(errors[:, [0, len(gains) // 2, -1]], tasks)
    seen = float(np.mean((means[:, -1:] > means[:, :-1]).all(axis=1)))
    both = max(_helps(lowest), _helps(middle)), min(_helps(lowest), _helps(middle))
    return Judged(_outcome(*both), lowest, seen, {"gain_at_a_middle_p": middle})


def _stands_still(spans: FloatArray, tasks: int) -> Judged:
    """4B: at p = 1 no wiper moves but for toggling, at every p < 1 some do; in part where they move further."""
    middle, low, high = medians(spans)
    still = Interval(middle[-1], low[-1], high[-1])
    further = low[:-1].min() > high[-1]
    says = bool(further), still.high <= _STANDS
    lab = _drawn(spans, tasks)
    seen = float(np.mean((lab[:, -1] <= _STANDS) & (lab[:, :-1].min(axis=1) > _STANDS)))
    return Judged(_outcome(*says), still, seen, {"spans": middle.tolist()})


def _falls(errors: FloatArray, p: FloatArray, average: Average, tasks: int) -> Judged:
    """4C, 4E: lower at the lowest p, falling among p < 1 too, and no lower p surely above a higher one."""
    gain, count = _gains(errors, average)[0], len(p)
    among = np.append(slope_weights(p[:-1]), 0.0)
    steps = np.eye(count)[1:] - np.eye(count)[:-1]
    slope, *rises = _contrasts(errors, np.vstack([among, steps]), average)
    says = _helps(gain), slope.low > 0.0, all(rise.high > 0.0 for rise in rises)
    means = _drawn(errors, tasks)
    gained = means[:, -1] >= SAME * means[:, 0]
    ordered = (np.diff(means, axis=1) > 0.0).all(axis=1)
    more = {
        "median_errors": np.median(errors, axis=0).tolist(),
        "slope_of_log_error_at_p_below_1": slope,
        "seen_in_strict_order": float(np.mean(gained & ordered)),
    }
    return Judged(_outcome(*says), gain, float(np.mean(gained)), more)


def _no_gain(errors: FloatArray, average: Average, tasks: int) -> Judged:
    """Text: no gain at the lowest p; in part where that is not sure."""
    gain = _gains(errors, average)[0]
    means = _drawn(errors, tasks)
    says = not _helps(gain), gain.high < SAME
    more = {"median_errors": np.median(errors, axis=0).tolist()}
    return Judged(_outcome(*says), gain, float(np.mean(means[:, -1] < SAME * means[:, 0])), more)


def _shrinks(outputs: Mapping[int, FloatArray], average: Average, tasks: int) -> Judged:
    """4D: a gain at the fewest outputs, which shrinks, and at the most outputs p moderately below 1 meets p = 1."""
    fewest, most = outputs[min(outputs)], outputs[max(outputs)]
    first, *_, near = _gains(fewest, average)
    last, *_, merged = _gains(most, average)
    count = fewest.shape[1]
    ends = np.zeros((1, 2 * count))
    ends[0, [0, count - 1, count, -1]] = -1.0, 1.0, 1.0, -1.0
    (shrunk,) = _contrasts(np.hstack([fewest, most]), ends, average)
    says = _helps(first), shrunk.low > 0.0, 1.0 / SAME < merged.value < SAME and near.value >= SAME
    lab_first, lab_last = (_drawn(each, tasks) for each in (fewest, most))
    gained = lab_first[:, -1] / lab_first[:, 0], lab_last[:, -1] / lab_last[:, 0]
    same = np.abs(np.log(lab_last[:, -1] / lab_last[:, -2])) < np.log(SAME)
    seen = float(np.mean((gained[0] >= SAME) & (gained[0] > gained[1]) & same))
    more = {"gain_at_most_outputs": last, "near_p_1_at_most_outputs": merged, "near_p_1_at_fewest_outputs": near}
    return Judged(_outcome(*says), first, seen, more)
