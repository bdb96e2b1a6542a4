"""One meaning: a plan gives the same bits paced by the host, run by the board, among other plans, and resumed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bits import bits_of_run
from hypothesis import given, settings
from hypothesis import strategies as st
from paces import Presses, assert_unchanged, bits, bits_of_many, host_paced, interrupted
from trainings import Training, continuous, discrete, several

import labnet
from labnet import Continuous, GlobalClock, LogSpaced, Network, Plan, controller, networks
from labnet.errors import Diverged
from labnet.tasks import Classification, Regression, Task
from labnet_simulators import PRESETS, ComparatorPair, Digipot, Gate, OscillatorGate, Parts, Settling, SimulatedBoard

pytestmark = pytest.mark.filterwarnings("ignore::labnet.errors.NudgeHidden")  # with codes, and hardly any nudge

# Host and board ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=100)
@given(discrete(sparse=True) | continuous(sparse=True))
def test_a_board_gives_what_the_host_gives_also_when_it_trains_again(training: Training) -> None:
    by_board, by_host = training.board(), host_paced(training.board())
    for _ in range(2):
        assert bits(by_board, training.plan) == bits(by_host, training.plan)
        assert_unchanged(by_host.snapshot(), by_board)


BOARDS = {
    "ideal": PRESETS["ideal"],
    "lab": PRESETS["lab"],
    "fixed": replace(PRESETS["lab"], gate=Gate(fixed_number=True), settling=Settling()),
    "pair": replace(PRESETS["lab"], comparator=ComparatorPair(5e-3, noise_v=1e-3)),
    "mismatch": Parts(pot=Digipot(positions=256, twin_mismatch=0.01, inl_lsb=0.5, dnl_lsb=0.5, power_up=128)),
    "oscillators": replace(
        PRESETS["lab"], gate=OscillatorGate(known=True, temperature_k=5.0, temperature_period_s=0.1)
    ),
    "unsettled": Parts(pot=Digipot(tolerance=0.2), settling=Settling(tau_s=0.7e-3)),
}


def tasks(network: Network) -> dict[str, Task]:
    return {
        "regression": Regression.sample(network, seed=3, train=5, test=4),
        "classification": Classification.sample(network, seed=1, train=0.1),
    }


@pytest.mark.parametrize("name", ["twin16", "packing143", "lattice-9x10"])
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("parts", BOARDS)
def test_long_discrete_trainings(name: str, task: str, parts: str) -> None:
    network = networks.named(name)
    chosen = {"log": LogSpaced(), "measure": LogSpaced(per_decade=5), "order": "random", "start": (0, 127)}
    plan = Plan(task=tasks(network)[task], steps=400, clock=GlobalClock(p=0.4), eta=0.7, seed=5, **chosen)
    board, host = (SimulatedBoard(network, BOARDS[parts], seed=2) for _ in range(2))
    assert bits(board, plan) == bits(host_paced(host), plan)


@pytest.mark.parametrize("name", ["twin16", "packing143", "lattice-9x10"])
@pytest.mark.parametrize("batch", [None, 1.0, 0.4])
def test_long_continuous_trainings(name: str, batch: float | None) -> None:
    network = networks.named(name)
    rule = Continuous(gamma=2e-3, batch=batch)
    plan = Plan(
        task=tasks(network)["regression"], steps=300, rule=rule, eta=0.1, clock=GlobalClock(p=0.6), start=(0.5, 1.5)
    )
    board, host = (SimulatedBoard(network, seed=2) for _ in range(2))
    assert bits(board, plan) == bits(host_paced(host), plan)


# Many plans -------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(several(), st.data())
def test_many_plans_give_what_each_gives_alone_in_any_order_and_grouping(
    trainings: list[Training], data: st.DataObject
) -> None:
    board = trainings[0].board()
    alone = [bits(host_paced(training.board()), training.plan) for training in trainings]
    order = data.draw(st.permutations(range(len(trainings))))
    cut = data.draw(st.integers(0, len(order)))
    before = board.snapshot()
    for group in (order, order[:cut], order[cut:]):
        if group:
            many = bits_of_many(board, [trainings[k].plan for k in group])
            assert many == [(alone[k], None) for k in group]
    assert_unchanged(before, board)


@pytest.mark.parametrize("name", ["twin16", "packing143"])
@pytest.mark.parametrize("parts", BOARDS)
def test_an_ensemble_of_tasks_seeds_and_settings(name: str, parts: str) -> None:
    """More plans than lanes, of different lengths, terminals and probabilities; on a board that has trained before."""
    network = networks.named(name)
    plans = [
        Plan(
            task=Regression.sample(network, seed=k, inputs=1 + k % 3, outputs=1 + k % 2, train=1 + k % 4, test=k % 3),
            steps=20 + 7 * (k % 5),
            clock=GlobalClock(p=1.0 - 0.04 * k),
            eta=1.0 if k % 2 else 0.5,
            start=None if k % 3 else (0, 127),
            seed=k,
        )
        for k in range(19)
    ]
    board = SimulatedBoard(network, BOARDS[parts], seed=2)
    bits(board, plans[0])
    before = board.snapshot()
    alone = []
    for plan in plans:
        copy = host_paced(SimulatedBoard(network, BOARDS[parts], seed=2))
        copy.restore(before)
        alone.append((bits(copy, plan), None))
    assert bits_of_many(board, plans) == alone
    assert_unchanged(before, board)


def test_a_plan_that_diverges_ends_alone(tmp_path: Path) -> None:
    network = networks.twin16()
    task = tasks(network)["regression"]
    parts = Parts(resistance_range_ohm=(1e-150, 1e200))
    plans = [
        Plan(task=task, steps=30, rule=Continuous(gamma=gamma), measure=(0, 3), log=(0, 1, 2, 3, 4, 20))
        for gamma in (1e-3, 1e300, 2e-3)
    ]
    alone = [bits(host_paced(SimulatedBoard(network, parts)), plans[k]) for k in (0, 2)]
    with pytest.raises(Diverged) as raised:
        labnet.run_plan(host_paced(SimulatedBoard(network, parts)), plans[1], tmp_path / "run", progress=False)
    with labnet.Run.open(tmp_path / "run") as run:
        diverged = bits_of_run(run)
    with pytest.raises(Diverged) as by_board:
        labnet.run_plan(SimulatedBoard(network, parts), plans[1], tmp_path / "board", progress=False)
    assert str(by_board.value) == str(raised.value)
    with labnet.Run.open(tmp_path / "board") as run:
        assert bits_of_run(run) == diverged
    one, two, three = bits_of_many(SimulatedBoard(network, parts), plans)
    assert [one, three] == [(alone[0], None), (alone[1], None)]
    assert two[0] == diverged
    assert isinstance(two[1], Diverged)
    assert str(two[1]) == str(raised.value)


# Resumed ----------------------------------------------------------------------------------------------------------


RESUMED = {
    "discrete": {"clock": GlobalClock(p=0.4), "order": "random", "log": 50, "start": (0, 127)},
    "continuous": {"rule": Continuous(gamma=2e-3), "clock": GlobalClock(p=0.4), "eta": 0.1, "log": 50},
    "batch": {"rule": Continuous(gamma=2e-3, batch=0.5), "eta": 0.1, "log": (0, 7, 999)},
}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [(rule, parts) for rule in RESUMED for parts in BOARDS if rule == "discrete" or BOARDS[parts].resistance_range_ohm],
)
def test_begun_at_one_pace_and_resumed_at_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: str, settings: str
) -> None:
    """The host is interrupted at a trigger, the board goes on and is interrupted after a block, and so on."""
    monkeypatch.setattr(controller, "_STATE_EVERY_S", 0.0)
    network = networks.twin16()
    plan = Plan(task=tasks(network)["regression"], steps=1200, measure=(0, 60, 999), **RESUMED[settings])
    path, press = tmp_path / "run", {"path": tmp_path / "run", "plan": plan, "parts": BOARDS[parts], "snapshots": True}
    assert interrupted(presses=Presses(trigger=137), by_host=True, **press) is None  # type: ignore[arg-type]
    again = interrupted(presses=Presses(blocks=1), by_host=False, **press)  # type: ignore[arg-type]
    again = again or interrupted(presses=Presses(trigger=211), by_host=True, **press)  # type: ignore[arg-type]
    again = again or interrupted(presses=Presses(), by_host=False, **press)  # type: ignore[arg-type]
    assert again is not None
    again.close()
    with labnet.Run.open(path) as run:
        assert run.status == "complete"
        assert bits_of_run(run) == bits(host_paced(SimulatedBoard(network, BOARDS[parts], seed=6)), plan)


@pytest.mark.parametrize("rule", [labnet.Discrete(), Continuous(gamma=2e-3)], ids=["discrete", "continuous"])
def test_a_board_without_snapshots_goes_on_by_itself_from_the_last_record(tmp_path: Path, rule: Any) -> None:
    network = networks.twin16()
    plan = Plan(task=tasks(network)["regression"], steps=60, rule=rule, period_s=0.02)
    press = {"path": tmp_path / "run", "plan": plan, "parts": Parts(), "snapshots": False}
    assert interrupted(presses=Presses(trigger=38), by_host=True, **press) is None  # type: ignore[arg-type]
    resumed = interrupted(presses=Presses(), by_host=False, **press)  # type: ignore[arg-type]
    assert resumed is not None
    with resumed:
        whole = bits(host_paced(SimulatedBoard(network, seed=6)), plan)
        ours = bits_of_run(resumed)
        del ours["time_s"], whole["time_s"]  # a new board's clock begins anew
        assert ours == whole
