"""``labnet boards``, ``serve``, ``scpi``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from labnet.addresses import find_boards, open_board
from labnet.bench import serve as serve_board
from labnet.board import SpeaksScpi
from labnet.cli import completion
from labnet.cli.console import app, err, out
from labnet.errors import BoardError, DeviceError, NotSupported, OutOfRange

_HISTORY = 1000  # lines

Uri = Annotated[str, typer.Argument(metavar="URI", help="Address of the board.", autocompletion=completion.boards)]


@app.command()
def boards() -> None:
    """List the boards that can be opened here: simulated, as firmware, and on the bench.

    Serial ports with an Arduino are asked who answers, which restarts one that nobody uses. What else VISA finds is
    listed as it is.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("address", no_wrap=True)
    table.add_column("what it is")
    for found in find_boards():
        table.add_row(found.address, found.description)
    out.print(table)
    out.print("Options follow ? and are joined by &, for example sim://twin16?preset=lab&seed=3&converters=board")


@app.command()
def serve(
    board: Uri,
    port: Annotated[int, typer.Option("--tcp", metavar="PORT", min=0, max=65535, help="0: any free port.")] = 5025,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen at this address of this machine; nobody is asked who he is.")
    ] = "127.0.0.1",
    pty: Annotated[bool, typer.Option("--pty", help="A pseudo-terminal instead, as a board on a serial port.")] = False,
) -> None:
    """Serve a board's firmware as a SCPI instrument, for any VISA program, until Ctrl-C; one at a time.

    Example: labnet serve firmware://twin16 --tcp 5025
    """
    with serve_board(board, port=port, bind=bind, pty=pty) as server:
        out.print(f"{board} is at {server.address} until Ctrl-C. From Python, for example:", soft_wrap=True)
        out.print(
            f'  port = pyvisa.ResourceManager("@py").open_resource("{server.address}")', soft_wrap=True, markup=False
        )
        out.print('  port.read_termination = port.write_termination = "\\n"', markup=False)
        out.print('  port.query("*IDN?")', markup=False)
        with suppress(KeyboardInterrupt):
            server.wait()
            raise BoardError(f"{board} ended by itself; nothing is served any more.")
    out.print("Stopped.")


@app.command()
def scpi(
    board: Uri,
    commands: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", metavar="MESSAGE", help="Send this instead of asking; repeatable."),
    ] = None,
) -> None:
    """Talk to a board in its own language (docs/scpi.md): type messages, read answers; Ctrl-D ends.

    Each message is sent in a check frame of its own, with the question for errors.

    Messages also come from a pipe. Errors that the board reports do not end it; the exit code is 1 then. At the end the
    board is made safe.

    Example: labnet scpi firmware://twin16 -c "SOUR:HOLD FREE,0,5,8,0" -c "MEAS:VOLT? FREE"
    """
    failed = False
    with open_board(board) as opened:
        if not isinstance(opened, SpeaksScpi):
            raise NotSupported(f"{board} has no language of its own; use firmware://twin16, or a board on the bench.")
        with suppress(KeyboardInterrupt):
            for message in commands or _typed():
                try:
                    answer = opened.scpi(message)
                except DeviceError as error:
                    failed, answer = True, error.answer
                    for code, text in error.errors:
                        err.print(f'{code},"{text}"', style="red", markup=False, highlight=False, soft_wrap=True)
                except OutOfRange as error:
                    failed, answer = True, ""
                    err.print(f"{error}", style="red", markup=False, highlight=False, soft_wrap=True)
                if answer:
                    typer.echo(answer)
    if failed:
        raise typer.Exit(1)


def _typed() -> Iterator[str]:
    """Give lines as they are typed, or as they come from a pipe."""
    if not sys.stdin.isatty():
        yield from filter(None, (line.strip() for line in sys.stdin))
        return
    err.print("Messages as in docs/scpi.md, for example *IDN?; Ctrl-D ends.", highlight=False)
    with _history(), suppress(EOFError):
        while True:
            try:
                line = input("> ").strip()
            except KeyboardInterrupt:  # forgets the line
                err.print()
                continue
            if line:
                yield line


@contextmanager
def _history() -> Iterator[None]:
    """Let the arrow keys bring back what was typed, today or before, where the system can."""
    try:
        import readline
    except ImportError:  # Windows, which has its own
        yield
        return
    path = Path(typer.get_app_dir("labnet")) / "scpi-history"
    with suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(_HISTORY)
            readline.write_history_file(path)
