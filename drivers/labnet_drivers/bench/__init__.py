"""Instruments on the bench, over PyVISA, and boards that they are part of; docs/bench-instruments.md."""

from labnet_drivers.bench.composed import ExternalBias, ExternalTrigger
from labnet_drivers.bench.generator import Keysight33500B
from labnet_drivers.bench.hand import HandMeter
from labnet_drivers.bench.multimeter import Keysight34461A
from labnet_drivers.bench.opening import open_instrument
from labnet_drivers.bench.session import Session
from labnet_drivers.bench.source_meter import Keithley2450

__all__ = [
    "ExternalBias",
    "ExternalTrigger",
    "HandMeter",
    "Keithley2450",
    "Keysight33500B",
    "Keysight34461A",
    "Session",
    "open_instrument",
]
