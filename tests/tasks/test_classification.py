"""Classification, and Fisher's Iris data: can a passive network learn it at all?"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from labnet import Network, circuit, networks
from labnet.errors import TaskError, UnreachableTarget
from labnet.tasks import Classification, Examples, iris

BOARD = networks.twin16()
ONE_HOT = [[1.0, 0.0], [0.0, 1.0]]


def classification(**changed: Any) -> Classification:
    given: dict[str, Any] = {"inputs": [0], "outputs": [4, 5], "grounds": [8], "class_targets": ONE_HOT}
    given["train"] = ([[1.0], [2.0], [3.0]], [0, 1, 1])
    return Classification(BOARD, **{**given, **changed})


# Fisher's data


def test_iris_is_fishers_table() -> None:
    features, labels = iris()
    assert features.shape == (150, 4)
    assert np.bincount(labels).tolist() == [50, 50, 50]
    assert features[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert features[149].tolist() == [5.9, 3.0, 5.1, 1.8]
    assert features[34].tolist() == [4.9, 3.1, 1.5, 0.2]  # these two are wrong in the UCI copy
    assert features[37].tolist() == [4.9, 3.6, 1.4, 0.1]


def test_iris_has_fishers_means() -> None:
    features, labels = iris()
    means = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]
    for species, mean in enumerate(means):
        assert features[labels == species].mean(axis=0) == pytest.approx(mean)
    assert features.min(axis=0).tolist() == [4.3, 2.0, 1.0, 0.1]
    assert features.max(axis=0).tolist() == [7.9, 4.4, 6.9, 2.5]


def test_changing_the_table_in_hand_does_not_change_the_data() -> None:
    iris()[0][:] = 0.0
    assert iris()[0].min() == 0.1


# The task made of it


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.5, 0.7]), st.floats(0.5, 10))
def test_every_flower_is_in_one_set_and_every_class_in_its_share(seed: int, train: float, v_max: float) -> None:
    task = Classification.sample(BOARD, v_max=v_max, seed=seed, train=train)
    features, _ = iris()
    scaled = v_max * (features - features.min(axis=0)) / np.ptp(features, axis=0)
    together = np.concatenate([task.train.inputs, task.test.inputs])
    np.testing.assert_allclose(np.sort(together, axis=0), np.sort(scaled, axis=0), atol=1e-12)
    for share, examples in ((train, task.train), (1 - train, task.test)):
        assert np.bincount(task.classes(examples.targets)).tolist() == [round(50 * share)] * 3


def test_the_same_seed_gives_the_same_task() -> None:
    first, again, other = (Classification.sample(BOARD, seed=seed).to_dict() for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_all_of_a_small_class_may_be_trained_on() -> None:
    data = ([[0.0], [2.0], [2.0]], [0, 1, 1])
    task = Classification.sample(BOARD, data=data, train=0.01)
    assert np.bincount(task.classes(task.train.targets)).tolist() == [1, 1]
    everything = Classification.sample(BOARD, data=data, train=1.0)
    assert (len(everything.train), len(everything.test)) == (3, 0)


def test_a_feature_that_never_changes_is_held_at_zero() -> None:
    task = Classification.sample(BOARD, data=([[0.0, 7.0], [1.0, 7.0]], [0, 1]), train=1.0)
    assert sorted(task.train.inputs.tolist()) == [[0.0, 0.0], [5.0, 0.0]]


def test_every_output_has_its_level_of_every_class() -> None:
    task = Classification.sample(BOARD, inputs=[0, 1, 2, 3], outputs=[4, 5], grounds=[8])
    assert (task.inputs, task.outputs, task.grounds) == ((0, 1, 2, 3), (4, 5), (8,))
    assert task.class_targets.shape == (3, 2)
    assert np.array_equal(task.class_targets[:, 0], task.class_targets[:, 1])
    assert np.all(np.diff(task.class_targets[:, 0]) > 0.5)  # setosa, versicolor, virginica: petals grow
    assert task.class_targets.min() > 0
    assert task.class_targets.max() < 5


def test_class_targets_can_be_given() -> None:
    task = Classification.sample(BOARD, class_targets=[[0.5], [1.5], [1.0]])
    assert sorted(set(task.train.targets[:, 0].tolist())) == [0.5, 1.0, 1.5]


def star(weights: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Network, np.ndarray[Any, np.dtype[np.float64]]]:
    """One output, the hub, whose voltage is this weighted mean of the leaves' (the last leaf is ground)."""
    leaves = len(weights) + 1
    edges = np.column_stack([np.arange(1, leaves + 1), np.zeros(leaves, dtype=np.int64)])
    with np.errstate(divide="ignore"):
        return Network(edges, leaves + 1, name="star"), 1e3 / np.append(weights, 1 - weights.sum())


@pytest.mark.parametrize("seed", range(5))
def test_a_passive_network_can_tell_the_flowers_apart(seed: int) -> None:
    """The best non-negative weights, at most 1 in all, built from resistors."""
    task = Classification.sample(BOARD, seed=seed)
    weights, _ = nnls(task.train.inputs, task.train.targets[:, 0])
    assert weights.sum() < 1
    network, r = star(weights)
    task = Classification.from_dict(network, {**task.to_dict(), "inputs": [1, 2, 3, 4], "outputs": [0], "grounds": [5]})
    for _, examples in task.sets():
        held = [task.held(each) for each in examples.inputs]
        outputs = np.array([circuit.node_voltages(network, r, each)[[0]] for each in held])
        assert task.accuracy(outputs, examples) > 0.9


def test_a_class_warns_where_none_of_its_examples_can_reach_its_targets() -> None:
    levels = [[0.5], [1.5]]
    some = ([[1.0], [1.0], [2.0]], [0, 1, 1])  # the first of class 1 cannot, the second can
    Classification(BOARD, [0], [4], [8], class_targets=levels, train=some)
    with pytest.warns(UnreachableTarget, match=r"2 of 3 train targets .*first 1.5 V at node 4 in example 1"):
        Classification(BOARD, [0], [4], [8], class_targets=levels, train=([[1.0], [1.0], [1.2]], [0, 1, 1]))


# Classes and accuracy


def test_an_output_counts_as_the_class_with_the_nearest_targets() -> None:
    outputs = np.array([[0.6, 0.3], [0.2, 0.3], [5.0, 4.0], [-3.0, -2.0]])
    assert classification().classes(outputs).tolist() == [0, 1, 0, 1]


def test_the_accuracy_is_the_share_of_right_classes() -> None:
    task = classification()
    outputs = np.array([[0.9, 0.0], [0.9, 0.0], [0.0, 0.1]])  # classes 0, 0, 1 where 0, 1, 1 are right
    assert task.accuracy(outputs, task.train) == 2 / 3
    assert task.accuracy(task.train.targets, task.train) == 1.0
    assert task.accuracy(1 - task.train.targets, task.train) == 0.0


def test_the_cost_of_classes_is_the_mean_square_error_of_their_targets() -> None:
    task = classification()
    assert task.cost(np.full((3, 2), 0.5), task.train) == 0.25
    assert task.cost(np.array([[1.0, 0.0]]), Examples(np.ones((1, 1)), np.array([[0.0, 1.0]]))) == 1.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": ([[1.0], [2.0]], [0, 2])}, r"train labels are \[0 2\]; allowed: integers 0 to 1"),
        ({"test": ([[1.0]], [-1])}, r"test labels are \[-1\]"),
        ({"train": ([[1.0]], [0.0])}, r"train labels are \[0.\]; allowed: integers"),
        ({"train": ([[1.0]], [True])}, "train labels"),
        ({"train": ([[1.0]], [0, 1])}, "1 rows of inputs and 2 of targets"),
        ({"train": ([[1.0, 2.0]], [0])}, "2 inputs and 2 targets a row; the task has 1 input"),
        ({"train": ([[np.nan]], [0])}, r"inputs\[0, 0\] is nan V"),
        ({"train": ([], [])}, "training set is empty"),
        ({"class_targets": [[1.0], [0.0]]}, r"class_targets has shape \(2, 1\); allowed: \(classes, 2\)"),
        ({"class_targets": [1.0, 0.0]}, r"class_targets has shape \(2,\)"),
        ({"class_targets": [[1.0, 0.0], [0.0, np.nan]]}, "finite"),
        ({"class_targets": [[1.0, 0.0]]}, "at least two classes"),
        ({"class_targets": [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]}, "targets that differ"),
        ({"inputs": [4]}, "node 4 is among inputs and outputs"),
    ],
)
def test_what_is_no_classification_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        classification(**changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"inputs": 3}, "4 inputs and 1 targets a row; the task has 3 input"),
        ({"inputs": [0, 1, 2, 3], "outputs": 6}, "outputs = 6; allowed: 0 to 5"),
        ({"train": 0.0}, "train is 0.0; allowed: a share"),
        ({"train": 1.1}, "train is 1.1"),
        ({"train": float("nan")}, "train is nan"),
        ({"data": ([1.0, 2.0], [0, 1])}, r"features have shape \(2,\) for 2 labels"),
        ({"data": ([[1.0], [2.0]], [0])}, r"features have shape \(2, 1\) for 1 labels"),
        ({"data": ([[1.0], [np.inf]], [0, 1])}, "finite"),
        ({"data": ([[1.0], [2.0], [3.0]], [1, 2, 3])}, r"labels are \[1 2 3\]; allowed: integers 0 to 2"),
        ({"class_targets": [[0.0], [1.0]]}, r"labels are \[0 1 2\]; allowed: integers 0 to 1"),
    ],
)
def test_data_that_make_no_task_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        Classification.sample(BOARD, **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"v_max": 0.0}, "v_max is 0.0 V"),
        ({"v_max": -5.0}, "v_max is -5.0 V"),
        ({"v_max": np.nan}, "v_max is nan V"),
        ({"v_max": np.inf}, "v_max is inf V"),
        ({"data": (np.empty((0, 2)), [])}, r"features have shape \(0, 2\)"),
        ({"data": ([[0.0], [1.0]], [0, 0])}, "at least two classes"),
    ],
)
def test_more_data_that_make_no_task_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        Classification.sample(BOARD, **changed)
