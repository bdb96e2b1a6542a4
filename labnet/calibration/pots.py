"""Resistances from node voltages.

A node that floats between held ones stands at their mean, weighted by conductances. With all neighbours low but one
high in turn, its rises are as the conductances to them: gain and offset of its reading cancel, and so does its leak.
log rise_ij = log G_ij + log (1 + g_j) + c_i, with gains g_j of the sources from the calibration of converters and a
constant for each node. Adding a number to all log G of a side changes nothing but the c_i: voltages alone do not
tell the scale. One current out of a source does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.calibration.estimates import Estimate, few
from labnet.calibration.results import Converters, Pots
from labnet.calibration.rig import Rig
from labnet.errors import NotSupported
from labnet.meters import BoardMeter

FloatArray = NDArray[np.float64]

POSITIONS = (0, 4, 8, 16, 32, 48, 64, 80, 96, 104, 112, 127)  # of 128
READINGS = 8
CURRENTS = 4


class _Rises(NamedTuple):
    """What was seen of one floating node: edges, neighbours, rises by volt of the source (2, d), their variance."""

    node: int
    edges: list[int]
    neighbours: list[int]
    rises: FloatArray
    var: float


def default_positions(wiper_positions: int) -> tuple[int, ...]:
    """Give some twelve positions from end to end, closer at the low end, where resistances change most."""
    return tuple(sorted({round(k * (wiper_positions - 1) / 127) for k in POSITIONS}))


def measure_pots(rig: Rig, converters: Converters, meter: BoardMeter | None, positions: Sequence[int] | None) -> Pots:
    """Measure the resistances of all edges at wiper positions, all wipers at the same."""
    chosen = tuple(sorted(set(positions or default_positions(rig.info.wiper_positions))))
    _check_known(rig)
    current = meter if meter is not None and meter.current_accuracy is not None else None
    ohm, mismatch = [], []
    edges = rig.network.edge_count
    for k, position in enumerate(chosen):
        rig.place(position)
        swing_v = rig.swing_v(position)
        rises = _rises(rig, swing_v)
        amperes = None if current is None else _amperes(rig, current, swing_v)
        scale = current.current_accuracy.gain if current is not None and current.current_accuracy else 0.0
        x, covariance = _solve(rig, converters, rises, amperes, scale, position)
        std = np.sqrt(np.diag(covariance))
        ohm.append([np.exp(-x).reshape(2, edges), (np.exp(-x) * std).reshape(2, edges)])
        apart = np.exp(x[:edges] - x[edges:])
        var = np.diag(covariance[:edges, :edges] + covariance[edges:, edges:] - 2 * covariance[:edges, edges:])
        mismatch.append([apart - 1.0, apart * np.sqrt(np.maximum(var, 0.0))])
        rig.tell((k + 1) / len(chosen))
    found, apart = np.array(ohm), np.array(mismatch)
    common = np.hypot(converters.meter_gain, scale) if current is not None else 0.0
    # what all resistances of the same meter are off by together does not make their difference worse
    own = np.sqrt(np.maximum(found[:, 1] ** 2 - (common * found[:, 0]) ** 2, 0.0))
    ends = found[-1, 0] - found[0, 0]
    ends_std = np.sqrt(own[-1] ** 2 + own[0] ** 2 + (common * ends) ** 2)
    return Pots(
        positions=chosen,
        ohm=Estimate(value=found[:, 0], std=found[:, 1]),
        absolute=current is not None,
        scale_std=float(common),
        mismatch=Estimate(value=apart[:, 0], std=apart[:, 1]),
        end_to_end_ohm=Estimate(value=ends, std=ends_std),
    )


def _check_known(rig: Rig) -> None:
    """Refuse a board whose edges have no resistance, or on which ratios of some cannot be seen."""
    if not rig.info.law.linear:
        raise NotSupported(f"edges are no resistors ({rig.info.law}), and resistances are measured by Ohm's law.")
    of = np.arange(rig.network.edge_count)  # edges that share a floating node are known by each other
    seen = np.zeros(len(of), dtype=np.bool_)
    for node in (node for group in rig.groups for node in group):
        edges = [edge for edge, _ in rig.edges_at[node]]
        seen[edges] = True
        of[np.isin(of, of[edges])] = of[edges[0]]
    if not seen.all() or len(set(of.tolist())) > 1:
        edge = int(np.argmin(seen)) if not seen.all() else int(np.argmax(of != of[0]))
        raise NotSupported(
            f"edge {edge} cannot be compared with the others: it takes nodes that float with all their neighbours held."
        )


def _rises(rig: Rig, swing_v: float) -> list[_Rises]:
    """See how far every node rises with each of its neighbours, at these wipers."""
    low_v, high_v = rig.low_v, rig.grid(rig.low_v + swing_v)
    found = []
    for group in rig.groups:
        held = [node for node in rig.nodes if node not in group]
        low = dict.fromkeys(held, low_v)
        rig.hold(low, group, group)
        before = rig.read(READINGS)
        rises = {}
        for neighbour in sorted({neighbour for node in group for _, neighbour in rig.edges_at[node]}):
            rig.hold(low | {neighbour: high_v}, group, group)
            rises[neighbour] = (rig.read(READINGS) - before) / (high_v - low_v)
        for node in group:
            edges, neighbours = map(list, zip(*rig.edges_at[node], strict=True))
            found.append(_Rises(node, edges, neighbours, np.array([rises[j][:, node] for j in neighbours]).T, 0.0))
    var = rig.mean_var(READINGS) / (high_v - low_v) ** 2
    return [each._replace(var=var) for each in found]


def _amperes(rig: Rig, meter: BoardMeter, swing_v: float) -> tuple[int, FloatArray, FloatArray]:
    """Give a node, the current from it into each side by volt of its source, (2,), and the variances.

    All other nodes are held lower on that side; on the other side the node floats, and takes nothing.
    """
    node = max(
        rig.nodes, key=lambda node: (all(j in rig.nodes for _, j in rig.edges_at[node]), len(rig.edges_at[node]))
    )
    low_v, high_v = rig.low_v, rig.grid(rig.low_v + swing_v)
    taken = np.zeros((2, 2, CURRENTS))
    for side in range(2):
        floats = [[node], [node]]
        floats[side] = []
        for level, volts in enumerate((low_v, high_v)):
            rig.hold(dict.fromkeys(rig.nodes, low_v) | {node: volts}, *floats)
            for k in range(CURRENTS):
                rig.read(1)  # before the meter
                taken[side, level, k] = meter.source_current(node)
    step_v = high_v - low_v
    scatter = taken.var(axis=2, ddof=1).mean()
    var = 2 * scatter / CURRENTS / step_v**2 * few(4 * (CURRENTS - 1)) ** 2
    return node, np.diff(taken.mean(axis=2), axis=1)[:, 0] / step_v, np.full(2, var)


def _solve(
    rig: Rig,
    converters: Converters,
    seen: list[_Rises],
    amperes: tuple[int, FloatArray, FloatArray] | None,
    scale_std: float,
    position: int,
) -> tuple[FloatArray, FloatArray]:
    """Give log conductances of both sides (2 E,) with their covariance, by least squares.

    Besides them are fitted: a constant for each node and side, log gains of sources, the gain of the ammeter.
    """
    edges, n = rig.network.edge_count, rig.network.node_count
    constants, gains = 2 * edges, 2 * edges + 2 * len(seen)
    ammeter = gains + n
    x = np.zeros(ammeter + 1)
    start = -float(np.log(rig.info.nominal_ohm(position)))
    x[:constants] = start
    nodes = list(rig.nodes)
    x[gains + np.array(nodes)] = np.log1p(converters.source_gain.value[nodes])
    for k, each in enumerate(seen):
        x[[constants + 2 * k, constants + 2 * k + 1]] = -start + np.log(each.rises.sum(axis=1) / len(each.edges))
    prior = np.zeros((len(x), len(x)))
    own = np.diag(converters.covariance[nodes, 0, 0] + 1e-14) + converters.meter_gain**2
    prior[np.ix_(gains + np.array(nodes), gains + np.array(nodes))] = np.linalg.inv(own)
    others = [gains + node for node in range(n) if node not in nodes]
    prior[others, others] = 1.0  # nothing depends on them
    prior[ammeter, ammeter] = 1.0 / max(scale_std, 1e-9) ** 2
    known = x.copy()
    for _ in range(4):
        normal, right = prior.copy(), prior @ (known - x)
        for k, each in enumerate(seen):
            for side in range(2):
                at = np.array([side * edges + edge for edge in each.edges])
                gain = gains + np.array(each.neighbours)
                log_rises = np.log(each.rises[side])
                jacobian = np.zeros((len(at), len(x)))
                rows = np.arange(len(at))
                jacobian[rows, at] = jacobian[rows, gain] = 1.0
                jacobian[:, constants + 2 * k + side] = 1.0
                # all rises of a node are from the same reading before
                covariance = each.var * (np.eye(len(at)) + 1.0) / np.outer(each.rises[side], each.rises[side])
                weighed = np.linalg.solve(covariance, jacobian)
                normal += jacobian.T @ weighed
                right += weighed.T @ (log_rises - jacobian @ x)
        normal, right = _with_scale(rig, normal, right, x, amperes, (gains, ammeter), start)
        step = np.linalg.solve(normal, right)
        x = x + step
        if np.abs(step[:constants]).max() < 1e-10:
            break
    found = np.linalg.inv(normal)[:constants, :constants].astype(np.float64)
    return x[:constants], found


def _with_scale(
    rig: Rig,
    normal: FloatArray,
    right: FloatArray,
    x: FloatArray,
    amperes: tuple[int, FloatArray, FloatArray] | None,
    columns: tuple[int, int],
    start: float,
) -> tuple[FloatArray, FloatArray]:
    """Add what the currents say; without them, that the mean log conductance of each side is the nominal one."""
    edges, (gains, ammeter) = rig.network.edge_count, columns
    for side in range(2):
        jacobian = np.zeros(len(x))
        if amperes is None:
            jacobian[side * edges : (side + 1) * edges] = 1.0
            residual, var = edges * start - jacobian @ x, 1e-12
        else:
            node, taken, variances = amperes
            at = [side * edges + edge for edge, _ in rig.edges_at[node]]
            g = np.exp(x[at])
            jacobian[at], jacobian[gains + node], jacobian[ammeter] = g / g.sum(), 1.0, 1.0
            residual = np.log(taken[side]) - np.log(g.sum()) - x[gains + node] - x[ammeter]
            var = variances[side] / taken[side] ** 2 + 1e-14
        normal = normal + np.outer(jacobian, jacobian) / var
        right = right + jacobian * (residual / var)
    return normal, right
