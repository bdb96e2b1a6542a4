"""States of a board that show one edge at a time, and what was read in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.board import Board, Side
from labnet.errors import BoardError, NotSupported
from labnet.floating import edges_at
from labnet.inspection.expected import Expected

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDES: tuple[Side, Side] = ("free", "clamped")
NO_RISE = 1e-3  # a node that rises by less than this share does not rise: ten times the noise of its reading
_LOW, _HIGH = 0.1, 0.9  # shares of the source's range
_CLEAR_V = 0.1  # where drops differ by more, comparators must see it: twice what their bias may be


@dataclass
class State:
    """Nodes that float, nodes that are held high, each the neighbour of some of these; all others are held low.

    A floating node has one neighbour that is high: what it shows is the share of the edge to it in the conductance of
    all its edges.

    Attributes
    ----------
    shown : dict of int to (int, int)
        Floating node: the edge that it shows, and that edge's other node.
    """

    shown: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def high(self) -> set[int]:
        """The nodes that are held high."""
        return {other for _, other in self.shown.values()}


def states(board: Board, held: Sequence[int]) -> list[State]:
    """Give states that together show every edge at each of its nodes that can float with all its neighbours held."""
    at = edges_at(board.network)
    neighbours = [{other for _, other in edges} for edges in at]
    found: list[State] = []
    for node, edges in enumerate(at):
        if not neighbours[node] <= set(held):
            continue
        for edge, other in edges:
            for state in found:
                floating, high = state.shown.keys(), state.high
                if (
                    node not in floating | high
                    and other not in floating
                    and neighbours[node].isdisjoint(floating)
                    and neighbours[node] & (high | {other}) == {other}
                    and neighbours[other] & floating <= {f for f, (_, high) in state.shown.items() if high == other}
                ):
                    break
            else:
                found.append(state := State())
            state.shown[node] = (edge, other)
    return found


class Holder:
    """Holds and reads a board.

    Parameters
    ----------
    board : Board
    settle_s : float
        Wait after every change.
    """

    def __init__(self, board: Board, settle_s: float) -> None:
        self.board, self.network, self.info = board, board.network, board.info
        self.settle_s = max(round(settle_s / board.info.tick_s), 1) * board.info.tick_s
        self.held = tuple(range(self.network.node_count)) if self.info.drivable is None else self.info.drivable
        grid = self.info.source
        low, high = (grid.v_min + share * (grid.v_max - grid.v_min) for share in (_LOW, _HIGH))
        self.low_v, self.high_v = (float(grid.quantised(np.array(volts))) for volts in (low, high))
        self.span_v = self.high_v - self.low_v

    def hold(self, high: set[int], floating: Mapping[Side, set[int]]) -> None:
        """Hold all nodes that can be held, those of `high` high and the others low, but let some float; settle."""
        for side in SIDES:
            held = (node for node in self.held if node not in floating[side])
            self.board.drive(side, {node: self.high_v if node in high else self.low_v for node in held})
        self.board.wait(self.settle_s)

    def read(self) -> FloatArray:
        """Read both sides, shape (2, n)."""
        volts = np.array([self.board.read(side) for side in SIDES])
        if bad := np.argwhere(~np.isfinite(volts)).tolist():
            side, node = bad[0]
            raise BoardError(
                f"node {node}, {SIDES[side]} side, was read as {volts[side, node]} V; allowed: a finite voltage. Look "
                "at the board's converter and its wiring."
            )
        return volts

    def place(self, wipers: IntArray) -> None:
        """Set the wipers while no current flows: at its low end an edge would have too much."""
        self.board.safe()
        self.board.set_wipers(wipers)


class Seen:
    """All that is seen of a board in all states, at two opposite patterns of wipers.

    Attributes
    ----------
    patterns : numpy.ndarray, shape (2, E)
        Every other edge at the top, the others in the middle; and the other way round.
    rise : list of dict
        For each pattern, by (node, edge): how far the node rises with the edge's other node, as a share, on both sides
        (2,).
    off, off_v : numpy.ndarray, shape (2, n)
        By how much held nodes are read off what they are held at, the worst; in units of what is allowed, and in volts.
    crossed : numpy.ndarray of bool, shape (E,)
        Edges over which one side feels the other.
    exchanged : numpy.ndarray of bool, shape (n,)
        Nodes whose readings are those of the other side.
    called, wrong : numpy.ndarray of int, shape (E,)
        How often drops were clearly different, and how often the edge went the wrong way then.
    """

    def __init__(self, board: Board, expected: Expected, settle_s: float) -> None:
        self.board, self.network, self.expected = board, board.network, expected
        self.holder = Holder(board, settle_s)
        self.states = states(board, self.holder.held)
        if not self.states:
            raise NotSupported("no node of this board can float with all its neighbours held: nothing can be measured.")
        n, edges = self.network.node_count, self.network.edge_count
        top, middle = board.info.wiper_positions - 1, board.info.wiper_positions // 2
        odd = np.arange(edges) % 2
        self.patterns: IntArray = np.array([np.where(odd, middle, top), np.where(odd, top, middle)])
        self.rise: list[dict[tuple[int, int], FloatArray]] = [{} for _ in self.patterns]
        self._base = np.zeros((2, n))  # readings of floating nodes with all others low
        self.off, self.off_v = np.zeros((2, n)), np.zeros((2, n))
        self.crossed, self.exchanged = np.zeros(edges, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self.called, self.wrong = np.zeros(edges, dtype=np.int64), np.zeros(edges, dtype=np.int64)
        for k, wipers in enumerate(self.patterns):
            self.holder.place(wipers)
            self._see_base()
            for state in self.states:
                self._see(k, state)
                if k == 0:
                    self._see_apart(state)

    def _see_base(self) -> None:
        """Read every node that is to float while all others are low."""
        left = {node for state in self.states for node in state.shown}
        while left:
            floating = set(max(self.states, key=lambda state: len(left & state.shown.keys())).shown)
            readings = self._held_and_read(set(), floating)
            self._base[:, list(floating)] = readings[:, list(floating)]
            left -= floating

    def _held_and_read(self, high: set[int], floating: set[int]) -> FloatArray:
        """Hold a state on both sides, and see how well the held nodes are held."""
        self.holder.hold(high, dict.fromkeys(SIDES, floating))
        readings = self.holder.read()
        held = [node for node in self.holder.held if node not in floating]
        asked = np.where([node in high for node in held], self.holder.high_v, self.holder.low_v)
        given = self.expected.given(held, asked)
        for k, side in enumerate(SIDES):
            off_v = self.expected.corrected(side, readings[k])[held] - given
            off = np.abs(off_v) / (self.expected.held_v + self.expected.held_share * np.abs(given))
            worse = off > self.off[k, held]
            at = np.array(held)[worse]
            self.off[k, at], self.off_v[k, at] = off[worse], off_v[worse]
        return readings

    def _see(self, pattern: int, state: State) -> None:
        readings = self._held_and_read(state.high, set(state.shown))
        for node, (edge, _) in state.shown.items():
            self.rise[pattern][node, edge] = (readings[:, node] - self._base[:, node]) / self.holder.span_v

    def _see_apart(self, state: State) -> None:
        """Let go of the high nodes on one side: the other must not feel it, and comparators must."""
        floating, middle_v = set(state.shown), (self.holder.low_v + self.holder.high_v) / 2
        for k, side in enumerate(SIDES):
            self.holder.hold(state.high, {side: floating, SIDES[1 - k]: floating | state.high})
            readings = self.holder.read()
            for node in state.high:
                self.exchanged[node] |= bool(readings[k, node] < middle_v < readings[1 - k, node])
            for node, (edge, _) in state.shown.items():
                rise = (readings[:, node] - self._base[:, node]) / self.holder.span_v
                before = self.rise[0][node, edge]
                lost, gained = rise[k] < 0.5 * before[k], rise[1 - k] > 0.5 * before[1 - k]
                self.crossed[edge] |= bool(before.min() > NO_RISE and lost and gained)
            drops = np.abs(circuit.edge_drops(self.network, readings))
            more = drops[1] - drops[0]
            clear = np.abs(more) > _CLEAR_V
            self.called += clear
            self.wrong += clear & (self.board.directions() != np.sign(more))
