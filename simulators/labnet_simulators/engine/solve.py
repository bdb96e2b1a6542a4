"""Kirchhoff's laws by an elimination program, compiled; `TableSolver` runs it for one network.

Arrays are indexed by slot or by node in the elimination's numbering, and hold lanes (floats are lanes of one).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.networks import Network
from labnet_simulators.engine.arrays import Factor, factor_lanes, make_factor
from labnet_simulators.engine.compiling import STAMP, compiled, kept_kernel
from labnet_simulators.engine.elimination import Elimination, eliminate
from labnet_simulators.engine.lanes import aligned, fma, full, lanes_of

FloatArray = NDArray[np.float64]

_SINGLE = (0,)  # the width of one network


@compiled
def factorise(p: Elimination, width: Any, conductance: Any, leak_s: float, nodes: int, f: Factor) -> None:
    """Eliminate the first `nodes` nodes; entry E of `conductance` must be 0."""
    for j in range(nodes):
        factorise_node(p, width, conductance, leak_s, None, j, f)


@compiled
def factorise_shunted(
    p: Elimination, width: Any, conductance: Any, leak_s: float, shunt: Any, first: int, f: Factor
) -> None:
    """Eliminate the nodes from `first` on, each with a conductance to ground; `p` takes all nodes as leaky."""
    for j in range(first, len(p.free)):
        factorise_node(p, width, conductance, leak_s, shunt, j, f)


@compiled
def factorise_node(p: Elimination, width: Any, conductance: Any, leak_s: float, shunt: Any, j: int, f: Factor) -> None:
    """Eliminate node `j`, once those before it are."""
    hold = full(width, leak_s)
    if shunt is not None:
        hold = hold + shunt[j]
    for q in range(p.rim_start[j], p.rim_start[j + 1]):
        hold = hold + conductance[p.rim_edge[q]]
    for q in range(p.fold_start[j], p.fold_start[j + 1]):
        hold = fma(f.share[p.fold_slot[q]], f.hold[p.fold_node[q]], hold)
    f.hold[j] = hold
    total = hold
    for slot in range(p.slot_start[j], p.slot_start[j + 1]):
        g = conductance[p.slot_edge[slot]]
        for q in range(p.pair_start[slot], p.pair_start[slot + 1]):
            g = fma(f.share[p.pair_one[q]], f.branch[p.pair_two[q]], g)
        f.branch[slot] = g
        total = total + g
    inverse = full(width, 1.0) / total
    f.inverse[j] = inverse
    for slot in range(p.slot_start[j], p.slot_start[j + 1]):
        f.share[slot] = f.branch[slot] * inverse


@compiled
def solve(p: Elimination, width: Any, conductance: Any, nodes: int, f: Factor, v: Any) -> None:
    """Give the voltages of the first `nodes` nodes, once factorised; those of the later ones stand in `v`."""
    for j in range(nodes):
        feed_node(p, width, conductance, j, f, v)
    substitute(p, width, nodes, f, v)


@compiled
def feed_node(p: Elimination, width: Any, conductance: Any, j: int, f: Factor, v: Any) -> None:
    """Give what held nodes feed into node `j`, once it is known of those before it."""
    current = full(width, 0.0)
    for q in range(p.rim_start[j], p.rim_start[j + 1]):
        current = fma(conductance[p.rim_edge[q]], v[p.rim_held[q]], current)
    for q in range(p.fold_start[j], p.fold_start[j + 1]):
        current = fma(f.share[p.fold_slot[q]], f.current[p.fold_node[q]], current)
    f.current[j] = current


@compiled
def substitute(p: Elimination, width: Any, nodes: int, f: Factor, v: Any) -> None:
    """Give the voltages of the first `nodes` nodes from what is fed into them."""
    for j in range(nodes - 1, -1, -1):
        x = f.current[j] * f.inverse[j]
        for slot in range(p.slot_start[j], p.slot_start[j + 1]):
            x = fma(f.share[slot], v[p.slot_end[slot]], x)
        v[j] = x


@compiled
def respond(p: Elimination, width: Any, f: Factor, d: Any) -> None:
    """Give in `d` how the nodes change when the outputs, whose changes stand there already, are moved."""
    zero = full(width, 0.0)
    for j in range(len(p.free) - len(p.outputs) - 1, -1, -1):
        x = zero
        for slot in range(p.slot_start[j], p.slot_start[j + 1]):
            x = fma(f.share[slot], d[p.slot_end[slot]], x)
        d[j] = x


@compiled
def absorb(p: Elimination, width: Any, f: Factor, first: int, d: Any) -> None:
    """Give in `d` how the nodes change when the currents that stand there are fed in; none before node `first`."""
    n = len(p.free)
    for j in range(first, n):
        for slot in range(p.slot_start[j], p.slot_start[j + 1]):
            d[p.slot_end[slot]] = fma(f.share[slot], d[j], d[p.slot_end[slot]])
    for j in range(n - 1, first - 1, -1):
        x = d[j] * f.inverse[j]
        for slot in range(p.slot_start[j], p.slot_start[j + 1]):
            x = fma(f.share[slot], d[p.slot_end[slot]], x)
        d[j] = x


def _make_single(stamp: str) -> tuple[Callable[..., None], ...]:
    @kept_kernel
    def factorise_one(p: Elimination, conductance: FloatArray, leak_s: float, f: Factor) -> None:
        _ = stamp
        seen = lanes_of(_SINGLE, conductance)
        factorise(p, _SINGLE, seen, leak_s, len(p.free), factor_lanes(_SINGLE, f))

    @kept_kernel
    def factorise_shunted_one(
        p: Elimination, conductance: FloatArray, leak_s: float, shunt: FloatArray, f: Factor
    ) -> None:
        _ = stamp
        seen, shunts = lanes_of(_SINGLE, conductance), lanes_of(_SINGLE, shunt)
        factorise_shunted(p, _SINGLE, seen, leak_s, shunts, 0, factor_lanes(_SINGLE, f))

    @kept_kernel
    def absorb_one(p: Elimination, f: Factor, d: FloatArray) -> None:
        _ = stamp
        absorb(p, _SINGLE, factor_lanes(_SINGLE, f), 0, lanes_of(_SINGLE, d))

    @kept_kernel
    def solve_one(p: Elimination, conductance: FloatArray, nodes: int, f: Factor, v: FloatArray) -> None:
        _ = stamp
        solve(p, _SINGLE, lanes_of(_SINGLE, conductance), nodes, factor_lanes(_SINGLE, f), lanes_of(_SINGLE, v))

    @kept_kernel
    def respond_one(p: Elimination, f: Factor, d: FloatArray) -> None:
        _ = stamp
        respond(p, _SINGLE, factor_lanes(_SINGLE, f), lanes_of(_SINGLE, d))

    return factorise_one, factorise_shunted_one, solve_one, respond_one, absorb_one


_factorise_one, _factorise_shunted_one, _solve_one, _respond_one, _absorb_one = _make_single(STAMP)


class TableSolver:
    """Node voltages of one network for fixed held nodes and outputs, in float64; factorised when conductances change.

    Parameters
    ----------
    network : Network
    held, outputs : tuple of int
        Nodes; outputs float in the free state and are moved in the clamped one.
    leak_s : float
        Conductance from every node to ground, in siemens.
    """

    def __init__(self, network: Network, held: tuple[int, ...], outputs: tuple[int, ...], leak_s: float) -> None:
        self._network, self._held, self._leak_s = network, held, leak_s
        self._p = p = eliminate(network, held, outputs, leak_s > 0.0)
        self._n, self._inner = len(p.free), len(p.free) - len(outputs)
        self._place = np.argsort(p.nodes)
        self._conductance = aligned(network.edge_count + 1, 1)  # the last one is that of no edge: 0
        self._factor = make_factor(p, 1)
        self._v = aligned(len(p.nodes), 1)
        self._shunts = aligned(self._n, 1)

    def factor(self, conductances: FloatArray) -> None:
        """Factorise for conductances (E,) in siemens.

        Raises
        ------
        CircuitError
            Where they leave a voltage undefined; it names the nodes or edges.
        """
        self._conductance[:-1, 0] = conductances
        _factorise_one(self._p, self._conductance, self._leak_s, self._factor)
        if not np.isfinite(self._factor.inverse).all() or not np.isfinite(conductances).all():
            self._refuse(None)

    def _refuse(self, shunts: FloatArray | None) -> None:
        """Raise what is wrong with the network as it is, in words."""
        held = dict.fromkeys(self._held, 0.0)
        with np.errstate(divide="ignore"):
            ohm = 1.0 / self._conductance[:-1, 0]
        circuit.node_voltages(self._network, ohm, held, self._leak_s, shunts_s=shunts)

    def free(self, volts: FloatArray) -> FloatArray:
        """Give all node voltages (n,) for those of the held nodes (H,), in volts."""
        self._v[self._n :, 0] = volts
        _solve_one(self._p, self._conductance, self._n, self._factor, self._v)
        return self._v.take(self._place)

    def response(self, difference: FloatArray) -> FloatArray:
        """Give the change of all nodes (n,) when the outputs are moved by `difference` (O,), in volts."""
        self._v[self._inner : self._n, 0] = difference
        self._v[self._n :, 0] = 0.0
        _respond_one(self._p, self._factor, self._v)
        return self._v.take(self._place)

    def clamped(self, volts: FloatArray, output_volts: FloatArray) -> FloatArray:
        """Give all node voltages (n,) with the outputs held too, at `output_volts` (O,)."""
        self._v[self._inner : self._n, 0] = output_volts
        self._v[self._n :, 0] = volts
        _solve_one(self._p, self._conductance, self._inner, self._factor, self._v)
        return self._v.take(self._place)

    def nudged(self, currents: FloatArray, shunts: FloatArray) -> FloatArray:
        """Give the change of all nodes (n,) when currents (n,) are fed in, in A, and shunts (n,) join them to ground.

        Voltages are those of the change: at first all are 0, and held nodes stay there.

        Raises
        ------
        CircuitError
            Where shunts below 0 make the network unstable.
        """
        p, factor, at = self._p, self._factor, self._p.nodes[: self._n]
        if shunts.any():
            p = eliminate(self._network, self._held, tuple(at[self._inner :].tolist()), True)
            factor = make_factor(p, 1)
            self._shunts[:, 0] = shunts[at]
            _factorise_shunted_one(p, self._conductance, self._leak_s, self._shunts, factor)
            if not (factor.inverse > 0.0).all() or not np.isfinite(factor.inverse).all():
                self._refuse(shunts)
        self._v[: self._n, 0] = currents[at]
        self._v[self._n :, 0] = 0.0
        _absorb_one(p, factor, self._v)
        return self._v.take(self._place)
