"""The curves of the page: scaled errors, what learning moved, how often gates were open."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from bokeh.events import RangesUpdate, Reset
from bokeh.models import BoxAnnotation, ColumnDataSource, DataRange1d, NumeralTickFormatter, Range1d, Span
from bokeh.plotting import figure

from labnet.live.drawing import TOOLS, hover
from labnet.live.log_axes import label_log_axes
from labnet.live.tail import GateStatistics, Tail

# As in labnet.plots, those that are too dark on black a little lighter: eight that colour-blind eyes tell apart.
COLOURS = ("#1f87c8", "#dd6a12", "#0aa077", "#cc79a7", "#e0a000", "#56b4e9", "#8b939c", "#b0802c")
SET_COLOURS = {"train": COLOURS[0], "test": COLOURS[1]}
_GREY = "#8b939c"
MANY = 200  # measurements; of more, the running mean is drawn


class Chart:
    """A plot whose ranges follow the data until somebody zooms; a reset follows again.

    The browser fits the ranges: a server that did would undo a zoom that is on its way.

    Parameters
    ----------
    on_zoom : callable
        Called after somebody zoomed, moved or reset: finer data can be read then.
    axes : object
        Arguments of `bokeh.plotting.figure`, such as axis labels and types.

    Attributes
    ----------
    plot : bokeh.plotting.figure
    zoom : tuple of float or None
        The range of x that somebody chose.
    """

    def __init__(self, on_zoom: Callable[[], None], **axes: Any) -> None:
        self.zoom: tuple[float, float] | None = None
        self.plot = figure(
            tools=TOOLS,
            toolbar_location="above",  # of the frame: curves end at its right
            toolbar_inner=True,
            sizing_mode="stretch_both",
            **{"x_range": DataRange1d(range_padding=0.02)} | axes,
        )
        self.plot.toolbar.logo, self.plot.toolbar.autohide = None, True
        self.plot.toolbar.active_scroll = None  # the page scrolls
        self.plot.toolbar.styles = {"background-color": "transparent"}  # it is as wide as the frame
        label_log_axes(self.plot)
        self.plot.axis.axis_label_text_font_style = "normal"
        self.plot.min_border_right = 14
        self._on_zoom = on_zoom
        self._then = Span(dimension="height", line_color=_GREY, line_dash="dotted", location=1.0, visible=False)
        self.plot.add_layout(self._then)
        self.plot.on_event(RangesUpdate, self._zoomed)
        self.plot.on_event(Reset, self._follow)

    def _zoomed(self, event: RangesUpdate) -> None:
        self.zoom = (event.x0, event.x1)
        self._on_zoom()

    def _follow(self, _: Reset) -> None:
        self.zoom = None
        self._on_zoom()

    def look_back(self, x: float | None) -> None:
        """Mark where the network is shown; None where that is now."""
        self._then.visible = x is not None
        if x is not None:
            self._then.location = x


class ErrorChart(Chart):
    """Scaled errors as measured, the best so far (ring); of more than `MANY`, their running geometric mean (thick) too.

    Parameters
    ----------
    sets : iterable of str
        "train", and "test" where there are such examples.
    """

    def __init__(self, on_zoom: Callable[[], None], sets: Iterable[str], x_label: str) -> None:
        labels = {"x_axis_label": x_label, "y_axis_label": "scaled error"}
        super().__init__(on_zoom, x_axis_type="log", y_axis_type="log", **labels)
        self._many = dict.fromkeys(sets, False)
        self._sources = {}
        measured = []
        for name in self._many:
            raw, mean, best = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
            look = {"color": SET_COLOURS[name], "name": name}
            measured.append(self.plot.line("x", "y", source=raw, width=1, **look))
            self.plot.line("x", "y", source=mean, width=2.2, **look)
            self.plot.scatter("x", "y", source=best, size=9, fill_color=None, line_width=1.6, **look)
            self._sources[name] = raw, mean, best
        self.plot.add_tools(hover(measured, [("set", "$name"), (x_label, "@x{p6}"), ("scaled error", "@y{p3}")]))
        self._measured = measured

    @property
    def averaged(self) -> bool:
        """Whether a running geometric mean is drawn."""
        return any(self._many.values())

    def update(self, tail: Tail) -> None:
        """Draw what was measured up to now, as finely as the zoom asks."""
        for (name, sources), line in zip(self._sources.items(), self._measured, strict=True):
            low, high = self.zoom or (None, None)
            raw, mean = tail.errors(name, low, high), tail.smoothed(name, low, high)
            if self.zoom is None:
                self._many[name] = len(raw.x) > MANY
            line.glyph.line_alpha = 0.45 if self._many[name] else 1.0
            best = tail.best(name)
            curves = (raw, mean if self._many[name] else (), ((best.x,), (best.scaled_error,)) if best else ())
            for source, curve in zip(sources, curves, strict=True):
                x, y = np.array(curve if len(curve) else ((), ()), dtype=np.float64)
                drawn = (x > 0) & (y > 0)  # the axes are logarithmic
                source.data = {"x": x[drawn], "y": y[drawn]}


class TraceChart(Chart):
    """What learning moved, for some edges.

    Parameters
    ----------
    top : float or None
        Up to where wipers go; None where resistances are moved.
    log : bool
        Whether the axis of x is logarithmic.
    """

    def __init__(self, on_zoom: Callable[[], None], top: float | None, log: bool, x_label: str) -> None:
        y_range, label = DataRange1d(start=0), "resistance (kΩ)"
        if top is not None:
            y_range, label = Range1d(-0.02 * top, 1.02 * top), "wiper position"
        labels = {"x_axis_label": x_label, "y_axis_label": label}
        super().__init__(on_zoom, x_axis_type="log" if log else "linear", y_range=y_range, **labels)
        if not log:
            self.plot.xaxis.formatter = NumeralTickFormatter(format="0,0.[00]")
        self._log = log
        self._source = ColumnDataSource({"xs": [], "ys": [], "colour": []})
        self.plot.multi_line("xs", "ys", source=self._source, line_color="colour", line_width=1.4)

    def update(self, tail: Tail, edges: dict[int, str]) -> None:
        """Draw some edges in their colours."""
        low, high = self.zoom or (None, None)
        x, values = tail.traces(list(edges), low, high, log=self._log)
        x, values = (x[x > 0], values[x > 0]) if self._log else (x, values)
        self._source.data = {"xs": [x] * len(edges), "ys": list(values.T), "colour": list(edges.values())}


class GateChart(Chart):
    """In which share of the latest steps each gate was open, and where 95 % of the shares should be."""

    def __init__(self, edge_count: int) -> None:
        ranges = {"x_range": Range1d(-0.7, edge_count - 0.3), "y_range": Range1d(-0.03, 1.03)}
        super().__init__(lambda: None, x_axis_label="edge", y_axis_label="share open", **ranges)
        self._source = ColumnDataSource({"edge": np.arange(edge_count), "share": np.full(edge_count, np.nan)})
        self._band = BoxAnnotation(fill_color=SET_COLOURS["train"], fill_alpha=0.16, line_color=None, visible=False)
        self._p = Span(dimension="width", line_color=SET_COLOURS["train"], line_dash="dashed", visible=False)
        for each in (self._band, self._p):
            self.plot.add_layout(each)
        size = float(np.clip(60 / edge_count**0.5, 3.5, 8))
        dots = self.plot.scatter("edge", "share", source=self._source, size=size, color=SET_COLOURS["train"])
        self.plot.add_tools(hover([dots], [("edge", "@edge"), ("share open", "@share{3}")]))

    def update(self, gates: GateStatistics | None) -> None:
        """Draw them; nothing where nobody latches gates."""
        self._band.visible = self._p.visible = gates is not None
        if gates is not None:
            self._source.data.update(share=gates.share)
            self._band.update(bottom=gates.low, top=gates.high)
            self._p.location = gates.p
