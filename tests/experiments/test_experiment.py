"""Experiment files: what they say, and how a mistake in one is answered."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labnet
from labnet.errors import ExperimentError
from labnet.experiment import AllosteryTask, ClassificationTask, RegressionTask
from labnet.plan import LogSpaced

FOLDER = Path(__file__).parents[2] / "experiments"

GOOD = """\
title = "all keys"
board = "sim://packing143?preset=ideal&seed=1"
steps = 100
eta = 0.1
order = "cyclic"
start = [0.5, 1.5]
settle_s = 1e-3
seed = 4
log = 10
measure = { per_decade = 5 }

[task]
kind = "regression"
inputs = 2
outputs = [3, 4]
train = 8
test = 4
v_max = 1.0

[clock]
p = 0.5

[rule]
name = "continuous"
gamma = 0.1
batch = 1.0
"""


def test_every_key_arrives(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    experiment = labnet.Experiment.load(tmp_path / "good.toml", ["clock.p=0.25", "title=other"])
    plan = experiment.plan(labnet.networks.packing())
    assert experiment.title == "other"
    assert plan.clock.p == 0.25
    assert plan.rule == labnet.Continuous(gamma=0.1, batch=1.0)
    assert plan.measure == LogSpaced(per_decade=5)
    assert plan.start == (0.5, 1.5)
    assert plan.task.outputs == (3, 4)
    assert len(plan.task.train) == 8


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_shipped_experiments_make_plans(file: Path) -> None:
    experiment = labnet.Experiment.load(file)
    with labnet.open_board(experiment.board) as board:
        labnet.Controller(board, experiment.plan(board.network))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("p = 0.5", "p = 1.5", "line 21: clock.p is 1.5; allowed: a number above 0 and up to 1"),
        ("p = 0.5", "q = 0.5", "line 21: clock.q is not a known key; allowed: kind, p"),
        ("steps = 100", "steps = 0", "line 3: steps is 0; allowed: a whole number, at least 1"),
        ("steps = 100", "step = 100", "line 3: step is not a known key"),
        ("steps = 100\n", "", "steps is missing"),
        ('order = "cyclic"', 'order = "rndom"', "line 5: order is 'rndom'; allowed: 'cyclic', 'random' or a list"),
        ('kind = "regression"', 'kind = "regresion"', "line 13: task.kind is 'regresion'; allowed: 'allostery'"),
        ("train = 8", "train = 0", "line 16: task.train is 0; allowed: a whole number, at least 1"),
        ("gamma = 0.1", "gamma = nan", "line 25: rule.gamma is nan"),
        ('name = "continuous"\n', "", "rule.name is missing; allowed: 'discrete', 'continuous'"),
        ("log = 10", "log = 0", "line 9: log is 0; allowed: n (every n-th step"),
        ("v_max = 1.0", 'v_max = "high"', "line 18: task.v_max is 'high'; allowed: a positive voltage"),
    ],
)
def test_a_mistake_is_answered_with_key_line_and_allowed_values(tmp_path: Path, was: str, now: str, said: str) -> None:
    assert was in GOOD
    (tmp_path / "bad.toml").write_text(GOOD.replace(was, now))
    with pytest.raises(ExperimentError) as error:
        labnet.Experiment.load(tmp_path / "bad.toml")
    assert said in str(error.value)
    assert "bad.toml" in str(error.value)


def test_a_close_key_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(GOOD.replace("eta = 0.1", "etta = 0.1"))
    with pytest.raises(ExperimentError, match="Did you mean eta"):
        labnet.Experiment.load(tmp_path / "bad.toml")


def test_broken_toml_and_terminals(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(GOOD.replace("steps = 100", "steps = "))
    with pytest.raises(ExperimentError, match=r"bad\.toml is no TOML: .*line 3"):
        labnet.Experiment.load(tmp_path / "bad.toml")
    (tmp_path / "far.toml").write_text(GOOD.replace("[3, 4]", "[3, 400]"))
    with pytest.raises(ExperimentError, match="node 400 is not in packing143"):
        labnet.Experiment.load(tmp_path / "far.toml").plan(labnet.networks.packing())


def test_set_none_leaves_a_key_out(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        'board = "sim://twin16"\nsteps = 5\nquantise = "nearest"\nstart = 64\ntask = {kind = "allostery", inputs = 3}\n'
        'rule = {name = "continuous", gamma = 0.01, batch = 1.0}\n'
    )
    changes = ["quantise=none", "rule.batch=none", "task.inputs=none", "clock.p=none", "start = none"]
    left = labnet.Experiment.load(tmp_path / "x.toml", changes)
    assert left.quantise is None
    assert left.start is None
    assert left.rule == labnet.Continuous(gamma=0.01)
    assert left.task.inputs == 2


def test_changed_is_the_file_with_set(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    base = labnet.Experiment.load(tmp_path / "good.toml")
    changes = {"clock.p": 0.25, "task.inputs": [0, 2], "rule.name": "continuous", "board.seed": 7, "start": 1.0}
    texts = ["clock.p=0.25", "task.inputs=[0, 2]", "rule.name=continuous", "board.seed=7", "start=1.0"]
    changed = base.changed(changes)
    assert changed == labnet.Experiment.load(tmp_path / "good.toml", texts)
    assert changed.board == "sim://packing143?preset=ideal&seed=7"
    assert labnet.Experiment(**base.to_dict()) == base.changed({}) == base
    assert base.changed({"board.sigma_max_v": 0.01, "board": "sim://twin16"}).board == "sim://twin16?sigma_max_v=0.01"


def test_objects_survive_as_plain_data() -> None:
    base = labnet.Experiment(
        board="sim://twin16", task=AllosteryTask(kind="allostery"), rule=labnet.Continuous(gamma=0.3), steps=5
    )
    assert base.to_dict()["rule"] == {"name": "continuous", "gamma": 0.3}
    assert base.changed({"rule.gamma": 0.1 + 0.2}).rule == labnet.Continuous(gamma=0.1 + 0.2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clok.p": 0.5}, r"clok is not a known key; allowed: .*Did you mean clock\?"),
        ({"clock.q": 0.5}, "clock.q is not a known key; allowed: kind, p"),
        ({"eta.x": 0.5}, "eta is a single value, it has no keys"),
        ({"clock..p": 0.5}, "is no key; allowed: names joined by dots"),
        ({"clock.p": 2}, "clock.p is 2; allowed: a number above 0"),
        ({"board": "ASRL1::INSTR", "board.seed": 2}, "'ASRL1::INSTR' has no options"),
    ],
)
def test_a_change_that_cannot_be(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    with pytest.raises(ExperimentError, match=said):
        labnet.Experiment.load(tmp_path / "good.toml").changed(changes)


@given(st.floats(1e-3, 1.0), st.floats(1e-3, 1e4))
def test_steps_p_gives_every_p_equally_many_updates(p: float, steps_p: float) -> None:
    data = {"board": "sim://twin16", "task": {"kind": "allostery"}, "clock": {"p": p}}
    steps = labnet.Experiment(**data, steps_p=steps_p).plan(labnet.networks.twin16()).steps
    assert steps >= 1
    assert abs(steps * p - steps_p) <= p * (0.5 + 1e-9) or steps == 1


def test_a_list_of_eta_needs_steps(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(GOOD.replace("eta = 0.1", "eta = [0.1, 0.2]").replace("steps =", "steps_p ="))
    with pytest.raises(ExperimentError, match="eta is a list, one a step, with steps_p; give steps"):
        labnet.Experiment.load(tmp_path / "bad.toml")


def test_the_page_names_every_key() -> None:
    page = (FOLDER.parent / "docs" / "experiment-file.md").read_text()
    models = (
        labnet.Experiment,
        labnet.GlobalClock,
        labnet.Continuous,
        AllosteryTask,
        RegressionTask,
        ClassificationTask,
    )
    for name in {key for model in models for key in model.model_fields} - {"kind", "clock", "rule", "task"}:
        assert f"`{name}`" in page, name


def test_a_length_takes_the_place_of_one_given_the_other_way(tmp_path: Path) -> None:
    file = tmp_path / "good.toml"
    file.write_text(GOOD)
    experiment = labnet.Experiment.load(file, ["steps_p=5"])
    assert (experiment.steps, experiment.steps_p) == (None, 5.0)
    assert (experiment.changed({"steps": 7}).steps, experiment.changed({"steps": 7}).steps_p) == (7, None)
    file.write_text(GOOD.replace("steps =", "steps_p = 5\nsteps ="))
    with pytest.raises(ExperimentError, match="steps is 100 and steps_p is 5; give one of them"):
        labnet.Experiment.load(file)
