"""Figures from file to picture, in small, and the files that ship."""

import json
import re
from pathlib import Path

import pytest
from planted import FILES
from typer.testing import CliRunner

import labnet
from labnet.cli import app
from labnet.errors import ExperimentError, RunMismatch
from labnet.figures import FIGURES, make
from labnet.figures.figure import curves
from labnet.sweeps import Over, Sweep

TINY = '[quick]\nsteps_p = 20\nover = { "task.seed, seed, board.seed" = { range = 3 } }\n'


SLOW = (
    "2a",
    "self-triggered",
    "desync-clocks",
    "desync-collapse",
    "desync-distance",
    "desync-map",
    "desync-size",
    "desync-tasks",
)
SWEPT = [name for name, figure in FIGURES.items() if figure.measure is None]  # the others have files of their own


def tiny(name: str, folder: Path) -> Path:
    """Write a figure's file with a [quick] that takes a moment."""
    file = folder / f"{name}.toml"
    text = (FILES / file.name).read_text(encoding="utf-8").partition("[quick]")[0]
    file.write_text(text.replace("range = [100, 150]", "range = [100, 103]") + TINY, encoding="utf-8")
    return file


def test_every_figure_has_its_file_and_every_file_its_figure() -> None:
    assert {file.stem for file in FILES.glob("*.toml")} == set(FIGURES)


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", SWEPT)
def test_every_point_of_the_shipped_files_can_be_trained(name: str, quick: bool) -> None:
    for curve in curves(FILES / f"{name}.toml", quick):
        over = Over.read(curve.over)
        ends = {curve.experiment.changed(over.changes(point)) for point in (0, len(over.values) - 1)}
        for experiment in ends:
            with labnet.open_board(experiment.board) as board:
                labnet.Controller(board, experiment.plan(board.network))


def triggers(name: str, quick: bool) -> float:
    """Add up the triggers of a figure, from at most 40 points of each curve."""
    total = 0.0
    for curve in curves(FILES / f"{name}.toml", quick):
        over = Over.read(curve.over)
        count = len(over.values)
        points = range(0, count, -(-count // 40))
        some = [curve.experiment.changed(over.changes(point)).triggers for point in points]
        total += count * sum(some) / len(some)
    return total


@pytest.mark.parametrize("name", SWEPT)
def test_quick_is_less_work(name: str) -> None:
    assert triggers(name, True) < 0.5 * triggers(name, False)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in SWEPT])
def test_a_figure_is_made_and_made_again(name: str, tmp_path: Path) -> None:
    file = tiny(name, tmp_path)
    made = make(FIGURES[name], file, tmp_path, quick=True, progress=False)
    assert made.picture.read_bytes().startswith(b"\x89PNG")
    written = json.loads((tmp_path / f"{name}-quick.json").read_text(encoding="utf-8"))
    assert written["verdict"] == made.findings.verdict
    assert written["statement"] == FIGURES[name].statement
    swept = [Sweep.open(path) for path in tmp_path.glob("*.sweep")]
    assert len(swept) == len(written["settings"])
    before = {sweep.path: (sweep.path / "points.parquet").stat().st_mtime_ns for sweep in swept if sweep.path}
    again = make(FIGURES[name], file, tmp_path, quick=True, progress=False)
    assert again.findings == made.findings
    assert before == {path: (path / "points.parquet").stat().st_mtime_ns for path in before}


def test_other_settings_are_never_mixed_in(tmp_path: Path) -> None:
    file = tiny("4a", tmp_path)
    make(FIGURES["4a"], file, tmp_path, quick=True, progress=False)
    file.write_text(re.sub("steps_p = 20", "steps_p = 21", file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(RunMismatch, match=r"steps_p was 20.*, is 21"):
        make(FIGURES["4a"], file, tmp_path, quick=True, progress=False)


def test_a_mistake_in_a_file_names_file_curve_and_key(tmp_path: Path) -> None:
    file = tmp_path / "4c.toml"
    file.write_text('board = "sim://twin16"\nsteps = 5\n[task]\nkind = "allostery"\n[curves.one]\nstpes = 7\n')
    with pytest.raises(ExperimentError, match=r"4c.toml, curve one: stpes is not a known key.*steps"):
        list(curves(file))


def test_the_command_refuses_unknown_figures() -> None:
    result = CliRunner().invoke(app, ["figures", "5"])
    assert isinstance(result.exception, ExperimentError)
    assert "allowed: all, 1b, 2a, 2b" in str(result.exception)
