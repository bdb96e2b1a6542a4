"""Figs. 4A and 4B: errors and wipers of one task along the training, for three p."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import median
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import (
    TASK,
    Figure,
    Findings,
    FloatArray,
    Sweeps,
    completed,
    grouped,
    late_error,
    verdict,
    wide,
)

_P = "clock.p"
_TYPICAL, _MANY = "one task", "many tasks"  # curves: logged at every step, and for the statistics
_EDGES = 3
_LATE = 0.75  # the last quarter of a training


def find_4a(sweeps: Sweeps) -> Findings:
    """Compare final errors with those of p = 1, over many tasks and for the one drawn."""
    errors, p = wide(late_error(sweeps[_MANY], "train"), _P, "scaled_error")
    (drawn,), _ = wide(late_error(sweeps[_TYPICAL], "train"), _P, "scaled_error")
    gains = [median(errors[:, -1] / errors[:, k]) for k in range(len(p) - 1)]
    shares = [float(np.mean(errors[:, -1] > errors[:, k])) for k in range(len(p) - 1)]
    numbers: dict[str, Any] = {
        "tasks": len(errors),
        "p": p.tolist(),
        "error_of_the_task_drawn": drawn.tolist(),
        "median_error": [median(each) for each in errors.T],
        "gain": gains,
        "share_of_tasks_with_gain": shares,
    }
    found = tuple(
        f"p = {p[k]:g} ends lower than p = 1 in {shares[k]:.0%} of {len(errors)} tasks, by a factor of {gains[k]}"
        for k in range(len(p) - 1)
    )
    return Findings(numbers, found, verdict(*(gain.low > 1 for gain in gains)))


def draw_4a(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw scaled errors against steps x p: raw ones faded, their running geometric means on top."""
    made, (axes,) = picture()
    frame = completed(sweeps[_TYPICAL], "error")
    by_p = grouped(frame, _P)
    for colour, (p, part) in zip(plots.colours(len(by_p)), by_p.items(), strict=True):
        x, y = part["steps_p"].to_numpy(), part["scaled_error"].to_numpy()
        axes.plot(x, y, color=colour, lw=0.8, alpha=0.25)
        axes.plot(x, plots.smoothed(y), color=colour, lw=1.6, label=f"p = {p:g}")
    axes.set_yscale("log")
    axes.set_xlim(0, frame["steps_p"].max())
    labelled(axes, "training steps × p", "scaled error", loc="upper right", ncols=len(by_p))
    return made


def find_4b(sweeps: Sweeps) -> Findings:
    """Say how far wipers still move late: their span over the last quarter, the widest of each task's edges."""
    final = completed(sweeps[_MANY], "final")
    late = final[final["step"] >= _LATE * final.groupby("point")["step"].transform("max")]
    wiper = late.groupby(["point", TASK, _P, "edge"])["wiper"]
    spans = (wiper.max() - wiper.min()).groupby(["point", TASK, _P]).agg(["max", "mean"]).reset_index()
    widest, p = wide(spans, _P, "max")
    mean, _ = wide(spans, _P, "mean")
    numbers = {
        "tasks": len(widest),
        "p": p.tolist(),
        "widest_span_positions": [median(each) for each in widest.T],
        "mean_span_positions": [median(each) for each in mean.T],
    }
    found = tuple(
        f"p = {each:g}: late wipers span {median(mean[:, k])} positions, the widest of a task {median(widest[:, k])}"
        for k, each in enumerate(p)
    )
    still, moving = np.median(widest[:, -1]), np.median(widest[:, :-1], axis=0)
    says = "does not hold" if moving.min() <= still else "holds" if still <= 1 else "holds in part"
    why = f"at p = 1 the widest span is {still:g} position{'' if still == 1 else 's'}: Eq. 10 has no zero step"
    return Findings(numbers, found, f"{says}; {why}")


def draw_4b(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw the traces of the same three edges for each p: those that move furthest at the lowest p."""
    final = completed(sweeps[_TYPICAL], "final")
    traces = {p: part.pivot(index="step", columns="edge", values="wiper") for p, part in grouped(final, _P).items()}
    lowest = traces[min(traces)]
    edges = np.sort(np.argsort(np.ptp(_late(lowest.to_numpy()), axis=0))[-_EDGES:])
    made, panels = picture(rows=1, columns=len(traces), sharey=True)
    for axes, p in zip(panels, sorted(traces, reverse=True), strict=True):
        steps = traces[p].index.to_numpy()
        for colour, edge in zip(plots.colours(_EDGES), edges, strict=True):
            axes.plot(steps * p, traces[p][edge], color=colour, lw=1, label=f"edge {edge}")
        name = "wiper position (0 to 127)" if axes is panels[0] else ""
        labelled(axes, "training steps × p", name, f"p = {p:g}", legend=axes is panels[0])
    return made


def _late(values: FloatArray) -> FloatArray:
    return values[int(_LATE * len(values)) :]


FIG_4A = Figure(
    "4a", "An allosteric task on 16 edges ends with a lower error at p < 1 than at p = 1.", find_4a, draw_4a
)
FIG_4B = Figure("4b", "At p = 1 the resistors come to stand still, at p < 1 they go on moving.", find_4b, draw_4b)
