"""Whatever dies in the middle of a sweep, nothing that was stored is lost, and nothing is there twice."""

import os
import signal
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pandas as pd
import pytest
from children import start, succeed, wait_until

import labnet
from labnet.errors import NotARun, RunExists, RunInUse, RunMismatch, RunNotWritable, RunTooNew, WorkerDied

FILE = """\
board = "plain://twin16?preset=lab"
steps_p = 30
[task]
kind = "allostery"
[over]
clock.p = [0.5, 1.0]
"task.seed, board.seed" = { range = 20 }
"""
POINTS = 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x.toml").write_text(FILE)
    return tmp_path / "x.toml"


@cache
def undisturbed() -> labnet.Sweep:
    """Give what the sweep is when nothing happens to it."""
    data = tomllib.loads(FILE)
    over = data.pop("over")
    return labnet.sweep(labnet.Experiment(**data), over, progress=False)


def assert_whole(path: Path) -> None:
    """See that the sweep on disk is the undisturbed one."""
    stored, whole = labnet.Sweep.open(path), undisturbed()
    assert stored.frame("points")["point"].tolist() == list(range(POINTS)), "each point once"
    for name in ("points", "error", "final"):
        pd.testing.assert_frame_equal(stored.frame(name), whole.frame(name), check_exact=True)


def job_files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in (path / "jobs").glob("[0-9]*.parquet")}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_interrupted_and_resumed(file: Path) -> None:
    """`kill -9`, then Ctrl-C to the real process, each in mid-sweep."""
    words = ("sweep", file.name, "--out", "x.sweep", "--resume")
    path = file.with_suffix(".sweep")
    before: dict[str, bytes] = {}
    for number in (signal.SIGKILL, signal.SIGINT):
        with start(file.parent, *words) as child:
            wait_until(child, lambda: len(job_files(path)), len(before) + 3)
            child.send_signal(number)
            said = child.communicate()[1]
        assert child.returncode == (-9 if number == signal.SIGKILL else 130), said
        assert number == signal.SIGKILL or "--resume goes on" in said
        now = job_files(path)
        assert len(before) < len(now)
        assert {name: now[name] for name in before} == before, "no stored point was run again"
        before = now
        points = labnet.Sweep.open(path).frame("points")
        assert 0 < len(points) < POINTS
        assert set(points["status"]) == {"complete"}
    succeed(file.parent, *words)
    assert_whole(path)
    assert not job_files(path)


class Dies(Executor):
    """Sends jobs on, but has one worker kill itself at the n-th."""

    def __init__(self, pool: ProcessPoolExecutor, at: int) -> None:
        self.pool, self.left = pool, at

    def submit(self, *call: Any, **more: Any) -> Future[Any]:  # type: ignore[override]
        self.left -= 1
        if self.left == 0:
            return self.pool.submit(signal.raise_signal, signal.SIGKILL)
        return self.pool.submit(*call, **more)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_process_pool_that_loses_a_worker_gives_up_and_resuming_goes_on(file: Path) -> None:
    path = file.with_suffix(".sweep")
    with (
        ProcessPoolExecutor(2, get_context("spawn")) as pool,
        pytest.raises(WorkerDied, match=r"\d+ of 40 points are stored in .*resuming goes on") as died,
    ):
        labnet.sweep(file, path=path, executor=Dies(pool, at=8), progress=False)
    points = len(labnet.Sweep.open(path).frame("points"))
    assert 0 < points < POINTS
    assert f"{points} of 40" in str(died.value)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        labnet.sweep(file, path=path, executor=pool, resume=True, progress=False)
    assert_whole(path)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A real Dask cluster of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_dask_goes_on_when_a_worker_is_killed(file: Path, cluster: Any) -> None:
    path = file.with_suffix(".sweep")
    workers = cluster.run(os.getpid)
    assert len(workers) == 2
    over = Event()

    def kill() -> None:
        while not job_files(path):
            if over.wait(0.01):  # the assertion below says so
                return
        os.kill(next(iter(workers.values())), signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    try:
        sweep = labnet.sweep(file, path=path, executor=cluster.get_executor(), progress=False)
    finally:
        over.set()
        killer.join()
    assert set(workers.values()) != set(cluster.run(os.getpid).values()), "a worker was killed"
    assert set(sweep.frame("points")["status"]) == {"complete"}
    assert_whole(path)


def test_what_is_there_is_never_overwritten(file: Path) -> None:
    path = file.with_suffix(".sweep")
    small = {"clock.p": [0.5, 1.0]}
    labnet.sweep(file, small, path=path, progress=False)
    with pytest.raises(RunExists, match="never overwritten"):
        labnet.sweep(file, small, path=path, progress=False)
    with pytest.raises(RunMismatch, match="other keys or values"):
        labnet.sweep(file, {"clock.p": [0.5]}, path=path, progress=False, resume=True)
    other = labnet.Experiment.load(file, ["steps_p=31"])
    with pytest.raises(RunMismatch, match=r"steps_p was 30.*, is 31"):
        labnet.sweep(other, small, path=path, progress=False, resume=True)
    for place, error, said in (
        (file, NotARun, "is a file"),
        (file.parent, NotARun, "is no sweep, it has"),
        (file.parent / "no" / "where", RunNotWritable, "a directory that exists"),
    ):
        with pytest.raises(error, match=said):
            labnet.sweep(file, small, path=place, progress=False, resume=True)
        with pytest.raises(NotARun):
            labnet.Sweep.open(place)
    (path / "sweep.json").write_text((path / "sweep.json").read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(RunTooNew, match="has format 2"):
        labnet.Sweep.open(path)


def test_two_cannot_write_one_sweep(file: Path) -> None:
    path = file.with_suffix(".sweep")

    class Second(Executor):
        def submit(self, *call: Any, **more: Any) -> Future[Any]:  # type: ignore[override]
            labnet.sweep(file, path=path, resume=True, progress=False)
            raise AssertionError("two wrote")

    with pytest.raises(RunInUse, match="another process writes"):
        labnet.sweep(file, path=path, executor=Second(), progress=False)
    labnet.sweep(file, path=path, resume=True, progress=False)  # the lock is free again
    assert_whole(path)


def test_a_damaged_part_is_said(file: Path) -> None:
    path = file.with_suffix(".sweep")
    labnet.sweep(file, {"clock.p": [0.5]}, path=path, progress=False)
    (path / "error.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(NotARun, match=r"error\.parquet is damaged"):
        labnet.Sweep.open(path).frame("error")
