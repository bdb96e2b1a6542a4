"""Trainings that the board runs by itself: the records are those of the cycle paced by the host."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labnet
from labnet.controller import Controller
from labnet.errors import BoardError, LateStep, NotSupported, OutOfRange, PlanError
from labnet.records import Block, Errors, Record
from labnet_drivers import TwinBoard
from labnet_drivers.link import HOST_LOST
from labnet_drivers.twin_board import TRAINING

NETWORK = labnet.networks.twin16()
TASK = labnet.tasks.Allostery.sample(NETWORK, inputs=2, outputs=2, seed=7)
MANY = labnet.tasks.Regression.sample(NETWORK, seed=4, train=5, test=3)
LAB = "firmware://twin16?preset=lab&seed=3"
STEPS = 60


def plan(task: labnet.tasks.Task = TASK, **settings: Any) -> labnet.Plan:
    given: dict[str, Any] = {"steps": STEPS, "clock": labnet.GlobalClock(p=0.5), **settings}
    return labnet.Plan(task=task, **given)


@pytest.fixture
def lab() -> Iterator[TwinBoard]:
    with labnet.open_board(LAB) as board:
        assert isinstance(board, TwinBoard)
        yield board


def parts(blocks: Iterator[Block]) -> tuple[list[Record], list[Errors]]:
    records: list[Record] = []
    errors: list[Errors] = []
    for block in blocks:
        records += block.records
        errors += block.errors
    return records, errors


def assert_same(ours: tuple[list[Record], list[Errors]], theirs: tuple[list[Record], list[Errors]]) -> None:
    """Bit by bit, types too."""
    assert len(ours[0]) == len(theirs[0])
    for mine, other in zip(ours[0], theirs[0], strict=True):
        for field in fields(Record):
            a, b = getattr(mine, field.name), getattr(other, field.name)
            assert type(a) is type(b)
            if isinstance(a, np.ndarray):
                assert (a.dtype, a.shape) == (b.dtype, b.shape), field.name
                assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), (field.name, mine.step)
            else:
                assert a == b, (field.name, mine.step)
    assert [tuple(map(repr, each)) for each in ours[1]] == [tuple(map(repr, each)) for each in theirs[1]]


def by_board(plan: labnet.Plan, address: str = LAB, first: int = 0) -> tuple[list[Record], list[Errors]]:
    with labnet.open_board(address) as board:
        start_s = Controller(board, plan).start() - first * plan.step_period_s
        return parts(board.train(plan, first, start_s))


def by_host(plan: labnet.Plan, address: str = LAB, first: int = 0) -> tuple[list[Record], list[Errors]]:
    with labnet.open_board(address) as board:
        controller = Controller(board, plan)
        controller.start_s = controller.start() - first * plan.step_period_s
        return parts(controller.paced_blocks(first))


PLANS: dict[str, labnet.Plan] = {
    "plain": plan(),
    "several examples": plan(MANY, order="cyclic", seed=5),
    "random order": plan(MANY, order="random", seed=-5),
    "listed order": plan(MANY, order=(4, 0, 0, 2)),
    "nudges": plan(MANY, eta=tuple(np.linspace(0.1, 1.0, STEPS).tolist())),
    "short": plan(MANY, detail="short", eta=0.3),
    "rarely logged": plan(MANY, log=7, measure=20),
    "logged as listed": plan(MANY, log=(3, 4, 59), measure=(1, 30)),
    "log-spaced": plan(MANY, log=labnet.LogSpaced(per_decade=4), measure=labnet.LogSpaced(per_decade=2)),
    "nothing logged": plan(MANY, log=(), measure=()),
    "with a period": plan(MANY, period_s=0.05, settle_s=2e-3),
    "without settling": plan(MANY, settle_s=0.0),
    "a start": plan(start=(20, 100), seed=9),
}


@pytest.mark.parametrize("name", list(PLANS))
def test_the_board_does_what_the_host_would(name: str) -> None:
    assert_same(by_board(PLANS[name]), by_host(PLANS[name]))


@pytest.mark.parametrize("name", ["plain", "nudges", "short"])
def test_without_noise_both_are_the_simulated_board_s(name: str) -> None:
    records, errors = by_board(PLANS[name], "firmware://twin16?seed=3")
    assert_same((records, errors), by_host(PLANS[name], "sim://twin16?seed=3&converters=board"))
    assert records[-1].step == STEPS


@pytest.mark.parametrize("late_s", [8_500_000.000001, 99_000_000.000003])
def test_a_board_that_is_on_for_long_keeps_the_times_of_the_simulated_one(late_s: float) -> None:
    def times(address: str) -> list[float]:
        with labnet.open_board(address) as board:
            board.wait(late_s)
            start_s = Controller(board, chosen).start()
            return [record.time_s for record in parts(board.train(chosen, 0, start_s))[0]]

    chosen = plan(MANY, settle_s=5e-6, steps=20)
    ours, theirs = (times(a) for a in ("firmware://twin16?seed=3", "sim://twin16?seed=3&converters=board"))
    assert ours == pytest.approx(theirs, rel=0, abs=1e-7)


def test_a_training_can_begin_in_the_middle() -> None:
    ours, theirs = (pace(PLANS["nudges"], first=25) for pace in (by_board, by_host))
    assert_same(ours, theirs)
    assert [record.step for record in ours[0]] == list(range(25, STEPS + 1))


def test_without_a_time_it_begins_as_soon_as_it_can(lab: TwinBoard) -> None:
    lab.wait(1.0)
    chosen = plan(MANY)
    records, _ = parts(lab.train(chosen))
    assert records[0].time_s == pytest.approx(1.0 + chosen.slack_s)


def test_a_time_that_has_passed_meanwhile_moves_all_steps(lab: TwinBoard) -> None:
    """A real board's clock goes on while a plan is uploaded."""
    chosen = plan(MANY, period_s=0.02)
    start_s = Controller(lab, chosen).start()
    lab.wait(0.5)
    times = [record.time_s for record in parts(lab.train(chosen, 0, start_s))[0]]
    assert times[0] > 0.5
    assert np.diff(times) == pytest.approx(0.02)


def test_steps_that_come_late_end_a_training_that_asked_for_a_period(lab: TwinBoard) -> None:
    lab.sequencer.after_s = 0.004  # beyond the plan, which cannot know
    blocks: list[Block] = []
    with pytest.raises(LateStep, match=r"longer than 0\.003 s"):
        blocks.extend(lab.train(plan(period_s=0.003, measure=())))
    last = blocks[-1]
    assert [record.step for record in last.records] == [0, 1], "what was done, and where it ended"
    assert last.steps == 1
    assert last.records[-1].wipers.tolist() == lab.wipers().tolist()


def test_a_run_file_holds_what_the_board_logged(lab: TwinBoard, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"clock": labnet.GlobalClock(p=0.5), "steps": 300, "progress": False}
    with (
        labnet.train(lab, MANY, path=tmp_path / "run.sqlite", **settings) as run,
        labnet.open_board("sim://twin16?preset=lab&seed=3") as simulated,
        labnet.train(simulated, MANY, **settings) as other,
    ):
        assert run.status == "complete"
        assert len(run.steps()) == 301
        assert run.meta["board"]["model"] == "TWIN16"
        assert run.frame("steps")["time_s"].tolist() == other.frame("steps")["time_s"].tolist()
        assert run.frame("error").shape == other.frame("error").shape


def test_a_killed_training_goes_on_from_wipers_that_belong_to_its_step(lab: TwinBoard) -> None:
    """What a run file keeps between two blocks is a step and where the wipers stood before it."""
    full, _ = by_board(plan(steps=2000))
    before = {record.step: record.wipers.tolist() for record in full}
    start_s = Controller(lab, plan(steps=2000)).start()
    kept = []
    for block in lab.train(plan(steps=2000), 0, start_s):
        kept.append(block.steps)
        assert lab.wipers().tolist() == before[block.steps]
    assert len(kept) > 3
    assert kept == sorted(kept)


def test_closing_a_training_aborts_it(lab: TwinBoard) -> None:
    blocks = lab.train(plan(steps=1_000_000))
    next(blocks)
    assert lab.operation & TRAINING
    with pytest.raises(BoardError, match="Settings conflict"):
        lab.drive("free", {0: 1.0})
    blocks.close()  # type: ignore[attr-defined]
    assert not lab.operation & TRAINING
    assert lab.trigger_count < 1_000_000
    lab.drive("free", {0: 1.0})
    assert len(parts(lab.train(plan()))[0]) == STEPS + 1


def test_somebody_else_can_make_the_board_safe_in_the_middle(lab: TwinBoard) -> None:
    blocks = lab.train(plan(steps=1_000_000))
    next(blocks)
    lab.safe()
    with pytest.raises(BoardError, match="was aborted"):
        list(blocks)


def test_a_measurement_may_go_on_from_one_block_of_the_log_to_the_next() -> None:
    task = labnet.tasks.Regression.sample(NETWORK, seed=4, train=800, test=700)
    chosen = plan(task, steps=2, measure=())
    ours = by_board(chosen)
    assert_same(ours, by_host(chosen))
    assert [(error.step, error.set) for error in ours[1]] == [(0, "train"), (0, "test"), (2, "train"), (2, "test")]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwinBoard]:
    """The firmware with the memory of a microcontroller: short messages, short blocks, few of them."""
    monkeypatch.setenv("CC", "cc -DSMALL_SIZES")
    with labnet.open_board(LAB) as board:
        assert isinstance(board, TwinBoard)
        yield board


@pytest.mark.parametrize("name", ["several examples", "nudges", "short", "logged as listed"])
def test_a_board_with_little_memory_does_the_same(small: TwinBoard, name: str) -> None:
    assert small.longest < 320
    start_s = Controller(small, PLANS[name]).start()
    assert_same(parts(small.train(PLANS[name], 0, start_s)), by_host(PLANS[name]))


def test_a_board_with_little_memory_says_what_it_cannot_hold(small: TwinBoard) -> None:
    task = labnet.tasks.Regression.sample(NETWORK, seed=4, train=2000, test=0)
    with pytest.raises(NotSupported, match=r"training memory.*Pace it from the host"):
        next(small.train(plan(task)))


# What the board cannot do ---------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[labnet.Plan, str]] = {
    "an order too long": (plan(order=tuple([0] * 70_000)), "training memory"),
    "a list too long": (plan(steps=100_000, log=tuple(range(0, 80_000, 2))), "training memory"),
    "nudges too many": (plan(steps=70_000, eta=tuple([1.0] * 70_000)), "training memory"),
    "too many steps": (plan(steps=3_000_000_000), "steps is 3000000000"),
    "a period too long": (plan(period_s=2e6), "time is"),
    "targets of differences": (
        plan(labnet.tasks.Differential.sample_xor(NETWORK)),
        "Differential wants no fixed voltage",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_the_board_cannot_hold_is_said_before_anything_moves(board: TwinBoard, name: str) -> None:
    refused, said = REFUSED[name]
    sent = len(board.link.transcript.last())
    with pytest.raises(NotSupported, match=said):
        next(board.train(refused))
    assert all(each.request.endswith(b"?") for each in board.link.transcript.last()[sent:])


def test_what_the_board_cannot_hold_is_paced_by_the_host(board: TwinBoard) -> None:
    order = tuple(range(5)) * 14_000
    with labnet.train(board, MANY, steps=5, order=order, progress=False) as run:
        assert run.frame("steps")["example"].tolist() == [0, 1, 2, 3, 4, -1]
    board.sequencer.repeats = 2
    with pytest.raises(PlanError, match="without repeats"):
        labnet.train(board, MANY, steps=5, order=order, progress=False)


# Beyond a plan --------------------------------------------------------------------------------------------------------


def test_examples_may_repeat(lab: TwinBoard) -> None:
    lab.sequencer.repeats = 3
    examples = [record.example for record in parts(lab.train(plan(MANY, steps=20)))[0]]
    assert examples[:20] == [step // 3 % 5 for step in range(20)]
    with pytest.raises(OutOfRange, match="allowed: 1 to 65535"):
        lab.sequencer.repeats = 0


def test_examples_may_follow_a_chain(lab: TwinBoard) -> None:
    forward = np.roll(np.eye(5), 1, axis=1)
    lab.sequencer.transition = forward
    examples = [record.example for record in parts(lab.train(plan(MANY, steps=20)))[0]]
    assert examples[:20] == [step % 5 for step in range(20)]
    lab.sequencer.transition = 0.5 * forward + 0.5 * np.eye(5)
    steps = np.diff([record.example for record in parts(lab.train(plan(MANY, steps=200)))[0]][:200]) % 5
    assert set(steps.tolist()) == {0, 1}
    assert 60 < steps.sum() < 140
    with pytest.raises(PlanError, match="for 5 training examples, the task has 1"):
        next(lab.train(plan()))
    for wrong in (np.eye(5)[:3], np.eye(5) * 2, -np.eye(5), np.ones(3)):
        with pytest.raises(OutOfRange, match="no matrix of probabilities"):
            lab.sequencer.transition = wrong
    lab.sequencer.transition = None
    assert lab.sequencer.beyond() == []


def test_a_step_may_wait_for_something_wrong(lab: TwinBoard) -> None:
    lab.sequencer.only_wrong_v = 5.0
    records, _ = parts(lab.train(plan()))
    assert not any(record.directions.any() or record.enabled.any() for record in records[:-1])
    assert records[-1].wipers.tolist() == [64] * 16


def test_a_training_may_end_when_it_is_perfect(lab: TwinBoard) -> None:
    lab.sequencer.stop_v = 5.0
    (block,) = lab.train(plan())
    assert block.steps == 0
    assert [record.step for record in block.records] == [0]
    assert block.errors[0].step == 0


def test_noise_on_sources_is_drawn_from_the_seed(lab: TwinBoard) -> None:
    lab.sequencer.source_noise_v = 0.1
    inputs = list(TASK.inputs)
    records, _ = parts(lab.train(plan()))
    seen = np.array([record.v_free[inputs] for record in records[:-1]]) - TASK.train.inputs
    assert 0.05 < np.abs(seen).max() < 0.11
    again, _ = by_board(plan())
    assert not np.array_equal(again[1].v_free, records[1].v_free)


def test_waits_after_triggers(lab: TwinBoard) -> None:
    lab.sequencer.after_s = 0.01
    lab.sequencer.hold_s = (1, 0.5)
    chosen = plan(MANY, steps=6, measure=())
    times = np.array([record.time_s for record in parts(lab.train(chosen))[0]])
    taken = np.diff(times)[:5]
    assert taken[1] == pytest.approx(0.5 + 0.01 + 2 * chosen.settle_s)
    assert (taken < 0.5).tolist() == [True, False, True, True, True]


def test_a_host_that_is_there_is_not_lost_while_time_runs_fast(lab: TwinBoard) -> None:
    """Half an hour of the board's clock passes in a moment: no host can speak meanwhile."""
    lab.sequencer.lost = ("stop", 1.0)
    with labnet.run_plan(lab, plan(settle_s=2.0), progress=False) as run:
        assert run.status == "complete"
    assert not lab.questionable & HOST_LOST


def test_settings_beyond_a_plan_stay_until_they_are_changed(lab: TwinBoard) -> None:
    lab.sequencer.lost = ("continue", 2.5)
    lab.sequencer.target_noise_v = 0.01
    parts(lab.train(plan()))
    assert lab.sequencer.lost == ("CONTINUE", 2.5)
    assert lab.sequencer.target_noise_v == pytest.approx(0.01, abs=5 / 65535)
    with pytest.raises(OutOfRange, match="STOP or CONTinue"):
        lab.sequencer.lost = ("maybe", 2.5)


# Sweeps ---------------------------------------------------------------------------------------------------------------


def test_a_sweep_trains_on_the_board_one_point_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(
        'title = "bench"\nboard = "firmware://twin16?seed=1"\nsteps = 40\n[task]\nkind = "allostery"\nseed = 7\n'
        "[over]\nclock.p = [0.5, 1.0]\n"
    )
    done = labnet.sweep(tmp_path / "sweep.toml", progress=False)
    points = done.frame("points")
    assert points["status"].tolist() == ["complete"] * 2
    assert points["steps"].tolist() == [40, 40]
