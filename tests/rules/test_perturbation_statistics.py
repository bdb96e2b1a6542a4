"""G of oripov2025, Eq. 11, where costs are linear: its mean and covariance are those of Eqs. 15, 16, 20 and 21."""

import numpy as np
import pytest
from estimates import assert_each_mean, assert_mean
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labnet import analysis
from labnet.errors import AnalysisError
from labnet.rules.perturbations import Random, perturbations

SLOPES = np.array([1.0, -0.5, 0.25, 2.0, -1.5])
FOURTH = {"bernoulli": 1.0, "normal": 3.0}
gradients = arrays(np.float64, st.integers(1, 6), elements=st.floats(-2, 2))


def sampled(code: Random, times: int, count: int, sizes: np.ndarray | float = 1.0) -> np.ndarray:
    """G, from perturbations of different sizes a parameter; (count, K)."""
    theta = sizes * perturbations(code, 0, count * times, len(SLOPES), seed=4)
    parts = (theta @ SLOPES)[:, None] * theta / np.broadcast_to(sizes, SLOPES.shape) ** 2
    return parts.reshape(count, times, -1).mean(axis=1)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("code", ["bernoulli", "normal"])
@pytest.mark.parametrize("sizes", [1.0, np.array([0.1, 0.2, 0.3, 0.4, 0.5])], ids=["alike", "unlike"])
def test_mean_and_covariance(code: Random, times: int, sizes: np.ndarray | float) -> None:
    found = sampled(code, times, 20_000, sizes)
    assert_mean(found, SLOPES)  # Eq. 15
    apart = found - SLOPES
    moments = np.asarray(sizes) ** 2, FOURTH[code] * np.asarray(sizes) ** 4
    covariance = analysis.perturbation_covariance(SLOPES, times, *moments)
    assert_each_mean(apart[:, :, None] * apart[:, None, :], covariance)  # Eq. 16
    square = analysis.perturbation_square(SLOPES, times, *moments)
    assert_each_mean((found**2).sum(axis=1), np.array(square))  # Eq. 20


@settings(max_examples=25)
@given(gradients, st.integers(1, 50))
def test_the_square_for_bernoulli(slopes: np.ndarray, times: int) -> None:
    expected = (1 + (len(slopes) - 1) / times) * (slopes @ slopes)  # Eq. 21
    assert analysis.perturbation_square(slopes, times) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@settings(max_examples=25)
@given(st.integers(1, 6), st.data())
def test_the_covariance_by_enumeration(parameters: int, data: st.DataObject) -> None:
    """All signs of one Bernoulli perturbation, each as likely: exact."""
    slopes = data.draw(arrays(np.float64, parameters, elements=st.floats(-2, 2)))
    signs = 1.0 - 2.0 * (np.arange(2**parameters)[:, None] >> np.arange(parameters) & 1)
    found = (signs @ slopes)[:, None] * signs
    np.testing.assert_allclose(found.mean(axis=0), slopes, atol=1e-12)
    covariance = np.cov(found.T, bias=True).reshape(parameters, parameters)
    np.testing.assert_allclose(analysis.perturbation_covariance(slopes, 1), covariance, atol=1e-12)
    np.testing.assert_allclose(analysis.perturbation_covariance(slopes, 4), covariance / 4, atol=1e-12)


def test_gamma_of_table_2_leaves_a_factor() -> None:
    """With Gamma = delta^2 sqrt(K) sqrt(1 + (K - 1) / tau), sums over tau have the mean square tau^2 / K."""
    parameters, times = len(SLOPES), 3
    gamma = np.sqrt(parameters * (1 + (parameters - 1) / times))
    by_table = sampled("bernoulli", times, 20_000) * times / gamma
    assert_each_mean((by_table**2).sum(axis=1), np.array(times**2 / parameters * (SLOPES @ SLOPES)))


@settings(max_examples=25)
@given(gradients, st.floats(0.1, 10))
def test_cosines(slopes: np.ndarray, factor: float) -> None:
    if np.linalg.norm(slopes) > 1e-100:
        found = analysis.cosine(np.array([factor * slopes, -slopes, 0 * slopes]), slopes)
        np.testing.assert_allclose(found, [1.0, -1.0, np.nan], rtol=1e-12)


def test_at_least_one_perturbation() -> None:
    with pytest.raises(AnalysisError, match="times is 0; allowed: at least 1"):
        analysis.perturbation_covariance(SLOPES, 0)
