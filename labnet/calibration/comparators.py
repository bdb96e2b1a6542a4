"""When edges step up: thresholds of the comparators, from sweeps of a node's source.

A node floats on the clamped side between held neighbours, at u, and is held on the free side, at v. Of its edge to a
neighbour at w, dV_C - dV_F = +-(u - v) and dV_C + dV_F = +-(u + v - 2 w): as v passes u the difference changes sign
while the sum is clear of 0, and as v passes 2 w - u the sum does while the difference is clear. All is done with the
neighbours high and low in some pattern, and in the opposite one: that turns the sign of what is clear. With thresholds
t+ and t- so found, an offset is -(t+ + t-) / 2 and sigma (t- - t+) / 2.

The mean of a threshold that scatters is found without a model of how (Spearman and Kaerber): from the share of "up" at
evenly spaced voltages, as the mean of the distribution function that these are points of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labnet.calibration.estimates import Estimate
from labnet.calibration.results import Comparators, Converters
from labnet.calibration.rig import Rig
from labnet.errors import NotSupported
from labnet.floating import floating_groups

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WITHIN_V = 80e-3  # of 0 V a threshold is looked for
LEVELS = 16  # of a sweep that looks where it is
FINE_LEVELS = 48  # of one that measures how it scatters
TRIGGERS = 4  # at a level
READINGS = 16
_CLEAR_V = 0.15  # what is to be clear of 0 must be at least


@dataclass
class _Sweep:
    """Edges of nodes that float together, one of each, and how the source of each is swept.

    Attributes
    ----------
    edges, nodes : numpy.ndarray, shape (s,)
    centre_v : numpy.ndarray, shape (s,)
        What the source is to be asked for where the voltage that is swept, difference or sum, is 0.
    turned : numpy.ndarray, shape (s,)
        +1 or -1: how that voltage goes with the source.
    rising : numpy.ndarray of bool, shape (s,)
        Whether an edge goes from down to up as that voltage rises.
    errors : numpy.ndarray, shape (s, 10)
        By how much that voltage is off for an error of 1 of each of: the reading of u, with the neighbours one way and
        the other; gains and offsets of the node (6, as in `Converters.covariance`), those of the neighbour's source.
    """

    edges: IntArray
    nodes: IntArray
    centre_v: FloatArray
    turned: FloatArray
    rising: NDArray[np.bool_]
    errors: FloatArray


class _Thresholds:
    """Found thresholds of all edges, those of difference and sum, each t+ and t-: (2, 2, E).

    Attributes
    ----------
    mean, mean_var : numpy.ndarray
        With the variance that counting and codes leave.
    width, width_var : numpy.ndarray
        Variance from trigger to trigger, and the variance of it.
    errors : numpy.ndarray, shape (2, 2, E, 10)
        As in `_Sweep`.
    sources : numpy.ndarray, shape (E, 10, 10)
        Covariance of these errors.
    """

    def __init__(self, edges: int) -> None:
        self.mean, self.mean_var, self.width, self.width_var = np.full((4, 2, 2, edges), np.nan)
        self.errors, self.sources = np.zeros((2, 2, edges, 10)), np.zeros((edges, 10, 10))

    def comparators(self) -> Comparators:
        """Give offsets and sigma."""
        errors = self.errors.reshape(4, -1, 10)
        covariance = np.einsum("aei,eij,bej->eab", errors, self.sources, errors)
        at = np.arange(4)
        covariance[:, at, at] += self.mean_var.reshape(4, -1).T
        t = self.mean.reshape(4, -1).T
        offsets = np.array([[-0.5, -0.5, 0.0, 0.0], [0.0, 0.0, -0.5, -0.5]])
        each = np.array([[-0.5, 0.5, 0.0, 0.0], [0.0, 0.0, -0.5, 0.5]])  # sigma from difference and sum
        weight = 1.0 / np.einsum("ka,eab,kb->ek", each, covariance, each)
        sigma = (weight / weight.sum(axis=1, keepdims=True)) @ each  # (E, 4)
        offset_std = np.sqrt(np.einsum("ka,eab,kb->ke", offsets, covariance, offsets))
        sigma_var = np.einsum("ea,eab,eb->e", sigma, covariance, sigma)
        width, width_var = self.width.mean(axis=(0, 1)), self.width_var.sum(axis=(0, 1)) / 16
        least = np.maximum(width, np.sqrt(width_var))
        return Comparators(
            difference_v=Estimate(value=t @ offsets[0], std=offset_std[0]),
            sum_v=Estimate(value=t @ offsets[1], std=offset_std[1]),
            sigma_v=Estimate(value=(t * sigma).sum(axis=1), std=np.sqrt(sigma_var)),
            width_v=Estimate(value=np.sqrt(np.maximum(width, 0.0)), std=np.sqrt(width_var / (4 * least))),
        )


def measure_comparators(rig: Rig, converters: Converters) -> Comparators:
    """Measure both thresholds of all edges, each in both directions."""
    groups = floating_groups(rig.network, rig.nodes, rig.nodes)
    owned = _owners(rig, groups)
    rig.place(rig.top)
    found = _Thresholds(rig.network.edge_count)
    for k, group in enumerate(groups):
        pattern = _pattern(rig, group, owned)
        for turn in range(2):
            _both_sweeps(rig, converters, group, owned, (pattern, ~pattern)[turn], turn, found)
            rig.tell((2 * k + turn + 1) / (2 * len(groups)))
    return found.comparators()


def _owners(rig: Rig, groups: list[tuple[int, ...]]) -> dict[int, list[tuple[int, int]]]:
    """Share the edges out among the nodes that can float: edges and neighbours of each.

    Raises
    ------
    NotSupported
        For an edge with no end that can float beside two neighbours.
    """
    owned: dict[int, list[tuple[int, int]]] = {node: [] for group in groups for node in group}
    for edge, ends in enumerate(rig.network.edges.tolist()):
        able = [node for node in ends if node in owned and len({j for _, j in rig.edges_at[node]}) > 1]
        if not able:
            raise NotSupported(f"edge {edge} has no end that can float between two held neighbours.")
        node = min(able, key=lambda node: len(owned[node]))
        owned[node].append((edge, next(j for j in ends if j != node)))
    return owned


def _pattern(rig: Rig, group: tuple[int, ...], owned: dict[int, list[tuple[int, int]]]) -> NDArray[np.bool_]:
    """Choose which nodes are high, (n,), so that none floats near a neighbour: by flipping while it helps."""
    high: NDArray[np.bool_] = np.arange(rig.network.node_count) % 2 == 1

    def nearest() -> float:
        total = 0.0
        for node in group:
            share = np.mean([high[j] for _, j in rig.edges_at[node]])
            total += sum(np.exp(-10 * (1 - share if high[j] else share)) for _, j in owned[node])
        return total

    best, better = nearest(), True
    while better:
        better = False
        for node in rig.nodes:
            high[node] = not high[node]
            if (now := nearest()) < best - 1e-12:
                best, better = now, True
            else:
                high[node] = not high[node]
    return high


def _both_sweeps(
    rig: Rig,
    converters: Converters,
    group: tuple[int, ...],
    owned: dict[int, list[tuple[int, int]]],
    high: NDArray[np.bool_],
    turn: int,
    found: _Thresholds,
) -> None:
    """Sweep the difference and the sum of all edges of a group through 0."""
    low_v, high_v = rig.volts(0.36), rig.volts(0.64)
    held = {node: high_v if high[node] else low_v for node in rig.nodes}
    rig.hold(held, clamped=group)
    u = converters.in_source_volts("clamped", rig.read(READINGS)[1])  # as asked of the node's own source
    read_var = rig.mean_var(READINGS)
    true = converters.given(range(len(u)), u)
    slots = max(len(owned[node]) for node in group)
    for slot in range(slots):
        chosen = [(node, *owned[node][slot]) for node in group if slot < len(owned[node])]
        nodes, edges, neighbours = (np.array(each) for each in zip(*chosen, strict=True))
        sign = np.where(rig.network.edges[edges, 0] == nodes, 1.0, -1.0)
        w = converters.given(neighbours, [held[j] for j in neighbours.tolist()])
        clear = true[nodes] - w
        if (np.abs(clear) < _CLEAR_V).any():
            edge = int(edges[np.argmin(np.abs(clear))])
            raise NotSupported(f"edge {edge} cannot be given a clear voltage while another node floats.")
        rising = sign * clear > 0
        errors = np.zeros((2, len(edges), 10))
        ones = np.ones(len(edges))
        errors[:, :, turn] = sign
        errors[:, :, [2, 3, 6, 7]] = -sign[:, None] * np.stack([u[nodes], ones, u[nodes], ones], axis=1)
        errors[1, :, [2, 3]] += 2 * sign * np.stack([w, ones])  # of u + v = 2 w
        errors[1, :, [8, 9]] = -2 * sign * np.stack([w, ones])
        found.sources[edges, :2, :2] = read_var * np.eye(2)
        found.sources[edges, 2:8, 2:8] = converters.covariance[nodes]
        found.sources[edges, 8:, 8:] = converters.covariance[neighbours][:, :2, :2]
        difference = _Sweep(edges, nodes, u[nodes], -sign, rising, errors[0])
        total = _Sweep(edges, nodes, converters.ask(nodes, 2 * w - true[nodes]), sign, rising, errors[1])
        for which, sweep in enumerate((difference, total)):
            _measure(rig, converters, held, group, sweep, which, found)


def _measure(
    rig: Rig,
    converters: Converters,
    held: dict[int, float],
    group: tuple[int, ...],
    sweep: _Sweep,
    which: int,
    found: _Thresholds,
) -> None:
    """Find the thresholds of one sweep: look where they are, ever closer, then measure how they scatter."""

    def shares(levels: FloatArray, triggers: int) -> tuple[FloatArray, FloatArray]:
        """Give the voltages that are swept, and the shares of "up", or of "down" where that rises; (levels, s)."""
        asked = rig.info.source.quantised(sweep.centre_v + sweep.turned * levels)
        share = np.zeros(asked.shape)
        for k, row in enumerate(asked):
            rig.board.drive("free", held | dict(zip(sweep.nodes.tolist(), row.tolist(), strict=True)))
            rig.settle()
            for _ in range(triggers):
                share[k] += rig.board.trigger(step_wipers=False).directions[sweep.edges] > 0
        given = (asked - sweep.centre_v) * sweep.turned * (1.0 + converters.source_gain.value[sweep.nodes])
        share /= triggers
        return given, np.where(sweep.rising, share, 1.0 - share)

    grid, rows = rig.info.source, np.arange(len(sweep.edges))
    code_v = (grid.v_max - grid.v_min) / grid.top if grid.bits else 0.0
    low, high = np.full(len(rows), -WITHIN_V), np.full(len(rows), WITHIN_V)
    scatters = lost = np.zeros(len(rows), dtype=np.bool_)
    while (sharp := ~scatters & ~lost & (high - low > 1.01 * max(code_v, 2e-6))).any():
        volts, share = shares(_spaced(low, high, LEVELS), TRIGGERS)
        first = np.argmax(np.append(share, np.ones((1, len(rows))), axis=0) > 0, axis=0)  # above, some are up
        last = LEVELS - np.argmax(
            np.append(share[::-1], np.zeros((1, len(rows))), axis=0) < 1, axis=0
        )  # below, some down
        lost = lost | (sharp & ((first == LEVELS) | (last == 0)) & (high - low > WITHIN_V))
        volts = np.concatenate([low[None], volts, high[None]])
        mixed, step_v = last > first, (high - low) / LEVELS
        below, above = volts[np.minimum(first, last), rows], volts[np.maximum(first, last) + 1, rows]
        low = np.where(sharp, below - 2 * step_v * mixed, low)
        high = np.where(sharp, above + 2 * step_v * mixed, high)
        scatters = scatters | (sharp & mixed)
    mean, var = (low + high) / 2, (high - low) ** 2 / 12
    width, width_var = np.zeros(len(rows)), var**2
    if scatters.any():
        moments = _moments(*shares(_spaced(low, high, FINE_LEVELS), TRIGGERS), TRIGGERS)
        mean, var, width, width_var = np.where(scatters, moments, [mean, var, width, width_var])
    at = (which, np.where(sweep.rising, 0, 1), sweep.edges)
    for into, values in (
        (found.mean, mean),
        (found.mean_var, var),
        (found.width, width),
        (found.width_var, width_var),
    ):
        into[at] = np.where(lost, np.nan, values)
    found.errors[at] = sweep.errors


def _spaced(low: FloatArray, high: FloatArray, levels: int) -> FloatArray:
    """Give evenly spaced voltages within each window, (levels, s)."""
    return low + (high - low) * (np.arange(1, levels + 1) / (levels + 1))[:, None]


def _moments(volts: FloatArray, share: FloatArray, triggers: int) -> tuple[FloatArray, ...]:
    """Give mean and variance of thresholds, each with its variance, from shares (levels, s) that rise with voltages."""
    x = np.concatenate([2 * volts[:1] - volts[1:2], volts, 2 * volts[-1:] - volts[-2:-1]])
    jumps = np.diff(np.concatenate([np.zeros((1, share.shape[1])), share, np.ones((1, share.shape[1]))]), axis=0)
    middle = (x[1:] + x[:-1]) / 2
    step_v = np.diff(middle, axis=0)
    mean = (jumps * middle).sum(axis=0)
    share_var = share * (1.0 - share) / (triggers - 1)
    counted, of_steps = (step_v**2 * share_var).sum(axis=0), (step_v**2).mean(axis=0) / 12
    mean_var = counted + of_steps
    width = (jumps * (middle - mean) ** 2).sum(axis=0) + counted - of_steps  # the mean is of the same shares
    slopes = step_v * (middle[1:] + middle[:-1] - 2 * mean)
    return mean, mean_var, width, (slopes**2 * share_var).sum(axis=0)
