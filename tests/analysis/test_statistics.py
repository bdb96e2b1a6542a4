"""Distances, exponents and their intervals, against laws known beforehand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labnet import analysis
from labnet.errors import AnalysisError

X = np.geomspace(0.01, 0.9, 8)


def test_distance_is_in_units_of_r_ref() -> None:
    assert analysis.distance([13e3, 10e3], [10e3, 14e3]) == pytest.approx(0.5)
    assert analysis.distance([1.0, 2.0], [1.0, 4.0], r_ref_ohm=1.0) == pytest.approx(2.0)
    many = analysis.distance(np.zeros((3, 4, 16)), np.full(16, 10e3))
    np.testing.assert_allclose(many, np.full((3, 4), 4.0))


@given(exponent=st.floats(-3, 3), factor=st.floats(1e-6, 1e6))
@settings(max_examples=15)
def test_an_exact_power_law_is_found(exponent: float, factor: float) -> None:
    law = analysis.fit_power_law(X, np.tile(factor * X**exponent, (3, 1)))
    np.testing.assert_allclose(law.exponent, exponent, atol=1e-9)
    assert law.factor == pytest.approx(factor)


def test_a_factor_a_task_changes_no_exponent() -> None:
    """What differs between tasks by a factor alone leaves the exponent, and its interval, sharp."""
    factors = np.random.default_rng(1).lognormal(sigma=2, size=(20, 1))
    law = analysis.fit_power_law(X, factors * X ** (2 / 3))
    np.testing.assert_allclose(law.exponent, 2 / 3, atol=1e-9)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(0, 0.5, (30, len(X)))
        exponent = analysis.fit_power_law(X, np.exp(noise) * X**0.5).exponent
        held += exponent.low <= 0.5 <= exponent.high
    assert 48 <= held <= 60


def test_one_wild_task_rules_the_mean_and_not_the_median() -> None:
    y = np.tile(X**0.5, (11, 1))
    y[0] = 1e6 * X**2
    assert analysis.fit_power_law(X, y).exponent.value == pytest.approx(0.5)
    assert analysis.fit_power_law(X, y, np.mean).exponent.value == pytest.approx(2.0, abs=0.01)


def test_median_of_tasks() -> None:
    found = analysis.median(np.arange(101.0))
    assert found.value == 50
    assert 35 < found.low < 50 < found.high < 65  # the 95 % interval of a binomial: the 41st to the 61st of 101


def test_what_makes_no_number_is_refused() -> None:
    with pytest.raises(AnalysisError, match="1 samples; allowed: at least 2"):
        analysis.median([1.0])
    with pytest.raises(AnalysisError, match="above 0"):
        analysis.fit_power_law([0.0, 1.0], [[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(AnalysisError, match="above 0"):
        analysis.fit_power_law([0.5, 1.0], [[1.0, 1.0], [0.0, 1.0]])
    with pytest.raises(AnalysisError, match="two different"):
        analysis.fit_power_law([0.5, 0.5], [[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(AnalysisError, match=r"share is 1.5"):
        analysis.step_covariance(np.eye(2), 1.5)
