"""What is said of exponents follows from distances: planted laws, bends, and chance hits."""

from collections.abc import Callable

import numpy as np
import pytest

from labnet.figures.desync_distance import judge
from labnet.figures.desync_measured import CURVES, Distances, Setting
from labnet.figures.figure import Findings, FloatArray

X = np.array([0.0625, 0.125, 0.25, 0.5, 0.75])
TASKS = 40
HERE = Setting("drawn", "updates", 5000, 0.05)


def planted(law: Callable[[str, float], FloatArray], predicted: float = 1.0) -> Distances:
    """Give distances law(curve, task) (K,), each with a factor of its task."""
    factors = np.random.default_rng(0).lognormal(sigma=0.5, size=TASKS)
    rng = np.random.default_rng(1)
    measured = {
        curve: rng.lognormal(sigma=0.05, size=(TASKS, len(X)))
        * np.array([factor * law(curve, task) for task, factor in enumerate(factors)])
        for curve in CURVES
    }
    drawn = {curve: np.tile(predicted * each, (2, 3, 1, 1)) for curve, each in measured.items()}
    return Distances(X, np.arange(TASKS), measured, drawn)


def judged(law: Callable[[str, float], FloatArray], predicted: float = 1.0) -> Findings:
    return judge({HERE: planted(law, predicted)})


def test_one_law_in_all_curves_holds() -> None:
    found = judged(lambda curve, _: (1 + CURVES.index(curve)) * X ** (2 / 3))
    assert [all(hit["agrees"].values()) for hit in found.numbers["hits"]] == [True] * 4
    assert found.verdict.startswith("holds at ")
    for row in found.numbers["table"]:
        for exponent in (row["small_half"], row["large_half"], *row["exponents"].values()):
            assert exponent.value == pytest.approx(2 / 3, abs=0.1)
        assert row["predicted"]["median"] == pytest.approx(row["exponents"]["median"].value)


def test_other_exponents_do_not() -> None:
    found = judged(lambda curve, _: X ** (0.5, 0.7, 0.4)[CURVES.index(curve)])
    assert found.numbers["hits"] == []
    assert found.verdict == "does not hold at any of 4 settings"


def test_a_curve_that_bends_is_no_law() -> None:
    """Its exponent is 2/3 in the mean, less at small x and more at large x."""
    logs = np.log(X)
    square = logs**2
    bend = square - np.polyval(np.polyfit(logs, square, 1), logs)
    found = judged(lambda curve, _: X ** (2 / 3) * np.exp(0.2 * bend))
    assert [all(hit["agrees"].values()) for hit in found.numbers["hits"]] == [True] * 4
    assert not any(hit["one_law"] for hit in found.numbers["hits"])
    assert found.verdict.startswith("does not hold")


def test_what_the_first_tasks_show_must_be_there_in_the_others() -> None:
    found = judged(lambda _, task: X ** (2 / 3 if task < TASKS / 2 else 0.9))
    assert [hit["agrees"]["first half"] for hit in found.numbers["hits"]] == [True] * 4
    assert found.verdict.startswith("does not hold")


@pytest.mark.parametrize(("factor", "said"), [(1.1, "up to gamma = 0.05"), (0.5, "at no gamma")])
def test_how_far_the_prediction_is_off(factor: float, said: str) -> None:
    found = judged(lambda curve, _: X, factor)
    assert found.numbers["table"][0]["measured_over_predicted"].value == pytest.approx(1 / factor)
    assert sum(said in line for line in found.found) == 2


def test_an_exponent_that_passes_two_thirds_is_no_plateau() -> None:
    exponents = {0.01: 0.5, 0.1: 0.6, 1.0: 0.8, 10.0: 1.0}
    settings = {HERE._replace(gamma=gamma): planted(lambda _, __, y=y: X**y) for gamma, y in exponents.items()}
    crossings = judge(settings).numbers["crossings"]
    assert [each["curve"] for each in crossings] == list(CURVES)
    for each in crossings:
        assert each["gamma"] == pytest.approx(10 ** (-1 + 1 / 3), rel=0.5)
        assert each["slope_per_decade"] == pytest.approx(0.2, abs=0.05)
