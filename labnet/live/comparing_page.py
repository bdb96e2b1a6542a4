"""The page of several runs, side by side."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labnet.comparison import Comparison, compare
from labnet.errors import RunError, RunMismatch
from labnet.live import words
from labnet.live.comparing_charts import DistanceChart, GroupChart
from labnet.live.drawing import NetworkDrawing, Scales
from labnet.live.followed import FollowedRun
from labnet.live.measurements import MOST_ROWS
from labnet.live.polling import Poll
from labnet.live.states import state_of
from labnet.live.view import fill
from labnet.runs import Run

if TYPE_CHECKING:
    from bokeh.document import Document

_SAID = {"of": "planned", "train": "train error", "train_late": "late", "test": "test error", "test_late": "late "}
_MOST_NETWORKS = 6
_MOST_EDGES = 200  # of networks that are drawn side by side


class ComparingPage:
    """Shows several runs in a document; what is still written goes on."""

    def __init__(self, document: "Document", paths: Sequence[Path]) -> None:
        with ExitStack() as stack:
            self._runs = runs = [stack.enter_context(FollowedRun.open(path)) for path in paths]
            self._seen = self._read_on()
            comparison = compare(runs)
            self._errors = GroupChart([group.label for group in comparison.groups])
            self._distances = DistanceChart(comparison.names)
            drawn = len(runs) <= _MOST_NETWORKS and all(run.network.edge_count <= _MOST_EDGES for run in runs)
            self._scales = Scales()
            self._networks = [NetworkDrawing(run.network, run.task, self._scales) for run in runs if drawn]
            for network, name in zip(self._networks, comparison.names, strict=False):
                network.plot.title.text = name
            plots = {f"network_{k}": network.plot for k, network in enumerate(self._networks)}
            title = f"{len(runs)} runs · labnet"
            self._view = fill(
                document, "runs.html", title, errors=self._errors.plot, distances=self._distances.plot, **plots
            )
            document.template_variables["networks"] = list(plots)
            self._draw(comparison)
        Poll(document, self._view, self._look)

    def _read_on(self) -> list[tuple[object, ...]]:
        return [run.read_on(MOST_ROWS // (2 * len(self._runs))) for run in self._runs]

    def _look(self) -> bool:
        """Compare again where a run went on."""
        before = self._seen
        try:
            with ExitStack() as stack:
                for run in self._runs:
                    stack.enter_context(run.reopen())
                self._seen = self._read_on()
                if self._seen != before:
                    self._draw(compare(self._runs))
        except RunMismatch:
            self._view.stale = True
        except RunError as error:  # a file went away: say so, and look again
            self._seen = []
            self._view.say(warnings=words.bullets([str(error), "What was read last is shown."]))
        return self._seen not in ([], before)

    def _draw(self, comparison: Comparison) -> None:
        view, groups = self._view, comparison.groups
        parts = [comparison.errors("train"), comparison.errors("test")]
        for name, part in zip(("train", "test"), parts, strict=True):
            self._errors.update(name, part)
        self._distances.update(comparison.distances().to_numpy())
        self._draw_networks(comparison.runs)
        going_on = sum(run.status == "running" for run in comparison.runs)
        view.say(
            header=words.comparison_header(comparison.names, going_on),
            warnings=words.bullets(comparison.notes),
            curves=words.curves(self._errors.averaged, any(len(group.runs) > 1 for group in groups)),
            legend=words.groups(groups, comparison.names, any(np.isfinite(parts[1]["median"]))),
            finals=words.frame(comparison.finals().rename(columns=_SAID), "run"),
            parameters=words.differences(comparison.parameters()),
        )

    def _draw_networks(self, runs: Sequence[Run]) -> None:
        """Draw where each stands, all in the same colours."""
        if not self._networks:
            return
        states = [state_of(run, run.plan.steps) for run in runs]
        references = [run.network.r_ref_ohm for run in runs]
        self._scales.fit(
            np.concatenate([references, *(state.ohm for state in states)]),
            np.concatenate([state.v_free for state in states]),
        )
        for network, state in zip(self._networks, states, strict=True):
            network.show(state, "free", {})
        self._view.say(
            scales=words.ramp("edges", self._scales.kohm, "kΩ") + words.ramp("nodes", self._scales.volts, "V")
        )
