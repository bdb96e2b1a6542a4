"""What a board cannot do of a plan is refused before anything moves."""

import warnings

import numpy as np

from labnet.board import Board, BoardInfo
from labnet.errors import NotDrivable, NotSupported, NudgeHidden, OutOfRange, PlanError, TaskError
from labnet.plan import Plan, SelfTriggered
from labnet.rules import AbsentRule, Continuous, ContrastRule, EquilibriumPropagation, PerturbationRule

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
    _check_over_clamp(info, plan)
    etas = np.atleast_1d(plan.eta)
    if info.source.bits is not None and (np.round(etas * 32768) == 0).any():
        raise PlanError(f"eta is {etas.min():g}; allowed: at least 1/32768 on a board that clamps in integers.")
    check_needs(info, plan)
    if isinstance(plan.clock, SelfTriggered) and info.self_trigger_hz is None:
        raise NotSupported(
            "the plan is self-triggered, and this board's gates have no clock of their own; use GlobalClock, or a "
            "simulated board with gate=oscillator."
        )
    _check_times(info, plan)
    _check_start(board, plan)
    _check_nudge(board, plan)
    if plan.quantise is not None and isinstance(plan.rule, PerturbationRule):
        plan.rule.check_wipers(info, board.network.r_ref_ohm)


def check_needs(info: BoardInfo, plan: Plan) -> None:
    """Refuse a rule that asks for what the board does not have.

    Raises
    ------
    NotSupported
    """
    rule, needs = plan.rule, plan.rule.needs
    if needs.nudge is not None and needs.nudge not in info.nudges:
        raise NotSupported(
            f"the {rule.name} rule nudges nodes by a {needs.nudge}, this board by a {' or '.join(sorted(info.nudges))} "
            "alone; use a rule that does ('labnet rules' lists them), or a simulated board with preset=ideal."
        )
    if plan.moves == "resistances" and info.resistance_range_ohm is None:
        raise NotSupported(
            f"the {rule.name} rule needs a board whose resistances can be set, this one has wipers only; give quantise "
            "('stochastic' or 'nearest') to have the wipers set, or use the discrete rule, or a simulated board with "
            "preset=ideal."
        )
    if needs.linear and not info.law.linear:
        raise NotSupported(
            f"the {rule.name} rule needs edges that are resistors, this board's are of the kind "
            f"{type(info.law).__name__}; use another rule, or adjoint = 'computed' with exact-gradient."
        )
    if info.readable is not None:
        wanted = plan.task.outputs if needs.reads == "outputs" else range(plan.task.network.node_count)
        if unread := sorted(set(wanted) - set(info.readable)):
            raise NotSupported(
                f"the {rule.name} rule reads the voltages of nodes {unread[:8]}, this board those of "
                f"{list(info.readable)} alone; use a rule that reads outputs only ('labnet rules' lists them)."
            )


def _check_nudge(board: Board, plan: Plan) -> None:
    """Refuse a nudge whose estimate is further off than the rule allows; warn of one that a converter's step hides."""
    rule, grid, law = plan.rule, board.info.reading, board.info.law
    bounded = isinstance(rule, EquilibriumPropagation) and rule.most_bias is not None
    if not isinstance(rule, ContrastRule) or not (bounded or grid.bits):
        return
    start = plan.starting_values()
    if plan.moves == "resistances":
        ohm = np.asarray(start) * board.network.r_ref_ohm
    else:
        wipers = board.wipers() if start is None else start
        if wipers.min() < 0:  # not known: the controller says so
            return
        ohm = board.info.nominal_ohm(wipers)
    if isinstance(rule, EquilibriumPropagation) and rule.most_bias is not None:
        bias = rule.bias(plan.task, ohm, law)
        if bias > rule.most_bias:
            raise PlanError(
                f"rule.beta is {rule.beta:g}: where training starts its estimate is off by {bias:.2g} of the gradient; "
                f"allowed by most_bias: {rule.most_bias:g}. Use a smaller beta, or centred states."
            )
    if grid.bits is not None:
        code_v = (grid.v_max - grid.v_min) / grid.top
        moved_v = rule.nudge_v(plan.task, ohm, law, plan.eta_at(0))
        if 0.0 < moved_v < 2 * code_v:
            warnings.warn(
                f"where training starts the nudge moves no output by more than {moved_v:.2g} V, and a step of the "
                f"converters is {code_v:.2g} V, so most of it is lost; use a larger eta or beta.",
                NudgeHidden,
                stacklevel=2,
            )


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
        driven = (("inputs", examples.inputs), ("targets", examples.targets))
        for what, volts in driven[:1] if task.differential else driven:
            wrong = np.argwhere((volts < info.source.v_min) | (volts > info.source.v_max))
            if len(wrong):
                b, k = wrong[0]
                raise OutOfRange(
                    f"{name} {what}[{b}, {k}] is {volts[b, k]:g} V; allowed: {info.source.v_min:g} to "
                    f"{info.source.v_max:g} V, what this board's source gives. Scale the task (v_max)."
                )


def _check_over_clamp(info: BoardInfo, plan: Plan) -> None:
    ends_v = plan.rule.over_clamp_v if isinstance(plan.rule, Continuous) else None
    if ends_v is not None and not info.source.v_min <= ends_v[0] < ends_v[1] <= info.source.v_max:
        raise OutOfRange(
            f"rule.over_clamp_v is {list(ends_v)}; allowed: {info.source.v_min:g} to {info.source.v_max:g} V, what "
            "this board's source gives."
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
    if plan.moves == "wipers":
        if (ends != np.floor(ends)).any() or ends.min() < 0 or ends.max() >= info.wiper_positions:
            raise PlanError(f"start is {plan.start}; allowed: whole wiper positions 0 to {info.wiper_positions - 1}.")
    elif info.resistance_range_ohm is not None:
        low, high = (ohm / board.network.r_ref_ohm for ohm in info.resistance_range_ohm)
        if ends.min() < low or ends.max() > high:
            raise PlanError(f"start is {plan.start}; allowed: {low:g} to {high:g}, in units of R_ref.")
