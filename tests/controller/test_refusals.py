"""What cannot be run is refused before anything moves; what fails on the way keeps what was logged and ends safe."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import trained

import labnet
from labnet import Continuous, GlobalClock, networks
from labnet.board import Update
from labnet.errors import BoardClosed, Diverged, LateStep, NotSupported, OutOfRange, PlanError, TaskError
from labnet.tasks import Allostery, Regression
from labnet_simulators import SimulatedBoard

NAN = float("nan")


@pytest.fixture
def board() -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), seed=1)


@pytest.fixture
def task(board: SimulatedBoard) -> Regression:
    return Regression.sample(board.network, seed=2, train=5, test=4)


def assert_safe(board: SimulatedBoard) -> None:
    assert board.bias_v == 0.0
    for side in ("free", "clamped"):
        assert board.read(side).tolist() == [0.0] * board.network.node_count


def assert_untouched(board: SimulatedBoard) -> None:
    assert board.time_s == 0.0
    assert board.wipers().tolist() == [64] * board.network.edge_count


# Refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "steps is 0; allowed: .*at least 1"),
        ({"steps": -3}, "steps is -3"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"eta": 0.0}, "eta is 0.0; allowed: .*above 0"),
        ({"eta": 1.01}, "eta is 1.01; allowed: .*up to 1"),
        ({"eta": NAN}, "eta is nan"),
        ({"eta": [0.5, 0.5]}, "eta has 2 values; allowed: .*10 steps"),
        ({"eta": [0.5] * 9 + [0.0]}, "eta is .*allowed: .*above 0"),
        ({"order": "backwards"}, "'backwards'; allowed: 'cyclic', 'random'"),
        ({"order": []}, "order is empty"),
        ({"order": [0, 5]}, "allowed: 0 to 4"),
        ({"settle_s": -1e-3}, "settle_s is -0.001; allowed: .*0 to 1e8"),
        ({"settle_s": NAN}, "settle_s is nan"),
        ({"period_s": 10.9e-3}, "period_s is 0.0109 s; allowed: at least 0.011 s"),
        ({"log": 0}, "log is 0; allowed: .*at least 1"),
        ({"measure": [-1]}, "measure is .*allowed"),
        ({"start": [9, 3]}, "lower end first"),
        ({"nudge": 0.5}, "nudge is not a known key; allowed: steps"),
    ],
    ids=str,
)
def test_a_setting_out_of_its_range_is_named_with_what_is_allowed(
    board: SimulatedBoard, task: Regression, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        labnet.train(board, task, **({"steps": 10} | settings))
    assert_untouched(board)


def test_a_short_log_is_of_the_discrete_rule(board: SimulatedBoard, task: Regression) -> None:
    with pytest.raises(PlanError, match=r"detail is 'short' with the continuous rule.*allowed: 'full'"):
        labnet.train(board, task, steps=10, rule=Continuous(gamma=1e-3), detail="short")
    assert_untouched(board)


@pytest.mark.parametrize(
    ("name", "seconds", "said"),
    [
        ("settle_s", 1.0004e-3, r"settle_s is 0.0010004 s; allowed: whole numbers of 1e-06 s.*Give 0.001 or 0.001001"),
        ("settle_s", 1e-7, "Give 0 or 1e-06"),
        ("period_s", 0.0500005, r"period_s is 0.0500005 s; .*Give 0.05 or 0.050001"),
    ],
)
def test_times_are_whole_ticks_of_a_slow_clock(
    board: SimulatedBoard, task: Regression, name: str, seconds: float, said: str
) -> None:
    board.info = replace(board.info, tick_s=1e-6)
    with pytest.raises(PlanError, match=said):
        labnet.train(board, task, **{"steps": 10, name: seconds})  # type: ignore[arg-type]
    assert_untouched(board)
    labnet.train(board, task, steps=2, settle_s=123e-6, period_s=0.050001, progress=False).close()


@pytest.mark.parametrize("p", [0.0, -0.1, 1.001, NAN])
def test_the_update_probability_is_above_0_and_up_to_1(p: float) -> None:
    with pytest.raises(PlanError, match=r"p is .*; allowed: .*above 0 and up to 1"):
        GlobalClock(p=p)


@pytest.mark.parametrize("gamma", [0.0, -1.0, NAN, float("inf")])
def test_gamma_is_positive(gamma: float) -> None:
    with pytest.raises(PlanError, match=r"gamma is .*; allowed: .*above 0"):
        Continuous(gamma=gamma)


@pytest.mark.parametrize("batch", [0.0, 1.1, NAN])
def test_a_batch_is_a_share_of_the_examples(batch: float) -> None:
    with pytest.raises(PlanError, match=r"batch is .*; allowed: .*up to 1"):
        Continuous(gamma=1.0, batch=batch)


def test_a_task_for_another_network_is_refused(board: SimulatedBoard) -> None:
    other = Regression.sample(networks.lattice(3, 3), seed=2)
    with pytest.raises(TaskError, match=r"sample the task on board\.network"):
        labnet.train(board, other, steps=10)
    assert_untouched(board)


@pytest.mark.parametrize("volts", [NAN, float("inf")])
def test_a_voltage_that_is_no_number_makes_no_task(volts: float) -> None:
    with pytest.raises(TaskError, match="allowed: finite"):
        Allostery(networks.twin16(), {0: volts}, {4: 1.0}, [8])
    with pytest.raises(TaskError, match="allowed: finite"):
        Allostery(networks.twin16(), {0: 5.0}, {4: volts}, [8])


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        ({0: 6.0}, {4: 1.0}, r"inputs\[0, 0\] is 6 V; allowed: 0 to 5 V"),
        ({0: -0.5, 1: 5.0}, {4: 1.0}, r"inputs\[0, 0\] is -0.5 V"),
        ({0: 5.0}, {4: 5.5}, r"targets\[0, 0\] is 5.5 V; allowed: 0 to 5 V"),
    ],
)
@pytest.mark.filterwarnings("ignore::labnet.errors.UnreachableTarget")
def test_a_voltage_the_source_cannot_give_is_refused(
    board: SimulatedBoard, inputs: dict[int, float], targets: dict[int, float], said: str
) -> None:
    task = Allostery(board.network, inputs, targets, [8])
    with pytest.raises(OutOfRange, match=said):
        labnet.train(board, task, steps=10)
    assert_untouched(board)


@pytest.mark.parametrize("start", [-1, 128, 3.5, [0, 200], [-5, 3]], ids=str)
def test_a_start_off_the_wiper_s_track_is_refused(board: SimulatedBoard, task: Regression, start: Any) -> None:
    with pytest.raises(PlanError, match="allowed: whole wiper positions 0 to 127"):
        labnet.train(board, task, steps=10, start=start)
    assert_untouched(board)


@pytest.mark.parametrize(
    ("rule", "start"),
    [(labnet.Discrete(), [3.7, 9.2]), (labnet.Discrete(), [100, 128]), (Continuous(gamma=1e-3), [0.0, 1.0])],
    ids=str,
)
def test_a_range_of_starts_is_refused_whatever_is_drawn_from_it(
    task: Regression, rule: labnet.Discrete | Continuous, start: Any
) -> None:
    for seed in range(5):
        with pytest.raises(PlanError, match="start is"):
            trained("sim://twin16", task, steps=1, rule=rule, start=start, seed=seed)


@pytest.mark.parametrize("start", [0.0, 5e-5, -1.0, 2e5, [-1.0, 1.0]], ids=str)
def test_a_start_out_of_the_board_s_resistances_is_refused(board: SimulatedBoard, task: Regression, start: Any) -> None:
    with pytest.raises(PlanError, match=r"allowed: 0\.0001 to 100000, in units of R_ref"):
        labnet.train(board, task, steps=10, rule=Continuous(gamma=1e-3), start=start)
    assert_untouched(board)


def test_the_continuous_rule_needs_resistances_that_can_be_set() -> None:
    with labnet.open_board("sim://twin16?preset=lab") as lab:
        task = Regression.sample(lab.network, seed=2)
        with pytest.raises(NotSupported, match="wipers only; give quantise"):
            labnet.train(lab, task, steps=10, rule=Continuous(gamma=1e-3))


def test_what_is_refused_leaves_no_file(board: SimulatedBoard, task: Regression, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    for settings in ({"start": 200}, {"steps": 0}, {"eta": 2.0}):
        with pytest.raises(PlanError):
            labnet.train(board, task, path=path, **({"steps": 10} | settings))
    assert list(tmp_path.iterdir()) == []


def test_a_closed_board_cannot_be_trained(board: SimulatedBoard, task: Regression) -> None:
    board.close()
    with pytest.raises(BoardClosed):
        trained(board, task, steps=10)


# Failed on the way ----------------------------------------------------------------------------------------------


class HostPaced(SimulatedBoard):
    """A simulated board that runs no plan by itself, so that every verb is used."""

    def __init__(self) -> None:
        super().__init__(networks.twin16(), seed=1)
        self.info = replace(self.info, plans=frozenset())
        self.count = 0


class Breaking(HostPaced):
    """A board that breaks at the 20th trigger."""

    failure: type[BaseException] = OSError

    def trigger(self, step_wipers: bool = True) -> Update:
        self.count += 1
        if self.count == 20:
            raise self.failure("the cable is out")
        return super().trigger(step_wipers)


class Interrupted(Breaking):
    """A board whose user presses Ctrl-C."""

    failure = KeyboardInterrupt


class Tardy(HostPaced):
    """A board whose readings take time."""

    def read(self, side: labnet.board.Side) -> np.ndarray:
        self.wait(5e-3)
        return super().read(side)


@pytest.mark.parametrize(
    ("board", "status"), [(Breaking(), "failed: the cable is out"), (Interrupted(), "interrupted")]
)
def test_what_was_logged_before_a_failure_is_kept_and_the_board_is_safe(
    board: Breaking, status: str, task: Regression, tmp_path: Path
) -> None:
    path = tmp_path / "run.sqlite"
    with pytest.raises(board.failure, match="the cable is out"):
        labnet.train(board, task, steps=50, path=path, measure=10, progress=False)
    assert_safe(board)
    with labnet.Run.open(path) as run:
        assert run.status == status
        assert run.steps().tolist() == list(range(19))
        assert set(run.frame("error")["step"]) == {0, 10}
        assert (run.array("enabled") == 1).all()


def test_a_step_that_cannot_start_in_time_is_an_error_and_no_shift(task: Regression) -> None:
    board = Tardy()
    board.drive("clamped", {0: 1.0})
    with pytest.raises(LateStep, match=r"s late; give a period_s longer than 0\.011 s, or leave it out"):
        trained(board, task, steps=10, measure=(), period_s=0.011)
    assert_safe(board)
    run = trained(Tardy(), task, steps=10, measure=5, period_s=0.1)
    assert run.times_s[[2, 4]] - run.times_s[[1, 3]] == pytest.approx(0.1, abs=2e-9)


DIVERGING = Continuous(gamma=1e3)


def test_divergence_is_an_error_that_keeps_all_steps_before_it(board: SimulatedBoard, tmp_path: Path) -> None:
    task = Allostery.sample(board.network, seed=1)
    path = tmp_path / "run.sqlite"
    with pytest.raises(Diverged, match=r"gamma is too large") as caught:
        labnet.train(board, task, steps=50, rule=DIVERGING, path=path, progress=False)
    assert_safe(board)
    told = re.match(r"step (\d+) on twin16 would move", str(caught.value))
    assert told
    with labnet.Run.open(path) as run:
        assert run.status.startswith("failed: step")
        assert run.steps().tolist() == list(range(int(told[1]) + 1))
        resistances = run.array("resistances_ohm")
        assert (resistances > 0).all()
        assert np.isnan(run.array("v_free")[-1]).all()  # the last record is the last good state, not a step
        moved = re.search(r"edge (\d+), from (\S+) to (\S+) ohm", str(caught.value))
        assert moved
        assert resistances[-1, int(moved[1])] == pytest.approx(float(moved[2]), rel=1e-3)
        assert not 0 < float(moved[3]) < np.inf


def test_divergence_is_said_once_and_by_labnet(board: SimulatedBoard) -> None:
    with pytest.raises(Diverged):
        trained(board, Allostery.sample(board.network, seed=1), steps=50, rule=DIVERGING)


def test_a_board_is_safe_after_a_training(board: SimulatedBoard, task: Regression) -> None:
    trained(board, task, steps=10)
    assert_safe(board)


@pytest.mark.parametrize("settings", [{}, {"masked": (1,)}])
def test_wipers_that_nobody_knows_are_no_start(
    board: SimulatedBoard, task: Regression, settings: dict[str, Any]
) -> None:
    board.set_resistances(5e3)
    with pytest.raises(NotSupported, match="give start, or call set_wipers"):
        labnet.train(board, task, steps=3, progress=False, **settings)
    assert (board.time_s, board.wipers().tolist()) == (0.0, [-1] * board.network.edge_count)
    with labnet.train(board, task, steps=3, start=64, progress=False, **settings) as run:
        assert len(run.steps()) == 4
