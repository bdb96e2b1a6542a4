"""The real process, for tests that interrupt and kill it, and what it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import labnet
from labnet.errors import NotARun

_EXPERIMENT = """
board = "{board}"
steps = {steps}
{more}
[task]
kind = "regression"
train = 3
test = 2
seed = 7
[clock]
p = 0.5
"""


def write_experiment(path: Path, board: str, steps: int, more: str = "") -> None:
    """Write the file of a small regression."""
    path.write_text(_EXPERIMENT.format(board=board, steps=steps, more=more))


def committed(path: Path) -> NDArray[np.int64]:
    """Read the steps that another process has committed, while it writes or after it was killed."""
    try:
        with labnet.Run.open(path) as run:
            return run.steps()
    except NotARun:  # it has not begun
        return np.empty(0, dtype=np.int64)


def start(folder: Path, *words: str, stdin: int | None = None, stdout: int | None = None) -> "subprocess.Popen[str]":
    """Start ``labnet WORDS`` in a folder; coverage, which can hang where a signal comes, does not measure it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-m", "labnet", *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def succeed(folder: Path, *words: str) -> None:
    """Run ``labnet WORDS`` in a folder, to its end."""
    with start(folder, *words) as child:
        said = child.communicate()[1]
    assert child.returncode == 0, said


def kill_when_committed(steps: int, path: Path, *words: str) -> None:
    """Start ``labnet WORDS`` in the folder of a run, and kill it as soon as its run has so many steps."""
    with start(path.parent, *words) as child:
        wait_until(child, lambda: len(committed(path)), steps)
        child.kill()


def wait_until(child: "subprocess.Popen[str]", count: Callable[[], int], least: int) -> None:
    """Wait until something has come to so many, or the process has ended."""
    while child.poll() is None and count() < least:
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.01)
