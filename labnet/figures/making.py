"""Making a figure: its sweeps, its numbers as JSON, its picture."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from labnet.errors import ExperimentError, PlanError
from labnet.figures.figure import Curve, Figure, Findings, Sweeps, curves, failures
from labnet.figures.figure import settings as read_settings
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
    """Make a figure: run its sweeps, or go on with them (or measure), and write data, numbers and picture.

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
    if figure.measure is None:
        data, settings = _swept(file, folder, stem, quick, progress)
        failed = failures(data)
    else:
        settings, failed = read_settings(file, quick), ()
        try:
            data = figure.measure(settings)
        except PlanError as error:
            raise ExperimentError(f"{file}: {error}", error.problems) from None
    findings = figure.find(data)
    fewer = ("made with --quick: less of everything than the whole figure",) if quick else ()
    findings = findings._replace(found=findings.found + failed + fewer)
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
        figure.draw(data, findings).savefig(unfinished, dpi=_DPI, format="png")
    return Made(findings, picture, seconds)


def _swept(
    file: str | os.PathLike[str], folder: Path, stem: str, quick: bool, progress: bool
) -> tuple[Sweeps, dict[str, Any]]:
    """Run the sweeps of a file; give them and their settings, by curve."""
    sweeps: dict[str, Sweep] = {}
    settings: dict[str, Any] = {}
    for curve in list(curves(file, quick)):
        sweeps[curve.name] = sweep(
            curve.experiment, curve.over, path=folder / _directory(stem, curve), resume=True, progress=progress
        )
        settings[curve.name] = curve.settings
    return sweeps, settings


def _directory(stem: str, curve: Curve) -> str:
    name = re.sub(r"[^\w.=-]+", "-", curve.name).strip("-")
    return f"{stem}-{name}.sweep"
