"""Kirchhoff's laws: node voltages of any network with any nodes held. Pure functions.

For free nodes f and held nodes h the current law reads L_ff V_f = -L_fh V_h, with L the Laplacian of the edge
conductances. L_ff is symmetric positive definite as soon as every free node has a path to a held one (or leaks
to ground), so it is factorised by Cholesky when small and by sparse LU when large.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.sparse.linalg import splu

from labnet.errors import BadResistance, CircuitError, FloatingNode, IllConditioned
from labnet.networks import Network

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DENSE_UP_TO = 400  # free nodes; where sparse LU overtakes dense Cholesky
_LEAST_OHM = 1e-300  # below it the conductance overflows
_LEAST_RCOND = 1e-12  # below it fewer than four digits of a voltage are sure


@dataclass(frozen=True, eq=False)
class _Partition:
    """Index arrays that depend on the graph and the held nodes alone."""

    held: IntArray  # (H,) nodes
    free: IntArray  # (F,) nodes
    entry: IntArray  # flat index into the (F, F) matrix, one an off-diagonal or diagonal contribution
    edge: IntArray  # the edge of each contribution
    sign: FloatArray  # +1 on the diagonal, -1 off it
    rim_row: IntArray  # rows of the free ends of edges from a free to a held node
    rim_edge: IntArray
    rim_column: IntArray  # which held node, 0 .. H - 1


def _partition(network: Network, held: tuple[int, ...]) -> _Partition:
    """Keep those of small networks; for large ones, next to the solve, they cost little time but much memory."""
    return _kept_partition(network, held) if network.node_count <= DENSE_UP_TO else _make_partition(network, held)


def _make_partition(network: Network, held: tuple[int, ...]) -> _Partition:
    is_held = np.zeros(network.node_count, dtype=np.bool_)
    is_held[list(held)] = True
    free = np.flatnonzero(~is_held)
    place = np.empty(network.node_count, dtype=np.int64)
    place[free] = np.arange(len(free))
    place[list(held)] = np.arange(len(held))
    a, b = network.ends
    edges = np.arange(network.edge_count)
    inner = edges[~is_held[a] & ~is_held[b]]
    rim = edges[is_held[a] != is_held[b]]
    rim_free = np.where(is_held[a[rim]], b[rim], a[rim])
    rim_held = np.where(is_held[a[rim]], a[rim], b[rim])
    u, v, r = place[a[inner]], place[b[inner]], place[rim_free]
    n = len(free)
    return _Partition(
        held=np.array(held, dtype=np.int64),
        free=free,
        entry=np.concatenate([u * n + v, v * n + u, u * n + u, v * n + v, r * n + r]),
        edge=np.concatenate([inner, inner, inner, inner, rim]),
        sign=np.repeat([-1.0, 1.0], [2 * len(inner), 2 * len(inner) + len(rim)]),
        rim_row=r,
        rim_edge=rim,
        rim_column=place[rim_held],
    )


_kept_partition = lru_cache(maxsize=512)(_make_partition)


def node_voltages(
    network: Network, resistances_ohm: ArrayLike, held: Mapping[int, float], leak_s: float = 0.0
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
        When the result would be sure to fewer than about four digits; names the nodes.
    """
    part = _partition(network, known_nodes(network, held))
    volts = np.array([*held.values()], dtype=np.float64)
    if not all(map(isfinite, held.values())):
        raise CircuitError(f"held voltages are {dict(held)}; allowed: finite numbers of volts.")
    g = _conductances(network, resistances_ohm)
    v = np.empty(network.node_count)
    v[part.held] = volts
    if len(part.free):
        currents = g.take(part.rim_edge) * volts.take(part.rim_column)
        rim = np.asarray(np.bincount(part.rim_row, currents, len(part.free)), dtype=np.float64)
        v[part.free] = _solve(network, part, g, rim, leak_s)
    return v


def transfer_matrix(
    network: Network, resistances_ohm: ArrayLike, held: Iterable[int], leak_s: float = 0.0
) -> FloatArray:
    """Solve for the linear response of every node to the held ones: V = matrix @ V_held.

    Parameters and errors are those of `node_voltages`; `held` are nodes.

    Returns
    -------
    numpy.ndarray, shape (n, H)
        Dimensionless; without leakage its entries lie in [0, 1] and each row sums to 1.
    """
    nodes = tuple(held)
    part = _partition(network, known_nodes(network, nodes))
    g = _conductances(network, resistances_ohm)
    matrix = np.zeros((network.node_count, len(nodes)))
    matrix[part.held, np.arange(len(nodes))] = 1.0
    if len(part.free):
        rim = np.zeros((len(part.free), len(nodes)))
        np.add.at(rim, (part.rim_row, part.rim_column), g[part.rim_edge])
        matrix[part.free] = _solve(network, part, g, rim, leak_s)
    return matrix


def edge_drops(network: Network, voltages: FloatArray) -> FloatArray:
    """Give the voltage drop over every edge, V[first node] - V[second node]; shape (..., E) from (..., n)."""
    a, b = network.ends
    return np.asarray(voltages.take(a, axis=-1) - voltages.take(b, axis=-1))


def dissipated_power(network: Network, resistances_ohm: ArrayLike, voltages: FloatArray) -> FloatArray:
    """Give the power that every edge dissipates, in watts; shape (..., E) from voltages of shape (..., n)."""
    return edge_drops(network, voltages) ** 2 * _conductances(network, resistances_ohm)


def node_currents(network: Network, resistances_ohm: ArrayLike, voltages: FloatArray) -> FloatArray:
    """Give the current that flows out of every node into the edges, in amperes; shape (n,).

    Zero at free nodes (Kirchhoff's current law); what a source delivers at held ones.
    """
    i = edge_drops(network, voltages) * _conductances(network, resistances_ohm)
    out, into = (np.bincount(nodes, i, network.node_count) for nodes in network.ends)
    return np.asarray(out - into, dtype=np.float64)


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
    network: Network, held: tuple[int, ...], conductances_s: FloatArray, leak_s: float, rcond: float
) -> None:
    """Refuse a solve whose reciprocal condition is too small: says which nodes float, or are held too weakly.

    Parameters
    ----------
    network : Network
    held : tuple of int
    conductances_s : numpy.ndarray, shape (E,)
    leak_s : float
    rcond : float
        0 or NaN where the factorisation failed.

    Raises
    ------
    FloatingNode, IllConditioned
    """
    if not rcond >= _LEAST_RCOND:
        raise _unsolvable(network, held, conductances_s, leak_s, rcond)


def _conductances(network: Network, resistances_ohm: ArrayLike) -> FloatArray:
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


def _solve(network: Network, part: _Partition, g: FloatArray, rim: FloatArray, leak_s: float) -> FloatArray:
    """Solve L_ff x = rim and check it; rim has shape (F,) or (F, H)."""
    solve = _solve_dense if len(part.free) <= DENSE_UP_TO else _solve_sparse
    x, rcond = solve(part, g, rim, known_leak(leak_s))
    check_condition(network, tuple(part.held.tolist()), g, leak_s, rcond)
    return x


def _solve_dense(part: _Partition, g: FloatArray, rim: FloatArray, leak_s: float) -> tuple[FloatArray, float]:
    n = len(part.free)
    matrix = np.asarray(np.bincount(part.entry, part.sign * g.take(part.edge), n * n), dtype=np.float64).reshape(n, n)
    if leak_s:
        matrix[np.diag_indices(n)] = matrix.diagonal() + leak_s
    factor, x, info = lapack.dposv(matrix, rim)
    if info:
        return x, 0.0
    # Twice the largest entry, which is on the diagonal, bounds the 1-norm of a Laplacian (Gershgorin).
    rcond, _ = lapack.dpocon(factor, 2.0 * matrix.max())
    return x, rcond


def _solve_sparse(part: _Partition, g: FloatArray, rim: FloatArray, leak_s: float) -> tuple[FloatArray, float]:
    n = len(part.free)
    row, column = np.divmod(part.entry, n)
    diagonal = np.arange(n)
    matrix = csc_array(
        (
            np.concatenate([part.sign * g[part.edge], np.full(n, leak_s)]),
            (np.concatenate([row, diagonal]), np.concatenate([column, diagonal])),
        ),
        shape=(n, n),
    )
    try:
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    except RuntimeError:  # exactly singular
        return np.full_like(rim, np.nan), 0.0
    # No entry of the inverse is negative (an M-matrix), so that its largest row sum is that of its product with ones.
    inverse_norm = np.abs(factor.solve(np.ones(n))).max()
    rcond = 1.0 / (2.0 * matrix.diagonal().max() * inverse_norm)
    return factor.solve(rim), rcond if np.isfinite(rcond) else 0.0


def _unsolvable(
    network: Network, held: tuple[int, ...], g: FloatArray, leak_s: float, rcond: float
) -> FloatingNode | IllConditioned:
    """Give the error that says which nodes cannot be solved for."""
    n = network.node_count
    a, b = (ends[g > 0] for ends in network.ends)
    _, piece = connected_components(csr_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    floating = np.flatnonzero(~np.isin(piece, piece[list(held)]))
    if len(floating) and not leak_s:
        return FloatingNode(
            f"nodes {floating[:8].tolist()}{' and more' if len(floating) > 8 else ''} have no path to a held node "
            f"(held: {sorted(held)}); hold one of them, or mend the broken edges."
        )
    hold = _strongest_hold(network, held, g, leak_s)
    hold[list(held)] = np.inf
    weakest = np.argsort(hold, kind="stable")[: min(5, n - len(held))]
    return IllConditioned(
        f"the solve is ill-conditioned (reciprocal condition {rcond:.1e}; allowed: above {_LEAST_RCOND:.0e}). "
        f"Edge conductances run from {g.min():.1e} to {g.max():.1e} S; the nodes held most weakly are "
        f"{weakest.tolist()}. Bring the resistances closer together."
    )


def _strongest_hold(network: Network, held: tuple[int, ...], g: FloatArray, leak_s: float) -> FloatArray:
    """Give, for every node, the weakest conductance on the best path to a held node or to ground, shape (n,)."""
    n = network.node_count
    root = n  # all held nodes and ground, as one
    to_root = np.full(n, leak_s)
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
