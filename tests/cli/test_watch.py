"""``labnet watch`` and ``labnet run --watch``, as somebody types them."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from children import committed, kill_when_committed, start, wait_until, write_experiment

import labnet

Labnet = Callable[..., tuple[int, str, str]]


def trained(path: Path) -> None:
    with labnet.open_board("sim://twin16") as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=1)
        labnet.train(board, task, steps=20, path=path, progress=False).close()


def test_a_finished_run_is_a_line_in_a_pipe(labnet_command: Labnet, tmp_path: Path) -> None:
    trained(tmp_path / "run.sqlite")
    code, out, err = labnet_command("watch", "--text", "run.sqlite")
    assert (code, err) == (0, "")
    assert "complete | 20 of 20 steps | train error" in out
    assert out.count("\n") == 1


def test_help_teaches(labnet_command: Labnet) -> None:
    code, out, _ = labnet_command("watch", "--help")
    assert code == 0
    assert "labnet watch --text run.sqlite" in out
    assert "127.0.0.1" in out
    assert "--parent" not in out


@pytest.mark.parametrize("how", [["--text"], ["--no-browser"]], ids=str)
def test_what_is_no_run_is_said(labnet_command: Labnet, tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("no run\n" * 100)
    (tmp_path / "a.sweep").mkdir()
    for name, words in (
        ("none.sqlite", "there is no run file"),
        ("notes.txt", "no run of labnet"),
        ("a.sweep", "labnet.Sweep.open"),
    ):
        code, out, err = labnet_command("watch", *how, name)
        assert (code, out) == (2, "")
        assert words in err
        assert "Traceback" not in err


def test_the_terminal_shows_one_run(labnet_command: Labnet) -> None:
    code, _, err = labnet_command("watch", "--text", "a.sqlite", "b.sqlite")
    assert code == 2
    assert "labnet compare" in err


def test_without_bokeh_it_is_said_before_anything_moves(
    labnet_command: Labnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bokeh", None)
    write_experiment(tmp_path / "run.toml", "sim://twin16", steps=20)
    for words in (["run", "run.toml", "--watch"], ["watch", "run.sqlite"]):
        code, _, err = labnet_command(*words)
        assert code == 2
        assert 'pip install "labnet[dashboard]"' in err
    assert not (tmp_path / "run.sqlite").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_text_view(tmp_path: Path) -> None:
    with start(tmp_path, "watch", "--text", "--wait", "run.sqlite", stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert "not there yet" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert "Traceback" not in child.communicate()[1]
    assert child.returncode == 130


@pytest.mark.slow
def test_follows_a_run_from_before_its_start_through_a_kill(tmp_path: Path) -> None:
    write_experiment(tmp_path / "run.toml", "sim://twin16?preset=lab", steps=20_000)
    path = tmp_path / "run.sqlite"
    with start(tmp_path, "watch", "--text", "--wait", "run.sqlite", stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert "not there yet" in watching.stdout.readline()
        kill_when_committed(500, path, "run", "run.toml")
        assert any("stopped" in each for each in iter(watching.stdout.readline, ""))
        with start(tmp_path, "run", "run.toml", "--resume") as child:
            assert child.wait() == 0
        out, err = watching.communicate()
    assert watching.returncode == 0, err
    assert "complete | 20,000 of 20,000 steps" in out.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["through", "interrupted", "killed"])
def test_the_page_outlives_the_run(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there before the first step, Ctrl-C does not reach it, and it can be loaded when the run is over."""
    monkeypatch.setenv("BROWSER", "true")  # the program, which opens nothing
    write_experiment(tmp_path / "run.toml", "sim://twin16?preset=lab", steps=200 if end == "through" else 3_000_000)
    path = tmp_path / "run.sqlite"
    with start(tmp_path, "run", "run.toml", "--watch") as child:
        assert child.stderr is not None
        said = child.stderr.readline()
        assert said.startswith("watch it at http://127.0.0.1:")
        if end != "through":
            wait_until(child, lambda: len(committed(path)), 1)
            child.send_signal(signal.SIGINT if end == "interrupted" else signal.SIGKILL)
        _, err = child.communicate()
    assert child.returncode == {"through": 0, "interrupted": 130, "killed": -signal.SIGKILL}[end], err
    with urllib.request.urlopen(said.split()[-1], timeout=60) as page:
        assert page.status == 200


def test_where_a_run_is_there_already_no_page_begins(labnet_command: Labnet, tmp_path: Path) -> None:
    write_experiment(tmp_path / "run.toml", "sim://twin16", steps=20)
    trained(tmp_path / "run.sqlite")
    code, _, err = labnet_command("run", "run.toml", "--watch")
    assert code == 2
    assert "never overwritten" in err
    assert "http" not in err
