"""A point of a sweep is what `labnet run` gives with its keys set, to the last bit; a failing one fails alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import labnet
from labnet.errors import Diverged, RunError, SweepError, UnknownBoard

DISCRETE = {"task": {"kind": "regression", "train": 3, "test": 2}, "steps_p": 20, "order": "random"}
CONTINUOUS = DISCRETE | {"rule": {"name": "continuous", "gamma": 0.05}, "eta": 0.1}
IRIS = {"task": {"kind": "classification"}, "steps": 9, "log": 4, "measure": 5}
GRID: dict[Any, Any] = {"clock.p": [0.4, 1.0], ("task.seed", "seed", "board.seed"): range(2)}


def experiment(scheme: str = "sim", **settings: Any) -> labnet.Experiment:
    return labnet.Experiment(**{"board": f"{scheme}://twin16?preset=ideal"} | settings)


def run(experiment: labnet.Experiment) -> labnet.Run:
    with labnet.open_board(experiment.board) as board:
        return labnet.run_plan(board, experiment.plan(board.network), progress=False)


@pytest.mark.parametrize("scheme", ["sim", "plain", "boasts"])
@pytest.mark.parametrize("settings", [DISCRETE, CONTINUOUS, IRIS], ids=["discrete", "continuous", "logged"])
def test_a_point_is_the_run_with_its_keys_set(tmp_path: Path, settings: dict[str, Any], scheme: str) -> None:
    base = experiment(scheme, **settings)
    sweep = labnet.sweep(base, GRID, path=tmp_path / "x.sweep", progress=False)
    errors, final, points = (sweep.frame(name) for name in ("error", "final", "points"))
    assert points["point"].tolist() == [0, 1, 2, 3]
    assert points["clock.p"].tolist() == [0.4, 0.4, 1.0, 1.0]
    assert points["task.seed"].tolist() == [0, 1, 0, 1]
    assert set(points["status"]) == {"complete"}
    moved = "resistances" if "rule" in settings else "wipers"
    for point in range(4):
        seed, p = point % 2, points["clock.p"][point]
        changes = {"clock.p": float(p), "task.seed": seed, "seed": seed, "board.seed": seed}
        with run(base.changed(changes)) as alone:
            keys = {"point": point, "clock.p": p, "task.seed": seed}
            assert points["steps"][point] == alone.plan.steps
            pd.testing.assert_frame_equal(
                part(errors, keys), alone.frame("error")[list(errors.columns[3:])], check_exact=True
            )
            steps = alone.frame(moved)
            if "log" not in settings:  # the end alone
                steps = steps[steps["step"] == alone.plan.steps].reset_index(drop=True)
            pd.testing.assert_frame_equal(part(final, keys), steps, check_exact=True, check_dtype=False)


def part(frame: pd.DataFrame, keys: dict[str, Any]) -> pd.DataFrame:
    """Give the rows of a point without its keys, after seeing that these are right."""
    rows = frame[frame["point"] == keys["point"]].reset_index(drop=True)
    assert list(frame.columns[:3]) == list(keys)
    for key, value in keys.items():
        assert (rows[key] == value).all()
    return rows.drop(columns=list(keys))


def test_memory_disk_and_parquet_hold_the_same(tmp_path: Path) -> None:
    base = experiment(**DISCRETE)
    kept = labnet.sweep(base, GRID, progress=False)
    labnet.sweep(base, GRID, path=tmp_path / "x.sweep", progress=False)
    for name in ("error", "final", "points"):
        for other in (
            labnet.Sweep.open(tmp_path / "x.sweep").frame(name),
            pd.read_parquet(tmp_path / "x.sweep" / f"{name}.parquet"),
        ):
            pd.testing.assert_frame_equal(other, kept.frame(name), check_exact=True)
    assert {file.name for file in (tmp_path / "x.sweep").iterdir()} == {
        "sweep.json",
        "points.parquet",
        "error.parquet",
        "final.parquet",
    }


@pytest.mark.parametrize("scheme", ["sim", "plain"])
def test_points_that_cannot_be_trained_are_named_and_the_others_go_on(scheme: str) -> None:
    base = experiment(scheme, **CONTINUOUS)
    gammas = labnet.sweep(base, {"rule.gamma": [0.05, 1e308, 0.06]}, progress=False)
    status = gammas.frame("points")["status"]
    assert status[0] == status[2] == "complete"
    with pytest.raises(Diverged) as error:
        run(base.changed({"rule.gamma": 1e308}))
    assert status[1] == str(error.value)
    assert gammas.frame("points")["steps"][1] < 20
    assert (gammas.frame("error")["point"] == 1).any(), "what was measured before is kept"
    assert gammas.summary()["failed"].tolist() == [0, 1, 0]
    nodes = labnet.sweep(base, [{"task.inputs": 2}, {"task.inputs": 12}], progress=False).frame("points")
    assert nodes["status"][0] == "complete"
    assert "inputs = 12; allowed: 0 to 9" in nodes["status"][1]
    boards = labnet.sweep(base, {"board": [base.board, f"{scheme}://nothing"]}, progress=False).frame("points")
    assert boards["status"][0] == "complete"
    assert "no network is called 'nothing'" in boards["status"][1]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"clok.p": [0.5]}, r"at clok.p = 0.5: clok is not a known key; allowed: .*Did you mean clock\?"),
        ({"clock.q": [0.5]}, "clock.q is not a known key; allowed: kind, p"),
        ({"clock.p": [0.5, 2]}, "at clock.p = 2: clock.p is 2; allowed: a number above 0 and up to 1"),
        ({"eta.x": [0.5]}, "eta is a single value|eta.*allowed"),
        (None, "over is missing"),
    ],
)
def test_a_key_or_value_that_cannot_be_stops_all_before_it_begins(tmp_path: Path, over: Any, said: str) -> None:
    with pytest.raises(SweepError, match=said):
        labnet.sweep(experiment(**DISCRETE), over, path=tmp_path / "x.sweep", progress=False)
    assert not (tmp_path / "x.sweep").exists()


def test_an_option_that_the_board_does_not_have() -> None:
    with pytest.raises(UnknownBoard, match="sed is not a known key"):
        labnet.sweep(experiment(**DISCRETE), {"board.sed": range(2)}, progress=False)


def test_both_rules_in_one_sweep() -> None:
    rules = [{"name": "discrete"}, {"name": "continuous", "gamma": 0.05}]
    final = labnet.sweep(experiment(**DISCRETE), {"rule": rules}, progress=False).frame("final")
    assert final["rule"].iloc[0] == '{"name": "discrete"}'
    assert final[final["point"] == 0]["resistance_ohm"].isna().all()
    assert final[final["point"] == 1]["wiper"].isna().all()
    assert np.isfinite(final[final["point"] == 1]["resistance_ohm"]).all()


def test_an_unknown_frame_is_refused() -> None:
    sweep = labnet.sweep(experiment(**DISCRETE), {"clock.p": [1.0]}, progress=False)
    with pytest.raises(RunError, match="frame is 'eror'; allowed: error, final, points"):
        sweep.frame("eror")  # type: ignore[arg-type]


def test_a_sweep_that_was_stored_before_costs_were_counted_opens(tmp_path: Path) -> None:
    path, costs = tmp_path / "x.sweep", ["settlings", "readings", "writes"]
    labnet.sweep(experiment(**DISCRETE), GRID, path=path, progress=False)
    now = labnet.Sweep.open(path).frame("error")
    assert (now["settlings"] == 2 * now["step"]).all()
    assert (now["readings"] == 2 * now["step"]).all()  # of two outputs, in the free state
    assert (now["writes"] == 16 * now["step"]).all()
    now.drop(columns=costs).to_parquet(path / "error.parquet")
    before = labnet.Sweep.open(path).frame("error")
    assert before[costs].isna().all(axis=None)
    pd.testing.assert_frame_equal(before.drop(columns=costs), now.drop(columns=costs))
