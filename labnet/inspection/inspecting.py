"""Before a training: every edge and node by measurement, on both sides.

A node that floats between held ones is a voltage divider of its own edges. With one neighbour high and the others low it
rises by the share that the edge to it has in their conductance, whatever the offsets of sources and readings. Shares at
all nodes give the conductances of a side but for one factor. A pattern of wipers and its opposite tell whether wipers
move; neighbours that are high on one side alone tell whether the sides are apart.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labnet import circuit
from labnet.board import Board, Side
from labnet.errors import NotCalibrated, NotSupported
from labnet.inspection.expected import Expected, Nominal
from labnet.inspection.finding import Finding, Kind
from labnet.inspection.states import SIDES, Holder, State, states
from labnet.interrupts import finish

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NOISE_V = 0.3e-3  # of a reading: four codes of 16 bits over 5 V
_SIGMAS = 6.5  # of noise: beyond them once in 1e10
_GAIN = 1e-3  # gains of sources, as a share
_OPEN = 0.05  # conducts less than this share of what it should: open
_STUCK = 0.5  # moves less than this share of what it should: stuck
_CLEAR_V = 0.1  # where drops differ by more, comparators must see it
_LEAST = 1e-4  # of a share that is measured


@dataclass(frozen=True)
class Inspection:
    """What came out.

    Attributes
    ----------
    findings : tuple of Finding
    resistance : numpy.ndarray, shape (2, E)
        Of each side, over the expected one: the median edge of a side is 1. NaN where it was not measured.
    error : numpy.ndarray, shape (2, E)
        Standard deviation, by noise and gains.
    moved : numpy.ndarray, shape (2, E)
        How far the wiper moved the resistance, over how far it should: 1 where it did, 0 where it is stuck.
    mismatch : numpy.ndarray, shape (E,)
        R_clamped / R_free over the expected one, less 1: the median edge is 0.
    """

    findings: tuple[Finding, ...]
    resistance: FloatArray
    error: FloatArray
    moved: FloatArray
    mismatch: FloatArray

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def broken_edges(self) -> tuple[int, ...]:
        """Edges with a fault: what to mask."""
        return tuple(sorted({each.index for each in self.findings if each.part == "edge"}))


def inspect(board: Board, expected: Expected | None = None, *, settle_s: float = 10e-3) -> Inspection:
    """Look for broken edges and nodes, by measurement.

    Wipers go to two patterns and back; no trigger is given. The board is left safe.

    Parameters
    ----------
    board : Board
    expected : Expected, optional
        What a sound board is like: by default nominal, within the tolerances of the reference board's parts.
    settle_s : float
        Wait after every change.

    Returns
    -------
    Inspection
        Its findings name edges and nodes, with what was measured and what is allowed.

    Raises
    ------
    NotSupported
        Where no node can float with all its neighbours held, and on a board whose resistances were set directly.
    """
    wipers = board.wipers()
    if (wipers < 0).any():
        raise NotSupported("resistances were set directly, so there are no wipers to look at; call set_wipers first.")

    def leave() -> None:
        board.safe()
        board.set_wipers(wipers)

    try:
        return _Inspector(board, expected or Nominal(board.info), settle_s).inspect()
    finally:
        finish(leave)


class _Inspector:
    """One inspection under way."""

    def __init__(self, board: Board, expected: Expected, settle_s: float) -> None:
        self.board, self.network, self.info, self.expected = board, board.network, board.info, expected
        self.holder = Holder(board, settle_s)
        self.states = states(board, self.holder.held)
        if not self.states:
            raise NotSupported("no node of this board can float with all its neighbours held: nothing can be measured.")
        n, edges = self.network.node_count, self.network.edge_count
        top, middle = self.info.wiper_positions - 1, self.info.wiper_positions // 2
        odd = np.arange(edges) % 2
        self.patterns = np.array([np.where(odd, middle, top), np.where(odd, top, middle)])
        self.rise = [dict[tuple[int, int], FloatArray]() for _ in self.patterns]  # (node, edge): of both sides, (2,)
        self.base = np.zeros((2, n))  # readings of floating nodes with all others low
        self.off = np.zeros((2, n))  # a held node's reading from what it should be: the worst, over what is allowed
        self.off_v = np.zeros((2, n))
        self.crossed = np.zeros(edges, dtype=np.bool_)
        self.exchanged = np.zeros(n, dtype=np.bool_)
        self.wrong, self.called = np.zeros(edges, dtype=np.int64), np.zeros(edges, dtype=np.int64)

    def inspect(self) -> Inspection:
        for k, wipers in enumerate(self.patterns):
            self.holder.place(wipers)
            self._measure_base()
            for state in self.states:
                self._measure(k, state)
                if k == 0:
                    self._measure_apart(state)
        findings = list(self._nodes())
        self.logs, self.noise = np.moveaxis([self._resistances(k) for k in range(len(self.patterns))], 1, 0)
        findings += [*self._edges(), *self._gates()]
        at = self._higher
        higher = [np.take_along_axis(each, at[None, None], axis=0)[0] for each in (self.logs, self.noise)]
        return Inspection(tuple(findings), np.exp(higher[0]), higher[1], self._moved(), np.expm1(self._apart()))

    # States -----------------------------------------------------------------------------------------------------

    def _measure_base(self) -> None:
        """Read every node that is to float while all others are low."""
        left = {node for state in self.states for node in state.shown}
        while left:
            group: set[int] = set()
            for state in self.states:
                if not group or len(left & state.shown.keys()) > len(left & group):
                    group = set(state.shown)
            readings = self._held_and_read(set(), group)
            for node in group:
                self.base[:, node] = readings[:, node]
            left -= group

    def _held_and_read(self, high: set[int], floating: set[int]) -> FloatArray:
        """Hold a state on both sides, and see how well the held nodes are held."""
        self.holder.hold(high, dict.fromkeys(SIDES, floating))
        readings = self.holder.read()
        held = [node for node in self.holder.held if node not in floating]
        asked = np.where([node in high for node in held], self.holder.high_v, self.holder.low_v)
        given = self.expected.given(held, asked)
        for k, side in enumerate(SIDES):
            off_v = self.expected.corrected(side, readings[k])[held] - given
            off = np.abs(off_v) / (self.expected.held_v + self.expected.held_share * np.abs(given))
            worse = off > self.off[k, held]
            at = np.array(held)[worse]
            self.off[k, at], self.off_v[k, at] = off[worse], off_v[worse]
        return readings

    def _measure(self, pattern: int, state: State) -> None:
        floating = set(state.shown)
        readings = self._held_and_read(state.high, floating)
        for node, (edge, _) in state.shown.items():
            self.rise[pattern][node, edge] = (readings[:, node] - self.base[:, node]) / self.holder.span_v

    def _measure_apart(self, state: State) -> None:
        """Let go of the high nodes on one side: the other must not feel it, and comparators must."""
        floating = set(state.shown)
        for k, side in enumerate(SIDES):
            self.holder.hold(state.high, {side: floating, SIDES[1 - k]: floating | state.high})
            readings = self.holder.read()
            middle_v = (self.holder.low_v + self.holder.high_v) / 2
            for node in state.high:
                self.exchanged[node] |= bool(readings[k, node] < middle_v < readings[1 - k, node])
            for node, (edge, _) in state.shown.items():
                rise = (readings[:, node] - self.base[:, node]) / self.holder.span_v
                before = self.rise[0][node, edge]
                lost, gained = rise[k] < 0.5 * before[k], rise[1 - k] > 0.5 * before[1 - k]
                self.crossed[edge] |= bool(before.min() > _floor() and lost and gained)
            self._compare(readings)

    def _compare(self, readings: FloatArray) -> None:
        drops = np.abs(circuit.edge_drops(self.network, readings))
        more = drops[1] - drops[0]
        clear = np.abs(more) > _CLEAR_V
        self.called += clear
        self.wrong += clear & (self.board.directions() != np.sign(more))

    # Nodes ------------------------------------------------------------------------------------------------------

    @property
    def _bad(self) -> BoolArray:
        """Which held nodes do not read as they must, (2, n)."""
        return np.asarray(self.off > 1.0)

    def _nodes(self) -> Iterator[Finding]:
        bad = self._bad
        for node in np.flatnonzero(bad.any(axis=0)).tolist():
            responds = [self._neighbours_rise(node, k) for k in range(2)]
            sides = np.flatnonzero(bad[:, node]).tolist()
            alone: Side | None = None if len(sides) == 2 else SIDES[sides[0]]
            k = int(np.argmax(self.off[:, node]))
            off_v, most_v = self.off_v[k, node], abs(self.off_v[k, node]) / self.off[k, node]
            evidence = f"reads {off_v:+.4g} V off what is asked of its source"
            allowed = f"within {1e3 * most_v:.1f} mV"
            if all(responds[k] for k in sides):
                kind: Kind = "drift" if self.expected.calibrated and abs(off_v) < 0.05 else "bad reading"
                evidence += ", and its neighbours rise with it as they should"
                yield Finding(kind, "node", node, alone, evidence, allowed)
            elif alone is None and not any(responds):
                evidence += ", and no neighbour rises with it on either side"
                yield Finding("dead source", "node", node, None, evidence, allowed)
            else:
                evidence += ", and no neighbour rises with it there"
                yield Finding("loose source", "node", node, alone, evidence, allowed)
        for node in np.flatnonzero(self.exchanged & ~bad.any(axis=0)).tolist():
            yield Finding(
                *("swapped readings", "node", node, None),
                "reads low on the side where it is high, and high on the other, where it floats among low nodes",
                "the other way round",
            )

    def _neighbours_rise(self, node: int, side: int) -> bool:
        """Tell whether any neighbour of a node rises with it."""
        rises = [rise[side] for (f, edge), rise in self.rise[0].items() if self._other(edge, f) == node]
        return any(rise > _floor() for rise in rises)

    def _other(self, edge: int, node: int) -> int:
        a, b = self.network.edges[edge].tolist()
        return int(b if a == node else a)

    # Edges ------------------------------------------------------------------------------------------------------

    def _resistances(self, pattern: int) -> tuple[FloatArray, FloatArray]:
        """Give log R over the expected one, and its standard deviation, (2, E): NaN where it was not measured."""
        logs, std = np.full((2, 2, self.network.edge_count), np.nan)
        for k, side in enumerate(SIDES):
            expected = np.log(self.expected.resistances(side, self.patterns[pattern]).ohm)
            loose = self._loose(k)
            rows = [
                (node, edge, rise[k])
                for (node, edge), rise in self.rise[pattern].items()
                if not (
                    self._bad[k, node] or self.exchanged[node] or loose[node] or self._bad[k, self._other(edge, node)]
                )
            ]
            if rows:
                logs[k], std[k] = self._fitted(rows, expected)
        return logs, std

    def _loose(self, side: int) -> BoolArray:
        """Mark the nodes with a neighbour that is not held although it should be, and goes up and down with others."""
        found = np.zeros(self.network.node_count, dtype=np.bool_)
        for node in np.flatnonzero(self._bad[side]).tolist():
            if not self._neighbours_rise(node, side) and not self._bad[1 - side, node]:
                found |= np.isin(np.arange(len(found)), [self._other(e, node) for e in self._edges_at(node)])
        return found

    def _edges_at(self, node: int) -> list[int]:
        return np.flatnonzero((self.network.edges == node).any(axis=1)).tolist()

    def _fitted(self, rows: list[tuple[int, int, float]], expected: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Fit log conductances and a constant for each node to log rises, weighed by their errors."""
        edges, n = self.network.edge_count, self.network.node_count
        node, edge, rise = (np.array(column) for column in zip(*rows, strict=True))
        rise = np.maximum(rise, _LEAST)
        error = np.hypot(2**0.5 * _NOISE_V / self.holder.span_v / rise, _GAIN)
        matrix = np.zeros((len(rows), edges + n))
        matrix[np.arange(len(rows)), edge] = 1.0
        matrix[np.arange(len(rows)), edges + node] = 1.0
        inverse = np.linalg.pinv(matrix / error[:, None])
        logs = -(inverse @ ((np.log(rise) + expected[edge]) / error))[:edges]
        std = np.sqrt((inverse[:edges] ** 2).sum(axis=1))
        joined = coo_array((np.ones(len(rows)), (edge, edges + node)), shape=(edges + n, edges + n))
        _, part = connected_components(joined, directed=False)
        for each in np.unique(part[edge]):  # one factor for each part of the network that is measured together
            inside = (part[:edges] == each) & np.isin(np.arange(edges), edge)
            logs[inside] -= np.median(logs[inside])
        seen = np.isin(np.arange(edges), edge)
        return np.where(seen, logs, np.nan), np.where(seen, std, np.nan)

    def _edges(self) -> Iterator[Finding]:
        moved = self._moved()
        for edge in range(self.network.edge_count):
            if self.crossed[edge] and not self.exchanged[self.network.edges[edge]].any():
                yield self._of_crossed(edge)
                continue
            dead = [k for k in range(2) if (np.exp(-self.logs[:, k, edge]) < _OPEN).all()]
            stuck = [k for k in range(2) if k not in dead and abs(moved[k, edge]) < _STUCK]
            off = [] if dead + stuck else [each for k in range(2) if (each := self._of_resistance(edge, k))]
            if dead:
                yield self._of_dead(edge, dead)
            if stuck:
                yield self._of_stuck(edge, stuck, moved)
            yield from off
            if not (dead or stuck or off) and (apart := self._of_mismatch(edge)):
                yield apart
            if self.wrong[edge] > self.called[edge] / 2 and not self._ends_bad(edge):
                evidence = f"goes the wrong way {self.wrong[edge]} of {self.called[edge]} times"
                yield Finding("swapped comparators", "edge", edge, None, evidence, "0 times")

    def _ends_bad(self, edge: int) -> bool:
        ends = self.network.edges[edge]
        return bool(self._bad[:, ends].any() or self.exchanged[ends].any())

    def _of_crossed(self, edge: int) -> Finding:
        a, b = self.network.edges[edge].tolist()
        return Finding(
            *("crossed twins", "edge", edge, None),
            f"with node {b} high on one side alone, node {a} rises on the other, or the other way round",
            "nothing rises on the other side",
        )

    def _of_dead(self, edge: int, sides: list[int]) -> Finding:
        most = float(np.exp(-self.logs[:, sides, edge]).max())
        side = None if len(sides) == 2 else SIDES[sides[0]]
        return Finding("dead edge", "edge", edge, side, f"conducts {most:.2%} of what it should", f"above {_OPEN:.0%}")

    def _of_stuck(self, edge: int, sides: list[int], moved: FloatArray) -> Finding:
        low, high = sorted(self.patterns[:, edge].tolist())
        side, worst = None if len(sides) == 2 else SIDES[sides[0]], max(moved[sides, edge], key=abs)
        evidence = f"from position {low} to {high} its resistance moves by {worst:.1%} of what it should"
        return Finding("stuck edge", "edge", edge, side, evidence, f"above {_STUCK:.0%}")

    def _of_resistance(self, edge: int, side: int) -> Finding | None:
        """Say where a resistance is not what is expected, at either position."""
        for k, wipers in enumerate(self.patterns):
            expected, log = self.expected.resistances(SIDES[side], wipers), self.logs[k, side, edge]
            share = self.expected.reach * (expected.common[edge] + expected.own[edge])
            most = 2 * np.arctanh(min(share, 0.99)) + _SIGMAS * self.noise[k, side, edge]  # and so is the median edge
            if abs(log) > most:
                times = f"{np.exp(log):.4g} times what it should be"
                return Finding(
                    "drift" if self.expected.calibrated else "resistance",
                    *("edge", edge, SIDES[side], f"its resistance at position {wipers[edge]} is {times}"),
                    f"{np.exp(-most):.3g} to {np.exp(most):.3g}, by the median of this side's edges",
                )
        return None

    def _of_mismatch(self, edge: int) -> Finding | None:
        """Say where the twins of an edge differ by more than they may; at the higher of both positions."""
        k = int(self._higher[edge])
        own = sum(float(self.expected.resistances(side, self.patterns[k]).own[edge]) for side in SIDES)
        most = self.expected.reach * (self.expected.twin + own) + _SIGMAS * float(np.hypot(*self.noise[k, :, edge]))
        apart = self._apart()[edge]
        if not abs(apart) > most:
            return None
        evidence = f"R_clamped / R_free at position {self.patterns[k, edge]} is {apart:+.2%} off what it should be"
        return Finding("twin mismatch", "edge", edge, None, evidence, f"within {most:.2%}, by the median of all edges")

    @property
    def _higher(self) -> IntArray:
        """In which pattern each edge is at the higher of its positions, (E,)."""
        return np.argmax(self.patterns, axis=0)

    def _apart(self) -> FloatArray:
        """Give log R_clamped / R_free over the expected one where each edge is at its higher position, (E,)."""
        apart = np.take_along_axis(self.logs[:, 1] - self.logs[:, 0], self._higher[None], axis=0)[0]
        return np.asarray(apart - np.nanmedian(apart)) if np.isfinite(apart).any() else apart

    def _moved(self) -> FloatArray:
        """Give how far wipers moved resistances from one pattern to the other, over how far they should, (2, E)."""
        ohm = np.array([[self.expected.resistances(side, row).ohm for side in SIDES] for row in self.patterns])
        return np.asarray(1.0 + (self.logs[0] - self.logs[1]) / np.log(ohm[0] / ohm[1]))

    # Gates ------------------------------------------------------------------------------------------------------

    def _gates(self) -> Iterator[Finding]:
        """See that every gate is open at an update probability of 1."""
        with suppress(NotCalibrated, NotSupported):
            self.board.set_update_probability(1.0)
            for edge in np.flatnonzero(~self.board.enabled()).tolist():
                yield Finding("stuck gate", "edge", edge, None, "does not step at an update probability of 1", "always")


def _floor() -> float:
    """Give the least rise that is more than noise."""
    return 10 * _NOISE_V / 4.0
