"""``labnet calibrate`` and what uses its result."""

import re

from typer.testing import CliRunner

from labnet import Run, calibration
from labnet.addresses import open_board
from labnet.cli import app

URI = "sim://twin16?preset=lab&comparator=pair&gate=oscillator&seed=41"
EXPERIMENT = """
board = "{uri}"
steps = 12
eta = 1.0
task = {{ kind = "allostery", seed = 1 }}
clock = {{ p = 0.5 }}
"""

KINDS = [word for kind in ("converters", "pots", "gate") for word in ("--only", kind)]


def say(*words, code=0):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output if code == 0 else str(result.exception)


def test_calibrate_show_and_run(tmp_path):
    said = say("calibrate", URI, *KINDS, "--positions", "0,64,127", "--days", 30)
    assert re.search(r"source offset +\S+ +\S+ +\S+ +0.0\d\d +mV", said)
    assert "stored as" in said
    (path,) = calibration.folder().glob("*/*.json")
    shown = say("calibration", "show", URI, "--plot", tmp_path / "a.png")
    assert shown.partition("\n")[2].startswith("calibrated")
    assert (tmp_path / "a.png").stat().st_size > 20_000
    assert say("calibration", "show", path) in shown
    assert path.name in say("calibration", "show")
    experiment = tmp_path / "a.toml"
    experiment.write_text(EXPERIMENT.format(uri=URI))
    assert "calibration" in say("run", experiment, "--out", tmp_path / "a.sqlite")
    with Run.open(tmp_path / "a.sqlite") as run:
        assert run.calibration.to_dict() == calibration.load(path).to_dict()
    assert "not been measured" in say(
        "run", experiment, "--out", tmp_path / "b.sqlite", "--calibration", "none", code=1
    )
    say("run", experiment, "--out", tmp_path / "c.sqlite", "--calibration", path)


def test_without_a_meter(tmp_path):
    said = say("calibrate", URI, "--meter", "none", "--only", "pots", "--positions", "64,127")
    assert "no current was measured" in said
    assert "This one has pots alone, and is used from now on" in " ".join(said.split())
    with open_board(URI) as board:
        assert calibration.newest(board).converters is None


def test_nothing_is_stored_yet():
    assert "no calibration" in say("calibration", "show")
    assert "labnet calibrate" in say("calibration", "show", URI, code=1)
    assert "127" in say("calibrate", URI, "--positions", "200", code=1)
