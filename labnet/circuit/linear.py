"""Linear networks: Laplacian systems, solved and checked.

For free nodes f and held nodes h the current law reads L_ff V_f = I_f - L_fh V_h, with L the Laplacian of the edge
conductances and I what is fed into the nodes. L_ff is symmetric positive definite as soon as every free node has a path
to a held one (or leaks to ground), so it is factorised by Cholesky when small and by sparse LU when large.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from labnet.circuit.conditions import check_condition, known_leak, known_nodes
from labnet.circuit.edges import conductances
from labnet.networks import Network

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DENSE_UP_TO = 400  # free nodes; where sparse LU overtakes dense Cholesky


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
    g = conductances(network, resistances_ohm)
    matrix = np.zeros((network.node_count, len(nodes)))
    matrix[part.held, np.arange(len(nodes))] = 1.0
    if len(part.free):
        rim = np.zeros((len(part.free), len(nodes)))
        np.add.at(rim, (part.rim_row, part.rim_column), g[part.rim_edge])
        matrix[part.free] = _solve(network, part, g, rim, known_leak(leak_s))
    return matrix


def linear_voltages(
    network: Network,
    conductances_s: FloatArray,
    held: Mapping[int, float],
    ground_s: float | FloatArray = 0.0,
    currents_a: FloatArray | None = None,
) -> FloatArray:
    """Solve a linear network whose input was checked; see `node_voltages`.

    `ground_s` is the conductance to ground, one for all nodes or (n,); `currents_a` what is fed into the nodes, (n,).
    """
    part = _partition(network, tuple(held))
    volts = np.array([*held.values()], dtype=np.float64)
    v = np.empty(network.node_count)
    v[part.held] = volts
    if len(part.free):
        currents = conductances_s.take(part.rim_edge) * volts.take(part.rim_column)
        rim = np.asarray(np.bincount(part.rim_row, currents, len(part.free)), dtype=np.float64)
        if currents_a is not None:
            rim += currents_a.take(part.free)
        v[part.free] = _solve(network, part, conductances_s, rim, ground_s)
    return v


def _solve(
    network: Network, part: _Partition, g: FloatArray, rim: FloatArray, ground_s: float | FloatArray
) -> FloatArray:
    """Solve L_ff x = rim and check it; rim has shape (F,) or (F, H), ground_s () or (n,)."""
    solve = _solve_dense if len(part.free) <= DENSE_UP_TO else _solve_sparse
    free_ground_s = ground_s.take(part.free) if isinstance(ground_s, np.ndarray) else ground_s
    x, rcond = solve(part, g, rim, free_ground_s)
    check_condition(network, tuple(part.held.tolist()), g, ground_s, rcond)
    return x


def _solve_dense(
    part: _Partition, g: FloatArray, rim: FloatArray, ground_s: float | FloatArray
) -> tuple[FloatArray, float]:
    n = len(part.free)
    matrix = np.asarray(np.bincount(part.entry, part.sign * g.take(part.edge), n * n), dtype=np.float64).reshape(n, n)
    if isinstance(ground_s, np.ndarray) or ground_s:
        matrix[np.diag_indices(n)] = matrix.diagonal() + ground_s
    factor, x, info = lapack.dposv(matrix, rim)
    if info:
        return x, 0.0
    rcond, _ = lapack.dpocon(factor, _norm(matrix.max(), ground_s))
    return x, rcond


def _norm(largest: float, ground_s: float | FloatArray) -> float:
    """Bound the 1-norm: the largest entry is on the diagonal, and off it a row has no more, but for negative shunts."""
    return 2.0 * largest - (min(0.0, ground_s.min()) if isinstance(ground_s, np.ndarray) else 0.0)


def _solve_sparse(
    part: _Partition, g: FloatArray, rim: FloatArray, ground_s: float | FloatArray
) -> tuple[FloatArray, float]:
    n = len(part.free)
    row, column = np.divmod(part.entry, n)
    diagonal = np.arange(n)
    matrix = csc_array(
        (
            np.concatenate([part.sign * g[part.edge], np.full(n, ground_s)]),
            (np.concatenate([row, diagonal]), np.concatenate([column, diagonal])),
        ),
        shape=(n, n),
    )
    try:
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    except RuntimeError:  # exactly singular
        return np.full_like(rim, np.nan), 0.0
    # No entry of the inverse is negative (an M-matrix), so that its largest row sum is that of its product with ones.
    row_sums = factor.solve(np.ones(n))
    if not row_sums.min() > 0.0:  # no M-matrix then: shunts make the network unstable
        return np.full_like(rim, np.nan), 0.0
    rcond = 1.0 / (_norm(matrix.diagonal().max(), ground_s) * row_sums.max())
    return factor.solve(rim), rcond if np.isfinite(rcond) else 0.0
