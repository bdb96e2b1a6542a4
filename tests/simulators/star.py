"""A network whose every drop one can choose: a hub, and one edge to each leaf."""

import numpy as np
from numpy.typing import ArrayLike

from labnet import Network
from labnet.board import Side
from labnet_simulators import Parts, SimulatedBoard

HUB_V = 2.5


def star_board(leaves: int, parts: Parts | None = None, seed: int = 0) -> SimulatedBoard:
    """Edge k joins the hub, node 0, to node k + 1."""
    edges = np.column_stack([np.zeros(leaves, dtype=np.int64), np.arange(1, leaves + 1)])
    return SimulatedBoard(Network(edges, leaves + 1, name="star"), parts, seed)


def hold_drops(board: SimulatedBoard, free_v: ArrayLike, clamped_v: ArrayLike) -> None:
    """Hold all nodes of both sides so that the edges have these drops, within 2.5 V.

    Each side has sources of its own here, which no board has: comparators are to see any two drops.
    """
    leaves = board.network.edge_count
    both: tuple[tuple[Side, ArrayLike], ...] = (("free", free_v), ("clamped", clamped_v))
    held: dict[Side, dict[int, float]] = {}
    for side, drops in both:
        volts = HUB_V - np.broadcast_to(np.asarray(drops, dtype=np.float64), (leaves,))
        board.drive(side, {0: HUB_V, **{k + 1: v for k, v in enumerate(volts.tolist())}})
        held[side] = board.voltages.held[side]
    board.voltages.held.update(held)
