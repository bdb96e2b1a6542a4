"""Checks of what can be measured with sources and converters: nodes, resistances, settling, noise."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import log

import numpy as np

from labnet.board import FloatArray, NudgeKind, Side
from labnet.conformance.bench import SIDES, Bench
from labnet.conformance.limits import AT_MOST
from labnet.conformance.report import Measured
from labnet.errors import NotSupported

_OTHER: dict[Side, Side] = {"free": "clamped", "clamped": "free"}
_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the source's range
_AFTER = (1e-3, 1e-2, 1e-1, 1.0)  # a step, in units of settled_in_s
_READINGS = 32


def wipers(bench: Bench) -> Iterator[Measured]:
    """Every edge has the resistance of its wiper's position, at both rails and in the middle, on both sides.

    The edge's first node is held high and all others low, but for its second node, which floats: a voltage divider.
    """
    _check_linear(bench)
    measurable = [(edge, *ends) for edge in range(bench.network.edge_count) if (ends := _ends(bench, edge))]
    bench.place(bench.top)
    for edge, high, floating in sorted(measurable, key=lambda each: each[2]):
        bench.hold(bench.parted([high], bench.high, bench.low), free=[floating], clamped=[floating])
        yield from _resistance(bench, edge, floating)
    if rest := sorted(set(range(bench.network.edge_count)) - {edge for edge, *_ in measurable}):
        raise NotSupported(
            f"{len(rest)} edges, the first is {rest[0]}, end at no node that can float with all its neighbours held."
        )


def _check_linear(bench: Bench) -> None:
    if not bench.info.law.linear:
        raise NotSupported(
            f"edges are no resistors ({bench.info.law}); what they make of voltages is looked for by Ohm's law."
        )


def _ends(bench: Bench, edge: int) -> tuple[int, int] | None:
    """Give the end of an edge to hold high, and the one that shows its resistance: of two, the one of fewer edges."""
    a, b = bench.network.edges[edge].tolist()
    degree = {node: len(bench.edges_at[node]) for node in (a, b)}
    shows = [node for node in (a, b) if degree[node] > 1 and bench.floats_alone(node)]
    if not shows:
        return None
    floating = min(shows, key=degree.__getitem__)
    return (b if floating == a else a), floating


def _resistance(bench: Bench, edge: int, floating: int) -> Iterator[Measured]:
    """Move one edge from the top to the middle and the low end, all others at the top; and back."""
    limits, info, span = bench.limits, bench.info, bench.high - bench.low
    others = len(bench.edges_at[floating]) - 1
    low_ohm, high_ohm = limits.resistance(info, bench.top)
    positions = np.full(bench.network.edge_count, bench.top)
    at_top = {}
    for wiper in (bench.top, bench.middle, 0):
        if wiper != bench.top:
            positions[edge] = wiper
            bench.board.set_wipers(positions)
            bench.settle()
        readings = {side: float(volts[floating]) for side, volts in bench.read().items()}
        for side, volts in readings.items():
            if wiper == bench.top:  # whatever the tolerances of all pots
                at_top[side] = volts
                shares = [1 / (1 + others * ohm / other) for ohm, other in ((high_ohm, low_ohm), (low_ohm, high_ohm))]
            else:  # whatever they are, they are the same as before
                odds = [span / max(at_top[side] + off * limits.accuracy_v - bench.low, 1e-9) - 1 for off in (-1, 1)]
                shares = [
                    1 / (1 + odd * ratio) for odd, ratio in zip(odds, limits.ratio(info, wiper)[::-1], strict=True)
                ]
            low, high = (bench.low + share * span for share in shares)
            what = f"edge {edge} against the others at node {floating}, {side} side, wiper at {wiper}"
            yield Measured(what, volts, low - limits.accuracy_v, high + limits.accuracy_v, "V")
        if wiper:
            share = (readings["free"] - bench.low) / span
            apart = limits.twin_ratio(info, wiper) + limits.twin_ratio(info, bench.top)
            most = span * abs(share * (1 - share)) * apart + limits.accuracy_v
            what = f"edge {edge} against the others at node {floating}, wiper at {wiper}: clamped less free"
            yield Measured(what, readings["clamped"] - readings["free"], -most, most, "V")
    bench.board.set_wipers(bench.top)


def homing(bench: Bench) -> Iterator[Measured]:
    """Wipers that were driven to both rails and back (by SCPI homed, too) are where they were."""
    board, positions = bench.board, bench.some_wipers()
    bench.place(positions)
    before = bench.look()
    for rail in (0, bench.top):
        bench.place(rail)
        away = np.flatnonzero(board.wipers() != rail)
        yield Measured(f"wipers not at {rail}{_first_edge(away)}", len(away), 0, 0)
    bench.place(positions)
    away = np.flatnonzero(board.wipers() != positions)
    yield Measured(f"wipers that are elsewhere{_first_edge(away)}", len(away), 0, 0)
    yield bench.same("after both rails", bench.look(), before)
    board.safe()
    bench.ask("WIP:HOME")
    away = np.flatnonzero(board.wipers() != positions)
    yield Measured(f"wipers that WIPer:HOME moved{_first_edge(away)}", len(away), 0, 0)
    yield bench.same("after WIPer:HOME", bench.look(), before)


def _first_edge(edges: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> str:
    return f", first edge {edges[0]}" if len(edges) else ""


def clamp(bench: Bench) -> Iterator[Measured]:
    """Every node that is held reads what was asked for, on both sides, over the whole range."""
    bench.place(bench.top)
    ramp, nodes = bench.ramp(), list(bench.nodes)
    states = [dict.fromkeys(nodes, bench.volts(level)) for level in _LEVELS]
    states += [ramp, {node: bench.low + bench.high - volts for node, volts in ramp.items()}]
    worst = {(side, node): (0.0, 0.0) for side in SIDES for node in nodes}
    for sources in states:
        bench.hold(sources)
        for side, volts in bench.read().items():
            for node, asked in sources.items():
                worst[side, node] = max(worst[side, node], (float(volts[node]) - asked, asked), key=lambda e: abs(e[0]))
    for (side, node), (off, asked) in worst.items():
        what = f"node {node}, {side} side, held at {asked:.3g} V: off by"
        yield Measured(what, off, -bench.limits.accuracy_v, bench.limits.accuracy_v, "V")


def hold_and_float(bench: Bench) -> Iterator[Measured]:
    """Nodes that are let go of on one side follow their neighbours there, and nothing else moves.

    With all neighbours at one voltage that is where they go, whatever the resistances.
    """
    bench.place(bench.top)
    accuracy_v = bench.limits.accuracy_v
    for group in bench.groups:
        sources = bench.parted(group, bench.low, bench.high)
        for side in SIDES:
            bench.hold(sources, **{side: group})
            readings = bench.read()
            for node in group:
                for where, volts, said in ((side, bench.high, "let go of"), (_OTHER[side], bench.low, "held")):
                    what = f"node {node}, {said} on the {where} side" + ("" if where == side else " alone")
                    yield Measured(what, readings[where][node], volts - accuracy_v, volts + accuracy_v, "V")
            off = {
                (where, node): float(volts[node]) - bench.high
                for where, volts in readings.items()
                for node in set(bench.nodes) - set(group)
            }
            where, node = max(off, key=lambda at: abs(off[at]))
            what = f"node {node}, {where} side, held throughout: off by"
            yield Measured(what, off[where, node], -accuracy_v, accuracy_v, "V")
    bench.hold(dict.fromkeys(bench.nodes, bench.low))
    bench.board.drive("clamped", dict.fromkeys(bench.nodes, bench.high))
    bench.settle()
    follows = bench.read_side("free")[list(bench.nodes)]
    what = f"node {bench.nodes[int(np.argmin(follows))]}, free side, when the clamped side moved its source"
    yield Measured(what, follows.min(), bench.high - accuracy_v, bench.high + accuracy_v, "V")


def nudges(bench: Bench) -> Iterator[Measured]:
    """Currents and conductances move nodes that float by what the edges there let them, on their side, until driven.

    All other nodes are held high, and these are drawn low, neighbours in the list by unlike amounts.
    """
    if not bench.softly:
        raise NotSupported("this board nudges by holding nodes at voltages alone.")
    _check_linear(bench)
    accuracy_v = bench.limits.accuracy_v
    bench.place(bench.top)
    for group, side in product(bench.groups, SIDES):
        sources = dict.fromkeys(bench.nodes, bench.high)
        bench.hold(sources, free=group, clamped=group)
        before = bench.read()
        for kind in bench.softly:
            pull, bounds = _drawn_low(bench, group, kind)
            bench.nudge(side, kind, pull)
            bench.settle()
            now = bench.read()
            for node, (low, high) in bounds.items():
                what, moved_v = f"node {node}, {side} side, nudged by a {kind}: moved by", now[side] - before[side]
                yield Measured(what, float(moved_v[node]), low - accuracy_v, high + accuracy_v, "V")
            other = _OTHER[side]
            yield _unmoved(bench, group, f"{other} side, when the other is nudged", now[other] - before[other])
        bench.hold(sources, free=group, clamped=group)
        yield _unmoved(bench, group, f"{side} side, driven after a nudge", bench.read_side(side) - before[side])


def _drawn_low(
    bench: Bench, group: Sequence[int], kind: NudgeKind
) -> tuple[dict[int, float], dict[int, tuple[float, float]]]:
    """Give currents (A) or conductances (S) that draw nodes low, and by how much they move then, least and most (V)."""
    nominal_ohm = float(bench.info.nominal_ohm(bench.top))
    ratios = [ohm / nominal_ohm for ohm in bench.limits.resistance(bench.info, bench.top)]
    pull, bounds = {}, {}
    for k, node in enumerate(group):
        share, siemens = (0.5, 0.25)[k % 2], len(bench.edges_at[node]) / nominal_ohm
        if kind == "current":
            pull[node] = -share * (bench.high - bench.low) * siemens
            moved_v = [-share * (bench.high - bench.low) * ratio for ratio in ratios]
        else:  # to ground
            pull[node] = share * siemens
            moved_v = [-bench.high * share * ratio / (1 + share * ratio) for ratio in ratios]
        bounds[node] = (min(moved_v), max(moved_v))
    return pull, bounds


def _unmoved(bench: Bench, group: Sequence[int], what: str, moved_v: FloatArray) -> Measured:
    node = max(group, key=lambda each: abs(moved_v[each]))
    most = bench.limits.steady_v
    return Measured(f"node {node}, {what}: moved by", float(moved_v[node]), -most, most, "V")


def settling(bench: Bench) -> Iterator[Measured]:
    """Nodes that float settle in time after a step of their neighbours."""
    limits, board, step_v = bench.limits, bench.board, bench.high - bench.low
    bench.place(bench.top)
    slowest_s, slowest = 0.0, " (settled at the first reading)"
    late = dict.fromkeys(SIDES, (0.0, bench.groups[0][0]))
    for group in bench.groups:
        before, after = (bench.parted(group, bench.low, volts) for volts in (bench.low, bench.high))
        bench.hold(after, free=group, clamped=group)
        final = bench.read()
        for share in _AFTER:
            bench.hold(before, free=group, clamped=group)
            began_s = board.time_s
            for side in SIDES:  # with the first all sources move
                board.drive(side, {node: volts for node, volts in after.items() if node not in group})
            board.wait(bench.whole(share * limits.settled_in_s))
            passed_s = board.time_s - began_s
            for side, volts in bench.read().items():
                for node in group:
                    left_v = abs(float(final[side][node] - volts[node]))
                    if share == 1.0:
                        late[side] = max(late[side], (left_v, node))
                    # one that has not moved at all says no time
                    time_s = passed_s / max(log(step_v / max(left_v, limits.steady_v)), 0.05)
                    if left_v > limits.steady_v and time_s > slowest_s:
                        slowest_s, slowest = time_s, f" of node {node}, {side} side"
    for side, (left_v, node) in late.items():
        what = f"node {node}, {side} side, {limits.settled_in_s:g} s after a step: not there by"
        yield Measured(what, left_v, AT_MOST, limits.steady_v, "V")
    yield Measured(
        f"time constant{slowest}", slowest_s, AT_MOST, limits.settled_in_s / log(step_v / limits.steady_v), "s"
    )


def converter_noise(bench: Bench) -> Iterator[Measured]:
    """Equal voltages read nearly the same, with the same mean, and as codes where there are codes."""
    bench.place(bench.some_wipers())
    bench.hold(bench.ramp())
    grid, limits = bench.info.reading, bench.limits
    for side in SIDES:
        volts = np.array([bench.read_side(side) for _ in range(_READINGS)])
        noise = (volts - volts[0]).std(axis=0)
        node = int(np.argmax(noise))
        yield Measured(f"noise of node {node}, {side} side", noise[node], AT_MOST, limits.noise_v, "V")
        drift = np.abs(volts[: _READINGS // 2].mean(axis=0) - volts[_READINGS // 2 :].mean(axis=0))
        node = int(np.argmax(drift))
        most = limits.steady_v / (_READINGS / 2) ** 0.5
        yield Measured(f"drift of node {node}, {side} side, over {_READINGS} readings", drift[node], AT_MOST, most, "V")
        if grid.bits is not None:
            off = np.abs(volts - grid.volts(grid.codes(volts))).max()
            yield Measured(f"{side} side: readings are off their codes by", off, AT_MOST, 1e-9, "V")
