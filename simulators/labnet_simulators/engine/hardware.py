"""What the parts of a simulated board come to, as the kernel's numbers."""

import numpy as np
from numpy.typing import NDArray

from labnet.board import Converter
from labnet.draws import Stream, draw, uniform
from labnet.networks import Network
from labnet_simulators.channels import Channels
from labnet_simulators.components import TIE_V, ComparatorPair, EffectiveComparator, Parts
from labnet_simulators.engine.arrays import Grid, Hardware
from labnet_simulators.engine.elimination import Elimination
from labnet_simulators.gates import DrawnGates, Gate
from labnet_simulators.oscillators import Oscillators

FloatArray = NDArray[np.float64]


def hardware(
    network: Network,
    parts: Parts,
    seed: int,
    p: Elimination,
    conductances_s: tuple[FloatArray, FloatArray],
    channels: Channels,
    gates: DrawnGates | Oscillators,
    continuous: bool,
) -> Hardware:
    """Describe a board to the kernel.

    Resistances that are set (`continuous`) are the same in both twins.
    """
    cycles, drift = np.empty(0), np.empty(0)
    if isinstance(gates, Oscillators):
        cycles, drift = gates.cycles_per_ns, gates.drift_per_ns
    comparator, edges = parts.comparator, np.arange(network.edge_count)
    share, pair = np.empty(0), np.empty((0, 2, network.edge_count))
    low = span = 0.0
    if isinstance(comparator, EffectiveComparator):
        low, span = comparator.sigma_min_v, comparator.sigma_max_v - comparator.sigma_min_v
        if comparator.frozen:
            share = uniform(draw(seed, Stream.SIGMA, 0, edges))
    else:
        pair = pair_error_v(comparator, seed, network, 0, 1)
    range_ohm = parts.resistance_range_ohm or (0.0, np.inf)
    return Hardware(
        leak_s=0.0 if parts.leakage.ohm is None else 1.0 / parts.leakage.ohm,
        positions=parts.pot.positions,
        free_s=conductances_s[0],
        clamped_s=conductances_s[1],
        twins_equal=continuous or parts.pot.twins_equal,
        low_ohm=range_ohm[0],
        high_ohm=range_ohm[1],
        r_ref_ohm=network.r_ref_ohm,
        tie_v=TIE_V,
        sigma_low_v=low,
        sigma_span_v=span,
        sigma_share=share,
        pair_v=pair,
        fixed_gate=isinstance(parts.gate, Gate) and parts.gate.fixed_number,
        cycles_per_ns=cycles,
        drift_per_ns=drift,
        source=_grid(parts.dac.grid),
        reading=_grid(parts.adc.grid),
        source_gain=channels.source_gain[p.nodes],
        source_offset_v=channels.source_offset_v[p.nodes],
        free_gain=channels.reading_gain["free"][p.nodes],
        free_offset_v=channels.reading_offset_v["free"][p.nodes],
        clamped_gain=channels.reading_gain["clamped"][p.nodes],
        clamped_offset_v=channels.reading_offset_v["clamped"][p.nodes],
    )


def pair_error_v(pair: ComparatorPair, seed: int, network: Network, trigger: int, count: int) -> FloatArray:
    """Give the errors of both comparators of every edge, (count, 2, E), at `count` triggers; one if they are frozen."""
    edges = np.arange(network.edge_count, dtype=np.uint64)
    triggers = trigger + np.arange(count)[:, None]
    both = np.stack([pair.error_v(seed, triggers, which, edges) for which in (0, 1)], axis=-2)
    return both.reshape(-1, 2, network.edge_count)


def _grid(converter: Converter) -> Grid:
    span, top = converter.v_max - converter.v_min, float(converter.top)
    if not top:
        return Grid(converter.v_min, converter.v_max, 0.0, 0.0, 0.0)
    return Grid(converter.v_min, converter.v_max, top, top / span, span / top)
