"""Boards that are plugged in: asked on the serial ports where one may be, and listed elsewhere."""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from serial.tools.list_ports import comports

from labnet.addresses import FoundBoard
from labnet.errors import BoardError, PortInUse, PortNotPermitted, UnknownBoard, WrongBoard
from labnet_drivers.description import identify
from labnet_drivers.link import Link
from labnet_drivers.transports import SerialTransport, open_transport, serial_port

# An Arduino Mega 2560, two revisions, and its clones' serial chip (CH340). 99-labnet.rules has the same.
USB_IDS = frozenset({(0x2341, 0x0042), (0x2341, 0x0010), (0x1A86, 0x7523)})

ASKING_S = 3.0
STARTING_S = 2.0  # an Arduino restarts when its port is opened; its bootloader listens for a second


def found_boards() -> Iterator[FoundBoard]:
    """List boards on serial ports, and other VISA resources without opening them."""
    addresses = serial_addresses()
    with ThreadPoolExecutor(max_workers=8) as pool:
        resources = pool.submit(_resources)
        yield from pool.map(_asked, addresses)
        for resource in resources.result():
            if resource not in addresses:
                yield FoundBoard(resource, "VISA resource, not asked what it is")


def serial_addresses() -> list[str]:
    """List the serial ports where a board may be, without opening them."""
    return [_named(device) for device in _arduinos()]


def chip_port(port: str | None) -> str:
    """Give the serial port where a chip can be programmed: this one, or left out that of the one Arduino there is.

    It is opened to see whether that can be, which restarts the chip.

    Raises
    ------
    UnknownBoard, PortInUse, PortNotPermitted
    """
    if port is None:
        found = _arduinos()
        if len(found) != 1:
            there = f"{len(found)} Arduinos are plugged in, at {', '.join(found)}" if found else "no Arduino is found"
            raise UnknownBoard(f"{there}; say with --port which serial port it is, for example /dev/ttyACM0 or COM3.")
        port = found[0]
    SerialTransport(port, f"ASRL{port}::INSTR").close()
    return port


def starting_s(address: str) -> float:
    """Give how long a board at a VISA resource name may take to start when its port is opened."""
    port = serial_port(address)
    arduinos = map(os.path.realpath, _arduinos())  # /dev/serial/by-id/... is another name for one
    return STARTING_S if port is not None and os.path.realpath(port) in arduinos else 0.0


def _named(port: str) -> str:
    return f"ASRL{port}::INSTR"


def _arduinos() -> list[str]:
    return [port.device for port in comports() if (port.vid, port.pid) in USB_IDS]


def _asked(address: str) -> FoundBoard:
    """Say who answers; asking restarts an Arduino that nobody uses."""
    try:
        link = Link(lambda: open_transport(address), address, deadline_s=ASKING_S, quiet_s=STARTING_S)
        try:
            identity = identify(link)
        finally:
            link.close()
    except PortInUse:
        return FoundBoard(address, "in use by another program")
    except PortNotPermitted as error:
        return FoundBoard(address, str(error).partition(": ")[2])
    except WrongBoard as error:
        return FoundBoard(address, f"something else: {error}")
    except BoardError as error:
        return FoundBoard(address, f"no answer: {error}")
    return FoundBoard(address, f"twin board {identity.model}, serial {identity.serial}, firmware {identity.version}")


def _resources() -> list[str]:
    """Give what VISA finds; what it is missing to find more is none of the user's business."""
    import pyvisa  # slow, and needed here alone

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            manager = pyvisa.ResourceManager(os.environ.get("PYVISA_LIBRARY", "@py"))
            return [name for name in manager.list_resources("?*") if name.endswith(("INSTR", "SOCKET"))]
        except Exception:  # of whatever library it is; there is none, or it finds nothing
            return []
