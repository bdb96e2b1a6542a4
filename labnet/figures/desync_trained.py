"""Trainings for the six statements of wycoff2022 about the discrete rule, at settings that the paper leaves open."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from labnet.data import Data
from labnet.experiment import Experiment
from labnet.figures.desync_statements import Trained
from labnet.figures.figure import FloatArray, completed, late_error
from labnet.sweeps import Sweep, sweep

SOURCE_V = 5.0  # what the board's sources give
_LATE = 0.75  # wipers are looked at in the last quarter
_LOOKS = 6  # times two steps in a row, so that cycles of two are seen
_SEEDS = "task.seed, seed, board.seed"


class Setting(Data):
    """What the paper leaves open.

    Parameters
    ----------
    v_max : float
        Inputs are up to it, in volts; above 5 V in simulation alone.
    eta : float
    start : int or (int, int)
        Wiper positions: all at one, or drawn between two.
    sigma : {"redrawn", "frozen", "pair"}
        The paper's sigma redrawn at every comparison, or one an edge; or two comparators with offsets up to it.
    steps_p : float
        steps x p.
    targets : {"teacher", "random"}
    grounds : int
        Ground nodes, but for Fig. 4D, where the paper says how many.
    train : int
        Training examples of regression.
    positions : int
        Of a wiper, between the same ends.
    """

    v_max: float = Field(5.0, gt=0)
    eta: float = Field(1.0, gt=0, le=1)
    start: int | tuple[int, int] = 64
    sigma: Literal["redrawn", "frozen", "pair"] = "redrawn"
    steps_p: float = Field(1000.0, gt=0)
    targets: Literal["teacher", "random"] = "teacher"
    grounds: int = Field(1, ge=0)
    train: int = Field(16, ge=1)
    positions: int = Field(128, ge=2)

    def changes(self, network: str, sigma_max_v: float) -> dict[str, Any]:
        """Give what it changes of an experiment.

        Simulated sources end at 5 V like the board's. Above that sigma is scaled down instead: of linear edges only the
        ratio counts.
        """
        v_max = min(self.v_max, SOURCE_V)
        sigma_v = sigma_max_v * v_max / self.v_max
        pair = f"comparator=pair&offset_v={sigma_v:g}"
        comparator = pair if self.sigma == "pair" else f"sigma={self.sigma}&sigma_max_v={sigma_v:g}"
        return {
            "board": f"sim://{network}?preset=ideal&positions={self.positions}&{comparator}",
            "steps_p": self.steps_p,
            "eta": self.eta,
            "start": self.start,
            "task.v_max": v_max,
            "task.targets": self.targets,
        }


class Asked(Data):
    """What the file says.

    Parameters
    ----------
    sigma_max_v : float
    p, few : tuple of float
        Update probabilities, ascending to 1; `few` for Fig. 4D.
    outputs : tuple of int
        Of Fig. 4D.
    searched, held_out : (int, int)
        Seed of the first task, and how many: of those that all settings are trained on, and the nearest ones again.
    most_steps_p : float
        Longer trainings are cut.
    labs : dict of str to int
        Of how many tasks the paper averages, by statement.
    settings : dict of str to Setting
    """

    title: str = ""
    sigma_max_v: float
    p: tuple[float, ...] = Field(min_length=3)
    few: tuple[float, ...] = Field(min_length=3)
    outputs: tuple[int, ...] = Field(min_length=2)
    searched: tuple[int, int]
    held_out: tuple[int, int]
    most_steps_p: float = Field(1e9, gt=0)
    labs: dict[str, int]
    settings: dict[str, Setting]


def trained(asked: Asked, tasks: tuple[int, int], names: Sequence[str]) -> dict[str, Trained]:
    """Train on tasks (seed of the first, how many) at the settings of these names, and give what came out by name.

    Tasks where a training failed are left out.
    """
    asked = asked.model_copy(update={"settings": {name: asked.settings[name] for name in names}})
    seeds = range(tasks[0], sum(tasks))
    allostery, spans = _trained(asked, seeds, "twin16", "allostery", asked.p)
    regression, _ = _trained(asked, seeds, "twin16", "regression", asked.p)
    large, _ = _trained(asked, seeds, "packing143", "regression", asked.p)
    by_outputs = [_trained(asked, seeds, "packing143", "allostery", asked.few, count)[0] for count in asked.outputs]
    together = np.stack(by_outputs, axis=2)
    return {
        name: Trained(
            allostery=_whole(allostery[k]),
            spans=_whole(spans[k]),
            regression=_whole(regression[k]),
            large=_whole(large[k]),
            outputs=dict(zip(asked.outputs, _whole(together[k]).swapaxes(0, 1), strict=True)),
            p=np.array(asked.p),
        )
        for k, name in enumerate(names)
    }


def _whole(rows: FloatArray) -> FloatArray:
    return rows[np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)]


def _trained(
    asked: Asked, seeds: Sequence[int], network: str, kind: str, p: Sequence[float], outputs: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Give final scaled errors (settings, T, K), and how far wipers moved late (NaN but for two outputs of allostery).

    With a number of outputs there are as many inputs, and half as many grounds.
    """
    terminals = {} if outputs is None else {"inputs": outputs, "outputs": outputs, "grounds": outputs // 2}
    experiment = Experiment(board=f"sim://{network}", steps_p=1, task={"kind": kind, **terminals})
    looks = kind == "allostery" and outputs is None
    points = []
    for setting in asked.settings.values():
        same = setting.changes(network, asked.sigma_max_v)
        same["steps_p"] = min(setting.steps_p, asked.most_steps_p)
        if outputs is None:
            same["task.grounds"] = setting.grounds
        if kind == "regression":
            same["task.train"] = setting.train
        for seed in seeds:
            for each in p:
                point = {**same, _SEEDS: seed, "clock.p": each}
                points.append(point | ({"log": _late_steps(round(same["steps_p"] / each))} if looks else {}))
    # a setting that differs in what this network or task has not would come twice
    distinct = list({repr(point): point for point in points}.values())
    swept = sweep(experiment, distinct, progress=False)
    number = {repr(point): k for k, point in enumerate(distinct)}
    at = [number[repr(point)] for point in points]
    shape = (len(asked.settings), len(seeds), len(p))
    spans = _spans(swept) if looks else np.full(len(distinct), np.nan)
    errors = _late_errors(swept, "train" if kind == "allostery" else "test")
    return errors[at].reshape(shape), spans[at].reshape(shape)


def _late_steps(steps: int) -> list[int]:
    """Give pairs of steps in a row, spread over the last quarter."""
    at = np.linspace(_LATE * steps, steps - 2, _LOOKS).astype(int)
    return sorted({*at.tolist(), *(at + 1).tolist()})


def _late_errors(swept: Sweep, examples: str) -> FloatArray:
    """Give the median error over the second half of every training, NaN where it failed."""
    final = late_error(swept, examples).set_index("point")["scaled_error"]
    return final.reindex(range(len(swept.over.values))).to_numpy(dtype=np.float64)


def _spans(swept: Sweep) -> FloatArray:
    """Give how far the wiper that moves furthest late moves, in positions."""
    final = completed(swept, "final")
    wiper = final.groupby(["point", "edge"])["wiper"]
    widest = (wiper.max() - wiper.min()).groupby("point").max()
    return widest.reindex(range(len(swept.over.values))).to_numpy(dtype=np.float64)
