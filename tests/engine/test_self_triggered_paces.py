"""Self-triggered plans give the same bits paced by the host, run by the board, among other plans, and resumed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import bits_of_run
from graphs import connected
from hypothesis import given, settings
from hypothesis import strategies as st
from paces import Presses, assert_unchanged, bits, bits_of_many, host_paced, interrupted
from test_self_triggered import COMPARATORS, GATES
from trainings import MOST_NODES, PARTS, SEEDS, Training, tasks

import labnet
from labnet import GlobalClock, LogSpaced, Network, Plan, SelfTriggered, controller, networks
from labnet.errors import FloatingNode, NotSupported, OutOfRange, PlanError
from labnet.tasks import Regression, Task
from labnet_simulators import (
    PRESETS,
    ComparatorPair,
    EffectiveComparator,
    Faults,
    FaultyBoard,
    OscillatorGate,
    Parts,
    Settling,
    SimulatedBoard,
)

PERIOD_S = 8.13e-6  # about, of the oscillators


@st.composite
def self_triggered_parts(draw: st.DrawFn) -> Parts:
    taus = st.sampled_from([0.0, 0.0, 0.3e-6, 3e-6, 30e-6])
    parts: Parts = draw(PARTS)
    return replace(parts, gate=draw(GATES), comparator=draw(COMPARATORS), settling=Settling(draw(taus)))


@st.composite
def self_triggered_plans(draw: st.DrawFn, task: Task) -> Plan:
    """Supervisors' clamps, or none with eta = 1; fractions of a period or some of them."""
    steps = draw(st.integers(1, 12))
    dwell_s = round(draw(st.floats(0.1, 3.0)) * PERIOD_S * 1e9) * 1e-9
    moves = draw(st.none() | st.integers(1, 5))
    etas = st.sampled_from([1.0, 0.5, 0.1]) | st.floats(0.01, 1.0)
    eta: Any = draw(etas | st.lists(etas, min_size=steps, max_size=steps).map(tuple))
    schedules: Any = st.integers(1, 4) | st.lists(st.integers(0, 12), max_size=3).map(tuple) | st.just(LogSpaced())
    return Plan(
        task=task,
        steps=steps,
        clock=SelfTriggered(dwell_s=dwell_s, clamp_period_s=moves and dwell_s / moves, p=draw(st.floats(0.2, 0.8))),
        eta=1.0 if moves is None else eta,
        order=draw(st.sampled_from(["cyclic", "random"])),
        start=draw(st.sampled_from([None, 2, (0, 5)])),
        settle_s=draw(st.sampled_from([2e-3, 2e-3, 1e-4])),
        period_s=draw(st.sampled_from([None, 0.1])),
        seed=draw(SEEDS),
        log=draw(schedules),
        measure=draw(schedules),
    )


@st.composite
def alone(draw: st.DrawFn) -> Training:
    task = draw(connected(MOST_NODES).flatmap(tasks))
    return Training(draw(self_triggered_plans(task)), draw(self_triggered_parts()), draw(SEEDS))


@st.composite
def several(draw: st.DrawFn) -> list[Training]:
    """Self-triggered and triggered plans on one board."""
    task, parts, seed = draw(connected(MOST_NODES).flatmap(tasks)), draw(self_triggered_parts()), draw(SEEDS)
    with_trigger = st.builds(
        Plan, task=st.just(task), steps=st.integers(1, 9), clock=st.just(GlobalClock(p=0.5)), settle_s=st.just(2e-3)
    )
    plans = draw(st.lists(self_triggered_plans(task) | with_trigger, min_size=1, max_size=5))
    return [Training(plan, parts, seed) for plan in plans]


@settings(max_examples=50)
@given(alone())
def test_a_board_gives_what_the_host_gives_also_when_it_trains_again(training: Training) -> None:
    by_board, by_host = training.board(), host_paced(training.board())
    for _ in range(2):
        assert bits(by_board, training.plan) == bits(by_host, training.plan)
        assert_unchanged(by_host.snapshot(), by_board)


@settings(max_examples=40)
@given(several())
def test_many_plans_give_what_each_gives_alone(trainings: list[Training]) -> None:
    board = trainings[0].board()
    before = board.snapshot()
    alone = [(bits(host_paced(training.board()), training.plan), None) for training in trainings]
    assert bits_of_many(board, [training.plan for training in trainings]) == alone
    assert_unchanged(before, board)


@settings(max_examples=40)
@given(alone(), st.data())
def test_a_stretch_goes_on_from_a_snapshot(training: Training, data: st.DataObject) -> None:
    """What a snapshot holds decides the future; the cut of a stretch in two does not, but for rounding on the way."""
    board, task = training.board(), training.plan.task
    board.bias_v = 0.5
    held = task.held(task.train.inputs[0])
    board.drive("free", held)
    board.drive("clamped", held | dict(zip(task.outputs, task.train.targets[0].tolist(), strict=True)))
    lengths = data.draw(st.lists(st.integers(0, 20_000), min_size=2, max_size=4))
    at_once = training.board()
    at_once.restore(board.snapshot())
    for length_ns in lengths:
        other = training.board()
        other.restore(board.snapshot())
        for each in (board, other):
            each.self_trigger(length_ns * 1e-9)
        assert_unchanged(board.snapshot(), other)
    if training.parts.settling.tau_s == 0.0:
        at_once.self_trigger(sum(lengths) * 1e-9)
        assert at_once.wipers().tolist() == board.wipers().tolist()
        assert at_once.time_s == board.time_s
    assert board.triggers == 0


# Named boards -----------------------------------------------------------------------------------------------------

GATE = OscillatorGate(known=True)
BOARDS = {
    "ideal": replace(PRESETS["ideal"], gate=GATE),
    "lab": replace(PRESETS["lab"], gate=GATE),
    "pair": replace(PRESETS["lab"], gate=replace(GATE, jitter=0.1), comparator=ComparatorPair(5e-3, noise_v=1e-3)),
    "unsettled": replace(PRESETS["ideal"], gate=GATE, settling=Settling(2e-5)),
    "warm": replace(PRESETS["lab"], gate=replace(GATE, temperature_k=10.0, temperature_period_s=0.1)),
}


def regression(network: Network) -> Task:
    return Regression.sample(network, seed=3, train=5, test=4)


@pytest.mark.parametrize("name", ["twin16", "packing143"])
@pytest.mark.parametrize("parts", BOARDS)
def test_long_trainings(name: str, parts: str) -> None:
    network = networks.named(name)
    clock = SelfTriggered(dwell_s=40e-6, clamp_period_s=8e-6)
    plan = Plan(task=regression(network), steps=60, clock=clock, eta=0.7, order="random", start=(20, 100), log=9)
    board, host = (SimulatedBoard(network, BOARDS[parts], seed=2) for _ in range(2))
    run = bits(board, plan)
    assert run == bits(host_paced(host), plan)
    assert board.wipers().tolist() != plan.starting_values().astype(int).tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("parts", ["lab", "pair", "unsettled"])
@pytest.mark.parametrize("clamp", ["supervisor", "analogue"])
def test_interrupted_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: str, clamp: str) -> None:
    """After some blocks each time, in a new board and a new process's state."""
    monkeypatch.setattr(controller, "_STATE_EVERY_S", 0.0)
    network = networks.twin16()
    moves: dict[str, float] = {"clamp_period_s": 8e-6} if clamp == "supervisor" else {"lag_s": 5e-6}
    plan = Plan(
        task=regression(network), steps=2000, clock=SelfTriggered(dwell_s=16e-6, **moves), eta=0.5, log=7, measure=100
    )
    whole = bits(SimulatedBoard(network, BOARDS[parts], seed=6), plan)
    path = tmp_path / "run"
    for blocks in (1, 2, 1):
        assert interrupted(BOARDS[parts], plan, path, Presses(blocks=blocks), by_host=False, snapshots=True) is None
    resumed = interrupted(BOARDS[parts], plan, path, Presses(), by_host=False, snapshots=True)
    assert resumed is not None
    with resumed:
        assert resumed.status == "complete"
        assert bits_of_run(resumed) == whole


# Limits -------------------------------------------------------------------------------------------------------------


def test_gates_that_are_stuck_and_comparators_that_are_swapped() -> None:
    """On a board all of whose comparators say up."""
    network = networks.twin16()
    parts = replace(BOARDS["ideal"], comparator=EffectiveComparator(5.0, 6.0))
    board = FaultyBoard(network, replace(parts, faults=Faults(stuck_gate=(3,), swapped_comparators=(5,))))
    board.bias_v = 0.5
    board.drive("free", {0: 1.0, 8: 0.0})
    board.drive("clamped", {0: 1.0, 8: 0.0, 4: 0.5})
    board.self_trigger(10.5 * PERIOD_S)
    moved = board.wipers() - 64
    assert moved[3] == 0
    assert -12 <= moved[5] <= -9
    others = np.delete(moved, [3, 5])
    assert others.min() >= 9
    assert others.max() <= 12


def test_bias_outside_of_the_swing() -> None:
    network = networks.twin16()
    for bias_v in (0.0, 1.0):
        board = SimulatedBoard(network, BOARDS["ideal"])
        board.bias_v = bias_v
        board.drive("free", {0: 1.0, 8: 0.0})
        board.drive("clamped", {0: 1.0, 8: 0.0, 4: 0.5})
        board.self_trigger(1e-3)
        assert (board.wipers() == 64).all()
        assert board.time_s == 1e-3


def test_what_cannot_be() -> None:
    network = networks.twin16()
    with pytest.raises(NotSupported, match="no clock of their own"):
        SimulatedBoard(network).self_trigger(1e-3)
    board = SimulatedBoard(network, BOARDS["ideal"])
    with pytest.raises(FloatingNode):
        board.self_trigger(1e-3)
    for seconds in (-1e-9, float("nan"), 1e9):
        with pytest.raises(OutOfRange, match="self-triggering"):
            board.self_trigger(seconds)
    board.set_resistances(1e4)
    with pytest.raises(NotSupported, match="set_wipers"):
        board.self_trigger(1e-3)
    broken = FaultyBoard(network, replace(BOARDS["ideal"], faults=Faults(stuck_wiper=(1,))))
    with pytest.raises(NotSupported, match="stuck_wiper"):
        broken.self_trigger(1e-3)


def test_a_lag_wants_settled_measurements() -> None:
    network = networks.twin16()
    parts = replace(BOARDS["ideal"], settling=Settling(1e-4))
    plan = Plan(
        task=regression(network), steps=3, clock=SelfTriggered(dwell_s=1e-4, lag_s=1e-5), eta=0.5, settle_s=1e-3
    )
    with pytest.raises(PlanError, match="settle_s"):
        labnet.run_plan(SimulatedBoard(network, parts), plan, progress=False)
    (block,) = SimulatedBoard(network, parts).train_many([plan])
    assert isinstance(block.failure, PlanError)
    at_once = Plan(**dict(plan) | {"settle_s": 0.0})
    *_, last = SimulatedBoard(network, BOARDS["ideal"]).train_many([at_once])
    assert (last.failure, last.steps) == (None, 3), "where nodes settle at once there is nothing to wait for"


def test_a_bias_that_no_oscillator_falls_through_is_refused() -> None:
    board = labnet.open_board("sim://twin16?preset=lab&gate=oscillator&calibrated=true&oscillator_spread=0")
    task = Regression.sample(board.network, seed=1)
    with board, pytest.raises(OutOfRange, match=r"p is 0.999999, and no oscillator .* allowed: a p further from 0"):
        labnet.train(board, task, steps=2, clock=SelfTriggered(dwell_s=1e-4, p=0.999999), settle_s=1e-3, progress=False)
