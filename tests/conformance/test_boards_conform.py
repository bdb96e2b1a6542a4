"""Boards that are as they must be pass, whatever is random about them."""

import pytest

import labnet
from labnet.conformance import CHECKS, conform

TALK = {"grammar", "error-queue", "watchdog"}  # checks of a board's own language
QUICK = [
    "sim://twin16",
    "sim://twin16?converters=board",
    "sim://twin16?preset=lab&seed=3",
    "sim://twin16?preset=lab&converters=float&seed=4",
    "sim://twin16?preset=lab&comparator=pair&gate=fixed&seed=5",
    "sim://packing143?preset=lab&seed=6",
    "sim://lattice-2x2",
]


def statuses(address: str) -> dict[str, str]:
    with labnet.open_board(address) as board:
        report = conform(board)
    assert report.passed, [(result.name, result.error, result.wrong) for result in report.results]
    return {result.name: result.status for result in report.results}


def not_passed(address: str) -> set[str]:
    return {name for name, status in statuses(address).items() if status != "passed"}


@pytest.mark.parametrize("address", QUICK)
def test_simulated_boards(address: str) -> None:
    found = statuses(address)
    assert list(found) == list(CHECKS)
    unclaimed = TALK | ({"nudges"} if "preset=lab" in address else set())
    assert {name for name, status in found.items() if status == "not applicable"} == unclaimed


@pytest.mark.parametrize("target", ["native", pytest.param("atmega2560", marks=pytest.mark.slow)])
@pytest.mark.parametrize("board", ["preset=ideal", "preset=lab&seed=3"])
def test_the_firmware(target: str, board: str) -> None:
    assert not_passed(f"firmware://twin16?target={target}&{board}") == {"nudges"}  # its sources are of voltages


def test_without_noise_both_paces_of_the_firmware_give_the_same_bits() -> None:
    with labnet.open_board("firmware://twin16") as board:
        report = conform(board, only=["paces"])
    (same,) = [finding for finding in report["paces"].findings if "last bit" in finding.what]
    assert same.value == 41


@pytest.mark.slow
@pytest.mark.parametrize("target", ["native", "atmega2560"])
@pytest.mark.parametrize("seed", range(10))
def test_the_firmware_on_any_lab_board(target: str, seed: int) -> None:
    assert not_passed(f"firmware://twin16?target={target}&preset=lab&seed={seed}") == {"nudges"}


@pytest.mark.slow
def test_a_chip_that_takes_its_time() -> None:
    assert not_passed("firmware://twin16?target=atmega2560&timed=true&preset=lab&seed=3") == {"nudges"}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_no_false_alarm_on_any_lab_board(first: int) -> None:
    for seed in range(first, first + 50):
        statuses(f"sim://twin16?preset=lab&seed={seed}")
