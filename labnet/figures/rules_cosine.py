"""How near the estimates of all rules are to the exact gradient, against what they read."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from pydantic import Field

from labnet import analysis, plots
from labnet.addresses import open_board
from labnet.analysis import cosine, median
from labnet.data import Data
from labnet.errors import NudgeHidden
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.figures.rules_states import estimate, random_state, weighted_slope
from labnet.quantisation import Quantise
from labnet.rules import (
    Continuous,
    EquilibriumPropagation,
    ExactGradient,
    FiniteDifferences,
    HostRule,
    Lab,
    MultiplexedGradientDescent,
    OscillatingNudge,
    ZerothOrder,
)

_SMALL = 0.01  # eta of coupled learning near its limit
_FOUND = 0.95  # cosine
_GRADIENT = 0.999  # cosine from which an estimate counts as the gradient
_GRADIENTS = ("adjoint circuit", "EP, current", "EP, one-sided", "EP, conductance", "weights: finite differences")
_ROUNDING = 1e-9  # nearer to 1 a cosine is drawn there
_LOOKS = (  # colour, marker and line of each estimator
    *((0, "*", ""), (1, "o", ""), (1, "s", ""), (1, "D", ""), (2, "P", "-"), (3, "v", ""), (3, "^", "")),
    *((4, "X", ""), (4, "o", "-"), (5, "o", "-"), (5, "s", "-")),
    *((6, "X", ""), (6, "o", "--"), (7, "o", "--"), (7, "s", "--")),
)
_GOAL, _MOST = 0.01, 300  # of the cost at the start, and steps until it has to be there
_TUNED_FROM = 1000  # seed of the first task that gamma is chosen on


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    states : int
    amplitude : float
        Of perturbations, in units of R_ref, or of 1 V / R_ref.
    times : tuple of int
        Integration times and numbers of directions.
    outputs : tuple of int
        How many outputs coupled learning is looked at with.
    tasks : int
        That coupled learning and the exact gradient are trained on, with as many others to choose gamma on.
    gammas : (int, int)
        Powers of 2 between which gamma is chosen.
    boards : dict of str to str
        Addresses; of those whose name begins with "wipers" wipers are set.
    """

    title: str = ""
    states: int = Field(ge=2)
    amplitude: float = Field(gt=0)
    times: tuple[int, ...] = Field(min_length=1)
    outputs: tuple[int, ...] = Field(min_length=1)
    tasks: int = Field(ge=2)
    gammas: tuple[int, int]
    boards: dict[str, str] = Field(min_length=1)


class Cosines(NamedTuple):
    """Of one estimator, at several costs.

    Attributes
    ----------
    settlings, readings : list of int
    cosines : numpy.ndarray, shape (S, K)
    """

    settlings: list[int]
    readings: list[int]
    cosines: FloatArray


class Measured(NamedTuple):
    """What was measured.

    Attributes
    ----------
    settings : Settings
    estimators : dict of str to dict of str to Cosines
        By board and name.
    coupled : dict of str to numpy.ndarray, shape (S, M)
        Cosines of coupled learning, by eta and what it is held against, for each number of outputs.
    steps : dict of str to numpy.ndarray, shape (T,)
        That the two rules take to a scaled error of 0.01.
    """

    settings: Settings
    estimators: dict[str, dict[str, Cosines]]
    coupled: dict[str, FloatArray]
    steps: dict[str, FloatArray]


class Estimator(NamedTuple):
    """Variants of a rule, each dearer than the one before, and eta."""

    rules: list[HostRule]
    eta: float = 1.0


def estimators(settings: Settings, wipers: bool) -> dict[str, Estimator]:
    """Give the estimators by name; with `wipers` those that move them."""
    size, times = settings.amplitude, settings.times
    perturbed: dict[str, Estimator] = {}
    for what in ("weights",) if wipers else ("weights", "nodes"):
        shared: dict[str, Any] = {"gamma": 1.0, "amplitude": size, "perturb": what}
        perturbed |= {
            f"{what}: finite differences": Estimator([FiniteDifferences(**shared)]),
            f"{what}: zeroth order": Estimator([ZerothOrder(directions=each, **shared) for each in times]),
            f"{what}: multiplexed, bernoulli": Estimator(
                [MultiplexedGradientDescent(tau_theta=each, **shared) for each in times]
            ),
            f"{what}: multiplexed, walsh": Estimator(
                [MultiplexedGradientDescent(tau_theta=each, code="walsh", **shared) for each in times]
            ),
        }
    if wipers:
        return perturbed
    return {
        "adjoint circuit": Estimator([ExactGradient(gamma=1.0)]),
        "EP, current": Estimator([EquilibriumPropagation(gamma=1.0)]),
        "EP, one-sided": Estimator([EquilibriumPropagation(gamma=1.0, states="one-sided")]),
        "EP, conductance": Estimator([EquilibriumPropagation(gamma=1.0, nudge="conductance")]),
        "oscillating current": Estimator([OscillatingNudge(gamma=1.0, nudge="current", points=n) for n in (3, 8, 32)]),
        "coupled, η = 0.1": Estimator([Continuous(gamma=1.0)], 0.1),
        "full clamping": Estimator([Continuous(gamma=1.0)]),
    } | perturbed


def measure(given: dict[str, Any]) -> Measured:
    """Estimate at random states of boards, and train."""
    settings = Settings(**given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NudgeHidden)  # what converters hide is seen in the cosines
        each = {name: _on_board(settings, name, address) for name, address in settings.boards.items()}
        coupled = _coupled(settings)
    address = next(iter(settings.boards.values()))
    steps = {
        "coupled learning": _steps_tuned(settings, address, Continuous(gamma=1.0), 0.1),
        "exact gradient": _steps_tuned(settings, address, ExactGradient(gamma=1.0), 1.0),
    }
    return Measured(settings, each, coupled, steps)


def _on_board(settings: Settings, name: str, address: str) -> dict[str, Cosines]:
    wipers = name.startswith("wipers")
    quantise: Quantise | None = "nearest" if wipers else None
    rows: dict[str, list[list[float]]] = {}
    chosen = estimators(settings, wipers)
    for seed in range(settings.states):
        with open_board(address) as board:
            state = random_state(board.network, seed)
            lab = Lab(board, state.task, seed=seed, quantise=quantise)
            lab.place(state.ohm)
            exact = analysis.gradient(state.task, lab.ohm)  # where wipers went
            for each, (rules, eta) in chosen.items():
                found = [_cosine(estimate(rule, lab, eta), exact) for rule in rules]
                rows.setdefault(each, []).append(found)
    made = {}
    for each, (rules, _) in chosen.items():
        costs = [rule.costs(state.task, 1) for rule in rules]
        made[each] = Cosines([c.settlings for c in costs], [c.readings for c in costs], np.array(rows[each]))
    return made


def _cosine(given: FloatArray, exact: FloatArray) -> float:
    """Give the cosine; 0 where an estimate is 0 and has no direction."""
    return float(np.nan_to_num(cosine(given, exact)))


def _coupled(settings: Settings) -> dict[str, FloatArray]:
    """Hold coupled learning against the gradient, and against that of weighted errors, on the first board."""
    rule = Continuous(gamma=1.0)
    made: dict[str, list[list[float]]] = {}
    for seed in range(settings.states):
        row: dict[str, list[float]] = {}
        for outputs in settings.outputs:
            with open_board(next(iter(settings.boards.values()))) as board:
                state = random_state(board.network, seed, outputs)
                lab = Lab(board, state.task, seed=seed)
                lab.place(state.ohm)
                small, full = estimate(rule, lab, _SMALL), estimate(rule, lab, 1.0)
            row.setdefault(f"η = {_SMALL:g}", []).append(float(cosine(small, state.slope)))
            row.setdefault("η = 1", []).append(float(cosine(full, state.slope)))
            row.setdefault(f"η = {_SMALL:g}, weighted errors", []).append(float(cosine(small, weighted_slope(state))))
        for name, values in row.items():
            made.setdefault(name, []).append(values)
    return {name: np.array(rows) for name, rows in made.items()}


def _steps_tuned(settings: Settings, address: str, rule: HostRule, eta: float) -> FloatArray:
    """Give the steps (T,) that tasks take with the gamma that is best for others."""
    rules = [rule.model_copy(update={"gamma": 2.0**k}) for k in range(settings.gammas[0], settings.gammas[1] + 1)]
    others = range(_TUNED_FROM, _TUNED_FROM + settings.tasks)
    best = min(rules, key=lambda each: float(np.quantile([_steps(address, each, eta, k) for k in others], 0.75)))
    return np.array([_steps(address, best, eta, seed) for seed in range(settings.tasks)], dtype=np.float64)


def _steps(address: str, rule: HostRule, eta: float, seed: int) -> int:
    """Train until the cost is 0.01 of that at the start; gives after how many steps it is."""
    with open_board(address) as board:
        state = random_state(board.network, seed, v_max=1.0)
        lab = Lab(board, state.task, seed=seed)
        lab.place(state.ohm)
        goal = _GOAL * lab.cost([0])
        for step in range(_MOST):
            if lab.cost([0]) <= goal:
                return step
            lab.place(lab.ohm - rule.gamma * board.network.r_ref_ohm * estimate(rule, lab, eta, step))
    return _MOST


def find(measured: Measured) -> Findings:
    """Say what each estimator reaches, and at what cost."""
    numbers: dict[str, Any] = {}
    found = list[str]()
    for board, each in measured.estimators.items():
        numbers[board] = {
            name: {"settlings": c.settlings, "readings": c.readings, "cosine": [median(x) for x in c.cosines.T]}
            for name, c in each.items()
        }
        found += [f"{board}: {name}: {_words(c)}" for name, c in each.items()]
    first = next(iter(measured.estimators.values()))
    holds = [float(np.median(first[name].cosines[:, -1])) > _GRADIENT for name in _GRADIENTS]
    numbers["coupled"] = {"outputs": measured.settings.outputs} | {
        name: [median(x) for x in cosines.T] for name, cosines in measured.coupled.items()
    }
    for name, cosines in measured.coupled.items():
        each_count = ", ".join(
            f"{median(x)} ({count})" for count, x in zip(measured.settings.outputs, cosines.T, strict=True)
        )
        found.append(f"coupled learning, {name}: {each_count} with so many outputs")
    numbers["steps"] = {name: median(steps) for name, steps in measured.steps.items()}
    ratio = median(measured.steps["coupled learning"] / np.maximum(measured.steps["exact gradient"], 1.0))
    numbers["steps_over_exact"] = ratio
    said = ", ".join(f"{name} {steps}" for name, steps in numbers["steps"].items())
    found.append(f"steps to {_GOAL:g} of the cost, gamma tuned: {said}; task by task {ratio} times as many")
    several = np.array(measured.settings.outputs) > 1
    small = measured.coupled[f"η = {_SMALL:g}"][:, several]
    other = several.any() and bool(np.median(small, axis=0).max() < _GRADIENT)
    exception = "; coupled learning with several outputs follows another cost" if other else ""
    return Findings(numbers, tuple(found), verdict(*holds) + exception)


def _words(cosines: Cosines) -> str:
    """Say what is reached in the end, and what being near takes."""
    middle = np.median(cosines.cosines, axis=0)
    near = np.flatnonzero(middle >= _FOUND)
    at = (
        f"{_FOUND:g} with {cosines.readings[near[0]]} readings, {cosines.settlings[near[0]]} settlings"
        if len(near)
        else f"never {_FOUND:g}"
    )
    return f"{at}; in the end {median(cosines.cosines[:, -1])}"


def draw(measured: Measured, _: Findings) -> Picture:
    """Draw how far from 1 cosines are, against readings for every board, and that of coupled learning by outputs."""
    made, panels = picture(rows=2, columns=2)
    for letter, axes, (board, each) in zip("abc", panels, measured.estimators.items(), strict=False):
        looks = dict(zip(next(iter(measured.estimators.values())), _LOOKS, strict=True))
        for name, cosines in each.items():
            colour, marker, line = looks[name]
            points(axes, cosines.readings, _off(cosines.cosines), plots.colours(8)[colour], name, marker, line)
        _axes(axes, "node voltages read", f"{letter}  {board}")
        axes.set_xscale("log")
    made.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=7.5, loc="outside right upper")
    for shade, marker, (name, found) in zip(plots.colours(3), "os^", measured.coupled.items(), strict=True):
        points(panels[-1], measured.settings.outputs, _off(found), shade, name, marker)
    _axes(panels[-1], "outputs", "d  coupled learning")
    panels[-1].set_xticks(measured.settings.outputs)
    panels[-1].legend(frameon=False, fontsize=7.5)
    return made


def _off(cosines: FloatArray) -> FloatArray:
    """Give 1 - cosine, down to rounding."""
    return np.maximum(1.0 - cosines, _ROUNDING)


def _axes(axes: Axes, x: str, title: str) -> None:
    axes.set_yscale("log")
    axes.set_ylim(_ROUNDING / 2, 3)
    axes.axhline(1.0 - _FOUND, color="0.6", lw=1, ls=":")
    labelled(axes, x, "1 - cosine to the gradient", title, legend=False)


FIG_COSINE = Figure(
    "rules-cosine",
    "Implicit differentiation, energy-based contrasts and perturbations all estimate the gradient; they differ in what "
    "they read (ernoult2024, Sec. 2; oripov2025, Fig. 3a).",
    find,
    draw,
    measure,
)
