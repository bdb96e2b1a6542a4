"""Reading a run, also while another process writes it."""

import json
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from labnet.board import nominal_ohm
from labnet.calibration import Calibration
from labnet.errors import NotARun, RunError, RunMismatch, UnreachableTarget
from labnet.networks import Network
from labnet.plan import Plan
from labnet.records import ARRAY_FIELDS
from labnet.rules import stored_rule
from labnet.runs.frames import FrameName, frame
from labnet.runs.parameters import task_kind
from labnet.runs.store import check_format, connect, has_writer, typed_errors
from labnet.tasks import KINDS, Task

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_FIELDS = {field.name: field for field in ARRAY_FIELDS}


class Run:
    """One training on disk, read-only. A context manager; `Run.open` opens one."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a run file, whether it is finished, interrupted or being written.

        Raises
        ------
        NotARun
            For a missing file, some other file or a damaged one.
        RunTooNew
        """
        return cls(Path(path), _connected(Path(path)))

    def reopen(self) -> Self:
        """Open the file again after `close`; what describes the run is not read twice.

        Raises
        ------
        RunMismatch
            Another run is there now.
        NotARun
        """
        self._connection = _connected(self.path)
        known = vars(self).get("meta")  # where it was read
        if known and (self._meta("created"), self._meta("plan")) != (known["created"], known["plan"]):
            self.close()
            raise RunMismatch(f"{self.path} is another run now; open that one with labnet.Run.open.")
        return self

    def _meta(self, key: str) -> Any:
        with typed_errors(self.path):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    @property
    def status(self) -> str:
        """One of complete, interrupted, failed: ..., running, or stopped (killed: nobody was left to say so)."""
        status = str(self._meta("status"))
        if status == "running" and not has_writer(self.path):
            status = str(self._meta("status"))  # the writer may have ended just now, having said so
            return "stopped" if status == "running" else status
        return status

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Everything stored about the run: experiment, plan, network, board, versions, git state, ..."""
        with typed_errors(self.path):
            rows = self._connection.execute(
                "SELECT key, value FROM meta WHERE key NOT IN ('status', 'findings', 'warnings')"
            ).fetchall()
        return {key: json.loads(value) for key, value in rows}

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was found broken on the way, and which edges were masked when; see `labnet.inspection`."""
        return list(self._meta("findings") or [])

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What labnet warned of while it was trained: step (how many were logged by then), time (UTC), text."""
        return list(self._meta("warnings") or [])

    @cached_property
    def network(self) -> Network:
        """The network it ran on."""
        data = {key: value for key, value in self.meta["network"].items() if key != "digest"}
        positions = data.pop("positions")
        return Network(
            np.array(data.pop("edges")), positions=None if positions is None else np.array(positions), **data
        )

    @cached_property
    def plan(self) -> Plan:
        """The plan it ran."""
        rule = stored_rule(self.meta["plan"]["rule"], self.meta.get("rule_class", ""))
        return Plan(**self.meta["plan"] | {"rule": rule, "task": self.task})

    @property
    def updates_per_step(self) -> float:
        """How often an edge steps in a step, in the mean: p, where there is a global clock."""
        return self.plan.clock.updates_per_step(self.meta["board"].get("self_trigger_hz"))

    @cached_property
    def task(self) -> Task:
        """The task it learned."""
        data = self.meta["plan"]["task"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnreachableTarget)
            return KINDS[data["kind"]].from_dict(self.network, data)

    @property
    def task_kind(self) -> str:
        """What its task is called: by its experiment, where there is one, else as the file has it."""
        return task_kind(self.meta)

    @cached_property
    def calibration(self) -> Calibration | None:
        """The calibration that its board was used with."""
        data = self.meta.get("calibration")
        return None if data is None else Calibration(**data)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the run as it is now, while another process goes on writing it."""
        with typed_errors(self.path):
            self._connection.execute("SAVEPOINT moment")
        try:
            yield
        finally:
            with suppress(sqlite3.DatabaseError):  # of a damaged file: what went wrong before it is the error to see
                self._connection.execute("RELEASE moment")

    def steps(self) -> NDArray[np.int64]:
        """Give the logged steps, ascending; the closing record counts as step `plan.steps`."""
        with typed_errors(self.path):
            rows = self._connection.execute("SELECT step FROM record ORDER BY step").fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1)

    def steps_before(self, step: int, count: int = 1) -> NDArray[np.int64]:
        """Give the last `count` logged steps at or before a step, ascending; without reading all."""
        query = "SELECT step FROM record WHERE step <= ? ORDER BY step DESC LIMIT ?"
        with typed_errors(self.path):
            rows = self._connection.execute(query, (int(step), count)).fetchall()
        return np.array(rows[::-1], dtype=np.int64).reshape(-1)

    def logged(self, step: int) -> tuple[int, float, bool]:
        """Give example, time_s and clipped of a logged step."""
        with typed_errors(self.path):
            query = "SELECT example, time_s, clipped FROM record WHERE step = ?"
            example, time_s, clipped = self._connection.execute(query, (int(step),)).fetchone()
        return example, time_s, bool(clipped)

    def logged_all(self) -> NDArray[Any]:
        """Give step, example, time_s and clipped of all logged steps: structured, shape (S,)."""
        types = np.dtype([("step", "i8"), ("example", "i8"), ("time_s", "f8"), ("clipped", "?")])
        query = "SELECT step, example, time_s, clipped FROM record ORDER BY step"
        with typed_errors(self.path):
            return np.fromiter(self._connection.execute(query), dtype=types)

    def steps_done(self) -> int:
        """Give how far it got: the last logged step, or the later one that it would go on from; 0 at the start."""
        query = "SELECT max(ifnull((SELECT max(step) FROM record), 0), ifnull((SELECT max(step) FROM state), 0))"
        with typed_errors(self.path):
            return int(self._connection.execute(query).fetchone()[0])

    def errors_from(self, step: int, set_name: str, most: int = -1) -> NDArray[Any]:
        """Give the measurements of a set from a step on, the first `most`: structured, step, cost_v2 and accuracy."""
        query = 'SELECT step, cost_v2, accuracy FROM error WHERE "set" = ? AND step >= ? ORDER BY step LIMIT ?'
        types = np.dtype([("step", "i8"), ("cost_v2", "f8"), ("accuracy", "f8")])
        with typed_errors(self.path):
            return np.fromiter(self._connection.execute(query, (set_name, int(step), most)), dtype=types)

    def final_errors(self) -> dict[str, tuple[float, float]]:
        """Give scaled error and accuracy of each set that was measured, as they were last; without reading all."""
        query = 'SELECT cost_v2, accuracy FROM error WHERE "set" = ? ORDER BY step'
        found = {}
        with typed_errors(self.path):
            for name in ("train", "test"):
                start = self._connection.execute(f"{query} LIMIT 1", (name,)).fetchone()
                end = self._connection.execute(f"{query} DESC LIMIT 1", (name,)).fetchone()
                if end is not None:
                    scaled = end[0] / start[0] if start[0] else float("nan")
                    found[name] = (scaled, float("nan") if end[1] is None else end[1])
        return found

    def clipped_share(self, steps: int) -> float:
        """Give in which share of the last `steps` logged steps a clamped voltage was cut to the source's range."""
        query = "SELECT avg(clipped) FROM (SELECT clipped FROM record ORDER BY step DESC LIMIT ?)"
        with typed_errors(self.path):
            return float(self._connection.execute(query, (steps,)).fetchone()[0] or 0.0)

    def array(self, field: str, steps: ArrayLike | None = None) -> NDArray[Any]:
        """Give one field of the records as an array.

        Parameters
        ----------
        field : str
            v_free, v_clamped, directions, enabled, wipers or resistances_ohm.
        steps : array_like of int, optional
            Which logged steps; all by default.

        Returns
        -------
        numpy.ndarray, shape (S, n) or (S, E)
            NaN or -1 where the field was not logged.
        """
        if field not in _FIELDS:
            raise RunError(f"field is {field!r}; allowed: {', '.join(_FIELDS)}.")
        chosen = _FIELDS[field]
        width = self.network.node_count if chosen.per == "node" else self.network.edge_count
        with typed_errors(self.path):
            if steps is None:
                rows = self._connection.execute(f"SELECT {field} FROM record ORDER BY step").fetchall()
            else:
                query = f"SELECT {field} FROM record WHERE step = ?"
                rows = [
                    self._connection.execute(query, (int(step),)).fetchone() or (None,)
                    for step in np.atleast_1d(np.asarray(steps))
                ]
        empty = np.full(width, chosen.missing).astype(chosen.dtype).tobytes()
        joined = b"".join(blob or empty for (blob,) in rows)
        return np.frombuffer(joined, dtype=chosen.dtype).reshape(len(rows), width)

    def resistances_ohm(self, steps: ArrayLike | None = None) -> NDArray[np.float64]:
        """Give resistances at logged steps (all by default), shape (S, E): nominal ones where wipers were logged.

        NaN where neither was.
        """
        moved = self.moved(steps)
        if self.plan.moves == "resistances":
            return moved
        pot = {name: self.meta["board"][name] for name in ("wiper_ohm", "end_to_end_ohm", "wiper_positions")}
        return nominal_ohm(moved, **pot)

    def moved(self, steps: ArrayLike | None = None) -> NDArray[np.float64]:
        """Give what learning moved at logged steps (all by default), shape (S, E): wipers, or resistances in ohms.

        NaN where not logged.
        """
        if self.plan.moves == "resistances":
            return np.asarray(self.array("resistances_ohm", steps), dtype=np.float64)
        wipers = self.array("wipers", steps)
        return np.where(wipers < 0, np.nan, wipers)

    def frame(self, name: FrameName, rms: bool = False) -> pd.DataFrame:
        """Give a tidy pandas frame.

        Parameters
        ----------
        name : str
            One of these, with their columns.
            error: step, steps_p (steps x p), set, cost_v2, scaled_error (cost / cost at the start), accuracy;
            settlings, readings, writes: what learning took up to there, measurements aside (node voltages read,
            resistances or wipers written; NaN where the class of the rule is not here or edges step by themselves);
            cost_std_v2, scaled_error_std: how far errors may be off by what is not known of readings (NaN where the
            board was used without a calibration of them);
            steps: step, example, time_s, clipped (a clamped voltage was cut to the source's range);
            wipers: step, edge, wiper; resistances: step, edge, resistance_ohm;
            voltages: step, node, v_free, v_clamped; updates: step, edge, direction, enabled (where that is -1, neither
            was logged: nobody latches what edges do that step by themselves).
        rms : bool
            Scale root mean square errors instead of costs ("error" only).
        """
        return frame(self, name, rms)

    def plot(self) -> "Figure":
        """Draw the run: scaled error, wiper traces, and the network as it ended."""
        from labnet import plots  # matplotlib is slow to import, and no other reader needs it

        return plots.run_figure(self)

    def to_xarray(self, steps: ArrayLike | None = None) -> "xr.Dataset":
        """Give the run as an xarray dataset: what was logged and measured, beside steps, nodes and edges.

        Dimensions are step (S), node (n), edge (E), set ("train", "test") and measured (steps before which errors were
        measured). Coordinates: steps_p (steps x p), time_s and example by step; node_x, node_y; edge_from, edge_to.
        What was not logged is NaN, or -1 in integers; a direction is known where enabled is not -1. Variables have
        `units` and `long_name`; the dataset's attributes hold all that the run says about itself, as text or JSON.

        Parameters
        ----------
        steps : array_like of int, optional
            Which logged steps; all by default.

        Returns
        -------
        xarray.Dataset
            ``to_netcdf`` writes it to a file.

        Raises
        ------
        MissingExtra
            Without xarray: ``pip install "labnet[xarray]"``.
        RunError
            For a step that is not logged.
        """
        from labnet.runs.xarray import to_xarray  # no other reader needs xarray

        return to_xarray(self, steps)

    def export(self, to: Literal["csv", "parquet", "mat"], out: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the run in another format; see `labnet.runs.export`."""
        from labnet.runs.export import export  # keeps scipy.io and pyarrow out of every start

        return export(self, to, out)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.task_kind} on {self.network.name}, {self.status}>"


def _connected(path: Path) -> sqlite3.Connection:
    if path.is_dir():
        raise NotARun(f"{path} is a directory, no run file; labnet.Sweep.open opens a sweep.")
    if not path.is_file():
        raise NotARun(f"there is no run file {path}; 'labnet run' and labnet.train write runs.")
    with typed_errors(path):
        connection = connect(path, read_only=True)
        try:
            check_format(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection
