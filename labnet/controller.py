"""The cycle: free state, nudge, clamped state, update.

Step k: hold the inputs and grounds of both sides, and the clamped outputs at V_D; settle; read the free outputs; move
the clamped ones to V_C = eta V_D + (1 - eta) V_F (Eq. 1); settle; read all nodes if they are wanted; trigger. Steps
start at t0 + k period on the board's clock; what is to be measured is measured in what is left of the period before.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from math import isfinite
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Converter, Side, Update, can_go_on
from labnet.checks import check
from labnet.errors import (
    BoardError,
    BoardFault,
    DeviceError,
    Diverged,
    LabnetError,
    LateStep,
    LinkError,
    NotSupported,
    StateLost,
)
from labnet.inspection.guarding import Guard
from labnet.plan import Continuous, GlobalClock, Plan, SelfTriggered, scheduled
from labnet.progress import Progress
from labnet.records import NO_BYTES, NO_FLOATS, NO_WIPERS, Block, Errors, Record, closing_record
from labnet.runs import RunWriter

FloatArray = NDArray[np.float64]

_STATE_EVERY_S = 0.25  # of real time, between two stored states of the board
_LATE_S = 1e-9
_NOWHERE = (NO_WIPERS, NO_FLOATS)
_NOT_KNOWN = Update(NO_BYTES, NO_BYTES.view(np.bool_))  # when and where edges stepped by themselves


class State(NamedTuple):
    """One example shown: what was read in both states, or is known of them."""

    v_free: FloatArray
    v_clamped: FloatArray
    clipped: bool


class Controller:
    """Runs a plan cycle by cycle through the board's verbs.

    Parameters
    ----------
    board : Board
    plan : Plan

    Raises
    ------
    TaskError
        For a task made for another network.
    NotDrivable, OutOfRange, NotSupported, PlanError
        For what this board cannot do (`labnet.checks`); nothing has moved yet.
    """

    def __init__(self, board: Board, plan: Plan) -> None:
        check(board, plan)
        self.board = board
        self.plan = plan
        self.task = plan.task
        self.rule = plan.rule
        self.guard = Guard(board, plan)
        self._outputs = np.array(self.task.outputs)
        self._ones = np.ones(board.network.node_count)
        self._wanted = self.task.train.targets.tolist()
        self._held = {name: [self.task.held(row) for row in examples.inputs] for name, examples in self.task.sets()}
        self._log = scheduled(plan.log, plan.steps).tobytes()
        self._measure = scheduled(plan.measure, plan.steps).tobytes()
        self._ohm: FloatArray | None = None  # where the host sets resistances
        self.start_s = 0.0  # when step 0 begins, on the board's clock
        self._triggers = 0  # before step 0, where the board can go on from a count

    def run(self, writer: RunWriter, show: Callable[[Progress], None]) -> None:
        """Run all steps that are left, logging into `writer`."""
        first = self._begin(writer)
        save_at = time.monotonic() + _STATE_EVERY_S
        for block in self._blocks(first):
            writer.add_block(block)
            show(Progress(block.steps, block.errors))
            self._look_at(block, writer)
            now = time.monotonic()
            if now > save_at:
                writer.save_state(block.steps, self._state())
                took = time.monotonic() - now  # of a large network it takes long: rarely then
                save_at = now + max(_STATE_EVERY_S, 10 * took)

    def _look_at(self, block: Block, writer: RunWriter) -> None:
        """Look for faults in what is kept by now."""
        try:
            self.guard.look(block)
        except BoardFault:
            writer.save_state(block.steps, self._state())
            raise

    def _blocks(self, first: int) -> Iterator[Block]:
        """Let the board run the plan where it can, else pace it from here."""
        blocks: Iterator[Block] = iter(())
        begun = None
        if self.rule.name in self.board.info.plans and not self.guard.masks:
            with suppress(NotSupported):  # said before anything moves
                blocks = self.board.train(self.plan, first, self.start_s)
                begun = next(blocks, None)
        if begun is None:
            yield from self.paced_blocks(first)
            return
        for block in chain([begun], blocks):
            self._ohm = block.resistances_ohm
            yield block

    def paced_blocks(self, first: int) -> Iterator[Block]:
        """Run the steps from `first` on through the verbs, a block each, and one for the end."""
        steps, period_s = self.plan.steps, self.plan.step_period_s
        for step in range(first, steps):
            errors: list[Errors] = []
            if self._measure[step] or step == 0:  # in what is left of the period before
                errors = self.measure(step)
            self._wait_until(self.start_s + step * period_s)
            began_s = self.board.time_s
            try:
                record = self.cycle(step, bool(self._log[step]))
            except (LinkError, DeviceError, StateLost):
                raise  # whether the board has triggered is not known, and so where its wipers stand
            except LabnetError:
                yield Block(0, step, [closing_record(step, began_s, *self._positions())], errors)
                raise
            yield Block(0, step + 1, [] if record is None else [record], errors, None, self._ohm)
        errors = self.end()
        yield Block(0, steps, [closing_record(steps, self.board.time_s, *self._positions())], errors, None, self._ohm)

    def end(self) -> list[Errors]:
        """Measure after the last step, and let its period pass."""
        steps = self.plan.steps
        errors = self.measure(steps)
        self._wait_until(self.start_s + steps * self.plan.step_period_s)
        return errors

    def repeat(self, failed: Block) -> None:
        """Run the step before which a block ended, on a board that stands there: it raises what went wrong."""
        self._ohm = failed.resistances_ohm
        self.cycle(failed.steps, log=False)

    def _begin(self, writer: RunWriter) -> int:
        """Put the board where the plan starts, or where the run goes on; gives the first step."""
        board = self.board
        resumed = writer.last_state()
        if resumed is None:
            self.guard.begin(writer, 0)
            counting = can_go_on(board)
            self._triggers = 0 if counting is None else counting.trigger_count
            self.start()
            writer.save_state(0, self._state())
            return 0
        step, state = resumed
        self.guard.begin(writer, step)
        if not board.info.snapshots:
            return self._go_on(writer, step, state)
        self.start_s = float(state.pop("plan_start_s"))
        self._ohm = state.pop("plan_ohm", None)
        board.restore(state)
        return step

    def _go_on(self, writer: RunWriter, step: int, state: dict[str, NDArray[Any]]) -> int:
        """Put a board without snapshots where it stood when its positions were last committed; gives that step.

        That is after the trigger of the step before, with its example still held; before step 0 there was none, and the
        first example was held then. What follows is as in an uninterrupted run where the board's clock and count of
        triggers can be set, and are known: files of before hold neither.
        """
        board = self.board
        step, positions = max((step, state), writer.last_positions() or (0, state), key=lambda found: found[0])
        state |= positions
        if "wipers" in state and (state["wipers"] < 0).any():
            raise NotSupported(
                f"{board.address} does not count what edges step by themselves, so where they stood is not known and "
                "the run cannot go on; what it holds is kept. Start a new run, at a new path."
            )
        writer.forget_from(step)
        if "resistances_ohm" in state:
            self._set_ohm(state["resistances_ohm"])
        else:
            board.set_wipers(state["wipers"])
        since_s = step * self.plan.step_period_s - self.plan.slack_s  # the start
        counting = can_go_on(board)
        known = "plan_start_s" in state
        if known:
            self._triggers = int(state["plan_triggers"])
        elif counting is not None:
            self._triggers = counting.trigger_count - step

        def count_on() -> None:
            if known and counting is not None:
                counting.go_on(float(state["plan_start_s"]) + since_s, self._triggers + step)

        if step == 0:
            count_on()
        shown = self.plan.examples_at(max(step - 1, 0))
        self._hold(shown[-1] if shown else 0)
        board.set_update_probability(self.plan.clock.p)
        if step:
            count_on()
        self.start_s = board.time_s - since_s
        return step

    def start(self) -> float:
        """Put the board where the plan starts; gives the time at which step 0 begins, on the board's clock."""
        board, start = self.board, self.plan.starting_values()
        if isinstance(self.rule, Continuous):
            limits = board.info.resistance_range_ohm  # a product may be a rounding beyond them
            self._set_ohm(np.clip(np.asarray(start) * board.network.r_ref_ohm, *(limits or (0.0, np.inf))))
        elif start is not None:
            board.set_wipers(start.astype(np.int64))
        elif isinstance(self.plan.clock, GlobalClock) and (board.wipers() < 0).any():
            raise NotSupported(
                f"where the wipers of {board.address} stand is not known: resistances were set directly, or edges have "
                "stepped by themselves; give start, or call set_wipers first."
            )
        self._hold(0)
        board.set_update_probability(self.plan.clock.p)
        self.start_s = board.time_s + self.plan.slack_s
        return self.start_s

    def _state(self) -> dict[str, NDArray[Any]]:
        """Give what the run goes on from: the board's snapshot and what the controller knows, or else the positions."""
        state = {"plan_start_s": np.array(self.start_s)}
        if self.board.info.snapshots:
            state |= self.board.snapshot()
            return state if self._ohm is None else {**state, "plan_ohm": self._ohm}
        state["plan_triggers"] = np.array(self._triggers)
        return state | ({"wipers": self.board.wipers()} if self._ohm is None else {"resistances_ohm": self._ohm})

    def _set_ohm(self, ohm: FloatArray) -> None:
        self.board.set_resistances(ohm)
        self._ohm = ohm

    def _wait_until(self, time_s: float) -> None:
        """Wait for a step's time. Without a period that was asked for, a slow board goes as fast as it can."""
        late = self.board.time_s - time_s
        if late < 0:
            self.board.wait(-late)
        elif late > _LATE_S and late > 4 * np.spacing(time_s) and self.plan.period_s is not None:
            raise LateStep(
                f"a step was to begin at {time_s:g} s on the board's clock and began {late:g} s late; give a period_s "
                f"longer than {self.plan.period_s:g} s, or leave it out."
            )

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

    def cycle(self, step: int, log: bool) -> Record | None:
        """Run one step; gives its record if it is to be logged."""
        time_s = self.board.time_s
        examples = self.plan.examples_at(step)
        detail = self.plan.detail if log else None
        before = self._positions() if detail == "full" else _NOWHERE
        if isinstance(self.plan.clock, SelfTriggered):
            state, update = self._dwell(self.plan.clock, examples[0], self.plan.eta_at(step), detail), _NOT_KNOWN
        elif isinstance(self.rule, Continuous):
            state, update = self._step_by_host(step, examples)
        else:
            state = self.show(examples[0], self.plan.eta_at(step), detail)
            update = self.guard.trigger()
        return self._record(step, examples, time_s, state, update, before) if log else None

    def _positions(self) -> tuple[NDArray[Any], FloatArray]:
        """Give wipers and set resistances as they are; those that the rule does not move are empty."""
        return (self.board.wipers(), NO_FLOATS) if self._ohm is None else (NO_WIPERS, self._ohm)

    def show(self, example: int, eta: float, detail: Literal["full", "short"] | None) -> State:
        """Bring both sides to their states for one training example, and give what of them is to be logged."""
        board, settle_s = self.board, self.plan.settle_s
        held = self._held["train"][example]
        self._hold(example)
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
        self._hold(example)
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

    def _hold(self, example: int) -> None:
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
        assert self._ohm is not None
        network = self.board.network
        total = np.zeros(network.edge_count)
        state = State(NO_FLOATS, NO_FLOATS, False)
        clipped = False
        with np.errstate(over="ignore", invalid="ignore"):  # said in _check_possible
            for example in examples:
                state = self.show(example, self.plan.eta_at(step), "full")
                total += self.rule.delta(network, self._ohm, state.v_free, state.v_clamped)
                clipped |= state.clipped
            enabled = self.guard.opened(self.board.trigger(step_wipers=False).enabled)
            new = np.where(enabled, self._ohm + total, self._ohm)
        low, high = self.board.info.resistance_range_ohm or (0.0, np.inf)
        self._check_possible(step, new)
        self._set_ohm(np.clip(new, low, high))
        if len(examples) != 1:
            state = State(NO_FLOATS, NO_FLOATS, clipped)
        return state, Update(np.sign(total).astype(np.int8), enabled)

    def _check_possible(self, step: int, new: FloatArray) -> None:
        """Refuse resistances that no resistor has."""
        bad = np.flatnonzero(~((new > 0) & np.isfinite(new)))
        if len(bad):
            assert self._ohm is not None
            edge = int(bad[0])
            raise Diverged(
                f"step {step} on {self.board.network.name} would move {len(bad)} of {len(new)} resistances to zero or "
                f"below, or to infinity; first edge {edge}, from {self._ohm[edge]:.4g} to {new[edge]:.4g} ohm. The "
                "learning rate gamma is too large: use a smaller one. Every step before it is logged, and the record "
                f"at step {step} holds the last good resistances ({self._ohm.min():.4g} to {self._ohm.max():.4g} ohm)."
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
