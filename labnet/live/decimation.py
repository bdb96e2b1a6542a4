"""Fewer points of a long curve, so that nothing that could be seen is lost."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def decimated(x: ArrayLike, y: ArrayLike, points: int, log: bool = False) -> NDArray[np.int64]:
    """Choose points of a curve: the first, lowest, highest and last of each of `points` / 4 equal stretches of x.

    Parameters
    ----------
    x : array_like, shape (N,)
        Ascending; not negative where `log` is set.
    y : array_like, shape (N,)
    points : int
        How many to choose at most, at least 4; all are chosen where there are no more.
    log : bool
        Stretches are equal in log(x); points at x = 0 belong to the first one.

    Returns
    -------
    numpy.ndarray of int64, shape (M,)
        Which, ascending. The first and the last point of the curve are among them, and its extremes.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) <= points:
        return np.arange(len(x))
    firsts = np.unique(np.append(0, np.searchsorted(x, _borders(x, max(points // 4, 1), log))))
    lasts = np.append(firsts[1:], len(x))
    chosen = [
        (first, first + np.argmin(y[first:last]), first + np.argmax(y[first:last]), last - 1)
        for first, last in zip(firsts, lasts, strict=True)
        if first < last
    ]
    return np.unique(np.array(chosen, dtype=np.int64))


def _borders(x: NDArray[np.float64], stretches: int, log: bool) -> NDArray[np.float64]:
    """Give the borders between so many stretches."""
    low, high = x[0], x[-1]
    if not log:
        return np.linspace(low, high, stretches + 1)[1:-1]
    low = x[np.searchsorted(x, 0.0, side="right")] if low <= 0 < high else low
    return np.geomspace(low, high, stretches + 1)[1:-1] if low > 0 else np.empty(0)
