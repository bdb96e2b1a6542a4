"""Numbers that say what learning did: distances between solutions, exponents, the noise of a step.

A step adds up parts: the changes that each of B examples asks for (Eq. 7), or those of each of N edges, of which a part
has one component alone. Mini-batching leaves out examples, desynchronous updates leave out edges; both draw from the
parts, so one function gives the diffusion of either (wycoff2022, Eqs. 5 and 6).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from labnet import circuit
from labnet.circuit import Law, Linear
from labnet.errors import AnalysisError
from labnet.rules import Continuous, States
from labnet.tasks import Task

FloatArray = NDArray[np.float64]

_RESAMPLES = 2000
_BETWEEN = (0.025, 0.975)


class Interval(NamedTuple):
    """An estimate and its 95 % interval, over tasks or boards."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


class PowerLaw(NamedTuple):
    """y = factor x^exponent."""

    exponent: Interval
    factor: float


def medians(samples: ArrayLike) -> FloatArray:
    """Give the medians over tasks of samples (T, K), and the ends of their intervals, shape (3, K).

    The intervals are a percentile bootstrap over tasks: whole rows are drawn, so what belongs together stays together.

    Raises
    ------
    AnalysisError
        For fewer than two tasks.
    """
    rows = _rows(samples)
    resampled = np.median(rows[_draws(len(rows))], axis=1)
    return np.array([np.median(rows, axis=0), *np.quantile(resampled, _BETWEEN, axis=0)])


def _rows(samples: ArrayLike) -> FloatArray:
    rows = np.asarray(samples, dtype=np.float64)
    if len(rows) < 2:
        raise AnalysisError(f"{len(rows)} samples; allowed: at least 2, for an interval. Use more tasks.")
    return rows


def _draws(count: int) -> NDArray[np.int64]:
    """Give which rows each resample consists of, shape (resamples, count)."""
    return np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))


def _interval(value: float, resampled: FloatArray | list[float]) -> Interval:
    low, high = np.quantile(resampled, _BETWEEN)
    return Interval(float(value), float(low), float(high))


def median(samples: ArrayLike) -> Interval:
    """Estimate the median over tasks of samples (T,)."""
    return Interval(*medians(np.reshape(samples, (-1, 1)))[:, 0].tolist())


def ratio_of_medians(a: ArrayLike, b: ArrayLike) -> Interval:
    """Estimate the ratio of the medians of samples (T,) of the same tasks; the bootstrap draws whole tasks."""
    pairs = _rows(np.stack([np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)], axis=1))
    above, below = np.median(pairs[_draws(len(pairs))], axis=1).T
    middle = np.median(pairs, axis=0)
    return _interval(middle[0] / middle[1], above / below)


def mean(samples: ArrayLike) -> Interval:
    """Estimate the mean of samples (T,), with Student's interval; NaN are left out."""
    values = np.asarray(samples, dtype=np.float64)
    values = _rows(values[~np.isnan(values)])
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


def distance(a_ohm: ArrayLike, b_ohm: ArrayLike, r_ref_ohm: float = 10e3) -> FloatArray:
    """Give the L2 distance in resistance space, in units of R_ref; shape (...) from resistances (..., E) (Eq. 8)."""
    apart = (np.asarray(a_ohm, dtype=np.float64) - np.asarray(b_ohm, dtype=np.float64)) / r_ref_ohm
    return np.asarray(np.linalg.norm(apart, axis=-1))


def fit_power_law(x: ArrayLike, y: ArrayLike, average: Callable[..., FloatArray] = np.median) -> PowerLaw:
    """Fit y = factor x^exponent to averages over tasks, by least squares of the logarithms.

    Parameters
    ----------
    x : array_like, shape (K,)
        Positive, at least two different ones.
    y : array_like, shape (T, K)
        Positive; one row a task.
    average : callable
        Over axis 0: numpy.median, or numpy.mean, which a few tasks may rule.

    Returns
    -------
    PowerLaw
        The interval is a bootstrap over tasks.

    Raises
    ------
    AnalysisError
        For values that have no logarithm, and x that are all the same.
    """
    at, rows = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not all(((each > 0) & np.isfinite(each)).all() for each in (at, rows)):
        raise AnalysisError("x and y of a power law; allowed: finite numbers above 0. Leave the others out.")
    weights = slope_weights(at)
    (exponent,) = log_contrasts(rows, [weights], average)
    averages = np.log(average(rows, axis=0))
    return PowerLaw(exponent, float(np.exp(averages.mean() - exponent.value * np.log(at).mean())))


def slope_weights(x: ArrayLike) -> FloatArray:
    """Give the weights (K,) with which logarithms of y (K,) add up to the least-squares exponent of y over x.

    Raises
    ------
    AnalysisError
        For x that are all the same.
    """
    logs = np.log(np.asarray(x, dtype=np.float64))
    apart = logs - logs.mean()
    if not apart.any():
        raise AnalysisError(f"x is {np.asarray(x).tolist()}; allowed: at least two different numbers.")
    return np.asarray(apart / (apart @ apart))


def log_contrasts(
    samples: ArrayLike, weights: ArrayLike, average: Callable[..., FloatArray] = np.median
) -> list[Interval]:
    """Estimate weighted sums of the logarithms of averages over tasks: exponents, and how they differ.

    Parameters
    ----------
    samples : array_like, shape (T, K)
        Positive; one row a task.
    weights : array_like, shape (W, K)
    average : callable
        As `fit_power_law` takes it.

    Returns
    -------
    list of Interval
        W of them; the bootstrap draws whole tasks.
    """
    rows, sums = _rows(samples), np.asarray(weights, dtype=np.float64).T
    values = np.log(average(rows, axis=0)) @ sums
    resampled = np.log(average(rows[_draws(len(rows))], axis=1)) @ sums
    return [_interval(value, each) for value, each in zip(values, resampled.T, strict=True)]


def example_updates(task: Task, rule: Continuous, resistances_ohm: ArrayLike, eta: float) -> FloatArray:
    """Give the change that every training example asks for: dR_ij of Eq. 7 in units of R_ref, shape (B, E).

    Raises
    ------
    AnalysisError
        For options of the rule, which Eq. 7 has not.
    """
    if rule.symmetric or (rule.margin_v, rule.over_clamp_v) != (None, None):
        raise AnalysisError("the rule is symmetric, has a margin or over-clamps; allowed: Continuous without these.")
    network, examples = task.network, task.train
    ohm = np.asarray(resistances_ohm, dtype=np.float64)
    outputs = np.array(task.outputs)
    held = task.held_v(examples.inputs)
    rim = task.inputs + task.grounds
    free = held @ circuit.transfer_matrix(network, ohm, rim).T
    nudged = eta * task.wanted(free[:, outputs], examples.targets) + (1.0 - eta) * free[:, outputs]
    response = circuit.transfer_matrix(network, ohm, rim + task.outputs)
    clamped = np.hstack([held, nudged]) @ response.T
    return rule.delta(States(network, ohm, free, clamped)) / network.r_ref_ohm


def edge_updates(update: ArrayLike) -> FloatArray:
    """Take one update (E,) apart into those of its edges, shape (E, E): row i has component i alone."""
    return np.diag(np.asarray(update, dtype=np.float64))


def diffusion(parts: ArrayLike) -> FloatArray:
    """Give the covariance of one part drawn at random: the diffusion matrix, times gamma^2 (wycoff2022, Eqs. 5 and 6).

    D = n^-1 sum_k x_k (x) x_k - x (x) x, with x the mean of the parts x_k. Of `example_updates` it is Eq. 5's D. Of
    `edge_updates` it is Eq. 6's D_eff, where the paper's last term is read as the mean over edges too, dR / N: as
    printed, with the whole dR, the matrix would have negative eigenvalues.

    Parameters
    ----------
    parts : array_like, shape (n, E)
        In units of R_ref.

    Returns
    -------
    numpy.ndarray, shape (E, E)
        In units of R_ref^2; symmetric, positive semidefinite.
    """
    x = np.asarray(parts, dtype=np.float64)
    apart = x - x.mean(axis=0)
    return np.asarray(apart.T @ apart / len(x))


def step_covariance(parts: ArrayLike, share: float, fixed: bool = False) -> FloatArray:
    """Give the exact covariance of one step that leaves out parts at random.

    Each part takes part with probability q: q (1 - q) sum_k x_k (x) x_k, for edges p (1 - p) diag(dR_i^2). With a fixed
    number of them, m = round(q n): m (n - m) / (n - 1) D, so that Eqs. 5 and 6 are exact, up to a factor, for fixed
    numbers.

    Parameters
    ----------
    parts : array_like, shape (n, E)
        `example_updates` for mini-batches, `edge_updates` for desynchronous updates.
    share : float
        q: the update probability p, or the batch's share b.
    fixed : bool
        Exactly round(q n) parts a step (p-bar, b-bar).

    Returns
    -------
    numpy.ndarray, shape (E, E)
    """
    x = np.asarray(parts, dtype=np.float64)
    n = len(x)
    if not 0.0 <= share <= 1.0:
        raise AnalysisError(f"share is {share}; allowed: 0 to 1.")
    if not fixed:
        return np.asarray(share * (1.0 - share) * (x.T @ x))
    m = round(share * n)
    return m * (n - m) / max(n - 1, 1) * diffusion(x)


def overlap(a: ArrayLike, b: ArrayLike) -> float:
    """Give how alike two covariances are: tr(A B) / sqrt(tr(A^2) tr(B^2)), 0 (nothing shared) to 1 (proportional)."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def directions(covariance: ArrayLike) -> float:
    """Give in how many directions a covariance spreads: tr(D)^2 / tr(D^2), from 1 to E (participation ratio)."""
    x = np.asarray(covariance, dtype=np.float64)
    return float(np.trace(x) ** 2 / (x * x).sum())


def gradient(
    task: Task, resistances_ohm: ArrayLike, examples: Sequence[int] | None = None, law: Law | None = None
) -> FloatArray:
    """Give the exact gradient of the cost O = 1/2 sum (V_F - V_D)^2, by the adjoint circuit (ernoult2024, Eq. 2).

    Parameters
    ----------
    task : Task
    resistances_ohm : array_like, shape (E,)
    examples : sequence of int, optional
        Training examples that O is a sum over; all of them.
    law : labnet.circuit.Law, optional
        What edges are; resistors.

    Returns
    -------
    numpy.ndarray, shape (E,)
        dO/dR in V^2, R in units of R_ref.
    """
    network, at, law = task.network, list(task.outputs), law or Linear()
    ohm = np.asarray(resistances_ohm, dtype=np.float64)
    slope = np.zeros(network.edge_count)
    for example in range(len(task.train)) if examples is None else examples:
        held = task.held(task.train.inputs[example])
        free = circuit.node_voltages(network, ohm, held, law=law)
        errors = np.zeros(network.node_count)
        errors[at] = free[at] - task.wanted(free[at], task.train.targets[example])
        slope += circuit.cost_slope(network, ohm, free, held, errors, law)
    return np.asarray(network.r_ref_ohm * slope)


def cosine(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Give the cosine of the angle between vectors (..., E) and (..., E), shape (...); NaN where one of them is 0."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    sizes = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return np.asarray((x * y).sum(axis=-1) / np.where(sizes > 0.0, sizes, np.nan))


def perturbation_covariance(
    slopes: ArrayLike, times: int, variances: ArrayLike = 1.0, fourth_moments: ArrayLike = 1.0
) -> FloatArray:
    """Give the covariance of an estimate G from small perturbations that are drawn independently (oripov2025, Eq. 16).

    Parameters
    ----------
    slopes : array_like, shape (K,)
        The gradient that G estimates, with the parameters that are perturbed.
    times : int
        tau_theta: how many perturbations G is the mean of.
    variances, fourth_moments : array_like, shape (K,) or one for all
        sigma^2 and alpha^4 of the perturbations: 1 and 1 for Bernoulli ones, 1 and 3 for normal ones, in units of their
        size.

    Returns
    -------
    numpy.ndarray, shape (K, K)

    Raises
    ------
    AnalysisError
        For less than one perturbation.
    """
    g = np.asarray(slopes, dtype=np.float64)
    square, fourth = np.broadcast_to(variances, g.shape), np.broadcast_to(fourth_moments, g.shape)
    if times < 1:
        raise AnalysisError(f"times is {times}; allowed: at least 1.")
    covariance = np.outer(g, g)
    others = (g**2 @ square - g**2 * square) / square
    np.fill_diagonal(covariance, g**2 * (fourth / square**2 - 1.0) + others)
    return np.asarray(covariance / times)


def perturbation_square(
    slopes: ArrayLike, times: int, variances: ArrayLike = 1.0, fourth_moments: ArrayLike = 1.0
) -> float:
    """Give the mean square of G (oripov2025, Eq. 20): for Bernoulli 1 + (K - 1) / times that of the slopes (Eq. 21).

    Parameters are those of `perturbation_covariance`.
    """
    g = np.asarray(slopes, dtype=np.float64)
    return float(g @ g + np.trace(perturbation_covariance(g, times, variances, fourth_moments)))
