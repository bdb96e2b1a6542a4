"""The cycle: free state, nudge, clamped state, update.

Step k: hold the inputs and grounds of both sides, and the clamped outputs at V_D; settle; read the free outputs; move
the clamped ones to V_C = eta V_D + (1 - eta) V_F (Eq. 1); settle; read all nodes if they are wanted; trigger.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Converter, Side, Update
from labnet.errors import BoardError, Diverged, NotSupported, PlanError
from labnet.inspection.guarding import Guard
from labnet.plan import Plan, SelfTriggered
from labnet.records import NO_BYTES, NO_FLOATS, NO_WIPERS, Errors, Record
from labnet.rules import Continuous

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
    ohm : numpy.ndarray, shape (E,), or None
        The resistances, where the host sets them.
    """

    def __init__(self, board: Board, plan: Plan) -> None:
        self.board, self.plan = board, plan
        self.task, self.rule = plan.task, plan.rule
        self.guard = Guard(board, plan)
        self.ohm: FloatArray | None = None
        self._outputs = np.array(self.task.outputs)
        self._ones = np.ones(board.network.node_count)
        self._wanted = self.task.train.targets.tolist()
        self._held = {name: [self.task.held(row) for row in examples.inputs] for name, examples in self.task.sets()}

    def set_ohm(self, ohm: FloatArray) -> None:
        """Set the resistances of all edges, in ohms."""
        self.board.set_resistances(ohm)
        self.ohm = ohm

    def measure(self, step: int) -> list[Errors]:
        """Measure train and test sets on the free side alone, without a trigger."""
        measured = []
        for name, examples in self.task.sets():
            if not len(examples):
                continue
            outputs = np.empty_like(examples.targets)
            for k, held in enumerate(self._held[name]):
                self.board.drive("free", held)
                self.board.wait(self.plan.settle_s)
                outputs[k] = self._read("free")[self._outputs]
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
            state, update = self._dwell(self.plan.clock, examples[0], self.plan.eta_at(step), detail), _NOT_KNOWN
        elif isinstance(self.rule, Continuous):
            state, update = self._step_by_host(step, examples)
        else:
            state = self.show(examples[0], self.plan.eta_at(step), detail)
            update = self.guard.trigger()
        return self._record(step, examples, time_s, state, update, before) if log else None

    def positions(self) -> tuple[NDArray[Any], FloatArray]:
        """Give wipers and set resistances as they are; those that the rule does not move are empty."""
        return (self.board.wipers(), NO_FLOATS) if self.ohm is None else (NO_WIPERS, self.ohm)

    def show(self, example: int, eta: float, detail: Literal["full", "short"] | None) -> State:
        """Bring both sides to their states for one training example, and give what of them is to be logged."""
        board, settle_s = self.board, self.plan.settle_s
        held = self._held["train"][example]
        self.hold(example)
        board.wait(settle_s)
        free = self._read("free")[self._outputs]
        nudged, clipped = clamp(eta, self.task.train.targets[example], free, board.info.source)
        board.drive("clamped", held | dict(zip(self.task.outputs, nudged.tolist(), strict=True)))
        board.wait(settle_s)
        if detail == "full":
            return State(self._read("free"), self._read("clamped"), clipped)
        if detail == "short":
            return State(self._outputs_alone(free), self._outputs_alone(nudged), clipped)
        return State(NO_FLOATS, NO_FLOATS, clipped)

    def _dwell(self, clock: SelfTriggered, example: int, eta: float, detail: Literal["full", "short"] | None) -> State:
        """Show one example while edges step by themselves, and give what of the end is to be logged."""
        board, held, clipped = self.board, self._held["train"][example], False
        if clock.lag_s is not None:
            raise NotSupported(
                f"lag_s is {clock.lag_s:g} s, and nothing on {board.address} clamps without the host; allowed: "
                "clamp_period_s, or a simulated board that runs the plan by itself."
            )
        self.hold(example)
        nudged = self.task.train.targets[example]
        first, *others = clock.stretches
        board.self_trigger(first)
        for seconds in others:
            free = self._read("free")[self._outputs]
            nudged, cut = clamp(eta, self.task.train.targets[example], free, board.info.source)
            clipped |= cut
            board.drive("clamped", held | dict(zip(self.task.outputs, nudged.tolist(), strict=True)))
            board.self_trigger(seconds)
        if detail == "full":
            return State(self._read("free"), self._read("clamped"), clipped)
        if detail == "short":
            return State(self._outputs_alone(self._read("free")[self._outputs]), self._outputs_alone(nudged), clipped)
        return State(NO_FLOATS, NO_FLOATS, clipped)

    def _outputs_alone(self, volts: FloatArray) -> FloatArray:
        """Give the voltages (O,) of the outputs among those of all nodes, (n,), which are not known."""
        v = np.full(self.board.network.node_count, np.nan)
        v[self._outputs] = volts
        return v

    def hold(self, example: int) -> None:
        """Hold an example's inputs on both sides, and the clamped outputs where they should come to."""
        held = self._held["train"][example]
        self.board.drive("free", held)
        self.board.drive("clamped", held | dict(zip(self.task.outputs, self._wanted[example], strict=True)))

    def _read(self, side: Side) -> FloatArray:
        """Read all nodes of a side, and see that they are voltages."""
        v = self.board.read(side)
        if v.shape != self._ones.shape or not isfinite(v.dot(self._ones)):
            raise BoardError(
                f"{self.board.address} read {v} on the {side} side; allowed: one finite voltage for each of "
                f"{len(self._ones)} nodes. Look at the board's converter and its wiring."
            )
        return v

    def _step_by_host(self, step: int, examples: Sequence[int]) -> tuple[State, Update]:
        """Sum the rule over the examples, let the gates choose the edges, set the new resistances."""
        assert isinstance(self.rule, Continuous)
        assert self.ohm is not None
        network = self.board.network
        total = np.zeros(network.edge_count)
        state = State(NO_FLOATS, NO_FLOATS, False)
        clipped = False
        with np.errstate(over="ignore", invalid="ignore"):  # said in _check_possible
            for example in examples:
                state = self.show(example, self.plan.eta_at(step), "full")
                change = self.rule.delta(network, self.ohm, state.v_free, state.v_clamped)
                if np.shape(change) != total.shape:  # of a rule of one's own
                    raise PlanError(
                        f"delta of the rule {self.rule.name!r} gave the shape {np.shape(change)}; allowed: "
                        f"{total.shape}, a change in ohms for every edge."
                    )
                total += change
                clipped |= state.clipped
            enabled = self.guard.opened(self.board.trigger(step_wipers=False).enabled)
            new = np.where(enabled, self.ohm + total, self.ohm)
        low, high = self.board.info.resistance_range_ohm or (0.0, np.inf)
        self._check_possible(step, new)
        self.set_ohm(np.clip(new, low, high))
        if len(examples) != 1:
            state = State(NO_FLOATS, NO_FLOATS, clipped)
        return state, Update(np.sign(total).astype(np.int8), enabled)

    def _check_possible(self, step: int, new: FloatArray) -> None:
        """Refuse resistances that no resistor has."""
        bad = np.flatnonzero(~((new > 0) & np.isfinite(new)))
        if len(bad):
            assert self.ohm is not None
            edge = int(bad[0])
            why = "The learning rate gamma is too large: use a smaller one."
            if np.isnan(new[edge]):
                why = f"The {self.rule.name} rule gave no number there: where its delta is right, gamma is too large."
            raise Diverged(
                f"step {step} on {self.board.network.name} would move {len(bad)} of {len(new)} resistances to zero or "
                f"below, or to infinity; first edge {edge}, from {self.ohm[edge]:.4g} to {new[edge]:.4g} ohm. "
                f"{why} Every step before it is logged, and the record at step {step} holds the last good resistances "
                f"({self.ohm.min():.4g} to {self.ohm.max():.4g} ohm)."
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


def clamp(eta: float, desired: FloatArray, free: FloatArray, source: Converter) -> tuple[FloatArray, bool]:
    """Give the voltages to hold the clamped outputs at (Eq. 1), and whether any was cut to the source's range.

    V_C = eta V_D + (1 - eta) V_F; where the source has codes, in integers:
    c = clip((eta_q15 d + (32768 - eta_q15) f + 16384) >> 15), with eta_q15 = round(32768 eta).
    """
    if source.bits is None:
        nudged = eta * desired + (1.0 - eta) * free
        clipped = np.minimum(np.maximum(nudged, source.v_min), source.v_max)
        return clipped, clipped.tolist() != nudged.tolist()
    eta_q15 = round(eta * 32768)
    codes = (eta_q15 * source.nearest(desired) + (32768 - eta_q15) * source.codes(free) + 16384) >> 15
    cut = np.clip(codes, 0, source.top)
    return source.volts(cut), bool((cut != codes).any())
