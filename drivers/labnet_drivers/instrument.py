"""A board as an instrument: messages, the link, identity and calibration."""

import os
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from labnet.errors import BoardClosed, BoardRestarted, OutOfRange
from labnet_drivers.commands import asked, integer, set_form, string
from labnet_drivers.description import describe, identify
from labnet_drivers.link import DEADLINE_S, Exchanges

_TEST = asked("*TST")
_CONSTANT = set_form("CALibration:CONStant")
_SAVE = set_form("CALibration:SAVE").short


class Instrument:
    """Whatever speaks as our firmware does.

    Parameters
    ----------
    link : Exchanges
        An open link, or a transcript of one.
    """

    boot = integer("SYSTem:BOOT")
    serial_number = string("SYSTem:SERial")
    operation = integer("STATus:OPERation:CONDition")
    questionable = integer("STATus:QUEStionable:CONDition")
    calibration_count = integer("CALibration:COUNt")
    calibration_date = string("CALibration:DATE")

    def __init__(self, link: Exchanges) -> None:
        self.link = link
        self.address = link.address
        self._open = True
        self._identity = identify(link)
        self._described = describe(link, self._identity)
        self.limits: Mapping[str, int] = self._described.limits

    # Messages -----------------------------------------------------------------------------------------------------

    def scpi(self, message: str) -> str:
        """Send a message in the board's own language; give what its queries answer, joined by semicolons.

        Raises
        ------
        DeviceError
            With what the board's error queue holds after it.
        LinkError
        OutOfRange
            For several lines, or characters that are not ASCII; nothing was sent.
        """
        if not message.isascii():
            raise OutOfRange(f"{message!r} has characters that are not ASCII; a board knows no others.")
        if "\n" in message:
            raise OutOfRange(f"{message!r} has several lines; allowed: one, with its commands joined by semicolons.")
        return self.exchange(message).decode("latin-1")

    def exchange(self, request: str | bytes, deadline_s: float = DEADLINE_S) -> bytes:
        """As `scpi`, for bytes, and for what takes its time."""
        self._check_open()
        return self.link.exchange(request, deadline_s)

    @property
    def longest(self) -> int:
        """How many bytes a message may have."""
        return self.link.longest

    def _check_open(self) -> None:
        if not self._open:
            raise BoardClosed(f"{self.address} is closed; open it again with labnet.open_board.")

    def record(self, path: str | os.PathLike[str]) -> AbstractContextManager[None]:
        """Give a context in which all that is said to the board is written to a file, with what opening it took.

        ``labnet.open_board("replay://FILE")`` opens such a file as a board that takes the same messages in the same
        order.

        Raises
        ------
        RunExists, RunNotWritable
            On entering it.
        """
        return self.link.transcript.record(path)

    def reconnect(self, timeout_s: float = 30.0) -> None:
        """Open the port again after its cable or power was out, as soon as it is there again.

        Warns
        -----
        BoardRestarted
            Where the board has restarted meanwhile; it is at its power-up state then.

        Raises
        ------
        LinkLost
            Where it does not come back in time.
        WrongBoard
            Where another one does.
        """
        self._check_open()
        if self.reopen(timeout_s):
            warnings.warn(
                f"{self.address} restarted: its sources are at 0 V, its wipers at their position at power-up, and all "
                "settings are gone.",
                BoardRestarted,
                stacklevel=2,
            )

    def reopen(self, timeout_s: float) -> bool:
        """Do what `reconnect` does; give whether the board has restarted."""
        with self.link.lock:
            boot, watchdog_s = self.link.boot, self.link.watchdog_s
            self.link.watchdog_s = 0.0  # whether it made itself safe meanwhile is asked by the next verb
            try:
                self.link.reopen(timeout_s)
                identify(self.link, self._identity)
            finally:
                self.link.watchdog_s = watchdog_s
            return self.link.boot != boot

    # Test and calibration -----------------------------------------------------------------------------------------

    def self_test(self) -> int:
        """Give 0 where all is well, else the bits of `questionable` (see docs/scpi.md)."""
        return int(self.scpi(_TEST))

    def calibration_constants(self) -> NDArray[np.float64]:
        """Give all calibration constants."""
        return np.array([float(self.scpi(f"{_CONSTANT.short}? {k}")) for k in range(self.calibration_count)])

    def set_calibration_constant(self, index: int, value: float) -> None:
        """Set a calibration constant; it is in use at once, and kept with `save_calibration`."""
        self.scpi(_CONSTANT.message(self.limits, index, value))

    def save_calibration(self) -> None:
        """Keep constants and date without power."""
        self.exchange(_SAVE)
