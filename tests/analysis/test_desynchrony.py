"""What is predicted of the discrete rule: slopes, dividers worked out by hand, and simulated boards."""

import numpy as np
import pytest
from graphs import connected
from hypothesis import given
from hypothesis import strategies as st

import labnet
from labnet import GlobalClock, Network, Plan, networks
from labnet.circuit import node_voltages
from labnet.desynchrony import LOCKED, Bias, Pot, drift, predict, response, swing
from labnet.errors import AnalysisError
from labnet.tasks import Allostery, Differential, Regression
from labnet_simulators import EffectiveComparator, Parts, SimulatedBoard

DIVIDER = Network(np.array([[0, 1], [1, 2]]), 3)
POT = Pot()


def divider(target_v: float) -> Allostery:
    """5 V, an edge, the output, an edge, ground."""
    return Allostery(DIVIDER, {0: 5.0}, {1: target_v}, [2])


@given(connected(7), st.data())
def test_slopes_are_those_of_the_network(network: Network, data: st.DataObject) -> None:
    nodes = data.draw(st.permutations(range(network.node_count)))
    count = data.draw(st.integers(1, max(1, len(nodes) - 2)))
    targets = dict.fromkeys(nodes[1 : 1 + count], 5.0)
    task = Allostery(network, {nodes[0]: 5.0}, targets, nodes[1 + count :][:1])
    draws = st.floats(1e3, 1e4)
    ohm = np.array(data.draw(st.lists(draws, min_size=network.edge_count, max_size=network.edge_count)))
    edge = data.draw(st.integers(0, network.edge_count - 1))
    at, outputs = response(task, ohm), list(task.outputs)
    ends = []
    for change in (1.0 - 1e-6, 1.0 + 1e-6):
        moved = ohm.copy()
        moved[edge] *= change
        ends.append(node_voltages(network, moved, task.held(task.train.inputs[0]))[outputs])
    np.testing.assert_allclose(at.slopes[0, edge], (ends[1] - ends[0]) / (2e-6 * ohm[edge]), rtol=1e-5, atol=1e-10)


def test_a_divider_swings_as_worked_out_by_hand() -> None:
    ohm = np.array([6e3, 2e3])
    found = swing(response(divider(1.0), ohm), step_ohm=100.0)
    assert abs(found.outputs_v[0, 0]) == pytest.approx(5.0 * 100.0 / 8e3)  # r0 V / (R1 + R2): both steps the same way
    assert found.contrast_v == pytest.approx(abs(found.outputs_v[0, 0]) / 2.0)  # both drops change by all of it
    assert found.edges == pytest.approx((6.0 + 2.0) ** 2 / (6.0**2 + 2.0**2))


@pytest.mark.parametrize("target_v", [1.0, 4.0])
@pytest.mark.parametrize("eta", [1.0, 0.25])
def test_a_divider_rests_where_its_bias_is_met(target_v: float, eta: float) -> None:
    """One edge is at the top; the other goes up as often as down where eta |error| is the mean bias."""
    rest = drift(divider(target_v), Bias(0.0, 0.05), eta)
    assert rest.cost_v2 == pytest.approx((0.025 / eta) ** 2, rel=0.05)
    assert sorted(rest.wipers)[1] == 127.0
    known = drift(divider(target_v), Bias(np.array([0.01, 0.01]), np.array([0.01, 0.01])), eta)
    assert known.cost_v2 == pytest.approx((0.01 / eta) ** 2, rel=0.2)


def test_voltage_and_bias_count_by_their_ratio() -> None:
    network = networks.twin16()
    task = Regression.sample(network, seed=1, train=3, test=0)
    double = Regression(
        network, task.inputs, task.outputs, task.grounds, train=(2 * task.train.inputs, 2 * task.train.targets)
    )
    one, two = predict(task, Bias(0.0, 0.01), 1.0, 64), predict(double, Bias(0.0, 0.02), 1.0, 64)
    assert two.error(0.5) == pytest.approx(one.error(0.5), rel=1e-9)
    assert two.lock == pytest.approx(one.lock)
    assert not one.locks  # it has examples that alternate


def wipers_after(task: Allostery, p: float, start: int, sigma_v: float) -> np.ndarray:  # type: ignore[type-arg]
    board = SimulatedBoard(task.network, Parts(comparator=EffectiveComparator(0.0, sigma_v)))
    plan = Plan(task=task, steps=round(2000 / p), clock=GlobalClock(p=p), start=start, log=[])
    with labnet.run_plan(board, plan, progress=False):
        return board.wipers()


def test_a_divider_is_caught_where_it_is_said_to_be() -> None:
    """At 5 V and a bias of up to 50 mV both steps together swing 5 V / (2 R / r0): caught below 25 steps."""
    task = divider(2.4)
    for start, caught in ((8, True), (100, False)):
        predicted = predict(task, Bias(0.0, 0.05), 1.0, start)
        assert predicted.locks == caught == (predicted.lock > LOCKED)
        assert (np.abs(wipers_after(task, 1.0, start, 0.05) - start).max() <= 2) == caught
        assert wipers_after(task, 0.5, start, 0.05).max() == 127
    assert predict(task, Bias(0.0, 0.05), 1.0, 8).steps_p(1.0) == np.inf


def test_bad_tasks_are_refused() -> None:
    network = networks.lattice(4, 4)
    with pytest.raises(AnalysisError, match="differences"):
        predict(Differential.sample_xor(network), Bias(0.0, 0.05), 1.0, 64)
    with pytest.raises(AnalysisError, match="solved where it starts"):
        predict(divider(2.5), Bias(0.0, 0.05), 1.0, 64)


@pytest.mark.slow
@pytest.mark.parametrize(("start", "sigma_v"), [(4, 0.05), (64, 0.05), (32, 0.005)])
def test_errors_of_held_out_tasks_are_as_predicted(start: int, sigma_v: float) -> None:
    network, p = networks.twin16(), (1.0, 0.2)
    tasks = [Allostery.sample(network, seed=2000 + k) for k in range(30)]
    predicted = np.median(
        [[each.error(x) for x in p] for each in (predict(t, Bias(0.0, sigma_v), 1.0, start) for t in tasks)], axis=0
    )
    measured = []
    for k, task in enumerate(tasks):
        board = SimulatedBoard(network, Parts(comparator=EffectiveComparator(0.0, sigma_v)), seed=k)
        plans = [Plan(task=task, steps=round(1500 / x), clock=GlobalClock(p=x), start=start, log=[], seed=k) for x in p]
        late: list[list[float]] = [[], []]
        for block in board.train_many(plans):
            late[block.plan] += [e.cost_v2 for e in block.errors if e.step >= plans[block.plan].steps / 2 or not e.step]
        measured.append([np.median(each[1:]) / each[0] for each in late])
    ratio = np.median(measured, axis=0) / predicted
    assert ((ratio > 0.5) & (ratio < 2.0)).all(), ratio
