"""Training with oscillator gates beside training with drawn ones: the same tasks end at the same errors."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import Interval, median, ratio_of_medians
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import SAME, Figure, Findings, FloatArray, Sweeps, late_error, wide

_DRAWN, _OSCILLATORS = "Bernoulli", "oscillators"
_MARKERS = "osD"

Errors = dict[str, tuple[FloatArray, FloatArray]]


def find(sweeps: Sweeps) -> Findings:
    """Compare the final errors under other gates with those under drawn ones, at every p."""
    numbers: dict[str, Any] = {}
    found, verdicts = [], []
    for board, gates in _by_board(sweeps).items():
        drawn, p = gates[_DRAWN]
        for name, (errors, _) in gates.items():
            both = len(drawn) == len(errors)
            numbers[f"{board}, {name}"] = {
                "tasks": len(errors),
                "p": p.tolist(),
                "median_error": [median(each) for each in errors.T],
                "over_drawn": [ratio_of_medians(a, b) for a, b in zip(errors.T, drawn.T, strict=True)] if both else [],
                "over_drawn_task_by_task": [median(each) for each in (errors / drawn).T] if both else [],
            }
            if name != _DRAWN and both:
                numbers[f"{board}, {name}"]["over_drawn_at_all_p"] = over_all = _over_all(errors, drawn)
                each = numbers[f"{board}, {name}"]["over_drawn"]
                words = ", ".join(f"{ratio} at p = {at:g}" for ratio, at in zip(each, p, strict=True))
                found.append(f"{board}, {name}: median error over that with drawn gates {words}; over all p {over_all}")
        says = _same(numbers[f"{board}, {_OSCILLATORS}"]["over_drawn"])
        verdicts.append(f"{board}: {says}")
    return Findings(numbers, tuple(found), "; ".join(verdicts))


def _over_all(errors: FloatArray, drawn: FloatArray) -> Interval:
    """Estimate the median, over tasks, of the ratio of errors (T, K) in the geometric mean over all p."""
    return median(np.exp(np.log(errors / drawn).mean(axis=1)))


def _same(ratios: list[Interval]) -> str:
    """Say whether medians are the same: surely, as far as can be told, or not."""
    if ratios and all(each.low > 1 / SAME and each.high < SAME for each in ratios):
        return "holds"
    return "holds in part" if ratios and all(each.low <= 1 <= each.high for each in ratios) else "does not hold"


def draw(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw the final error against p: a panel for each board, a line for each kind of gate."""
    by_board = _by_board(sweeps)
    made, panels = picture(columns=len(by_board), sharey=True)
    for axes, (board, gates) in zip(panels, by_board.items(), strict=True):
        for marker, colour, (name, (errors, p)) in zip(_MARKERS, plots.colours(len(gates)), gates.items(), strict=True):
            points(axes, p + 0.01 * (_MARKERS.index(marker) - 1), errors, colour, name, marker)
        axes.set_yscale("log")
        labelled(
            axes,
            "update probability p",
            "final scaled error" if axes is panels[0] else "",
            f"{board} board",
            axes is panels[0],
        )
    panels[0].set_ylim(1e-4, 3e-2)
    return made


def _by_board(sweeps: Sweeps) -> dict[str, Errors]:
    """Give final errors (T, K) and p (K,), by board and gate; a curve is named "board, gates"."""
    by_board: dict[str, Errors] = {}
    for name, sweep in sweeps.items():
        board, _, gates = name.partition(", ")
        by_board.setdefault(board, {})[gates] = wide(late_error(sweep, "train"), "clock.p", "scaled_error")
    return by_board


FIG_GATES = Figure("gates", "Oscillator gates train as gates that are drawn do.", find, draw)
