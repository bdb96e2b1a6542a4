"""The cycle of a whole training, compiled: every lane is a network with its own task, start, eta, p and gamma.

What all lanes share is the board: graph and terminals, parts, and so the draws of gates and sigma. Steps are those of
`labnet.cycle`, with the same roundings in the same order, so the records are the same bit for bit.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.arrays import (
    Hardware,
    Log,
    Networks,
    Room,
    Schedule,
    log_lanes,
    network_lanes,
    room_lanes,
    schedule_lanes,
)
from labnet_simulators.engine.compiling import STAMP, compiled, kept_kernel
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import absolute, any_lane, floor, fma, full, gather, select
from labnet_simulators.engine.parts import GOLDEN, cut, decide, mix, nudge, read
from labnet_simulators.engine.solve import factorise, respond, solve

FloatArray = NDArray[np.float64]

_LOW_32, _32, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)


@compiled
def conduct_at_wipers(width: Any, h: Hardware, place: Any, r: Room) -> None:
    """Give the conductances of all edges at their wiper positions."""
    for e in range(len(place)):
        r.free_s[e] = gather(h.free_s, e * h.positions, place[e])
        if not h.twins_equal:
            r.clamped_s[e] = gather(h.clamped_s, e * h.positions, place[e])


@compiled
def conduct_at_resistances(width: Any, place: Any, r: Room) -> None:
    """Give the conductances of all edges at their resistances."""
    one = full(width, 1.0)
    for e in range(len(place)):
        r.free_s[e] = one / place[e]


@compiled
def measure(p: Elimination, width: Any, h: Hardware, s: Schedule, held: Any, r: Room, outputs: Any, at: int) -> None:
    """Show all examples on the free side, and keep what the outputs read."""
    n, count = len(p.free), len(p.outputs)
    holds = len(p.nodes) - n
    examples = len(held) // holds
    for b in range(examples):
        for k in range(holds):
            r.v[n + k] = held[b * holds + k]
        solve(p, width, r.free_s, n, r.free, r.v)
        for o in range(count):
            noise = s.measure_noise_v[at, b, o] if len(s.measure_noise_v) else 0.0
            j = n - count + o
            outputs[(at * examples + b) * count + o] = read(
                width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], noise
            )


@compiled
def show(p: Elimination, width: Any, s: Schedule, k: int, b: int, m: Networks, r: Room) -> None:
    """Hold the inputs of example `b`, or each lane's own, and note what outputs they want; give the free state."""
    n, count = len(p.free), len(p.outputs)
    holds, lanes = len(p.nodes) - n, len(width)
    if s.batch or len(s.shown):
        for i in range(holds):
            r.v[n + i] = m.held[b * holds + i]
        for o in range(count):
            r.want[o] = m.desired[b * count + o]
    else:  # lane by lane: gather from where each lane's example begins
        at = fma(s.example[k], full(width, float(holds * lanes)), r.lane[0])
        for i in range(holds):
            r.v[n + i] = gather(m.held, i * lanes, at)
        at = fma(s.example[k], full(width, float(count * lanes)), r.lane[0])
        for o in range(count):
            r.want[o] = gather(m.desired, o * lanes, at)
    solve(p, width, r.free_s, n, r.free, r.v)


@compiled
def clamp(p: Elimination, width: Any, h: Hardware, s: Schedule, k: int, eta: Any, r: Room) -> Any:
    """Hold the clamped outputs (Eq. 1), give the clamped state; tells where a voltage was cut, as 0 or 1."""
    n, count = len(p.free), len(p.outputs)
    zero = full(width, 0.0)
    was_cut = zero
    for o in range(count):
        j = n - count + o
        noise = s.output_noise_v[k, o] if len(s.output_noise_v) else 0.0
        seen = read(width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], noise)
        held, beyond = nudge(width, h, eta, r.want[o], seen)
        was_cut = select(zero < beyond, beyond, was_cut)
        held = held * full(width, h.source_gain[j]) + full(width, h.source_offset_v[j])
        r.v_clamped[j] = held
        r.d[j] = held - r.v[j]
    if h.twins_equal:
        respond(p, width, r.free, r.d)
    else:
        for j in range(n, len(p.nodes)):
            r.v_clamped[j] = r.v[j]
        solve(p, width, r.clamped_s, n - count, r.clamped, r.v_clamped)
        for j in range(n - count):
            r.d[j] = r.v_clamped[j] - r.v[j]
    return was_cut


@compiled
def complete(p: Elimination, width: Any, h: Hardware, r: Room) -> None:
    """Fill in the clamped voltages where so far only the difference is known."""
    n, count = len(p.free), len(p.outputs)
    if h.twins_equal:
        for j in range(n - count):
            r.v_clamped[j] = r.v[j] + r.d[j]
        for j in range(n, len(p.nodes)):
            r.v_clamped[j] = r.v[j]


@compiled
def keep_voltages(
    p: Elimination, width: Any, h: Hardware, s: Schedule, r: Room, log: Log, at: int, chosen: Any
) -> None:
    """Read all nodes of both sides into the log, of the lanes that are chosen."""
    nodes = len(p.nodes)
    for j in range(nodes):
        noise = s.log_noise_v[at, 0, j] if len(s.log_noise_v) else 0.0
        seen = read(width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], noise)
        log.v_free[at * nodes + j] = select(chosen, seen, log.v_free[at * nodes + j])
        noise = s.log_noise_v[at, 1, j] if len(s.log_noise_v) else 0.0
        seen = read(width, h.reading, r.v_clamped[j], h.clamped_gain[j], h.clamped_offset_v[j], noise)
        log.v_clamped[at * nodes + j] = select(chosen, seen, log.v_clamped[at * nodes + j])


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
def add_changes(p: Elimination, width: Any, h: Hardware, m: Networks, r: Room, chosen: Any) -> None:
    """Add one example's dR of Eq. 2, where chosen."""
    for e in range(len(m.place)):
        a, b = p.first[e], p.second[e]
        d_free, d_clamped = r.seen_free[a] - r.seen_free[b], r.seen_clamped[a] - r.seen_clamped[b]
        conductance = full(width, h.r_ref_ohm) * r.free_s[e]
        change = m.rate[0] * (conductance * conductance) * ((d_clamped - d_free) * (d_clamped + d_free))
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


@compiled
def learn_wipers(
    p: Elimination, width: Any, h: Hardware, s: Schedule, k: int, m: Networks, r: Room, log: Log, at: int
) -> None:
    """Run a step of the discrete rule."""
    show(p, width, s, k, s.shown[k] if len(s.shown) else 0, m, r)
    was_cut = clamp(p, width, h, s, k, m.eta[k if len(m.eta) > 1 else 0], r)
    fine = full(width, 0.0)
    for j in range(len(p.free) - len(p.outputs), len(p.free)):
        fine = fine + r.d[j]
    note_wrong(width, s, k, m, fine)
    if at >= 0:
        complete(p, width, h, r)
        keep_voltages(p, width, h, s, r, log, at, full(width, 0.0) < full(width, 1.0))
        log.clipped[at] = was_cut
    step_wipers(p, width, h, s, k, m, r, log, at)


@compiled
def learn_resistances(
    p: Elimination, width: Any, h: Hardware, s: Schedule, k: int, m: Networks, r: Room, log: Log, at: int
) -> None:
    """Run a step of the continuous rule: one example, or the sum over a batch (Eqs. 2 and 7)."""
    zero, one = full(width, 0.0), full(width, 1.0)
    count = len(m.desired) // len(p.outputs) if s.batch else 1
    for e in range(len(m.place)):
        r.change[e] = zero
    if at >= 0:
        log.clipped[at] = zero
    for b in range(count):
        chosen = zero < (s.chosen[k * count + b] if len(s.chosen) else one)
        if not any_lane(chosen):
            continue
        show(p, width, s, k, s.shown[k] if len(s.shown) else b, m, r)
        was_cut = clamp(p, width, h, s, k, m.eta[k if len(m.eta) > 1 else 0], r)
        complete(p, width, h, r)
        for j in range(len(p.nodes)):
            r.seen_free[j] = read(width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], 0.0)
            r.seen_clamped[j] = read(width, h.reading, r.v_clamped[j], h.clamped_gain[j], h.clamped_offset_v[j], 0.0)
        add_changes(p, width, h, m, r, chosen)
        if at >= 0:
            keep_voltages(p, width, h, s, r, log, at, chosen)
            log.clipped[at] = select(chosen, log.clipped[at] + was_cut, log.clipped[at])
    set_resistances(width, h, s, k, m, r, log, at)


def _make_run(stamp: str) -> Callable[..., None]:
    @kept_kernel
    def run(width: Any, wipers: Any, p: Elimination, h: Hardware, s: Schedule, m: Networks, r: Room, log: Log) -> None:
        """Run the steps of a chunk, each after its measurement; one more measurement may stand after the last step.

        Arrays have the shape (X, width); `width` is a tuple of as many zeros; `wipers` is None where resistances are
        set instead (None is a type of its own, so that only what the rule needs is compiled).
        """
        _ = stamp
        s, m = schedule_lanes(width, s), network_lanes(width, m)
        r, log = room_lanes(width, r), log_lanes(width, log)
        edges, measured, logged = len(m.place), 0, 0
        for k in range(len(s.measured)):
            if k == s.steps and not s.measured[k]:
                break
            if wipers is None:
                conduct_at_resistances(width, m.place, r)
            else:
                conduct_at_wipers(width, h, m.place, r)
            factorise(p, width, r.free_s, h.leak_s, len(p.free), r.free)
            if s.measured[k]:
                measure(p, width, h, s, m.held, r, log.outputs, measured)
                measured += 1
            if k == s.steps:
                break
            if not h.twins_equal:
                factorise(p, width, r.clamped_s, h.leak_s, len(p.free) - len(p.outputs), r.clamped)
            at = -1
            if s.logged[k]:
                at, logged = logged, logged + 1
                for e in range(edges):
                    log.place[at * edges + e] = m.place[e]
            if wipers is None:
                learn_resistances(p, width, h, s, k, m, r, log, at)
            else:
                learn_wipers(p, width, h, s, k, m, r, log, at)

    return cast(Callable[..., None], run)


run = _make_run(STAMP)
