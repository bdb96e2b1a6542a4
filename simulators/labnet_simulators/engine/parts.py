"""What single parts do, compiled: converters, the clamp, comparators; and draws. Numbers are lanes, as in `lanes`."""

from typing import Any

import numpy as np

from labnet_simulators.engine.arrays import Grid, Hardware
from labnet_simulators.engine.compiling import compiled
from labnet_simulators.engine.lanes import absolute, floor, full, select

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_32 = np.uint64(0xFFFFFFFF)
_27, _30, _31 = (np.uint64(bits) for bits in (27, 30, 31))


@compiled
def mix(z: np.uint64) -> np.uint64:
    """Finish a draw, as SplitMix64 does."""
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return z ^ (z >> _31)


@compiled
def read(width: Any, grid: Grid, v: Any, gain: float, offset_v: float, noise_v: float) -> Any:
    """Give what a converter makes of a voltage."""
    v = v * full(width, gain) + full(width, offset_v) + full(width, noise_v)
    if grid.top > 0.0:
        return volts(width, grid, cut(width, code(width, grid, v), 0.0, grid.top))
    return v


@compiled
def code(width: Any, grid: Grid, v: Any) -> Any:
    """Give the nearest code, on a grid that goes on beyond its ends."""
    return floor((v - full(width, grid.v_min)) * full(width, grid.codes_per_v) + full(width, 0.5))


@compiled
def volts(width: Any, grid: Grid, codes: Any) -> Any:
    """Give the voltage of a code."""
    return codes * full(width, grid.v_per_code) + full(width, grid.v_min)


@compiled
def cut(width: Any, x: Any, low: float, high: float) -> Any:
    """Cut to a range."""
    x = select(x < full(width, low), full(width, low), x)
    return select(x > full(width, high), full(width, high), x)


@compiled
def nudge(width: Any, h: Hardware, eta: Any, want: Any, seen: Any) -> Any:
    """Give what an output is asked to be held at for what it reads (Eq. 1), and whether that was cut, as 0 or 1."""
    one = full(width, 1.0)
    if h.source.top > 0.0:
        seen = cut(width, code(width, h.source, seen), 0.0, h.source.top)
        whole = full(width, 32768.0)
        nudged = floor((eta * want + (whole - eta) * seen + full(width, 16384.0)) / whole)
        held = cut(width, nudged, 0.0, h.source.top)
    else:
        nudged = eta * want + (one - eta) * seen
        held = cut(width, nudged, h.source.v_min, h.source.v_max)
    was_cut = select(held < nudged, one, select(held > nudged, one, full(width, 0.0)))
    if h.source.top > 0.0:
        held = volts(width, h.source, held)
    return held, was_cut


@compiled
def decide(width: Any, h: Hardware, e: int, z: np.uint64, one_v: float, two_v: float, d_free: Any, d_more: Any) -> Any:
    """Give where an edge's comparators say that it steps, +1 or -1: Eq. 10, or the circuit of note 32.

    `z` is what the edge draws, `one_v` and `two_v` are the errors of the two comparators; `d_free` is the free drop,
    `d_more` by how much the clamped one exceeds it.
    """
    zero, one, tie = full(width, 0.0), full(width, 1.0), full(width, h.tie_v)
    if len(h.pair_v):
        differ = d_more + full(width, one_v) > tie
        same_way = d_free + d_more + d_free + full(width, two_v) > tie
        move = select(same_way, one, zero - one)
        return select(differ, move, zero - move)
    share = h.sigma_share[e] if len(h.sigma_share) else float(z & _LOW_32) * 2.0**-32
    sigma = full(width, h.sigma_low_v + h.sigma_span_v * share)
    return select(absolute(d_free + d_more) + sigma - absolute(d_free) > tie, one, zero - one)
