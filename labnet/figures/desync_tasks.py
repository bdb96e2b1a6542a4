"""How hard a task may be for p < 1 to help: outputs, targets and ground of allostery, examples of regression.

One example, shown at every step, can make a cycle of two: a step overshoots, and the next one goes back. With several
examples, what edges do from one visit of an example to the next says more: those that overshoot turn, those that obey
that example go the same way again.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import Interval, fit_power_law, median
from labnet.figures.desync import SIGMA, P, by_setting, s_of
from labnet.figures.desync_cycles import cycles, tasks_of
from labnet.figures.drawing import intervals, labelled, picture, points
from labnet.figures.figure import (
    TASK,
    Figure,
    Findings,
    FloatArray,
    Sweeps,
    completed,
    late_error,
    verdict,
)

_START, _ORDER = "start", "order"
_KEYS = ("family", "size", _ORDER, SIGMA, _START)  # of a setting; size: number of outputs, or of examples
_LOW = 4.0  # the lower of the two starts, where p = 1 can be caught
_MIDDLE_V = 0.005  # s = 0.001
_MIDDLE = f", s = 0.001, start {_LOW:g}"
_P = 0.3  # that p = 1 is compared with
_FLOORS = 4.0  # by which p = 0.3 may lower the error without any lock: 1 / (p^2 + (1 - p) / 4.4), for 16 edges
_TURNING = 0.9  # edges that turn more often than this overshoot
_MARKERS = "osD^v<>p"
_OUTPUTS, _EXAMPLES = ("teacher", "random", "without ground"), ("16 edges, M", "143 edges, M")


def errors(sweeps: Sweeps, examples: str) -> pd.DataFrame:
    """Give the final errors of all sweeps with several p: a row a training, with its setting."""
    frames = []
    for name, sweep in sweeps.items():
        family, _, size = name.rpartition(" = ")
        if family.startswith(("traces", "long")):
            continue
        family = family.removesuffix(", O")
        frame = late_error(sweep, examples)
        order = frame[_ORDER].astype(str).str.strip('"') if _ORDER in frame else pd.Series("cyclic", frame.index)
        order = order.where(~order.str.startswith(("[", "(")), "in blocks")
        frames.append(frame.assign(family=family, size=int(size), **{_ORDER: order}))
    return pd.concat(frames, ignore_index=True)


def _gains(frame: pd.DataFrame, family: str, sigma_v: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give sizes (K,), and errors at p = 1 and at p = 0.3 from the lower start, (T, K), of examples shown in turn."""
    part = frame[(frame["family"] == family) & (frame[SIGMA] == sigma_v) & (frame[_START] == _LOW)]
    part = part[part[_ORDER] == "cyclic"]
    by_p = [part[part[P] == p].pivot(index=TASK, columns="size", values="scaled_error") for p in (1.0, _P)]
    complete = (by_p[0] / by_p[1]).dropna().index
    one, other = (each.loc[complete].to_numpy(dtype=np.float64) for each in by_p)
    return by_p[0].columns.to_numpy(dtype=np.float64), one, other


def turns(wipers: FloatArray, examples: int) -> tuple[FloatArray, FloatArray]:
    """Give the share of moves after which an edge goes the other way, for every training.

    Parameters
    ----------
    wipers : numpy.ndarray, shape (T, steps, E)
        Positions before consecutive steps.
    examples : int
        M, shown in turn.

    Returns
    -------
    tuple of numpy.ndarray, each shape (T,)
        From one step to the next, and from one visit of an example to its next: 1 where the edge overshoots, 0 where it
        obeys, 1/2 for a random walk. Edges that stand still at an end do not count.
    """
    moves = np.diff(wipers, axis=1)
    shares = []
    for lag in (1, examples):
        before, after = moves[:, :-lag], moves[:, lag:]
        both = (before != 0) & (after != 0)
        turned = (both & (before == -after)).sum(axis=(1, 2))
        shares.append(turned / np.maximum(both.sum(axis=(1, 2)), 1))
    return shares[0], shares[1]


def _traced(sweeps: Sweeps) -> dict[str, dict[str, Any]]:
    """Say how edges move in the last steps of trainings with p = 1."""
    found: dict[str, dict[str, Any]] = {}
    for name, sweep in sweeps.items():
        if not name.startswith("traces"):
            continue
        count = int(name.rpartition(" = ")[2])
        final = completed(sweep, "final")
        for sigma_v, start in final[[SIGMA, _START]].drop_duplicates().itertuples(index=False, name=None):
            part = final[(final[SIGMA] == sigma_v) & (final[_START] == start)]
            table = part.pivot(index=["point", "step"], columns="edge", values="wiper").sort_index()
            wipers = table.to_numpy(dtype=np.float64).reshape(part["point"].nunique(), -1, table.shape[1])
            if wipers.shape[1] < count + 2:
                continue  # too few logged, as in quick figures
            step, visit = turns(wipers, count)
            found[f"{name.removeprefix('traces, ')}, s = {s_of(sigma_v):g}, start {start:g}"] = {
                "examples": count,
                "from_step_to_step": median(step),
                "from_visit_to_visit": median(visit),
            }
    return found


def _contrasts(sweeps: Sweeps) -> dict[str, Interval]:
    """Give C = Lambda s R / r0 of allosteric tasks."""
    found = {}
    for name, sweep in sweeps.items():
        if "O = " in name:
            v_max = sweep.experiment.task.v_max  # type: ignore[union-attr]
            found[name] = median(cycles(tasks_of(sweep).values(), v_max).contrast)
    return found


def _long(sweeps: Sweeps, frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Compare long trainings at p = 1 with p = 0.3, from the lower start."""
    found: dict[str, dict[str, Any]] = {}
    for name, sweep in sweeps.items():
        if name.startswith("long"):
            late, final = late_error(sweep, "train"), completed(sweep, "final")
            late, final = (each[each[_START] == _LOW] for each in (late, final))
            sizes, _, desynchronous = _gains(frame, "16 edges, M", _MIDDLE_V)
            size = int(name.rpartition(" = ")[2])
            other = median(desynchronous[:, sizes == size])
            error = median(late["scaled_error"])
            found[name.removeprefix("long, ")] = {
                "steps_p": sweep.experiment.steps_p,
                "examples": size,
                "error": error,
                "wiper": median(final.groupby("point")["wiper"].mean()),
                "error_at_p_0.3": other,
                "over_p_0.3": error.value / other.value,
            }
    return found


def find(sweeps: Sweeps) -> Findings:
    """Say how the gain of p < 1 goes with outputs and examples, and what edges do at p = 1."""
    train = errors(sweeps, "train")
    test = errors({name: sweep for name, sweep in sweeps.items() if "M = " in name}, "test")
    traced, long = _traced(sweeps), _long(sweeps, train)
    numbers: dict[str, Any] = {"gains": {}, "contrast": _contrasts(sweeps), "last_steps": traced, "long": long}
    found = [f"C = Lambda s R/r0, {name}: {contrast}" for name, contrast in numbers["contrast"].items()]
    for family in dict.fromkeys(train["family"]):
        for sigma_v in sorted(train[SIGMA].unique()):
            sizes, one, other = _gains(train, family, sigma_v)
            gains = [median(each) for each in (one / other).T]
            setting = f"{family}, start {_LOW:g}, s = {s_of(sigma_v):g}"
            numbers["gains"][setting] = {
                "sizes": sizes.tolist(),
                "gain": gains,
                "exponent": fit_power_law(sizes, one / other).exponent if len(sizes) > 1 else None,
            }
            said = ", ".join(f"{gain} at {size:g}" for size, gain in zip(sizes, gains, strict=True))
            found.append(f"{setting}: gain of p = {_P:g} is {said}")
    found += [
        f"{setting}: edges turn after {each['from_step_to_step']} of their steps, and after "
        f"{each['from_visit_to_visit']} from one visit of an example to the next"
        for setting, each in traced.items()
        if setting.endswith(_MIDDLE)
    ]
    found += [
        f"{name}, {each['steps_p']:g} steps at p = 1: error {each['error']}, {each['over_p_0.3']:.3g} times that of "
        f"p = {_P:g}; wipers at {each['wiper']}"
        for name, each in long.items()
    ]
    for examples, frame in (("train", train), ("test", test)):
        numbers[examples] = by_setting(frame, _KEYS).to_dict("records")
    turning = {each["examples"]: each["from_visit_to_visit"] for name, each in traced.items() if name.endswith(_MIDDLE)}
    says = {
        "one example is a two-cycle": 1 in turning and turning[1].low > _TURNING,
        "several break it": all(each.high < _TURNING for count, each in turning.items() if count > 1),
        "then p < 1 gains time alone": all(
            each["over_p_0.3"] < _FLOORS for each in long.values() if each["examples"] > 1
        ),
    }
    parts = "; ".join(f"{part}: {'yes' if holds else 'no'}" for part, holds in says.items())
    return Findings(numbers, tuple(found), f"{verdict(*says.values())} ({parts})")


def draw(sweeps: Sweeps, findings: Findings) -> Picture:
    """Draw gains against outputs and examples, errors against outputs, and how often edges turn."""
    frame = errors(sweeps, "train")
    made, (outputs, targets, examples, turning) = picture(2, 2)
    sigmas = sorted(frame[SIGMA].unique())
    for marker, colour, sigma_v in zip(_MARKERS, plots.colours(len(sigmas)), sigmas, strict=False):
        name = f"s = {s_of(sigma_v):g}"
        _draw_gain(outputs, frame, "teacher", sigma_v, colour, name, marker)
        for family, line in zip(_EXAMPLES, ("-", "--"), strict=True):
            label = f"{family.removesuffix(', M')}, {name}"
            _draw_gain(examples, frame, family, sigma_v, colour, label, marker, line)
    for marker, colour, family in zip(_MARKERS, plots.colours(len(_OUTPUTS)), _OUTPUTS, strict=False):
        sizes, one, other = _gains(frame, family, _MIDDLE_V)
        points(targets, sizes, one, colour, f"{family}, p = 1", marker)
        points(targets, sizes, other, colour, f"{family}, p = {_P:g}", marker, "--")
    for colour, what, key in zip(
        plots.colours(2),
        ("step to step", "visit to visit"),
        ("from_step_to_step", "from_visit_to_visit"),
        strict=True,
    ):
        for marker, line, edges in (("o", "-", "16 edges"), ("s", "--", "143 edges")):
            found = [
                (each["examples"], each[key])
                for name, each in findings.numbers["last_steps"].items()
                if name.startswith(edges) and name.endswith(_MIDDLE)
            ]
            if found:
                label = f"{edges}, {what}"
                intervals(turning, *zip(*found, strict=True), color=colour, label=label, marker=marker, ls=line)
    for axes in (outputs, targets, examples, turning):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    for axes in (outputs, targets, examples):
        axes.set_yscale("log")
    outputs.set_ylim(bottom=1e-2 * outputs.get_ylim()[0])  # room for the legends
    targets.set_ylim(bottom=1e-2 * targets.get_ylim()[0])
    examples.set_ylim(top=1e2 * examples.get_ylim()[1])
    narrow: dict[str, Any] = {"ncols": 2, "columnspacing": 0.8, "handlelength": 2.4}
    gain = f"gain: error at p = 1 over p = {_P:g}"
    labelled(outputs, "number of outputs O", gain, "allostery, 143 edges, from wiper position 4", loc="lower left")
    labelled(targets, "number of outputs O", "final scaled error", "the same at s = 0.001", **narrow)
    labelled(examples, "number of training examples M", gain, "regression, shown in turn, from 4", **narrow)
    name = "p = 1 at the end, s = 0.001, from 4"
    labelled(turning, "number of training examples M", "share of moves that turn", name, loc="center right")
    return made


def _draw_gain(
    axes: Axes, frame: pd.DataFrame, family: str, sigma_v: float, colour: str, label: str, marker: str, line: str = "-"
) -> None:
    sizes, one, other = _gains(frame, family, sigma_v)
    if len(sizes):
        points(axes, sizes, one / other, colour, label, marker, line)


FIG_TASKS = Figure(
    "desync-tasks",
    "One example catches p = 1 in a two-cycle; several that alternate break it, so that p < 1 then gains time alone.",
    find,
    draw,
)
