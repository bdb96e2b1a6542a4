"""Before a training: every edge and node by measurement, on both sides.

A node that floats between held ones is a voltage divider of its own edges. With one neighbour high and the others low,
it rises by the share that the edge to it has in their conductance, whatever the offsets of sources and readings.
Shares at all nodes give the conductances of a side but for one factor. A pattern of wipers and its opposite tell
whether wipers move; neighbours that are high on one side alone tell whether the sides are apart.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labnet.board import Board, Side
from labnet.errors import NotCalibrated, NotSupported
from labnet.floating import edges_at
from labnet.inspection.expected import Expected, Measured, expected_of
from labnet.inspection.finding import Finding, Kind
from labnet.inspection.states import NO_RISE, SIDES, Seen
from labnet.interrupts import finish

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NOISE_V = 0.3e-3  # of a reading: four codes of 16 bits over 5 V
_SIGMAS = 6.5  # of noise: beyond them once in 1e10
_OPEN = 0.05  # conducts less than this share of what it should: open
_STUCK = 0.5  # moves less than this share of what it should: stuck
_AS_MUCH, _AS_MUCH_NOMINAL = 0.8, 0.5  # share of its rise that is as it should be
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
    expected : Expected
        What `watching.Watch` may expect of this board from now on.
    """

    findings: tuple[Finding, ...]
    resistance: FloatArray
    error: FloatArray
    moved: FloatArray
    mismatch: FloatArray
    expected: Expected

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it; null where nothing was measured."""
        arrays = {name: getattr(self, name) for name in ("resistance", "error", "moved", "mismatch")}
        plain: dict[str, Any] = {name: each.astype(object) for name, each in arrays.items()}
        for name, each in arrays.items():
            plain[name][~np.isfinite(each)] = None
            plain[name] = plain[name].tolist()
        return {"findings": [each.to_dict() for each in self.findings], **plain}


def inspect(board: Board, expected: Expected | None = None, *, settle_s: float = 10e-3) -> Inspection:
    """Look for broken edges and nodes, by measurement.

    Wipers go to two patterns and back; no trigger is given. The board is left safe.

    Parameters
    ----------
    board : Board
    expected : Expected, optional
        What a sound board is like: by default as it is calibrated, where it is used so (`labnet.calibration.applied`),
        else nominal, within the tolerances of the reference board's parts.
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
        raise NotSupported(
            "where the wipers stand is not known: resistances were set directly, or edges have stepped by themselves; "
            "call set_wipers first."
        )

    def leave() -> None:
        board.safe()
        board.set_wipers(wipers)

    try:
        return _Judge(Seen(board, expected or expected_of(board), settle_s)).said()
    finally:
        finish(leave)


class _Judge:
    """What is wrong, by what was seen."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.network, self.expected = seen, seen.network, seen.expected
        self.patterns = seen.patterns
        self._edges_at = edges_at(self.network)
        # log R over the expected one, and its standard deviation, (pattern, side, E); NaN where it was not measured
        shape = (len(self.patterns), 2, self.network.edge_count)
        self.logs, self.noise = np.full(shape, np.nan), np.full(shape, np.nan)
        self._fit()

    def said(self) -> Inspection:
        """Give what came out."""
        at = self._higher[None, None]
        resistance, error = (np.take_along_axis(each, at, axis=0)[0] for each in (self.logs, self.noise))
        findings = (*self._nodes(), *self._edges(), *self._gates())
        apart, expected = np.expm1(self._apart()), Measured(self.expected, np.exp(resistance), error)
        return Inspection(findings, np.exp(resistance), error, self._moved(), apart, expected)

    # Nodes ------------------------------------------------------------------------------------------------------

    @property
    def _bad(self) -> BoolArray:
        """Which held nodes do not read as they must, (2, n)."""
        return np.asarray(self.seen.off > 1.0)

    def _nodes(self) -> Iterator[Finding]:
        bad = self._bad
        for node in np.flatnonzero(bad.any(axis=0)).tolist():
            responds = [self._responds(node, k) for k in range(2)]
            sides = np.flatnonzero(bad[:, node]).tolist()
            alone: Side | None = None if len(sides) == 2 else SIDES[sides[0]]
            k = int(np.argmax(self.seen.off[:, node]))
            off_v, most_v = self.seen.off_v[k, node], abs(self.seen.off_v[k, node]) / self.seen.off[k, node]
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
        for node in np.flatnonzero(self.seen.exchanged & ~bad.any(axis=0)).tolist():
            yield Finding(
                *("swapped readings", "node", node, None),
                "reads low on the side where it is high, and high on the other, where it floats among low nodes",
                "the other way round",
            )

    def _responds(self, node: int, side: int) -> bool:
        """Tell whether the neighbours of a node rise with it as they should: as on the other side, where it is held."""
        floating = [(f, edge) for f, edge in self.seen.rise[0] if self._other(edge, f) == node]
        rises = np.array([self.seen.rise[0][each] for each in floating]).reshape(-1, 2)
        if not len(rises):
            return True
        if not self._bad[1 - side, node]:
            return bool(np.median(rises[:, side] / np.maximum(rises[:, 1 - side], NO_RISE)) > _AS_MUCH)
        conductance = 1.0 / self.expected.resistances(SIDES[side], self.patterns[0]).ohm
        shares = [conductance[edge] / sum(conductance[e] for e, _ in self._edges_at[f]) for f, edge in floating]
        return bool(np.median(rises[:, side] / shares) > _AS_MUCH_NOMINAL)

    def _other(self, edge: int, node: int) -> int:
        a, b = self.network.edges[edge].tolist()
        return int(b if a == node else a)

    # Edges ------------------------------------------------------------------------------------------------------

    def _fit(self) -> None:
        """Work out the resistances of both sides at both patterns; `logs` and `noise` get them.

        Each has a factor that is not known. The median edge of the first is 1, and so is the median ratio of each other
        one to it: one broken edge does not move it.
        """
        for pattern, k in np.ndindex(len(self.patterns), 2):
            expected = np.log(self.expected.resistances(SIDES[k], self.patterns[pattern]).ohm)
            unsure = self._bad[k] | self.seen.exchanged | self._loose(k)
            rows = [
                (node, edge, float(rise[k]))
                for (node, edge), rise in self.seen.rise[pattern].items()
                if not (unsure[node] or self._bad[k, self._other(edge, node)])
            ]
            if not rows:
                continue
            logs, noise, part = self._fitted(rows, expected)
            first = self.logs[0, 0]
            for each in np.unique(part[np.isfinite(logs)]):
                inside = (part == each) & np.isfinite(logs)
                both = inside & np.isfinite(first)
                logs[inside] -= np.median(logs[both] - first[both]) if both.any() else np.median(logs[inside])
            self.logs[pattern, k], self.noise[pattern, k] = logs, noise

    def _loose(self, side: int) -> BoolArray:
        """Mark the nodes with a neighbour that is not held although it should be, and goes up and down with others."""
        found = np.zeros(self.network.node_count, dtype=np.bool_)
        for node in np.flatnonzero(self._bad[side]).tolist():
            if not self._responds(node, side) and not self._bad[1 - side, node]:
                found[[neighbour for _, neighbour in self._edges_at[node]]] = True
        return found

    def _fitted(
        self, rows: list[tuple[int, int, float]], expected: FloatArray
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """Fit log conductances, and a constant for each node, to log rises, weighed by their errors.

        Gives log R over the expected one, its standard deviation, and to which part of the network, measured together,
        each edge belongs, (E,).
        """
        edges, n = self.network.edge_count, self.network.node_count
        node, edge, rise = (np.array(column) for column in zip(*rows, strict=True))
        rise = np.maximum(rise, _LEAST)
        gain = self.expected.held_share / 2  # of sources: half of what a source and its reading together may be off
        error = np.hypot(2**0.5 * _NOISE_V / self.seen.holder.span_v / rise, gain)
        matrix = np.zeros((len(rows), edges + n))
        matrix[np.arange(len(rows)), edge] = 1.0
        matrix[np.arange(len(rows)), edges + node] = 1.0
        inverse = np.linalg.pinv(matrix / error[:, None])
        seen = np.isin(np.arange(edges), edge)
        logs = np.where(seen, -(inverse @ ((np.log(rise) + expected[edge]) / error))[:edges], np.nan)
        noise = np.where(seen, np.sqrt((inverse[:edges] ** 2).sum(axis=1)), np.nan)
        joined = coo_array((np.ones(len(rows)), (edge, edges + node)), shape=(edges + n, edges + n))
        _, part = connected_components(joined, directed=False)
        return np.asarray(logs), np.asarray(noise), part[:edges].astype(np.int64)

    def _edges(self) -> Iterator[Finding]:
        moved = self._moved()
        for edge in range(self.network.edge_count):
            if self.seen.crossed[edge] and not self.seen.exchanged[self.network.edges[edge]].any():
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
            if self.seen.wrong[edge] > self.seen.called[edge] / 2 and not self._ends_bad(edge):
                evidence = f"goes the wrong way {self.seen.wrong[edge]} of {self.seen.called[edge]} times"
                yield Finding("swapped comparators", "edge", edge, None, evidence, "0 times")

    def _ends_bad(self, edge: int) -> bool:
        ends = self.network.edges[edge]
        return bool(self._bad[:, ends].any() or self.seen.exchanged[ends].any())

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
        return np.asarray(np.argmax(self.patterns, axis=0))

    def _apart(self) -> FloatArray:
        """Give log R_clamped / R_free over the expected one where each edge is at its higher position, (E,)."""
        apart = np.take_along_axis(self.logs[:, 1] - self.logs[:, 0], self._higher[None], axis=0)[0]
        return np.asarray(apart - np.nanmedian(apart)) if np.isfinite(apart).any() else apart

    def _moved(self) -> FloatArray:
        """Give how far wipers moved resistances, over how far they should, (2, E); NaN where they are open."""
        ohm = np.array([[self.expected.resistances(side, row).ohm for side in SIDES] for row in self.patterns])
        moved = 1.0 + (self.logs[0] - self.logs[1]) / np.log(ohm[0] / ohm[1])
        return np.where((np.exp(-self.logs) < _OPEN).all(axis=0), np.nan, moved)

    # Gates ------------------------------------------------------------------------------------------------------

    def _gates(self) -> Iterator[Finding]:
        """See that every gate is open at an update probability of 1."""
        with suppress(NotCalibrated, NotSupported):
            self.seen.board.set_update_probability(1.0)
            for edge in np.flatnonzero(~self.seen.board.enabled()).tolist():
                yield Finding("stuck gate", "edge", edge, None, "does not step at an update probability of 1", "always")
