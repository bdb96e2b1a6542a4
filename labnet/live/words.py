"""What the page says in words, as HTML. Everything that comes from a file is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from labnet.comparison import Group
from labnet.live.charts import COLOURS, SET_COLOURS
from labnet.live.phrases import progress, three_digits, title
from labnet.live.tail import GateStatistics, NetworkState, Tail
from labnet.runs.parameters import origin, parameters, shown


def header(tail: Tail) -> str:
    """Say what the run is and how far it got; of one that is not there, where it should be."""
    first, second = str(tail.path), "Nothing to show as yet. The page looks for it now and then."
    done, how_far = 0.0, ""
    if tail.exists:
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


def errors(tail: Tail) -> str:
    """Say the errors as last measured and the best so far: the legend of their chart."""
    said = []
    for name in tail.sets:
        last, best = tail.latest(name), tail.best(name)
        if last is None or best is None:
            continue
        accuracy = "" if np.isnan(last.accuracy) else f", accuracy {last.accuracy:.1%}"
        said.append(
            f"{swatch(SET_COLOURS[name])}{name} <b>{last.scaled_error:.3g}</b>{accuracy} "
            f'<span class="soft">best {best.scaled_error:.3g} at {three_digits(best.x)}</span>'
        )
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


def settings(meta: Mapping[str, Any]) -> str:
    """Give a table of what a run was made with."""
    rows = {key: value for key, value in parameters(meta).items() if key != "network.digest"}
    made = origin(meta)
    rows |= {key: made[key] for key in ("created", "versions.labnet", "git.commit") if key in made}
    return f'<div class="columns">{table([], [[key, shown(value)] for key, value in rows.items()])}</div>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table whose first column names its rows."""
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = []
    for first, *cells in rows:
        lines.append(f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(each)}</td>' for each in cells)}</tr>")
    return f"<table>{titles and f'<thead><tr>{titles}</tr></thead>'}<tbody>{''.join(lines)}</tbody></table>"


def comparison_header(names: Sequence[str], running: int) -> str:
    """Say which runs are compared."""
    status = f'<span class="status running">{running} running</span>' if running else ""
    return (
        f'<h1>{len(names)} runs compared</h1><div class="right">{status}</div>'
        f'<div class="soft">{escape(", ".join(names))}</div>'
    )


def groups(groups: Sequence[Group], tested: bool) -> str:
    """Give the legend of the errors of groups."""
    said = []
    for k, group in enumerate(groups):
        repeats = f' <span class="soft">({len(group.runs)} repeats)</span>' if len(group.runs) > 1 else ""
        said.append(f"{swatch(COLOURS[k % len(COLOURS)])}{escape(group.label)}{repeats}")
    return " &ensp; ".join(said) + (' &ensp; <span class="soft">test dashed</span>' if tested else "")


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
