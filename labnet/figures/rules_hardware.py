"""Which rules survive twins that differ, biased comparators and whole wiper positions, at equal settlings."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from pydantic import Field

from labnet import plots
from labnet.addresses import open_board
from labnet.analysis import median
from labnet.data import Data
from labnet.experiment import Experiment
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import TASK, Figure, Findings, FloatArray, late_error, verdict
from labnet.figures.rules_states import R_FROM, R_TO
from labnet.rules import ContrastRule, Discrete, EquilibriumPropagation
from labnet.sweeps import sweep

_LEARNED = 0.01  # a scaled error below it counts as learned
_WORSE = 10.0  # a rule is hurt when its errors are surely larger, and that many times
_FAILED = 1e3  # what counts for a training that failed
_MISMATCH = "board.twin_mismatch"
_SEEDS = "task.seed, seed, board.seed"


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    board : str
    settlings : int
        For each rule; its steps follow from what a step of it costs.
    tasks : int
    mismatches, sigmas_v : tuple of float
        Of the twins, as a share; end of the comparators' biases, for the discrete rule.
    rules : dict of str to dict
        Keys of experiments.
    """

    title: str = ""
    board: str
    settlings: int = Field(ge=1)
    tasks: int = Field(ge=2)
    mismatches: tuple[float, ...] = Field(min_length=2)
    sigmas_v: tuple[float, ...] = Field(min_length=2)
    rules: dict[str, dict[str, Any]] = Field(min_length=1)


class Errors(NamedTuple):
    """Final scaled errors of one rule; infinite for what failed.

    Attributes
    ----------
    contrasts_twins : bool
        Whether it holds the states of two twins against each other.
    mismatched : numpy.ndarray, shape (T, M)
        By mismatch; wipers rounded stochastically, or stepped by comparators.
    others : dict of str to numpy.ndarray, shape (T,)
        On twins that are equal, by what else is changed.
    """

    contrasts_twins: bool
    mismatched: FloatArray
    others: dict[str, FloatArray]


class Survived(NamedTuple):
    """All rules by name, and what was asked for."""

    settings: Settings
    errors: dict[str, Errors]


def measure(given: dict[str, Any]) -> Survived:
    """Train all rules on all boards."""
    settings = Settings(**given)
    return Survived(settings, {name: _errors(settings, keys) for name, keys in settings.rules.items()})


def _errors(settings: Settings, keys: dict[str, Any]) -> Errors:
    experiment = Experiment(board=settings.board, task={"kind": "allostery"}, steps=1, **keys)
    rule = experiment.rule
    with open_board(experiment.board) as board:
        each_step = rule.costs(experiment.plan(board.network).task, 1).settlings
        from_to = [round(r * board.info.wiper_positions) for r in (R_FROM, R_TO)]
    exact = experiment.changed({"steps": max(1, settings.settlings // each_step), "start": [R_FROM, R_TO]})
    wipers = exact.changed({"start": from_to})
    if isinstance(rule, Discrete):
        biased = _final(settings, wipers, "board.sigma_max_v", settings.sigmas_v).T
        others = {f"σ up to {sigma:g} V": each for sigma, each in zip(settings.sigmas_v, biased, strict=True)}
        return Errors(True, _final(settings, wipers, _MISMATCH, settings.mismatches), others)
    rounded = wipers.changed({"quantise": "stochastic"})
    others = {
        "resistances": _final(settings, exact, "eta", [exact.eta])[:, 0],
        "nearest wiper": _final(settings, wipers, "quantise", ["nearest"])[:, 0],
    }
    one_twin = isinstance(rule, EquilibriumPropagation) and rule.states == "centred"
    twins = isinstance(rule, ContrastRule) and not one_twin
    return Errors(twins, _final(settings, rounded, _MISMATCH, settings.mismatches), others)


def _final(settings: Settings, experiment: Experiment, key: str, values: Sequence[Any]) -> FloatArray:
    """Give the final scaled errors (T, M) of tasks for each value of a key."""
    swept = sweep(experiment, {_SEEDS: range(settings.tasks), key: list(values)}, progress=False)
    table = late_error(swept, "train").pivot(index=TASK, columns=key, values="scaled_error")
    errors = table.reindex(columns=list(values)).to_numpy(dtype=np.float64)
    return np.where(np.isnan(errors), np.inf, errors)


def find(survived: Survived) -> Findings:
    """Say what mismatch, whole positions and sigma do to each rule, and whether contrasting twins decides."""
    mismatches = survived.settings.mismatches
    numbers: dict[str, Any] = {"mismatches": mismatches, "tasks": survived.settings.tasks}
    found, hurt = list[str](), dict[bool, list[bool]]()
    for name, errors in survived.errors.items():
        middle = np.median(errors.mismatched, axis=0)
        learned = [value for value, each in zip(mismatches, middle, strict=True) if each < _LEARNED]
        finite = np.minimum(errors.mismatched, _FAILED)
        ratio = median(finite[:, -1] / finite[:, 0])  # task by task
        hurt.setdefault(errors.contrasts_twins, []).append(ratio.low > 1.0 and ratio.value > _WORSE)
        numbers[name] = {
            "by_mismatch": [_median(each) for each in errors.mismatched.T],
            "learned_up_to_mismatch": max(learned, default=None),
            "most_mismatched_over_equal": ratio,
            **{other: _median(each) for other, each in errors.others.items()},
        }
        steps = ", ".join(f"{each:.2g} ({value:.1%})" for value, each in zip(mismatches, middle, strict=True))
        others = ", ".join(f"{np.median(each):.2g} ({other})" for other, each in errors.others.items())
        found.append(f"{name}: {steps}, {ratio} times task by task; on equal twins {others}")
    share = ", ".join(
        f"{sum(each)} of {len(each)} that {'contrast' if twins else 'do not contrast'} two twins"
        for twins, each in hurt.items()
    )
    found.append(f"error surely larger, and {_WORSE:g} times so, at a mismatch of {mismatches[-1]:.0%}: {share}")
    return Findings(numbers, tuple(found), verdict(all(hurt[True]), not any(hurt.get(False, []))))


def _median(errors: FloatArray) -> list[float | None]:
    """Give the median over tasks with its interval, as JSON takes it: None where half failed."""
    return [float(each) if np.isfinite(each) else None for each in median(np.minimum(errors, _FAILED))]


def draw(survived: Survived, _: Findings) -> Picture:
    """Draw final errors against mismatch, of rules that contrast two twins and of the others."""
    mismatches = survived.settings.mismatches
    made, panels = picture(columns=2, sharey=True)
    groups = {True: "a  rules that contrast two twins", False: "b  rules that see one twin, or costs alone"}
    for axes, (twins, title) in zip(panels, groups.items(), strict=True):
        group = {name: errors for name, errors in survived.errors.items() if errors.contrasts_twins == twins}
        for colour, marker, (name, errors) in zip(plots.colours(len(group)), "os^Dv*P", group.items(), strict=False):
            at = np.arange(len(mismatches)) + 0.04 * len(axes.lines) / 3  # side by side
            points(axes, at, errors.mismatched, colour, name, marker)
        axes.set_xticks(range(len(mismatches)), [f"{100 * value:g} %" for value in mismatches])
        axes.set_yscale("log")
        axes.axhline(_LEARNED, color="0.6", lw=1, ls=":")
        labelled(axes, "mismatch of the twins", "final scaled error" if twins else "", title, loc="upper left", ncols=2)
        axes.set_ylim(top=_FAILED * 100)  # room for the legends
    return made


FIG_HARDWARE = Figure(
    "rules-hardware",
    "A rule that contrasts two circuits needs them to share their parameters (ernoult2024, Sec. 3.3); one that sees a "
    "single twin does not.",
    find,
    draw,
    measure,
)
