"""What all commands share: the application, and where they print."""

import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from labnet import __version__
from labnet.cli import logs
from labnet.cli.logs import err
from labnet.errors import RunError
from labnet.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["app", "err", "experiments_folder", "out", "save_figure"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_WIDTH = None if sys.stdout.isatty() else 120  # a pipe has no width of its own
out = Console(highlight=False, width=_WIDTH)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"labnet {__version__}")
        raise typer.Exit


@app.callback()
def labnet(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
    verbosity: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say what is done; -vv: in detail.")
    ] = 0,
    log_file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write what is done into PATH, behind what is there.")
    ] = None,
) -> None:
    """Train twin resistor networks, simulated or on the bench, and look at the runs.

    Options here stand before the command, for example: labnet -v --log-file lab-book.log run experiments/demo.toml
    """
    logs.begin(verbosity, log_file)


def experiments_folder() -> Path:
    """Find the experiments: in the package when installed, beside it in a checkout."""
    shipped = Path(str(files("labnet"))) / "experiments"
    return shipped if shipped.is_dir() else Path(str(files("labnet"))).parent / "experiments"


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a picture, PNG where the path does not say another format, and say where.

    Raises
    ------
    RunError
        For a format that there is not.
    """
    path = path if path.suffix else path.with_suffix(".png")
    with whole_file(path) as unfinished:
        try:
            figure.savefig(unfinished, dpi=150)
        except ValueError as error:  # matplotlib's, for an unknown format
            raise RunError(f"{path} cannot be written: {error}.") from None
    out.print(f"wrote {path}", soft_wrap=True)
