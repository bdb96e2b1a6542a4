"""Fewer points of a curve, with all that one would see of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet.live.decimation import decimated

curves = st.integers(1, 3000).flatmap(
    lambda count: st.tuples(
        st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).lognormal(size=(2, count))),
        st.integers(4, 400),
        st.booleans(),
    )
)


@given(curves)
def test_decimating_keeps_ends_and_extremes(given: tuple[NDArray[np.float64], int, bool]) -> None:
    (gaps, y), points, log = given
    x = np.cumsum(gaps) - gaps[0]  # from 0
    chosen = decimated(x, y, points, log)
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) <= points or len(chosen) == len(x) <= points
    assert chosen[0] == 0
    assert chosen[-1] == len(x) - 1
    assert y[chosen].min() == y.min()
    assert y[chosen].max() == y.max()


def test_a_spike_stays_in_its_stretch() -> None:
    x, y = np.arange(1.0, 100_001.0), np.ones(100_000)
    y[[5, 70_000]] = 9.0, 0.1
    for log in (False, True):
        assert {5, 70_000} <= set(decimated(x, y, 100, log))
