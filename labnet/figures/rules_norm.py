"""Eq. 21 of oripov2025: how long an estimate from perturbations is, and what normalises it."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from pydantic import Field

from labnet import plots
from labnet.addresses import open_board
from labnet.analysis import mean, median
from labnet.data import Data
from labnet.figures.drawing import intervals, labelled, picture
from labnet.figures.figure import SAME, Figure, Findings, FloatArray, verdict
from labnet.figures.rules_states import State, correlated, estimate, random_state
from labnet.networks import named
from labnet.rules import Lab, MultiplexedGradientDescent
from labnet.rules.perturbations import Code, period

IntArray = NDArray[np.int64]

_SURE = 3.5  # standard errors: of some twenty means, one is further off in one of a hundred such figures
_CHECKED = 8  # tau_theta at which boards are asked, too
_AMPLITUDE = 1e-5  # of perturbations there, in units of R_ref


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    networks : tuple of str
        Bernoulli perturbations are taken on all, the other codes on the first.
    states : int
        Of each network.
    time : int
        Time steps for each state, cut into estimates of tau_theta time steps.
    times : tuple of int
        tau_theta.
    codes : tuple of str
    """

    title: str = ""
    networks: tuple[str, ...] = Field(min_length=1)
    states: int = Field(ge=2)
    time: int = Field(ge=2)
    times: tuple[int, ...] = Field(min_length=2)
    codes: tuple[Code, ...] = ("bernoulli", "walsh", "sinusoidal", "sequential")


class Norms(NamedTuple):
    """What was measured.

    Attributes
    ----------
    settings : Settings
    edges : dict of str to int
        Of the networks: K.
    squares : dict of (str, str) to list of numpy.ndarray
        By network and code, for each tau_theta: |G|^2 over that of the gradient, of all estimates of all states.
    apart : numpy.ndarray, shape (S,)
        How far G of the rule on a board is from Eq. 11, as a share of it.
    """

    settings: Settings
    edges: dict[str, int]
    squares: dict[tuple[str, Code], list[FloatArray]]
    apart: FloatArray


def measure(given: dict[str, Any]) -> Norms:
    """Estimate many times."""
    settings = Settings(**given)
    squares: dict[tuple[str, Code], list[FloatArray]] = {}
    edges = {}
    for name in settings.networks:
        network = named(name)
        edges[name] = network.edge_count
        states = [random_state(network, seed) for seed in range(settings.states)]
        for code in settings.codes if name == settings.networks[0] else ("bernoulli",):
            rows = [_squares(settings, state, code, seed) for seed, state in enumerate(states)]
            squares[name, code] = [np.concatenate(column) for column in zip(*rows, strict=True)]
    apart = [_apart(settings.networks[0], seed) for seed in range(settings.states)]
    return Norms(settings, edges, squares, np.array(apart))


def _squares(settings: Settings, state: State, code: Code, seed: int) -> list[FloatArray]:
    """Give |G|^2 over |gradient|^2 of one state for each tau_theta; one estimate begins where the last one ended."""
    made = []
    for times in settings.times:
        g = correlated(code, state.slope, times, range(settings.time // times), seed=seed)
        made.append(np.asarray((g * g).sum(axis=1) / (state.slope @ state.slope)))
    return made


def _apart(name: str, seed: int) -> float:
    """Give how far the rule on a board is from Eq. 11 with the same draws."""
    rule = MultiplexedGradientDescent(gamma=1.0, tau_theta=_CHECKED, amplitude=_AMPLITUDE)
    with open_board(f"sim://{name}?preset=ideal") as board:
        state = random_state(board.network, seed)
        lab = Lab(board, state.task, seed=seed)
        lab.place(state.ohm)
        given = estimate(rule, lab, step=3)
    (expected,) = correlated("bernoulli", state.slope, _CHECKED, range(3, 4), seed=seed)
    return float(np.linalg.norm(given - expected) / np.linalg.norm(expected))


def find(norms: Norms) -> Findings:
    """Compare the means with Eq. 21, and say what the other codes and Table 2's Gamma do."""
    times = np.array(norms.settings.times)
    numbers: dict[str, Any] = {"tau_theta": times.tolist(), "edges": norms.edges}
    found, holds, normalises = list[str](), [], True
    for (name, code), squares in norms.squares.items():
        means = [mean(each) for each in squares]
        numbers[f"{name}, {code}"] = means
        if code != "bernoulli":
            whole = period(code, norms.edges[name])
            found.append(
                f"{name}, {code} (period {whole}): {means[0]} times that of the gradient at tau_theta = {times[0]}, "
                f"{means[-1]} at {times[-1]}"
            )
            continue
        expected = _expected(norms.edges[name], times)
        off = [
            float((each.mean() - wanted) / (each.std(ddof=1) / np.sqrt(len(each))))
            for each, wanted in zip(squares, expected, strict=True)
        ]
        holds.append(max(np.abs(off)) < _SURE)
        table_2 = times**2 / norms.edges[name] / expected  # G is a sum there, and Gamma has sqrt(K), too
        by_gamma = [each.value * factor for each, factor in zip(means, table_2, strict=True)]
        normalises &= bool(np.abs(np.log(by_gamma)).max() < np.log(SAME))
        numbers[f"{name}, expected"] = expected.tolist()
        numbers[f"{name}, standard errors off"] = off
        numbers[f"{name}, with Gamma of Table 2"] = by_gamma
        found += [
            f"{name}, bernoulli: {means[0]} at tau_theta = {times[0]}, Eq. 21 has {expected[0]:.4g}; {means[-1]} at "
            f"{times[-1]}, Eq. 21 has {expected[-1]:.4g}; at most {max(np.abs(off)):.2g} standard errors off",
            f"{name}, bernoulli, with Gamma of Table 2: {by_gamma[0]:.3g} at {times[0]} and {by_gamma[-1]:.3g} at "
            f"{times[-1]}: it goes as tau_theta^2 / K",
        ]
    numbers["board_apart"] = median(norms.apart)
    found.append(f"the rule on a board is off from Eq. 11 with the same draws by {median(norms.apart)} of it")
    said = "normalises" if normalises else "does not normalise"
    return Findings(numbers, tuple(found), f"{verdict(*holds)}; Gamma of Table 2 {said}")


def _expected(edges: int, times: FloatArray | IntArray) -> FloatArray:
    """Give |G|^2 / |gradient|^2 of Eq. 21."""
    return np.asarray(1.0 + (edges - 1) / times)


def draw(norms: Norms, _: Findings) -> Picture:
    """Draw the squares of estimates against tau_theta: Bernoulli on all networks, all codes on the first."""
    times, first = np.array(norms.settings.times), norms.settings.networks[0]
    made, panels = picture(columns=2)
    fine = np.geomspace(times[0], times[-1])
    for colour, name in zip(plots.colours(len(norms.edges)), norms.edges, strict=True):
        _draw(panels[0], times, norms.squares[name, "bernoulli"], colour, f"{norms.edges[name]} edges", "o", "")
        panels[0].plot(fine, _expected(norms.edges[name], fine), color=colour, lw=1)
    panels[0].plot([], [], color="black", lw=1, label="Eq. 21")
    codes = norms.settings.codes
    for colour, marker, line, code in zip(
        plots.colours(len(codes)), "os^x", ("-", "-", "-", "--"), codes, strict=False
    ):
        _draw(panels[1], times, norms.squares[first, code], colour, code, marker, line)
    titles = ("a  Bernoulli perturbations", f"b  all codes, {norms.edges[first]} edges")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        labelled(axes, "integration time τ_θ (time steps)", "mean of |G|² / |gradient|²", title)
    return made


def _draw(
    axes: Axes, times: IntArray, squares: list[FloatArray], colour: str, label: str, marker: str, line: str
) -> None:
    intervals(axes, times, [mean(each) for each in squares], color=colour, label=label, marker=marker, ls=line)


FIG_NORM = Figure(
    "rules-norm",
    "The mean square of an estimate from tau_theta Bernoulli perturbations of K parameters is 1 + (K - 1) / tau_theta "
    "times that of the gradient (oripov2025, Eq. 21).",
    find,
    draw,
    measure,
)
