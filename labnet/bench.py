"""What some families have besides boards: boards for other programs, images for bare chips, wiring lists, instruments,
addresses to choose from.

A family has it where it has a function of that name that takes an `Address`.
"""

from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from labnet.addresses import Address, family
from labnet.board import Board
from labnet.errors import NotSupported, UnknownBoard
from labnet.meters import BenchInstrument, BoardMeter, Voltmeter


class Server(Protocol):
    """A board that other programs can use, until its context is left."""

    address: str  # VISA resource name

    def wait(self) -> object:
        """Wait until it ends by itself."""
        ...


class Image(NamedTuple):
    """The firmware of a board as its chip takes it.

    Attributes
    ----------
    path : pathlib.Path
        Intel HEX.
    memory : str
        What it takes of the chip, as a table.
    command : tuple of str
        Words of the command that writes it onto the chip; ``PORT`` stands for the serial port.
    """

    path: Path
    memory: str
    command: tuple[str, ...]


class Wire(NamedTuple):
    """What is to be joined: chips are counted from 0, `pin` and `to_pin` are functions as in the parts' datasheets."""

    net: str
    part: str
    chip: str
    pin: str
    to_part: str
    to_chip: str
    to_pin: str


def serve(
    address: str, *, port: int = 5025, bind: str = "127.0.0.1", pty: bool = False
) -> AbstractContextManager[Server]:
    """Serve a board to other programs, as an instrument on a TCP port or a pseudo-terminal.

    Parameters
    ----------
    address : str
        Of a board that is software, like ``firmware://twin16``.
    port : int
        0: any free one.
    bind : str
        Address of this machine to listen at. The default lets nobody else in; there is no password.
    pty : bool
        A pseudo-terminal instead of a TCP port.

    Returns
    -------
    context manager of Server
        It is served within the context.

    Raises
    ------
    NotSupported
        For boards that cannot be served.
    """
    parsed = Address.parse(address)
    served = family(parsed)
    if not hasattr(served, "serve"):
        raise NotSupported(
            f"{address!r} cannot be served: it is no firmware on this machine. Serve firmware://twin16, for example; a "
            "board on the bench is an instrument already."
        )
    return cast(AbstractContextManager[Server], served.serve(parsed, port=port, bind=bind, pty=pty))


def image(address: str) -> Image:
    """Build the firmware for the chip of a board, like ``firmware://twin16?target=atmega2560``.

    Raises
    ------
    NotSupported
        For boards whose family has no images (``image(address)``).
    UnknownBoard, NoCompiler, BuildFailed
    """
    parsed = Address.parse(address)
    built = family(parsed)
    if not hasattr(built, "image"):
        raise NotSupported(f"{address!r} has no firmware for a chip; use firmware://twin16?target=atmega2560.")
    return cast(Image, built.image(parsed))


def wiring(address: str) -> list[Wire]:
    """Give the wires of a board, like ``firmware://twin16``.

    Raises
    ------
    NotSupported
        For boards whose family has no wiring lists (``wiring(address)``).
    UnknownBoard
    """
    parsed = Address.parse(address)
    described = family(parsed)
    if not hasattr(described, "wiring"):
        raise NotSupported(f"{address!r} has no wiring list; use firmware://twin16.")
    return cast(list[Wire], described.wiring(parsed))


def addresses(text: str) -> list[str]:
    """Give how an address that begins with `text` may go on, for a shell; nothing is opened, and nobody asked.

    A family says so with ``addresses(address)``, of the address as far as it is typed.
    """
    try:
        parsed = Address.parse(text)
        known = family(parsed)
    except UnknownBoard:
        return []
    found = list(known.addresses(parsed)) if hasattr(known, "addresses") else []
    if parsed.scheme == "visa":  # or the beginning of another scheme
        found += [f"{entry.name}://" for entry in entry_points(group="labnet.boards") if entry.name != "visa"]
    return sorted(each for each in found if each.startswith(text))


def chip_port(port: str | None = None) -> str:
    """Give the serial port where a chip can be programmed: this one, or left out the only one that there is.

    Raises
    ------
    UnknownBoard
        For a port that is not there; left out, where there is none, or several.
    PortInUse, PortNotPermitted
    """
    return cast(str, family(Address.parse("ASRL")).chip_port(port))


def instrument(resource: str) -> BenchInstrument:
    """Open an instrument on the bench, like ``USB0::0x2A8D::0x1301::MY57226010::INSTR``.

    Returns
    -------
    BenchInstrument
        What it can be, a `Voltmeter` or a `VoltageSource` say, is asked with ``isinstance``.

    Raises
    ------
    NotSupported
        For addresses whose family has no instruments (``instrument(address)``).
    UnknownBoard
        Where nothing can be opened there.
    WrongInstrument
        For a model that no driver is for.
    LinkError, InstrumentError
    """
    parsed = Address.parse(resource)
    opened = family(parsed)
    if not hasattr(opened, "instrument"):
        raise NotSupported(
            f"{resource!r} is no instrument; give a VISA resource name, like TCPIP::192.168.0.5::INSTR. 'labnet "
            "boards' lists those that are there."
        )
    return cast(BenchInstrument, opened.instrument(parsed))


def meter(board: Board, seed: int = 0) -> BoardMeter:
    """Put a simulated meter onto a board that is simulated, below firmware or not.

    Parameters
    ----------
    board : Board
    seed : int
        Of what the meter is off by.

    Raises
    ------
    NotSupported
        For boards whose family has no simulated meters (``meter(board, seed)``).
    """
    parsed = Address.parse(board.address)
    simulating = family(parsed)
    if not hasattr(simulating, "meter"):
        raise NotSupported(f"{board.address!r} is no simulated board; measure it with an instrument on the bench.")
    return cast(BoardMeter, simulating.meter(board, seed))


def by_hand(instrument: BenchInstrument) -> BoardMeter:
    """Give a meter on the bench as one whose leads somebody puts where they are asked for, in the terminal.

    Raises
    ------
    NotSupported
        For an instrument that measures no voltage.
    """
    if not isinstance(instrument, Voltmeter):
        raise NotSupported(f"{instrument.name} is no voltmeter; a calibration takes a voltmeter, best a source meter.")
    return cast(BoardMeter, family(Address.parse("USB")).by_hand(instrument))
