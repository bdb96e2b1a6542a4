"""Node voltages of both sides of a twin network: the static solutions, and the way to them after every change."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.board import Side
from labnet.networks import Network

FloatArray = NDArray[np.float64]

SIDES: tuple[Side, Side] = ("free", "clamped")
_SETTLED = 40.0  # time constants after which exp(-t / tau) is below half a unit in the last place


class TwinVoltages:
    """What is held on each side, and what all nodes do.

    Parameters
    ----------
    network : Network
    resistances : callable
        Gives the resistances of a side now, in ohms, shape (E,); the same array for both where the twins are equal.
    leak_s : float
        Conductance from every node to ground, in siemens.
    tau_s : float
        Time constant of settling.
    """

    def __init__(
        self, network: Network, resistances: Callable[[Side], FloatArray], leak_s: float, tau_s: float
    ) -> None:
        self.network = network
        self.held: dict[Side, dict[int, float]] = {"free": {}, "clamped": {}}
        self._resistances = resistances
        self._leak_s = leak_s
        self._tau_s = tau_s
        self._target: dict[Side, FloatArray | None] = {"free": None, "clamped": None}
        self._moved_ns = 0
        self._moving_from: dict[Side, FloatArray] = {side: np.zeros(network.node_count) for side in SIDES}

    def static(self, side: Side) -> FloatArray:
        """Solve for the voltages a side settles to, shape (n,).

        Where the clamped side holds what the free side does and more, and the twins are equal, it is the free state
        plus the response to the difference at the nodes it holds besides: edges that the clamp does not reach then
        have exactly equal drops on both sides, as Eq. 10 takes them.
        """
        target = self._target[side]
        if target is not None:
            return target
        held, ohm = self.held[side], self._resistances(side)
        free_held = self.held["free"]
        twins_equal = ohm is self._resistances("free")
        if side == "clamped" and twins_equal and free_held and free_held.items() <= held.items():
            free = self.static("free")
            now = free.tolist()
            more = {node: 0.0 if node in free_held else volts - now[node] for node, volts in held.items()}
            target = free + circuit.node_voltages(self.network, ohm, more, self._leak_s)
            target[list(held)] = list(held.values())
        else:
            target = circuit.node_voltages(self.network, ohm, held, self._leak_s)
        self._target[side] = target
        return target

    def at(self, side: Side, time_ns: int) -> FloatArray:
        """Give the voltages of a side at a time, on their way to the static ones; not to be written to."""
        target = self.static(side)
        if not self._tau_s:
            return target
        passed = (time_ns - self._moved_ns) * 1e-9 / self._tau_s
        if passed > _SETTLED:
            return target
        now: FloatArray = target + (self._moving_from[side] - target) * np.exp(-passed)
        held = self.held[side]
        now[list(held)] = list(held.values())
        return now

    def before_change(self, time_ns: int, *changed: Side) -> None:
        """Note where voltages are before something changes, and forget the solutions that it invalidates."""
        try:
            if self._tau_s:
                for side in SIDES:
                    if self.held[side] or self._leak_s:
                        self._moving_from[side] = self.at(side, time_ns)
                self._moved_ns = time_ns
        finally:
            for side in changed:
                self._target[side] = None

    def snapshot(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """Give all of it as arrays."""
        state: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {"moved_ns": np.array(self._moved_ns)}
        for side in SIDES:
            state[f"{side}_held"] = np.array(list(self.held[side].items()), dtype=np.float64).reshape(-1, 2)
            state[f"{side}_moving_from"] = self._moving_from[side].copy()
        return state

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Put it back to what `snapshot` gave."""
        self._moved_ns = int(state["moved_ns"])
        for side in SIDES:
            self.held[side] = {int(node): float(volts) for node, volts in state[f"{side}_held"]}
            self._moving_from[side] = state[f"{side}_moving_from"].copy()
            self._target[side] = None
