"""The run files of a folder as a table. It is read from the files every time, and kept nowhere."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from labnet.errors import NotARun, RunError, RunTooNew
from labnet.runs import Run
from labnet.runs.conditions import Condition
from labnet.runs.parameters import origin, parameters
from labnet.runs.store import connect, has_writer, is_empty, is_marked

_SUFFIX = ".sqlite"
_MAGIC = b"SQLite format 3\0"
_FIRST = (
    *("path", "status", "title", "created", "board", "network", "task.kind", "rule.name", "clock.p", "eta"),
    *("steps_done", "steps", "train", "test", "accuracy"),
)


def catalogue(folder: str | os.PathLike[str], where: str | None = None) -> pd.DataFrame:
    """List the runs in a folder and the folders below it.

    Files called ``*.sqlite`` are listed, run or not, and files of any other name that are runs; hidden folders are not
    looked into. Runs that are being written are listed as far as they got.

    Parameters
    ----------
    folder : path
    where : str, optional
        A condition on the columns, such as ``clock.p < 0.5 and board.preset == 'lab'``; see
        `labnet.runs.conditions.Condition`.

    Returns
    -------
    pandas.DataFrame
        A row a file, ordered by folder and name. Columns: path; status (that of `Run.status`, or why there is nothing
        else: begun, empty, damaged, no run, too new, not readable); what the run was made with, by dotted keys
        (`labnet.runs.parameters`); steps_done, train and test (scaled errors as last measured), accuracy; title,
        address, created, versions.labnet and so on. NaN or None where a run has no such thing.

    Raises
    ------
    NotARun
        Where there is no such folder.
    ConditionError
    """
    condition = None if where is None else Condition(where)
    folder = Path(folder)
    if not folder.is_dir():
        what = f"{folder} is a file" if folder.exists() else f"there is no directory {folder}"
        raise NotARun(f"{what}; give a directory with run files in it, or below it.")
    rows = [row for file in _files(folder) if (row := _row(file))]
    columns = dict.fromkeys([*_FIRST, *(key for row in rows for key in row)])
    chosen = condition.select(rows, columns) if condition is not None and rows else rows
    return pd.DataFrame(chosen, columns=list(columns))


def _files(folder: Path) -> Iterator[Path]:
    """Give the files that may be runs, in the order of their paths."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if path.is_file() and (path.suffix == _SUFFIX or _is_database(path)):
                yield path


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _row(path: Path) -> dict[str, Any] | None:
    """Give what is listed of a file; None for a database of somebody else, and for a file that is gone."""
    row: dict[str, Any] = {"path": str(path)}
    try:
        with Run.open(path) as run:
            meta = run.meta
            row["status"] = run.status
            row |= {"title": meta["experiment"].get("title") or None, "address": meta["board"]["address"]}
            row |= parameters(meta) | origin(meta) | {"steps_done": run.steps_done()}
            for name, (error, accuracy) in run.final_errors().items():
                row |= {name: error} | ({} if accuracy != accuracy else {"accuracy": accuracy})
    except (RunError, LookupError, TypeError, ValueError, AttributeError) as error:
        with suppress(FileNotFoundError):  # removed meanwhile
            if trouble := _trouble(path, error):
                return row | {"status": trouble}
        return None
    return {key: value for key, value in row.items() if value is not None}


def _trouble(path: Path, error: Exception) -> str | None:
    """Say why a file cannot be read as a run; None where it is a database of somebody else."""
    if isinstance(error, RunTooNew):
        return "too new"
    if isinstance(error, OSError):
        return "not readable"
    if is_marked(path):
        return "damaged"
    if path.suffix != _SUFFIX:
        return None
    with suppress(sqlite3.DatabaseError), closing(connect(path, read_only=True)) as database:
        if is_empty(database):
            return "begun" if has_writer(path) else "empty"
    return "no run"
