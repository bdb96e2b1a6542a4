"""What the kernel works on, as tuples of arrays.

Arrays of shape (X, width) hold a network in every column; inside the kernel they are seen as X lanes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.compiling import compiled
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.engine.lanes import aligned, lanes_of

FloatArray = NDArray[np.float64]


class Factor(NamedTuple):
    """What a factorisation leaves: lanes a slot or node.

    `branch` is the conductance of a slot when its node is eliminated, `share` how much of the node's voltage comes from
    the slot's later node; `hold` is the node's conductance to all that is held, met so far; `inverse` that of its
    conductance in all; `current` what is fed in from held nodes.
    """

    share: Any
    branch: Any
    hold: Any
    inverse: Any
    current: Any


class Grid(NamedTuple):
    """A converter: codes run from 0 to `top`; 0 for none."""

    v_min: float
    v_max: float
    top: float
    codes_per_v: float
    v_per_code: float


class Hardware(NamedTuple):
    """What the parts of the board come to; gains and offsets are by node in the elimination's numbering.

    `free_s` and `clamped_s` are conductances by edge and wiper position, (E * positions,); `sigma_share` is empty where
    sigma is redrawn; `pair_v` has shape (triggers or 1, 2, E), empty for the effective comparator; `cycles_per_ns` and
    `drift_per_ns` are those of `Oscillators`, (E,), empty where gates are drawn.
    """

    leak_s: float
    positions: int
    free_s: FloatArray
    clamped_s: FloatArray
    twins_equal: bool
    low_ohm: float
    high_ohm: float
    r_ref_ohm: float
    tie_v: float
    sigma_low_v: float
    sigma_span_v: float
    sigma_share: FloatArray
    pair_v: FloatArray
    fixed_gate: bool
    cycles_per_ns: FloatArray
    drift_per_ns: FloatArray
    source: Grid
    reading: Grid
    source_gain: FloatArray
    source_offset_v: FloatArray
    free_gain: FloatArray
    free_offset_v: FloatArray
    clamped_gain: FloatArray
    clamped_offset_v: FloatArray


class Networks(NamedTuple):
    """The networks, one a lane: arrays of shape (X, width).

    `place`: wiper positions or ohms by edge; `held`: voltages by example (train, then test) and held node; `desired`:
    output voltages, by training example and output, or their codes (not with `Nudging`); `eta`: one, or one a
    step, or their Q15 numbers; `gate`: what draws must stay below, or by edge the share of a period for which its
    oscillator's gate is open, and `turns` where the oscillator was at time 0; `rate`: that of the rule times r_ref;
    `wrong`: the step at which a network failed, or infinity.
    """

    place: Any
    held: Any
    desired: Any
    eta: Any
    gate: Any
    turns: Any
    rate: Any
    wrong: Any


class Nudging(NamedTuple):
    """How outputs are nudged, where that is not as in wycoff2022; lanes of one number a network.

    `by` is VOLTAGE, CURRENT or CONDUCTANCE; with `opposite` they are nudged the other way, too, and with `twins` that
    is done to the free side. `beta` is dimensionless; outputs within `margin_v` of what is wanted are not drawn; with
    `over` the others are drawn to `low_v` or `high_v`.
    """

    by: int
    opposite: bool
    twins: bool
    over: bool
    beta: Any
    margin_v: Any
    low_v: Any
    high_v: Any


VOLTAGE, CURRENT, CONDUCTANCE = 0, 1, 2


class Schedule(NamedTuple):
    """What happens in a chunk of K steps; `first` counts from the plan's start, `trigger` from the board's.

    Each step shows one training example: `shown` (K,) where all lanes show the same, else `example` (K, width). Or a
    batch: all of them, or those whose `chosen` (K * B, width) is 1. Where gates are oscillators there are
    the times of the triggers, `shared_ns` (K,) where they are those of all lanes, else `time_ns` (K, width), and
    `heat_ns` (K, width) where the temperature changes. Noise is in volts: (K, O) of the outputs as the clamp reads
    them, (measurements, B, O), (logs, 2, n).
    """

    steps: int
    first: int
    trigger: np.uint64
    stream_seed: np.uint64
    measured: NDArray[np.bool_]
    logged: NDArray[np.bool_]
    batch: bool
    shown: NDArray[np.int64]
    example: Any
    chosen: Any
    shared_ns: FloatArray
    time_ns: Any
    heat_ns: Any
    output_noise_v: FloatArray
    measure_noise_v: FloatArray
    log_noise_v: FloatArray


class Log(NamedTuple):
    """What is kept: outputs at measurements, and at logged steps nodes, edges and whether a clamp was cut."""

    outputs: Any
    v_free: Any
    v_clamped: Any
    direction: Any
    enabled: Any
    place: Any
    clipped: Any


class Room(NamedTuple):
    """Room to work in: conductances and factors of both sides, voltages `v` and `v_clamped` and their difference `d`,
    what all nodes read, and the outputs before they are nudged, what is wanted of these, changes of the edges, the
    numbers of the lanes, and the order of the edges' draws.
    """

    free_s: Any
    clamped_s: Any
    free: Factor
    clamped: Factor
    v: Any
    v_clamped: Any
    d: Any
    seen_free: Any
    seen_clamped: Any
    seen_outputs: Any
    want: Any
    change: Any
    lane: Any
    order: NDArray[np.uint64]
    rank: FloatArray


def make_factor(p: Elimination, width: int) -> Factor:
    """Make room for a factor."""
    n, slots = len(p.free), len(p.slot_end)
    return Factor(*(aligned(count, width) for count in (slots, slots, n, n, n)))


def make_room(p: Elimination, edges: int, width: int) -> Room:
    """Make room for a training."""
    nodes, outputs = len(p.nodes), len(p.outputs)
    counts = (nodes, nodes, nodes, nodes, nodes, outputs, outputs, edges, 1)
    made: list[Any] = [aligned(edges + 1, width) for _ in range(2)]
    made += [make_factor(p, width) for _ in range(2)]
    made += [aligned(count, width) for count in counts]
    made += [np.empty(edges, dtype=np.uint64), np.empty(edges)]
    room = Room(*made)
    room.lane[0] = np.arange(width)
    return room


@compiled
def factor_lanes(width: Any, f: Factor) -> Factor:
    """See a factor as lanes."""
    return Factor(
        lanes_of(width, f.share),
        lanes_of(width, f.branch),
        lanes_of(width, f.hold),
        lanes_of(width, f.inverse),
        lanes_of(width, f.current),
    )


@compiled
def room_lanes(width: Any, r: Room) -> Room:
    """See room as lanes."""
    return Room(
        lanes_of(width, r.free_s),
        lanes_of(width, r.clamped_s),
        factor_lanes(width, r.free),
        factor_lanes(width, r.clamped),
        lanes_of(width, r.v),
        lanes_of(width, r.v_clamped),
        lanes_of(width, r.d),
        lanes_of(width, r.seen_free),
        lanes_of(width, r.seen_clamped),
        lanes_of(width, r.seen_outputs),
        lanes_of(width, r.want),
        lanes_of(width, r.change),
        lanes_of(width, r.lane),
        r.order,
        r.rank,
    )


@compiled
def network_lanes(width: Any, m: Networks) -> Networks:
    """See networks as lanes."""
    return Networks(
        lanes_of(width, m.place),
        lanes_of(width, m.held),
        lanes_of(width, m.desired),
        lanes_of(width, m.eta),
        lanes_of(width, m.gate),
        lanes_of(width, m.turns),
        lanes_of(width, m.rate),
        lanes_of(width, m.wrong),
    )


@compiled
def nudging_lanes(width: Any, u: Nudging) -> Nudging:
    """See what nudges networks as lanes."""
    return Nudging(
        u.by,
        u.opposite,
        u.twins,
        u.over,
        lanes_of(width, u.beta),
        lanes_of(width, u.margin_v),
        lanes_of(width, u.low_v),
        lanes_of(width, u.high_v),
    )


@compiled
def schedule_lanes(width: Any, s: Schedule) -> Schedule:
    """See what differs from lane to lane as lanes."""
    return Schedule(
        s.steps,
        s.first,
        s.trigger,
        s.stream_seed,
        s.measured,
        s.logged,
        s.batch,
        s.shown,
        lanes_of(width, s.example),
        lanes_of(width, s.chosen),
        s.shared_ns,
        lanes_of(width, s.time_ns),
        lanes_of(width, s.heat_ns),
        s.output_noise_v,
        s.measure_noise_v,
        s.log_noise_v,
    )


@compiled
def log_lanes(width: Any, log: Log) -> Log:
    """See a log as lanes."""
    return Log(
        lanes_of(width, log.outputs),
        lanes_of(width, log.v_free),
        lanes_of(width, log.v_clamped),
        lanes_of(width, log.direction),
        lanes_of(width, log.enabled),
        lanes_of(width, log.place),
        lanes_of(width, log.clipped),
    )
