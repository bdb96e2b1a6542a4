"""The command line, as somebody types it."""

import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from children import start, succeed, wait_until

import labnet
from labnet.figures import FIGURES

SMALL = """\
title = "small"
board = "sim://twin16?seed=3"
steps = 50

[task]
kind = "allostery"
seed = 7

[clock]
p = 0.5
"""

Labnet = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _small(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)


def test_demo_learns_and_draws(labnet_command: Labnet, tmp_path: Path) -> None:
    code, said, _ = labnet_command("demo", "--out", "demo")
    assert code == 0
    assert "demo.png" in said
    assert (tmp_path / "demo" / "demo.png").read_bytes().startswith(b"\x89PNG")
    with labnet.Run.open(tmp_path / "demo" / "demo.sqlite") as run:
        assert run.frame("error")["scaled_error"].iloc[-1] < 0.1
        assert len(run.steps()) == 4001, "every step is logged"
    labnet_command("demo", "--out", "demo")
    assert (tmp_path / "demo" / "demo-2.sqlite").exists(), "a run is never overwritten"


def test_run_show_plot_export(labnet_command: Labnet, tmp_path: Path) -> None:
    code, said, _ = labnet_command("run", "small.toml")
    assert code == 0
    assert "50 of 50" in said
    code, said, _ = labnet_command("show", "small.sqlite")
    assert "complete" in said
    assert "allostery" in said
    assert labnet_command("plot", "small.sqlite")[0] == 0
    assert (tmp_path / "small.png").exists()
    assert labnet_command("plot", "small.sqlite", "--out", "small.svg")[0] == 0
    assert "p = 0.5" in (tmp_path / "small.svg").read_text()
    assert labnet_command("export", "small.sqlite", "--to", "csv")[0] == 0
    assert (tmp_path / "small-error.csv").read_text().startswith("step,steps_p,set,cost_v2,scaled_error,accuracy")


def test_sweep_tells_and_goes_on(labnet_command: Labnet, tmp_path: Path) -> None:
    (tmp_path / "over.toml").write_text(SMALL + "[over]\nclock.p = [0.5, 1.0]\ntask.inputs = [2, 12]\nseed = [1, 2]\n")
    code, said, _ = labnet_command("sweep", "over.toml", "--set", "steps=20")
    assert code == 1, "some points failed"
    assert [line.split()[:4] for line in said.splitlines()[1:5]] == [
        ["0.5", "2", "2", "0"],
        ["0.5", "12", "2", "2"],
        ["1", "2", "2", "0"],
        ["1", "12", "2", "2"],
    ]
    assert "point 2 (clock.p = 0.5, task.inputs = 12, seed = 1) failed after step 0: [task] inputs = 12" in said
    assert "wrote over.sweep/error.parquet" in said
    assert len(labnet.Sweep.open(tmp_path / "over.sweep").frame("points")) == 8
    assert "never overwritten" in labnet_command("sweep", "over.toml")[2]
    assert labnet_command("sweep", "over.toml", "--set", "steps=20", "--resume")[1] == said
    assert "steps was 20, is 50" in labnet_command("sweep", "over.toml", "--resume")[2]
    assert "goes over that key" in labnet_command("sweep", "over.toml", "--set", "clock.p=1")[2]
    assert "no table [over]" in labnet_command("sweep", "small.toml")[2]
    assert labnet_command("run", "over.toml")[0] == 0, "labnet run leaves [over] aside"


def test_set_and_board_change_the_experiment(labnet_command: Labnet, tmp_path: Path) -> None:
    words = ("--set", "clock.p=0.25", "--set", "task.inputs=[0, 2]", "--set", "log=5", "--board", "sim://lattice-4x4")
    assert labnet_command("run", "small.toml", *words, "--out", "x.sqlite")[0] == 0
    with labnet.Run.open(tmp_path / "x.sqlite") as run:
        assert run.plan.clock.p == 0.25
        assert run.task.inputs == (0, 2)
        assert run.network.node_count == 16
        assert run.meta["experiment"]["board"] == "sim://lattice-4x4"


def test_boards_lists_addresses_that_open(labnet_command: Labnet) -> None:
    code, said, _ = labnet_command("boards")
    assert code == 0
    addresses = [line.split()[0] for line in said.splitlines() if line.startswith("sim://")]
    assert len(addresses) == 9
    for address in addresses:
        with labnet.open_board(address) as board:
            assert isinstance(board, labnet.Board)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "none.toml"), "none.toml cannot be read"),
        (("run", "small.toml", "--set", "clock.p=2"), "--set: clock.p is 2; allowed: a number above 0 and up to 1"),
        (("run", "small.toml", "--set", "steps"), "allowed: key=value"),
        (("run", "small.toml", "--board", "sim://nothing"), "no network is called 'nothing'"),
        (("run", "small.toml", "--board", "nowhere://x"), "known schemes"),
        (("run", "small.toml", "--board", "ASRL99::INSTR"), "cannot be opened"),
        (("run", "small.toml", "--out", "no/where.sqlite"), "there is no directory"),
        (("run", "small.toml", "--set", "task.inputs=12"), "inputs = 12; allowed: 0 to 9"),
        (("run", "small.toml", "--set", "task.v_max=9"), "allowed: 0 to 5 V"),
        (("show", "small.toml"), "no run of labnet"),
        (("show", "."), "is a directory, no run file"),
        (("plot", "none.sqlite"), "there is no run file none.sqlite"),
        (("plot", "a.sqlite", "b.sqlite"), "'labnet compare a.sqlite b.sqlite --out PATH' draws several"),
    ],
)
def test_mistakes_are_answered_in_words(labnet_command: Labnet, words: tuple[str, ...], said: str) -> None:
    code, _, error = labnet_command(*words)
    assert code == 2
    assert said in error
    assert "Traceback" not in error


def test_an_unwritable_picture(labnet_command: Labnet) -> None:
    labnet_command("run", "small.toml")
    code, _, error = labnet_command("plot", "small.sqlite", "--out", "x.nothing")
    assert code == 2
    assert "x.nothing cannot be written" in error


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt_leaves_a_run_that_resumes(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM to the real process, then --resume."""
    (tmp_path / "small.toml").write_text(SMALL.replace("steps = 50", "steps = 30000"))
    path = tmp_path / "small.sqlite"
    for number, resume in ((signal.SIGINT, []), (signal.SIGTERM, ["--resume"])):
        with start(tmp_path, "run", "small.toml", *resume) as child:
            wait_until(child, lambda: last_step(path), 5000 if resume else 1)
            child.send_signal(number)
            error = child.communicate()[1]
        assert child.returncode == 130, error
        assert "Interrupted. The board is safe" in error
        with labnet.Run.open(path) as run:
            assert run.status == "interrupted"
    succeed(tmp_path, "run", "small.toml", "--resume")
    with labnet.Run.open(path) as run:
        assert run.status == "complete"
        assert len(run.steps()) == 30001


def last_step(path: Path) -> int:
    try:
        with labnet.Run.open(path) as run:
            return int(max(run.steps(), default=0))
    except (labnet.errors.RunError, sqlite3.Error):
        return 0


def test_show_says_how_it_learned_and_what_the_experiment_calls_its_task(
    labnet_command: Labnet, tmp_path: Path
) -> None:
    (tmp_path / "xor.toml").write_text(
        'board = "sim://lattice-4x4-periodic?edges=transistor"\nsteps = 2\n[task]\nkind = "xor"\n[rule]\n'
        'name = "equilibrium-propagation"\ngamma = 0.03\nbeta = 0.1\nbatch = 1.0\nstates = "one-sided"\n'
        '[optimiser]\nname = "adam"\nrate = 0.01\n'
    )
    said = " ".join(labnet_command("run", "xor.toml")[1].split())
    how = "equilibrium-propagation (gamma = 0.03, batch = 1, states = one-sided), adam (rate = 0.01)"
    assert f"rule {how}, p = 1 steps" in said, "no eta, which it does not use, and no order of a batch"
    assert "task xor: inputs" in said
    assert labnet.catalogue(tmp_path)["task.kind"].tolist() == ["xor"]
    with labnet.Run.open(tmp_path / "xor.sqlite") as run:
        title = run.plot().get_suptitle()
        assert title.startswith("xor on sim://lattice-4x4-periodic")
        assert title.endswith(how)


def test_help_teaches(labnet_command: Labnet) -> None:
    _, said, _ = labnet_command("--help")
    for name in ("run", "sweep", "boards", "show", "plot", "export", "demo"):
        assert name in said
    _, said, _ = labnet_command("run", "--help")
    assert "--resume" in said
    assert "Example:" in said
    _, said, _ = labnet_command("figures", "--help")
    assert all(name in "".join(said.split()) for name in FIGURES), "whatever breaks its lines"
    _, said, _ = labnet_command("sweep", "--help")
    assert "      clock.p = [0.1, 0.5, 1.0]\n" in said
    assert "--resume" in said
