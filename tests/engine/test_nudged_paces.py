"""One meaning, also where outputs are nudged by currents, by conductances, both ways, with a margin, over-clamped."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from bits import bits_of_run
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from paces import Interrupted, Presses, assert_unchanged, bits, bits_of_many, host_paced, interrupted
from trainings import TASKS, Training, nudged, nudged_plans

import labnet
from labnet import Continuous, Discrete, GlobalClock, Network, Plan, controller, networks
from labnet.errors import CircuitError, NotSupported
from labnet.optimisers import Adam
from labnet.rules import EquilibriumPropagation, HostRule
from labnet.tasks import Regression, Task
from labnet_simulators import PRESETS, Digipot, OscillatorGate, Parts, Settling, SimulatedBoard
from labnet_simulators.engine.members import kind

pytestmark = pytest.mark.filterwarnings("ignore::labnet.errors.NudgeHidden")  # with codes, and hardly any nudge

RULES: dict[str, HostRule] = {
    f"{nudge} {states}": EquilibriumPropagation(gamma=2e-3, beta=0.1, nudge=nudge, states=states)
    for nudge, states in product(("current", "conductance"), ("one-sided", "centred", "twin"))
} | {
    "symmetric": Continuous(gamma=2e-3, symmetric=True),
    "margin": Continuous(gamma=2e-3, margin_v=0.1),
    "over-clamped": Continuous(gamma=2e-3, over_clamp_v=(0.0, 5.0)),
    "all options": Continuous(gamma=2e-3, symmetric=True, margin_v=0.05, over_clamp_v=(0.0, 5.0)),
}
LAB = PRESETS["lab"]
BOARDS = {
    "ideal": PRESETS["ideal"],
    "codes": replace(LAB, resistance_range_ohm=(1.0, 1e9), adc=replace(LAB.adc, noise_v=0.0)),
    "oscillators": Parts(gate=OscillatorGate(known=True), pot=Digipot(tolerance=0.2), settling=Settling(1e-5)),
}


def task_of(network: Network, **chosen: int) -> Task:
    return Regression.sample(network, **({"seed": 3, "train": 5, "test": 4} | chosen))


def plan_of(network: Network, rule: HostRule, batch: float | None = None, **chosen: object) -> Plan:
    common = {"steps": 40, "eta": 0.1, "clock": GlobalClock(p=0.6), "start": (0.5, 1.5), "measure": (0, 20)}
    rule = type(rule)(**(dict(rule) | {"batch": batch}))
    return Plan(task=task_of(network), rule=rule, **(common | chosen))


@pytest.mark.slow
@settings(max_examples=100)
@given(nudged(sparse=True))
def test_a_board_nudges_as_the_host_does_also_when_it_trains_again(training: Training) -> None:
    by_board, by_host = training.board(), host_paced(training.board())
    for _ in range(2):
        assert bits(by_board, training.plan) == bits(by_host, training.plan)
        assert_unchanged(by_host.snapshot(), by_board)


@pytest.mark.parametrize("batch", [None, 0.4])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("parts", BOARDS)
def test_trainings_with_every_nudge(parts: str, rule: str, batch: float | None) -> None:
    network = networks.twin16()
    plan = plan_of(network, RULES[rule], batch)
    board, host = (
        Interrupted(network, BOARDS[parts], seed=2),
        host_paced(SimulatedBoard(network, BOARDS[parts], seed=2)),
    )
    board.presses = Presses()
    assert bits(board, plan) == bits(host, plan)
    assert board.presses.trigger == Presses().trigger  # no trigger came from the host
    assert_unchanged(host.snapshot(), board)


@pytest.mark.parametrize("rule", RULES)
def test_trainings_of_a_large_network(rule: str) -> None:
    network = networks.named("packing143")
    plan = plan_of(network, RULES[rule], 0.4, steps=10, measure=(0,))
    board, host = (SimulatedBoard(network, seed=2) for _ in range(2))
    assert bits(board, plan) == bits(host_paced(host), plan)


def test_a_mix_of_rules_gives_what_each_gives_alone() -> None:
    """Of one kind are plans that differ in numbers; others go to other kernels or wait for the host."""
    network = networks.twin16()
    rules = [*RULES.values(), Discrete(), Continuous(gamma=2e-3)]
    rules += [EquilibriumPropagation(gamma=1e-3 * k, beta=0.02 * k, nudge="conductance") for k in (1, 2, 3)]
    rules += [Continuous(gamma=1e-3, margin_v=margin_v) for margin_v in (0.0, 0.2)]
    plans = [
        Plan(
            task=task_of(network), steps=10 + 3 * k, rule=rule, eta=0.3, seed=k, start=(1, 2), clock=GlobalClock(p=0.7)
        )
        for k, rule in enumerate(rules)
    ]
    plans.append(Plan(**(dict(plans[0]) | {"optimiser": Adam(rate=1e-3)})))
    alone = [(bits(host_paced(SimulatedBoard(network)), plan), None) for plan in plans]
    assert bits_of_many(SimulatedBoard(network), plans) == alone


def test_plans_of_one_kind_run_in_one_kernel() -> None:
    network = networks.twin16()
    kinds = {name: kind(plan_of(network, rule)) for name, rule in RULES.items()}
    assert len({*kinds.values()}) == len(RULES)  # "margin" and "over-clamped" differ in what is drawn to
    same = EquilibriumPropagation(gamma=7e-3, beta=0.3, nudge="current", states="twin")
    assert kind(plan_of(network, same)) == kinds["current twin"]
    assert kind(plan_of(network, Continuous(gamma=1.0, margin_v=0.9))) == kinds["margin"]


@settings(max_examples=20)
@given(st.data())
def test_many_random_plans_give_what_each_gives_alone(data: st.DataObject) -> None:
    task, seed = data.draw(TASKS), data.draw(st.integers(0, 9))
    plans = data.draw(st.lists(nudged_plans(task, Parts(), most_steps=6, sparse=True), min_size=1, max_size=4))
    alone = [(bits(host_paced(SimulatedBoard(task.network, seed=seed)), plan), None) for plan in plans]
    assert bits_of_many(SimulatedBoard(task.network, seed=seed), plans) == alone


class Half(Regression):
    """A task of one's own: outputs are wanted half way to their targets."""

    def wanted(self, outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (outputs + targets)


def test_what_is_not_compiled_is_refused_before_anything_moves() -> None:
    network = networks.twin16()
    plan = plan_of(network, RULES["current twin"])
    own = Half.sample(network, seed=3)
    for change in ({"optimiser": Adam(rate=1e-3)}, {"quantise": "nearest", "start": 64}, {"task": own}):
        with SimulatedBoard(network) as board, pytest.raises(NotSupported):
            next(board.train(Plan(**(dict(plan) | change))))


def test_an_unstable_nudge_ends_its_plan_alone(tmp_path: Path) -> None:
    """Conductances of -beta / R_ref feed the outputs more than the edges take away."""
    network = networks.twin16()
    plans = [
        plan_of(network, EquilibriumPropagation(gamma=1e-6, beta=beta, nudge="conductance", states="twin"), batch)
        for beta, batch in ((0.1, None), (50.0, None), (0.2, None), (50.0, 0.1))
    ]
    failures = []
    for name, plan in (("one", plans[1]), ("batch", plans[3])):
        runs = []
        for pace, board in (("host", host_paced(SimulatedBoard(network))), ("board", SimulatedBoard(network))):
            with pytest.raises(CircuitError, match="not stable") as raised:
                labnet.run_plan(board, plan, tmp_path / f"{name}-{pace}", progress=False)
            with labnet.Run.open(tmp_path / f"{name}-{pace}") as run:
                runs.append((str(raised.value), bits_of_run(run)))
        assert runs[0] == runs[1]
        failures.append(runs[0])
    given = bits_of_many(SimulatedBoard(network), plans)
    assert [given[k] for k in (0, 2)] == [(bits(host_paced(SimulatedBoard(network)), plans[k]), None) for k in (0, 2)]
    assert [(str(given[k][1]), given[k][0]) for k in (1, 3)] == failures


@pytest.mark.parametrize(
    ("parts", "rule"), [("ideal", "conductance twin"), ("codes", "symmetric"), ("oscillators", "current centred")]
)
def test_begun_at_one_pace_and_resumed_at_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: str, rule: str
) -> None:
    monkeypatch.setattr(controller, "_STATE_EVERY_S", 0.0)
    network = networks.twin16()
    plan = plan_of(network, RULES[rule], 0.5 if parts == "ideal" else None, steps=600, log=40, measure=(0, 30, 500))
    press = {"path": tmp_path / "run", "plan": plan, "parts": BOARDS[parts], "snapshots": True}
    assert interrupted(presses=Presses(trigger=67), by_host=True, **press) is None  # type: ignore[arg-type]
    again = interrupted(presses=Presses(blocks=1), by_host=False, **press)  # type: ignore[arg-type]
    again = again or interrupted(presses=Presses(trigger=41), by_host=True, **press)  # type: ignore[arg-type]
    again = again or interrupted(presses=Presses(), by_host=False, **press)  # type: ignore[arg-type]
    assert again is not None
    with again:
        assert again.status == "complete"
        assert bits_of_run(again) == bits(host_paced(SimulatedBoard(network, BOARDS[parts], seed=6)), plan)
