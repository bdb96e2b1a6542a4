"""Node voltages of both sides of a twin network: the static solutions, and the way to them after every change."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side
from labnet.networks import Network
from labnet_simulators.engine.solve import TableSolver
from labnet_simulators.engine.sparse import SparseSolver

FloatArray = NDArray[np.float64]

SIDES: tuple[Side, Side] = ("free", "clamped")
SETTLED = 40.0  # time constants after which exp(-t / tau) is below half a unit in the last place
TABLE_UP_TO = 5000  # edges; where general sparse factorisation overtakes the elimination program


class Solver(Protocol):
    """Node voltages for fixed held nodes and outputs, factorised when conductances change; see `TableSolver`."""

    def __init__(self, network: Network, held: tuple[int, ...], outputs: tuple[int, ...], leak_s: float) -> None: ...
    def factor(self, conductances: FloatArray) -> None: ...  # noqa: D102
    def free(self, volts: FloatArray) -> FloatArray: ...  # noqa: D102
    def response(self, difference: FloatArray) -> FloatArray: ...  # noqa: D102
    def clamped(self, volts: FloatArray, output_volts: FloatArray) -> FloatArray: ...  # noqa: D102


class TwinVoltages:
    """What is held on each side, and what all nodes do.

    The nodes held on the clamped side alone are its outputs; where the twins are equal, the clamped state is the free
    one plus the response to the difference there, with one factorisation for both. Edges that the clamp does not reach
    have exactly equal drops on both sides then, as Eq. 10 takes them.

    Parameters
    ----------
    network : Network
    resistances : callable
        Gives the resistances of a side now, in ohms, shape (E,); the same array for both where the twins are equal, and
        the same as before where they have not changed.
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
        self._solvers: dict[Side, tuple[object, Solver]] = {}
        self._factored: dict[Side, FloatArray | None] = {"free": None, "clamped": None}
        self._target: dict[Side, FloatArray | None] = {"free": None, "clamped": None}
        self._difference: FloatArray | None = None
        self._moved_ns = 0
        self._moving_from: dict[Side, FloatArray] = {side: np.zeros(network.node_count) for side in SIDES}

    def static(self, side: Side) -> FloatArray:
        """Solve for the voltages a side settles to, shape (n,)."""
        target = self._target[side]
        if target is None:
            target = self._target[side] = self._solve_free() if side == "free" else self._solve_clamped()
        return target

    def _outputs(self) -> tuple[int, ...]:
        """Give the nodes that the clamped side holds besides those of the free side; none if it lets go of any."""
        free, clamped = self.held["free"], self.held["clamped"]
        return tuple(node for node in clamped if node not in free) if free and free.keys() <= clamped.keys() else ()

    def _solve_free(self) -> FloatArray:
        held = self.held["free"]
        return self._solver("free", tuple(held), self._outputs()).free(np.array([*held.values()]))

    def _solve_clamped(self) -> FloatArray:
        free_held, held = self.held["free"], self.held["clamped"]
        if not (free_held and free_held.items() <= held.items()):
            return self._solver("clamped", tuple(held), ()).free(np.array([*held.values()]))
        outputs = list(self._outputs())
        volts = np.array([held[node] for node in outputs])
        if self._resistances("clamped") is not self._resistances("free"):
            solver = self._solver("clamped", tuple(free_held), tuple(outputs))
            return solver.clamped(np.array([*free_held.values()]), volts)
        free = self.static("free")
        solver = self._solver("free", tuple(free_held), tuple(outputs))
        self._difference = solver.response(volts - free[outputs])
        target = free + self._difference
        target[outputs] = volts
        return target

    def _solver(self, side: Side, held: tuple[int, ...], outputs: tuple[int, ...]) -> Solver:
        """Give a side's solver, factorised for its resistances as they are."""
        made_for, solver = self._solvers.get(side, (None, None))
        if solver is None or made_for != (held, outputs):
            kind: type[Solver] = TableSolver if self.network.edge_count <= TABLE_UP_TO else SparseSolver
            solver = kind(self.network, held, outputs, self._leak_s)
            self._solvers[side], self._factored[side] = ((held, outputs), solver), None
        ohm = self._resistances(side)
        if self._factored[side] is not ohm:
            with np.errstate(divide="ignore"):
                solver.factor(1.0 / ohm)
            self._factored[side] = ohm
        return solver

    def at(self, side: Side, time_ns: int) -> FloatArray:
        """Give the voltages of a side at a time, on their way to the static ones; not to be written to."""
        target = self.static(side)
        passed = self._passed(time_ns)
        if passed > SETTLED:
            return target
        now: FloatArray = target + (self._moving_from[side] - target) * np.exp(-passed)
        held = self.held[side]
        now[list(held)] = list(held.values())
        return now

    def both_at(self, time_ns: int) -> tuple[FloatArray, FloatArray]:
        """Give the free voltages at a time, and how much the clamped ones exceed them."""
        free, clamped = (self.at(side, time_ns) for side in SIDES)
        if self._difference is not None and self._passed(time_ns) > SETTLED:
            return free, self._difference
        return free, clamped - free

    def _passed(self, time_ns: int) -> float:
        """Give how many time constants have passed since the last change."""
        return (time_ns - self._moved_ns) * 1e-9 / self._tau_s if self._tau_s else np.inf

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
            self._difference = None if "clamped" in changed else self._difference

    def went_on(
        self, time_ns: int, held: Mapping[Side, Mapping[int, float]], moving_from: Mapping[Side, FloatArray]
    ) -> None:
        """Take over what is held, and where voltages were when resistances changed last."""
        for side in SIDES:
            self.held[side] = dict(held[side])
            self._target[side] = None
        self._difference = None
        if self._tau_s:
            self._moved_ns, self._moving_from = time_ns, dict(moving_from)

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
        self._difference = None
