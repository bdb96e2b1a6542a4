"""Examples under a nudge that is not that of wycoff2022, compiled: by currents and conductances (equilibrium
propagation), both ways, with a margin, over-clamped. Numbers are lanes, as in `lanes`.

Steps are those of `labnet.rules`, with the same roundings in the same order.
"""

from typing import Any

import numpy as np

from labnet_simulators.engine.arrays import (
    CONDUCTANCE,
    CURRENT,
    VOLTAGE,
    Hardware,
    Log,
    Networks,
    Nudging,
    Room,
    Schedule,
)
from labnet_simulators.engine.compiling import compiled
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import absolute, full, select
from labnet_simulators.engine.parts import code, read
from labnet_simulators.engine.solve import absorb, factorise_shunted, respond
from labnet_simulators.engine.states import clamp, complete
from labnet_simulators.engine.updates import note_wrong


@compiled
def see_nudged(
    p: Elimination,
    width: Any,
    u: Nudging,
    h: Hardware,
    s: Schedule,
    k: int,
    eta: Any,
    m: Networks,
    r: Room,
    chosen: Any,
) -> Any:
    """Nudge the outputs of an example that is shown, and read what is compared; on one twin after the other or on both.

    Tells where a voltage was cut, as 0 or 1, and gives the factor on the change.
    """
    zero, one = full(width, 0.0), full(width, 1.0)
    n, inner = len(p.free), len(p.free) - len(p.outputs)
    for o in range(len(p.outputs)):
        j = inner + o
        r.seen_outputs[o] = read(width, h.reading, r.v[j], h.free_gain[j], h.free_offset_v[j], 0.0)
    was_cut, weight = zero, one
    if u.by == VOLTAGE:
        weight = aim(p, width, u, h, r)
    else:
        pull(p, width, u, r)
    for turn in range(2):  # to be compared with first; but twins begin where both are at rest, the free one moves last
        compared = (turn == 0) != u.twins
        at_rest, of_free = compared and not u.opposite, compared and (u.twins or not u.opposite)
        sign = full(width, -1.0 if compared else 1.0)
        v = r.v if of_free else r.v_clamped
        if u.by == VOLTAGE and not at_rest:
            beyond = clamp(p, width, h, s, k, sign * eta, r)
            was_cut = select(zero < beyond, beyond, was_cut)
            complete(p, width, h, r)
        elif not at_rest:
            respond_to_pull(p, width, u, h, s, k, sign, m, r, chosen)
            for j in range(len(p.nodes)):
                v[j] = r.v[j] + r.d[j] if j < n else r.v[j]
        gain, offset_v = (h.free_gain, h.free_offset_v) if of_free else (h.clamped_gain, h.clamped_offset_v)
        seen = r.seen_free if compared else r.seen_clamped
        for j in range(len(p.nodes)):
            seen[j] = read(width, h.reading, v[j], gain[j], offset_v[j], 0.0)
    if u.by == CONDUCTANCE and s.batch:  # the next example begins at rest
        shunt_outputs(p, width, h, zero, r)
    return was_cut, weight


@compiled
def aim(p: Elimination, width: Any, u: Nudging, h: Hardware, r: Room) -> Any:
    """Put what outputs are drawn to in the place of what is wanted of them; gives the factor on the change."""
    zero = full(width, 0.0)
    error, way = zero, zero
    for o in range(len(p.outputs)):
        wanted, seen = r.want[o], r.seen_outputs[o]
        off = absolute(wanted - seen)
        aimed = select(wanted > seen, u.high_v[0], u.low_v[0]) if u.over else wanted
        error = select(off > error, off, error)
        way = select(absolute(aimed - seen) > way, absolute(aimed - seen), way)
        aimed = select(off > u.margin_v[0], aimed, seen)
        r.want[o] = code(width, h.source, aimed) if h.source.top > 0.0 else aimed
    return select(way > zero, error / way, zero) if u.over else full(width, 1.0)


@compiled
def pull(p: Elimination, width: Any, u: Nudging, r: Room) -> None:
    """Put the currents into the outputs, in volts over R_ref, in the place of what is wanted of them."""
    for o in range(len(p.outputs)):
        apart = r.want[o] - r.seen_outputs[o] if u.by == CURRENT else r.want[o]
        r.want[o] = u.beta[0] * apart


@compiled
def respond_to_pull(
    p: Elimination,
    width: Any,
    u: Nudging,
    h: Hardware,
    s: Schedule,
    k: int,
    sign: Any,
    m: Networks,
    r: Room,
    chosen: Any,
) -> None:
    """Give in `d` how all nodes respond to the nudge, or its opposite; notes where conductances make it unstable."""
    zero, n, inner = full(width, 0.0), len(p.free), len(p.free) - len(p.outputs)
    r_ref, nothing = full(width, h.r_ref_ohm), full(width, np.nan)
    siemens = sign * u.beta[0] / r_ref
    if u.by == CONDUCTANCE:
        shunt_outputs(p, width, h, siemens, r)
        fine = zero
        for j in range(inner, n):
            fine = fine + select(r.free.inverse[j] > zero, zero, nothing)
        note_wrong(width, s, k, m, select(chosen, fine, zero))
    for j in range(inner, n):
        r.d[j] = sign * r.want[j - inner] / r_ref
        if u.by == CONDUCTANCE:
            r.d[j] = r.d[j] - siemens * r.v[j]
    absorb(p, width, r.free, inner, r.d)
    respond(p, width, r.free, r.d)


@compiled
def shunt_outputs(p: Elimination, width: Any, h: Hardware, siemens: Any, r: Room) -> None:
    """Eliminate the outputs anew, each with a conductance to ground; uses `d`."""
    n, inner = len(p.free), len(p.free) - len(p.outputs)
    for j in range(inner, n):
        r.d[j] = siemens
    factorise_shunted(p, width, r.free_s, h.leak_s, r.d, inner, r.free)


@compiled
def keep_nudged(p: Elimination, width: Any, u: Nudging, r: Room, log: Log, at: int, chosen: Any) -> None:
    """Keep what was read of both sides in the log, of the lanes that are chosen; NaN where nothing was."""
    nodes, n, inner = len(p.nodes), len(p.free), len(p.free) - len(p.outputs)
    for j in range(nodes):
        if not u.opposite or u.twins:
            seen = r.seen_free[j]
        elif inner <= j < n and u.by != CONDUCTANCE:
            seen = r.seen_outputs[j - inner]
        else:
            seen = full(width, np.nan)
        log.v_free[at * nodes + j] = select(chosen, seen, log.v_free[at * nodes + j])
        log.v_clamped[at * nodes + j] = select(chosen, r.seen_clamped[j], log.v_clamped[at * nodes + j])
