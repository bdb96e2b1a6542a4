"""Scaled errors against steps x p out of characters, both axes logarithmic."""

import numpy as np
from rich.text import Text

from labnet.live.braille import character, curve
from labnet.live.tail import Tail, Trace

_STYLES = {"train": "cyan", "test": "magenta"}
_MARGIN = 7  # columns left of the chart


def error_chart(tail: Tail, width: int, rows: int) -> list[Text]:
    """Draw the errors of a run: dim as they were measured, bright their running geometric mean.

    Gives `rows` lines with the chart, one above and one below it.
    """
    start = 0.5 * tail.x_per_step  # a logarithmic axis has no place for step 0
    raw = {name: _seen(tail.errors(name, low=start, points=4 * width)) for name in tail.sets}
    raw = {name: trace for name, trace in raw.items() if len(trace.x) > 1}
    if not raw:
        return [Text("the chart of errors begins with the third measurement", style="dim"), *[Text()] * (rows + 1)]
    x, y = (np.concatenate([np.log10(trace[k]) for trace in raw.values()]) for k in (0, 1))
    left, right = float(x.min()), float(x.max())
    low, high = float(np.floor(y.min())), float(np.floor(y.max()) + 1)
    columns = width - _MARGIN - 1
    cells = [[(" ", "")] * columns for _ in range(rows)]
    curves = [(trace, f"{_STYLES[name]} dim") for name, trace in raw.items()]
    curves += [(_seen(tail.smoothed(name, low=start)), f"{_STYLES[name]} bold") for name in [*raw][::-1]]
    for trace, style in curves:
        across, up = (np.log10(trace.x) - left) / (right - left), (np.log10(trace.y) - low) / (high - low)
        dots = curve(np.clip(across, 0, 1), np.clip(up, 0, 1), columns, rows)
        for row, column in np.argwhere(dots):
            cells[row][column] = (character(int(dots[row, column])), style)
    marks = _marks(low, high, rows)
    lines = [Text.assemble((f"{mark:>{_MARGIN}}│", "dim"), *row) for mark, row in zip(marks, cells, strict=True)]
    return [_legend(list(raw)), *lines, _axis(left, right, columns, "steps × p" if tail.x_is_steps_p else "steps")]


def _seen(trace: Trace) -> Trace:
    """Leave out what logarithmic axes have no place for."""
    there = (trace.x > 0) & (trace.y > 0) & np.isfinite(trace.y)
    return Trace(trace.x[there], trace.y[there])


def _legend(names: list[str]) -> Text:
    text = Text("scaled error", style="bold")
    for name in names:
        text.append("  ━ ", style=f"not bold {_STYLES[name]}")
        text.append(name, style="not bold")
    text.append("   bright: running geometric mean", style="not bold dim")
    return text


def _marks(low: float, high: float, rows: int) -> list[str]:
    """Give what stands left of each row: decades, as many as there is room for."""
    marks = [""] * rows
    for decade in range(round(high), round(low) - 1, -1):
        row = round((high - decade) / (high - low) * (rows - 1))
        if not marks[row]:
            marks[row] = f"{10.0**decade:g} "
    return marks


def _axis(left: float, right: float, columns: int, name: str) -> Text:
    """Give decades below the chart, and at its end the name of the axis."""
    line = [" "] * columns
    free = columns - len(name)
    line[free:] = name
    for decade in range(int(np.ceil(left)), int(np.floor(right)) + 1):
        mark = f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:g}"
        at = round((decade - left) / (right - left) * (columns - 1))
        if at + len(mark) < free and line[max(at - 1, 0)] == " ":
            line[at : at + len(mark)] = mark
    return Text(" " * (_MARGIN + 1) + "".join(line), style="dim")
