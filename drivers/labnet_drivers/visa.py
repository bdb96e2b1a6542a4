"""Boards at VISA resource names; the entry point "visa" of the group ``labnet.boards``."""

from collections.abc import Iterator

from labnet.addresses import Address, FoundBoard
from labnet.errors import UnknownBoard
from labnet.meters import Ammeter, BenchInstrument, BoardMeter, Voltmeter
from labnet_drivers.discovery import chip_port, found_boards, serial_addresses, starting_s
from labnet_drivers.link import Link
from labnet_drivers.transports import open_transport
from labnet_drivers.twin_board import TwinBoard

__all__ = ["addresses", "chip_port", "find_boards", "instrument", "open_board"]


def open_board(address: Address) -> TwinBoard:
    """Open the twin board at a VISA resource name, like ``ASRL/dev/ttyACM0::INSTR`` or ``TCPIP::bench::5025::SOCKET``.

    Raises
    ------
    UnknownBoard, PortInUse, PortNotPermitted, WrongBoard, LinkError
    """
    try:
        link = Link(lambda: open_transport(address.text), address.text, quiet_s=starting_s(address.text))
        return TwinBoard(link)
    except UnknownBoard as error:
        if "::" in address.text:
            raise
        meant = f"ASRL{address.text}::INSTR" if address.text.startswith(("/dev/", "COM")) else f"sim://{address.text}"
        raise UnknownBoard(f"{error} Or did you mean {meant}?") from None


def find_boards() -> Iterator[FoundBoard]:
    """List boards on serial ports, and other VISA resources without opening them."""
    return found_boards()


def addresses(address: Address) -> list[str]:
    """List the serial ports; nothing is opened."""
    return serial_addresses()


def instrument(address: Address) -> BenchInstrument:
    """Open the instrument at a VISA resource name; see `labnet_drivers.bench.open_instrument`."""
    from labnet_drivers.bench.opening import open_instrument  # of no use to those who open a board

    return open_instrument(address.text)


def by_hand(instrument: Voltmeter) -> BoardMeter:
    """Give a meter as one whose leads somebody moves; see `labnet_drivers.bench.HandMeter`."""
    from labnet_drivers.bench import HandMeter

    return HandMeter(instrument, instrument if isinstance(instrument, Ammeter) else None)
