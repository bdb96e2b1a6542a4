"""A run whose board dies in mid-training, resumed: the records of a run that nobody interrupted, bit for bit."""

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import Bits, bits_of_run
from children import committed, kill_when_committed, succeed, write_experiment

import labnet
from labnet import GlobalClock, LogSpaced, Plan
from labnet.board import Side
from labnet.errors import DeviceError, LinkError, OutOfRange
from labnet.tasks import Regression
from labnet_drivers import TwinBoard
from labnet_simulators import SimulatedBoard

TARGETS = ["target=native", "target=atmega2560"]
PLANS = 6
MOST_STEPS = 400


def random_plan(number: int) -> tuple[str, Plan]:
    """Give the options of a board with gates and noise, and a plan for it that has several blocks of the log."""
    rng = np.random.default_rng(number)
    sizes = {"train": int(rng.integers(1, 6)), "test": int(rng.integers(0, 4))}
    task = Regression.sample(labnet.networks.twin16(), seed=number, **sizes)
    schedules = [1, 7, LogSpaced(per_decade=4), tuple(range(5, MOST_STEPS // 2, 9))]
    plan = Plan(
        task=task,
        steps=int(rng.integers(MOST_STEPS // 2, MOST_STEPS)),
        clock=GlobalClock(p=float(rng.uniform(0.1, 0.9))),
        eta=float(rng.uniform(0.1, 1)),
        order=["cyclic", "random", tuple(rng.integers(0, len(task.train), 7).tolist())][rng.integers(3)],
        start=[None, (0, 127)][rng.integers(2)],
        settle_s=float(rng.choice([1e-3, 50e-6])),
        period_s=[None, 0.25][rng.integers(2)],
        seed=number,
        log=schedules[rng.integers(4)],
        measure=schedules[rng.integers(4)],
        detail=["full", "full", "short"][rng.integers(3)],
    )
    parts = ["", "&gate=fixed", "&comparator=pair"][rng.integers(3)]
    return f"preset=lab&seed={number}{parts}", plan


class Killer:
    """Kills the firmware before its plant answers a reading, the last of so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.readings_left = -1
        self.started: list[subprocess.Popen[bytes]] = []
        start, read = subprocess.Popen.__init__, SimulatedBoard.read_codes

        def started(process: Any, *words: Any, **settings: Any) -> None:
            start(process, *words, **settings)
            self.started += [process] * ("--plant-fd" in words[0])

        def read_codes(board: SimulatedBoard, side: Side) -> Any:
            self.readings_left -= 1
            if self.readings_left == 0:
                self.started[-1].kill()
            return read(board, side)

        monkeypatch.setattr(subprocess.Popen, "__init__", started)
        monkeypatch.setattr(SimulatedBoard, "read_codes", read_codes)


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    return Killer(monkeypatch)


def opened(address: str, by_host: bool) -> TwinBoard:
    board = labnet.open_board(address)
    assert isinstance(board, TwinBoard)
    board.sequencer.reconnect_s = 0.0
    if by_host:
        board.info = replace(board.info, plans=frozenset())
    return board


def bits(board: TwinBoard, plan: Plan, path: Path | None = None) -> Bits:
    with board, labnet.run_plan(board, plan, path, resume=path is not None, progress=False) as run:
        assert run.status == "complete"
        return bits_of_run(run)


@pytest.mark.slow
@pytest.mark.parametrize("by_host", [False, True], ids=["board-paced", "host-paced"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("number", range(PLANS))
def test_a_run_whose_board_is_killed_resumes_to_the_same_records(
    number: int, target: str, by_host: bool, tmp_path: Path, killer: Killer
) -> None:
    options, plan = random_plan(number)
    address = f"firmware://twin16?{target}&{options}"
    rng = np.random.default_rng(number)
    kills = 0
    for _ in range(3):
        killer.readings_left = int(rng.integers(plan.steps // 2, plan.steps))
        with opened(address, by_host) as board, suppress(LinkError):
            labnet.run_plan(board, plan, tmp_path / "run.sqlite", resume=True, progress=False).close()
        kills += killer.readings_left <= 0
    assert kills
    killer.readings_left = -1
    resumed = bits(opened(address, by_host), plan, tmp_path / "run.sqlite")
    assert resumed == bits(opened(address, by_host), plan)


@pytest.mark.parametrize("target", TARGETS)
def test_a_board_goes_on_at_any_time_that_its_clock_can_tell(target: str) -> None:
    with opened(f"firmware://twin16?{target}", by_host=True) as board:
        board.go_on(1e8, 7)
        began_s = board.time_s
        assert 1e8 <= began_s < 1e8 + 1
        board.wait(1.0)
        assert began_s + 1.0 <= board.time_s < began_s + 2.0
        board.trigger()
        assert board.trigger_count == 8
        with pytest.raises(OutOfRange, match=r"time is .*; allowed: 0 to 1e\+08 s"):
            board.go_on(1e8 + 1, 7)
        with pytest.raises(DeviceError, match=r"-222.*too high"):
            board.scpi("SYST:CONT 100000001,7")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_killed_command_resumes_to_the_same_records(target: str, tmp_path: Path) -> None:
    write_experiment(tmp_path / "killed.toml", f"firmware://twin16?{target}&preset=lab&seed=3", steps=3000)
    path = tmp_path / "killed.sqlite"
    kill_when_committed(1, path, "run", "killed.toml", "--resume")
    assert 0 < len(committed(path)) < 3000
    succeed(tmp_path, "run", "killed.toml", "--resume")
    experiment = labnet.Experiment.load(tmp_path / "killed.toml")
    with labnet.Run.open(path) as resumed:
        board = opened(experiment.board, by_host=False)
        assert bits_of_run(resumed) == bits(board, experiment.plan(board.network))
