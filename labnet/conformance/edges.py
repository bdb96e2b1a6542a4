"""Checks of what edges do by themselves: comparators, gates, triggers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labnet.board import SpeaksScpi
from labnet.conformance.bench import SIDES, Bench
from labnet.conformance.limits import AT_LEAST, AT_MOST
from labnet.conformance.report import Measured
from labnet.errors import NotSupported

_TRIGGERS = 100  # at each update probability between 0 and 1
_FEW = 10
_SPREAD_S = 1e-3  # triggers come at odd times: gates with a clock of their own show no pattern


def comparators(bench: Bench) -> Iterator[Measured]:
    """Edges go up where |dV_C| > |dV_F| and down where it is less, as read; where the two are close, anywhere.

    Neighbours of an edge are held at another voltage on one side, and float to the same on the other: both ways, and
    with both signs.
    """
    bench.place(bench.top)
    edges = range(bench.network.edge_count)
    decisions = []
    for group in bench.groups:
        for volts, others in ((bench.low, bench.high), (bench.high, bench.low)):
            for side in SIDES:
                bench.hold(bench.parted(group, volts, others), **{side: group})
                expected = bench.expected(bench.read())
                for directions in (bench.board.directions(), bench.board.trigger(step_wipers=False).directions):
                    decisions.append((expected, directions))
    wanted, got = (np.array(each, dtype=np.int64) for each in zip(*decisions, strict=True))
    wrong = ((wanted != 0) & (got != wanted)).sum(axis=0).tolist()
    clear = np.minimum((wanted > 0).sum(axis=0), (wanted < 0).sum(axis=0)).tolist()
    shown = {edge for group in bench.groups for node in group for edge, _ in bench.edges_at[node]}
    for edge in edges:
        yield Measured(f"edge {edge}: wrong of {len(decisions)} directions", wrong[edge], 0, 0)
        if edge in shown:
            yield Measured(f"edge {edge}: called up, and called down, at least", clear[edge], 1, AT_LEAST)
    if rest := sorted(set(edges) - shown):
        raise NotSupported(
            f"{len(rest)} edges, the first is {rest[0]}, end at no node that can be held, and float with all its "
            "neighbours held."
        )


def gates(bench: Bench) -> Iterator[Measured]:
    """Each edge steps as often as the update probability says, on its own: never at 0, always at 1."""
    board, limits, edges = bench.board, bench.limits, bench.network.edge_count
    bench.place(bench.top)
    bench.hold(bench.ramp())
    for p, triggers in ((0.0, _FEW), (0.25, _TRIGGERS), (0.5, _TRIGGERS), (1.0, _FEW)):
        board.set_update_probability(p)
        enabled = _enabled(bench, triggers)
        low, high = limits.times(triggers, p, bench.alpha)
        for edge in range(edges):
            what = f"edge {edge}, p = {p:g}: updates of {triggers}"
            yield Measured(what, int(enabled[:, edge].sum()), low, high)
        low, high = limits.times(triggers * edges, p, bench.alpha)
        yield Measured(f"p = {p:g}: updates of {triggers * edges}", int(enabled.sum()), low, high)
        if p in (0.0, 1.0):
            seen = int(board.enabled().sum())
            yield Measured(f"p = {p:g}: gates seen open", seen, round(p) * edges, round(p) * edges)
        elif p == 0.5:
            together = int((enabled.all(axis=1) | ~enabled.any(axis=1)).sum())
            high = limits.times(triggers, 2 * 0.5**edges, bench.alpha)[1]
            yield Measured(f"p = 0.5: triggers of {triggers} with all edges alike", together, AT_MOST, high)
    board.set_update_probability(0.0)


def _enabled(bench: Bench, triggers: int) -> NDArray[np.bool_]:
    """Latch the gates so often, shape (triggers, E)."""
    latched = []
    for k in range(triggers):
        ticks = round(_SPREAD_S * bench.odd(k) / bench.info.tick_s)
        bench.board.wait(ticks * bench.info.tick_s)
        latched.append(bench.board.trigger(step_wipers=False).enabled)
    return np.array(latched, dtype=np.bool_)


def triggers(bench: Bench) -> Iterator[Measured]:
    """Every trigger moves the wipers of enabled edges by one, in the direction latched, but not beyond the rails."""
    board, start = bench.board, bench.some_wipers() - bench.middle // 2
    before = _count(bench)
    bench.place(start)
    bench.hold(bench.ramp(), free=bench.groups[0])
    board.set_update_probability(0.5)
    yield from _stepped(bench, "at p = 0.5", _FEW)
    yield from _as_counted(bench)
    board.set_update_probability(0.0)
    yield from _stepped(bench, "at p = 0", 2)
    done = _FEW + 2
    for rail, near, side in (("top", bench.top - 1, "free"), ("low end", 1, "clamped")):
        # floating on the free side alone its edges go up, on the clamped side alone down; little voltage at the low end
        high = bench.high if rail == "top" else bench.volts(0.18)
        for group in bench.groups:
            bench.place(near)
            bench.hold(bench.parted(group, bench.low, high), **{side: group})
            board.set_update_probability(1.0)
            yield from _stepped(bench, f"at the {rail}, nodes {group[0]}...", 3)
            done += 3
    board.set_update_probability(0.0)
    if isinstance(board, SpeaksScpi):
        yield Measured("triggers counted by TRIG:COUN?", _count(bench) - before, done, done)


def _stepped(bench: Bench, where: str, triggers: int) -> Iterator[Measured]:
    """Compare wipers before and after each trigger with what it latched."""
    board = bench.board
    wrong = np.zeros(bench.network.edge_count, dtype=np.int64)
    wipers = board.wipers()
    for _ in range(triggers):
        update = board.trigger()
        expected = np.clip(wipers + update.directions * update.enabled, 0, bench.top)
        wipers = board.wipers()
        wrong += wipers != expected
    edge = int(np.argmax(wrong))
    what = f"wrong steps {where}" + (f", first at edge {edge}" if wrong[edge] else "")
    yield Measured(what, int(wrong.sum()), 0, 0)


def _as_counted(bench: Bench) -> Iterator[Measured]:
    """Look whether wipers that were stepped are where they are when they are set there, over the low end."""
    counted = bench.board.wipers()
    stepped = bench.look()
    bench.place(0)
    bench.place(counted)
    yield bench.same("stepped wipers are where they were counted", stepped, bench.look())


def _count(bench: Bench) -> int:
    return int(bench.ask("TRIG:COUN?")) if isinstance(bench.board, SpeaksScpi) else 0
