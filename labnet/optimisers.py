"""Optimisers: what becomes of the change that a rule asks for. They combine with every rule that gives a change.

A rule of gradient kind asks for x_t = -gamma G_t, in units of R_ref; an optimiser turns it into the step that is made.
What it remembers are arrays in a dict, which go into snapshots: {} before the first step.
It remembers the changes of all edges, of those too whose gate was shut and that did not step.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from labnet.data import Data
from labnet.errors import RunMismatch

FloatArray = NDArray[np.float64]
State = Mapping[str, NDArray[Any]]


class Plain(Data):
    """The step is the change: gradient descent (oripov2025, Eq. 13)."""

    name: Literal["plain"] = "plain"

    def step(self, change: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Give the step for a change (E,), in units of R_ref, and what to remember."""
        _known(self.name, state, {})
        return change, {}


class Momentum(Data):
    """The step is the change and a share of the step before: s_t = share s_(t-1) + x_t (heavy ball).

    A change that stays is enlarged to 1 / (1 - share) of it: use a smaller gamma than without.

    Parameters
    ----------
    share : float
        Dimensionless, 0 <= share < 1.
    """

    name: Literal["momentum"] = "momentum"
    share: float = Field(0.9, ge=0, lt=1, description="a number from 0 up, below 1")

    def step(self, change: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Give the step for a change (E,), in units of R_ref, and what to remember."""
        _known(self.name, state, {"velocity": change.shape})
        velocity = change if not state else self.share * state["velocity"] + change
        return velocity, {"velocity": velocity}


class Adam(Data):
    """The step has the size `rate`, and the direction of the mean of the last changes (oripov2025, Eq. 14).

    m_t = beta1 m_(t-1) + (1 - beta1) x_t, v_t = beta2 v_(t-1) + (1 - beta2) x_t^2, s_t = rate m_t / (sqrt(v_t) +
    epsilon), an edge at a time. Only ratios of changes count, as long as sqrt(v_t) is much larger than epsilon: gamma
    then has no effect.

    Parameters
    ----------
    rate : float
        Size of a step, in units of R_ref.
    beta1, beta2 : float
        How much is kept of the mean and of the mean square, 0 <= beta < 1.
    epsilon : float
        In units of R_ref, as changes are.
    bias_correction : bool
        Divide m_t by 1 - beta1^t and v_t by 1 - beta2^t, as Adam's authors do; Eq. 14 does not.
    skip : int
        No step for so many changes, from which m and v are learned all the same. The paper has 1000, without
        bias_correction.
    """

    name: Literal["adam"] = "adam"
    rate: float = Field(gt=0, description="a number above 0, in units of R_ref")
    beta1: float = Field(0.9, ge=0, lt=1, description="a number from 0 up, below 1")
    beta2: float = Field(0.999, ge=0, lt=1, description="a number from 0 up, below 1")
    epsilon: float = Field(1e-8, gt=0, description="a number above 0, in units of R_ref")
    bias_correction: bool = True
    skip: int = Field(0, ge=0, description="a whole number, at least 0")

    def step(self, change: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Give the step for a change (E,), in units of R_ref, and what to remember."""
        _known(self.name, state, {"mean": change.shape, "square": change.shape, "count": ()})
        before = state or {"mean": np.zeros_like(change), "square": np.zeros_like(change), "count": np.array(0)}
        count = int(before["count"]) + 1
        mean = self.beta1 * before["mean"] + (1.0 - self.beta1) * change
        square = self.beta2 * before["square"] + (1.0 - self.beta2) * change**2
        after = {"mean": mean, "square": square, "count": np.array(count)}
        if count <= self.skip:
            return np.zeros_like(change), after
        if self.bias_correction:
            mean, square = mean / (1.0 - self.beta1**count), square / (1.0 - self.beta2**count)
        return self.rate * mean / (np.sqrt(square) + self.epsilon), after


Optimiser = Annotated[
    Plain | Momentum | Adam,
    Field(
        discriminator="name", description="Plain, Momentum or Adam, in a file a table like {name = 'adam', rate = 0.01}"
    ),
]


def _known(name: str, state: State, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse what another optimiser, or one of another network, has remembered."""
    if state and {key: value.shape for key, value in state.items()} != shapes:
        given = ", ".join(f"{key} {value.shape}" for key, value in state.items())
        allowed = ", ".join(f"{key} {shape}" for key, shape in shapes.items()) or "nothing"
        raise RunMismatch(
            f"the state that the optimiser {name!r} is to go on from holds {given}; allowed: {allowed}, as this "
            "optimiser leaves it on this network. Go on with the optimiser of before, or start a new run."
        )
