"""The network, drawn like the board: edges by resistance, lit when they update, nodes by voltage."""

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJSHover,
    DataRange1d,
    GlyphRenderer,
    HoverTool,
    LinearColorMapper,
    TapTool,
)
from bokeh.palettes import Oranges256, RdBu11, Viridis256
from bokeh.plotting import figure
from bokeh.transform import transform
from numpy.typing import NDArray

from labnet import circuit
from labnet.live.tail import NetworkState
from labnet.networks import Network
from labnet.plots import MOST_NUMBERED, edge_lines
from labnet.tasks import Task

TOOLS = "pan,wheel_zoom,box_zoom,reset,save"
_LIT = "#e0218a"
_CASING = "#8b939c"  # lies between the lightest and the darkest edge, which are seen on white and on black by it
_BESIDE = "#77808a"
_DARK = "#1b1f24"
_RESISTANCES = Viridis256[32:240][::-1]  # its ends are lost on black and on white
_VOLTS = Oranges256[::-1]
_ROLES = {"inputs": ("input", "square"), "outputs": ("output", "circle"), "grounds": ("ground", "inverted_triangle")}
_MOST_LABELS = 12  # terminals whose voltages are written beside them
_NUMBER = """
    if (!Number.isFinite(value)) return "not logged"
    return format.startsWith("p") ? value.toPrecision(Number(format.slice(1))) : value.toFixed(Number(format))
"""
_EDGE_TIP = [
    ("edge", "@edge, node @a to node @b"),
    ("resistance", "@kohm{3} kΩ"),
    ("wiper", "@wiper{0}"),
    ("direction, gate", "@direction, @gate"),
    ("drop free", "@drop_free{4} V"),
    ("drop clamped", "@drop_clamped{4} V"),
]
_NODE_TIP = [
    ("node", "@node@role"),
    ("free", "@free{4} V"),
    ("clamped", "@clamped{4} V"),
    ("difference", "@difference{4} V"),
    ("wanted", "@wanted"),
]


def hover(renderers: Sequence[GlyphRenderer], tip: Sequence[tuple[str, str]]) -> HoverTool:
    """Make a tool that tells what is under the mouse.

    Parameters
    ----------
    tip : sequence of (str, str)
        Labels and texts; in these ``@column{3}`` is a number with three decimals, ``@column{p3}`` with three digits.
    """
    numbers = {column: CustomJSHover(code=_NUMBER) for _, text in tip for column in re.findall(r"@\w+(?={)", text)}
    return HoverTool(renderers=list(renderers), tooltips=list(tip), formatters=numbers, attachment="horizontal")


class Scales:
    """The colours of edges and nodes.

    Attributes
    ----------
    kohm, volts : bokeh.models.LinearColorMapper
    """

    def __init__(self) -> None:
        self.kohm = LinearColorMapper(palette=_RESISTANCES, low=0, high=1, nan_color=_CASING)
        self.volts = LinearColorMapper(palette=_VOLTS, low=0, high=1, nan_color=_CASING)

    def fit(self, ohm: NDArray[np.float64], volts: NDArray[np.float64], signed: bool = False) -> None:
        """Let the scales go up to the highest, of those that are known; down to its negative where `signed` is set."""
        highest = float(np.nanmax(np.abs(volts))) if np.isfinite(volts).any() else 1.0
        self.kohm.high = float(np.nanmax(ohm)) / 1e3
        self.volts.palette = RdBu11 if signed else _VOLTS
        self.volts.high = highest or 1.0
        self.volts.low = -self.volts.high if signed else 0.0


class NetworkDrawing:
    """A plot of a network and its terminals; `show` gives it a state.

    Parameters
    ----------
    shared : Scales, optional
        Colours that several small drawings share, and that somebody else fits: colour bars, numbers of nodes, voltages
        beside terminals and what is lit are left out.

    Attributes
    ----------
    plot : bokeh.plotting.figure
    edges, nodes : bokeh.models.ColumnDataSource
        A row an edge (edges across the borders of a periodic network have a second row, for the part at their other
        end), a row a node.
    """

    def __init__(self, network: Network, task: Task, shared: Scales | None = None) -> None:
        self._network, self._task, self._small = network, task, shared is not None
        self._numbered = network.node_count <= MOST_NUMBERED and not self._small
        self._scales = shared or Scales()
        self._rows, starts, ends = edge_lines(network)
        self.edges = ColumnDataSource(self._edge_columns(starts, ends))
        self.nodes = ColumnDataSource(self._node_columns())
        self._lit = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1")})
        self._marks = ColumnDataSource({name: [] for name in ("x", "y", "text", "colour")})
        self._labels = ColumnDataSource({name: [] for name in ("x", "y", "text", "anchor", "offset")})
        self.plot = figure(
            tools=TOOLS + ",tap",
            toolbar_location=None,
            match_aspect=True,
            x_range=DataRange1d(range_padding=0.14, renderers=[]),
            y_range=DataRange1d(range_padding=0.24, renderers=[]),
            sizing_mode="stretch_both",
            min_border=4,
            outline_line_alpha=0,
        )
        self.plot.axis.visible = self.plot.grid.visible = False
        width = float(np.clip(14 / network.edge_count**0.25, 2.5, 7))
        self._dashed = f"{width:.0f} {2.4 * width:.0f}"  # gaps that its round ends do not fill
        self._draw(width)

    @property
    def selected(self) -> list[int]:
        """The edges that somebody tapped on."""
        return list(dict.fromkeys(self._rows[self.edges.selected.indices].tolist()))

    def _edge_columns(self, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> dict[str, Any]:
        count = len(self._rows)
        a, b = self._network.edges[self._rows].T
        unknown = {name: np.full(count, np.nan) for name in ("kohm", "wiper", "drop_free", "drop_clamped")}
        return {
            "edge": self._rows, "a": a, "b": b,
            "x0": starts[:, 0], "y0": starts[:, 1], "x1": ends[:, 0], "y1": ends[:, 1],
            "dash": ["solid"] * count, "casing": np.ones(count),
            "direction": [""] * count, "gate": [""] * count,
        } | unknown  # fmt: skip

    def _node_columns(self) -> dict[str, Any]:
        count, at = self._network.node_count, self._network.layout
        role, marker = [""] * count, ["circle"] * count
        for name, (said, shape) in _ROLES.items():
            for node in getattr(self._task, name):
                role[node], marker[node] = f", {said}", shape
        unknown = {name: np.full(count, np.nan) for name in ("volts", "free", "clamped", "difference")}
        texts = {name: [""] * count for name in ("wanted", "ink")}
        known = {
            "node": np.arange(count),
            "number": [str(node) for node in range(count)],
            "role": role,
            "marker": marker,
        }
        return {"x": at[:, 0], "y": at[:, 1]} | known | unknown | texts

    def _draw(self, width: float) -> None:
        ends = {"x0": "x0", "y0": "y0", "x1": "x1", "y1": "y1", "line_cap": "round"}
        terminal = np.array([role != "" for role in self.nodes.data["role"]])
        self.nodes.data["size"] = np.where(terminal, 1.2 * width + 11, 16 if self._numbered else 1.4 * width)
        plot = self.plot
        plot.segment(**ends, source=self._lit, line_color=_LIT, line_alpha=0.45, line_width=2.6 * width)
        plot.segment(**ends, source=self.edges, line_color=_CASING, line_alpha="casing", line_width=width + 1.6)
        colour = transform("kohm", self._scales.kohm)
        edges = plot.segment(**ends, source=self.edges, line_color=colour, line_dash="dash", line_width=width)
        nodes = plot.scatter(
            "x", "y", source=self.nodes, size="size", marker="marker",
            fill_color=transform("volts", self._scales.volts), line_color=_CASING, line_width=1.5,
        )  # fmt: skip
        if self._numbered:
            number = {"source": self.nodes, "text_color": "ink", "text_font_size": "10px", "anchor": "center"}
            plot.text("x", "y", "number", **number)
        plot.text(
            "x", "y", "text", source=self._marks, anchor="center", text_color="white", text_font_size="10px",
            background_fill_color="colour", padding=2, border_radius=2,
        )  # fmt: skip
        labels = plot.text(
            "x", "y", "text", source=self._labels, y_offset="offset", anchor="anchor", text_font_size="11px",
            background_fill_alpha=0.8, padding=2, border_radius=2,
        )  # fmt: skip
        labels.glyph.name = None if self._small else "labels"  # the page's script colours those
        for renderer in plot.renderers:
            renderer.nonselection_glyph = renderer.selection_glyph = None
        plot.x_range.renderers = plot.y_range.renderers = [nodes, edges]
        plot.select_one(TapTool).renderers = [edges]
        for renderer, tip in ((nodes, _NODE_TIP), (edges, _EDGE_TIP)):
            plot.add_tools(hover([renderer], tip))
        bars = [] if self._small else [(self._scales.kohm, "edges, kΩ"), (self._scales.volts, "nodes, V")]
        for mapper, title in bars:
            bar = ColorBar(color_mapper=mapper, title=title, width=9, bar_line_alpha=0, padding=6, margin=0)
            bar.title_text_font_style = "normal"
            bar.title_text_color = bar.major_label_text_color = _BESIDE  # it takes none from the style sheet
            plot.add_layout(bar, "right")

    def show(self, state: NetworkState, coloured_by: str, marked: dict[int, str], masked: Collection[int] = ()) -> None:
        """Draw a state.

        Parameters
        ----------
        coloured_by : {"free", "clamped", "difference"}
            Which voltages colour the nodes.
        marked : dict of int to str
            Edges whose numbers are drawn, and their colours.
        masked : collection of int
            Edges that do not learn: they are dashed.
        """
        whole = [edge not in masked for edge in self._rows.tolist()]
        dashes = ["solid" if each else self._dashed for each in whole]
        if self.edges.data["dash"] != dashes:
            self.edges.data.update(dash=dashes, casing=np.array(whole, dtype=float))
        self._show_edges(state)
        self._show_nodes(state, coloured_by)
        middle = {at: np.mean([self.edges.data[f"{at}{end}"][list(marked)] for end in "01"], axis=0) for at in "xy"}
        self._marks.data = {**middle, "text": [str(edge) for edge in marked], "colour": list(marked.values())}

    def _show_edges(self, state: NetworkState) -> None:
        latched, rows = state.enabled[self._rows] >= 0, self._rows
        self.edges.data.update(
            kohm=state.ohm[rows] / 1e3,
            wiper=np.where(state.wipers < 0, np.nan, state.wipers)[rows],
            direction=_words(state.directions[rows], latched, {1: "up", 0: "stays", -1: "down"}),
            gate=_words(state.enabled[rows], latched, {1: "gate open", 0: "gate closed"}),
            drop_free=circuit.edge_drops(self._network, state.v_free)[rows],
            drop_clamped=circuit.edge_drops(self._network, state.v_clamped)[rows],
        )
        lit = (state.enabled[rows] == 1) & (not self._small)
        self._lit.data = {name: np.asarray(self.edges.data[name])[lit] for name in self._lit.data}

    def _show_nodes(self, state: NetworkState, coloured_by: str) -> None:
        columns = {"free": state.v_free, "clamped": state.v_clamped, "difference": state.v_clamped - state.v_free}
        volts = columns[coloured_by]
        if not self._small:
            self._scales.fit(np.append(state.ohm, self._network.r_ref_ohm), volts, signed=coloured_by == "difference")
        ink = np.where(np.abs(volts) < 0.55 * self._scales.volts.high, _DARK, "white").tolist()
        wanted = self._wanted(state)
        texts = {node: f"{target:.4f} V" for node, target in wanted.items()}
        said = [texts.get(node, "–") for node in range(self._network.node_count)]
        self.nodes.data.update(columns, volts=volts, wanted=said, ink=ink)
        labels = self._texts(volts, {} if coloured_by == "difference" else wanted)
        at = self._network.layout[list(labels)]
        below = at[:, 1] < self._network.layout[:, 1].mean()  # away from the middle, where the edges are
        self._labels.data = {
            "x": at[:, 0],
            "y": at[:, 1],
            "text": list(labels.values()),
            "anchor": np.where(below, "top_center", "bottom_center").tolist(),
            "offset": np.where(below, 11.0, -11.0),
        }

    def _wanted(self, state: NetworkState) -> dict[int, float]:
        """Give what the outputs should be in an example; nothing for a batch, or where that is not known."""
        task, example = self._task, state.example
        if example < 0 and len(task.train) != 1:
            return {}
        wanted = task.wanted(state.v_free[list(task.outputs)], task.train.targets[max(example, 0)])
        return {node: volts for node, volts in zip(task.outputs, wanted.tolist(), strict=True) if np.isfinite(volts)}

    def _texts(self, volts: NDArray[np.float64], wanted: dict[int, float]) -> dict[int, str]:
        """Give what is written beside terminals: their voltages, and what they should be."""
        terminals = [*self._task.inputs, *self._task.outputs]
        texts = {node: f"{volts[node]:.3f} V" for node in terminals if np.isfinite(volts[node])}
        for node, target in wanted.items():
            texts[node] = f"{texts.get(node, '')}\nwanted {target:.3f} V".strip()
        return {} if self._small or len(terminals) > _MOST_LABELS else texts


def _words(values: NDArray[np.int64], known: NDArray[np.bool_], words: dict[int, str]) -> list[str]:
    return [words[value] if each else "not logged" for value, each in zip(values.tolist(), known.tolist(), strict=True)]
