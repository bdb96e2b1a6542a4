"""Gates that are oscillators, the slow way: by their voltages."""

from math import cos, exp, floor, log, pi

from scipy.optimize import brentq
from slow_draws import CAPACITOR, GATE_OFFSET, PHASE, RESISTOR, TEMPCO, THRESHOLD, Undecidable, draw, spread, uniform

from labnet_simulators import OscillatorGate


def below_bias(gate: OscillatorGate, seed: int, edge_count: int, p: float, time_s: float) -> list[int]:
    """Which oscillators are below the bias that gives p in the mean over the edges: capacitors charge towards the
    supply up to one threshold, and discharge towards 0 V down to the other."""
    edges = range(edge_count)
    lows = [gate.low_v + spread(seed, gate.threshold_tolerance_v, THRESHOLD, 0, e) for e in edges]
    highs = [gate.high_v + spread(seed, gate.threshold_tolerance_v, THRESHOLD, 1, e) for e in edges]
    offsets = [spread(seed, gate.offset_v, GATE_OFFSET, 0, e) for e in edges]
    supply = gate.supply_v

    def rises(e: int, v: float) -> float:
        return log((supply - lows[e]) / (supply - v))

    periods = [rises(e, highs[e]) + log(highs[e] / lows[e]) for e in edges]

    def beyond(bias: float) -> float:
        seen = [min(max(gate.level_v + bias + offsets[e], lows[e]), highs[e]) for e in edges]
        return sum((rises(e, seen[e]) + log(seen[e] / lows[e])) / periods[e] for e in edges) / len(edges) - p

    bias = 1.0 if p == 1 else float(brentq(beyond, 0, 1, xtol=1e-15))
    if gate.grid.bits:
        if abs(bias * 2**15 % 1.0 - 0.5) < 1e-6:
            raise Undecidable
        bias = floor(bias * 2**15 + 0.5) / 2**15
    warm = gate.temperature_period_s / (2 * pi)
    passed_s = gate.temperature_k * warm * (1 - cos(time_s / warm))  # times a kelvin
    enabled = []
    for e in edges:
        tempco = gate.tempco_per_k + spread(seed, gate.tempco_spread_per_k, TEMPCO, 0, e)
        rc = gate.resistor_ohm * (1 + spread(seed, gate.resistor_tolerance, RESISTOR, 0, e))
        rc *= gate.capacitor_f * (1 + spread(seed, gate.capacitor_tolerance, CAPACITOR, 0, e))
        phase = gate.phase_spread * uniform(draw(seed, PHASE, 0, e))
        since = ((time_s - tempco * passed_s) / (rc * periods[e]) + phase) % 1.0 * periods[e]
        charging = rises(e, highs[e])
        v = supply - (supply - lows[e]) * exp(-since) if since < charging else highs[e] * exp(charging - since)
        below = gate.level_v + bias + offsets[e] - v
        if abs(below) < 1e-8:
            raise Undecidable
        enabled.append(int(below > 0))
    return enabled
