"""A tail shows what a run file holds, while it is written, after its writer was killed, and when it is another one."""

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from children import committed, kill_when_committed, start, wait_until, write_experiment

import labnet
from labnet import plots
from labnet.errors import NotARun, RunMismatch
from labnet.inspection.finding import Finding
from labnet.live import tail as tail_module
from labnet.live.followed import FollowedRun
from labnet.live.tail import Tail
from labnet.records import Block, Errors
from labnet.runs import RunWriter
from labnet.runs.store import has_writer

TWIN16 = labnet.networks.twin16()
TASK = labnet.tasks.Regression.sample(TWIN16, seed=4, train=4, test=2)
PLANS: dict[str, dict[str, Any]] = {
    "all logged": {"clock": labnet.GlobalClock(p=0.4), "measure": 1},
    "few logged": {"clock": labnet.GlobalClock(p=0.4), "log": (0, 50, 51, 130), "measure": (0, 77)},
    "short": {"detail": "short"},
    "continuous": {"rule": labnet.Continuous(gamma=0.02), "eta": 0.1},
    "self-triggered": {"clock": labnet.SelfTriggered(dwell_s=0.01)},
}


def trained(path: Path, steps: int = 160, seed: int = 6, **plan: Any) -> labnet.Run:
    by_themselves = isinstance(plan.get("clock"), labnet.SelfTriggered)
    parts = "ideal" if "rule" in plan else "lab&gate=oscillator&calibrated=true" if by_themselves else "lab"
    with labnet.open_board(f"sim://twin16?preset={parts}&seed={seed}") as board:
        return labnet.train(board, TASK, steps=steps, path=path, progress=False, **plan)


def looked(path: Path) -> Tail:
    tail = Tail(path)
    assert tail.refresh()
    return tail


def same_errors(tail: Tail, run: labnet.Run) -> None:
    frame = run.frame("error")
    for name, part in frame.groupby("set"):
        trace = tail.errors(str(name), points=10**6)
        np.testing.assert_array_equal(trace.y, part["scaled_error"])
        np.testing.assert_allclose(trace.x, part["steps_p"])
    assert sorted(tail.sets) == sorted(set(frame["set"]))


# What a tail shows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch", "finite"), [(None, True), (1.0, False)])
def test_the_end_of_a_run_that_reads_no_free_state(tmp_path: Path, batch: float | None, finite: bool) -> None:
    rule = labnet.rules.EquilibriumPropagation(gamma=0.02, nudge="conductance", batch=batch)
    with trained(tmp_path / "run.sqlite", steps=4, rule=rule) as run:
        state = looked(run.path).state()
    assert (state.step, state.voltages_step) == (4, 3)
    assert np.isnan(state.v_free).all()
    assert np.isfinite(state.v_clamped).all() == finite
    assert (state.enabled == 1).all()


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_shows_what_the_run_holds(tmp_path: Path, plan: str) -> None:
    with trained(tmp_path / "run.sqlite", **PLANS[plan]) as run:
        tail = looked(run.path)
        steps = run.steps()
        assert (tail.status, tail.last_step, tail.steps, tail.steps_done) == ("complete", 160, 160, 160)
        assert tail.network == run.network
        assert tail.x_is_steps_p == bool(np.isfinite(run.updates_per_step))
        same_errors(tail, run)
        for step in (0, 60, 160):
            state, logged = tail.state(step), int(steps[steps <= step][-1])
            seen = int(steps[steps <= min(step, 159)][-1])
            assert (state.step, state.voltages_step) == (logged, seen)
            np.testing.assert_array_equal(state.wipers, run.array("wipers", logged)[0])
            for field in ("v_free", "v_clamped", "directions", "enabled"):
                np.testing.assert_array_equal(getattr(state, field), run.array(field, seen)[0], err_msg=field)
            assert (state.example, state.clipped) == tuple(
                run.frame("steps").set_index("step").loc[seen, ["example", "clipped"]]
            )
        x, values = tail.traces([3, 7], points=10**4)
        moved = run.array("resistances_ohm") / 1e3 if plan == "continuous" else run.array("wipers").astype(float)
        np.testing.assert_allclose(x, steps * tail.x_per_step)
        np.testing.assert_array_equal(values, np.where(moved < 0, np.nan, moved)[:, [3, 7]])
        assert not tail.refresh(), "nothing is new"


def test_resistances_are_those_of_the_wipers(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", steps=30) as run:
        state = looked(run.path).state()
        with labnet.open_board("sim://twin16?preset=lab&seed=6") as board:
            np.testing.assert_allclose(state.ohm, board.info.nominal_ohm(state.wipers))


def test_errors_of_a_range(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", steps=2000, **PLANS["all logged"]) as run:
        tail = looked(run.path)
        part = run.frame("error").query("set == 'train'")
    x, y = part["steps_p"].to_numpy(), part["scaled_error"].to_numpy()
    zoomed = tail.errors("train", low=100.0, high=120.0)
    inside = (zoomed.x >= 100.0) & (zoomed.x <= 120.0)
    np.testing.assert_array_equal(zoomed.y[inside], y[(x >= 100.0) & (x <= 120.0)])
    assert list(inside) == [False, *[True] * (len(inside) - 2), False], "a line goes on to the border"
    assert len(tail.errors("train", points=100).x) <= 100
    mean = tail.smoothed("train", low=100.0, high=120.0)
    np.testing.assert_allclose(mean.y, plots.smoothed(y)[np.searchsorted(x, mean.x - 1e-9)])
    best, latest = tail.best("train"), tail.latest("train")
    assert best is not None
    assert latest is not None
    assert best.scaled_error == y.min()
    assert best.x == x[y.argmin()]
    assert (latest.x, latest.scaled_error) == (x[-1], y[-1])


def test_traces_of_a_range_are_thinned(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", steps=2000, clock=labnet.GlobalClock(p=0.5)) as run:
        tail, wipers = looked(run.path), run.array("wipers")
    for log in (False, True):
        x, values = tail.traces([2], low=10.0, high=900.0, points=40, log=log)
        assert len(x) <= 40
        assert x[0] >= 10.0
        assert x[-1] == 900.0
        np.testing.assert_array_equal(values[:, 0], wipers[np.rint(x / 0.5).astype(int), 2])


def test_gates_against_p(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", steps=400, clock=labnet.GlobalClock(p=0.3), masked=(5,)) as run:
        gates, enabled = looked(run.path).gates(last=101), run.array("enabled")[300:400]
    assert gates is not None
    assert gates.count == 100
    learning = np.arange(16) != 5
    np.testing.assert_allclose(gates.share[learning], enabled.mean(axis=0)[learning])
    assert np.isnan(gates.share[5]), "masked"
    assert gates.mean == pytest.approx(enabled[:, learning].mean())
    share = enabled.mean(axis=0)[learning]
    assert (gates.learning, gates.outside) == (15, np.count_nonzero((share < 0.21) | (share > 0.39)))
    assert gates.edges_per_trigger == pytest.approx(enabled.sum(axis=1).mean())
    # 95 % of binomial counts of 100 at 0.3 lie from 21 to 39 (tables of the binomial distribution)
    assert (gates.p, gates.low, gates.high) == (0.3, 0.21, 0.39)


def test_gates_are_always_open_with_p_1_and_unknown_without_a_trigger(tmp_path: Path) -> None:
    with trained(tmp_path / "one.sqlite", steps=20) as run:
        gates = looked(run.path).gates()
    assert gates is not None
    assert (gates.low, gates.high, gates.edges_per_trigger) == (1.0, 1.0, 16.0)
    with trained(tmp_path / "self.sqlite", steps=20, **PLANS["self-triggered"]) as run:
        assert looked(run.path).gates() is None


def test_says_what_one_should_know(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", masked=(3,), start=127.0):
        said = looked(tmp_path / "run.sqlite").warnings()
    assert any("edge 3" in each and "masked" in each for each in said)
    assert any("wipers stand at an end" in each for each in said)


def test_a_fault_is_said_once(writer: RunWriter) -> None:
    fault = Finding("stuck edge", "edge", 3, None, "0 of 20 steps", "20", step=7)
    writer.note_findings([{"action": "masked", **fault.to_dict()}])
    writer.note_findings([{"action": "masked", "kind": "by the plan", "index": 4, "step": 0}])
    writer.note_warning(f"{fault}; masked, the rest trains on.")
    said = looked(writer.path).warnings()
    assert said == ["edge 4: by the plan; masked.", f"{fault}; masked, the rest trains on."]


def test_says_that_a_run_failed(tmp_path: Path) -> None:
    with pytest.raises(labnet.errors.Diverged):
        trained(tmp_path / "run.sqlite", steps=50, rule=labnet.Continuous(gamma=1e6))
    tail = looked(tmp_path / "run.sqlite")
    assert tail.status.startswith("failed")
    assert any("It failed" in each for each in tail.warnings())
    assert tail.last_step == committed(tail.path)[-1]


# While it is written --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_follows_a_run_through_kill_and_resume(tmp_path: Path) -> None:
    write_experiment(tmp_path / "run.toml", "sim://twin16?preset=lab&seed=3", 30_000, more="measure = 20")
    path = tmp_path / "run.sqlite"
    tail = Tail(path)
    assert not tail.refresh()
    assert (tail.exists, tail.status, tail.warnings()) == (False, "not there yet", [])
    assert not path.exists(), "looking makes no file"

    kill_when_committed(2000, path, "run", "run.toml")
    assert tail.refresh()
    assert (tail.status, tail.last_step) == ("stopped", committed(path)[-1])
    assert "killed" in tail.warnings()[0]
    before = tail.last_step

    seen, rates = [], []
    with start(tmp_path, "run", "run.toml", "--resume") as child:

        def last_seen() -> int:
            tail.refresh()
            seen.append(tail.steps_done)
            rates.append(tail.steps_per_s)
            return tail.steps_done

        wait_until(child, last_seen, 30_000)
        assert child.wait() == 0
    assert seen == sorted(seen)
    assert any(before < each < 30_000 for each in seen), "it was seen on its way"
    assert np.nanmax(rates) > 0
    tail.refresh()
    assert (tail.status, tail.last_step) == ("complete", 30_000)
    assert np.isnan(tail.steps_per_s)
    assert not any("killed" in each for each in tail.warnings())
    with labnet.Run.open(path) as run:
        same_errors(tail, run)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.sqlite", "run.toml"], "one file"


def measured(first: int, last: int, cost_v2: float) -> Block:
    return Block(0, last, [], [Errors(step, "train", cost_v2 / (step + 1), np.nan) for step in range(first, last)])


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    with labnet.open_board("sim://twin16") as board:
        writing = RunWriter(tmp_path / "run.sqlite", board, labnet.Plan(task=TASK, steps=1000, measure=1))
        yield writing
        writing.close("interrupted")


def test_a_run_that_goes_another_way_is_read_again(writer: RunWriter) -> None:
    writer.add_block(measured(0, 100, 1.0))
    tail = looked(writer.path)
    for again in (measured(40, 90, 2.0), measured(40, 120, 3.0)):  # up to before, and beyond, what was seen
        writer.forget_from(40)
        writer.add_block(again)
        assert tail.refresh()
        with writer.run() as run:
            same_errors(tail, run)
    writer.forget_from(0)
    assert tail.refresh()
    assert (tail.sets, tail.latest("train"), len(tail.errors("train").x)) == ([], None, 0)


def test_many_measurements_are_read_in_pieces(writer: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "MOST_ROWS", 7)
    writer.add_block(measured(0, 100, 1.0))
    tail, looks = Tail(writer.path), 0
    tail.refresh()
    while tail.behind:
        assert tail.refresh()
        looks += 1
    assert looks == 16, "a look begins with the last measurement of the one before"
    with writer.run() as run:
        same_errors(tail, run)
        np.testing.assert_allclose(
            tail.smoothed("train").y, plots.smoothed(run.frame("error")["scaled_error"].to_numpy())
        )


def test_a_comparison_reads_in_pieces(writer: RunWriter) -> None:
    writer.add_block(measured(0, 100, 1.0))
    with FollowedRun.open(writer.path) as run:
        seen = [run.read_on(7)]
        assert len(run.frame("error")) == 7
        while (now := run.read_on(7)) != seen[-1]:
            seen.append(now)
        assert len(seen) == 17, "6 more each time, for the last one is looked at again"
        writer.forget_from(40)
        writer.add_block(measured(40, 90, 2.0))
        assert run.read_on(1000) != seen[-1]
        with writer.run() as whole:
            expected = whole.frame("error")[list(run.frame("error"))]
        pd.testing.assert_frame_equal(run.frame("error").astype({"set": str}), expected.astype({"set": str}))


def test_a_look_keeps_no_run_from_becoming_one_file(writer: RunWriter) -> None:
    """The writer waits for readers who have the file open for a moment, and WalKept is an error here."""
    opened = threading.Event()

    def look_until_it_ends() -> None:
        with labnet.Run.open(writer.path) as run:
            opened.set()
            while run.status == "running":
                pass

    reader = threading.Thread(target=look_until_it_ends)
    reader.start()
    opened.wait()
    writer.close("complete")
    reader.join()
    assert not writer.path.with_name("run.sqlite-wal").exists()


# Files that are no run, or another one -------------------------------------------------------------------------------


def test_waits_while_the_file_is_being_made(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    path.touch()
    tail = Tail(path)
    assert not tail.refresh()
    assert not tail.exists
    path.unlink()
    trained(path, steps=20).close()
    assert tail.refresh()
    assert tail.last_step == 20


def test_begins_anew_where_another_run_is_there(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    trained(path, steps=40).close()
    tail = looked(path)
    path.unlink()
    assert tail.refresh()
    assert (tail.exists, tail.status, tail.sets) == (False, "removed", [])
    trained(path, steps=30, seed=1).close()
    assert tail.refresh()
    assert (tail.exists, tail.status, tail.last_step) == (True, "complete", 30)

    trained(tmp_path / "other.sqlite", steps=20).close()
    (tmp_path / "other.sqlite").replace(path)
    assert tail.refresh()
    assert tail.last_step == 20
    assert any("Another run" in each for each in tail.warnings())
    with labnet.Run.open(path) as run:
        same_errors(tail, run)


def test_what_is_read_between_two_looks_is_of_the_run_that_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    trained(path, steps=40).close()
    trained(tmp_path / "other.sqlite", steps=20).close()
    tail = looked(path)
    path.unlink()
    for error in (NotARun, RunMismatch):
        for read in (tail.state, tail.gates, lambda: tail.traces([0])):
            with pytest.raises(error):
                read()
        assert (tail.status, tail.last_step) == ("complete", 40)
        if error is NotARun:
            (tmp_path / "other.sqlite").replace(path)
    assert tail.refresh()
    assert tail.state().step == 20


def test_many_may_ask_whether_a_run_is_written(writer: RunWriter) -> None:
    path = writer.path
    assert has_writer(path)
    writer.close("interrupted")
    lock = path.with_name("run.sqlite.lock")
    lock.touch()  # as a killed writer leaves it
    with lock.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not has_writer(path)


def test_no_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no run\n" * 100)
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(NotARun):
            Tail(path)


def test_a_file_that_is_damaged_meanwhile_is_said(tmp_path: Path) -> None:
    trained(tmp_path / "run.sqlite", steps=20).close()
    tail = looked(tmp_path / "run.sqlite")
    (tmp_path / "run.sqlite").write_text("no run\n" * 1000)
    assert tail.refresh()
    assert any("no run of labnet" in each for each in tail.warnings())


def test_a_run_knows_when_it_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with trained(path, steps=20) as run:
        assert run.plan.steps == 20
    with run.reopen():
        assert run.steps_before(1000, 2).tolist() == [19, 20]
    path.unlink()
    trained(path, steps=21).close()
    with pytest.raises(labnet.errors.RunMismatch, match="another run"):
        run.reopen()
