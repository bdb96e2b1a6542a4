"""Where the wipers of a twin network stand, or what its resistances were set to, and the resistances of both sides."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Side, Update
from labnet.errors import NotSupported, OutOfRange
from labnet.networks import Network
from labnet_simulators.components import Parts
from labnet_simulators.voltages import SIDES, TABLE_UP_TO

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def read_only(array: FloatArray) -> FloatArray:
    """Give an array that cannot be written to any more."""
    array.setflags(write=False)
    return array


class TwinPots:
    """The potentiometers of both sides, or ideal resistors that are set directly.

    Parameters
    ----------
    network : Network
    parts : Parts
    seed : int

    Attributes
    ----------
    positions : numpy.ndarray, shape (E,)
        Of the wipers, shared by both twins.
    set_ohm : numpy.ndarray, shape (E,), or None
        Resistances, where they were set instead.
    """

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        self.network, self.parts, self.seed = network, parts, seed
        self._edges = np.arange(network.edge_count, dtype=np.uint64)
        self._columns = np.arange(network.edge_count)
        self.place(np.full(network.edge_count, parts.pot.power_up, dtype=np.int64), None)

    def place(self, positions: IntArray, set_ohm: FloatArray | None) -> None:
        """Put the edges somewhere; nothing is checked."""
        self.positions = positions
        self.set_ohm = None if set_ohm is None else read_only(set_ohm)
        self._ohm: dict[Side, FloatArray] = {}

    @cached_property
    def table_ohm(self) -> dict[Side, FloatArray]:
        """The resistances of each side at all wiper positions, (positions, E)."""
        rows = [np.full(self.network.edge_count, k, dtype=np.int64) for k in range(self.parts.pot.positions)]
        return {side: np.array([self._ohm_at(side, row) for row in rows]) for side in SIDES}

    @cached_property
    def _end_to_end(self) -> dict[Side, FloatArray]:
        return {side: self.parts.pot.end_to_end(self.seed, side, self._edges) for side in SIDES}

    def _ohm_at(self, side: Side, positions: IntArray) -> FloatArray:
        return self.parts.pot.resistances(self.seed, side, self._edges, self._end_to_end[side], positions)

    def resistances(self, side: Side) -> FloatArray:
        """Give the resistances of a side, in ohms, shape (E,); read-only, and the same array until something moves."""
        if self.set_ohm is not None:
            return self.set_ohm
        if not self._ohm:
            for each in SIDES[: 1 if self.parts.pot.twins_equal else 2]:
                if self.network.edge_count <= TABLE_UP_TO:
                    ohm = self.table_ohm[each][self.positions, self._columns]
                else:
                    ohm = self._ohm_at(each, self.positions)
                self._ohm[each] = read_only(ohm)
            self._ohm.setdefault("clamped", self._ohm["free"])
        return self._ohm[side]

    def step(self, update: Update) -> None:
        """Step the wipers of enabled edges; they stop at both ends."""
        moved = self.positions + update.directions * update.enabled
        self.place(np.minimum(np.maximum(moved, 0), self.parts.pot.positions - 1), None)

    def checked_positions(self, positions: ArrayLike) -> IntArray:
        """Give wiper positions as integers, shape (E,), or refuse them."""
        top = self.parts.pot.positions - 1
        given = np.asarray(positions, dtype=np.float64)
        bad = given[(given != np.floor(given)) | ~((given >= 0) & (given <= top))]
        if bad.size:
            raise OutOfRange(f"wiper position {bad.flat[0]:g}; allowed: whole numbers 0 to {top}.")
        return self._one_per_edge(given, "wiper positions").astype(np.int64)

    def checked_ohm(self, ohm: ArrayLike) -> FloatArray:
        """Give resistances, shape (E,), or refuse them."""
        limits = self.parts.resistance_range_ohm
        if limits is None:
            raise NotSupported(
                "this board has wipers only, its resistances cannot be set; use set_wipers, or a board with "
                "preset=ideal for continuous resistances."
            )
        given = np.asarray(ohm, dtype=np.float64)
        bad = given[~((given >= limits[0]) & (given <= limits[1]))]
        if bad.size:
            raise OutOfRange(f"resistance {bad.flat[0]:g} ohm; allowed: {limits[0]:g} to {limits[1]:g} ohm.")
        return self._one_per_edge(given, "resistances")

    def _one_per_edge(self, values: FloatArray, what: str) -> FloatArray:
        if values.shape not in ((), (self.network.edge_count,)):
            raise OutOfRange(f"{what} have shape {values.shape}; allowed: ({self.network.edge_count},) or one number.")
        return np.broadcast_to(values, (self.network.edge_count,)).copy()
