"""Keysight 33500B, function generators: a bias, or a trigger."""

from typing import Literal

from labnet.errors import LinkDesynchronised, OutOfRange
from labnet_drivers.bench.scpi import ScpiInstrument
from labnet_drivers.bench.session import Session

_MOST_V = 10.0  # into an open circuit (V)


class Keysight33500B(ScpiInstrument):
    """A function generator of the series, channel 1: a `VoltageSource` or a `PulseSource`, one at a time.

    Its output has 50 ohm inside, and its voltages are those of an open circuit: put it on inputs of high impedance. As
    a source it is good to 1 % of the voltage + 2 mV (R): measure it where that matters. Between pulses it is at 0 V.
    Where it goes from one use to the other its output goes off.

    Parameters
    ----------
    session : Session
    pulse_v : float
        Height of a pulse.
    pulse_s : float
        Width of a pulse.
    """

    title = "Keysight 33500B"
    identity = r"(Keysight|Agilent) Technologies,335(09|10|11|12|19|20|21|22)B"

    def __init__(self, session: Session, pulse_v: float = 5.0, pulse_s: float = 10e-6) -> None:
        if not (0.0 < pulse_v <= _MOST_V and 1e-6 <= pulse_s <= 1.0):
            session.close()
            raise OutOfRange(f"a pulse of {pulse_v} V and {pulse_s} s; allowed: 0 to {_MOST_V:g} V, and 1 us to 1 s.")
        self._pulse_v, self._pulse_s = pulse_v, pulse_s
        self._use: Literal["nothing", "source", "pulses"] = "nothing"
        super().__init__(session)

    def _set_up(self) -> None:
        # else it takes 50 ohm for granted, and gives twice what it is told to an open circuit
        self.tell("OUTP:LOAD INF", "OUTP:POL NORM", "VOLT:UNIT VPP")

    @property
    def voltage_range(self) -> tuple[float, float]:
        """What it can hold."""
        return -_MOST_V, _MOST_V

    def set_voltage(self, volts: float) -> None:
        """Hold a voltage, with the output on.

        Raises
        ------
        OutOfRange, LinkError, InstrumentError
        """
        if not abs(volts) <= _MOST_V:
            raise OutOfRange(f"{volts} V; allowed: {-_MOST_V:g} to {_MOST_V:g} V.")
        with self.off_on_error():
            if self._use != "source":
                self.output_off()
                self.tell("BURS:STAT OFF", "FUNC DC")
            self.tell(f"VOLT:OFFS {volts:.9g}")
            if self._use != "source":
                self.tell("OUTP ON")
                self._use = "source"

    def pulse(self) -> None:
        """Give one pulse, and return when it is over.

        Raises
        ------
        LinkError, InstrumentError
        """
        with self.off_on_error():
            if self._use != "pulses":
                self._become_trigger()
            self.session.send("*TRG")
            done = self.session.ask("*OPC?")  # answered when the burst is over (V, its manual, TRIGger:SOURce)
            self.check("*TRG")
            if done != "1":
                raise LinkDesynchronised(f"{self.name} answered {done!r} to *OPC?, not 1.")

    def _become_trigger(self) -> None:
        self.output_off()
        self.tell(
            "FUNC PULS",
            "FUNC:PULS:WIDT MIN",  # so that any period fits
            f"FUNC:PULS:PER {2 * self._pulse_s:g}",
            f"FUNC:PULS:WIDT {self._pulse_s:g}",
            "VOLT:OFFS 0",  # of a bias: with it the levels may not fit
            f"VOLT:HIGH {self._pulse_v:g}",
            "VOLT:LOW 0",
            "TRIG:SOUR BUS",  # before the burst: by itself it would begin to give pulses
            "BURS:MODE TRIG",
            "BURS:NCYC 1",
            "BURS:PHAS 0",
            "BURS:STAT ON",
            "OUTP ON",
        )
        self._use = "pulses"

    def output_off(self) -> None:
        """Open its output relay. Never fails: where it cannot be told, that is logged."""
        super().output_off()
        self._use = "nothing"
