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


class Setup:
    """What is held on each side, and what both sides settle to at the resistances there are.

    The nodes held on the clamped side alone are its outputs; where the twins are equal, the clamped state is the free
    one plus the response to the difference there, with one factorisation for both. Edges that the clamp does not reach
    have exactly equal drops on both sides then, as Eq. 10 takes them.
    """

    def __init__(self, solvers: "Solvers", resistances: Callable[[Side], FloatArray]) -> None:
        self.held: dict[Side, dict[int, float]] = {"free": {}, "clamped": {}}
        self.difference: FloatArray | None = None  # of the sides, where they were solved together
        self._solvers = solvers
        self._resistances = resistances
        self._target: dict[Side, FloatArray | None] = {"free": None, "clamped": None}

    def forget(self, *changed: Side) -> None:
        """Forget the solutions that a change invalidates."""
        for side in changed:
            self._target[side] = None
        self.difference = None if "clamped" in changed else self.difference

    def kept(self) -> "Setup":
        """Give it as it is now, whatever changes."""
        ohm = {side: self._resistances(side) for side in SIDES}
        same = Setup(self._solvers, ohm.__getitem__)
        same.held, same.difference, same._target = dict(self.held), self.difference, dict(self._target)
        return same

    def static(self, side: Side) -> FloatArray:
        """Solve for the voltages a side settles to, shape (n,)."""
        target = self._target[side]
        if target is None:
            target = self._target[side] = self._solve_free() if side == "free" else self._solve_clamped()
        return target

    def _outputs(self) -> tuple[int, ...]:
        """Give the nodes that the clamped side holds besides those of the free side; none if it lets go of any.

        In rising order: what is held is a set, and its order is not to decide how a solve is rounded.
        """
        free, clamped = self.held["free"], self.held["clamped"]
        return tuple(sorted(clamped.keys() - free.keys())) if free and free.keys() <= clamped.keys() else ()

    def _solver(self, side: Side, held: dict[int, float], outputs: tuple[int, ...]) -> "Solver":
        return self._solvers.factorised(side, tuple(held), outputs, self._resistances(side))

    def _solve_free(self) -> FloatArray:
        held = self.held["free"]
        return self._solver("free", held, self._outputs()).free(np.array([*held.values()]))

    def _solve_clamped(self) -> FloatArray:
        free_held, held = self.held["free"], self.held["clamped"]
        if not (free_held and free_held.items() <= held.items()):
            return self._solver("clamped", held, ()).free(np.array([*held.values()]))
        outputs = self._outputs()
        volts = np.array([held[node] for node in outputs])
        if self._resistances("clamped") is not self._resistances("free"):
            return self._solver("clamped", free_held, outputs).clamped(np.array([*free_held.values()]), volts)
        free, moved = self.static("free"), list(outputs)
        self.difference = self._solver("free", free_held, outputs).response(volts - free[moved])
        target = free + self.difference
        target[moved] = volts
        return target


class Solvers:
    """A solver for each side, made anew when other nodes are held, factorised anew when resistances are others."""

    def __init__(self, network: Network, leak_s: float) -> None:
        self._network, self._leak_s = network, leak_s
        self._made: dict[Side, tuple[object, Solver]] = {}
        self._factored: dict[Side, FloatArray | None] = {}

    def factorised(self, side: Side, held: tuple[int, ...], outputs: tuple[int, ...], ohm: FloatArray) -> Solver:
        """Give a side's solver for these held nodes and outputs, at these resistances."""
        made_for, solver = self._made.get(side, (None, None))
        if solver is None or made_for != (held, outputs):
            kind: type[Solver] = TableSolver if self._network.edge_count <= TABLE_UP_TO else SparseSolver
            solver = kind(self._network, held, outputs, self._leak_s)
            self._made[side], self._factored[side] = ((held, outputs), solver), None
        if self._factored[side] is not ohm:
            with np.errstate(divide="ignore"):
                solver.factor(1.0 / ohm)
            self._factored[side] = ohm
        return solver


class TwinVoltages:
    """What is held on each side, and what all nodes do: they approach the static solution after every change.

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
        self._now = Setup(Solvers(network, leak_s), resistances)
        self._leak_s = leak_s
        self._tau_s = tau_s
        self._moved_ns = 0
        # Where voltages were at the last change: these, or what an earlier setup settles to; but for nodes that were
        # held for no time since.
        self._moving_from: dict[Side, FloatArray] = {side: np.zeros(network.node_count) for side in SIDES}
        self._settled_at: Setup | None = None
        self._jumped: dict[Side, dict[int, float]] = {"free": {}, "clamped": {}}

    @property
    def held(self) -> dict[Side, dict[int, float]]:
        """The held nodes of each side, and their voltages."""
        return self._now.held

    def at(self, side: Side, time_ns: int) -> FloatArray:
        """Give the voltages of a side at a time, on their way to the static ones; not to be written to."""
        target = self._now.static(side)
        passed = self._passed(time_ns)
        if passed > SETTLED:
            return target
        now: FloatArray = target + (self._origin(side) - target) * np.exp(-passed)
        held = self.held[side]
        now[list(held)] = list(held.values())
        return now

    def _origin(self, side: Side) -> FloatArray:
        """Give where the voltages of a side were at the last change."""
        before, jumped = self._settled_at, self._jumped[side]
        v = (self._moving_from[side] if before is None else before.static(side)).copy()
        v[list(jumped)] = list(jumped.values())
        return v

    def both_at(self, time_ns: int) -> tuple[FloatArray, FloatArray]:
        """Give the free voltages at a time, and how much the clamped ones exceed them."""
        free, clamped = (self.at(side, time_ns) for side in SIDES)
        if self._now.difference is not None and self._passed(time_ns) > SETTLED:
            return free, self._now.difference
        return free, clamped - free

    def _passed(self, time_ns: int) -> float:
        """Give how many time constants have passed since the last change."""
        return (time_ns - self._moved_ns) * 1e-9 / self._tau_s if self._tau_s else np.inf

    def before_change(self, time_ns: int, *changed: Side) -> None:
        """Note where voltages are before something changes, and forget the solutions that it invalidates."""
        try:
            if self._tau_s:
                self._note(time_ns)
        finally:
            self._now.forget(*changed)

    def _note(self, time_ns: int) -> None:
        """Note where voltages are."""
        if time_ns == self._moved_ns:  # what floats has not moved since another change just now
            for side in SIDES:
                self._jumped[side].update(self.held[side])
            return
        if self._leak_s and self._passed(time_ns) > SETTLED:  # then there is a solution, for whoever asks for it
            self._settled_at = self._now.kept()
        else:
            for side in SIDES:
                reached = self.held[side] or self._leak_s
                self._moving_from[side] = self.at(side, time_ns) if reached else self._origin(side)
            self._settled_at = None
        self._moved_ns = time_ns
        self._jumped = {"free": {}, "clamped": {}}

    def went_on(
        self, time_ns: int, held: Mapping[Side, Mapping[int, float]], moving_from: Mapping[Side, FloatArray]
    ) -> None:
        """Take over what is held, and where voltages were when resistances changed last."""
        self._hold_all({side: dict(held[side]) for side in SIDES})
        if self._tau_s:
            self._begin_from(time_ns, dict(moving_from))

    def _hold_all(self, held: Mapping[Side, dict[int, float]]) -> None:
        self.held.update(held)
        self._now.forget(*SIDES)

    def _begin_from(self, time_ns: int, moving_from: dict[Side, FloatArray]) -> None:
        self._moved_ns, self._moving_from = time_ns, moving_from
        self._settled_at = None
        self._jumped = {"free": {}, "clamped": {}}

    def snapshot(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """Give all of it as arrays."""
        state: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {"moved_ns": np.array(self._moved_ns)}
        for side in SIDES:
            state[f"{side}_held"] = np.array(list(self.held[side].items()), dtype=np.float64).reshape(-1, 2)
            state[f"{side}_moving_from"] = self._origin(side)
        return state

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Put it back to what `snapshot` gave."""
        held = {side: {int(node): float(volts) for node, volts in state[f"{side}_held"]} for side in SIDES}
        self._hold_all(held)
        self._begin_from(int(state["moved_ns"]), {side: state[f"{side}_moving_from"].copy() for side in SIDES})
