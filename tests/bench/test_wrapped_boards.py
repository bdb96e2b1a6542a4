"""A wrapped board is the board that it wraps, to all who ask."""

import numpy as np
import pytest

import labnet
from labnet.board import VERBS, Board, SpeaksScpi, can_go_on
from labnet.conformance import conform
from labnet.wrapped import WrappedBoard

BOARDS = ["sim://twin16?seed=3", "sim://twin16?preset=lab&seed=3", "firmware://twin16?preset=lab&seed=3"]


@pytest.mark.parametrize("address", BOARDS)
def test_it_conforms_as_the_board_does(address: str) -> None:
    with labnet.open_board(address) as board:
        bare = conform(board)
    with WrappedBoard(labnet.open_board(address)) as wrapped:
        report = conform(wrapped)
    assert report.passed, [(result.name, result.error, result.wrong) for result in report.results]
    assert [(one.name, one.status) for one in report.results] == [(one.name, one.status) for one in bare.results]


@pytest.mark.parametrize("address", BOARDS)
def test_it_can_what_the_board_can(address: str) -> None:
    with WrappedBoard(labnet.open_board(address)) as wrapped:
        assert isinstance(wrapped, WrappedBoard)
        assert isinstance(wrapped, Board)
        assert isinstance(wrapped, SpeaksScpi) == isinstance(wrapped.board, SpeaksScpi) == address.startswith("firm")
        assert (can_go_on(wrapped) is None) == (can_go_on(wrapped.board) is None)
        assert wrapped.address == address


def test_every_verb_is_written_out() -> None:
    # a verb that only the metaclass's pass-through gives is none to a type checker
    assert set(VERBS) <= {*vars(WrappedBoard), "address", "network", "info"}


def test_what_one_sets_is_set_on_the_board() -> None:
    with WrappedBoard(labnet.open_board("firmware://twin16")) as wrapped:
        wrapped.bias_v = 1.0
        wrapped.watchdog_s = 7.0  # TwinBoard's own
        assert wrapped.board.bias_v == wrapped.bias_v == pytest.approx(1.0, abs=1e-3)
        assert wrapped.board.watchdog_s == 7.0
        assert wrapped.scpi("*IDN?") == wrapped.board.scpi("*IDN?")


def test_a_run_on_it_is_the_run_on_the_board() -> None:
    runs = []
    for wrap in (lambda board: board, WrappedBoard):
        with wrap(labnet.open_board("sim://twin16?preset=lab&seed=3")) as board:
            task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
            runs.append(labnet.train(board, task, clock=labnet.GlobalClock(p=0.5), steps=50, eta=1.0).frame("wipers"))
    assert runs[0].equals(runs[1])
    assert np.ptp(runs[0]["wiper"]) > 0


def test_leaving_it_leaves_the_board() -> None:
    with WrappedBoard(labnet.open_board("sim://twin16")) as wrapped:
        pass
    with pytest.raises(labnet.errors.BoardClosed):
        wrapped.read("free")
