"""What voltages mean for edges and nodes: drops, powers, currents."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.errors import BadResistance
from labnet.networks import Network

FloatArray = NDArray[np.float64]

_LEAST_OHM = 1e-300  # below it the conductance overflows


def edge_drops(network: Network, voltages: FloatArray) -> FloatArray:
    """Give the voltage drop over every edge, V[first node] - V[second node]; shape (..., E) from (..., n)."""
    a, b = network.ends
    return np.asarray(voltages.take(a, axis=-1) - voltages.take(b, axis=-1))


def dissipated_power(network: Network, resistances_ohm: ArrayLike, voltages: FloatArray) -> FloatArray:
    """Give the power that every edge dissipates, in watts; shape (..., E) from voltages of shape (..., n)."""
    return edge_drops(network, voltages) ** 2 * conductances(network, resistances_ohm)


def node_currents(network: Network, resistances_ohm: ArrayLike, voltages: FloatArray) -> FloatArray:
    """Give the current that flows out of every node into the edges, in amperes; shape (n,).

    Zero at free nodes (Kirchhoff's current law); what a source delivers at held ones.
    """
    i = edge_drops(network, voltages) * conductances(network, resistances_ohm)
    out, into = (np.bincount(nodes, i, network.node_count) for nodes in network.ends)
    return np.asarray(out - into, dtype=np.float64)


def conductances(network: Network, resistances_ohm: ArrayLike) -> FloatArray:
    """Give 1 / R of every edge in siemens, shape (E,); raises `BadResistance`."""
    r = np.asarray(resistances_ohm, dtype=np.float64)
    if r.shape != (network.edge_count,):
        raise BadResistance(f"resistances have shape {r.shape}; allowed: one per edge, ({network.edge_count},).")
    if not r.min() > _LEAST_OHM:  # NaN too
        bad = np.flatnonzero(~(r > _LEAST_OHM))
        raise BadResistance(
            f"edges {bad[:8].tolist()} have resistances {r[bad[:8]].tolist()} ohm; allowed: above 0 "
            "(infinity for a broken edge)."
        )
    return 1.0 / r
