"""Runs that the board paces by itself, interrupted and killed: they go on from wipers that belong to their step."""

import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from children import start, succeed, wait_until

import labnet

EXPERIMENT = """\
board = "firmware://twin16?preset=lab&seed=3"
steps = 8000

[task]
kind = "allostery"
seed = 7

[clock]
p = 0.5
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_goes_on_where_it_was_ended(tmp_path: Path, number: int) -> None:
    (tmp_path / "bench.toml").write_text(EXPERIMENT)
    path = tmp_path / "bench.sqlite"
    with start(tmp_path, "run", "bench.toml") as child:
        wait_until(child, lambda: records(path), 300)
        child.send_signal(number)
        said = child.communicate()[1]
    with labnet.Run.open(path) as run:
        assert run.status == ("interrupted" if number == signal.SIGINT else "stopped"), said
        assert 300 <= len(run.steps()) < 8_000
    succeed(tmp_path, "run", "bench.toml", "--resume")
    with labnet.Run.open(path) as run:
        assert run.status == "complete"
        assert run.steps().tolist() == list(range(8_001))
        before = run.array("wipers").astype(np.int64)
        moved = run.array("directions") * run.array("enabled")
        assert np.array_equal(np.clip(before + moved, 0, 127)[:-1], before[1:]), "no step is missing, none comes twice"


def records(path: Path) -> int:
    try:
        with labnet.Run.open(path) as run:
            return len(run.steps())
    except (labnet.errors.RunError, sqlite3.Error):
        return 0
