"""Curves and bars out of characters."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a character: rows, columns
_BARS = " ▁▂▃▄▅▆▇█"


def curve(x: ArrayLike, y: ArrayLike, columns: int, rows: int) -> NDArray[np.int64]:
    """Draw a line through points of the unit square.

    Parameters
    ----------
    x, y : array_like, shape (N,)
        From 0 to 1, y upwards.
    columns, rows : int
        Characters; each has 2 x 4 dots.

    Returns
    -------
    numpy.ndarray of int, shape (rows, columns)
        Dots set in each character; `characters` makes text of them.
    """
    across = np.asarray(x) * (2 * columns - 1)
    down = (1.0 - np.asarray(y)) * (4 * rows - 1)
    cells = np.zeros((rows, columns), dtype=np.int64)
    if len(across) > 1:
        lengths = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(down)))
        counts = np.ceil(lengths).astype(np.int64) + 1
        pieces = [np.linspace(k, k + 1, count) for k, count in enumerate(counts)]
        at, points = np.concatenate(pieces), np.arange(len(across))
        across, down = np.interp(at, points, across), np.interp(at, points, down)
    i, j = np.rint(down).astype(np.int64), np.rint(across).astype(np.int64)
    np.bitwise_or.at(cells, (i // 4, j // 2), _DOTS[i % 4, j % 2])
    return cells


def character(dots: int) -> str:
    """Give the character with those dots."""
    return chr(0x2800 + dots) if dots else " "


def bars(heights: ArrayLike) -> str:
    """Draw a bar of one character for each height from 0 to 1; what is not 0 can be seen."""
    levels = np.ceil(np.clip(np.nan_to_num(np.asarray(heights, dtype=np.float64)), 0.0, 1.0) * 8).astype(np.int64)
    return "".join(_BARS[level] for level in levels)
