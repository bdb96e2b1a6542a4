"""``labnet flash``, ``wiring``."""

import csv
import shlex
import shutil
import subprocess
import sys
from typing import Annotated

import typer
from rich.table import Table

from labnet.bench import Wire, chip_port, image
from labnet.bench import wiring as wires_of
from labnet.cli import completion
from labnet.cli.console import app, err, out
from labnet.errors import NoProgrammer, NotProgrammed


@app.command()
def flash(
    board: Annotated[
        str, typer.Argument(metavar="[URI]", help="Address of the firmware.", autocompletion=completion.boards)
    ] = "firmware://twin16?target=atmega2560",
    port: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="Serial port of the board; left out, that of the one Arduino there is."),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Write it onto the chip, not only say how.")] = False,
) -> None:
    """Build the firmware for a board's chip, and say what it takes and how it gets there; with --run, do it.

    Example: labnet flash --port /dev/ttyACM0 --run
    """
    built = image(board)
    out.print(built.memory, soft_wrap=True)
    program = built.command[0]
    if run and shutil.which(program) is None:
        raise NoProgrammer(
            f"{program} is not found; install it: Debian and Ubuntu 'sudo apt install {program}', Fedora 'sudo dnf "
            f"install {program}', Arch 'sudo pacman -S {program}', macOS 'brew install {program}'."
        )
    at = chip_port(port) if run else port or "PORT"
    words = [at if word == "PORT" else word for word in built.command]
    out.print(f"\n{shlex.join(words)}", soft_wrap=True)
    if not run:
        err.print("\nThat writes it onto the chip; --run does so.", highlight=False)
        return
    done = subprocess.run(words, check=False)
    if done.returncode:
        raise NotProgrammed(
            f"{program} ended with exit code {done.returncode}, so what is on the chip is not known; mend what it says "
            "above, and flash again."
        )
    out.print(f"Written. Does it answer? labnet scpi ASRL{at}::INSTR -c '*IDN?'", soft_wrap=True)


@app.command()
def wiring(
    board: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name of the board, or its address.", autocompletion=completion.boards),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet or a program.")] = False,
) -> None:
    """List what is to be joined on a board, pin by pin, from its description (docs/wiring.md).

    Example: labnet wiring twin16 --csv > twin16.csv
    """
    wires = wires_of(board if "://" in board else f"firmware://{board}")
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(Wire._fields)
        writer.writerows(wires)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("net", "from", "pin", "to", "pin"):
        table.add_column(column, no_wrap=True)
    for wire in wires:
        table.add_row(wire.net, f"{wire.part} {wire.chip}", wire.pin, f"{wire.to_part} {wire.to_chip}", wire.to_pin)
    out.print(table)
