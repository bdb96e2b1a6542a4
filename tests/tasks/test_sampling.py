"""Allostery and regression tasks drawn from a seed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labnet import networks
from labnet.errors import TaskError
from labnet.tasks import Allostery, Regression, Task

BOARD, PACKING = networks.twin16(), networks.packing()

boards = st.sampled_from([BOARD, PACKING, networks.lattice(4, 5, periodic=True)])
kinds = st.sampled_from([Allostery, Regression])
seeds = st.integers(0, 2**32)
ways = st.sampled_from(["teacher", "random"])


def terminals(task: Task) -> list[int]:
    return [*task.inputs, *task.outputs, *task.grounds]


@given(kinds, boards, ways, seeds)
def test_the_same_seed_gives_the_same_task(kind: Any, network: Any, targets: Any, seed: int) -> None:
    first, again, other = (kind.sample(network, targets=targets, seed=s).to_dict() for s in (seed, seed, seed + 1))
    assert first == again
    assert first != other


@given(kinds, boards, st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), seeds)
def test_counts_draw_so_many_nodes_all_different(
    kind: Any, network: Any, inputs: int, outputs: int, grounds: int, seed: int
) -> None:
    assume(inputs + grounds > 1)  # one held node alone is the voltage of all
    task = kind.sample(network, inputs=inputs, outputs=outputs, grounds=grounds, seed=seed)
    assert (len(task.inputs), len(task.outputs), len(task.grounds)) == (inputs, outputs, grounds)
    assert len(set(terminals(task))) == inputs + outputs + grounds


@given(kinds, seeds)
def test_named_nodes_are_kept_and_never_drawn_again(kind: Any, seed: int) -> None:
    task = kind.sample(BOARD, inputs=[8, 0], outputs=3, grounds=[4], seed=seed)
    assert task.inputs == (8, 0)
    assert task.grounds == (4,)
    assert set(task.outputs) <= set(range(9)) - {8, 0, 4}


def test_the_tasks_of_figure_4d_fit_the_packing() -> None:
    for outputs in (2, 4, 8, 16):
        task = Allostery.sample(PACKING, inputs=outputs, outputs=outputs, grounds=outputs // 2, seed=outputs)
        assert len(set(terminals(task))) == outputs * 5 // 2


@given(kinds, boards, ways, st.floats(0.1, 10), seeds)
def test_sampled_targets_lie_between_the_held_voltages(
    kind: Any, network: Any, targets: Any, v_max: float, seed: int
) -> None:
    """And so no UnreachableTarget is raised, by teacher or at random."""
    task = kind.sample(network, v_max=v_max, targets=targets, seed=seed)
    for _, examples in task.sets():
        assert np.all((examples.inputs >= 0) & (examples.inputs <= v_max))
        assert np.all((examples.targets >= 0) & (examples.targets <= examples.inputs.max(axis=1, keepdims=True)))


@given(kinds, boards, ways, seeds)
def test_without_a_ground_the_least_input_is_the_lower_bound(kind: Any, network: Any, targets: Any, seed: int) -> None:
    task = kind.sample(network, grounds=0, targets=targets, seed=seed)
    for _, examples in task.sets():
        slack = 1e-12
        assert np.all(examples.targets >= examples.inputs.min(axis=1, keepdims=True) - slack)
        assert np.all(examples.targets <= examples.inputs.max(axis=1, keepdims=True) + slack)


@pytest.mark.parametrize(("kind", "targets"), [(Allostery, "teacher"), (Regression, "teacher"), (Regression, "random")])
def test_without_a_ground_one_input_sets_all_targets(kind: Any, targets: Any) -> None:
    for seed in range(30):
        task = kind.sample(BOARD, inputs=1, grounds=0, targets=targets, seed=seed)
        assert task.train.targets == pytest.approx(np.broadcast_to(task.train.inputs, task.train.targets.shape))


@given(ways, seeds)
def test_regression_targets_are_weighted_means_of_inputs_and_ground(targets: Any, seed: int) -> None:
    task = Regression.sample(BOARD, inputs=3, outputs=2, targets=targets, seed=seed)
    weights, *_ = np.linalg.lstsq(task.train.inputs, task.train.targets, rcond=None)
    assert weights.min() >= -1e-9
    assert weights.sum(axis=0).max() <= 1 + 1e-9
    for _, examples in task.sets():  # one network for both sets
        np.testing.assert_allclose(examples.inputs @ weights, examples.targets, atol=1e-9)


@given(ways, seeds)
def test_the_first_allosteric_input_is_the_largest(targets: Any, seed: int) -> None:
    (inputs,) = Allostery.sample(BOARD, inputs=4, v_max=3.3, targets=targets, seed=seed).train.inputs
    assert inputs[0] == 3.3
    assert np.all(inputs[1:] < 3.3)


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(0, 30))
def test_regression_has_the_examples_asked_for(train: int, test: int) -> None:
    task = Regression.sample(BOARD, train=train, test=test)
    assert (len(task.train), len(task.test)) == (train, test)


@pytest.mark.parametrize("kind", [Allostery, Regression])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"inputs": 0}, "inputs = 0; allowed: at least 1"),
        ({"inputs": []}, "inputs = 0; allowed: at least 1"),
        ({"inputs": -1}, "inputs = -1; allowed: 0 to 9"),
        ({"inputs": 10}, "inputs = 10; allowed: 0 to 9"),
        ({"outputs": 8}, "outputs = 8; allowed: 0 to 7"),
        ({"inputs": [3], "outputs": 8}, "grounds = 1; allowed: 0 to 0"),
        ({"outputs": 0}, "there is no output"),
        ({"inputs": 0, "grounds": 0}, "no input and no ground"),
        ({"inputs": [99]}, "inputs: node 99 is not in twin16"),
        ({"outputs": [-1]}, "outputs: node -1 is not in twin16"),
        ({"grounds": [9]}, "grounds: node 9 is not in twin16"),
        ({"inputs": [3, 3]}, "node 3 is among inputs and inputs"),
        ({"inputs": [3], "outputs": [3]}, "node 3 is among inputs and outputs"),
        ({"inputs": [3], "grounds": [3]}, "node 3 is among inputs and grounds"),
        ({"v_max": 0.0}, "v_max is 0.0 V"),
        ({"v_max": -5.0}, "v_max is -5.0 V"),
        ({"v_max": np.nan}, "v_max is nan V"),
        ({"v_max": np.inf}, "v_max is inf V"),
        ({"targets": "pupil"}, "targets is 'pupil'; allowed: 'teacher' or 'random'"),
    ],
)
def test_what_cannot_be_sampled_is_refused(kind: Any, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        kind.sample(BOARD, **changed)


@pytest.mark.parametrize(("train", "test"), [(0, 16), (-1, 16), (16, -1)])
def test_regression_needs_a_training_example(train: int, test: int) -> None:
    with pytest.raises(TaskError, match=f"train = {train}, test = {test}; allowed"):
        Regression.sample(BOARD, train=train, test=test)
