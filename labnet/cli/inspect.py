"""``labnet inspect``."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from labnet.addresses import open_board
from labnet.board import Board
from labnet.calibration import applied
from labnet.cli.console import app, err, out
from labnet.cli.instruments import Uri
from labnet.files import made_folder, whole_file
from labnet.inspection.inspecting import Inspection
from labnet.inspection.inspecting import inspect as run_inspection
from labnet.origin import made_with


@app.command()
def inspect(
    board: Uri,
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Expect what the board's newest calibration says, not nominal values.")
    ] = False,
    path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers to FILE, too.")] = None,
) -> None:
    """Look for broken edges and nodes of a board, by measurement. The exit code is 1 where there are some.

    For every edge: its resistance on both sides, over the expected one (the median edge of a side is 1), how far its
    wipers move it, over how far they should, and how far its twins are apart. The board is left safe, with its wipers
    as they were. docs/inspection.md says what can be seen, and what cannot.

    Example: labnet inspect "sim://twin16?preset=lab&fault=removed-free@3"
    """
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a directory; name a file.", param_hint="--json")
    with open_board(board) as opened:
        looked_at: Board = applied(opened) if calibrated else opened
        try:
            inspection = run_inspection(looked_at)
        except KeyboardInterrupt:
            err.print("Interrupted. The board is safe.")
            raise typer.Exit(130) from None
        info = opened.info
    out.print(f"{board}: {info.model}, serial {info.serial}, version {info.version}", markup=False, soft_wrap=True)
    out.print(_table(inspection))
    if path is not None:
        made_folder(path.parent)
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(inspection.to_dict() | made_with(), indent=1) + "\n", encoding="utf-8")
    for finding in inspection.findings:
        out.print(f"\n{finding.kind}: {finding.where}", style="red", markup=False, soft_wrap=True)
        out.print(f"  {finding.evidence}; allowed: {finding.allowed}", markup=False, soft_wrap=True)
        out.print(f"  {finding.remedy}", markup=False, soft_wrap=True)
    if not inspection.sound:
        raise typer.Exit(1)
    out.print("\nsound", style="green")


def _table(inspection: Inspection) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("edge", "free R", "clamped R", "apart", "free moves", "clamped moves"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("finding", no_wrap=True)
    found = {each.index: each.kind for each in reversed(inspection.findings) if each.part == "edge"}
    for edge, apart in enumerate(inspection.mismatch):
        ratios = (*inspection.resistance[:, edge], apart, *inspection.moved[:, edge])
        cells = [_said(value, form) for value, form in zip(ratios, (".3f", ".3f", "+.2%", ".1%", ".1%"), strict=True)]
        table.add_row(str(edge), *cells, found.get(edge, ""))
    return table


def _said(value: float, form: str) -> str:
    if not np.isfinite(value):
        return "not measured"
    return format(value, form) if abs(value) < 20 else "open"
