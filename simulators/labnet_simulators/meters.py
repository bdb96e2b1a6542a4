"""A bench meter on the truth of a simulated board."""

import weakref

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Side
from labnet.draws import Stream, draw, normal
from labnet.errors import NotSupported, OutOfRange
from labnet.meters import Accuracy
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.voltages import SIDES

# One standard deviation each, of what is the same for a session: a meter of 6 1/2 digits on its 10 V and 10 mA ranges,
# a year after it was adjusted (A; data sheets state two to three of them: 35 ppm + 50 uV, 500 ppm + 2 uA).
VOLTAGE = Accuracy(gain=15e-6, offset=15e-6)
CURRENT = Accuracy(gain=200e-6, offset=0.7e-6)
VOLTAGE_NOISE_V = 3e-6
CURRENT_NOISE_A = 50e-9

_VOLTS, _AMPERES = 0, 1

_below: "weakref.WeakKeyDictionary[Board, SimulatedBoard]" = weakref.WeakKeyDictionary()


class SimulatedMeter:
    """A meter whose leads are put onto a simulated board: a `labnet.meters.BoardMeter`.

    Its errors are hidden from whoever reads it: a gain and an offset that stay, normal with its stated accuracy, and
    noise of each reading.

    Parameters
    ----------
    board : SimulatedBoard
    seed : int
        Of its errors.
    """

    def __init__(self, board: SimulatedBoard, seed: int = 0) -> None:
        self.board, self.seed = board, seed
        self.voltage_accuracy = VOLTAGE
        self.current_accuracy: Accuracy | None = CURRENT
        # gain and offset of volts, then of amperes
        stay = normal(draw(seed, Stream.METER, 0, np.arange(4)))
        self._errors = (stay * np.array([*VOLTAGE, *CURRENT])).reshape(2, 2)
        self._readings = 0

    def _read(self, kind: int, true: float, noise: float) -> float:
        """Give a reading of a true value."""
        self._readings += 1
        gain, offset = self._errors[kind]
        scatter = normal(draw(self.seed, Stream.METER, self._readings, [kind]))[0]
        return float(true * (1.0 + gain) + offset + noise * scatter)

    def _volts(self, side: Side, node: int) -> float:
        if not 0 <= node < self.board.network.node_count:
            raise OutOfRange(f"node {node}; allowed: 0 to {self.board.network.node_count - 1}.")
        return float(self._all_volts(side)[node])

    def _all_volts(self, side: Side) -> NDArray[np.float64]:
        return self.board.voltages.at(side, round(self.board.time_s * 1e9))

    def node_voltage(self, side: Side, node: int) -> float:
        """Measure a node against ground."""
        return self._read(_VOLTS, self._volts(side, node), VOLTAGE_NOISE_V)

    def source_current(self, node: int) -> float:
        """Measure the current out of the source of a node, into whichever sides it holds there."""
        board, total = self.board, 0.0
        for side in SIDES:
            if node not in board.voltages.held[side]:
                continue
            here = self._volts(side, node)
            volts = self._all_volts(side)
            for (a, b), ohm in zip(board.network.edges.tolist(), board.resistances(side).tolist(), strict=True):
                if node in (a, b):
                    total += (here - float(volts[b if a == node else a])) / ohm
            leak_ohm = board.parts.leakage.ohm
            total += 0.0 if leak_ohm is None else here / leak_ohm
        return self._read(_AMPERES, total, CURRENT_NOISE_A)


def below(board: Board, simulated: SimulatedBoard) -> None:
    """Note which simulated board the firmware of a board runs over."""
    _below[board] = simulated


def put_onto(board: Board, seed: int = 0) -> SimulatedMeter:
    """Put a meter onto a simulated board, or one below firmware.

    Raises
    ------
    NotSupported
        For a board that is not simulated.
    """
    simulated = board if isinstance(board, SimulatedBoard) else _below.get(board)
    if simulated is None:
        raise NotSupported(f"{board.address} is no simulated board: use a meter on the bench.")
    return SimulatedMeter(simulated, seed)
