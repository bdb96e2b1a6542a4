"""``labnet rules``."""

import inspect
import re
from collections.abc import Iterator
from contextlib import nullcontext
from difflib import get_close_matches
from itertools import product
from typing import Annotated, Literal, NamedTuple, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.table import Table
from rich.text import Text

from labnet import networks, tasks
from labnet.addresses import open_board
from labnet.board import Board, BoardInfo
from labnet.checks import check_needs
from labnet.cli import completion
from labnet.cli.console import app, out
from labnet.cli.tables import Column, lines, print_line, print_prose, that_fit
from labnet.errors import NotSupported, PlanError
from labnet.optimisers import Adam, Momentum, Plain
from labnet.plan import Plan
from labnet.rules import RULES, Needs, Rule

_OPTIMISERS = {each.model_fields["name"].default for each in (Plain, Momentum, Adam)}
_LESS = ("moves", "write", "reads", "read", "settle")  # what goes first where a terminal is narrow
_LEGEND = {
    "nudge": "nodes are held at a voltage, or pulled by a current or a conductance; twins: both at once, each in its "
    "own way; resistors: edges have to be.",
    "reads": "voltages of all nodes, or of outputs alone.",
    "moves": "wipers, or resistances.",
    "settle, read, write": "waits, voltages read, wipers or resistances written, of a step that shows one example on "
    "twin16, 2 outputs.",
}
_VARIANTS = "Indented: variants, called by the values of their keys."
_QUANTISED = "quantised: with quantise = 'stochastic' or 'nearest', which sets wipers instead of resistances."


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
        raise PlanError(_unknown(name))
    with nullcontext() if board is None else open_board(board) as opened:
        if name is None:
            _print_rules(RULES, opened)
            print_prose("'labnet rules NAME' says what one does, and its keys.")
        else:
            _print_page(RULES[name], opened)


def _unknown(name: str) -> str:
    """Say what may have been meant."""
    if name in _OPTIMISERS:
        return (
            f"{name!r} is an optimiser, no rule: a table [optimiser] beside [rule], name = {name!r}; it goes with "
            "every rule but the discrete one."
        )
    close = get_close_matches(name, RULES, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    return f"no rule is called {name!r}; allowed: {', '.join(RULES)}.{meant}"


def _print_rules(listed: dict[str, type[Rule]], board: Board | None) -> None:
    """Print a table of rules, each with its variants, and what each does; below it what the columns are."""
    task = tasks.Allostery.sample(networks.twin16(), inputs=2, outputs=2)
    variants = [(name, *each) for name, kind in listed.items() for each in _variants(kind)]
    needs = [rule.needs for _, rule, _ in variants]
    costs = [rule.costs(task, 1) for _, rule, _ in variants]
    can = [] if board is None else [_on(board, rule) for _, rule, _ in variants]
    columns = [
        Column("rule", [f"  {', '.join(values)}" if values else name for name, _, values in variants]),
        Column("nudge", [nudge(each) for each in needs]),
        Column("reads", [each.reads for each in needs]),
        Column("moves", [each.moves for each in needs]),
        *(
            Column(head, [str(each[k]) for each in costs], right=True)
            for k, head in enumerate(("settle", "read", "write"))
        ),
        *([] if board is None else [Column("here", can)]),
    ]
    kept, gone = that_fit(columns, _LESS)
    head, *rows = lines(kept)
    print_line(head)
    for k, ((name, _, _), row) in enumerate(zip(variants, rows, strict=True)):
        print_line(row)
        if len(listed) > 1 and board is None and (k + 1 == len(variants) or variants[k + 1][0] != name):
            print_prose(_summary(listed[name])[0], "    ")
    print_line("")
    told = [f"{what}: {meaning}" for what, meaning in _LEGEND.items() if not {*what.split(", ")} <= {*gone}]
    shown = [*told, *([_VARIANTS] if len(variants) > len(listed) else [])]
    print_prose(" ".join(shown))
    if "quantised" in can:
        print_prose(_QUANTISED)
    if gone:
        print_prose(f"A wider terminal has room for: {', '.join(gone)}.")


def _variants(kind: type[Rule]) -> Iterator[Variant]:
    """Give the variants of a rule whose needs differ: of the values of fields that are one of few words."""
    words = {key: get_args(field.annotation) for key, field in _keys(kind) if get_origin(field.annotation) is Literal}
    seen: set[Needs] = set()
    for values in product(
        *(sorted(each, key=lambda v: v != kind.model_fields[k].default) for k, each in words.items())
    ):
        given = dict(zip(words, values, strict=True))
        rule = kind.model_construct(**given)  # without what has no default: needs do not depend on it
        if rule.needs not in seen:
            seen.add(rule.needs)
            yield Variant(rule, tuple(v for key, v in given.items() if v != kind.model_fields[key].default))


def nudge(needs: Needs) -> str:
    """Say what nudges, in a few words."""
    parts = (needs.nudge or "none", "twins" if needs.both_twins else "", "resistors" if needs.linear else "")
    return ", ".join(part for part in parts if part)


def _on(board: Board, rule: Rule) -> str:
    """Say whether a board can do a rule, and why not."""
    info, nodes = board.info, range(board.network.node_count)
    output = (nodes if info.readable is None else info.readable)[0]
    other = next(node for node in nodes if node != output)
    plan = Plan.model_construct(task=tasks.Allostery(board.network, {other: 1.0}, {output: 1.0}), rule=rule, steps=1)
    for said, setting in (("yes", plan), ("quantised", plan.model_copy(update={"quantise": "stochastic"}))):
        try:
            check_needs(info, setting)
        except NotSupported:
            continue
        return said
    return f"no: {_why(info, rule.needs)}"


def _why(info: BoardInfo, needs: Needs) -> str:
    """Say in a few words what `check_needs` refuses."""
    if needs.nudge is not None and needs.nudge not in info.nudges:
        return f"needs {needs.nudge}s"
    if needs.linear and not info.law.linear:
        return "edges are no resistors"
    return f"reads all {needs.reads}"


def _print_page(kind: type[Rule], board: Board | None) -> None:
    """Print all that is said of a rule: what it does, its keys, its needs and costs."""
    name = kind.model_fields["name"].default
    for paragraph in _summary(kind):
        print_prose(paragraph)
        print_line("")
    keys, meanings = _keys(kind), _meanings(kind)
    if keys:
        print_prose(f"Keys of [rule] beside name = {name!r}:")
        table = Table(box=None, pad_edge=False, header_style="")  # styled blanks cannot be cut off
        for column in ("key", "left out"):
            table.add_column(column, no_wrap=True)
        table.add_column("allowed", max_width=max(16, out.width // 4))
        table.add_column("meaning")
        for key, field in keys:
            left_out = "must be given" if field.is_required() else _written(field.default)
            table.add_row(*map(Text, (key, left_out, _allowed(field), meanings.get(key, ""))))
        with out.capture() as printed:
            out.print(table)
        for line in printed.get().splitlines():
            typer.echo(line.rstrip())
        print_line("")
    print_line("What it needs, and what a step takes:")
    _print_rules({name: kind}, board)
    print_line("")
    print_line(f"In Python: {_python_name(kind)}")


def _python_name(kind: type[Rule]) -> str:
    module = "labnet.rules" if kind.__module__.startswith("labnet.rules.") else kind.__module__
    return f"{module}.{kind.__qualname__}"


def _keys(kind: type[Rule]) -> list[tuple[str, FieldInfo]]:
    """Give the keys of a rule in a file, but its name."""
    return [(key, field) for key, field in kind.model_fields.items() if key != "name"]


def _written(value: object) -> str:
    """Write a value as a file has it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _allowed(field: FieldInfo) -> str:
    words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return ", ".join(map(repr, words)) or field.description or ("true, false" if field.annotation is bool else "")


def _summary(kind: type[Rule]) -> list[str]:
    """Give the paragraphs of a docstring above its sections, without code."""
    above = re.split(r"\n\n\w+\n---", _plain(kind.__doc__))[0]
    paragraphs = [part for part in above.split("\n\n") if not part.startswith(" ") and not part.endswith(":")]
    return [part.replace("\n", " ") for part in paragraphs]


def _meanings(kind: type[Rule]) -> dict[str, str]:
    """Give what docstrings say of each key, those of the bases where a class refers to them."""
    found: dict[str, str] = {}
    for each in kind.__mro__:
        section = re.search(r"\n\nParameters\n-+\n(.*?)(?=\n\n\w+\n---|\Z)", _plain(each.__doc__), re.DOTALL)
        for names, text in re.findall(
            r"^(\w[^:\n]*)[^\n]*\n?((?: .*\n?)*)", section[1] if section else "", re.MULTILINE
        ):
            meaning = " ".join(text.split())
            if meaning and not meaning.startswith("As of "):
                for key in names.split(","):
                    found.setdefault(key.strip(), meaning)
    return found


def _plain(doc: str | None) -> str:
    """Give a docstring without its marks."""
    return inspect.cleandoc(doc or "").replace("`", "")
