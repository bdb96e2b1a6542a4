"""Whole wiper positions: which, and with which chances."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from labnet.draws import Stream, draw, uniform
from labnet.errors import OutOfRange, PlanError
from labnet.quantisation import Quantise, quantised

TOP = 127
ways = st.sampled_from(["nearest", "stochastic"])
positions = arrays(np.float64, st.integers(1, 12), elements=st.floats(-300, 400))


def whole(real: Any, how: Quantise, seed: int = 0, step: int = 0) -> np.ndarray:
    return quantised(real, how, TOP + 1, seed=seed, step=step)


@settings(max_examples=25)
@given(positions, ways, st.integers(0, 9))
def test_positions_are_whole_next_to_the_real_ones_and_on_the_pot(real: np.ndarray, how: Quantise, step: int) -> None:
    found = whole(real, how, step=step)
    cut = np.clip(real, 0, TOP)
    assert found.dtype == np.int64
    assert ((np.floor(cut) <= found) & (found <= np.ceil(cut))).all()
    if how == "nearest":
        assert (np.abs(found - cut) <= 0.5).all()


@settings(max_examples=25)
@given(st.lists(st.integers(0, TOP), min_size=1, max_size=12), ways, st.integers(0, 9))
def test_whole_ones_stay(already: list[int], how: Quantise, step: int) -> None:
    np.testing.assert_array_equal(whole(already, how, step=step), already)


def test_of_halves_the_even_one() -> None:
    np.testing.assert_array_equal(whole([0.5, 1.5, 2.5, 63.5, 126.5, 127.5], "nearest"), [0, 2, 2, 64, 126, 127])


@pytest.mark.parametrize("share", [0.03, 0.5, 0.8])
def test_stochastic_rounding_is_unbiased(share: float) -> None:
    """Each edge in each step by itself: a binomial number of them goes up."""
    real = np.full(100, 40.0 + share)
    ups = np.array([whole(real, "stochastic", seed=3, step=step) for step in range(100)]) - 40
    for some in (ups, ups[:, :1], ups[:1]):
        assert stats.binomtest(int(some.sum()), some.size, share).pvalue > 0.01 / 9


@settings(max_examples=25)
@given(positions, st.integers(0, 2**70), st.integers(0, 10**6))
def test_stochastic_rounding_is_a_function_of_edge_and_step(real: np.ndarray, seed: int, step: int) -> None:
    cut = np.clip(real, 0, TOP)
    chances = uniform(draw(seed, Stream.QUANTISE, step, np.arange(len(real))))
    expected = [int(x) + int(u < x - int(x)) for x, u in zip(cut.tolist(), chances.tolist(), strict=True)]
    np.testing.assert_array_equal(whole(real, "stochastic", seed, step), expected)
    np.testing.assert_array_equal(whole(real[:1], "stochastic", seed, step), expected[:1])


def test_what_is_no_position_is_refused() -> None:
    with pytest.raises(OutOfRange, match=r"edges \[1\] are NaN"):
        whole([3.0, np.nan], "nearest")
    with pytest.raises(PlanError, match="quantise is 'up'; allowed: 'nearest', 'stochastic', or none"):
        whole([3.0], "up")  # type: ignore[arg-type]
