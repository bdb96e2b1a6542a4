"""How figures of the paper are drawn: one column wide, medians over tasks with their intervals."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from numpy.typing import ArrayLike

from labnet.analysis import medians

_WIDTH_IN, _HEIGHT_IN = 3.9, 3.2  # a panel; the paper's column is 3.4 in wide


def picture(rows: int = 1, columns: int = 1, **options: Any) -> tuple[Picture, list[Axes]]:
    """Give a picture and its panels, row by row."""
    made = Picture(figsize=(_WIDTH_IN * columns, _HEIGHT_IN * rows), layout="constrained")
    return made, list(made.subplots(rows, columns, squeeze=False, **options).flat)


def points(
    axes: Axes, x: ArrayLike, samples: ArrayLike, colour: str, label: str, marker: str = "o", line: str = "-"
) -> None:
    """Draw medians over tasks of samples (T, K) at x (K,), with bars for their intervals."""
    intervals(axes, x, medians(samples).T, color=colour, label=label, marker=marker, ls=line)


def intervals(axes: Axes, x: ArrayLike, found: ArrayLike, **style: Any) -> None:
    """Draw intervals (K, 3), value and both ends, at x (K,)."""
    value, low, high = np.transpose(found)
    bars = np.maximum((value - low, high - value), 0.0)  # of a bootstrap over few tasks: less by rounding
    axes.errorbar(x, value, bars, **({"ms": 4, "lw": 1.2, "capsize": 2} | style))


def band(axes: Axes, x: ArrayLike, samples: ArrayLike, colour: str, label: str) -> None:
    """Draw the median over tasks of curves (T, K) at x (K,), and its interval as a band."""
    value, low, high = medians(samples)
    axes.plot(x, value, color=colour, lw=1.3, label=label)
    axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)


def labelled(axes: Axes, x: str, y: str, title: str = "", legend: bool = True, **where: Any) -> None:
    """Name the axes, and put the legend where `where` says (matplotlib's options; the best place by default)."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(title, fontsize=9, loc="left")
    axes.grid(alpha=0.25)
    if legend:
        axes.legend(frameon=False, fontsize=7.5, **where)
