"""A pytest plugin: bench scripts get a `board` fixture, and ``pytest --board URI`` says which board."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labnet.board import Board


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--board``."""
    parser.getgroup("labnet").addoption(
        "--board",
        metavar="URI",
        default="sim://twin16",
        help="address of the board that the `board` fixture opens (default: %(default)s)",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Say which board is in use."""
    return f"labnet board: {config.getoption('--board')}"


@pytest.fixture
def board(request: pytest.FixtureRequest) -> "Iterator[Board]":
    """Open the board of ``--board``; it is left safe and closed."""
    from labnet.addresses import open_board  # a plugin loads with every pytest, wanted or not
    from labnet.errors import LabnetError

    try:
        opened = open_board(request.config.getoption("--board"))
    except LabnetError as error:
        pytest.fail(str(error), pytrace=False)
    with opened:
        yield opened
