"""The two sides of a simulated board: what holds and nudges their nodes, what reads them, and the clock."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from labnet.board import BoardInfo, Side, check_held, check_nudged
from labnet.errors import BoardClosed, OutOfRange
from labnet.interrupts import Closing
from labnet.networks import Network
from labnet_simulators.channels import Channels
from labnet_simulators.components import Parts
from labnet_simulators.nonlinear import twin_voltages
from labnet_simulators.voltages import NO_NUDGE, SIDES, Nudge

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_OTHER: Mapping[Side, Side] = {"free": "clamped", "clamped": "free"}
_LONGEST_WAIT_S = 1e8  # three years; the clock counts nanoseconds in 64 bits


def _check_side(side: str) -> None:
    if side not in SIDES:
        raise OutOfRange(f"side is {side!r}; allowed: 'free' or 'clamped'.")


def nanoseconds(what: str, seconds: float) -> int:
    """Give a time in whole nanoseconds; raises `OutOfRange` for one that nobody waits."""
    if not 0.0 <= seconds <= _LONGEST_WAIT_S:
        raise OutOfRange(f"{what} of {seconds} s; allowed: 0 to {_LONGEST_WAIT_S:g} s.")
    return round(seconds * 1e9)


class TwinSides(Closing):
    """The nodes of a twin network of simulated parts, behind verbs of a board; a subclass has the edges.

    Parameters
    ----------
    network : Network
    parts : Parts
    seed : int
    """

    address: str
    info: BoardInfo

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        self.network, self.parts, self.seed = network, parts, seed
        self._open = True
        self._time_ns = 0
        self.triggers = 0
        # Converter noise is drawn by trigger, clamped drives since, side, node and repeat since the last of these: a
        # measurement on the free side between two steps cannot change what the steps read.
        self.clamped_drives = 0
        self._reads: dict[Side, int] = {"free": 0, "clamped": 0}
        self.channels = Channels(parts, seed, network.node_count)
        leak_s = 0.0 if parts.leakage.ohm is None else 1.0 / parts.leakage.ohm
        self.voltages = twin_voltages(network, self.resistances, leak_s, parts.settling.tau_s, parts.law)

    @abstractmethod
    def resistances(self, side: Side) -> FloatArray:
        """Give the true resistances of a side, in ohms, shape (E,); the same array until something moves."""

    def _before_change(self, *changed: Side) -> None:
        self._check_open()
        self.voltages.before_change(self._time_ns, *changed)

    def _check_open(self) -> None:
        if not self._open:
            raise BoardClosed(f"{self.address} is closed; open it again with labnet.open_board.")

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float.

        A node has one source for both sides: where the other side holds it too, it moves there as well.

        Raises
        ------
        NotDrivable
            For an unknown node.
        OutOfRange
            For NaN or a voltage outside the source's range; nothing is changed then.
        """
        _check_side(side)
        check_held(self.network, self.info, voltages)
        self.hold(side, voltages, self.as_driven(voltages))

    def hold(self, side: Side, nodes: Iterable[int], sources: Mapping[int, float]) -> None:
        """Hold nodes of a side at what their sources really give, and let all others of that side float.

        Nodes of the other side follow their sources too, where these are given. Nothing is checked.
        """
        held, other = self.voltages.held, _OTHER[side]
        there = {node: sources.get(node, volts) for node, volts in held[other].items()}
        if side == "free" or there != held[other] or self.voltages.nudges[side].nodes:
            self._before_change("free", "clamped")
        else:
            self._before_change("clamped")
        held[side], held[other] = {node: sources[node] for node in nodes}, there
        self.voltages.nudges[side] = NO_NUDGE
        if side == "clamped" and held[side]:  # to let go of all is no clamp: firmware does it when it starts
            self.clamped_drives += 1
            self._reads = {"free": 0, "clamped": 0}

    def nudge(
        self, side: Side, currents_a: Mapping[int, float], shunts_s: Mapping[int, float] = NO_NUDGE.shunts_s
    ) -> None:
        """Feed currents into nodes of a side, and join them to ground through conductances.

        On top of what is held, until that side is driven or nudged again. A conductance G to a voltage V is the shunt G
        and the current G V. To nudge by 0 A tells which nodes will be, as it decides how a solve is rounded.

        Raises
        ------
        NotSupported
            On a board that has sources of voltages alone.
        NotDrivable
            For an unknown node, or a held one.
        OutOfRange
            For anything but finite numbers; nothing is changed then.
        CircuitError
            Where shunts below 0 make the network unstable; nothing is changed then.
        """
        self._check_open()
        _check_side(side)
        check_nudged(self.network, self.info, self.voltages.held[side], currents_a, shunts_s)
        self.voltages.nudge(side, Nudge(dict(currents_a), dict(shunts_s)), self._time_ns)

    def as_driven(self, voltages: Mapping[int, float]) -> dict[int, float]:
        """Give what nodes are really held at when these voltages are asked for."""
        nodes = list(voltages)
        real = self.channels.held_at(nodes, np.array([*voltages.values()], dtype=np.float64))
        return dict(zip(nodes, real.tolist(), strict=True))

    def read(self, side: Side) -> FloatArray:
        """Read all node voltages of a side, shape (n,), as its converter gives them."""
        _check_side(side)
        grid, v = self.parts.adc.grid, self._before_converter(side)
        return np.array(v) if grid.bits is None else grid.quantised(v)

    def read_codes(self, side: Side) -> IntArray:
        """Read all node voltages of a side as the codes of its converter, shape (n,)."""
        return self.parts.adc.grid.codes(self._before_converter(side))

    def _before_converter(self, side: Side) -> FloatArray:
        """Give what the converter of a side is given at its next reading; not to be written to."""
        self._check_open()
        volts, reads = self.voltages.at(side, self._time_ns), self._reads[side]
        self._reads[side] += 1
        return self.channels.before_converter(side, volts, self.triggers, self.clamped_drives, reads)

    def wait(self, seconds: float) -> None:
        """Let the virtual clock run."""
        self._check_open()
        self._time_ns += nanoseconds("wait", seconds)

    def run_until(self, time_ns: int) -> None:
        """Let the virtual clock run to a time, in nanoseconds."""
        self._check_open()
        if time_ns < self._time_ns:
            raise OutOfRange(f"time {time_ns} ns; allowed: {self._time_ns} ns or later, time does not run backwards.")
        self._time_ns = time_ns

    @property
    def free_reads(self) -> int:
        """How often the free side was read since the clamped one was driven last."""
        return self._reads["free"]

    @property
    def time_s(self) -> float:
        """The virtual clock, which counts nanoseconds."""
        return self._time_ns * 1e-9
