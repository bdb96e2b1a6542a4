"""States of a board that show one edge at a time, and what was read in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Side
from labnet.errors import BoardError
from labnet.floating import edges_at

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDES: tuple[Side, Side] = ("free", "clamped")
LOW, HIGH = 0.1, 0.9  # shares of the source's range


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
        low, high = (grid.v_min + share * (grid.v_max - grid.v_min) for share in (LOW, HIGH))
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
