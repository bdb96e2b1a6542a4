"""Making a figure: its sweeps, its numbers as JSON, its picture."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from labnet.figures.figure import Curve, Figure, Findings, curves, failures
from labnet.files import made_folder, whole_file
from labnet.origin import made_with
from labnet.sweeps import Sweep, sweep

_DPI = 200


class Made(NamedTuple):
    """A figure as it was made."""

    findings: Findings
    picture: Path
    seconds: float


def make(
    figure: Figure,
    file: str | os.PathLike[str],
    out: str | os.PathLike[str] = "figures",
    *,
    quick: bool = False,
    progress: bool = True,
) -> Made:
    """Make a figure: run its sweeps, or go on with them, and write data, numbers and picture.

    Parameters
    ----------
    figure : Figure
    file : path
        Its settings; see `labnet.figures.figure.curves`.
    out : path
        Directory: NAME.png, NAME.json and a sweep NAME-CURVE.sweep for each curve; NAME-quick for quick ones.
    quick : bool
        With what the file's table ``[quick]`` changes: fewer tasks and steps.
    progress : bool
        Show a progress bar for each sweep in a terminal or notebook.

    Raises
    ------
    ExperimentError
        For a file with a mistake.
    RunNotWritable
        Where `out` cannot be made.
    RunMismatch
        Where `out` has sweeps of other settings.
    """
    began = time.monotonic()
    folder = made_folder(Path(out))
    stem = figure.name + ("-quick" if quick else "")
    sweeps: dict[str, Sweep] = {}
    settings: dict[str, Any] = {}
    for curve in list(curves(file, quick)):
        sweeps[curve.name] = sweep(
            curve.experiment, curve.over, path=folder / _directory(stem, curve), resume=True, progress=progress
        )
        settings[curve.name] = curve.settings
    findings = figure.find(sweeps)
    fewer = ("made with --quick: fewer tasks and steps than the whole figure",) if quick else ()
    findings = findings._replace(found=findings.found + failures(sweeps) + fewer)
    seconds = time.monotonic() - began
    written = {
        "figure": figure.name,
        "quick": quick,
        "statement": figure.statement,
        **findings._asdict(),
        "settings": settings,
        "seconds": round(seconds, 1),
        **made_with(),
    }
    with whole_file(folder / f"{stem}.json") as unfinished:
        unfinished.write_text(json.dumps(written, indent=1, ensure_ascii=False), encoding="utf-8")
    picture = folder / f"{stem}.png"
    with whole_file(picture) as unfinished:
        figure.draw(sweeps, findings).savefig(unfinished, dpi=_DPI, format="png")
    return Made(findings, picture, seconds)


def _directory(stem: str, curve: Curve) -> str:
    name = re.sub(r"[^\w.=-]+", "-", curve.name).strip("-")
    return f"{stem}-{name}.sweep"
