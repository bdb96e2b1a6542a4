"""Estimates of gradients by perturbations, on boards, against the exact one."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from estimates import assert_each_mean, assert_mean, estimates, random_network, random_task

import labnet
from labnet import analysis, circuit
from labnet.circuit.laws import Diode, Law, Transistor
from labnet.errors import PlanError
from labnet.rules import FiniteDifferences, MultiplexedGradientDescent, PerturbationRule, ZerothOrder
from labnet.rules.perturbations import period
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import Parts

Perturb = Literal["weights", "nodes"]
Code = Literal["bernoulli", "walsh", "sequential", "sinusoidal"]

SEEDS = range(3)
PERTURBS = ["weights", "nodes"]


def relative(estimate: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(estimate - exact) / np.linalg.norm(exact))


def over_a_period(code: Code, perturb: Perturb, task: labnet.Task, amplitude: float) -> MultiplexedGradientDescent:
    rule = MultiplexedGradientDescent(gamma=1.0, perturb=perturb, code=code, amplitude=amplitude)
    return rule.model_copy(update={"tau_theta": period(code, len(rule.parameters(task)))})


def cost_of(task: labnet.Task, ohm: np.ndarray) -> float:
    at = list(task.outputs)
    found = [circuit.node_voltages(task.network, ohm, task.held(row))[at] for row in task.train.inputs]
    return 0.5 * float(np.sum((np.array(found) - task.train.targets) ** 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_exact_gradient_is_the_slope_of_the_cost(seed: int) -> None:
    """Against central differences of step h in numpy: off by h^2 and by rounding / h, both below 1e-8 of the cost."""
    task, ohm = random_task(seed)
    h = 1e-4 * task.network.r_ref_ohm
    moved = [(cost_of(task, ohm + h * each) - cost_of(task, ohm - h * each)) / 2e-4 for each in np.eye(len(ohm))]
    np.testing.assert_allclose(analysis.gradient(task, ohm), moved, atol=1e-7 * cost_of(task, ohm))
    parts = [analysis.gradient(task, ohm, [example]) for example in range(len(task.train))]
    np.testing.assert_allclose(np.sum(parts, axis=0), analysis.gradient(task, ohm), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("seed", SEEDS)
def test_finite_differences_of_resistances_are_off_by_the_square(seed: int) -> None:
    """Halving delta takes a quarter: the next term is (delta / R)^2 of it, 1/625 with R from R_ref / 2 on."""
    task, ohm = random_task(seed)
    exact = analysis.gradient(task, ohm)
    off, off_by_half = (
        relative(estimates(FiniteDifferences(gamma=1.0, amplitude=delta), task, ohm)[0], exact)
        for delta in (0.02, 0.01)
    )
    assert off < 0.02**2 / 0.5**2 * 2
    assert off / off_by_half == pytest.approx(4.0, rel=4 * (0.02 / 0.5) ** 2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("amplitude", [1e-3, 1.0])
def test_central_differences_of_currents_are_exact_on_resistors(seed: int, amplitude: float) -> None:
    """The cost is a square of the currents: what is left is rounding, of the cost over delta, or of delta^2 over it."""
    task, ohm = random_task(seed)
    found = estimates(FiniteDifferences(gamma=1.0, perturb="nodes", amplitude=amplitude), task, ohm)[0]
    assert relative(found, analysis.gradient(task, ohm)) < 1e-13 * (1.0 / amplitude + amplitude)


@pytest.mark.parametrize("perturb", PERTURBS)
@pytest.mark.parametrize("code", ["walsh", "sequential", "sinusoidal"])
def test_a_code_gone_through_gives_the_gradient(code: Code, perturb: Perturb) -> None:
    """To O(delta); of sines to O(delta^2), which with currents into resistors is to rounding."""
    task, ohm = random_task(1)
    exact = analysis.gradient(task, ohm)
    off = [
        relative(estimates(over_a_period(code, perturb, task, delta), task, ohm, [2])[0], exact)
        for delta in (1e-3, 1e-4)
    ]
    if code == "sinusoidal" and perturb == "nodes":
        assert max(off) < 1e-10
    else:
        assert off[0] < 0.2
        assert off[0] / off[1] == pytest.approx(100.0 if code == "sinusoidal" else 10.0, rel=0.05)


@pytest.mark.parametrize(
    ("law", "perturb"),
    [
        (Diode(), "weights"),
        (Diode(bypass_s=1e-5), "nodes"),  # else currents move nodes far that are behind diodes which block
        (Transistor(strength_a_per_v2=5e-5), "weights"),  # none of them blocks
        (Transistor(strength_a_per_v2=5e-5), "nodes"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_where_edges_are_no_resistors(law: Law, perturb: Perturb) -> None:
    """Nothing is assumed of them: central differences, and sines over a period, are off by O(delta^2) here too."""
    for seed in SEEDS:
        task, ohm = random_task(seed, examples=2)
        board = SimulatedBoard(task.network, Parts(law=law))
        exact = analysis.gradient(task, ohm, law=law)
        for rule in (FiniteDifferences(gamma=1.0, perturb=perturb), over_a_period("sinusoidal", perturb, task, 1e-3)):
            off, off_by_half = (
                relative(estimates(rule.model_copy(update={"amplitude": delta}), task, ohm, board=board)[0], exact)
                for delta in (1e-3, 5e-4)
            )
            assert off < 0.02
            assert off / off_by_half == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("code", ["walsh", "sequential", "sinusoidal", "bernoulli"])
def test_short_steps_add_up_to_a_long_one(code: Code) -> None:
    """Time runs on from step to step, so tau_theta only says when what was found is used."""
    task, ohm = random_task(2)
    long = over_a_period(code, "weights", task, 1e-3) if code != "bernoulli" else None
    times = 24 if long is None else long.tau_theta
    one, many = (MultiplexedGradientDescent(gamma=1.0, code=code, amplitude=1e-3, tau_theta=t) for t in (times, 1))
    np.testing.assert_allclose(
        estimates(one, task, ohm, [1])[0],
        estimates(many, task, ohm, range(times, 2 * times)).mean(axis=0),
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("perturb", PERTURBS)
@pytest.mark.parametrize(
    "rule",
    [
        MultiplexedGradientDescent(gamma=1.0, amplitude=1e-4, tau_theta=3),
        ZerothOrder(gamma=1.0, amplitude=1e-3, directions=2),
        ZerothOrder(gamma=1.0, amplitude=1e-3, directions=2, distribution="bernoulli"),
    ],
    ids=["multiplexed", "normal", "bernoulli"],
)
def test_estimates_have_the_mean_and_square_of_theory(rule: PerturbationRule, perturb: Perturb) -> None:
    """Eqs. 15 and 16 on boards; delta is so small that its bias is far below what chance allows."""
    task, ohm = random_task(3, examples=1)
    rule = rule.model_copy(update={"perturb": perturb})
    times, fourth = rule.shots(1).times, 3.0 if isinstance(rule, ZerothOrder) and rule.distribution == "normal" else 1.0
    found = estimates(rule, task, ohm, range(300))
    exact = analysis.gradient(task, ohm)
    if perturb == "weights":
        assert_mean(found, exact)
        square = analysis.perturbation_square(exact, times, fourth_moments=fourth)
    else:  # G has as many dimensions as there are free nodes, not edges
        assert_each_mean(found, exact)
        free = rule.parameters(task)
        one_each = np.zeros((len(free), task.network.node_count))
        one_each[np.arange(len(free)), free] = 1.0
        held, network = task.held(task.train.inputs[0]), task.network
        volts = circuit.node_voltages(network, ohm, held)
        to_edges = circuit.edge_drops(network, one_each) * circuit.edge_drops(network, volts)
        to_edges *= (network.r_ref_ohm / ohm) ** 2  # (K, E)
        errors = np.zeros(network.node_count)
        errors[list(task.outputs)] = volts[list(task.outputs)] - task.train.targets[0]
        pulls = circuit.adjoint(network, ohm, volts, held, errors / network.r_ref_ohm)[free]
        covariance = analysis.perturbation_covariance(pulls, times, fourth_moments=fourth)
        square = float(exact @ exact + np.trace(to_edges.T @ covariance @ to_edges))
    assert_each_mean((found**2).sum(axis=1), np.array(square))


@pytest.mark.parametrize("tau_theta", [1, 8])
def test_a_normalised_estimate_has_the_square_of_the_gradient(tau_theta: int) -> None:
    task, ohm = random_task(1)
    rule = MultiplexedGradientDescent(gamma=1.0, amplitude=1e-4, tau_theta=tau_theta, normalised=True)
    found, exact = estimates(rule, task, ohm, range(200)), analysis.gradient(task, ohm)
    assert_each_mean((found**2).sum(axis=1), np.array(exact @ exact))


@pytest.mark.parametrize("asked", [0.6, 1.0, 1.4])
def test_whole_wipers_are_divided_by_what_they_moved(asked: float) -> None:
    """A wiper in the middle is moved one position up and down, one at an end by one inwards, whatever was asked for."""
    task, _ = random_task(0)
    board = SimulatedBoard(task.network)
    step_ohm, top = board.info.end_to_end_ohm / 128, 127
    positions = np.full(task.network.edge_count, 64)
    positions[:2] = 0, top
    ohm = board.info.nominal_ohm(positions)
    rule = FiniteDifferences(gamma=1.0, amplitude=asked * step_ohm / task.network.r_ref_ohm)
    found = estimates(rule, task, ohm, board=board, quantise="nearest")[0]
    expected = []
    for each in np.eye(len(ohm), dtype=np.int64):
        up, down = np.minimum(positions + each, top), np.maximum(positions - each, 0)
        change = cost_of(task, board.info.nominal_ohm(up)) - cost_of(task, board.info.nominal_ohm(down))
        expected.append(change / ((up - down).sum() * step_ohm / task.network.r_ref_ohm))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(board.wipers(), positions)  # all is put back


def test_a_perturbation_that_a_range_leaves_little_of_is_left_out() -> None:
    """An edge that stands a thousandth of delta below its highest resistance says nothing when it is moved up."""
    task, ohm = random_task(0)
    highest = float(ohm.max())
    board = SimulatedBoard(task.network, replace(Parts(), resistance_range_ohm=(1.0, highest)))
    edge, delta = int(ohm.argmax()), 1e-3
    ohm[edge] = highest - delta * 1e-3 * task.network.r_ref_ohm
    rule = MultiplexedGradientDescent(gamma=1.0, code="sequential", amplitude=delta, tau_theta=len(ohm))
    found, exact = estimates(rule, task, ohm, board=board)[0], analysis.gradient(task, ohm)
    others = np.arange(len(ohm)) != edge
    assert found[edge] == 0.0
    assert relative(found[others], exact[others]) < 0.05


def test_nodes_are_perturbed_that_nothing_holds() -> None:
    task, _ = random_task(0)
    rule = ZerothOrder(gamma=1.0, perturb="nodes")
    rim = {*task.inputs, *task.grounds}
    assert set(rule.parameters(task).tolist()) == set(range(task.network.node_count)) - rim


def test_a_perturbation_between_two_wipers_is_refused() -> None:
    info = SimulatedBoard(random_network(0)).info
    for rule in (FiniteDifferences, ZerothOrder, MultiplexedGradientDescent):
        with pytest.raises(PlanError, match=r"amplitude is 0\.0039.*a wiper step is 0\.00781.*more than 0\.0039"):
            rule(gamma=1.0, amplitude=0.0039).check_wipers(info, 10e3)
        rule(gamma=1.0, amplitude=0.004).check_wipers(info, 10e3)
        rule(gamma=1.0, amplitude=0.0039, perturb="nodes").check_wipers(info, 10e3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"amplitude": 0.0}, "amplitude is 0.0; allowed: a number above 0"),
        ({"tau_theta": 0}, "tau_theta is 0; allowed: a whole number, at least 1"),
        ({"code": "walsh", "normalised": True}, "normalised is set with the code 'walsh'; allowed: 'bernoulli'"),
    ],
)
def test_what_a_rule_does_not_take(given: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        MultiplexedGradientDescent(gamma=1.0, **given)
