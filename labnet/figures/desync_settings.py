"""The gain of p < 1, and the floor, with one setting changed at a time: comparators, tasks, starts, pots, boards."""

from itertools import groupby
from math import inf, isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from pydantic import Field

from labnet import plots
from labnet.addresses import open_board
from labnet.advice import Bench
from labnet.analysis import Interval
from labnet.data import Data
from labnet.desynchrony import LOCKED, response, swing
from labnet.experiment import Experiment
from labnet.figures.desync import P, by_setting
from labnet.figures.drawing import labelled
from labnet.figures.figure import SAME, Figure, Findings, completed, grouped, late_error, verdict
from labnet.sweeps import sweep

_SEEDS = ("task.seed", "seed", "board.seed")
_KEYS = ("base", "setting")
_BASE = "base"  # the setting that nothing is changed in
_MARKERS = "osD^"
_ROW_IN = 0.25


class Base(Data):
    """A point that settings are changed from: where wipers start, and the largest sigma."""

    start: float
    sigma_v: float = Field(ge=0)


class Change(Data):
    """One thing that is changed.

    Parameters
    ----------
    board : str
        Options of the address; {sigma_v} is the largest sigma, {rms_v} noise with the same root mean square.
    sigma : float
        What the base's sigma is multiplied by.
    keys : dict
        Of the experiment.
    times : float
        What start and steps x p are multiplied by: pots with that many times the positions.
    bases : tuple of str
        Those it is changed from; all, where it is left out.
    """

    board: str = "sigma_max_v={sigma_v}"
    sigma: float = Field(1.0, ge=0)
    keys: dict[str, Any] = Field(default_factory=dict)
    times: float = Field(1.0, gt=0)
    bases: tuple[str, ...] = ()


class Settings(Data):
    """What the file says: an experiment without board and start, bases and changes by name, as "GROUP: CHANGE".

    `groups` are those that are made; all, where it is left out.
    """

    title: str = ""
    network: str
    tasks: int = Field(ge=2)
    p: tuple[float, ...] = Field(min_length=2)
    steps_p: float = Field(gt=0)
    task: dict[str, Any]
    bases: dict[str, Base] = Field(min_length=1)
    changes: dict[str, Change] = Field(min_length=1)
    groups: tuple[str, ...] = ()


class Measured(NamedTuple):
    """What came out.

    Attributes
    ----------
    errors : pandas.DataFrame
        As `by_setting` gives them, with "base" and "setting".
    locks : dict of (str, str) to float
        Lambda of `labnet.desynchrony`, by base and setting; 0 where several examples take turns, which do not lock.
    ends : dict of (str, str) to dict of float to list of float
        Which shares of the wipers end at the bottom and at the top, by base and setting, and p.
    failed : tuple of str
    """

    errors: pd.DataFrame
    locks: dict[tuple[str, str], float]
    ends: dict[tuple[str, str], dict[float, list[float]]]
    failed: tuple[str, ...]


def measure(given: dict[str, Any]) -> Measured:
    """Train every change from every base."""
    settings = Settings(**given)
    frames, locks, ends, failed = [], dict[tuple[str, str], float](), {}, list[str]()
    wanted = {name: each for name, each in settings.changes.items() if _group(name) in settings.groups}
    for name, change in ({_BASE: Change()} | (wanted or settings.changes)).items():
        for base in change.bases or settings.bases:
            experiment = _experiment(settings, settings.bases[base], change)
            over = {_SEEDS: range(settings.tasks), P: list(settings.p)}
            swept = sweep(experiment, over, progress=False)
            frames.append(late_error(swept, "train").assign(base=base, setting=name))
            top, locks[base, name] = _start(experiment, settings.tasks, settings.bases[base].sigma_v * change.sigma)
            wipers = {p: part["wiper"] for p, part in grouped(completed(swept, "final"), P).items()}
            ends[base, name] = {p: [float((k <= 1).mean()), float((k >= top - 1).mean())] for p, k in wipers.items()}
            said = swept.frame("points")["status"]
            failed += [f"{base}, {name}: {each}" for each in sorted(set(said) - {"complete"})]
    return Measured(by_setting(pd.concat(frames), _KEYS), locks, ends, tuple(failed))


def _group(name: str) -> str:
    return name.partition(":")[0]


def _experiment(settings: Settings, base: Base, change: Change) -> Experiment:
    sigma_v = base.sigma_v * change.sigma
    options = change.board.format(sigma_v=f"{sigma_v:g}", rms_v=f"{sigma_v / sqrt(3.0):.4g}")
    experiment = Experiment(
        board=f"sim://{settings.network}?{options}",
        task=settings.task,
        eta=1.0,
        start=base.start * change.times,
        steps_p=settings.steps_p * change.times,
    )
    return experiment.changed(change.keys)


def _start(experiment: Experiment, tasks: int, sigma_v: float) -> tuple[int, float]:
    """Give the highest position and Lambda: by how much the start's two-cycle exceeds sigma, the median over tasks."""
    locks = []
    with open_board(experiment.board) as board:
        pot = Bench.of(board).pot
        for seed in range(tasks):
            plan = experiment.changed({"task.seed": seed, "seed": seed}).plan(board.network)
            if len(plan.task.train) > 1:
                return pot.positions - 1, 0.0
            wipers = np.broadcast_to(np.asarray(plan.starting_values()), board.network.edge_count)
            locks.append(swing(response(plan.task, pot.ohm(wipers)), pot.step_ohm).contrast_v)
    return pot.positions - 1, float(np.median(locks)) / sigma_v if sigma_v else inf


def find(measured: Measured) -> Findings:
    """Say for every setting whether p < 1 gains, and whether Lambda said so."""
    numbers: dict[str, Any] = {}
    found, agree = list(measured.failed), list[bool]()
    for base in measured.errors["base"].unique():
        numbers[base] = settings = _numbers(measured, base)
        gains = {name: Interval(*next(iter(each["by_p"].values()))["gain"]) for name, each in settings.items()}
        locks = {name: measured.locks[base, name] for name in gains}
        wins = {name: gain.low > SAME for name, gain in gains.items()}
        right = {name: wins[name] == (locks[name] > LOCKED) for name in gains}
        loses = [f"{name} ({gain})" for name, gain in gains.items() if gain.high < 1.0 / SAME]
        others = [f"{name} ({gains[name]}, Lambda {locks[name]:.2g})" for name in gains if not right[name]]
        found.append(
            f"{base}: at the lowest p lower by a factor of {gains[_BASE]} with nothing changed; surely by {SAME:g} "
            f"at {sum(wins.values())} of {len(wins)} settings; surely higher at {', '.join(loses) or 'none'}; not as "
            f"Lambda says at {', '.join(others) or 'none'}"
        )
        agree += right.values()
    found.append(f"p < 1 gains where Lambda > {LOCKED:g} and nowhere else at {sum(agree)} of {len(agree)} settings")
    return Findings(numbers, tuple(found), verdict(all(agree), 2 * sum(agree) > len(agree)))


def _numbers(measured: Measured, base: str) -> dict[str, Any]:
    """Give Lambda (None for infinite) and what comes out at every p, lowest first, for all settings of a base."""
    numbers: dict[str, Any] = {}
    for row in measured.errors[measured.errors["base"] == base].to_dict("records"):
        lock = measured.locks[base, row["setting"]]
        setting = numbers.setdefault(row["setting"], {"lambda": lock if isfinite(lock) else None, "by_p": {}})
        setting["by_p"][f"{row['p']:g}"] = {
            "tasks": row["tasks"],
            "error": [row[key] for key in ("median", "low", "high")],
            "mean_error": [row[key] for key in ("mean", "mean_low", "mean_high")],
            "gain": [row[key] for key in ("gain", "gain_low", "gain_high")],
            "wipers_at_bottom_and_top": measured.ends.get((base, row["setting"]), {}).get(row["p"]),
        }
    return numbers


def draw(measured: Measured, _: Findings) -> Picture:
    """Draw a row a setting: the gain of the lowest p, and final errors there and at p = 1."""
    errors, low = measured.errors, measured.errors["p"].min()
    names = list(errors["setting"].unique())
    made = Picture(figsize=(9.4, 1.5 + _ROW_IN * len(names)), layout="constrained")
    panels = made.subplots(1, 2, sharey=True)
    bases = errors["base"].unique()
    for k, (base, colour) in enumerate(zip(bases, plots.colours(len(bases)), strict=True)):
        rows = errors[errors["base"] == base]
        at = rows["setting"].map({name: row + 0.22 * (k - 1) for row, name in enumerate(names)})
        part, whole = rows["p"] == low, rows["p"] == 1.0
        look: dict[str, Any] = {"color": colour, "marker": _MARKERS[k], "ls": "", "ms": 3.5, "lw": 1}
        for axes, value, limits, label in (
            (panels[0], "gain", ("gain_low", "gain_high"), base),
            (panels[1], "median", ("low", "high"), f"{base[0]}, p = {low:g}"),
        ):
            middle, ends = rows[value][part], [rows[limit][part] for limit in limits]
            axes.errorbar(middle, at[part], xerr=(middle - ends[0], ends[1] - middle), label=label, **look)
            axes.axvline(middle.iloc[0], color=colour, lw=0.8, ls="--", alpha=0.6, zorder=0)
        panels[1].plot(rows["median"][whole], at[whole], label=f"{base[0]}, p = 1", mfc="white", **look)
    panels[0].axvline(1.0, color="black", lw=0.8, zorder=0)
    panels[0].set_yticks(range(len(names)), names, fontsize=8)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    groups = [len(list(group)) for _, group in groupby(names, key=_group)]
    for axes, name, columns in zip(
        panels, (f"gain: error at p = 1 over that at p = {low:g}", "final scaled error"), (1, 2), strict=True
    ):
        axes.set_xscale("log")
        for edge in np.cumsum(groups)[:-1]:
            axes.axhline(edge - 0.5, color="0.8", lw=0.6, zorder=0)
        labelled(axes, name, "", loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns)
    return made


FIG_SETTINGS = Figure(
    "desync-settings",
    "Whether p < 1 gains depends on whether the start locks synchronous steps (Lambda), and on no other setting.",
    find,
    draw,
    measure,
)
