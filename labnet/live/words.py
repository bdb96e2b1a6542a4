"""What the page says in words, as HTML. Everything that comes from a file is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import LinearColorMapper

from labnet.comparison import Group
from labnet.live.charts import COLOURS, SET_COLOURS
from labnet.live.phrases import progress, three_digits, title
from labnet.live.tail import GateStatistics, NetworkState, Tail
from labnet.runs.parameters import origin, parameters, shown
from labnet.tasks import Task

_FIRST = ("clock.p", "clock", "eta", "rule", "steps", "start", "task", "board", "network", "seed")
_MOST_NODES = 12  # that are listed
_LONG = 40  # letters of a label, or a cell


def header(tail: Tail) -> str:
    """Say what the run is and how far it got; of one that is not there, where it should be."""
    first, second = str(tail.path), "Nothing to show as yet. The page looks for it now and then."
    done, how_far = 0.0, ""
    if tail.status == "removed":
        first, second = title(tail), f"{tail.path} was removed; below is what was read last."
    elif tail.exists:
        first, second = title(tail), f"{tail.path} · {tail.meta['board']['address']}"
        done, how_far = tail.steps_done / tail.steps, progress(tail)
    return (
        f"<h1>{escape(first)}</h1>"
        f'<div class="right"><span class="status {escape(_word(tail.status))}">{escape(tail.status)}</span></div>'
        f'<div class="soft">{escape(second)}</div>'
        f'<div class="soft right">{how_far}</div>'
        f'<div class="progress"><i style="width: {100 * done:.2f}%"></i></div>'
    )


def _word(status: str) -> str:
    return status.partition(":")[0].partition(" ")[0]


def bullets(sentences: Iterable[str]) -> str:
    """Give sentences as a list; nothing for none."""
    items = "".join(f"<li>{escape(each)}</li>" for each in sentences)
    return items and f"<ul>{items}</ul>"


def errors(tail: Tail, averaged: bool) -> str:
    """Say the errors as last measured and the best so far: the legend of their chart."""
    said, unit = [], "steps × p" if tail.x_is_steps_p else "steps"
    for name in tail.sets:
        last, best = tail.latest(name), tail.best(name)
        if last is None or best is None:
            continue
        accuracy = "" if np.isnan(last.accuracy) else f", accuracy {last.accuracy:.1%}"
        said.append(
            f'<span class="item">{swatch(SET_COLOURS[name])}{name} <b>{last.scaled_error:.3g}</b>{accuracy} '
            f'<span class="soft">best {best.scaled_error:.3g} at {three_digits(best.x)} {unit}</span></span>'
        )
    if averaged:
        said.append('<span class="soft">thick: running geometric mean</span>')
    return " &ensp; ".join(said) or '<span class="soft">nothing measured yet</span>'


def swatch(colour: str) -> str:
    """Give a short line in a colour."""
    return f'<i class="swatch" style="background: {colour}"></i>'


def shown_at(state: NetworkState) -> str:
    """Say which step the network is shown at."""
    if state.step < 0:
        return "no step logged yet"
    example = f", example {state.example}" if state.example >= 0 else ""
    clipped = ", clipped" if state.clipped else ""
    return f"step {state.step:,}{example}{clipped}"


def gates(statistics: GateStatistics | None, tail: Tail) -> str:
    """Say how often gates were open."""
    if statistics is None:
        if tail.plan.clock.kind != "global":
            return "edges trigger themselves: nobody latches their gates"
        return not_logged(tail) or "of the latest steps nothing is logged of gates"
    return (
        f"last {statistics.count:,} logged steps: mean {statistics.mean:.3f}, p = {statistics.p:g}; "
        f"{statistics.edges_per_trigger:.1f} of {statistics.learning} edges a trigger; "
        f"{statistics.outside} outside 95 %"
    )


def traced(edges: Mapping[int, str], tail: Tail) -> str:
    """Give the legend of the traces of edges, by their colours."""
    legend = " ".join(f"{swatch(colour)}{edge}&ensp;" for edge, colour in edges.items())
    return not_logged(tail) or f"edges {legend}"


def not_logged(tail: Tail) -> str:
    """Say why there is nothing to draw of wipers and gates; nothing where there is."""
    if tail.last_step < 0:
        return "no step logged yet"
    return "" if tail.plan.detail == "full" else "not logged; detail = 'full' logs it"


def settings(meta: Mapping[str, Any], task: Task) -> str:
    """Give a table of what a run was made with, what matters most first; below it, when and by what it was made."""
    rows = {key: shown(value) for key, value in parameters(meta).items() if key != "network.digest"}
    rows |= {f"task.{role}": _nodes(getattr(task, role)) for role in ("inputs", "outputs", "grounds")}
    order = sorted(
        rows, key=lambda key: next((k for k, first in enumerate(_FIRST) if key.startswith(first)), len(_FIRST))
    )
    made = origin(meta)
    small = [[key, shown(made[key])] for key in ("created", "versions.labnet", "git.commit") if key in made]
    return (
        f'<div class="columns">{table([], [[key, rows[key]] for key in order])}</div>'
        f"<details><summary>when and by what it was made</summary>{table([], small)}</details>"
    )


def _nodes(nodes: Sequence[int]) -> str:
    """List nodes by their numbers; of many, how many there are too."""
    listed = ", ".join(map(str, nodes[:_MOST_NODES]))
    if len(nodes) > _MOST_NODES:
        return f"{len(nodes)} nodes: {listed}, …"
    return f"node{'s' if len(nodes) > 1 else ''} {listed}" if nodes else "none"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table whose first column names its rows."""
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = []
    for first, *cells in rows:
        lines.append(f"<tr><th>{escape(first)}</th>{''.join(map(_data, cells))}</tr>")
    return f"<table>{titles and f'<thead><tr>{titles}</tr></thead>'}<tbody>{''.join(lines)}</tbody></table>"


def _data(text: str) -> str:
    """Give a cell; of a long one, which may be cut, all of it is told where somebody points at it."""
    return f'<td title="{escape(text)}">{escape(text)}</td>' if len(text) > _LONG else f"<td>{escape(text)}</td>"


def comparison_header(names: Sequence[str], running: int) -> str:
    """Say which runs are compared."""
    status = f'<span class="status running">{running} running</span>' if running else ""
    return (
        f'<h1>{len(names)} runs compared</h1><div class="right">{status}</div>'
        f'<div class="soft">{escape(", ".join(names))}</div>'
    )


def curves(averaged: bool, repeated: bool) -> str:
    """Say what is drawn of groups."""
    said = ["repeats: medians, and bands between quartiles"] if repeated else []
    return "; ".join([*said, "one run: running geometric mean"] if averaged else said)


def ramp(name: str, colours: LinearColorMapper, unit: str) -> str:
    """Give a bar of colours, from its lowest value to its highest."""
    stops = ", ".join(colours.palette[::15])
    bar = f'<i class="ramp" style="background: linear-gradient(to right, {stops})"></i>'
    return f'<span class="item">{name} {colours.low:.3g} {bar} {colours.high:.3g} {unit}</span> &ensp; '


def groups(groups: Sequence[Group], names: Sequence[str], tested: bool) -> str:
    """Give the legend of the errors of groups: by their labels; before long ones, which may be cut, by their runs."""
    said = []
    for k, group in enumerate(groups):
        repeats = f' <span class="soft">({len(group.runs)} repeats)</span>' if len(group.runs) > 1 else ""
        runs = "" if len(group.label) <= _LONG else f"{', '.join(names[run] for run in group.runs)}: "
        said.append(
            f'<span class="item" title="{escape(group.label)}">{swatch(COLOURS[k % len(COLOURS)])}'
            f'<span class="name">{escape(runs + group.label)}</span>{repeats}</span>'
        )
    return " &ensp; ".join(said) + (' &ensp; <span class="soft">test dashed</span>' if tested else "")


def differences(data: pd.DataFrame) -> str:
    """Give what differs between runs (`Comparison.parameters`), the fewer of the two as columns."""
    if data.empty:
        return "nothing but what is measured"
    return frame(data, "") if len(data.index) > len(data.columns) else frame(data.T, "run")


def frame(data: pd.DataFrame, index: str) -> str:
    """Give a frame as a table; nothing for one without columns."""
    if data.columns.empty:
        return ""
    data = data.dropna(axis="columns", how="all")
    rows = ([str(name), *map(_cell, row)] for name, row in zip(data.index, data.to_numpy(dtype=object), strict=True))
    return table([index, *map(str, data.columns)], rows)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else shown(value)
