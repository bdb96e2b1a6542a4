"""What a trigger does to the edges, compiled: gates, wipers, resistances. Numbers are lanes, as in `lanes`."""

from typing import Any

import numpy as np

from labnet_simulators.engine.arrays import Hardware, Log, Networks, Room, Schedule
from labnet_simulators.engine.compiling import compiled
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import absolute, floor, full, select
from labnet_simulators.engine.parts import GOLDEN, cut, decide, mix

_LOW_32, _32, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)


@compiled
def step_wipers(
    p: Elimination, width: Any, h: Hardware, s: Schedule, k: int, m: Networks, r: Room, log: Log, at: int
) -> None:
    """Step every wiper as its comparators say (Eq. 10) where its gate lets it; `at` is the row of the log, or -1."""
    zero, one = full(width, 0.0), full(width, 1.0)
    edges, limit = len(m.place), bar(width, h, m)
    key = mix(s.stream_seed + (s.trigger + np.uint64(k) + _ONE) * GOLDEN)
    if h.fixed_gate:
        rank_edges(key, r)
    for e in range(edges):
        z = mix(key + np.uint64(e + 1) * GOLDEN)
        d_free = r.v[p.first[e]] - r.v[p.second[e]]
        d_more = r.d[p.first[e]] - r.d[p.second[e]]
        one_v = two_v = 0.0
        if len(h.pair_v):
            t = k if len(h.pair_v) > 1 else 0
            one_v, two_v = h.pair_v[t, 0, e], h.pair_v[t, 1, e]
        move = decide(width, h, e, z, one_v, two_v, d_free, d_more)
        enabled = opened(width, h, s, k, e, z, m, r, limit)
        if at >= 0:
            log.direction[at * edges + e] = move
            log.enabled[at * edges + e] = select(enabled, one, zero)
        m.place[e] = select(enabled, cut(width, m.place[e] + move, 0.0, float(h.positions - 1)), m.place[e])


@compiled
def bar(width: Any, h: Hardware, m: Networks) -> Any:
    """Give what draws of all edges must stay below; of oscillators, what keeps the gates of failed networks closed."""
    zero, one, failed = full(width, 0.0), full(width, 1.0), m.wrong[0] < full(width, np.inf)
    return select(failed, one, zero) if len(h.cycles_per_ns) else select(failed, zero, m.gate[0])


@compiled
def opened(width: Any, h: Hardware, s: Schedule, k: int, e: int, z: np.uint64, m: Networks, r: Room, limit: Any) -> Any:
    """Tell in which lanes the gate of edge `e` is open; `limit` is what `bar` gave."""
    if not len(h.cycles_per_ns):
        return full(width, r.rank[e] if h.fixed_gate else float(z >> _32)) < limit
    if len(s.shared_ns):
        cycles = full(width, s.shared_ns[k] * h.cycles_per_ns[e])
    else:
        cycles = s.time_ns[k] * full(width, h.cycles_per_ns[e])
    if len(s.heat_ns):
        cycles = cycles - s.heat_ns[k] * full(width, h.drift_per_ns[e])
    y = cycles + m.turns[e]
    return y - floor(y) + limit < m.gate[e]


@compiled
def rank_edges(key: np.uint64, r: Room) -> None:
    """Give the place of every edge in the order of the high halves of their draws; equals keep theirs."""
    edges = len(r.rank)
    for e in range(edges):
        r.order[e] = (mix(key + np.uint64(e + 1) * GOLDEN) >> _32 << _32) + np.uint64(e)
    gap = edges // 2  # Shell's sort
    while gap:
        for e in range(gap, edges):
            mine, at = r.order[e], e
            while at >= gap and r.order[at - gap] > mine:
                r.order[at] = r.order[at - gap]
                at -= gap
            r.order[at] = mine
        gap //= 2
    for place in range(edges):
        r.rank[r.order[place] & _LOW_32] = place


@compiled
def add_changes(p: Elimination, width: Any, h: Hardware, m: Networks, r: Room, weight: Any, chosen: Any) -> None:
    """Add the dR that one example asks for (Eq. 2), where chosen; `weight` is a factor, or None."""
    for e in range(len(m.place)):
        a, b = p.first[e], p.second[e]
        d_free, d_clamped = r.seen_free[a] - r.seen_free[b], r.seen_clamped[a] - r.seen_clamped[b]
        conductance = full(width, h.r_ref_ohm) * r.free_s[e]
        change = m.rate[0] * ((conductance * conductance) * ((d_clamped - d_free) * (d_clamped + d_free)))
        if weight is not None:
            change = weight * change
        r.change[e] = select(chosen, r.change[e] + change, r.change[e])


@compiled
def set_resistances(width: Any, h: Hardware, s: Schedule, k: int, m: Networks, r: Room, log: Log, at: int) -> None:
    """Change the resistances where the gates let them, but for networks where one would be no resistance any more."""
    zero, one, infinity = full(width, 0.0), full(width, 1.0), full(width, np.inf)
    nothing = full(width, np.nan)
    edges, limit = len(m.place), bar(width, h, m)
    key = mix(s.stream_seed + (s.trigger + np.uint64(k) + _ONE) * GOLDEN)
    if h.fixed_gate:
        rank_edges(key, r)
    fine = zero
    for e in range(edges):
        z = mix(key + np.uint64(e + 1) * GOLDEN)
        enabled = opened(width, h, s, k, e, z, m, r, limit)
        if at >= 0:
            log.direction[at * edges + e] = select(
                r.change[e] > zero, one, select(r.change[e] < zero, zero - one, zero)
            )
            log.enabled[at * edges + e] = select(enabled, one, zero)
        new = select(enabled, m.place[e] + r.change[e], m.place[e])
        fine = fine + select(new > zero, new - new, nothing)  # 0, or NaN from the first bad one on
        r.change[e] = cut(width, new, h.low_ohm, h.high_ohm)
    note_wrong(width, s, k, m, fine)
    for e in range(edges):
        m.place[e] = select(m.wrong[0] < infinity, m.place[e], r.change[e])


@compiled
def note_wrong(width: Any, s: Schedule, k: int, m: Networks, fine: Any) -> None:
    """Note the step at which `fine` is a number no more, the first one of every network."""
    now = select(absolute(fine) < full(width, np.inf), full(width, np.inf), full(width, float(s.first + k)))
    m.wrong[0] = select(m.wrong[0] < now, m.wrong[0], now)
