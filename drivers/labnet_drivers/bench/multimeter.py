"""Keysight 34461A, a multimeter of 6 1/2 digits."""

from typing import Literal

from labnet_drivers.bench.scpi import ScpiMeter, Span
from labnet_drivers.bench.session import Session

_PLC = 10  # integration time in cycles of the mains: the data sheet's limits hold from here (R)

# One year, 23 +- 5 degrees, an hour after switching on: % of reading + % of range (R, data sheet 5991-1983EN; the
# currents are those of its equal, the DMM4050, V in the manual of that)
_VOLTS = (
    Span(0.1, 50e-6, 35e-6 * 0.1),
    Span(1.0, 40e-6, 7e-6 * 1.0),
    Span(10.0, 35e-6, 5e-6 * 10.0),
    Span(100.0, 45e-6, 6e-6 * 100.0),
    Span(1000.0, 45e-6, 10e-6 * 1000.0),
)
_AMPERES = (
    Span(100e-6, 500e-6, 250e-6 * 100e-6),
    Span(1e-3, 500e-6, 60e-6 * 1e-3),
    Span(10e-3, 500e-6, 200e-6 * 10e-3),
    Span(100e-3, 500e-6, 50e-6 * 100e-3),
    Span(1.0, 1000e-6, 100e-6 * 1.0),
    Span(3.0, 2000e-6, 200e-6 * 3.0),
)


class Keysight34461A(ScpiMeter):
    """A multimeter: a `Voltmeter` and an `Ammeter`, on different terminals.

    Ranges are fixed: 10 V and 10 mA until `set_ranges`. Up to 10 V its input is above 10 Gohm, so that it does not load
    a node; as an ammeter it has a shunt of 2 ohm at 10 and 100 mA, 100 ohm below, 0.1 ohm above (R).

    Parameters
    ----------
    session : Session
    """

    title = "Keysight 34461A"
    identity = r"(Keysight|Agilent) Technologies,34461A"
    has_output = False
    voltage_spans = _VOLTS
    current_spans = _AMPERES

    def __init__(self, session: Session) -> None:
        self._ready_for: tuple[str, Span] | None = None
        super().__init__(session, volts=10.0, amperes=10e-3)

    def measure_voltage(self) -> float:
        """Take one reading, over 10 cycles of the mains.

        Raises
        ------
        Overload, LinkError, InstrumentError
        """
        self._measure("VOLT", self._volts)
        return self.number("READ?", "the voltage")

    def measure_current(self) -> float:
        """Take one reading, over 10 cycles of the mains.

        Raises
        ------
        Overload, LinkError, InstrumentError
        """
        self._measure("CURR", self._amperes)
        return self.number("READ?", "the current")

    def _measure(self, function: Literal["VOLT", "CURR"], span: Span) -> None:
        """Set all that a reading depends on."""
        if self._ready_for == (function, span):
            return
        self._ready_for = None
        self.tell(
            f"CONF:{function}:DC {span.full:g}",  # with a range, it ends autoranging
            f"{function}:DC:NPLC {_PLC}",
            f"{function}:DC:ZERO:AUTO ON",
        )
        if function == "VOLT":
            self.tell("VOLT:DC:IMP:AUTO ON")  # else 10 Mohm on all ranges
        self.tell("TRIG:SOUR IMM", "TRIG:DEL:AUTO ON", "SAMP:COUN 1")
        self._ready_for = function, span
