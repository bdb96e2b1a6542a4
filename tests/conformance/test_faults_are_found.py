"""A board with a broken part does not conform: the check that is about the part fails, and names it."""

import re

import pytest

import labnet
from labnet.conformance import Report, conform

NETWORK = labnet.networks.twin16()

# What is broken, its kind of index, and the check that is about it.
FOUND_BY = [
    ("swapped-comparators", "edge", "comparators"),
    ("stuck-wiper", "edge", "wipers"),
    ("stuck-gate", "edge", "gates"),
    ("shifted-adc", "node", "clamp"),
    ("dead-dac", "node", "clamp"),
]
EVERY_PART = [
    (fault, kind, check, index)
    for fault, kind, check in FOUND_BY
    for index in range(NETWORK.edge_count if kind == "edge" else NETWORK.node_count)
]


def report(address: str) -> Report:
    with labnet.open_board(address) as board:
        return conform(board)


def named(report: Report, check: str, kind: str) -> list[int]:
    """Edges or nodes that are named where a check found something wrong, the worst first."""
    numbers = (re.findall(rf"\b{kind} (\d+)", each.what) for each in report[check].wrong)
    return list(dict.fromkeys(int(number) for found in numbers for number in found))


def assert_named(report: Report, check: str, kind: str, broken: list[int]) -> None:
    """What is broken is named first, and what is not, at most where it is measured against something broken."""
    suspects = named(report, check, kind)
    assert sorted(suspects[: len(broken)]) == broken
    if check == "wipers":
        ends = {node for edge in broken for node in NETWORK.edges[edge].tolist()}
        assert all(ends.intersection(NETWORK.edges[edge].tolist()) for edge in suspects)
    else:
        assert len(suspects) == len(broken)


@pytest.mark.parametrize(
    "address",
    [
        "sim://twin16?preset=ideal&seed=3",
        "sim://twin16?preset=lab&seed=3",
        pytest.param("firmware://twin16?preset=ideal&seed=3", marks=pytest.mark.slow),
        pytest.param("firmware://twin16?preset=lab&seed=3", marks=pytest.mark.slow),
        pytest.param("firmware://twin16?target=atmega2560&preset=lab&seed=3", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("fault", "kind", "check"), FOUND_BY)
def test_a_broken_part_fails_its_check_by_name(address: str, fault: str, kind: str, check: str) -> None:
    found = report(f"{address}&fault={fault}@4")
    assert check in found.failed
    assert_named(found, check, kind, [4])


@pytest.mark.parametrize(
    "board",
    [
        "sim://twin16?",
        pytest.param("firmware://twin16?", marks=pytest.mark.slow),
        pytest.param("firmware://twin16?target=atmega2560&", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("preset", ["ideal", "lab"])
def test_slow_settling_fails_its_check(board: str, preset: str) -> None:
    assert "settling" in report(f"{board}preset={preset}&seed=3&fault=slow-settling").failed


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "kind", "check", "index"), EVERY_PART)
def test_each_part_that_may_break_is_found(fault: str, kind: str, check: str, index: int) -> None:
    found = report(f"sim://twin16?preset=lab&seed=5&fault={fault}@{index}")
    assert check in found.failed
    assert_named(found, check, kind, [index])
    if kind == "edge":
        assert found.failed == (check,), "with all nodes sound, nothing else is wrong"


def test_two_broken_parts_are_both_named() -> None:
    found = report("sim://twin16?preset=lab&seed=3&fault=stuck-wiper@2,stuck-wiper@13,stuck-gate@7")
    assert found.failed == ("wipers", "gates")
    assert_named(found, "wipers", "edge", [2, 13])
    assert_named(found, "gates", "edge", [7])


def test_without_a_fault_the_same_boards_conform() -> None:
    assert all(report(f"sim://twin16?preset=lab&seed={seed}").passed for seed in (3, 5))
