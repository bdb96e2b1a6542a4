"""Edges that step by themselves, compiled: every firing of every edge's oscillator in order of its time, exactly.

Between two changes the free voltages are on their way from `base_v` to the static solution `v`, as exp(-t / tau), and
so is what the clamped ones exceed them by, from `base_d` to `d`. Nothing has to be computed on the way but the drops of
the edge that fires. Where its wiper moves, the way so far is noted, and the solutions are worked out anew: exactly,
from the nodes on behind the edge that moved. So no errors add up, however many edges step.
"""

from collections.abc import Callable
from math import cos, exp, expm1, floor, inf, sin
from typing import cast

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.arrays import Factor, Hardware
from labnet_simulators.engine.compiling import STAMP, compiled, kept_kernel
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import fma
from labnet_simulators.engine.parts import GOLDEN, decide, mix
from labnet_simulators.engine.self_triggered_arrays import Clamp, Clocks, Noise, Path, Room, Sides
from labnet_simulators.engine.solve import factorise, factorise_node, feed_node, respond, substitute

FloatArray = NDArray[np.float64]

_SINGLE = (0,)  # the width of one network
_TWO, _16, _PIECE = np.uint64(2), np.uint64(16), np.uint64(0xFFFF)
_NEWTON = 50  # steps at most, to find when a drifting oscillator fires; three are enough


# When edges fire --------------------------------------------------------------------------------------------------


@compiled
def late(c: Clocks, e: int, n: int) -> float:
    """Give by how much period `n` of an edge begins late, in periods, as `oscillators.jitter` does."""
    if c.jitter == 0.0:
        return 0.0
    z = mix(mix(c.jitter_seed + (np.uint64(n) + _TWO) * GOLDEN) + np.uint64(e + 1) * GOLDEN)
    pieces = 0.0
    for _ in range(4):
        pieces += float(z & _PIECE)
        z >>= _16
    return float(c.jitter * ((pieces + 2.0) * 2.0**-16 - 2.0))


@compiled
def cycles(c: Clocks, e: int, time_ns: float) -> float:
    """Give how many periods an edge's oscillator has done; whole where it falls through the bias."""
    heat = c.heat_k_ns * (1.0 - cos(c.radians_per_ns * time_ns)) if c.heat_k_ns != 0.0 else 0.0
    return float(time_ns * c.cycles_per_ns[e] - heat * c.drift_per_ns[e] + c.turns[e])


@compiled
def when(c: Clocks, e: int, y: float) -> float:
    """Give when an edge's oscillator has done `y` periods, by Newton's method where its frequency drifts."""
    time_ns = float((y - c.turns[e]) / c.cycles_per_ns[e])
    if c.heat_k_ns == 0.0:
        return time_ns
    for _ in range(_NEWTON):
        warm = c.heat_k_ns * c.radians_per_ns * sin(c.radians_per_ns * time_ns)
        step = (y - cycles(c, e, time_ns)) / (c.cycles_per_ns[e] - warm * c.drift_per_ns[e])
        time_ns += step
        if abs(step) <= 1e-15 * abs(time_ns):
            break
    return time_ns


@compiled
def schedule(c: Clocks, r: Room, e: int, from_ns: float, to_ns: float) -> None:
    """Note when an edge fires next; never, where that is not before the stretch ends."""
    y = r.period[e] + late(c, e, r.period[e])
    r.next_ns[e] = min(max(when(c, e, y), from_ns), to_ns) if y < r.end[e] else inf


@compiled
def begin(c: Clocks, r: Room, from_ns: float, to_ns: float) -> None:
    """Note when every edge fires first from a time on: periods that begin just then count, those at the end do not."""
    for e in range(len(r.place)):
        r.next_ns[e] = inf
        if c.fires[e]:
            y = cycles(c, e, from_ns)
            n = floor(y - 0.5)
            while n + late(c, e, n) < y:
                n += 1
            r.period[e], r.end[e] = n, cycles(c, e, to_ns)
            schedule(c, r, e, from_ns, to_ns)


@compiled
def first_of(next_ns: FloatArray) -> int:
    """Give the edge that fires first; of those at the same time the lowest."""
    best, at = next_ns[0], 0
    for e in range(1, len(next_ns)):
        if next_ns[e] < best:
            best, at = next_ns[e], e
    return at


# On the way -------------------------------------------------------------------------------------------------------


@compiled
def one_after_other(s: float, a: float, b: float) -> float:
    """Give the integral of exp(-(s - u) / a) exp(-u / b) over u from 0 to s."""
    slow, fast = max(a, b), min(a, b)
    x = s * (1.0 / fast - 1.0 / slow)
    return exp(-s / slow) * s * (1.0 if x == 0.0 else -expm1(-x) / x)


@compiled
def twice_after_other(s: float, a: float, b: float) -> float:
    """Give the integral of u exp(-u / a) exp(-(s - u) / b) over u from 0 to s."""
    x = s * (1.0 / a - 1.0 / b)
    if abs(x) > 0.5:
        return s * s * (exp(-s / b) - exp(-s / a) * (1.0 + x)) / (x * x)
    total, term = 0.5, 1.0  # there the difference would lose digits; its series does not
    for k in range(1, 18):
        term *= -x / k
        total += term / (k + 2)
    return exp(-s / b) * s * s * total


@compiled
def passed(sides: Sides, clamp: Clamp, r: Room, time_ns: float) -> Path:
    """Give how far everything is on its way at a time."""
    s, tau, lag = time_ns - r.base_ns[0], sides.tau_ns, clamp.lag_ns
    fade = exp(-s / tau) if tau > 0.0 and s <= sides.settled_ns else 0.0
    if lag == 0.0:
        return Path(fade, 0.0, 0.0, 0.0, 0.0)
    left = exp(-s / lag)
    if tau == 0.0:
        return Path(fade, left, 0.0, left, 0.0)
    once, twice = one_after_other(s, tau, lag), twice_after_other(s, tau, lag)
    return Path(fade, left, once / lag, once / tau, twice / (lag * tau))


@compiled
def free_at(r: Room, i: int, w: Path) -> float:
    """Give the voltage of a node of the free side."""
    return float(r.v[i] + (r.base_v[i] - r.v[i]) * w.fade)


@compiled
def hold_at(r: Room, j: int, w: Path) -> float:
    """Give the voltage of a node that the clamped side holds."""
    return float(r.aim[j] + (r.hold[j] - r.aim[j]) * w.clamp + r.pull[j] * w.pull)


@compiled
def more_at(sides: Sides, clamp: Clamp, r: Room, j: int, w: Path) -> float:
    """Give by how much a node of the clamped side exceeds that of the free one."""
    if j >= sides.inner:
        held = float(r.hold[j]) if clamp.lag_ns == 0.0 else hold_at(r, j, w)
        return float(held - free_at(r, sides.same[j], w))
    more = float(r.d[j] + (r.base_d[j] - r.d[j]) * w.fade)
    return more if clamp.lag_ns == 0.0 else more + float(r.one[j] * w.one + r.two[j] * w.two)


@compiled
def stand_at(sides: Sides, clamp: Clamp, r: Room, w: Path, time_ns: float) -> None:
    """Let the way begin where everything is now."""
    for j in range(sides.inner):
        r.base_d[j] = more_at(sides, clamp, r, j, w)
    if clamp.lag_ns > 0.0:
        for j in range(sides.inner, len(r.hold)):
            r.hold[j] = hold_at(r, j, w)
    for i in range(len(r.v)):
        r.base_v[i] = free_at(r, i, w)
    r.base_ns[0] = time_ns


# Where it leads to ------------------------------------------------------------------------------------------------


@compiled
def conduct(h: Hardware, sides: Sides, r: Room, e: int) -> None:
    """Give an edge the conductances of its wiper position."""
    at = e * h.positions + int(r.place[e])
    r.free_s[e], r.clamped_s[e] = h.free_s[at], h.clamped_s[at]


@compiled
def factorise_all(h: Hardware, sides: Sides, r: Room) -> None:
    """Factorise both sides for the wiper positions."""
    for e in range(len(r.place)):
        conduct(h, sides, r, e)
    factorise(sides.p, _SINGLE, r.free_s, h.leak_s, len(sides.p.free), r.free)
    if not sides.joined:
        factorise(sides.q, _SINGLE, r.clamped_s, h.leak_s, sides.inner, r.clamped)


@compiled
def factorise_behind(
    p: Elimination, conductance: FloatArray, leak_s: float, nodes: int, f: Factor, v: FloatArray, e: int
) -> None:
    """Work out anew what an edge's conductance decides: its node eliminated first, and those on the way to the last."""
    j = min(p.first[e], p.second[e])
    while j < nodes:
        factorise_node(p, _SINGLE, conductance, leak_s, None, j, f)
        feed_node(p, _SINGLE, conductance, j, f, v)
        if p.slot_start[j] == p.slot_start[j + 1]:
            break
        j = p.slot_end[p.slot_start[j]]


@compiled
def respond_twice(p: Elimination, nodes: int, f: Factor, one: FloatArray, two: FloatArray) -> None:
    """Do what `respond` does for two differences at the outputs, at once: each hides how long the other one takes."""
    for j in range(nodes - 1, -1, -1):
        x = y = 0.0
        for slot in range(p.slot_start[j], p.slot_start[j + 1]):
            share, end = f.share[slot], p.slot_end[slot]
            x, y = fma(share, one[end], x), fma(share, two[end], y)
        one[j], two[j] = x, y


@compiled
def head_for(sides: Sides, clamp: Clamp, r: Room, fed: bool) -> None:
    """Work out where the clamped side leads to, from where the free one does; `fed` if held nodes are as they were."""
    inner = sides.inner
    if clamp.lag_ns > 0.0:
        for o in range(len(sides.p.outputs)):
            i, away = inner + o, 1.0 - clamp.eta
            r.aim[i] = clamp.eta * clamp.want[clamp.at + o] + away * r.v[i]
            r.pull[i] = away * (r.base_v[i] - r.v[i])
            r.one[i], r.two[i] = r.hold[i] - r.aim[i], r.pull[i]
        for j in range(len(sides.p.free), len(r.hold)):
            r.aim[j] = r.hold[j]
        respond_twice(sides.p, inner, r.free if sides.joined else r.clamped, r.one, r.two)
    held = r.aim if clamp.lag_ns > 0.0 else r.hold
    if sides.joined:
        for j in range(inner, len(sides.p.free)):
            r.d[j] = held[j] - r.v[j]
        respond(sides.p, _SINGLE, r.free, r.d)
    else:
        if not fed or clamp.lag_ns > 0.0:
            for j in range(inner, len(sides.q.nodes)):
                r.v_clamped[j] = held[j]
            for j in range(inner):
                feed_node(sides.q, _SINGLE, r.clamped_s, j, r.clamped, r.v_clamped)
        substitute(sides.q, _SINGLE, inner, r.clamped, r.v_clamped)
        for j in range(inner):
            r.d[j] = r.v_clamped[j] - r.v[sides.same[j]]


@compiled
def step_wiper(
    sides: Sides, h: Hardware, c: Clocks, clamp: Clamp, noise: Noise, k: int, r: Room, w: Path, e: int
) -> bool:
    """Let an edge fire: its wiper goes where its comparators say, if it can. Tells whether it moved."""
    n, p, q = r.period[e], sides.p, sides.q
    d_free = free_at(r, p.first[e], w) - free_at(r, p.second[e], w)
    d_more = more_at(sides, clamp, r, q.first[e], w) - more_at(sides, clamp, r, q.second[e], w)
    one_v = two_v = 0.0
    if len(h.pair_v):
        one_v, two_v = h.pair_v[0, 0, e], h.pair_v[0, 1, e]
        if noise.volts.size:
            at = n - noise.first[k, e]
            one_v, two_v = one_v + noise.volts[k, e, at, 0], two_v + noise.volts[k, e, at, 1]
    z = mix(mix(c.draw_seed + (np.uint64(n) + _TWO) * GOLDEN) + np.uint64(e + 1) * GOLDEN)
    way = decide(_SINGLE, h, e, z, one_v, two_v, d_free, d_more)
    place = r.place[e] - way if c.swapped[e] else r.place[e] + way
    if not 0.0 <= place < h.positions:
        return False
    r.place[e] = place
    return True


@compiled
def fire(
    sides: Sides,
    h: Hardware,
    c: Clocks,
    clamp: Clamp,
    noise: Noise,
    k: int,
    r: Room,
    from_ns: float,
    to_ns: float,
    until_ns: float,
    lead: bool,
) -> int:
    """Let edges fire up to a time; with `lead` begin with working out where everything leads to. Counts firings."""
    p, count, fed = sides.p, 0, False
    while True:
        if lead:
            if not fed:
                for j in range(len(p.free)):
                    feed_node(p, _SINGLE, r.free_s, j, r.free, r.v)
            substitute(p, _SINGLE, len(p.free), r.free, r.v)
            head_for(sides, clamp, r, fed)
            fed = True
        e = first_of(r.next_ns)
        time_ns = r.next_ns[e]
        if not time_ns < until_ns:
            return count
        w = passed(sides, clamp, r, time_ns)
        lead = step_wiper(sides, h, c, clamp, noise, k, r, w, e)
        if lead:
            if sides.tau_ns > 0.0 or clamp.lag_ns > 0.0:
                stand_at(sides, clamp, r, w, time_ns)
            conduct(h, sides, r, e)
            factorise_behind(p, r.free_s, h.leak_s, len(p.free), r.free, r.v, e)
            if not sides.joined:
                factorise_behind(sides.q, r.clamped_s, h.leak_s, sides.inner, r.clamped, r.v_clamped, e)
        r.period[e] += 1
        schedule(c, r, e, from_ns, to_ns)
        count += 1


@compiled
def set_out(sides: Sides, r: Room, from_ns: float) -> None:
    """Begin a stretch where `base_v` and `base_v_clamped` say."""
    for j in range(sides.inner):
        r.base_d[j] = r.base_v_clamped[j] - r.base_v[sides.same[j]]
    r.base_ns[0] = from_ns


@compiled
def arrive(sides: Sides, clamp: Clamp, r: Room, to_ns: float) -> None:
    """End a stretch: note where both sides are."""
    stand_at(sides, clamp, r, passed(sides, clamp, r, to_ns), to_ns)
    for j in range(len(r.hold)):
        i = sides.same[j]
        r.base_v_clamped[j] = r.base_v[i] + r.base_d[j] if j < sides.inner else r.hold[j]


def _make_stretch(stamp: str) -> Callable[..., int]:
    @kept_kernel
    def stretch(
        sides: Sides,
        h: Hardware,
        c: Clocks,
        clamp: Clamp,
        noise: Noise,
        r: Room,
        from_ns: float,
        to_ns: float,
        until_ns: float,
        fresh: bool,
    ) -> int:
        """Run a stretch from its begin on (`fresh`), or go on with it; up to `until_ns`, infinity for its end."""
        _ = stamp
        if fresh:
            factorise_all(h, sides, r)
            set_out(sides, r, from_ns)
            begin(c, r, from_ns, to_ns)
        count = int(fire(sides, h, c, clamp, noise, 0, r, from_ns, to_ns, until_ns, fresh))
        if until_ns > to_ns:
            arrive(sides, clamp, r, to_ns)
        return count

    return cast(Callable[..., int], stretch)


stretch = _make_stretch(STAMP)
