"""Addresses of boards: what opens them, and which there are."""

import logging
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import parse_qsl

from labnet.board import VERBS, Board
from labnet.errors import NotSupported, UnknownBoard

_log = logging.getLogger(__name__)


class Address(NamedTuple):
    """A board's address, ``scheme://name?option=value``; anything else is a VISA resource name."""

    scheme: str
    name: str
    options: dict[str, str]
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take an address apart; a VISA resource name gets the scheme "visa"."""
        scheme, colon, rest = text.partition("://")
        if not colon:
            return cls("visa", text, {}, text)
        name, _, query = rest.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if len(dict(pairs)) < len(pairs):
            raise UnknownBoard(f"{text!r} gives an option twice; give each once.")
        return cls(scheme, name, dict(pairs), text)


class FoundBoard(NamedTuple):
    """A board that could be opened: its address and what it is."""

    address: str
    description: str


class BoardFamily(Protocol):
    """What an entry point of the group ``labnet.boards`` loads (a module will do); its name is the scheme.

    What else a family may have is in `labnet.bench`.
    """

    def open_board(self, address: Address) -> Board:
        """Open the board at an address of this scheme."""
        ...

    def find_boards(self) -> Iterable[FoundBoard]:
        """List the boards of this scheme that can be opened here."""
        ...


def open_board(address: str) -> Board:
    """Open a board, simulated or real, by its address.

    Parameters
    ----------
    address : str
        ``sim://twin16?preset=lab&seed=3``, or what any installed package registers under ``labnet.boards``.

    Raises
    ------
    UnknownBoard
        When no installed package knows the scheme, or it does not know the rest.
    """
    parsed = Address.parse(address)
    board: Board = family(parsed).open_board(parsed)
    # of the class first: to look at a property of the board itself would ask the hardware
    if missing := [verb for verb in VERBS if not (hasattr(type(board), verb) or hasattr(board, verb))]:
        raise NotSupported(
            f"{address!r} opened a {type(board).__name__} without {', '.join(missing)}; a board has all verbs of "
            "labnet.Board, and raises NotSupported for those it cannot do."
        )
    info = board.info
    _log.info("opened %s: %s, serial %s, version %s", address, info.model, info.serial, info.version)
    return board


def family(address: Address) -> Any:
    """Load the family that an address belongs to, a `BoardFamily`.

    Raises
    ------
    UnknownBoard
        When no installed package knows the scheme.
    """
    families = {entry.name: entry for entry in entry_points(group="labnet.boards")}
    if address.scheme not in families:
        known = ", ".join(f"{name}://" for name in sorted(families)) or "none"
        raise UnknownBoard(
            f"no installed package opens {address.text!r} (scheme {address.scheme!r}); known schemes: {known}. "
            "Try 'labnet boards', for example sim://twin16."
        )
    return families[address.scheme].load()


def find_boards() -> list[FoundBoard]:
    """List every board that can be opened here, over all registered families; one that fails is said to."""
    found: list[FoundBoard] = []
    for entry in sorted(entry_points(group="labnet.boards"), key=lambda entry: entry.name):
        try:
            found += entry.load().find_boards()
        except Exception as error:  # somebody else's package: the others are listed all the same
            found.append(FoundBoard(f"{entry.name}://", f"cannot be loaded: {type(error).__name__}: {error}"))
    return found
