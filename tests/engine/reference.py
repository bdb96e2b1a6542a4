"""A whole training, computed the slow way from the documents, on a board that is computed so too (`slow_board`). It
shares no code with labnet; plans, tasks and parts are plain data to it.

What floating point cannot decide, for it lies within rounding of a limit, raises `Undecidable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from slow_board import CLAMPED, FREE, FloatArray, SlowBoard, converted, nearest_code
from slow_draws import BATCH, ORDER, START, Undecidable, draw, smallest, uniform

from labnet import Continuous, Discrete, Plan
from labnet.board import Converter
from labnet.rules import EquilibriumPropagation
from labnet.tasks.task import Examples
from labnet_simulators import Parts

Held = dict[int, float]


class Impossible(Exception):
    """A step that asks for a resistance of zero or below: it does not happen."""


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
            step = _by_host(plan, board, k) if not isinstance(plan.rule, Discrete) else _discrete(plan, board, k)
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
    if not isinstance(plan.rule, Discrete):
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
    if not isinstance(rule, Discrete) and rule.batch is not None:
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
    batch = not isinstance(plan.rule, Discrete) and plan.rule.batch is not None
    step_s = _settlings(plan) * (len(plan.task.train) if batch else 1) * plan.settle_s
    period_s = step_s + (len(plan.task.train) + len(plan.task.test)) * plan.settle_s
    period_s = period_s if plan.period_s is None else plan.period_s
    return period_s - step_s + step * period_s


def _settlings(plan: Plan) -> int:
    """How often an example has nodes settle."""
    rule = plan.rule
    if isinstance(rule, EquilibriumPropagation):
        return (rule.nudge == "current") + (2 if rule.states == "centred" else 1)
    return 3 if isinstance(rule, Continuous) and rule.symmetric else 2


class Shown(NamedTuple):
    """An example shown: the state that the nudged one is compared with, and that; what of both sides was read last.

    `change` is what to multiply the contrast with. `clipped` is whether the clamp was cut, None if that is unsure.
    """

    compared: FloatArray
    nudged: FloatArray
    v_free: FloatArray
    v_clamped: FloatArray
    change: float
    clipped: bool | None


def _show(plan: Plan, board: SlowBoard, step: int, example: int) -> Shown:
    """Bring both sides to their states for an example, with held outputs."""
    board.drive(FREE, _held(plan, plan.task.train.inputs[example]))
    board.drive(CLAMPED, _terminals(plan, example, None))
    read = board.read(FREE)[list(plan.task.outputs)]
    eta = plan.eta[step] if isinstance(plan.eta, tuple) else plan.eta
    aim, change, cuts, compared = plan.task.train.targets[example].tolist(), 1.0, [], None
    v_free = _outputs_alone(plan, board, read)
    if isinstance(plan.rule, Continuous):
        aim, weight = _aim(plan.rule, aim, read.tolist())
        change = plan.rule.gamma * weight / (2 if plan.rule.symmetric else 1)
    for way in (-1, 1) if isinstance(plan.rule, Continuous) and plan.rule.symmetric else (1,):
        nudged, clipped = _clamp(way * eta, aim, read.tolist(), board.parts.dac.grid)
        cuts.append(clipped)
        board.drive(CLAMPED, _terminals(plan, example, nudged))
        if way == -1:
            compared = board.read(CLAMPED)
    if compared is None:
        compared = v_free = board.read(FREE)
    v_clamped = board.read(CLAMPED)
    return Shown(compared, v_clamped, v_free, v_clamped, change, _any_cut(cuts))


def _outputs_alone(plan: Plan, board: SlowBoard, read: FloatArray | float) -> FloatArray:
    v = np.full(board.network.node_count, np.nan)
    v[list(plan.task.outputs)] = read
    return v


def _any_cut(cuts: list[bool | None]) -> bool | None:
    return True if True in cuts else None if None in cuts else False


def _aim(rule: Continuous, wanted: list[float], free: list[float]) -> tuple[list[float], float]:
    """What the outputs are drawn to, with a margin and over-clamped (PHYSICS.md, 4 and 5); a factor on the change."""
    off = [d - f for d, f in zip(wanted, free, strict=True)]
    aim, weight = list(wanted), 1.0
    if rule.over_clamp_v is not None:
        if any(abs(x) < 1e-11 for x in off):
            raise Undecidable
        aim = [rule.over_clamp_v[x > 0] for x in off]
        way = max(abs(a - f) for a, f in zip(aim, free, strict=True))
        weight = max(map(abs, off)) / way if way else 0.0
    if rule.margin_v is not None:
        if any(abs(abs(x) - rule.margin_v) < 1e-11 for x in off):
            raise Undecidable
        aim = [a if abs(x) > rule.margin_v else f for a, x, f in zip(aim, off, free, strict=True)]
    return aim, weight


def _pull(plan: Plan, board: SlowBoard, rule: EquilibriumPropagation, example: int) -> Shown:
    """Bring both sides to their states for an example, with nudged outputs (ernoult2024, Eq. 12)."""
    outputs, wanted = list(plan.task.outputs), plan.task.train.targets[example]
    for side in (FREE, CLAMPED):
        board.drive(side, _held(plan, plan.task.train.inputs[example]))
    siemens = rule.beta / board.network.r_ref_ohm
    if by_current := rule.nudge == "current":
        read = board.read(FREE)[outputs]
        currents = siemens * (wanted - read)
    else:
        read, currents = np.nan, siemens * wanted

    def nudged(side: int, way: int) -> FloatArray:
        amperes = dict(zip(outputs, (way * currents).tolist(), strict=True))
        board.nudge(side, amperes, 0.0 if by_current else way * siemens)
        return board.read(side)

    v_free = _outputs_alone(plan, board, read)
    if rule.states == "centred":
        compared = nudged(CLAMPED, -1)
    elif rule.states == "twin":
        compared = v_free = nudged(FREE, -1)
    else:
        compared = v_free = board.read(FREE)
    v_clamped = nudged(CLAMPED, 1)
    change = rule.gamma / ((2 if rule.states == "one-sided" else 4) * rule.beta)
    return Shown(compared, v_clamped, v_free, v_clamped, change, False)


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
    shown = _show(plan, board, step, example)
    directions = [board.direction(edge) for edge in range(len(board.edges))]
    time_s = _time_s(plan, step)
    enabled = board.enabled(plan.clock.p, time_s + 2 * plan.settle_s)
    moved = [k + way * on for k, way, on in zip(before, directions, enabled, strict=True)]
    board.wipers = [min(max(k, 0), board.parts.pot.positions - 1) for k in moved]
    board.end_trigger()
    return Step(example, time_s, shown.clipped, shown.v_free, shown.v_clamped, directions, [], enabled, before, [])


def _by_host(plan: Plan, board: SlowBoard, step: int) -> Step:
    """dR = change R_ref (R_ref / R)^2 (dV_nudged^2 - dV_compared^2), summed over the examples (Eqs. 2 and 7)."""
    assert board.set_ohm is not None
    before, r_ref, rule = board.set_ohm, board.network.r_ref_ohm, plan.rule
    change = [0.0] * len(before)
    examples = _examples(plan, step)
    shown: list[Shown] = []
    for example in examples:
        by_pull = isinstance(rule, EquilibriumPropagation)
        shown.append(_pull(plan, board, rule, example) if by_pull else _show(plan, board, step, example))
        one, other = shown[-1].compared, shown[-1].nudged
        for edge, (a, b) in enumerate(board.edges):
            squares = (other[a] - other[b]) ** 2 - (one[a] - one[b]) ** 2
            change[edge] += shown[-1].change * r_ref * (r_ref / before[edge]) ** 2 * float(squares)
    time_s = _time_s(plan, step)
    enabled = board.enabled(plan.clock.p, time_s + _settlings(plan) * len(examples) * plan.settle_s)
    moved = [r + dr * on for r, dr, on in zip(before, change, enabled, strict=True)]
    if any(abs(r) < 1e-9 * max(before) for r in moved):
        raise Undecidable
    if min(moved) < 0:
        raise Impossible
    board.set_ohm = _within_range(board, moved)
    board.end_trigger()
    alone = len(shown) == 1
    v: tuple[FloatArray | None, FloatArray | None] = (shown[0].v_free, shown[0].v_clamped) if alone else (None, None)
    clipped = _any_cut([each.clipped for each in shown])
    return Step(examples[0] if alone else -1, time_s, clipped, *v, [], change, enabled, [], before)
