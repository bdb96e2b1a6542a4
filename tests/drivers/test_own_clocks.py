"""What the driver makes of edges that step by themselves: nobody counts, and the board stops at its time."""

from collections.abc import Iterator

import numpy as np
import pytest
from test_twin_board import GIVEN
from wires import Serve

import labnet
from labnet.errors import DeviceError, OutOfRange
from labnet_drivers import TwinBoard

UNKNOWN = [-1] * 16


@pytest.fixture
def board() -> Iterator[TwinBoard]:
    with labnet.open_board("firmware://twin16?preset=lab&seed=1&gate=oscillator") as opened:
        assert isinstance(opened, TwinBoard)
        opened.drive("free", GIVEN)
        opened.drive("clamped", GIVEN)
        opened.bias_v = 0.5
        yield opened


def test_wipers_are_not_known_afterwards_until_they_are_set(board: TwinBoard) -> None:
    assert board.wipers().tolist() == [64] * 16
    board.self_trigger(1e-3)
    assert board.wipers().tolist() == UNKNOWN
    board.trigger()
    assert board.wipers().tolist() == UNKNOWN
    with pytest.raises(DeviceError, match=r"-221.*set the wipers"):
        board.home_wipers()
    board.set_wipers(np.arange(16))
    assert board.wipers().tolist() == list(range(16))
    board.self_trigger(1e-3)
    board.reset()
    assert board.wipers().tolist() == [64] * 16


def test_set_wipers_are_where_they_are_set_wherever_they_had_gone(board: TwinBoard) -> None:
    board.drive("clamped", GIVEN | {4: 0.5})
    board.set_wipers(37)
    board.wait(1e-3)
    before = board.read("free")
    board.self_trigger(20e-3)
    board.wait(1e-3)
    assert np.abs(board.read("free") - before).max() > 0.05, "they have gone"
    board.set_wipers(37)
    board.wait(1e-3)
    assert np.abs(board.read("free") - before).max() < 1e-3, "but for noise"


def test_a_board_says_how_fast_its_edges_are(served: Serve) -> None:
    with labnet.open_board(served()) as board:
        assert board.info.self_trigger_hz == pytest.approx(129_980, abs=1)


def test_times_have_limits(board: TwinBoard) -> None:
    for seconds in (-1.0, float("nan"), 2e8):
        with pytest.raises(OutOfRange, match=r"allowed: 0 to 1e\+08 s"):
            board.self_trigger(seconds)
    assert board.wipers().tolist() == [64] * 16


def test_long_times_are_asked_for_in_parts_so_that_a_board_whose_host_dies_stops_soon(board: TwinBoard) -> None:
    board.bias_v = 0.0  # no swing holds it: nothing steps, and it takes no time to simulate
    began_s = board.time_s
    board.self_trigger(3.000_001)
    assert board.time_s == pytest.approx(began_s + 3.000_001, abs=1e-9)
    messages = [one.request.decode() for one in board.link.transcript.last()]
    parts = [float(message.split()[1]) for message in messages if message.startswith("TRIG:SELF")]
    assert sum(parts) == pytest.approx(3.000_001, abs=1e-9)
    assert max(parts) <= 0.1


def test_the_watchdog_hears_of_us_meanwhile(board: TwinBoard) -> None:
    board.watchdog_s = 0.05
    board.self_trigger(0.3)
    assert board.bias_v == 0.5


def test_safe_leaves_edges_that_do_not_step(board: TwinBoard) -> None:
    board.self_trigger(1e-3)
    board.safe()
    assert board.bias_v == 0.0
    board.drive("free", GIVEN)
    board.wait(1e-3)
    before = board.read("free")
    board.self_trigger(0.05)
    board.wait(1e-3)
    assert np.abs(board.read("free") - before).max() < 1e-3, "but for noise"
