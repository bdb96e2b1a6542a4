"""Writing a run, one transaction a log point; a second writer is refused, a killed one loses nothing committed."""

import io
import json
import logging
import os
import sqlite3
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from filelock import Timeout
from numpy.typing import NDArray

from labnet.board import Board
from labnet.errors import RunError, RunExists, RunInUse, RunNotWritable, WalKept
from labnet.interrupts import finish
from labnet.plan import Plan
from labnet.records import ARRAY_FIELDS, Block, Record
from labnet.runs.identity import check_same, describe
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
    write_lock,
)

_log = logging.getLogger(__name__)

_MOST_WARNINGS = 1000  # that are kept
_INSERT = f"INSERT OR REPLACE INTO record VALUES ({', '.join('?' * (4 + len(ARRAY_FIELDS)))})"

_TRIES = 50  # to make a run one file, while others look at it
_TRY_EVERY_S = 0.01

State = dict[str, NDArray[Any]]


def _held(database: sqlite3.Connection) -> str:
    """Say how far the run in a file got, where there is one."""
    with suppress(sqlite3.DatabaseError, TypeError):  # no run, or one that was killed while its file was being made
        (status,) = database.execute("SELECT value FROM meta WHERE key = 'status'").fetchone()
        (records,) = database.execute("SELECT count(*) FROM record").fetchone()
        return f" ({json.loads(status).partition(':')[0]}, {records:,} records)"
    return ""


def _row(record: Record) -> tuple[Any, ...]:
    blobs = [np.asarray(getattr(record, f.name), f.dtype).tobytes() or None for f in ARRAY_FIELDS]
    return record.step, record.example, record.time_s, record.clipped, *blobs


class RunWriter:
    """The one writer of a run file. A context manager: leaving it says in the file how the run ended.

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
        experiment: Mapping[str, Any] | None = None,
        resume: bool = False,
        durable: bool = False,
    ) -> None:
        # Resolved: one lock for every spelling of a path, and no trouble when the working directory changes.
        self.path = MEMORY if path is None else Path(path).resolve()
        self._lock = write_lock(self.path)
        self._steps = plan.steps
        self._connection: sqlite3.Connection | None = None
        try:
            self._take_lock()
            with typed_errors(self.path):
                begun = self._recognised(board, plan, resume)
                self._connection = connect(self.path, read_only=False)
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                if not begun:
                    self._begin(describe(board, plan, experiment or {}))
            self._set_meta("status", "running")
            how = f"goes on after step {self._last_step():,}" if begun else "begins"
        except BaseException:
            finish(self._release)
            raise
        _log.info("run %s %s: %s on %s, %s steps", self.path, how, plan.task.kind, board.address, f"{plan.steps:,}")

    def _take_lock(self) -> None:
        """Take the lock that tells a second writer."""
        if self.path == MEMORY:
            return
        try:
            if not self.path.parent.is_dir():
                raise RunNotWritable(f"{self.path}: there is no directory {self.path.parent}; make it first.")
            self._lock.acquire()
        except (Timeout, PermissionError, FileNotFoundError, NotADirectoryError) as error:
            if isinstance(error, Timeout) and Path(self._lock.lock_file).exists():
                raise RunInUse(f"another process writes {self.path}; wait for it, or choose another path.") from None
            raise RunNotWritable(f"{self.path} cannot be written; choose a directory you may write to.") from error

    def _recognised(self, board: Board, plan: Plan, resume: bool) -> bool:
        """Tell whether the file holds this run already; look only, and refuse what is not this run."""
        if self.path == MEMORY or not self.path.exists():
            return False
        with closing(connect(self.path, read_only=True)) as database:
            if not resume:
                raise RunExists(
                    f"{self.path} exists{_held(database)}, and a run is never overwritten; choose another path, remove "
                    "it, or resume it (labnet run --resume, or resume=True)."
                )
            if is_empty(database):  # killed while its file was being made
                return False
            check_format(database, self.path)
            stored = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM meta")}
        check_same(self.path, stored, board, plan)
        return True

    def _begin(self, meta: Mapping[str, Any]) -> None:
        """Write all that describes the run, in one transaction."""
        database = self._database
        fields = [
            (f.name, f.dtype, f.per, f.unit, None if np.isnan(f.missing) else f.missing, f.meaning)
            for f in ARRAY_FIELDS
        ]
        database.execute("BEGIN")
        for statement in SCHEMA.split(";")[:-1]:
            database.execute(statement)
        database.executemany("INSERT INTO field VALUES (?, ?, ?, ?, ?, ?)", fields)
        rows = [(key, json.dumps(value, allow_nan=False)) for key, value in meta.items()]
        database.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        database.execute("COMMIT")

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RunError(f"{self.path} was closed; nothing more can be written.")
        return self._connection

    def _set_meta(self, key: str, value: Any) -> None:
        with typed_errors(self.path):
            row = (key, json.dumps(value, allow_nan=False))
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)

    def add_block(self, block: Block) -> None:
        """Commit what a block holds; what was logged before is written again (a resumed run goes over some)."""
        rows = [_row(record) for record in block.records]
        errors = [(e.step, e.set, e.cost_v2, None if np.isnan(e.accuracy) else e.accuracy) for e in block.errors]
        if not rows and not errors:
            return
        try:  # not typed_errors: this is what every step of a host-paced run does
            if len(rows) == 1 and not errors:
                self._database.execute(_INSERT, rows[0])
                return
            self._database.execute("BEGIN")
            self._database.executemany(_INSERT, rows)
            self._database.executemany("INSERT OR REPLACE INTO error VALUES (?, ?, ?, ?)", errors)
            self._database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error

    def save_state(self, step: int, state: State) -> None:
        """Commit what the run goes on from, before a step; all earlier log points are committed by now."""
        if self.path != MEMORY and not self.path.exists():
            raise RunError(f"{self.path} was removed while it was written; what it held is lost. Run it anew.")
        fields = np.zeros((), [(name, value.dtype, value.shape) for name, value in state.items()])
        for name, value in state.items():
            fields[name] = value
        packed = io.BytesIO()
        np.save(packed, fields)  # not savez: its archive answers Ctrl-C with an error of its own
        with typed_errors(self.path):
            self._database.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (step, packed.getvalue()))

    def last_state(self) -> tuple[int, State] | None:
        """Give the latest stored state and the step it stands before; None at the very start."""
        with typed_errors(self.path):
            row = self._database.execute("SELECT step, snapshot FROM state").fetchone()
        if row is None:
            return None
        fields = np.load(io.BytesIO(row[1]), allow_pickle=False)
        return row[0], {name: fields[name] for name in fields.dtype.names or ()}

    def last_positions(self) -> tuple[int, State] | None:
        """Give wipers or resistances of the last record that has them, and its step; None where none has."""
        query = (
            "SELECT step, wipers, resistances_ohm FROM record "
            "WHERE wipers IS NOT NULL OR resistances_ohm IS NOT NULL ORDER BY step DESC LIMIT 1"
        )
        with typed_errors(self.path):
            row = self._database.execute(query).fetchone()
        if row is None:
            return None
        names = (("wipers", "<i2"), ("resistances_ohm", "<f8"))
        return row[0], {name: np.frombuffer(blob, t) for (name, t), blob in zip(names, row[1:], strict=True) if blob}

    def forget_from(self, step: int) -> None:
        """Remove what was logged from a step on: a board that cannot be put back goes another way from there."""
        with typed_errors(self.path):
            for table in ("record", "error"):
                self._database.execute(f"DELETE FROM {table} WHERE step >= ?", (step,))

    def findings(self) -> list[dict[str, Any]]:
        """Give what was noted of broken parts, and of edges that were masked."""
        return self._notes("findings")

    def note_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Commit what was found of broken parts, behind what was noted before."""
        if findings:
            self._set_meta("findings", [*self.findings(), *findings])

    def note_warning(self, text: str) -> None:
        """Commit a warning, with the last logged step and the time, behind those before; of very many the first."""
        noted = self._notes("warnings")
        if len(noted) < _MOST_WARNINGS:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._set_meta("warnings", [*noted, {"step": self._last_step(), "time": now, "text": text}])

    def _notes(self, key: str) -> list[dict[str, Any]]:
        with typed_errors(self.path):
            row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return list(json.loads(row[0])) if row else []

    def _last_step(self) -> int:
        """Give the last logged step, 0 where there is none."""
        with typed_errors(self.path):
            return int(self._database.execute("SELECT coalesce(max(step), 0) FROM record").fetchone()[0])

    def start_costs(self) -> dict[str, float]:
        """Give the cost of each set at step 0, where it is measured already."""
        with typed_errors(self.path):
            return dict(self._database.execute('SELECT "set", cost_v2 FROM error WHERE step = 0').fetchall())

    def is_complete(self) -> bool:
        """Tell whether the closing record is there."""
        query = "SELECT count(*) FROM record WHERE step = ?"
        with typed_errors(self.path):
            return bool(self._database.execute(query, (self._steps,)).fetchone()[0])

    def close(self, status: str) -> None:
        """Say how the run ended, and end the writing."""
        finish(lambda: self._end(status))

    def _end(self, status: str) -> None:
        if self._connection is None:
            return
        try:
            with typed_errors(self.path):
                self._connection.rollback()  # what Ctrl-C may have left half done
                self._set_meta("status", status)
                _log.info("run %s ended after step %s: %s", self.path, f"{self._last_step():,}", status)
                if self.path != MEMORY:
                    self._become_one_file(self._connection)
        finally:
            self._release()

    def _become_one_file(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA busy_timeout=1000")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for _ in range(_TRIES):  # ourselves: busy_timeout does not hold for this
            try:
                database.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                time.sleep(_TRY_EVERY_S)
            else:
                return
        warnings.warn(
            f"another process reads {self.path}, so {self.path.name}-wal stays beside it; keep them together. They "
            "become one file when the run is next resumed.",
            WalKept,
            stacklevel=8,
        )

    def _release(self) -> None:
        """Let go of file and lock; a run in memory stays, for its reader."""
        if self.path == MEMORY:
            return
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock.is_locked:
            # Removed while it is held, so that nobody can hold a lock on a file that is gone. (Windows keeps it.)
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
            self._lock.release()

    def run(self) -> Run:
        """Give the run, opened for reading."""
        return Run(self.path, self._database) if self.path == MEMORY else Run.open(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close("complete")
            return
        with suppress(RunError):  # what ended the run is the error to see
            self.close("interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error}")
        if self.path == MEMORY and self._connection is not None:
            self._connection.close()
