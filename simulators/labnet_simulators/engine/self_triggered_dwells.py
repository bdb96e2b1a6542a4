"""Dwells, compiled: examples shown one after the other while edges step by themselves and the clamp follows."""

from collections.abc import Callable
from math import inf
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.arrays import Hardware
from labnet_simulators.engine.compiling import STAMP, compiled, kept_kernel
from labnet_simulators.engine.parts import nudge, read
from labnet_simulators.engine.self_triggered import arrive, begin, factorise_all, fire, head_for, set_out
from labnet_simulators.engine.self_triggered_arrays import Clamp, Clocks, Noise, Room, Sides
from labnet_simulators.engine.solve import solve
from labnet_simulators.engine.states import measure

FloatArray = NDArray[np.float64]

_SINGLE = (0,)


class Dwells(NamedTuple):
    """What happens in a chunk of K steps.

    `shown` (K,) are training examples, `eta` (K,) nudges or their Q15 numbers. Every dwell begins at `began_ns` (K,)
    and has `stretches` stretches of `stretch_ns`, with a move of the clamp between two. `lag_ns` is that of an analogue
    clamp, or 0. Noise is in volts: (K, stretches - 1, O) of the outputs as the clamp reads them, (measurements, B, O),
    (logs, 2, n).
    """

    steps: int
    measured: NDArray[np.bool_]
    logged: NDArray[np.bool_]
    shown: NDArray[np.int64]
    eta: FloatArray
    began_ns: FloatArray
    stretches: int
    stretch_ns: float
    lag_ns: float
    output_noise_v: FloatArray
    measure_noise_v: FloatArray
    log_noise_v: FloatArray


class Shown(NamedTuple):
    """Voltages: of held nodes, by example (train, then test); of outputs, by training example: what is wanted of them,
    in codes where there are some, and what they are held at when the example is shown first.
    """

    held: FloatArray
    desired: FloatArray
    first: FloatArray


class Log(NamedTuple):
    """What is kept: outputs at measurements, and at logged steps nodes, wipers and whether a clamp was cut; firings."""

    outputs: FloatArray
    v_free: FloatArray
    v_clamped: FloatArray
    place: FloatArray
    clipped: FloatArray
    firings: NDArray[np.int64]


@compiled
def settle(sides: Sides, r: Room) -> None:
    """Let both sides come to their static solutions; that of the free one stands in `v`."""
    for j in range(len(sides.p.free), len(r.v)):
        r.hold[j] = r.v[j]
    head_for(sides, Clamp(1.0, r.hold, 0, 0.0), r, False)
    for j in range(len(r.v)):
        r.base_v[j] = r.v[j]
        r.base_v_clamped[j] = settled_clamped(sides, r, j)


@compiled
def settled_clamped(sides: Sides, r: Room, j: int) -> float:
    """Give the static voltage of a node of the clamped side."""
    if j >= sides.inner:
        return float(r.hold[j])
    return float(r.v[j] + r.d[j] if sides.joined else r.v_clamped[j])


@compiled
def show(sides: Sides, s: Dwells, x: Shown, b: int, r: Room) -> None:
    """Hold the inputs of a training example, and the outputs where they are first; an analogue clamp goes on."""
    n, count = len(sides.p.free), len(sides.p.outputs)
    holds = len(r.v) - n
    for i in range(holds):
        r.v[n + i] = r.base_v[n + i] = r.hold[n + i] = x.held[b * holds + i]
    if s.lag_ns == 0.0:
        for o in range(count):
            r.hold[sides.inner + o] = x.first[b * count + o]


@compiled
def seen_free(sides: Sides, s: Dwells, r: Room, j: int) -> float:
    """Give the voltage of a free node when a stretch has ended, rounded as the board's `read` does."""
    return float(r.base_v[j] if s.lag_ns > 0.0 else r.v[j] + (r.base_v[j] - r.v[j]))


@compiled
def seen_clamped(sides: Sides, s: Dwells, r: Room, j: int) -> float:
    """Give the voltage of a clamped node when a stretch has ended, rounded as the board's `read` does."""
    if j >= sides.inner or s.lag_ns > 0.0:
        return float(r.base_v_clamped[j])
    static = settled_clamped(sides, r, j)
    return static if sides.tau_ns == 0.0 else float(static + (r.base_v_clamped[j] - static))


@compiled
def follow(sides: Sides, h: Hardware, s: Dwells, x: Shown, k: int, i: int, b: int, r: Room) -> float:
    """Hold the clamped outputs as the free ones are read (Eq. 1), after stretch `i`; tells whether one was cut."""
    count, was_cut = len(sides.p.outputs), 0.0
    for o in range(count):
        j = sides.inner + o
        noise = s.output_noise_v[k, i, o] if s.output_noise_v.size else 0.0
        seen = read(_SINGLE, h.reading, seen_free(sides, s, r, j), h.free_gain[j], h.free_offset_v[j], noise)
        held, beyond = nudge(_SINGLE, h, s.eta[k], x.desired[b * count + o], seen)
        r.hold[j] = held * h.source_gain[j] + h.source_offset_v[j]
        was_cut = max(was_cut, beyond)
    return was_cut


@compiled
def keep(sides: Sides, h: Hardware, s: Dwells, r: Room, log: Log, at: int) -> None:
    """Read all nodes of both sides into the log."""
    for j in range(len(r.v)):
        noise = s.log_noise_v[at, 0, j] if s.log_noise_v.size else 0.0
        volts = seen_free(sides, s, r, j)
        log.v_free[at, j] = read(_SINGLE, h.reading, volts, h.free_gain[j], h.free_offset_v[j], noise)
        noise = s.log_noise_v[at, 1, j] if s.log_noise_v.size else 0.0
        volts = seen_clamped(sides, s, r, j)
        log.v_clamped[at, j] = read(_SINGLE, h.reading, volts, h.clamped_gain[j], h.clamped_offset_v[j], noise)


def _make_dwell(stamp: str) -> Callable[..., None]:
    @kept_kernel
    def dwell(sides: Sides, h: Hardware, c: Clocks, noise: Noise, s: Dwells, x: Shown, r: Room, log: Log) -> None:
        """Run the steps of a chunk, each after its measurement; one more measurement may stand after the last step."""
        _ = stamp
        measured = logged = 0
        factorise_all(h, sides, r)
        solve(sides.p, _SINGLE, r.free_s, len(sides.p.free), r.free, r.v)
        for k in range(len(s.measured)):
            if s.measured[k]:
                measure(sides.p, _SINGLE, h, s, x.held, r, log.outputs, measured)
                measured += 1
            if k == s.steps:
                break
            if s.logged[k]:
                for e in range(len(r.place)):
                    log.place[logged, e] = r.place[e]
            if sides.tau_ns > 0.0:
                settle(sides, r)
            b, clipped = s.shown[k], 0.0
            show(sides, s, x, b, r)
            clamp = Clamp(s.eta[k], x.desired, b * len(sides.p.outputs), s.lag_ns)
            for i in range(s.stretches):
                from_ns = s.began_ns[k] + i * s.stretch_ns
                to_ns = from_ns + s.stretch_ns
                if i > 0:
                    clipped = max(clipped, follow(sides, h, s, x, k, i - 1, b, r))
                set_out(sides, r, from_ns)
                begin(c, r, from_ns, to_ns)
                log.firings[0] += fire(sides, h, c, clamp, noise, k * s.stretches + i, r, from_ns, to_ns, inf, True)
                arrive(sides, clamp, r, to_ns)
            if s.logged[k]:
                keep(sides, h, s, r, log, logged)
                log.clipped[logged] = clipped
                logged += 1

    return cast(Callable[..., None], dwell)


dwell = _make_dwell(STAMP)
