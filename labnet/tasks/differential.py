"""Tasks of differences: targets are read between pairs of output nodes; XOR, and a curve of one input."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from labnet.errors import TaskError
from labnet.networks import Network
from labnet.tasks.task import FloatArray, Task, check_counts, choose_terminals, examples_or_none, generator


class Differential(Task):
    """Every target is a difference of two outputs, V+ - V-; what both have in common is free.

    Nodes at a constant voltage are inputs that are the same in all examples. The error of a difference is split between
    its two nodes, so that the cost is the mean over the outputs of (difference - target)^2 / 4.

    Why: where a node's voltage rises it rises everywhere, or stays (currents of a node fall with the voltages of its
    neighbours, linear edges or not), and so every node is a rising function of every input. None computes XOR, or
    anything else that falls as an input rises. Differences of two nodes can, and on nonlinear edges learn to.

    Parameters
    ----------
    network : Network
    inputs, grounds : sequence of int
    outputs : sequence of int
        V+ and V- of every target in turn.
    train, test : (array_like, array_like)
        Inputs (B, I) and targets (B, O / 2), in volts.

    Raises
    ------
    TaskError
        As every `Task`; for an odd number of outputs.
    """

    kind: ClassVar[str] = "differential"
    differential: ClassVar[bool] = True

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
        if len(outputs) % 2:
            raise TaskError(f"there are {len(outputs)} outputs; allowed: V+ and V- of every target, an even number.")
        sets = [examples_or_none(x, y, len(inputs), len(outputs) // 2) for x, y in (train, test)]
        super().__init__(network, tuple(inputs), tuple(outputs), tuple(grounds), sets[0], sets[1])

    def wanted(self, outputs: FloatArray, targets: FloatArray) -> FloatArray:
        """Give the voltages (..., O) nearest to `outputs` whose differences are the targets (..., O / 2)."""
        half = 0.5 * (targets - self.differences(outputs))
        return outputs + np.stack([half, -half], axis=-1).reshape(outputs.shape)

    def differences(self, outputs: FloatArray) -> FloatArray:
        """Give V+ - V- of outputs (..., O), shape (..., O / 2)."""
        return np.asarray(outputs[..., 0::2] - outputs[..., 1::2])

    @property
    def read_at(self) -> tuple[str, ...]:
        """Where every target is read, in words."""
        pairs = zip(self.outputs[::2], self.outputs[1::2], strict=True)
        return tuple(f"node {plus} less node {minus}" for plus, minus in pairs)

    def _reach(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        return low - high, high - low

    @classmethod
    def sample_xor(
        cls,
        network: Network,
        inputs: int | Sequence[int] = 2,
        outputs: int | Sequence[int] = 2,
        grounds: int | Sequence[int] = 1,
        constants: int | Sequence[int] = 1,
        low_v: float = 0.0,
        high_v: float = 0.45,
        target_v: float = 0.03,
        seed: int = 0,
    ) -> Self:
        """Sample XOR: its four examples, no test set.

        Parameters
        ----------
        network : Network
        inputs, outputs, grounds, constants : int or sequence of int
            How many, drawn from the unused nodes; or which. Two inputs, and one pair of outputs; constants are held at
            `high_v`.
        low_v, high_v : float
            The two levels of the inputs.
        target_v : float
            The difference wanted where the inputs differ; it is -target_v where they are equal.
        seed : int
        """
        corners = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
        targets = np.array([[-1.0], [1.0], [1.0], [-1.0]])
        nodes = choose_terminals(
            network, generator(seed), inputs=inputs, outputs=outputs, grounds=grounds, constants=constants
        )
        return cls._between(network, nodes, (low_v, high_v), [(corners, target_v * targets)])

    @classmethod
    def sample_curve(
        cls,
        network: Network,
        inputs: int | Sequence[int] = 1,
        outputs: int | Sequence[int] = 2,
        grounds: int | Sequence[int] = 1,
        constants: int | Sequence[int] = 1,
        low_v: float = 0.0,
        high_v: float = 0.45,
        target_v: float = 0.03,
        seed: int = 0,
        train: int = 16,
        test: int = 16,
    ) -> Self:
        """Sample a nonlinear regression of one input x: the parabola target_v (2 (2 x - 1)^2 - 1).

        x runs from 0 to 1 as the input does from `low_v` to `high_v`; examples are drawn evenly. Other parameters as in
        `sample_xor`, and the number of `train` and `test` examples.
        """
        rng = generator(seed)
        nodes = choose_terminals(network, rng, inputs=inputs, outputs=outputs, grounds=grounds, constants=constants)
        check_counts(train, test)
        sets = [rng.uniform(0.0, 1.0, (count, 1)) for count in (train, test)]
        examples = [(x, target_v * (2.0 * (2.0 * x - 1.0) ** 2 - 1.0)) for x in sets]
        return cls._between(network, nodes, (low_v, high_v), examples)

    @classmethod
    def _between(
        cls,
        network: Network,
        nodes: dict[str, tuple[int, ...]],
        levels_v: tuple[float, float],
        sets: Sequence[tuple[FloatArray, FloatArray]],
    ) -> Self:
        """Build a task of one target, from inputs in units of the way between two levels."""
        low_v, high_v = levels_v
        if not -np.inf < low_v < high_v < np.inf:
            raise TaskError(f"low_v = {low_v}, high_v = {high_v}; allowed: finite voltages, low_v below high_v.")
        variables = sets[0][0].shape[1]
        if len(nodes["inputs"]) != variables or len(nodes["outputs"]) != 2:
            raise TaskError(
                f"there are {len(nodes['inputs'])} inputs and {len(nodes['outputs'])} outputs; allowed: {variables} "
                "and a pair of them."
            )
        constants = len(nodes["constants"])
        driven = [(np.hstack([low_v + (high_v - low_v) * x, np.full((len(x), constants), high_v)]), y) for x, y in sets]
        terminals = (nodes["inputs"] + nodes["constants"], nodes["outputs"], nodes["grounds"])
        return cls(network, *terminals, train=driven[0], test=driven[1] if len(driven) > 1 else ((), ()))
