"""The self-triggered clock in plans, files and frames; what boards make of it is in tests/engine."""

from pathlib import Path

import numpy as np
import pytest

import labnet
from labnet import Continuous, Experiment, GlobalClock, Plan, SelfTriggered
from labnet.errors import NotSupported, PlanError
from labnet.networks import twin16
from labnet.tasks import Allostery

TASK = Allostery.sample(twin16(), seed=1)
CLOCK = SelfTriggered(dwell_s=1e-3, clamp_period_s=1e-4)


def test_a_dwell_is_cut_into_stretches_of_the_clamp_s_period() -> None:
    assert np.allclose(CLOCK.stretches, [1e-4] * 10)
    assert SelfTriggered(dwell_s=1e-3).stretches == [1e-3]
    assert SelfTriggered(dwell_s=1e-3, lag_s=1e-5).stretches == [1e-3]
    assert len(SelfTriggered(dwell_s=0.3, clamp_period_s=0.1).stretches) == 3  # whatever 0.3 / 0.1 is in binary


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dwell_s": 0.0}, "dwell_s is 0.0; allowed: seconds, at least a nanosecond"),
        ({"dwell_s": 1e-3, "clamp_period_s": 1e-12}, "clamp_period_s is 1e-12; allowed: seconds, at least a nano"),
        ({"dwell_s": float("nan")}, "dwell_s is nan"),
        ({"dwell_s": 1e-3, "clamp_period_s": 3e-4}, "dwell_s is 3.33333 times clamp_period_s; allowed: a whole number"),
        ({"dwell_s": 1e-3, "clamp_period_s": 2e-3}, "dwell_s is 0.5 times"),
        ({"dwell_s": 1e-3, "clamp_period_s": 1e-3, "lag_s": 1e-3}, "two clamps; give one"),
        ({"dwell_s": 1e-3, "p": 1.0}, "p is 1.0; allowed: a number between 0 and 1"),
    ],
)
def test_a_clock_that_makes_no_sense_is_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        SelfTriggered(**given)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": Continuous(gamma=1e-3)}, "rule is 'continuous' with a self-triggered clock; allowed: 'discrete'"),
        ({"clock": SelfTriggered(dwell_s=1e-3), "eta": 0.5}, "eta is 0.5 and nothing moves the clamp"),
        ({"clock": {"kind": "none"}}, "clock.kind is 'none'; allowed: 'global', 'self'"),
        ({"clock": {"dwell_s": -1}}, "clock.dwell_s is -1; allowed: "),
        ({"period_s": 1e-4}, "period_s is 0.0001 s; allowed: at least 0.002 s"),
    ],
)
def test_a_plan_that_such_a_clock_cannot_run_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Plan(**{"task": TASK, "steps": 1, "clock": CLOCK} | settings)


def test_a_step_takes_its_dwell_and_a_measurement() -> None:
    plan = Plan(task=TASK, steps=5, clock=CLOCK, settle_s=1e-4)
    assert plan.least_period_s == pytest.approx(1e-3 + 1e-4)
    assert plan.slack_s == pytest.approx(1e-4)


def test_data_tells_the_clocks_apart() -> None:
    for clock in ({"p": 0.5}, {"kind": "global", "p": 0.5}, GlobalClock(p=0.5)):
        assert Plan(task=TASK, steps=1, clock=clock).clock == GlobalClock(p=0.5)
    for clock in ({"dwell_s": 1e-3, "clamp_period_s": 1e-4}, CLOCK, CLOCK.model_dump()):
        assert Plan(task=TASK, steps=1, clock=clock).clock == CLOCK


def test_an_experiment_file_has_it_as_a_table(tmp_path: Path) -> None:
    file = tmp_path / "self.toml"
    file.write_text("board = 'sim://twin16'\nsteps = 3\nclock = {dwell_s = 1e-3}\n[task]\nkind = 'allostery'\n")
    experiment = Experiment.load(file, ["clock.clamp_period_s=1e-4"])
    assert experiment.clock == CLOCK
    assert Experiment(**experiment.to_dict()) == experiment
    with pytest.raises(PlanError, match="steps_p is given with a self-triggered clock"):
        Experiment(board="sim://twin16", steps_p=5, clock=CLOCK, task={"kind": "allostery"})


def test_a_board_whose_edges_have_no_clock_refuses_before_anything_moves() -> None:
    with labnet.open_board("sim://twin16") as board:
        with pytest.raises(NotSupported, match=r"no clock of their own; .*gate=oscillator"):
            labnet.train(board, TASK, steps=3, clock=CLOCK, progress=False)
        assert board.time_s == 0.0


def test_updates_are_counted_in_periods_of_the_oscillators() -> None:
    assert GlobalClock(p=0.3).updates_per_step(None) == 0.3
    assert CLOCK.updates_per_step(1e5) == pytest.approx(100)
    assert np.isnan(CLOCK.updates_per_step(None))
