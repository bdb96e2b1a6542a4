"""Node voltages of large networks: Kirchhoff's laws as in `labnet.circuit`, for one set of held nodes and outputs.

The outputs are eliminated last. So one factorisation serves both states: the free one is a solve, and the difference
that the clamp makes, which is given at the outputs, needs one back-substitution from there.
"""

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.errors import CircuitError
from labnet.networks import Network
from labnet_simulators.engine.cholesky import Cholesky

FloatArray = NDArray[np.float64]


class SparseSolver:
    """Node voltages of one side for fixed held nodes and outputs; factorised when conductances change.

    Parameters
    ----------
    network : Network
    held, outputs : tuple of int
        Nodes that are always held, H of them, and the O nodes that the clamp holds besides.
    leak_s : float
        Conductance from every node to ground, in siemens.

    Raises
    ------
    CircuitError
        For unknown or repeated nodes, or a leak that is no conductance.
    """

    def __init__(self, network: Network, held: tuple[int, ...], outputs: tuple[int, ...], leak_s: float) -> None:
        circuit.known_nodes(network, (*held, *outputs))
        self.network = network
        self.held = held
        self.outputs = outputs
        self.leak_s = circuit.known_leak(leak_s)
        self._held, self._outputs = np.array(held, dtype=np.int64), np.array(outputs, dtype=np.int64)
        kind = np.zeros(network.node_count, dtype=np.int8)
        kind[self._held], kind[self._outputs] = 2, 1
        self._free = np.concatenate([np.flatnonzero(kind == 0), self._outputs])
        place = np.empty(network.node_count, dtype=np.int64)
        place[self._free] = np.arange(len(self._free))
        place[self._held] = np.arange(len(held))
        a, b = network.ends
        held_a, held_b = kind[a] == 2, kind[b] == 2
        self._inner = np.flatnonzero(~held_a & ~held_b)
        self._rim = rim = np.flatnonzero(held_a != held_b)
        self._rim_row = place[np.where(held_a[rim], b[rim], a[rim])]
        self._rim_column = place[np.where(held_a[rim], a[rim], b[rim])]
        self._factor = Cholesky(len(self._free), place[a[self._inner]], place[b[self._inner]], last=len(outputs))
        self._conductances: FloatArray | None = None

    def factor(self, conductances: FloatArray) -> None:
        """Take new conductances, in siemens, shape (E,); 0 for a broken edge.

        Raises
        ------
        CircuitError
            For a conductance that is negative, infinite or NaN, or not one per edge.
        FloatingNode
            When nodes have no path to a held node and do not leak.
        IllConditioned
            When the result would be sure to fewer than about four digits; names the nodes.
        """
        g = np.array(conductances, dtype=np.float64)
        if g.shape != (self.network.edge_count,):
            raise CircuitError(f"conductances have shape {g.shape}; allowed: ({self.network.edge_count},).")
        if not (g.min() >= 0.0 and g.max() < np.inf):
            bad = np.flatnonzero(~((g >= 0.0) & (g < np.inf)))[:8]
            raise CircuitError(
                f"edges {bad.tolist()} have conductances {g[bad].tolist()} S; allowed: finite, 0 (broken) or more."
            )
        self._conductances = None
        self._factorise(g, self.leak_s)
        self._conductances = g

    def _factorise(self, g: FloatArray, ground_s: float | FloatArray) -> None:
        """Factorise for conductances of the edges and of the nodes to ground, () or (n,); check what can be solved."""
        if len(self._free):
            (a, b), n = self.network.ends, self.network.node_count
            diagonal = (np.bincount(a, g, n) + np.bincount(b, g, n) + ground_s)[self._free]
            rcond = 0.0
            if self._factor.factor(-g[self._inner], diagonal):
                # As in labnet.circuit: the inverse has no negative entry, so its norm is that of its product with ones.
                rcond = float(0.5 / (diagonal.max() * np.abs(self._factor.solve(np.ones(len(diagonal)))).max()))
            circuit.check_condition(self.network, self.held, g, ground_s, rcond)

    def free(self, volts: FloatArray) -> FloatArray:
        """Give the voltages of all nodes, shape (n,), for those of the held ones, shape (H,), in their order."""
        g = self._factored()
        current = np.zeros(len(self._free))
        np.add.at(current, self._rim_row, g[self._rim] * volts[self._rim_column])
        v = np.empty(self.network.node_count)
        v[self._free] = self._factor.solve(current)
        v[self._held] = volts
        return v

    def response(self, difference: FloatArray) -> FloatArray:
        """Give how all nodes change, shape (n,), when the outputs change by this, shape (O,), and held nodes stay."""
        self._factored()
        change = np.zeros(self.network.node_count)
        change[self._free] = self._factor.extend(difference)
        return change

    def clamped(self, volts: FloatArray, output_volts: FloatArray) -> FloatArray:
        """Give the voltages of all nodes, shape (n,), with the outputs held, too, shape (O,)."""
        free = self.free(volts)
        v = free + self.response(output_volts - free[self._outputs])
        v[self._outputs] = output_volts
        return v

    def nudged(self, currents: FloatArray, shunts: FloatArray) -> FloatArray:
        """Give how all nodes change, shape (n,), when currents (n,) are fed in and shunts (n,) join them to ground.

        Raises
        ------
        IllConditioned
            Where shunts below 0 make the network unstable.
        """
        g, change, shunted = self._factored(), np.zeros(self.network.node_count), bool(shunts.any())
        try:
            if shunted:
                self._factorise(g, self.leak_s + shunts)
            change[self._free] = self._factor.solve(currents[self._free])
        finally:
            if shunted:
                self._factorise(g, self.leak_s)
        return change

    def _factored(self) -> FloatArray:
        """Give the conductances that the factor is of."""
        if self._conductances is None:
            raise CircuitError("there is no factor to solve with; call factor() first, and mend what it refuses.")
        return self._conductances
