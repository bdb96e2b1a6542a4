"""Kirchhoff's current law along a training: faults show in what is logged, and sound boards do not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import labnet
from labnet import GlobalClock, Plan, Run, circuit
from labnet.inspection.expected import Nominal
from labnet.inspection.finding import Finding
from labnet.inspection.watching import Watch
from labnet.records import ARRAY_FIELDS, Record
from labnet.tasks import Allostery, Regression, Task

TASKS: dict[str, Any] = {"allostery": Allostery, "regression": Regression}


def records(run: Run) -> Iterator[Record]:
    """The records of a run, without the closing one."""
    arrays = {field.name: run.array(field.name) for field in ARRAY_FIELDS}
    frame = run.frame("steps")
    for k, (step, example) in enumerate(zip(frame["step"].tolist(), frame["example"].tolist(), strict=True)):
        if step < run.plan.steps:
            yield Record(step, example, 0.0, False, **{name: values[k] for name, values in arrays.items()})


def sampled(board: labnet.Board, kind: str, seed: int) -> Task:
    task: Task = TASKS[kind].sample(board.network, inputs=2, outputs=2, seed=seed)
    return task


def found(address: str, kind: str, seed: int, steps: int, measured: bool = True, **settings: Any) -> list[Finding]:
    """What the first record that shows something shows; as expected by the inspection of the same board unbroken."""
    with labnet.open_board(address.partition("&fault")[0]) as board:
        expected = labnet.inspect(board).expected if measured else Nominal(board.info)
    with labnet.open_board(address) as board:
        run = labnet.train(
            board, sampled(board, kind, seed), steps=steps, clock=GlobalClock(p=0.5), progress=False, **settings
        )
        watch = Watch(board.network, board.info, run.plan, expected)
        return next((list(seen) for record in records(run) if (seen := watch.see(record))), [])


# Found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("fault", "side"), [("removed", None), ("removed-free", "free")])
def test_an_edge_that_goes_is_named_in_the_next_records(
    kind: str, fault: str, side: str | None, measured: bool
) -> None:
    gone = 120
    seen = found(f"sim://twin16?preset=lab&seed=3&fault={fault}@4:{gone}", kind, 3, gone + 20, measured)
    first = seen[0]
    assert (first.kind, first.index, first.others) == ("dead edge", 4, ())
    assert first.side == side
    assert first.step is not None
    assert gone <= first.step <= gone + 5


@pytest.mark.parametrize("kind", TASKS)
def test_a_wiper_that_sticks_is_named_once_it_should_have_moved(kind: str) -> None:
    seen = found("sim://twin16?preset=lab&seed=3&fault=stuck-wiper@4", kind, 3, 200)
    assert (seen[0].kind, seen[0].index) == ("stuck edge", 4)


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("fault", "what"), [("loose-source", "loose source"), ("loose-reading", "bad reading")])
def test_a_loose_output_is_named_at_once(kind: str, fault: str, what: str) -> None:
    with labnet.open_board("sim://twin16") as board:
        output = sampled(board, kind, 3).outputs[0]
    seen = found(f"sim://twin16?preset=lab&seed=3&fault={fault}-clamped@{output}", kind, 3, 10)
    assert (seen[0].kind, seen[0].part, seen[0].index, seen[0].side) == (what, "node", output, "clamped")
    assert seen[0].step is not None
    assert seen[0].step <= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", TASKS)
def test_most_edges_that_go_are_named_right_and_none_wrong(kind: str) -> None:
    """Those that carry no current cannot be seen: edges between held nodes, and those with next to no drop."""
    right = 0
    for seed in range(24):
        edge = 7 * seed % 16
        seen = found(f"sim://twin16?preset=lab&seed={seed}&fault=removed@{edge}:150", kind, seed, 300)
        if seen:
            assert edge in (seen[0].index, *seen[0].others)
            right += seen[0].index == edge
            assert seen[0].step is not None
            assert seen[0].step >= 150
    assert right >= 20


# Sound boards -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("preset", ["ideal", "lab"])
def test_a_sound_board_gives_no_finding(kind: str, preset: str, measured: bool) -> None:
    assert found(f"sim://twin16?preset={preset}&seed=8", kind, 8, 300, measured, eta=0.5) == []


@pytest.mark.slow
@pytest.mark.parametrize("measured", [True, False])
def test_of_many_runs_on_sound_boards_none_is_stopped(measured: bool) -> None:
    """Allosteric and regression tasks, all of the nudge and half of it, starts from anywhere, down to the low rail."""
    alarms = []
    for seed in range(20):
        kind, eta = list(TASKS)[seed % 2], (1.0, 0.5)[seed // 2 % 2]
        start = ((0, 127), None)[seed // 4 % 2]
        alarms += found(f"sim://twin16?preset=lab&seed={seed}", kind, seed, 600, measured, eta=eta, start=start)
    assert alarms == []


# The current law --------------------------------------------------------------------------------------------------


def planted(off: int | None = None) -> tuple[Watch, Record]:
    """A record of exact voltages on nominal resistors, perhaps with one floating reading off by 50 mV."""
    with labnet.open_board("sim://twin16") as board:
        plan = Plan(task=sampled(board, "regression", 1), steps=100)
        wipers = 40 + 5 * np.arange(16)
        ohm = board.info.nominal_ohm(wipers)
        held = plan.task.held(plan.task.train.inputs[0])
        free = circuit.node_voltages(board.network, ohm, held)
        outputs = dict(zip(plan.task.outputs, plan.task.train.targets[0].tolist(), strict=True))
        clamped = circuit.node_voltages(board.network, ohm, held | outputs)
        if off is not None:
            free[off] += 0.2
        nothing = np.empty(0, dtype=np.int8)
        record = Record(0, 0, 0.0, False, free, clamped, nothing, nothing, wipers.astype(np.int16), np.empty(0))
        return Watch(board.network, board.info, plan), record


def test_exact_voltages_on_nominal_resistors_add_up() -> None:
    watch, record = planted()
    assert watch.see(record) == ()


def test_a_reading_that_is_off_is_told_from_an_edge() -> None:
    """It breaks the sums at its node and all neighbours at once, as no single edge does."""
    watch, record = planted()
    for _ in range(30):  # many examples would do: tolerances are learned
        watch.see(record)
    floating = [node for node in range(9) if node not in watch.plan.task.held(watch.plan.task.train.inputs[0])]
    (node,) = [node for node in floating if node == 4] or floating[:1]
    _, bad = planted(off=node)
    seen = watch.see(bad)
    assert [(each.kind, each.index, each.side) for each in seen] == [("bad reading", node, "free")]


def test_a_broken_edge_is_told_once() -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=3") as board:
        expected = labnet.inspect(board).expected
    with labnet.open_board("sim://twin16?preset=lab&seed=3&fault=removed@4:50") as board:
        run = labnet.train(board, sampled(board, "regression", 3), steps=150, progress=False)
        watch = Watch(board.network, board.info, run.plan, expected)
        seen = [each.index for record in records(run) for each in watch.see(record)]
    assert set(seen) == {4}
    assert len(seen) <= 2, "at most once a side"


def test_known_broken_edges_are_not_told() -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=3&fault=removed@4:50") as board:
        run = labnet.train(board, sampled(board, "regression", 3), steps=100, progress=False)
        watch = Watch(board.network, board.info, run.plan)
        watch.ignore({4})
        assert [each for record in records(run) for each in watch.see(record)] == []
