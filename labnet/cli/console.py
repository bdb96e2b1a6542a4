"""What all commands share: the application, and where they print."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from labnet import __version__

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_WIDTH = None if sys.stdout.isatty() else 120  # a pipe has no width of its own
out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"labnet {__version__}")
        raise typer.Exit


@app.callback()
def labnet(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Train twin resistor networks, simulated or on the bench, and look at the runs."""
