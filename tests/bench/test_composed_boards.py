"""Boards whose bias or trigger comes from an instrument.

pyvisa-sim has no wires: what its generator was last told is carried to a simulated board by `BiasWire` and `ClockWire`.
All else, driver and composed board, is what runs on the bench.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from simulated_bench import GENERATOR, SMU, WEAK, Bench

import labnet
from labnet.board import Board, Update
from labnet.conformance import conform
from labnet.errors import (
    BoardClosed,
    BoardError,
    InstrumentError,
    LinkTimeout,
    NotCalibrated,
    NotSupported,
    OutOfRange,
)
from labnet.runs import Run
from labnet.wrapped import WrappedBoard
from labnet_drivers.bench import ExternalBias, ExternalTrigger

CLOCK = labnet.GlobalClock(p=0.5)


class BiasWire(WrappedBoard):
    """A board whose bias input hangs on an instrument instead of on its own source."""

    def __init__(self, board: Board, volts: Callable[[], float]) -> None:
        super().__init__(board)
        self.volts = volts
        self.carried: set[float] = set()

    def carry(self) -> None:
        self.board.bias_v = self.volts()
        self.carried.add(self.board.bias_v)

    def enabled(self) -> np.ndarray:
        self.carry()
        return super().enabled()

    def trigger(self, step_wipers: bool = True) -> Update:
        self.carry()
        return super().trigger(step_wipers)


class ClockWire:
    """A generator whose output is the clock line of a board."""

    def __init__(self, pulses, board: Board | None, times: int = 1) -> None:
        self.pulses, self.board, self.times = pulses, board, times
        self.latched: list[Update] = []

    def pulse(self) -> None:
        self.pulses.pulse()
        if self.board is not None:
            self.latched += [self.board.trigger() for _ in range(self.times)]

    def output_off(self) -> None:
        self.pulses.output_off()


def trained(board: Board, steps: int = 300, path: Path | None = None) -> Run:
    task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
    return labnet.train(
        board, task, clock=CLOCK, eta=1.0, steps=steps, path=path, resume=path is not None, progress=False
    )


def hold(board: Board) -> None:
    """Hold it where edges go either way."""
    board.drive("free", {0: 5.0, 8: 0.0})
    board.drive("clamped", {0: 5.0, 8: 0.0, 4: 1.0})
    board.wait(1e-3)


# Bias -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", [GENERATOR, SMU])
def test_it_trains_as_with_its_own_bias(bench: Bench, resource: str) -> None:
    with labnet.open_board("sim://twin16?seed=3") as own:
        expected = trained(own)
    with bench.open(resource) as source:
        board = BiasWire(labnet.open_board("sim://twin16?seed=3"), lambda: bench.given_v(resource))
        with ExternalBias(board, source) as composed:
            run = trained(composed)  # which leaves the board safe
            assert bench.given_v(resource) == composed.bias_v == 0
    assert board.carried == {0.5}
    assert run.frame("wipers").equals(expected.frame("wipers"))
    error = run.frame("error").query("set == 'train'")["scaled_error"].to_numpy()
    assert np.median(error[-10:]) < 0.01 * error[0]


def test_a_run_goes_on_with_the_bias_on_again(bench: Bench, tmp_path: Path) -> None:
    asked = iter(range(20))

    def volts() -> float:
        if next(asked, None) is None:
            raise KeyboardInterrupt
        return bench.given_v(GENERATOR)

    with bench.open(GENERATOR) as source:
        board = BiasWire(labnet.open_board("sim://twin16?seed=3"), volts)
        with pytest.raises(KeyboardInterrupt), ExternalBias(board, source) as composed:
            trained(composed, 60, tmp_path / "run.sqlite")
        assert bench.ask(GENERATOR, "OUTP?") == "OFF"
        board = BiasWire(labnet.open_board("sim://twin16?seed=3"), lambda: bench.given_v(GENERATOR))
        with ExternalBias(board, source) as composed:
            run = trained(composed, 60, tmp_path / "run.sqlite")
    assert board.carried == {0.5}
    wipers = run.frame("wipers").pivot(index="step", columns="edge", values="wiper")
    assert len(wipers) == 61
    assert (wipers.diff().abs().max() <= 1).all()  # no jump where it went on


def test_without_the_wire_nothing_moves(bench: Bench) -> None:
    with bench.open(GENERATOR) as source:
        board = BiasWire(labnet.open_board("sim://twin16?seed=3"), lambda: 0.0)
        with ExternalBias(board, source) as composed:
            wipers = trained(composed, 20).frame("wipers")
    assert (wipers.groupby("edge")["wiper"].nunique() == 1).all()


def test_it_conforms(bench: Bench) -> None:
    with bench.open(GENERATOR) as source:
        board = BiasWire(labnet.open_board("sim://twin16?preset=lab&seed=3"), lambda: bench.given_v(GENERATOR))
        with ExternalBias(board, source) as composed:
            report = conform(composed)
    assert report.passed, [(result.name, result.error, result.wrong) for result in report.results]


def test_bias_within_what_the_source_gives(bench: Bench) -> None:
    with bench.open(GENERATOR) as source, ExternalBias(labnet.open_board("sim://twin16"), source) as composed:
        composed.bias_v = 0.75
        assert bench.given_v(GENERATOR) == composed.bias_v == 0.75
        assert composed.board.bias_v == 0
        for volts in (-0.1, 10.1, float("nan")):
            with pytest.raises(OutOfRange, match="allowed: 0 to 10 V, what the source gives"):
                composed.bias_v = volts
        with pytest.raises(OutOfRange):
            composed.set_update_probability(1.5)
        assert bench.given_v(GENERATOR) == composed.bias_v == 0.75
        assert composed.board.bias_v == 0
        composed.safe()
        assert bench.ask(GENERATOR, "OUTP?") == "OFF"
        assert bench.ask(GENERATOR, "VOLT:OFFS?") == "0.0"
        assert composed.bias_v == 0


def test_a_curve_that_nobody_knows_is_not_made_up(bench: Bench) -> None:
    with bench.open(GENERATOR) as source:
        with ExternalBias(labnet.open_board("sim://twin16?gate=oscillator"), source) as composed:
            with pytest.raises(NotCalibrated):
                composed.set_update_probability(0.5)
            assert composed.board.bias_v == 0
        known = "sim://twin16?gate=oscillator&calibrated=true"
        with labnet.open_board(known) as own, ExternalBias(labnet.open_board(known), source) as composed:
            own.set_update_probability(0.3)
            composed.set_update_probability(0.3)
            assert composed.bias_v == own.bias_v
            assert bench.given_v(GENERATOR) == pytest.approx(own.bias_v, abs=1e-8)


def test_a_source_that_fails_gives_nothing(bench: Bench) -> None:
    with bench.open(WEAK) as source, ExternalBias(labnet.open_board("sim://twin16"), source) as composed:
        composed.bias_v = 1.5
        with pytest.raises(InstrumentError):
            composed.bias_v = 3.0
        assert composed.bias_v == 0
        assert bench.ask(WEAK, "OUTP?") == "OFF"


# Trigger ----------------------------------------------------------------------------------------------------------


def test_it_trains_as_with_its_own_trigger(bench: Bench) -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=3") as own:
        expected = trained(own)
    with bench.open(GENERATOR) as generator:
        board = labnet.open_board("sim://twin16?preset=lab&seed=3")
        wire = ClockWire(generator, board)
        with ExternalTrigger(board, wire) as composed:
            run = trained(composed)
            assert bench.ask(GENERATOR, "TEST:FIRED?") == "TRG"
            assert bench.ask(GENERATOR, "OUTP?") == "OFF"
    assert len(wire.latched) == 300
    assert run.frame("wipers").equals(expected.frame("wipers"))
    assert run.frame("error").equals(expected.frame("error"))


@pytest.mark.parametrize("p", [1.0, 0.4])
def test_what_it_says_of_a_pulse_is_what_the_pulse_did(bench: Bench, p: float) -> None:
    with bench.open(GENERATOR) as generator:
        board = labnet.open_board("sim://twin16?preset=lab&seed=3")
        wire = ClockWire(generator, board)
        with ExternalTrigger(board, wire) as composed:
            hold(composed)
            composed.set_wipers(120)
            composed.set_update_probability(p)
            ended = 0
            for _ in range(100):
                before = composed.wipers()
                said = composed.trigger()
                moved = composed.wipers() - before
                latched = wire.latched[-1]
                free = (before + latched.directions >= 0) & (before + latched.directions <= 127)
                ended += int((~free).sum())
                assert np.array_equal(np.where(said.enabled, said.directions, 0)[free], moved[free])
                assert np.array_equal(said.enabled[free], latched.enabled[free])
                if p == 1.0:  # nothing is open to chance: pushed against an end is known, too
                    assert np.array_equal(said.enabled, latched.enabled)
            assert ended > 0


def test_a_board_that_does_not_see_the_pulses_is_found_out(bench: Bench) -> None:
    with bench.open(GENERATOR) as generator:
        board = labnet.open_board("sim://twin16?seed=3")
        with ExternalTrigger(board, ClockWire(generator, None)) as composed:
            hold(composed)
            composed.set_update_probability(1.0)
            for _ in range(3):  # 16 open gates each
                assert not composed.trigger().enabled.any()
            with pytest.raises(
                BoardError, match=r"no wiper of sim://twin16\?seed=3 has moved, though 64 gates were open"
            ):
                composed.trigger()


def test_closed_gates_are_no_lost_pulses(bench: Bench) -> None:
    with bench.open(GENERATOR) as generator:
        board = labnet.open_board("sim://twin16?seed=3")
        with ExternalTrigger(board, ClockWire(generator, board)) as composed:
            hold(composed)
            for _ in range(60):
                assert not composed.trigger().enabled.any()


def test_a_pulse_that_rings(bench: Bench) -> None:
    with bench.open(GENERATOR) as generator:
        board = labnet.open_board("sim://twin16?seed=3")
        with ExternalTrigger(board, ClockWire(generator, board, times=2)) as composed:
            hold(composed)
            composed.set_update_probability(1.0)
            with pytest.raises(BoardError, match=r"moved the wiper of edge \d+ by -?2 positions; allowed: 1"):
                composed.trigger()


def test_a_generator_that_does_not_answer_leaves_no_pulse_behind(bench: Bench) -> None:
    with bench.open(WEAK, timeout_s=0.05) as generator:
        with ExternalTrigger(labnet.open_board("sim://twin16"), generator) as composed:
            hold(composed)
            with pytest.raises(LinkTimeout):
                composed.trigger()
        assert bench.ask(WEAK, "OUTP?") == "OFF"


# Both -------------------------------------------------------------------------------------------------------------


def test_the_host_paces(bench: Bench) -> None:
    with bench.open(GENERATOR) as generator, bench.open(SMU) as source:
        board = labnet.open_board("sim://twin16")
        with ExternalTrigger(ExternalBias(board, source), generator) as composed:
            assert board.info.plans
            assert composed.info.plans == frozenset()
            assert not composed.info.snapshots
            task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
            plan = labnet.Plan(task=task, steps=5)
            for refused in (
                lambda: composed.train(plan),
                lambda: composed.train_many([plan]),
                composed.snapshot,
                lambda: composed.restore({}),
                lambda: composed.trigger(step_wipers=False),
            ):
                with pytest.raises(NotSupported, match="with an instrument on the bench cannot"):
                    refused()


def test_both_are_safe_however_they_are_left(bench: Bench) -> None:
    given = []

    def failing() -> None:
        with bench.open(GENERATOR) as generator, bench.open(SMU) as source:
            board = BiasWire(labnet.open_board("sim://twin16"), lambda: bench.given_v(SMU))
            with ExternalTrigger(ExternalBias(board, source), ClockWire(generator, board)) as composed:
                hold(composed)
                composed.set_update_probability(1.0)
                composed.trigger()
                given.extend([bench.given_v(SMU), bench.ask(GENERATOR, "OUTP?"), composed])
                raise RuntimeError("of the experiment")

    with pytest.raises(RuntimeError, match="of the experiment"):
        failing()
    assert given[:2] == [1.0, "ON"]
    assert [bench.ask(which, "OUTP?") for which in (SMU, GENERATOR)] == ["OFF", "OFF"]
    with pytest.raises(BoardClosed):
        given[2].read("free")


class Burnt:
    """An instrument that fails in every way."""

    voltage_range = (0.0, 5.0)

    def set_voltage(self, volts: float) -> None:
        raise OSError(f"no {volts} V")

    def pulse(self) -> None:
        raise OSError("no pulse")

    def output_off(self) -> None:
        raise OSError("on for ever")


@pytest.mark.parametrize("compose", [ExternalBias, ExternalTrigger])
def test_an_instrument_that_fails_keeps_no_board_open(
    compose: type[ExternalBias] | type[ExternalTrigger], caplog: pytest.LogCaptureFixture
) -> None:
    board = labnet.open_board("sim://twin16")
    with caplog.at_level(logging.WARNING), compose(board, Burnt()) as composed:
        composed.drive("free", {0: 1.0})
        composed.safe()
        assert not composed.read("free").any()
    with pytest.raises(BoardClosed):
        board.read("free")
    assert "could not be told to turn its output off (on for ever); see to it by hand" in caplog.text
    composed.close()  # once more


def test_a_board_that_fails_keeps_no_output_on(bench: Bench) -> None:
    class Stubborn(WrappedBoard):
        def safe(self) -> None:
            raise OSError("not safe")

        def close(self) -> None:
            raise OSError("not closed")

        def __exit__(self, *what: object) -> None:
            raise OSError("not left")

    with labnet.open_board("sim://twin16") as inner, bench.open(SMU) as source:
        composed = ExternalBias(Stubborn(inner), source)
        for leave, error in (
            (composed.safe, "not safe"),
            (composed.close, "not closed"),
            (lambda: composed.__exit__(None, None, None), "not left"),
        ):
            composed.bias_v = 0.5
            assert bench.given_v(SMU) == 0.5
            with pytest.raises(OSError, match=error):
                leave()
            assert bench.ask(SMU, "OUTP?") == "OFF"
