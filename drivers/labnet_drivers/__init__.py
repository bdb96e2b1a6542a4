"""Drivers of real instruments: the twin board, over a serial port or whatever PyVISA opens."""

from labnet_drivers.link import Link
from labnet_drivers.twin_board import TwinBoard

__all__ = ["Link", "TwinBoard"]
