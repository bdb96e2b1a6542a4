"""``labnet compare`` and ``labnet runs``, as somebody types them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import labnet
from labnet.cli import console
from labnet.errors import Diverged

Labnet = Callable[..., tuple[int, str, str]]

NAMES = ("p1-1.sqlite", "p1-2.sqlite", "p0.5-1.sqlite", "p0.5-2.sqlite")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train at two p, two tasks each."""
    folder = tmp_path_factory.mktemp("runs")
    small = labnet.Experiment(board="sim://twin16?preset=lab&seed=3", task={"kind": "allostery"}, steps=40)  # type: ignore[arg-type]
    for name in NAMES:
        p, seed = name.removeprefix("p").removesuffix(".sqlite").split("-")
        experiment = small.changed({"clock.p": float(p), "task.seed": int(seed)})
        with labnet.open_board(experiment.board) as board:
            stored, plan = experiment.model_dump(mode="json"), experiment.plan(board.network)
            labnet.run_plan(board, plan, folder / name, experiment=stored, progress=False).close()
    return folder


def train_by(rule: dict[str, object], path: Path) -> None:
    """Train by a rule."""
    with labnet.open_board("sim://twin16") as board:
        task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2)
        plan = labnet.Plan(task=task, steps=40, rule=rule)  # type: ignore[arg-type]
        labnet.run_plan(board, plan, path, progress=False).close()


@pytest.fixture
def typed(labnet_command: Labnet, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Labnet:
    """Run ``labnet WORDS`` where the runs are."""
    monkeypatch.chdir(trained)
    return labnet_command


def lines(said: str) -> list[list[str]]:
    return [line.split() for line in said.splitlines()]


def test_compare_says_what_differs_and_draws(typed: Labnet, tmp_path: Path) -> None:
    code, said, _ = typed("compare", *NAMES, "--out", str(tmp_path / "all"))
    assert code == 0
    table = lines(said)
    assert table[0] == ["p1-1", "p1-2", "p0.5-1", "p0.5-2"]
    assert ["clock.p", "1", "1", "0.5", "0.5"] in table
    assert ["task.seed", "1", "2", "1", "2"] in table
    assert [row[:4] for row in table if row[:2] == ["p", "="]] == [["p", "=", "1", "2"], ["p", "=", "0.5", "2"]]
    distances = next(row for row in table if row[:2] == ["p1-1", "0.00"])
    assert all(float(value) > 0 for value in distances[2:])
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_compare_says_which_labnet_made_them_where_it_is_asked(typed: Labnet, tmp_path: Path) -> None:
    older = tmp_path / "older.sqlite"
    older.write_bytes(Path(NAMES[1]).read_bytes())
    with closing(sqlite3.connect(older)) as database:
        change = "UPDATE meta SET value = json_set(value, '$.labnet', '0.0.1') WHERE key = 'versions'"
        assert database.execute(change).rowcount == 1
        database.commit()
    _, said, _ = typed("compare", NAMES[0], str(older))
    assert "task.seed" in said
    assert "clock.p" not in said, "it does not differ"
    assert "versions." not in said
    _, said, _ = typed("compare", NAMES[0], str(older), "--versions")
    assert ["versions.labnet", labnet.__version__, "0.0.1"] in lines(said)
    assert "versions.numpy" not in said, "it does not differ"


def test_compare_fits_a_narrow_terminal(typed: Labnet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "width", 34)
    _, said, _ = typed("compare", *NAMES)
    assert ["run", "task.seed", "clock.p"] in lines(said), "below each other, where there is no room side by side"
    assert ["p1-2", "2", "1"] in lines(said)
    monkeypatch.setattr(console.out, "width", 28)
    _, said, _ = typed("compare", *NAMES)
    assert "medians between runs of two settings" in " ".join(said.split())


def test_runs_lists_what_differs_and_says_what_all_share(typed: Labnet) -> None:
    code, said, _ = typed("runs")
    assert code == 0
    assert "task.kind = allostery" in said.splitlines()[0]
    header, *rows = lines(said)[2:7]
    assert header == ["path", "status", "clock.p", "task.seed", "steps_done", "train"]
    assert [row[:5] for row in rows] == [
        ["p0.5-1.sqlite", "complete", "0.5", "1", "40"],
        ["p0.5-2.sqlite", "complete", "0.5", "2", "40"],
        ["p1-1.sqlite", "complete", "1", "1", "40"],
        ["p1-2.sqlite", "complete", "1", "2", "40"],
    ]
    assert "4 runs below ." in said


def test_rules_are_compared_with_what_they_took(labnet_command: Labnet, tmp_path: Path) -> None:
    for rule, settings in {"discrete": {}, "exact-gradient": {"gamma": 0.01}}.items():
        train_by({"name": rule, **settings}, tmp_path / f"{rule}.sqlite")
    _, said, _ = labnet_command("compare", "discrete.sqlite", "exact-gradient.sqlite")
    table = lines(said[said.index("setting ") :])[:3]
    assert [[line[0], *line[-2:]] for line in table] == [
        ["setting", "settlings", "readings"],
        ["discrete", "80", "80"],
        ["exact-gradient", "80", "720"],  # 9 nodes, in two states
    ]


def test_why_a_run_failed_is_cut_short_where_many_are_listed(labnet_command: Labnet, tmp_path: Path) -> None:
    train_by({"name": "exact-gradient", "gamma": 0.01}, tmp_path / "good.sqlite")
    with pytest.raises(Diverged) as error:
        train_by({"name": "exact-gradient", "gamma": 1e6}, tmp_path / "bad.sqlite")
    _, said, _ = labnet_command("runs")
    assert "failed: step 0 on twin16 ..." in said
    assert str(error.value) not in " ".join(said.split())
    assert lines(said)[2][:2] == ["path", "status"]
    assert "train" in lines(said)[2], "there is room for the rest"
    for words in (("show", "bad.sqlite"), ("runs", "--show", "status")):
        _, said, _ = labnet_command(*words)
        assert str(error.value)[:60] in " ".join(said.split())


def test_runs_chooses_orders_and_cuts(typed: Labnet) -> None:
    _, said, _ = typed("runs", "--where", "clock.p<1", "--show", "task.seed,steps", "--sort", "-task.seed")
    assert lines(said)[:3] == [
        ["path", "task.seed", "steps"],
        ["p0.5-2.sqlite", "2", "40"],
        ["p0.5-1.sqlite", "1", "40"],
    ]
    _, said, _ = typed("runs", "--limit", "1", "--sort", "clock.p")
    assert "p0.5-1.sqlite" in said
    assert "p0.5-2.sqlite" not in said
    assert "4 runs below .; the first 1 are listed" in said
    code, said, _ = typed("runs", "--where", "clock.p > 1")
    assert code == 0
    assert said == "no run below . of which clock.p > 1 is true\n"


def test_a_narrow_terminal_gets_fewer_columns_and_their_names(typed: Labnet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "width", 58)
    _, said, _ = typed("runs")
    assert max(map(len, said.splitlines())) <= 58
    assert ["path", "status", "clock.p", "steps_done", "train"] in lines(said)
    assert "different too: task.seed" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "p1-1.sqlite"), "1 run given to compare; allowed: at least 2"),
        (("compare", "p1-1.sqlite", "./p1-1.sqlite"), "is given twice"),
        (("compare", "p1-1.sqlite", "none.sqlite"), "there is no run file none.sqlite"),
        (("compare", "p1-1.sqlite", "p1-2.sqlite", "--out", "x.nothing"), "x.nothing cannot be written"),
        (("runs", "none"), "there is no directory none"),
        (("runs", "--where", "clock.p=1"), "'clock.p==1'"),
        (("runs", "--where", "clok.p==1"), "Did you mean clock.p"),
        (("runs", "--sort", "clok.p"), "Did you mean clock.p"),
        (("runs", "--show", "path,pp"), "no run here has 'pp'"),
    ],
)
def test_mistakes_are_answered(typed: Labnet, words: tuple[str, ...], said: str) -> None:
    code, _, error = typed(*words)
    assert code == 2
    assert said in error
    assert "Traceback" not in error
