"""A board as its calibration says it really is."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Side, check_held
from labnet.calibration import store
from labnet.calibration.calibration import Calibration
from labnet.calibration.estimates import Estimate
from labnet.errors import CalibrationExpired, NotCalibrated, NotSupported, OutOfRange
from labnet.wrapped import WrappedBoard

if TYPE_CHECKING:
    from labnet.plan import Plan
    from labnet.records import Block

_log = logging.getLogger(__name__)


class CalibratedBoard(WrappedBoard):
    """A board whose sources give what they are asked for, whose readings are true and whose gates follow p.

    All as far as the calibration goes: a class of parts that it does not have is left as it is. A source cannot go
    beyond its ends: with an offset of 1 mV, nothing below 1 mV is given.

    Parameters
    ----------
    board : Board
    calibration : Calibration

    Raises
    ------
    CalibrationMismatch
        For the calibration of another board.
    """

    def __init__(self, board: Board, calibration: Calibration) -> None:
        store.check_is_of(calibration, board)
        super().__init__(board)
        self.calibration = calibration
        self._converters = calibration.converters
        info = board.info
        parts = {**info.parts, "calibrated": calibration.created.isoformat()}
        self.info = replace(info, parts=parts)
        if self._converters is not None:  # between codes there are real numbers then, and plans go past the corrections
            source, reading = replace(info.source, bits=None), replace(info.reading, bits=None)
            self.info = replace(self.info, source=source, reading=reading, plans=frozenset())

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes truly at these voltages, to a code, and let all others of that side float."""
        converters = self._converters
        if converters is None:
            self.board.drive(side, voltages)
            return
        check_held(self.network, self.info, voltages)
        grid = self.board.info.source
        nodes = list(voltages)
        asked = np.clip(converters.ask(nodes, [*voltages.values()]), grid.v_min, grid.v_max)
        self.board.drive(side, dict(zip(nodes, asked.tolist(), strict=True)))

    def read(self, side: Side) -> NDArray[np.float64]:
        """Read all node voltages of a side, corrected, shape (n,)."""
        readings = self.board.read(side)
        return readings if self._converters is None else self._converters.corrected(side, readings)

    def set_update_probability(self, p: float) -> None:
        """Set the bias at which edges step with probability `p`, in their mean, as their gates were measured."""
        gate = self.calibration.gate
        if gate is None:
            self.board.set_update_probability(p)
            return
        if not 0.0 <= p <= 1.0:
            raise OutOfRange(f"update probability {p}; allowed: 0 to 1.")
        self.board.bias_v = float(gate.bias_v(p).value)

    def resistances(self, side: Side) -> Estimate:
        """Give the resistances of a side where the wipers stand, in ohms, with their errors, (E,).

        Raises
        ------
        NotCalibrated
            Where none were measured.
        NotSupported
            Where nobody knows how the wipers stand.
        """
        pots = self.calibration.pots
        if pots is None:
            raise NotCalibrated("the calibration has no resistances; calibrate the pots, too.")
        wipers = self.board.wipers()
        if (wipers < 0).any():
            raise NotSupported("where the wipers stand is not known; call set_wipers first.")
        return pots.at(side, wipers)

    def train(self, plan: "Plan", first: int = 0, start_s: float | None = None) -> "Iterator[Block]":
        """Let the board run a plan, where no voltage is to be corrected; else the host has to pace it."""
        self._check_uncorrected()
        return self.board.train(plan, first, start_s)

    def train_many(self, plans: "Sequence[Plan]") -> "Iterator[Block]":
        """Let the board run many plans, where no voltage is to be corrected."""
        self._check_uncorrected()
        return self.board.train_many(plans)

    def _check_uncorrected(self) -> None:
        if self._converters is not None:
            raise NotSupported(
                "this board's voltages are corrected by the host, and what it runs by itself goes past that; let the "
                "host pace it (labnet.train does), or use a calibration without converters."
            )


def calibration_of(board: Board) -> Calibration | None:
    """Give the calibration that a board is used with."""
    return board.calibration if isinstance(board, CalibratedBoard) else None


def applied(board: Board, calibration: "Calibration | str | Path | None" = None) -> CalibratedBoard:
    """Give a board that is corrected by its calibration.

    Parameters
    ----------
    board : Board
    calibration : Calibration or path, optional
        The newest that is stored of this board by default.

    Raises
    ------
    NotCalibrated
        Where none is stored.
    CalibrationMismatch, NotACalibration

    Warns
    -----
    CalibrationExpired
    """
    chosen = calibration
    if chosen is None:
        chosen = store.newest(board)
    elif not isinstance(chosen, Calibration):
        chosen = store.load(chosen)
    if chosen is None:
        raise NotCalibrated(
            f"no calibration of {board.address} is stored; 'labnet calibrate' or labnet.calibrate makes one, "
            "labnet.calibration.save stores it."
        )
    corrected = CalibratedBoard(board, chosen)
    _log.info("%s is used with its calibration of %s", board.address, f"{chosen.created:%Y-%m-%d %H:%M} UTC")
    if chosen.expired:
        warnings.warn(
            f"the calibration of {board.address} expired on {chosen.expires:%Y-%m-%d}, and is used all the same; "
            "calibrate it anew.",
            CalibrationExpired,
            stacklevel=2,
        )
    return corrected
