"""Byte pipes between driver and firmware: one that is exact about time, and ones that go wrong."""

import random
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from labnet.errors import LinkDesynchronised, LinkLost, LinkTimeout, UnknownBoard
from labnet_drivers.transports import Transport

Serve = Callable[..., str]


class Socket:
    """A TCP connection as a transport."""

    def __init__(self, address: str) -> None:
        _, host, port, _ = address.split("::")
        try:
            self._socket = socket.create_connection((host, int(port)))
        except OSError as error:
            raise UnknownBoard(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(str(error)) from error

    def read(self, timeout_s: float) -> bytes:
        self._socket.settimeout(max(timeout_s, 1e-6))
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError as error:
            raise LinkTimeout(f"nothing for {timeout_s} s") from error
        except OSError as error:
            raise LinkLost(str(error)) from error
        finally:
            with suppress(OSError):
                self._socket.settimeout(None)
        if not data:
            raise LinkLost("the end")
        return data

    def close(self) -> None:
        self._socket.close()


class Pipe:
    """Passes on what goes through it; the base of those that do not."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    def write(self, data: bytes) -> None:
        self.inner.write(data)

    def read(self, timeout_s: float) -> bytes:
        return self.inner.read(timeout_s)

    def close(self) -> None:
        self.inner.close()


class Late(Pipe):
    """Keeps back what the board says until it is told to let go."""

    late = False
    _kept = b""

    def read(self, timeout_s: float) -> bytes:
        data, self._kept = self._kept, b""
        if self.late:
            self._kept = data + self.inner.read(timeout_s)
            raise LinkTimeout("late")
        return data or self.inner.read(timeout_s)


class Plug:
    """A port whose cable can be pulled; behind it there may be another board later."""

    def __init__(self, open_inner: Callable[[], Transport]) -> None:
        self.open_inner = open_inner
        self.missing = 0  # how many times it is not there when it is opened again
        self.wire: Pipe | None = None

    def open(self) -> Transport:
        if self.missing:
            self.missing -= 1
            raise UnknownBoard("there is no such port")
        self.wire = Pipe(self.open_inner())
        return self.wire

    def pull(self) -> None:
        """Break the wire, so that both ends notice."""
        assert self.wire is not None
        self.wire.close()

    def swap(self, open_inner: Callable[[], Transport]) -> None:
        """Put another board behind the open port, as an Arduino that restarts behind its USB chip."""
        assert self.wire is not None
        self.wire.inner.close()
        self.wire.inner = open_inner()


class Scripted(Pipe):
    """Raises what it is told to, after what it is told to has been written."""

    def __init__(self, inner: Transport) -> None:
        super().__init__(inner)
        self.after = b""
        self.error: BaseException = LinkDesynchronised("noise")
        self._due = False

    def write(self, data: bytes) -> None:
        self.inner.write(data)
        self._due = bool(self.after) and self.after in data

    def read(self, timeout_s: float) -> bytes:
        if self._due:
            self.after, self._due = b"", False
            raise self.error
        return self.inner.read(timeout_s)


class Counted(Pipe):
    """Counts what is written."""

    writes = 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        self.inner.write(data)


class Faulty(Pipe):
    """Delays, drops, doubles, splits and damages, both ways; what comes through comes in order, as on any line."""

    def __init__(self, inner: Transport, seed: int, share: float) -> None:
        super().__init__(inner)
        self.share = share
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._to_board = self._to_host = b""  # delayed

    def write(self, data: bytes) -> None:
        data, self._to_board = self._to_board + self._damaged(data), b""
        if self._happens("delayed"):
            self._to_board = data
        elif data:
            self.inner.write(data)

    def read(self, timeout_s: float) -> bytes:
        data, self._to_host = self._to_host, b""
        if not data:
            data = self._damaged(self.inner.read(timeout_s))
        if self._happens("split"):
            at = self._random.randrange(len(data) + 1)
            data, self._to_host = data[:at], data[at:]
        elif self._happens("delayed"):
            data, self._to_host = b"", data
        if not data:
            raise LinkTimeout("nothing came through")
        return data

    def _happens(self, fault: str) -> bool:
        happens = self._random.random() < self.share / 5
        self.faults[fault] += happens
        return happens

    def _damaged(self, data: bytes) -> bytes:
        begin, end = sorted(self._random.randrange(len(data) + 1) for _ in range(2))
        if self._happens("dropped"):
            data = data[:begin] + data[end:]
        if self._happens("doubled"):
            data = data[:end] + data[begin:]
        if data and self._happens("flipped"):
            at = self._random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
        return data
