"""The plant: a simulated board behind the firmware's pins.

The firmware is the clock: every frame says when it happens, and the board's clock runs until then. What the firmware
writes gets no reply, so that frames come in batches; what it reads gets one, for all nodes or edges together.
docs/firmware.md describes the link.
"""

import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from socket import MSG_DONTWAIT, socket

import numpy as np
from numba import types
from numpy.typing import NDArray

from labnet.board import Update
from labnet.errors import BoardError, CircuitError, NotSupported
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.engine.compiling import kept
from labnet_simulators.oscillators import Oscillators
from labnet_simulators.voltages import SIDES

_log = logging.getLogger(__name__)

_FRAME = struct.Struct("<BBHIQ")  # op, arg, code, value, time in ticks
_HELLO = struct.Struct("<IHH")
_MAGIC = 0x4C4E5031
TICK_NS = 1000
_BITS = 32  # of a mask
_AT_ONCE = 1 << 16
_LOOKS = 400  # some 400 us
_NOTHING = b""
_DONE = b"\0"

Handler = Callable[[int, int, int], bytes]  # arg, code, value; gives the reply


_recv = types.ExternalFunction("recv", types.int64(types.int64, types.int64, types.int64, types.int64))
_sched_yield = types.ExternalFunction("sched_yield", types.int64())


@kept
def _look(socket_fd: int, buffer: int, size: int, flags: int, looks: int) -> int:
    """Receive as soon as there is something, and without Python's lock; gives how much, -1 after so many looks."""
    for _ in range(looks):
        count = _recv(socket_fd, buffer, size, flags)
        if count >= 0:
            return int(count)
        _sched_yield()
    return -1


def _compile(board: SimulatedBoard) -> None:
    """Have the edges step by themselves once on a copy: compiling takes seconds, and the driver waits for one."""
    copy, held = board.copy(), dict.fromkeys(range(board.network.node_count), 0.0)
    for side in SIDES:
        copy.hold(side, held, held)
    with suppress(NotSupported):  # of boards whose broken parts are not modelled then
        copy.self_trigger(1e-9)


class Plant:
    """Serves a board to the firmware at the other end of a socket.

    Every number is what the same verbs of the board give. A circuit that cannot be solved reads as 0 V on all nodes,
    and no edge is up or enabled; `failure` says so.

    Parameters
    ----------
    board : SimulatedBoard
        One with codes, of up to 32 nodes and edges; nobody else may use it meanwhile.
    link : socket.socket
        A stream socket.

    Attributes
    ----------
    failure : Exception or None
        The first thing that went wrong.

    Raises
    ------
    NotSupported
        For a board without codes, or one that masks of 32 bits do not hold.
    """

    def __init__(self, board: SimulatedBoard, link: socket) -> None:
        parts, network = board.parts, board.network
        if None in (parts.dac.grid.bits, parts.adc.grid.bits, parts.gate.grid.bits):
            raise NotSupported(
                f"{board.address} has no codes, which are all that firmware knows; use converters=board."
            )
        if max(network.node_count, network.edge_count) > _BITS:
            raise NotSupported(
                f"{network.name} has {network.node_count} nodes and {network.edge_count} edges; allowed: up to {_BITS}."
            )
        self.board, self._link = board, link
        self.failure: Exception | None = None
        self._volts = parts.dac.grid.volts(np.arange(parts.dac.grid.top + 1)).tolist()  # of every code
        self._bias_volts = np.minimum(parts.gate.grid.volts(np.arange(parts.gate.grid.top + 1)), 1.0).tolist()
        if isinstance(board.gates, Oscillators):
            _compile(board)
        self._gains, self._offsets = board.channels.source_gain.tolist(), board.channels.source_offset_v.tolist()
        self._sources = board.as_driven(dict.fromkeys(range(network.node_count), 0.0))
        self._nodes: dict[int, tuple[int, ...]] = {}  # of masks
        self._latched = np.zeros(2 * _BITS, dtype=np.bool_)
        self._wipers: NDArray[np.int64] | None = None  # where they are being stepped to
        self._received_at = np.empty(_AT_ONCE, dtype=np.uint8)
        self._ticks = 0
        self._by_themselves = False  # the edges step
        self._handlers: dict[int, Handler] = {
            0x01: self._dac,
            0x02: self._hold,
            0x03: self._bias,
            0x04: self._step,
            0x05: self._load,
            0x07: self._count,
            0x80: self._hello,
            0x81: self._adc,
            0x82: self._look,
            0x83: self._trigger,
            0x84: self._self_trigger,
        }

    # The link ---------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Do what the frames say until the other end of the link is closed, and close this one. Never fails."""
        try:
            for frames in self._batches():
                for op, arg, code, value, ticks in _FRAME.iter_unpack(frames):
                    if ticks != self._ticks or (self._wipers is not None and op != 0x04):
                        self._go_on_to(ticks)
                    handler = self._handlers.get(op)
                    if handler is None:
                        raise BoardError(f"the firmware sent op {op:#04x}, which no plant knows; rebuild it.")
                    if reply := handler(arg, code, value):
                        self._link.sendall(reply)
        except ConnectionError:
            pass  # the other end is gone
        except Exception as error:  # in a thread nobody else would hear of it
            self._note(error)
        finally:
            self._link.close()

    def _batches(self) -> Iterator[bytes]:
        """Give whole frames as they come."""
        left = b""
        while more := self._received():
            frames = left + more
            if odd := len(frames) % _FRAME.size:
                frames, left = frames[:-odd], frames[-odd:]
            else:
                left = b""
            yield frames

    def _received(self) -> bytes:
        """Give what comes next.

        While a training runs that is soon: to sleep and be woken can take longer, so look often before.
        """
        count = _look(self._link.fileno(), self._received_at.ctypes.data, _AT_ONCE, MSG_DONTWAIT, _LOOKS)
        return self._received_at[:count].tobytes() if count >= 0 else self._link.recv(_AT_ONCE)

    def _go_on_to(self, ticks: int) -> None:
        """Put the wipers where they were stepped to, and let the board's clock run."""
        if self._wipers is not None:
            positions, self._wipers = self._wipers, None
            self.board.set_wipers(positions)
        if ticks < self._ticks:
            raise BoardError(f"the firmware's clock went back from {self._ticks} to {ticks} ticks.")
        passed_s = (ticks - self._ticks) * TICK_NS * 1e-9
        self._ticks = ticks
        if self._by_themselves:
            try:
                self.board.self_trigger(passed_s)
            except (CircuitError, NotSupported) as error:
                self._note(error)
        self.board.run_until(ticks * TICK_NS)

    def _note(self, error: Exception) -> None:
        """Keep what went wrong first, and tell of everything new."""
        if self.failure is None or str(error) != str(self.failure):
            _log.warning("%s: %s", self.board.address, error)
        self.failure = self.failure or error

    # Sources and readings -----------------------------------------------------------------------------------------

    def _hello(self, arg: int, code: int, value: int) -> bytes:
        network = self.board.network
        return _HELLO.pack(_MAGIC, network.node_count, network.edge_count)

    def _dac(self, node: int, code: int, value: int) -> bytes:
        self._sources[node] = self._volts[code] * self._gains[node] + self._offsets[node]
        return _NOTHING

    def _hold(self, side: int, code: int, mask: int) -> bytes:
        nodes = self._nodes.get(mask)
        if nodes is None:
            nodes = self._nodes[mask] = tuple(node for node in range(_BITS) if mask >> node & 1)
        try:
            self.board.hold(SIDES[side], nodes, self._sources)
        except CircuitError as error:
            self._note(error)
        return _NOTHING

    def _bias(self, arg: int, code: int, value: int) -> bytes:
        self.board.bias_v = self._bias_volts[code]
        return _NOTHING

    def _load(self, arg: int, code: int, value: int) -> bytes:
        with suppress(CircuitError):  # nothing is held yet: nobody reads it
            self.board.hold("free", self.board.voltages.held["free"], self._sources)  # and the clamped side follows
        return _NOTHING

    def _adc(self, side: int, code: int, value: int) -> bytes:
        try:
            return self.board.read_codes(SIDES[side]).astype("<u2").tobytes()
        except CircuitError as error:
            self._note(error)
            return bytes(2 * self.board.network.node_count)

    # Edges --------------------------------------------------------------------------------------------------------

    def _step(self, up: int, code: int, mask: int) -> bytes:
        if self._wipers is None:
            self._wipers = self.board.wipers()
        edges = [edge for edge in range(len(self._wipers)) if mask >> edge & 1]
        moved = self._wipers[edges] + (1 if up else -1)
        self._wipers[edges] = np.clip(moved, 0, self.board.parts.pot.positions - 1)
        return _NOTHING

    def _self_trigger(self, on: int, code: int, value: int) -> bytes:
        self._by_themselves = bool(on)
        return _DONE

    def _count(self, arg: int, code: int, triggers: int) -> bytes:
        self.board.count_from(triggers)
        return _NOTHING

    def _look(self, arg: int, code: int, value: int) -> bytes:
        try:
            return self._masks(Update(self.board.directions(), self.board.enabled()))
        except CircuitError as error:
            self._note(error)
            return bytes(8)

    def _trigger(self, step: int, code: int, value: int) -> bytes:
        try:
            return self._masks(self.board.trigger(step_wipers=bool(step)))
        except CircuitError as error:
            self._note(error)
            return bytes(8)

    def _masks(self, update: Update) -> bytes:
        """Give the masks of directions and of gates, little-endian."""
        edges = len(update.directions)
        self._latched[:edges] = update.directions > 0
        self._latched[_BITS : _BITS + edges] = update.enabled
        return np.packbits(self._latched, bitorder="little").tobytes()
