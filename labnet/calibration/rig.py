"""A board that is being calibrated: what is held, what is read, and by how much readings scatter."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Side
from labnet.errors import BoardError, NotSupported
from labnet.floating import edges_at, floating_groups

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDES: tuple[Side, Side] = ("free", "clamped")
MOST_AMPERES = 10e-3  # out of a source: what a buffered converter gives
_LEAST_V = 1e-7  # nothing is known better than that; without any noise sums of squares would lose all digits
_TOLERANCE = 0.3  # of a pot, to stay below that


class Rig:
    """A board, and all that the calibrations of its parts share.

    Parameters
    ----------
    board : Board
    seed : int
        Of the random waits.
    tell : callable
        Called with the share, 0 to 1, of a part's calibration that is done.

    Attributes
    ----------
    settle_s : float
        How long to wait after a change.
    """

    def __init__(self, board: Board, seed: int, tell: Callable[[float], None]) -> None:
        self.board, self.seed, self.tell = board, seed, tell
        self.network, self.info = board.network, board.info
        self.nodes = tuple(range(self.network.node_count)) if self.info.drivable is None else self.info.drivable
        self.settle_s = 10e-3
        self.top = self.info.wiper_positions - 1
        self._squares = 0.0
        self._readings = self._states = 0

    # The network ------------------------------------------------------------------------------------------------

    @cached_property
    def edges_at(self) -> list[list[tuple[int, int]]]:
        """Edges and neighbours of every node."""
        return edges_at(self.network)

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """Nodes that can float with all their neighbours held, in groups without neighbours."""
        groups = floating_groups(self.network, self.nodes, range(self.network.node_count))
        if not groups:
            raise NotSupported("no node of this board can float with all its neighbours held.")
        return groups

    # What is held -----------------------------------------------------------------------------------------------

    def volts(self, share: float) -> float:
        """Give a voltage of the source's range that the source has a code for."""
        grid = self.info.source
        return self.grid(grid.v_min + share * (grid.v_max - grid.v_min))

    @cached_property
    def low_v(self) -> float:
        """A voltage near the low end, that converters with an offset reach too."""
        return self.volts(0.05)

    def grid(self, volts: float) -> float:
        """Give the nearest voltage that the source has a code for."""
        return float(self.info.source.quantised(np.array(volts)))

    def whole(self, seconds: float) -> float:
        """Give a time as whole ticks of the board's clock, rounded up."""
        return ceil(seconds / self.info.tick_s - 1e-6) * self.info.tick_s

    def hold(self, sources: Mapping[int, float], free: Iterable[int] = (), clamped: Iterable[int] = ()) -> None:
        """Hold nodes at their sources, but let some float on the free and some on the clamped side; settle."""
        for side, floating in zip(SIDES, (set(free), set(clamped)), strict=True):
            self.board.drive(side, {node: volts for node, volts in sources.items() if node not in floating})
        self.settle()

    def settle(self) -> None:
        """Wait until a change is long over."""
        self.board.wait(self.whole(self.settle_s))

    def place(self, wipers: "int | IntArray") -> None:
        """Set the wipers, while no current flows: at its low end an edge would have too much. Then hold all nodes low.

        From there no group of nodes is left behind when the others move: a source moves on both sides at once.
        """
        self.board.safe()
        self.board.set_wipers(wipers)
        self.hold(dict.fromkeys(self.nodes, self.low_v))

    def swing_v(self, position: int, share: float = 0.8) -> float:
        """Give the largest step of a node, of a share of the range at most, that no source needs too much current for.

        Each source drives all edges of its node in both twins.
        """
        grid, most = self.info.source, max(map(len, self.edges_at))
        least_ohm = float(self.info.nominal_ohm(position)) * (1.0 - _TOLERANCE)
        return self.grid(grid.v_min + min(share * (grid.v_max - grid.v_min), MOST_AMPERES * least_ohm / (2 * most)))

    # What is read -----------------------------------------------------------------------------------------------

    def read(self, repeats: int) -> FloatArray:
        """Read both sides as often, and give the means, (2, n)."""
        volts = np.array([[self.board.read(side) for side in SIDES] for _ in range(repeats)])
        if not np.isfinite(volts).all():
            _, side, node = np.argwhere(~np.isfinite(volts))[0]
            raise BoardError(f"node {node}, {SIDES[side]} side, was read as no finite voltage; look at its wiring.")
        mean = np.asarray(volts.mean(axis=0), dtype=np.float64)
        self._squares += float(((volts - mean) ** 2).sum())
        self._readings += volts.size
        self._states += mean.size
        return mean

    def mean_var(self, repeats: int) -> float:
        """Give the variance of a mean of so many readings, in square volts: noise and quantisation.

        Noise of about a code makes the codes' steps average out; less does not.
        """
        dof = self._readings - self._states
        var = self._squares / dof if dof else 0.0
        grid = self.info.reading
        step = (grid.v_max - grid.v_min) / grid.top if grid.bits else 0.0
        left = step**2 / 12 if var < (0.4 * step) ** 2 else 0.0
        return var / repeats + left + _LEAST_V**2
