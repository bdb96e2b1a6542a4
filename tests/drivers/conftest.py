"""The real firmware on a simulated board, for the tests of the driver."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from wires import Serve

import labnet
from labnet.bench import serve
from labnet_drivers import Link, TwinBoard


@pytest.fixture
def served() -> Iterator[Serve]:
    """Serve ``firmware://twin16?OPTIONS`` until the end of the test; gives its VISA resource name."""
    with ExitStack() as stack:

        def start(options: str = "", pty: bool = False) -> str:
            return stack.enter_context(serve(f"firmware://twin16?{options}", port=0, pty=pty)).address

        yield start


@pytest.fixture
def board() -> Iterator[TwinBoard]:
    with labnet.open_board("firmware://twin16?seed=1") as opened:
        assert isinstance(opened, TwinBoard)
        yield opened


@pytest.fixture
def linked() -> Iterator[Callable[..., Link]]:
    """Open links; they are closed at the end of the test."""
    with ExitStack() as stack:

        def link(*words: object, **settings: object) -> Link:
            opened = Link(*words, **settings)  # type: ignore[arg-type]
            stack.callback(opened.close)
            return opened

        yield link
