"""How long perturbations take to find the gradient, against the size of the network (oripov2025, Fig. 3b)."""

from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from pydantic import Field
from scipy.sparse import csr_array, eye_array

from labnet import circuit, plots
from labnet.analysis import cosine, fit_power_law, median, perturbation_covariance, ratio_of_medians
from labnet.data import Data
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.figures.rules_states import State, random_state
from labnet.networks import Network, lattice
from labnet.rules.perturbations import perturbations

Perturbed = Literal["weights", "nodes"]

_NEAR = 0.95  # cosine at which the paper takes the gradient for found
_FINE = 64  # the cosine is looked at whenever time has gone on by a share 1 / 64
_LARGE = 100  # exponents are those of networks of at least so many edges
_WITHIN = 0.1  # an exponent agrees when it is that near to the interval
_KINDS = ("lattices", "complete graphs")
_CLAIMS: dict[Perturbed, float] = {"weights": 1.0, "nodes": 0.5}


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    lattices : tuple of int
        Nodes a side.
    complete : tuple of int
        Nodes of graphs that have all edges.
    states : int
        Of each network.
    """

    title: str = ""
    lattices: tuple[int, ...] = Field(min_length=2)
    complete: tuple[int, ...] = Field(min_length=2)
    states: int = Field(ge=2)


class Times(NamedTuple):
    """One kind of perturbation on one kind of network.

    Attributes
    ----------
    edges, parameters : numpy.ndarray, shape (M,)
        N and K of the networks.
    times, predicted : numpy.ndarray, shape (S, M)
        Time steps until the cosine reaches 0.95 first; and until it does so in the mean, by Eq. 16.
    """

    edges: FloatArray
    parameters: FloatArray
    times: FloatArray
    predicted: FloatArray


def measure(given: dict[str, Any]) -> dict[tuple[str, Perturbed], Times]:
    """Perturb all networks."""
    settings = Settings(**given)
    families = {
        "lattices": [lattice(side, side) for side in settings.lattices],
        "complete graphs": [complete(nodes) for nodes in settings.complete],
    }
    made: dict[tuple[str, Perturbed], Times] = {}
    for kind, networks in families.items():
        states = [[random_state(network, seed) for network in networks] for seed in range(settings.states)]
        for perturbed in _CLAIMS:
            times = [[time_to_find(state, perturbed, seed) for state in row] for seed, row in enumerate(states)]
            parameters = [_parameters(state, perturbed) for state in states[0]]
            made[kind, perturbed] = Times(
                np.array([network.edge_count for network in networks], dtype=np.float64),
                np.array(parameters, dtype=np.float64),
                np.array(times, dtype=np.float64),
                np.array([[predicted(state, perturbed) for state in row] for row in states]),
            )
    return made


def complete(nodes: int) -> Network:
    """Build a network that has an edge between any two nodes."""
    return Network(np.array(list(combinations(range(nodes), 2))), nodes, name=f"complete-{nodes}")


def _parameters(state: State, perturbed: Perturbed) -> int:
    """Give K: edges, or free nodes."""
    task = state.task
    held = len(task.inputs) + len(task.grounds)
    return task.network.edge_count if perturbed == "weights" else task.network.node_count - held


def time_to_find(state: State, perturbed: Perturbed, seed: int) -> int:
    """Give after how many time steps G is near the gradient, for Bernoulli perturbations too small to bend the cost.

    Node perturbation turns its estimate of dO/dI into one of dO/dR, and that is compared.
    """
    slopes, to_edges = _slopes(state, perturbed)
    total, begun = np.zeros(len(slopes)), 0
    while cosine(state.slope, to_edges @ total) < _NEAR or not begun:
        count = 1 + begun // _FINE
        values = perturbations("bernoulli", begun, count, len(slopes), seed=seed)
        total += values.T @ (values @ slopes)
        begun += count
    return begun


def predicted(state: State, perturbed: Perturbed) -> float:
    """Give the time at which cos^2 = |gradient|^2 / E|G|^2 reaches 0.95^2, with the covariance of Eq. 16.

    For weights that is 1 / (1 + (K - 1) / tau_theta), of Eq. 21.
    """
    slopes, to_edges = _slopes(state, perturbed)
    noise = to_edges.multiply(to_edges @ perturbation_covariance(slopes, 1)).sum()
    return float(noise / (state.slope @ state.slope) * _NEAR**2 / (1 - _NEAR**2))


def _slopes(state: State, perturbed: Perturbed) -> tuple[FloatArray, csr_array]:
    """Give the gradient with what is perturbed, (K,), and what makes an estimate of it one for edges, (E, K)."""
    if perturbed == "weights":
        return state.slope, eye_array(len(state.slope), format="csr")
    task, network = state.task, state.task.network
    held = task.held(task.train.inputs[0])
    volts = circuit.node_voltages(network, state.ohm, held)
    pulls, at = np.zeros(network.node_count), list(task.outputs)
    pulls[at] = (volts[at] - task.train.targets[0]) / network.r_ref_ohm
    lam = circuit.adjoint(network, state.ohm, volts, held, pulls)
    free = np.setdiff1d(np.arange(network.node_count), list(held))
    weights = circuit.edge_drops(network, volts) * (network.r_ref_ohm / state.ohm) ** 2
    return lam[free], csr_array(weights[:, None] * circuit.edge_drops(network, np.eye(network.node_count)[free]).T)


def find(made: dict[tuple[str, Perturbed], Times]) -> Findings:
    """Fit exponents, and compare with what Eq. 21 predicts."""
    numbers: dict[str, Any] = {}
    found, holds = list[str](), dict[str, bool]()
    for (kind, perturbed), times in made.items():
        large = times.edges >= min(_LARGE, times.edges[-2])
        exponent = fit_power_law(times.edges[large], times.times[:, large]).exponent
        per_parameter = fit_power_law(times.parameters[large], times.times[:, large]).exponent
        expected = fit_power_law(times.edges[large], times.predicted[:, large]).exponent
        over = [median(each) for each in (times.times / times.predicted).T]
        claim = _CLAIMS[perturbed]
        holds[f"{kind}, {perturbed}"] = exponent.low - _WITHIN < claim < exponent.high + _WITHIN
        numbers[f"{kind}, {perturbed}"] = {
            "edges": times.edges.tolist(),
            "parameters": times.parameters.tolist(),
            "time_steps": [median(each) for each in times.times.T],
            "over_predicted": over,
            "exponent_of_edges": exponent,
            "exponent_of_parameters": per_parameter,
            "exponent_predicted": expected,
        }
        found.append(
            f"{kind}, {perturbed}: time goes as N^{exponent} (paper: {claim:g}; Eq. 16: {expected}), as "
            f"K^{per_parameter}; with {times.edges[-1]:.0f} edges and K = {times.parameters[-1]:.0f} "
            f"{median(times.times[:, -1])} time steps, {over[-1]} of what Eq. 16 predicts"
        )
    for kind in _KINDS:
        ratio = ratio_of_medians(made[kind, "weights"].times[:, -1], made[kind, "nodes"].times[:, -1])
        numbers[f"{kind}: weights over nodes"] = ratio
        found.append(f"{kind}: nodes are faster by a factor of {ratio} on the largest")
    out = "; ".join(name for name, each in holds.items() if not each)
    return Findings(numbers, tuple(found), verdict(*holds.values()) + (f": not on {out}" if out else ""))


def draw(made: dict[tuple[str, Perturbed], Times], findings: Findings) -> Picture:
    """Draw times against the number of edges."""
    canvas, panels = picture(columns=2, sharey=True)
    for axes, kind, letter in zip(panels, _KINDS, "ab", strict=True):
        for colour, marker, perturbed in zip(plots.colours(2), "os", _CLAIMS, strict=True):
            times = made[kind, perturbed]
            exponent = findings.numbers[f"{kind}, {perturbed}"]["exponent_of_edges"]
            points(
                axes,
                times.edges,
                times.times,
                colour,
                f"{perturbed}: N^{exponent.value:.2f} (N ≥ {_LARGE})",
                marker,
                "",
            )
            axes.plot(times.edges, np.median(times.predicted, axis=0), color=colour, lw=1)
        axes.plot([], [], color="black", lw=1, label="from Eq. 16")
        axes.set_xscale("log")
        axes.set_yscale("log")
        y = f"time steps until the cosine is {_NEAR:g}" if letter == "a" else ""
        labelled(axes, "edges N", y, f"{letter}  {kind}", loc="upper left")
    return canvas


FIG_SCALING = Figure(
    "rules-scaling",
    "The time to find the gradient goes as N for weight perturbation and as sqrt(N) for node perturbation "
    "(oripov2025, Fig. 3b).",
    find,
    draw,
    measure,
)
