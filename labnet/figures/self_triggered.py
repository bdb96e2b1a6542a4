"""Edges without a global clock: do they learn as well at equally many updates, and what is too short or too slow."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.addresses import open_board
from labnet.analysis import Interval, median, ratio_of_medians
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import Figure, Findings, FloatArray, Sweeps, late_error, verdict, wide

_P = "clock.p"
_BEST = 0.5  # the global p that is compared with; the edges' bias is that of it
_WORSE = 2.0  # medians above that of the global clock by more than this factor count as worse
_DWELL = "clock.dwell_s"
_SEEDS = ("task.seed", "seed", "board.seed", "steps")  # what every curve goes over, and what follows from the rest
_MARKERS = "osD^v"


class Line(NamedTuple):
    """Final errors (T, K) of one curve at values (K,) of what it goes over, in periods of the oscillators."""

    over: str
    at: FloatArray
    errors: FloatArray


def find(sweeps: Sweeps) -> Findings:
    """Compare every curve with the global clock on the same tasks."""
    lines = _lines(sweeps)
    numbers: dict[str, Any] = {}
    found, answers = [], []
    for name, line in lines.items():
        task = name.partition(": ")[0]
        numbers[name] = {
            "tasks": len(line.errors),
            line.over: line.at.tolist(),
            "median_error": [median(each) for each in line.errors.T],
        }
        if line.over == _P:
            continue
        over = {f"{p:g}": _against(line, errors) for p, errors in _global(lines, task).items()}
        numbers[name] |= {"over_global_clock": over}
        ratios = over[f"{_BEST:g}"]
        worse = [
            f"{at:.3g}" for at, ratio in zip(line.at, ratios, strict=True) if ratio.low > 1 and ratio.value > _WORSE
        ]
        found.append(f"{name}: worse than {_WORSE:g} times the global clock at {', '.join(worse) or 'none'} (periods)")
        if line.over == _DWELL:
            one = int(np.argmin(np.abs(line.at - 1.0)))
            each = ", ".join(f"{ratio[one]} (p = {p})" for p, ratio in over.items())
            found[-1] += f"; at a dwell of a period, median error over that of the global clock {each}"
            answers.append(ratios[one].low <= 1)
    return Findings(numbers, tuple(found), verdict(*answers))


def _against(line: Line, reference: FloatArray) -> list[Interval]:
    """Give the ratios of the medians to that of the errors (T,) of the same tasks."""
    return [ratio_of_medians(errors, reference) for errors in line.errors.T]


def _global(lines: dict[str, Line], task: str) -> dict[float, FloatArray]:
    """Give the errors (T,) of a task with the global clock, by p."""
    line = lines[f"{task}: global"]
    return dict(zip(line.at.tolist(), line.errors.T, strict=True))


def _lines(sweeps: Sweeps) -> dict[str, Line]:
    """Give final errors of all curves; those of the tasks that all of them have."""
    made = {}
    for name, sweep in sweeps.items():
        over = next(column for column in sweep.over.columns if column not in _SEEDS)
        errors, at = wide(late_error(sweep, "train"), over, "scaled_error")
        with open_board(sweep.experiment.board) as board:
            hz = board.info.self_trigger_hz or np.nan
        made[name] = Line(over, at if over == _P else at * hz, errors)
    return made


def draw(sweeps: Sweeps, findings: Findings) -> Picture:
    """Draw errors against dwell, on an ideal and a lab board, clamp and settling."""
    lines = _lines(sweeps)
    made, panels = picture(rows=2, columns=2)
    dwells = [name for name, line in lines.items() if line.over == _DWELL]
    for axes, lab, title in zip(panels, (False, True), ("a  ideal board", "b  lab board"), strict=False):
        _draw(axes, lines, [name for name in dwells if (", lab" in name) == lab])
        labelled(axes, "dwell (periods of an edge's clock)", "final scaled error", title, loc="upper left")
    clamps = [name for name in lines if "clamp" in name or "lag" in name]
    _draw(panels[2], lines, clamps)
    labelled(panels[2], "clamp period, lag (periods)", "final scaled error", "c  allostery, η = 0.1", loc="upper left")
    _draw(panels[3], lines, [name for name in lines if "settling" in name])
    labelled(panels[3], "settling time constant (periods)", "final scaled error", "d  ideal board", loc="upper left")
    return made


def _draw(axes: Axes, lines: dict[str, Line], names: list[str]) -> None:
    """Draw curves, and beside each task's the global clock as a dashed line."""
    shown: dict[str, str] = {}
    for marker, colour, name in zip(_MARKERS, plots.colours(len(names)), names, strict=False):
        line, (task, _, what) = lines[name], name.partition(": ")
        short = task.removesuffix(", lab")
        label = short if line.over == _DWELL else f"{short}, {what.removeprefix('settling, ')}"
        points(axes, line.at, line.errors, colour, label.replace("allostery, η = 0.1, ", ""), marker)
        if task not in shown:
            shown[task] = colour
            level = float(np.median(_global(lines, task)[_BEST]))
            axes.axhline(level, color="black" if "η" in task else colour, lw=1, ls="--")
    axes.plot([], [], color="black", lw=1, ls="--", label="global clock, p = 0.5")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(top=axes.get_ylim()[1] * 20)  # room for the legend


FIG_SELF_TRIGGERED = Figure(
    "self-triggered",
    "Edges with entirely self-triggered updates should also function well (at equal updates, against a global clock).",
    find,
    draw,
)
