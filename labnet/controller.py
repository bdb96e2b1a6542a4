"""The controller: runs the cycles of a plan, or lets the board run them, and goes on where a run ended.

Steps start at t0 + k period on the board's clock; what is to be measured is measured in what is left of the period
before.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, can_go_on
from labnet.checks import check
from labnet.cycle import Cycle
from labnet.errors import (
    BoardFault,
    DeviceError,
    LabnetError,
    LateStep,
    LinkError,
    NotSupported,
    StateLost,
)
from labnet.optimisers import Plain
from labnet.plan import GlobalClock, Plan, scheduled
from labnet.progress import Progress
from labnet.records import Block, Errors, closing_record
from labnet.runs import RunWriter

_log = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

_STATE_EVERY_S = 0.25  # of real time, between two stored states of the board
_LATE_S = 1e-9
_REMEMBERED = "plan_optimiser_"  # begins the names of what the optimiser remembers, in stored states


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
        self.board, self.plan = board, plan
        self._cycle = Cycle(board, plan)
        self._guard = self._cycle.guard
        self._log = scheduled(plan.log, plan.steps).tobytes()
        self._measure = scheduled(plan.measure, plan.steps).tobytes()
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
            if now > save_at and block.steps < self.plan.steps:  # a run that is through does not go on
                writer.save_state(block.steps, self._state())
                took = time.monotonic() - now  # of a large network it takes long: rarely then
                save_at = now + max(_STATE_EVERY_S, 10 * took)

    def _look_at(self, block: Block, writer: RunWriter) -> None:
        """Look for faults in what is kept by now."""
        try:
            self._guard.look(block)
        except BoardFault:
            writer.save_state(block.steps, self._state())
            raise

    def _blocks(self, first: int) -> Iterator[Block]:
        """Let the board run the plan where it can, else pace it from here."""
        blocks: Iterator[Block] = iter(())
        begun = None
        if self.plan.rule.name in self.board.info.plans and not self._guard.masks:
            with suppress(NotSupported):  # said before anything moves
                blocks = self.board.train(self.plan, first, self.start_s)
                begun = next(blocks, None)
        _log.debug("step %d on: %s", first, "paced from here" if begun is None else "the board runs the plan itself")
        if begun is None:
            yield from self.paced_blocks(first)
            return
        for block in chain([begun], blocks):
            self._cycle.stand_at(block.resistances_ohm)
            yield block

    def paced_blocks(self, first: int) -> Iterator[Block]:
        """Run the steps from `first` on through the verbs, a block each, and one for the end."""
        steps, period_s = self.plan.steps, self.plan.step_period_s
        for step in range(first, steps):
            errors: list[Errors] = []
            if self._measure[step] or step == 0:  # in what is left of the period before
                errors = self._cycle.measure(step)
            self._wait_until(self.start_s + step * period_s)
            began_s = self.board.time_s
            try:
                record = self._cycle.run(step, bool(self._log[step]))
            except (LinkError, DeviceError, StateLost):
                raise  # whether the board has triggered is not known, and so where its wipers stand
            except LabnetError:
                yield Block(0, step, [closing_record(step, began_s, *self._cycle.positions())], errors)
                raise
            yield Block(0, step + 1, [] if record is None else [record], errors, None, self._cycle.ohm)
        errors = self.end()
        yield Block(
            0,
            steps,
            [closing_record(steps, self.board.time_s, *self._cycle.positions())],
            errors,
            None,
            self._cycle.ohm,
        )

    def end(self) -> list[Errors]:
        """Measure after the last step, and let its period pass."""
        steps = self.plan.steps
        errors = self._cycle.measure(steps)
        self._wait_until(self.start_s + steps * self.plan.step_period_s)
        return errors

    def repeat(self, failed: Block) -> None:
        """Run the step before which a block ended, on a board that stands there: it raises what went wrong."""
        self._cycle.stand_at(failed.resistances_ohm)
        self._cycle.run(failed.steps, log=False)

    def _begin(self, writer: RunWriter) -> int:
        """Put the board where the plan starts, or where the run goes on; gives the first step."""
        board = self.board
        resumed = writer.last_state()
        if resumed is None:
            self._guard.begin(writer, 0)
            counting = can_go_on(board)
            self._triggers = 0 if counting is None else counting.trigger_count
            self.start()
            writer.save_state(0, self._state())
            return 0
        step, state = resumed
        self._guard.begin(writer, step)
        if not board.info.snapshots:
            return self._go_on(writer, step, state)
        self.start_s = float(state.pop("plan_start_s"))
        ohm = state.pop("plan_ohm", None)
        self._cycle.memory = _memory(state)
        board.restore(state)
        self._cycle.stand_at(ohm)
        return step

    def _go_on(self, writer: RunWriter, step: int, state: dict[str, NDArray[Any]]) -> int:
        """Put a board without snapshots where it stood when its positions were last committed; gives that step.

        That is after the trigger of the step before, with its example still held; before step 0 there was none, and the
        first example was held then. What follows is as in an uninterrupted run where the board's clock and count of
        triggers can be set, and are known: files of before hold neither.
        """
        board = self.board
        self._cycle.memory = _memory(state)
        if isinstance(self.plan.optimiser, Plain):  # else what it remembers is known of the stored state alone
            step, positions = max((step, state), writer.last_positions() or (0, state), key=lambda found: found[0])
            state |= positions
        if "wipers" in state and (state["wipers"] < 0).any():
            raise NotSupported(
                f"{board.address} does not count what edges step by themselves, so where they stood is not known and "
                "the run cannot go on; what it holds is kept. Start a new run, at a new path."
            )
        writer.forget_from(step)
        if "resistances_ohm" in state:
            self._cycle.lab.place(state["resistances_ohm"])
        else:
            board.set_wipers(state["wipers"])
            self._cycle.stand_at(None)
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
        self._cycle.lab.hold(shown[-1] if shown else 0)
        board.set_update_probability(self.plan.clock.p)
        if step:
            count_on()
        self.start_s = board.time_s - since_s
        return step

    def start(self) -> float:
        """Put the board where the plan starts; gives the time at which step 0 begins, on the board's clock."""
        board, start = self.board, self.plan.starting_values()
        if self.plan.moves == "resistances":
            self._cycle.lab.place(np.asarray(start) * board.network.r_ref_ohm)
        elif start is not None:
            board.set_wipers(start.astype(np.int64))
        elif isinstance(self.plan.clock, GlobalClock) and (board.wipers() < 0).any():
            raise NotSupported(
                f"where the wipers of {board.address} stand is not known: resistances were set directly, or edges have "
                "stepped by themselves; give start, or call set_wipers first."
            )
        if self.plan.moves == "wipers":
            self._cycle.stand_at(None)
        self._cycle.lab.hold(0)
        board.set_update_probability(self.plan.clock.p)
        self.start_s = board.time_s + self.plan.slack_s
        return self.start_s

    def _state(self) -> dict[str, NDArray[Any]]:
        """Give what the run goes on from: the board's snapshot and what the controller knows, or else the positions."""
        state, ohm = {"plan_start_s": np.array(self.start_s)}, self._cycle.ohm
        state |= {f"{_REMEMBERED}{name}": array for name, array in self._cycle.memory.items()}
        if self.board.info.snapshots:
            state |= self.board.snapshot()
            return state if ohm is None else {**state, "plan_ohm": ohm}
        state["plan_triggers"] = np.array(self._triggers)
        return state | ({"wipers": self.board.wipers()} if ohm is None else {"resistances_ohm": ohm})

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


def _memory(state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Take what the optimiser remembers out of a stored state."""
    names = [name for name in state if name.startswith(_REMEMBERED)]
    return {name.removeprefix(_REMEMBERED): state.pop(name) for name in names}
