"""Figs. 2A and 2B: how far desynchronous and mini-batched solutions are from the deterministic one."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import distance, fit_power_law, median
from labnet.figures.drawing import labelled, picture, points
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
from labnet.sweeps import Sweep

_PAPER = 2 / 3
_MARKERS = "osD"
_REFERENCE = "reference"
_GAMMA = "rule.gamma"

Panels = dict[str, dict[str, tuple[FloatArray, FloatArray]]]


def find(sweeps: Sweeps) -> Findings:
    """Fit the exponent of every curve, and of its halves: a power law has the same in both."""
    numbers: dict[str, Any] = {}
    found, verdicts = [], []
    for panel, curves in _panels(sweeps).items():
        numbers[panel] = {name: _fit(left_out, apart) for name, (left_out, apart) in curves.items()}
        found.append(
            f"{panel}: exponents "
            + ", ".join(f"{each['exponent']} for {name}" for name, each in numbers[panel].items())
        )
        exponents = {name: each["exponent"] for name, each in numbers[panel].items()}
        agree = [name for name, each in exponents.items() if each.low <= _PAPER <= each.high]
        says = verdict(*(name in agree for name in exponents))
        verdicts.append(f"{panel}: {says} (2/3 is in the interval of {', '.join(agree) or 'no curve'})")
    numbers["final_error"] = {
        name: median(late_error(sweep, "train").groupby(TASK)["scaled_error"].median())
        for name, sweep in sweeps.items()
    }
    return Findings(numbers, tuple(found), "; ".join(verdicts))


def _fit(left_out: FloatArray, apart: FloatArray) -> dict[str, Any]:
    half = (len(left_out) + 1) // 2
    law = fit_power_law(left_out, apart)
    return {
        "tasks": len(apart),
        "left_out": left_out.tolist(),
        "median_distance": np.median(apart, axis=0).tolist(),
        "mean_distance": apart.mean(axis=0).tolist(),
        "exponent": law.exponent,
        "factor": law.factor,
        "exponent_of_means": fit_power_law(left_out, apart, np.mean).exponent,
        "exponent_of_small_half": fit_power_law(left_out[:half], apart[:, :half]).exponent,
        "exponent_of_large_half": fit_power_law(left_out[half - 1 :], apart[:, half - 1 :]).exponent,
    }


def draw(sweeps: Sweeps, findings: Findings) -> Picture:
    """Draw median distances against what is left out, with the paper's slope."""
    panels = _panels(sweeps)
    made, all_axes = picture(columns=2, rows=len(panels) // 2, sharex=True, sharey=True)
    for axes, (panel, curves) in zip(all_axes, panels.items(), strict=True):
        for marker, colour, (name, (left_out, apart)) in zip(
            _MARKERS, plots.colours(len(curves)), curves.items(), strict=True
        ):
            exponent = findings.numbers[panel][name]["exponent"]
            points(axes, left_out, apart, colour, f"{name}: {exponent.value:.2f}", marker)
        left_out, apart = next(iter(curves.values()))
        ends, at = left_out[[0, -1]], len(left_out) // 2
        slope = 2 * np.median(apart[:, at]) * (ends / left_out[at]) ** _PAPER
        axes.plot(ends, slope, color="black", lw=1, ls="--", label="slope 2/3 (paper)")
        axes.set_xscale("log")
        axes.set_yscale("log")
        first, last = axes in all_axes[::2], axes in all_axes[-2:]
        name = "distance $L_2$ in resistance space ($R_{ref}$)" if first else ""
        labelled(axes, "share left out, 1 − p or 1 − b" if last else "", name, panel, loc="upper left")
    all_axes[0].set_ylim(top=10 * all_axes[0].get_ylim()[1])  # room for the legend
    return made


def _panels(sweeps: Sweeps) -> Panels:
    """Give what is left out, (K,), and distances from the reference, (T, K), by panel and curve.

    A curve is named "panel: curve"; each gamma has panels of its own.
    """
    at = solutions(sweeps[_REFERENCE]).set_index([_GAMMA, TASK])["ohm"]
    panels: Panels = {}
    for name, sweep in sweeps.items():
        if name == _REFERENCE:
            continue
        solved = solutions(sweep)
        swept = "clock.p" if "clock.p" in solved else "rule.batch"
        solved["left_out"] = 1.0 - solved[swept]
        for gamma, part in grouped(solved, _GAMMA).items():
            there = part[part[TASK].isin(at[gamma].index)]
            apart = [float(distance(ohm, at[gamma, task])) for ohm, task in zip(there["ohm"], there[TASK], strict=True)]
            samples, left_out = wide(there.assign(distance=apart), "left_out", "distance")
            panel, _, curve = name.partition(": ")
            panels.setdefault(f"{panel}, γ = {gamma:g}", {})[curve] = left_out, samples
    return dict(sorted(panels.items(), key=lambda each: each[0].rpartition(" = ")[2]))


def solutions(sweep: Sweep) -> pd.DataFrame:
    """Give the resistances of complete trainings, an array "ohm" (E,), at the end and at every step that is logged."""
    final = completed(sweep, "final")
    edges = int(final["edge"].max()) + 1
    first = final[final["edge"] == 0].drop(columns=["edge", "resistance_ohm"])
    return first.assign(ohm=list(final["resistance_ohm"].to_numpy(dtype=np.float64).reshape(-1, edges)))


FIG_2A = Figure(
    "2a",
    "The distance from the synchronous full-batch solution grows as (1-p)^(2/3), (1-b)^(2/3), and so for p = b.",
    find,
    draw,
)
FIG_2B = Figure("2b", "The same with a fixed number of edges, of examples, or of both, at each step.", find, draw)
