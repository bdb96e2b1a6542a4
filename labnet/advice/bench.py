"""What advice goes by: the comparators, wipers and network of a board, as measured or as said of its parts."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, BoardInfo
from labnet.calibration import Calibration, Estimate, calibration_of
from labnet.calibration import results as measured
from labnet.desynchrony import Bias, Pot, response
from labnet.draws import Stream, draw, spread, uniform
from labnet.errors import NotCalibrated, NotSupported, OutOfRange
from labnet.networks import Network
from labnet.tasks import Task

FloatArray = NDArray[np.float64]

_SURE = 3.0  # standard deviations from 0: what a calibration found below that is taken for none


@dataclass(frozen=True)
class Sigma:
    """The comparators' bias of every edge, as far as it is known.

    Attributes
    ----------
    low_v, high_v : numpy.ndarray, shape (E,)
        sigma is uniform between them at every trigger.
    offset_v : numpy.ndarray, shape (E,)
        Adds to sigma where the drop is positive, and takes from it where it is negative: a pair of comparators. Not
        zero: biases have both signs.
    drawn : bool
        These are ranges of parts: an edge keeps what it has (offsets within plus or minus `offset_v`), and nobody
        knows what that is.
    origin : str
        Where this is from, in words.
    """

    low_v: FloatArray
    high_v: FloatArray
    offset_v: FloatArray
    drawn: bool
    origin: str

    @property
    def most_v(self) -> FloatArray:
        """The largest bias of every edge, shape (E,)."""
        return np.asarray(np.maximum(np.abs(self.low_v), np.abs(self.high_v)) + np.abs(self.offset_v))

    @property
    def signed(self) -> bool:
        """Whether biases have both signs, so that as many edges drift down as up."""
        return bool(np.median(np.abs(self.offset_v)) > np.median(self.high_v))

    def bias(self, drops_v: FloatArray, seed: int) -> Bias:
        """Give the bias of a task with these free drops (M, E); what is not known is drawn."""
        edges, low, high, offset = np.arange(len(self.low_v)), self.low_v, self.high_v, self.offset_v
        if self.drawn:
            low = high = low + (high - low) * uniform(draw(seed, Stream.SIGMA, 0, edges))
            offset = offset * spread(seed, Stream.OFFSET, 0, edges)
        lean = np.sign(drops_v) * offset
        return Bias(low + lean, high + lean)

    def times(self, factor: float) -> "Sigma":
        """Give biases that are larger by a factor."""
        low, high, offset = (factor * each for each in (self.low_v, self.high_v, self.offset_v))
        return replace(self, low_v=low, high_v=high, offset_v=offset)

    @classmethod
    def known(cls, board: Board, given_v: float | None = None) -> Self:
        """Give what is known of a board: what was given (redrawn up to it), was measured, or is said of its parts.

        Raises
        ------
        NotCalibrated
            Where nothing is known.
        OutOfRange
            For a voltage that is none.
        """
        zero = np.zeros(board.network.edge_count)
        if given_v is not None:
            if not 0.0 <= given_v < np.inf:
                raise OutOfRange(f"sigma is {given_v} V; allowed: 0 V or more.")
            return cls(zero, zero + given_v, zero, False, "as given: redrawn")
        calibration = calibration_of(board)
        if calibration is not None and calibration.comparators is not None:
            return cls._measured(calibration, calibration.comparators)
        parts = board.info.parts.get("comparator")
        if isinstance(parts, dict) and "sigma_max_v" in parts:
            frozen = bool(parts["frozen"])
            origin = "nominal: " + ("frozen, each edge's own not known" if frozen else "redrawn")
            return cls(zero + parts["sigma_min_v"], zero + parts["sigma_max_v"], zero, frozen, origin)
        if isinstance(parts, dict) and "offset_v" in parts:
            origin = "nominal: pairs, each edge's offset not known" + (
                "; noise left out" if parts.get("noise_v") else ""
            )
            return cls(zero, zero, zero + parts["offset_v"], True, origin)
        raise NotCalibrated(
            f"sigma of {board.address} is not known: no calibration of its comparators is in use, and its description "
            f"does not tell. Measure it, with 'labnet calibrate {board.address}', or give it, with --sigma VOLTS."
        )

    @classmethod
    def _measured(cls, calibration: Calibration, found: measured.Comparators) -> Self:
        sigma, width, offset = (_seen(each) for each in (found.sigma_v, found.width_v, found.difference_v))
        half = 3**0.5 * width  # of a uniform distribution
        origin = f"measured {calibration.created:%Y-%m-%d}"
        return cls(sigma - half, sigma + half, offset, False, origin)


def _seen(found: Estimate) -> FloatArray:
    """Give measured values: 0 where they may be, and what is typical where an edge was not seen."""
    known = np.isfinite(found.value)
    sure = np.where(known & (np.abs(found.value) > _SURE * found.std), found.value, 0.0)
    return np.where(known, sure, np.median(sure[known]) if known.any() else 0.0)


@dataclass(frozen=True)
class Bench:
    """What advice goes by.

    Attributes
    ----------
    network : Network
    sigma : Sigma
    pot : Pot
    """

    network: Network
    sigma: Sigma
    pot: Pot

    @classmethod
    def of(cls, board: Board, sigma_v: float | None = None) -> Self:
        """Describe a board; one that is used with its calibration as that found it.

        Raises
        ------
        NotCalibrated
            Where sigma is neither measured nor known of its parts nor given.
        NotSupported
            For edges that are no resistors.
        """
        if not board.info.law.linear:
            raise NotSupported(
                f"{board.address} has edges of the kind {type(board.info.law).__name__}; allowed: resistors, which the "
                "theory is for. Train a few tasks instead, with 'labnet sweep'."
            )
        return cls(board.network, Sigma.known(board, sigma_v), _pot(board.info, calibration_of(board)))

    def bias(self, task: Task, seed: int) -> Bias:
        """Give a task's bias; which way its currents flow is taken from equal resistances."""
        equal = np.full(task.network.edge_count, float(self.pot.ohm(self.pot.positions / 2)))
        return self.sigma.bias(response(task, equal).free_v, seed)


def _pot(info: BoardInfo, calibration: Calibration | None) -> Pot:
    """Give the wipers' range: what was measured of a typical edge, or the nominal one."""
    pots = None if calibration is None else calibration.pots
    if pots is None or len(pots.positions) < 2:
        return Pot(info.wiper_positions, info.end_to_end_ohm / info.wiper_positions, info.wiper_ohm)
    first, last = pots.positions[0], pots.positions[-1]
    step_ohm = float(np.nanmedian(pots.end_to_end_ohm.value)) / (last - first)
    return Pot(info.wiper_positions, step_ohm, float(np.nanmedian(pots.ohm.value[0])) - first * step_ohm)
