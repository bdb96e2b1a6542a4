"""The states of an example, compiled: free and clamped, measured and logged. Numbers are lanes, as in `lanes`."""

from typing import Any

from labnet_simulators.engine.arrays import Hardware, Log, Networks, Room, Schedule
from labnet_simulators.engine.compiling import compiled
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import fma, full, gather, select
from labnet_simulators.engine.parts import nudge, read
from labnet_simulators.engine.solve import respond, solve


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
