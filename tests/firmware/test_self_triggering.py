"""Edges that step by themselves behind the firmware: as the simulated board has it, to the bit, and no longer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import Bits, bits_of_run
from wires_of_pins import Change, changes

import labnet
from labnet import Plan, SelfTriggered
from labnet.bench import serve
from labnet.errors import LinkError, NotSupported, StateLost
from labnet.tasks import Regression
from labnet_drivers import TwinBoard
from labnet_simulators import SimulatedBoard
from labnet_simulators.instrument import Emulated, Instrument

TARGETS = ["native", pytest.param("atmega2560", marks=pytest.mark.slow)]
PARTS = [
    "preset=lab",
    "preset=lab&comparator=pair&jitter=0.05&temperature_k=5",
    "preset=ideal&tolerance=0.2&twin_mismatch=0.01",
]


def random_plan(number: int) -> tuple[str, Plan]:
    """Give the options of a board, and a plan for it whose times are whole ticks."""
    rng = np.random.default_rng(number)
    clamp_us = int(rng.integers(3, 60))
    moves = int(rng.integers(1, 5))
    task = Regression.sample(labnet.networks.twin16(), seed=number, train=3, test=2)
    clock = SelfTriggered(
        dwell_s=clamp_us * moves * 1e-6,
        clamp_period_s=None if moves == 1 else clamp_us * 1e-6,
        p=float(rng.uniform(0.1, 0.9)),
    )
    plan = Plan(
        task=task,
        clock=clock,
        steps=int(rng.integers(20, 60)),
        eta=1.0 if moves == 1 else float(rng.uniform(0.1, 1)),
        order=["cyclic", "random"][rng.integers(2)],
        start=[64, (0, 127)][rng.integers(2)],
        settle_s=float(rng.choice([100e-6, 2e-6])),
        seed=number,
        detail=["full", "short"][rng.integers(2)],
        measure=7,
    )
    return f"{PARTS[number % len(PARTS)]}&seed={number}&gate=oscillator", plan


def bits(board: labnet.Board, plan: Plan) -> Bits:
    """All of a run but the wipers, which firmware does not know."""
    with labnet.run_plan(board, plan, progress=False) as run:
        return {name: value for name, value in bits_of_run(run).items() if name != "wipers"}


def simulated(options: str) -> SimulatedBoard:
    """Open the board that is below the firmware, with the firmware's nominal curve of the gates."""
    board = labnet.open_board(f"sim://twin16?converters=board&{options}")
    assert isinstance(board, SimulatedBoard)
    board.info = replace(board.info, plans=frozenset())
    board.set_update_probability = lambda p: setattr(board, "bias_v", p)  # type: ignore[method-assign]
    return board


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("number", range(6))
def test_a_training_gives_what_the_simulation_gives(number: int, target: str) -> None:
    options, plan = random_plan(number)
    alone = simulated(options)
    expected = bits(alone, plan)
    with serve(f"firmware://twin16?target={target}&{options}", port=0) as instrument:
        assert isinstance(instrument, Instrument)
        with labnet.open_board(instrument.address) as board:
            assert bits(board, plan) == expected
            assert board.wipers().tolist() == [-1] * 16
        behind = instrument.plant.board
        assert behind.wipers().tolist() == alone.wipers().tolist()
        assert behind.triggers == 0
        assert instrument.plant.failure is None
    assert len(set(alone.wipers().tolist())) > 1, "edges have stepped, not all the same way"


@pytest.mark.parametrize("target", TARGETS)
def test_long_and_short_times_are_what_the_simulation_makes_of_them(target: str) -> None:
    """Also those that the driver asks for in parts."""
    options = "preset=lab&seed=3&gate=oscillator"

    def story(board: labnet.Board) -> list[Any]:
        seen: list[Any] = []
        board.set_wipers(64)
        board.drive("free", {0: 5.0, 8: 0.0})
        for k, seconds in enumerate((1e-6, 7e-6, 50e-6, 0.25, 0.0, 13e-6)):
            board.drive("clamped", {0: 5.0, 8: 0.0, 4: 3.0 - 0.3 * k})
            board.bias_v = 0.2 + 0.1 * k
            board.self_trigger(seconds)
            seen.append((board.time_s, board.read("free").tolist(), board.read("clamped").tolist()))
            seen.append((board.trigger().directions.tolist(), board.bias_v))
        board.set_wipers(30)
        board.wait(1e-3)
        return [*seen, board.read("free").tolist(), board.wipers().tolist()]

    with labnet.open_board(f"firmware://twin16?target={target}&{options}") as board:
        assert story(board) == story(simulated(options))


def test_the_board_does_not_pretend_to_run_such_a_plan_by_itself() -> None:
    options, plan = random_plan(0)
    with labnet.open_board(f"firmware://twin16?{options}") as board:
        with pytest.raises(NotSupported, match="SelfTriggered; allowed: GlobalClock"):
            next(board.train(plan))
        assert board.wipers().tolist() == [64] * 16


def test_gates_without_an_oscillator_are_said() -> None:
    plan = random_plan(0)[1]
    with labnet.open_board("firmware://twin16?preset=lab") as board:
        assert board.info.self_trigger_hz is None
        with pytest.raises(NotSupported, match="no clock of their own"):
            board.self_trigger(1e-3)
        with pytest.raises(NotSupported, match="no clock of their own"):
            labnet.run_plan(board, plan, progress=False)


def test_a_run_whose_wipers_nobody_knows_keeps_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options, plan = random_plan(0)
    plan = Plan(**dict(plan) | {"detail": "full", "log": 1})
    path, dwells = tmp_path / "kept.sqlite", []
    with labnet.open_board(f"firmware://twin16?{options}") as board:
        step = board.self_trigger

        def pressed(seconds: float) -> None:
            dwells.append(seconds)
            if len(dwells) > 2 * len(plan.clock.stretches):
                raise KeyboardInterrupt
            step(seconds)

        monkeypatch.setattr(board, "self_trigger", pressed)
        with pytest.raises(KeyboardInterrupt):
            labnet.run_plan(board, plan, path, progress=False)
    with labnet.Run.open(path) as run:
        before = run.steps().tolist()
    with labnet.open_board(f"firmware://twin16?{options}") as board, pytest.raises(NotSupported, match="is kept"):
        labnet.run_plan(board, plan, path, resume=True, progress=False)
    with labnet.Run.open(path) as run:
        assert run.steps().tolist() == before


# The chip's pins ------------------------------------------------------------------------------------------------------

CHIP = "firmware://twin16?target=atmega2560&gate=oscillator"


def of_edges(file: Path) -> list[Change]:
    """Give the changes of the pins that clock edges, from the last homing of the wipers on."""
    seen = [one for one in changes(file) if one.pin in ("EDGE_SELF", "EDGE_FORCE", "EDGE_CLOCK", "SELECT_STORE")]
    last = max(k for k, one in enumerate(seen) if one.pin == "EDGE_CLOCK")
    return seen[last + 2 :]  # EDGE_FORCE falls after it


@pytest.mark.slow
def test_the_clocks_change_over_while_no_edge_is_selected(tmp_path: Path) -> None:
    file = tmp_path / "pins.vcd"
    with labnet.open_board(f"{CHIP}&vcd={file}") as board:
        board.drive("free", {0: 5.0, 8: 0.0})
        board.drive("clamped", {0: 5.0, 8: 0.0})
        board.self_trigger(1e-3)
    store = [("SELECT_STORE", True), ("SELECT_STORE", False)]
    on, off = [("EDGE_FORCE", True), ("EDGE_SELF", True)], [("EDGE_SELF", False), ("EDGE_FORCE", False)]
    assert [(one.pin, one.high) for one in of_edges(file)] == [*store, *on, *store, *off]


@pytest.mark.slow
@pytest.mark.parametrize("end", [Emulated.reset, Emulated.hang])
def test_a_chip_that_restarts_meanwhile_stops_the_edges(end: Callable[[Emulated], None], tmp_path: Path) -> None:
    file = tmp_path / "pins.vcd"
    with serve(f"{CHIP}&timed=true&vcd={file}", port=0) as chip:
        assert isinstance(chip, Emulated)
        with labnet.open_board(chip.address) as board:
            assert isinstance(board, TwinBoard)
            with pytest.raises(LinkError):
                board.exchange("TRIG:SELF 1000", deadline_s=0.3)
            end(chip)
            with pytest.raises(StateLost):
                board.read("free")
            assert board.wipers().tolist() == [64] * 16, "known again"
    selves = [one for one in changes(file) if one.pin == "EDGE_SELF"]
    assert [one.high for one in selves] == [True, False]
    clocks = [one.time for one in changes(file) if one.pin == "EDGE_CLOCK"]
    assert not any(selves[0].time < time < selves[1].time for time in clocks), "it stopped before the wipers were homed"


@pytest.mark.slow
def test_a_chip_that_takes_its_time_takes_some_microseconds_more(tmp_path: Path) -> None:
    """The clock of the waveforms is the chip's: on and off are instructions of it."""
    file = tmp_path / "pins.vcd"
    asked = (1e-6, 100e-6, 2e-3)
    with labnet.open_board(f"{CHIP}&timed=true&vcd={file}") as board:
        board.drive("free", {0: 5.0, 8: 0.0})
        board.drive("clamped", {0: 5.0, 8: 0.0})
        for seconds in asked:
            board.self_trigger(seconds)
    times = np.array([one.time for one in changes(file) if one.pin == "EDGE_SELF"]) * 1e-10
    took = times[1::2] - times[::2]
    assert (took >= asked).all()
    assert took[0] < 100e-6
    assert (took[1:] < np.array(asked[1:]) + 40e-6).all()
