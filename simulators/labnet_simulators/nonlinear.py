"""Node voltages of both sides of a twin network whose edges are not linear."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.board import Side
from labnet.circuit import Law
from labnet.networks import Network
from labnet_simulators.voltages import SIDES, Nudge, Setup, TwinVoltages

FloatArray = NDArray[np.float64]


class _Solution(NamedTuple):
    """What was solved for, and what came out."""

    held: Mapping[int, float]
    nudge: Nudge
    ohm: FloatArray
    start: FloatArray | None
    volts: FloatArray


class _NonlinearSetup(Setup):
    """What is held and nudged on each side, and what both sides settle to, by Newton's method.

    The clamped side begins from the free one, where it holds all that this does, and the free one from scratch: so what
    comes out is decided by the board as it stands, to the last bit, and by nothing that was solved before.
    """

    def __init__(self, before: Setup, network: Network, law: Law, leak_s: float) -> None:
        super().__init__(before._solvers, before._resistances)
        self.held, self.nudges = dict(before.held), dict(before.nudges)
        self._network, self._law, self._leak_s = network, law, leak_s
        self._solved: dict[Side, _Solution] = {}

    def kept(self) -> Setup:
        ohm = {side: self._resistances(side) for side in SIDES}
        same = _NonlinearSetup(self, self._network, self._law, self._leak_s)
        same._resistances, same._solved = ohm.__getitem__, dict(self._solved)
        return same

    def static(self, side: Side) -> FloatArray:
        held, free_held, nudge, ohm = self.held[side], self.held["free"], self.nudges[side], self._resistances(side)
        near = side == "clamped" and bool(free_held) and free_held.keys() <= held.keys()
        start = self.static("free") if near else None
        solved = self._solved.get(side)
        if solved is None or solved[:2] != (held, nudge) or solved.ohm is not ohm or solved.start is not start:
            currents, shunts = nudge.by_node(self._network.node_count)
            volts = circuit.node_voltages(
                self._network,
                ohm,
                held,
                self._leak_s,
                law=self._law,
                currents_a=currents,
                shunts_s=shunts,
                start_v=start,
            )
            solved = self._solved[side] = _Solution(dict(held), nudge, ohm, start, volts)
        return solved.volts


def twin_voltages(
    network: Network, resistances: Callable[[Side], FloatArray], leak_s: float, tau_s: float, law: Law
) -> TwinVoltages:
    """Give what all nodes of both sides do, whatever the law of the edges; parameters as of `TwinVoltages`."""
    voltages = TwinVoltages(network, resistances, leak_s, tau_s)
    if not law.linear:
        voltages._now = _NonlinearSetup(voltages._now, network, law, leak_s)
    return voltages
