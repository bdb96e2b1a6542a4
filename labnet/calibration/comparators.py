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
    var : numpy.ndarray, shape (s,)
        Variance of where it is 0, as known from readings and converters.
    """

    edges: IntArray
    nodes: IntArray
    centre_v: FloatArray
    turned: FloatArray
    rising: NDArray[np.bool_]
    var: FloatArray


@dataclass
class _Thresholds:
    """Found thresholds of all edges: mean, variance of it, width and variance of it, (2, 2, E): difference or sum, sign."""

    mean: FloatArray
    mean_var: FloatArray
    width: FloatArray
    width_var: FloatArray


def measure_comparators(rig: Rig, converters: Converters) -> Comparators:
    """Measure both thresholds of all edges, each in both directions."""
    edges = rig.network.edge_count
    groups = floating_groups(rig.network, rig.nodes, rig.nodes)
    owned = _owners(rig, groups)
    rig.place(rig.top)
    found = _Thresholds(*(np.full((2, 2, edges), np.nan) for _ in range(4)))
    for k, group in enumerate(groups):
        pattern = _pattern(rig, group, owned)
        for turn in range(2):
            _both_sweeps(rig, converters, group, owned, pattern if turn == 0 else ~pattern, found)
            rig.tell((2 * k + turn + 1) / (2 * len(groups)))
    offset = -found.mean.sum(axis=1) / 2
    sigma = (found.mean[:, 1] - found.mean[:, 0]) / 2
    var = found.mean_var.sum(axis=1) / 4
    weight = 1.0 / var
    width, width_var = found.width.mean(axis=(0, 1)), found.width_var.sum(axis=(0, 1)) / 16
    return Comparators(
        difference_v=Estimate(value=offset[0], std=np.sqrt(var[0])),
        sum_v=Estimate(value=offset[1], std=np.sqrt(var[1])),
        sigma_v=Estimate(value=(sigma * weight).sum(axis=0) / weight.sum(axis=0), std=weight.sum(axis=0) ** -0.5),
        width_v=Estimate(
            value=np.sqrt(np.maximum(width, 0.0)), std=np.sqrt(width_var / (4 * np.maximum(width, np.sqrt(width_var))))
        ),
    )


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
    """Choose which nodes are high, (n,), so that no floating one stands near a neighbour: by flipping while it helps."""
    high = np.arange(rig.network.node_count) % 2 == 1

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
        var = read_var + _var(converters, nodes, u[nodes], (0, 1, 4, 5))  # what the meter adds cancels
        difference = _Sweep(edges, nodes, u[nodes], -sign, rising, var)
        var = var + 4 * _var(converters, nodes, w, (0, 1)) + 4 * _var(converters, neighbours, w, (0, 1))
        total = _Sweep(edges, nodes, converters.ask(nodes, 2 * w - true[nodes]), sign, rising, var)
        for which, sweep in enumerate((difference, total)):
            _measure(rig, converters, held, group, sweep, which, found)


def _var(converters: Converters, nodes: IntArray, volts: FloatArray, columns: tuple[int, ...]) -> FloatArray:
    """Give the variance at some voltages of the sum of those gains and offsets of nodes, but for what the meter adds."""
    factors = np.stack([volts if column % 2 == 0 else np.ones_like(volts) for column in columns], axis=1)
    own = converters.covariance[nodes][:, columns][:, :, columns]
    return np.asarray(np.einsum("si,sij,sj->s", factors, own, factors))


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
        """Give the voltages that are swept, as given, and the shares of "up", or of "down" where that rises; (levels, s)."""
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
        last = LEVELS - np.argmax(np.append(share[::-1], np.zeros((1, len(rows))), axis=0) < 1, axis=0)  # below, some down
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
        (found.mean_var, var + sweep.var),
        (found.width, width),
        (found.width_var, width_var),
    ):
        into[at] = np.where(lost, np.nan, values)


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
    width = (jumps * (middle - mean) ** 2).sum(axis=0) - (step_v**2).mean(axis=0) / 12
    share_var = share * (1.0 - share) / (triggers - 1)
    mean_var = (step_v**2 * share_var).sum(axis=0) + (step_v**2).mean(axis=0) / 12
    slopes = step_v * (middle[1:] + middle[:-1] - 2 * mean)
    return mean, mean_var, width, (slopes**2 * share_var).sum(axis=0)
