"""What a shell offers on Tab, asked as the scripts of ``labnet --show-completion`` ask."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import labnet
from labnet.figures import FIGURES

Labnet = Callable[..., tuple[int, str, str]]
Offer = Callable[..., list[str]]
LABNET = Path(sys.executable).with_name("labnet")

FUNCTION = """
source <(labnet --show-completion)
COMP_WORDS=("${@}"); COMP_CWORD=$(($# - 1))
_labnet_completion labnet
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def offered(labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Ask as bash does, with words as bash takes them apart; the last one is being typed."""

    def offer(*words: str) -> list[str]:
        monkeypatch.setenv("_LABNET_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(("labnet", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        code, said, error = labnet_command()
        assert (code, error) == (0, "")
        return said.split()

    return offer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with two runs, one of them below it, and what is no run."""
    (tmp_path / "runs" / "july").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes.sqlite").write_text("no run")
    (tmp_path / "small.toml").write_text('board = "sim://twin16"\n')
    with labnet.open_board("sim://twin16") as board:
        task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
        for file in ("first.sqlite", "runs/july/second.sqlite"):
            labnet.train(board, task, steps=2, path=tmp_path / file, progress=False).close()
    return tmp_path


def test_run_files_are_those_that_are_runs(offered: Offer, folder: Path) -> None:
    for command in ("show", "plot", "export", "watch", "compare"):
        assert offered(command, "") == ["first.sqlite", "runs/"]
    assert offered("show", "fi") == ["first.sqlite"]
    assert offered("show", "ru") == ["runs/july/second.sqlite"], "a folder with one thing in it is gone through"
    assert offered("show", "none/") == []
    assert offered("show", f"{folder}/f") == [f"{folder}/first.sqlite"]


def test_a_run_that_is_written_is_offered_too(offered: Offer, folder: Path) -> None:
    with labnet.open_board("sim://twin16") as board:
        with labnet.Run.open(folder / "first.sqlite") as run:
            plan = run.plan
        with labnet.runs.RunWriter(folder / "live.sqlite", board, plan):
            assert offered("show", "li") == ["live.sqlite"]


def test_experiments_are_toml_files(offered: Offer, folder: Path) -> None:
    for command in ("run", "sweep"):
        assert offered(command, "") == ["runs/", "small.toml"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("si",), ["sim://lattice-20x20", "sim://packing143", "sim://twin16"]),
        (("rep",), ["replay://"]),
        (("sim", ":"), ["//lattice-20x20", "//packing143", "//twin16"]),
        (("sim", ":", "//tw"), ["//twin16"]),
        (("firmware", ":", "//"), ["//twin16"]),
        (('"sim://twin16?pres',), [f"sim://twin16?preset={each}" for each in ("ideal", "lab", "paper")]),
        (('"sim://twin16?seed=3&preset=i',), ["sim://twin16?seed=3&preset=ideal"]),
        (("sim", ":", "//twin16?preset", "=", "l"), ["lab"]),
        (('"firmware://twin16?targ',), ["firmware://twin16?target=atmega2560", "firmware://twin16?target=native"]),
        (("nowhere", ":", "//"), []),
    ],
)
def test_addresses(offered: Offer, typed: tuple[str, ...], expected: list[str]) -> None:
    assert sorted(offered("run", "small.toml", "--board", *typed)) == expected
    assert sorted(offered("conform", *typed)) == expected


def test_an_option_is_offered_once(offered: Offer) -> None:
    options = offered("inspect", '"sim://twin16?seed=3&')
    assert "sim://twin16?seed=3&preset=" in options
    assert "sim://twin16?seed=3&seed=" not in options


def test_keys_of_experiments_and_their_words(offered: Offer) -> None:
    for command in ("run", "sweep"):
        assert offered(command, "x.toml", "--set", "clock.") == [
            f"clock.{key}=" for key in ("kind", "p", "dwell_s", "clamp_period_s", "lag_s")
        ]
    assert offered("run", "x.toml", "--set", "order", "=") == ["cyclic", "random"]
    assert offered("run", "x.toml", "--set", "order", "=", "r") == ["random"]
    assert offered("run", "x.toml", "--set", "task.ki") == [
        f"task.kind={kind}" for kind in ("allostery", "regression", "classification", "xor", "curve")
    ]
    assert offered("run", "x.toml", "--set", "rule.name", "=", "f") == ["fisher", "finite-differences"]
    assert "rule.tau_theta=" in offered("run", "x.toml", "--set", "rule.")
    assert offered("run", "x.toml", "--set", "clock.p", "=", "0.5", "--set", "on_f") == [
        f"on_fault={what}" for what in ("ignore", "stop", "mask")
    ]
    assert offered("run", "x.toml", "--set", "board", "=", "firm") == ["firmware://twin16"]


def test_figures_that_were_not_given_yet(offered: Offer) -> None:
    assert offered("figures", "4a", "4") == ["4b", "4c", "4d", "4e"]
    assert set(offered("figures", "")) == {"all", *FIGURES}


def test_zsh_and_fish_get_whole_words(labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", 'labnet run x.toml --board "sim://twin16?preset=')
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_LABNET_COMPLETE", "complete_fish")
    assert labnet_command()[1].split() == [f"sim://twin16?preset={each}" for each in ("ideal", "lab", "paper")]
    monkeypatch.setenv("_LABNET_COMPLETE", "complete_zsh")
    assert '"sim\\\\://twin16?preset=ideal"' in labnet_command()[1]


def test_tab_imports_nothing_that_draws_or_compiles(folder: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        "_LABNET_COMPLETE": "complete_bash",
        "COMP_WORDS": "labnet\nshow\n",
        "COMP_CWORD": "2",
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    asked = subprocess.run([LABNET], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert asked.stdout.split() == ["first.sqlite", "runs/"]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in asked.stderr.splitlines()}
    assert "labnet" in imported
    assert not imported & {"numba", "llvmlite", "matplotlib", "bokeh", "networkx", "qcodes", "xarray", "pyvisa"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_asks_and_is_answered(folder: Path) -> None:
    def completed(*words: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{LABNET.parent}{os.pathsep}{os.environ['PATH']}"}
        command = ["bash", "-c", FUNCTION, "bash", "labnet", *words]
        asked = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return asked.stdout.split()

    assert completed("sho") == ["show"]
    assert completed("show", "ru") == ["runs/july/second.sqlite"]
    assert completed("run", "small.toml", "--board", "sim", ":", "//tw") == ["//twin16"]
