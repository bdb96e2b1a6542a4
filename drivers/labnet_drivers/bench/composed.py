"""Boards that an instrument on the bench is part of: it gives their bias, or their trigger."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import NoReturn

import numpy as np

from labnet.board import Board, IntArray, Snapshot, Update
from labnet.errors import BoardError, NotSupported, OutOfRange
from labnet.interrupts import finish
from labnet.meters import PulseSource, VoltageSource
from labnet.plan import Plan
from labnet.records import Block
from labnet.wrapped import WrappedBoard

_log = logging.getLogger(__name__)
_UNSEEN = 50  # open gates without a step before a pulse counts as lost: p = exp(-50) or less by chance


class _Composed(WrappedBoard, ABC):
    """A board and an instrument: paced by the host, which alone reaches both, and made safe together."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        # a snapshot would not hold what the instrument gives
        self.info = replace(board.info, plans=frozenset(), snapshots=False)

    @abstractmethod
    def _let_go(self) -> None:
        """Make the instrument safe, whatever fails."""

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        """Not possible: the board does not reach the instrument, so the host paces."""
        self._refuse("run a plan by itself: the host paces it; labnet.train does")

    def train_many(self, plans: Sequence[Plan]) -> Iterator[Block]:
        """Not possible: the board does not reach the instrument, so the host paces."""
        self._refuse("run plans by itself: the host paces one at a time; labnet.train does")

    def snapshot(self) -> Snapshot:
        """Not possible: the instrument's state is no part of it."""
        self._refuse("give a snapshot of both; a run on it resumes from its wipers")

    def restore(self, snapshot: Snapshot) -> None:
        """Not possible."""
        self._refuse("be put back to a snapshot; a run on it resumes from its wipers")

    def _refuse(self, what: str) -> NoReturn:
        raise NotSupported(f"{self.address} with an instrument on the bench cannot {what}.")

    def safe(self) -> None:
        """Drive the safe state of both. Never fails."""
        self._let_go()
        self.board.safe()

    def close(self) -> None:
        """Make both safe, and let go of the board."""
        try:
            finish(self._let_go)
        finally:
            self.board.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            finish(self._let_go)
        finally:
            self.board.__exit__(kind, error, trace)


def _try(action: Callable[[], None], purpose: str) -> None:
    """Do what matters for safety; where that fails it is logged, for more is to be done."""
    try:
        action()
    except Exception as error:  # the instrument may be anybody's
        _log.warning("the instrument could not be told to %s (%s); see to it by hand.", purpose, error)


class ExternalBias(_Composed):
    """A board whose gates take their bias from a source on the bench.

    The board's own bias stays at 0: nothing hangs on it. Its watchdog, which goes by that, does not watch over the
    source; and where the source is off, the wire floats: put 100 kohm from the board's bias input to ground.

    Parameters
    ----------
    board : Board
    source : VoltageSource
        Made safe with the board, and closed by whoever opened it.
    """

    def __init__(self, board: Board, source: VoltageSource) -> None:
        super().__init__(board)
        self.source = source
        self._bias_v = 0.0
        board.bias_v = 0.0

    @property
    def bias_v(self) -> float:
        """The gates' bias voltage, as the source was told."""
        return self._bias_v

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        high = self.source.voltage_range[1]
        if not 0.0 <= volts <= high:
            raise OutOfRange(f"bias of {volts} V; allowed: 0 to {high:g} V, what the source gives.")
        self._bias_v = 0.0  # a source that fails is off
        self.source.set_voltage(volts)
        self._bias_v = float(volts)

    def set_update_probability(self, p: float) -> None:
        """Set the bias that lets an edge step with probability `p`, by the board's own gate curve.

        Raises
        ------
        NotCalibrated
            Where the board does not know its curve: a calibrated board around this one does.
        """
        try:
            self.board.set_update_probability(p)
            volts = self.board.bias_v
        finally:
            self.board.bias_v = 0.0
        self.bias_v = volts

    def _let_go(self) -> None:
        self._bias_v = 0.0
        _try(lambda: self.source.set_voltage(0.0), "hold 0 V")
        _try(self.source.output_off, "turn its output off")


class ExternalTrigger(_Composed):
    """A board whose edges are clocked by pulses of a generator on the bench.

    The board does not know when a pulse comes, so nobody latches for the host what the edges did. What is known is
    where the wipers stood before and after: `trigger` gives an edge that moved as one that stepped, in that direction.
    The directions of those that did not are as the comparators said just before the pulse; an edge that was pushed
    against an end of its range counts as stepped if its gate was open just before.

    So `wipers()` of the board must tell what its hardware did. A board that counts clocks of its own alone, as the
    firmware of the reference board does, is found out after some pulses, and refused.

    Parameters
    ----------
    board : Board
    pulses : PulseSource
        Made safe with the board, and closed by whoever opened it.
    """

    def __init__(self, board: Board, pulses: PulseSource) -> None:
        super().__init__(board)
        self.pulses = pulses
        self._unseen = 0  # gates that were open since a wiper moved last

    def trigger(self, step_wipers: bool = True) -> Update:
        """Give one pulse, and what it did.

        Raises
        ------
        NotSupported
            Without `step_wipers`: a pulse steps them.
        BoardError
            Where a wiper went several positions at a pulse, or none ever moves.
        """
        if not step_wipers:
            self._refuse("latch alone, a pulse steps the wipers; use the board's own trigger")
        directions, gates, before = self.board.directions(), self.board.enabled(), self.board.wipers()
        self.pulses.pulse()
        moved = self.board.wipers() - before
        end = np.where(directions > 0, self.info.wiper_positions - 1, 0)
        held = gates & (before == end)  # by the end of its range
        self._check_moved(moved, int((gates & ~held).sum()))
        stepped = moved != 0
        return Update(np.where(stepped, moved, directions).astype(np.int8), stepped | held)

    def _check_moved(self, moved: IntArray, expected: int) -> None:
        """Refuse pulses that are several, or none, to the board."""
        far = np.flatnonzero(np.abs(moved) > 1)
        if len(far):
            raise BoardError(
                f"one pulse moved the wiper of edge {far[0]} by {moved[far[0]]} positions; allowed: 1. Look for "
                "ringing on the clock line, and that nobody else clocks it."
            )
        self._unseen = 0 if moved.any() else self._unseen + expected
        if self._unseen >= _UNSEEN:
            raise BoardError(
                f"no wiper of {self.address} has moved, though {self._unseen} gates were open when pulses came: the "
                "pulses do not reach its clock, or it does not see what they do. Look at the wire, the height of the "
                "pulses, and whether the board reads its wipers back."
            )

    def _let_go(self) -> None:
        _try(self.pulses.output_off, "turn its output off")
