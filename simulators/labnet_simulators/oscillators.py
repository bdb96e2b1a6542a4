"""Gates that are oscillators: open while they are below the bias (wycoff2022, Fig. 3B).

Marks as in `labnet_simulators.components`.
"""

from dataclasses import dataclass, field
from math import cos, log, sqrt, tau

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Converter
from labnet.draws import Stream, draw, spread, uniform
from labnet.errors import NotCalibrated, OutOfRange

FloatArray = NDArray[np.float64]
UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

MOST_JITTER = 0.14  # so that a period begins less than half of one early or late
MOST_DRIFT = 0.5  # relative change of a period with temperature
TOLERANCES = ("resistor_tolerance", "capacitor_tolerance", "threshold_tolerance_v", "offset_v")


@dataclass(frozen=True)
class OscillatorGate:
    """A relaxation oscillator an edge: open while it is below the bias, so that the bias sets the update probability.

    A capacitor charges through a resistor from the supply up to the high threshold, and discharges through it down to
    the low one, for ever. Defaults are those of the board twin16 (A; the paper's are not published).

    Attributes
    ----------
    resistor_ohm, capacitor_f, supply_v : float
    low_v, high_v : float
        Thresholds.
    level_v : float
        The oscillator is compared with the bias plus this; 0 V and 1 V of bias lie outside of the swing, whatever the
        spreads, so that all gates are closed and all are open there.
    resistor_tolerance, capacitor_tolerance : float
        Each edge's are off by up to these shares (I: 1 % and 10 % parts).
    threshold_tolerance_v : float
        Each threshold of each edge is off by up to this (A: 1 % resistors).
    offset_v : float
        So is the comparison with the bias; TLV3502: 6.5 mV (R).
    phase_spread : float
        At power-on phases are spread evenly over this share of a period; 0: all capacitors are empty, and charge from
        the low threshold on together.
    temperature_k, temperature_period_s : float
        The temperature swings by plus or minus so much, in such a time (A).
    tempco_per_k, tempco_spread_per_k : float
        Relative change of the period with temperature, and by how much it differs from edge to edge (A: X7R).
    jitter : float
        Root mean square, in periods, by which a period begins early or late; it does not accumulate (A).
    known : bool
        Whether the board knows the true curve of its gates; else one must be measured.
    grid : Converter
        Range and codes of the bias source.
    """

    resistor_ohm: float = 10e3
    capacitor_f: float = 1e-9
    supply_v: float = 5.0
    low_v: float = 2.025
    high_v: float = 2.975
    level_v: float = 2.0
    resistor_tolerance: float = 0.01
    capacitor_tolerance: float = 0.1
    threshold_tolerance_v: float = 0.01
    offset_v: float = 6.5e-3
    phase_spread: float = 1.0
    temperature_k: float = 0.0
    temperature_period_s: float = 600.0
    tempco_per_k: float = 3e-4
    tempco_spread_per_k: float = 3e-4
    jitter: float = 0.0
    known: bool = False
    grid: Converter = field(default_factory=lambda: Converter(0.0, 1.0))

    def __post_init__(self) -> None:
        margin = self.threshold_tolerance_v
        if not margin < self.low_v < self.high_v < self.supply_v - margin or self.high_v - self.low_v <= 2 * margin:
            raise OutOfRange(
                f"thresholds of {self.low_v} V and {self.high_v} V; allowed: between 0 V and the supply of "
                f"{self.supply_v} V, the low one first, further apart than their tolerance of {margin} V."
            )
        if not 0.0 <= self.jitter <= MOST_JITTER:
            raise OutOfRange(
                f"jitter of {self.jitter} periods; allowed: 0 to {MOST_JITTER}, periods begin one after the other."
            )
        change = self.temperature_k * (abs(self.tempco_per_k) + abs(self.tempco_spread_per_k))
        if not (self.temperature_k >= 0.0 and change <= MOST_DRIFT):
            raise OutOfRange(
                f"a temperature that swings by {self.temperature_k} K changes periods by up to {change:g}; allowed: 0 K"
                f" or more, and changes up to {MOST_DRIFT}, an oscillator does not run backwards."
            )

    @property
    def frequency_hz(self) -> float:
        """The nominal frequency."""
        rise = log((self.supply_v - self.low_v) / (self.supply_v - self.high_v))
        return 1.0 / (self.resistor_ohm * self.capacitor_f * (rise + log(self.high_v / self.low_v)))

    def built(self, seed: int, edges: int) -> "Oscillators":
        """Give the gates of a board."""
        return Oscillators(self, seed, edges)


class Oscillators:
    """The oscillators of all edges of a board.

    All follows from one line an edge, y(t) = f t + turns: it is whole where the oscillator falls through the bias and
    the gate opens, and the gate is open for the share p of a period from there.

    Parameters
    ----------
    gate : OscillatorGate
    seed : int
    edges : int

    Attributes
    ----------
    cycles_per_ns : numpy.ndarray, shape (E,)
        Their frequencies.
    drift_per_ns : numpy.ndarray, shape (E,)
        The change of that with a kelvin.
    low_v, high_v, offset_v, phase : numpy.ndarray, shape (E,)
        What they really are; `phase` in periods from the lowest point, at power-on.
    """

    def __init__(self, gate: OscillatorGate, seed: int, edges: int) -> None:
        self.gate, self.seed = gate, seed
        self._edges = which = np.arange(edges, dtype=np.uint64)

        def off(stream: Stream, step: int = 0) -> FloatArray:
            return spread(seed, stream, step, which)

        self.low_v = gate.low_v + gate.threshold_tolerance_v * off(Stream.GATE_THRESHOLD, 0)
        self.high_v = gate.high_v + gate.threshold_tolerance_v * off(Stream.GATE_THRESHOLD, 1)
        self.offset_v = gate.offset_v * off(Stream.GATE_OFFSET)
        self.phase = gate.phase_spread * uniform(draw(seed, Stream.GATE_PHASE, 0, which))
        ohm = gate.resistor_ohm * (1.0 + gate.resistor_tolerance * off(Stream.GATE_RESISTOR))
        farad = gate.capacitor_f * (1.0 + gate.capacitor_tolerance * off(Stream.GATE_CAPACITOR))
        self._turn = self._rise(self.high_v) + self._fall(self.high_v)  # a period, in units of R C
        self.cycles_per_ns: FloatArray = 1e-9 / (ohm * farad * self._turn)
        per_k = gate.tempco_per_k + gate.tempco_spread_per_k * off(Stream.GATE_TEMPCO)
        self.drift_per_ns: FloatArray = self.cycles_per_ns * per_k

    def _rise(self, volts: FloatArray) -> FloatArray:
        """Give how long charging takes from the low threshold, in units of R C."""
        supply = self.gate.supply_v
        return np.asarray(np.log((supply - self.low_v) / (supply - volts)))

    def _fall(self, volts: FloatArray) -> FloatArray:
        """Give how long discharging takes to the low threshold, in units of R C."""
        return np.asarray(np.log(volts / self.low_v))

    def _seen(self, bias_v: float) -> FloatArray:
        """Give the voltage below which gates are open, cut to the swing."""
        return np.clip(self.gate.level_v + bias_v + self.offset_v, self.low_v, self.high_v)

    def share(self, bias_v: float) -> FloatArray:
        """Give the share of a period for which each gate is open, (E,): 0 below the swing, 1 above it."""
        seen = self._seen(bias_v)
        return (self._rise(seen) + self._fall(seen)) / self._turn

    def fires(self, bias_v: float) -> BoolArray:
        """Tell which oscillators ever fall through the bias, (E,)."""
        share = self.share(bias_v)
        return np.asarray((share > 0.0) & (share < 1.0))

    def turns(self, bias_v: float) -> FloatArray:
        """Give y(0) of every edge, (E,), in periods."""
        return self.phase + self._fall(self._seen(bias_v)) / self._turn

    def heat_ns(self, time_ns: float) -> float:
        """Give the temperature summed up over time, in kelvin nanoseconds."""
        gate = self.gate
        if not gate.temperature_k:
            return 0.0
        period_ns = gate.temperature_period_s * 1e9
        return gate.temperature_k * period_ns / tau * (1.0 - cos(tau * time_ns / period_ns))

    def cycles(self, time_ns: float, bias_v: float) -> FloatArray:
        """Give y(t) of every edge, (E,)."""
        heat = self.heat_ns(time_ns) * self.drift_per_ns
        return time_ns * self.cycles_per_ns - heat + self.turns(bias_v)

    def enabled(self, z: UInt64Array, time_ns: float, bias_v: float) -> BoolArray:
        """Decide for every edge where its oscillator is at that time."""
        y, share = self.cycles(time_ns, bias_v), self.share(bias_v)
        cycle = np.floor(y)
        if not self.gate.jitter:
            return y - cycle < share
        enabled = share >= 1.0
        for n in (cycle - 1.0, cycle, cycle + 1.0):  # one of these three it is in, if in any
            since = y - n - self.jitter(n)
            enabled |= (since >= 0.0) & (since < share)
        return enabled & (share > 0.0)

    def jitter(self, cycle: ArrayLike) -> FloatArray:
        """Give by how much the given period of every edge, (E,), begins late, in periods."""
        return jitter(self.seed, self.gate.jitter, self._edges, cycle)

    def bias_for(self, p: float) -> float:
        """Give the bias at which gates are open for a share `p` of the time, in the mean over all edges.

        Raises
        ------
        NotCalibrated
            Where the board does not know its curve; 0 is 0 V on every board.
        OutOfRange
            For a probability so small that the bias source's next code closes all gates.
        """
        if not p:
            return 0.0
        if not self.gate.known:
            raise NotCalibrated(
                f"update probability {p}: which bias gives it has not been measured on this board, whose gates are "
                "oscillators. Calibrate it ('labnet calibrate ADDRESS') and use that ('labnet run' does, "
                "labnet.calibration.applied(board)), set bias_v instead, or open a simulated board "
                "with calibrated=true."
            )
        low, high = 0.0, 1.0
        if p < 1.0:
            for _ in range(60):  # by halving: the curve rises
                middle = 0.5 * (low + high)
                low, high = (middle, high) if self.share(middle).mean() < p else (low, middle)
        if not self.share(float(self.gate.grid.quantised(np.array(high)))).any():
            raise OutOfRange(
                f"update probability {p}: the nearest code of the bias source, to {high:.6g} V, opens no gate; allowed "
                "on this board: 0, or more than that."
            )
        return high


def jitter(seed: int, rms: float, edges: UInt64Array, cycle: ArrayLike) -> FloatArray:
    """Give by how much periods begin late, in periods, of the shape that `edges` and `cycle` broadcast to.

    The sum of four uniform numbers of 16 bits: nearly normal, at most 3.5 times its `rms`, the same in any language.
    """
    z = draw(seed, Stream.GATE_JITTER, np.asarray(cycle).astype(np.int64) + 1, edges)
    pieces = [((z >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.float64) for k in range(4)]
    return rms * sqrt(3.0) * ((sum(pieces, np.zeros(z.shape)) + 2.0) * 2.0**-16 - 2.0)
