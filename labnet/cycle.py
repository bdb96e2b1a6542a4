"""The cycle: free state, nudge, clamped state, update.

Step k: hold the inputs and grounds of both sides, and the clamped outputs at V_D; settle; read the free outputs; move
the clamped ones to V_C = eta V_D + (1 - eta) V_F (Eq. 1); settle; read all nodes if they are wanted; trigger.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Update
from labnet.errors import Diverged, NotSupported, PlanError
from labnet.inspection.guarding import Guard
from labnet.optimisers import Adam, Plain
from labnet.plan import Plan, SelfTriggered
from labnet.records import NO_BYTES, NO_FLOATS, NO_WIPERS, Errors, Record
from labnet.rules import HostRule, Lab

FloatArray = NDArray[np.float64]

_NOWHERE = (NO_WIPERS, NO_FLOATS)
_NOT_KNOWN = Update(NO_BYTES, NO_BYTES.view(np.bool_))  # when and where edges stepped by themselves


class State(NamedTuple):
    """One example shown: what was read in both states, or is known of them."""

    v_free: FloatArray
    v_clamped: FloatArray
    clipped: bool


class Cycle:
    """The cycle of one plan on one board: a step, a measurement.

    Parameters
    ----------
    board : Board
    plan : Plan

    Attributes
    ----------
    guard : Guard
        What a run does about faults.
    lab : Lab
        The board with the task before it.
    memory : dict of numpy.ndarray
        What the optimiser remembers.
    """

    def __init__(self, board: Board, plan: Plan) -> None:
        self.board, self.plan = board, plan
        self.task, self.rule = plan.task, plan.rule
        self.guard = Guard(board, plan)
        self.lab = Lab(board, plan.task, plan.settle_s, plan.seed, plan.quantise)
        self.memory: Mapping[str, NDArray[Any]] = {}
        self._outputs = np.array(self.task.outputs)
        self._held = {name: [self.task.held(row) for row in examples.inputs] for name, examples in self.task.sets()}

    def measure(self, step: int) -> list[Errors]:
        """Measure train and test sets on the free side alone, without a trigger."""
        measured = []
        for name, examples in self.task.sets():
            if not len(examples):
                continue
            outputs = np.empty((len(examples), len(self.task.outputs)))
            for k, held in enumerate(self._held[name]):
                self.board.drive("free", held)
                self.board.wait(self.plan.settle_s)
                outputs[k] = self.lab.read("free")[self._outputs]
            cost = self.task.cost(outputs, examples)
            measured.append(Errors(step, name, cost, self.task.accuracy(outputs, examples)))
        return measured

    def run(self, step: int, log: bool) -> Record | None:
        """Run one step; gives its record if it is to be logged."""
        time_s = self.board.time_s
        examples = self.plan.examples_at(step)
        detail = self.plan.detail if log else None
        before = self.positions() if detail == "full" else _NOWHERE
        if isinstance(self.plan.clock, SelfTriggered):
            state, update = self._dwell(self.plan.clock, step, examples[0], detail), _NOT_KNOWN
        elif isinstance(self.rule, HostRule):
            state, update = self._step_by_host(self.rule, step, examples)
        else:
            state = self._show(step, examples[0], detail)
            update = self.guard.trigger()
        return self._record(step, examples, time_s, state, update, before) if log else None

    @property
    def ohm(self) -> FloatArray | None:
        """The resistances (E,), where those are set."""
        return self.lab.ohm if self.plan.moves == "resistances" else None

    def stand_at(self, ohm: FloatArray | None) -> None:
        """Take note of where the edges stand: at these resistances, or at the board's wipers."""
        if ohm is not None:
            self.lab.ohm = ohm
        elif isinstance(self.rule, HostRule):
            self.lab.ohm = self.board.info.nominal_ohm(self.board.wipers())

    def positions(self) -> tuple[NDArray[Any], FloatArray]:
        """Give wipers and set resistances as they are; those that the rule does not move are empty."""
        return (self.board.wipers(), NO_FLOATS) if self.ohm is None else (NO_WIPERS, self.ohm)

    def _show(self, step: int, example: int, detail: Literal["full", "short"] | None) -> State:
        """Bring both sides to their states for one training example, and give what of them is to be logged."""
        lab = self.lab
        lab.begin(step, self.plan.eta_at(step))
        lab.hold(example)
        lab.settle()
        free = lab.outputs()
        nudged = lab.clamp(example, lab.wanted(example, free), free, lab.eta)
        lab.settle()
        if detail == "full":
            return State(lab.read("free"), lab.read("clamped"), lab.clipped)
        if detail == "short":
            return State(self._outputs_alone(free), self._outputs_alone(nudged), lab.clipped)
        return State(NO_FLOATS, NO_FLOATS, lab.clipped)

    def _dwell(self, clock: SelfTriggered, step: int, example: int, detail: Literal["full", "short"] | None) -> State:
        """Show one example while edges step by themselves, and give what of the end is to be logged."""
        board, lab = self.board, self.lab
        if clock.lag_s is not None:
            raise NotSupported(
                f"lag_s is {clock.lag_s:g} s, and nothing on {board.address} clamps without the host; allowed: "
                "clamp_period_s, or a simulated board that runs the plan by itself."
            )
        lab.begin(step, self.plan.eta_at(step))
        lab.hold(example)
        nudged = self.task.train.targets[example]
        first, *others = clock.stretches
        board.self_trigger(first)
        for seconds in others:
            free = lab.outputs()
            nudged = lab.clamp(example, lab.wanted(example, free), free, lab.eta)
            board.self_trigger(seconds)
        if detail == "full":
            return State(lab.read("free"), lab.read("clamped"), lab.clipped)
        if detail == "short":
            return State(self._outputs_alone(lab.outputs()), self._outputs_alone(nudged), lab.clipped)
        return State(NO_FLOATS, NO_FLOATS, lab.clipped)

    def _outputs_alone(self, volts: FloatArray) -> FloatArray:
        """Give the voltages (O,) of the outputs among those of all nodes, (n,), which are not known."""
        v = np.full(self.board.network.node_count, np.nan)
        v[self._outputs] = volts
        return v

    def _step_by_host(self, rule: HostRule, step: int, examples: Sequence[int]) -> tuple[State, Update]:
        """Do what the rule does, add up what it asks for, let the gates choose the edges, set what they are to be."""
        lab, network = self.lab, self.board.network
        lab.begin(step, self.plan.eta_at(step))
        total = np.zeros(network.edge_count)
        with np.errstate(over="ignore", invalid="ignore"):  # said in _check_possible
            for states in rule.show(lab, examples):
                change = rule.delta(states)
                if np.shape(change) != total.shape:  # of a rule of one's own
                    raise PlanError(
                        f"delta of the rule {rule.name!r} gave the shape {np.shape(change)}; allowed: "
                        f"{total.shape}, a change in ohms for every edge."
                    )
                total += change
            if not isinstance(self.plan.optimiser, Plain):
                change, self.memory = self.plan.optimiser.step(total / network.r_ref_ohm, self.memory)
                total = change * network.r_ref_ohm
            enabled = self.guard.opened(self.board.trigger(step_wipers=False).enabled)
            new = np.where(enabled, lab.ohm + total, lab.ohm)
        self._check_possible(step, new)
        lab.place(new)
        state = State(NO_FLOATS, NO_FLOATS, lab.clipped)
        if len(examples) == 1:
            state = State(lab.seen["free"], lab.seen["clamped"], lab.clipped)
        return state, Update(np.sign(total).astype(np.int8), enabled)

    def _check_possible(self, step: int, new: FloatArray) -> None:
        """Refuse resistances that no resistor has; wipers stop at their ends."""
        possible = np.isfinite(new) if self.ohm is None else (new > 0) & np.isfinite(new)
        bad = np.flatnonzero(~possible)
        if len(bad):
            ohm, edge = self.lab.ohm, int(bad[0])
            key = "rate of Adam" if isinstance(self.plan.optimiser, Adam) else "learning rate gamma"
            why = f"The {key} is too large: use a smaller one."
            if np.isnan(new[edge]):
                why = (
                    f"The {self.rule.name} rule gave no number there: where its delta is right, the {key} is too large."
                )
            raise Diverged(
                f"step {step} on {self.board.network.name} would move {len(bad)} of {len(new)} resistances to zero or "
                f"below, or to infinity; first edge {edge}, from {ohm[edge]:.4g} to {new[edge]:.4g} ohm. "
                f"{why} Every step before it is logged, and the record at step {step} holds the last good resistances "
                f"({ohm.min():.4g} to {ohm.max():.4g} ohm)."
            )

    def _record(
        self,
        step: int,
        examples: Sequence[int],
        time_s: float,
        state: State,
        update: Update,
        before: tuple[NDArray[Any], FloatArray],
    ) -> Record:
        """Put a record together."""
        wipers, ohm = before
        return Record(
            step=step,
            example=examples[0] if len(examples) == 1 else -1,
            time_s=time_s,
            clipped=state.clipped,
            v_free=state.v_free,
            v_clamped=state.v_clamped,
            directions=update.directions,
            enabled=update.enabled.view(np.int8),
            wipers=wipers.astype(np.int16),
            resistances_ohm=ohm,
        )
