"""A run in a terminal: how it goes, in words and a small chart."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from labnet.errors import NotARun, RunError
from labnet.live.braille import bars
from labnet.live.phrases import progress, title
from labnet.live.tail import Tail
from labnet.live.text_chart import error_chart
from labnet.runs.parameters import parameters, shown, task_kind

_LOOK_EVERY_S = 0.5
_LINE_EVERY_S = 1.0  # at most, where lines are logged
_WIDE = 110  # columns from which parameters stand beside the chart
_PARAMETERS = 46  # columns of them
_FIRST = ("file", "board", "board.preset", "task.kind", "clock.p", "clock.dwell_s", "rule.name", "eta", "seed")
_LINES = 3  # of parameters where they stand below it
_WARNINGS = 3
_BINS = 32  # columns of a histogram
_STATUS = {"running": "green", "complete": "green", "failed": "red", "stopped": "red", "interrupted": "yellow"}


def follow(path: Path, console: Console, wait: bool = False) -> None:
    """Show a run until it is through, in a terminal; elsewhere say a line whenever something is new.

    Parameters
    ----------
    path : path
        A run file.
    console : rich.console.Console
        Where to.
    wait : bool
        Wait for a run that is not there yet, and for one that was stopped to go on.

    Raises
    ------
    NotARun
        There is none, it is something else, or it was removed.
    """
    tail = Tail(path)
    if not (tail.exists or wait):
        raise NotARun(f"there is no run file {path} yet; --wait waits for it.")
    if not console.is_terminal:
        for _ in _looks(tail, wait, _LINE_EVERY_S):
            console.print(line(tail), soft_wrap=True, markup=False)
        return
    view = View(tail)
    with Live(view, console=console, auto_refresh=False) as live:
        for _ in _looks(tail, wait, _LOOK_EVERY_S):
            live.refresh()


def _looks(tail: Tail, wait: bool, every_s: float) -> Iterator[None]:
    """Look again and again until the run is through; says each time that something is new, and at the end."""
    first = True
    while True:
        was_there = tail.exists
        if tail.refresh() or first:
            yield
        if was_there and not tail.exists:
            raise NotARun(f"{tail.path} was removed while it was watched.")
        through = tail.status == "complete" or tail.status.startswith("failed")
        if not tail.behind and (through or not (wait or tail.status == "running")):
            return
        first = False
        if not tail.behind:
            time.sleep(every_s)


def line(tail: Tail) -> str:
    """Give a line for a log: when, status, steps, errors, task and rule, warnings."""
    parts = [f"{time.strftime('%H:%M:%S')} {tail.status}"]
    if tail.exists:
        method = f"{task_kind(tail.meta)} by {tail.plan.rule.name}"
        parts += [progress(tail), *_errors(tail), method]
        parts += [f"warning: {each}" for each in tail.warnings()]
    return " | ".join(parts)


def _errors(tail: Tail) -> Iterator[str]:
    for name in tail.sets:
        latest, best = tail.latest(name), tail.best(name)
        assert latest is not None
        assert best is not None
        accuracy = "" if latest.accuracy != latest.accuracy else f", accuracy {latest.accuracy:.1%}"
        yield f"{name} error {latest.scaled_error:.3g}{accuracy}, best {best.scaled_error:.3g}"


class View:
    """What the terminal shows of a run, as wide and high as it is; rich draws it."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        try:
            yield from list(self._parts(options.max_width, options.size.height - 1))
        except RunError as error:  # the file went away since the last look, which the next one says better
            yield Text(str(error), style="yellow")

    def _parts(self, width: int, height: int) -> Iterator[RenderableType]:
        tail = self.tail
        if not tail.exists:
            yield Text(f"{tail.path} is {tail.status}.", style="dim")
            return
        wide = width >= _WIDE
        told = _parameters(tail)
        head, foot = _head(tail), [_wipers(tail), _gates(tail), *_warnings(tail)]
        if not wide:
            foot = [*_in_lines(told, width)[:_LINES], *foot]
        chart_width = width - _PARAMETERS - 2 if wide else width
        rows = min(max(height - len(head) - len(foot) - 2, 3), max(chart_width // 4, 6))
        chart = Group(*error_chart(tail, chart_width, rows))
        if wide:
            beside = Table.grid(padding=(0, 2, 0, 0))
            beside.add_column(width=chart_width)
            beside.add_column(width=_PARAMETERS)
            beside.add_row(chart, _in_rows(told[: rows + 2]))
            chart = Group(beside)
        for each in (*head, chart, *foot):
            if isinstance(each, Text):
                each.truncate(width, overflow="ellipsis")
            yield each


def _head(tail: Tail) -> list[RenderableType]:
    style = _STATUS.get(tail.status.partition(":")[0], "")
    first = Table.grid(expand=True)
    first.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    first.add_column(justify="right", no_wrap=True)
    first.add_row(Text(title(tail), style="bold"), Text(f" {tail.status.partition(':')[0]}", style=f"bold {style}"))
    second = Table.grid(expand=True, padding=(0, 1))
    second.add_column(ratio=1)
    second.add_column(justify="right", no_wrap=True)
    second.add_row(ProgressBar(tail.steps, tail.steps_done), progress(tail))
    return [first, second, Text("   ".join(_errors(tail)) or "no error measured yet")]


def _wipers(tail: Tail) -> Text:
    """Draw how many edges stand where: wipers from end to end, or resistances from the least to the most."""
    state = tail.state()
    discrete = tail.plan.moves == "wipers"
    values = state.wipers[state.wipers >= 0].astype(np.float64) if discrete else state.ohm[state.ohm > 0] / 1e3
    name = "wipers" if discrete else "R"
    if not len(values):
        return Text.assemble(_name(name), ("not logged yet", "dim"))
    low, high, unit = (0, tail.meta["board"]["wiper_positions"] - 1, "") if discrete else (*_ends(values), " kΩ")
    counts, _ = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high))
    text = Text.assemble(_name(name), f"{low:g} ", (bars(counts / counts.max()), "cyan"), f" {high:.4g}{unit}")
    if discrete:
        text.append(f"   {np.count_nonzero((values == low) | (values == high))} of {len(values)} at an end")
    return text


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(f"{values.min():.3g}"), float(f"{values.max():.3g}")
    return (low, high) if low < high else (0.0, 2 * high)


def _gates(tail: Tail) -> Text:
    """Draw how often gates were open: a bar an edge, or how many edges have which share."""
    gates = tail.gates()
    if gates is None:
        why = "nobody latches them" if tail.plan.clock.kind == "self" else "not logged yet"
        return Text.assemble(_name("gates"), (why, "dim"))
    drawn = gates.share
    if len(drawn) > _BINS:
        counts, _ = np.histogram(drawn[np.isfinite(drawn)], bins=_BINS, range=(0, 1))
        drawn = counts / counts.max()
    return Text.assemble(
        _name("gates"),
        (bars(drawn), "cyan"),
        f"  open {gates.mean:.3f} (p {gates.p:g}); {gates.outside} of {gates.learning} outside ",
        f"95 %: {gates.low:.2f}-{gates.high:.2f}",
    )


def _warnings(tail: Tail) -> list[Text]:
    said = tail.warnings()
    more = [f"... and {len(said) - _WARNINGS} more"] if len(said) > _WARNINGS else []
    return [Text(f"! {each}", style="yellow") for each in [*said[:_WARNINGS], *more]]


def _name(name: str) -> tuple[str, str]:
    return f"{name:<8}", "bold"


def _parameters(tail: Tail) -> list[tuple[str, str]]:
    """Give names and values, the most important ones first."""
    given = {"file": tail.path.name, **parameters(tail.meta)}
    given.pop("network.digest", None)
    first = [name for name in _FIRST if name in given]
    return [(name, shown(given[name])) for name in [*first, *(name for name in given if name not in _FIRST)]]


def _in_rows(told: list[tuple[str, str]]) -> Table:
    """Put parameters below each other."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", min_width=max(len(name) for name, _ in told))
    table.add_column(no_wrap=True, overflow="ellipsis")
    for name, value in told:
        table.add_row(name, value)
    return table


def _in_lines(told: list[tuple[str, str]], width: int) -> list[Text]:
    """Put parameters beside each other, as many to a line as there is room for."""
    lines = [Text()]
    for name, value in told:
        item = Text.assemble((f"{name} ", "dim"), value, "   ")
        if len(lines[-1]) and len(lines[-1]) + len(item) > width + 3:
            lines.append(Text())
        lines[-1].append_text(item)
    for each in lines:
        each.rstrip()
    return lines
