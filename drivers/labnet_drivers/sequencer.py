"""What a twin board does by itself: whole trainings, and what a laboratory wants of them beyond a plan."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labnet.checks import check
from labnet.errors import (
    BoardError,
    DeviceError,
    LabnetError,
    LateStep,
    LinkDesynchronised,
    LinkLost,
    LinkTimeout,
    NotSupported,
    OutOfRange,
    PlanError,
    StateLost,
)
from labnet.interrupts import finish
from labnet.plan import Plan
from labnet.records import NO_FLOATS, Block, closing_record
from labnet_drivers.commands import Setting, asked, number, set_form, words
from labnet_drivers.framing import crc16, elements, unblocked
from labnet_drivers.log import End, LogBlock, LogReader
from labnet_drivers.upload import Program, transition_matrix

if TYPE_CHECKING:
    from labnet_drivers.twin_board import TwinBoard

_LATE_S = 1e-9
LEAD_S = 0.05  # what a few messages take on a slow line
_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.0005, 0.02  # between two questions for more of the log

_LOG, _STATE, _WIPERS = asked("TRAin:LOG"), asked("TRAin:STATe"), asked("WIPer:POSition")
_CRC = asked("TRAin:MEMory:CRC")
OUT_OF_RANGE = -222
_START, _ABORT = set_form("TRAin:STARt").short, set_form("TRAin:ABORt").short


def _on_with_margin(text: str) -> float | None:
    on, margin = text.split(",")
    return float(margin) if on == "1" else None


class Margin(Setting[float | None]):
    """A rule with a margin in volts; None: off."""

    def __init__(self, header: str) -> None:
        super().__init__(header, _on_with_margin)
        self.__doc__ = f"{self.command.doc} The margin in V; None: off. ({header})"

    def __set__(self, device: Any, value: float | None) -> None:
        device.scpi(self.command.message(device.limits, value is not None, value or 0.0))


class Pair(Setting[tuple[Any, Any]]):
    """A command of two parameters."""

    def __init__(self, header: str, first: Callable[[str], Any]) -> None:
        super().__init__(header, lambda text: (first(text.split(",")[0]), float(text.split(",")[1])))
        names = " and ".join(parameter.name for parameter in self.command.set or ())
        self.__doc__ = f"{self.command.doc} A tuple of {names}. ({header})"

    def __set__(self, device: Any, value: tuple[Any, Any]) -> None:
        device.scpi(self.command.message(device.limits, *value))


class Sequencer:
    """The part of a board that runs whole trainings.

    The properties below go beyond a plan. They stay as they are set until `TwinBoard.reset`, and hold for every
    training that the board runs by itself; `train` never changes them. A training that the board cannot run by itself
    is refused while one of them is set, for paced by the host it would be another one.

    Attributes
    ----------
    reconnect_s : float
        How long a training looks for a board that is gone.
    standing : numpy.ndarray, shape (E,), or None
        While a training runs: the wipers as of its last block.
    """

    source_noise_v = number("TRAin:NOISe:SOURce")
    target_noise_v = number("TRAin:NOISe:TARGet")
    after_s = number("TRAin:TIME:AFTer")
    hold_s = Pair("TRAin:TIME:HOLD", int)
    only_wrong_v = Margin("TRAin:WRONg")
    stop_v = Margin("TRAin:STOP")
    lost = Pair("TRAin:LOST", words("TRAin:LOST"))

    def __init__(self, board: "TwinBoard") -> None:
        self._board = board
        self.limits = board.limits
        self.reconnect_s = 30.0
        self.standing: NDArray[np.int64] | None = None
        self.forget()

    def forget(self) -> None:
        """Forget what the board has forgotten, too."""
        self._boot = self._board.link.boot
        self._repeats = 1
        self._transition: NDArray[np.float64] | None = None

    def scpi(self, message: str) -> str:
        """As `TwinBoard.scpi`."""
        return self._board.scpi(message)

    @property
    def repeats(self) -> int:
        """Show each training example so often in a row, where the plan's order is cyclic."""
        self._check_boot()
        return self._repeats

    @repeats.setter
    def repeats(self, value: int) -> None:
        set_form("TRAin:ORDer:CYCLic").message(self.limits, value)  # it says what is allowed
        self._check_boot()
        self._repeats = int(value)

    @property
    def transition(self) -> NDArray[np.float64] | None:
        """Probabilities (B, B) to go from one training example to another, instead of the plan's order; None: off."""
        self._check_boot()
        return self._transition

    @transition.setter
    def transition(self, rows: Sequence[Sequence[float]] | NDArray[np.float64] | None) -> None:
        self._check_boot()
        self._transition = None if rows is None else transition_matrix(rows)

    def _check_boot(self) -> None:
        """Forget these two when the board has restarted; all others it has forgotten by itself."""
        if self._boot != self._board.link.boot:
            self.forget()

    def beyond(self) -> list[str]:
        """Name what is set beyond a plan."""
        values: dict[str, bool] = {
            "repeats": self.repeats != 1,
            "transition": self.transition is not None,
            "source_noise_v": self.source_noise_v != 0,
            "target_noise_v": self.target_noise_v != 0,
            "after_s": self.after_s != 0,
            "hold_s": self.hold_s[1] != 0,
            "only_wrong_v": self.only_wrong_v is not None,
            "stop_v": self.stop_v is not None,
        }
        return [name for name, is_set in values.items() if is_set]

    # Trainings ----------------------------------------------------------------------------------------------------

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        """Let the board run a plan from step `first` on; yields its blocks, with records as the host-paced cycle gives.

        Where `start_s` has passed when all is uploaded, all steps begin that much later.

        Should the link be lost meanwhile, the training goes on: for `reconnect_s` the board is looked for, and nothing
        of the log is lost or comes twice. Closing the iterator aborts the training.

        Raises
        ------
        NotSupported
            Before anything moves, for a plan that the board cannot hold or do; it can be paced by the host.
        PlanError
            The same, where something beyond a plan is set.
        LateStep
            After the block that leads up to it, where a period was asked for and cannot be kept.
        LinkLost, StateLost
            Where the board does not come back, or had restarted.
        """
        board = self._board
        check(board, plan)
        program = self._program(plan, first)
        board.set_update_probability(plan.clock.p)
        for message in program.messages:
            board.exchange(message)
        for upload in program.uploads(board.longest):
            board.exchange(upload)
        self._check_memory(program)
        earliest_s = board.time_s + plan.slack_s
        begin_s = earliest_s if start_s is None else start_s + first * plan.step_period_s
        if begin_s < earliest_s - _LATE_S:  # a real board's clock went on during the upload
            begin_s = earliest_s + LEAD_S
        board.exchange(program.begin_at(begin_s))
        reader = LogReader(board.info, plan)
        begun = (first, board.wipers())
        armed_s, ended = board.link.watchdog_s, False

        def leave() -> None:
            if not ended:
                self._abort()
            self.standing = None
            board.link.watchdog_s = armed_s

        try:
            board.exchange(_START)
            self.standing = begun[1]
            board.link.watchdog_s = 0.0  # the training's own policy decides now: `lost`
            for block, place in self._log(reader, begun):
                ended = block.end is not None
                self.standing = None if ended else place[1]
                yield _given(block, place[0])
                if block.end is not None:
                    self._tell(block.end, plan)
        finally:
            finish(leave)

    def _program(self, plan: Plan, first: int) -> Program:
        board = self._board
        transition = self.transition
        if transition is not None and len(transition) != len(plan.task.train):
            raise PlanError(
                f"sequencer.transition is for {len(transition)} training examples, the task has "
                f"{len(plan.task.train)}; set one of that size, or None."
            )
        try:
            return Program(plan, board.info, self.limits, first, self.repeats, transition)
        except OutOfRange as error:
            why = f"this board cannot run the plan by itself: {error}"
        if beyond := self.beyond():
            raise PlanError(
                f"{why} Paced by the host it would be without {', '.join(beyond)}, which are set: board.reset()."
            )
        raise NotSupported(f"{why} Pace it from the host.")

    def _check_memory(self, program: Program) -> None:
        kept = int(self._board.exchange(f"{_CRC} 0,{len(program.words)}"))
        if kept != crc16(program.words.astype("<u2").tobytes()):
            raise BoardError(
                f"{self._board.address} does not keep what its training memory is given; its chip may be worn out."
            )

    def _log(
        self, reader: LogReader, place: tuple[int, NDArray[np.int64]]
    ) -> Iterator[tuple[LogBlock, tuple[int, NDArray[np.int64]]]]:
        """Fetch the log until its end; gives each block, and how far the training was with it: steps and wipers."""
        wanted, pause_s = 0, _LEAST_PAUSE_S
        while True:
            text, state, *wipers = elements(self._fetch(f"{_LOG} {wanted};:{_STATE};:{_WIPERS}"))
            block = reader.read(unblocked(text))
            steps, newest = (int(number) for number in state.split(b",")[1:])
            wanted += not block.empty
            if newest <= wanted:  # that was all there was
                place = steps, np.array(wipers[0].split(b","), dtype=np.int64)
            elif block.records and len(block.records[-1].wipers):
                place = block.records[-1].step, block.records[-1].wipers.astype(np.int64)
            if block.records or block.errors or block.end:
                yield block, place
            if block.end is not None:
                return
            if newest <= wanted:
                if block.empty and state.split(b",")[0] != b"RUN":
                    raise self._forgotten()
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _MOST_PAUSE_S)
            else:  # it waits for us: a small board's log is soon full
                pause_s = max(pause_s / 2, _LEAST_PAUSE_S)

    def _fetch(self, message: str) -> bytes:
        """Ask for a block of the log, perhaps again; looks for a board that is gone."""
        board = self._board
        try:
            try:
                return board.exchange(message)
            except (LinkTimeout, LinkDesynchronised):  # before the port is opened again, which restarts an Arduino
                return board.exchange(message)
        except DeviceError as error:
            if error.code != OUT_OF_RANGE:
                raise
            raise self._forgotten() from error
        except (LinkLost, LinkTimeout, LinkDesynchronised) as error:
            if board.reopen(self.reconnect_s):
                raise self._forgotten() from error
        return board.exchange(message)

    def _forgotten(self) -> StateLost:
        return StateLost(
            f"{self._board.address} restarted, or was reset, in the middle of a training; what was logged before is "
            "kept. Resume the run."
        )

    def _abort(self) -> None:
        with suppress(LabnetError):
            self._board.exchange(_ABORT)

    def _tell(self, end: End, plan: Plan) -> None:
        """Raise what ended a training before its last step; a perfect one is complete."""
        where = f"the training on {self._board.address} ended before step {end.step}"
        if end.reason == "L":
            raise LateStep(
                f"a step was to begin at its time on the board's clock and could not before {end.time_s:g} s: {where}. "
                f"Give a period_s longer than {plan.period_s:g} s, or leave it out."
            )
        if end.reason == "H":
            self._board.safe()  # as it is: this says that we know
            raise LinkLost(
                f"{where}: the board had not heard from us for longer than sequencer.lost allows, and made itself "
                "safe. Resume the run."
            )
        if end.reason == "A":
            raise BoardError(f"{where}: it was aborted (board.safe, SYSTem:SAFE, TRAin:ABORt or *RST). Resume the run.")


def _given(block: LogBlock, steps: int) -> Block:
    """Give a block of the log as the controller knows it."""
    if block.end is None:
        return Block(0, steps, block.records, block.errors)
    closing = closing_record(block.end.step, block.end.time_s, block.end.wipers, NO_FLOATS)
    return Block(0, block.end.step, [*block.records, closing], block.errors)
