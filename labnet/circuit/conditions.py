"""What can be solved, and what is said of what cannot."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from labnet.errors import CircuitError, FloatingNode, IllConditioned
from labnet.networks import Network

FloatArray = NDArray[np.float64]

_LEAST_RCOND = 1e-12  # below it fewer than four digits of a voltage are sure


def known_nodes(network: Network, held: Iterable[int]) -> tuple[int, ...]:
    """Give the held nodes as they are; raises `CircuitError` for an unknown or a repeated one."""
    nodes = tuple(held)
    if nodes and not (min(nodes) >= 0 and max(nodes) < network.node_count):
        raise CircuitError(f"held nodes are {list(nodes)}; allowed: 0 to {network.node_count - 1}.")
    if len(set(nodes)) < len(nodes):
        raise CircuitError(f"held nodes {list(nodes)} repeat; name each once.")
    return nodes


def known_leak(leak_s: float) -> float:
    """Give a leak as it is; raises `CircuitError` unless it is 0 or more siemens."""
    if leak_s and not 0.0 < leak_s < np.inf:
        raise CircuitError(f"leak_s is {leak_s}; allowed: 0 or more siemens.")
    return leak_s


def check_condition(
    network: Network,
    held: tuple[int, ...],
    conductances_s: FloatArray,
    ground_s: float | FloatArray,
    rcond: float,
) -> None:
    """Refuse a solve whose reciprocal condition is too small: says which nodes float, or are held too weakly.

    Parameters
    ----------
    network : Network
    held : tuple of int
    conductances_s : numpy.ndarray, shape (E,)
    ground_s : float or numpy.ndarray, shape (n,)
        Conductance from every node to ground.
    rcond : float
        0 or NaN where the factorisation failed.

    Raises
    ------
    FloatingNode, IllConditioned
    """
    if not rcond >= _LEAST_RCOND:
        raise unsolvable(network, held, conductances_s, ground_s, rcond)


def unsolvable(
    network: Network, held: tuple[int, ...], g: FloatArray, ground_s: float | FloatArray, rcond: float
) -> FloatingNode | IllConditioned:
    """Give the error that says which nodes cannot be solved for."""
    n = network.node_count
    ground_s = np.full(n, ground_s)
    a, b = (ends[g > 0] for ends in network.ends)
    _, piece = connected_components(csr_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    floating = np.flatnonzero(~np.isin(piece, piece[[*held, *np.flatnonzero(ground_s)]]))
    if len(floating):
        return FloatingNode(
            f"nodes {floating[:8].tolist()}{' and more' if len(floating) > 8 else ''} have no path to a held node "
            f"(held: {sorted(held)}); hold one of them, or mend the broken edges."
        )
    if (ground_s < 0.0).any():
        return IllConditioned(
            f"the network is not stable, or nearly not: shunts down to {ground_s.min():.1e} S at nodes "
            f"{np.flatnonzero(ground_s < 0.0)[:8].tolist()} feed them more than the edges take away; edge conductances "
            f"run from {g.min():.1e} to {g.max():.1e} S. Make the negative shunts smaller."
        )
    hold = _strongest_hold(network, held, g, ground_s)
    hold[list(held)] = np.inf
    weakest = np.argsort(hold, kind="stable")[: min(5, n - len(held))]
    return IllConditioned(
        f"the solve is ill-conditioned (reciprocal condition {rcond:.1e}; allowed: above {_LEAST_RCOND:.0e}). "
        f"Edge conductances run from {g.min():.1e} to {g.max():.1e} S; the nodes held most weakly are "
        f"{weakest.tolist()}. Bring the resistances closer together."
    )


def _strongest_hold(network: Network, held: tuple[int, ...], g: FloatArray, ground_s: FloatArray) -> FloatArray:
    """Give, for every node, the weakest conductance on the best path to a held node or to ground, shape (n,)."""
    n = network.node_count
    root = n  # all held nodes and ground, as one
    to_root = ground_s.copy()
    to_root[list(held)] = np.inf
    all_g = np.concatenate([g, to_root])
    a, b = np.append(network.ends[0], np.arange(n)), np.append(network.ends[1], np.full(n, root))
    best = np.argsort(-all_g, kind="stable")
    rank = np.empty(len(all_g))  # from 1: the tree of least rank is that of the greatest conductances
    rank[best] = np.arange(1, len(all_g) + 1)
    tree = minimum_spanning_tree(csr_array((rank, (a, b)), shape=(n + 1, n + 1)))
    order, above = breadth_first_order(tree, root, directed=False)
    branches = tree.tocoo()
    row, column = branches.row, branches.col
    hold = np.full(n + 1, np.inf)
    hold[np.where(above[row] == column, row, column)] = all_g[best[branches.data.astype(np.int64) - 1]]
    for node in order[1:].tolist():
        hold[node] = min(hold[node], hold[above[node]])
    return hold[:n]
