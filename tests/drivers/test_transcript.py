"""Transcripts: a board on paper answers as the board did, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_training import MANY, assert_same, parts, plan
from wires import Late, Serve, Socket

import labnet
from labnet import controller
from labnet.controller import Controller
from labnet.errors import (
    DeviceError,
    LinkTimeout,
    NotSupported,
    RunExists,
    RunNotWritable,
    TranscriptMismatch,
    UnknownBoard,
)
from labnet_drivers import Link, TwinBoard


def session(board: labnet.Board) -> list[object]:
    """What somebody does at the bench."""
    assert isinstance(board, TwinBoard)
    board.drive("free", {0: 5.0, 8: 0.0})
    board.wait(1e-3)
    found = [board.read("free").tolist(), board.time_s, board.boot, board.wipers().tolist()]
    with pytest.raises(DeviceError) as raised:
        board.scpi("SOUR:BIAS 7")
    return [*found, raised.value.errors, board.trigger().directions.tolist()]


def test_the_same_session_gives_the_same_answers(board: TwinBoard, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    board.scpi("SOUR:BIAS 1")  # before the recording: not part of it
    with board.record(path):
        found = session(board)
    board.scpi("*TST?")  # after it
    with labnet.open_board(f"replay://{path}") as replayed:
        assert replayed.network == board.network
        of_the_address = {"parts": {}, "self_trigger_hz": None}  # what is below the firmware, which does not say so
        assert replace(replayed.info, **of_the_address) == replace(board.info, **of_the_address)
        assert session(replayed) == found
        with pytest.raises(TranscriptMismatch, match="ends after"):
            replayed.trigger()


def test_each_line_is_an_exchange(board: TwinBoard, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with board.record(path):
        session(board)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["request"] == "*IDN?"
    assert lines[0]["answer"].startswith("LABNET,TWIN16,")
    assert all(line["seconds"] >= 0.0 for line in lines)
    (failed,) = [line for line in lines if "errors" in line]
    assert failed["request"] == "SOUR:BIAS 7"
    assert failed["errors"][0][0] == -222


def test_another_message_is_refused_with_its_line(board: TwinBoard, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with board.record(path):
        board.set_wipers(3)
    with labnet.open_board(f"replay://{path}") as replayed, pytest.raises(TranscriptMismatch) as raised:
        replayed.set_wipers(4)
    line = len(path.read_text().splitlines())
    assert f"session.jsonl, line {line}: expected b'WIP:POS 3', given b'WIP:POS 4'" in str(raised.value)


def test_a_training_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    chosen = plan(MANY, steps=200)

    def trained(address: str, record: bool) -> object:
        with labnet.open_board(address) as board:
            assert isinstance(board, TwinBoard)
            if record:
                with board.record(path):
                    return parts(board.train(chosen, 0, Controller(board, chosen).start()))
            return parts(board.train(chosen, 0, Controller(board, chosen).start()))

    first = trained("firmware://twin16?preset=lab&seed=2", record=True)
    again = trained(f"replay://{path}", record=False)
    assert_same(again, first)  # type: ignore[arg-type]


def test_a_run_can_be_replayed_however_long_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is due at the end of a slow one would be asked for, and was not when it was recorded."""
    path = tmp_path / "run.jsonl"
    task = labnet.tasks.Allostery.sample(labnet.networks.twin16(), seed=7)

    def trained(board: labnet.Board) -> labnet.Run:
        return labnet.train(board, task, steps=200, progress=False)

    with labnet.open_board("firmware://twin16?preset=lab&seed=3") as board:
        assert isinstance(board, TwinBoard)
        with board.record(path):
            first = trained(board)
    monkeypatch.setattr(controller, "_STATE_EVERY_S", -1.0)
    with labnet.open_board(f"replay://{path}") as replayed, first, trained(replayed) as again:
        np.testing.assert_array_equal(again.array("wipers"), first.array("wipers"))
        assert again.frame("error").equals(first.frame("error"))


def test_an_answer_that_never_came_never_comes(served: Serve, tmp_path: Path) -> None:
    address = served()
    pipe = Late(Socket(address))
    path = tmp_path / "late.jsonl"

    def impatient(board: TwinBoard) -> None:
        with pytest.raises(LinkTimeout, match="did not answer"):
            board.exchange("SYST:SYNC? 1", deadline_s=0.05)
        pipe.late = False
        assert board.scpi("SYST:SYNC? 2") == "2"

    with TwinBoard(Link(lambda: pipe, address, patience_s=0.01)) as board, board.record(path):
        pipe.late = True
        impatient(board)
    with labnet.open_board(f"replay://{path}") as replayed:
        assert isinstance(replayed, TwinBoard)
        impatient(replayed)


def test_a_transcript_is_never_overwritten(board: TwinBoard, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text("mine")
    with pytest.raises(RunExists, match="never overwritten"), board.record(path):
        pass
    assert path.read_text() == "mine"
    with pytest.raises(RunNotWritable, match="choose another path"), board.record(tmp_path / "no" / "where"):
        pass


@pytest.mark.parametrize("text", ["mine", "[1]", '{"request": 1}', '{"request": "", "answer": ""}', "\xe4"])
def test_another_file_is_no_transcript(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other"
    path.write_text(text)
    with pytest.raises(UnknownBoard, match="no transcript"):
        labnet.open_board(f"replay://{path}")
    with pytest.raises(UnknownBoard, match="cannot be read"):
        labnet.open_board(f"replay://{tmp_path}/none")


def test_boards_on_paper_have_limits_too(board: TwinBoard, tmp_path: Path) -> None:
    with board.record(tmp_path / "empty.jsonl"):
        pass
    with labnet.open_board(f"replay://{tmp_path}/empty.jsonl") as replayed:
        with pytest.raises(NotSupported):
            replayed.snapshot()
        assert np.array_equal(replayed.network.edges, board.network.edges)
