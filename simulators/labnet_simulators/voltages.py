"""Node voltages of both sides of a twin network: the static solutions, and the way to them after every change."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side
from labnet.errors import LabnetError
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
    def nudged(self, currents: FloatArray, shunts: FloatArray) -> FloatArray: ...  # noqa: D102


class Nudge(NamedTuple):
    """What nodes are nudged with: currents (A) fed into them, conductances (S) that join them to ground."""

    currents_a: Mapping[int, float] = MappingProxyType({})
    shunts_s: Mapping[int, float] = MappingProxyType({})

    @property
    def nodes(self) -> set[int]:
        """The nodes that are nudged, also those by nothing."""
        return {*self.currents_a, *self.shunts_s}

    def by_node(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Give currents and conductances of all nodes, (n,) each."""
        currents, shunts = np.zeros(count), np.zeros(count)
        currents[[*self.currents_a]] = [*self.currents_a.values()]
        shunts[[*self.shunts_s]] = [*self.shunts_s.values()]
        return currents, shunts


NO_NUDGE = Nudge()
NOT_NUDGED: Mapping[Side, Nudge] = MappingProxyType(dict.fromkeys(SIDES, NO_NUDGE))


class Setup:
    """What is held and nudged on each side, and what both sides settle to at the resistances there are.

    A side settles to what its held nodes alone make of it, plus the response to its nudge: (L + S) d = I - S V, with
    L the Laplacian, S the shunts, I the currents and V the voltages without the nudge.

    The nodes held on the clamped side alone are its outputs, or else those that are nudged (by 0 A, too); they are
    eliminated last. Where the twins are equal, the clamped state is the free one before its nudge, plus the response to
    the difference at what the clamp holds, plus that to the nudge, with one factorisation for all. Edges that neither
    reaches have exactly equal drops on both sides then, as Eq. 10 takes them.
    """

    def __init__(self, solvers: "Solvers", resistances: Callable[[Side], FloatArray]) -> None:
        self.held: dict[Side, dict[int, float]] = {"free": {}, "clamped": {}}
        self.nudges = dict(NOT_NUDGED)
        self.difference: FloatArray | None = None  # of the sides, where they were solved together
        self._solvers = solvers
        self._resistances = resistances
        self._at_rest: FloatArray | None = None  # the free side without its nudge
        self._target: dict[Side, FloatArray | None] = {"free": None, "clamped": None}

    def forget(self, *changed: Side) -> None:
        """Forget the solutions that a change invalidates."""
        for side in changed:
            self._target[side] = None
        self._at_rest = None if "free" in changed else self._at_rest
        self.difference = None if "clamped" in changed else self.difference

    def kept(self) -> "Setup":
        """Give it as it is now, whatever changes."""
        ohm = {side: self._resistances(side) for side in SIDES}
        same = Setup(self._solvers, ohm.__getitem__)
        same.held, same.nudges, same.difference = dict(self.held), dict(self.nudges), self.difference
        same._at_rest, same._target = self._at_rest, dict(self._target)
        return same

    def static(self, side: Side) -> FloatArray:
        """Solve for the voltages a side settles to, shape (n,)."""
        target = self._target[side]
        if target is None:
            target = self._target[side] = self._solve_free() if side == "free" else self._solve_clamped()
        return target

    def _outputs(self) -> tuple[int, ...]:
        """Give the nodes that are eliminated last; none if the clamped side lets go of any that the free one holds.

        In rising order: what is held is a set, and its order is not to decide how a solve is rounded.
        """
        free, clamped = self.held["free"], self.held["clamped"]
        if not (free and free.keys() <= clamped.keys()):
            return ()
        outputs = clamped.keys() - free.keys()
        if not outputs:
            outputs = (self.nudges["free"].nodes | self.nudges["clamped"].nodes) - free.keys()
        return tuple(sorted(outputs))

    def _solver(self, side: Side, held: dict[int, float], outputs: tuple[int, ...]) -> "Solver":
        return self._solvers.factorised(side, tuple(held), outputs, self._resistances(side))

    def _solve_at_rest(self) -> FloatArray:
        """Solve for the free side without its nudge."""
        if self._at_rest is None:
            held = self.held["free"]
            self._at_rest = self._solver("free", held, self._outputs()).free(np.array([*held.values()]))
        return self._at_rest

    def _solve_free(self) -> FloatArray:
        at_rest = self._solve_at_rest()
        return at_rest + self._response("free", at_rest) if self.nudges["free"].nodes else at_rest

    def _response(self, side: Side, at_rest: FloatArray) -> FloatArray:
        """Give how far its nudge moves a side."""
        free_held, held = self.held["free"], self.held[side]
        equal = self._resistances("clamped") is self._resistances("free")
        if side == "free" or (equal and free_held and held == free_held):
            solver = self._solver("free", free_held, self._outputs())
        else:
            solver = self._solver(side, held, ())
        currents, shunts = self.nudges[side].by_node(len(at_rest))
        return solver.nudged(currents - shunts * at_rest, shunts)

    def _solve_clamped(self) -> FloatArray:
        target = self._solve_clamped_at_rest()
        if self.nudges["clamped"].nodes:
            response = self._response("clamped", target)
            target = target + response
            self.difference = None if self.difference is None else self.difference + response
        if self.nudges["free"].nodes and self.difference is not None:
            self.difference = self.difference - self._response("free", self._solve_at_rest())
        return target

    def _solve_clamped_at_rest(self) -> FloatArray:
        free_held, held = self.held["free"], self.held["clamped"]
        if not (free_held and free_held.items() <= held.items()):
            return self._solver("clamped", held, ()).free(np.array([*held.values()]))
        outputs = self._outputs()
        moved = list(outputs) if len(held) > len(free_held) else []
        volts = np.array([held[node] for node in moved])
        if self._resistances("clamped") is not self._resistances("free"):
            solver, inputs = self._solver("clamped", free_held, outputs), np.array([*free_held.values()])
            return solver.clamped(inputs, volts) if moved else solver.free(inputs)
        at_rest = self._solve_at_rest()
        if not moved:
            self.difference = np.zeros(len(at_rest))
            return at_rest
        self.difference = self._solver("free", free_held, outputs).response(volts - at_rest[moved])
        target = at_rest + self.difference
        target[moved] = volts
        return target


def _nudge_of(rows: FloatArray) -> Nudge:
    """Give the nudge of rows of node, current and shunt."""
    return Nudge({int(node): float(i) for node, i, _ in rows}, {int(node): float(g) for node, _, g in rows if g})


_NO_ROWS = np.empty((0, 3))


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

    @property
    def nudges(self) -> dict[Side, Nudge]:
        """What each side is nudged with."""
        return self._now.nudges

    def nudge(self, side: Side, nudge: Nudge, time_ns: int) -> None:
        """Nudge a side; raises `CircuitError` where conductances below 0 make it unstable, and changes nothing then."""
        before = self.nudges[side]
        others = nudge.nodes != before.nodes  # are eliminated last then: nothing is rounded as it was
        self.before_change(time_ns, *(SIDES if others or side == "free" else ("clamped",)))
        self.nudges[side] = nudge
        if min(nudge.shunts_s.values(), default=0.0) < 0.0:
            try:
                self._now.static(side)
            except LabnetError:
                self.nudges[side] = before
                raise

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
        self,
        time_ns: int,
        held: Mapping[Side, Mapping[int, float]],
        moving_from: Mapping[Side, FloatArray],
        nudges: Mapping[Side, Nudge] = NOT_NUDGED,
    ) -> None:
        """Take over what is held and nudged, and where voltages were when resistances changed last."""
        self._hold_all({side: dict(held[side]) for side in SIDES}, nudges)
        if self._tau_s:
            self._begin_from(time_ns, dict(moving_from))

    def _hold_all(self, held: Mapping[Side, dict[int, float]], nudges: Mapping[Side, Nudge]) -> None:
        self.held.update(held)
        self.nudges.update(nudges)
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
            currents, shunts = self.nudges[side]
            rows = [(node, currents.get(node, 0.0), shunts.get(node, 0.0)) for node in sorted(self.nudges[side].nodes)]
            state[f"{side}_nudge"] = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return state

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Put it back to what `snapshot` gave."""
        held = {side: {int(node): float(volts) for node, volts in state[f"{side}_held"]} for side in SIDES}
        nudges = {side: _nudge_of(state.get(f"{side}_nudge", _NO_ROWS)) for side in SIDES}  # older files have none
        self._hold_all(held, nudges)
        self._begin_from(int(state["moved_ns"]), {side: state[f"{side}_moving_from"].copy() for side in SIDES})
