"""Every rule trains allostery where its needs are met, says so where they are not, and takes what it says it takes."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rule_book import NUDGE_SOFTLY, TRAININGS, all_rules_are_here, on_wipers

import labnet
from labnet.board import Side
from labnet.controller import Controller
from labnet.cycle import Cycle
from labnet.errors import LabnetWarning, NotSupported
from labnet.plan import Plan
from labnet.rules import HostRule, Lab
from labnet_simulators import SimulatedBoard

FloatArray = NDArray[np.float64]


def final_error(address: str, settings: dict[str, Any], seed: int = 0) -> float:
    with labnet.open_board(address) as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=seed)
        with labnet.train(board, task, progress=False, **{"measure": 100, **settings}) as run:
            return float(run.frame("error")["scaled_error"].iloc[-1])


def test_the_book_has_every_rule() -> None:
    assert all_rules_are_here()


@pytest.mark.parametrize("name", TRAININGS)
def test_it_trains_the_ideal_board(name: str) -> None:
    assert final_error("sim://twin16", TRAININGS[name]) < 0.01


@pytest.mark.parametrize("name", sorted(TRAININGS.keys() - NUDGE_SOFTLY))
def test_it_trains_the_lab_board_by_its_wipers(name: str) -> None:
    """Twins that differ, converters, 128 positions; sigma 0, which only the discrete rule would feel."""
    assert final_error("sim://twin16?preset=lab&sigma_max_v=0", on_wipers(name)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TRAININGS.keys() - NUDGE_SOFTLY))
def test_it_trains_the_firmware(name: str) -> None:
    settings = on_wipers(name)
    fewer = settings | {"steps": settings["steps"] // 4}
    assert final_error("firmware://twin16?target=native&preset=ideal", fewer) < 0.05


@pytest.mark.parametrize("name", sorted(NUDGE_SOFTLY))
def test_a_board_that_holds_voltages_alone_refuses_before_anything_moves(name: str) -> None:
    with labnet.open_board("sim://twin16?preset=lab") as board:
        wipers = board.wipers()
        task = labnet.tasks.Allostery.sample(board.network, seed=0)
        with pytest.raises(NotSupported, match=r"nudges nodes by a (current|conductance), this board by a voltage"):
            labnet.train(board, task, progress=False, **on_wipers(name))
        assert board.time_s == 0.0
        np.testing.assert_array_equal(board.wipers(), wipers)


class CountingLab(Lab):
    """Counts what rules do."""

    counts: Counter[str]

    def settle(self) -> None:
        self.counts["settlings"] += 1
        super().settle()

    def read(self, side: Side) -> FloatArray:
        self.counts["readings"] += self.network.node_count
        return super().read(side)

    def outputs(self, side: Side = "free") -> FloatArray:
        volts = super().outputs(side)
        self.counts["readings"] += len(volts) - self.network.node_count
        return volts

    def perturb(self, change_ohm: FloatArray) -> FloatArray:
        self.counts["writes"] += self.network.edge_count
        return super().perturb(change_ohm)

    def place(self, ohm: FloatArray) -> FloatArray:
        self.counts["writes"] += self.network.edge_count
        return super().place(ohm)


@pytest.mark.parametrize("batch", [None, 1.0, 0.4])
@pytest.mark.parametrize("name", sorted(TRAININGS.keys() - {"discrete"}))
def test_it_takes_what_it_says(name: str, batch: float | None, ideal: SimulatedBoard) -> None:
    settings: dict[str, Any] = TRAININGS[name] | {"steps": 3, "seed": 5}
    task = labnet.tasks.Regression.sample(ideal.network, inputs=2, outputs=2, train=5, seed=3)
    plan = Plan(task=task, **settings | {"rule": settings["rule"] | {"batch": batch}})
    Controller(ideal, plan).start()
    cycle = Cycle(ideal, plan)
    cycle.lab = CountingLab(ideal, task, plan.settle_s, plan.seed)
    cycle.lab.counts = Counter()
    cycle.stand_at(np.full(16, 1e4))
    began_s = ideal.time_s
    for step in range(3):
        cycle.run(step, log=False)
        counted = [cycle.lab.counts[each] for each in ("settlings", "readings", "writes")]
        assert counted == plan.costs(step + 1).tolist()
    assert ideal.time_s - began_s == pytest.approx(plan.costs(3)[0] * plan.settle_s)
    assert plan.slack_s >= -1e-12


def test_the_discrete_rule_takes_two_settlings_and_a_reading_of_its_outputs(ideal: SimulatedBoard) -> None:
    task = labnet.tasks.Allostery.sample(ideal.network, outputs=2, seed=1)
    assert Plan(task=task, steps=5).costs([0, 1, 5]).tolist() == [[0, 2, 10], [0, 2, 10], [0, 16, 80]]


def test_costs_are_columns_of_a_run_s_errors(ideal: SimulatedBoard) -> None:
    task = labnet.tasks.Allostery.sample(ideal.network, outputs=2, seed=1)
    rule = labnet.Continuous(gamma=1e-3)
    with labnet.train(ideal, task, rule=rule, steps=4, measure=2, progress=False) as run:
        error = run.frame("error")
    assert error["step"].tolist() == [0, 2, 4]
    assert error["settlings"].tolist() == [0, 4, 8]
    assert error["readings"].tolist() == [0, 40, 80]
    assert error["writes"].tolist() == [0, 32, 64]


@pytest.mark.parametrize("name", sorted(TRAININGS.keys() - {"discrete"}))
def test_what_the_rules_do_is_logged(name: str, ideal: SimulatedBoard) -> None:
    task = labnet.tasks.Regression.sample(ideal.network, train=2, test=0, seed=3)
    with labnet.train(ideal, task, progress=False, **TRAININGS[name] | {"steps": 2}) as run:
        free, moved = run.array("v_free"), run.array("resistances_ohm")
        rule = run.plan.rule
    assert isinstance(rule, HostRule)
    assert np.isfinite(moved).all()
    assert np.isfinite(free[:-1][:, list(task.outputs)]).all()
    assert (moved[0] != moved[-1]).any()


@pytest.fixture
def ideal() -> Any:
    with labnet.open_board("sim://twin16?seed=4") as board, warnings.catch_warnings():
        warnings.simplefilter("ignore", LabnetWarning)
        yield board
