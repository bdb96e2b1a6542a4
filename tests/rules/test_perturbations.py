"""Codes: what is exact over a period, what is so in the mean, and that time alone decides."""

from typing import get_args

import numpy as np
import pytest
from estimates import LEVEL, assert_each_mean
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labnet.draws import Stream, draw
from labnet.rules.perturbations import Code, Random, period, perturbations, variance

CODES = get_args(Code)
PERIODIC = ("walsh", "sequential", "sinusoidal")

codes = st.sampled_from(CODES)
counts = st.integers(1, 40)


@settings(max_examples=25)
@given(st.sampled_from(PERIODIC), counts, st.integers(0, 10**12))
def test_a_period_from_any_time_is_orthogonal(code: Code, parameters: int, first: int) -> None:
    steps = period(code, parameters)
    assert steps is not None
    values = perturbations(code, first, steps, parameters, seed=0)
    expected = variance(code, parameters) * np.eye(parameters)
    np.testing.assert_allclose(values.T @ values / steps, expected, atol=1e-12)
    np.testing.assert_allclose(perturbations(code, first + steps, steps, parameters, seed=1), values, atol=1e-12)


@pytest.mark.parametrize("parameters", [1, 2, 3, 7, 8, 16])
@pytest.mark.parametrize("code", ["walsh", "sinusoidal"])
def test_the_mean_over_a_period_is_zero(code: Code, parameters: int) -> None:
    steps = period(code, parameters)
    assert steps is not None
    mean = perturbations(code, 0, steps, parameters, seed=0).mean(axis=0)
    np.testing.assert_allclose(mean, np.zeros(parameters), atol=1e-12)


@pytest.mark.parametrize("parameters", [1, 5, 16])
def test_sines_come_again_backwards_with_the_other_sign(parameters: int) -> None:
    steps = period("sinusoidal", parameters)
    assert steps is not None
    values = perturbations("sinusoidal", 1, steps - 1, parameters, seed=0)
    np.testing.assert_allclose(values[::-1], -values, atol=1e-12)


@settings(max_examples=25)
@given(codes, st.integers(0, 2**40), st.integers(1, 9), counts, st.integers(0, 2**70))
def test_time_alone_decides(code: Code, first: int, count: int, parameters: int, seed: int) -> None:
    together = perturbations(code, first, count, parameters, seed=seed)
    alone = [perturbations(code, first + k, 1, parameters, seed=seed)[0] for k in range(count)]
    assert together.shape == (count, parameters)
    np.testing.assert_array_equal(together, alone)


@settings(max_examples=25)
@given(st.sampled_from(get_args(Random)), st.integers(1, 9), st.integers(10, 20))
def test_what_is_drawn_does_not_depend_on_how_many_there_are(code: Code, few: int, many: int) -> None:
    several = perturbations(code, 3, 4, many, seed=8)
    np.testing.assert_array_equal(perturbations(code, 3, 4, few, seed=8), several[:, :few])


def test_bernoulli_is_the_highest_bit() -> None:
    bits = [[int(draw(5, Stream.PERTURBATION, t, np.array([i]))[0]) >> 63 for i in range(4)] for t in range(7, 27)]
    np.testing.assert_array_equal(perturbations("bernoulli", 7, 20, 4, seed=5), 2.0 * np.array(bits) - 1)


@pytest.mark.parametrize(("code", "fourth"), [("bernoulli", 1.0), ("normal", 3.0)])
def test_moments_of_what_is_drawn(code: Code, fourth: float) -> None:
    """No mean, the variance, no covariance (Eq. 8), and the fourth moment that Eq. 16 takes."""
    values = perturbations(code, 0, 20_000, 4, seed=2)
    assert_each_mean(values, np.zeros(4))
    assert_each_mean(values[:, :, None] * values[:, None, :], variance(code, 4) * np.eye(4))
    assert_each_mean(values**4, np.full(4, fourth))
    if code == "normal":
        assert stats.kstest(values.ravel(), "norm").pvalue > LEVEL


def test_another_seed_perturbs_otherwise() -> None:
    for code in get_args(Random):
        one, other = (perturbations(code, 0, 8, 8, seed=seed) for seed in (1, 2))
        assert not np.array_equal(one, other)
