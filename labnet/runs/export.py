"""A run in other formats: CSV and Parquet (a file a frame), MATLAB .mat (one file)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from labnet.errors import RunError, RunExists
from labnet.files import made_folder, whole_file
from labnet.records import ARRAY_FIELDS
from labnet.runs.store import MEMORY

if TYPE_CHECKING:
    from labnet.runs.frames import FrameName
    from labnet.runs.run import Run

Format = Literal["csv", "parquet", "mat"]


def export(run: "Run", to: Format, out: str | os.PathLike[str] | None = None) -> list[Path]:
    """Write a run in another format, beside the run file or in the directory `out`; gives the files written.

    CSV and Parquet: one file a frame, called ``RUN-error.csv`` and so on. MATLAB: ``RUN.mat`` with the arrays of all
    fields (steps x nodes or edges), the errors, edges and terminals; nodes and edges count from 0 there too.

    Raises
    ------
    RunExists
        When a file is there already; nothing is written then.
    RunNotWritable
        Where the directory cannot be made.
    RunError
        For an unknown format.
    """
    if to not in get_args(Format):
        raise RunError(f"format is {to!r}; allowed: {', '.join(get_args(Format))}.")
    stem = "run" if run.path == MEMORY else run.path.stem
    folder = run.path.parent if out is None else Path(out)
    frames: tuple[FrameName, ...] = ("error", "steps", _moved(run), "voltages", "updates")
    names = [f"{stem}.mat"] if to == "mat" else [f"{stem}-{frame}.{to}" for frame in frames]
    files = [folder / name for name in names]
    if present := [file for file in files if file.exists()]:
        raise RunExists(f"{present[0]} exists and is not overwritten; remove it, or choose another directory.")
    made_folder(folder)
    with run.at_one_moment():
        for file, name in zip(files, frames, strict=False):
            with whole_file(file) as unfinished:
                if to == "mat":
                    from scipy.io import savemat  # slow to import, and no other command needs it

                    savemat(unfinished, _arrays(run), oned_as="column", do_compression=True)
                elif to == "csv":
                    run.frame(name).to_csv(unfinished, index=False)
                else:
                    run.frame(name).to_parquet(unfinished, index=False)
    return files


def _moved(run: "Run") -> Literal["wipers", "resistances"]:
    """Name the frame of what learning moved."""
    return "wipers" if run.plan.moves == "wipers" else "resistances"


def _arrays(run: "Run") -> dict[str, Any]:
    errors = run.frame("error")
    arrays: dict[str, Any] = {field.name: run.array(field.name) for field in ARRAY_FIELDS}
    for name in ("train", "test"):
        part = errors[errors["set"] == name]
        arrays[f"{name}_error"] = {
            column: part[column].to_numpy() for column in ("step", "steps_p", "cost_v2", "scaled_error", "accuracy")
        }
    arrays.update({str(column): values.to_numpy() for column, values in run.frame("steps").items()})
    arrays.update(
        {name: np.array(getattr(run.task, name), dtype=np.int64) for name in ("inputs", "outputs", "grounds")}
    )
    return arrays | {"edges": run.network.edges}
