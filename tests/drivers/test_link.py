"""The link: an answer belongs to its question, whatever goes wrong."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from wires import Counted, Late, Pipe, Plug, Serve, Socket

import labnet
from labnet.errors import DeviceError, LinkDesynchronised, LinkTimeout, OutOfRange, StateLost
from labnet_drivers import Link, TwinBoard, sequencer, twin_board, upload
from labnet_drivers import link as links
from labnet_drivers.transports import open_transport

Open = Callable[..., Link]
CHECKS = pytest.mark.parametrize("check", [True, False], ids=["check", "plain"])


@CHECKS
@pytest.mark.parametrize("pty", [True, False], ids=["pty", "tcp"])
def test_messages_errors_and_answers(served: Serve, linked: Open, check: bool, pty: bool) -> None:
    address = served(pty=pty)
    link = linked(lambda: open_transport(address), address, check)
    assert link.exchange("*IDN?").startswith(b"LABNET,TWIN16,")
    assert link.exchange("SYST:LINK:CHEC?") == (b"1" if check else b"0")
    assert link.exchange("SYST:WAIT 0.001") == b""
    assert link.exchange("BOAR:NOD?;EDG?;:SYST:SYNC? 5").split(b";")[::2] == [b"9", b"5"]
    with pytest.raises(DeviceError) as raised:
        link.exchange("SOUR:BIAS 2;BIAS 0.25;:FOO?;:SOUR:BIAS?")
    assert [code for code, _ in raised.value.errors] == [-222, -113]
    assert raised.value.code == -222
    assert "SOUR:BIAS 2" in str(raised.value)
    assert "BOAR:NOD?" in str(raised.value), "the exchanges before it are told"
    assert link.exchange("SOUR:BIAS?") == b"0.25", "errors do not stay for the next message"


@CHECKS
def test_a_late_answer_is_never_taken_for_the_next_one_s(served: Serve, linked: Open, check: bool) -> None:
    address = served()
    pipe = Late(Socket(address))
    link = linked(lambda: pipe, address, check, patience_s=0.01)
    pipe.late = True
    with pytest.raises(LinkTimeout, match="SYST:SYNC"):
        link.exchange("SYST:SYNC? 1", deadline_s=0.05)
    pipe.late = False
    for number in range(2, 5):
        assert link.exchange(f"SYST:SYNC? {number}") == b"%d" % number


@CHECKS
def test_a_message_that_ctrl_c_broke_off_answers_nobody(served: Serve, linked: Open, check: bool) -> None:
    class Interrupted(Pipe):
        interrupts = False

        def read(self, timeout_s: float) -> bytes:
            if self.interrupts:
                raise KeyboardInterrupt
            return super().read(timeout_s)

    address = served()
    pipe = Interrupted(Socket(address))
    link = linked(lambda: pipe, address, check)
    pipe.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        link.exchange("SYST:SYNC? 1")
    failure = link.transcript.last()[-1].failure
    assert failure is not None, "the transcript says so"
    assert failure[0] == "KeyboardInterrupt"
    pipe.interrupts = False
    assert link.exchange("SYST:SYNC? 2") == b"2"


def test_without_the_check_an_answer_nobody_asked_for_is_said(served: Serve, linked: Open) -> None:
    class Doubling(Pipe):
        doubles = False

        def read(self, timeout_s: float) -> bytes:
            return super().read(timeout_s) * (1 + self.doubles)

    address = served()
    pipe = Doubling(Socket(address))
    link = linked(lambda: pipe, address, check=False)
    pipe.doubles = True
    with pytest.raises(LinkDesynchronised, match="more than it was asked"):
        link.exchange("SYST:SYNC? 1")
    pipe.doubles = False
    assert link.exchange("SYST:SYNC? 2") == b"2"


def test_errors_that_have_no_room_in_an_answer_are_still_its_own(
    served: Serve, linked: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "cc -DSMALL_SIZES")
    address = served()
    small = linked(lambda: Socket(address), address)
    for _ in range(2):
        with pytest.raises(DeviceError) as raised:
            small.exchange("BOAR:EDG?" + ";:NO" * 16)
        assert [code for code, _ in raised.value.errors] == [-113] * 16
        assert small.exchange("SYST:SYNC? 1") == b"1"


def test_numbers_begin_anew_before_they_come_to_the_first_again(
    tmp_path: Path, served: Serve, linked: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that has just restarted waits for number 1, and would execute a message of that number."""
    monkeypatch.setattr(links, "_MOST_NUMBERS", 10)
    options = f"nv={tmp_path}/store"
    address = served(options)
    plug = Plug(lambda: Socket(address))
    opened = linked(plug.open, address)
    wire = plug.wire
    assert wire is not None
    numbers: list[int] = []
    write = wire.write

    def noted(data: bytes) -> None:
        numbers.extend(int(number, 16) for number in re.findall(rb"^@(....)", data, re.MULTILINE))
        write(data)

    monkeypatch.setattr(wire, "write", noted)
    for number in range(50):
        assert opened.exchange(f"SYST:SYNC? {number}") == b"%d" % number
    assert numbers.count(1) >= 4
    assert max(numbers) <= 10


@pytest.mark.parametrize(
    ("header", "name", "number"),
    [
        ("status.h", "QUESTIONABLE_HOST", links.HOST_LOST),
        ("status.h", "ERROR_SETTINGS_CONFLICT", twin_board.SETTINGS_CONFLICT),
        ("status.h", "ERROR_OUT_OF_RANGE", sequencer.OUT_OF_RANGE),
        ("train.h", "ETA_ONE", upload.ETA_ONE),
    ],
)
def test_driver_and_firmware_have_the_same_numbers(header: str, name: str, number: int) -> None:
    text = (Path(__file__).parents[2] / "firmware" / "src" / header).read_text()
    found = re.search(rf"\b{name}(?: =)? (-?\d+)", text)
    assert found is not None
    assert int(found[1]) == number


@CHECKS
def test_threads_never_get_each_other_s_answers(served: Serve, linked: Open, check: bool) -> None:
    address = served()
    link = linked(lambda: Socket(address), address, check)

    def ask(thread: int) -> bool:
        numbers = range(thread * 1000, thread * 1000 + 300)
        return all(link.exchange(f"SYST:SYNC? {number}") == b"%d" % number for number in numbers)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_threads_share_a_board(board: TwinBoard) -> None:
    """Each verb is done as a whole, so one thread's readings are whole while another triggers and a third errs."""
    board.drive("free", {0: 5.0, 8: 0.0})
    before = board.read("free")

    def read(_: int) -> bool:
        return np.array_equal(board.read("free"), before)

    def latch(_: int) -> bool:
        return board.trigger(step_wipers=False).directions.shape == (16,)

    def err(_: int) -> bool:
        with pytest.raises(DeviceError, match="Undefined header"):
            board.scpi("NO:SUCH:THING")
        return True

    with ThreadPoolExecutor(6) as pool:
        results = [pool.map(verb, range(200)) for verb in (read, latch, err, read, latch, err)]
        assert all(all(result) for result in results)
    assert board.trigger_count == 400


def test_blocks_may_hold_newlines_and_semicolons(board: TwinBoard) -> None:
    codes = np.array([0x0A0A, 0x3B0A, 0x0A3B, 0x2C22, 0x2240, 0x400A])
    held = board.info.source.volts(codes)
    board.drive("free", dict(enumerate(held.tolist())))
    assert board.read("free")[:6].tolist() == held.tolist()


def test_a_message_that_is_too_long_is_not_sent(board: TwinBoard) -> None:
    sent = len(board.link.transcript.last())
    with pytest.raises(OutOfRange, match="Split it"):
        board.scpi("*IDN?;" * 1000)
    with pytest.raises(OutOfRange, match="several lines"):
        board.scpi("*IDN?\n*IDN?")
    with pytest.raises(OutOfRange, match="not ASCII"):
        board.scpi("FOO →")
    assert len(board.link.transcript.last()) == sent
    longest = "*WAI;" * (board.longest // 5)
    board.scpi(longest.ljust(board.longest))


def test_a_message_is_sent_again_only_when_its_time_has_come(served: Serve, linked: Open) -> None:
    """What takes long on the board is not hurried, and what is quick is sent once."""
    address = served()
    pipe = Counted(Socket(address))
    link = linked(lambda: pipe, address, patience_s=1.0)
    before = pipe.writes
    for number in range(50):
        link.exchange(f"SYST:SYNC? {number}")
    assert pipe.writes == before + 50


@CHECKS
def test_a_board_that_restarted_is_noticed_when_the_link_gets_in_step(
    tmp_path: Path, served: Serve, linked: Open, check: bool
) -> None:
    options = f"nv={tmp_path}/store"
    address = served(options)
    plug = Plug(lambda: Socket(address))
    link = linked(plug.open, address, check, patience_s=0.02)
    boot = link.boot
    link.resync()
    plug.swap(lambda: Socket(served(options)))
    with pytest.raises(StateLost, match="restarted"):
        link.resync()
    assert link.boot == boot + 1
    link.resync()


def test_with_the_check_no_message_gets_through_to_a_board_that_restarted(
    tmp_path: Path, served: Serve, linked: Open
) -> None:
    options = f"nv={tmp_path}/store"
    address = served(options)
    plug = Plug(lambda: Socket(address))
    link = linked(plug.open, address, patience_s=0.02)
    plug.swap(lambda: Socket(served(options)))
    with pytest.raises(LinkTimeout):
        link.exchange("SOUR:BIAS 0.5", deadline_s=0.1)
    with pytest.raises(StateLost, match="restarted"):
        link.exchange("SOUR:BIAS 0.5")
    assert link.exchange("SOUR:BIAS?") == b"0"


def test_a_board_that_waits_for_the_end_of_a_block_is_freed(served: Serve, linked: Open) -> None:
    """A host that died in the middle of an upload leaves a board that takes everything for its block."""
    address = served()
    dying = Socket(address)
    dying.write(b"TRA:MEM 0,#43000abc")
    link = linked(lambda: dying, address, patience_s=0.02)
    assert link.exchange("SYST:SYNC? 3") == b"3"
    assert link.exchange("SYST:ERR:COUN?") == b"0"


def test_half_a_line_of_somebody_else_does_no_harm(served: Serve, linked: Open) -> None:
    address = served()
    before = Socket(address)
    before.write(b"SOUR:BIAS 0.")
    link = linked(lambda: before, address)
    assert link.exchange("SOUR:BIAS?") == b"0"


def test_closing_leaves_a_safe_board_that_plain_visa_can_use(served: Serve) -> None:
    address = served(pty=True)
    with labnet.open_board(address) as board:
        board.drive("free", {0: 5.0})
        board.set_update_probability(1.0)
    port = open_transport(address)
    port.write(b"SYST:LINK:CHEC?;:SOUR:HOLD? FREE;:SOUR:BIAS?\n")
    heard = b""
    while not heard.endswith(b"\n"):
        heard += port.read(5.0)
    port.close()
    assert heard == b"0;0,0;0\n"
