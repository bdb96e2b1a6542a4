"""What a sound board's resistances and converters are: nominal, within part tolerances; or as calibrated."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Board, BoardInfo, Side
from labnet.calibration import calibration_of
from labnet.calibration.results import Pots
from labnet.errors import NotSupported

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNIFORM = 3**-0.5  # standard deviation of what is uniform within plus or minus 1
_GAUSSIAN = 5.0  # standard deviations beyond which one of thousands of Gaussian parts is not found
_CORRECTED_V = 2e-3  # by how much a corrected reading differs at most from a corrected source
_SINCE = 2e-3  # which share a pot may have drifted from the others since it was calibrated: some kelvin
_ELSEWHERE = 0.01  # what is measured at one position holds at others to this share


class Resistances(NamedTuple):
    """What the resistances of a side are expected to be, each (E,).

    Attributes
    ----------
    ohm : numpy.ndarray
    common : numpy.ndarray
        Standard deviation, as a share, of what is the same at all positions of a pot.
    own : numpy.ndarray
        Standard deviation, as a share, of what differs from position to position.
    """

    ohm: FloatArray
    common: FloatArray
    own: FloatArray


class Expected(ABC):
    """What a sound board is like. All ohms of a side may be wrong by one factor: voltages do not tell it.

    Where a subclass does not say otherwise, the board was measured, and corrects its sources and readings by itself.

    Attributes
    ----------
    calibrated : bool
        Whether this board was measured; else it is what data sheets promise.
    reach : float
        How many standard deviations a sound part may be off.
    """

    calibrated: ClassVar[bool] = True
    reach: ClassVar[float] = _GAUSSIAN

    @property
    def twin(self) -> float:
        """Standard deviation of R_clamped / R_free over the expected one that is not in `own`, as a share."""
        return 0.0

    @property
    @abstractmethod
    def held_v(self) -> float:
        """By how much a reading may differ at most from what is held, ..."""

    @property
    @abstractmethod
    def held_share(self) -> float:
        """... and by which share of it."""

    @abstractmethod
    def resistances(self, side: Side, wipers: ArrayLike) -> Resistances:
        """Give those at wiper positions, (E,)."""

    def given(self, nodes: Sequence[int], volts: ArrayLike) -> FloatArray:
        """Give what sources truly give when these voltages are asked for."""
        return np.asarray(volts, dtype=np.float64)

    def corrected(self, side: Side, readings: FloatArray) -> FloatArray:
        """Give true voltages for the readings of all nodes of a side, (n,)."""
        return readings


@dataclass(frozen=True)
class Nominal(Expected):
    """A board as its parts' data sheets promise it. The defaults are those of the reference board (docs/board.md).

    Attributes
    ----------
    info : BoardInfo
    pot : float
        End-to-end resistance is off by up to this share, the same for both twins: AD5220 0.3.
    twin_mismatch : float
        The twins of an edge differ by up to this share: AD5222 0.01.
    inl_lsb : float
        R(k) is off the straight line by up to this many steps: INL and DNL of 0.5 each.
    wiper_spread_ohm : float
        Wiper resistance is off by up to this much.
    held_v, held_share : float
        A reading differs by up to this from what is held: offsets of source and converter, noise; and their gains.
    """

    calibrated: ClassVar[bool] = False
    reach: ClassVar[float] = 1.0 / _UNIFORM

    info: BoardInfo
    pot: float = 0.3
    twin_mismatch: float = 0.01
    inl_lsb: float = 1.0
    wiper_spread_ohm: float = 75.0
    held_v: float = 5e-3
    held_share: float = 2e-3

    @property
    def twin(self) -> float:
        """Standard deviation of R_clamped / R_free, as a share."""
        return self.twin_mismatch * _UNIFORM

    def resistances(self, side: Side, wipers: ArrayLike) -> Resistances:
        """Give the nominal ones, (E,)."""
        ohm = self.info.nominal_ohm(wipers)
        step_ohm = self.info.end_to_end_ohm / self.info.wiper_positions
        off_ohm = np.hypot(self.inl_lsb * step_ohm, self.wiper_spread_ohm)
        # of the conductance, which grows the faster the nearer R comes to 0: at the low end anything goes
        own = np.where(ohm > 1.05 * off_ohm, off_ohm / np.maximum(ohm - off_ohm, 0.05 * off_ohm), 20.0)
        return Resistances(ohm, np.full(len(ohm), self.pot * _UNIFORM), own * _UNIFORM)


@dataclass(frozen=True, eq=False)
class Calibrated(Expected):
    """A board as its calibration says it is.

    Attributes
    ----------
    nominal : Nominal
    pots : Pots
    corrected_board : bool
        Whether the board corrects its sources and readings by itself.
    """

    nominal: Nominal
    pots: Pots
    corrected_board: bool

    @property
    def held_v(self) -> float:
        """By how much a reading may differ at most from what is held, ..."""
        return _CORRECTED_V if self.corrected_board else self.nominal.held_v

    @property
    def held_share(self) -> float:
        """... and by which share of it."""
        return 0.0 if self.corrected_board else self.nominal.held_share

    def resistances(self, side: Side, wipers: ArrayLike) -> Resistances:
        """Give those at wiper positions, (E,)."""
        estimate = self.pots.at(side, wipers)
        share = estimate.std / estimate.value
        return Resistances(estimate.value, np.hypot(share, _SINCE), share)


@dataclass(frozen=True, eq=False)
class Measured(Expected):
    """A board as it was measured just before, and for the rest as `base` expects it.

    Attributes
    ----------
    base : Expected
    ratio, error : numpy.ndarray, shape (2, E)
        Resistances of both sides over those that `base` expects, and their standard deviation as a share; NaN where
        they were not measured.
    """

    base: Expected
    ratio: FloatArray
    error: FloatArray

    @property
    def held_v(self) -> float:
        """By how much a reading may differ at most from what is held, ..."""
        return self.base.held_v

    @property
    def held_share(self) -> float:
        """... and by which share of it."""
        return self.base.held_share

    def resistances(self, side: Side, wipers: ArrayLike) -> Resistances:
        """Give those at wiper positions, (E,)."""
        base, k = self.base.resistances(side, wipers), int(side == "clamped")
        seen = np.isfinite(self.ratio[k])
        # what was measured holds at one position
        return Resistances(
            np.where(seen, base.ohm * self.ratio[k], base.ohm),
            np.where(seen, np.hypot(self.error[k], _ELSEWHERE), base.common),
            base.own,
        )

    def given(self, nodes: Sequence[int], volts: ArrayLike) -> FloatArray:
        """Give what sources truly give when these voltages are asked for."""
        return self.base.given(nodes, volts)

    def corrected(self, side: Side, readings: FloatArray) -> FloatArray:
        """Give true voltages for the readings of all nodes of a side, (n,)."""
        return self.base.corrected(side, readings)


def expected_of(board: Board) -> Expected:
    """Give what is expected of a board: as it is calibrated, where it is used so, else nominal.

    Raises
    ------
    NotSupported
        Where edges are no resistors.
    """
    if not board.info.law.linear:
        raise NotSupported(
            f"edges of {board.address} are no resistors ({board.info.law}), and faults are looked for by Ohm's law; "
            "leave on_fault at 'ignore' there."
        )
    calibration = calibration_of(board)
    if calibration is None or calibration.pots is None:
        return Nominal(board.info)
    # its readings and sources are corrected already
    return Calibrated(Nominal(board.info), calibration.pots, calibration.converters is not None)
