"""What a figure is: the statement it tests, how numbers come from its sweeps, how they are drawn."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from labnet.addresses import open_board
from labnet.errors import ExperimentError, PlanError
from labnet.experiment import Experiment, merged, read_toml
from labnet.plan import Plan
from labnet.sweeps import Over, Sweep
from labnet.sweeps.job import COMPLETE
from labnet.sweeps.store import FrameName

FloatArray = NDArray[np.float64]
Sweeps = Mapping[str, Sweep]
TASK = "task.seed"  # the column that tells tasks apart
SAME = 1.25  # errors that differ by less than this factor count as the same


class Findings(NamedTuple):
    """What came out.

    Attributes
    ----------
    numbers : dict
        As JSON takes them; intervals are [value, low, high].
    found : tuple of str
        The numbers that decide, in words, a line each.
    verdict : str
        Whether the statement holds, computed from the numbers.
    """

    numbers: dict[str, Any]
    found: tuple[str, ...]
    verdict: str


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, or a comparison it asks for.

    Attributes
    ----------
    name : str
        Names its TOML file and what is written.
    statement : str
        What the paper says.
    find : callable
        From sweeps, by curve, to findings.
    draw : callable
        From sweeps and findings to a picture.
    measure : callable, optional
        For figures of what is no training: from the settings in the TOML file to what `find` and `draw` take instead
        of sweeps.
    """

    name: str
    statement: str
    find: Callable[[Any], Findings]
    draw: Callable[[Any, Findings], Picture]
    measure: Callable[[dict[str, Any]], Any] | None = None


class Curve(NamedTuple):
    """One sweep of a figure.

    Attributes
    ----------
    name : str
    experiment : Experiment
    over : mapping or list of mapping
        As `labnet.sweep` takes it.
    settings : dict
        The tables of the file that it comes from, merged.
    """

    name: str
    experiment: Experiment
    over: dict[str, Any] | list[dict[str, Any]]
    settings: dict[str, Any]


def settings(path: str | os.PathLike[str], quick: bool = False) -> dict[str, Any]:
    """Read a figure's file; with `quick`, as its table ``[quick]`` changes it."""
    data = read_toml(path)[1]
    fewer = data.pop("quick", {})
    return merged(data, fewer) if quick else data


def curves(path: str | os.PathLike[str], quick: bool = False) -> Iterator[Curve]:
    """Read a figure's file: an experiment and ``[over]``, changed for each curve by the tables ``[curves.NAME]``.

    With `quick`, the table ``[quick]`` changes the file first: fewer tasks and steps. ``equal`` says what all points of
    a curve share: "updates" (steps x p x b is `steps_p`) or "steps" (that many, whatever p and b); else steps x p. Then
    ``at``, shares of `steps_p`, has states logged after so many steps, and after so many updates. With a self-triggered
    clock `steps_p` is how often every edge steps, in the mean, and the steps follow from that.

    Raises
    ------
    ExperimentError
        With file and key.
    """
    data = settings(path, quick)
    for name, changes in data.pop("curves", {"all": {}}).items():
        both = merged(data, changes)
        keys = {key: value for key, value in both.items() if key not in ("over", "equal", "at")}
        try:
            if "dwell_s" in keys.get("clock", {}):
                experiment = Experiment(**{**keys, "steps_p": None, "steps": 1})
                yield Curve(name, experiment, _self_triggered(experiment, both), both)
                continue
            experiment = Experiment(**keys)
            yield Curve(name, experiment, _points(experiment, both), both)
        except PlanError as error:
            raise ExperimentError(f"{path}, curve {name}: {error}", error.problems) from None


def _points(experiment: Experiment, settings: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
    """Give what a curve is over; where points are to be equally long, as a list with the length of each."""
    over, equal = settings.get("over", {}), settings.get("equal")
    if equal is None:
        return dict(over)
    if equal not in ("updates", "steps") or experiment.steps_p is None:
        raise PlanError(f"equal is {equal!r}; allowed: 'updates' or 'steps', with steps_p")
    grid = Over.read(over)
    points = [grid.changes(point) for point in range(len(grid.values))]
    for point in points:
        p, b = point.get("clock.p", 1.0), point.get("rule.batch", 1.0)
        point["steps_p"] = experiment.steps_p * p if equal == "steps" else experiment.steps_p / b
        if at := [share * experiment.steps_p for share in settings.get("at", [])]:
            point["log"] = sorted({round(each / share) for each in at for share in (1.0, p * b)})
    return points


def _self_triggered(experiment: Experiment, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the points of a self-triggered curve, each as long as its edges take for `steps_p` updates."""
    with open_board(experiment.board) as board:
        hz = board.info.self_trigger_hz
    grid = Over.read(settings["over"])
    points = [grid.changes(point) for point in range(len(grid.values))]
    for point in points:
        clock = experiment.changed(point).clock
        point["steps"] = max(1, round(settings["steps_p"] / clock.updates_per_step(hz)))
    return points


def verdict(*holds: bool) -> str:
    """Say whether all parts of a statement hold, some, or none."""
    return "holds" if all(holds) else "holds in part" if any(holds) else "does not hold"


def completed(sweep: Sweep, name: FrameName) -> pd.DataFrame:
    """Give a frame of a sweep without the trainings that failed."""
    points, frame = sweep.frame("points"), sweep.frame(name)
    return frame[frame["point"].isin(points["point"][points["status"] == COMPLETE])]


def plan_of(sweep: Sweep, point: int) -> Plan:
    """Give the plan of a point of a sweep."""
    experiment = sweep.experiment.changed(sweep.over.changes(point))
    with open_board(experiment.board) as board:
        return experiment.plan(board.network)


def grouped(frame: pd.DataFrame, key: str) -> dict[float, pd.DataFrame]:
    """Give the part of a frame for every value of `key`, in ascending order."""
    return {float(frame[key].iloc[k[0]]): frame.iloc[k] for k in frame.groupby(key).indices.values()}


def wide(frame: pd.DataFrame, column: str, value: str) -> tuple[FloatArray, FloatArray]:
    """Give a frame as an array, shape (T, K), one row a task, and the values of `column`, shape (K,).

    Tasks with a training that failed are left out: numbers compare the same tasks.
    """
    table = frame.pivot(index=TASK, columns=column, values=value).dropna()
    return table.to_numpy(dtype=np.float64), table.columns.to_numpy(dtype=np.float64)


def failures(sweeps: Sweeps) -> tuple[str, ...]:
    """Say how many trainings failed, and why the first did."""
    said = []
    for name, sweep in sweeps.items():
        points = sweep.frame("points")
        failed = points[points["status"] != COMPLETE]
        if len(failed):
            why = failed["status"].iloc[0].partition(". ")[0]
            said.append(f"{name}: {len(failed)} of {len(points)} trainings failed, their tasks are left out ({why})")
    return tuple(said)


def late_error(sweep: Sweep, examples: str) -> pd.DataFrame:
    """Give the final scaled error of every point, the median over its second half: the discrete rule never rests."""
    frame = completed(sweep, "error")
    frame = frame[frame["set"] == examples]
    late = frame[frame["step"] >= frame.groupby("point")["step"].transform("max") / 2]
    swept = [column for column in sweep.over.columns if column != "steps_p"]  # which counts up in this frame
    middle = late.groupby(["point", *swept])["scaled_error"].median()
    return middle.reset_index()
