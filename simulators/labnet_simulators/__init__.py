"""Boards that are not there: parts with their imperfections, and a twin network made of them."""

from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import (
    PRESETS,
    Adc,
    ComparatorPair,
    Dac,
    Digipot,
    EffectiveComparator,
    Faults,
    Leakage,
    Parts,
    Settling,
)
from labnet_simulators.faults import FaultyBoard
from labnet_simulators.gates import Gate
from labnet_simulators.oscillators import OscillatorGate

__all__ = [
    "PRESETS",
    "Adc",
    "ComparatorPair",
    "Dac",
    "Digipot",
    "EffectiveComparator",
    "Faults",
    "FaultyBoard",
    "Gate",
    "Leakage",
    "OscillatorGate",
    "Parts",
    "Settling",
    "SimulatedBoard",
]
