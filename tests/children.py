"""The real process, for tests that interrupt and kill it, and what it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, suppress
from functools import cache
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import labnet
from labnet.cli import app
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
    """Start ``labnet WORDS`` in a folder."""
    command = [sys.executable, "-m", "labnet", *words]
    return subprocess.Popen(
        command, cwd=folder, env=_unmeasured(), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def _unmeasured() -> dict[str, str]:
    """Give the environment in which coverage, which can hang where a signal comes, does not measure."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@cache
def _imported() -> ForkServerContext:
    """Give processes that begin with everything imported, which else takes most of a short one's time."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["labnet.cli", "labnet_simulators.plans"])
    with patch.dict(os.environ, _unmeasured(), clear=True):
        forkserver.ensure_running()
    return context


def fork(folder: Path, *words: str) -> ForkServerProcess:
    """Do ``labnet WORDS`` in a folder, in a process of its own that has imported all; for many that are killed."""
    child = _imported().Process(target=_labnet, args=(folder, words))
    child.start()
    return child


def _labnet(folder: Path, words: tuple[str, ...]) -> None:
    with chdir(folder):
        app(words)


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
