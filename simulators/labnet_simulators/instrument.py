"""A simulated board with its firmware, as a process that hosts can talk to."""

import hashlib
import logging
import select
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from threading import Event, Thread
from types import TracebackType
from typing import IO, Self

from labnet.errors import BoardError
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.plant import TICK_NS, Plant

_log = logging.getLogger(__name__)

_START_S = 30.0  # of real time, until the firmware listens
_SERIAL_LENGTH = 23
_ANSWER_S = 60.0  # of real time


class Instrument:
    """A simulated board with its firmware, running until it is stopped, or with `once` until its host hangs up.

    Parameters
    ----------
    board : SimulatedBoard
        What is below the firmware; nobody else may use it meanwhile.
    command : list of str
        The firmware's program, with options that it has besides ours.
    line : list of str
        What it listens on: ``--pty``, or ``--tcp PORT`` and ``--bind ADDRESS``.
    once : bool
    nv : path, optional
        File of the non-volatile store.
    passed : sequence of int
        Descriptors that the firmware is to have, too.

    Attributes
    ----------
    address : str
        VISA resource name.
    plant : Plant

    Raises
    ------
    BoardError
        With what the firmware says, when it does not start.
    """

    def __init__(
        self,
        board: SimulatedBoard,
        command: list[str],
        line: list[str],
        *,
        once: bool = False,
        nv: str | None = None,
        passed: Sequence[int] = (),
    ) -> None:
        self.address = ""
        self._said = ""
        self._known = Event()  # whether it has started
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undone:
            undone.callback(ours.close)
            said = undone.enter_context(tempfile.TemporaryFile())
            self.plant = Plant(board, ours)
            words = [*command, "--plant-fd", str(theirs.fileno()), *line, "--serial", _serial(board)]
            words += ["--once"] if once else []
            words += [] if nv is None else ["--nv", nv]
            try:
                self._process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    pass_fds=[theirs.fileno(), *passed],
                )
            except OSError as error:
                raise BoardError(
                    f"{command[0]} cannot be run: {error.strerror}; set LABNET_CACHE to a directory whose programs can."
                ) from None
            undone.pop_all()
        self._thread = Thread(target=self._serve, args=(said,), name=f"plant of {board.address}", daemon=True)
        self._thread.start()
        try:
            self.address = self._listening()
            self._known.set()
        except BaseException as error:
            self._known.set()
            self.stop()
            if isinstance(error, BoardError) and self._said:
                raise BoardError(f"{error} It said: {self._said}") from None
            raise

    def _serve(self, said: IO[bytes]) -> None:
        """Be the plant until the firmware ends, and take note of its end and of what it said."""
        with said:
            self.plant.serve()
            self._process.wait()
            said.seek(0)
            self._said = said.read().decode(errors="replace").strip()
        self._known.wait()
        if self.address and self._said:
            _log.warning("the firmware at %s: %s", self.address, self._said)

    def _listening(self) -> str:
        """Give the resource name of what the firmware says it listens on."""
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            waiting = select.poll()
            waiting.register(stdout)
            ready = waiting.poll(1000 * _START_S)
            words = stdout.readline().decode().split() if ready else []
        if len(words) == 1:
            return f"ASRL{words[0]}::INSTR"
        if len(words) == 2:
            return f"TCPIP::{words[0]}::{words[1]}::SOCKET"
        why = self.plant.failure or ("it ended" if ready else f"it does not listen after {_START_S:g} s")
        raise BoardError(f"the firmware did not start: {why}.")

    def wait(self) -> int:
        """Wait until the firmware has ended; gives its exit status."""
        self._thread.join()
        return self._process.wait()

    def stop(self) -> None:
        """End the firmware."""
        self._process.terminate()
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Emulated(Instrument):
    """The same on an emulated chip, to which things can be done from outside.

    Parameters are those of `Instrument`; the program is the emulator, with its image.
    """

    def __init__(
        self, board: SimulatedBoard, command: list[str], line: list[str], *, once: bool = False, nv: str | None = None
    ) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_ANSWER_S)
        with theirs:
            words = [*command, "--control-fd", str(theirs.fileno())]
            super().__init__(board, words, line, once=once, nv=nv, passed=[theirs.fileno()])

    def _ask(self, request: str) -> int:
        try:
            self._control.sendall(request.encode() + b"\n")
            answer = self._control.recv(32)
        except (OSError, TimeoutError) as error:
            raise BoardError(f"the emulated chip does not answer to {request!r} ({error}); has it ended?") from error
        if not answer:
            raise BoardError(f"the emulated chip has ended and cannot do {request!r}; start another.")
        return int(answer)

    def advance(self, seconds: float) -> None:
        """Let so much time pass on the board's clock, which otherwise stands still while nothing is scheduled."""
        self._ask(f"advance {round(seconds * 1e9 / TICK_NS)}")

    def reset(self) -> None:
        """Press the chip's reset button: potentiometers, DACs and switches keep their power."""
        self._ask("reset")

    def hang(self) -> None:
        """Let the firmware hang in an endless loop, until its watchdog ends it; before that it hears nothing of you."""
        self._ask("hang")

    def stack_bytes(self) -> int:
        """Give how deep the chip's stack has been."""
        return self._ask("stack")

    def _serve(self, said: IO[bytes]) -> None:
        with self._control:
            super()._serve(said)


def _serial(board: SimulatedBoard) -> str:
    """Give the board's serial number, or what fits of its hash."""
    serial = board.info.serial
    return serial if len(serial) <= _SERIAL_LENGTH else hashlib.sha256(serial.encode()).hexdigest()[:_SERIAL_LENGTH]
