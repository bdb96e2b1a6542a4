"""Ctrl-C at the wrong moment: what must be done is done, then the interrupt comes."""

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


def finish(action: Callable[[], None]) -> None:
    """Do `action` to its end, whatever is pressed meanwhile. It may be done twice, so twice must be as good as once."""
    try:
        with _deferred():
            action()
    except KeyboardInterrupt:  # perhaps just before it was held back
        with _deferred():
            action()
        raise


class Closing(ABC):
    """What is shut by `close`, and at the end of a with block, whatever is pressed meanwhile. Twice is as good as once.

    A subclass says in `_shut` how.
    """

    @abstractmethod
    def _shut(self) -> None:
        """Make it safe and let go of it."""

    def close(self) -> None:
        """Make it safe and let go of it."""
        finish(self._shut)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finish(self._shut)


@contextmanager
def _deferred() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done. In other threads than the main one there is none to hold back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(*came[0])
