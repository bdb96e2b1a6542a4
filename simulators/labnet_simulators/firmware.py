"""The board's own firmware on a simulated board: what ``firmware://`` addresses mean.

The firmware runs as a process, and answers on a pty or a TCP port as the board on the bench does; below it is a
`Plant`. The entry point "firmware" of the group ``labnet.boards``.
"""

import hashlib
import logging
import select
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import IO, Any, Literal, Self

from pydantic import Field

from labnet import networks
from labnet.board import Address, Board, FoundBoard
from labnet.board import open_board as open_any
from labnet.errors import BoardError, PlanError, UnknownBoard
from labnet_simulators.addresses import Options
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.building import boards, build
from labnet_simulators.plant import Plant

_log = logging.getLogger(__name__)

_START_S = 30.0  # of real time, until the firmware listens
_SERIAL_LENGTH = 23


class FirmwareOptions(Options):
    """The options of a ``firmware://`` address: those of ``sim://``, and what is left out is as there.

    Parameters
    ----------
    target : {"native"}
        What the firmware runs on.
    line : {"pty", "tcp"}
        What it answers on.
    nv : str, optional
        File of its non-volatile store; left out, what it holds is lost at the end.
    """

    target: Literal["native"] = Field(
        "native", description="'native', a process on this PC; 'atmega2560', an emulated chip, comes later"
    )
    line: Literal["pty", "tcp"] = "pty"
    nv: str | None = None
    converters: Literal["board"] = Field("board", description="'board', codes are all that firmware knows")


class Instrument:
    """A simulated board with its firmware, running until it is stopped, or with `once` until its host hangs up.

    Parameters
    ----------
    board : SimulatedBoard
        What is below the firmware; nobody else may use it meanwhile.
    program : path
        The firmware, as `build` gives it.
    line : list of str
        What it listens on: ``--pty``, or ``--tcp PORT`` and ``--bind ADDRESS``.
    once : bool
    nv : path, optional
        File of the non-volatile store.

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
        program: Path,
        line: list[str],
        *,
        once: bool = False,
        nv: str | None = None,
    ) -> None:
        self.address = ""
        self._said = ""
        self._known = Event()  # whether it has started
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undone:
            undone.callback(ours.close)
            said = undone.enter_context(tempfile.TemporaryFile())
            self.plant = Plant(board, ours)
            words = [str(program), "--plant-fd", str(theirs.fileno()), *line, "--serial", _serial(board)]
            words += ["--once"] if once else []
            words += [] if nv is None else ["--nv", nv]
            try:
                self._process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, pass_fds=[theirs.fileno()]
                )
            except OSError as error:
                raise BoardError(
                    f"{program} cannot be run: {error.strerror}; set LABNET_CACHE to a directory whose programs can."
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


def _serial(board: SimulatedBoard) -> str:
    """Give the board's serial number, or what fits of its hash."""
    serial = board.info.serial
    return serial if len(serial) <= _SERIAL_LENGTH else hashlib.sha256(serial.encode()).hexdigest()[:_SERIAL_LENGTH]


def _known(address: Address) -> tuple[FirmwareOptions, SimulatedBoard]:
    """Give what an address means: options, and the board below the firmware."""
    try:
        options = FirmwareOptions(**address.options)
        if address.name not in boards():
            raise UnknownBoard(f"there is no firmware for {address.name!r}; allowed: {', '.join(boards())}.")
    except (PlanError, UnknownBoard) as error:
        raise UnknownBoard(f"{address.text!r}: {error}") from None
    network = networks.named(address.name)
    return options, SimulatedBoard(network, options.parts(), options.seed, address.text)


def open_board(address: Address) -> Board:
    """Open ``firmware://NAME?option=value``: names as in `building.boards`, options as in `FirmwareOptions`.

    The firmware ends when the board is closed.
    """
    options, simulated = _known(address)
    line = ["--pty"] if options.line == "pty" else ["--tcp", "0"]
    instrument = Instrument(simulated, build(address.name), line, once=True, nv=options.nv)
    try:
        board = open_any(instrument.address)
    except BaseException:
        instrument.stop()
        raise
    board.address = address.text
    parts: dict[str, Any] = {**board.info.parts, "plant": asdict(simulated.parts)}
    board.info = replace(board.info, parts=parts)
    return board


def find_boards() -> Iterator[FoundBoard]:
    """List the boards that there is firmware for."""
    for name in boards():
        for preset in ("ideal", "lab"):
            text = f"the board's firmware, compiled for this PC, on a simulated board of preset {preset}"
            yield FoundBoard(f"firmware://{name}?preset={preset}", text)


def serve(address: Address, *, port: int | None = None, bind: str = "127.0.0.1", pty: bool = False) -> Instrument:
    """Start an instrument that hosts may come to and go from, on a TCP port (a free one by default) or a pty."""
    options, simulated = _known(address)
    line = ["--pty"] if pty else ["--tcp", str(port or 0), "--bind", bind]
    return Instrument(simulated, build(address.name), line, nv=options.nv)
