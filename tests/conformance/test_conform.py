"""How the suite runs: what a board does not claim, what it raises, how it is left."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

import labnet
from labnet.board import Side
from labnet.conformance import CHECKS, Limits, Measured, conform
from labnet.errors import NotSupported, OutOfRange
from labnet.plan import Plan
from labnet.records import Block
from labnet_simulators import SimulatedBoard
from labnet_simulators.sides import TwinSides

NETWORK = labnet.networks.twin16()


class Modest(SimulatedBoard):
    """A board that has no comparators to look at, and runs no plans."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.info = replace(self.info, plans=frozenset())

    def directions(self) -> Any:
        raise NotSupported("nobody can look at these comparators.")


class Breaks(SimulatedBoard):
    """Somebody else's driver, with an error of its own in reading."""

    def read(self, side: Side) -> Any:
        raise ZeroDivisionError("no reference")


class NotANumber(SimulatedBoard):
    """A board with a broken converter."""

    def read(self, side: Side) -> Any:
        volts = super().read(side)
        volts[4] = nan
        return volts


def test_a_reading_that_is_no_number_fails_whatever_looks_at_it() -> None:
    report = conform(NotANumber(NETWORK), only=["wipers", "clamp", "settling", "converter-noise"])
    for result in report.results:
        assert result.status == "failed"
        assert "node 4" in result.error


class Unsafe(SimulatedBoard):
    """A board that can be made safe so many times, and then no more."""

    times = 0

    def safe(self) -> None:
        if self.times == 0:
            raise ZeroDivisionError("a relay is stuck")
        self.times -= 1
        super().safe()


class HeldUp(SimulatedBoard):
    """A board that is asked for its log while a step should begin: one less than 20 ms after another is late."""

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        for block in super().train(plan, first, start_s):
            for record in block.records:
                record.time_s += 1e-3 * (record.step == 9) * (plan.step_period_s < 0.02)
            yield block


def test_what_is_not_claimed_is_not_applicable() -> None:
    report = conform(Modest(NETWORK))
    assert report.passed
    assert report["comparators"].status == "not applicable"
    assert "nobody can look" in report["comparators"].unclaimed
    for name in ("paces", "log", "abort"):
        assert report[name].status == "not applicable"
        assert "runs no plans" in report[name].unclaimed
    assert report["triggers"].status == "passed"


def test_a_board_that_says_it_nudges_and_cannot_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(TwinSides, "nudge")
    report = conform(SimulatedBoard(NETWORK), only=["nudges"])
    assert report.failed == ("nudges",)
    assert "info.nudges has conductance and current" in report["nudges"].error


@pytest.mark.parametrize("edges", ["diode", "transistor"])
def test_resistances_are_looked_for_in_resistors_alone(edges: str) -> None:
    with labnet.open_board(f"sim://twin16?edges={edges}") as board:
        report = conform(board)
    assert report.passed, report.failed
    for name in ("wipers", "nudges"):
        assert report[name].status == "not applicable"
        assert "no resistors" in report[name].unclaimed


@pytest.mark.parametrize("drivable", [(4,), (0, 8), (0, 1, 3, 8), (0, 1, 2, 4, 6), tuple(range(8))])
def test_boards_that_cannot_hold_every_node(drivable: tuple[int, ...]) -> None:
    board = SimulatedBoard(NETWORK, seed=2)
    board.info = replace(board.info, drivable=drivable)
    report = conform(board)
    assert report.passed
    measured = {int(f.what.split()[1]) for f in report["wipers"].findings}
    for edge, (a, b) in enumerate(NETWORK.edges.tolist()):
        rings = [set(NETWORK.edges[(NETWORK.edges == end).any(axis=1)].ravel().tolist()) - {end} for end in (a, b)]
        assert (edge in measured) == any(ring <= set(drivable) for ring in rings), edge
    if len(measured) < 16:
        assert "end at no node that can float" in report["wipers"].unclaimed


def test_an_error_of_somebody_else_s_driver_fails_a_check_and_the_others_go_on() -> None:
    report = conform(Breaks(NETWORK))
    assert report["clamp"].error == "ZeroDivisionError: no reference"
    assert report["gates"].status == "passed"
    assert "clamp" in report.failed
    assert len(report.results) == len(CHECKS)


def test_the_board_is_left_safe_with_its_wipers_as_they_were() -> None:
    board = labnet.open_board("sim://twin16?preset=lab&converters=float")
    wipers = np.arange(16) * 7
    board.set_wipers(wipers)
    with pytest.raises(KeyboardInterrupt):
        conform(board, progress=interrupt_at("gates"))
    for _ in range(2):
        np.testing.assert_array_equal(board.wipers(), wipers)
        assert board.bias_v == 0.0
        board.wait(1e-3)
        assert np.abs(board.read("free")).max() < 5e-3
        conform(board)


def test_a_board_that_cannot_be_made_safe_fails_the_check_before() -> None:
    report = conform(Unsafe(NETWORK), only=["identity", "limits"])
    assert report.failed == ("identity", "limits")
    assert report["identity"].error == "ZeroDivisionError: a relay is stuck"
    assert report["identity"].findings
    assert not report["identity"].wrong


def test_a_board_that_is_left_unsafe_has_its_report() -> None:
    board = Unsafe(NETWORK)
    board.times = 2
    report = conform(board, only=["identity", "error-queue"])
    assert report.failed == ("error-queue",)
    assert report["error-queue"].error == "ZeroDivisionError: a relay is stuck"


def test_a_board_that_is_left_unsafe_before_there_is_a_report_is_said() -> None:
    with pytest.raises(ZeroDivisionError, match="a relay is stuck"):
        conform(Unsafe(NETWORK), progress=interrupt_at("grammar"))


def interrupt_at(name: str) -> Callable[[str], None]:
    def progress(check: str) -> None:
        if check == name:
            raise KeyboardInterrupt

    return progress


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(OutOfRange, match=r"no check clamps; allowed: grammar, .*recovery"):
        conform(SimulatedBoard(NETWORK), only=["clamps"])


def test_limits_are_the_caller_s() -> None:
    board = labnet.open_board("sim://twin16?preset=lab")
    assert conform(board, only=["clamp"]).passed
    assert conform(board, only=["clamp"], limits=Limits(accuracy_v=1e-3)).failed == ("clamp",)


def test_steps_need_not_be_at_their_time_within_a_shorter_period_than_the_limits_say() -> None:
    assert conform(HeldUp(NETWORK), only=["log"]).passed
    report = conform(HeldUp(NETWORK), only=["log"], limits=Limits(period_s=1e-3))
    assert report["log"].wrong[0].what == "full log: step 9 off its time by"


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 1.0])
def test_bounds_of_counts_leave_out_as_little_as_asked_for(p: float) -> None:
    limits, n, alpha = Limits(), 100, 1e-8
    low, high = limits.times(n, p, alpha)
    for real in {p, max(p - limits.probability, 0.0), min(p + limits.probability, 1.0)} if 0 < p < 1 else {p}:
        assert binom.cdf(low - 1, n, real) + binom.sf(high, n, real) <= alpha
    inside = p if 0 < p < 1 else 0.5
    assert binom.cdf(low, n, inside - limits.probability) > alpha / 2 or p in (0.0, 1.0)
    assert (p > 0.0) == (low > 0), "a gate that never opens is found"
    assert (p < 1.0) == (high < n), "one that never closes, too"


def test_resistances_within_the_parts_tolerances_are_within_their_bounds() -> None:
    limits, info = Limits(), SimulatedBoard(NETWORK).info
    rng = np.random.default_rng(1)
    for _ in range(1000):
        step = info.end_to_end_ohm / info.wiper_positions * rng.uniform(0.7, 1.3)
        wiper_ohm, k = rng.uniform(0, 115), int(rng.integers(0, 128))
        at_k, at_top = wiper_ohm + (k + rng.uniform(-1, 1)) * step, wiper_ohm + (127 + rng.uniform(-1, 1)) * step
        low, high = limits.resistance(info, k)
        assert low <= max(at_k, 0.0) <= high
        low, high = limits.ratio(info, k)
        assert low <= max(at_k / at_top, 0.0) <= high


@pytest.mark.parametrize(
    ("finding", "ok", "strain", "measured", "allowed"),
    [
        (Measured("x", 2e-3, -5e-3, 5e-3, "V"), True, 0.4, "2 mV", "-5 to 5 mV"),
        (Measured("x", 3.0, -inf, 2.0, "s"), False, 1.5, "3 s", "at most 2 s"),
        (Measured("x", 4, 2, inf), True, 0.5, "4", "at least 2"),
        (Measured("x", 7, -inf, inf), True, 0.0, "7", "anything"),
        (Measured("x", 1, 0, 0), False, inf, "1", "0"),
        (Measured("x", 0, 0, 0), True, 0.0, "0", "0"),
        (Measured("x", -113, -113, -113), True, 0.0, "-113", "-113"),
        (Measured("x", 76e-6, -inf, 3e-4, "V"), True, 76 / 300, "76 uV", "at most 300 uV"),
    ],
)
def test_findings(finding: Measured, ok: bool, strain: float, measured: str, allowed: str) -> None:
    assert finding.ok is ok
    assert finding.strain == pytest.approx(strain)
    assert (finding.measured, finding.allowed) == (measured, allowed)


def test_what_is_no_number_is_within_no_limits() -> None:
    assert not Measured("x", nan, -inf, inf).ok
