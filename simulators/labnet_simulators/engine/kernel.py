"""The cycle of a whole training, compiled: every lane is a network with its own task, start, eta, p and gamma.

What all lanes share is the board: graph and terminals, parts, and so the draws of gates and sigma. Steps are those of
`labnet.cycle`, with the same roundings in the same order, so the records are the same bit for bit.
"""

from collections.abc import Callable
from typing import Any, cast

from labnet_simulators.engine.arrays import (
    Hardware,
    Log,
    Networks,
    Nudging,
    Room,
    Schedule,
    log_lanes,
    network_lanes,
    nudging_lanes,
    room_lanes,
    schedule_lanes,
)
from labnet_simulators.engine.compiling import STAMP, compiled, kept_kernel
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import any_lane, full, select
from labnet_simulators.engine.nudging import keep_nudged, see_nudged
from labnet_simulators.engine.parts import read
from labnet_simulators.engine.solve import factorise
from labnet_simulators.engine.states import (
    clamp,
    complete,
    conduct_at_resistances,
    conduct_at_wipers,
    keep_voltages,
    measure,
    show,
)
from labnet_simulators.engine.updates import add_changes, note_wrong, set_resistances, step_wipers


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
    p: Elimination,
    width: Any,
    u: Nudging | None,
    h: Hardware,
    s: Schedule,
    k: int,
    m: Networks,
    r: Room,
    log: Log,
    at: int,
) -> None:
    """Run a step of a rule that sets resistances: one example, or the sum over a batch (Eqs. 2 and 7)."""
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
        eta = m.eta[k if len(m.eta) > 1 else 0]
        if u is None:
            was_cut = clamp(p, width, h, s, k, eta, r)
            see(p, width, h, r)
            add_changes(p, width, h, m, r, None, chosen)
        else:
            was_cut, weight = see_nudged(p, width, u, h, s, k, eta, m, r, chosen)
            add_changes(p, width, h, m, r, weight, chosen)
        if at >= 0:
            if u is None:
                keep_voltages(p, width, h, s, r, log, at, chosen)
            else:
                keep_nudged(p, width, u, r, log, at, chosen)
            log.clipped[at] = select(chosen, log.clipped[at] + was_cut, log.clipped[at])
    set_resistances(width, h, s, k, m, r, log, at)


@compiled
def see(p: Elimination, width: Any, h: Hardware, r: Room) -> None:
    """Read all nodes of both sides, once the clamp holds the outputs."""
    complete(p, width, h, r)
    for j in range(len(p.nodes)):
        r.seen_free[j] = read(width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], 0.0)
        r.seen_clamped[j] = read(width, h.reading, r.v_clamped[j], h.clamped_gain[j], h.clamped_offset_v[j], 0.0)


def _make_run(stamp: str) -> Callable[..., None]:
    @kept_kernel
    def run(
        width: Any,
        wipers: Any,
        nudging: Nudging | None,
        p: Elimination,
        h: Hardware,
        s: Schedule,
        m: Networks,
        r: Room,
        log: Log,
    ) -> None:
        """Run the steps of a chunk, each after its measurement; one more measurement may stand after the last step.

        Arrays have the shape (X, width); `width` is a tuple of as many zeros; `wipers` is None where resistances are
        set instead, `nudging` is None for the coupled rules as they are in wycoff2022 (None is a type of its own, so
        that only what the rule needs is compiled).
        """
        _ = stamp
        s, m = schedule_lanes(width, s), network_lanes(width, m)
        u = None if nudging is None else nudging_lanes(width, nudging)
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
                learn_resistances(p, width, u, h, s, k, m, r, log, at)
            else:
                learn_wipers(p, width, h, s, k, m, r, log, at)

    return cast(Callable[..., None], run)


run = _make_run(STAMP)
