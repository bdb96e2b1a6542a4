"""Node voltages of any network with any nodes held, whatever the law of its edges."""

from collections.abc import Mapping
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.circuit.conditions import known_leak, known_nodes
from labnet.circuit.edges import conductances
from labnet.circuit.laws import Law, Linear
from labnet.circuit.linear import linear_voltages
from labnet.circuit.nonlinear import nonlinear_voltages
from labnet.errors import CircuitError
from labnet.networks import Network

FloatArray = NDArray[np.float64]

_LINEAR = Linear()


def node_voltages(
    network: Network,
    resistances_ohm: ArrayLike,
    held: Mapping[int, float],
    leak_s: float = 0.0,
    *,
    law: Law = _LINEAR,
    currents_a: ArrayLike | None = None,
    shunts_s: ArrayLike | None = None,
    start_v: FloatArray | None = None,
) -> FloatArray:
    """Solve for the voltage of every node.

    Parameters
    ----------
    network : Network
    resistances_ohm : array_like, shape (E,)
        Positive; infinity stands for a broken edge.
    held : mapping of int to float
        Held nodes and their voltages.
    leak_s : float
        Conductance from every node to ground, in siemens.
    law : Law
        What current an edge carries at which voltages.
    currents_a : array_like, shape (n,), optional
        Currents fed into the nodes; at held nodes they change nothing.
    shunts_s : array_like, shape (n,), optional
        Conductances from the nodes to ground, besides `leak_s`; negative ones where the network stays stable.
    start_v : numpy.ndarray, shape (n,), optional
        Where Newton's method begins on nonlinear edges; left out, with all free nodes at the lowest held voltage.

    Returns
    -------
    numpy.ndarray, shape (n,)
        In volts; held nodes have exactly the voltage given.

    Raises
    ------
    BadResistance
        For a resistance that is zero, negative or NaN, or not one per edge.
    FloatingNode
        When nodes have no path to a held node and do not leak.
    IllConditioned
        When the result would be sure to fewer than about four digits, or shunts make the network unstable; names the
        nodes.
    NotConverged
        When Newton's method finds no state of nonlinear edges; names node and edge.
    """
    known_nodes(network, held)
    if not all(map(isfinite, held.values())):
        raise CircuitError(f"held voltages are {dict(held)}; allowed: finite numbers of volts.")
    g = conductances(network, resistances_ohm)
    ground_s = to_ground(network, leak_s, shunts_s)
    fed = None if currents_a is None else per_node(network, "currents_a", currents_a)
    if law.linear:
        return linear_voltages(network, g, held, ground_s, fed)
    ohm = np.asarray(resistances_ohm, dtype=np.float64)
    return nonlinear_voltages(network, ohm, held, law, ground_s, fed, start_v)


def to_ground(network: Network, leak_s: float, shunts_s: ArrayLike | None) -> float | FloatArray:
    """Give the conductances from nodes to ground, one for all or (n,); raises `CircuitError`."""
    leak = known_leak(leak_s)
    return leak if shunts_s is None else leak + per_node(network, "shunts_s", shunts_s)


def per_node(network: Network, name: str, given: ArrayLike) -> FloatArray:
    """Give one finite number per node, shape (n,); raises `CircuitError`."""
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (network.node_count,) or not np.isfinite(values).all():
        raise CircuitError(
            f"{name} have shape {values.shape}, or are not all finite; allowed: one finite number per node, "
            f"({network.node_count},)."
        )
    return values
