"""Numbers that were measured: values with how far they may be off."""

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BeforeValidator, PlainSerializer, model_validator
from scipy.special import ndtri, stdtrit

from labnet.data import Data

FloatArray = NDArray[np.float64]


def _array(given: Any) -> FloatArray:
    """Give an array that cannot be written to; None is a number that is not known."""
    array = np.array(given, dtype=np.float64)
    array.setflags(write=False)
    return array


def _listed(array: FloatArray) -> Any:
    """Give an array as JSON takes it: NaN is null."""
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


Array = Annotated[FloatArray, BeforeValidator(_array), PlainSerializer(_listed)]


class Estimate(Data):
    """Measured values.

    Parameters
    ----------
    value : array_like, any shape
        NaN where nothing is known.
    std : array_like, the same shape
        Standard deviation of each: of noise, quantisation and the meter together.
    """

    value: Array
    std: Array

    @model_validator(mode="after")
    def _same_shape(self) -> Self:
        if self.value.shape != self.std.shape:
            raise ValueError(f"std has shape {self.std.shape}; allowed: that of value, {self.value.shape}")
        return self

    def __getitem__(self, index: Any) -> "Estimate":
        return Estimate(value=self.value[index], std=self.std[index])

    def interval(self, share: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Give between which two values the true one lies in this share of all calibrations."""
        half = self.std * ndtri(0.5 + share / 2)
        return self.value - half, self.value + half

    def holds(self, true: ArrayLike, share: float = 0.95) -> NDArray[np.bool_]:
        """Tell where true values lie in the interval."""
        (low, high), there = self.interval(share), np.asarray(true, dtype=np.float64)
        return np.asarray((low <= there) & (there <= high))


def few(dof: float) -> float:
    """Give by how much a standard deviation is to be taken larger that itself was estimated from few readings.

    So that value +- 1.96 std holds the true one in 95 % of cases, as Student's distribution has it.
    """
    return float(stdtrit(max(dof, 1.0), 0.975) / ndtri(0.975))
