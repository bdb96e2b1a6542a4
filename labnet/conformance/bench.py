"""A board under test: states that tell one part from another, and readings."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.board import Board, NudgeKind, Side, SpeaksScpi, can_nudge
from labnet.conformance.limits import AT_MOST, Limits
from labnet.conformance.report import Measured
from labnet.errors import BoardError, DeviceError, NotSupported
from labnet.floating import edges_at, floating_groups

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Readings = dict[Side, FloatArray]

SIDES: tuple[Side, Side] = ("free", "clamped")
_LONG = 10  # in units of settled_in_s
_GOLDEN = (5**0.5 - 1) / 2  # its multiples are spread evenly


class Bench:
    """A board under test.

    In most states all nodes that have a source are held, but for a group of nodes no two of which are neighbours. A
    node that floats between held ones is a voltage divider of its own edges alone, so what is wrong with an edge or a
    node shows there and nowhere else.

    Parameters
    ----------
    board : Board
    limits : Limits
    """

    def __init__(self, board: Board, limits: Limits) -> None:
        self.board, self.limits = board, limits
        self.network, self.info = board.network, board.info
        self.nodes = tuple(range(self.network.node_count)) if self.info.drivable is None else self.info.drivable
        self.softly = sorted(self.info.nudges - {"voltage"})  # what it says it nudges with, but for holding nodes
        self.low, self.high = self.volts(0.1), self.volts(0.9)
        self.top, self.middle = self.info.wiper_positions - 1, self.info.wiper_positions // 2
        # of each kind of finding by counting; there are fewer than 4 (E + 2) in all
        self.alpha = limits.false_alarm / (4 * (self.network.edge_count + 2))

    # The network ------------------------------------------------------------------------------------------------

    @cached_property
    def edges_at(self) -> list[list[tuple[int, int]]]:
        """Edges and neighbours of every node."""
        return edges_at(self.network)

    def floats_alone(self, node: int) -> bool:
        """Tell whether a node can float with all of its neighbours held."""
        return all(neighbour in self.nodes for _, neighbour in self.edges_at[node])

    @cached_property
    def _groups(self) -> list[tuple[int, ...]]:
        return floating_groups(self.network, self.nodes, self.nodes)

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """Nodes that can be held, or float with all their neighbours held, in groups without neighbours.

        Raises
        ------
        NotSupported
            Where there are none.
        """
        if not self._groups:
            raise NotSupported("no node of this board can both be held, and float with all its neighbours held.")
        return self._groups

    # States -----------------------------------------------------------------------------------------------------

    def volts(self, share: float) -> float:
        """Give a voltage of the source's range."""
        grid = self.info.source
        return grid.v_min + share * (grid.v_max - grid.v_min)

    def ramp(self) -> dict[int, float]:
        """Give every node a voltage of its own."""
        span = self.high - self.low
        return {node: self.low + span * self.odd(node) for node in self.nodes}

    def odd(self, k: int) -> float:
        """Give the k-th of numbers that are spread evenly over 0 to 1."""
        return k * _GOLDEN % 1.0

    def parted(self, group: Iterable[int], volts: float, others: float) -> dict[int, float]:
        """Give a group of nodes one voltage, and all others another."""
        return dict.fromkeys(self.nodes, others) | dict.fromkeys(group, volts)

    def whole(self, seconds: float) -> float:
        """Give a time as whole ticks of the board's clock, at least one."""
        return max(round(seconds / self.info.tick_s), 1) * self.info.tick_s

    def hold(self, sources: Mapping[int, float], free: Iterable[int] = (), clamped: Iterable[int] = ()) -> None:
        """Hold all nodes at their sources, but let some float on the free and some on the clamped side; settle."""
        for side, floating in zip(SIDES, (set(free), set(clamped)), strict=True):
            self.board.drive(side, {node: volts for node, volts in sources.items() if node not in floating})
        self.settle()

    def nudge(self, side: Side, kind: NudgeKind, pull: Mapping[int, float]) -> None:
        """Feed currents into nodes of a side, in A, or join them to ground through conductances, in S."""
        board = can_nudge(self.board)
        if board is None:
            raise BoardError(f"info.nudges has {' and '.join(self.softly)}; allowed: on a board with the verb nudge.")
        board.nudge(side, *((pull, {}) if kind == "current" else ({}, pull)))

    def settle(self) -> None:
        """Wait until a change is long over: a board that is slow to settle is told so once, by that check."""
        self.board.wait(_LONG * self.limits.settled_in_s)

    def place(self, wipers: "int | IntArray") -> None:
        """Set the wipers, while no current flows: at its low end an edge would have too much."""
        self.board.safe()
        self.board.set_wipers(wipers)

    def some_wipers(self) -> IntArray:
        """Give every edge a position of its own, in the upper half."""
        edges = np.arange(self.network.edge_count)
        return self.middle + (37 * edges) % (self.top - self.middle + 1)

    # Readings ---------------------------------------------------------------------------------------------------

    def read(self) -> Readings:
        """Read both sides."""
        return {side: self.read_side(side) for side in SIDES}

    def read_side(self, side: Side) -> FloatArray:
        """Read one side, shape (n,)."""
        volts = self.board.read(side)
        if bad := np.flatnonzero(~np.isfinite(volts)).tolist():
            raise BoardError(f"node {bad[0]}, {side} side, was read as {volts[bad[0]]} V; allowed: a finite voltage.")
        return volts

    def look(self) -> FloatArray:
        """Read all nodes of both sides in states that show the edges, shape (states, 2, n)."""
        seen = []
        for group in self._groups or [()]:
            self.hold(self.ramp(), free=group, clamped=group)
            seen.append([*self.read().values()])
        return np.array(seen)

    def same(self, what: str, now: FloatArray, before: FloatArray) -> Measured:
        """Give the largest difference between two looks; it says where."""
        apart = np.abs(now - before)
        group, side, node = np.unravel_index(np.argmax(apart), apart.shape)
        where = f"{what}: node {node}, {SIDES[side]} side"
        return Measured(where, float(apart[group, side, node]), AT_MOST, self.limits.steady_v, "V")

    def expected(self, readings: Readings) -> IntArray:
        """Give where every edge must go by Eq. 10, shape (E,): +1, -1, or 0 where it is too close to call."""
        drops = {side: np.abs(circuit.edge_drops(self.network, volts)) for side, volts in readings.items()}
        more = drops["clamped"] - drops["free"]
        return np.where(np.abs(more) > self.limits.clear_v, np.sign(more), 0).astype(np.int64)

    def safe_state(self, after: str) -> Iterator[Measured]:
        """See that bias and sources are at 0 V, by what is held."""
        accuracy_v, nodes = self.limits.accuracy_v, list(self.nodes)
        yield Measured(f"bias after {after}", self.board.bias_v, 0, 0, "V")
        for side, volts in self.read().items():
            node = nodes[int(np.argmax(np.abs(volts[nodes])))]
            what = f"node {node} after {after}, {side} side"
            yield Measured(what, float(volts[node]), -accuracy_v, accuracy_v, "V")

    # Its own language -------------------------------------------------------------------------------------------

    def ask(self, message: str) -> str:
        """Send a message, where the board speaks SCPI.

        Raises
        ------
        NotSupported
            Where it does not.
        DeviceError
        """
        if not isinstance(self.board, SpeaksScpi):
            raise NotSupported("this board has no language of its own.")
        return self.board.scpi(message)

    def errors(self, message: str) -> list[int]:
        """Give the errors that a message queues."""
        try:
            self.ask(message)
        except DeviceError as error:
            return [code for code, _ in error.errors]
        return []
