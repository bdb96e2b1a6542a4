"""The study of edges that are no resistors: the bound of linear networks, how shares are counted, the verdict."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

import labnet
from labnet import circuit
from labnet.figures import rules_nonlinear
from labnet.figures.figure import Findings, settings
from labnet.figures.rules_nonlinear import Learned, Settings, Trained, least_linear_cost, share
from labnet.networks import lattice
from labnet.tasks import Differential

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FILE = EXPERIMENTS / "figures" / "rules-nonlinear.toml"
MESH = lattice(4, 4, periodic=True)


def test_the_bound_of_xor_is_that_of_no_difference_at_all() -> None:
    assert least_linear_cost(Differential.sample_xor(MESH, target_v=0.2)) == pytest.approx(0.2**2 / 4)


@pytest.mark.parametrize("seed", range(10))
def test_no_resistors_are_below_the_bound(seed: int) -> None:
    task = Differential.sample_curve(MESH, high_v=1.0, target_v=0.05, train=5, seed=seed)
    ohm = np.random.default_rng(seed).uniform(500.0, 1e4, MESH.edge_count)
    volts = np.array([circuit.node_voltages(MESH, ohm, task.held(row)) for row in task.train.inputs])
    assert task.cost(volts[:, list(task.outputs)], task.train) >= least_linear_cost(task)


def test_the_bound_is_met_by_targets_that_resistors_make() -> None:
    made = Differential.sample_curve(MESH, seed=3)
    volts = np.array([circuit.node_voltages(MESH, np.full(32, 2e3), made.held(row)) for row in made.train.inputs])
    targets = made.differences(volts[:, list(made.outputs)])
    task = Differential(MESH, made.inputs, made.outputs, made.grounds, train=(made.train.inputs, targets))
    assert least_linear_cost(task) == pytest.approx(0.0, abs=1e-25)
    assert least_linear_cost(made) > 1e-5


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_a_share_has_the_interval_of_clopper_and_pearson(count: int) -> None:
    """At its ends, so many or more, or so many or fewer, come with a probability of 2.5 %."""
    value, low, high = share(np.arange(8) < count)
    assert value == count / 8
    assert binom.sf(count - 1, 8, low) == pytest.approx(0.025) if count else low == 0.0
    assert binom.cdf(count, 8, high) == pytest.approx(0.025) if count < 8 else high == 1.0


def test_planted_costs_decide_the_verdict() -> None:
    given = Settings(**settings(FILE, quick=True))

    def said(linear: float, xor: tuple[float, float], curve: tuple[float, float]) -> Findings:
        trained = {}
        for kind, costs in {"xor": xor, "curve": curve}.items():
            for edges, final in {"linear": (linear, 2.0), "diode": (0.5, np.inf), "transistor": costs}.items():
                none = np.full(2, np.nan)
                flat, law = none[:, None], circuit.Linear()
                ends = np.array(final)
                each = Trained([], law, np.arange(1), flat, ends, ends, none, flat, none)
                trained[kind, edges, "coupled learning"] = each
        return rules_nonlinear.find(Learned(given, trained))

    both = said(1.0, (0.05, 0.5), (0.01, 0.02))
    assert both.verdict == "holds; xor with 1 of 2, curve with 2 of 2 networks drawn; resistors never below the bound"
    assert said(1.0, (0.5, 0.5), (0.01, 0.02)).verdict.startswith("holds in part; xor with 0 of 2, curve with 2 of 2")
    assert said(0.9, (0.5, 0.5), (0.2, 0.2)).verdict.startswith("does not hold")
    assert both.numbers["xor"]["diode"]["coupled learning"]["failed"] == 1
    json.dumps(both.numbers, allow_nan=False)


def test_costs_are_those_of_the_networks_at_the_end() -> None:
    given = settings(FILE, quick=True)
    given["all"] |= {"steps": 3, "measure": 1}
    for name, kept in {"edges": "diode", "tasks": "curve", "rules": "coupled learning"}.items():
        given[name] = {kept: given[name][kept]}
    (trained,) = rules_nonlinear.measure(given).trained.values()
    assert trained.steps.tolist() == [0, 1, 2, 3]
    for at, task in enumerate(trained.tasks):
        off = trained.read(at, task.train.inputs) - task.train.targets[:, 0]
        cost = float((off**2).mean()) / 4.0 / least_linear_cost(task)
        assert trained.final[at] == trained.costs[at, -1] == pytest.approx(cost, rel=1e-6)
        assert trained.costs[at, 0] > cost
        assert trained.cosines[at] > 0.5


def test_the_shipped_experiment_learns_xor() -> None:
    experiment = labnet.Experiment.load(EXPERIMENTS / "xor.toml")
    with labnet.open_board(experiment.board) as board:
        plan = experiment.plan(board.network)
        run = labnet.run_plan(board, plan, progress=False)
        error = run.frame("error")
    assert isinstance(plan.task, Differential)
    assert error["cost_v2"].iloc[-1] < 1e-3 * least_linear_cost(plan.task)
