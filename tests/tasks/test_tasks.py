import json
import warnings
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from numpy.typing import NDArray

from labnet import Network, networks
from labnet.errors import TaskError, UnreachableTarget
from labnet.tasks import KINDS, Allostery, Classification, Differential, Examples, Regression, Task

BOARD = networks.twin16()
volts = st.floats(-5, 5)


def arrays(rows: int, columns: int) -> st.SearchStrategy[NDArray[np.float64]]:
    return nps.arrays(np.float64, (rows, columns), elements=volts)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Any task on the board, with any targets."""
    nodes = draw(st.permutations(range(9)))
    i, o, g = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    inputs, outputs, grounds = nodes[:i], nodes[i : i + o], nodes[i + o : i + o + g]
    sizes = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    x = [draw(arrays(size, i)) for size in sizes]
    kind = draw(st.sampled_from([Allostery, Regression, Classification]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableTarget)
        if kind is Allostery:
            held = {node: draw(volts) for node in inputs}
            return Allostery(BOARD, held, {node: draw(volts) for node in outputs}, grounds)
        if kind is Regression:
            y = [draw(arrays(size, o)) for size in sizes]
            return Regression(BOARD, inputs, outputs, grounds, train=(x[0], y[0]), test=(x[1], y[1]))
        levels = draw(st.lists(st.tuples(*[st.integers(-50, 50)] * o), min_size=2, max_size=4, unique=True))
        labels = [draw(st.lists(st.integers(0, len(levels) - 1), min_size=size, max_size=size)) for size in sizes]
        sets = {"train": (x[0], labels[0]), "test": (x[1], labels[1])}
        return Classification(BOARD, inputs, outputs, grounds, class_targets=np.array(levels) / 10, **sets)


def regression(**changed: Any) -> Regression:
    """Two examples, within reach with and without the ground, but for what is changed."""
    given: dict[str, Any] = {"inputs": [0, 2], "outputs": [4], "grounds": [8]}
    given["train"] = ([[1.0, 2.0], [3.0, 4.0]], [[1.5], [3.5]])
    return Regression(BOARD, **{**given, **changed})


# As data


@pytest.mark.filterwarnings("ignore::labnet.errors.UnreachableTarget")
@given(tasks())
def test_a_task_survives_json_exactly(task: Task) -> None:
    data = json.loads(json.dumps(task.to_dict(), allow_nan=False))
    back = KINDS[data["kind"]].from_dict(BOARD, data)
    assert type(back) is type(task)
    assert (back.inputs, back.outputs, back.grounds) == (task.inputs, task.outputs, task.grounds)
    for (_, before), (_, after) in zip(task.sets(), back.sets(), strict=True):
        assert before.inputs.tobytes() == after.inputs.tobytes()
        assert before.targets.tobytes() == after.targets.tobytes()
        assert (before.inputs.shape, before.targets.shape) == (after.inputs.shape, after.targets.shape)
    assert json.dumps(back.to_dict()) == json.dumps(data)


def test_every_kind_has_its_name() -> None:
    kinds = {"allostery": Allostery, "regression": Regression, "classification": Classification}
    assert kinds | {"differential": Differential} == KINDS


def test_a_task_without_a_kind_cannot_be_read_back() -> None:
    with pytest.raises(TypeError, match="Task"):
        Task.from_dict(BOARD, regression().to_dict())


def test_a_task_cannot_be_changed() -> None:
    inputs = np.array([[1.0, 2.0]])
    task = regression(train=(inputs, [[1.0]]))
    inputs[0, 0] = 9.0
    assert task.train.inputs.tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="read-only"):
        task.train.targets[0, 0] = 0.0
    with pytest.raises(FrozenInstanceError):
        task.inputs = (1,)  # type: ignore[misc]


# Terminals and examples


def test_an_allosteric_task_is_one_example() -> None:
    task = Allostery(BOARD, {6: 5.0, 0: 1.0}, {4: 2.0, 3: 0.5}, [8])
    assert (task.inputs, task.outputs, task.grounds) == ((6, 0), (4, 3), (8,))
    assert (task.train.inputs.tolist(), task.train.targets.tolist()) == ([[5.0, 1.0]], [[2.0, 0.5]])
    assert (len(task.train), len(task.test)) == (1, 0)


def test_inputs_have_their_voltages_and_grounds_zero() -> None:
    assert regression(grounds=[8, 7]).held(np.array([1.5, 2.5])) == {0: 1.5, 2: 2.5, 8: 0.0, 7: 0.0}


def test_grounds_may_be_left_out() -> None:
    assert Regression(BOARD, [0], [4], train=([[1.0]], [[1.0]])).held(np.array([1.0])) == {0: 1.0}


def test_grounds_alone_hold_a_network() -> None:
    assert Allostery(BOARD, {}, {4: 0.0}, [8]).held(np.empty(0)) == {8: 0.0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outputs": [2]}, "node 2 is among inputs and outputs"),
        ({"grounds": [4]}, "node 4 is among outputs and grounds"),
        ({"grounds": [0]}, "node 0 is among inputs and grounds"),
        ({"inputs": [2, 2]}, "node 2 is among inputs and inputs"),
        ({"inputs": [0, 9]}, "inputs: node 9 is not in twin16; allowed: 0 to 8"),
        ({"outputs": [-1]}, "outputs: node -1"),
        ({"grounds": [99]}, "grounds: node 99"),
        ({"train": ([], [])}, "training set is empty"),
        ({"train": ([[1.0, 2.0]], [])}, "1 rows of inputs and 0 of targets"),
        ({"train": ([[1.0, 2.0]], [[1.0], [1.0]])}, "1 rows of inputs and 2 of targets"),
        (
            {"train": ([[1.0]], [[1.0]])},
            "1 inputs and 1 targets a row; the task has 2 input nodes and 1 to read: node 4",
        ),
        ({"test": ([[1.0, 2.0]], [[1.0, 1.0]])}, "test set has 2 inputs and 2 targets"),
        ({"train": ([1.0, 2.0], [[1.0], [1.0]])}, r"inputs has shape \(2,\)"),
        ({"train": ([[1.0, 2.0]], [1.0])}, r"targets has shape \(1,\)"),
        ({"train": ([[1.0, np.nan]], [[1.0]])}, r"inputs\[0, 1\] is nan V"),
        ({"test": ([[1.0, 2.0]], [[-np.inf]])}, r"targets\[0, 0\] is -inf V"),
    ],
)
def test_what_is_no_task_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        regression(**changed)


def test_a_task_holds_something_and_learns_something() -> None:
    def examples(inputs: int, outputs: int) -> Examples:
        return Examples(np.ones((1, inputs)), np.ones((1, outputs)))

    with pytest.raises(TaskError, match="no input and no ground"):
        Task(BOARD, (), (4,), (), examples(0, 1), examples(0, 1))
    with pytest.raises(TaskError, match="no output"):
        Task(BOARD, (0,), (), (), examples(1, 0), examples(1, 0))


@pytest.mark.parametrize(
    ("inputs", "outputs", "missing"), [({}, {4: 0.0}, "no input and no ground"), ({0: 1.0}, {}, "no output")]
)
def test_a_missing_terminal_is_named(inputs: dict[int, float], outputs: dict[int, float], missing: str) -> None:
    with pytest.raises(TaskError, match=missing):
        Allostery(BOARD, inputs, outputs)


# Reach


def test_a_target_outside_the_held_voltages_warns_with_the_reason() -> None:
    message = "1 of 2 train targets .*first 2.5 V at node 4 in example 0: with inputs and grounds from 0 to 2 V"
    with pytest.warns(UnreachableTarget, match=message):
        regression(train=([[1.0, 2.0], [3.0, 4.0]], [[2.5], [2.5]]))


@pytest.mark.parametrize(
    ("grounds", "target", "reached"),
    [([8], 0.0, True), ([8], 2.0, True), ([8], -0.1, False), ([], 1.0, True), ([], 0.9, False), ([], 2.1, False)],
)
def test_held_voltages_bound_the_targets(grounds: list[int], target: float, reached: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        regression(grounds=grounds, test=([[1.0, 2.0]], [[target]]))
    assert (caught == []) == reached


def test_a_warning_points_to_the_callers_line() -> None:
    with pytest.warns(UnreachableTarget) as caught:
        Allostery(BOARD, {0: 1.0}, {4: 2.0}, [8])
    assert caught[0].filename == __file__


# Cost and accuracy


def test_the_cost_is_the_mean_square_error() -> None:
    examples = Examples(np.zeros((2, 2)), np.array([[1.0, 0.0], [0.0, 4.0]]))
    outputs = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert regression().cost(outputs, examples) == (0 + 4 + 9 + 0) / 4


def test_only_classes_have_an_accuracy() -> None:
    task = regression()
    assert np.isnan(task.accuracy(task.train.targets, task.train))


def test_the_smallest_network_takes_a_task() -> None:
    task = Allostery(Network(np.array([(0, 1)]), 2), {0: 1.0}, {1: 1.0})
    assert task.cost(np.array([[0.5]]), task.train) == 0.25
