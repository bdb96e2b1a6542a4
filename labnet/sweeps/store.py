"""A sweep on disk: a directory with its definition and Parquet files; a job's file appears whole or not at all."""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import Timeout

from labnet.errors import NotARun, RunError, RunExists, RunInUse, RunMismatch, RunNotWritable, RunTooNew
from labnet.experiment import Experiment
from labnet.files import whole_file
from labnet.origin import made_with
from labnet.rules import Costs, stored_rule
from labnet.runs.store import write_lock
from labnet.sweeps.job import COMPLETE, FRAMES
from labnet.sweeps.over import Over

FrameName = Literal["error", "final", "points"]
FORMAT_VERSION = 1
_DEFINITION, _JOBS = "sweep.json", "jobs"


class Sweep:
    """The results of a sweep, finished or not; `Sweep.open` reads one from disk.

    Attributes
    ----------
    path : Path or None
        Its directory; None for one that was kept in memory.
    experiment : Experiment
        What all points share.
    over : Over
        Keys and values; point n is ``experiment.changed(over.changes(n))``.
    """

    def __init__(self, path: Path | None, experiment: Experiment, over: Over, jobs: Sequence[pa.Table] = ()) -> None:
        self.path, self.experiment, self.over = path, experiment, over
        self._jobs = jobs

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the directory of a sweep, whether it is finished, interrupted or being written.

        Raises
        ------
        NotARun
            For a missing directory, some other or a damaged one.
        RunTooNew
        """
        data = _read_definition(Path(path))
        given = data["experiment"]
        if "rule" in given:
            given = {**given, "rule": stored_rule(given["rule"])}
        return cls(Path(path), Experiment(**given), Over.from_dict(data["over"]))

    def frame(self, name: FrameName) -> pd.DataFrame:
        """Give a tidy pandas frame, in the order of points; a point that failed has what it did until then.

        Parameters
        ----------
        name : str
            One of these; `point` and a column for each swept key (the first of linked keys) come first.
            error: step, steps_p (steps x p), set, cost_v2, scaled_error (cost / cost at the start), accuracy, and
            settlings, readings, writes: what learning took up to there, as in `labnet.Run.frame` (NaN in sweeps that
            were stored before labnet counted them);
            final: step, edge, and wiper or resistance_ohm or both, at the end and at steps that the experiment logs;
            points: status ("complete", or why it failed), steps.
        """
        if name not in get_args(FrameName):
            raise RunError(f"frame is {name!r}; allowed: {', '.join(get_args(FrameName))}.")
        return cast(pd.DataFrame, self._table(name).to_pandas())

    def summary(self) -> pd.DataFrame:
        """Give a row for each combination of swept keys that are no seeds, with what its points came to.

        Columns: the keys; points, failed; train and, where there is one, test: the median of the last scaled errors.
        """
        keys = [linked[0] for linked in self.over.keys if not all(key.endswith("seed") for key in linked)]
        points, errors = self.frame("points"), self.frame("error")
        rows = points[["point", *keys]].assign(points=1, failed=points["status"] != COMPLETE)
        whole = errors["point"].isin(points["point"][~rows["failed"]])
        last = errors[whole].groupby(["point", "set"], sort=False)["scaled_error"].last().unstack()
        rows = rows.join(last, on="point")
        how = {"points": "sum", "failed": "sum"} | dict.fromkeys(last.columns, "median")
        return rows.groupby(keys or np.zeros(len(rows)), sort=False).agg(how).reset_index(drop=not keys)

    def _table(self, name: FrameName) -> pa.Table:
        if self.path is None:
            return tidy(name, self._jobs, self.over)
        for _ in range(2):  # it may become whole while its jobs are read
            if (self.path / "points.parquet").exists():
                return _read(self.path / f"{name}.parquet")
            try:
                return tidy(name, [_read(file) for file in _job_files(self.path)], self.over)
            except FileNotFoundError:
                continue
        raise NotARun(f"{self.path}: files of this sweep were removed while it was read.")

    def __repr__(self) -> str:
        done = self._table("points").num_rows
        return f"<Sweep {self.path or 'in memory'}: {done} of {len(self.over.values)} points>"


class SweepWriter:
    """The one writer of a sweep. A context manager, which holds the lock.

    Parameters
    ----------
    path : path, optional
        The directory; None keeps the sweep in memory.
    experiment : Experiment
    over : Over
    resume : bool
        Go on with the sweep at `path`; start it where there is none.

    Raises
    ------
    RunExists, RunInUse, RunNotWritable, NotARun, RunTooNew, RunMismatch
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, experiment: Experiment, over: Over, resume: bool = False
    ) -> None:
        self.path = None if path is None else Path(path).resolve()
        self._experiment, self._over = experiment, over
        self._jobs: list[pa.Table] = []
        if self.path is None:
            return
        if not resume and self.path.exists():
            raise RunExists(
                f"{self.path} exists, and a sweep is never overwritten; choose another path, or resume it (labnet "
                "sweep --resume, or resume=True)."
            )
        try:
            self.path.mkdir(exist_ok=True)
            self._lock = write_lock(self.path / _DEFINITION)
            self._lock.acquire()
        except FileExistsError:
            raise NotARun(f"{self.path} is a file, no sweep; choose another path.") from None
        except Timeout:
            raise RunInUse(f"another process writes {self.path}; wait for it, or choose another path.") from None
        except OSError as error:
            raise RunNotWritable(
                f"{self.path} cannot be written ({error.strerror}); choose a place in a directory that exists and "
                "that you may write to."
            ) from None
        try:
            self._begin(self.path)
        except BaseException:
            self.close()
            raise

    def _begin(self, path: Path) -> None:
        """Write what the sweep is, or see that it is this one."""
        now = {"experiment": self._experiment.to_dict(), "over": self._over.to_dict()}
        _sweep_up(path, _JOBS)
        if not (path / _DEFINITION).exists():
            if others := [file.name for file in path.iterdir() if not file.name.startswith((_DEFINITION, _JOBS))]:
                raise NotARun(f"{path} is no sweep, it has {others[0]}; choose another path.")
            (path / _JOBS).mkdir(exist_ok=True)
            with whole_file(path / _DEFINITION) as unfinished:
                text = json.dumps({"format": FORMAT_VERSION, **now, **made_with()}, indent=1, allow_nan=False)
                unfinished.write_text(text, encoding="utf-8")
            return
        was = _read_definition(path)
        if was["over"] != now["over"]:
            raise RunMismatch(f"{path} is a sweep over other keys or values; give the same ones, or a new path.")
        if was["experiment"] != now["experiment"]:
            keys = was["experiment"].keys() | now["experiment"].keys()
            differing = sorted(key for key in keys if was["experiment"].get(key) != now["experiment"].get(key))
            shown = "; ".join(
                f"{key} was {was['experiment'].get(key)}, is {now['experiment'].get(key)}" for key in differing
            )
            raise RunMismatch(f"{path} is a sweep of another experiment: {shown}. Give the same, or a new path.")

    def stored(self) -> set[int]:
        """Give the points whose results are stored."""
        if self.path is None:
            return set()
        return set(self.sweep().frame("points")["point"].tolist())

    def add(self, job: pa.Table) -> None:
        """Store the rows of a job; they are all there from now on, or none is."""
        if self.path is None:
            self._jobs.append(job)
            return
        first = pc.min(job["point"]).as_py()
        with whole_file(self.path / _JOBS / f"{first:07d}.parquet") as unfinished:
            pq.write_table(job, unfinished)

    def finish(self) -> None:
        """Put the rows of all jobs together, a file a frame; "points" last: with it, the sweep is whole."""
        if self.path is None:
            return
        if not (self.path / "points.parquet").exists():
            jobs = [_read(file) for file in _job_files(self.path)]
            for name in get_args(FrameName):
                with whole_file(self.path / f"{name}.parquet") as unfinished:
                    pq.write_table(tidy(name, jobs, self._over), unfinished)
        shutil.rmtree(self.path / _JOBS, ignore_errors=True)

    def sweep(self) -> Sweep:
        """Give the sweep as it stands."""
        return Sweep(self.path, self._experiment, self._over, self._jobs)

    def close(self) -> None:
        """Let go of the lock."""
        if self.path is not None and self._lock.is_locked:
            Path(self._lock.lock_file).unlink(missing_ok=True)  # while it is held: nobody holds one on a lost file
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tidy(name: str, jobs: Sequence[pa.Table], over: Over) -> pa.Table:
    """Give the rows of a frame, in the order of points, with the columns of the swept keys."""
    parts = [job.filter(pc.equal(job["frame"], name)).select(FRAMES[name].names) for job in jobs]
    table = pa.concat_tables([FRAMES[name].empty_table(), *parts])
    table = table.take(pc.array_sort_indices(table["point"]))  # stable
    at = 1
    for place, column in enumerate(over.columns):
        if column in FRAMES[name].names:  # a swept length: the frame says how many steps were done
            continue
        values = _column([row[place] for row in over.values])
        table, at = table.add_column(at, column, values.take(table["point"])), at + 1
    if name == "final" and table.num_rows:  # a rule moves wipers or resistances
        unmoved = [column for column in ("wiper", "resistance_ohm") if table[column].null_count == table.num_rows]
        table = table.drop_columns(unmoved)
    return table


def _column(values: list[Any]) -> pa.Array:
    """Give values as a column: numbers or text where all are, else as JSON says them."""
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        return pa.array(values, pa.float64())
    if len(kinds) == 1 and kinds <= {bool, int, float, str}:
        with suppress(OverflowError):  # an integer of more than 64 bits
            return pa.array(values)
    return pa.array([json.dumps(value) for value in values])


def _job_files(path: Path) -> list[Path]:
    return sorted(file for file in (path / _JOBS).glob("*.parquet") if not file.name.startswith("."))


def _read(file: Path) -> pa.Table:
    try:
        table = pq.read_table(file, partitioning=None)
    except pa.ArrowInvalid as error:
        raise NotARun(f"{file} is damaged ({error}); remove it and resume the sweep.") from None
    if "scaled_error" in table.column_names:
        for name in set(Costs._fields).difference(table.column_names):  # stored before they were counted
            table = table.append_column(name, pa.nulls(len(table), pa.int64()))
    return table


def _read_definition(path: Path) -> dict[str, Any]:
    try:
        data = json.loads((path / _DEFINITION).read_text(encoding="utf-8"))
        version = data["format"]
    except OSError:
        raise NotARun(f"there is no sweep {path}; 'labnet sweep' and labnet.sweep write sweeps.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotARun(f"{path / _DEFINITION} is damaged ({error}).") from None
    if version > FORMAT_VERSION:
        raise RunTooNew(
            f"{path} has format {version}; this labnet reads up to {FORMAT_VERSION}. Install a newer labnet to open it."
        )
    return cast(dict[str, Any], data)


def _sweep_up(path: Path, jobs: str) -> None:
    """Remove what a killed writer left half written."""
    for file in [*path.glob(".unfinished-*"), *(path / jobs).glob(".unfinished-*")]:
        file.unlink(missing_ok=True)
