"""Lines to and from one instrument, over VISA."""

import logging
import threading
import time

from labnet.errors import BoardClosed, LabnetError, LinkDesynchronised, LinkLost, LinkTimeout
from labnet_drivers.transports import VisaTransport

_log = logging.getLogger(__name__)


class Session:
    """One instrument's lines: a question and its answer are one exchange, also where threads share it.

    An answer that did not come in time may come later, and would be taken for the next one's. So nothing more is asked
    after a timeout, and after Ctrl-C in the middle of an exchange; lines without an answer still go out.

    Parameters
    ----------
    resource : str
        VISA resource name.
    library : str, optional
        VISA library as PyVISA names it, ``instruments.yaml@sim`` for one; else $PYVISA_LIBRARY, else pyvisa-py.
    timeout_s : float
        How long an answer may take.

    Raises
    ------
    UnknownBoard
        Where nothing can be opened.
    """

    def __init__(self, resource: str, library: str | None = None, timeout_s: float = 5.0) -> None:
        self.resource = resource
        self.timeout_s = timeout_s
        self._lock = threading.RLock()
        self._transport = VisaTransport(resource, library)
        self._transport.clear()  # an answer that the last program did not fetch
        self._open = True
        self._in_step = True

    def send(self, line: str) -> None:
        """Send a line that has no answer.

        Raises
        ------
        BoardClosed, LinkLost
        """
        with self._lock:
            if not self._open:
                raise BoardClosed(f"{self.resource} is closed; open it again with open_instrument.")
            try:
                self._transport.write(line.encode("ascii") + b"\n")
            except LinkLost as error:
                raise self._gone(error) from error

    def ask(self, line: str) -> str:
        """Send a question and give its answer.

        Raises
        ------
        BoardClosed, LinkLost, LinkTimeout
        LinkDesynchronised
            After an exchange that was not brought to its end, and for more than one line.
        """
        with self._lock:
            if not self._in_step:
                raise LinkDesynchronised(
                    f"{self.resource} still owes an answer, which would be taken for another's; close it and open it "
                    "again."
                )
            self._in_step = False  # until the answer is here, whatever happens
            self.send(line)
            answer = self._line(line)
            self._in_step = True
            return answer

    def _line(self, question: str) -> str:
        end = time.monotonic() + self.timeout_s
        line = b""
        while not line.endswith(b"\n"):
            try:
                left_s = end - time.monotonic()
                if left_s <= 0:
                    raise LinkTimeout
                line += self._transport.read(left_s)
            except LinkTimeout:
                raise LinkTimeout(
                    f"{self.resource} did not answer {question!r} in {self.timeout_s:g} s. Is it switched on, and in "
                    "remote operation? Close it and open it again."
                ) from None
            except LinkLost as error:
                raise self._gone(error) from error
        if line.count(b"\n") > 1:
            raise LinkDesynchronised(f"{self.resource} answered {question!r} with several lines: {line!r}.")
        return line.decode("latin-1").strip()

    def _gone(self, error: LinkLost) -> LinkLost:
        return LinkLost(f"{self.resource} is gone ({error.__cause__}). Look at its cable and its power; open it again.")

    def try_to_send(self, line: str, purpose: str) -> None:
        """Send a line that matters for safety; where that fails it is logged, and nothing raised."""
        try:
            self.send(line)
        except BoardClosed:
            pass  # it was sent when it was closed
        except LabnetError as error:
            _log.warning("%s could not be told to %s (%s); see to it by hand.", self.resource, purpose, error)

    def close(self) -> None:
        """Let go of it. Never fails."""
        with self._lock:
            self._open = False
            self._transport.close()
