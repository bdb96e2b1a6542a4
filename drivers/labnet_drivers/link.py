"""The link to a board: a message, its answer and the check for errors are one transaction."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Protocol

from labnet.errors import (
    DeviceError,
    LinkDesynchronised,
    LinkError,
    LinkLost,
    LinkTimeout,
    OutOfRange,
    PortInUse,
    StateLost,
    UnknownBoard,
    WrongBoard,
)
from labnet_drivers.framing import ERRORS, FRAME, Answer, framed, scan, unframed, with_errors
from labnet_drivers.transcript import Exchange, Transcript
from labnet_drivers.transports import Transport

_log = logging.getLogger(__name__)

DEADLINE_S = 3.0
OPENING_S = 3.5  # an Arduino restarts when its port is opened, and takes two seconds
_PATIENCE_S, _MOST_PATIENCE_S = 0.25, 5.0
_LINE = 4096  # bytes of the longest line, until the board has said
HOST_LOST = 2048  # of STATus:QUEStionable
_MOST_NUMBERS = 60_000  # of messages until the link gets in step anew; they have 16 bits
_AROUND = len(ERRORS) + FRAME + 1  # bytes of a line around a message: the question for errors, a frame and the newline


class Exchanges(Protocol):
    """What a board is driven through: a link, or a transcript of one."""

    address: str
    lock: "RLock"
    transcript: Transcript
    boot: int
    watchdog_s: float

    @property
    def longest(self) -> int:
        """How many bytes a message may have."""
        ...

    def exchange(self, request: str | bytes, deadline_s: float = DEADLINE_S) -> bytes:
        """Send a message, give what its queries answer, joined by semicolons."""
        ...

    def resync(self) -> None:
        """Make sure that the next answer belongs to the next message."""
        ...

    def reopen(self, deadline_s: float) -> None:
        """Open the port again."""
        ...

    def close(self) -> None:
        """Let go of the port. Never fails."""
        ...


class Link:
    """A board's port, kept in step.

    With the link check (docs/scpi.md) each message has a number and a CRC: it is sent again when no whole answer
    comes, and the board answers a repeat without executing it twice; one that has restarted answers nothing until the
    link gets in step again, which notices. Without the check, an answer that does not come in time is thrown away
    before the next message is sent, and a restart between two messages is not noticed. Either way a late answer is
    never taken for the next one's, and threads that share a link never see each other's.

    Parameters
    ----------
    open_port : callable
        Opens the transport; called again by `reopen`.
    address : str
        For error messages.
    check : bool
        Whether to turn the link check on.
    patience_s : float
        A message is sent again after so long without a byte; twice as long each time.
    deadline_s : float
        For opening.
    quiet_s : float
        Nothing is said for so long after the port was opened: whatever an Arduino's bootloader hears keeps it from
        starting the firmware.

    Attributes
    ----------
    boot : int
        How often the board had started when the link last got in step.
    watchdog_s : float
        After such a silence the board may have made itself safe; 0: never.

    Raises
    ------
    UnknownBoard, PortInUse, PortNotPermitted, WrongBoard, LinkError
    """

    def __init__(
        self,
        open_port: Callable[[], Transport],
        address: str,
        check: bool = True,
        patience_s: float = _PATIENCE_S,
        deadline_s: float = OPENING_S,
        quiet_s: float = 0.0,
    ) -> None:
        self.address = address
        self.check = check
        self.lock = RLock()
        self.transcript = Transcript()
        self.boot = 0
        self._line = _LINE
        self.watchdog_s = 0.0
        self._open_port = open_port
        self._patience_s = patience_s
        self._quiet_s = quiet_s
        self._in_step = False
        self._sequence = 0
        self._spoke = 0.0  # when
        self._was_away = False
        self._port = open_port()
        try:
            self._meet(deadline_s)
            self._line = int(self._answer(b"SYST:LINK:LENG?", deadline_s).split(b",")[0])
        except BaseException:
            self._port.close()
            raise

    # Messages -----------------------------------------------------------------------------------------------------

    def exchange(self, request: str | bytes, deadline_s: float = DEADLINE_S) -> bytes:
        """Send a message; give what its queries answer, joined by semicolons.

        Raises
        ------
        DeviceError
            With all that the board's error queue holds after it.
        LinkTimeout, LinkLost, LinkDesynchronised
            Whether the board has done it is not known. The next exchange brings the link back in step first.
        StateLost
            When the board turns out to have restarted, or to have made itself safe meanwhile; nothing was sent.
        """
        message = request.encode("latin-1") if isinstance(request, str) else request
        with self.lock:
            self._check_length(message)
            begun = time.perf_counter()
            answer, failure = Answer(b"", ()), None
            try:
                # A board that restarts waits for number 1: it is never sent as one of many.
                if not self._in_step or self._sequence >= _MOST_NUMBERS:
                    self.resync()
                self._check_watchdog()
                answer = self._with_all_errors(message, deadline_s)
            except BaseException as error:  # Ctrl-C too
                failure = (type(error).__name__, str(error) or "The message was broken off.")
                raise
            finally:
                seconds = time.perf_counter() - begun
                self.transcript.add(Exchange(message, *answer, failure, seconds))
            if answer.errors:
                text = answer.text.decode("latin-1")
                raise DeviceError(answer.errors, _shown(message), self.transcript.tail(), text)
            return answer.text

    def _with_all_errors(self, message: bytes, deadline_s: float) -> Answer:
        """Send one message and hear its answer; errors that have no room in it are asked for until there are none."""
        answer = with_errors(self._answer(message + ERRORS, deadline_s))
        errors = more = answer.errors
        while more:
            more = with_errors(self._answer(ERRORS[2:], DEADLINE_S)).errors
            errors += more
        return Answer(answer.text, errors)

    @property
    def longest(self) -> int:
        """How many bytes a message may have."""
        return self._line - _AROUND

    def _check_length(self, message: bytes) -> None:
        if len(message) > self.longest:
            raise OutOfRange(
                f"{_shown(message)} has {len(message)} bytes; allowed: {self.longest} on this board "
                "(SYSTem:LINK:LENGth?). Split it."
            )

    def _check_watchdog(self) -> None:
        """Ask a board that may have made itself safe whether it has; arms its watchdog again."""
        silent = self._was_away or time.monotonic() - self._spoke > self.watchdog_s / 2
        if not self.watchdog_s or not silent:
            return
        self._was_away = False
        asked = b"STAT:QUES:COND?;:SYST:WATC %.6f" % self.watchdog_s
        if int(self._answer(asked, DEADLINE_S)) & HOST_LOST:
            raise StateLost(
                f"{self.address} had not heard from us for {self.watchdog_s:g} s and made itself safe: its sources and "
                "bias are at 0 V. Set them again; board.watchdog_s says how long it waits, 0 for ever."
            )

    def _answer(self, message: bytes, deadline_s: float) -> bytes:
        """Send one message and hear its answer; what goes wrong meanwhile, Ctrl-C too, leaves the link out of step."""
        self._in_step = False
        end = time.monotonic() + deadline_s
        if self.check:
            # What takes long is not asked for again while it may still go on.
            answer = self._checked(message, end, self._patience_s + max(0.0, deadline_s - DEADLINE_S))
        else:
            answer = self._plain(message, end)
        self._in_step = True
        self._spoke = time.monotonic()
        return answer

    def _plain(self, message: bytes, end: float) -> bytes:
        self._port.write(message + b"\n")
        heard = bytearray()
        while (newline := scan(heard)[1]) is None:
            left = self._left(message, end)
            with suppress(LinkTimeout):
                heard += self._port.read(left)
        if len(heard) > newline + 1:
            raise LinkDesynchronised(
                f"{self.address} said more than it was asked: {bytes(heard[newline + 1 :])!r} after its answer to "
                f"{_shown(message)}. Does another program talk to it?"
            )
        return bytes(heard[:newline])

    def _checked(self, message: bytes, end: float, patience_s: float) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        line = framed(self._sequence, message)
        self._port.write(line)
        heard = bytearray()
        while (answer := unframed(heard, self._sequence)) is None:
            left = self._left(message, end)
            try:
                heard += self._port.read(min(patience_s, left))
            except LinkTimeout:
                # What was damaged may look like the beginning of a block to the board: newlines end it.
                self._left(message, end)
                _log.debug("%s did not answer %s within %g s: sent again", self.address, _shown(message), patience_s)
                self._port.write(b"\n" * self._line + line)
                patience_s = min(2 * patience_s, _MOST_PATIENCE_S)
        return answer

    def _left(self, message: bytes, end: float) -> float:
        left = end - time.monotonic()
        if left <= 0:
            raise LinkTimeout(
                f"{self.address} did not answer {_shown(message)} in time; look at its power and its cable."
                + self.transcript.tail()
            )
        return left

    # Getting in step ----------------------------------------------------------------------------------------------

    def resync(self) -> None:
        """Throw away what may still come, and make sure that the next answer belongs to the next message.

        Raises
        ------
        LinkDesynchronised, LinkLost
            Where that fails.
        StateLost
            When the board turns out to have restarted; the link is in step.
        """
        with self.lock:
            before = self.boot
            self._synchronise(DEADLINE_S)
            _log.info("the link with %s is in step again", self.address)
            if self.boot != before:
                raise StateLost(
                    f"{self.address} restarted: its sources are at 0 V, its wipers at their position at power-up, and "
                    "all settings are gone. Set what you need, or resume the run."
                )

    def _synchronise(self, deadline_s: float) -> None:
        end = time.monotonic() + deadline_s
        self._in_step = False
        self._find_nonce(end)
        if self.check:
            self._turn_check_on(end)
        # With errors that noise has left, which are nobody's.
        left = max(end - time.monotonic(), self._patience_s)
        self.boot = int(self._with_all_errors(b"SYST:BOOT?", left).text)

    def _find_nonce(self, end: float) -> None:
        """Turn the check off, forget errors, and hear everything up to the answer that can only be to this question."""
        flush, heard = b"\n", b""
        while (left := end - time.monotonic()) > 0:
            nonce = b"%d" % random.randrange(1 << 31)
            self._port.write(flush + b"SYST:LINK:CHEC OFF\nSYST:ERR:ALL?;:SYST:SYNC? " + nonce + b"\n")
            answer = b""
            try:
                while not answer.endswith(b";" + nonce + b"\n"):
                    answer += self._port.read(min(self._patience_s, left))
                    self._left(b"SYST:SYNC?", end)
                return
            except LinkTimeout:
                heard += answer
                flush = b"\n" * self._line  # the board may wait for the end of a block
        if not heard:
            raise LinkTimeout(
                f"{self.address} says nothing; look at its power, its cable, and whether it has our firmware."
            )
        raise LinkDesynchronised(f"{self.address} does not answer what it is asked; it said {heard[-100:]!r}.")

    def _turn_check_on(self, end: float) -> None:
        self._sequence = 1
        line = b"SYST:LINK:CHEC ON\n" + framed(1, b"SYST:LINK:CHEC?")
        heard = bytearray()
        self._port.write(line)
        while unframed(heard, 1) != b"1":
            try:
                heard += self._port.read(min(self._patience_s, self._left(b"SYST:LINK:CHEC ON", end)))
            except LinkTimeout:
                heard.clear()
                self._left(b"SYST:LINK:CHEC ON", end)
                self._port.write(b"\n" + line)

    # Opening and closing ------------------------------------------------------------------------------------------

    def _meet(self, deadline_s: float) -> None:
        """Get in step for the first time, or find out who is there instead."""
        try:
            self._listen()
            self._synchronise(deadline_s)
        except LinkLost as error:
            raise PortInUse(f"{self.address} hung up at once; does another program talk to it? ({error})") from error
        except LinkDesynchronised as error:
            said = self._introduction()
            raise WrongBoard(
                f"{self.address} is no board of labnet: to *IDN? it said {said!r}. 'labnet boards' lists those that "
                "are."
            ) from error

    def _listen(self) -> None:
        """Let a board start that may just have been restarted."""
        end = time.monotonic() + self._quiet_s
        while (left := end - time.monotonic()) > 0:
            with suppress(LinkTimeout):
                self._port.read(left)

    def _introduction(self) -> str:
        """Hear what somebody unknown says to *IDN?."""
        heard = b""
        end = time.monotonic() + self._patience_s
        with suppress(LinkError):
            self._port.write(b"\n*IDN?\n")
            while time.monotonic() < end:
                heard += self._port.read(self._patience_s)
        return heard[-100:].decode("latin-1").strip()

    def reopen(self, deadline_s: float) -> None:
        """Open the port again, as soon as it is there again, and get in step.

        Raises
        ------
        LinkLost
            Where the port does not come back in time.
        """
        with self.lock:
            self._port.close()
            self._in_step = False
            end = time.monotonic() + deadline_s
            while True:
                try:
                    self._port = self._open_port()
                    self._listen()
                    self._synchronise(OPENING_S)
                except (LinkError, UnknownBoard) as error:
                    self._port.close()
                    last = error
                else:
                    self._was_away = True
                    _log.info("the link with %s is open again", self.address)
                    return
                if time.monotonic() > end:
                    raise LinkLost(f"{self.address} did not come back within {deadline_s:g} s ({last}).") from last
                time.sleep(_PATIENCE_S)

    def close(self) -> None:
        """Leave the board as it was found, without the check, and let go of the port."""
        with self.lock:
            with suppress(LinkError):
                if self.check and self._in_step:
                    self._answer(b"SYST:LINK:CHEC OFF", self._patience_s)
                elif self.check:
                    self._port.write(b"\nSYST:LINK:CHEC OFF\n")
            self._port.close()


def _shown(message: bytes) -> str:
    text = message.removesuffix(ERRORS).decode("latin-1")
    return repr(text if len(text) <= 100 else f"{text[:97]}...")[1:-1]
