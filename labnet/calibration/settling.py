"""Time constant of what floats: hold, change, read after growing waits, and fit an exponential."""

import math

import numpy as np
from numpy.typing import NDArray

from labnet.calibration.estimates import Estimate, few
from labnet.calibration.results import Settling
from labnet.calibration.rig import SIDES, Rig

FloatArray = NDArray[np.float64]

WAITS = 10  # of a fit, from a fifth of a time constant to four
REPEATS = 4
LONGEST_S = 0.1
_SEEN = 6.0  # standard deviations


def measure_settling(rig: Rig) -> Settling:
    """Measure how fast every node that can float between held ones follows them, over both sides."""
    rig.place(rig.top)
    nodes = rig.network.node_count
    swing_v = rig.swing_v(rig.top)
    levels = (rig.low_v, rig.grid(rig.low_v + swing_v))
    tau, std = np.full((2, nodes), np.nan)
    at_most_s = 0.0
    for k, group in enumerate(rig.groups):
        waits = _waits(rig, group, levels)
        if len(waits) > 1:
            tau[list(group)], std[list(group)] = _fitted(rig, group, levels, waits)
        else:
            rise = levels[1] - levels[0]
            seen = _SEEN * np.sqrt(2 * rig.mean_var(1))
            at_most_s = max(at_most_s, waits[0] / np.log(rise / seen))
        rig.tell((k + 1) / len(rig.groups))
    return Settling(tau_s=Estimate(value=tau, std=std), at_most_s=at_most_s)


def _after(rig: Rig, group: tuple[int, ...], levels: tuple[float, float], wait_s: float) -> FloatArray:
    """Read a group's nodes on both sides, (2, g), so long after all their neighbours went from low to high."""
    low, high = (dict.fromkeys((node for node in rig.nodes if node not in group), volts) for volts in levels)
    rig.hold(low, group, group)
    for side in SIDES:
        rig.board.drive(side, high)
    rig.board.wait(wait_s)
    return np.array([rig.board.read(side)[list(group)] for side in SIDES])


def _waits(rig: Rig, group: tuple[int, ...], levels: tuple[float, float]) -> list[float]:
    """Give the waits at which a change can be seen; the shortest there is, where it is over by then."""
    rig.hold(dict.fromkeys((node for node in rig.nodes if node not in group), levels[1]), group, group)
    there = rig.read(4 * REPEATS)[:, list(group)]
    seen = _SEEN * np.sqrt(rig.mean_var(1))
    wait_s, rise = rig.info.tick_s, levels[1] - levels[0]
    if np.abs(_after(rig, group, levels, wait_s) - there).max() <= seen:
        return [wait_s]
    while wait_s < LONGEST_S and np.abs(_after(rig, group, levels, wait_s) - there).max() > rise / math.e:
        wait_s *= 2
    rig.settle_s = max(rig.settle_s, 25 * wait_s)  # from here on
    waits = {rig.whole(share * wait_s) for share in np.geomspace(0.2, 4.0, WAITS)}
    return sorted(waits)


def _fitted(
    rig: Rig, group: tuple[int, ...], levels: tuple[float, float], waits: list[float]
) -> tuple[FloatArray, FloatArray]:
    """Fit V = V_end - (V_end - V_start) exp(-t / tau) to every node of a group, both sides with one tau; (g,) each."""
    seen = np.array([[_after(rig, group, levels, wait_s) for _ in range(REPEATS)] for wait_s in waits])
    rig.hold(dict.fromkeys((node for node in rig.nodes if node not in group), levels[1]), group, group)
    end = rig.read(4 * REPEATS)[:, list(group)]
    rig.hold(dict.fromkeys((node for node in rig.nodes if node not in group), levels[0]), group, group)
    start = rig.read(4 * REPEATS)[:, list(group)]
    # V_end and V_start are unknowns too: 2 sides x (end, start) and tau, from the readings at all waits and those two
    t = np.array(waits)
    tau, std = np.zeros((2, len(group)))
    for i in range(len(group)):
        y = np.concatenate([seen[..., i].mean(axis=1), start[None, :, i], end[None, :, i]])  # (waits + 2, 2)
        weight = np.array([REPEATS] * len(t) + [4 * REPEATS] * 2)[:, None] / rig.mean_var(1)
        guess = _first_tau(t, seen[..., i].mean(axis=(1, 2)), start[:, i].mean(), end[:, i].mean())
        x = np.array([guess, *start[:, i], *end[:, i]])
        for _ in range(20):
            decay = np.concatenate([np.exp(-t / x[0]), [1.0, 0.0]])
            slope = np.concatenate([t, [0.0, 0.0]]) / x[0] ** 2 * decay
            jacobian = np.zeros((len(decay), 2, 5))
            for side in range(2):
                jacobian[:, side, 0] = slope * (x[1 + side] - x[3 + side])
                jacobian[:, side, 1 + side], jacobian[:, side, 3 + side] = decay, 1.0 - decay
            model = np.stack([x[3 + s] + (x[1 + s] - x[3 + s]) * decay for s in range(2)], axis=1)
            rows = (jacobian * weight[:, :, None]).reshape(-1, 5)
            normal = rows.T @ jacobian.reshape(-1, 5)
            step = np.linalg.solve(normal, rows.T @ (y - model).reshape(-1))
            x = x + np.clip(step, -0.5 * np.abs(x), 0.5 * np.abs(x))
            if abs(step[0]) < 1e-9 * x[0]:
                break
        misfit = float((weight * (y - model) ** 2).sum()) / (y.size - 5)
        tau[i] = x[0]
        std[i] = np.sqrt(np.linalg.inv(normal)[0, 0] * max(misfit, 1.0)) * few(y.size - 5 if misfit > 2 else 1e6)
    return tau, std


def _first_tau(t: FloatArray, volts: FloatArray, start: float, end: float) -> float:
    """Give a time constant to begin a fit with, from the reading nearest to 1/e."""
    left = np.clip((end - volts) / (end - start), 1e-3, 0.999)
    k = int(np.argmin(np.abs(left - 1 / math.e)))
    return float(-t[k] / np.log(left[k]))
