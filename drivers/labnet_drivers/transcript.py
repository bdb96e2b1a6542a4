"""What was said: a bounded memory for error messages, and JSON lines that can be replayed."""

import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from labnet.errors import RunExists, RunNotWritable

_KEPT = 64  # exchanges, and this many are told in error messages:
_TOLD = 4
_LONGEST = 70  # characters of a message or answer, where it is told

Errors = tuple[tuple[int, str], ...]


class Exchange(NamedTuple):
    """A message, what came back, and how long it took.

    Attributes
    ----------
    request, answer : bytes
        Without the question for errors, its answer, frames and newlines.
    errors : tuple of (int, str)
        What the board's error queue held.
    failure : tuple of (str, str) or None
        Name and text of the error of the link that there was instead of an answer.
    seconds : float
    """

    request: bytes
    answer: bytes
    errors: Errors
    failure: tuple[str, str] | None
    seconds: float

    def to_json(self) -> str:
        """Give it as a line; bytes stand as the characters of the same numbers."""
        data: dict[str, Any] = {
            "request": self.request.decode("latin-1"),
            "answer": self.answer.decode("latin-1"),
            "seconds": round(self.seconds, 6),
        }
        if self.errors:
            data["errors"] = self.errors
        if self.failure:
            data["failure"] = self.failure
        return json.dumps(data)

    @classmethod
    def from_json(cls, line: str) -> "Exchange":
        """Read what `to_json` wrote; ValueError, KeyError or TypeError for anything else."""
        data = json.loads(line)
        request, answer = (data[key].encode("latin-1") for key in ("request", "answer"))
        errors = tuple((int(code), str(text)) for code, text in data.get("errors", ()))
        failure = data.get("failure")
        return cls(request, answer, errors, failure and (failure[0], failure[1]), float(data["seconds"]))


class Transcript:
    """What was said on a link since it was opened, first and last; files may follow it."""

    def __init__(self) -> None:
        self._opening: list[Exchange] = []
        self._is_open = False
        self._last: deque[Exchange] = deque(maxlen=_KEPT)
        self._files: list[TextIO] = []

    def add(self, exchange: Exchange) -> None:
        """Note an exchange."""
        self._last.append(exchange)
        if not self._is_open:
            self._opening.append(exchange)
        for file in self._files:
            file.write(exchange.to_json() + "\n")

    def opened(self) -> None:
        """Say that the board is open: what comes now is no part of that."""
        self._is_open = True

    def last(self) -> list[Exchange]:
        """Give the last exchanges."""
        return list(self._last)

    def tail(self) -> str:
        """Tell the last exchanges, for an error message."""
        lines = [f"\n  {1e3 * e.seconds:9.2f} ms  {_short(e.request)}  ->  {_said(e)}" for e in self.last()[-_TOLD:]]
        return "\nThe last exchanges:" + "".join(lines) if lines else ""

    @contextmanager
    def record(self, path: str | os.PathLike[str]) -> Iterator[None]:
        """Write what was said while the board was opened, and what is said from now on; see `TwinBoard.record`."""
        path = Path(path)
        try:
            file = path.open("x", encoding="ascii", newline="\n", buffering=1)  # line by line
        except FileExistsError:
            raise RunExists(f"{path} exists, and a transcript is never overwritten; choose another path.") from None
        except OSError as error:
            raise RunNotWritable(f"{path} cannot be written ({error.strerror}); choose another path.") from None
        with file:
            file.writelines(exchange.to_json() + "\n" for exchange in self._opening)
            self._files.append(file)
            try:
                yield
            finally:
                self._files.remove(file)


def _short(text: bytes) -> str:
    shown = repr(text)[2:-1]
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."


def _said(exchange: Exchange) -> str:
    if exchange.failure:
        return exchange.failure[0]
    errors = "".join(f" {code}" for code, _ in exchange.errors)
    return f"{_short(exchange.answer) or 'nothing'}" + (f", errors{errors}" if errors else "")
