"""Ctrl-C at any moment: the board is safe, the run file is free and goes on."""

import gc
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import labnet
from labnet_simulators import SimulatedBoard

PACKAGES = ("labnet", "numpy")


class CtrlC:
    """Presses Ctrl-C before the n-th line that labnet, or NumPy for it, executes."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: FrameType, event: str, _: Any) -> "CtrlC | None":
        if not frame.f_globals.get("__name__", "").startswith(PACKAGES):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
        return self


def train(path: Path, *, press_at: int = 0, resume: bool = False) -> tuple[SimulatedBoard, CtrlC]:
    """Train for three steps; gives the board as it was left."""
    board = SimulatedBoard(labnet.networks.twin16(), seed=3)
    task = labnet.tasks.Regression.sample(board.network, seed=1, train=2, test=1)
    plan = labnet.Plan(task=task, steps=3, clock=labnet.GlobalClock(p=0.5))
    press, before = CtrlC(press_at), sys.gettrace()
    try:
        with board:
            if press_at:
                sys.settrace(press)
            labnet.run_plan(board, plan, path, progress=False, resume=resume).close()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        gc.collect()  # a reader that was being opened
    return board, press


def is_safe(board: SimulatedBoard) -> bool:
    """Tell whether sources are at 0 V and the clock is off, of a board that is closed and so answers nothing."""
    return board.bias_v == 0.0 and not any(volts for held in board.voltages.held.values() for volts in held.values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_at_any_line(tmp_path: Path) -> None:
    for name in ("first", "whole"):  # the first fills labnet's caches, and executes more lines
        _, press = train(tmp_path / f"{name}.sqlite", press_at=10**9)
    lines = 10**9 - press.left
    assert lines > 1000
    for at in [*range(1, lines - 60, max(61, lines // 40)), *range(lines - 40, lines - 2)]:
        path = tmp_path / f"{at}.sqlite"
        board, press = train(path, press_at=at)
        assert press.left <= 0, "it was pressed"
        assert is_safe(board), f"after line {at}"
        train(path, resume=True)
        with labnet.Run.open(path) as run:
            assert run.status == "complete"
            assert run.steps().tolist() == [0, 1, 2, 3]
        assert [file.name for file in tmp_path.glob(f"{at}.sqlite*")] == [path.name]
