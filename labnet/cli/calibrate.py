"""``labnet calibrate``, ``labnet calibration show``."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from labnet import bench, calibration
from labnet.addresses import open_board
from labnet.board import Board
from labnet.calibration import CLASSES, Calibration, Estimate
from labnet.cli import completion
from labnet.cli.console import app, err, out, save_figure
from labnet.cli.instruments import Uri
from labnet.errors import LabnetError, NotCalibrated, NotSupported
from labnet.meters import BoardMeter

_DAYS = 90.0

stored = typer.Typer(help="Look at the calibrations that are stored.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(stored, name="calibration")


@app.command()
def calibrate(
    board: Uri,
    meter: Annotated[
        str | None,
        typer.Option(
            metavar="VISA|simulated|none",
            help="Measure with the instrument at this VISA address, whose leads you are asked to move. By default a "
            "simulated meter on simulated boards, else none.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help=f"Only {', '.join(CLASSES)}; repeatable.")
    ] = None,
    positions: Annotated[
        str | None, typer.Option(metavar="K,K,...|all", help="Wiper positions at which to measure resistances.")
    ] = None,
    days: Annotated[float, typer.Option(metavar="N", min=0, help="How long it is good for.")] = _DAYS,
    seed: Annotated[int, typer.Option(help="Of the random waits between triggers, and of a simulated meter.")] = 0,
) -> None:
    """Calibrate a board from the outside, and store what is found.

    Gates, sources and readings, potentiometers, comparators, settling: docs/calibration.md says how each is measured,
    and what cannot be known. The board is moved through its whole range; it is left safe, with its wipers as they were.
    What is stored belongs to this board, and none is overwritten: the newest is used by 'labnet run'.

    Example: labnet calibrate "sim://twin16?preset=lab&comparator=pair&gate=oscillator"
    """
    with ExitStack() as stack:
        opened = stack.enter_context(open_board(board))
        used, by_hand = _meter(stack, opened, meter, seed)
        bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err, disable=by_hand)
        chosen = only or list(CLASSES)
        try:
            with bar:
                tasks = {name: bar.add_task(name, total=1.0) for name in CLASSES if name in chosen}
                found = calibration.calibrate(
                    opened,
                    used,
                    only=chosen,
                    positions=_positions(opened, positions),
                    days=days,
                    seed=seed,
                    progress=lambda name, share: bar.update(tasks[name], completed=share) if name in tasks else None,
                )
        except KeyboardInterrupt:
            err.print("Interrupted. The board is safe; nothing is stored.")
            raise typer.Exit(130) from None
    path = calibration.save(found)
    _say(found)
    out.print(f"stored as {path}", soft_wrap=True, markup=False)
    if len(_kinds(found)) < len(CLASSES):
        err.print(
            f"This one has {', '.join(_kinds(found)) or 'nothing'} alone, and is used from now on: what older ones "
            "have besides is not. To use one of those, name its file: 'labnet run --calibration FILE'.",
            style="yellow",
        )
    if set(only or ()) & set(found.not_done):
        raise typer.Exit(1)


def _meter(stack: ExitStack, board: Board, asked: str | None, seed: int) -> tuple[BoardMeter | None, bool]:
    """Give the meter to measure with, and whether somebody has to move its leads."""
    if asked == "none":
        return None, False
    if asked is None or asked == "simulated":
        try:
            return bench.meter(board, seed), False
        except NotSupported:
            if asked is not None:
                raise
            err.print("without a meter: sources are taken to be as good as their data sheet says", style="yellow")
            return None, False
    return bench.by_hand(stack.enter_context(bench.instrument(asked))), True


def _positions(board: Board, asked: str | None) -> list[int] | None:
    if asked is None:
        return None
    if asked == "all":
        return list(range(board.info.wiper_positions))
    try:
        return [int(word) for word in asked.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{asked}; allowed: numbers joined by commas, or all.", param_hint="--positions"
        ) from None


@stored.command()
def show(
    board: Annotated[
        str | None,
        typer.Argument(
            metavar="[URI|FILE]",
            help="A board, or a file; left out, all are listed.",
            autocompletion=completion.boards,
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it, as PNG, PDF or SVG.")] = None,
) -> None:
    """Say what a calibration found, with errors; or list all that are stored.

    Example: labnet calibration show "sim://twin16?preset=lab" --plot calibration.png
    """
    if board is None:
        if plot is not None:
            raise typer.BadParameter("name a board or a file to draw.", param_hint="--plot")
        _list()
        return
    if Path(board).is_file():
        found = calibration.load(board)
    else:
        with open_board(board) as opened:
            newest = calibration.newest(opened)
        if newest is None:
            raise NotCalibrated(f"no calibration of {board} is stored; 'labnet calibrate {board}' makes one.")
        found = newest
    _say(found)
    if plot is not None:
        from labnet.calibration.drawing import figure  # matplotlib takes long to import

        save_figure(figure(found), plot)


def _list() -> None:
    """List all calibrations that are stored, the file of each below it."""
    paths = sorted(calibration.folder().glob("*/[0-9]*.json"))
    for path in paths:
        try:
            found = calibration.load(path)
        except LabnetError as error:
            err.print(f"{error}", style="yellow", markup=False, soft_wrap=True)
            continue
        until = f"{found.expires:%Y-%m-%d}" + (" (expired)" if found.expired else "")
        out.print(
            f"{found.board['model']}, serial {found.board['serial']}: made {found.created:%Y-%m-%d %H:%M}, good until "
            f"{until}; {', '.join(_kinds(found))}\n  {path}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    if not paths:
        out.print(
            f"no calibration is stored in {calibration.folder()}; 'labnet calibrate URI' makes one", soft_wrap=True
        )


def _kinds(found: Calibration) -> list[str]:
    """Name what a calibration has."""
    return [name for name in CLASSES if getattr(found, name) is not None]


def _say(found: Calibration) -> None:
    """Print what a calibration found."""
    out.print(f"{found.board['model']}, serial {found.board['serial']}", soft_wrap=True, markup=False)
    until = f"{found.expires:%Y-%m-%d}" + (", EXPIRED" if found.expired else "")
    out.print(
        f"calibrated {found.created:%Y-%m-%d %H:%M} UTC in {found.seconds:.1f} s, good until {until}; meter: "
        f"{found.meter}",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    for title, justify in (
        ("", "left"),
        ("median", "right"),
        ("least", "right"),
        ("most", "right"),
        ("± (95 %)", "right"),
    ):
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("")
    for name, estimate, scale, unit in _rows(found):
        known = np.isfinite(estimate.value)
        if not known.any():
            table.add_row(name, "not seen")
            continue
        value, half = scale * estimate.value[known], 1.96 * scale * estimate.std[known]
        digits = max(0, min(6, 1 - int(np.floor(np.log10(np.median(half) + 1e-12)))))
        cells = (np.median(value), value.min(), value.max(), np.median(half))
        table.add_row(name, *(f"{cell:.{digits}f}" for cell in cells), unit)
    out.print(table)
    if found.settling is not None and found.settling.at_most_s:
        out.print(f"settling: where no time constant was seen, it is below {found.settling.at_most_s:.2g} s")
    if found.pots is not None and not found.pots.absolute:
        out.print("resistances: to a factor each side and position, no current was measured")
    for name, why in found.not_done.items():
        out.print(f"{name}: not done; {why}", soft_wrap=True, markup=False)


def _rows(found: Calibration) -> Iterator[tuple[str, Estimate, float, str]]:
    """Give name, values, what to multiply them by, and unit, for each row of the table."""
    if (converters := found.converters) is not None:
        yield "source gain - 1", converters.source_gain, 1e6, "ppm"
        yield "source offset", converters.source_offset_v, 1e3, "mV"
        yield "reading gain - 1", converters.reading_gain, 1e6, "ppm"
        yield "reading offset", converters.reading_offset_v, 1e3, "mV"
    if (gate := found.gate) is not None:
        for p in (0.1, 0.5, 0.9):
            yield f"bias for p = {p}, an edge", gate.edge_bias_v(p), 1.0, "V"
        with suppress(NotCalibrated):
            yield "bias for p = 0.5, mean", gate.bias_v(0.5), 1.0, "V"
    if (pots := found.pots) is not None:
        k = pots.midscale
        yield f"resistance at {pots.positions[k]}", pots.ohm[k], 1.0, "ohm"
        yield f"resistance at {pots.positions[0]}", pots.ohm[0], 1.0, "ohm"
        yield f"from {pots.positions[0]} to {pots.positions[-1]}", pots.end_to_end_ohm, 1.0, "ohm"
        yield f"twin mismatch at {pots.positions[k]}", pots.mismatch[k], 100.0, "%"
    if (comparators := found.comparators) is not None:
        yield "comparator offset, difference", comparators.difference_v, 1e3, "mV"
        yield "comparator offset, sum", comparators.sum_v, 1e3, "mV"
        yield "sigma, mean", comparators.sigma_v, 1e3, "mV"
        yield "sigma, width", comparators.width_v, 1e3, "mV"
    if (settling := found.settling) is not None:
        yield "settling time constant", settling.tau_s, 1e6, "us"
