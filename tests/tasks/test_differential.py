"""Targets that are differences of two outputs: nearest voltages, cost, XOR, and why it takes two nodes."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from numpy.typing import NDArray

import labnet
from labnet import Network, circuit, networks
from labnet.errors import ExperimentError, PlanError, TaskError, UnreachableTarget
from labnet.experiment import Experiment
from labnet.plan import Plan
from labnet.tasks import KINDS, Differential, Regression

MESH = networks.lattice(4, 4, periodic=True)
pairs = nps.arrays(np.float64, (3, 4), elements=st.floats(-5, 5))


def task(**changed: Any) -> Differential:
    given: dict[str, Any] = {"inputs": [0, 1], "outputs": [2, 3, 4, 5], "grounds": [6]}
    given["train"] = ([[1.0, 2.0]] * 3, [[0.5, -0.5], [0.0, 1.0], [-1.0, 0.25]])
    return Differential(MESH, **{**given, **changed})


# What is wanted -------------------------------------------------------------------------------------------------


@given(pairs)
def test_wanted_voltages_meet_the_targets(outputs: NDArray[np.float64]) -> None:
    each = task()
    wanted = each.wanted(outputs, each.train.targets)
    assert each.differences(wanted) == pytest.approx(each.train.targets, abs=1e-14)
    assert each.wanted(outputs[1], each.train.targets[1]).tolist() == wanted[1].tolist()  # one example, or all


@given(pairs, st.floats(-1, 1))
def test_wanted_voltages_are_the_nearest_that_do(outputs: NDArray[np.float64], common_v: float) -> None:
    """All that meet the targets differ by what both nodes of a pair have in common."""
    each = task()
    wanted = each.wanted(outputs, each.train.targets)
    nearest, other = (((at - outputs) ** 2).sum() for at in (wanted, wanted + common_v))
    assert nearest <= other + 1e-12


@given(pairs)
def test_the_cost_is_a_quarter_of_the_square_error_of_the_differences(outputs: NDArray[np.float64]) -> None:
    each = task()
    square = np.mean((each.differences(outputs) - each.train.targets) ** 2)
    assert each.cost(outputs, each.train) == pytest.approx(square / 4, rel=1e-12, abs=1e-15)


@given(nps.arrays(np.float64, (2, 1), elements=st.floats(-5, 5)))
def test_other_tasks_want_their_targets_to_the_bit(outputs: NDArray[np.float64]) -> None:
    plain = Regression(MESH, [0], [3], [5], train=([[1.0], [2.0]], [[0.3], [0.7]]))
    assert not plain.differential
    assert plain.wanted(outputs, plain.train.targets) is plain.train.targets
    assert plain.cost(outputs, plain.train) == float(np.mean((outputs - plain.train.targets) ** 2))


# Data, and what is refused --------------------------------------------------------------------------------------


def test_as_data() -> None:
    before = Differential.sample_curve(MESH, seed=3, train=5, test=2)
    again = KINDS["differential"].from_dict(MESH, json.loads(json.dumps(before.to_dict())))
    assert isinstance(again, Differential)
    assert again.to_dict() == before.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": [2, 3, 4]}, "there are 3 outputs; allowed: .* an even number"),
        ({"outputs": [2, 3]}, "2 targets a row; the task has 2 input nodes and 1 to read: node 2 less node 3"),
    ],
)
def test_outputs_that_make_no_pairs(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        task(**change)


def test_a_difference_that_no_network_has() -> None:
    """Inputs of 1 and 2 V and the ground: no difference beyond 2 V either way."""
    with pytest.warns(UnreachableTarget, match="2.5 V at node 2 less node 3 in example 0"):
        task(train=([[1.0, 2.0]], [[2.5, -2.0]]))


# Sampling -------------------------------------------------------------------------------------------------------


def test_xor_has_four_corners_and_a_constant() -> None:
    xor = Differential.sample_xor(MESH, [3, 5], [8, 9], [0], [15], low_v=0.1, high_v=0.4, target_v=0.05)
    assert (xor.inputs, xor.outputs, xor.grounds) == ((3, 5, 15), (8, 9), (0,))
    assert xor.train.inputs.tolist() == [[0.1, 0.1, 0.4], [0.1, 0.4, 0.4], [0.4, 0.1, 0.4], [0.4, 0.4, 0.4]]
    assert xor.train.targets.ravel().tolist() == [-0.05, 0.05, 0.05, -0.05]
    assert len(xor.test) == 0


def test_a_curve_falls_and_rises_again() -> None:
    curve = Differential.sample_curve(MESH, low_v=0.0, high_v=1.0, target_v=0.2, seed=1, train=200)
    x, y = curve.train.inputs[:, 0], curve.train.targets[:, 0]
    assert (curve.train.inputs[:, 1] == 1.0).all()
    assert y == pytest.approx(0.2 * (8 * (x - 0.5) ** 2 - 1), abs=1e-12)
    assert -0.2 <= y.min() < -0.19 < 0.19 < y.max() <= 0.2


@pytest.mark.parametrize(
    ("sample", "given", "message"),
    [
        ("sample_xor", {"inputs": 3}, "3 inputs and 2 outputs; allowed: 2 and a pair"),
        ("sample_xor", {"outputs": 4}, "2 inputs and 4 outputs"),
        ("sample_curve", {"inputs": [1, 2]}, "2 inputs and 2 outputs; allowed: 1"),
        ("sample_curve", {"train": 0}, "train = 0"),
        ("sample_xor", {"low_v": 1.0, "high_v": 0.5}, "low_v = 1.0, high_v = 0.5; allowed: .* low_v below high_v"),
        ("sample_xor", {"constants": [1], "inputs": [1, 2]}, "node 1 is among"),
    ],
)
def test_samples_that_make_no_task(sample: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        getattr(Differential, sample)(MESH, **given)


@pytest.mark.parametrize("kind", ["xor", "curve"])
def test_experiment_files_name_them(kind: str) -> None:
    """With the defaults of the samplers, and what a file gives instead."""
    named = Experiment(
        board="sim://lattice-4x4-periodic?edges=transistor", task={"kind": kind, "seed": 4, "high_v": 0.3}, steps=5
    )
    sampled = getattr(Differential, f"sample_{kind}")(MESH, seed=4, high_v=0.3)
    assert named.plan(MESH).task.to_dict() == sampled.to_dict()
    with pytest.raises(ExperimentError, match=r"\[task\] low_v = 0\.5, high_v = 0\.3"):
        named.changed({"task.low_v": 0.5}).plan(MESH)


def test_a_clamp_that_nothing_moves_knows_no_difference() -> None:
    """Where a pair is to be held depends on where it is: what the edges decide alone has to be told again."""
    xor = Differential.sample_xor(MESH, seed=4)
    for lag in ({}, {"lag_s": 1e-4}):
        with pytest.raises(PlanError, match="clock has no clamp_period_s with a task of differences"):
            Plan(task=xor, steps=2, clock={"dwell_s": 1e-2, **lag})
    Plan(task=xor, steps=2, clock={"dwell_s": 1e-2, "clamp_period_s": 1e-3})


# Why differences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [circuit.Linear(), circuit.Diode(), circuit.Transistor()], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_no_single_node_computes_xor(law: circuit.Law, seed: int) -> None:
    """Every node rises with both inputs: none is higher at (0, 1) than at (1, 1), or lower at (0, 1) than at (0, 0)."""
    rng = np.random.default_rng(seed)
    xor = Differential.sample_xor(MESH, high_v=2.0, target_v=0.2, seed=seed)
    ohm = rng.uniform(500, 9e3, MESH.edge_count)
    none, second, first, both = (circuit.node_voltages(MESH, ohm, xor.held(row), law=law) for row in xor.train.inputs)
    for one in (first, second):
        assert (none - 1e-9 <= one).all()
        assert (one <= both + 1e-9).all()


@pytest.mark.parametrize("seed", range(3))
def test_no_linear_network_computes_xor_with_two_nodes_either(seed: int) -> None:
    """By superposition the differences at (0, 0) and (1, 1) have the mean of those at (0, 1) and (1, 0)."""
    xor = Differential.sample_xor(MESH, high_v=2.0, target_v=0.2, seed=seed)
    ohm = np.random.default_rng(seed).uniform(500, 9e3, MESH.edge_count)
    read = xor.differences(_outputs(MESH, circuit.Linear(), ohm, xor))[:, 0]
    assert read[0] + read[3] == pytest.approx(read[1] + read[2], abs=1e-12)
    assert xor.cost(_outputs(MESH, circuit.Linear(), ohm, xor), xor.train) >= 0.2**2 / 4 * (1 - 1e-12)


def _outputs(network: Network, law: circuit.Law, ohm: NDArray[np.float64], of: Differential) -> NDArray[np.float64]:
    return np.array(
        [circuit.node_voltages(network, ohm, of.held(row), law=law)[list(of.outputs)] for row in of.train.inputs]
    )


def test_diodes_learn_xor_by_the_exact_gradient() -> None:
    """Gradient steps of a fixed length on resistances from 200 ohm to 10 kohm: all four signs come out right."""
    law, ohm = circuit.Diode(), np.random.default_rng(2).uniform(1e3, 5e3, MESH.edge_count)
    xor = Differential.sample_xor(MESH, high_v=5.0, target_v=0.25, seed=2)
    for _ in range(100):
        slope = np.zeros(MESH.edge_count)
        for row, target in zip(xor.train.inputs, xor.train.targets, strict=True):
            held, errors = xor.held(row), np.zeros(16)
            v = circuit.node_voltages(MESH, ohm, held, law=law)
            at = list(xor.outputs)
            errors[at] = v[at] - xor.wanted(v[at], target)
            slope += circuit.cost_slope(MESH, ohm, v, held, errors, law)
        ohm = np.clip(ohm - 500.0 * slope / np.linalg.norm(slope), 200.0, 10e3)
    read = xor.differences(_outputs(MESH, law, ohm, xor))
    assert (read * xor.train.targets > 0).all()
    assert xor.cost(_outputs(MESH, law, ohm, xor), xor.train) < 0.1 * 0.25**2 / 4


# On boards ------------------------------------------------------------------------------------------------------


def test_a_run_file_gives_the_task_back(tmp_path: Any) -> None:
    with labnet.open_board("sim://lattice-4x4-periodic?edges=transistor") as board:
        board.set_resistances(np.linspace(500, 5e3, 32))
        xor = Differential.sample_xor(board.network, seed=2)
        run = labnet.train(
            board, xor, steps=3, rule=labnet.Continuous(gamma=1e-3), eta=0.5, path=tmp_path / "xor.sqlite"
        )
    assert run.task.to_dict() == xor.to_dict()
    frame = run.frame("error")
    assert frame["scaled_error"].iloc[0] == 1.0
    assert np.isfinite(frame["cost_v2"]).all()
