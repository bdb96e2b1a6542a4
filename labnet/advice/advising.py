"""What trainings are expected to end at as planned, and what to set instead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.advice.bench import Bench, FloatArray, Sigma
from labnet.desynchrony import Prediction, Rest, drift, predict, response, swing
from labnet.errors import NotSupported, OutOfRange
from labnet.tasks import Task

Regime = Literal["no bias", "offsets", "locked", "bias", "step"]

HELPS = 1.5  # errors that differ by less than this factor count as the same
PROBABILITIES = (1.0, 0.5, 0.3, 0.1)  # that are looked at
_HIGH = 15 / 16  # of the range: a start from which wipers can still go both ways
_ROUNDS, _NEAR = 8, 0.1  # at most, until an error is met to 10 %


class Spread(NamedTuple):
    """Median and quartiles over tasks."""

    median: float
    low: float
    high: float

    @classmethod
    def over(cls, values: ArrayLike) -> Self:
        """Take them of values (T,)."""
        low, middle, high = np.quantile(
            np.asarray(values, dtype=np.float64), (0.25, 0.5, 0.75), method="inverted_cdf"
        ).tolist()
        return cls(middle, low, high)


class Setting(NamedTuple):
    """What one can set: nudge, start, update probability."""

    eta: float
    start: str
    p: float


@dataclass(frozen=True)
class Outlook:
    """What a setting is expected to end at, a number a task.

    Attributes
    ----------
    scaled : numpy.ndarray, shape (T,)
        Final errors, over those where the training as planned starts.
    error_v : numpy.ndarray, shape (T,)
        Final errors, root mean square over outputs and examples.
    steps_p : float
        How many steps x p it takes, the median over tasks; 0 where wipers stay where they start, which is at once.
    """

    scaled: FloatArray
    error_v: FloatArray
    steps_p: float


@dataclass(frozen=True)
class Advice:
    """What a board does on some tasks as planned, and what would be better.

    Attributes
    ----------
    bench : Bench
    signal_v : float
        V: from the lowest to the highest voltage that is held, the median over tasks.
    regime : str
        What sets the error of synchronous training as planned.
    lock : numpy.ndarray, shape (T,)
        Lambda where the planned training starts.
    locked : numpy.ndarray of bool, shape (T,)
        Whether p = 1 stays there.
    floor : numpy.ndarray, shape (T,)
        Scaled errors that the bias alone leaves, whatever p, at the planned eta.
    planned, best : Setting
        `best` is the first of `outlooks` with eta = 1 whose errors, median and upper quartile, are not above the lowest
        by `HELPS`.
    outlooks : dict of Setting to Outlook
        In the order of preference: p = 1 before others, the planned start before others.
    """

    bench: Bench
    signal_v: float
    regime: Regime
    lock: FloatArray
    locked: NDArray[np.bool_]
    floor: FloatArray
    planned: Setting
    best: Setting
    outlooks: dict[Setting, Outlook]

    @property
    def share(self) -> float:
        """The largest bias of a typical edge over eta V."""
        return float(np.median(self.bench.sigma.most_v)) / (self.planned.eta * self.signal_v)

    @property
    def desynchronous(self) -> Setting:
        """The planned setting with its p, or the p < 1 of the lowest error where that is 1."""
        if self.planned.p < 1.0:
            return self.planned
        others = [self.planned._replace(p=p) for p in PROBABILITIES if p < 1.0]
        return min(others, key=lambda each: float(np.median(self.outlooks[each].scaled)))

    @property
    def gain(self) -> Spread:
        """The error at p = 1 over that at p < 1, all else as planned."""
        together, apart = self.outlooks[self.planned._replace(p=1.0)], self.outlooks[self.desynchronous]
        return Spread.over(together.scaled / apart.scaled)

    @property
    def helps(self) -> bool:
        """Whether p < 1 lowers the error of the training as planned, all else being the same."""
        return self.gain.median > HELPS


def advise(
    bench: Bench,
    tasks: Mapping[int, Task],
    *,
    eta: float = 1.0,
    p: float = 1.0,
    start: ArrayLike,
    tell: Callable[[], None] = lambda: None,
) -> Advice:
    """Predict trainings by the discrete rule, and choose.

    Parameters
    ----------
    bench : Bench
    tasks : mapping of int to Task
        At least one; what is not known of the comparators is drawn with its key as seed.
    eta, p : float
        As planned.
    start : array_like, shape () or (E,)
        Wiper positions, as planned.
    tell : callable
        Called after every task.

    Raises
    ------
    AnalysisError
        For tasks of differences, and one that is solved where it starts.
    """
    planned = Setting(eta, in_words(start), p)
    starts = {planned.start: start} | {f"{k}": k for k in (bench.pot.positions // 2, int(_HIGH * bench.pot.positions))}
    settings = [
        Setting(each, where, share)
        for each in dict.fromkeys((1.0, eta))
        for share in sorted({*PROBABILITIES, p}, reverse=True)
        for where in starts
    ]
    predicted = []
    for seed, task in tasks.items():
        predicted.append(_predictions(bench, task, seed, starts, {each.eta for each in settings}))
        tell()
    several = any(len(task.train) > 1 for task in tasks.values())
    outlooks = {each: _outlook(bench.sigma, several, each, planned.start, predicted) for each in settings}
    as_planned = [each[eta, planned.start] for each in predicted]
    return Advice(
        bench=bench,
        signal_v=float(np.median([_signal_v(task) for task in tasks.values()])),
        regime=_regime(bench.sigma, as_planned),
        lock=np.array([each.lock for each in as_planned]),
        locked=np.array([each.locks for each in as_planned]),
        floor=np.minimum([each.bias_error for each in as_planned], 1.0),
        planned=planned,
        best=_best({each: found for each, found in outlooks.items() if each.eta == 1.0}),
        outlooks=outlooks,
    )


def factor_for(bench: Bench, tasks: Mapping[int, Task], start: ArrayLike, error: float) -> float:
    """Give the factor on all biases with which they leave this scaled error, the median over tasks, at eta = 1.

    It is as good as a factor on V, or over it.

    Raises
    ------
    OutOfRange
        For an error that is not between 0 and 1.
    NotSupported
        Where there is no bias.
    """
    if not 0.0 < error < 1.0:
        raise OutOfRange(f"an error of {error:g}; allowed: a share of the error at the start, between 0 and 1.")
    if not bench.sigma.most_v.any():
        raise NotSupported("no comparator of this board is off, so no error hangs on it; leave the wanted error out.")
    factor = 1.0
    for _ in range(_ROUNDS):
        scaled, floors = replace(bench, sigma=bench.sigma.times(factor)), []
        for seed, task in tasks.items():
            floors.append(predict(task, scaled.bias(task, seed), 1.0, start, bench.pot).bias_error)
        if abs(np.log(np.median(floors) / error)) < _NEAR:
            break
        factor *= float(np.clip(np.sqrt(error / np.median(floors)), 0.1, 10.0))
    return factor


def in_words(start: ArrayLike) -> str:
    """Say where wipers start."""
    wipers = np.asarray(start)
    low, high = int(wipers.min()), int(wipers.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _predictions(
    bench: Bench, task: Task, seed: int, starts: dict[str, ArrayLike], etas: set[float]
) -> dict[tuple[float, str], Prediction]:
    """Predict a task for every eta and start."""
    bias = bench.bias(task, seed)
    found = {}
    for eta in etas:
        rest = drift(task, bias, eta, bench.pot) if bench.sigma.most_v.any() else None
        for where, wipers in starts.items():
            found[eta, where] = predict(task, bias, eta, wipers, bench.pot, rest or _unmoved(bench, task, wipers))
    return found


def _unmoved(bench: Bench, task: Task, start: ArrayLike) -> Rest:
    """Give where wipers come to rest without any bias: nothing drives them from where they start."""
    wipers = np.broadcast_to(np.asarray(start, dtype=np.float64), task.network.edge_count)
    return Rest(wipers, 0.0, swing(response(task, bench.pot.ohm(wipers)), bench.pot.step_ohm))


def _signal_v(task: Task) -> float:
    held = task.train.inputs
    return float(held.max() - min(held.min(), *([0.0] if task.grounds else [held.max()])))


def _outlook(
    sigma: Sigma,
    several: bool,
    setting: Setting,
    planned: str,
    predicted: Sequence[dict[tuple[float, str], Prediction]],
) -> Outlook:
    """Put the predictions of all tasks together."""
    found = [each[setting.eta, setting.start] for each in predicted]
    own = np.array([expected(each, setting.p, sigma.signed, several) for each in found])
    cost_v2 = own * [each.cost_v2 for each in found]
    stay = [setting.p == 1.0 and (sigma.signed or each.locks) for each in found]
    took = np.where(stay, 0.0, [each.steps_p(setting.p) for each in found]) if sigma.most_v.any() else [0.0]
    return Outlook(
        scaled=cost_v2 / [each[setting.eta, planned].cost_v2 for each in predicted],
        error_v=np.sqrt(cost_v2),
        steps_p=float(np.median(took)),
    )


def _best(outlooks: Mapping[Setting, Outlook]) -> Setting:
    """Choose the first of those that are as good as any, for a typical task and for one of the harder ones."""
    spreads = [Spread.over(found.scaled) for found in outlooks.values()]
    ends = np.log([(each.median, each.high) for each in spreads])
    worse = (ends - ends.min(axis=0)).max(axis=1)
    return list(outlooks)[int(np.argmax(worse <= max(np.log(HELPS), worse.min())))]


def expected(prediction: Prediction, p: float, signed: bool, several: bool) -> float:
    """Give the final scaled error, at most 1.

    Beyond `Prediction.error`: with biases of both signs wipers do not drift to the top. One example lets them stay near
    where they start, with p = 1; else they wander until many are at the bottom, where a step is large. What that leaves
    is a root of the floor: that is what simulations show, of 16 to 143 edges, and no theory, and tasks differ by a
    factor of ten.
    """
    if signed:
        root = 0.5 if p < 1.0 else 0.75 if several else 1.0
        error = prediction.bias_error**root + (prediction.start_error if p == 1.0 else 0.0)
    else:
        error = prediction.error(p)
    return float(min(error, 1.0))


def _regime(sigma: Sigma, predicted: Sequence[Prediction]) -> Regime:
    if not sigma.most_v.any():
        return "no bias"
    if sigma.signed:
        return "offsets"
    if np.mean([each.locks for each in predicted]) > 0.5:
        return "locked"
    bias, step = (np.median([getattr(each, name) for each in predicted]) for name in ("bias_error", "end_error"))
    return "bias" if bias >= step else "step"
