"""``labnet rules`` and ``labnet compare-rules``."""

import inspect
import signal
import textwrap
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import pandas as pd
import typer
from rich.table import Table
from rich.text import Text

from labnet import networks, rule_comparison, tasks
from labnet.addresses import open_board
from labnet.board import Board
from labnet.checks import check_needs
from labnet.cli import completion
from labnet.cli.console import app, err, out
from labnet.cores import core_count
from labnet.errors import NotSupported, PlanError
from labnet.plan import Plan
from labnet.rule_comparison import RuleComparison
from labnet.rules import RULES, Needs, Rule

_WIDE = 100
_COLUMNS = ("rule", "nudge", "reads", "moves", "settle", "read", "write")
_WIDTHS = (24, 19, 7, 11, 6, 4, 5, 9)
_ROUNDING = 1e-9
_LEGEND = (
    "nudge: nodes are held at a voltage, or pulled by a current or a conductance; twins: both at once, each in its own "
    "way; resistors: edges have to be. reads: voltages of all nodes, or of outputs alone. settle, read, write: waits, "
    "voltages read, wipers or resistances written, of a step that shows one example on twin16, 2 outputs. Indented: "
    "variants, called by the values of their keys; 'labnet rules NAME' says which keys."
)


class Variant(NamedTuple):
    """A rule, with what sets its needs: the values of those fields that are not the defaults."""

    rule: Rule
    values: tuple[str, ...]


@app.command()
def rules(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Say all about this one.", autocompletion=completion.rules),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Say which this board can do, and why not.", autocompletion=completion.boards),
    ] = None,
) -> None:
    """List the learning rules: what they do, what they need of a board, and what a step takes.

    Example: labnet rules equilibrium-propagation
    """
    if name is not None and name not in RULES:
        raise PlanError(f"no rule is called {name!r}; allowed: {', '.join(RULES)}.")
    listed = RULES if name is None else {name: RULES[name]}
    if board is None:
        _print_rules(listed, None)
    else:
        with open_board(board) as opened:
            _print_rules(listed, opened)
    if name is not None:
        _print_fields(RULES[name])


def _print_rules(listed: dict[str, type[Rule]], board: Board | None) -> None:
    """Print a table of rules, each with its variants, and below it what it does."""
    task = tasks.Allostery.sample(networks.twin16(), inputs=2, outputs=2)
    _print_row(*_COLUMNS, *(["here"] if board else []))
    for name, kind in listed.items():
        for rule, values in _variants(kind):
            can, why = ("", "") if board is None else _on(board, rule)
            label = name if not values else f"  {', '.join(values)}"
            needs, costs = rule.needs, rule.costs(task, 1)
            _print_row(label, _nudge(needs), needs.reads, needs.moves, *costs, can)
            if why:
                _print_text(why, "    ")
        if len(listed) > 1 and board is None:
            _print_text(inspect.getdoc(kind).partition("\n")[0], "  ")  # type: ignore[union-attr]
    out.print()
    _print_text(_LEGEND)
    if board is not None:
        _print_text("quantised: with quantise = 'stochastic' or 'nearest', which sets wipers instead of resistances.")


def _variants(kind: type[Rule]) -> Iterator[Variant]:
    """Give the variants of a rule whose needs differ: of the values of fields that are one of few words."""
    words = {
        key: get_args(field.annotation)
        for key, field in kind.model_fields.items()
        if key != "name" and get_origin(field.annotation) is Literal
    }
    seen: set[Needs] = set()
    for values in product(
        *(sorted(each, key=lambda v: v != kind.model_fields[k].default) for k, each in words.items())
    ):
        given = dict(zip(words, values, strict=True))
        rule = kind.model_construct(**given)  # without what has no default: needs do not depend on it
        if rule.needs not in seen:
            seen.add(rule.needs)
            yield Variant(rule, tuple(v for key, v in given.items() if v != kind.model_fields[key].default))


def _nudge(needs: Needs) -> str:
    parts = (needs.nudge or "none", "twins" if needs.both_twins else "", "resistors" if needs.linear else "")
    return ", ".join(part for part in parts if part)


def _on(board: Board, rule: Rule) -> tuple[str, str]:
    """Say whether a board can do a rule, and why not."""
    info, nodes = board.info, range(board.network.node_count)
    output = (nodes if info.readable is None else info.readable)[0]
    other = next(node for node in nodes if node != output)
    plan = Plan.model_construct(task=tasks.Allostery(board.network, {other: 1.0}, {output: 1.0}), rule=rule, steps=1)
    why = ""
    for said, setting in (("yes", plan), ("quantised", plan.model_copy(update={"quantise": "stochastic"}))):
        try:
            check_needs(info, setting)
        except NotSupported as error:
            why = str(error)
        else:
            return said, ""
    return "no", why


def _print_fields(kind: type[Rule]) -> None:
    """Print all that is said of a rule, and its keys in a file."""
    out.print()
    out.print(inspect.getdoc(kind), markup=False, soft_wrap=True)
    out.print()
    table = Table(box=None, pad_edge=False)
    for column in ("key", "left out", "allowed"):
        table.add_column(column)
    for key, field in kind.model_fields.items():
        words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        allowed = (
            ", ".join(map(repr, words)) or field.description or ("true, false" if field.annotation is bool else "")
        )
        default = "must be given" if field.is_required() else "none" if field.default is None else repr(field.default)
        table.add_row(*map(Text, (key, default, allowed)))
    out.print(table)


def _print_row(*cells: object) -> None:
    """Print a row of the table of rules: numbers to the right."""
    aligned = (
        f"{cell:>{width}}" if 4 <= k <= 6 else f"{cell:<{width}}"
        for k, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=False))
    )
    out.print("  ".join(aligned).rstrip(), markup=False, soft_wrap=True)


def _print_text(text: str, indent: str = "") -> None:
    wrapped = textwrap.fill(text, _WIDE, initial_indent=indent, subsequent_indent=indent)
    out.print(wrapped, markup=False, soft_wrap=True)


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
        out.print(f"wrote {folder / f'{before}{name}'}", soft_wrap=True)


def _print_comparison(compared: RuleComparison) -> None:
    """Print a table a task, and what they say."""
    for task in compared.tasks:
        title = f"{task}: learned at {compared.learned(task):g}"
        table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
        table.add_column("rule", overflow="fold")
        table.add_column("measures", no_wrap=True)
        table.add_column("nudge", no_wrap=True)
        for column in ("train error [quartiles]", "test", "settle", "read", "write", "failed"):
            table.add_column(column, justify="right", no_wrap=True)
        rows = compared.table[compared.table["task"] == task]
        for _, row in rows.iterrows():
            table.add_row(*map(Text, _cells(row)))
        out.print(table)
        for _, row in rows[rows["why"].fillna("") != ""].iterrows():
            out.print(f"{row['rule']}: {row['why'].partition('. ')[0]}", markup=False, soft_wrap=True)
        for _, row in rows[rows["missing"] != ""].iterrows():
            out.print(f"{row['rule']}: {row['missing']}", markup=False, soft_wrap=True)
        out.print()
    out.print(
        f"errors: of the start's, of the median of {len(compared.file.seeds)} seeds after {compared.file.settlings:,} "
        "settlings. settle, read, write: settlings, voltages read, wipers or resistances written until the median seed "
        "has learned it",
        soft_wrap=True,
    )
    for line in compared.verdicts:
        out.print(line, markup=False, soft_wrap=True)


def _cells(row: "pd.Series[Any]") -> Iterator[str]:
    """Give what a row of the table says."""
    yield row["rule"]
    yield row["reads"]
    yield _nudge(Needs(**{key: row[key] for key in Needs._fields}))
    if row["missing"]:
        yield "not on this board"
        return
    yield f"{_error(row['train'])} [{_error(row['train_low'])}, {_error(row['train_high'])}]"
    accuracy = "" if pd.isna(row["accuracy"]) else f" ({row['accuracy']:.0%})"
    yield "" if pd.isna(row["test"]) else f"{_error(row['test'])}{accuracy}"
    for what in ("settlings", "readings", "writes"):
        spent = row[f"{what}_learned"]
        yield "-" if pd.isna(spent) else f"{spent:,.0f}"
    yield f"{row['failed']:.0f}" if row["failed"] else ""


def _error(value: float) -> str:
    """Say an error; what is rounding is not told apart."""
    return f"<{_ROUNDING:g}" if value < _ROUNDING else f"{value:.2g}"
