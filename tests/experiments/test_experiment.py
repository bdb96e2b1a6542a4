"""Experiment files: what they say, and how a mistake in one is answered."""

from pathlib import Path

import pytest

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
