"""``labnet compare-rules``."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from labnet import rule_comparison
from labnet.cli import completion
from labnet.cli.console import app, err
from labnet.cli.rules import nudge
from labnet.cli.tables import Column, lines, print_line, print_prose, that_fit
from labnet.cores import core_count
from labnet.rule_comparison import RuleComparison
from labnet.rules import Needs

_ROUNDING = 1e-9
_HEADS = ("rule", "measures", "nudge", "train error", "[quartiles]", "test", "settle", "read", "write", "failed")
_LESS = ("nudge", "measures", "[quartiles]", "write", "read", "test", "failed", "settle")  # where a terminal is narrow


@app.command()
def compare_rules(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.toml", help="Tasks, rules and their settings.", autocompletion=completion.experiments
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to put table, picture and sweeps; by default FILE, here."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="As the table [quick] of the file says: fewer seeds and settlings.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Train rules that the host paces in N processes; by default one a core. 0: in this one.",
        ),
    ] = None,
) -> None:
    """Say which rule learns what, from which measurements, at what cost: each on every task, for as many settlings.

    Ctrl-C or a kill lose no training that is stored: the same command goes on. With a rule added to the file, it
    trains that one.

    Example: labnet compare-rules experiments/comparisons/rules.toml --quick
    """
    folder = folder or Path(file.stem)
    count = core_count() if jobs is None else jobs
    pool = None
    if count:  # Ctrl-C is this process's
        pool = ProcessPoolExecutor(count, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        compared = rule_comparison.compare_rules(file, folder, quick=quick, executor=pool)
    except KeyboardInterrupt:
        err.print(f"Interrupted. {folder} holds what was done; the same command goes on.", soft_wrap=True)
        raise typer.Exit(130) from None
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    _print_comparison(compared)
    before = "quick-" if quick else ""
    for name in ("table.csv", "comparison.json", "comparison.png"):
        print_line(f"wrote {folder / f'{before}{name}'}")


def _print_comparison(compared: RuleComparison) -> None:
    """Print a table a task, and what they say."""
    cells = [list(_cells(row)) for _, row in compared.table.iterrows()]
    columns = [
        Column(head, [row[k] for row in cells], right=k >= _HEADS.index("train error")) for k, head in enumerate(_HEADS)
    ]
    kept, gone = that_fit(columns, _LESS)
    head, *rows = lines(kept)
    for task in compared.tasks:
        print_line(f"{task}: learned at {compared.learned(task):g}")
        print_line(head)
        here = compared.table[compared.table["task"] == task]
        for k in here.index:
            print_line(rows[k])
        for _, row in here[here["why"] != ""].iterrows():
            print_prose(f"{row['rule']}: {row['why'].partition('. ')[0]}")
        for _, row in here[here["missing"] != ""].iterrows():
            print_prose(f"{row['rule']}: {row['missing']}")
        print_line("")
    quartiles = "" if "[quartiles]" in gone else "; in brackets the quartiles, a quarter of the seeds below and above"
    print_prose(
        f"errors: of the start's, the median of {len(compared.file.seeds)} seeds after {compared.file.settlings:,} "
        f"settlings{quartiles}. settle, read, write: settlings, voltages read, wipers or resistances written when the "
        "median is first at what counts as learned; -: it never is."
    )
    if gone:
        print_prose(f"A wider terminal has room for: {', '.join(gone)}; table.csv has all.")
    print_line("")
    for line in compared.verdicts:
        print_prose(line)


def _cells(row: "pd.Series[Any]") -> Iterator[str]:
    """Give what a row of the table says."""
    yield row["rule"]
    yield row["reads"]
    yield nudge(Needs(**{key: row[key] for key in Needs._fields}))
    if row["missing"]:
        yield from ("not here", *[""] * 6)
        return
    yield _error(row["train"])
    yield "" if np.isinf(row["train"]) else f"[{_error(row['train_low'])}, {_error(row['train_high'])}]"
    accuracy = "" if pd.isna(row["accuracy"]) else f" ({row['accuracy']:.0%})"
    yield "" if pd.isna(row["test"]) else f"{_error(row['test'])}{accuracy}"
    for what in ("settlings", "readings", "writes"):
        spent = row[f"{what}_learned"]
        yield "-" if pd.isna(spent) else f"{spent:,.0f}"
    yield f"{row['failed']:.0f}" if row["failed"] else ""


def _error(value: float) -> str:
    """Say an error; what is rounding is not told apart."""
    if np.isinf(value):
        return "failed"
    return f"<{_ROUNDING:g}" if value < _ROUNDING else f"{value:.2g}"
