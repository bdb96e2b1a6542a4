"""Randomness as a function: a draw depends on what it is for, never on when or where it is made.

``draw(seed, stream, step, i)`` nests the SplitMix64 generator (Steele, Lea and Flood, OOPSLA 2014) three
times: a generator seeded with `seed` seeds one generator a stream, each of these seeds one a step, and each of
these gives one number an edge. So batching, threads, logging and resuming cannot change a draw. Test vectors:
docs/draws.md.
"""

from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


class Stream(IntEnum):
    """What a draw is for. The numbers are part of every record's meaning: never change one."""

    TRIGGER = 0  # high 32 bits: gate; low 32 bits: redrawn sigma; step = trigger count, i = edge
    SIGMA = 1  # frozen sigma; step = 0, i = edge
    OFFSET = 2  # comparator offsets; step = which comparator (0, 1), i = edge
    COMPARATOR_NOISE = 3  # step = trigger count, i = edge + which comparator * 2**32
    READ_FREE = 4  # converter noise; step = trigger count, i = node + repeat * 2**32
    READ_CLAMPED = 5
    POT_END_TO_END = 6  # tolerance; step = 0, i = edge
    POT_MISMATCH = 7  # twin mismatch; step = 0, i = edge
    POT_INL = 8  # bow; step = side (0 free, 1 clamped), i = edge
    POT_DNL = 9  # step = side, i = edge + position * 2**32
    SOURCE_OFFSET = 10  # step = 0, i = node
    READING_OFFSET = 11  # step = side, i = node
    SOURCE_GAIN = 12  # step = 0, i = node
    READING_GAIN = 13  # step = side, i = node
    GATE_RESISTOR = 14  # of a gate's oscillator; step = 0, i = edge, as of the next five
    GATE_CAPACITOR = 15
    GATE_THRESHOLD = 16  # step = which one (0 low, 1 high)
    GATE_OFFSET = 17
    GATE_PHASE = 18
    GATE_TEMPCO = 19
    GATE_JITTER = 20  # step = period + 1, i = edge
    SELF_TRIGGER = 21  # low 32 bits: redrawn sigma; step = period of the edge's oscillator + 1, i = edge
    SELF_NOISE = 22  # of comparators; step = period + 1, i = edge + which comparator * 2**32
    ORDER = 32  # of examples; seed of the plan, step = step, i = 0
    BATCH = 33  # seed of the plan, step = step, i = example
    START = 34  # initial wipers or resistances; seed of the plan, step = 0, i = edge
    SOURCE_NOISE = 35  # added to inputs; seed of the plan, step = step, i = input
    TARGET_NOISE = 36  # added to targets; seed of the plan, step = step, i = output
    QUANTISE = 37  # stochastic rounding to whole wipers; seed of the plan, step = step, i = edge
    PERTURBATION = 38  # of parameters or currents; seed of the plan, step = time step, i = parameter
    PACKING = 64  # where disks begin; seed of the packing, step = attempt, i = coordinate
    CALIBRATION_WAIT = 65  # before counting gates; seed of the calibration, step = 0, i = trigger
    METER = 66  # what a simulated meter is off by; seed of the meter, step = which reading, 0 for all, i = what


def splitmix64(seed: int, i: int) -> int:
    """Give output number `i` (from 0) of the SplitMix64 generator seeded with `seed`."""
    z = (seed + (i + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return z ^ (z >> 31)


@lru_cache(maxsize=64)
def _stream_seed(seed: int, stream: int) -> int:
    return splitmix64(seed, stream)


_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_M1, _M2, _GOLD = np.uint64(_MIX_1), np.uint64(_MIX_2), np.uint64(_GOLDEN)


def draw(seed: int, stream: Stream, step: ArrayLike, i: ArrayLike) -> UInt64Array:
    """Draw 64 random bits for every entry of `step` and `i`.

    Parameters
    ----------
    seed : int
        Any integer; its lowest 64 bits count.
    stream : Stream
        What the draw is for.
    step : int or array_like of int
        Which step, trigger or part it is for.
    i : array_like of int
        Which edge, node or example it is for.

    Returns
    -------
    numpy.ndarray of uint64
        Of the shape that `step` and `i` broadcast to.
    """
    stream_seed = _stream_seed(int(seed) & _MASK, stream)
    which = np.asarray(i, dtype=np.uint64)
    if isinstance(step, int):  # by far the most frequent
        key = splitmix64(stream_seed, step)
        if which.ndim == 0:  # numpy's scalars warn of the overflow that is wanted here
            return np.array(splitmix64(key, int(which)), dtype=np.uint64)
        return _mixed(which * _GOLD + np.uint64((key + _GOLDEN) & _MASK))
    first = np.uint64((stream_seed + _GOLDEN) & _MASK)
    keys = _mixed(np.atleast_1d(np.asarray(step, dtype=np.uint64)) * _GOLD + first)
    return _mixed(keys + np.atleast_1d(which) * _GOLD + _GOLD).reshape(np.broadcast_shapes(np.shape(step), which.shape))


def _mixed(z: UInt64Array) -> UInt64Array:
    """Finish draws, in place."""
    z ^= z >> _30
    z *= _M1
    z ^= z >> _27
    z *= _M2
    z ^= z >> _31
    return z


def uniform(z: UInt64Array) -> FloatArray:
    """Turn draws into uniform numbers in [0, 1), from their high 53 bits."""
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def spread(seed: int, stream: Stream, step: int, i: ArrayLike) -> FloatArray:
    """Draw uniform numbers in [-1, 1)."""
    return 2.0 * uniform(draw(seed, stream, step, i)) - 1.0


def normal(z: UInt64Array) -> FloatArray:
    """Turn draws into standard normal numbers, from their high 52 bits by the inverse of the distribution function."""
    between = ((z >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52  # never 0 or 1
    return np.asarray(ndtri(between), dtype=np.float64)


def integers(z: UInt64Array, below: int) -> NDArray[np.int64]:
    """Turn draws into integers 0 .. `below` - 1 (`below` up to 2**31), from their high 32 bits."""
    return (((z >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)).astype(np.int64)
