"""Sweeps whose results are known beforehand, to see whether a figure finds what was planted."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labnet.figures.figure import curves
from labnet.sweeps import Over

FILES = Path(__file__).parents[2] / "experiments" / "figures"
Point = Mapping[str, Any]


class Planted:
    """What a figure asks of a sweep: the experiment, what it is over, and frames made by a formula.

    `error(point, steps_p)` is the scaled error at any step, `final(point, step)` what every edge has at the end and at
    `logged` shares of the training.
    """

    def __init__(
        self,
        file: str,
        curve: str,
        error: Callable[[Point, np.ndarray], np.ndarray] | None = None,
        final: Callable[[Point, int], np.ndarray] | None = None,
        logged: int = 1,
        failed: tuple[int, ...] = (),
    ) -> None:
        chosen = next(each for each in curves(FILES / f"{file}.toml") if each.name == curve)
        self.experiment, self.over = chosen.experiment, Over.read(chosen.over)
        rows: dict[str, list[dict[str, Any]]] = {"points": [], "error": [], "final": []}
        column = "wiper" if self.experiment.rule.name == "discrete" else "resistance_ohm"
        for number in range(len(self.over.values)):
            point = dict(zip(self.over.columns, self.over.values[number], strict=True))
            base = {"point": number} | {
                key: str(each) if isinstance(each, list) else each for key, each in point.items()
            }
            experiment = self.experiment.changed(self.over.changes(number))
            rows["points"].append({**base, "status": "it diverged" if number in failed else "complete"})
            steps = np.unique(np.geomspace(1, experiment.triggers, 40).astype(int))
            if error is not None:
                for name in ("train", "test"):
                    values = error(point, steps * experiment.clock.p)
                    rows["error"] += [
                        {**base, "step": s, "steps_p": s * experiment.clock.p, "set": name, "scaled_error": v}
                        for s, v in zip(steps.tolist(), values.tolist(), strict=True)
                    ]
            if final is not None:
                for step in np.linspace(0, experiment.triggers, logged + 1).astype(int)[1:].tolist():
                    rows["final"] += [
                        {**base, "step": step, "edge": edge, column: value}
                        for edge, value in enumerate(final(point, step).tolist())
                    ]
        self.frames = {name: pd.DataFrame(each) for name, each in rows.items()}

    def frame(self, name: str) -> pd.DataFrame:
        return self.frames[name]


def scatter(task: int) -> float:
    """A factor of a task's own."""
    return float(np.random.default_rng(task).lognormal())
