"""Does `labnet advise` hold? Its errors and its "p < 1 helps" against trainings of tasks that it has not seen.

Settings are drawn at random, one after another from one seed. What is predicted of tasks that advice samples for itself
is held beside the median over other tasks, and what is predicted of single tasks beside their own trainings.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from pydantic import Field

from labnet import plots
from labnet.addresses import open_board
from labnet.advice import HELPS, Advice, Bench, Setting, advise
from labnet.analysis import median
from labnet.cores import core_count
from labnet.data import Data
from labnet.experiment import Experiment
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import SAME, TASK, Figure, Findings, FloatArray, late_error, verdict
from labnet.sweeps import sweep

COMPARATORS = ("sigma=redrawn", "sigma=frozen", "comparator=pair")
_NAMES = dict(zip(COMPARATORS, ("redrawn", "frozen", "offsets of pairs"), strict=True))
_LIMITS = (1e-5, 3.0)
Range = tuple[float, float]


class Seeds(Data):
    """Tasks that advice has not seen."""

    first: int
    count: int = Field(ge=2)


class Among(Data):
    """What settings are drawn from: one of each list; evenly in the logarithm between both ends of a range."""

    networks: tuple[str, ...]
    kinds: tuple[str, ...]
    comparators: tuple[str, ...]
    sigma_v: Range
    v_max: Range
    eta: Range
    start: Range
    p: tuple[float, ...]


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    seed : int
        Of the draws.
    settings : int
        How many are drawn.
    advised, single : int
        Tasks that advice samples, and how many of the others are predicted one by one.
    steps_p : float
    held_out : Seeds
    among : Among
    """

    title: str = ""
    seed: int
    settings: int = Field(ge=2)
    advised: int = Field(ge=1)
    single: int = Field(ge=2)
    steps_p: float = Field(gt=0)
    held_out: Seeds
    among: Among


class Checked(NamedTuple):
    """A setting as drawn, advice, and trainings.

    Attributes
    ----------
    experiment : Experiment
    advice : Advice
        Of tasks that it samples.
    single : Advice
        Of the first held-out tasks.
    trained : dict of Setting to numpy.ndarray, shape (T,)
        Final errors of all held-out tasks: as drawn, with p = 1, with p < 1 and as advised.
    """

    experiment: Experiment
    advice: Advice
    single: Advice
    trained: dict[Setting, FloatArray]

    @property
    def comparators(self) -> str:
        """Which kind."""
        return next(kind for kind in COMPARATORS if kind in self.experiment.board)

    @property
    def gain(self) -> float:
        """Trained at p = 1 over trained at p < 1, the median over tasks."""
        planned, apart = self.advice.planned._replace(p=1.0), self.advice.desynchronous
        return float(np.median(self.trained[planned] / self.trained[apart]))

    def pairs(self) -> FloatArray:
        """Give medians, predicted and trained, of every setting that was trained, shape (S, 2)."""
        return np.array(
            [(np.median(self.advice.outlooks[each].scaled), np.median(errors)) for each, errors in self.trained.items()]
        )

    def single_pairs(self) -> FloatArray:
        """Give predicted and trained errors of single tasks, all settings in a row, shape (S', 2)."""
        predicted = [self.single.outlooks[each].scaled for each in self.trained]
        trained = [errors[: len(predicted[0])] for errors in self.trained.values()]
        return np.stack([np.concatenate(predicted), np.concatenate(trained)], axis=1)


def measure(given: dict[str, Any]) -> list[Checked]:
    """Draw settings, ask for advice, then train."""
    settings = Settings(**given)
    experiments = list(drawn(settings))
    with ProcessPoolExecutor(core_count(), get_context("spawn")) as workers:
        advised = list(workers.map(advice_on, experiments, repeat(settings)))
    return [
        Checked(each, *advice, _trained(each, advice[0], settings))
        for each, advice in zip(experiments, advised, strict=True)
    ]


def drawn(settings: Settings) -> Iterator[Experiment]:
    """Give the settings as experiments, in the order in which they are drawn."""
    rng, among = np.random.default_rng(settings.seed), settings.among
    for _ in range(settings.settings):
        network, kind, comparators, p = (
            rng.choice(each) for each in (among.networks, among.kinds, among.comparators, among.p)
        )
        sigma_v, v_max, eta, start = (
            float(f"{np.exp(rng.uniform(*np.log(each))):.3g}")
            for each in (among.sigma_v, among.v_max, among.eta, among.start)
        )
        bias = "offset_v" if comparators == "comparator=pair" else "sigma_max_v"
        examples = {"train": 16, "test": 0} if kind == "regression" else {}
        yield Experiment(
            board=f"sim://{network}?preset=ideal&{comparators}&{bias}={sigma_v:g}",
            task={"kind": str(kind), "v_max": v_max, **examples},
            eta=eta,
            start=round(start),
            clock={"p": float(p)},
            steps_p=settings.steps_p,
        )


def advice_on(experiment: Experiment, settings: Settings) -> tuple[Advice, Advice]:
    """Give advice on the tasks that it samples, and on the first held-out ones."""
    first = settings.held_out.first
    found = []
    with open_board(experiment.board) as board:
        bench = Bench.of(board)
        for seeds in (range(settings.advised), range(first, first + settings.single)):
            plans = {seed: experiment.changed({TASK: seed}).plan(board.network) for seed in seeds}
            tasks, plan = {seed: each.task for seed, each in plans.items()}, plans[seeds[0]]
            start = plan.starting_values()
            assert start is not None
            found.append(advise(bench, tasks, eta=plan.eta_at(0), p=plan.clock.p, start=start))
    return found[0], found[1]


def _trained(experiment: Experiment, advice: Advice, settings: Settings) -> dict[Setting, FloatArray]:
    """Train the held-out tasks as drawn, with p = 1, with p < 1 and as advised."""
    planned, held_out = advice.planned, settings.held_out
    asked = list(dict.fromkeys((planned, planned._replace(p=1.0), advice.desynchronous, advice.best)))
    seeds = range(held_out.first, held_out.first + held_out.count)
    points = [
        {f"{TASK}, seed, board.seed": seed, "eta": each.eta, "start": int(each.start), "clock.p": each.p}
        for each in asked
        for seed in seeds
    ]
    errors = late_error(sweep(experiment, points, progress=False), "train").sort_values("point")["scaled_error"]
    return dict(zip(asked, errors.to_numpy().reshape(len(asked), -1), strict=True))


def find(checked: list[Checked]) -> Findings:
    """Say how far predictions are off, how often "p < 1 helps" is right, and what following the advice does."""
    together = np.concatenate([each.pairs() for each in checked])
    single = np.concatenate([each.single_pairs() for each in checked])
    helps = np.array([(each.advice.helps, each.gain > HELPS) for each in checked])
    right = helps[:, 0] == helps[:, 1]
    followed = np.array([_followed(each) for each in checked])
    worse = [each.experiment.board for each, factor in zip(checked, followed, strict=True) if factor < 1 / SAME]
    by_kind = {
        kind: _within(np.concatenate([each.pairs() for each in checked if each.comparators == kind]), 2.0)
        for kind in dict.fromkeys(each.comparators for each in checked)
    }
    confusion = {
        f"said {_word(said)}, found {_word(true)}": int(((helps[:, 0] == said) & (helps[:, 1] == true)).sum())
        for said in (True, False)
        for true in (True, False)
    }
    numbers = {
        "settings": [_as_data(each) for each in checked],
        "within_2": {"medians": _within(together, 2.0), "single_tasks": _within(single, 2.0)},
        "within_2_by_comparators": by_kind,
        "helps": confusion,
        "followed": median(followed),
        "worse_when_followed": worse,
    }
    share = _within(together, 2.0)
    found = (
        f"medians of {len(together)} trainings: {share:.0%} within a factor of 2 of what was predicted, "
        f"{_within(together, 4.0):.0%} within 4; single tasks: {_within(single, 2.0):.0%}, {_within(single, 4.0):.0%}",
        *(f"{kind}: {value:.0%} within 2" for kind, value in by_kind.items()),
        f"whether p < 1 helps (by a factor of {HELPS:g}): right for {right.sum()} of {len(checked)} settings; "
        + ", ".join(f"{name}: {count}" for name, count in confusion.items()),
        f"as advised the error is lower than as drawn by a factor of {median(followed)}; it is higher by more than "
        f"{SAME:g} for {len(worse)} of {len(checked)} settings",
    )
    return Findings(numbers, found, verdict(share >= 0.8, right.mean() >= 0.9, len(worse) <= 0.05 * len(checked)))


def _followed(checked: Checked) -> float:
    """Give the error as drawn over that as advised."""
    return float(np.median(checked.trained[checked.advice.planned] / checked.trained[checked.advice.best]))


def _word(holds: bool) -> str:
    return "yes" if holds else "no"


def _within(pairs: FloatArray, factor: float) -> float:
    return float(np.mean(np.abs(np.log(pairs[:, 0] / pairs[:, 1])) < np.log(factor)))


def _as_data(checked: Checked) -> dict[str, Any]:
    advice = checked.advice
    return {
        "board": checked.experiment.board,
        "task": checked.experiment.to_dict()["task"],
        "planned": advice.planned._asdict(),
        "regime": advice.regime,
        "lock": float(np.median(np.minimum(advice.lock, 1e9))),
        "gain": [advice.gain.median, checked.gain],
        "errors": [
            {**each._asdict(), "predicted": float(predicted), "trained": float(trained)}
            for each, (predicted, trained) in zip(checked.trained, checked.pairs(), strict=True)
        ],
    }


def draw(checked: list[Checked], _: Findings) -> Picture:
    """Draw trained against predicted errors, and errors as drawn against errors as advised."""
    made, (left, right) = picture(columns=2)
    for kind, colour in zip(COMPARATORS, plots.colours(len(COMPARATORS)), strict=True):
        some = [each for each in checked if each.comparators == kind]
        if not some:
            continue
        left.plot(*np.concatenate([each.single_pairs() for each in some]).T, ".", ms=2, alpha=0.3, color=colour)
        left.plot(*np.concatenate([each.pairs() for each in some]).T, "o", ms=4, color=colour, label=_NAMES[kind])
        ends = [[np.median(each.trained[s]) for s in (each.advice.planned, each.advice.best)] for each in some]
        right.plot(*np.transpose(ends), "o", ms=4, color=colour)
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlim=_LIMITS, ylim=_LIMITS)
        axes.plot(_LIMITS, _LIMITS, color="0.5", lw=0.8)
    left.fill_between(_LIMITS, np.divide(_LIMITS, 2), np.multiply(_LIMITS, 2), color="0.5", alpha=0.15, lw=0)
    labelled(left, "predicted scaled error", "trained scaled error", "large: medians; small: single tasks")
    labelled(right, "trained as drawn", "trained as advised", "below the line: better", legend=False)
    return made


FIG_ADVICE = Figure(
    "desync-advice",
    "Advice from sigma, V and the wipers' range alone predicts errors, says whether p < 1 helps, and lowers errors.",
    find,
    draw,
    measure,
)
