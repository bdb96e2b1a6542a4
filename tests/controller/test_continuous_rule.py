"""Eqs. 2 and 7, dR_i = (gamma / R_i^2) (dV_C^2 - dV_F^2), against a dense solve of our own."""

import numpy as np
import pytest
from numpy.typing import NDArray
from references import draw, drops, solved_voltages
from trained import Trained, trained

import labnet
from labnet import Continuous, GlobalClock, networks
from labnet.draws import Stream
from labnet.tasks import Allostery, Regression
from labnet_simulators import Parts, SimulatedBoard

FloatArray = NDArray[np.float64]
R_REF = 10e3


def expected_change(task: labnet.Task, r: FloatArray, examples: list[int], eta: float, gamma: float) -> FloatArray:
    """The sum of Eq. 7 over these examples; r in units of R_ref."""
    network, outputs = task.network, list(task.outputs)
    total = np.zeros(network.edge_count)
    for example in examples:
        held = task.held(task.train.inputs[example])
        free = solved_voltages(network, r, held)
        nudged = eta * task.train.targets[example] + (1 - eta) * free[outputs]
        clamped = solved_voltages(network, r, held | dict(zip(outputs, nudged.tolist(), strict=True)))
        total += gamma / r**2 * (drops(network, clamped) ** 2 - drops(network, free) ** 2)
    return total


def assert_follows(run: Trained, examples: list[list[int]], eta: float, gamma: float) -> None:
    """Check every step, with the examples that take part in it."""
    logged = [taking_part[0] if len(taking_part) == 1 else -1 for taking_part in examples]
    assert run.log["example"].tolist() == [*logged, -1]
    for field in ("v_free", "v_clamped"):
        shown = np.isfinite(run[field]).all(axis=1)
        assert shown.tolist() == [example >= 0 for example in [*logged, -1]]
    r = run["resistances_ohm"] / R_REF
    for step, taking_part in enumerate(examples):
        change = expected_change(run.plan.task, r[step], taking_part, eta, gamma)
        enabled = run["enabled"][step] == 1
        assert r[step + 1] - r[step] == pytest.approx(np.where(enabled, change, 0.0), rel=1e-8, abs=1e-13)
        assert np.array_equal(r[step + 1][~enabled], r[step][~enabled])
        clear = np.abs(change) > 1e-12
        assert run["directions"][step][clear].tolist() == np.sign(change[clear]).tolist()


@pytest.fixture(scope="module")
def task() -> Regression:
    return Regression.sample(networks.twin16(), seed=2, train=6, test=0)


def test_one_example_a_step_is_eq_2(task: Regression) -> None:
    run = trained("sim://twin16", task, steps=30, rule=Continuous(gamma=1e-3), eta=0.5, start=(0.1, 1))
    assert_follows(run, [[k % 6] for k in range(30)], eta=0.5, gamma=1e-3)
    assert (run["wipers"] == -1).all()


def test_the_full_batch_is_the_sum_over_all_examples(task: Regression) -> None:
    run = trained("sim://twin16", task, steps=10, rule=Continuous(gamma=1e-3, batch=1), eta=0.3)
    assert_follows(run, [list(range(6))] * 10, eta=0.3, gamma=1e-3)


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_only_enabled_edges_learn(task: Regression, p: float) -> None:
    steps = 60
    clock, rule = GlobalClock(p=p), Continuous(gamma=1e-3)
    run = trained("sim://twin16?seed=6", task, steps=steps, rule=rule, clock=clock, start=(0.1, 1))
    assert_follows(run, [[k % 6] for k in range(steps)], eta=1.0, gamma=1e-3)
    gates = [[draw(6, Stream.TRIGGER, k, e) >> 32 < round(p * 2**32) for e in range(16)] for k in range(steps)]
    assert run["enabled"][:-1].tolist() == np.array(gates).astype(int).tolist()


def test_in_a_mini_batch_each_example_takes_part_with_probability_b(task: Regression) -> None:
    steps, b, seed = 40, 0.3, 8
    taking_part = [[k for k in range(6) if draw(seed, Stream.BATCH, step, k) / 2**64 < b] for step in range(steps)]
    assert {len(examples) for examples in taking_part} >= {0, 1, 2, 3}
    rule = Continuous(gamma=1e-3, batch=b)
    run = trained("sim://twin16", task, steps=steps, rule=rule, eta=0.5, seed=seed)
    assert_follows(run, taking_part, eta=0.5, gamma=1e-3)


@pytest.mark.parametrize(("b", "size"), [(0.05, 1), (0.34, 2), (0.5, 3), (1.0, 6)])
def test_a_fixed_mini_batch_has_round_b_b_examples(task: Regression, b: float, size: int) -> None:
    steps, seed = 15, 9
    taking_part = [
        sorted(range(6), key=lambda k, step=step: draw(seed, Stream.BATCH, step, k))[:size]  # type: ignore[misc]
        for step in range(steps)
    ]
    rule = Continuous(gamma=1e-3, batch=b, fixed_batch=True)
    run = trained("sim://twin16", task, steps=steps, rule=rule, eta=0.5, seed=seed)
    assert_follows(run, taking_part, eta=0.5, gamma=1e-3)


@pytest.mark.parametrize("fixed", [False, True])
def test_every_example_takes_part_in_a_share_b_of_the_steps(task: Regression, fixed: bool) -> None:
    steps, b = 4000, 0.5
    rule = Continuous(gamma=1e-3, batch=b, fixed_batch=fixed)
    plan = labnet.Plan(task=task, steps=steps, rule=rule)
    counts = np.zeros(6)
    for step in range(steps):
        counts[plan.examples_at(step)] += 1
    assert np.abs(counts / steps - b).max() < 4.5 * np.sqrt(b * (1 - b) / steps)


def test_resistances_start_at_r_ref_and_scale_with_it() -> None:
    changes = []
    for r_ref in (10e3, 40e3):
        network = labnet.Network(networks.twin16().edges, 9, r_ref_ohm=r_ref)
        task = Allostery(network, {0: 5.0, 2: 1.0}, {4: 2.0}, [8])
        run = trained(SimulatedBoard(network), task, steps=5, rule=Continuous(gamma=1e-2))
        assert run["resistances_ohm"][0].tolist() == [r_ref] * 16
        changes.append(run["resistances_ohm"][-1] / r_ref)
    assert changes[0] == pytest.approx(changes[1], rel=1e-12)


def test_a_drawn_start_lies_in_its_range_and_belongs_to_the_plan_s_seed(task: Regression) -> None:
    starts = []
    for board_seed, seed in ((0, 1), (5, 1), (0, 2)):
        settings = {"steps": 1, "rule": Continuous(gamma=1e-3), "start": (0.2, 0.6), "seed": seed}
        starts.append(trained(f"sim://twin16?seed={board_seed}", task, **settings)["resistances_ohm"][0] / R_REF)
    expected = [0.2 + 0.4 * (draw(1, Stream.START, 0, edge) >> 11) / 2**53 for edge in range(16)]
    assert starts[0] == pytest.approx(expected, rel=1e-12)
    assert np.array_equal(starts[0], starts[1])
    assert not np.isclose(starts[0], starts[2]).any()


@pytest.mark.parametrize("r_ref", [10e3, 11e3, 22e3, 49e3])
def test_resistances_stop_at_the_ends_of_the_board_s_range(r_ref: float) -> None:
    network = labnet.Network(networks.twin16().edges, 9, r_ref_ohm=r_ref)
    task = Regression.sample(network, seed=2, train=6, test=0)
    ends = (0.9 * r_ref, 1.1 * r_ref)
    board = SimulatedBoard(network, Parts(resistance_range_ohm=ends))
    run = trained(board, task, steps=40, rule=Continuous(gamma=0.05))
    assert run["resistances_ohm"].min() == ends[0]
    assert run["resistances_ohm"].max() == ends[1]


@pytest.mark.parametrize("end", [0.9 * 22e3, 1.1 * 22e3])
def test_resistances_may_start_at_the_ends(end: float) -> None:
    network = labnet.Network(networks.twin16().edges, 9, r_ref_ohm=22e3)
    task = Allostery.sample(network, seed=2)
    board = SimulatedBoard(network, Parts(resistance_range_ohm=(0.9 * 22e3, 1.1 * 22e3)))
    run = trained(board, task, steps=1, rule=Continuous(gamma=1e-3), start=end / 22e3)
    assert run["resistances_ohm"][0] == pytest.approx(end)


# The rule and the gradient of the cost --------------------------------------------------------------------------


def small_task(outputs: dict[int, float]) -> Allostery:
    return Allostery(networks.lattice(3, 3), {0: 5.0, 2: 1.0}, outputs, [6])


def learned(task: labnet.Task, eta: float) -> tuple[FloatArray, FloatArray]:
    """R before the first step of the rule, and its change."""
    board = SimulatedBoard(task.network)
    r = trained(board, task, steps=1, rule=Continuous(gamma=1.0), eta=eta, start=(0.5, 1.5), seed=4)
    ohm = r["resistances_ohm"] / R_REF
    return ohm[0], ohm[1] - ohm[0]


def output_conductance(task: labnet.Task, r: FloatArray) -> FloatArray:
    """Currents into the outputs for 1 V on one of them, all other held nodes at 0 V, shape (O, O)."""
    network = task.network
    columns = []
    for output in task.outputs:
        held = dict.fromkeys((*task.inputs, *task.grounds, *task.outputs), 0.0) | {output: 1.0}
        i = drops(network, solved_voltages(network, r, held)) / r
        out = np.bincount(network.edges[:, 0], i, network.node_count)
        columns.append((out - np.bincount(network.edges[:, 1], i, network.node_count))[list(task.outputs)])
    return np.array(columns).T


def minus_gradient(task: labnet.Task, r: FloatArray, metric: FloatArray) -> FloatArray:
    """-d/dR of (V_D - V_F) . metric (V_D - V_F), by central differences."""

    def cost(at: FloatArray) -> float:
        free = solved_voltages(task.network, at, task.held(task.train.inputs[0]))
        missing = task.train.targets[0] - free[list(task.outputs)]
        return float(missing @ metric @ missing)

    h = 1e-5
    steps = h * np.eye(len(r))
    return -np.array([(cost(r + step) - cost(r - step)) / (2 * h) for step in steps])


def test_with_one_output_a_small_nudge_learns_along_minus_the_gradient() -> None:
    task = small_task({7: 2.5})
    r, change = learned(task, eta=1e-5)
    ratio = change / minus_gradient(task, r, np.eye(1))
    assert (ratio > 0).all()
    assert ratio == pytest.approx(ratio.mean(), rel=1e-3)


def test_the_angle_to_the_gradient_closes_in_proportion_to_the_nudge() -> None:
    task = small_task({7: 2.5})
    angles = []
    for eta in (0.04, 0.02, 0.01):
        r, change = learned(task, eta)
        downhill = minus_gradient(task, r, np.eye(1))
        cosine = change @ downhill / np.linalg.norm(change) / np.linalg.norm(downhill)
        angles.append(float(np.arccos(cosine)))
    assert angles[1] / angles[0] == pytest.approx(0.5, rel=0.1)
    assert angles[2] / angles[1] == pytest.approx(0.5, rel=0.1)


def test_with_two_outputs_it_is_the_gradient_weighted_by_the_conductance_between_them() -> None:
    task = small_task({7: 2.5, 4: 1.0})
    r, change = learned(task, eta=1e-5)
    weighted = minus_gradient(task, r, output_conductance(task, r))
    assert change / weighted == pytest.approx((change / weighted).mean(), rel=1e-3)
    plain = minus_gradient(task, r, np.eye(2))
    assert change @ plain > 0.7 * np.linalg.norm(change) * np.linalg.norm(plain)


def test_every_small_step_lowers_the_cost_of_one_output() -> None:
    task = small_task({7: 0.7})
    run = trained(SimulatedBoard(task.network), task, steps=200, rule=Continuous(gamma=0.1), eta=0.1, measure=1)
    costs = run.errors["cost_v2"].to_numpy()
    assert len(costs) == 201
    assert (np.diff(costs) < 0).all()
    assert costs[-1] < 0.1 * costs[0]
