"""Fig. 1B: test error against steps x p falls on one curve for all p."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import median
from labnet.figures.drawing import band, labelled, picture
from labnet.figures.figure import SAME, TASK, Figure, Findings, FloatArray, Sweeps, completed, grouped, verdict, wide

_AT = 60  # places on the x axis, evenly over its logarithm
_FROM = 10.0  # steps x p; before, hardly anything has been learned

Curves = dict[float, FloatArray]


def find(sweeps: Sweeps) -> Findings:
    """Compare the curves of all p on a common axis, and their ends, task by task."""
    frame = _test_errors(sweeps)
    x, scaled = curves(frame, "steps_p")
    _, unscaled = curves(frame, "step")
    late = x >= _FROM
    spread, spread_unscaled = (_spread(each)[late] for each in (scaled, unscaled))
    final, p = wide(frame.loc[frame.groupby("point")["step"].idxmax()], "clock.p", "scaled_error")
    ratios = {f"{each:g}": median(final[:, k] / final[:, -1]) for k, each in enumerate(p[:-1])}
    collapses = float(np.median(spread)) < SAME
    ends = all(1 / SAME < ratio.value < SAME for ratio in ratios.values())
    numbers = {
        "tasks": len(final),
        "spread_of_medians": {"median": np.median(spread), "largest": spread.max()},
        "spread_of_medians_against_steps": {"median": np.median(spread_unscaled), "largest": spread_unscaled.max()},
        "final_error": {f"{each:g}": median(final[:, k]) for k, each in enumerate(p)},
        "final_error_mean": {f"{each:g}": final[:, k].mean() for k, each in enumerate(p)},
        "final_error_range": {f"{each:g}": [final[:, k].min(), final[:, k].max()] for k, each in enumerate(p)},
        "final_error_over_that_of_p_1": ratios,
    }
    worst = max(ratios.values(), key=lambda ratio: abs(np.log(ratio.value)))
    found = (
        f"medians of the {len(p)} curves differ by a factor of {np.median(spread):.3g} (at most {spread.max():.3g}) on "
        f"steps x p, by {np.median(spread_unscaled):.3g} (at most {spread_unscaled.max():.3g}) on steps",
        f"final error {median(final[:, -1])} at p = {p[-1]:g}; task by task {worst} times it where it differs most",
    )
    return Findings(numbers, found, verdict(collapses, ends))


def draw(sweeps: Sweeps, findings: Findings) -> Picture:
    """Draw medians over tasks against steps x p, and against steps for comparison."""
    made, panels = picture(columns=2, sharey=True)
    frame = _test_errors(sweeps)
    for axes, along, name in zip(panels, ("steps_p", "step"), ("training steps × p", "training steps"), strict=True):
        x, by_p = curves(frame, along)
        for colour, (p, each) in zip(plots.colours(len(by_p)), by_p.items(), strict=True):
            band(axes, x, each, colour, f"p = {p:g}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        labelled(axes, name, "test scaled error", legend=axes is panels[0], loc="lower left")
    panels[1].set_ylabel("")
    _ranges(panels[0], findings.numbers["final_error_range"], frame["steps_p"].max())
    lowest = min(each.low for each in findings.numbers["final_error"].values())
    panels[0].set_ylim(1e-2 * lowest, 4)  # single tasks reach rounding error; they are cut off
    return made


def _ranges(axes: Axes, ranges: dict[str, list[float]], end: float) -> None:
    """Draw the range of final errors over tasks for each p, beside each other after the end of the curves."""
    for k, (colour, (low, high)) in enumerate(zip(plots.colours(len(ranges)), ranges.values(), strict=True)):
        axes.plot([end * 1.25 * 1.18**k] * 2, [low, high], color=colour, lw=1.5, marker="_", ms=4)


def curves(frame: pd.DataFrame, along: str) -> tuple[FloatArray, Curves]:
    """Give test errors at common places along steps or steps x p, shape (X,), and for every p, shape (T, X)."""
    end = frame.groupby("clock.p")[along].max().min()
    x = np.geomspace(1.0, end, _AT)
    by_p: Curves = {}
    complete = frame.groupby(TASK)["clock.p"].nunique() == frame["clock.p"].nunique()
    frame = frame[frame[TASK].isin(complete.index[complete]) & (frame["step"] > 0)]
    for p, of_p in grouped(frame, "clock.p").items():
        logs = [
            np.interp(np.log(x), np.log(part[along]), np.log(part["scaled_error"]))
            for part in grouped(of_p, TASK).values()
        ]
        by_p[p] = np.exp(logs)
    return x, by_p


def _test_errors(sweeps: Sweeps) -> pd.DataFrame:
    frame = completed(sweeps["all"], "error")
    return frame[frame["set"] == "test"]


def _spread(by_p: Curves) -> FloatArray:
    """Give the largest median over the smallest, at every place."""
    middle = np.array([np.median(each, axis=0) for each in by_p.values()])
    return np.asarray(middle.max(axis=0) / middle.min(axis=0))


FIG_1B = Figure("1b", "Test error against steps x p is one curve for all p, and ends at the same value.", find, draw)
