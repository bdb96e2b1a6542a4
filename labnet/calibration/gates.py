"""Update probability against bias, by counting.

Edges are triggered, without a step, after random waits: a gate with an oscillator of its own is then found at a random
phase, so that counts are binomial whatever its frequency. (Even waits alias, and golden-ratio ones scatter less than
their intervals say.)
"""

import numpy as np
from numpy.typing import NDArray

from labnet.calibration.results import GateCurve
from labnet.calibration.rig import Rig
from labnet.draws import Stream, draw, integers
from labnet.errors import NotSupported

FloatArray = NDArray[np.float64]

TRIGGERS = 4096
LEVELS = 32
WAIT_S = 1e-3  # at most; some hundred periods of an oscillator
_INSIDE = 0.47  # of p = 0.5: nearer to 0 or 1 a curve may have ended


def measure_gates(rig: Rig, triggers: int = TRIGGERS) -> GateCurve:
    """Count how often the gates of all edges are open, at biases from 0 to the highest."""
    board, edges = rig.board, rig.network.edge_count
    highest = float(rig.info.parts.get("bias_limit_v", 1.0))
    rig.place(rig.top)
    rig.hold(dict.fromkeys(rig.nodes, rig.volts(0.0)))
    each = max(triggers // LEVELS, 1)
    ticks = max(round(WAIT_S / rig.info.tick_s), 1)
    waits = 1 + integers(draw(rig.seed, Stream.CALIBRATION_WAIT, 0, np.arange(LEVELS * each)), ticks)
    biases, counts = np.zeros(LEVELS), np.zeros((LEVELS, edges))
    for k in range(LEVELS):
        board.bias_v = (k + 0.5) / LEVELS * highest
        biases[k] = board.bias_v
        for wait in waits[k * each : (k + 1) * each].tolist():
            board.wait(wait * rig.info.tick_s)
            counts[k] += board.trigger(step_wipers=False).enabled
        rig.tell((k + 1) / LEVELS)
    board.bias_v = 0.0
    return fitted(biases, counts / each, each, highest)


def fitted(biases: FloatArray, shares: FloatArray, each: int, highest: float) -> GateCurve:
    """Fit curves to shares of open gates, (levels, E), each of so many triggers."""
    levels, edges = shares.shape
    u = 2.0 * biases / highest - 1.0
    design = np.zeros((levels, edges, 2 * edges + 2))
    at = np.arange(edges)
    design[:, at, at] = 1.0
    design[:, at, edges + at] = u[:, None]
    design[:, :, -2], design[:, :, -1] = (2 * u**2 - 1)[:, None], (4 * u**3 - 3 * u)[:, None]
    p = _sloped(shares)
    for _ in range(8):
        inside = np.abs(p - 0.5) < _INSIDE
        alive = inside.sum(axis=0) >= 4
        if not alive.any():
            raise NotSupported("no gate of this board follows the bias: all are always open, or never.")
        inside &= alive
        known = np.concatenate([alive, alive, [True, True]])
        rows, y = design[inside][:, known], shares[inside]
        weight = each / (p[inside] * (1.0 - p[inside]))
        normal = rows.T @ (rows * weight[:, None]) + 1e-9 * np.eye(rows.shape[1])
        found = np.linalg.solve(normal, rows.T @ (weight * y))
        curves = design[:, :, known] @ found
        p = np.where(alive, np.clip(curves, 1e-3, 1.0 - 1e-3), p)
    residuals = weight * (y - rows @ found) ** 2
    dof = max(len(y) - len(found), 1)
    misfit = float(residuals.sum() / dof)
    covariance = np.linalg.inv(normal) * (misfit if misfit > 1 + 3 * np.sqrt(2 / dof) else 1.0)
    line = design[:, alive][:, :, known] @ found
    if (np.diff(line, axis=0) <= 0)[np.abs(line[1:] - 0.5) < 0.5].any():
        raise NotSupported("the share of open gates does not rise with the bias everywhere; look at the bias source.")
    every = np.full(2 * edges + 2, np.nan)
    every[known] = found
    whole = np.full((len(every), len(every)), np.nan)
    whole[np.ix_(known, known)] = covariance
    return GateCurve(bias_max_v=highest, fitted=every, covariance=whole, triggers=each * levels, misfit=misfit)


def _sloped(shares: FloatArray) -> FloatArray:
    """Give a first idea of the probabilities: the mean of the shares at each level and its two neighbours."""
    padded = np.concatenate([shares[:1], shares, shares[-1:]])
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)
