"""The run file itself: SQLite, its tables, its version, and its errors in labnet's words."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from labnet.errors import DiskFull, NotARun, RunError, RunNotWritable, RunTooNew
from labnet.records import ARRAY_FIELDS

if sys.platform != "win32":
    import fcntl

APPLICATION_ID = 0x6C61626E  # "labn"
FORMAT_VERSION = 1
MEMORY = Path(":memory:")

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE field (
    name TEXT PRIMARY KEY, dtype TEXT NOT NULL, per TEXT NOT NULL, unit TEXT NOT NULL, missing REAL,
    meaning TEXT NOT NULL
);
CREATE TABLE record (
    step INTEGER PRIMARY KEY, example INTEGER NOT NULL, time_s REAL NOT NULL, clipped INTEGER NOT NULL,
    {", ".join(f"{field.name} BLOB" for field in ARRAY_FIELDS)}
);
CREATE TABLE error (
    step INTEGER NOT NULL, "set" TEXT NOT NULL, cost_v2 REAL NOT NULL, accuracy REAL, PRIMARY KEY (step, "set")
) WITHOUT ROWID;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), step INTEGER NOT NULL, snapshot BLOB NOT NULL);
"""


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as labnet's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise translated(error, path) from error


def translated(error: sqlite3.DatabaseError, path: Path) -> RunError:
    """Give labnet's error for one of SQLite's: it says what is lost (nothing committed) and what to do."""
    said = str(error).lower()
    if "closed database" in said:
        return RunError(f"{path} was closed; open it again with labnet.Run.open.")
    if "full" in said or "disk i/o" in said:
        return DiskFull(
            f"the disk is full or takes no more while writing {path} ({error}); every step committed so far is kept. "
            "Free some space and resume the run."
        )
    if "readonly" in said or "unable to open" in said:
        return RunNotWritable(
            f"{path} cannot be written ({error}); choose a directory that exists and that you may write to."
        )
    if "not a database" in said or "malformed" in said:
        return NotARun(f"{path} is no run of labnet, or it is damaged ({error}).")
    return RunError(f"{path}: {error}; every step committed so far is kept.")


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """Open the file; commits are explicit or one a statement."""
    if path == MEMORY:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    mode = "ro" if read_only else "rwc"
    # check_same_thread: a live view reads in a thread of its own; SQLite itself is serialised.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=10.0,
        check_same_thread=False,
    )


def is_marked(path: Path) -> bool:
    """Tell by its first bytes whether a file is a run; not yet of one that is just being begun."""
    with path.open("rb") as file:
        return file.read(72)[68:] == APPLICATION_ID.to_bytes(4, "big")  # where SQLite keeps it


def write_lock(path: Path) -> FileLock:
    """Give the lock that a run's writer holds; the system lets go of it when the process dies."""
    return FileLock(f"{path}.lock", timeout=0.2, poll_interval=0.01)


def has_writer(path: Path) -> bool:
    """Tell whether some process writes this run; makes no file, and many may ask at once."""
    lock = Path(f"{path}.lock")
    if path == MEMORY or not lock.exists():
        return False
    if sys.platform == "win32":
        try:
            with write_lock(path).acquire(timeout=0):
                return False
        except (Timeout, OSError):
            return True
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:  # the writer ended just now
        return False
    except OSError:
        return True
    return False


def is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether nothing was ever committed: a run that was killed while its file was being made."""
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])


def not_begun(path: Path) -> bool:
    """Tell whether there is no run yet: no file, or one that is just being made."""
    if not path.exists():
        return True
    try:
        with closing(connect(path, read_only=True)) as connection:
            return is_empty(connection)
    except sqlite3.DatabaseError:  # some other file
        return False


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raise unless the file is a run of this version or an older one.

    Raises
    ------
    NotARun, RunTooNew
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise NotARun(f"{path} is no run of labnet; give a file that 'labnet run' or labnet.train wrote.")
    if version > FORMAT_VERSION:
        raise RunTooNew(
            f"{path} has format {version}; this labnet reads up to {FORMAT_VERSION}. Install a newer labnet to open it."
        )
