"""Edges that step by themselves, by brute force: the capacitors' voltages are looked at every so often for a fall
through the bias, and node voltages go forward in small steps of time, with dense solves. It shares no code with the
simulated board.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, cos, exp, floor, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from slow_board import CLAMPED, FREE, TIE_V, SlowBoard
from slow_draws import (
    CAPACITOR,
    GATE_OFFSET,
    OFFSET,
    PHASE,
    RESISTOR,
    SIGMA,
    TEMPCO,
    THRESHOLD,
    Undecidable,
    draw,
    normal,
    spread,
    uniform,
)

from labnet import Network
from labnet_simulators import ComparatorPair, OscillatorGate, Parts

FloatArray = NDArray[np.float64]

JITTER, SELF_TRIGGER, SELF_NOISE = 20, 21, 22
LOOKS = 100  # at a capacitor in a period
SMALL = 0.02  # a step of time, as a share of the shortest time constant


@dataclass
class Firing:
    """An edge that stepped, or ran into its end: when, and the wipers afterwards."""

    time_s: float
    edge: int
    up: bool
    wipers: list[int]


class Capacitor:
    """The capacitor of an edge's oscillator: it charges up to one threshold and discharges down to the other."""

    def __init__(self, board: SlowBoard, gate: OscillatorGate, edge: int) -> None:
        self.low = gate.low_v + spread(board.seed, gate.threshold_tolerance_v, THRESHOLD, 0, edge)
        self.high = gate.high_v + spread(board.seed, gate.threshold_tolerance_v, THRESHOLD, 1, edge)
        self.level = gate.level_v + spread(board.seed, gate.offset_v, GATE_OFFSET, 0, edge)  # seen at a bias of 0 V
        rc = gate.resistor_ohm * (1 + spread(board.seed, gate.resistor_tolerance, RESISTOR, 0, edge))
        self.rc_s = rc * gate.capacitor_f * (1 + spread(board.seed, gate.capacitor_tolerance, CAPACITOR, 0, edge))
        self.charging = log((gate.supply_v - self.low) / (gate.supply_v - self.high))
        self.period = self.charging + log(self.high / self.low)
        self.phase = gate.phase_spread * uniform(draw(board.seed, PHASE, 0, edge))
        self.tempco = gate.tempco_per_k + spread(board.seed, gate.tempco_spread_per_k, TEMPCO, 0, edge)
        self.gate = gate

    def periods(self, time_s: float) -> float:
        """How many periods it has been through, from where it was lowest."""
        warm = self.gate.temperature_period_s / (2 * pi)
        passed_s = time_s - self.tempco * self.gate.temperature_k * warm * (1 - cos(time_s / warm))
        return passed_s / (self.rc_s * self.period) + self.phase

    def volts(self, time_s: float) -> float:
        since = self.periods(time_s) % 1.0 * self.period
        if since < self.charging:
            return self.gate.supply_v - (self.gate.supply_v - self.low) * exp(-since)
        return self.high * exp(self.charging - since)

    def later(self, time_s: float, periods: float) -> float:
        """When it has been through some more periods, or fewer."""
        end, around_s = self.periods(time_s) + periods, self.rc_s * self.period
        return float(brentq(lambda t: self.periods(t) - end, time_s - around_s, time_s + around_s, xtol=1e-18))

    def falls(self, bias_v: float, from_s: float, to_s: float) -> list[tuple[float, int]]:
        """When it falls through the bias, and how many minima it had been through before the last maximum."""
        step = self.rc_s * self.period / LOOKS
        times = [from_s + k * step for k in range(ceil((to_s - from_s) / step) + 1)]
        above = [self.volts(t) - self.level - bias_v for t in times]
        found = []
        for begin, end, one, two in zip(times, times[1:], above, above[1:], strict=False):
            if one >= 0 > two:
                time_s = float(brentq(lambda t: self.volts(t) - self.level - bias_v, begin, end, xtol=1e-18))
                found.append((time_s, floor(self.periods(time_s))))
        return found


class SlowTwin(SlowBoard):
    """A twin board that is let run by itself; `analogue` is (eta, wanted by output, time constant) of its clamp."""

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        super().__init__(network, parts, seed)
        assert isinstance(parts.gate, OscillatorGate)
        self.gate = parts.gate
        self.capacitors = [Capacitor(self, parts.gate, edge) for edge in range(len(self.edges))]
        self.held: list[dict[int, float]] = [{}, {}]
        self.v = np.zeros((2, network.node_count))
        self.analogue: tuple[float, dict[int, float], float] | None = None

    # Node voltages ------------------------------------------------------------------------------------------------

    def static(self, side: int, held: Mapping[int, float]) -> FloatArray:
        """What all nodes come to."""
        n, leak_ohm = self.network.node_count, self.parts.leakage.ohm
        laplacian = np.diag(np.full(n, 0.0 if leak_ohm is None else 1 / leak_ohm))
        for (a, b), ohm in zip(self.edges, self.ohm(side), strict=True):
            laplacian[[a, b, a, b], [a, b, b, a]] += np.array([1, 1, -1, -1]) / ohm
        nodes, rest = list(held), [node for node in range(n) if node not in held]
        volts = np.zeros(n)
        volts[nodes] = list(held.values())
        if rest:
            volts[rest] = np.linalg.solve(laplacian[np.ix_(rest, rest)], -laplacian[np.ix_(rest, nodes)] @ volts[nodes])
        return volts

    def settle(self) -> None:
        """Let everything settle where it is held."""
        self.v = np.array([self.static(side, self.held[side]) for side in (FREE, CLAMPED)])

    def hold(self, free: Mapping[int, float], clamped: Mapping[int, float]) -> None:
        """Held nodes jump, the others go on from where they are."""
        self.held = [dict(free), dict(clamped)]
        for side in (FREE, CLAMPED):
            self.v[side][list(self.held[side])] = list(self.held[side].values())

    def go_on(self, seconds: float) -> None:
        """Forward in small steps of time."""
        tau_s = self.parts.settling.tau_s
        if self.analogue is None:
            static = np.array([self.static(side, self.held[side]) for side in (FREE, CLAMPED)])
            steps = min(max(1, ceil(seconds / (SMALL * tau_s))), 1000) if tau_s else 1
            for _ in range(steps):
                fade = exp(-seconds / steps / tau_s) if tau_s else 0.0
                self.v = static + (self.v - static) * fade
            return
        eta, wanted, lag_s = self.analogue
        outputs, held = list(wanted), self.held[CLAMPED]
        free = self.static(FREE, self.held[FREE])
        nothing = self.static(CLAMPED, {**held, **dict.fromkeys(outputs, 0.0)})
        of = np.array([self.static(CLAMPED, dict.fromkeys(held, 0.0) | {o: 1.0}) for o in outputs])
        goal = np.array([wanted[o] for o in outputs])

        def slope(state: FloatArray) -> FloatArray:
            """Of both sides' voltages, where clamped outputs are those of the clamp."""
            v_free, v_clamped = state if tau_s else (free, state[1])
            v_c = v_clamped[outputs]
            target = nothing + v_c @ of
            d_free = (free - v_free) / tau_s if tau_s else 0 * free
            d_clamped = (target - v_clamped) / tau_s if tau_s else 0 * free
            d_clamped[outputs] = (eta * goal + (1 - eta) * v_free[outputs] - v_c) / lag_s
            return np.array([d_free, d_clamped])

        steps = max(1, ceil(seconds / (SMALL * min(tau_s or lag_s, lag_s))))
        h = seconds / steps
        for _ in range(steps):  # Runge and Kutta's
            one = slope(self.v)
            two = slope(self.v + h / 2 * one)
            three = slope(self.v + h / 2 * two)
            four = slope(self.v + h * three)
            self.v = self.v + h / 6 * (one + 2 * two + 2 * three + four)
        if not tau_s:
            self.v = np.array([free, nothing + self.v[CLAMPED][outputs] @ of])
        held |= {o: float(self.v[CLAMPED][o]) for o in outputs}

    # Edges --------------------------------------------------------------------------------------------------------

    def falls(self, bias_v: float, from_s: float, to_s: float) -> list[tuple[float, int, int]]:
        """When which edge fires, in order, and the number of its period: those before it are at times before."""
        found, margin_s = [], 1.0 / self.gate.frequency_hz
        for edge, capacitor in enumerate(self.capacitors):
            for time_s, minima in capacitor.falls(bias_v, from_s - margin_s, to_s + margin_s):
                number = minima + 1  # that of the minimum ahead: y = periods + the rest of the fall
                late = self.late(edge, number)
                if late:
                    time_s = capacitor.later(time_s, late)
                if min(abs(time_s - end) for end in (from_s, to_s)) < 1e-12:
                    raise Undecidable
                if from_s <= time_s < to_s:
                    found.append((time_s, edge, number))
        return sorted(found)

    def late(self, edge: int, number: int) -> float:
        if not self.gate.jitter:
            return 0.0
        z = draw(self.seed, JITTER, number + 1, edge)
        pieces = sum(((z >> 16 * k) % 2**16 + 0.5) / 2**16 for k in range(4))
        return self.gate.jitter * sqrt(3) * (pieces - 2)

    def up(self, edge: int, number: int) -> bool:
        """Where an edge's comparators send it now."""
        (a, b), comparator = self.edges[edge], self.parts.comparator
        free, clamped = (float(volts[a] - volts[b]) for volts in self.v)
        if not isinstance(comparator, ComparatorPair):
            low = draw(self.seed, SELF_TRIGGER, number + 1, edge) % 2**32 / 2**32
            share = uniform(draw(self.seed, SIGMA, 0, edge)) if comparator.frozen else low
            sigma = comparator.sigma_min_v + (comparator.sigma_max_v - comparator.sigma_min_v) * share
            return surely(abs(clamped) + sigma - abs(free))
        error = [spread(self.seed, comparator.offset_v, OFFSET, which, edge) for which in (0, 1)]
        for which in (0, 1):
            z = draw(self.seed, SELF_NOISE, number + 1, edge + which * 2**32)
            error[which] += comparator.noise_v * normal(z)
        return surely(clamped - free + error[0]) == surely(clamped + free + error[1])

    def run(self, bias_v: float, from_s: float, to_s: float) -> list[Firing]:
        """Let edges step; what they did."""
        now_s, done = from_s, []
        for time_s, edge, number in self.falls(bias_v, from_s, to_s):
            self.go_on(time_s - now_s)
            now_s, up = time_s, self.up(edge, number)
            place = self.wipers[edge] + (1 if up else -1)
            self.wipers = [*self.wipers]
            self.wipers[edge] = min(max(place, 0), self.parts.pot.positions - 1)
            if self.parts.settling.tau_s == 0.0:
                self.go_on(0.0)
            done.append(Firing(time_s, edge, up, self.wipers))
        self.go_on(to_s - now_s)
        return done


def surely(volts: float) -> bool:
    """Whether a comparator sees more than a tie; small steps of time are sure to 1e-8 V, exact ties are ties here."""
    if 1e-13 < abs(volts) < 1e-7:
        raise Undecidable
    return volts > TIE_V
