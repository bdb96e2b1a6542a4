"""Studies of rules: what linear response gives is what the rules do on boards, and verdicts follow from numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

import labnet
from labnet import analysis, circuit
from labnet.figures import FIGURES, make, rules_bias, rules_cosine, rules_hardware, rules_norm, rules_scaling, rules_tau
from labnet.figures.figure import Findings, settings
from labnet.figures.rules_batches import Networks, updates
from labnet.figures.rules_states import correlated, estimate, random_state, weighted_slope
from labnet.networks import lattice, twin16
from labnet.optimisers import Adam, Plain
from labnet.rules import Continuous, Lab, MultiplexedGradientDescent
from labnet.rules.perturbations import Code
from labnet.rules.perturbed import PerturbationRule
from labnet.tasks import Regression

FILES = Path(__file__).parents[2] / "experiments" / "figures"
STUDIES = [name for name in FIGURES if name.startswith("rules-")]
SMALL = 1e-5  # an amplitude at which the cost is linear, to about so much


@pytest.mark.parametrize("code", ["bernoulli", "walsh", "sinusoidal", "sequential"])
def test_linear_response_is_what_the_rule_sees_on_a_board(code: Code) -> None:
    rule = MultiplexedGradientDescent(gamma=1.0, tau_theta=5, code=code, amplitude=SMALL)
    with labnet.open_board("sim://twin16") as board:
        state = random_state(board.network, 4)
        lab = Lab(board, state.task, seed=9)
        lab.place(state.ohm)
        seen = estimate(rule, lab, step=2)
    (expected,) = correlated(code, state.slope, 5, range(2, 3), seed=9)
    assert seen == pytest.approx(expected, abs=100 * SMALL * float(np.linalg.norm(expected)))


@pytest.mark.parametrize("perturbed", ["weights", "nodes"])
def test_the_time_to_find_the_gradient_is_that_of_the_rule_on_a_board(perturbed: rules_scaling.Perturbed) -> None:
    """At that time, and not one time step before, the rule's estimate has a cosine of 0.95."""
    seed = 7
    with labnet.open_board("sim://lattice-3x3") as board:
        state = random_state(board.network, seed)
        time = rules_scaling.time_to_find(state, perturbed, seed)
        assert 2 <= time < 64  # each time step is looked at
        lab = Lab(board, state.task, seed=seed)
        lab.place(state.ohm)
        rules = [
            MultiplexedGradientDescent(gamma=1.0, perturb=perturbed, tau_theta=each, amplitude=SMALL)
            for each in (time - 1, time)
        ]
        before, after = (float(analysis.cosine(estimate(rule, lab), state.slope)) for rule in rules)
    assert before < 0.95 + 1e-3
    assert after > 0.95 - 1e-3


def test_predicted_times_of_weights_are_those_of_eq_21() -> None:
    state = random_state(lattice(4, 4), 1)
    assert rules_scaling.predicted(state, "weights") == pytest.approx(23 * 0.95**2 / (1 - 0.95**2))


@pytest.mark.parametrize("perturbed", ["weights", "nodes"])
def test_the_predicted_cosine_is_met_in_the_mean(perturbed: rules_scaling.Perturbed) -> None:
    """E|G|^2 / |gradient|^2 - 1 is noise / tau: from 4000 estimates to 5 standard errors."""
    state = random_state(lattice(3, 3), 5)
    slopes, to_edges = rules_scaling._slopes(state, perturbed)
    assert to_edges @ slopes == pytest.approx(state.slope, rel=1e-9, abs=1e-12)
    g = correlated("bernoulli", slopes, 8, range(4000), seed=1) @ to_edges.T
    excess = (g * g).sum(axis=1) / (state.slope @ state.slope) - 1.0
    expected = rules_scaling.predicted(state, perturbed) / (0.95**2 / (1 - 0.95**2)) / 8
    assert abs(excess.mean() - expected) < 5 * excess.std() / np.sqrt(len(excess))


@pytest.fixture(scope="module")
def tasks() -> list[Regression]:
    return [Regression.sample(twin16(), inputs=2, outputs=2, v_max=1.0, train=3, test=0, seed=k) for k in range(3)]


def test_batched_networks_have_the_costs_and_gradients_of_circuits(tasks: list[Regression]) -> None:
    r = np.random.default_rng(0).uniform(0.3, 0.9, (3, 16))
    costs, slopes = Networks(tasks).solve(np.arange(3), r)
    for k, task in enumerate(tasks):
        ohm = 10e3 * r[k]
        free = [circuit.node_voltages(task.network, ohm, task.held(x))[list(task.outputs)] for x in task.train.inputs]
        assert costs[k] == pytest.approx(0.5 * float(((np.array(free) - task.train.targets) ** 2).sum()))
        assert slopes[k] == pytest.approx(analysis.gradient(task, ohm), rel=1e-9, abs=1e-12)


def trained(task: Regression, r: np.ndarray, rule: PerturbationRule, goal: float) -> int:
    """Train on a board, full batch; gives after how many updates the scaled error is at a goal."""
    examples = range(len(task.train))
    with labnet.open_board("sim://twin16") as board:
        lab = Lab(board, task, seed=7)
        lab.place(10e3 * r)
        first = lab.cost(examples)
        for step in range(200):
            if lab.cost(examples) <= goal * first:
                return step
            lab.begin(step, 1.0)
            lab.place(lab.ohm + np.sum([rule.delta(part) for part in rule.show(lab, examples)], axis=0))
    raise AssertionError("not there after 200 updates")


def test_batched_trainings_take_the_updates_of_the_rule_on_a_board(tasks: list[Regression]) -> None:
    start = np.random.default_rng(3).uniform(0.3, 0.9, (3, 16))
    rates = np.array([1.0, 2.0])
    many = updates(tasks, start, [7, 7, 7], Plain(), rates, 8, 0.1, 200, patience=np.inf)
    assert many.min() >= 2
    for k in range(3):
        rule = MultiplexedGradientDescent(gamma=2.0, tau_theta=8, amplitude=SMALL)
        assert many[k, 1] == trained(tasks[k], start[k], rule, 0.1)


def test_what_is_never_there_counts_as_most(tasks: list[Regression]) -> None:
    start = np.full((3, 16), 0.5)
    slow = updates(tasks, start, [1, 2, 3], Adam(rate=1.0), np.array([1e-9]), None, 0.5, 20, patience=np.inf)
    assert (slow == 20).all()


def test_weighted_errors_are_the_gradient_where_there_is_one_output() -> None:
    """Z is a number there, so that Z^-1 only scales; with two outputs the direction is another one."""
    one, two = (random_state(twin16(), 2, outputs) for outputs in (1, 2))
    assert float(analysis.cosine(weighted_slope(one), one.slope)) == pytest.approx(1.0, abs=1e-12)
    assert float(analysis.cosine(weighted_slope(two), two.slope)) < 0.99


def test_full_clamping_follows_the_gradient_of_what_holding_outputs_takes() -> None:
    """At eta = 1 it is the gradient of K_C - K_F = 1/2 e Z^-1 e, by central differences of the contents."""
    with labnet.open_board("sim://twin16") as board:
        state = random_state(board.network, 6)
        lab = Lab(board, state.task)
        lab.place(state.ohm)
        given = estimate(Continuous(gamma=1.0), lab)
    task, network, law = state.task, state.task.network, circuit.Linear()
    held = task.held(task.train.inputs[0])
    wanted = dict(zip(task.outputs, task.train.targets[0].tolist(), strict=True))

    def apart(ohm: np.ndarray) -> float:
        states = (circuit.node_voltages(network, ohm, each) for each in (held | wanted, held))
        clamped, free = (float(law.content(network, ohm, volts).sum()) for volts in states)
        return network.r_ref_ohm * (clamped - free)

    steps = 1e-3 * np.diag(state.ohm)
    slope = [(apart(state.ohm + h) - apart(state.ohm - h)) / (2 * h.sum()) * network.r_ref_ohm for h in steps]
    assert given == pytest.approx(2.0 * np.array(slope), rel=1e-4, abs=1e-4 * float(np.abs(given).max()))


def test_planted_norms_decide_the_verdict() -> None:
    given = rules_norm.Settings(networks=("twin16",), states=2, time=64, times=(1, 16))
    rng = np.random.default_rng(0)

    def planted(factor: float) -> rules_norm.Norms:
        squares = [factor * (1 + 15 / times) * rng.uniform(0.9, 1.1, 400) for times in given.times]
        return rules_norm.Norms(given, {"twin16": 16}, {("twin16", "bernoulli"): squares}, np.array([1e-5, 2e-5]))

    assert rules_norm.find(planted(1.0)).verdict.startswith("holds;")
    assert rules_norm.find(planted(1.05)).verdict.startswith("does not hold")


def test_planted_cosines_decide_the_verdict() -> None:
    given = rules_cosine.Settings(**settings(FILES / "rules-cosine.toml", quick=True))

    def said(gradient: float, several: float) -> str:
        cosines = rules_cosine.Cosines([2], [18], np.full((3, 1), gradient))
        each = {"ideal": dict.fromkeys(rules_cosine._GRADIENTS, cosines)}
        coupled = {"η = 0.01": np.tile([1.0, several], (3, 1))}
        steps = dict.fromkeys(("coupled learning", "exact gradient"), np.arange(1.0, 4.0))
        return rules_cosine.find(rules_cosine.Measured(given, each, coupled, steps)).verdict

    assert said(1.0, 1.0) == "holds"
    assert said(1.0, 0.9) == "holds; coupled learning with several outputs follows another cost"
    assert said(0.9, 1.0) == "does not hold"


def test_planted_exponents_decide_the_verdict() -> None:
    edges = np.array([100.0, 200.0, 400.0])

    def planted(weights: float, nodes: float) -> str:
        made: dict[tuple[str, rules_scaling.Perturbed], rules_scaling.Times] = {}
        exponents: dict[rules_scaling.Perturbed, float] = {"weights": weights, "nodes": nodes}
        for kind in rules_scaling._KINDS:
            for perturbed, exponent in exponents.items():
                times = np.tile(edges**exponent, (3, 1))
                made[kind, perturbed] = rules_scaling.Times(edges, edges, times, times)
        return rules_scaling.find(made).verdict

    assert planted(1.0, 0.5) == "holds"
    assert planted(1.0, 1.0) == "holds in part: not on lattices, nodes; complete graphs, nodes"
    assert planted(2.0, 1.0).startswith("does not hold")


def test_planted_errors_decide_which_rules_mismatch_hurts() -> None:
    given = settings(FILES / "rules-hardware.toml", quick=True)
    low, high = np.full((2, 2), 1e-4), np.array([[1e-4, 1.0], [1e-4, np.inf]])
    base = rules_hardware.Settings(**given)

    def said(two: np.ndarray, one: np.ndarray) -> Findings:
        errors = {
            "two": rules_hardware.Errors(True, two, {"nearest wiper": two[:, 1]}),
            "one": rules_hardware.Errors(False, one, {"nearest wiper": one[:, 1]}),
        }
        return rules_hardware.find(rules_hardware.Survived(base, errors))

    assert said(high, low).verdict == "holds"
    assert said(low, low).verdict == "holds in part"
    assert said(low, high).verdict == "does not hold"
    assert said(high, low).numbers["two"]["learned_up_to_mismatch"] == 0.0
    json.dumps(said(high, low).numbers, allow_nan=False)


def test_biases_of_a_few_networks_have_their_orders() -> None:
    made = rules_bias.measure({"network": "twin16", "states": 2, "betas": (-3, -2), "etas": (-3, -2)})
    for name, biases in made.biases.items():
        if name in rules_bias._EXACT:
            assert np.nanmax(biases) < 1e-8
        elif name.startswith("resistors"):
            order = rules_bias._ORDER[name.rpartition(" ")[2]]
            assert biases[:, -1] / biases[:, 0] == pytest.approx(10.0**order, rel=0.1)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name != "rules-norm" else ()) for name in STUDIES]
)
def test_a_study_is_made(name: str, tmp_path: Path) -> None:
    made = make(FIGURES[name], FILES / f"{name}.toml", tmp_path, quick=True, progress=False)
    assert made.picture.read_bytes().startswith(b"\x89PNG")
    written = json.loads((tmp_path / f"{name}-quick.json").read_text(encoding="utf-8"))
    assert written["verdict"] == made.findings.verdict
    assert written["settings"] == settings(FILES / f"{name}.toml", quick=True)


def test_rates_at_an_end_of_those_tried_are_marked() -> None:
    given = settings(FILES / "rules-tau.toml", quick=True) | {
        "tasks": 2,
        "tuned_on": 2,
        "times": [1, 16],
        "most": 60,
        "rates": {"plain": [-9, -8], "adam": [-4, -2]},
    }
    learned = rules_tau.measure(given)
    assert all(learned.trained["plain"].at_end)
    assert rules_tau.find(learned).numbers["plain"]["not_there"] == [1.0, 1.0, 1.0]
