"""How many updates and time steps perturbations take to learn, against tau_theta (oripov2025, Figs. 5 and 6)."""

from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from pydantic import Field

from labnet import plots
from labnet.analysis import Interval, median
from labnet.data import Data
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.figures.rules_batches import for_most, updates
from labnet.figures.rules_states import R_FROM, R_TO
from labnet.networks import named
from labnet.optimisers import Adam, Momentum, Optimiser, Plain
from labnet.tasks import Regression

IntArray = NDArray[np.int64]
Name = Literal["plain", "momentum", "adam"]

_OPTIMISERS: dict[Name, Optimiser] = {"plain": Plain(), "momentum": Momentum(), "adam": Adam(rate=1.0)}
_PATIENCE = 6.0  # what takes that many times as long as most tasks do with the best rate is given up
_TUNED_FROM = 1000  # seed of the first task that rates are chosen on; they are none of those that are reported
_SAVED = 0.37  # of the updates, says the paper of Adam
_SAME = 1.1  # medians that differ by less than this factor count as the same


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    network : str
    tasks, tuned_on : int
        That are reported, and that rates are chosen on.
    examples : int
        Of each task; every time step shows all.
    times : tuple of int
        tau_theta.
    goal : float
        Scaled error.
    most : int
        Updates.
    rates : dict of str to (float, float)
        By optimiser, the powers of 2 between which rates are tried: gamma, for Adam the size of a step.
    per_octave : int
        Rates in a factor of 2.
    """

    title: str = ""
    network: str
    tasks: int = Field(ge=2)
    tuned_on: int = Field(ge=2)
    examples: int = Field(ge=1)
    times: tuple[int, ...] = Field(min_length=2)
    goal: float = Field(gt=0, lt=1)
    most: int = Field(ge=1)
    rates: dict[Name, tuple[float, float]]
    per_octave: int = Field(ge=1)


class Trained(NamedTuple):
    """Of one optimiser: the rates that were chosen, and the updates (T, M) that it took, first with the exact gradient.

    `at_end` marks rates at an end of those that were tried.
    """

    rates: list[float]
    at_end: list[bool]
    updates: FloatArray


class Learned(NamedTuple):
    """All optimisers by name, and what was asked for."""

    settings: Settings
    trained: dict[Name, Trained]


def measure(given: dict[str, Any]) -> Learned:
    """Choose rates on some tasks, and train others."""
    settings = Settings(**given)
    return Learned(settings, {name: _trained(settings, name) for name in settings.rates})


def _trained(settings: Settings, name: Name) -> Trained:
    low, high = settings.rates[name]
    rates = 2.0 ** np.linspace(low, high, round((high - low) * settings.per_octave) + 1)
    tuning, reported = range(_TUNED_FROM, _TUNED_FROM + settings.tuned_on), range(settings.tasks)
    chosen, at_end, needed = [], [], []
    for times in (None, *settings.times):
        best = int(np.argmin(for_most(_updates(settings, name, tuning, rates, times))))
        chosen.append(float(rates[best]))
        at_end.append(best in (0, len(rates) - 1))
        needed.append(_updates(settings, name, reported, rates[best : best + 1], times)[:, 0])
    return Trained(chosen, at_end, np.array(needed).T)


def _updates(settings: Settings, name: Name, seeds: range, rates: FloatArray, times: int | None) -> FloatArray:
    """Give the updates (T, M) that tasks take."""
    network = named(settings.network)
    tasks = [
        Regression.sample(network, inputs=2, outputs=2, v_max=1.0, train=settings.examples, test=0, seed=seed)
        for seed in seeds
    ]
    start = np.array([np.random.default_rng(seed).uniform(R_FROM, R_TO, network.edge_count) for seed in seeds])
    optimiser = _OPTIMISERS[name]
    done = updates(tasks, start, seeds, optimiser, rates, times, settings.goal, settings.most, _PATIENCE)
    return done.astype(np.float64)


def find(learned: Learned) -> Findings:
    """Compare updates with those of the exact gradient, time steps with those at tau_theta = 1, Adam with plain."""
    settings, times = learned.settings, np.array(learned.settings.times)
    numbers: dict[str, Any] = {"tau_theta": times.tolist(), "tasks": settings.tasks}
    found: list[str] = []
    for name, trained in learned.trained.items():
        exact, needed = trained.updates[:, 0], trained.updates[:, 1:]
        numbers[name] = {
            "rate_exact": trained.rates[0],
            "rates": trained.rates[1:],
            "rate_at_end": trained.at_end,
            "updates_exact": median(exact),
            "updates": [median(each) for each in needed.T],
            "updates_of_three_in_four_tasks": for_most(trained.updates).tolist(),
            "time_steps": [median(each) for each in (needed * times).T],
            "settlings_per_example": [median(each) for each in (needed * (times + 1)).T],
            "updates_over_exact": [median(each / exact) for each in needed.T],
            "not_there": (trained.updates >= settings.most).mean(axis=0).tolist(),
        }
        longer = median(needed[:, -1] / needed[:, 0] * times[-1] / times[0])
        found += [
            f"{name}: {median(exact)} updates with the exact gradient, {median(needed[:, 0])} at tau_theta = "
            f"{times[0]}, {median(needed[:, -1])} at {times[-1]}: task by task {median(needed[:, -1] / exact)} of "
            "those with the exact one",
            f"{name}: fewest time steps at tau_theta = {_cheapest(times, needed * times)}, fewest settlings, with "
            f"those of C_0, at {_cheapest(times, needed * (times + 1))}; {longer} times the time steps at {times[-1]} "
            f"as at {times[0]}",
        ]
    plain = learned.trained["plain"].updates
    over_exact, over_last = median(plain[:, -1] / plain[:, 0]), median(plain[:, 1] / plain[:, -1])
    holds = {
        "updates fall to those of the exact gradient": over_last.low > 1.0 and over_exact.low < _SAME,
        f"fewest time steps at tau_theta = {times[0]}": _cheapest(times, plain[:, 1:] * times) == times[0],
    }
    saved = [_saved(learned, column) for column in range(plain.shape[1])]
    numbers["adam_saves"] = {"exact": saved[0], "by_tau_theta": saved[1:]}
    most = [for_most(learned.trained[name].updates)[-1] for name in ("plain", "adam")]
    holds["Adam saves 37 % of the updates"] = saved[-1].low <= _SAVED <= saved[-1].high
    found.append(
        f"Adam saves {saved[-1]} of the updates at tau_theta = {times[-1]}, {saved[1]} at {times[0]} (paper: 0.37); "
        f"three in four tasks take {most[1]:.0f} at most at {times[-1]}, {most[0]:.0f} without it"
    )
    out = [what for what, each in holds.items() if not each]
    return Findings(numbers, tuple(found), verdict(*holds.values()) + (f"; not: {'; '.join(out)}" if out else ""))


def _cheapest(times: IntArray, costs: FloatArray) -> int:
    """Give the tau_theta with the least median of costs (T, M)."""
    return int(times[np.argmin(np.median(costs, axis=0))])


def _saved(learned: Learned, column: int) -> Interval:
    """Give the share of updates that Adam saves, task by task."""
    ratio = median(learned.trained["adam"].updates[:, column] / learned.trained["plain"].updates[:, column])
    return Interval(1.0 - ratio.value, 1.0 - ratio.high, 1.0 - ratio.low)


def draw(learned: Learned, _: Findings) -> Picture:
    """Draw updates against tau_theta, and time steps, with and without the settling of C_0."""
    times = np.array(learned.settings.times)
    made, panels = picture(columns=3)
    factors = (np.ones_like(times), times, times + 1)
    names = ("updates", "time steps: updates × τ_θ", "settlings: updates × (τ_θ + 1)")
    for axes, factor, y, letter in zip(panels, factors, names, "abc", strict=True):
        for colour, marker, (name, trained) in zip(plots.colours(3), "os^", learned.trained.items(), strict=True):
            points(axes, times, trained.updates[:, 1:] * factor, colour, name, marker)
            if letter == "a":
                axes.axhline(float(np.median(trained.updates[:, 0])), color=colour, lw=1, ls="--")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        if letter == "a":
            axes.plot([], [], color="black", lw=1, ls="--", label="exact gradient")
        labelled(axes, "integration time τ_θ (time steps)", y, letter)
    return made


FIG_TAU = Figure(
    "rules-tau",
    "Updates fall to the number of the exact gradient as tau_theta grows, the total time is least at tau_theta = 1, "
    "and Adam needs 37 % fewer updates (oripov2025, Figs. 5 and 6).",
    find,
    draw,
    measure,
)
