"""Cables that are pulled: what is lost is said, and a training that the board runs by itself is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bits import bits_of_run
from test_training import MANY, assert_same, parts, plan
from wires import Pipe, Plug, Scripted, Serve, Socket

import labnet
import labnet.bench
from labnet.board import Update
from labnet.controller import Controller
from labnet.errors import BoardRestarted, LinkDesynchronised, LinkLost, StateLost, WrongBoard
from labnet_drivers import Link, TwinBoard
from labnet_drivers.twin_board import TRAINING

GIVEN = {0: 5.0, 8: 0.0}
LONG = plan(MANY, steps=3000)


@pytest.fixture
def plug(served: Serve) -> Plug:
    address = served("preset=lab&seed=3")
    return Plug(lambda: Socket(address))


@pytest.fixture
def board(plug: Plug) -> Iterator[TwinBoard]:
    with TwinBoard(Link(plug.open, "the bench", patience_s=0.05)) as opened:
        yield opened


def test_a_pulled_cable_is_said_and_the_same_board_goes_on(plug: Plug, board: TwinBoard) -> None:
    board.drive("free", GIVEN)
    before = board.read("free")
    plug.pull()
    for _ in range(2):
        with pytest.raises(LinkLost):
            board.read("free")
    plug.missing = 2
    board.reconnect()
    assert board.read("free") == pytest.approx(before, abs=1e-3), "what it holds it still holds"


def test_a_board_that_does_not_come_back_is_said(plug: Plug, board: TwinBoard) -> None:
    plug.pull()
    plug.missing = 10**9
    with pytest.raises(LinkLost, match="did not come back within 0 s"):
        board.reconnect(timeout_s=0.0)
    plug.missing = 0
    board.reconnect()


def test_another_board_in_its_place_is_refused(plug: Plug, board: TwinBoard, served: Serve) -> None:
    other = served("seed=4")
    plug.pull()
    plug.open_inner = lambda: Socket(other)
    with pytest.raises(WrongBoard, match="Connect that one again"):
        board.reconnect()


def test_a_board_that_restarted_meanwhile_is_warned_of(tmp_path: Path, served: Serve) -> None:
    options = f"nv={tmp_path}/store"
    address = served(options)
    plug = Plug(lambda: Socket(address))
    with TwinBoard(Link(plug.open, "the bench")) as board:
        board.set_wipers(3)
        board.sequencer.repeats = 2
        boot = board.boot
        plug.pull()
        again = served(options)
        plug.open_inner = lambda: Socket(again)
        with pytest.warns(BoardRestarted, match="wipers at their position at power-up"):
            board.reconnect()
        assert board.boot == boot + 1
        assert board.wipers().tolist() == [64] * 16
        assert board.sequencer.beyond() == []


@pytest.mark.slow
def test_a_training_goes_on_while_its_cable_is_out(plug: Plug, board: TwinBoard) -> None:
    """Block by block the cable is pulled; the log is what an undisturbed board logs."""
    with labnet.open_board("firmware://twin16?preset=lab&seed=3") as other:
        undisturbed = parts(other.train(LONG, 0, Controller(other, LONG).start()))
    blocks = board.train(LONG, 0, Controller(board, LONG).start())
    taken = []
    for number, block in enumerate(blocks):
        taken.append(block)
        if number < 10:
            plug.pull()
            plug.missing = number % 2
    assert len(taken) > 10
    assert_same(parts(iter(taken)), undisturbed)


@pytest.mark.slow
def test_noise_in_a_training_does_not_open_the_port_again(served: Serve) -> None:
    """An Arduino whose port is opened restarts."""
    address = served("preset=lab&seed=3")
    opened: list[Scripted] = []

    def open_port() -> Scripted:
        opened.append(Scripted(Socket(address)))
        return opened[-1]

    with labnet.open_board("firmware://twin16?preset=lab&seed=3") as other:
        undisturbed = parts(other.train(LONG, 0, Controller(other, LONG).start()))
    with TwinBoard(Link(open_port, "the bench")) as board:
        taken = []
        for block in board.train(LONG, 0, Controller(board, LONG).start()):
            taken.append(block)
            opened[0].after = b"TRA:LOG?"
    assert len(taken) > 10
    assert len(opened) == 1
    assert_same(parts(iter(taken)), undisturbed)


def test_ctrl_c_just_after_the_start_aborts_a_training(served: Serve) -> None:
    pipe = Scripted(Socket(served()))
    with TwinBoard(Link(lambda: pipe, "the bench")) as board:
        pipe.after, pipe.error = b"TRA:STAR;", KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            next(board.train(plan(MANY, steps=1_000_000)))
        assert not board.operation & TRAINING
        assert board.sequencer.standing is None
        assert board.link.watchdog_s == board.watchdog_s
        board.drive("free", GIVEN)


def test_a_training_that_was_reset_from_elsewhere_ends(board: TwinBoard, served: Serve) -> None:
    blocks = board.train(LONG)
    next(blocks)
    board.scpi("*RST")
    with pytest.raises(StateLost, match="Resume the run"):
        list(blocks)


def test_a_training_that_was_reset_before_its_first_block_ends(served: Serve) -> None:
    class Resetting(Pipe):
        def write(self, data: bytes) -> None:
            self.inner.write(b"*RST\n" * data.startswith(b"TRA:LOG? 0") + data)

    address = served()
    board = TwinBoard(Link(lambda: Resetting(Socket(address)), address, check=False))
    with board, pytest.raises(StateLost, match="Resume the run"):
        list(board.train(LONG))


def test_a_training_whose_board_restarts_ends(tmp_path: Path, served: Serve) -> None:
    options = f"nv={tmp_path}/store"
    address = served(options)
    plug = Plug(lambda: Socket(address))
    with TwinBoard(Link(plug.open, "the bench")) as board:
        blocks = board.train(LONG)
        next(blocks)
        plug.pull()
        again = served(options)
        plug.open_inner = lambda: Socket(again)
        with pytest.raises(StateLost, match="Resume the run"):
            list(blocks)


def test_a_training_does_not_look_for_its_board_for_ever(plug: Plug, board: TwinBoard) -> None:
    board.sequencer.reconnect_s = 0.0
    blocks = board.train(LONG)
    next(blocks)
    plug.pull()
    plug.missing = 10**9
    with pytest.raises(LinkLost, match="did not come back"):
        list(blocks)


def test_a_board_may_end_a_training_whose_host_is_lost(plug: Plug, board: TwinBoard) -> None:
    board.sequencer.lost = ("stop", 1.0)
    blocks = board.train(plan(MANY, steps=1_000_000))
    next(blocks)
    plug.pull()
    plug.missing = 1
    with pytest.raises(LinkLost, match=r"sequencer\.lost allows"):
        list(blocks)
    assert board.bias_v == 0.0


@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
def test_a_firmware_that_dies_is_a_lost_link(pty: bool) -> None:
    with labnet.bench.serve("firmware://twin16", port=0, pty=pty) as served:
        board = labnet.open_board(served.address)
        board.drive("free", GIVEN)
    with pytest.raises(LinkLost, match="Look at its cable"):
        board.read("free")
    board.close()


def test_a_board_that_was_looked_for_in_vain_is_still_a_lost_link() -> None:
    with labnet.bench.serve("firmware://twin16", port=0) as served:
        board = labnet.open_board(served.address)
    assert isinstance(board, TwinBoard)
    for _ in range(2):
        with pytest.raises(LinkLost, match="did not come back"):
            board.reconnect(timeout_s=0.0)
        with pytest.raises(LinkLost, match="Look at its cable"):
            board.read("free")
    board.close()


class Breaking(TwinBoard):
    """A board, paced by the host, whose answer to one trigger never comes: the wipers have moved."""

    pipe: Scripted
    error: BaseException
    triggers_left = 20

    def trigger(self, step_wipers: bool = True) -> Update:
        self.triggers_left -= 1
        if self.triggers_left == 0:
            self.pipe.after, self.pipe.error = b"TRIG:STEP?", self.error
        return super().trigger(step_wipers)


@pytest.mark.parametrize("error", [LinkDesynchronised("noise"), KeyboardInterrupt()], ids=["noise", "Ctrl-C"])
def test_a_run_goes_on_after_a_trigger_that_was_not_answered(
    error: BaseException, tmp_path: Path, served: Serve
) -> None:
    """On the same board, whose clock has gone further: the records are the same but for their time."""
    short = plan(MANY, steps=40, measure=7)
    pipe = Scripted(Socket(served("preset=lab&seed=3")))
    with Breaking(Link(lambda: pipe, "the bench")) as board:
        board.info = replace(board.info, plans=frozenset())
        board.pipe, board.error = pipe, error
        with pytest.raises(type(error)):
            labnet.run_plan(board, short, tmp_path / "run.sqlite", progress=False)
        began_s = board.time_s
        with labnet.run_plan(board, short, tmp_path / "run.sqlite", resume=True, progress=False) as run:
            resumed, times_s = bits_of_run(run), run.frame("steps")["time_s"].to_numpy()
    with (
        labnet.open_board("firmware://twin16?preset=lab&seed=3") as other,
        labnet.run_plan(other, short, progress=False) as run,
    ):
        whole = bits_of_run(run)
    assert {**resumed, "time_s": whole["time_s"]} == whole
    assert (times_s[19:] > began_s).all()
    assert times_s[20:] - times_s[19:-1] == pytest.approx(short.step_period_s)
