"""Whether real gates, and edges on clocks of their own, escape from where synchronous steps lock, as drawn gates do."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.addresses import open_board
from labnet.analysis import Interval, median, ratio_of_medians
from labnet.figures.desync import P
from labnet.figures.drawing import band, labelled, picture, points
from labnet.figures.figure import (
    SAME,
    Figure,
    Findings,
    FloatArray,
    Sweeps,
    completed,
    grouped,
    late_error,
    plan_of,
    verdict,
    wide,
)
from labnet.sweeps import Sweep

_DRAWN, _OSCILLATORS, _ALIKE, _SELF = "drawn", "oscillators", "alike", "self-triggered"
_GATES = (_DRAWN, "fixed number", _OSCILLATORS, _ALIKE)
_SHOWN = (  # against updates: label, gate and p
    ("p = 1", _DRAWN, 1.0),
    ("drawn, p = 0.5", _DRAWN, 0.5),
    ("oscillators, p = 0.5", _OSCILLATORS, 0.5),
    ("alike, p = 0.5", _ALIKE, 0.5),
    (_SELF, _SELF, None),
)
_HALF = 0.5  # the p of what is compared
_RMS = 0.06  # by how much frequencies differ at a spread of 1 (docs/gate.md)
_SPREAD, _SETTLING = "board.oscillator_spread", "board.settling_s"
_MARKERS = "osD^v"

Line = tuple[FloatArray, FloatArray]  # final errors (T, K) at (K,)


class Clocks(NamedTuple):
    """Final errors at one start and sigma: against p by gate, self-triggered ones (T,), and the other lines there are.

    `against` has errors against the drift of oscillators over the training, and against settling, both in periods.
    """

    gates: dict[str, Line]
    self_triggered: FloatArray
    against: dict[str, Line]


def find(sweeps: Sweeps) -> Findings:
    """Compare every gate with drawn ones, and with p = 1; say how little drift and how much settling is enough."""
    numbers: dict[str, Any] = {}
    found, holds = list[str](), list[bool]()
    for name, clocks in _by_point(sweeps).items():
        drawn = _by_p(clocks.gates[_DRAWN])
        half, synchronous = drawn[_HALF], drawn[1.0]
        ends = {f"{gate}, p = {_HALF:g}": _by_p(clocks.gates[gate])[_HALF] for gate in _GATES}
        ends[_SELF] = clocks.self_triggered
        gains = {what: ratio_of_medians(synchronous, errors) for what, errors in ends.items()}
        numbers[name] = {
            "gain_over_synchronous": gains,
            "over_drawn": {what: ratio_of_medians(errors, half) for what, errors in ends.items()},
            "by_p": {gate: _medians(line) for gate, line in clocks.gates.items()},
            _SELF: median(clocks.self_triggered),
            **{what: _medians(line) for what, line in clocks.against.items()},
        }
        each = ", ".join(f"{gain} ({what})" for what, gain in gains.items())
        found.append(f"{name}: median error lower than at p = 1, drawn, by a factor of {each}")
        for what, (errors, at) in clocks.against.items():
            over = [ratio_of_medians(column, half) for column in errors.T]
            worse = [f"{x:.2g}" for x, ratio in zip(at, over, strict=True) if ratio.low > 1.0 and ratio.value > SAME]
            found.append(f"{name}: surely {SAME:g} times above drawn gates at {what} of {', '.join(worse) or 'none'}")
        holds += _answers(gains, numbers[name]["over_drawn"])
    name, lines = _times(sweeps)
    for label, (errors, updates) in lines.items():
        k = int(np.argmin(np.median(errors, axis=0)))
        found.append(
            f"{name}, {label}: lowest median error {median(errors[:, k])}, after {updates[k]:.3g} updates an edge; "
            f"{median(errors[:, -1])} after {updates[-1]:.0f}"
        )
    return Findings(numbers, tuple(found), verdict(*holds))


def _answers(gains: dict[str, Interval], over: dict[str, Interval]) -> Iterator[bool]:
    """Say whether oscillators and self-triggered edges are as good as drawn gates, and gain where these do."""
    drawn = gains[f"{_DRAWN}, p = {_HALF:g}"].low > SAME
    for what in (f"{_OSCILLATORS}, p = {_HALF:g}", _SELF):
        yield over[what].low <= SAME and (gains[what].low > SAME or not drawn)


def _by_p(line: Line) -> dict[float, FloatArray]:
    return dict(zip(line[1].tolist(), line[0].T, strict=True))


def _medians(line: Line) -> dict[str, Interval]:
    return {f"{at:.3g}": median(errors) for at, errors in zip(line[1], line[0].T, strict=True)}


def _by_point(sweeps: Sweeps) -> dict[str, Clocks]:
    """Give final errors by start and sigma; a curve is named "SIGMA, WHAT"."""
    made: dict[str, Clocks] = {}
    for name, sweep in sweeps.items():
        sigma, _, what = name.partition(", ")
        for start, part in grouped(_started(late_error(sweep, "train"), sweep), "start").items():
            clocks = made.setdefault(_named(start, sigma), Clocks({}, np.empty(0), {}))
            if what in _GATES:
                clocks.gates[what] = wide(part, P, "scaled_error")
            elif what == _SELF:
                made[_named(start, sigma)] = clocks._replace(self_triggered=part["scaled_error"].to_numpy())
            else:
                column = _SPREAD if _SPREAD in sweep.over.columns else _SETTLING
                errors, at = wide(part, column, "scaled_error")
                clocks.against[f"{what} (periods)"] = errors, at * _periods(sweep, column)
    return made


def _started(frame: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    return frame if "start" in frame else frame.assign(start=sweep.experiment.start)


def _named(start: float, sigma: str) -> str:
    return f"from {start:g}, σ ≤ {sigma}"


def _periods(sweep: Sweep, column: str) -> float:
    """Give how many periods of an edge's oscillator a unit of `column` is: of drift over the training, or of time."""
    with open_board(sweep.experiment.board) as board:
        hz = board.info.self_trigger_hz or np.nan
    plan = plan_of(sweep, 0)
    return hz if column == _SETTLING else _RMS * hz * plan.steps * plan.step_period_s


def draw(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw errors against p by gate, against updates, and what gates that are too alike or settling do."""
    by_point = _by_point(sweeps)
    made, panels = picture(rows=2, columns=3)
    colours = dict(zip((*_GATES, _SELF), plots.colours(len(_GATES) + 1), strict=True))
    for axes, letter, (name, clocks) in zip(panels, "abc", by_point.items(), strict=False):
        for k, (gate, (errors, p)) in enumerate(clocks.gates.items()):
            points(axes, p + 0.008 * (k - 1.5), errors, colours[gate], f"gates {gate}", _MARKERS[k])
        value = median(clocks.self_triggered)
        axes.axhline(value.value, color=colours[_SELF], lw=1.2, label=_SELF)
        axes.axhspan(value.low, value.high, color=colours[_SELF], alpha=0.15, lw=0)
        axes.set_yscale("log")
        y = "final scaled error" if letter == "a" else ""
        labelled(axes, "update probability p", y, f"{letter}  {name}", letter == "b", loc="upper left")
    low, high = np.array([axes.get_ylim() for axes in panels[:2]]).T
    for axes in panels[:2]:
        axes.set_ylim(low.min(), high.max())
    _draw_times(panels[3], sweeps, colours)
    for axes, letter, (what, name) in zip(
        panels[4:],
        "ef",
        (
            ("drift (periods)", "drift apart over the training (periods, rms)"),
            ("settling (periods)", "settling time constant (periods)"),
        ),
        strict=True,
    ):
        there = {point: clocks for point, clocks in by_point.items() if what in clocks.against}
        for k, (point, clocks) in enumerate(there.items()):
            colour, (errors, at), drawn = plots.colours(2)[k], clocks.against[what], _by_p(clocks.gates[_DRAWN])
            points(axes, at, errors, colour, point, _MARKERS[k])
            axes.axhline(median(drawn[1.0]).value, color=colour, lw=1, ls="--")
            axes.axhline(median(drawn[_HALF]).value, color=colour, lw=1, ls=":")
        axes.plot([], [], color="black", lw=1, ls="--", label="drawn, p = 1")
        axes.plot([], [], color="black", lw=1, ls=":", label=f"drawn, p = {_HALF:g}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        title = "e  oscillators that start alike, p = 0.5" if letter == "e" else "f  self-triggered, nodes that settle"
        labelled(axes, name, "", title, letter == "e", loc="upper right", bbox_to_anchor=(1.0, 0.92))
    return made


def _draw_times(axes: Axes, sweeps: Sweeps, colours: dict[str, str]) -> None:
    name, lines = _times(sweeps)
    for what, (errors, updates) in lines.items():
        band(axes, updates, errors, colours.get(what.partition(",")[0], "black"), what)
    axes.set_xscale("log")
    axes.set_yscale("log")
    labelled(axes, "updates an edge, steps × p", "scaled error", f"d  {name}", loc="lower left")


def _times(sweeps: Sweeps) -> tuple[str, dict[str, Line]]:
    """Give the first start and sigma, and errors (T, K) there after so many updates an edge (K,), by gate."""
    sigma = next(iter(sweeps)).partition(", ")[0]
    start = min(grouped(sweeps[f"{sigma}, {_DRAWN}"].frame("error"), "start"))
    lines: dict[str, Line] = {}
    for label, what, p in _SHOWN:
        frame = completed(sweeps[f"{sigma}, {what}"], "error")
        there = (frame["set"] == "train") & (frame["start"] == start) & (frame["step"] > 0)
        part = frame[there & (frame[P] == p)] if p else frame[there]
        lines[label] = wide(part, "steps_p", "scaled_error")
    return _named(start, sigma), lines


FIG_CLOCKS = Figure(
    "desync-clocks",
    "Oscillators at the gates, and edges on clocks of their own, escape from the lock as drawn gates do.",
    find,
    draw,
)
