"""Drivers against instruments that pyvisa-sim plays from a table; what it cannot play is said there."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_bench import DEAD, GENERATOR, METER, OLD, SCOPE, SILENT, SMU, SMU_TSP, WEAK, Bench

import labnet
import labnet.bench
from labnet.errors import (
    BoardClosed,
    DeviceError,
    InstrumentError,
    LinkDesynchronised,
    LinkLost,
    LinkTimeout,
    NotSupported,
    OutOfRange,
    Overload,
    UnknownBoard,
    WrongInstrument,
)
from labnet.meters import Ammeter, PulseSource, VoltageSource, Voltmeter
from labnet_drivers.bench import Keithley2450, Keysight33500B, Keysight34461A, Session
from labnet_drivers.bench import multimeter as dmm
from labnet_drivers.bench import source_meter as smu
from labnet_drivers.bench.scpi import Span, span_for

CAN = {
    METER: {Voltmeter, Ammeter},
    GENERATOR: {VoltageSource, PulseSource},
    SMU: {Voltmeter, Ammeter, VoltageSource},
}


# Who it is --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "kind"), [(METER, Keysight34461A), (GENERATOR, Keysight33500B), (SMU, Keithley2450)]
)
def test_the_right_driver(bench: Bench, resource: str, kind: type) -> None:
    with bench.open(resource) as instrument:
        assert type(instrument) is kind
        assert {can for can in (Voltmeter, Ammeter, VoltageSource, PulseSource) if isinstance(instrument, can)} == CAN[
            resource
        ]
        assert resource in instrument.name
        assert instrument.serial in instrument.name


def test_another_instrument_is_refused_and_left_alone(bench: Bench) -> None:
    with pytest.raises(WrongInstrument, match=r"RIGOL TECHNOLOGIES,DS1102E.*Keithley 2450, Keysight 34461A"):
        bench.open(SCOPE)
    with pytest.raises(WrongInstrument, match=r"MODEL 2450.*this driver is for Keysight 34461A"):
        Keysight34461A(Session(SMU, bench.library))
    assert bench.ask(SCOPE, "TEST:CHANGED?") == "no"  # no *RST, no *CLS


def test_a_source_meter_that_speaks_another_language(bench: Bench) -> None:
    with pytest.raises(WrongInstrument, match=r"speaks TSP; send it \*LANG SCPI"):
        bench.open(SMU_TSP)


def test_nobody_there(bench: Bench) -> None:
    with pytest.raises(UnknownBoard, match="TCPIP::nobody::INSTR"):
        bench.open("TCPIP::nobody::INSTR")
    with pytest.raises(LinkTimeout, match=r"did not answer '\*IDN\?' in 0.05 s"):
        bench.open(DEAD, timeout_s=0.05)


def test_the_core_opens_it_without_knowing_drivers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVISA_LIBRARY", bench.library)
    with labnet.bench.instrument(METER) as instrument:
        assert isinstance(instrument, Voltmeter)
        assert instrument.measure_voltage() == 1.23456789
    with pytest.raises(NotSupported, match="'sim://twin16' is no instrument; give a VISA resource name"):
        labnet.bench.instrument("sim://twin16")


# Multimeter -------------------------------------------------------------------------------------------------------


def test_a_reading_depends_on_nothing_that_somebody_left(bench: Bench) -> None:
    with bench.open(METER) as meter:
        assert meter.measure_voltage() == 1.23456789
        assert bench.ask(METER, "CONF:VOLT:DC?") == "10"
        assert bench.ask(METER, "CONF:CURR:DC?") == "none"
        assert [bench.ask(METER, f"VOLT:DC:{what}?") for what in ("NPLC", "ZERO:AUTO", "IMP:AUTO")] == [
            "10",
            "ON",
            "ON",
        ]
        assert [bench.ask(METER, what) for what in ("TRIG:SOUR?", "TRIG:DEL:AUTO?", "SAMP:COUN?")] == ["IMM", "ON", "1"]
        bench.tell(METER, "TEST:READ -2.5E-03")
        assert meter.measure_current() == -2.5e-3
        assert bench.ask(METER, "CONF:CURR:DC?") == "0.01"
        assert [bench.ask(METER, f"CURR:DC:{what}?") for what in ("NPLC", "ZERO:AUTO")] == ["10", "ON"]


def test_a_range_that_holds_what_comes(bench: Bench) -> None:
    with bench.open(METER) as meter:
        # 1 year: 35 ppm of reading + 5 ppm of 10 V; 1 mA: 500 + 60 ppm; as rectangular distributions
        assert meter.voltage_accuracy == pytest.approx((35e-6 / sqrt(3), 50e-6 / sqrt(3)))
        meter.set_ranges(volts=0.7, amperes=0.8e-3)
        assert meter.voltage_accuracy == pytest.approx((40e-6 / sqrt(3), 7e-6 / sqrt(3)))
        assert meter.current_accuracy == pytest.approx((500e-6 / sqrt(3), 60e-9 / sqrt(3)))
        meter.measure_voltage()
        assert bench.ask(METER, "CONF:VOLT:DC?") == "1"
        with pytest.raises(OutOfRange, match="no range holds 5 A; allowed: 0 to 3 A"):
            meter.set_ranges(volts=0.01, amperes=5.0)
        assert meter.voltage_accuracy == pytest.approx((40e-6 / sqrt(3), 7e-6 / sqrt(3)))  # nothing was changed


@pytest.mark.parametrize("spans", [dmm._VOLTS, dmm._AMPERES, smu._VOLTS, smu._AMPERES])
@given(share=st.floats(-1, 1))
def test_the_smallest_range_that_holds_it(spans: tuple[Span, ...], share: float) -> None:
    value = share * spans[-1].full
    span = span_for(spans, value, "V")
    assert span == min((each for each in spans if each.full >= abs(value)), key=lambda each: each.full)
    # a larger range is never the better one, at a value that both hold
    limits = [each.gain * abs(value) + each.offset for each in spans if each.full >= abs(value)]
    assert limits[0] == min(limits)


@pytest.mark.parametrize("said", ["9.9E+37", "-9.9E+37", "9.91E37", "+9.90000000E+37", "NaN", "inf"])
def test_an_overload_is_no_number(bench: Bench, said: str) -> None:
    with bench.open(METER) as meter:
        bench.tell(METER, f"TEST:READ {said}")
        with pytest.raises(Overload, match="the voltage is beyond the range in use"):
            meter.measure_voltage()
        bench.tell(METER, "TEST:READ 9.8E0")
        assert meter.measure_voltage() == 9.8


def test_what_is_no_number_is_none(bench: Bench) -> None:
    with bench.open(METER) as meter:
        bench.tell(METER, "TEST:READ VOLT")
        with pytest.raises(LinkDesynchronised, match=r"answered 'VOLT' to 'READ\?', which is no number"):
            meter.measure_voltage()


def test_a_setting_that_it_does_not_take(bench: Bench) -> None:
    with bench.open(OLD) as meter:
        with pytest.raises(InstrumentError, match="reports -113 'Undefined header' after 'CONF:VOLT:DC 10'") as refused:
            meter.measure_voltage()
        assert isinstance(refused.value, DeviceError)
        assert refused.value.code == -113
        assert refused.value.command == "CONF:VOLT:DC 10"


def test_no_answer_in_time(bench: Bench) -> None:
    meter = bench.open(SILENT, timeout_s=0.05)
    with meter:
        with pytest.raises(LinkTimeout, match=r"did not answer 'READ\?' in 0.05 s"):
            meter.measure_voltage()
        with pytest.raises(LinkDesynchronised, match="still owes an answer"):  # it may come yet
            meter.measure_current()
    with pytest.raises(BoardClosed, match="open it again"):
        meter.session.send("*RST")
    meter.close()  # twice is as good as once


def test_an_answer_of_two_lines_is_none(bench: Bench) -> None:
    session = Session(DEAD, bench.library)
    with pytest.raises(LinkDesynchronised, match="several lines"):
        session.ask("TEST:TWO?")
    session.close()


def test_ctrl_c_between_question_and_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(timeout_s: float) -> bytes:
        raise KeyboardInterrupt

    with bench.open(GENERATOR) as source:
        source.set_voltage(1.0)
        with monkeypatch.context() as patch:
            patch.setattr(source.session._transport, "read", interrupted)
            with pytest.raises(KeyboardInterrupt):
                source.set_voltage(2.0)
        with pytest.raises(LinkDesynchronised, match="still owes an answer"):
            source.set_voltage(1.0)
    assert bench.line(GENERATOR).read() == '+0,"No error"'  # the answer that would have been taken for another's
    assert bench.ask(GENERATOR, "OUTP?") == "OFF"


def test_an_output_that_cannot_be_turned_off_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(data: bytes) -> None:
        raise LinkLost("gone") from OSError("no such device")

    with bench.open(GENERATOR) as source:
        source.set_voltage(1.0)
        monkeypatch.setattr(source.session._transport, "write", gone)
        with pytest.raises(LinkLost, match=r"is gone \(no such device\)"):
            source.set_voltage(2.0)
        assert "could not be told to turn its output off" in caplog.text
        assert "see to it by hand" in caplog.text


# Source meter -----------------------------------------------------------------------------------------------------


def test_a_voltage_that_is_held(bench: Bench) -> None:
    with bench.open(SMU) as source:
        assert bench.given_v(SMU) == 0
        assert [bench.ask(SMU, what) for what in ("ROUT:TERM?", "OUTP:SMOD?")] == ["FRON", "HIMP"]
        source.set_voltage(2.5)
        assert bench.given_v(SMU) == 2.5
        settings = {"SOUR:FUNC": "VOLT", "SOUR:VOLT:RANG": "20", "SOUR:VOLT:ILIM": "0.01", "SENS:FUNC": '"CURR"'}
        settings |= {"SENS:CURR:RSEN": "OFF", "SENS:CURR:NPLC": "1", "SENS:CURR:AZER": "ON", "SENS:CURR:RANG": "0.01"}
        assert {name: bench.ask(SMU, f"{name}?") for name in settings} == settings
        assert source.measure_current() == 1.234567e-3
        assert source.measure_voltage() == 1.234567e-3  # whatever the table says
        assert bench.ask(SMU, "SENS:FUNC?") == '"VOLT"'
        assert bench.given_v(SMU) == 2.5  # held on while it measures
        source.output_off()
        assert bench.ask(SMU, "OUTP?") == "OFF"
    assert bench.ask(SMU, "OUTP?") == "OFF"


def test_a_source_meter_as_a_meter_alone(bench: Bench) -> None:
    with bench.open(SMU) as meter:
        meter.measure_voltage()
        settings = {
            "OUTP": "ON",
            "SOUR:FUNC": "CURR",
            "SOUR:CURR": "0",
            "SOUR:CURR:RANG": "1e-06",
            "SOUR:CURR:VLIM": "21",
        }
        settings |= {"SENS:VOLT:RSEN": "OFF", "SENS:VOLT:NPLC": "1", "SENS:VOLT:AZER": "ON", "SENS:VOLT:RANG": "20"}
        assert {name: bench.ask(SMU, f"{name}?") for name in settings} == settings
        meter.measure_current()
        assert bench.ask(SMU, "SOUR:FUNC?") == "VOLT"
        assert bench.given_v(SMU) == 0
        # 150 ppm + 1 mV in the range of 20 V; 200 ppm + 600 nA at 10 mA
        assert meter.voltage_accuracy == pytest.approx((150e-6 / sqrt(3), 1e-3 / sqrt(3)))
        assert meter.current_accuracy == pytest.approx((200e-6 / sqrt(3), 600e-9 / sqrt(3)))
        meter.set_ranges(volts=1.0, amperes=50e-6)
        assert bench.ask(SMU, "OUTP?") == "OFF"
        assert meter.voltage_range == (-2, 2)
        meter.measure_voltage()
        # the limit stays: one below what is measured would clamp the node
        assert [bench.ask(SMU, f"{name}?") for name in ("SOUR:CURR:VLIM", "SENS:VOLT:RANG")] == ["21", "2"]


def test_a_source_at_its_limit_holds_nothing(bench: Bench) -> None:
    with bench.open(SMU) as source:
        source.set_voltage(1.0)
        bench.tell(SMU, "TEST:TRIP 1")
        with pytest.raises(Overload, match=r"at its limit of 0.01 A.*its output is off"):
            source.set_voltage(2.0)
        assert bench.ask(SMU, "OUTP?") == "OFF"
        with pytest.raises(Overload, match=r"limit of 0\.01 A"):  # its reading would be the limit itself
            source.measure_current()
        assert bench.ask(SMU, "OUTP?") == "OFF"
        bench.tell(SMU, "TEST:CLAMP 1")
        with pytest.raises(Overload, match="limit of 21 V"):
            source.measure_voltage()
        assert bench.ask(SMU, "OUTP?") == "OFF"


@pytest.mark.parametrize("resource", [SMU, GENERATOR])
def test_a_voltage_that_it_cannot_hold(bench: Bench, resource: str) -> None:
    with bench.open(resource) as source:
        source.set_voltage(1.0)
        high = source.voltage_range[1]
        for volts in (high + 0.1, -high - 0.1, float("nan"), float("inf")):
            with pytest.raises(OutOfRange, match=f"allowed: -{high:g} to {high:g} V"):
                source.set_voltage(volts)
        assert bench.given_v(resource) == 1.0  # nothing was sent


# Function generator -----------------------------------------------------------------------------------------------


def test_a_generator_as_a_bias(bench: Bench) -> None:
    with bench.open(GENERATOR) as source:
        assert bench.ask(GENERATOR, "OUTP?") == "OFF"
        # for 50 ohm it would give twice the voltage that it is told to an open circuit
        assert [bench.ask(GENERATOR, f"{name}?") for name in ("OUTP:LOAD", "OUTP:POL", "VOLT:UNIT")] == [
            "INF",
            "NORM",
            "VPP",
        ]
        source.set_voltage(1 / 3)
        assert bench.given_v(GENERATOR) == pytest.approx(1 / 3, abs=1e-9)
        assert [bench.ask(GENERATOR, f"{name}?") for name in ("FUNC", "BURS:STAT")] == ["DC", "OFF"]
        source.output_off()
        assert bench.given_v(GENERATOR) == 0
        source.set_voltage(0.25)
        assert bench.given_v(GENERATOR) == 0.25
    assert bench.ask(GENERATOR, "OUTP?") == "OFF"


def test_a_generator_as_a_trigger(bench: Bench) -> None:
    with bench.open(GENERATOR) as source:
        source.set_voltage(0.5)
        assert bench.ask(GENERATOR, "TEST:FIRED?") == "no"
        source.pulse()
        assert bench.ask(GENERATOR, "TEST:FIRED?") == "TRG"
        settings = {"OUTP": "ON", "FUNC": "PULS", "VOLT:HIGH": "5", "VOLT:LOW": "0", "VOLT:OFFS": "0.0"}
        settings |= {"FUNC:PULS:WIDT": "1e-05", "FUNC:PULS:PER": "2e-05", "TRIG:SOUR": "BUS"}
        settings |= {"BURS:STAT": "ON", "BURS:MODE": "TRIG", "BURS:NCYC": "1", "BURS:PHAS": "0"}
        assert {name: bench.ask(GENERATOR, f"{name}?") for name in settings} == settings
        source.set_voltage(0.5)
        assert bench.given_v(GENERATOR) == 0.5
        assert [bench.ask(GENERATOR, f"{name}?") for name in ("FUNC", "BURS:STAT")] == ["DC", "OFF"]
    with pytest.raises(OutOfRange, match="allowed: 0 to 10 V, and 1 us to 1 s"):
        Keysight33500B(Session(GENERATOR, bench.library), pulse_v=12.0)


def test_its_output_is_off_after_an_error(bench: Bench) -> None:
    with bench.open(WEAK) as source:
        source.set_voltage(1.5)
        assert bench.given_v(WEAK) == 1.5
        with pytest.raises(InstrumentError, match=r"after 'VOLT:OFFS 3'; its output is off"):
            source.set_voltage(3.0)
        assert bench.ask(WEAK, "OUTP?") == "OFF"
        source.set_voltage(1.5)  # it goes on after that
        assert bench.given_v(WEAK) == 1.5


def test_its_output_is_off_after_silence(bench: Bench) -> None:
    with bench.open(WEAK, timeout_s=0.05) as source:
        with pytest.raises(LinkTimeout, match=r"did not answer '\*OPC\?'"):
            source.pulse()
        assert bench.ask(WEAK, "OUTP?") == "OFF"
        with pytest.raises(LinkDesynchronised):
            source.set_voltage(1.0)
        assert bench.ask(WEAK, "OUTP?") == "OFF"


@pytest.mark.parametrize("resource", [SMU, GENERATOR])
def test_its_output_is_off_however_it_is_left(bench: Bench, resource: str) -> None:
    given = 0.0

    def interrupted() -> None:
        nonlocal given
        with bench.open(resource) as source:
            source.set_voltage(1.0)
            given = bench.given_v(resource)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert given == 1.0
    assert bench.ask(resource, "OUTP?") == "OFF"
    source = bench.open(resource)
    source.set_voltage(1.0)
    source.close()
    assert bench.ask(resource, "OUTP?") == "OFF"
    source.output_off()  # never fails
    with pytest.raises(BoardClosed):
        source.set_voltage(1.0)
