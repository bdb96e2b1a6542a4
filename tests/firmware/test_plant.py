"""The plant: what the firmware's frames do is what the board's verbs do, bit for bit."""

import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

import labnet
from labnet.board import Side
from labnet.errors import BoardError, CircuitError, FloatingNode, NotSupported
from labnet_simulators import SimulatedBoard
from labnet_simulators.components import BIAS_GRID, BOARD_GRID
from labnet_simulators.plant import Plant

FRAME = struct.Struct("<BBHIQ")
DAC, HOLD, BIAS, STEP, LOAD, COUNT, HELLO, ADC, LOOK, TRIGGER, SELF = 1, 2, 3, 4, 5, 7, *range(0x80, 0x85)
SIDES: tuple[Side, Side] = ("free", "clamped")
NODES, EDGES = 9, 16
POWER_UP, POSITIONS = 64, 128
ADDRESSES = [
    "sim://twin16?converters=board&seed=3",
    "sim://twin16?preset=lab&seed=3",
    "sim://twin16?preset=lab&gate=fixed&comparator=pair",
    "sim://twin16?preset=lab&gate=oscillator",
]


class Pins:
    """The firmware's end of the link."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.ticks = 0

    def post(self, op: int, arg: int = 0, code: int = 0, value: int = 0) -> None:
        self.link.sendall(FRAME.pack(op, arg, code, value, self.ticks))

    def ask(self, op: int, arg: int = 0, size: int = 8) -> bytes:
        self.post(op, arg)
        reply = b""
        while len(reply) < size and (more := self.link.recv(size - len(reply))):
            reply += more
        return reply

    def codes(self, side: int) -> list[int]:
        return list(struct.unpack(f"<{NODES}H", self.ask(ADC, side, 2 * NODES)))

    def masks(self, op: int, arg: int = 0) -> tuple[int, int]:
        directions, gates = struct.unpack("<II", self.ask(op, arg))
        return directions, gates

    def is_closed(self) -> bool:
        return self.link.recv(1) == b""


@contextmanager
def served(board: SimulatedBoard) -> Iterator[tuple[Pins, Plant]]:
    ours, theirs = socket.socketpair()
    plant = Plant(board, theirs)
    thread = Thread(target=plant.serve)
    thread.start()
    with ours:
        yield Pins(ours), plant
    thread.join()


def opened(address: str) -> SimulatedBoard:
    board = labnet.open_board(address)
    assert isinstance(board, SimulatedBoard)
    return board


def bits(mask: Any) -> int:
    return sum(1 << k for k, on in enumerate(mask) if on)


def nodes_of(mask: int) -> list[int]:
    return [node for node in range(NODES) if mask >> node & 1]


# The same as the verbs ------------------------------------------------------------------------------------------


class Op(NamedTuple):
    name: str
    side: int = 0
    mask: int = 0
    numbers: tuple[int, ...] = ()


some_codes = st.tuples(*[st.integers(0, BOARD_GRID.top)] * NODES)
ops = st.one_of(
    st.builds(Op, st.just("hold"), st.integers(0, 1), st.integers(0, 2**NODES - 1), some_codes),
    st.builds(Op, st.just("bias"), numbers=st.tuples(st.integers(0, 32768))),
    st.builds(Op, st.just("wait"), numbers=st.tuples(st.sampled_from([1, 2, 50, 1000, 10**9]))),
    st.builds(Op, st.just("self"), numbers=st.tuples(st.sampled_from([0, 1, 2, 50, 1000]))),
    st.builds(Op, st.just("read"), st.integers(0, 1)),
    st.builds(Op, st.sampled_from(["look", "trigger", "latch", "clear"])),
    st.builds(Op, st.just("move"), numbers=st.tuples(*[st.integers(-70, 70)] * EDGES)),
)


def by_pins(pins: Pins, op: Op) -> Any:
    """Do an operation as the firmware does."""
    if op.name == "hold":
        for node in nodes_of(op.mask):
            pins.post(DAC, node, op.numbers[node])
        pins.post(HOLD, op.side, 0, op.mask)
    elif op.name == "bias":
        pins.post(BIAS, 0, op.numbers[0])
    elif op.name == "wait":
        pins.ticks += op.numbers[0]
    elif op.name == "self":
        pins.ask(SELF, 1, 1)
        pins.ticks += op.numbers[0]
        pins.ask(SELF, 0, 1)
    elif op.name == "read":
        return pins.codes(op.side)
    elif op.name == "look":
        return pins.masks(LOOK)
    elif op.name in ("trigger", "latch"):
        return pins.masks(TRIGGER, int(op.name == "trigger"))
    elif op.name == "clear":
        pins.post(BIAS)
        for node in range(NODES):
            pins.post(DAC, node)
        pins.post(LOAD)
    else:
        for k in range(max(map(abs, op.numbers))):
            for up in (0, 1):
                edges = [(moved > k if up else -moved > k) for moved in op.numbers]
                if any(edges):
                    pins.post(STEP, up, 0, bits(edges))
    return None


def by_verbs(board: SimulatedBoard, op: Op) -> Any:
    """Do the same by the board's verbs; what cannot be solved reads as nothing."""
    try:
        if op.name == "hold":
            volts = BOARD_GRID.volts(np.array(op.numbers)).tolist()
            board.drive(SIDES[op.side], {node: volts[node] for node in nodes_of(op.mask)})
        elif op.name == "bias":
            board.bias_v = float(BIAS_GRID.volts(np.array(op.numbers[0])))
        elif op.name == "wait":
            board.wait(op.numbers[0] * 1e-6)
        elif op.name == "self":
            by_themselves(board, op.numbers[0] * 1e-6)
        elif op.name == "read":
            return BOARD_GRID.codes(board.read(SIDES[op.side])).tolist()
        elif op.name == "look":
            return bits(board.directions() > 0), bits(board.enabled())
        elif op.name in ("trigger", "latch"):
            update = board.trigger(step_wipers=op.name == "trigger")
            return bits(update.directions > 0), bits(update.enabled)
        elif op.name == "clear":
            board.safe()
        elif any(op.numbers):
            board.set_wipers(np.clip(board.wipers() + np.array(op.numbers), 0, POSITIONS - 1))
    except CircuitError:
        return [0] * NODES if op.name == "read" else (0, 0)
    return None


def by_themselves(board: SimulatedBoard, seconds: float) -> None:
    """Let the edges step by themselves; where they cannot, the time passes all the same."""
    before_s = board.time_s
    with suppress(CircuitError, NotSupported):
        board.self_trigger(seconds)
        return
    assert board.time_s == before_s
    board.wait(seconds)


@pytest.mark.slow
@pytest.mark.parametrize("address", ADDRESSES)
@settings(deadline=None, max_examples=60)
@given(story=st.lists(ops, max_size=25))
def test_frames_do_what_the_verbs_do(address: str, story: list[Op]) -> None:
    board, behind = opened(address), opened(address)
    with served(behind) as (pins, plant):
        assert [by_pins(pins, op) for op in story] == [by_verbs(board, op) for op in story]
        assert by_pins(pins, Op("trigger")) == by_verbs(board, Op("trigger"))
        assert isinstance(plant.failure, CircuitError | NotSupported | None)
    assert behind.wipers().tolist() == board.wipers().tolist()
    assert (behind.time_s, behind.bias_v, behind.triggers) == (board.time_s, board.bias_v, board.triggers)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_source_that_changes_moves_its_node_on_both_sides_with_the_next_hold(address: str) -> None:
    """Also where that hold is of the other side, which does not count as a drive of this one."""
    board, behind = opened(address), opened(address)
    with served(behind) as (pins, _):
        for node, code in ((0, 65535), (4, 30000), (8, 0)):
            pins.post(DAC, node, code)
        pins.post(HOLD, 0, 0, bits([1, 0, 0, 0, 0, 0, 0, 0, 1]))
        pins.post(HOLD, 1, 0, bits([1, 0, 0, 0, 1, 0, 0, 0, 1]))
        pins.ticks += 1000
        before = pins.codes(1)
        pins.post(DAC, 4, 50000)
        assert abs(pins.codes(1)[4] - before[4]) < 50  # but for noise: not yet
        pins.post(HOLD, 0, 0, bits([1, 0, 0, 0, 0, 0, 0, 0, 1]))
        pins.ticks += 1000
        assert abs(pins.codes(1)[4] - 50000) < 50
    held = {0: 5.0, 8: 0.0}
    board.drive("free", held)
    board.drive("clamped", held | {4: float(BOARD_GRID.volts(np.array(30000)))})
    assert behind.clamped_drives == board.clamped_drives


@pytest.mark.parametrize("address", ADDRESSES)
def test_loading_moves_every_held_node_to_its_code_and_nothing_else(address: str) -> None:
    behind = opened(address)
    with served(behind) as (pins, _):
        pins.post(BIAS, 0, 16384)
        for node, code in ((0, 65535), (4, 30000), (8, 0)):
            pins.post(DAC, node, code)
        pins.post(HOLD, 0, 0, bits([1, 0, 0, 0, 0, 0, 0, 0, 1]))
        pins.post(HOLD, 1, 0, bits([1, 0, 0, 0, 1, 0, 0, 0, 1]))
        pins.ask(HELLO)
        drives = behind.clamped_drives
        for node, code in ((0, 40000), (4, 50000), (7, 60000)):
            pins.post(DAC, node, code)
        pins.post(LOAD)
        pins.ticks += 1000
        free, clamped = pins.codes(0), pins.codes(1)
        assert [abs(free[node] - code) < 50 for node, code in ((0, 40000), (8, 0))] == [True, True]
        assert [abs(clamped[node] - code) < 50 for node, code in ((0, 40000), (4, 50000))] == [True, True]
        assert abs(free[7] - 60000) > 1000  # not held
        assert behind.bias_v == BIAS_GRID.volts(np.array(16384))
        assert behind.clamped_drives == drives


def test_after_a_count_noise_goes_on_as_after_so_many_triggers() -> None:
    """Whatever was done before, as long as wipers and what is held are the same."""
    address = "sim://twin16?preset=lab&seed=3"

    def as_left(pins: Pins) -> list[Any]:
        for node, code in ((0, 65535), (4, 30000), (8, 0)):
            pins.post(DAC, node, code)
        pins.post(BIAS, 0, 16384)
        pins.post(HOLD, 0, 0, bits([1, 0, 0, 0, 0, 0, 0, 0, 1]))
        pins.post(HOLD, 1, 0, bits([1, 0, 0, 0, 1, 0, 0, 0, 1]))
        pins.ticks = 10**6
        return [pins.codes(0), pins.codes(1), pins.codes(0), pins.masks(TRIGGER, 1), pins.codes(0), pins.masks(LOOK)]

    seen = []
    for before in (5, 0):
        with served(opened(address)) as (pins, _):
            for _ in range(before):
                pins.masks(TRIGGER, 0)
            pins.codes(1)
            if not before:
                pins.ticks = 1000
            pins.post(HOLD, 1, 0, 1)
            pins.post(COUNT, 0, 0, 5)
            seen.append(as_left(pins))
    assert seen[0] == seen[1]
    with served(opened(address)) as (pins, _):
        pins.post(HOLD, 1, 0, 1)
        pins.post(COUNT, 0, 0, 6)
        assert as_left(pins) != seen[0]


# Frames -----------------------------------------------------------------------------------------------------------


def test_hello_tells_nodes_and_edges() -> None:
    with served(opened(ADDRESSES[0])) as (pins, _):
        assert struct.unpack("<IHH", pins.ask(HELLO)) == (0x4C4E5031, NODES, EDGES)


def test_frames_may_come_in_any_pieces() -> None:
    board = opened(ADDRESSES[0])
    with served(board) as (pins, _):
        frames = [(DAC, 0, 65535, 0, 0), (DAC, 8, 0, 0, 0), (HOLD, 0, 0, 0b100000001, 0), (ADC, 0, 0, 0, 0)]
        sent = b"".join(FRAME.pack(*frame) for frame in frames)
        read = set()
        for size in (1, 7, 16, 23, len(sent)):
            for k in range(0, len(sent), size):
                pins.link.sendall(sent[k : k + size])
            read.add(pins.link.recv(2 * NODES))
    assert len(read) == 1
    assert read.pop()[:2] == struct.pack("<H", 65535)


class Counting(SimulatedBoard):
    """A board that counts how often its wipers are set."""

    times_set = 0

    def set_wipers(self, positions: ArrayLike) -> None:
        super().set_wipers(positions)
        self.times_set += 1


def test_homing_is_one_change_of_the_wipers() -> None:
    board = Counting(labnet.networks.twin16(), opened(ADDRESSES[0]).parts)
    with served(board) as (pins, _):
        for _ in range(POSITIONS + 5):
            pins.post(STEP, 0, 0, 2**EDGES - 1)
        for _ in range(10):
            pins.post(STEP, 1, 0, 0b11)
        pins.ask(LOOK)
        assert board.wipers().tolist() == [10, 10] + [0] * (EDGES - 2)
        assert board.times_set == 1


def test_wipers_are_stepped_at_the_time_of_their_frames() -> None:
    behind = opened("sim://twin16?preset=lab")
    with served(behind) as (pins, _):
        pins.post(STEP, 1, 0, 1)
        pins.ticks = 5000
        pins.post(STEP, 1, 0, 1)
        pins.ask(LOOK)
        assert behind.time_s == pytest.approx(5e-3)
        assert int(behind.snapshot()["moved_ns"]) == 5_000_000
        assert behind.wipers()[0] == POWER_UP + 2


def test_a_circuit_that_floats_reads_as_nothing_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), served(opened(ADDRESSES[0])) as (pins, plant):
        for _ in range(3):
            assert pins.codes(0) == [0] * NODES
            assert pins.masks(LOOK) == pins.masks(TRIGGER, 1) == (0, 0)
        pins.post(DAC, 0, 65535)
        pins.post(HOLD, 0, 0, 1)
        pins.ticks = 1
        assert pins.codes(0) == [65535] * NODES  # it goes on
        assert isinstance(plant.failure, FloatingNode)
    assert len(caplog.records) == 1
    assert "nodes [0, 1" in caplog.text


def test_clocks_of_their_own_are_not_supported_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), served(opened(ADDRESSES[0])) as (pins, plant):
        assert pins.ask(SELF, 1, 1) == b"\0"
        pins.ticks += 100
        assert pins.ask(SELF, 0, 1) == b"\0"
        assert isinstance(plant.failure, NotSupported)
    assert "no clock of their own" in caplog.text


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([(6, 0, 0, 0, 0)], "op 0x06, which no plant knows"),
        ([(0x90, 0, 0, 0, 0)], "op 0x90"),
        ([(HELLO, 0, 0, 0, 10), (ADC, 0, 0, 0, 9)], "went back from 10 to 9"),
    ],
)
def test_what_no_firmware_of_ours_sends_ends_the_link(
    frames: list[tuple[int, ...]], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with served(opened(ADDRESSES[0])) as (pins, plant):
        pins.link.sendall(b"".join(FRAME.pack(*frame) for frame in frames))
        if len(frames) > 1:
            assert len(pins.link.recv(8)) == 8
        assert pins.is_closed()
        assert isinstance(plant.failure, BoardError)
        assert said in str(plant.failure)
    assert said in caplog.text


@pytest.mark.parametrize(
    ("address", "said"),
    [("sim://twin16", "no codes"), ("sim://packing143?converters=board", "143 edges; allowed: up to 32")],
)
def test_boards_that_no_firmware_can_serve_are_refused(address: str, said: str) -> None:
    one, other = socket.socketpair()
    with one, other, pytest.raises(NotSupported, match=said):
        Plant(opened(address), one)
