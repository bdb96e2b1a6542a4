"""``labnet conform``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from labnet.addresses import open_board
from labnet.cli.console import app, err, out
from labnet.cli.instruments import Uri
from labnet.files import made_folder, whole_file

if TYPE_CHECKING:
    from labnet.conformance import Report

_MOST = 8  # findings of a check that are said one by one
_MARKS = {"passed": ("✔", "green"), "failed": ("✘", "red"), "not applicable": ("–", "dim")}
_PLAIN = {"✔": "ok", "✘": "FAILED", "–": "-"}  # for a terminal that has no such signs


def _list(wanted: bool) -> None:
    if not wanted:
        return
    from labnet.conformance import CHECKS

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    for name, check in CHECKS.items():
        table.add_row(name, (check.__doc__ or "").partition("\n")[0])
    out.print(table)
    raise typer.Exit


@app.command()
def conform(
    board: Uri,
    path: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all findings with their limits to FILE, too.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Run this check alone; repeatable.")] = None,
    _listed: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="List the checks and stop.")
    ] = False,
) -> None:
    """Check that a board does what a board must: ours, yours, simulated or real. The exit code is 1 where it does not.

    What the board does not claim is not applicable (–). It is moved through its whole range, and left safe, with its
    wipers as they were. docs/conformance.md says how each check is made, and what a board may be off by.

    Example: labnet conform "firmware://twin16?preset=lab"
    """
    from labnet.conformance import conform as run_checks  # the other commands start faster without it

    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a directory; name a file.", param_hint="--json")
    with open_board(board) as opened:
        try:
            with err.status("...") as status:
                report = run_checks(opened, only or (), progress=lambda name: status.update(escape(f"{board}: {name}")))
        except KeyboardInterrupt:
            err.print("Interrupted. The board is safe.")
            raise typer.Exit(130) from None
    identity = report.board
    who = f"{board}: {identity['model']}, serial {identity['serial']}, version {identity['version']}"
    out.print(who, markup=False, soft_wrap=True)
    out.print(_table(report))
    _say_details(report)
    if path is not None:
        made_folder(path.parent)
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if not report.passed:
        out.print(f"\nfailed: {', '.join(report.failed)}", style="red")
        raise typer.Exit(1)
    out.print("\npassed", style="green")


def _table(report: "Report") -> Table:
    """Give a row a check: of what was measured, what is nearest to its limits or furthest beyond."""
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("")
    table.add_column("nearest to its limits")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("allowed", no_wrap=True)
    said = ""
    for result in report.results:
        mark, style = _MARKS[result.status]
        worst = result.worst
        if result.error:
            row = [result.error if result.error != said else "the same"]
            said = result.error
        elif worst is None:
            row = [result.unclaimed]
        elif worst.ok and not worst.strain:
            row = [f"{len(result.findings)} findings, all as they must be"]
        else:
            row = [worst.what, worst.measured, worst.allowed]
        table.add_row(result.name, Text(_sign(mark), style=style), *map(Text, row))
        if result.unclaimed and worst is not None:
            table.add_row("", Text(_sign("–"), style="dim"), Text(result.unclaimed))
    return table


def _sign(mark: str) -> str:
    return mark if out.encoding.startswith("utf") else _PLAIN[mark]


def _say_details(report: "Report") -> None:
    """Say what is wrong where the table has no room for it."""
    for result in report.results:
        if len(result.wrong) + bool(result.error) < 2:
            continue
        out.print(f"\n{result.name}: {len(result.wrong)} of {len(result.findings)} findings are not as they must be")
        for finding in result.wrong[:_MOST]:
            line = f"  {finding.what}: {finding.measured}; allowed: {finding.allowed}"
            out.print(line, markup=False, soft_wrap=True)
        if len(result.wrong) > _MOST:
            out.print(f"  and {len(result.wrong) - _MOST} more; --json FILE has them all")
