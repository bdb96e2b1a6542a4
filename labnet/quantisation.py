"""Quantisation: whole wiper positions from real ones."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.draws import Stream, draw, uniform
from labnet.errors import OutOfRange, PlanError

Quantise = Literal["nearest", "stochastic"]


def quantised(positions: ArrayLike, how: Quantise, wiper_positions: int, *, seed: int, step: int) -> NDArray[np.int64]:
    """Give a whole wiper position for every real one.

    Parameters
    ----------
    positions : array_like, shape (E,)
        Those beyond the ends are cut to them.
    how : {"nearest", "stochastic"}
        "nearest": the nearest whole one, of halves the even one. "stochastic": the next above with the probability of
        the distance to the one below, else the one below, so that the mean is the real one; whole ones stay.
    wiper_positions : int
        Wipers run from 0 to wiper_positions - 1.
    seed, step : int
        Of the plan, and which step it is for: what stochastic rounding draws by.

    Returns
    -------
    numpy.ndarray of int64, shape (E,)

    Raises
    ------
    OutOfRange
        For NaN.
    PlanError
        For another `how`.
    """
    real = np.asarray(positions, dtype=np.float64)
    if np.isnan(real).any():
        raise OutOfRange(f"positions of edges {np.flatnonzero(np.isnan(real)).tolist()} are NaN; allowed: numbers.")
    real = np.clip(real, 0, wiper_positions - 1)
    if how == "nearest":
        return np.rint(real).astype(np.int64)
    if how == "stochastic":
        below = np.floor(real)
        up = uniform(draw(seed, Stream.QUANTISE, step, np.arange(real.size))) < real - below
        return (below + up).astype(np.int64)
    raise PlanError(f"quantise is {how!r}; allowed: {', '.join(map(repr, get_args(Quantise)))}, or none.")
