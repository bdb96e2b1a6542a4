"""Transcripts as boards: ``replay://FILE``; the entry point "replay" of the group ``labnet.boards``."""

from collections.abc import Iterator
from pathlib import Path
from threading import RLock

from labnet import errors
from labnet.addresses import Address, FoundBoard
from labnet.errors import BoardError, DeviceError, TranscriptMismatch, UnknownBoard
from labnet_drivers.link import DEADLINE_S
from labnet_drivers.transcript import Exchange, Transcript
from labnet_drivers.twin_board import TwinBoard


class ReplayLink:
    """Answers as a board did, to the same messages in the same order.

    Parameters
    ----------
    path : Path
        What `TwinBoard.record` wrote.

    Raises
    ------
    UnknownBoard
        For a file that is none.
    """

    def __init__(self, path: Path) -> None:
        self.address = f"replay://{path}"
        self.lock = RLock()
        self.transcript = Transcript()
        self.boot = 0
        self.longest = 1 << 20
        self.watchdog_s = 0.0
        self._path = path
        self._at = 0
        try:
            lines = path.read_text(encoding="ascii").splitlines()
            self._exchanges = [Exchange.from_json(line) for line in lines]
        except OSError as error:
            raise UnknownBoard(f"{path} cannot be read ({error.strerror}); board.record writes transcripts.") from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UnknownBoard(f"{path} is no transcript of a board ({error}); board.record writes them.") from None

    def exchange(self, request: str | bytes, deadline_s: float = DEADLINE_S) -> bytes:
        """Give what was answered to this message then.

        Raises
        ------
        TranscriptMismatch
            For another message than the recorded one.
        DeviceError, LinkError
            Where there was one.
        """
        message = request.encode("latin-1") if isinstance(request, str) else request
        with self.lock:
            if self._at == len(self._exchanges):
                raise TranscriptMismatch(f"{self._path} ends after {self._at} messages; {message!r} is one more.")
            then = self._exchanges[self._at]
            if then.request != message:
                raise TranscriptMismatch(
                    f"{self._path}, line {self._at + 1}: expected {then.request!r}, given {message!r}. A transcript "
                    "answers the same messages in the same order."
                )
            self._at += 1
            self.transcript.add(then)
            if then.failure is not None:
                kind = getattr(errors, then.failure[0], BoardError)
                raise kind(then.failure[1])
            if then.errors:
                text = then.answer.decode("latin-1")
                raise DeviceError(then.errors, message.decode("latin-1"), self.transcript.tail(), text)
            return then.answer

    def resync(self) -> None:
        """Do nothing: a transcript is always in step."""

    def reopen(self, deadline_s: float) -> None:
        """Do nothing: a transcript is never lost."""

    def close(self) -> None:
        """Do nothing."""


def open_board(address: Address) -> TwinBoard:
    """Open ``replay://FILE`` as a board."""
    return TwinBoard(ReplayLink(Path(address.name)))


def find_boards() -> Iterator[FoundBoard]:
    """List none: transcripts may be anywhere."""
    return iter(())
