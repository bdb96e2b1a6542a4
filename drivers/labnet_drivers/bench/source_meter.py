"""Keithley 2450, a source meter."""

from typing import Literal

from labnet.errors import OutOfRange, Overload, WrongInstrument
from labnet_drivers.bench.scpi import ScpiMeter, Span
from labnet_drivers.bench.session import Session

_PLC = 1  # integration time in cycles of the mains, at which the data sheet's limits hold (V)

# One year, 23 +- 5 degrees: % of reading + offset (V, specification SPEC-2450 rev. A)
_VOLTS = (
    Span(20e-3, 1000e-6, 150e-6),
    Span(200e-3, 120e-6, 200e-6),
    Span(2.0, 120e-6, 300e-6),
    Span(20.0, 150e-6, 1e-3),
)  # and 200 V, which nobody wants on a board
_AMPERES = (
    Span(10e-9, 1000e-6, 50e-12),
    Span(100e-9, 600e-6, 100e-12),
    Span(1e-6, 250e-6, 300e-12),
    Span(10e-6, 250e-6, 700e-12),
    Span(100e-6, 200e-6, 6e-9),
    Span(1e-3, 200e-6, 60e-9),
    Span(10e-3, 200e-6, 600e-9),
    Span(100e-3, 250e-6, 6e-6),
    Span(1.0, 300e-6, 500e-6),
)
_MOST_V = 21.0  # of the range of 20 V
_Use = Literal["nothing", "source", "voltmeter", "ammeter"]


class Keithley2450(ScpiMeter):
    """A source meter: a `VoltageSource`, an `Ammeter` and a `Voltmeter`, on its front terminals.

    While it holds a voltage (from `set_voltage` to `output_off`) it measures that voltage, and the current out of it.
    Else it is a meter alone: a voltmeter that sources 0 A, or an ammeter that holds 0 V, **a short between its leads**.
    Turned off it opens its output relay, so what hangs on it floats.

    Ranges are fixed: 20 V and 10 mA until `set_ranges`. The range of current is the limit to what it gives, too.

    Parameters
    ----------
    session : Session
    remote_sense : bool
        Hold and measure the voltage at the ends of the two sense leads; they have to be there.
    """

    title = "Keithley 2450"
    identity = r"KEITHLEY INSTRUMENTS( INC\.?)?,MODEL 2450"
    voltage_spans = _VOLTS
    current_spans = _AMPERES

    def __init__(self, session: Session, remote_sense: bool = False) -> None:
        self._remote = "ON" if remote_sense else "OFF"
        self._use: _Use = "nothing"
        self._sensed = ""
        super().__init__(session, volts=20.0, amperes=10e-3)

    def _set_up(self) -> None:
        language = self.session.ask("*LANG?")
        if language != "SCPI":
            raise WrongInstrument(f"{self.name} speaks {language}; send it *LANG SCPI and switch it off and on.")
        self.tell("ROUT:TERM FRON", "OUTP:SMOD HIMP")

    @property
    def voltage_range(self) -> tuple[float, float]:
        """What it can hold, in the range in use."""
        return -self._volts.full, self._volts.full

    def set_voltage(self, volts: float) -> None:
        """Hold a voltage, with the output on; returns when it is there.

        Raises
        ------
        OutOfRange
        Overload
            Where the limit of current keeps it from that voltage: the output is off then.
        LinkError, InstrumentError
        """
        low, high = self.voltage_range
        if not low <= volts <= high:
            raise OutOfRange(f"{volts} V; allowed: {low:g} to {high:g} V in the range in use (set_ranges).")
        with self.off_on_error():
            self._become("source")
            self.tell(f"SOUR:VOLT {volts:.9g}", "OUTP ON")
            self._reading("what flows")  # it is over when the output has settled

    def measure_voltage(self) -> float:
        """Measure what it holds, else what is between its leads.

        Raises
        ------
        Overload, LinkError, InstrumentError
        """
        with self.off_on_error():
            if self._use != "source":
                self._become("voltmeter")
            self._sense("VOLT", self._volts)
            return self._reading("the voltage")

    def measure_current(self) -> float:
        """Measure what flows out of it; where it holds no voltage, with its leads at 0 V.

        Raises
        ------
        Overload, LinkError, InstrumentError
        """
        with self.off_on_error():
            if self._use != "source":
                self._become("ammeter")
            self._sense("CURR", self._amperes)
            return self._reading("the current")

    def _reading(self, meaning: str) -> float:
        """Take one reading, and see that no limit made it."""
        value = self.number("READ?", meaning)
        if self._use == "voltmeter":
            limit, allowed = "SOUR:CURR:VLIM", f"{_MOST_V:g} V"
        else:
            limit, allowed = "SOUR:VOLT:ILIM", f"{self._amperes.full:g} A"
        if self.number(f"{limit}:TRIP?", "its limit"):
            raise Overload(
                f"{self.name} is at its limit of {allowed}, so it does not hold what it should; its output is off. "
                "Look at its leads, or set a larger range."
            )
        return value

    def output_off(self) -> None:
        """Open its output relay. Never fails: where it cannot be told, that is logged."""
        super().output_off()
        self._use = "nothing"

    def _become(self, use: _Use) -> None:
        """Put it to a use; its output goes off first."""
        if self._use == use:
            return
        self.output_off()
        if use == "voltmeter":
            # the limit in any range: one below what is measured would clamp the node
            self.tell("SOUR:FUNC CURR", "SOUR:CURR:RANG 1e-06", f"SOUR:CURR:VLIM {_MOST_V:g}", "SOUR:CURR 0")
        else:
            self.tell("SOUR:FUNC VOLT", f"SOUR:VOLT:RANG {self._volts.full:g}")
            self.tell(f"SOUR:VOLT:ILIM {self._amperes.full:g}", "SOUR:VOLT 0")
        self._sensed = ""
        if use == "voltmeter":
            self._sense("VOLT", self._volts)
        else:
            self._sense("CURR", self._amperes)
        if use != "source":
            self.tell("OUTP ON")
        self._use = use

    def _sense(self, function: Literal["VOLT", "CURR"], span: Span) -> None:
        """Set all that a reading depends on."""
        if self._sensed == function:
            return
        self._sensed = ""
        self.tell(
            f'SENS:FUNC "{function}"',
            f"SENS:{function}:RSEN {self._remote}",
            f"SENS:{function}:NPLC {_PLC}",
            f"SENS:{function}:AZER ON",
            f"SENS:{function}:RANG {span.full:g}",
        )
        self._sensed = function
