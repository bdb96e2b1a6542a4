"""Cholesky factors of large sparse matrices that all have one pattern: the graph's, whatever the conductances.

Multifrontal (Duff and Reid, ACM Trans. Math. Softw. 9, 302, 1983): every supernode is eliminated in its dense front;
what it leaves to later columns, the *update*, waits on a stack until the front of its parent takes it up. The row of a
front that belongs to column k of a supernode is row k of L transposed, so that all inner loops run along rows, in
memory order.
"""

import numpy as np
from numpy.typing import NDArray

from labnet_simulators.engine.compiling import kept
from labnet_simulators.engine.symbolic import Supernodes, analyse, inverse, positions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TILE = 64  # rows of an update that one matrix product gives
_LEAST_PRODUCT = 1024  # columns x rows of a front from which BLAS beats plain loops


class Cholesky:
    """A = L L^T for symmetric positive definite matrices of one pattern.

    Parameters
    ----------
    n : int
    u, v : numpy.ndarray of int64, shape (M,)
        Row and column of every pair of entries off the diagonal; each pair once.
    last : int
        This many of the last columns are eliminated last, whatever the order of the others.
    """

    def __init__(self, n: int, u: IntArray, v: IntArray, last: int = 0) -> None:
        self.order, self._nodes = analyse(n, u, v, last)
        self._inner = int(np.searchsorted(self._nodes.first, n - last))  # supernodes before the last columns
        place = inverse(self.order)
        low, high = np.minimum(place[u], place[v]), np.maximum(place[u], place[v])
        self._pair_at = positions(self._nodes, low, high)
        self._diagonal_at = positions(self._nodes, place, place)
        self._panels = np.empty(self._nodes.panel_at[-1])
        self._stack = np.empty(self._nodes.stack_size)

    def factor(self, pairs: FloatArray, diagonal: FloatArray) -> bool:
        """Factorise the matrix with these entries, shapes (M,) and (n,); False if it is not positive definite."""
        self._panels.fill(0.0)
        self._panels[self._pair_at] = pairs
        self._panels[self._diagonal_at] = diagonal
        return bool(_factor(self._nodes, self._panels, self._stack))

    def solve(self, b: FloatArray) -> FloatArray:
        """Solve A x = b, shape (n,)."""
        x = b[self.order]
        _forward(self._nodes, self._panels, x)
        _backward(self._nodes, self._panels, x, len(self._nodes.first) - 1)
        return self._in_place(x)

    def extend(self, last: FloatArray) -> FloatArray:
        """Give the x, shape (n,), with these last entries for which A x is zero in all other rows."""
        x = np.zeros(len(self.order))
        x[len(x) - len(last) :] = last
        _backward(self._nodes, self._panels, x, self._inner)
        return self._in_place(x)

    def _in_place(self, x: FloatArray) -> FloatArray:
        back = np.empty_like(x)
        back[self.order] = x
        return back


@kept
def _subtract(row: FloatArray, panel: FloatArray, column: int, k: int) -> None:
    """Subtract from `row` the multiples of the first k rows of a panel that eliminate `column`; from there on."""
    size = len(row)
    right = panel[:, panel.shape[1] - size :]
    i = 0
    while i + 4 <= k:  # four at a time, so that `row` is read and written less often
        a, b, c, d = panel[i, column], panel[i + 1, column], panel[i + 2, column], panel[i + 3, column]
        for t in range(size):
            row[t] -= a * right[i, t] + b * right[i + 1, t] + c * right[i + 2, t] + d * right[i + 3, t]
        i += 4
    while i < k:
        a = panel[i, column]
        for t in range(size):
            row[t] -= a * right[i, t]
        i += 1


@kept
def _subtract_products(update: FloatArray, panel: FloatArray, wide: int) -> None:
    """Subtract B^T B, its upper triangle in packed rows, from an update; B is what stands right of the pivots."""
    m = panel.shape[1] - wide
    at = 0
    for j in range(0, m, _TILE):
        right = panel[:, wide + j :].copy()
        product = np.dot(right[:, : min(_TILE, m - j)].copy().T, right)
        for k in range(product.shape[0]):
            size = m - j - k
            update[at : at + size] -= product[k, k:]
            at += size


@kept
def _factor(nodes: Supernodes, panels: FloatArray, stack: FloatArray) -> bool:
    """Factorise in place the matrix whose entries stand in `panels`; False at a pivot that is not positive."""
    top = 0
    for s in range(len(nodes.first) - 1):
        wide, size = nodes.first[s + 1] - nodes.first[s], nodes.rows_at[s + 1] - nodes.rows_at[s]
        panel = panels[nodes.panel_at[s] : nodes.panel_at[s + 1]].reshape(wide, size)
        m = size - wide
        update = stack[top : top + m * (m + 1) // 2]
        update[:] = 0.0
        base, c = top, nodes.child[s]
        while c != -1:  # the last child stands highest
            place = nodes.place[nodes.rows_at[c] + nodes.first[c + 1] - nodes.first[c] : nodes.rows_at[c + 1]]
            q = len(place)
            base -= q * (q + 1) // 2
            p = base
            for j in range(q):
                r = place[j]
                if r < wide:
                    for i in range(j, q):
                        panel[r, place[i]] += stack[p]
                        p += 1
                else:
                    k = r - wide
                    off = k * m - k * (k - 1) // 2 - r
                    for i in range(j, q):
                        update[off + place[i]] += stack[p]
                        p += 1
            c = nodes.sibling[c]
        for k in range(wide):
            row = panel[k, k:]
            _subtract(row, panel, k, k)
            if not row[0] > 0.0:
                return False
            row *= 1.0 / np.sqrt(row[0])
        if wide * m >= _LEAST_PRODUCT:
            _subtract_products(update, panel, wide)
        else:
            at = 0
            for j in range(m):
                _subtract(update[at : at + m - j], panel, wide + j, wide)
                at += m - j
        for p in range(len(update)):
            stack[base + p] = update[p]
        top = base + len(update)
    return True


@kept
def _forward(nodes: Supernodes, panels: FloatArray, x: FloatArray) -> None:
    """Solve L y = x in place."""
    for s in range(len(nodes.first) - 1):
        a, wide = nodes.first[s], nodes.first[s + 1] - nodes.first[s]
        rows = nodes.rows[nodes.rows_at[s] : nodes.rows_at[s + 1]]
        at = nodes.panel_at[s]
        for k in range(wide):
            y = x[a + k] / panels[at + k]
            x[a + k] = y
            for i in range(k + 1, len(rows)):
                x[rows[i]] -= y * panels[at + i]
            at += len(rows)


@kept
def _backward(nodes: Supernodes, panels: FloatArray, x: FloatArray, count: int) -> None:
    """Solve L^T y = x in place for the columns of the first `count` supernodes; those after them are solved."""
    for s in range(count - 1, -1, -1):
        a, wide = nodes.first[s], nodes.first[s + 1] - nodes.first[s]
        rows = nodes.rows[nodes.rows_at[s] : nodes.rows_at[s + 1]]
        at = nodes.panel_at[s + 1]
        for k in range(wide - 1, -1, -1):
            at -= len(rows)
            y = x[a + k]
            for i in range(k + 1, len(rows)):
                y -= panels[at + i] * x[rows[i]]
            x[a + k] = y / panels[at + k]
