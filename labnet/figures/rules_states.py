"""What the studies of rules share: random states of networks, and what a rule makes of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet import analysis, circuit
from labnet.circuit import Law, Linear
from labnet.networks import Network
from labnet.rules import HostRule, Lab
from labnet.rules.perturbations import Code, perturbations, variance
from labnet.tasks import Allostery, Task

FloatArray = NDArray[np.float64]

_LINEAR = Linear()

R_FROM, R_TO = 0.3, 0.9  # of random resistances, in units of R_ref: what pots of that size have


class State(NamedTuple):
    """A network as training finds it.

    Attributes
    ----------
    task : Task
        An allosteric one: a single example.
    ohm : numpy.ndarray, shape (E,)
    slope : numpy.ndarray, shape (E,)
        The exact gradient dO/dR, in V^2, R in units of R_ref.
    """

    task: Task
    ohm: FloatArray
    slope: FloatArray


def random_state(network: Network, seed: int, outputs: int = 2, v_max: float = 5.0) -> State:
    """Draw terminals, targets and resistances."""
    task = Allostery.sample(network, inputs=2, outputs=outputs, v_max=v_max, seed=seed)
    ohm = network.r_ref_ohm * np.random.default_rng(seed).uniform(R_FROM, R_TO, network.edge_count)
    return State(task, ohm, analysis.gradient(task, ohm))


def estimate(rule: HostRule, lab: Lab, eta: float = 1.0, step: int = 0, examples: Sequence[int] = (0,)) -> FloatArray:
    """Give the gradient that a rule takes its steps along: what it asks for over -gamma, shape (E,)."""
    lab.begin(step, eta)
    change = np.sum([rule.delta(part) for part in rule.show(lab, examples)], axis=0)
    return np.asarray(-change / (rule.gamma * lab.network.r_ref_ohm))


def correlated(code: Code, slopes: FloatArray, times: int, steps: range, seed: int) -> FloatArray:
    """Give G of Eq. 11 (oripov2025), (steps, K), of perturbations too small to bend the cost.

    Parameters
    ----------
    code : str
        See `labnet.rules.perturbations.perturbations`.
    slopes : numpy.ndarray, shape (K,)
        The gradient.
    times : int
        tau_theta.
    steps : range
        Of the plan, as a rule counts them: each has the time steps that follow on those of the one before.
    seed : int
        Of the plan.
    """
    count = len(slopes)
    values = perturbations(code, steps.start * times, len(steps) * times, count, seed=seed)
    values = values.reshape(len(steps), times, count)
    changes = values @ slopes
    return np.asarray((values * changes[..., None]).sum(axis=1) / (times * variance(code, count)))


def weighted_slope(state: State, law: Law = _LINEAR) -> FloatArray:
    """Give what coupled learning follows for small eta, (E,), in V^2: the adjoint circuit driven by Z^-1 of the errors.

    Z is how outputs respond to currents into them, in units of R_ref: holding outputs takes currents Z^-1 dV.
    """
    task, network, at = state.task, state.task.network, list(state.task.outputs)
    held = task.held(task.train.inputs[0])
    free = circuit.node_voltages(network, state.ohm, held, law=law)
    units = np.eye(network.node_count)[at] / network.r_ref_ohm
    impedance = np.array([circuit.adjoint(network, state.ohm, free, held, unit, law)[at] for unit in units])
    pulls = np.zeros(network.node_count)
    pulls[at] = np.linalg.solve(impedance, free[at] - task.train.targets[0])
    return network.r_ref_ohm * circuit.cost_slope(network, state.ohm, free, held, pulls, law)
