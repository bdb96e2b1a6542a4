"""Hosts that are killed while their board goes on: the next one finds it safe or takes it over, and the run resumes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from bits import bits_of_run
from children import committed, kill_when_committed, succeed, write_experiment
from test_training import MANY, plan
from wires import Plug, Socket

import labnet
from labnet.bench import serve
from labnet_drivers import Link, TwinBoard
from labnet_drivers.twin_board import TRAINING
from labnet_simulators.instrument import Emulated, Instrument

LAB = "preset=lab&seed=3"


@pytest.fixture(params=["native", "atmega2560"])
def instrument(request: pytest.FixtureRequest) -> Iterator[Instrument]:
    """A board that does not restart when it is opened."""
    with serve(f"firmware://twin16?target={request.param}&{LAB}", port=0) as instrument:
        assert isinstance(instrument, Instrument)
        yield instrument


def told(address: str, message: str) -> str:
    """Ask a board as it stands."""
    link = Link(lambda: Socket(address), address)
    try:
        return link.exchange(message).decode()
    finally:
        link.close()


def test_a_training_on_which_nobody_waits_is_taken_over(
    instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    plug = Plug(lambda: Socket(instrument.address))
    blocks = TwinBoard(Link(plug.open, "the bench")).train(plan(MANY, steps=1_000_000))
    next(blocks)
    plug.pull()
    with caplog.at_level(logging.WARNING), labnet.open_board(instrument.address) as board:
        assert "nobody waited: it is aborted" in caplog.text
        assert isinstance(board, TwinBoard)
        assert not board.operation & TRAINING
        assert board.bias_v == 0.0
        assert set(board.scpi("SOUR:HOLD? FREE").split(",")[1::2]) == {"0"}
        assert sum(1 for _ in board.train(plan(MANY))) > 0
    caplog.clear()
    with caplog.at_level(logging.WARNING), labnet.open_board(instrument.address):
        assert not caplog.records


def test_a_bias_that_a_host_left_keeps_its_watchdog() -> None:
    with serve(f"firmware://twin16?target=atmega2560&{LAB}", port=0) as chip:
        assert isinstance(chip, Emulated)
        plug = Plug(lambda: Socket(chip.address))
        TwinBoard(Link(plug.open, "the bench")).bias_v = 0.5
        plug.pull()
        with TwinBoard(Link(lambda: Socket(chip.address), chip.address), watchdog_s=20.0) as board:
            assert board.bias_v == 0.5
            assert board.link.watchdog_s == 20.0
            chip.advance(19.9)
            assert board.bias_v == 0.5
            chip.advance(20.1)
            assert board.bias_v == 0.0


PACES = {
    "board-paced": (6_000, ""),
    "host-paced": (600, f"order = {[2, 0, 1] * 22_000}"),  # more than a board can hold
}


@pytest.mark.slow
@pytest.mark.parametrize("pace", PACES)
def test_a_run_whose_host_is_killed_resumes_on_the_same_board(
    pace: str, instrument: Instrument, tmp_path: Path
) -> None:
    """Its records are those of a run that nobody interrupted, but for the time: the board's clock went on."""
    file, path = tmp_path / "killed.toml", tmp_path / "killed.sqlite"
    steps, order = PACES[pace]
    write_experiment(file, instrument.address, steps, order)
    kill_when_committed(20, path, "run", "killed.toml")
    assert 20 <= len(committed(path)) < steps
    state, bias = told(instrument.address, "TRA:STAT?;:SOUR:BIAS?").split(";")
    if pace == "board-paced":
        assert (state.split(",")[0], bias) == ("RUN", "0.5")
    elif isinstance(instrument, Emulated):  # it cannot know but by the silence
        assert (state.split(",")[0], bias) == ("IDLE", "0.5")
        instrument.advance(10.1)
    if pace == "host-paced":
        bias, *held = told(instrument.address, "SOUR:BIAS?;:SOUR:HOLD? FREE").replace(";", ",").split(",")
        assert {bias, *held[1::2]} == {"0"}
    succeed(tmp_path, "run", "killed.toml", "--resume")
    experiment = labnet.Experiment.load(file)
    with (
        labnet.open_board(f"firmware://twin16?{LAB}") as undisturbed,
        labnet.run_plan(undisturbed, experiment.plan(undisturbed.network), progress=False) as whole,
        labnet.Run.open(path) as resumed,
    ):
        assert resumed.status == "complete"
        expected = bits_of_run(whole)
        assert {**bits_of_run(resumed), "time_s": expected["time_s"]} == expected
