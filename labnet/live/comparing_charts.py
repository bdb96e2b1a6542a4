"""The curves of several runs together, and how far apart their solutions are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, FactorRange, LinearColorMapper
from bokeh.palettes import Blues256
from bokeh.plotting import figure
from bokeh.transform import transform
from numpy.typing import NDArray

from labnet.live.charts import COLOURS, MANY, Chart
from labnet.live.decimation import decimated
from labnet.live.drawing import hover
from labnet.plots import smoothed

_MOST_NUMBERS = 14  # runs whose distances are written in the chart
_GREY = "#8b939c"


class GroupChart(Chart):
    """Scaled errors of groups of repeats: medians (test sets dashed), and bands between their quartiles.

    Parameters
    ----------
    labels : sequence of str
        One a group.

    Attributes
    ----------
    averaged : bool
        Whether a running geometric mean is drawn, of a run that was measured often.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        axes = {"x_axis_label": "steps × p", "y_axis_label": "scaled error"}
        super().__init__(lambda: None, x_axis_type="log", y_axis_type="log", **axes)
        self.averaged = False
        self._sources: dict[tuple[str, str], ColumnDataSource] = {}
        lines = []
        for k, label in enumerate(labels):
            for name, dash in (("train", "solid"), ("test", "dashed")):
                source = ColumnDataSource({column: [] for column in ("steps_p", "median", "low", "high", "n")})
                colour: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)], "source": source}
                self.plot.varea("steps_p", "low", "high", fill_alpha=0.16, **colour)
                line = self.plot.line(
                    "steps_p", "median", line_width=1.8, line_dash=dash, name=f"{label}, {name}", **colour
                )
                lines.append(line)
                self._sources[label, name] = source
        tip = [("", "$name"), ("steps × p", "@steps_p{p4}"), ("median", "@median{p3}"), ("repeats", "@n")]
        self.plot.add_tools(hover(lines, tip))

    def update(self, name: str, errors: pd.DataFrame) -> None:
        """Draw `Comparison.errors` of a set."""
        drawn = errors[(errors["steps_p"] > 0) & (errors["low"] > 0)]  # the axes are logarithmic
        for (label, each), source in self._sources.items():
            if each == name:
                part = drawn[drawn["group"] == label]
                if len(part) > MANY and part["n"].max() == 1:
                    part, self.averaged = _averaged(part), True
                source.data = {column: part[column].to_numpy() for column in source.data}


class DistanceChart:
    """Distances between the solutions of runs, as a matrix of colours and numbers."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._colours = LinearColorMapper(palette=Blues256[::-1], low=0, high=1, nan_color=_GREY)
        self._source = ColumnDataSource({name: [] for name in ("row", "column", "distance", "text", "ink")})
        self.plot = figure(
            x_range=FactorRange(*self._names),
            y_range=FactorRange(*self._names[::-1]),
            tools="",
            toolbar_location=None,
            sizing_mode="stretch_both",
        )
        self.plot.grid.visible = False
        self.plot.xaxis.major_label_orientation = "horizontal" if max(map(len, names)) * len(names) < 60 else 0.9
        fill = transform("distance", self._colours)
        cells = self.plot.rect("column", "row", 1, 1, source=self._source, fill_color=fill, line_color=None)
        if len(names) <= _MOST_NUMBERS:
            self.plot.text(
                "column", "row", "text", source=self._source, anchor="center", text_font_size="11px", text_color="ink"
            )
        tip = [("", "@row, @column"), ("distance / R_ref", "@distance{p4}")]
        self.plot.add_tools(hover([cells], tip))

    def update(self, distances: NDArray[np.float64]) -> None:
        """Draw distances, shape (runs, runs); NaN where there is none."""
        flat = distances.ravel()
        highest = float(np.nanmax(flat)) if np.isfinite(flat).any() else 0.0
        self._colours.high = highest or 1.0
        rows, columns = (each.ravel().tolist() for each in np.meshgrid(self._names, self._names, indexing="ij"))
        self._source.data = {
            "row": rows,
            "column": columns,
            "distance": flat,
            "text": ["–" if value != value else f"{value:.3g}" for value in flat],
            "ink": ["white" if value > 0.55 * highest else "#1b1f24" for value in flat],
        }


def _averaged(errors: pd.DataFrame) -> pd.DataFrame:
    """Give the running geometric mean of the errors of one run, in fewer points."""
    means = smoothed(errors["median"].to_numpy())
    errors = errors.assign(median=means, low=means, high=means)
    return errors.iloc[decimated(errors["steps_p"], means, 1000, log=True)]
