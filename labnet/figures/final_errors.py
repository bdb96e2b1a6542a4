"""Figs. 4C, 4D and 4E: the final error of the discrete rule against p, and against the number of outputs."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import fit_power_law, median
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import SAME, Figure, Findings, Sweeps, grouped, late_error, wide

_MARKERS = "osD^v<>p"
_START, _SIGMA, _P, _OUTPUTS = "start", "board.sigma_max_v", "clock.p", "outputs"


def find_falling(sweeps: Sweeps, examples: str) -> Findings:
    """Say for each start and sigma whether the final error falls as p falls."""
    numbers: dict[str, Any] = {}
    found, verdicts = [], []
    for start, frame in _by_start(late_error(sweeps["all"], examples)).items():
        for sigma_v, part in grouped(frame, _SIGMA).items():
            errors, p = wide(part, _P, "scaled_error")
            middle = np.median(errors, axis=0)
            slope = median(np.polyfit(np.log(p), np.log(errors).T, 1)[0])
            gain = median(errors[:, -1] / errors[:, 0])
            ordered = bool((np.diff(middle) > 0).all())
            setting = f"{start}, {_volts(sigma_v)}"
            numbers[setting] = {
                "tasks": len(errors),
                "p": p.tolist(),
                "median_error": [median(each) for each in errors.T],
                "mean_error": errors.mean(axis=0).tolist(),
                "slope_of_log_error": slope,
                "gain": gain,
                "share_of_tasks_with_gain": float(np.mean(errors[:, -1] > errors[:, 0])),
                "medians_in_order": ordered,
            }
            found.append(
                f"{setting}: median error {middle[-1]:.2g} at p = {p[-1]:g}, {middle[0]:.2g} at p = {p[0]:g}; task by "
                f"task lower by a factor of {gain}; error ~ p^{slope}; medians {'' if ordered else 'not '}in the "
                "order of p"
            )
            falls = slope.low > 0 and gain.low > 1
            verdicts.append(f"{setting}: {'does not hold' if not falls else 'holds' if ordered else 'holds in part'}")
    return Findings(numbers, tuple(found), "; ".join(verdicts))


def draw_falling(sweeps: Sweeps, _: Findings, examples: str) -> Picture:
    """Draw the final error against p: a panel for each start, a line for each sigma."""
    by_start = _by_start(late_error(sweeps["all"], examples))
    made, panels = picture(columns=len(by_start), sharey=True)
    for axes, (start, frame) in zip(panels, by_start.items(), strict=True):
        by_sigma = grouped(frame, _SIGMA)
        for marker, colour, (sigma_v, part) in zip(
            _MARKERS, plots.colours(len(by_sigma)), by_sigma.items(), strict=False
        ):
            errors, p = wide(part, _P, "scaled_error")
            points(axes, p, errors, colour, _volts(sigma_v), marker)
        axes.set_yscale("log")
        name = f"final {examples} scaled error" if axes is panels[0] else ""
        labelled(axes, "update probability p", name, start, axes is panels[0], loc="upper left", ncols=2)
    panels[0].set_ylim(top=10 * panels[0].get_ylim()[1])  # room for the legend
    return made


def find_gain(sweeps: Sweeps) -> Findings:
    """Say for each start and sigma whether the gain of p < 1 shrinks as outputs are added, and curves merge."""
    numbers: dict[str, Any] = {}
    found, verdicts = [], []
    for setting, frame in _by_setting(sweeps).items():
        by_p = {p: wide(part, _OUTPUTS, "scaled_error") for p, part in grouped(frame, _P).items()}
        synchronous, outputs = by_p.pop(1.0)
        gains = {p: synchronous / errors for p, (errors, _) in by_p.items()}
        numbers[setting] = {
            f"p = {p:g}": {
                "tasks": len(each),
                "outputs": outputs.tolist(),
                "gain": [median(column) for column in each.T],
                "slope_of_log_gain": fit_power_law(outputs, each).exponent,
            }
            for p, each in gains.items()
        }
        lowest, highest = min(gains), max(gains)
        slope = numbers[setting][f"p = {lowest:g}"]["slope_of_log_gain"]
        first, last = median(gains[lowest][:, 0]), median(gains[lowest][:, -1])
        merged = median(gains[highest][:, -1])
        found.append(
            f"{setting}: at p = {lowest:g} lower by a factor of {first} at O = {outputs[0]:g} and of {last} "
            f"at O = {outputs[-1]:g} (gain ~ O^{slope}); at p = {highest:g} and O = {outputs[-1]:g} of {merged}"
        )
        says = [first.low > 1 and slope.high < 0, 1 / SAME < merged.value < SAME]
        verdict = "holds" if all(says) else "holds in part" if says[0] else "does not hold"
        verdicts.append(f"{setting}: {verdict}")
    return Findings(numbers, tuple(found), "; ".join(verdicts))


def draw_gain(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw the final error against the number of outputs: a panel for each start and sigma, a line for each p."""
    by_setting = _by_setting(sweeps)
    made, panels = picture(rows=len(by_setting) // 2, columns=2, sharex=True, sharey=True)
    for axes, (setting, frame) in zip(panels, by_setting.items(), strict=True):
        by_p = grouped(frame, _P)
        for marker, colour, (p, part) in zip(_MARKERS, plots.colours(len(by_p)), by_p.items(), strict=False):
            samples, outputs = wide(part, _OUTPUTS, "scaled_error")
            points(axes, outputs, samples, colour, f"p = {p:g}", marker)
        axes.set_yscale("log")
        below, left = axes in panels[-2:], axes in panels[::2]
        labelled(
            axes,
            "number of outputs O" if below else "",
            "final scaled error" if left else "",
            setting,
            axes is panels[0],
        )
    return made


def _by_setting(sweeps: Sweeps) -> dict[str, pd.DataFrame]:
    """Give the final errors of all curves, each with its number of outputs, for every start and sigma."""
    frames = [late_error(sweep, "train").assign(outputs=sweep.experiment.task.outputs) for sweep in sweeps.values()]
    return {
        f"{start}, {_volts(sigma_v)}": part
        for start, frame in _by_start(pd.concat(frames)).items()
        for sigma_v, part in grouped(frame, _SIGMA).items()
    }


def _by_start(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Give the part of a frame for every start, named by its wiper positions."""
    starts = frame[_START].astype(str)
    names = {start: " to ".join(start.strip("[]").split(", ")) for start in starts.unique()}
    return {f"start at {name}": frame[starts == start] for start, name in names.items()}


def _volts(sigma_v: float) -> str:
    return f"σ ≤ {1e3 * sigma_v:g} mV" if sigma_v else "σ = 0"


FIG_4C = Figure(
    "4c",
    "The final error of 16 edges on allosteric tasks falls as p falls.",
    partial(find_falling, examples="train"),
    partial(draw_falling, examples="train"),
)
FIG_4D = Figure(
    "4d",
    "On 143 edges the gain of p < 1 shrinks as allosteric tasks get more outputs, and the curves merge.",
    find_gain,
    draw_gain,
)
FIG_4E = Figure(
    "4e",
    "The final test error of 143 edges on regression falls monotonically as p falls.",
    partial(find_falling, examples="test"),
    partial(draw_falling, examples="test"),
)
