"""A run on disk: what goes in comes out, nothing is overwritten, bad files are named for what they are."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

import labnet
from labnet.cycle import Cycle
from labnet.errors import (
    DiskFull,
    NotARun,
    RunError,
    RunExists,
    RunInUse,
    RunMismatch,
    RunNotWritable,
    RunTooNew,
    WalKept,
)
from labnet.runs import RunWriter
from labnet_simulators import SimulatedBoard


def train(path: Path | None, steps: int = 30, address: str = "sim://twin16?seed=2", **settings: object) -> labnet.Run:
    with labnet.open_board(address) as board:
        task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)
        return labnet.train(board, task, steps=steps, path=path, progress=False, **settings)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


def test_frames_are_tidy_and_agree_with_the_arrays(path: Path) -> None:
    with train(path, clock=labnet.GlobalClock(p=0.5)) as run:
        wipers, updates, voltages = (run.frame(name) for name in ("wipers", "updates", "voltages"))
        assert list(wipers.columns) == ["step", "edge", "wiper"]
        assert list(voltages.columns) == ["step", "node", "v_free", "v_clamped"]
        assert list(updates.columns) == ["step", "edge", "direction", "enabled"]
        assert len(wipers) == 31 * 16  # 30 steps and the closing record
        pivot = wipers.pivot_table(index="step", columns="edge", values="wiper").to_numpy()
        np.testing.assert_array_equal(pivot, run.array("wipers"))
        # Every move of a wiper is a logged update, and nothing else moves it.
        moves = run.array("directions")[:-1] * run.array("enabled")[:-1]
        np.testing.assert_array_equal(np.diff(run.array("wipers"), axis=0), moves)


def test_error_frame_is_scaled_by_the_start(path: Path) -> None:
    with train(path, clock=labnet.GlobalClock(p=0.5)) as run:
        frame, rms = run.frame("error"), run.frame("error", rms=True)
        assert set(frame["set"]) == {"train", "test"}
        for _, part in frame.groupby("set"):
            assert part["step"].iloc[[0, -1]].tolist() == [0, 30]
            np.testing.assert_allclose(part["scaled_error"], part["cost_v2"] / part["cost_v2"].iloc[0])
        np.testing.assert_allclose(rms["scaled_error"] ** 2, frame["scaled_error"])
        np.testing.assert_allclose(frame["steps_p"], frame["step"] * 0.5)


def test_measured_cost_is_that_of_the_recorded_wipers(path: Path) -> None:
    with train(path, measure=1) as run, labnet.open_board("sim://twin16") as board:
        frame = run.frame("error")
        test = frame[frame["set"] == "test"].set_index("step")["cost_v2"]
        for step in (0, 7, 30):
            ohm = board.info.nominal_ohm(run.array("wipers", [step])[0])
            task = run.task
            response = labnet.circuit.transfer_matrix(run.network, ohm, task.inputs + task.grounds)
            outputs = task.test.inputs @ response[list(task.outputs), :2].T
            assert test[step] == pytest.approx(task.cost(outputs, task.test), rel=1e-9)


def test_what_was_not_logged_is_missing(path: Path) -> None:
    with train(path, log=10) as run:
        assert run.steps().tolist() == [0, 10, 20, 30]
        assert np.isnan(run.array("v_free")[-1]).all()
        assert (run.array("directions")[-1] == -1).all()
        assert np.isnan(run.array("resistances_ohm")).all()


def test_the_file_says_where_it_comes_from(path: Path) -> None:
    with train(path, seed=11) as run:
        assert run.meta["board"]["address"] == "sim://twin16?seed=2"
        assert run.meta["versions"]["labnet"] == labnet.__version__
        assert run.plan.seed == 11
        assert run.network == labnet.networks.twin16()
        np.testing.assert_array_equal(run.task.train.inputs, run.plan.task.train.inputs)
        assert run.status == "complete"
    tables = sqlite3.connect(path)
    fields = tables.execute("SELECT name, dtype, per, unit FROM field").fetchall()
    tables.close()
    assert ("v_free", "<f8", "node", "V") in fields


def test_a_closed_run_is_one_file(path: Path) -> None:
    train(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["run.sqlite"]


def test_in_memory_and_on_disk_hold_the_same(path: Path) -> None:
    with train(path) as disk, train(None) as memory:
        for field in ("v_free", "v_clamped", "wipers", "directions", "enabled"):
            np.testing.assert_array_equal(disk.array(field), memory.array(field))


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    train(path).close()
    before = path.read_bytes()
    with pytest.raises(RunExists, match=r"run\.sqlite exists.*resume"):
        train(path)
    assert path.read_bytes() == before
    path.write_text("my notes")
    with pytest.raises(RunExists):
        train(path)
    with pytest.raises(NotARun, match="no run of labnet"):
        train(path, resume=True)
    assert path.read_text() == "my notes"


def test_resuming_a_complete_run_changes_nothing(path: Path) -> None:
    train(path).close()
    with train(path, resume=True) as run:
        assert run.status == "complete"
        assert run.steps().tolist() == list(range(31))


def test_resuming_with_another_plan_board_or_task_is_refused(path: Path) -> None:
    train(path).close()
    with pytest.raises(RunMismatch, match=r"eta was 1\.0, is 0\.5"):
        train(path, resume=True, eta=0.5)
    with pytest.raises(RunMismatch, match="serial"):
        train(path, resume=True, address="sim://twin16?seed=3")
    with pytest.raises(RunMismatch, match=r"parts\.pot\.tolerance was 0\.0, is 0\.1"):
        train(path, resume=True, address="sim://twin16?seed=2&tolerance=0.1")


def test_a_newer_file_is_not_guessed_at(path: Path) -> None:
    train(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(RunTooNew, match=r"format 99.*up to 1"):
        labnet.Run.open(path)
    with pytest.raises(RunTooNew):
        train(path, resume=True)


def test_files_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match="there is no run file"):
        labnet.Run.open(tmp_path / "nothing.sqlite")
    for name, content in (("text.sqlite", b"hello, hello, hello" * 99), ("empty.sqlite", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NotARun, match="no run of labnet"):
            labnet.Run.open(tmp_path / name)
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(NotARun):
        labnet.Run.open(tmp_path / "other.sqlite")


def test_a_damaged_file_is_said_to_be_damaged(path: Path) -> None:
    train(path, steps=300).close()
    content = bytearray(path.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(NotARun, match="damaged"):  # noqa: SIM117
        with labnet.Run.open(path) as run:
            run.frame("wipers")


@pytest.mark.parametrize("where", ["missing/run.sqlite", "/proc/run.sqlite"])
def test_a_place_that_cannot_be_written(tmp_path: Path, where: str) -> None:
    with pytest.raises(RunNotWritable, match="directory"):
        train(tmp_path / where)


def test_a_second_writer_is_told(path: Path) -> None:
    holder = (
        "import labnet, sys\n"
        "from labnet.runs import RunWriter\n"
        "board = labnet.open_board('sim://twin16?seed=2')\n"
        "task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)\n"
        f"writer = RunWriter({str(path)!r}, board, labnet.Plan(task=task, steps=30))\n"
        "print('holding', flush=True)\n"
        "sys.stdin.read()\n"
        "writer.close('interrupted')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "holding\n"
    for resume in (False, True):
        with pytest.raises(RunInUse, match=r"another process writes .*run\.sqlite"):
            train(path, resume=resume)
    child.communicate("")
    with train(path, resume=True) as run:
        assert run.status == "complete"


def _limit_file_size() -> None:
    import resource  # POSIX alone has it

    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


@pytest.mark.skipif(sys.platform == "win32", reason="the limit that stands for a full disk is POSIX")
def test_a_full_disk_keeps_every_committed_step(path: Path) -> None:
    script = (
        "import labnet\n"
        "board = labnet.open_board('sim://twin16?seed=2')\n"
        "task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)\n"
        "try:\n"
        f"    labnet.train(board, task, steps=3000, path={str(path)!r}, progress=False)\n"
        "except labnet.errors.DiskFull as error:\n"
        "    print(error, board.bias_v)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], preexec_fn=_limit_file_size, capture_output=True, text=True, check=True
    )
    assert "Free some space and resume" in done.stdout
    assert done.stdout.endswith(" 0.0\n"), "the board was left safe"
    with labnet.Run.open(path) as run:
        committed = run.steps()
    assert 10 < len(committed) < 3000
    np.testing.assert_array_equal(committed, np.arange(len(committed)))
    with train(path, steps=3000, resume=True) as resumed, train(None, steps=3000) as whole:
        np.testing.assert_array_equal(resumed.array("wipers"), whole.array("wipers"))
    assert issubclass(DiskFull, RunError)


def test_a_reader_keeps_the_wal_and_that_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with labnet.open_board("sim://twin16?seed=2") as board:
        task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)
        reading: list[sqlite3.Connection] = []
        measure = Cycle.measure

        def open_reader_at_the_end(cycle: Cycle, step: int) -> object:
            if step == 30:
                reading.append(sqlite3.connect(path))
                reading[0].execute("BEGIN")
                reading[0].execute("SELECT * FROM record").fetchone()
            return measure(cycle, step)

        monkeypatch.setattr(Cycle, "measure", open_reader_at_the_end)
        with pytest.warns(WalKept, match="keep them together"):
            labnet.train(board, task, steps=30, path=path, progress=False).close()
        assert path.with_name("run.sqlite-wal").exists()
        reading[0].close()
        monkeypatch.undo()
        labnet.train(board, task, steps=30, path=path, progress=False, resume=True).close()
    assert [file.name for file in path.parent.iterdir()] == ["run.sqlite"]


def test_exports_hold_what_the_run_holds(path: Path, tmp_path: Path) -> None:
    with train(path) as run:
        for file in run.export("csv", tmp_path / "csv"):
            name = file.stem.removeprefix("run-")
            pd.testing.assert_frame_equal(pd.read_csv(file), run.frame(name), check_dtype=False)  # type: ignore[arg-type]
        for file in run.export("parquet"):
            name = file.stem.removeprefix("run-")
            pd.testing.assert_frame_equal(pd.read_parquet(file), run.frame(name), check_dtype=False)  # type: ignore[arg-type]
        (mat,) = run.export("mat")
        matlab = loadmat(mat, simplify_cells=True)
        np.testing.assert_array_equal(matlab["wipers"], run.array("wipers"))
        np.testing.assert_array_equal(matlab["v_free"], run.array("v_free"))
        np.testing.assert_array_equal(matlab["outputs"], run.task.outputs)
        np.testing.assert_allclose(matlab["test_error"]["scaled_error"][0], 1.0)
        with pytest.raises(RunExists, match="not overwritten"):
            run.export("mat")
        with pytest.raises(RunError, match="csv, parquet, mat"):
            run.export("xls")  # type: ignore[arg-type]


def test_meta_is_plain_json(path: Path) -> None:
    train(path).close()
    database = sqlite3.connect(path)
    for key, value in database.execute("SELECT key, value FROM meta"):
        assert json.loads(value) is not None or key in {"calibration", "git"}
    database.close()


def test_a_foreign_database_is_not_touched(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(NotARun):
        train(path, resume=True)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["run.sqlite"]


def test_a_refused_resume_leaves_a_complete_run_as_it_was(path: Path) -> None:
    train(path).close()
    before = path.read_bytes()
    with pytest.raises(RunMismatch):
        train(path, resume=True, eta=0.5)
    assert path.read_bytes() == before


def test_another_unit_of_resistance_is_another_board(path: Path) -> None:
    task = labnet.tasks.Allostery.sample(labnet.networks.twin16())
    rule = labnet.Continuous(gamma=0.01)
    labnet.train(SimulatedBoard(task.network), task, steps=3, rule=rule, path=path, progress=False).close()
    other = labnet.Network(task.network.edges, 9, r_ref_ohm=1e3, name="twin16")
    with pytest.raises(RunMismatch, match=r"r_ref_ohm was 10000\.0, is 1000\.0"):
        labnet.train(SimulatedBoard(other), task, steps=3, rule=rule, path=path, progress=False, resume=True)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_another_spelling_of_the_path_is_the_same_file(path: Path) -> None:
    alias = path.with_name("alias.sqlite")
    with labnet.open_board("sim://twin16?seed=2") as board:
        plan = labnet.Plan(task=labnet.tasks.Allostery.sample(board.network), steps=5)
        with RunWriter(path, board, plan):
            alias.symlink_to(path)
            with pytest.raises(RunInUse):
                RunWriter(alias, board, plan, resume=True)


def test_a_closed_run_is_whole_even_while_somebody_has_it_open(path: Path) -> None:
    train(path, steps=5).close()
    path.unlink()
    with labnet.open_board("sim://twin16?seed=2") as board:
        plan = labnet.Plan(task=labnet.tasks.Allostery.sample(board.network), steps=300)
        writer = RunWriter(path, board, plan)
        with writer, labnet.Run.open(path) as reader:
            labnet.Controller(board, plan).run(writer, lambda _: None)
            assert reader.status == "running"
            with pytest.warns(WalKept):
                writer.close("complete")
            alone = path.with_name("copy.sqlite")
            alone.write_bytes(path.read_bytes())
            with labnet.Run.open(alone) as copy:
                assert len(copy.steps()) == 301


def test_who_was_killed_is_called_stopped(path: Path) -> None:
    train(path).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '\"running\"' WHERE key = 'status'")
    database.close()
    with labnet.Run.open(path) as run:
        assert run.status == "stopped"


def test_a_run_that_is_removed_while_it_is_written_says_so(path: Path) -> None:
    with labnet.open_board("sim://twin16?seed=2") as board:
        plan = labnet.Plan(task=labnet.tasks.Allostery.sample(board.network), steps=5)
        writer = RunWriter(path, board, plan)
        path.unlink()
        with pytest.raises(RunError, match="was removed while it was written"):
            writer.save_state(0, {})
        with pytest.raises(RunNotWritable):
            writer.close("failed")


def test_an_export_that_fails_leaves_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with train(path) as run:

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pd.DataFrame, "to_csv", full)
        with pytest.raises(OSError, match="No space left"):
            run.export("csv", tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())
        monkeypatch.undo()
        assert len(run.export("csv", tmp_path / "out")) == 5


def test_a_frame_of_what_did_not_move_is_refused(path: Path) -> None:
    with train(path) as run, pytest.raises(RunError, match="frame\\('wipers'\\)"):
        run.frame("resistances")
