"""Every check can fail: planted defects are found by the check that is for them, and the part is named."""

from typing import Any

import pytest
from defects import DEFECTS, NETWORK

import labnet
from labnet.conformance import CHECKS, conform
from labnet.errors import DeviceError
from labnet_simulators import Parts, SimulatedBoard


@pytest.mark.parametrize(("kind", "parts", "check", "named"), DEFECTS, ids=[f"{d[2]}-{d[0].__name__}" for d in DEFECTS])
def test_a_planted_defect_is_found(kind: type[SimulatedBoard], parts: Parts, check: str, named: str) -> None:
    report = conform(kind(NETWORK, parts, 5), only=[check])
    assert report.failed == (check,)
    assert not report[check].error
    assert [finding for finding in report[check].wrong if named in finding.what], report[check].wrong


def test_a_defect_does_not_fail_what_has_nothing_to_do_with_it() -> None:
    for kind, parts, check, _ in DEFECTS:
        if check in ("comparators", "settling", "converter-noise"):
            report = conform(kind(NETWORK, parts, 5), only=["clamp", "gates", "hold-and-float", "identity"])
            assert report.failed == (), kind


# In a board's own language -------------------------------------------------------------------------------------------


def only_lower_case(ask: Any) -> Any:
    def scpi(message: str) -> Any:
        if message != message.upper() and "sys" in message:
            raise DeviceError(((-113, "Undefined header"),), message)
        return ask(message)

    return scpi


def takes_anything(ask: Any) -> Any:
    def scpi(message: str) -> Any:
        return ask("SOUR:BIAS 0" if message == "SOUR:BIAS 1000" else message)

    return scpi


def newest_error_first(ask: Any) -> Any:
    def scpi(message: str) -> Any:
        try:
            return ask(message)
        except DeviceError as error:
            raise DeviceError(error.errors[::-1], message, answer=error.answer) from None

    return scpi


def no_watchdog(ask: Any) -> Any:
    return lambda message: ask(message.replace("SYST:WATC 0.1", "SYST:WATC 0"))


def no_home(ask: Any) -> Any:
    def scpi(message: str) -> Any:
        return ask("WIP:POS 70" if message == "WIP:HOME" else message)

    return scpi


def never_counts(ask: Any) -> Any:
    return lambda message: "7" if message == "TRIG:COUN?" else ask(message)


def keeps_wipers(ask: Any) -> Any:
    return lambda message: ask("SYST:SAFE" if message == "*RST" else message)


def another_serial(ask: Any) -> Any:
    return lambda message: "LABNET,TWIN16,another,1.0" if message == "*IDN?" else ask(message)


TALK: list[tuple[Any, str, str]] = [
    (only_lower_case, "grammar", "errors of"),
    (takes_anything, "grammar", "error of SOUR:BIAS 1000"),
    (newest_error_first, "error-queue", "error 0 of"),
    (no_watchdog, "watchdog", "bias afterwards"),
    (no_home, "homing", "wipers that WIPer:HOME moved"),
    (never_counts, "triggers", "triggers counted by TRIG:COUN?"),
    (keeps_wipers, "power-up", "wipers not at 64 after *RST"),
    (another_serial, "identity", "another model or serial"),
]


@pytest.mark.parametrize(("defect", "check", "named"), TALK, ids=[f"{d[1]}-{d[0].__name__}" for d in TALK])
def test_a_board_that_talks_otherwise_is_found(
    defect: Any, check: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with labnet.open_board("firmware://twin16") as board:
        monkeypatch.setattr(board, "scpi", defect(board.scpi))  # type: ignore[attr-defined]
        report = conform(board, only=[check])
    assert report.failed == (check,)
    assert report[check].error or [each for each in report[check].wrong if named in each.what], report[check].wrong


def test_every_check_is_among_them() -> None:
    assert {defect[2] for defect in DEFECTS} | {defect[1] for defect in TALK} == set(CHECKS)
