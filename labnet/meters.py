"""Instruments beside the board on the bench, as calibrations and composed boards ask for them.

A driver has the methods of those that it can be; nothing is inherited. Units are volts, amperes, hertz and seconds.
"""

from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable

from labnet.board import Side


class Accuracy(NamedTuple):
    """How far a reading may be off, one standard deviation each, the same for every reading of one session.

    Attributes
    ----------
    gain : float
        As a share of the reading.
    offset : float
        In the reading's unit.
    """

    gain: float = 0.0
    offset: float = 0.0


@runtime_checkable
class Voltmeter(Protocol):
    """Measures the voltage between its leads."""

    @property
    def voltage_accuracy(self) -> Accuracy:
        """As its data sheet states it, of the range in use."""
        ...

    def measure_voltage(self) -> float:
        """Take one reading."""
        ...


@runtime_checkable
class Ammeter(Protocol):
    """Measures the current through its leads."""

    @property
    def current_accuracy(self) -> Accuracy:
        """As its data sheet states it, of the range in use."""
        ...

    def measure_current(self) -> float:
        """Take one reading."""
        ...


@runtime_checkable
class VoltageSource(Protocol):
    """Holds a voltage between its leads."""

    @property
    def voltage_range(self) -> tuple[float, float]:
        """What it can hold."""
        ...

    def set_voltage(self, volts: float) -> None:
        """Hold a voltage, with the output on."""
        ...

    def output_off(self) -> None:
        """Let go of what it drives. Never fails."""
        ...


@runtime_checkable
class PulseSource(Protocol):
    """Gives one pulse when told to."""

    def pulse(self) -> None:
        """Give one pulse, and return when it is over."""
        ...

    def output_off(self) -> None:
        """Let go of what it drives. Never fails."""
        ...


class BenchInstrument(Protocol):
    """What all drivers have, and are besides: ask with ``isinstance(instrument, Voltmeter)`` what it can be.

    It is a context manager; leaving it turns its output off and closes it.
    """

    @property
    def name(self) -> str:
        """Model, serial number and where it is, for a record or a message."""
        ...

    def close(self) -> None:
        """Turn its output off and let go of it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BoardMeter(Protocol):
    """A meter whose leads somebody puts where they are asked for: a hand, a scanner, a simulation.

    Read the board before the meter: a board may act on what it was told when it is next asked.
    """

    @property
    def voltage_accuracy(self) -> Accuracy:
        """Of `node_voltage`."""
        ...

    @property
    def current_accuracy(self) -> Accuracy | None:
        """Of `source_current`; None where it measures voltages alone."""
        ...

    def node_voltage(self, side: Side, node: int) -> float:
        """Measure a node against ground."""
        ...

    def source_current(self, node: int) -> float:
        """Measure the current out of the source of a node, into whichever sides it holds there."""
        ...
