"""Boards that are not ours: slow, odd, broken, or unable to be put back."""

import importlib.metadata
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labnet
from labnet.board import Side
from labnet.errors import BoardError, LateStep, NotDrivable, NotSupported, PlanError
from labnet_simulators import SimulatedBoard

NETWORK = labnet.networks.twin16()
TASK = labnet.tasks.Regression.sample(NETWORK, seed=4, train=2, test=1)


class RealTime(SimulatedBoard):
    """A board whose clock is the wall's: every verb takes time that nobody planned."""

    @property
    def time_s(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        until = self.time_s + seconds
        while self.time_s < until:
            super().wait(1e-6)


class Float32(SimulatedBoard):
    """A driver that gives narrower types than ours."""

    def read(self, side: Side) -> Any:
        return super().read(side).astype(np.float32)

    def wipers(self) -> Any:
        return super().wipers().astype(np.uint8)


class Unplugged(SimulatedBoard):
    """A converter that gives NaN, or too few values."""

    gives: Any = None

    def read(self, side: Side) -> Any:
        return self.gives


def train(board: Any, path: Path | None = None, **settings: Any) -> labnet.Run:
    return labnet.train(board, TASK, steps=6, path=path, progress=False, **settings)


def test_a_slow_board_goes_as_fast_as_it_can() -> None:
    with train(RealTime(NETWORK), settle_s=1e-5) as run:
        times = run.frame("steps")["time_s"]
        assert len(times) == 7
        assert (np.diff(times) >= run.plan.step_period_s * 0.99).all()


def test_a_period_that_is_asked_for_is_kept_or_its_breach_is_said() -> None:
    with pytest.raises(LateStep, match="leave it out"):
        train(RealTime(NETWORK), settle_s=1e-9, period_s=1e-8)


def test_narrow_types_are_stored_as_the_file_says(tmp_path: Path) -> None:
    with train(Float32(NETWORK), tmp_path / "run.sqlite") as run, train(SimulatedBoard(NETWORK)) as ours:
        assert run.array("v_free").dtype == np.float64
        np.testing.assert_allclose(run.array("v_free")[0], ours.array("v_free")[0], rtol=1e-6)
        np.testing.assert_array_equal(run.array("wipers")[0], ours.array("wipers")[0])


@pytest.mark.parametrize("gives", [np.full(9, np.nan), np.zeros(8), np.zeros((9, 1))])
def test_what_is_no_reading_is_said_with_the_board_s_address(gives: Any) -> None:
    board = Unplugged(NETWORK)
    board.gives = gives
    with pytest.raises(BoardError, match=r"(?s)sim://twin16.*one finite voltage for each of 9 nodes"):
        train(board)
    assert board.bias_v == 0.0


def test_terminals_that_cannot_be_held_are_refused_before_anything_moves() -> None:
    board = SimulatedBoard(NETWORK)
    board.info = replace(board.info, drivable=(0, 1))
    with pytest.raises(NotDrivable, match=r"allowed: \[0, 1\]"):
        train(board)
    assert board.wipers().tolist() == [64] * 16


def test_a_nudge_below_the_clamp_s_resolution_is_refused() -> None:
    board = labnet.open_board("sim://twin16?converters=board")
    with pytest.raises(PlanError, match="at least 1/32768"):
        train(board, eta=1e-5)


def test_the_board_is_safe_when_the_run_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "run.sqlite").write_text("taken")
    board = SimulatedBoard(NETWORK)
    board.drive("free", {0: 5.0})
    board.bias_v = 1.0
    with pytest.raises(labnet.errors.RunExists):
        train(board, tmp_path / "run.sqlite")
    assert board.bias_v == 0.0
    assert board.read("free").max() == 0.0


class Half:
    """A class that has forgotten most verbs."""

    address = "half://x"

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None: ...


class HalfFamily:
    """What an entry point might load."""

    @staticmethod
    def open_board(address: labnet.addresses.Address) -> Half:
        return Half()

    @staticmethod
    def find_boards() -> list[labnet.addresses.FoundBoard]:
        raise ImportError("no module named pyvisa")


class Entry:
    """An entry point of a package that somebody else installed."""

    name = "half"

    @staticmethod
    def load() -> type[HalfFamily]:
        return HalfFamily


def test_somebody_else_s_broken_package(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.entry_points(group="labnet.boards")
    monkeypatch.setattr(labnet.addresses, "entry_points", lambda **_: [*real, Entry()])
    found = {board.address: board.description for board in labnet.find_boards()}
    assert found["half://"] == "cannot be loaded: ImportError: no module named pyvisa"
    assert "sim://twin16?preset=ideal" in found
    with pytest.raises(NotSupported, match=r"Half without .*read.*a board has all verbs"):
        labnet.open_board("half://x")
