"""A whole training, computed the slow way from the documents: a dense solve a state, a loop over the edges, draws in
integers. It shares no code with the simulated board; plans, tasks and parts are plain data to it.

What floating point cannot decide, for it lies within rounding of a limit, raises `Undecidable`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, pi, sin

import numpy as np
from numpy.typing import NDArray
from slow_draws import (
    BATCH,
    COMPARATOR_NOISE,
    DNL,
    END_TO_END,
    INL,
    MISMATCH,
    OFFSET,
    ORDER,
    READ,
    READING_GAIN,
    READING_OFFSET,
    SIGMA,
    SOURCE_GAIN,
    SOURCE_OFFSET,
    START,
    TRIGGER,
    Undecidable,
    draw,
    normal,
    smallest,
    spread,
    uniform,
)
from slow_gates import below_bias

from labnet import Continuous, Network, Plan
from labnet.board import Converter
from labnet.tasks.task import Examples
from labnet_simulators import ComparatorPair, OscillatorGate, Parts

FloatArray = NDArray[np.float64]
Held = dict[int, float]

FREE, CLAMPED = 0, 1
TIE_V = 1e-12  # closer is a tie


class Impossible(Exception):
    """A step that asks for a resistance of zero or below: it does not happen."""


# Decisions ------------------------------------------------------------------------------------------------------


def exceeds(volts: float) -> bool:
    """Whether a comparator sees more than a tie. Solves are sure to 1e-13 V, so that exact ties are ties here."""
    if 1e-13 < volts < 1e-11:
        raise Undecidable
    return volts > TIE_V


def nearest_code(volts: float, grid: Converter) -> int:
    code = (volts - grid.v_min) / (grid.v_max - grid.v_min) * ((1 << (grid.bits or 0)) - 1)
    return floor(code + 0.5)  # halves go up


def converted(volts: float, grid: Converter, certain: bool) -> float:
    """What a converter makes of a voltage; `certain` where it was given, and not computed."""
    if grid.bits is None:
        return min(max(volts, grid.v_min), grid.v_max)
    top = (1 << grid.bits) - 1
    step_v = (grid.v_max - grid.v_min) / top
    beyond_half = (volts - grid.v_min) / step_v % 1.0 - 0.5
    if not certain and abs(beyond_half) < 1e-6 and grid.v_min < volts < grid.v_max:
        raise Undecidable
    return grid.v_min + min(max(nearest_code(volts, grid), 0), top) * step_v


# The board ------------------------------------------------------------------------------------------------------


class SlowBoard:
    """The parts of a twin board, and its counters."""

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        self.network, self.parts, self.seed = network, parts, seed
        self.edges: list[tuple[int, int]] = [(a, b) for a, b in network.edges.tolist()]
        self.wipers = [parts.pot.power_up] * len(self.edges)
        self.set_ohm: list[float] | None = None
        self.triggers = self.clamped_drives = 0
        self.reads = [0, 0]
        self.volts: list[list[float]] = [[], []]

    def spread(self, most: float, stream: int, step: int, i: int) -> float:
        """A number within plus or minus `most`."""
        return spread(self.seed, most, stream, step, i)

    def ohm(self, side: int) -> list[float]:
        """The resistance of every edge."""
        if self.set_ohm is not None:
            return self.set_ohm
        pot, ohm = self.parts.pot, []
        for edge, wiper in enumerate(self.wipers):
            apart = 0.5 * self.spread(pot.twin_mismatch, MISMATCH, 0, edge) * (1 if side == CLAMPED else -1)
            common = 1 + self.spread(pot.tolerance, END_TO_END, 0, edge)
            per_step = pot.end_to_end_ohm * common * (1 + apart) / pot.positions
            bow = self.spread(pot.inl_lsb, INL, side, edge) * sin(pi * wiper / (pot.positions - 1))
            uneven = 0.5 * self.spread(pot.dnl_lsb, DNL, side, edge + wiper * 2**32)
            ohm.append(pot.wiper_ohm + max(wiper + bow + uneven, 0.0) * per_step)
        return ohm

    def drive(self, side: int, held: Mapping[int, float]) -> None:
        """Hold nodes, and solve Kirchhoff's laws densely for the others."""
        if side == CLAMPED:
            self.clamped_drives += 1
            self.reads = [0, 0]
        dac = self.parts.dac
        real = {}
        for node, v in held.items():
            gain = 1 + self.spread(dac.gain_error, SOURCE_GAIN, 0, node)
            real[node] = gain * converted(v, dac.grid, certain=True) + self.spread(dac.offset_v, SOURCE_OFFSET, 0, node)
        n = self.network.node_count
        leak_ohm = self.parts.leakage.ohm
        laplacian = np.diag(np.full(n, 0.0 if leak_ohm is None else 1 / leak_ohm))
        for (a, b), r in zip(self.edges, self.ohm(side), strict=True):
            laplacian[a, a] += 1 / r
            laplacian[b, b] += 1 / r
            laplacian[a, b] -= 1 / r
            laplacian[b, a] -= 1 / r
        nodes, free = list(real), [node for node in range(n) if node not in real]
        volts = np.zeros(n)
        volts[nodes] = list(real.values())
        if free:
            currents = -laplacian[np.ix_(free, nodes)] @ volts[nodes]
            volts[free] = np.linalg.solve(laplacian[np.ix_(free, free)], currents)
        self.volts[side] = volts.tolist()

    def read(self, side: int) -> FloatArray:
        """All nodes of a side, as its converter gives them."""
        adc = self.parts.adc
        repeat = (self.clamped_drives * 2**16 + self.reads[side]) % 2**32
        self.reads[side] += 1
        readings = []
        for node, volts in enumerate(self.volts[side]):
            volts *= 1 + self.spread(adc.gain_error, READING_GAIN, side, node)
            volts += self.spread(adc.offset_v, READING_OFFSET, side, node)
            if adc.noise_v:
                volts += adc.noise_v * normal(draw(self.seed, READ + side, self.triggers, node + repeat * 2**32))
            readings.append(volts if adc.grid.bits is None else converted(volts, adc.grid, certain=False))
        return np.array(readings)

    def sigma(self, edge: int) -> float:
        """Comparator bias of Eq. 10."""
        comparator = self.parts.comparator
        assert not isinstance(comparator, ComparatorPair)
        low = draw(self.seed, TRIGGER, self.triggers, edge) % 2**32 / 2**32
        share = uniform(draw(self.seed, SIGMA, 0, edge)) if comparator.frozen else low
        return comparator.sigma_min_v + (comparator.sigma_max_v - comparator.sigma_min_v) * share

    def direction(self, edge: int) -> int:
        """+1 where the comparators say up, -1 where they say down: Eq. 10, or the circuit of note 32."""
        (a, b), comparator = self.edges[edge], self.parts.comparator
        free, clamped = (volts[a] - volts[b] for volts in self.volts)
        if not isinstance(comparator, ComparatorPair):
            return 1 if exceeds(abs(clamped) + self.sigma(edge) - abs(free)) else -1
        error = [self.spread(comparator.offset_v, OFFSET, which, edge) for which in (0, 1)]
        if comparator.noise_v:
            for which in (0, 1):
                z = draw(self.seed, COMPARATOR_NOISE, self.triggers, edge + which * 2**32)
                error[which] += comparator.noise_v * normal(z)
        return -1 if exceeds(clamped - free + error[0]) != exceeds(clamped + free + error[1]) else 1

    def enabled(self, p: float, time_s: float) -> list[int]:
        """Which edges the gates let step at a trigger, 0 or 1."""
        if isinstance(self.parts.gate, OscillatorGate):
            return below_bias(self.parts.gate, self.seed, len(self.edges), p, time_s)
        high = [draw(self.seed, TRIGGER, self.triggers, edge) >> 32 for edge in range(len(self.edges))]
        bias = floor(p * 2**15 + 0.5) / 2**15 if self.parts.gate.grid.bits else p
        if self.parts.gate.fixed_number:
            chosen = smallest(high, round(bias * len(high)))
            return [int(edge in chosen) for edge in range(len(high))]
        return [int(z < round(bias * 2**32)) for z in high]

    def end_trigger(self) -> None:
        self.triggers += 1
        self.clamped_drives, self.reads = 0, [0, 0]


# The training ---------------------------------------------------------------------------------------------------


@dataclass
class Step:
    """One step; voltages of a batch of several are none.

    `directions` are those of the comparators; `change` is what the continuous rule adds, in ohms. `clipped` is None
    where the clamp comes within rounding of the range's ends.
    """

    example: int
    time_s: float
    clipped: bool | None
    v_free: FloatArray | None
    v_clamped: FloatArray | None
    directions: list[int]
    change_ohm: list[float]
    enabled: list[int]
    wipers: list[int]
    ohm: list[float]


@dataclass
class Reference:
    """All steps up to the end or to one that is impossible, where they ended, and the costs: (step, set) to V^2."""

    diverged: bool = False
    steps: list[Step] = field(default_factory=list)
    costs: dict[tuple[int, str], float] = field(default_factory=dict)
    wipers: list[int] = field(default_factory=list)
    ohm: list[float] = field(default_factory=list)


def trained_slowly(plan: Plan, parts: Parts, seed: int) -> Reference:
    """Run a plan on a new board; `plan.measure` is a number or a list."""
    board = SlowBoard(plan.task.network, parts, seed)
    _start(plan, board)
    board.drive(CLAMPED, _terminals(plan, 0, None))
    done = Reference()
    for k in range(plan.steps):
        if k == 0 or (k % plan.measure == 0 if isinstance(plan.measure, int) else k in _listed(plan)):
            _measure(plan, board, k, done)
        try:
            step = _continuous(plan, board, k) if isinstance(plan.rule, Continuous) else _discrete(plan, board, k)
        except Impossible:
            done.diverged = True
            break
        done.steps.append(step)
    else:
        _measure(plan, board, plan.steps, done)
    done.wipers, done.ohm = board.wipers, board.set_ohm or []
    return done


def _listed(plan: Plan) -> tuple[int, ...]:
    assert isinstance(plan.measure, tuple)
    return plan.measure


def _start(plan: Plan, board: SlowBoard) -> None:
    """Initial wipers or resistances."""
    z = [draw(plan.seed, START, 0, edge) for edge in range(len(board.edges))]
    low, high = plan.start if isinstance(plan.start, tuple) else (plan.start, plan.start)
    if isinstance(plan.rule, Continuous):
        low, high = (1.0 if end is None else end for end in (low, high))
        r_ref = board.network.r_ref_ohm
        board.set_ohm = _within_range(board, [(low + (high - low) * uniform(each)) * r_ref for each in z])
    elif low is not None and high is not None:
        board.wipers = [int(low) + ((each >> 32) * (int(high) - int(low) + 1) >> 32) for each in z]


def _within_range(board: SlowBoard, ohm: list[float]) -> list[float]:
    least, most = board.parts.resistance_range_ohm or (0.0, float("inf"))
    return [min(max(r, least), most) for r in ohm]


def _terminals(plan: Plan, example: int, outputs: Sequence[float] | None) -> Held:
    """Inputs and grounds of an example, with outputs at these voltages; at the wanted ones by default."""
    task = plan.task
    wanted = task.train.targets[example].tolist() if outputs is None else outputs
    return _held(plan, task.train.inputs[example]) | dict(zip(task.outputs, wanted, strict=True))


def _held(plan: Plan, inputs: FloatArray) -> Held:
    return dict(zip(plan.task.inputs, inputs.tolist(), strict=True)) | dict.fromkeys(plan.task.grounds, 0.0)


def _measure(plan: Plan, board: SlowBoard, step: int, done: Reference) -> None:
    """The mean square error of both sets on the free side alone."""
    sets: tuple[tuple[str, Examples], ...] = (("train", plan.task.train), ("test", plan.task.test))
    for name, examples in sets:
        squares = []
        for inputs, targets in zip(examples.inputs, examples.targets, strict=True):
            board.drive(FREE, _held(plan, inputs))
            squares += ((board.read(FREE)[list(plan.task.outputs)] - targets) ** 2).tolist()
        if squares:
            done.costs[step, name] = sum(squares) / len(squares)


def _examples(plan: Plan, step: int) -> list[int]:
    count, rule = len(plan.task.train), plan.rule
    if isinstance(rule, Continuous) and rule.batch is not None:
        z = [draw(plan.seed, BATCH, step, k) for k in range(count)]
        if rule.fixed_batch:
            return smallest(z, max(1, round(rule.batch * count)))
        return [k for k in range(count) if uniform(z[k]) < rule.batch]
    if plan.order == "cyclic":
        return [step % count]
    if plan.order == "random":
        return [(draw(plan.seed, ORDER, step, 0) >> 32) * count >> 32]
    return [plan.order[step % len(plan.order)]]


def _time_s(plan: Plan, step: int) -> float:
    """When a step begins: t0 + k period, with room for a measurement before the first."""
    batch = isinstance(plan.rule, Continuous) and plan.rule.batch is not None
    step_s = 2 * (len(plan.task.train) if batch else 1) * plan.settle_s
    period_s = step_s + (len(plan.task.train) + len(plan.task.test)) * plan.settle_s
    period_s = period_s if plan.period_s is None else plan.period_s
    return period_s - step_s + step * period_s


def _show(plan: Plan, board: SlowBoard, step: int, example: int) -> tuple[FloatArray, FloatArray, bool | None]:
    """Bring both sides to their states for an example; what is read, and whether the clamp was cut."""
    board.drive(FREE, _held(plan, plan.task.train.inputs[example]))
    board.drive(CLAMPED, _terminals(plan, example, None))
    outputs = board.read(FREE)[list(plan.task.outputs)].tolist()
    eta = plan.eta[step] if isinstance(plan.eta, tuple) else plan.eta
    nudged, clipped = _clamp(eta, plan.task.train.targets[example].tolist(), outputs, board.parts.dac.grid)
    board.drive(CLAMPED, _terminals(plan, example, nudged))
    return board.read(FREE), board.read(CLAMPED), clipped


def _clamp(eta: float, wanted: list[float], free: list[float], grid: Converter) -> tuple[list[float], bool | None]:
    """V_C = eta V_D + (1 - eta) V_F (Eq. 1), in integers where there are codes."""
    if grid.bits is None:
        nudged = [eta * d + (1 - eta) * f for d, f in zip(wanted, free, strict=True)]
        beyond = max(max(grid.v_min - v, v - grid.v_max) for v in nudged)
        clamps = [min(max(v, grid.v_min), grid.v_max) for v in nudged]
        return clamps, beyond > 0 if abs(beyond) > 1e-11 else None
    top, eta_q15 = (1 << grid.bits) - 1, round(eta * 32768)
    d = [nearest_code(v, grid) for v in wanted]
    f = [nearest_code(converted(v, grid, certain=False), grid) for v in free]
    codes = [(eta_q15 * x + (32768 - eta_q15) * y + 16384) >> 15 for x, y in zip(d, f, strict=True)]
    cut = [min(max(code, 0), top) for code in codes]
    step_v = (grid.v_max - grid.v_min) / top
    return [grid.v_min + code * step_v for code in cut], cut != codes


def _discrete(plan: Plan, board: SlowBoard, step: int) -> Step:
    """+1 wiper position where the comparators say up, else -1."""
    (example,) = _examples(plan, step)
    before = board.wipers
    v_free, v_clamped, clipped = _show(plan, board, step, example)
    directions = [board.direction(edge) for edge in range(len(board.edges))]
    time_s = _time_s(plan, step)
    enabled = board.enabled(plan.clock.p, time_s + 2 * plan.settle_s)
    moved = [k + way * on for k, way, on in zip(before, directions, enabled, strict=True)]
    board.wipers = [min(max(k, 0), board.parts.pot.positions - 1) for k in moved]
    board.end_trigger()
    return Step(example, time_s, clipped, v_free, v_clamped, directions, [], enabled, before, [])


def _continuous(plan: Plan, board: SlowBoard, step: int) -> Step:
    """dR = gamma R_ref (R_ref / R)^2 (dV_C^2 - dV_F^2), summed over the examples (Eqs. 2 and 7)."""
    assert isinstance(plan.rule, Continuous)
    assert board.set_ohm is not None
    before, r_ref = board.set_ohm, board.network.r_ref_ohm
    change = [0.0] * len(before)
    examples = _examples(plan, step)
    shown: list[tuple[FloatArray, FloatArray, bool | None]] = []
    for example in examples:
        shown.append(_show(plan, board, step, example))
        v_free, v_clamped, _ = shown[-1]
        for edge, (a, b) in enumerate(board.edges):
            squares = (v_clamped[a] - v_clamped[b]) ** 2 - (v_free[a] - v_free[b]) ** 2
            change[edge] += plan.rule.gamma * r_ref * (r_ref / before[edge]) ** 2 * float(squares)
    time_s = _time_s(plan, step)
    enabled = board.enabled(plan.clock.p, time_s + 2 * len(examples) * plan.settle_s)
    moved = [r + dr * on for r, dr, on in zip(before, change, enabled, strict=True)]
    if any(abs(r) < 1e-9 * max(before) for r in moved):
        raise Undecidable
    if min(moved) < 0:
        raise Impossible
    board.set_ohm = _within_range(board, moved)
    board.end_trigger()
    cuts = [cut for _, _, cut in shown]
    clipped = True if True in cuts else None if None in cuts else False
    alone = len(shown) == 1
    v: tuple[FloatArray | None, FloatArray | None] = shown[0][:2] if alone else (None, None)
    example = examples[0] if alone else -1
    return Step(example, time_s, clipped, v[0], v[1], [], change, enabled, [], before)
