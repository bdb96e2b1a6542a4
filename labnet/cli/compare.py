"""``labnet compare`` and ``labnet runs``."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import pandas as pd
import typer
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from labnet.catalogue import catalogue
from labnet.cli import completion
from labnet.cli.console import app, out, save_figure
from labnet.comparison import Comparison
from labnet.comparison import compare as put_side_by_side
from labnet.runs import Run
from labnet.runs.conditions import check_column
from labnet.runs.parameters import SEEDS, shown

_RESULTS = ("steps_done", "train", "test", "accuracy")
_BESIDE = ("path", "status")
_STATUS = 30  # letters of it that are listed: why a run failed may be long
# What a table of runs leaves out unless it is asked for: where they come from, and what follows from other columns.
_UNASKED = ("title", "address", "created", "platform", "versions", "git", "network.digest")
_CHIEF = ("task.kind", "rule.name", "clock.p", "eta", "board", "board.preset", "steps")  # shown first


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run files, finished or not.", autocompletion=completion.run_files),
    ],
    path: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="Draw errors, distances and traces, too: PNG, PDF or SVG."),
    ] = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="Say too which versions and which commit they were made with.")
    ] = False,
) -> None:
    """Say how runs differ: in what they were made with, in their errors, and how far apart their solutions are.

    Runs that differ in nothing but seeds are repeats of one setting: the errors of these are medians over the repeats,
    with their quartiles. Distances are between the resistances at the ends, in units of R_ref.

    Example: labnet compare p1.sqlite p05.sqlite p01.sqlite --out p.png
    """
    with ExitStack() as stack:
        compared = put_side_by_side([stack.enter_context(Run.open(run)) for run in runs])
        _print_parameters(compared, versions)
        _print_errors(compared)
        _print_distances(compared)
        for note in compared.notes:
            out.print(f"note: {note}", markup=False, soft_wrap=True)
        if path is not None:
            from labnet import plots  # matplotlib is slow to import

            save_figure(plots.comparison_figure(compared), path)


def _print_parameters(compared: Comparison, versions: bool) -> None:
    """Print what differs: the runs side by side, or below each other where that takes less room than there is."""
    frame = compared.parameters(versions)
    if frame.empty:
        out.print("The runs do not differ in what they were made with.\n")
        return
    beside = _table(["", *frame.columns], frame.itertuples(name=None), fold=True)
    below = _table(["run", *frame.index], frame.T.itertuples(name=None), fold=True)
    out.print(beside if _wide(beside) <= max(out.width, _wide(below)) else below, "")


def _print_errors(compared: Comparison) -> None:
    """Print the late errors of each group, median and quartiles over its runs."""
    finals, costs = compared.finals(), compared.costs()
    many = any(len(group.runs) > 1 for group in compared.groups)
    rows = []
    for group in compared.groups:
        ends = finals.iloc[list(group.runs)]
        cycles = ends["cycle"].dropna()
        rows.append(
            {
                "setting": group.label,
                "runs": len(ends),
                "train error": _spread(ends["train_late"]),
                "test error": _spread(ends["test_late"]),
                "accuracy": _spread(ends["accuracy"]),
                "cycle of two": f"{cycles.sum():.0f} of {len(cycles)}" if len(cycles) else "",
            }
            | {name: _count(costs[name].iloc[list(group.runs)].median()) for name in ("settlings", "readings")}
        )
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    if len({(row["settlings"], row["readings"]) for row in rows}) == 1:
        columns = [name for name in columns if name not in costs]
    out.print(_table(columns, ([row[name] for name in columns] for row in rows)))
    said = "errors: of the start's, median of the second half of each run"
    out.print(said + (", then median over runs and [quartiles]\n" if many else "\n"), markup=False, soft_wrap=True)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number == number else ""


def _spread(values: pd.Series) -> str:
    """Say the median, and the quartiles where there are several values."""
    known = values.dropna()
    if known.empty:
        return ""
    low, median, high = known.quantile([0.25, 0.5, 0.75])
    return f"{median:.3g}" + (f" [{low:.2g}, {high:.2g}]" if len(known) > 1 else "")


def _print_distances(compared: Comparison) -> None:
    """Print distances between runs; where these are too many, medians between groups."""
    frame, said = compared.distances(), "distances between solutions, in units of R_ref"
    if frame.isna().all(axis=None):
        return
    table = _distances(frame)
    if _wide(table) > out.width:
        frame, said = _between_groups(compared, frame), f"{said}: medians between runs of two settings"
        table = _distances(frame)
    out.print(table)
    out.print(f"{said}\n", soft_wrap=True)


def _distances(frame: pd.DataFrame) -> Table:
    return _table(["", *frame.columns], frame.map(lambda d: f"{d:.2f}" if d == d else "–").itertuples(name=None))


def _between_groups(compared: Comparison, frame: pd.DataFrame) -> pd.DataFrame:
    """Give median distances between runs of two groups; within one, between different runs."""
    labels = [group.label for group in compared.groups]
    medians = pd.DataFrame(index=labels, columns=labels, dtype=float)
    for a in compared.groups:
        for b in compared.groups:
            pairs = [frame.iat[i, j] for i in a.runs for j in b.runs if i != j]
            medians.loc[a.label, b.label] = pd.Series(pairs, dtype=float).median()
    return medians


def _table(columns: Iterable[str], rows: Iterable[Sequence[Any]], fold: bool = False) -> Table:
    """Make a table of values: the first column to the left, the others to the right, and folded if need be."""
    table = Table(box=None, pad_edge=False)
    for k, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if k else "left", no_wrap=k > 0 and not fold, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if _missing(value) else shown(value)) for value in row))
    return table


def _wide(table: Table) -> int:
    """Give how wide a table would like to be."""
    return Measurement.get(out, out.options.update(max_width=10_000), table).maximum


def _missing(value: Any) -> bool:
    return value is None or value != value


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to look for runs, below it too.")] = Path(),
    where: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="List those alone of which this is true; see above."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="KEY", help="Order by this column; -KEY: the largest first.")
    ] = None,
    show: Annotated[str | None, typer.Option(metavar="KEY,KEY...", help="Show these columns beside the path.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="List N runs at most; 0: all.")] = 40,
) -> None:
    """List the runs below a directory: what they were made with where that differs, how far they got, their errors.

    A condition has columns, numbers, texts in quotes, < <= == != >= > in, + - * /, and, or, not. Columns are the keys
    of 'labnet run --set', and status, steps_done, train, test (scaled errors), accuracy, title, created,
    versions.labnet, calibration and so on. Why a run failed is cut short: '--show status' and 'labnet show' say all.

    \b
    Examples:
        labnet runs results --where "clock.p<0.5"
        labnet runs --where "board.preset == 'lab' and train < 0.01" --sort train
        labnet runs --where "status != 'complete' or 'iris' in title" --show created,title
    """  # noqa: D301 (an escape that keeps the lines of the examples)
    frame = catalogue(folder, where)
    asked = [name.strip() for name in show.split(",")] if show else None
    key = sort.removeprefix("-") if sort else None
    for name in (*(asked or ()), *([key] if key else ())):
        check_column(name, [str(column) for column in frame.columns])
    if key is not None:
        frame = frame.sort_values(key, ascending=key == sort, kind="stable", key=_sortable)
    said = f" of which {where} is true" if where else ""
    if frame.empty:
        out.print(f"no run below {folder}{said}", markup=False, soft_wrap=True)
        return
    frame["path"] = [str(Path(path).relative_to(folder)) for path in frame["path"]]
    errors = {name: frame[name].map(lambda value: float(f"{value:.3g}")) for name in _RESULTS[1:]}
    listed = frame.assign(**errors).head(limit or len(frame))
    if asked is not None:
        columns = ["path", *asked]
        out.print(_table(columns, listed[columns].itertuples(index=False, name=None), fold=True))
    else:
        _print_differing(listed)
    rest = f"; the first {limit} are listed, --limit 0 lists all" if len(listed) < len(frame) else ""
    if unread := int(frame["created"].isna().sum()):
        rest += f"; {unread:,} of them hold no run that can be read"
    out.print(f"{len(frame):,} run{'s' * (len(frame) > 1)} below {folder}{said}{rest}", markup=False, soft_wrap=True)


def _sortable(column: pd.Series) -> pd.Series:
    """Give what to order a column by: texts, where its values are of several sorts."""
    return column if pd.api.types.is_numeric_dtype(column) else column.map(shown, na_action="ignore")


def _print_differing(frame: pd.DataFrame) -> None:
    """Print path, status, results, and what differs, as far as there is room; above them what all runs share."""
    frame = frame.assign(status=[shorten(status, _STATUS, placeholder=" ...") for status in frame["status"]])
    runs = frame[frame["steps"].notna()]
    settings = [name for name in frame.columns if not {name, name.split(".")[0]} & {*_UNASKED, *_BESIDE, *_RESULTS}]
    same = [name for name in settings if runs[name].map(shown).nunique() == 1] if len(runs) > 1 else []
    differing = [name for name in settings if name not in same and runs[name].notna().any()]
    results = [name for name in _RESULTS if runs[name].notna().any()]
    room = out.width - min(_width(frame, "path"), out.width // 2)  # longer ones are folded
    room -= sum(_width(frame, name) for name in ("status", *results))
    fitting: list[str] = []
    for name in sorted(differing, key=_rank):
        if (width := _width(frame, name)) <= room:
            fitting.append(name)
            room -= width
    said = [
        f"{name} = {shown(runs[name].iloc[0])}" for name in same if name in _CHIEF and not _missing(runs[name].iloc[0])
    ]
    if said:
        out.print(f"all: {', '.join(said)}\n", markup=False)
    columns = ["path", "status", *fitting, *results]
    out.print(_table(columns, frame[columns].itertuples(index=False, name=None)), "")
    if rest := [name for name in differing if name not in fitting]:
        out.print(f"different too: {', '.join(rest)}; --show KEY,KEY shows these", markup=False)


def _rank(name: str) -> tuple[bool, int]:
    """Order columns: seeds last, the chief ones first."""
    return name in SEEDS, _CHIEF.index(name) if name in _CHIEF else len(_CHIEF)


def _width(frame: pd.DataFrame, name: str) -> int:
    """Give how wide a column is, with what is between two columns."""
    return 2 + max(len(name), *(0 if _missing(value) else len(shown(value)) for value in frame[name]))
