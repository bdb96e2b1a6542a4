"""Exact slopes of a cost with the resistances, by one more solve: implicit differentiation.

Kirchhoff's law F(V, R) = 0 at the free nodes gives dV/dR = -J^-1 dF/dR. With J^T lambda = dO/dV the slope of a cost
O(V) is -lambda . dF/dR: of a current that edge i carries from its first to its second node, -(lambda_first -
lambda_second) dI_i/dR_i (ernoult2024, Eq. 2). On a reciprocal network J is symmetric, and lambda are voltages of the
same network, linearised, with its inputs at 0 V and the error fed into its outputs as a current.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.circuit.conditions import known_nodes
from labnet.circuit.edges import conductances, edge_drops
from labnet.circuit.laws import Law, Linear
from labnet.circuit.nonlinear import Nonlinear
from labnet.circuit.voltages import per_node, to_ground
from labnet.networks import Network

FloatArray = NDArray[np.float64]

_LINEAR = Linear()


def adjoint(
    network: Network,
    resistances_ohm: ArrayLike,
    volts: FloatArray,
    held: Iterable[int],
    pull_a: ArrayLike,
    law: Law = _LINEAR,
    leak_s: float = 0.0,
    shunts_s: ArrayLike | None = None,
) -> FloatArray:
    """Solve the network linearised at a state and transposed, with held nodes at 0 V: J^T lambda = pull.

    Parameters
    ----------
    network : Network
    resistances_ohm : array_like, shape (E,)
    volts : numpy.ndarray, shape (n,)
        The state.
    held : iterable of int
    pull_a : array_like, shape (n,)
        What is fed into the nodes, in amperes; what stands at held ones changes nothing.
    law : Law
    leak_s : float
    shunts_s : array_like, shape (n,), optional
        As in `node_voltages`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        In volts; 0 at held nodes.

    Raises
    ------
    CircuitError, BadResistance, FloatingNode, IllConditioned
    """
    nodes = known_nodes(network, held)
    conductances(network, resistances_ohm)
    ohm = np.asarray(resistances_ohm, dtype=np.float64)
    state = Nonlinear(network, ohm, law, nodes, to_ground(network, leak_s, shunts_s))
    lam = np.zeros(network.node_count)
    free = state.places.free
    if len(free):
        at = state.linearised(per_node(network, "volts", volts))
        lam[free] = state.solve(at, per_node(network, "pull_a", pull_a)[free], transposed=True)
    return lam


def cost_slope(
    network: Network,
    resistances_ohm: ArrayLike,
    volts: FloatArray,
    held: Iterable[int],
    errors_v: ArrayLike,
    law: Law = _LINEAR,
    leak_s: float = 0.0,
    shunts_s: ArrayLike | None = None,
) -> FloatArray:
    """Give dO/dR of O = 1/2 sum of e^2 for every edge, exact for every law, shape (E,), in V^2 per ohm.

    Parameters and errors are those of `adjoint`.

    Parameters
    ----------
    errors_v : array_like, shape (n,)
        dO/dV: the error e of an output at its node, 0 elsewhere.
    """
    pull_a = per_node(network, "errors_v", errors_v) / network.r_ref_ohm
    lam = adjoint(network, resistances_ohm, volts, held, pull_a, law, leak_s, shunts_s)
    ohm = np.asarray(resistances_ohm, dtype=np.float64)
    return np.asarray(-network.r_ref_ohm * edge_drops(network, lam) * law.ohm_slope(network, ohm, volts))
