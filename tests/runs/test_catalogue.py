"""The runs of a folder as a table, and conditions on them."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labnet
from labnet.errors import ConditionError, NotARun
from labnet.runs import RunWriter
from labnet.runs.conditions import Condition


def trained(path: Path, board: str, task: dict[str, object], p: float, **settings: object) -> None:
    experiment = labnet.Experiment(board=board, task=task, steps=20, clock={"p": p}, **settings)  # type: ignore[arg-type]
    with labnet.open_board(experiment.board) as opened:
        stored, plan = experiment.model_dump(mode="json"), experiment.plan(opened.network)
        labnet.run_plan(opened, plan, path, experiment=stored, progress=False).close()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs: two below the folder, one with another suffix, one without an experiment."""
    shelf = tmp_path_factory.mktemp("shelf")
    (shelf / "may").mkdir()
    trained(shelf / "may" / "a.sqlite", "sim://twin16?preset=lab&seed=3", {"kind": "allostery", "seed": 7}, 0.5)
    trained(
        shelf / "may" / "b.sqlite", "sim://twin16?preset=ideal", {"kind": "allostery"}, 0.1, title="b: the ideal one"
    )
    trained(shelf / "c.run", "sim://twin16", {"kind": "classification", "seed": 1}, 1.0, eta=0.5, title="Iris")
    with labnet.open_board("sim://packing143") as board:
        task = labnet.tasks.Regression.sample(board.network, train=3, test=2)
        rule = labnet.Continuous(gamma=0.01)
        labnet.train(board, task, steps=5, rule=rule, path=shelf / "d.sqlite", progress=False).close()
    return shelf


def names(frame: pd.DataFrame) -> list[str]:
    return [Path(path).name for path in frame["path"]]


def test_a_row_says_what_its_file_holds(shelf: Path) -> None:
    frame = labnet.catalogue(shelf)
    assert names(frame) == ["c.run", "d.sqlite", "a.sqlite", "b.sqlite"], "a folder's files, then those below"
    rows = frame.set_index(pd.Index(names(frame)))
    assert rows.loc["a.sqlite", ["board", "board.preset", "board.seed"]].tolist() == ["sim://twin16", "lab", 3]
    assert rows["clock.p"].tolist() == [1.0, 1.0, 0.5, 0.1]
    assert rows["task.kind"].tolist() == ["classification", "regression", "allostery", "allostery"]
    assert rows["network"].tolist() == ["twin16", "packing143-seed1", "twin16", "twin16"]
    assert rows.loc["d.sqlite", ["rule.gamma", "task.train", "task.test", "steps_done"]].tolist() == [0.01, 3, 2, 5]
    for name, path in zip(names(frame), frame["path"], strict=True):
        with labnet.Run.open(path) as run:
            last = run.frame("error").groupby("set").last()
            assert rows.loc[name, "status"] == run.status == "complete"
            assert rows.loc[name, "versions.labnet"] == labnet.__version__
        assert rows.loc[name, "train"] == last.loc["train", "scaled_error"]
        if "test" in last.index:
            assert rows.loc[name, "test"] == last.loc["test", "scaled_error"]
            np.testing.assert_array_equal(rows.loc[name, "accuracy"], last.loc["test", "accuracy"])
        else:
            assert rows.loc[name, ["test", "accuracy"]].isna().all()


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("clock.p<0.5", "b"),
        ("clock.p < 0.5 or eta == 0.5", "cb"),
        ("0.1 < clock.p <= 1", "cda"),
        ("board.preset == 'lab'", "a"),
        ("board.preset != 'lab'", "cdb"),
        ("board.preset in ['lab', 'ideal']", "ab"),
        ("board.preset == None", "cd"),
        ("not board.preset", "cd"),
        ("'ideal' in title", "b"),
        ("'ideal' not in title", "cda"),
        ("title < 'J'", "c"),
        ("task.test", "cd"),
        ("task.seed > 0", "ca"),
        ("steps * clock.p >= 5 and not (task.kind == 'allostery')", "cd"),
        ("-steps / 4 + 1 - clock.p == -4.5", "a"),
        ("steps / task.test < 1e9", "cd"),  # no division by zero is true
        ("train < 100 and versions.labnet > '0'", "cdab"),
        ("accuracy >= 0", "c"),
        ("created > '2000-01-01'", "cdab"),
        ("status == 'failed'", ""),
    ],
)
def test_where(shelf: Path, where: str, found: str) -> None:
    assert "".join(Path(name).stem for name in names(labnet.catalogue(shelf, where))) == found


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("clock.p=0.5", "clock.p==0.5"),
        ("clok.p<0.5", "Did you mean clock.p"),
        ("p<0.5", "Did you mean clock.p"),
        ("board.preset == lab", "texts? stands? in quotes"),
        ("clock.p < '0.5'", "a text with a number"),
        ("clock.p == 'half'", "a text with a number"),
        ("title == 3", "a text with a number"),
        ("clock.p < 0.5 & eta == 1", "allowed: columns"),
        ("", "cannot be read"),
        ("clock.p <", "cannot be read"),
        ("(" * 5000, "no condition"),
        ("not " * 5000 + "eta", "no condition"),
        ("\0", "no condition"),
    ],
)
def test_a_condition_that_says_nothing_is_answered(shelf: Path, where: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        labnet.catalogue(shelf, where)


@pytest.mark.parametrize(
    "where",
    [
        "__import__('os').mkdir('made')",
        "title.upper()",
        "title.__class__.__mro__[1] == 3 and (lambda: 1)()",
        "[x for x in 'ab']",
        "9**9**9 > 0",
        "f'{title}' == 'a'",
        "title[0] == 'a'",
        "(eta := 3)",
        "{'a': 1} == 1",
        "1 if eta else 2",
        "b'a' in title",
        "*eta",
    ],
)
def test_nothing_is_executed(where: str) -> None:
    with pytest.raises(ConditionError, match="allowed: columns"):
        Condition(where)


def test_a_long_product_is_no_number() -> None:
    """Texts are not multiplied: only numbers are computed with."""
    assert Condition("'a' * 10 == None").select([{}], []) == [{}]


def test_files_that_are_no_runs_are_told_apart(shelf: Path, tmp_path: Path) -> None:
    run = shelf / "may" / "a.sqlite"
    (tmp_path / "empty.sqlite").touch()
    (tmp_path / "text.sqlite").write_text("no database")
    (tmp_path / "notes.txt").write_text("no run")
    (tmp_path / "damaged.sqlite").write_bytes(run.read_bytes()[:6000])
    (tmp_path / ".hidden").mkdir()
    shutil.copy(run, tmp_path / ".hidden" / "run.sqlite")
    os.mkfifo(tmp_path / "fifo.sqlite")
    (tmp_path / "gone.sqlite").symlink_to(tmp_path / "nowhere")
    for name in ("foreign.db", "foreign.sqlite"):
        with closing(sqlite3.connect(tmp_path / name)) as database:
            database.execute("CREATE TABLE t (x)")
    for name, change in (
        ("new", "PRAGMA user_version=99"),
        ("broken", "UPDATE meta SET value = '[1]' WHERE key='plan'"),
    ):
        shutil.copy(run, tmp_path / f"{name}.sqlite")
        with closing(sqlite3.connect(tmp_path / f"{name}.sqlite")) as database:
            database.execute(change)
            database.commit()
    frame = labnet.catalogue(tmp_path)
    assert dict(zip(names(frame), frame["status"], strict=True)) == {
        "broken.sqlite": "damaged",
        "damaged.sqlite": "damaged",
        "empty.sqlite": "empty",
        "foreign.sqlite": "no run",
        "new.sqlite": "too new",
        "text.sqlite": "no run",
    }
    assert len(labnet.catalogue(tmp_path, "clock.p > 0" if "clock.p" in frame else "steps > 0")) == 0


def test_a_run_that_is_being_written_is_listed_as_far_as_it_got(tmp_path: Path) -> None:
    with labnet.open_board("sim://twin16") as board:
        plan = labnet.Plan(task=labnet.tasks.Allostery.sample(board.network), steps=30)
        writer = RunWriter(tmp_path / "live.sqlite", board, plan)
        controller = labnet.Controller(board, plan)
        seen: list[list[object]] = []

        def look(*_: object) -> None:
            if not seen:
                seen.append(labnet.catalogue(tmp_path)[["status", "steps", "clock.p"]].to_numpy().tolist()[0])

        controller.run(writer, look)
        writer.close("complete")
    assert seen == [["running", 30, 1.0]]


def test_a_run_whose_writer_is_gone_has_stopped(shelf: Path, tmp_path: Path) -> None:
    shutil.copy(shelf / "may" / "a.sqlite", tmp_path / "killed.sqlite")
    with closing(sqlite3.connect(tmp_path / "killed.sqlite")) as database:
        database.execute("UPDATE meta SET value = '\"running\"' WHERE key = 'status'")
        database.commit()
    assert labnet.catalogue(tmp_path, "status == 'stopped'")["steps_done"].tolist() == [20]


def test_a_file_that_is_removed_meanwhile_is_left_out(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gone", "here"):
        shutil.copy(shelf / "may" / "a.sqlite", tmp_path / f"{name}.sqlite")
    opened = labnet.Run.open

    def open_late(path: Path) -> labnet.Run:
        (tmp_path / "gone.sqlite").unlink(missing_ok=True)
        return opened(path)

    monkeypatch.setattr(labnet.Run, "open", open_late)
    assert names(labnet.catalogue(tmp_path)) == ["here.sqlite"]


def test_a_folder_without_runs(tmp_path: Path) -> None:
    assert labnet.catalogue(tmp_path, "clock.p < 0.5").empty
    with pytest.raises(NotARun, match="there is no directory"):
        labnet.catalogue(tmp_path / "none")
