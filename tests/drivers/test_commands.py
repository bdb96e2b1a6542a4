"""The driver and the firmware's table of commands say the same."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import labnet_drivers
from labnet.errors import DeviceError, OutOfRange
from labnet_drivers import TwinBoard, discovery
from labnet_drivers.commands import Command, Setting, asked, commands, decimal, micro, short
from labnet_drivers.instrument import Instrument
from labnet_drivers.sequencer import Sequencer
from labnet_drivers.transports import LINE_RATE

ROOT = Path(__file__).parents[2]
DRIVER = Path(labnet_drivers.__file__).parent
HEADER = re.compile(r'"(\*[A-Z]{3}|[A-Z]{3,}[a-z]*(?:\[?:[A-Z]+[a-z]*\]?)+)"')
SENT = re.compile(r"\b((?:SYST|BOAR|SOUR|MEAS|TRIG|TRA|STAT|CAL|FORM|WIP)(?::[A-Z]+)+)\b(\?)?")


def settings() -> Iterator[tuple[type, str, Setting[Any]]]:
    for owner in (Instrument, TwinBoard, Sequencer):
        for name, value in vars(owner).items():
            if isinstance(value, Setting):
                yield owner, name, value


def owner_of(board: TwinBoard, kind: type) -> Any:
    return board.sequencer if kind is Sequencer else board


def test_every_header_in_the_driver_is_in_the_table() -> None:
    sources = {path: path.read_text() for path in DRIVER.glob("*.py")}
    named = {header for text in sources.values() for header in HEADER.findall(text)}
    assert len(named) > 40
    schedules = {f"{header}:{word}" for header in ("TRAin:LOG", "TRAin:MEASure") for word in ("EVERy", "LIST")}
    assert (named - {"TRAin:MEASure"}) | schedules <= commands().keys()
    by_short = {command.short: command for command in commands().values()}
    sent = {each for text in sources.values() for each in SENT.findall(text)}
    assert len(sent) >= 8, "the link's own"
    for header, question in sent:
        command = by_short[header]
        assert (command.query if question else command.set) is not None, header


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name, _ in settings()])
def test_every_property_is_answered_by_the_firmware_and_explained(board: TwinBoard, kind: type, name: str) -> None:
    setting: Setting[Any] = vars(kind)[name]
    value = getattr(owner_of(board, kind), name)
    assert isinstance(value, int | float | str | tuple | None)
    doc = inspect.getdoc(setting)
    assert doc is not None
    assert setting.command.doc in doc
    assert setting.command.header in doc
    if setting.command.set is None:
        with pytest.raises(AttributeError, match="only be asked for"):
            setattr(owner_of(board, kind), name, value)


NUMBERS = [
    (kind, name)
    for kind, name, setting in settings()
    if [parameter.type for parameter in setting.command.set or ()] == ["number"]
]


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_limits_of_the_table_are_limits_of_driver_and_firmware(board: TwinBoard, kind: type, name: str) -> None:
    setting: Setting[Any] = vars(kind)[name]
    (parameter,) = setting.command.set or ()
    low, high = (parameter._limit(end, board.limits) for end in (parameter.low, parameter.high))
    owner = owner_of(board, kind)
    for end in (low, high):
        setattr(owner, name, end)
        assert getattr(owner, name) == pytest.approx(end, abs=1e-4)
    for beyond in (low - 1e-3, high + 1e-3, float("nan"), float("inf"), "1"):
        with pytest.raises(OutOfRange, match="allowed:"):
            setattr(owner, name, beyond)
    for beyond in (low - 1e-3, high + 1e-3):
        with pytest.raises(DeviceError, match="Data out of range"):
            board.scpi(f"{setting.command.short} {decimal(beyond)}")
    assert getattr(owner, name) == pytest.approx(high, abs=1e-4)


def parameter_command(**parameter: Any) -> Command:
    from labnet_drivers.commands import Parameter

    given = {"name": "x", "type": "number", "unit": "", "low": None, "high": None, "choices": ()} | parameter
    return Command("MADE:UP", (Parameter(**given),), None, "", "", "")


@pytest.mark.parametrize(
    ("parameter", "right", "wrong"),
    [
        ({"type": "number", "low": 0, "high": 5}, {0: "0", 2.5: "2.5", 1e-6: "0.000001", 5.0: "5"}, [6, "1", None]),
        ({"type": "integer", "low": 0, "high": "WORDS-1"}, {0: "0", 9: "9", 3.0: "3"}, [10, 1.5, -1, "3"]),
        ({"type": "number", "low": 0, "high": "TOP_UV"}, {1.5: "1.5"}, [1.6]),
        ({"type": "boolean"}, {True: "1", False: "0"}, [2, "ON"]),
        ({"type": "choice", "choices": ("FREE", "CLAMped")}, {"free": "FREE", "clamped": "CLAM"}, ["cla", 1]),
        ({"type": "string", "high": 4}, {"a b": '"a b"', '"': '""""'}, ["12345", 1, "\xe4"]),
    ],
)
def test_values_are_written_as_the_firmware_reads_them(
    parameter: dict[str, Any], right: dict[Any, str], wrong: list[Any]
) -> None:
    command, limits = parameter_command(**parameter), {"WORDS": 10, "TOP_UV": 1_500_000}
    for value, text in right.items():
        assert command.message(limits, value) == f"MADE:UP {text}"
    for value in wrong:
        with pytest.raises(OutOfRange, match="x is"):
            command.message(limits, value)


def test_numbers_survive_the_wire() -> None:
    assert short("FORMat[:DATA]") == "FORM"
    assert asked("SYSTem:ERRor[:NEXT]") == "SYST:ERR?"
    assert [decimal(value) for value in (0.0, 5, 1e-6, 4.9999237, 1e6)] == ["0", "5", "0.000001", "4.999924", "1000000"]
    assert [micro(text) for text in ("0", "1.5", "0.000001", "9000000000.000001")] == [0, 1500000, 1, 9000000000000001]


def test_what_is_plugged_in_is_the_same_board_everywhere() -> None:
    """The driver, the board's description and the udev rules."""
    described = tomllib.loads((ROOT / "firmware" / "boards" / "twin16.toml").read_text())
    assert described["line_rate"] == LINE_RATE
    ids = {tuple(int(number, 16) for number in pair.split(":")) for pair in described["usb"]}
    assert ids < discovery.USB_IDS
    rules = (ROOT / "drivers" / "udev" / "99-labnet.rules").read_text()
    found = re.findall(r'^SUBSYSTEM=="tty", ATTRS{idVendor}=="(\w{4})", ATTRS{idProduct}=="(\w{4})"', rules, re.M)
    assert {(int(vendor, 16), int(product, 16)) for vendor, product in found} == discovery.USB_IDS
