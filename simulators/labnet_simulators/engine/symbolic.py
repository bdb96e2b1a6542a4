"""The pattern of a sparse Cholesky factor: order of elimination, elimination tree, supernodes, where entries go.

Columns with the same rows below them form a *supernode* and are eliminated together in a small dense matrix, its
*front*; what they leave to the columns after them goes to the front of their parent in the tree. All of it depends on
the pattern of the matrix alone. After Liu, SIAM Review 34, 82 (1992).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.sparse.linalg import spilu

from labnet_simulators.engine.compiling import kept

IntArray = NDArray[np.int64]

WIDEST = 64  # columns of a supernode; wider ones are cut, so that the inner kernels stay in cache


class Supernodes(NamedTuple):
    """The symbolic factor; all arrays of int64. S supernodes, n columns."""

    first: IntArray  # (S + 1,) first column of each
    rows_at: IntArray  # (S + 1,) where the rows of its front begin in `rows`
    rows: IntArray  # its columns, then the rows below them, ascending
    place: IntArray  # of each row below: where it stands in the front of the parent
    child: IntArray  # (S,) the last child, or -1
    sibling: IntArray  # (S,) the child before this one, or -1
    panel_at: IntArray  # (S + 1,) where its columns x rows block of the factor begins
    stack_size: int


def analyse(n: int, u: IntArray, v: IntArray, last: int) -> tuple[IntArray, Supernodes]:
    """Choose the order of elimination and work out the factor's pattern.

    Parameters
    ----------
    n : int
        Columns.
    u, v : numpy.ndarray of int64, shape (M,)
        Row and column of every pair of entries off the diagonal; each pair once.
    last : int
        This many of the last columns are eliminated last, in supernodes of their own.

    Returns
    -------
    order : numpy.ndarray of int64, shape (n,)
        Columns in the order in which they are eliminated.
    nodes : Supernodes
    """
    order = np.concatenate([_fill_reducing(n - last, u, v), np.arange(n - last, n)])
    parent, _, _ = _tree(n, last, order, u, v)
    order = order[_postorder(parent)]
    parent, start, index = _tree(n, last, order, u, v)
    return order, _supernodes(parent, _column_counts(parent, start, index, last), start, index, last)


def inverse(order: IntArray) -> IntArray:
    """Give where each column stands in an order."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place


def _fill_reducing(n: int, u: IntArray, v: IntArray) -> IntArray:
    """Order columns 0 .. n - 1 by minimum degree, which SuperLU has; its factor, all but empty, is thrown away."""
    if n < 2:
        return np.arange(n)
    inner = (u < n) & (v < n)
    row, column, diagonal = u[inner], v[inner], np.arange(n)
    rows, columns = np.concatenate([row, column, diagonal]), np.concatenate([column, row, diagonal])
    values = np.repeat([-1.0, 1.0 + 2.0 * len(row)], [2 * len(row), n])
    matrix = csc_array((values, (rows, columns)), shape=(n, n))
    found = spilu(matrix, 1.0, 1.0, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.argsort(found.perm_c).astype(np.int64)


def _tree(n: int, last: int, order: IntArray, u: IntArray, v: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Give the elimination tree, and for every column the rows above the diagonal, in a new order."""
    place = inverse(order)
    low, high = np.minimum(place[u], place[v]), np.maximum(place[u], place[v])
    by_column = np.lexsort((low, high))
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(high, minlength=n), out=start[1:])
    index = low[by_column]
    parent = _parents(n, start, index)
    if last:  # one dense block, below everything that touches any of it
        parent[parent >= n - last] = n - last
        parent[n - last :] = np.append(np.arange(n - last + 1, n), -1)
    return parent, start, index


@kept
def _parents(n: int, start: IntArray, index: IntArray) -> Any:
    """Give the parent of every column in the elimination tree, or -1 (Liu, ACM Trans. Math. Softw. 12, 127, 1986)."""
    parent = np.full(n, -1)
    ancestor = np.full(n, -1)
    for j in range(n):
        for p in range(start[j], start[j + 1]):
            i = index[p]
            while i != -1 and i < j:
                above = ancestor[i]
                ancestor[i] = j
                if above == -1:
                    parent[i] = j
                i = above
    return parent


@kept
def _postorder(parent: IntArray) -> Any:
    """Order the columns so that every subtree of the elimination tree is contiguous."""
    n = len(parent)
    child, sibling = np.full(n + 1, -1), np.full(n, -1)
    for j in range(n - 1, -1, -1):  # roots are children of n
        above = parent[j] if parent[j] >= 0 else n
        sibling[j] = child[above]
        child[above] = j
    order, k = np.empty(n, dtype=np.int64), 0
    j = child[n]
    while k < n:
        while child[j] != -1:
            j = child[j]
        order[k] = j
        k += 1
        while sibling[j] == -1 and parent[j] != -1:
            j = parent[j]
            order[k] = j
            k += 1
        j = sibling[j]
    return order


@kept
def _column_counts(parent: IntArray, start: IntArray, index: IntArray, last: int) -> Any:
    """Count the entries of every column of L, with the diagonal."""
    n = len(parent)
    count, mark = np.ones(n, dtype=np.int64), np.full(n, -1)
    for i in range(n):
        mark[i] = i
        for p in range(start[i], start[i + 1]):
            j = index[p]
            while mark[j] != i:
                mark[j] = i
                count[j] += 1
                j = parent[j]
    for k in range(last):
        count[n - 1 - k] = k + 1
    return count


@kept
def _merged(parent: IntArray, count: IntArray, last: int) -> Any:
    """Give the first column of every supernode: equal columns, and nearly equal ones where that adds few zeros."""
    n = len(parent)
    first, zeros = np.empty(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    found = 0
    for j in range(n):
        a, zero, below = j, 0, count[j] - 1
        while found and a != n - last and a <= parent[a - 1] <= j:
            before = first[found - 1]
            wide, apart, own = j - before + 1, a - before, j - a + 1
            entries = wide * (wide + 1) // 2 + wide * below
            there = apart * (apart + 1) // 2 + apart * (count[a - 1] - 1) + own * (own + 1) // 2 + own * below
            more = entries - there
            total = zeros[found - 1] + zero + more
            share = total / entries
            if not (more == 0 or wide <= 4 or (wide <= 16 and share < 0.5) or (wide <= 48 and share < 0.1)):
                break
            found -= 1
            a, zero = before, total
        first[found], zeros[found] = a, zero
        found += 1
    first[found] = n
    return first[: found + 1].copy()


def _supernodes(parent: IntArray, count: IntArray, start: IntArray, index: IntArray, last: int) -> Supernodes:
    """Work out the symbolic factor from the tree."""
    n = len(parent)
    whole = _merged(parent, count, last)
    pieces = -(-np.diff(whole) // WIDEST)
    piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = np.append(np.repeat(whole[:-1], pieces) + piece * WIDEST, n)
    whole_end = np.repeat(whole[1:], pieces)
    most = (whole_end - first[:-1] + count[whole_end - 1] - 1).sum()
    lower = csc_array((np.ones(len(index), dtype=np.bool_), index, start), shape=(n, n)).tocsr()
    below_at, below = lower.indptr.astype(np.int64), lower.indices.astype(np.int64)
    rows_at, rows, place, child, sibling, stack_size = _fronts(first, whole_end, below_at, below, most)
    size = np.diff(first) * np.diff(rows_at)
    return Supernodes(first, rows_at, rows, place, child, sibling, np.append(0, np.cumsum(size)), stack_size)


@kept
def _fronts(first: IntArray, whole_end: IntArray, below_at: IntArray, below: IntArray, most: int) -> Any:
    """Give the rows of every front, where they stand in the parent's, the children, and the size of the stack."""
    count, n = len(first) - 1, len(below_at) - 1
    rows, place = np.empty(most, dtype=np.int64), np.full(most, -1)
    rows_at = np.zeros(count + 1, dtype=np.int64)
    child, sibling = np.full(count, -1), np.full(count, -1)
    of_column = np.empty(n, dtype=np.int64)
    for s in range(count):
        of_column[first[s] : first[s + 1]] = s
    mark, stands = np.full(n, -1), np.empty(n, dtype=np.int64)
    height, highest = 0, 0
    for s in range(count):
        a, b, end = first[s], first[s + 1], rows_at[s]
        for j in range(a, whole_end[s]):  # the later pieces of a cut supernode, so that each is the next one's child
            mark[j] = s
            rows[end] = j
            end += 1
        for j in range(a, b):
            for p in range(below_at[j], below_at[j + 1]):
                if mark[below[p]] != s:
                    mark[below[p]] = s
                    rows[end] = below[p]
                    end += 1
        c = child[s]
        while c != -1:
            for p in range(rows_at[c] + first[c + 1] - first[c], rows_at[c + 1]):
                if mark[rows[p]] != s:
                    mark[rows[p]] = s
                    rows[end] = rows[p]
                    end += 1
            c = sibling[c]
        mine = rows[rows_at[s] : end]
        mine.sort()
        rows_at[s + 1] = end
        for k in range(len(mine)):
            stands[mine[k]] = k
        m = len(mine) - (b - a)
        highest = max(highest, height + m * (m + 1) // 2)
        c = child[s]
        while c != -1:
            wide = first[c + 1] - first[c]
            for p in range(rows_at[c] + wide, rows_at[c + 1]):
                place[p] = stands[rows[p]]
            k = rows_at[c + 1] - rows_at[c] - wide
            height -= k * (k + 1) // 2
            c = sibling[c]
        height += m * (m + 1) // 2
        if m:
            above = of_column[mine[b - a]]
            sibling[s] = child[above]
            child[above] = s
    return rows_at, rows[: rows_at[count]].copy(), place[: rows_at[count]].copy(), child, sibling, highest


@kept
def positions(nodes: Supernodes, low: IntArray, high: IntArray) -> Any:
    """Tell where in the panels the entries of rows `high` in columns `low` are."""
    at = np.empty(len(low), dtype=np.int64)
    for e in range(len(low)):
        s = np.searchsorted(nodes.first, low[e], side="right") - 1
        rows = nodes.rows[nodes.rows_at[s] : nodes.rows_at[s + 1]]
        at[e] = nodes.panel_at[s] + (low[e] - nodes.first[s]) * len(rows) + np.searchsorted(rows, high[e])
    return at
