"""Perturbations: who is moved when, and by how much. Each is a function of the time step alone.

In units of the perturbation's size delta. Parameters that are perturbed at once are told apart because their values
are uncorrelated over time: "bernoulli" and "normal" in the mean, the others exactly over their period (oripov2025,
Sec. 2.2).
"""

from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from labnet.draws import Stream, draw, normal

FloatArray = NDArray[np.float64]

Random = Literal["bernoulli", "normal"]
Code = Literal["bernoulli", "walsh", "sequential", "sinusoidal", "normal"]

_HIGHEST = np.uint64(63)


def period(code: Code, parameters: int) -> int | None:
    """Give after how many time steps a code repeats, for so many parameters; None where it does not."""
    match code:
        case "bernoulli" | "normal":
            return None
        case "walsh":
            return 1 << parameters.bit_length()  # the least power of 2 above
        case "sequential":
            return parameters
        case "sinusoidal":
            return 2 * parameters + 1
        case _:
            assert_never(code)


def variance(code: Code, parameters: int) -> float:
    """Give the mean square of a code's values, in units of delta^2; over its period where it has one."""
    match code:
        case "bernoulli" | "normal" | "walsh":
            return 1.0
        case "sequential":
            return 1.0 / parameters
        case "sinusoidal":
            return 0.5
        case _:
            assert_never(code)


def perturbations(code: Code, first: int, count: int, parameters: int, *, seed: int) -> FloatArray:
    """Give the values of a code at the time steps `first` .. `first` + `count` - 1.

    Parameters
    ----------
    code : {"bernoulli", "walsh", "sequential", "sinusoidal", "normal"}
        "bernoulli": +1 or -1, drawn. "walsh": +1 or -1, rows of a Hadamard matrix, orthogonal and of mean zero over the
        period. "sequential": 1 for one parameter a time step, 0 for the others. "sinusoidal": a frequency a parameter,
        sin(2 pi (i + 1) t / period), orthogonal and of mean zero over the period; its second half is the first one
        backwards and negative, so that terms of even order in delta cancel. "normal": standard normal, drawn.
    first, count : int
        Time steps count from 0.
    parameters : int
        How many, K.
    seed : int
        What draws are made by.

    Returns
    -------
    numpy.ndarray, shape (count, K)
        In units of delta.
    """
    time, which = np.arange(first, first + count)[:, None], np.arange(parameters)
    match code:
        case "bernoulli":
            values = 2.0 * (draw(seed, Stream.PERTURBATION, time, which) >> _HIGHEST) - 1.0
        case "normal":
            values = normal(draw(seed, Stream.PERTURBATION, time, which))
        case "walsh":  # row 0, of mean 1, is left out
            values = 1.0 - 2.0 * (np.bitwise_count(time & (which + 1)) & 1)
        case "sequential":
            values = time % parameters == which
        case "sinusoidal":
            turns = time * (which + 1) % (2 * parameters + 1)  # whole numbers: exact at any time
            values = np.sin(2.0 * np.pi / (2 * parameters + 1) * turns)
        case _:
            assert_never(code)
    return np.asarray(values, dtype=np.float64)
