"""How far noise carries a training from its deterministic path: Eqs. 5 and 6 along the reference, without a fit.

In units of R_ref, with v(R) = dR / gamma of the full batch and tau = gamma x updates, a training in which edges (p) and
examples (b) are drawn follows the reference R(tau) up to a Gaussian displacement. The noise of a step, divided by the
p b updates that it makes, has the covariance gamma^2 Q,

    Q = p (1 - b) X + (1 - p) b G o (v v^T) + (1 - p) (1 - b) G o X,

with X the covariance of the examples' parts (Eq. 5), G o the entries that gates correlate (the diagonal alone for
Bernoulli gates: Eq. 6). The flow carries it along: with J = dv/dR the displacement has the covariance gamma S,

    dS/dtau = J S + S J^T + Q.

To the next order in gamma its mean is gamma m: smaller steps follow the flow more closely than the reference does, and
noise feels that the flow is curved,

    dm/dtau = J m + (1 - p b) J v / 2 + (S : d2v/dR2) / 2.

At equal updates that is all. A training that has made fewer updates, s instead of n, also lags by R(s) - R(n).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from labnet.figures.figure import FloatArray
from labnet.tasks import Task

_STEP = 1e-4  # of a finite difference, relative
_FINE = 0.02  # of the fastest time constant: the time that a propagator begins with


class Local(NamedTuple):
    """The learning rule at states (..., E), with gamma = 1 and in units of R_ref.

    Attributes
    ----------
    parts : numpy.ndarray, shape (..., E, B)
        What every example asks for.
    slope : numpy.ndarray, shape (..., E, E)
        J: how their sum changes with the resistances.
    """

    parts: FloatArray
    slope: FloatArray

    @property
    def drift(self) -> FloatArray:
        """v, the change of a full batch, shape (..., E)."""
        return np.asarray(self.parts.sum(axis=-1))


def local(task: Task, eta: float, states: FloatArray) -> Local:
    """Linearise Eq. 7 at many states at once; `analysis.example_updates` is the same at one state, without slope.

    A change of edge k acts on all drops as a current that is fed in at its ends; the clamped outputs follow the free
    ones by 1 - eta.
    """
    network, outputs = task.network, list(task.outputs)
    rim = [*task.inputs, *task.grounds]
    ends = np.zeros((network.edge_count, network.node_count))
    first, second = network.ends
    ends[np.arange(len(ends)), first] = 1.0
    ends[np.arange(len(ends)), second] = -1.0
    held = task.held_v(task.train.inputs).T
    laplacian = np.einsum("en,...e,em->...nm", ends, 1.0 / states, ends, optimize=True)
    moves, fed = _response(laplacian, rim)
    free = moves @ held
    nudged = (1.0 - eta) * free[..., outputs, :] + eta * task.train.targets.T
    clamped_moves, clamped_fed = _response(laplacian, rim + outputs)
    by_outputs = clamped_moves[..., len(rim) :]
    clamped = clamped_moves[..., : len(rim)] @ held + by_outputs @ nudged
    f, c = ends @ free, ends @ clamped
    following = (1.0 - eta) * ends @ by_outputs @ (fed @ ends.T)[..., outputs, :]
    change = _carry(ends, clamped_fed) * _gram(c, c) + following * _gram(c, f) - _carry(ends, fed) * _gram(f, f)
    r = states[..., None]
    parts = (c * c - f * f) / r**2
    slope = 2.0 * change / _gram(r**2, r**2)
    edges = np.arange(network.edge_count)
    slope[..., edges, edges] -= 2.0 * parts.sum(axis=-1) / states
    return Local(parts, slope)


def _response(laplacian: FloatArray, held: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Give how all nodes follow the held ones, (..., n, H), and currents fed into them, (..., n, n)."""
    free = np.setdiff1d(np.arange(laplacian.shape[-1]), held)
    among = (..., free[:, None], free)
    moves, fed = np.zeros((*laplacian.shape[:-1], len(held))), np.zeros_like(laplacian)
    fed[among] = np.linalg.inv(laplacian[among])
    moves[..., free, :] = -fed[among] @ laplacian[..., free[:, None], list(held)]
    moves[..., list(held), np.arange(len(held))] = 1.0
    return moves, fed


class Spread(NamedTuple):
    """The displacement along references with P different gamma, in units of R_ref.

    Attributes
    ----------
    updates : numpy.ndarray, shape (K,)
        Ascending from 0.
    path : callable
        The references, (P, E), after any number of updates.
    covariances : numpy.ndarray, shape (2, 3, P, K, E, E)
        gamma S of each term of Q without its factor of p and b; for parts that are drawn each with its probability, and
        for fixed numbers.
    smaller : numpy.ndarray, shape (P, K, E)
        gamma m of smaller steps, without the factor 1 - p b.
    curved : numpy.ndarray, shape (2, 3, P, K, E)
        gamma m that comes with each of the covariances.
    """

    updates: FloatArray
    path: CubicSpline
    covariances: FloatArray
    smaller: FloatArray
    curved: FloatArray

    def displacement(self, updates: float, p: float, b: float, fixed: bool) -> tuple[FloatArray, FloatArray]:
        """Give mean (P, E) and covariance (P, E, E) of the displacement after `updates`, at update rates p and b."""
        shares = np.array([p * (1.0 - b), (1.0 - p) * b, (1.0 - p) * (1.0 - b)])
        at = np.log1p(self.updates)
        k = int(np.clip(np.searchsorted(self.updates, updates) - 1, 0, len(at) - 2))
        weights = np.array([at[k + 1] - np.log1p(updates), np.log1p(updates) - at[k]]) / (at[k + 1] - at[k])
        mean = np.einsum("q,qpke,k->pe", shares, self.curved[int(fixed), :, :, k : k + 2], weights)
        mean += (1.0 - p * b) * np.einsum("pke,k->pe", self.smaller[:, k : k + 2], weights)
        covariance = np.einsum("q,qpkij,k->pij", shares, self.covariances[int(fixed), :, :, k : k + 2], weights)
        return mean, covariance

    def distances(
        self, updates: float, reference: float, p: float, b: float, fixed: bool, normal: FloatArray
    ) -> FloatArray:
        """Draw distances after `updates` from the references after `reference` updates.

        Parameters
        ----------
        normal : numpy.ndarray, shape (D, E)
            Standard normal numbers.

        Returns
        -------
        numpy.ndarray, shape (2, P, D)
            Of diffusion and lag alone, and with the shift of the mean.
        """
        shift, covariance = self.displacement(updates, p, b, fixed)
        lag = self.path(np.log1p(updates)) - self.path(np.log1p(reference))
        sizes, axes = np.linalg.eigh(covariance)
        noise = np.einsum("pek,pk,dk->pde", axes, np.sqrt(np.maximum(sizes, 0.0)), normal, optimize=True)
        return np.array([np.linalg.norm(mean[:, None] + noise, axis=-1) for mean in (lag, lag + shift)])


def spread(task: Task, eta: float, gammas: FloatArray, updates: FloatArray, states: FloatArray) -> Spread:
    """Integrate S and m along references with `gammas` (P,): states (P, K, E), in units of R_ref, at `updates`."""
    at = local(task, eta, states)
    noise = _noise(at)
    smaller = 0.5 * (at.slope @ at.drift[..., None])[..., 0]
    covariances, curved = np.zeros_like(noise), np.zeros((*noise.shape[:2], *states.shape))
    finer = np.zeros_like(states)
    bend_before = _curvature(task, eta, states[:, 0])
    for k in range(len(updates) - 1):
        time, both = gammas * (updates[k + 1] - updates[k]), slice(k, k + 2)
        bend = _curvature(task, eta, states[:, k + 1])
        added = noise[:, :, :, both].mean(axis=3)
        carried, integral, gained = _propagator(at.slope[:, both].mean(axis=1), added, time)
        covariances[:, :, :, k + 1] = _carry(carried, covariances[:, :, :, k]) + gained
        middle = covariances[:, :, :, both].mean(axis=3)
        felt = 0.5 * np.einsum("pim,fqpm->fqpi", _flat(bend_before + bend) / 2.0, _flat(middle), optimize=True)
        curved[:, :, :, k + 1] = _moved(carried, curved[:, :, :, k]) + _moved(integral, felt)
        finer[:, k + 1] = _moved(carried, finer[:, k]) + _moved(integral, smaller[:, both].mean(axis=1))
        bend_before = bend
    scale = gammas[:, None, None]
    path = CubicSpline(np.log1p(updates), states, axis=1)
    return Spread(updates, path, scale[..., None] * covariances, scale * finer, scale * curved)


def _noise(at: Local) -> FloatArray:
    """Give the three terms of Q, drawn and with fixed numbers, shape (2, 3, ..., E, E)."""
    edges, examples = at.parts.shape[-2:]
    together, alone = _gram(at.parts, at.parts), at.drift[..., :, None] * at.drift[..., None, :]
    fixed_together = (together - alone / examples) * examples / (examples - 1)
    gates, fixed_gates = np.eye(edges), (np.eye(edges) - 1.0 / edges) * edges / (edges - 1)
    return np.array(
        [
            [together, gates * alone, gates * together],
            [fixed_together, fixed_gates * alone, fixed_gates * fixed_together],
        ]
    )


def _curvature(task: Task, eta: float, states: FloatArray) -> FloatArray:
    """Give d2v_i / dR_j dR_k at states (P, E), shape (P, E, E, E)."""
    steps = _STEP * states
    moved = steps[:, None] * np.eye(states.shape[-1])
    ahead, behind = (local(task, eta, states[:, None] + way * moved).slope for way in (1.0, -1.0))
    return np.asarray(np.moveaxis((ahead - behind) / (2.0 * steps[..., None, None]), 1, -1))


def _propagator(slope: FloatArray, noise: FloatArray, time: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give exp(J t), its integral over t, and what noise Q adds to S, by doubling of a short time."""
    fastest = float((np.abs(slope).sum(axis=-1).max(axis=-1) * time).max())
    doublings = max(0, int(np.ceil(np.log2(fastest / _FINE)))) if fastest else 0
    short = (time / 2**doublings)[:, None, None]
    step = short * slope
    carried = np.eye(slope.shape[-1]) + step + 0.5 * step @ step
    integral = short * (np.eye(slope.shape[-1]) + 0.5 * step)
    gained = short * (noise + 0.5 * (step @ noise + noise @ np.swapaxes(step, -1, -2)))
    for _ in range(doublings):
        gained = gained + _carry(carried, gained)
        integral = integral + carried @ integral
        carried = carried @ carried
    return carried, integral, gained


def _carry(by: FloatArray, covariance: FloatArray) -> FloatArray:
    return np.asarray(by @ covariance @ np.swapaxes(by, -1, -2))


def _moved(by: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray((by @ vectors[..., None])[..., 0])


def _gram(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a @ np.swapaxes(b, -1, -2))


def _flat(last: FloatArray) -> FloatArray:
    return last.reshape(*last.shape[:-2], -1)
