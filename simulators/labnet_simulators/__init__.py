"""Boards that are not there: parts with their imperfections, and a twin network made of them."""

from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import (
    PRESETS,
    Adc,
    ComparatorPair,
    Dac,
    Digipot,
    EffectiveComparator,
    Gate,
    Leakage,
    Parts,
    Settling,
)

__all__ = [
    "PRESETS",
    "Adc",
    "ComparatorPair",
    "Dac",
    "Digipot",
    "EffectiveComparator",
    "Gate",
    "Leakage",
    "Parts",
    "Settling",
    "SimulatedBoard",
]
