"""What a simulated board really is, beside what its calibration says, for each class of parameter."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from labnet.calibration import Calibration, Estimate
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import ComparatorPair, EffectiveComparator

PROBABILITIES = (0.1, 0.3, 0.5, 0.7, 0.9)


def compared(board: SimulatedBoard, found: Calibration) -> Iterator[tuple[str, Estimate, np.ndarray]]:
    """Give class of parameter, estimates and true values, of all that was measured."""
    if found.converters is not None:
        yield from _converters(board, found)
    if found.pots is not None:
        yield from _pots(board, found)
    if found.comparators is not None:
        yield from _comparators(board, found)
    if found.gate is not None:
        yield from _gates(board, found)
    if found.settling is not None:
        yield "settling", found.settling.tau_s, np.full(board.network.node_count, board.parts.settling.tau_s)


def _converters(board, found):
    channels, converters = board.channels, found.converters
    yield "source gain", converters.source_gain, channels.source_gain - 1.0
    yield "source offset", converters.source_offset_v, channels.source_offset_v
    yield "reading gain", converters.reading_gain, np.array([*channels.reading_gain.values()]) - 1.0
    yield "reading offset", converters.reading_offset_v, np.array([*channels.reading_offset_v.values()])


def _pots(board, found):
    there, true = board.wipers(), []
    for position in found.pots.positions:
        board.set_wipers(position)
        true.append([board.resistances(side) for side in ("free", "clamped")])
    board.set_wipers(there)
    ohm = np.array(true)
    yield "resistance", found.pots.ohm, ohm
    yield "twin mismatch", found.pots.mismatch, ohm[:, 1] / ohm[:, 0] - 1.0
    yield "end to end", found.pots.end_to_end_ohm, ohm[-1] - ohm[0]


def _comparators(board, found):
    edges = np.arange(board.network.edge_count, dtype=np.uint64)
    comparator, seen = board.parts.comparator, found.comparators
    if isinstance(comparator, ComparatorPair):
        quiet = replace(comparator, noise_v=0.0)
        yield "comparator offset", seen.difference_v, quiet.error_v(board.seed, 0, 0, edges)
        yield "comparator offset", seen.sum_v, quiet.error_v(board.seed, 0, 1, edges)
        yield "sigma", seen.sigma_v, np.zeros(len(edges))
        if comparator.noise_v:
            yield "comparator width", seen.width_v, np.full(len(edges), comparator.noise_v)
    else:
        assert isinstance(comparator, EffectiveComparator)
        middle = (comparator.sigma_min_v + comparator.sigma_max_v) / 2
        spread = (comparator.sigma_max_v - comparator.sigma_min_v) / 12**0.5
        yield "comparator offset", seen.difference_v, np.zeros(len(edges))
        yield "comparator offset", seen.sum_v, np.zeros(len(edges))
        yield "sigma", seen.sigma_v, np.full(len(edges), middle)
        yield "comparator width", seen.width_v, np.full(len(edges), spread)


def _gates(board, found):
    biases = np.linspace(0.0, 1.0, 20001)
    shares = np.array([board.gates.share(bias) for bias in biases])
    for p in PROBABILITIES:
        true = np.array([np.interp(p, edge, biases) for edge in shares.T])
        yield "gate bias, an edge", found.gate.edge_bias_v(p), true
        mean = found.gate.bias_v(p)
        yield "gate bias, mean", mean, np.array(np.interp(p, shares.mean(axis=1), biases))
