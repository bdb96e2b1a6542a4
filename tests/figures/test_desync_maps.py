"""The maps of the study: which settings gain, when a training has arrived, errors beside predictions."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import Planted, scatter

import labnet
from labnet.analysis import Interval
from labnet.experiment import Experiment
from labnet.figures import FIGURES
from labnet.figures.desync_map import brief, ratios, tabulated
from labnet.figures.desync_predicted import compared
from labnet.figures.desync_time import Course, arrived, sign


def planted_map(gain: float) -> pd.DataFrame:
    """Give trainings that p = 0.1 ends lower, by the same factor on all tasks; predicted is half of what comes out."""
    rows = []
    for task in range(10):
        for p, factor in ((1.0, 1.0), (0.1, 1.0 / gain)):
            error = factor * scatter(task)
            rows.append({"s": 0.01, "start": 4.0, "clock.p": p, "task.seed": task, "scaled_error": error, "lock": 1.3})
            rows[-1] |= {"predicted": 0.5 * error, "reached": p == 1.0}
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("gain", "helps"), [(3.0, True), (1.1, False), (0.3, False)])
def test_a_setting_gains_where_p_below_1_is_surely_lower(gain: float, helps: bool) -> None:
    table = tabulated(planted_map(gain))
    lowest = table[table["p"] == 0.1].iloc[0]
    assert lowest["gain"] == pytest.approx(gain)
    assert lowest["predicted_gain"] == pytest.approx(gain)
    assert lowest["helps"] == helps
    found = ratios(table)
    assert (found["settings"], found["short"]) == (1, 1)
    assert found["quartiles"] == pytest.approx([2.0, 2.0, 2.0])


def test_predictions_stand_beside_the_trainings_they_are_of() -> None:
    experiment = Experiment(
        board="sim://twin16?preset=ideal&sigma=redrawn&sigma_max_v=0.05",
        steps_p=1000,
        task={"kind": "allostery", "v_max": 5.0},
    )
    over: dict[Any, Any] = {"task.seed, seed, board.seed": range(2), "start": [4, 64], "clock.p": [0.5, 1.0]}
    frame = compared(labnet.sweep(experiment, over, progress=False))
    assert len(frame) == 8
    assert frame["s"].to_numpy() == pytest.approx(0.01)
    lock = frame.groupby("start")["lock"].median()
    assert lock[4] / lock[64] == pytest.approx(64.5 / 4.5, rel=0.05)  # as 1 / R
    assert frame["reached"].all()
    assert 0.5 < (frame["scaled_error"] / frame["predicted"]).median() < 2.0


def test_when_a_training_has_arrived() -> None:
    steps_p = np.geomspace(1, 1000, 61)
    falling = np.where(steps_p < 100, 1.0, 0.01) * np.ones((3, 1))
    assert 100 <= arrived(Course(steps_p, falling, falling)) <= 200  # a median over the second half so far
    assert arrived(Course(steps_p, np.ones_like(falling), falling)) == 1.0


def test_signs_of_gains() -> None:
    assert sign(Interval(3.0, 1.2, 5.0)) == "lower"
    assert sign(Interval(3.0, 0.9, 5.0)) == "alike"
    assert sign(Interval(1.1, 1.05, 1.2)) == "alike"  # counts as the same
    assert sign(Interval(0.5, 0.3, 0.8)) == "higher"


def test_time_finds_a_gain_that_turns_into_a_loss() -> None:
    def error(point: Any, steps_p: np.ndarray) -> np.ndarray:
        early = 0.1 if point["clock.p"] < 1.0 else 1.0
        return np.asarray(scatter(point["task.seed"]) * np.where(steps_p < 5000, early, 1.0 / early))

    def final(point: Any, step: int) -> np.ndarray:
        return np.full(16, 4.0 + point["clock.p"])

    sweep = Planted("desync-time", "s = 0, start 4", error, final)
    sweep.frames["error"]["cost_v2"] = 2.0 * sweep.frames["error"]["scaled_error"]
    found = FIGURES["desync-time"].find({"planted": sweep})
    gains = found.numbers["planted"]["gain_by_length"]["0.1"]
    assert gains["1000"].value == pytest.approx(10.0)
    assert gains["20000"].value == pytest.approx(0.1)
    assert found.numbers["planted"]["gain_by_definition"]["its root"].value == pytest.approx(0.1**0.5)
    assert found.numbers["planted"]["mean_wiper_at_end"]["0.5"].value == pytest.approx(4.5)
    assert found.verdict.startswith(
        "length: does not hold at planted; definition: does not hold"
    )  # lowest so far: lower


@pytest.mark.parametrize(("number", "text"), [(4231.9, "4232"), (2.66, "2.7"), (0.0556, "0.056"), (4.3e-4, "4e-4")])
def test_numbers_in_cells_are_short(number: float, text: str) -> None:
    assert brief(number) == text
