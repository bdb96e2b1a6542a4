"""Distances from the synchronous full-batch solution at every setting, as measured and as diffusion and lag predict."""

from itertools import product
from typing import NamedTuple

import numpy as np

from labnet.analysis import distance
from labnet.figures.desync_diffusion import Spread, spread
from labnet.figures.distances import solutions
from labnet.figures.figure import TASK, FloatArray, Sweeps, grouped, plan_of
from labnet.sweeps import Sweep

CURVES = ("edges, p", "examples, b", "both, p = b")
EQUAL = ("updates", "steps")
_PARTS = {"drawn": "", "fixed": "fixed: "}  # by name of the curves in the file
_REFERENCE = "reference"
_GAMMA, _P, _B = "rule.gamma", "clock.p", "rule.batch"
_DRAWS = 16  # of the predicted noise, for each task
_ZERO = 1e-9  # R_ref: trainings that made the same updates are alike to rounding


class Setting(NamedTuple):
    """What three curves share: how parts are left out, what is equal, how long the reference trains, and gamma."""

    parts: str
    equal: str
    updates: int
    gamma: float


class Distances(NamedTuple):
    """Distances at one setting, in units of R_ref, by curve.

    Attributes
    ----------
    left_out : numpy.ndarray, shape (K,)
        1 - p or 1 - b.
    tasks : numpy.ndarray, shape (T,)
        Those with no training that failed.
    measured : dict of numpy.ndarray, shape (T, K)
    predicted : dict of numpy.ndarray, shape (2, D, T, K)
        Drawn with diffusion and lag alone, and with the shift of the mean.
    """

    left_out: FloatArray
    tasks: FloatArray
    measured: dict[str, FloatArray]
    predicted: dict[str, FloatArray]


class _References(NamedTuple):
    """The deterministic trainings of one task, with P gamma, and how noise spreads along them."""

    gammas: list[float]
    ohm: dict[int, FloatArray]  # (P, E) by step
    spread: Spread


Key = tuple[str, int, float]  # equal, updates, gamma
Arrays = tuple[FloatArray, FloatArray]  # measured (T, K) and predicted (2, D, T, K); NaN where a training failed


def measured(sweeps: Sweeps) -> dict[Setting, Distances]:
    """Give measured and predicted distances at every setting."""
    references = _references(sweeps[_REFERENCE])
    tasks, found = np.array(list(references)), {}
    for parts, prefix in _PARTS.items():
        left_out, curves = np.empty(0), {}
        for curve in CURVES:
            left_out, curves[curve] = _curve(sweeps[prefix + curve], references, parts == "fixed")
        for key in next(iter(curves.values())):
            arrays = {curve: each[key] for curve, each in curves.items()}
            whole = np.all([np.isfinite(apart) for apart, _ in arrays.values()], axis=(0, 2))
            found[Setting(parts, *key)] = Distances(
                left_out,
                tasks[whole],
                {curve: apart[whole] for curve, (apart, _) in arrays.items()},
                {curve: drawn[:, :, whole] for curve, (_, drawn) in arrays.items()},
            )
    return found


def _references(sweep: Sweep) -> dict[int, _References]:
    """Give the references of every task."""
    found = {}
    for task, part in grouped(solutions(sweep), TASK).items():
        plan = plan_of(sweep, int(part["point"].iloc[0]))
        gammas, steps = np.unique(part[_GAMMA]), np.unique(part["step"])
        ohm = np.array(part.sort_values([_GAMMA, "step"])["ohm"].tolist()).reshape(len(gammas), len(steps), -1)
        found[int(task)] = _References(
            gammas.tolist(),
            dict(zip(steps.tolist(), ohm.swapaxes(0, 1), strict=True)),
            spread(plan.task, plan.eta_at(0), gammas, steps, ohm / plan.task.network.r_ref_ohm),
        )
    return found


def _curve(sweep: Sweep, references: dict[int, _References], fixed: bool) -> tuple[FloatArray, dict[Key, Arrays]]:
    """Give what is left out, (K,), and all distances of one curve."""
    swept = _P if _P in sweep.over.columns else _B
    ends = solutions(sweep)
    ohm = ends.set_index([TASK, _GAMMA, swept, "step"])["ohm"].to_dict()
    shares, gammas = sorted(ends[swept].unique(), reverse=True), sorted(ends[_GAMMA].unique())
    keys, shape = list(product(EQUAL, _times(sweep))), (len(references), len(shares))
    found = {
        (*key, gamma): (np.full(shape, np.nan), np.full((2, _DRAWS, *shape), np.nan))
        for key, gamma in product(keys, gammas)
    }
    for (row, (task, reference)), (k, share) in product(enumerate(references.items()), enumerate(shares)):
        p, b = (share if each in sweep.over.names else 1.0 for each in (_P, _B))
        normal = np.random.default_rng(task).standard_normal((_DRAWS, len(ends["ohm"].iloc[0])))
        for equal, updates in keys:
            steps = updates if equal == "steps" else round(updates / (p * b))
            drawn = reference.spread.distances(steps * p * b, updates, p, b, fixed, normal)
            for gamma, at, predicted in zip(
                reference.gammas, reference.ohm[updates], drawn.swapaxes(0, 1), strict=True
            ):
                there = ohm.get((task, gamma, share, steps))
                if there is not None:
                    apart, all_drawn = found[equal, updates, gamma]
                    apart[row, k] = max(float(distance(there, at)), _ZERO)
                    all_drawn[:, :, row, k] = predicted
    return 1.0 - np.array(shares), found


def _times(sweep: Sweep) -> list[int]:
    """Give the steps that every point logs: the others are equal updates."""
    logs = [set(sweep.over.changes(point)["log"]) for point in range(len(sweep.over.values))]
    return sorted(set.intersection(*logs) - {0})
