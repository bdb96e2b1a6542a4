"""The parts of a twin board, computed the slow way from the documents: a dense solve a state, a loop over the edges,
draws in integers. It shares no code with the simulated board; parts are plain data to it.

What floating point cannot decide, for it lies within rounding of a limit, raises `Undecidable`.
"""

from collections.abc import Mapping
from math import floor, pi, sin

import numpy as np
from numpy.typing import NDArray
from slow_draws import (
    COMPARATOR_NOISE,
    DNL,
    END_TO_END,
    INL,
    MISMATCH,
    OFFSET,
    READ,
    READING_GAIN,
    READING_OFFSET,
    SIGMA,
    SOURCE_GAIN,
    SOURCE_OFFSET,
    TRIGGER,
    Undecidable,
    draw,
    normal,
    smallest,
    spread,
    uniform,
)
from slow_gates import below_bias

from labnet import Network
from labnet.board import Converter
from labnet_simulators import ComparatorPair, OscillatorGate, Parts

FloatArray = NDArray[np.float64]

FREE, CLAMPED = 0, 1
TIE_V = 1e-12  # closer is a tie


# Decisions ------------------------------------------------------------------------------------------------------


def exceeds(volts: float) -> bool:
    """Whether a comparator sees more than a tie. Solves are sure to 1e-13 V, so that exact ties are ties here."""
    if 1e-13 < volts < 1e-11:
        raise Undecidable
    return volts > TIE_V


def nearest_code(volts: float, grid: Converter) -> int:
    code = (volts - grid.v_min) / (grid.v_max - grid.v_min) * ((1 << (grid.bits or 0)) - 1)
    return floor(code + 0.5)  # halves go up


def converted(volts: float, grid: Converter, certain: bool) -> float:
    """What a converter makes of a voltage; `certain` where it was given, and not computed."""
    if grid.bits is None:
        return min(max(volts, grid.v_min), grid.v_max)
    top = (1 << grid.bits) - 1
    step_v = (grid.v_max - grid.v_min) / top
    beyond_half = (volts - grid.v_min) / step_v % 1.0 - 0.5
    if not certain and abs(beyond_half) < 1e-6 and grid.v_min < volts < grid.v_max:
        raise Undecidable
    return grid.v_min + min(max(nearest_code(volts, grid), 0), top) * step_v


# The board ------------------------------------------------------------------------------------------------------


class SlowBoard:
    """The parts of a twin board, and its counters."""

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        self.network, self.parts, self.seed = network, parts, seed
        self.edges: list[tuple[int, int]] = [(a, b) for a, b in network.edges.tolist()]
        self.wipers = [parts.pot.power_up] * len(self.edges)
        self.set_ohm: list[float] | None = None
        self.triggers = self.clamped_drives = 0
        self.reads = [0, 0]
        self.volts: list[list[float]] = [[], []]
        self.held: list[dict[int, float]] = [{}, {}]

    def spread(self, most: float, stream: int, step: int, i: int) -> float:
        """A number within plus or minus `most`."""
        return spread(self.seed, most, stream, step, i)

    def ohm(self, side: int) -> list[float]:
        """The resistance of every edge."""
        if self.set_ohm is not None:
            return self.set_ohm
        pot, ohm = self.parts.pot, []
        for edge, wiper in enumerate(self.wipers):
            apart = 0.5 * self.spread(pot.twin_mismatch, MISMATCH, 0, edge) * (1 if side == CLAMPED else -1)
            common = 1 + self.spread(pot.tolerance, END_TO_END, 0, edge)
            per_step = pot.end_to_end_ohm * common * (1 + apart) / pot.positions
            bow = self.spread(pot.inl_lsb, INL, side, edge) * sin(pi * wiper / (pot.positions - 1))
            uneven = 0.5 * self.spread(pot.dnl_lsb, DNL, side, edge + wiper * 2**32)
            ohm.append(pot.wiper_ohm + max(wiper + bow + uneven, 0.0) * per_step)
        return ohm

    def drive(self, side: int, held: Mapping[int, float]) -> None:
        """Hold nodes, and let the others float; nothing nudges them."""
        if side == CLAMPED:
            self.clamped_drives += 1
            self.reads = [0, 0]
        dac = self.parts.dac
        real = {}
        for node, v in held.items():
            gain = 1 + self.spread(dac.gain_error, SOURCE_GAIN, 0, node)
            real[node] = gain * converted(v, dac.grid, certain=True) + self.spread(dac.offset_v, SOURCE_OFFSET, 0, node)
        self.held[side] = real
        self.nudge(side, {}, 0.0)

    def nudge(self, side: int, currents_a: Mapping[int, float], siemens: float) -> None:
        """Feed currents into nodes of a side, and join these to ground by a conductance; solve for all nodes."""
        n, real = self.network.node_count, self.held[side]
        leak_ohm = self.parts.leakage.ohm
        laplacian = np.diag(np.full(n, 0.0 if leak_ohm is None else 1 / leak_ohm))
        for (a, b), r in zip(self.edges, self.ohm(side), strict=True):
            laplacian[a, a] += 1 / r
            laplacian[b, b] += 1 / r
            laplacian[a, b] -= 1 / r
            laplacian[b, a] -= 1 / r
        nodes, free = list(real), [node for node in range(n) if node not in real]
        volts = np.zeros(n)
        volts[nodes] = list(real.values())
        if free:
            for node in currents_a:
                laplacian[node, node] += siemens
            currents = -laplacian[np.ix_(free, nodes)] @ volts[nodes]
            currents += [currents_a.get(node, 0.0) for node in free]
            volts[free] = np.linalg.solve(laplacian[np.ix_(free, free)], currents)
        self.volts[side] = volts.tolist()

    def read(self, side: int) -> FloatArray:
        """All nodes of a side, as its converter gives them."""
        adc = self.parts.adc
        repeat = (self.clamped_drives * 2**16 + self.reads[side]) % 2**32
        self.reads[side] += 1
        readings = []
        for node, volts in enumerate(self.volts[side]):
            volts *= 1 + self.spread(adc.gain_error, READING_GAIN, side, node)
            volts += self.spread(adc.offset_v, READING_OFFSET, side, node)
            if adc.noise_v:
                volts += adc.noise_v * normal(draw(self.seed, READ + side, self.triggers, node + repeat * 2**32))
            readings.append(volts if adc.grid.bits is None else converted(volts, adc.grid, certain=False))
        return np.array(readings)

    def sigma(self, edge: int) -> float:
        """Comparator bias of Eq. 10."""
        comparator = self.parts.comparator
        assert not isinstance(comparator, ComparatorPair)
        low = draw(self.seed, TRIGGER, self.triggers, edge) % 2**32 / 2**32
        share = uniform(draw(self.seed, SIGMA, 0, edge)) if comparator.frozen else low
        return comparator.sigma_min_v + (comparator.sigma_max_v - comparator.sigma_min_v) * share

    def direction(self, edge: int) -> int:
        """+1 where the comparators say up, -1 where they say down: Eq. 10, or the circuit of note 32."""
        (a, b), comparator = self.edges[edge], self.parts.comparator
        free, clamped = (volts[a] - volts[b] for volts in self.volts)
        if not isinstance(comparator, ComparatorPair):
            return 1 if exceeds(abs(clamped) + self.sigma(edge) - abs(free)) else -1
        error = [self.spread(comparator.offset_v, OFFSET, which, edge) for which in (0, 1)]
        if comparator.noise_v:
            for which in (0, 1):
                z = draw(self.seed, COMPARATOR_NOISE, self.triggers, edge + which * 2**32)
                error[which] += comparator.noise_v * normal(z)
        return -1 if exceeds(clamped - free + error[0]) != exceeds(clamped + free + error[1]) else 1

    def enabled(self, p: float, time_s: float) -> list[int]:
        """Which edges the gates let step at a trigger, 0 or 1."""
        if isinstance(self.parts.gate, OscillatorGate):
            return below_bias(self.parts.gate, self.seed, len(self.edges), p, time_s)
        high = [draw(self.seed, TRIGGER, self.triggers, edge) >> 32 for edge in range(len(self.edges))]
        bias = floor(p * 2**15 + 0.5) / 2**15 if self.parts.gate.grid.bits else p
        if self.parts.gate.fixed_number:
            chosen = smallest(high, round(bias * len(high)))
            return [int(edge in chosen) for edge in range(len(high))]
        return [int(z < round(bias * 2**32)) for z in high]

    def end_trigger(self) -> None:
        self.triggers += 1
        self.clamped_drives, self.reads = 0, [0, 0]
