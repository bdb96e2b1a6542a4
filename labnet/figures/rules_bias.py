"""How far contrasts of two states are off the gradient, for nudges of any strength (ernoult2024, Eq. 12)."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from pydantic import Field

from labnet import circuit, plots
from labnet.analysis import fit_power_law, median
from labnet.circuit import Diode, Law, Linear
from labnet.data import Data
from labnet.errors import CircuitError
from labnet.figures.drawing import labelled, picture, points
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.figures.rules_states import State, random_state, weighted_slope
from labnet.networks import named
from labnet.rules import Continuous, EquilibriumPropagation, States

_LAWS: dict[str, Law] = {
    "resistors": Linear(),
    "diodes": Diode(directions=(1, 0, -1, 0)),  # every second edge; so that no output hangs on blocked ones alone
}
_ROUNDING = 1e-8  # a bias that stays below it is no more than that
_FIT = (1e-7, 1e-2)  # biases between these are fitted: above rounding, and small
_SMALL = 0.01  # of nudges: a network that is unstable up to it is left out
_WITHIN = 0.1  # of an exponent
_ORDER = {"one-sided": 1.0, "centred": 2.0, "symmetric": 2.0}
_EXACT = ("resistors: current, centred", "resistors: voltage, symmetric")


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    network : str
    states : int
    betas, etas : (int, int)
        Powers of ten from which to which, strength of nudges.
    """

    title: str = ""
    network: str
    states: int = Field(ge=2)
    betas: tuple[int, int]
    etas: tuple[int, int]


class Biases(NamedTuple):
    """Biases (S, K), NaN where a nudge makes the network unstable, by estimator; and strengths (K,) of its nudge."""

    settings: Settings
    strengths: dict[str, FloatArray]
    biases: dict[str, FloatArray]


def measure(given: dict[str, Any]) -> Biases:
    """Work out biases on circuits: no board rounds here."""
    settings = Settings(**given)
    betas, etas = (np.logspace(low, high, 2 * (high - low) + 1) for low, high in (settings.betas, settings.etas))
    strengths, biases = {}, {}
    for law_name, law in _LAWS.items():
        states = [random_state(named(settings.network), seed) for seed in range(settings.states)]
        for nudge in ("current", "conductance"):
            for kind in ("one-sided", "centred"):
                name = f"{law_name}: {nudge}, {kind}"
                strengths[name] = betas
                biases[name] = np.array([[_propagated(state, law, nudge, kind, x) for x in betas] for state in states])
        for kind in ("one-sided", "symmetric"):
            name = f"{law_name}: voltage, {kind}"
            strengths[name] = etas
            biases[name] = np.array([[_coupled(state, law, kind == "symmetric", x) for x in etas] for state in states])
    return Biases(settings, strengths, biases)


def _propagated(state: State, law: Law, nudge: Any, kind: Any, beta: float) -> float:
    """Give the bias of equilibrium propagation, as a share of the gradient."""
    rule = EquilibriumPropagation(gamma=1.0, beta=beta, nudge=nudge, states=kind)
    try:
        return rule.bias(state.task, state.ohm, law)
    except CircuitError:  # shunts that are too negative
        return np.nan


def _coupled(state: State, law: Law, symmetric: bool, eta: float) -> float:
    """Give how far coupled learning is off from what it tends to for small eta, as a share of that.

    That is no gradient of the cost: the errors are weighted by the inverse of the outputs' impedance, see
    `labnet.figures.rules_states.weighted_slope`.
    """
    task, network, at = state.task, state.task.network, np.array(state.task.outputs)
    held = task.held(task.train.inputs[0])
    free = circuit.node_voltages(network, state.ohm, held, law=law)
    error = free[at] - task.train.targets[0]

    def clamped(share: float) -> FloatArray:
        outputs = dict(zip(task.outputs, (free[at] - share * error).tolist(), strict=True))
        return circuit.node_voltages(network, state.ohm, held | outputs, law=law)

    rule = Continuous(gamma=1.0, symmetric=symmetric)
    change = rule.delta(States(network, state.ohm, clamped(-eta) if symmetric else free, clamped(eta), law))
    limit = -2.0 * eta * network.r_ref_ohm * weighted_slope(state, law)
    return float(np.linalg.norm(change - limit) / np.linalg.norm(limit))


def find(biases: Biases) -> Findings:
    """Fit how biases grow with the nudge."""
    numbers: dict[str, Any] = {"states": biases.settings.states}
    found, holds = list[str](), []
    for name, samples in biases.biases.items():
        strengths, order = biases.strengths[name], _ORDER[name.rpartition(" ")[2]]
        numbers[name] = {"unstable": np.isnan(samples).mean(axis=0).tolist()}
        unstable = float(np.isnan(samples[:, strengths <= _SMALL]).any(axis=1).mean())
        strengths, samples = _stable(strengths, samples)
        medians = np.median(samples, axis=0)
        numbers[name] |= {"strength": strengths.tolist(), "bias": [median(each) for each in samples.T]}
        if name in _EXACT:
            holds.append(bool(medians.max() < _ROUNDING))
            found.append(f"{name}: at most {medians.max():.1e} at any strength: rounding")
            continue
        small = (medians > _FIT[0]) & (medians < _FIT[1])
        exponent = fit_power_law(strengths[small], samples[:, small]).exponent
        numbers[name]["exponent"] = exponent
        holds.append(abs(exponent.value - order) < _WITHIN)
        at = int(np.flatnonzero(small)[-1])
        found.append(
            f"{name}: bias goes as the nudge to the power of {exponent}; {median(samples[:, at])} at "
            f"{strengths[at]:.2g}"
        )
        if unstable:
            found[-1] += f"; {unstable:.0%} of the networks are unstable at {_SMALL:g} and left out"
    return Findings(numbers, tuple(found), verdict(*holds))


def _stable(strengths: FloatArray, samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keep the networks that are stable under small nudges, and the strengths at which all these are."""
    kept = samples[np.isfinite(samples[:, strengths <= _SMALL]).all(axis=1)]
    sure = np.isfinite(kept).all(axis=0)
    return strengths[sure], kept[:, sure]


def draw(biases: Biases, _: Findings) -> Picture:
    """Draw biases against the strength of the nudge, resistors beside diodes."""
    made, panels = picture(columns=len(_LAWS), sharey=True)
    for axes, law, letter in zip(panels, _LAWS, "ab", strict=True):
        names = [name for name in biases.biases if name.startswith(f"{law}: ")]
        for k, name in enumerate(names):
            strengths, samples = _stable(biases.strengths[name], biases.biases[name])
            nudge, kind = name.partition(": ")[2].split(", ")
            colour, first = plots.colours(3)[k // 2], _ORDER[kind] == 1.0
            label = f"{nudge}, {kind}"
            marker, line = ("o", "-") if first else ("s", "--")
            points(axes, strengths, samples, colour, label, marker, line)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.axhspan(1e-16, _ROUNDING, color="0.93", lw=0, zorder=0)
        axes.set_ylim(1e-14, 30)
        y = "|estimate - limit| / |limit|" if law == "resistors" else ""
        labelled(
            axes,
            "strength of the nudge: β, or η (voltage)",
            y,
            f"{letter}  {law} (grey: rounding)",
            law != "resistors",
            loc="lower right",
        )
    return made


FIG_BIAS = Figure(
    "rules-bias",
    "The contrast of a nudged and a free state is off the gradient by O(beta), of two opposite nudges by O(beta^2) "
    "(ernoult2024, Eq. 12).",
    find,
    draw,
    measure,
)
