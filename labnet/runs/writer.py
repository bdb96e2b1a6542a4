"""Writing a run, one transaction a log point; a second writer is refused, a killed one loses nothing committed."""

import io
import json
import os
import platform
import sqlite3
import subprocess
import warnings
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from labnet.board import Board, Snapshot
from labnet.errors import RunExists, RunInUse, RunMismatch, RunNotWritable, WalKept
from labnet.plan import Plan
from labnet.records import ARRAY_FIELDS, Errors, Record
from labnet.runs.run import Run
from labnet.runs.store import (
    APPLICATION_ID,
    FORMAT_VERSION,
    MEMORY,
    SCHEMA,
    check_format,
    connect,
    is_empty,
    translated,
    typed_errors,
)

_INSERT = f"INSERT OR REPLACE INTO record VALUES ({', '.join('?' * (4 + len(ARRAY_FIELDS)))})"


class ResumePoint(NamedTuple):
    """Where a run goes on: before this step, with a snapshot of the board, or else its last wipers."""

    step: int
    snapshot: Snapshot | None
    wipers: NDArray[np.int16] | None
    resistances_ohm: NDArray[np.float64] | None
    time_s: float


class RunWriter:
    """The one writer of a run file.

    Parameters
    ----------
    path : path, optional
        None keeps the run in memory.
    board : Board
    plan : Plan
    experiment : mapping, optional
        The experiment file it comes from, as plain data.
    resume : bool
        Go on with the run at `path`; start it where there is none.
    durable : bool
        Commit each log point through to the disk (synchronous=FULL): survives a power cut too, slower.

    Raises
    ------
    RunExists, RunInUse, RunNotWritable, NotARun, RunTooNew, RunMismatch
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        board: Board,
        plan: Plan,
        experiment: dict[str, Any] | None = None,
        resume: bool = False,
        durable: bool = False,
    ) -> None:
        self.path = MEMORY if path is None else Path(path)
        self._lock = _locked(self.path)
        self._steps = plan.steps
        self._closed = False
        try:
            if self.path != MEMORY and self.path.exists() and not resume:
                raise RunExists(
                    f"{self.path} exists, and a run is never overwritten; choose another path, or resume the run."
                )
            with typed_errors(self.path):
                self._connection = connect(self.path, read_only=False)
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self.resumed = not is_empty(self._connection)
                if self.resumed:
                    check_format(self._connection, self.path)
                    self._check_same(board, plan)
                else:
                    self._begin(board, plan, experiment or {})
            self._set_status("running")
        except BaseException:
            self._release()
            raise

    def _begin(self, board: Board, plan: Plan, experiment: dict[str, Any]) -> None:
        """Write all that describes the run, in one transaction."""
        network = board.network
        meta = {
            "experiment": experiment,
            "plan": plan.to_dict(),
            "network": {
                "name": network.name,
                "node_count": network.node_count,
                "edges": network.edges.tolist(),
                "positions": None if network.positions is None else network.positions.tolist(),
                "r_ref_ohm": network.r_ref_ohm,
                "digest": network.digest,
            },
            "board": {"address": board.address, **_plain(asdict(board.info))},
            "calibration": None,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {
                "python": platform.python_version(),
                **{package: version(package) for package in ("labnet", "numpy", "scipy")},
            },
            "platform": platform.platform(),
            "git": _git_state(),
        }
        database = self._connection
        database.execute("BEGIN")
        for statement in SCHEMA.split(";")[:-1]:
            database.execute(statement)
        rows = [
            (f.name, f.dtype, f.per, f.unit, None if np.isnan(f.missing) else f.missing, f.meaning)
            for f in ARRAY_FIELDS
        ]
        database.executemany("INSERT INTO field VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.executemany(
            "INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in meta.items()]
        )
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        database.execute("COMMIT")

    def _check_same(self, board: Board, plan: Plan) -> None:
        """Raise unless board and plan are those the run began with."""
        stored, given = self._meta("plan"), json.loads(json.dumps(plan.to_dict()))
        differing = [key for key in given if given[key] != stored.get(key)]
        if differing:
            shown = "; ".join(f"{key} was {_short(stored.get(key))}, is {_short(given[key])}" for key in differing)
            raise RunMismatch(f"{self.path} is a run of another plan: {shown}. Give the same plan, or a new path.")
        was = self._meta("board")
        for key, now in (
            ("model", board.info.model),
            ("serial", board.info.serial),
            ("parts", _plain(board.info.parts)),
        ):
            if was[key] != now:
                raise RunMismatch(
                    f"{self.path} was made on another board: {key} was {_short(was[key])}, is {_short(now)}. "
                    f"Open the same board ({was['address']}), or give a new path."
                )

    def _meta(self, key: str) -> Any:
        return json.loads(self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def _set_status(self, status: str) -> None:
        with typed_errors(self.path):
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('status', ?)", (json.dumps(status),))

    def add(self, record: Record) -> None:
        """Commit one record; a step that was logged before is written again (a resumed run goes over some)."""
        row = (
            record.step,
            record.example,
            record.time_s,
            record.clipped,
            record.v_free.tobytes() or None,
            record.v_clamped.tobytes() or None,
            record.directions.tobytes() or None,
            record.enabled.tobytes() or None,
            record.wipers.tobytes() or None,
            record.resistances_ohm.tobytes() or None,
        )
        try:  # not typed_errors: this is the one statement of every step
            self._connection.execute(_INSERT, row)
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error

    def add_errors(self, errors: list[Errors]) -> None:
        """Commit one measurement."""
        rows = [(e.step, e.set, e.cost_v2, None if np.isnan(e.accuracy) else e.accuracy) for e in errors]
        with typed_errors(self.path):
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO error VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")

    def save_state(self, step: int, snapshot: Snapshot) -> None:
        """Commit the board's state before a step; all earlier log points are committed by now."""
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **snapshot)
        with typed_errors(self.path):
            self._connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (step, packed.getvalue()))

    def is_complete(self) -> bool:
        """Tell whether the closing record is there."""
        query = "SELECT count(*) FROM record WHERE step = ?"
        return bool(self._connection.execute(query, (self._steps,)).fetchone()[0])

    def resume_point(self) -> ResumePoint | None:
        """Say where to go on, None at the very start."""
        row = self._connection.execute("SELECT step, snapshot FROM state").fetchone()
        if row is not None:
            with np.load(io.BytesIO(row[1]), allow_pickle=False) as arrays:
                return ResumePoint(row[0], dict(arrays), None, None, 0.0)
        row = self._connection.execute(
            "SELECT step, wipers, resistances_ohm, time_s FROM record ORDER BY step DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        wipers, ohm = (np.frombuffer(blob, t) if blob else None for blob, t in ((row[1], "<i2"), (row[2], "<f8")))
        return ResumePoint(row[0], None, wipers, ohm, row[3])

    def close(self, status: str) -> Run:
        """End the writing and give the run, opened for reading."""
        if not self._closed:
            try:
                self._connection.rollback()  # what Ctrl-C may have left half done
                self._set_status(status)
                if self.path == MEMORY:
                    return Run(self.path, self._connection)
                self._become_one_file()
            finally:
                self._release()
        return Run.open(self.path)

    def _become_one_file(self) -> None:
        try:
            (mode,) = self._connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError:
            mode = "wal"
        if mode != "delete":
            warnings.warn(
                f"another process reads {self.path}, so {self.path.name}-wal stays beside it; keep them together. They "
                "become one file when the run is next resumed.",
                WalKept,
                stacklevel=4,
            )

    def _release(self) -> None:
        self._closed = True
        if self.path != MEMORY:
            if hasattr(self, "_connection"):
                self._connection.close()
            # Removed while it is held, so that nobody can hold a lock on a file that is gone. (Windows keeps it.)
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self._release()


def _locked(path: Path) -> FileLock:
    """Take the lock that tells a second writer; the system lets go of it when the process dies."""
    lock = FileLock(f"{path}.lock", blocking=False)
    if path == MEMORY:
        return lock
    if not path.absolute().parent.is_dir():
        raise RunNotWritable(f"{path}: there is no directory {path.absolute().parent}; make it first.")
    try:
        lock.acquire()
    except (Timeout, OSError) as error:
        if isinstance(error, Timeout) and Path(lock.lock_file).exists():
            raise RunInUse(f"another process writes {path}; wait for it to end, or choose another path.") from None
        raise RunNotWritable(f"{path} cannot be written; choose a directory you may write to.") from error
    return lock


def _plain(value: Any) -> Any:
    """Give data as JSON gives it back."""
    return json.loads(json.dumps(value, default=lambda x: sorted(x) if isinstance(x, frozenset) else dict(x)))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _git_state() -> dict[str, Any] | None:
    """Give commit and cleanness of the working directory's repository, None outside one."""
    try:
        commit, status = (
            subprocess.run(["git", *words], capture_output=True, text=True, timeout=5, check=True).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "clean": not status}
