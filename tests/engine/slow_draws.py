"""Draws as docs/draws.md has them, in integers; for the slow references."""

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()

WORD = 2**64
TRIGGER, SIGMA, OFFSET, COMPARATOR_NOISE, READ, END_TO_END, MISMATCH, INL, DNL = 0, 1, 2, 3, 4, 6, 7, 8, 9
SOURCE_OFFSET, READING_OFFSET, SOURCE_GAIN, READING_GAIN = 10, 11, 12, 13
RESISTOR, CAPACITOR, THRESHOLD, GATE_OFFSET, PHASE, TEMPCO = 14, 15, 16, 17, 18, 19
ORDER, BATCH, START = 32, 33, 34


def splitmix64(seed: int, i: int) -> int:
    z = (seed + (i + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


@lru_cache(maxsize=1000)
def _of_step(seed: int, stream: int, step: int) -> int:
    return splitmix64(splitmix64(seed % WORD, stream), step)


def draw(seed: int, stream: int, step: int, i: int) -> int:
    return splitmix64(_of_step(seed, stream, step), i)


def uniform(z: int) -> float:
    return (z >> 11) / 2**53


def normal(z: int) -> float:
    return _NORMAL.inv_cdf(((z >> 12) + 0.5) / 2**52)


def smallest(z: Sequence[int], number: int) -> list[int]:
    """Which are the smallest; of equals the first."""
    return sorted(sorted(range(len(z)), key=lambda i: z[i])[:number])


def spread(seed: int, most: float, stream: int, step: int, i: int) -> float:
    """A number within plus or minus `most`."""
    return most * (2 * uniform(draw(seed, stream, step, i)) - 1) if most else 0.0


class Undecidable(Exception):
    """A comparator or a code within rounding of its limit: two exact computations may differ here."""
