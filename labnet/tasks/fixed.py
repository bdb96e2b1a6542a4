"""The two tasks of wycoff2022: allostery (one fixed example) and linear regression."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from labnet.errors import TaskError
from labnet.networks import Network
from labnet.tasks.task import (
    FloatArray,
    Targets,
    Task,
    check_counts,
    check_voltage,
    choose_terminals,
    examples_or_none,
    generator,
    teacher_targets,
)


class Allostery(Task):
    """Fixed inputs, fixed wanted outputs: one training example, no test set (wycoff2022, Fig. 4A-D).

    Parameters
    ----------
    network : Network
    inputs, outputs : mapping of int to float
        Node and voltage (for outputs, the voltage wanted).
    grounds : sequence of int
    """

    kind: ClassVar[str] = "allostery"

    def __init__(
        self,
        network: Network,
        inputs: Mapping[int, float],
        outputs: Mapping[int, float],
        grounds: Sequence[int] = (),
    ) -> None:
        train = examples_or_none([list(inputs.values())], [list(outputs.values())], 0, 0)
        empty = examples_or_none([], [], len(inputs), len(outputs))
        super().__init__(network, tuple(inputs), tuple(outputs), tuple(grounds), train, empty)

    @classmethod
    def from_dict(cls, network: Network, data: dict[str, Any]) -> Self:
        """Build the task that `to_dict` described."""
        (inputs,), (targets,) = data["train"]
        held, wanted = dict(zip(data["inputs"], inputs, strict=True)), dict(zip(data["outputs"], targets, strict=True))
        return cls(network, held, wanted, data["grounds"])

    @classmethod
    def sample(
        cls,
        network: Network,
        inputs: int | Sequence[int] = 2,
        outputs: int | Sequence[int] = 2,
        grounds: int | Sequence[int] = 1,
        v_max: float = 5.0,
        targets: Targets = "teacher",
        seed: int = 0,
    ) -> Self:
        """Sample a task: terminals, input voltages and targets.

        Parameters
        ----------
        network : Network
        inputs, outputs, grounds : int or sequence of int
            How many, drawn from the unused nodes; or which.
        v_max : float
            The first input is held at it, the others between 0 V and it.
        targets : {"teacher", "random"}
            From a random network of the same shape (always reachable), or uniform between the lowest and highest
            held voltage (perhaps not).
        seed : int
        """
        rng = generator(seed)
        terminals = choose_terminals(network, rng, inputs=inputs, outputs=outputs, grounds=grounds)
        _check_sampling(terminals, v_max, targets)
        x = rng.uniform(0.0, v_max, (1, len(terminals["inputs"])))
        x[0, :1] = v_max
        if targets == "teacher":
            (y,) = teacher_targets(network, rng, terminals, [x])
        else:
            low = 0.0 if terminals["grounds"] else float(x.min())
            y = rng.uniform(low, v_max, (1, len(terminals["outputs"])))
        pairs = [dict(zip(terminals[k], v[0].tolist(), strict=True)) for k, v in (("inputs", x), ("outputs", y))]
        return cls(network, pairs[0], pairs[1], terminals["grounds"])


class Regression(Task):
    """Outputs that are linear in the inputs (wycoff2022, Figs. 1, 2, 4E).

    Parameters
    ----------
    network : Network
    inputs, outputs, grounds : sequence of int
    train, test : (array_like, array_like)
        Inputs (B, I) and targets (B, O), in volts.
    """

    kind: ClassVar[str] = "regression"

    def __init__(
        self,
        network: Network,
        inputs: Sequence[int],
        outputs: Sequence[int],
        grounds: Sequence[int] = (),
        *,
        train: tuple[ArrayLike, ArrayLike],
        test: tuple[ArrayLike, ArrayLike] = ((), ()),
    ) -> None:
        sets = [examples_or_none(x, y, len(inputs), len(outputs)) for x, y in (train, test)]
        super().__init__(network, tuple(inputs), tuple(outputs), tuple(grounds), sets[0], sets[1])

    @classmethod
    def sample(
        cls,
        network: Network,
        inputs: int | Sequence[int] = 2,
        outputs: int | Sequence[int] = 2,
        grounds: int | Sequence[int] = 1,
        v_max: float = 5.0,
        targets: Targets = "teacher",
        seed: int = 0,
        train: int = 16,
        test: int = 16,
    ) -> Self:
        """Sample a task; parameters as in `Allostery.sample`, and the number of `train` and `test` examples.

        Inputs are uniform between 0 V and `v_max`. Random targets are random weighted means of inputs and ground.
        """
        rng = generator(seed)
        terminals = choose_terminals(network, rng, inputs=inputs, outputs=outputs, grounds=grounds)
        _check_sampling(terminals, v_max, targets)
        check_counts(train, test)
        i, o = len(terminals["inputs"]), len(terminals["outputs"])
        x = [rng.uniform(0.0, v_max, (count, i)) for count in (train, test)]
        y: list[FloatArray]
        if targets == "teacher":
            y = teacher_targets(network, rng, terminals, x)
        else:
            weights = rng.dirichlet(np.ones(i + len(terminals["grounds"])), o)[:, :i]
            y = [each @ weights.T for each in x]
        return cls(network, **terminals, train=(x[0], y[0]), test=(x[1], y[1]))


def _check_sampling(terminals: dict[str, tuple[int, ...]], v_max: float, targets: str) -> None:
    if not terminals["inputs"]:
        raise TaskError("inputs = 0; allowed: at least 1, else there is no signal.")
    check_voltage(v_max)
    if targets not in get_args(Targets):
        raise TaskError(f"targets is {targets!r}; allowed: {' or '.join(map(repr, get_args(Targets)))}.")
