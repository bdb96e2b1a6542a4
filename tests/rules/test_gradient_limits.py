"""Every estimator of the gradient comes to it in the limit that its docstring states, on boards of random networks.

The exact gradient is checked by central differences of an independent solve; the others against it, with the order in
beta that theory gives: halving beta halves an error of O(beta), and quarters one of O(beta^2).
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import labnet
from labnet import circuit
from labnet.networks import Network
from labnet.rules import (
    Continuous,
    EquilibriumPropagation,
    ExactGradient,
    Fisher,
    HostRule,
    Lab,
    OscillatingNudge,
)
from labnet.tasks import Regression
from labnet_simulators import SimulatedBoard

FloatArray = NDArray[np.float64]
EXAMPLES = [0, 1, 2]


def lab_of(seed: int, edges: str = "linear") -> Lab:
    """Give a board at random resistances, with a task of three examples before it."""
    name = ("twin16", "lattice-4x3", "lattice-4x4-periodic")[seed % 3]
    board = labnet.open_board(f"sim://{name}" + ("" if edges == "linear" else f"?edges={edges}"))
    task = Regression.sample(board.network, inputs=2, outputs=2, train=3, test=0, v_max=1.0, seed=seed)
    lab = Lab(board, task)
    rng = np.random.default_rng(seed)
    lab.place(board.network.r_ref_ohm * rng.uniform(0.3, 1.0, board.network.edge_count))
    return lab


def change(lab: Lab, rule: HostRule, eta: float = 1.0, examples: list[int] | None = None) -> FloatArray:
    """Give what a rule asks for, in units of R_ref."""
    lab.begin(0, eta)
    shown = EXAMPLES if examples is None else examples
    return np.sum([rule.delta(states) for states in rule.show(lab, shown)], axis=0) / lab.network.r_ref_ohm


def cost(network: Network, ohm: FloatArray, lab: Lab) -> float:
    """Solve for the cost by itself."""
    task = lab.task
    held = [task.held(row) for row in task.train.inputs]
    volts = np.array([circuit.node_voltages(network, ohm, each, law=lab.law) for each in held])
    return 0.5 * float(((volts[:, list(task.outputs)] - task.train.targets) ** 2).sum())


def differences(lab: Lab) -> FloatArray:
    """Give -dO/dR, R in units of R_ref, by central differences: off by O(h^2), h = 1e-5."""
    steps = 1e-5 * np.diag(lab.ohm)
    up_down = [[cost(lab.network, lab.ohm + sign * h, lab) for sign in (1.0, -1.0)] for h in steps]
    slopes = [(up - down) / (2.0 * h.max()) for (up, down), h in zip(up_down, steps, strict=True)]
    return -lab.network.r_ref_ohm * np.array(slopes)


def off(estimate: FloatArray, exact: FloatArray) -> float:
    return float(np.linalg.norm(estimate - exact) / np.linalg.norm(exact))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_adjoint_circuit_gives_the_gradient(seed: int) -> None:
    lab = lab_of(seed)
    exact = change(lab, ExactGradient(gamma=1.0))
    np.testing.assert_allclose(exact, differences(lab), rtol=1e-5, atol=1e-7 * np.abs(exact).max())
    computed = change(lab, ExactGradient(gamma=1.0, adjoint="computed"))
    np.testing.assert_allclose(computed, exact, rtol=1e-9, atol=1e-12 * np.abs(exact).max())


@pytest.mark.parametrize("edges", ["diode", "transistor"])
@pytest.mark.parametrize("seed", range(3))
def test_the_computed_adjoint_gives_the_gradient_of_nonlinear_networks(seed: int, edges: str) -> None:
    lab = lab_of(seed, edges)
    computed = change(lab, ExactGradient(gamma=1.0, adjoint="computed"))
    np.testing.assert_allclose(computed, differences(lab), rtol=1e-4, atol=1e-6 * np.abs(computed).max())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_two_opposite_currents_give_the_gradient_for_every_beta(seed: int) -> None:
    """(dV_0 + d)^2 - (dV_0 - d)^2 = 4 dV_0 d, and d is linear in the current."""
    lab = lab_of(seed)
    exact = change(lab, ExactGradient(gamma=1.0))
    rules: list[Any] = [
        EquilibriumPropagation(gamma=1.0, beta=beta, states=states)
        for beta in (0.01, 10.0)
        for states in ("centred", "twin")
    ]
    rules += [OscillatingNudge(gamma=1.0, nudge="current", points=points) for points in (3, 8)]
    for rule in rules:
        np.testing.assert_allclose(change(lab, rule), exact, rtol=1e-9, atol=1e-10 * np.abs(exact).max())


ORDERS = [
    ("one-sided", "current", 1),
    ("one-sided", "conductance", 1),
    ("centred", "conductance", 2),
    ("twin", "conductance", 2),
]


@pytest.mark.parametrize(("states", "nudge", "order"), ORDERS)
@pytest.mark.parametrize("seed", range(4))
def test_ep_comes_to_the_gradient_with_the_order_of_its_states(seed: int, states: Any, nudge: Any, order: int) -> None:
    lab = lab_of(seed)
    exact = change(lab, ExactGradient(gamma=1.0))

    def error(beta: float) -> float:
        rule = EquilibriumPropagation(gamma=1.0, beta=beta, states=states, nudge=nudge)
        return off(change(lab, rule), exact)

    errors = [error(beta) for beta in (0.02, 0.01, 0.005)]
    for larger, smaller in pairwise(errors):
        assert larger / smaller == pytest.approx(2.0**order, rel=0.05)  # what is next in beta is 1 % of it
    assert errors[-1] < 0.02


@pytest.mark.parametrize(("states", "order"), [("one-sided", 1), ("centred", 2)])
@pytest.mark.parametrize("seed", range(3))
def test_ep_on_diodes_comes_to_the_gradient_too(seed: int, states: Any, order: int) -> None:
    """A network of diodes has a content, so that nudged states carry the error back (ernoult2024, Sec. 3.1)."""
    lab = lab_of(seed, "diode")
    exact = change(lab, ExactGradient(gamma=1.0, adjoint="computed"))
    rules = [EquilibriumPropagation(gamma=1.0, beta=beta, states=states) for beta in (1e-4, 5e-5)]
    errors = [off(change(lab, rule), exact) for rule in rules]
    assert errors[0] / errors[1] == pytest.approx(2.0**order, rel=0.15)
    assert errors[1] < 0.02


def test_ep_on_transistors_does_not_come_to_the_gradient() -> None:
    """Gates are referenced to ground: the network has no content, and errors do not come back the way they went."""
    angles = []
    for seed in range(3):
        lab = lab_of(seed, "transistor")
        exact = change(lab, ExactGradient(gamma=1.0, adjoint="computed"))
        one, other = (change(lab, EquilibriumPropagation(gamma=1.0, beta=beta)) for beta in (1e-2, 1e-3))
        assert off(one, other) < 1e-3  # it has come to where it goes to
        angles.append(other @ exact / np.linalg.norm(other) / np.linalg.norm(exact))
    assert max(angles) < 0.9999
    assert min(angles) > 0.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_coupled_learning_follows_errors_weighted_by_what_outputs_see(seed: int) -> None:
    """To hold outputs at eta e takes the currents eta Z^-1 e: the adjoint of coupled learning is driven by Z^-1 e.

    Z is the outputs' response to currents. One-sided it is off by O(eta); symmetric it is exact.
    """
    lab = lab_of(seed)
    at = list(lab.task.outputs)
    lab.begin(0, 1.0)
    zero_v = lab.hold_even("clamped")
    impedance = []
    for node in at:
        lab.nudge("clamped", np.ones(1), nodes=[node])
        lab.settle()
        impedance.append(lab.read("clamped")[at] - zero_v)
    lab.hold(0, clamped=False)
    lab.settle()
    error = lab.outputs() - lab.wanted(0, lab.outputs())
    free = lab.read("free")
    lab.hold_even("clamped")
    lab.nudge("clamped", np.linalg.solve(np.array(impedance), error))
    lab.settle()
    g = lab.network.r_ref_ohm / lab.ohm
    drops = [circuit.edge_drops(lab.network, v) for v in (lab.read("clamped"), free)]
    weighted = -drops[0] * drops[1] * g**2
    largest = np.abs(weighted).max()
    for eta in (1e-3, 1e-2):
        symmetric = change(lab, Continuous(gamma=1.0 / (2 * eta), symmetric=True), eta, [0])
        np.testing.assert_allclose(symmetric, weighted, rtol=1e-7, atol=1e-8 * largest)
    ends = [off(change(lab, Continuous(gamma=1.0 / (2 * eta)), eta, [0]), weighted) for eta in (2e-3, 1e-3)]
    assert ends[0] / ends[1] == pytest.approx(2.0, rel=0.01)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_with_one_output_coupled_learning_follows_the_gradient(seed: int) -> None:
    board = labnet.open_board("sim://twin16")
    task = Regression.sample(board.network, inputs=2, outputs=1, train=3, test=0, seed=seed)
    lab = Lab(board, task)
    lab.place(1e4 * np.random.default_rng(seed).uniform(0.3, 1.0, 16))
    exact, coupled = (
        change(lab, rule, 0.01, [0]) for rule in (ExactGradient(gamma=1.0), Continuous(gamma=1.0, symmetric=True))
    )
    assert coupled @ exact / np.linalg.norm(coupled) / np.linalg.norm(exact) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("of", ["outputs", "nodes"])
@pytest.mark.parametrize("seed", range(4))
def test_fisher_s_step_mends_the_errors_to_first_order(seed: int, of: Any) -> None:
    """dV/dR dR = -gamma e without damping, so a step gamma leaves 1 - gamma of the errors, to O(gamma^2)."""
    lab = lab_of(3 * seed)  # twin16: more edges than nodes
    at = list(lab.task.outputs)
    held = lab.task.held(lab.task.train.inputs[0])

    def voltages(ohm: FloatArray) -> FloatArray:
        return circuit.node_voltages(lab.network, ohm, held)

    before, wanted = voltages(lab.ohm), lab.task.train.targets[0]
    for gamma in (1e-4, 1e-5):
        step = change(lab, Fisher(gamma=gamma, of=of, damping=0.0), examples=[0]) * lab.network.r_ref_ohm
        moved = voltages(lab.ohm + step) - before
        errors = before[at] - wanted
        np.testing.assert_allclose(moved[at], -gamma * errors, atol=50 * gamma**2)
        if of == "nodes":
            others = np.delete(moved, at)
            np.testing.assert_allclose(others, 0.0, atol=50 * gamma**2)


def test_converters_that_know_no_negative_voltages_see_the_adjoint_circuit_too() -> None:
    """Its nodes lie on both sides of where inputs are held; 16-bit codes of 5 V leave about 1e-4 of the largest."""
    board = labnet.open_board("sim://twin16?converters=board")
    task = Regression.sample(board.network, inputs=2, outputs=2, train=3, test=0, seed=7)
    lab = Lab(board, task)
    lab.place(1e4 * np.random.default_rng(7).uniform(0.3, 1.0, 16))
    by_circuit, computed = (change(lab, ExactGradient(gamma=1.0, adjoint=each)) for each in ("circuit", "computed"))
    np.testing.assert_allclose(by_circuit, computed, atol=2e-3 * np.abs(computed).max())


def test_the_stated_bias_is_what_the_estimate_is_off_by() -> None:
    lab = lab_of(0)
    exact = change(lab, ExactGradient(gamma=1.0), examples=[0])
    for states, nudge, _ in ORDERS:
        rule = EquilibriumPropagation(gamma=1.0, beta=0.3, states=states, nudge=nudge)
        stated = rule.bias(lab.task, lab.ohm, lab.law)
        assert stated == pytest.approx(off(change(lab, rule, examples=[0]), exact), rel=1e-6)
        assert 1e-3 < stated < 1.0


def test_labs_are_on_simulated_boards() -> None:
    assert isinstance(lab_of(1).board, SimulatedBoard)
