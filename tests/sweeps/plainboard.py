"""A board of another package, that knows nothing of running plans by itself: the host paces it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from labnet import Plan
from labnet.addresses import Address, FoundBoard
from labnet.errors import NotSupported
from labnet.records import Block
from labnet_simulators import SimulatedBoard, addresses


def open_board(address: Address) -> SimulatedBoard:
    """Open ``plain://NAME``, with the options of ``sim://``; ``boasts://`` lists plans that it then refuses."""

    def refuse(plans: Sequence[Plan]) -> Iterator[Block]:
        raise NotSupported("one at a time")

    board = addresses.open_board(address)
    plans = {"discrete", "continuous"} if address.scheme == "boasts" else set()
    board.info = replace(board.info, plans=frozenset(plans))
    board.train_many = refuse  # type: ignore[method-assign,assignment]
    return board


def find_boards() -> list[FoundBoard]:
    return []
