"""What edges that step by themselves are worked out from: tuples of arrays for one network.

Arrays of nodes are in the numbering of the free side's elimination `p`, those of the clamped side in that of `q`; where
the clamped side holds what the free one holds, and its outputs, both are the same.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.arrays import Factor, make_factor
from labnet_simulators.engine.elimination import Elimination

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Sides(NamedTuple):
    """What is solved for: the programs of both sides, and how they belong together.

    `same` is for each node of `q` its number in `p`; `inner` is how many nodes float on the clamped side; `joined`
    tells whether the clamped state is the free one and the response to what the clamp adds. `tau_ns` is the time
    constant of settling, or 0, and `settled_ns` how long it takes.
    """

    p: Elimination
    q: Elimination
    same: IntArray
    inner: int
    joined: bool
    tau_ns: float
    settled_ns: float


class Clocks(NamedTuple):
    """The oscillators of the edges, as `Oscillators` has them, (E,), and the seeds of what is drawn a period.

    `fires` tells whether an edge ever steps, `swapped` whether its comparators have their inputs swapped;
    `jitter` is the root mean square times the square root of three. The temperature summed up is
    heat (1 - cos(radians_per_ns t)).
    """

    cycles_per_ns: FloatArray
    drift_per_ns: FloatArray
    turns: FloatArray
    fires: NDArray[np.bool_]
    swapped: NDArray[np.bool_]
    heat_k_ns: float
    radians_per_ns: float
    jitter: float
    jitter_seed: np.uint64
    draw_seed: np.uint64


class Noise(NamedTuple):
    """The comparators' noise in volts, (stretches, E, periods, 2), and the first period that is in it, (stretches, E).

    Empty where they have none.
    """

    first: IntArray
    volts: FloatArray


class Clamp(NamedTuple):
    """An analogue clamp: what the outputs should be at, from number `at` of `want` on, and its time constant, or 0."""

    eta: float
    want: FloatArray
    at: int
    lag_ns: float


class Path(NamedTuple):
    """How far everything is on its way: `fade` of what relaxes with tau; the others are those of an analogue clamp."""

    fade: float
    clamp: float
    pull: float
    one: float
    two: float


class Room(NamedTuple):
    """Where the two sides stand, and room to work in.

    `v`, `v_clamped` and `d` are static solutions, free, clamped and their difference; those that begin with base are
    where voltages were at `base_ns`. Nodes that the clamped side holds are at `hold` then; an analogue clamp moves them
    towards `aim`, and `pull` is what the free outputs are still away from where they go, times 1 - eta. `one` and `two`
    are what the clamped side's nodes follow of both. `period` and `next_ns` say which period of an edge's oscillator
    begins next, and when; `end` where it is when the stretch ends.
    """

    place: FloatArray
    free_s: FloatArray
    clamped_s: FloatArray
    free: Factor
    clamped: Factor
    v: FloatArray
    v_clamped: FloatArray
    d: FloatArray
    base_v: FloatArray
    base_v_clamped: FloatArray
    base_d: FloatArray
    hold: FloatArray
    aim: FloatArray
    pull: FloatArray
    one: FloatArray
    two: FloatArray
    base_ns: FloatArray
    period: IntArray
    next_ns: FloatArray
    end: FloatArray


def make_room(p: Elimination, q: Elimination, edges: int) -> Room:
    """Make room for a network."""
    free, clamped = len(p.nodes), len(q.nodes)
    factors = [Factor(*(each.ravel() for each in make_factor(side, 1))) for side in (p, q)]
    made: list[Any] = [np.zeros(edges), np.zeros(edges + 1), np.zeros(edges + 1), *factors]
    made += [np.zeros(count) for count in (free, clamped, clamped, free, *[clamped] * 7)]
    made += [np.zeros(1), np.zeros(edges, dtype=np.int64), np.zeros(edges), np.zeros(edges)]
    return Room(*made)
