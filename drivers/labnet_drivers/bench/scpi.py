"""What all drivers of instruments have: identity, settings that are checked, readings that are numbers."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

from labnet.errors import InstrumentError, LabnetError, LinkDesynchronised, OutOfRange, Overload, WrongInstrument
from labnet.interrupts import Closing
from labnet.meters import Accuracy
from labnet_drivers.bench.session import Session

_OVERLOAD = 9.9e37  # SCPI-1999, volume 1, 7.2.1.4: infinity; 9.91e37 is "not a number" (V)
_MOST_ERRORS = 32


class Span(NamedTuple):
    """A range of an instrument, and the limits of error that its data sheet states for it.

    Attributes
    ----------
    full : float
        The largest value of the range, of either sign.
    gain : float
        As a share of the reading.
    offset : float
        In the reading's unit.
    """

    full: float
    gain: float
    offset: float

    @property
    def accuracy(self) -> Accuracy:
        """As standard deviations: an error anywhere within the limits is as likely (GUM 4.3.7), so limit / sqrt(3)."""
        return Accuracy(self.gain / math.sqrt(3), self.offset / math.sqrt(3))


def span_for(spans: tuple[Span, ...], value: float, unit: str) -> Span:
    """Give the smallest range that holds a value.

    Raises
    ------
    OutOfRange
    """
    for span in spans:
        if abs(value) <= span.full:
            return span
    raise OutOfRange(f"no range holds {value:g} {unit}; allowed: 0 to {spans[-1].full:g} {unit}.")


class ScpiInstrument(Closing):
    """An instrument that speaks SCPI, of the models that a driver is for.

    It is reset when it is opened, so that nothing depends on what somebody left on its front panel. Whatever fails in
    talking to it leaves its output off.

    Parameters
    ----------
    session : Session
        An open one; it is closed with the instrument, and where opening fails.

    Attributes
    ----------
    session : Session
    maker, model, serial : str
        As it identifies itself.

    Raises
    ------
    WrongInstrument
        For another model; nothing has been changed on it then.
    LinkError, InstrumentError
    """

    title: ClassVar[str]
    identity: ClassVar[str]  # pattern of maker,model
    has_output: ClassVar[bool] = True

    def __init__(self, session: Session) -> None:
        self.session = session
        try:
            found = session.ask("*IDN?")
            if not self.drives(found):
                raise WrongInstrument(f"{session.resource} is {found!r}; this driver is for {self.title}.")
            self.maker, self.model, self.serial, _ = (word.strip() for word in found.split(","))
            with self.off_on_error():
                session.send("*CLS")
                self.tell("*RST")
                self._set_up()
        except BaseException:
            session.close()
            raise

    @classmethod
    def drives(cls, identity: str) -> bool:
        """Say whether this is the driver of what answered so to ``*IDN?``."""
        return re.fullmatch(cls.identity + r",[^,]*,[^,]*", identity, re.IGNORECASE) is not None

    def _set_up(self) -> None:
        """Set all that readings and outputs depend on."""

    @property
    def name(self) -> str:
        """Model, serial number and where it is."""
        return f"{self.maker} {self.model}, serial {self.serial}, {self.session.resource}"

    def tell(self, *lines: str) -> None:
        """Send settings, and ask after each whether the instrument took it.

        Raises
        ------
        InstrumentError
            With what its error queue held.
        """
        for line in lines:
            self.session.send(line)
            self.check(line)

    def check(self, line: str) -> None:
        """Raise what the error queue holds after a line."""
        errors: list[tuple[int, str]] = []
        while len(errors) < _MOST_ERRORS:
            answer = self.session.ask("SYST:ERR?")
            code, _, text = answer.partition(",")
            try:
                number = int(code)
            except ValueError:
                raise LinkDesynchronised(f"{self.name} answered {answer!r} to SYST:ERR?, which is no error.") from None
            if number == 0:
                break
            errors.append((number, text.strip().strip('"')))
        if errors:
            said = ", ".join(f"{number} {text!r}" for number, text in errors)
            off = "; its output is off" if self.has_output else ""
            raise InstrumentError(f"{self.name} reports {said} after {line!r}{off}.", tuple(errors), line)

    def number(self, line: str, meaning: str) -> float:
        """Ask for a number.

        Raises
        ------
        Overload
            For what SCPI says instead of a number.
        """
        answer = self.session.ask(line)
        try:
            value = float(answer)
        except ValueError:
            raise LinkDesynchronised(f"{self.name} answered {answer!r} to {line!r}, which is no number.") from None
        if not abs(value) < _OVERLOAD:
            raise Overload(
                f"{self.name}: {meaning} is beyond the range in use; look at the leads, or set a larger range."
            )
        return value

    @contextmanager
    def off_on_error(self) -> Iterator[None]:
        """Leave the output off where anything fails within."""
        try:
            yield
        except LabnetError:
            self.output_off()
            raise

    def output_off(self) -> None:
        """Let go of what it drives. Never fails: where it cannot be told, that is logged."""
        if self.has_output:
            self.session.try_to_send("OUTP OFF", "turn its output off")

    def _shut(self) -> None:
        self.output_off()
        self.session.close()

    def __repr__(self) -> str:
        return f"<{self.name}>"


class ScpiMeter(ScpiInstrument):
    """One that measures volts and amperes, in ranges that are fixed until `set_ranges`.

    Parameters
    ----------
    session : Session
    volts, amperes : float
        The first ranges hold these.
    """

    voltage_spans: ClassVar[tuple[Span, ...]]
    current_spans: ClassVar[tuple[Span, ...]]

    def __init__(self, session: Session, volts: float, amperes: float) -> None:
        self._volts = span_for(self.voltage_spans, volts, "V")
        self._amperes = span_for(self.current_spans, amperes, "A")
        super().__init__(session)

    def set_ranges(self, volts: float | None = None, amperes: float | None = None) -> None:
        """Use the smallest ranges that hold these; its output, if it has one, goes off.

        Raises
        ------
        OutOfRange
        """
        new_volts = self._volts if volts is None else span_for(self.voltage_spans, volts, "V")
        new_amperes = self._amperes if amperes is None else span_for(self.current_spans, amperes, "A")
        self.output_off()
        self._volts, self._amperes = new_volts, new_amperes

    @property
    def voltage_accuracy(self) -> Accuracy:
        """Of what it measures, in the range in use."""
        return self._volts.accuracy

    @property
    def current_accuracy(self) -> Accuracy:
        """Of what it measures, in the range in use."""
        return self._amperes.accuracy
