"""A rule of one's own: a subclass of Continuous with a name of its own."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from children import succeed
from numpy.typing import NDArray
from trained import FIELDS, trained

import labnet
from labnet import networks
from labnet.errors import ExperimentError, NotSupported, PlanError, RunMismatch
from labnet.plan import Settings
from labnet.rules import RULES, AbsentRule, States

FloatArray = NDArray[np.float64]
TASK = labnet.tasks.Regression.sample(networks.twin16(), seed=2, train=6, test=2)


class Renamed(labnet.Continuous):
    """The plain rule under another name, with a number of its own."""

    name: Literal["renamed"] = "renamed"  # type: ignore[assignment]
    least_v: float = 0.0


class Pressed(labnet.Continuous):
    """The plain rule, at which somebody presses Ctrl-C."""

    name: Literal["pressed"] = "pressed"  # type: ignore[assignment]

    def delta(self, states: States) -> FloatArray:
        presses.append(len(presses))
        if len(presses) == 25:
            raise KeyboardInterrupt
        return super().delta(states)


presses: list[int] = []


def train(path: Path | None, rule: labnet.Continuous, resume: bool = False, **settings: Any) -> labnet.Run:
    with labnet.open_board("sim://twin16?seed=6") as board:
        return labnet.train(
            board, TASK, rule=rule, path=path, steps=40, eta=0.5, resume=resume, progress=False, **settings
        )


@pytest.fixture
def absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run file of a rule whose class is not here any more."""
    train(tmp_path / "own.sqlite", Renamed(gamma=1e-3, least_v=0.2)).close()
    monkeypatch.delitem(RULES, "renamed")
    return tmp_path / "own.sqlite"


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch": 1.0}, {"batch": 0.5, "fixed_batch": True, "clock": labnet.GlobalClock(p=0.4)}],
    ids=["one example", "full batch", "desynchronous, mini-batch"],
)
def test_the_plain_rule_under_another_name_gives_its_records_bit_by_bit(settings: dict[str, Any]) -> None:
    numbers = {"gamma": 1e-3} | {key: value for key, value in settings.items() if key != "clock"}
    plan = {"steps": 30, "eta": 0.5, "start": (0.3, 1.0), "clock": settings.get("clock", labnet.GlobalClock())}
    own = trained("sim://twin16?seed=6", TASK, rule=Renamed(**numbers), **plan)
    plain = trained("sim://twin16?seed=6", TASK, rule=labnet.Continuous(**numbers), **plan)
    assert own.plan.rule.name == "renamed"
    for field in FIELDS:
        np.testing.assert_array_equal(own[field], plain[field], err_msg=field)
    assert own.log.equals(plain.log)
    assert own.errors.equals(plain.errors)


def test_ctrl_c_and_resume_give_the_uninterrupted_run(tmp_path: Path) -> None:
    presses.clear()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run.sqlite", Pressed(gamma=1e-3))
    with (
        train(tmp_path / "run.sqlite", Pressed(gamma=1e-3), resume=True) as resumed,
        train(None, labnet.Continuous(gamma=1e-3)) as whole,
    ):
        assert isinstance(resumed.plan.rule, Pressed)
        np.testing.assert_array_equal(resumed.array("resistances_ohm"), whole.array("resistances_ohm"))
        assert resumed.frame("error").equals(whole.frame("error"))
        assert len(presses) > 40


def test_a_file_names_it_and_a_sweep_goes_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.toml").write_text(
        'board = "sim://twin16"\nsteps = 10\ntask = {kind = "allostery"}\n'
        'rule = {name = "renamed", gamma = 0.01, least_v = 0.3}\n'
    )
    experiment = labnet.Experiment.load(tmp_path / "own.toml")
    assert experiment.rule == Renamed(gamma=0.01, least_v=0.3)
    assert experiment.to_dict()["rule"] == {"name": "renamed", "gamma": 0.01, "least_v": 0.3}
    experiment = experiment.changed({"rule": {"name": "renamed", "gamma": 0.01}})
    names = ["renamed", "continuous"]
    swept = labnet.sweep(experiment, {"rule.name": names}, path=tmp_path / "own.sweep", progress=False)
    final = swept.frame("final").pivot_table(index="edge", columns="rule.name", values="resistance_ohm")
    assert (final["renamed"] == final["continuous"]).all()

    monkeypatch.delitem(RULES, "renamed")
    assert labnet.Sweep.open(tmp_path / "own.sweep").frame("final").equals(swept.frame("final"))
    with pytest.raises(ExperimentError, match=r"line 4: rule\.name is 'renamed'; allowed: 'discrete', .* is defined"):
        labnet.Experiment.load(tmp_path / "own.toml")
    with pytest.raises(ExperimentError, match=r"rule\.name is 'renamed'"):
        labnet.sweep(experiment, {"eta": [0.5, 1.0]}, progress=False)


def test_the_run_of_an_absent_rule_is_read_drawn_and_exported(absent: Path) -> None:
    with labnet.Run.open(absent) as run:
        assert isinstance(run.plan.rule, AbsentRule)
        rule = {"name": "renamed", "gamma": 1e-3, "batch": None, "fixed_batch": False, "symmetric": False}
        rule |= {"margin_v": None, "over_clamp_v": None, "least_v": 0.2}
        assert run.plan.to_dict()["rule"] == rule == run.meta["plan"]["rule"]
        assert len(run.frame("resistances")) == 41 * 16
        run.plot()
        run.export("csv")
    succeed(absent.parent, "show", absent.name)  # a process that never had the class


def test_the_run_of_an_absent_rule_is_not_gone_on_with(absent: Path) -> None:
    with labnet.Run.open(absent) as run, labnet.open_board("sim://twin16?seed=6") as board:
        plan = run.plan
        with pytest.raises(PlanError, match=r"'renamed' is of the class test_own_rules\.Renamed, which is not here"):
            labnet.run_plan(board, plan, absent, resume=True)
    assert isinstance(plan.rule, AbsentRule)
    with pytest.raises(PlanError, match="import or run what defines it first"):
        plan.rule.delta(States(TASK.network, np.ones(16), np.zeros(9), np.zeros(9)))
    with pytest.raises(RunMismatch, match=r"rule was .*renamed.*, is .*continuous"):
        train(absent, labnet.Continuous(gamma=1e-3), resume=True)


def test_a_class_that_takes_other_numbers_now_is_as_good_as_absent(absent: Path) -> None:
    def defined() -> type[labnet.Continuous]:
        class Later(labnet.Continuous):
            name: Literal["renamed"] = "renamed"  # type: ignore[assignment]

        return Later

    defined()
    with labnet.Run.open(absent) as run:
        assert isinstance(run.plan.rule, AbsentRule)
    again = defined()  # as when a cell is run again
    assert RULES["renamed"] is again
    plan = labnet.Plan(task=TASK, steps=1, rule={"name": "renamed", "gamma": 0.1})
    assert type(plan.rule) is again


def test_a_rule_needs_a_name_of_its_own() -> None:
    known = dict(RULES)
    with pytest.raises(PlanError, match=r"Nameless has the name 'continuous', which is that of .*Continuous; give it"):

        class Nameless(labnet.Continuous):
            pass

    with pytest.raises(PlanError, match=r"Taken has the name 'renamed', which is that of test_own_rules\.Renamed"):

        class Taken(labnet.Continuous):
            name: Literal["renamed"] = "renamed"  # type: ignore[assignment]

    with pytest.raises(PlanError, match=r"the rule .*Vague needs one fixed name of its own"):

        class Vague(labnet.Continuous):
            name: str = "vague"  # type: ignore[assignment]

    with pytest.raises(PlanError, match=r"Comparing is a subclass of Discrete.* allowed: a subclass of labnet.Cont"):

        class Comparing(labnet.Discrete):
            name: Literal["comparing"] = "comparing"  # type: ignore[assignment]

    assert known == RULES


@pytest.mark.parametrize("given", ["renamed", 3, {"name": ["renamed"]}, {"name": "nobody"}])
def test_what_is_no_rule_is_said_with_what_is(given: Any) -> None:
    with pytest.raises(PlanError, match=r"^rule(\.name)? is .*; allowed: .*discrete"):
        Settings(steps=1, rule=given)


def test_a_delta_that_is_not_one_an_edge_is_refused() -> None:
    class Narrow(Renamed):
        name: Literal["narrow"] = "narrow"  # type: ignore[assignment]

        def delta(self, states: States) -> FloatArray:
            return states.nudged - states.free

    with pytest.raises(PlanError, match=r"'narrow' gave the shape \(9,\); allowed: \(16,\)"):
        train(None, Narrow(gamma=1.0))


def test_a_board_with_wipers_alone_refuses_it() -> None:
    with labnet.open_board("sim://twin16?preset=lab") as board, pytest.raises(NotSupported, match="the renamed rule"):
        labnet.train(board, TASK, rule=Renamed(gamma=1.0), steps=1, progress=False)
