"""Figures find what was planted, and their verdicts follow."""

from typing import Any

import numpy as np
import pytest
from planted import FILES, Planted, scatter

from labnet.figures import FIGURES, Findings
from labnet.figures.figure import curves
from labnet.sweeps import Over

TASK = "task.seed"


def findings(name: str, **sweeps: Any) -> Findings:
    return FIGURES[name].find({key.replace("_", " "): sweep for key, sweep in sweeps.items()})


def test_1b_finds_a_collapse_on_steps_times_p() -> None:
    sweep = Planted("1b", "all", lambda point, x: scatter(point[TASK]) / (1 + x / 30))
    found = findings("1b", all=sweep)
    assert found.verdict == "holds"
    assert found.numbers["spread_of_medians"]["largest"] == pytest.approx(1, abs=0.02)
    assert found.numbers["spread_of_medians_against_steps"]["largest"] > 5
    assert found.numbers["final_error_over_that_of_p_1"]["0.1"].value == pytest.approx(1)


def test_1b_finds_curves_that_do_not_collapse() -> None:
    sweep = Planted("1b", "all", lambda point, x: scatter(point[TASK]) / (1 + x / point["clock.p"] ** 2))
    assert findings("1b", all=sweep).verdict == "does not hold"


def test_1b_leaves_out_tasks_with_a_failure() -> None:
    sweep = Planted("1b", "all", lambda point, x: scatter(point[TASK]) / (1 + x), failed=(0,))
    assert findings("1b", all=sweep).numbers["tasks"] == 49


def planted_distances(exponent: float) -> dict[str, Planted]:
    def planted(curve: str, swept: str, factor: float) -> Planted:
        def final(point: Any, step: int) -> np.ndarray:
            apart = factor * scatter(point[TASK]) * (1 - point.get(swept, 1.0)) ** exponent
            return 10e3 * (1 + point["rule.gamma"] + apart * np.eye(16)[point[TASK] % 16])

        return Planted("2a", curve, lambda point, x: 1 / (1 + x), final)

    return {"reference": planted("reference", "", 0.0)} | {
        curve: planted(curve, swept, factor)
        for equal in ("updates", "steps")
        for curve, swept, factor in (
            (f"equal {equal}: edges, p", "clock.p", 1.0),
            (f"equal {equal}: examples, b", "rule.batch", 0.1),
            (f"equal {equal}: both, p = b", "clock.p", 1.1),
        )
    }


@pytest.mark.parametrize(("exponent", "verdict"), [(2 / 3, ": holds ("), (0.5, ": does not hold (")])
def test_2a_finds_exponents(exponent: float, verdict: str) -> None:
    found = FIGURES["2a"].find(planted_distances(exponent))
    assert found.verdict.count(verdict) == 4
    for panel in ("equal updates, γ = 0.05", "equal steps, γ = 1"):
        for curve, factor in (("edges, p", 1.0), ("examples, b", 0.1)):
            np.testing.assert_allclose(found.numbers[panel][curve]["exponent"], exponent, rtol=1e-6)
            middle = np.median([scatter(task) for task in range(50)])
            assert found.numbers[panel][curve]["factor"] == pytest.approx(factor * middle)


def test_2a_trains_equally_many_updates_or_steps() -> None:
    lengths = {}
    for curve in curves(FILES / "2a.toml"):
        over = Over.read(curve.over)
        trained = [curve.experiment.changed(over.changes(point)) for point in range(len(over.values))]
        lengths[curve.name] = {
            (each.clock.p, each.rule.batch): each.triggers  # type: ignore[union-attr]
            for each in trained
        }
    assert lengths["reference"] == {(1.0, 1.0): 5000}
    for (p, b), steps in lengths["equal updates: both, p = b"].items():
        assert steps * p * b == pytest.approx(5000, rel=1e-3)
    assert set(lengths["equal steps: both, p = b"].values()) == {5000}


@pytest.mark.parametrize(("power", "verdict"), [(0.5, "holds"), (0.0, "does not hold"), (-0.5, "does not hold")])
def test_4c_finds_whether_errors_fall_with_p(power: float, verdict: str) -> None:
    sweep = Planted("4c", "all", lambda point, x: scatter(point[TASK]) * point["clock.p"] ** power * np.ones(len(x)))
    found = FIGURES["4c"].find({"all": sweep})
    for each in found.numbers.values():
        np.testing.assert_allclose(each["slope_of_log_error"], power, atol=1e-9)
        np.testing.assert_allclose(each["gain"], 10**power)
    assert {said.rpartition(": ")[2] for said in found.verdict.split("; ")} == {verdict}


def test_final_errors_are_those_of_the_second_half() -> None:
    sweep = Planted("4e", "all", lambda point, x: np.where(x < x.max() / 2, 1.0, 0.01))
    found = FIGURES["4e"].find({"all": sweep})
    assert all(median.value == 0.01 for each in found.numbers.values() for median in each["median_error"])


def test_4d_finds_a_gain_that_shrinks() -> None:
    outputs = (2, 4, 8, 12, 16, 24)
    sweeps = {
        f"O = {o}": Planted(
            "4d",
            f"O = {o}",
            lambda point, x, o=o: scatter(point[TASK]) * (1.0 if point["clock.p"] == 1 else o / 24) * np.ones(len(x)),
        )
        for o in outputs
    }
    found = FIGURES["4d"].find(sweeps)
    assert len(found.numbers) == 4
    for each in found.numbers.values():
        for gains in each.values():
            np.testing.assert_allclose(gains["slope_of_log_gain"], -1, atol=1e-9)
            np.testing.assert_allclose(gains["gain"][-1], 1)
    assert {said.rpartition(": ")[2] for said in found.verdict.split("; ")} == {"holds"}


def test_4a_counts_tasks_that_end_lower() -> None:
    sweeps = {
        curve: Planted("4a", curve, lambda point, x: (1.0 if point["clock.p"] == 1 else 0.25) * np.ones(len(x)))
        for curve in ("one task", "many tasks")
    }
    found = FIGURES["4a"].find(sweeps)
    assert found.verdict == "holds"
    assert found.numbers["share_of_tasks_with_gain"] == [1.0, 1.0]
    np.testing.assert_allclose(found.numbers["gain"], 4)


def test_4b_finds_what_stands_still() -> None:
    def final(point: Any, step: int) -> np.ndarray:
        return 64 + np.full(16, 0 if point["clock.p"] == 1 else step % 21)

    found = FIGURES["4b"].find({"many tasks": Planted("4b", "many tasks", final=final, logged=200)})
    assert found.verdict.startswith("holds; ")
    assert found.numbers["widest_span_positions"][-1].value == 0
    assert found.numbers["widest_span_positions"][0].value > 10
