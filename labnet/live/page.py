"""The page of one run."""

from typing import TYPE_CHECKING

import numpy as np

from labnet.errors import RunError
from labnet.live import words
from labnet.live.charts import COLOURS, ErrorChart, GateChart, TraceChart
from labnet.live.drawing import NetworkDrawing
from labnet.live.polling import Poll
from labnet.live.states import masked_edges
from labnet.live.tail import Tail
from labnet.live.view import fill

if TYPE_CHECKING:
    from bokeh.document import Document


def waiting_page(document: "Document", tail: Tail) -> None:
    """Make a page that says what it waits for, and is loaded anew when the run is there."""
    view = fill(document, "page.html", str(tail.path))

    def look() -> bool:
        tail.refresh()
        view.stale = tail.exists
        view.say(header=words.header(tail), warnings=words.bullets(tail.warnings()))
        return False

    look()
    Poll(document, view, look)


class RunPage:
    """Shows a run in a document, and goes on showing it while it is written."""

    def __init__(self, document: "Document", tail: Tail) -> None:
        self._tail = tail
        self._network = NetworkDrawing(tail.network, tail.task)
        x_label = "steps × p" if tail.x_is_steps_p else "steps"
        self._error = ErrorChart(self._soon, (name for name, _ in tail.task.sets()), x_label)
        top = tail.meta["board"]["wiper_positions"] if tail.plan.moves == "wipers" else None
        self._traces = {axis: TraceChart(self._soon, top, axis == "log", x_label) for axis in ("linear", "log")}
        self._gates = GateChart(tail.network.edge_count)
        self._view = fill(
            document,
            "run.html",
            f"{tail.path.stem} · labnet",
            network=self._network.plot,
            error=self._error.plot,
            gates=self._gates.plot,
            **{f"traces_{axis}": chart.plot for axis, chart in self._traces.items()},
        )
        self._started = tail.meta["created"]
        moved = "Resistances" if top is None else "Wipers"
        self._view.say(moved=moved, parameters=words.settings(tail.meta, tail.task))
        self._poll = Poll(document, self._view, self._look)
        for name in ("follow", "step", "nodes", "axis"):
            self._view.on_change(name, self._chosen)
        self._network.edges.selected.on_change("indices", self._chosen)
        self._draw()

    def _soon(self) -> None:
        self._poll.soon(self._draw)

    def _chosen(self, attr: str, old: object, new: object) -> None:  # Bokeh wants these names
        self._soon()

    def _look(self) -> bool:
        """Look at what is new, and show it."""
        changed = self._tail.refresh()
        if changed and self._tail.exists:
            self._view.stale = self._tail.meta["created"] != self._started
        if changed or self._tail.status == "running":
            self._draw()
        return changed

    def _draw(self) -> None:
        tail, view = self._tail, self._view
        view.say(warnings=words.bullets(tail.warnings()))
        view.say(header=words.header(tail))
        if not tail.exists or view.stale:  # what was read last stays
            return
        try:
            view.last_step = max(tail.last_step, 0)
            self._error.update(tail)
            view.say(errors=words.errors(tail, self._error.averaged))
            self._draw_traces()
            self._draw_state()
            statistics = tail.gates()
        except RunError:  # the file went away meanwhile: the next look says so
            return
        self._gates.update(statistics)
        view.say(gates=words.gates(statistics, tail))

    def _draw_traces(self) -> None:
        marked, chosen = self._marked(), self._view.axis
        for axis, chart in self._traces.items():
            chart.plot.visible = axis == chosen
        self._traces[chosen].update(self._tail, marked)
        self._view.say(chosen=words.traced(marked, self._tail))

    def _draw_state(self) -> None:
        view, tail = self._view, self._tail
        state = tail.state(None if view.follow else view.step)
        self._network.show(state, view.nodes, self._marked(), masked_edges(tail.findings))
        view.say(at=words.shown_at(state))
        for chart in (self._error, *self._traces.values()):
            chart.look_back(None if view.follow else state.step * tail.x_per_step)

    def _marked(self) -> dict[int, str]:
        """Give the edges whose traces are drawn, with their colours: those somebody tapped on, else some."""
        count = self._tail.network.edge_count
        edges = self._network.selected[-len(COLOURS) :]
        edges = edges or np.unique(np.linspace(0, count - 1, len(COLOURS)).astype(int)).tolist()
        return dict(zip(edges, COLOURS, strict=False))
