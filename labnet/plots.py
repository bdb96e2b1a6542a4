"""Pictures of runs: scaled error, wiper traces, the network with its resistances."""

from collections.abc import Sequence
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from labnet.networks import Network
from labnet.tasks.task import ExampleSet

if TYPE_CHECKING:
    import pandas as pd

    from labnet.comparison import Comparison
    from labnet.runs import Run

FloatArray = NDArray[np.float64]

_MOST_POINTS = 2000  # of a trace; more cannot be seen
_MOST_TRACES = 8
_MOST_TRACED = 4  # runs whose traces are drawn beside their errors
_MOST_NUMBERS, _MOST_NAMES = 10, 30  # runs in a map of distances that have their numbers, and names, written
MOST_NUMBERED = 30  # nodes that have their numbers drawn
_DENSE = 200  # points of a curve that is drawn with its mean
_LETTERS = 110  # of a line above a figure
_NAME = 48  # of a line of a setting's name, beside other panels, of which there are at most two
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b", "#a6761d")
_STYLES: dict[ExampleSet, str] = {"train": "-", "test": "--"}
_ACTIVE = "#ff9ec4"
_ROLES = {
    "inputs": ("input", "#d55e00", "s"),
    "outputs": ("output", "#0072b2", "o"),
    "grounds": ("ground", "#444444", "v"),
}


def run_figure(run: "Run") -> Figure:
    """Draw one run: scaled error, traces, and the network as it ended."""
    figure = Figure(figsize=(11, 6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1.0))
    error(figure.add_subplot(grid[0, 0]), run)
    traces(figure.add_subplot(grid[1, 0]), run)
    network(figure.add_subplot(grid[:, 1]), run)
    figure.suptitle(_title(run), fontsize=11)
    return figure


def comparison_figure(compared: "Comparison") -> Figure:
    """Draw several runs: their errors together, distances between solutions, and the traces of each where they are few.

    Bands are quartiles over repeats. (Errors and traces of single runs are Figs. 4A and 4B of wycoff2022.)
    """
    distances, count = compared.distances(), len(compared.runs)
    traced = [f"trace {k}" for k in range(count if count <= _MOST_TRACED else 0)]
    mapped = ["map"] if count > 2 and distances.notna().any(axis=None) else []
    if traced:  # beside the errors, and the map below these
        maps = len(mapped) * (count // 2)
        rows: list[Any] = [list(row) for row in zip(["error"] * (count - maps) + ["map"] * maps, traced, strict=True)]
    else:
        rows = [["error", *mapped]]
    figure = Figure(figsize=(11, max(4.5, 2.2 * len(rows))), layout="constrained")
    panels = figure.subplot_mosaic(rows)
    compared_errors(panels["error"], compared)
    if mapped:
        _distance_map(panels["map"], distances)
    if traced:
        _all_traces([panels[name] for name in traced], compared)
    titles = {run.meta["experiment"].get("title") or run.task_kind for run in compared.runs}
    figure.suptitle("\n".join(sorted(titles)[:3]), fontsize=11)
    return figure


def _all_traces(panels: Sequence[Axes], compared: "Comparison") -> None:
    """Draw the traces of each run, to one scale."""
    palette = colours(len(compared.groups))
    alike = len({run.plan.rule.name for run in compared.runs}) == 1
    for k, group in enumerate(compared.groups):
        for run in group.runs:
            axes = panels[run]
            traces(axes, compared.runs[run], legend=False)
            name = group.label if len(group.runs) == 1 else f"{compared.names[run]}: {group.label}"
            axes.set_title(_wrapped(name), fontsize=9, loc="left", color=palette[k])
    for axes in panels[1:]:
        axes.sharex(panels[0])
        if alike:
            axes.sharey(panels[0])
    for axes in panels[:-1]:
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False)
    panels[0].set_xlim(0, max(run.plan.steps * run.updates_per_step for run in compared.runs))


def _wrapped(name: str) -> str:
    """Give the name of a setting in two lines at most."""
    return fill(shorten(name, 2 * _NAME - 10, placeholder=" ..."), _NAME)


def _distance_map(axes: Axes, distances: "pd.DataFrame") -> None:
    """Draw distances between runs as colours, with numbers where there is room."""
    count = len(distances)
    cmap = colormaps["viridis_r"].with_extremes(bad="#dddddd")
    image = axes.imshow(distances.to_numpy(), cmap=cmap, vmin=0, aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="in units of R_ref")
    if count <= _MOST_NUMBERS:
        half = float(np.nanmax(distances.to_numpy())) / 2
        for (i, j), value in np.ndenumerate(distances.to_numpy()):
            text = f"{value:.2f}" if value == value else "–"
            axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if value > half else "black")
    each = range(0, count, max(1, -(-count // _MOST_NAMES)))
    axes.set_xticks(each, [distances.columns[k] for k in each], rotation=45, ha="right", fontsize=8)
    axes.set_yticks(each, [distances.index[k] for k in each], fontsize=8)
    axes.set_title("distance between solutions", fontsize=9, loc="left")


def compared_errors(axes: Axes, compared: "Comparison") -> None:
    """Draw scaled error of each group of runs against steps x p: train sets as lines, test sets dashed."""
    palette = dict(zip((group.label for group in compared.groups), colours(len(compared.groups)), strict=True))
    for name, style in _STYLES.items():
        for label, part in compared.errors(name).groupby("group", sort=False):
            colour = palette[str(label)]
            x, middle = part["steps_p"].to_numpy(), part["median"].to_numpy()
            runs = part["n"].max()
            said = f"{_wrapped(str(label))}{'' if runs == 1 else f' ({runs} runs)'}{', test' if name == 'test' else ''}"
            if runs == 1:
                _error_line(axes, x, middle, style, colour, said)
                continue
            axes.plot(x, middle, style, color=colour, lw=1.6, label=said)
            axes.fill_between(x, part["low"], part["high"], color=colour, alpha=0.18, lw=0)
    _error_axes(axes)
    if any(len(group.runs) > 1 for group in compared.groups):
        axes.set_title("line and band: median and quartiles over runs", fontsize=9, loc="left")


def error(axes: Axes, run: "Run") -> None:
    """Draw the scaled error of a run against steps x p: the train set as a line, the test set dashed."""
    frame = run.frame("error")
    for name, style in _STYLES.items():
        part = frame[frame["set"] == name]
        if not len(part):
            continue
        accuracy = part["accuracy"].iloc[-1]
        label = name if np.isnan(accuracy) else f"{name}, accuracy {accuracy:.0%}"
        _error_line(axes, part["steps_p"].to_numpy(), part["scaled_error"].to_numpy(), style, _COLOURS[0], label)
    _error_axes(axes)


def _error_line(axes: Axes, x: FloatArray, y: FloatArray, style: str, colour: str, label: str) -> None:
    """Draw one curve; a dense one pale, with its running mean over it."""
    if len(x) <= _DENSE:
        axes.plot(x, y, style, color=colour, lw=1, label=label)
        return
    axes.plot(x, y, style, color=colour, lw=1, alpha=0.25)
    axes.plot(x, smoothed(y), style, color=colour, lw=1.6, label=label)


def _error_axes(axes: Axes) -> None:
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.set_xlabel("steps × p")
    dense = any(line.get_alpha() for line in axes.lines)
    axes.set_ylabel("scaled error" + (" (thick: running geometric mean)" if dense else ""))
    axes.grid(alpha=0.25)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)


def traces(axes: Axes, run: "Run", legend: bool = True) -> None:
    """Draw what learning moved, for some edges spread over the network, against steps x p."""
    steps = _thinned(run.steps())
    values, label = run.moved(steps), "wiper position"
    if run.plan.moves == "resistances":
        values, label = values / 1e3, "resistance (kΩ)"
    edges = np.unique(np.linspace(0, run.network.edge_count - 1, _MOST_TRACES).astype(int))
    for colour, edge in zip(colours(len(edges)), edges, strict=True):
        axes.plot(steps * run.updates_per_step, values[:, edge], color=colour, lw=1, label=f"{edge}")
    axes.set_xlabel("steps × p")
    axes.set_ylabel(label)
    axes.set_xlim(left=0)
    if run.plan.detail == "short":
        axes.text(0.5, 0.5, "wipers are logged with detail = 'full'", ha="center", transform=axes.transAxes)
    if run.plan.moves == "wipers":
        axes.set_ylim(-3, run.meta["board"]["wiper_positions"] + 2)
    axes.grid(alpha=0.25)
    if legend:
        axes.legend(
            title=f"edge (of {run.network.edge_count})",
            frameon=False,
            fontsize=8,
            title_fontsize=8,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
        )


def network(axes: Axes, run: "Run", step: int | None = None) -> None:
    """Draw the network at a logged step (the end by default).

    Edges are coloured by resistance (grey where not logged); those that were active (gate open) at the latest step
    with updates have a halo.
    """
    steps = run.steps()
    if not len(steps):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no step logged yet", ha="center")
        return
    step = int(steps[-1] if step is None else step)
    edges, starts, ends = edge_lines(run.network)
    segments = np.stack([starts, ends], axis=1)
    active, v_free = _last_update(run, steps, step)
    halo = LineCollection(list(segments[active[edges]]), colors=_ACTIVE, linewidths=9, capstyle="round", zorder=1)
    axes.add_collection(halo)
    kohm = run.resistances_ohm([step])[0] / 1e3
    scale = Normalize(0, np.nanmax([*kohm, run.network.r_ref_ohm / 1e3]))
    cmap = colormaps["viridis_r"].with_extremes(bad="#bbbbbb")
    lines = LineCollection(list(segments), cmap=cmap, norm=scale, linewidths=3.5, zorder=2)
    lines.set_array(np.ma.masked_invalid(kohm[edges]))
    axes.add_collection(lines)
    axes.figure.colorbar(lines, ax=axes, label="resistance (kΩ)", shrink=0.6, pad=0.02)
    _draw_nodes(axes, run, v_free)
    axes.set_aspect("equal")
    axes.margins(0.12)
    axes.set_axis_off()
    axes.set_title(f"at step {step}", fontsize=9)


def edge_lines(network: Network) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Give what is drawn of edges: each its number, start and end.

    An edge across a border of a periodic network would lie on others: a stub at either end stands for it.

    Returns
    -------
    edges : numpy.ndarray of int64, shape (L,)
        First all edges in their order, then once more those of which the other stub is drawn.
    starts, ends : numpy.ndarray, shape (L, 2)
    """
    at, numbers = network.layout, np.arange(network.edge_count)
    a, b = network.edges.T
    apart, size = at[b] - at[a], np.ptp(at, axis=0)
    around = (np.abs(apart) > 0.5 * size) & ("-periodic" in network.name)
    across = around.any(axis=1)
    if not across.any() or across.all():
        return numbers, at[a], at[b]
    usual = np.median(np.linalg.norm(apart[~across], axis=1))
    stubs = 0.4 * (apart - around * np.sign(apart) * (size + usual))
    starts, ends = np.vstack([at[a], at[b[across]]]), np.where(across[:, None], at[a] + stubs, at[b])
    return np.append(numbers, numbers[across]), starts, np.vstack([ends, (at[b] - stubs)[across]])


def _draw_nodes(axes: Axes, run: "Run", v_free: NDArray[np.float64]) -> None:
    at, task = run.network.layout, run.task
    numbered = run.network.node_count <= MOST_NUMBERED
    axes.scatter(at[:, 0], at[:, 1], s=90 if numbered else 18, color="#777777", zorder=3)
    for node in range(len(at) if numbered else 0):
        above = 1.5 if node in task.grounds else 0  # where a triangle is wide
        look: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 6.5, "color": "white", "zorder": 6}
        axes.annotate(str(node), at[node], (0, above), textcoords="offset points", **look)
    handles = [Line2D([], [], color=_ACTIVE, lw=7, label="active edge (gate open)")]
    label = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for role, (name, colour, marker) in _ROLES.items():
        nodes = list(getattr(task, role))
        if not nodes:
            continue
        axes.scatter(at[nodes, 0], at[nodes, 1], s=190, color=colour, marker=marker, edgecolor="white", zorder=4)
        handles.append(Line2D([], [], ls="", marker=marker, color=colour, ms=9, label=name))
    if len(task.train) == 1:
        volts = [(n, f"{v:.2f} V") for n, v in zip(task.inputs, task.train.inputs[0], strict=True)]
        reached = v_free[list(task.outputs)]
        for node, now, wanted in zip(task.outputs, reached, task.wanted(reached, task.train.targets[0]), strict=True):
            said = {f"{now:.2f} V": now, f"wanted {wanted:.2f} V": wanted}
            volts.append((node, ", ".join(text for text, value in said.items() if np.isfinite(value))))
        for node, text in volts:
            axes.annotate(
                text,
                at[node],
                (0, 11),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                zorder=5,
                bbox=label,
            )
    axes.legend(handles=handles, frameon=False, fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0.0))


def _last_update(run: "Run", steps: NDArray[np.int64], step: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Give the open gates (E,) and free voltages (n,) of the latest step up to `step` that logged them."""
    for earlier in steps[steps <= step][::-1][:2]:
        enabled = run.array("enabled", [earlier])[0]
        if (enabled >= 0).all():
            return np.asarray(enabled == 1), run.array("v_free", [earlier])[0]
    return np.zeros(run.network.edge_count, dtype=np.bool_), np.full(run.network.node_count, np.nan)


def _thinned(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(steps) <= _MOST_POINTS:
        return steps
    return np.asarray(steps[np.linspace(0, len(steps) - 1, _MOST_POINTS).astype(int)])


def smoothed(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the running geometric mean over a tenth of what came before: even on a logarithmic axis."""
    logs = np.log(np.maximum(y, 1e-300))
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    k = np.arange(1, len(y) + 1)
    window = averaged(k)
    return np.asarray(np.exp((sums[k] - sums[k - window]) / window))


def averaged(count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give over how many of the last of `count` measurements `smoothed` averages."""
    return np.maximum(count // 20 * 2, 1)  # even, so that a cycle of two steps is averaged away


def colours(count: int) -> list[str]:
    """Give that many colours that colour-blind eyes tell apart, over again after eight."""
    return [_COLOURS[k % len(_COLOURS)] for k in range(count)]


def _title(run: "Run") -> str:
    title = run.meta["experiment"].get("title", "")
    terms = f"{run.task_kind} on {run.meta['board']['address']}, {run.plan.clock}, {run.plan.steps:,} steps"
    terms = f"{terms}\n{fill(run.plan.method, _LETTERS)}"
    return f"{title}\n{terms}" if title else terms
