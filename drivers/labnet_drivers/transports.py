"""Bytes to and from a board: pyserial for serial ports, PyVISA for everything else."""

import errno
import os
import re
import socket
import time
from contextlib import suppress
from math import ceil
from typing import Any, Protocol

import serial

from labnet.errors import BoardError, LinkLost, LinkTimeout, PortInUse, PortNotPermitted, UnknownBoard

LINE_RATE = 1_000_000  # bit/s, of a board on a serial port; on a pty or a USB port it means nothing
_SLICE_S = 0.01  # a read looks at its deadline so often
_WRITE_S = 3.0
_OPEN_S = 5.0
_MOST_BYTES = 1 << 20

_PERMISSION = (
    "copy drivers/udev/99-labnet.rules to /etc/udev/rules.d and plug the board in again, or add yourself to the group "
    "that owns the port (sudo usermod -a -G dialout $USER) and log in again"
)


class Transport(Protocol):
    """Bytes to and from a board."""

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises
        ------
        LinkLost, LinkTimeout
        """
        ...

    def read(self, timeout_s: float) -> bytes:
        """Give what has come, as soon as there is something.

        Raises
        ------
        LinkLost, LinkTimeout
        """
        ...

    def close(self) -> None:
        """Let go of the port. Never fails."""
        ...


def open_transport(address: str) -> Transport:
    """Open the port that a VISA resource name names.

    Raises
    ------
    UnknownBoard, PortInUse, PortNotPermitted
    """
    port = serial_port(address)
    return VisaTransport(address) if port is None else SerialTransport(port, address)


def serial_port(address: str) -> str | None:
    """Give the system's name for the serial port that a VISA resource name names; None for any other resource."""
    name = re.fullmatch(r"ASRL(.+?)(::INSTR)?", address, re.IGNORECASE)
    return port_of(name[1]) if name else None


def port_of(name: str) -> str:
    """Give the system's name for a serial port that VISA calls ASRL + `name`; numbers count from 1, as NI counts."""
    if not name.isdecimal():
        return name
    return f"COM{name}" if os.name == "nt" else f"/dev/ttyS{int(name) - 1}"


class SerialTransport:
    """A serial port or a pseudo-terminal, for this program alone."""

    def __init__(self, port: str, address: str) -> None:
        self._address = address
        try:
            self._port = serial.Serial(
                port, LINE_RATE, timeout=_SLICE_S, write_timeout=_WRITE_S, exclusive=None if os.name == "nt" else True
            )
        except (OSError, ValueError) as error:
            raise _refused(address, port, error) from error

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkTimeout(f"{self._address} takes no more bytes; reset the board, or pull its cable.") from error
        except (OSError, TypeError) as error:
            raise lost(self._address, error) from error

    def read(self, timeout_s: float) -> bytes:
        """Give what has come, as soon as there is something."""
        end = time.monotonic() + timeout_s
        try:
            while not (data := self._port.read(self._port.in_waiting or 1)):
                if time.monotonic() > end:
                    raise silent(self._address, timeout_s)
        except (OSError, TypeError) as error:
            raise lost(self._address, error) from error
        return data

    def close(self) -> None:
        """Let go of the port."""
        with suppress(OSError):
            self._port.close()


class VisaTransport:
    """Whatever PyVISA opens, through `library`, else what $PYVISA_LIBRARY names, else pyvisa-py."""

    def __init__(self, address: str, library: str | None = None) -> None:
        import pyvisa  # slow, and of no use to those with a serial port
        from pyvisa.constants import ResourceAttribute, StatusCode

        self._address = address
        self._timed_out = StatusCode.error_timeout
        self._error = pyvisa.errors.Error
        try:
            name = pyvisa.rname.parse_resource_name(address)
            if isinstance(name, pyvisa.rname.TCPIPSocket):
                socket.getaddrinfo(name.host_address, name.port)  # an unknown host costs pyvisa-py a socket
            manager = pyvisa.ResourceManager(library or os.environ.get("PYVISA_LIBRARY", "@py"))
            self._resource: Any = manager.open_resource(address, open_timeout=ceil(_OPEN_S * 1e3))
            if not self._resource.session:  # so pyvisa-sim says that there is no such thing
                raise ValueError("the library opens no such resource")
        except Exception as error:  # pyvisa-py raises what comes to hand, Exception itself too
            raise UnknownBoard(
                f"{address!r} cannot be opened ({error}). Names are like ASRL/dev/ttyACM0::INSTR or "
                "TCPIP::bench::5025::SOCKET; 'labnet boards' lists those that are there."
            ) from error
        self._timeout_ms = 0
        if self._resource.resource_class == "SOCKET":
            self._check_connected()
            # A read ends at a newline. Without "suppress end" pyvisa-py gives what came before a silence, else it
            # would be lost.
            self._resource.set_visa_attribute(ResourceAttribute.termchar, ord("\n"))
            self._resource.set_visa_attribute(ResourceAttribute.termchar_enabled, True)
            self._resource.set_visa_attribute(ResourceAttribute.suppress_end_enabled, False)

    def _socket(self) -> socket.socket | None:
        """Give pyvisa-py's socket: it takes a refused connection for an open one, and its end for silence."""
        session = getattr(self._resource.visalib, "sessions", {}).get(self._resource.session)
        found = getattr(session, "interface", None)
        return found if isinstance(found, socket.socket) else None

    def _check_connected(self) -> None:
        connection = self._socket()
        if connection is None:
            return
        if number := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close()
            raise UnknownBoard(
                f"{self._address!r} cannot be opened ({os.strerror(number)}). Is the board's server running, on that "
                "port ('labnet serve')?"
            )
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _has_ended(self) -> bool:
        connection = self._socket()
        if connection is None:
            return False
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._resource.visalib.write(self._resource.session, data)
        except (OSError, self._error) as error:
            raise lost(self._address, error) from error

    def read(self, timeout_s: float) -> bytes:
        """Give what has come, as soon as there is a newline or a silence."""
        timeout_ms = max(1, ceil(timeout_s * 1e3))
        try:
            if timeout_ms != self._timeout_ms:
                self._resource.timeout = self._timeout_ms = timeout_ms
            data: bytes = self._resource.visalib.read(self._resource.session, _MOST_BYTES)[0]
        except OSError as error:
            raise lost(self._address, error) from error
        except self._error as error:
            if getattr(error, "error_code", None) != self._timed_out or self._has_ended():
                raise lost(self._address, error) from error
            raise silent(self._address, timeout_s) from error
        return data

    def clear(self) -> None:
        """Have the other end forget what it has not read or said yet, where the interface can."""
        with suppress(Exception):  # raw sockets cannot
            self._resource.clear()

    def close(self) -> None:
        """Let go of the connection."""
        with suppress(Exception):
            self._resource.close()


def lost(address: str, error: object) -> LinkLost:
    """Give the error for a connection that is no more."""
    return LinkLost(f"{address} is gone ({error}). Look at its cable and its power; then board.reconnect().")


def silent(address: str, timeout_s: float) -> LinkTimeout:
    """Give the error for a board that says nothing."""
    return LinkTimeout(f"{address} said nothing for {timeout_s:.3g} s.")


def _refused(address: str, port: str, error: Exception) -> BoardError:
    """Give the error for a port that cannot be opened; on Windows only the text tells."""
    number, text = getattr(error, "errno", None), str(error)
    if number in (errno.EAGAIN, errno.EBUSY) or (os.name == "nt" and "PermissionError" in text):
        return PortInUse(f"{address}: another program uses {port}; close it first.")
    if number in (errno.EACCES, errno.EPERM):
        return PortNotPermitted(f"{address}: you may not open {port}; {_PERMISSION}.")
    return UnknownBoard(f"{address}: {port} cannot be opened ({text}); 'labnet boards' lists the ports that are there.")
