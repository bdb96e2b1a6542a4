"""Checks of a board's own language, SCPI: docs/scpi.md."""

from collections.abc import Iterator

from labnet.conformance.bench import Bench
from labnet.conformance.limits import AT_LEAST
from labnet.conformance.report import Measured
from labnet.errors import DeviceError

_UNDEFINED, _TOO_MANY, _MISSING, _OUT_OF_RANGE, _OVERFLOW = -113, -108, -109, -222, -350
_HOST_LOST = 2048  # of STATus:QUEStionable
_MANY = 20  # errors; the queue has room for 16

# Each line asks the same in several forms.
_SAME = (
    ("*IDN?", "*idn?", "*Idn?"),
    ("SYSTem:VERSion?", "SYST:VERS?", "syst:version?", ":SYSTEM:VERS?"),
    ("SYSTem:ERRor:COUNt?", "SYST:ERR:COUN?", "system:err:count?"),
    ("SYSTem:ERRor:NEXT?", "SYSTem:ERRor?", "SYST:ERR?", "syst:err:next?"),
    ("SOURce:BIAS?", "SOUR:BIAS?", "source:bias?"),
)
_REFUSED = (
    ("NO:SUCH:HEADer", _UNDEFINED),
    ("SYSTE:VERS?", _UNDEFINED),  # neither the long form nor the short one
    ("*IDN", _UNDEFINED),  # there is no set form
    ("SOUR:BIAS 0,0", _TOO_MANY),
    ("*CLS 1", _TOO_MANY),
    ("SOUR:BIAS", _MISSING),
    ("SOUR:HOLD FREE,0", _MISSING),
    ("SOUR:BIAS 1000", _OUT_OF_RANGE),
    ("WIP:POS 9999", _OUT_OF_RANGE),
    ("SOUR:HOLD FREE,9999,0", _OUT_OF_RANGE),
)
_STATE = "SOUR:BIAS?;HOLD? FREE;HOLD? CLAM;:WIP:POS?;:TRIG:COUN?"


def grammar(bench: Bench) -> Iterator[Measured]:
    """Headers in long and short form, messages of several units, what is refused, the mandatory common commands."""
    bench.place(bench.some_wipers())
    bench.hold(bench.ramp())
    for forms in _SAME:
        answers = {bench.ask(form) for form in forms}
        yield Measured(f"different answers to {', '.join(forms)}", len(answers), 1, 1)
    path = bench.ask("SYST:VERS?;*WAI;VERS?;:SYST:VERS?").split(";")
    yield Measured("different answers to SYST:VERS?;*WAI;VERS?;:SYST:VERS?", len(set(path)), 1, 1)
    yield Measured("answers to SYST:VERS?;*WAI;VERS?;:SYST:VERS?", len(path), 3, 3)
    for message, code in _REFUSED:
        before = bench.ask(_STATE)
        yield Measured(f"error of {message}", _first(bench.errors(message)), code, code)
        yield Measured(f"errors left after {message}", int(bench.ask("SYST:ERR:COUN?")), 0, 0)
        yield Measured(f"settings that {message} changed", bench.ask(_STATE) != before, 0, 0)
    try:
        answer = bench.ask("NO:SUCH;*OPC?")
    except DeviceError as error:
        answer = error.answer
    yield Measured("answer to *OPC? after a unit that fails", _number(answer), 1, 1)
    yield from _common(bench)


def _common(bench: Bench) -> Iterator[Measured]:
    """Use the mandatory commands of IEEE 488.2."""
    fields = bench.ask("*IDN?").split(",")
    yield Measured("fields of *IDN?", len(fields), 4, 4)
    yield Measured("*OPC?", _number(bench.ask("*OPC;*WAI;*OPC?")), 1, 1)
    for header in ("*ESE", "*SRE"):
        kept = _number(bench.ask(f"{header}?"))
        yield Measured(f"{header}? after {header} 36", _number(bench.ask(f"{header} 36;{header}?")), 36, 36)
        bench.ask(f"{header} {kept:g}")
    for header in ("*ESR?", "*STB?", "*TST?"):
        yield Measured(header, _number(bench.ask(header)), 0, AT_LEAST)
    for header in ("*CLS", "*RST"):
        yield Measured(f"errors of {header}", len(bench.errors(header)), 0, 0)


def error_queue(bench: Bench) -> Iterator[Measured]:
    """Errors come in their order, are lost with -350 when there are too many, and are forgotten by *CLS."""
    yield Measured("SYST:ERR? with nothing wrong", _number(bench.ask("SYST:ERR?").split(",")[0]), 0, 0)
    queued = bench.errors("NO:SUCH;:SOUR:BIAS 0,0;:SOUR:BIAS")
    for place, (found, code) in enumerate(zip(queued + [0] * 3, (_UNDEFINED, _TOO_MANY, _MISSING), strict=False)):
        yield Measured(f"error {place} of NO:SUCH;:SOUR:BIAS 0,0;:SOUR:BIAS", found, code, code)
    many = bench.errors(";".join(["NO"] * _MANY))
    yield Measured(f"first of {_MANY} errors", _first(many), _UNDEFINED, _UNDEFINED)
    yield Measured(f"last of {_MANY} errors", _first(many[::-1]), _OVERFLOW, _OVERFLOW)
    yield Measured("errors after *CLS", len(bench.errors("NO:SUCH;*CLS")), 0, 0)
    yield Measured("errors counted", _counted(bench), 1, 1)
    yield Measured("SYST:ERR? when all were read", _number(bench.ask("SYST:ERR?").split(",")[0]), 0, 0)


def _counted(bench: Bench) -> float:
    """Give how many errors the board counts after one."""
    try:
        return _number(bench.ask("*CLS;NO:SUCH;:SYST:ERR:COUN?"))
    except DeviceError as error:
        return _number(error.answer)


def watchdog(bench: Bench) -> Iterator[Measured]:
    """When its host is silent for SYSTem:WATChdog, the board makes itself safe, and says so."""
    bench.ask("SYST:WATC 0")
    bench.place(bench.some_wipers())
    bench.hold(bench.ramp())
    wipers = bench.ask("WIP:POS?")
    bench.ask("SYST:WATC 0.1;:SOUR:BIAS 0.5;:SYST:WAIT 0.05")
    yield Measured("bias before the time is over", _number(bench.ask("SOUR:BIAS?")), 0.49, 0.51, "V")
    bench.ask("SYST:WAIT 0.2")  # a driver that waits for longer may ask again, and that is no silence
    try:
        yield Measured("bias afterwards", _number(bench.ask("SOUR:BIAS?")), 0, 0, "V")
        for side in ("FREE", "CLAM"):
            yield Measured(f"highest source afterwards, {side}", _highest(bench.ask(f"SOUR:HOLD? {side}")), 0, 0, "V")
        questionable = int(bench.ask("STAT:QUES:COND?"))
        yield Measured("bit 2048 of STATus:QUEStionable", bool(questionable & _HOST_LOST), 1, 1)
        yield Measured("wipers moved", bench.ask("WIP:POS?") != wipers, 0, 0)
    finally:
        bench.ask("SYST:WATC 0")
    questionable = int(bench.ask("STAT:QUES:COND?"))
    yield Measured("the bit when the watchdog is set again", bool(questionable & _HOST_LOST), 0, 0)


def _highest(held: str) -> float:
    """Give the highest of the voltages in an answer to SOUR:HOLD?."""
    return 0.0 if held == "NONE" else max(float(volts) for volts in held.split(",")[1::2])


def _first(codes: list[int]) -> int:
    return codes[0] if codes else 0


def _number(answer: str) -> float:
    """Read a number; NaN, which is within no limits, where there is none."""
    try:
        return float(answer)
    except ValueError:
        return float("nan")
