"""What a board cannot do of a plan is refused before anything moves."""

import numpy as np

from labnet.board import Board, BoardInfo
from labnet.errors import NotDrivable, NotSupported, OutOfRange, PlanError, TaskError
from labnet.plan import Plan, SelfTriggered
from labnet.rules import AbsentRule, Continuous

_FINEST_TICK_S = 1e-9  # no clock needs to be asked for less


def check(board: Board, plan: Plan) -> None:
    """Refuse what a board cannot do.

    Raises
    ------
    TaskError
        For a task made for another network.
    NotDrivable, OutOfRange, NotSupported, PlanError
        For terminals, voltages, a rule, times or a start that this board cannot do.
    """
    _check_task(board, plan)
    if isinstance(plan.rule, AbsentRule):
        raise PlanError(plan.rule.why)
    info = board.info
    etas = np.atleast_1d(plan.eta)
    if info.source.bits is not None and (np.round(etas * 32768) == 0).any():
        raise PlanError(f"eta is {etas.min():g}; allowed: at least 1/32768 on a board that clamps in integers.")
    if isinstance(plan.rule, Continuous) and info.resistance_range_ohm is None:
        raise NotSupported(
            f"the {plan.rule.name} rule needs a board whose resistances can be set, this one has wipers only; use the "
            "discrete rule, or a simulated board with preset=ideal."
        )
    if isinstance(plan.clock, SelfTriggered) and info.self_trigger_hz is None:
        raise NotSupported(
            "the plan is self-triggered, and this board's gates have no clock of their own; use GlobalClock, or a "
            "simulated board with gate=oscillator."
        )
    _check_times(info, plan)
    _check_start(board, plan)


def _check_task(board: Board, plan: Plan) -> None:
    task, info = plan.task, board.info
    if task.network != board.network:
        raise TaskError(
            f"the task was made for {task.network!r}, the board is {board.network!r}; sample the task on board.network."
        )
    terminals = (*task.inputs, *task.outputs, *task.grounds)
    if info.drivable is not None and (others := set(terminals) - set(info.drivable)):
        raise NotDrivable(f"terminals {sorted(others)} cannot be held by this board; allowed: {sorted(info.drivable)}.")
    for name, examples in task.sets():
        for what, volts in (("inputs", examples.inputs), ("targets", examples.targets)):
            wrong = np.argwhere((volts < info.source.v_min) | (volts > info.source.v_max))
            if len(wrong):
                b, k = wrong[0]
                raise OutOfRange(
                    f"{name} {what}[{b}, {k}] is {volts[b, k]:g} V; allowed: {info.source.v_min:g} to "
                    f"{info.source.v_max:g} V, what this board's source gives. Scale the task (v_max)."
                )


def _check_times(info: BoardInfo, plan: Plan) -> None:
    if info.tick_s <= _FINEST_TICK_S:
        return
    times = {"settle_s": plan.settle_s, "period_s": plan.period_s or 0.0}
    if isinstance(plan.clock, SelfTriggered):
        times |= {"clock.dwell_s": plan.clock.dwell_s, "clock.clamp_period_s": plan.clock.stretches[0]}
    for name, seconds in times.items():
        ticks = seconds / info.tick_s
        if abs(ticks - round(ticks)) > 1e-6:
            below, above = (count * info.tick_s for count in (np.floor(ticks), np.ceil(ticks)))
            raise PlanError(
                f"{name} is {seconds:.12g} s; allowed: whole numbers of {info.tick_s:g} s, which this board's clock "
                f"counts in. Give {below:.12g} or {above:.12g}."
            )


def _check_start(board: Board, plan: Plan) -> None:
    if plan.start is None:
        return
    info, ends = board.info, np.atleast_1d(plan.start)
    if not isinstance(plan.rule, Continuous):
        if (ends != np.floor(ends)).any() or ends.min() < 0 or ends.max() >= info.wiper_positions:
            raise PlanError(f"start is {plan.start}; allowed: whole wiper positions 0 to {info.wiper_positions - 1}.")
    elif info.resistance_range_ohm is not None:
        low, high = (ohm / board.network.r_ref_ohm for ohm in info.resistance_range_ohm)
        if ends.min() < low or ends.max() > high:
            raise PlanError(f"start is {plan.start}; allowed: {low:g} to {high:g}, in units of R_ref.")
