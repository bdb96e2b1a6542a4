"""An interrupted run, resumed, ends with the records of an uninterrupted one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import committed, fork, succeed, write_experiment
from interrupted import ARRAYS, Interrupted, assert_same_records

import labnet
from labnet import controller
from labnet.board import Snapshot
from labnet.runs.writer import RunWriter
from labnet_simulators import PRESETS, Digipot, Parts, Settling, SimulatedBoard

BOARDS = {
    "ideal": PRESETS["ideal"],
    "lab": PRESETS["lab"],
    "unsettled": Parts(pot=Digipot(tolerance=0.2), settling=Settling(tau_s=0.7e-3)),
}
PLANS: dict[str, dict[str, object]] = {
    "discrete": {"clock": labnet.GlobalClock(p=0.4), "order": "random", "seed": 5},
    "sparse": {"clock": labnet.GlobalClock(p=0.4), "log": (0, 50, 51, 130), "measure": (0, 77)},
    "continuous": {"rule": labnet.Continuous(gamma=0.02, batch=0.5), "eta": 0.1, "clock": labnet.GlobalClock(p=0.5)},
}


@pytest.mark.parametrize("after", [False, True], ids=["before the trigger", "after the trigger"])
@pytest.mark.parametrize(
    ("parts", "plan"),
    [("ideal", "discrete"), ("lab", "discrete"), ("lab", "sparse"), ("unsettled", "discrete"), ("ideal", "continuous")],
)
def test_ctrl_c_and_resume(tmp_path: Path, parts: str, plan: str, after: bool) -> None:
    network = labnet.networks.twin16()
    task = labnet.tasks.Regression.sample(network, seed=4, train=4, test=2)

    def train(board: SimulatedBoard, path: Path | None) -> labnet.Run:
        return labnet.train(board, task, steps=160, path=path, resume=path is not None, progress=False, **PLANS[plan])  # type: ignore[arg-type]

    for press in (40, 90, 20):  # a run that is interrupted again and again
        board = Interrupted(network, BOARDS[parts], seed=6)
        board.presses_at, board.after = press, after
        with pytest.raises(KeyboardInterrupt):
            train(board, tmp_path / "run.sqlite")
        assert board.bias_v == 0.0, "the board is safe"
        with labnet.Run.open(tmp_path / "run.sqlite") as run:
            assert run.status == "interrupted"
    with (
        train(SimulatedBoard(network, BOARDS[parts], seed=6), tmp_path / "run.sqlite") as resumed,
        train(SimulatedBoard(network, BOARDS[parts], seed=6), None) as whole,
    ):
        assert_same_records(resumed, whole)


class WithoutSnapshots(Interrupted):
    """A board that, like a real one, cannot be put back: the run goes on from its last wipers."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.info = replace(self.info, snapshots=False)

    def restore(self, snapshot: Snapshot) -> None:
        raise AssertionError("this board has no snapshots")


BY_POSITIONS: list[dict[str, Any]] = [
    {},
    {"rule": labnet.Continuous(gamma=0.02)},
    {"detail": "short"},
    {"rule": labnet.Continuous(gamma=0.02), "optimiser": {"name": "adam", "rate": 0.01}},
    {"rule": labnet.Continuous(gamma=0.02), "quantise": "stochastic"},
]


@pytest.mark.parametrize("plan", BY_POSITIONS, ids=str)
def test_a_board_without_snapshots_goes_on_from_its_last_positions(tmp_path: Path, plan: dict[str, Any]) -> None:
    network = labnet.networks.twin16()
    task = labnet.tasks.Regression.sample(network, seed=4, train=4, test=2)

    def train(board: SimulatedBoard, path: Path | None) -> labnet.Run:
        return labnet.train(board, task, steps=60, path=path, resume=path is not None, progress=False, **plan)

    board = WithoutSnapshots(network)
    board.presses_at = 37
    with pytest.raises(KeyboardInterrupt):
        train(board, tmp_path / "run.sqlite")
    with (
        train(WithoutSnapshots(network), tmp_path / "run.sqlite") as resumed,
        train(SimulatedBoard(network), None) as whole,
    ):
        for field in ARRAYS:
            np.testing.assert_array_equal(resumed.array(field), whole.array(field), err_msg=field)
        assert resumed.frame("error").equals(whole.frame("error"))


class Counts(WithoutSnapshots):
    """A board that can go on from a time and a count of triggers."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.went_on: list[tuple[float, int]] = []

    @property
    def trigger_count(self) -> int:
        return self.triggers

    def go_on(self, time_s: float, triggers: int) -> None:
        self.went_on.append((time_s, triggers))


@pytest.mark.parametrize("kind", [WithoutSnapshots, Counts])
def test_a_run_of_before_goes_on_now_with_the_triggers_that_there_were(
    tmp_path: Path, kind: type[WithoutSnapshots], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has the wipers alone, neither time nor triggers; from there on it has both."""
    network = labnet.networks.twin16()
    task = labnet.tasks.Regression.sample(network, seed=4, train=4, test=2)
    path = tmp_path / "run.sqlite"

    def train(board: SimulatedBoard, path: Path | None) -> labnet.Run:
        return labnet.train(board, task, steps=60, path=path, resume=path is not None, progress=False)

    def interrupted(presses_at: int) -> WithoutSnapshots:
        board = kind(network)
        board.presses_at = presses_at
        with pytest.raises(KeyboardInterrupt):
            train(board, path)
        return board

    board = interrupted(20)
    with labnet.Run.open(path) as run:
        plan = run.plan
    writer = RunWriter(path, board, plan, resume=True)
    step, state = writer.last_state() or pytest.fail("no state")
    writer.save_state(step, {"wipers": state["wipers"]})
    writer.close("interrupted")

    monkeypatch.setattr(controller, "_STATE_EVERY_S", 0.0)
    second = interrupted(10)
    last = kind(network)
    with train(last, path) as resumed, train(SimulatedBoard(network), None) as whole:
        for field in ARRAYS:
            np.testing.assert_array_equal(resumed.array(field), whole.array(field), err_msg=field)
    if isinstance(second, Counts) and isinstance(last, Counts):
        assert second.went_on == []
        ((time_s, triggers),) = last.went_on
        assert second.triggers - triggers in (0, 1), "before the last record, or after it"
        assert 0 < time_s < second.time_s


def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    """kill -9: the file opens, every committed step is there, and resuming gives the uninterrupted run."""
    write_experiment(tmp_path / "killed.toml", "sim://twin16?preset=lab&seed=3", steps=60000)
    path = tmp_path / "killed.sqlite"
    words = ("run", "killed.toml", "--resume")
    rng = np.random.default_rng(1)
    kills = 0
    while kills < 20:
        began = len(committed(path))
        child = fork(tmp_path, *words)
        while child.is_alive() and len(committed(path)) <= began:
            child.join(0.01)
        child.join(rng.uniform(0.0, 0.3))
        if child.exitcode is None:
            there = committed(path)
            child.kill()
            child.join()
            kills += len(there) > 0  # those while it still starts prove less
            np.testing.assert_array_equal(committed(path), np.arange(max(len(committed(path)), len(there))))
        else:  # it was through before it was killed twenty times: once more
            assert child.exitcode == 0
            path.unlink()
    succeed(tmp_path, *words)
    experiment = labnet.Experiment.load(tmp_path / "killed.toml")
    with labnet.open_board(experiment.board) as board, labnet.Run.open(path) as resumed:
        with labnet.run_plan(board, experiment.plan(board.network), progress=False) as whole:
            assert_same_records(resumed, whole)
        assert resumed.status == "complete"
