"""Networks with nonlinear edges: Newton's method, and the linearised network that gradients need.

The unknowns are the voltages of the free nodes, the residual the current that Kirchhoff's law has left over at them.
A step solves the network linearised where it stands; it is halved until less is left over. Edges of `laws` have slopes
dI/dV_first > 0 > dI/dV_second: so the Jacobian is an M-matrix and the state unique, as long as no shunt is negative.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from labnet.circuit.conditions import unsolvable
from labnet.circuit.laws import Law, Linear, Linearised
from labnet.circuit.linear import DENSE_UP_TO, linear_voltages
from labnet.errors import NotConverged
from labnet.networks import Network

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

RESIDUAL = 1e-9  # left over at a node, relative to the most current through any node
STEP = 1e-8  # Newton's last step, relative to the highest voltage; what is wrong after it is of the order of its square
MOST_ITERATIONS = 100
MOST_STAGES = 60
_HALVINGS = 30  # of a step
_ROUNDING = 1e-15  # of voltages; the current that it makes is left over whatever they are
_LEAST_A, _LEAST_V = 1e-12, 1e-3  # the scales of currents and voltages are no less: below it all is rounding
_LEAST_BESIDE = 1e-9


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the slopes of edges stand in the Jacobian of the free nodes."""

    free: IntArray  # (F,) nodes
    slope: IntArray  # which of (first, second, -first, -second), each (E,), stand in it
    entry: IntArray  # flat index of each into the (F, F) Jacobian: row = node of the current, column = of the voltage
    transposed: IntArray  # the same of its transpose


@lru_cache(maxsize=512)
def _places(network: Network, held: tuple[int, ...]) -> _Places:
    is_free = np.ones(network.node_count, dtype=np.bool_)
    is_free[list(held)] = False
    free, place = np.flatnonzero(is_free), np.cumsum(is_free) - 1
    a, b = network.ends
    row, column = np.concatenate([a, a, b, b]), np.concatenate([a, b, a, b])
    slope = np.flatnonzero(is_free[row] & is_free[column])
    row, column = place[row[slope]], place[column[slope]]
    return _Places(free, slope, row * len(free) + column, column * len(free) + row)


@dataclass(frozen=True, eq=False)
class Nonlinear:
    """A network with its law, what is held, and what else is joined to its nodes; all of it checked before.

    Attributes
    ----------
    held : tuple of int
        Nodes.
    ground_s : float or numpy.ndarray, shape (n,)
        Conductance from the nodes to ground.
    fed_a : float or numpy.ndarray, shape (n,)
        Currents fed into the nodes.
    beside : float
        Conductance of resistors in parallel to the edges, as a share of 1 / R.
    """

    network: Network
    ohm: FloatArray
    law: Law
    held: tuple[int, ...]
    ground_s: float | FloatArray = 0.0
    fed_a: float | FloatArray = 0.0
    beside: float = 0.0

    @cached_property
    def places(self) -> _Places:
        """Where the slopes of edges stand in the Jacobian, and which nodes are free."""
        return _places(self.network, self.held)

    @cached_property
    def _ground(self) -> FloatArray:
        return np.full(self.network.node_count, self.ground_s).take(self.places.free)

    def linearised(self, volts: FloatArray) -> Linearised:
        """Give currents and slopes of all edges, each (E,)."""
        at = self.law.linearised(self.network, self.ohm, volts)
        if not self.beside:
            return at
        beside = Linear().linearised(self.network, self.ohm, volts)
        return Linearised(*(own + self.beside * more for own, more in zip(at, beside, strict=True)))

    def left_over(self, volts: FloatArray, currents: FloatArray) -> FloatArray:
        """Give the current that leaves every free node less what is fed in, shape (F,), in amperes."""
        (a, b), n = self.network.ends, self.network.node_count
        left = np.bincount(a, currents, n) - np.bincount(b, currents, n) + self.ground_s * volts - self.fed_a
        return np.asarray(left.take(self.places.free), dtype=np.float64)

    def solve(self, at: Linearised, right: FloatArray, transposed: bool = False) -> FloatArray:
        """Solve the linearised network: Jacobian @ x = right, or its transpose; both (F,).

        Raises
        ------
        FloatingNode, IllConditioned
            Where it is singular.
        """
        places = self.places
        slopes = np.concatenate([at.first, at.second, -at.first, -at.second]).take(places.slope)
        solve = _solve_dense if len(right) <= DENSE_UP_TO else _solve_sparse
        x = solve(places.transposed if transposed else places.entry, slopes, self._ground, right)
        if x is None:
            raise unsolvable(self.network, self.held, at.first, self.ground_s, rcond=0.0)
        return x

    def solved(self, start: FloatArray) -> FloatArray:
        """Solve for all node voltages, shape (n,), from others that have the held nodes right.

        Raises
        ------
        NotConverged
            With the node that has most left over, and the edge that carries most current there.
        FloatingNode, IllConditioned
            Where the linearised network is singular, or negative shunts make the state that was found unstable.
        """
        volts, converged = self.newton(start)
        if not converged:
            volts, converged = self._led(self.lowest(start))
        at = self.linearised(volts)
        if not converged:
            raise self._not_converged(at, self.left_over(volts, at.currents))
        if np.min(self.ground_s) < 0.0 and not self.solve(at, np.ones(len(self.places.free))).min() > 0.0:
            raise unsolvable(self.network, self.held, at.first, self.ground_s, rcond=0.0)  # no M-matrix: not stable
        return volts

    def lowest(self, volts: FloatArray) -> FloatArray:
        """Give all free nodes the lowest held voltage: there transistors conduct, so that Newton does not stray."""
        free = self.places.free
        low = volts.copy()
        low[free] = volts[list(self.held)].min() if self.held else 0.0
        return low

    def newton(self, volts: FloatArray) -> tuple[FloatArray, bool]:
        """Give the node voltages that Newton's method comes to, shape (n,), and whether it has converged.

        It has where what is left over at every node is below `RESIDUAL` of the most current through any, or what the
        rounding of voltages makes, and Newton's next step, which is still taken, below `STEP` of the highest voltage.
        """
        at = self.linearised(volts)
        left = self.left_over(volts, at.currents)
        for _ in range(MOST_ITERATIONS):
            step = np.zeros_like(volts)
            step[self.places.free] = self.solve(at, -left)
            highest = max(np.abs(volts).max(), _LEAST_V)
            rounding = _ROUNDING * highest * at.first.sum()
            small = np.abs(step).max() <= STEP * highest
            if small and np.abs(left).max() <= max(RESIDUAL * self._through(at.currents), rounding):
                return volts + step, True
            enough = max(np.abs(left).sum(), rounding)
            for _ in range(_HALVINGS):
                there = self.linearised(volts + step)
                left = self.left_over(volts + step, there.currents)
                if np.abs(left).sum() < enough:
                    break
                step *= 0.5
            else:
                break
            volts, at = volts + step, there
        return volts, False

    def _led(self, volts: FloatArray) -> tuple[FloatArray, bool]:
        """Lead Newton's method here from a nearly linear network: resistors beside the edges, step by step weaker."""
        beside, reached, weaker = 1.0, np.inf, 0.1
        for _ in range(MOST_STAGES):
            there, converged = replace(self, beside=beside).newton(volts)
            if converged:
                volts, reached = there, beside
                if not beside:
                    return volts, True
            elif reached == np.inf:
                break
            else:
                weaker = weaker**0.5
            beside = reached * weaker if reached * weaker > _LEAST_BESIDE else 0.0
        return volts, False

    def _through(self, currents: FloatArray) -> float:
        """Give the most current through any node, the sum of magnitudes over its edges, in amperes."""
        (a, b), n, size = self.network.ends, self.network.node_count, np.abs(currents)
        return float(max((np.bincount(a, size, n) + np.bincount(b, size, n)).max(), _LEAST_A))

    def _not_converged(self, at: Linearised, left: FloatArray) -> NotConverged:
        a, b = self.network.ends
        node = int(self.places.free[np.argmax(np.abs(left))])
        edge = int(np.argmax(np.where((a == node) | (b == node), np.abs(at.currents), -1.0)))
        return NotConverged(
            f"Newton's method found no state within {MOST_ITERATIONS} iterations, nor led there from a linear network: "
            f"{np.abs(left).max():.1e} A are left over at node {node}, where edge {edge} (nodes {a[edge]} and "
            f"{b[edge]}) carries most, {at.currents[edge]:.1e} A; allowed: {RESIDUAL:.0e} of the most current through "
            f"any node. Begin from voltages that are nearer, or change the voltages, the currents that are fed in, or "
            f"the resistance of that edge ({self.ohm[edge]:.3g} ohm)."
        )


def nonlinear_voltages(
    network: Network,
    ohm: FloatArray,
    held: Mapping[int, float],
    law: Law,
    ground_s: float | FloatArray = 0.0,
    fed_a: FloatArray | None = None,
    start: FloatArray | None = None,
) -> FloatArray:
    """Solve a network whose input was checked; see `node_voltages`."""
    near = linear_voltages(network, 1.0 / ohm, held, ground_s, fed_a) if start is None else np.array(start)
    near[list(held)] = [*held.values()]
    if len(held) == network.node_count:
        return near
    state = Nonlinear(network, ohm, law, tuple(held), ground_s, 0.0 if fed_a is None else fed_a)
    return state.solved(state.lowest(near) if start is None else near)  # what floats, the resistors have said


def _solve_dense(entry: IntArray, slopes: FloatArray, ground_s: FloatArray, right: FloatArray) -> FloatArray | None:
    n = len(right)
    matrix = np.asarray(np.bincount(entry, slopes, n * n), dtype=np.float64).reshape(n, n)
    matrix.reshape(-1)[:: n + 1] += ground_s
    _, _, x, info = lapack.dgesv(matrix, right)
    return None if info else np.asarray(x)


def _solve_sparse(entry: IntArray, slopes: FloatArray, ground_s: FloatArray, right: FloatArray) -> FloatArray | None:
    (row, column), nodes = np.divmod(entry, len(right)), np.arange(len(right))
    places = np.append(row, nodes), np.append(column, nodes)
    matrix = csc_array((np.append(slopes, ground_s), places), shape=(len(right), len(right)))
    try:
        return splu(matrix).solve(right)
    except RuntimeError:  # exactly singular
        return None
