"""Looking again and again, as often as it is worth it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from labnet.live.view import View

if TYPE_CHECKING:
    from bokeh.document import Document

_PERIOD_MS = 450
_SLOWEST_S = 2.0  # between looks at a run that does not change
_SHARE = 0.5  # of the time that looking may take


class Poll:
    """Calls `look` about twice a second: more seldom where that takes long or nothing changes, not while hidden.

    Parameters
    ----------
    look : callable
        Tells whether something changed.
    """

    def __init__(self, document: "Document", view: View, look: Callable[[], bool]) -> None:
        self._document, self._view, self._look = document, view, look
        self._next, self._pause = 0.0, 0.0
        self._pending = False
        document.add_periodic_callback(self._tick, _PERIOD_MS)

    def _tick(self) -> None:
        begun = time.monotonic()
        if not self._view.visible or begun < self._next:
            return
        changed = self._look()
        took = time.monotonic() - begun
        self._pause = 0.0 if changed else min(self._pause + 0.25, _SLOWEST_S)
        self._next = begun + max(self._pause, took / _SHARE)

    def soon(self, draw: Callable[[], None]) -> None:
        """Draw once for all that comes in together, such as the moves of a slider."""
        if not self._pending:
            self._pending = True
            self._document.add_next_tick_callback(lambda: self._drawn(draw))

    def _drawn(self, draw: Callable[[], None]) -> None:
        self._pending = False
        draw()
