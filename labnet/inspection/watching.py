"""During a training: Kirchhoff's current law at every floating node, from what is logged anyway. Nothing is moved.

With drops dV_e as read and conductances c_e g_e, where g_e is expected at the wiper's position and c_e is by how much
this pot is off, the currents at a floating node add up to 0. That is linear in c, so a Kalman filter learns c along the
way, beginning with what is expected (`Expected`), and the currents of each new record are tested against what it
predicts, with all error bars. A record that fails is explained by one edge that conducts otherwise, or one reading that
is off.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from labnet import circuit
from labnet.board import BoardInfo, Side
from labnet.inspection.expected import Expected, Nominal
from labnet.inspection.finding import Finding, Kind
from labnet.inspection.states import SIDES
from labnet.networks import Network
from labnet.plan import Plan, scheduled
from labnet.records import Record

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FALSE_ALARM = 1e-6  # probability that a sound board stops a run
_READING_V = 1.5e-3  # standard deviation of a reading that is not corrected, gains and offsets included
_DRIFT = 2e-4  # by which share a pot may drift from one record to the next: its own warmth
_AMBIGUOUS = 12.0  # chi square: explanations that fit worse by less are told, too
_FREE = 4.0  # chi square: what an explanation with a free number must fit better by
_KEPT = 1.0 - 1.0 / 300  # records of late: the last 300, roughly
_UNKNOWN = 30.0  # standard deviation of the conductance of a broken edge, over the expected one
_ONE_FACTOR = 1e8  # how surely the conductances of a side are 1 in their mean
_MOST = 4  # faults of a side that one record is asked for


class Watch:
    """Looks at the records of one training.

    Parameters
    ----------
    network : Network
    info : BoardInfo
    plan : Plan
        Of the discrete rule, with records in full.
    expected : Expected, optional
        What a sound board is like: by default nominal, within the tolerances of the reference board's parts.
    false_alarm : float
        Probability that a sound board gives a finding in the whole run, for Gaussian errors.
    """

    def __init__(
        self,
        network: Network,
        info: BoardInfo,
        plan: Plan,
        expected: Expected | None = None,
        false_alarm: float = FALSE_ALARM,
    ) -> None:
        self.network, self.info, self.plan, self.expected = network, info, plan, expected or Nominal(info)
        records = int(scheduled(plan.log, plan.steps).sum())
        self._alpha = false_alarm / (2 * max(records, 1))
        self._limits: dict[int, float] = {}
        self._sides: dict[Side, _Side] = {}
        self._bad_nodes: set[tuple[Side, int]] = set()
        self._ignored: set[int] = set()

    def ignore(self, edges: "set[int]") -> None:
        """Take nothing as known of these edges any more: they are known to be broken."""
        self._ignored |= edges
        for side in self._sides.values():
            side.ignore(edges)

    def see(self, record: Record) -> tuple[Finding, ...]:
        """Give what is wrong by a record, and was not before; nothing for one without voltages, wipers or example."""
        if not (record.v_free.size and record.v_clamped.size and record.wipers.size) or record.example < 0:
            return ()
        volts: dict[Side, FloatArray] = {
            "free": self.expected.corrected("free", record.v_free),
            "clamped": self.expected.corrected("clamped", record.v_clamped),
        }
        asked = self._asked(record)
        found = [*self._held(record, asked, volts)]
        for side in SIDES:
            found += self._currents(side, record, asked[side], volts[side])
        return tuple(_joined(found))

    def _limit(self, nodes: int) -> float:
        """Give which chi square a sound board exceeds with the probability that is allowed for one side of a record."""
        if nodes not in self._limits:
            self._limits[nodes] = float(chdtri(nodes, self._alpha))
        return self._limits[nodes]

    # Held nodes -------------------------------------------------------------------------------------------------

    def _asked(self, record: Record) -> dict[Side, dict[int, float]]:
        """Give what each side was to be held at."""
        task = self.plan.task
        held = task.held(task.train.inputs[record.example])
        outputs = list(task.outputs)
        free, eta, source = record.v_free[outputs], self.plan.eta_at(record.step), self.info.source
        wanted = task.wanted(free, task.train.targets[record.example])
        volts = np.clip(eta * wanted + (1.0 - eta) * free, source.v_min, source.v_max)
        return {"free": held, "clamped": held | dict(zip(outputs, volts.tolist(), strict=True))}

    def _held(
        self, record: Record, asked: Mapping[Side, Mapping[int, float]], volts: Mapping[Side, FloatArray]
    ) -> Iterator[Finding]:
        """Compare what is held with what was asked for."""
        for side, held in asked.items():
            nodes = list(held)
            given = self.expected.given(nodes, [*held.values()])
            off_v = volts[side][nodes] - given
            most_v = self.expected.held_v + self.expected.held_share * np.abs(given)
            for k in np.flatnonzero(np.abs(off_v) > most_v).tolist():
                node = nodes[k]
                if (side, node) in self._bad_nodes:
                    continue
                self._bad_nodes.add((side, node))
                floats_at_v = self._floats_at(side, record.wipers, volts[side], node)
                loose = abs(volts[side][node] - floats_at_v) < abs(given[k] - floats_at_v) / 4
                evidence = f"reads {volts[side][node]:.4g} V where it is held at {given[k]:.4g} V"
                evidence += f", and would float at {floats_at_v:.3g} V"
                allowed = f"within {1e3 * most_v[k]:.1f} mV"
                kind: Kind = "loose source" if loose else "bad reading"
                yield Finding(kind, "node", node, side, evidence, allowed, record.step)

    def _floats_at(self, side: Side, wipers: NDArray[np.int16], volts: FloatArray, node: int) -> float:
        """Give where a node would be if its source did not hold it."""
        conductance = 1.0 / self.expected.resistances(side, wipers).ohm
        a, b = self.network.ends
        at = (a == node) | (b == node)
        others = np.where(a == node, b, a)[at]
        return float(conductance[at] @ volts[others] / conductance[at].sum())

    # Currents ---------------------------------------------------------------------------------------------------

    def _currents(self, side: Side, record: Record, held: Mapping[int, float], volts: FloatArray) -> Iterator[Finding]:
        if side not in self._sides:
            self._sides[side] = _Side(self.network, self.expected, side, self.info.wiper_positions // 2)
            self._sides[side].ignore(self._ignored)
        skip = {node for bad_side, node in self._bad_nodes if bad_side == side}
        floating = np.array([node for node in range(self.network.node_count) if node not in held and node not in skip])
        if not len(floating):
            return
        judge = self._sides[side]
        test = judge.tested(record.wipers.astype(np.int64), volts, floating)
        limit = self._limit(len(floating))
        for _ in range(_MOST):
            if test.chi2 <= limit:
                judge.learn(test)
                return
            finding = judge.explained(test, limit, record.step, floating)
            if finding.part == "edge":
                judge.ignore({finding.index})
            else:
                self._bad_nodes.add((side, finding.index))
                floating = floating[floating != finding.index]
            yield finding
            if not len(floating):
                return
            test = judge.tested(record.wipers.astype(np.int64), volts, floating)
            limit = self._limit(len(floating))


def _joined(findings: list[Finding]) -> Iterator[Finding]:
    """Give findings; one for both sides where they are the same."""
    for k, finding in enumerate(findings):
        same = [j for j, each in enumerate(findings) if (each.kind, each.part, each.index) == _what(finding)]
        if k == same[0]:
            if len(same) == 1:
                yield finding
            else:
                evidence = "; ".join(f"{findings[j].side} side {findings[j].evidence}" for j in same)
                others = tuple(sorted(set.intersection(*(set(findings[j].others) for j in same))))
                yield replace(finding, side=None, evidence=evidence, others=others)


def _what(finding: Finding) -> tuple[Kind, str, int]:
    return finding.kind, finding.part, finding.index


class _Test(NamedTuple):
    """The currents of one record at the floating nodes of a side (m,), and what they say."""

    chi2: float
    currents: FloatArray  # (m,) amperes that are left over
    by_edge: FloatArray  # (m, E) what each edge brings, over c
    unmoved: FloatArray  # (m, E) the same, if its wiper always stood in the middle
    by_reading: FloatArray  # (m, m) by volt of a floating node's reading
    inverse: FloatArray  # (m, m) of the covariance of `currents`
    error: FloatArray  # (m, m) the inverse of that part of it which is not from c
    wipers: IntArray


class _Side:
    """What is known of the conductances of one side; at first from what is expected in the `middle` of the wipers."""

    def __init__(self, network: Network, expected: Expected, side: Side, middle: int) -> None:
        self.network, self.expected, self.side = network, expected, side
        edges = network.edge_count
        self._ends = np.zeros((network.node_count, edges))
        a, b = network.ends
        self._ends[a, np.arange(edges)], self._ends[b, np.arange(edges)] = 1.0, -1.0
        at_middle = expected.resistances(side, np.full(edges, middle))
        self._middle_s = 1.0 / at_middle.ohm
        self.c = np.ones(edges)
        # one factor for all cannot be told from voltages: it stays 1
        keep = np.eye(edges) - 1.0 / edges
        self.covariance: FloatArray = keep @ np.diag(at_middle.common**2) @ keep
        self._drift = _DRIFT**2 * keep
        self._prior = np.diag(1.0 / at_middle.common**2) + _ONE_FACTOR
        self.ignored = np.zeros(edges, dtype=np.bool_)
        # What records of late say: products of what edges bring, of both kinds, weighed by errors.
        self._moving, self._mixed, self._unmoved = np.zeros((3, edges, edges))

    def ignore(self, edges: set[int]) -> None:
        """Take the conductances of these edges as unknown."""
        self.ignored[list(edges)] = True

    def tested(self, wipers: IntArray, volts: FloatArray, floating: IntArray) -> _Test:
        """Test the currents at floating nodes against what is predicted."""
        expected = self.expected.resistances(self.side, wipers)
        drops, g = circuit.edge_drops(self.network, volts), 1.0 / expected.ohm
        ends = self._ends[floating]
        by_edge = ends * (g * drops)
        by_reading = (ends * (self.c * g)) @ self._ends.T
        currents = by_edge @ self.c
        own = by_edge * np.where(self.ignored, _UNKNOWN, self.c * expected.own)
        error = own @ own.T + by_reading @ by_reading.T * _READING_V**2
        inverse = np.asarray(np.linalg.inv(by_edge @ self.covariance @ by_edge.T + error), dtype=np.float64)
        without_c = np.asarray(np.linalg.inv(error), dtype=np.float64)
        unmoved = ends * (self._middle_s * drops)
        chi2 = float(currents @ inverse @ currents)
        return _Test(chi2, currents, by_edge, unmoved, by_reading[:, floating], inverse, without_c, wipers)

    def learn(self, test: _Test) -> None:
        """Take what a record says into account."""
        gain = self.covariance @ test.by_edge.T @ test.inverse
        self.c = self.c - gain @ test.currents
        covariance = self.covariance - gain @ test.by_edge @ self.covariance
        self.covariance = (covariance + covariance.T) / 2 + self._drift
        weighed, u = test.by_edge.T @ test.error, test.unmoved
        self._moving = _KEPT * self._moving + weighed @ test.by_edge
        self._mixed = _KEPT * self._mixed + weighed @ u
        self._unmoved = _KEPT * self._unmoved + u.T @ test.error @ u

    # Explanations -----------------------------------------------------------------------------------------------

    def explained(self, test: _Test, limit: float, step: int, floating: IntArray) -> Finding:
        """Give the likeliest reason for currents that do not add up: what fits this record and those of late best."""
        edges = np.flatnonzero(~self.ignored).tolist()
        fits: dict[tuple[Kind, int], float] = {}
        for edge in edges:
            fits["dead edge", edge] = self._fit(test, without=edge)
            fits["drift", edge] = self._fit(test, but=test.by_edge[:, edge]) + _FREE
            fits["stuck edge", edge] = self._fit(test, stuck=edge) + _FREE
        for k in range(len(floating)):
            fits["bad reading", k] = self._fit(test, but=test.by_reading[:, k]) + _FREE
        kind, index = min(fits, key=fits.__getitem__)
        likely = [where for where, fit in fits.items() if fit < fits[kind, index] + _AMBIGUOUS]
        evidence = (
            f"currents do not add up at {len(floating)} floating nodes: chi square {test.chi2:.4g}, with this fault "
        )
        evidence += f"less by {self._fit(test) - fits[kind, index]:.4g}"
        allowed = f"chi square up to {limit:.4g}"
        if kind == "bad reading":
            return Finding(kind, "node", int(floating[index]), self.side, evidence, allowed, step)
        others = tuple(sorted({edge for said, edge in likely if said != "bad reading"} - {index}))
        if kind != "stuck edge":
            h = test.by_edge[:, index]
            change = -float(test.currents @ test.inverse @ h) / max(float(h @ test.inverse @ h), 1e-300)
            share = max(1.0 + change / float(self.c[index]), 0.0)
            evidence += f"; at position {test.wipers[index]} it conducts {share:.1%} of what it should"
        return Finding(kind, "edge", index, self.side, evidence, allowed, step, others)

    def _fit(
        self, test: _Test, *, without: int | None = None, but: FloatArray | None = None, stuck: int | None = None
    ) -> float:
        """Give chi square of this record and those of late: an edge stuck in all, or open or anything at `but` now."""
        now, error = test.by_edge, test.error
        if without is not None:
            now = now.copy()
            now[:, without] = 0.0
        if but is not None:
            weighed = error @ but
            error = error - np.outer(weighed, weighed) / max(float(but @ weighed), 1e-300)
        total, prior = self._moving + now.T @ error @ now, self._prior.copy()
        if stuck is not None:
            u = test.unmoved[:, stuck]
            column = self._mixed[:, stuck] + now.T @ error @ u
            total[stuck], total[:, stuck] = column, column
            total[stuck, stuck] = self._unmoved[stuck, stuck] + u @ error @ u
            prior[stuck, stuck] = _ONE_FACTOR + 1e-2  # anywhere
        known = prior.sum(axis=1)
        c = np.linalg.solve(total + prior, known)
        return float(known.sum() - known @ c)
