"""What every task is: terminals, examples, a cost; and how terminals and targets are sampled."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet import circuit
from labnet.errors import TaskError, UnreachableTarget
from labnet.networks import Network

FloatArray = NDArray[np.float64]
Targets = Literal["teacher", "random"]
ExampleSet = Literal["train", "test"]

_TEACHER_R = (0.1, 1.0)  # range of a teacher's resistances, in units of R_ref


@dataclass(frozen=True, eq=False)
class Examples:
    """Input voltages and the output voltages wanted for them.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (B, I)
    targets : numpy.ndarray, shape (B, O)
    """

    inputs: FloatArray
    targets: FloatArray

    def __post_init__(self) -> None:
        for name in ("inputs", "targets"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.setflags(write=False)
            object.__setattr__(self, name, values)
            if values.ndim != 2:
                raise TaskError(f"{name} has shape {values.shape}; allowed: (examples, terminals).")
            if not np.isfinite(values).all():
                b, k = np.argwhere(~np.isfinite(values))[0]
                raise TaskError(f"{name}[{b}, {k}] is {values[b, k]} V; allowed: finite voltages.")
        if len(self.inputs) != len(self.targets):
            raise TaskError(
                f"{len(self.inputs)} rows of inputs and {len(self.targets)} of targets; allowed: equally many."
            )

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Task:
    """Terminals and examples on one network. Frozen.

    Attributes
    ----------
    network : Network
        The network it is made for.
    inputs, outputs, grounds : tuple of int
        Terminals. Inputs are held at an example's voltages, grounds at 0 V; outputs are read.
    train, test : Examples
        The test set may be empty.

    Raises
    ------
    TaskError
        For terminals that repeat or are unknown, nothing to hold, no output, no training example, shapes that do not
        fit, voltages that are not finite.

    Warns
    -----
    UnreachableTarget
        For a target outside the range of the voltages held in its example (maximum principle).
    """

    network: Network
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    grounds: tuple[int, ...]
    train: Examples
    test: Examples
    kind: ClassVar[str] = "task"
    differential: ClassVar[bool] = False  # whether targets are of differences between outputs

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "grounds"):
            object.__setattr__(self, name, whole_nodes(name, getattr(self, name)))
        check_terminals(self.network, {"inputs": self.inputs, "outputs": self.outputs, "grounds": self.grounds})
        for name, examples in self.sets():
            shapes = (examples.inputs.shape[1], examples.targets.shape[1])
            if len(examples) and shapes != (len(self.inputs), len(self.read_at)):
                raise TaskError(
                    f"the {name} set has {shapes[0]} inputs and {shapes[1]} targets a row; the task has "
                    f"{len(self.inputs)} input nodes and {len(self.read_at)} to read: {', '.join(self.read_at)}."
                )
            self._warn_unreachable(name, examples)
        if not len(self.train):
            raise TaskError("the training set is empty; give at least one example.")

    def _warn_unreachable(self, name: str, examples: Examples) -> None:
        if not len(examples):
            return
        held = self.held_v(examples.inputs)
        low, high = held.min(axis=1, keepdims=True), held.max(axis=1, keepdims=True)
        rounding = 1e-9 * np.abs(held).max(axis=1, keepdims=True)
        least, most = self._reach(low, high)
        beyond = (examples.targets < least - rounding) | (examples.targets > most + rounding)
        outside = np.argwhere(self._to_warn_of(examples, beyond))
        if len(outside):
            b, o = outside[0]
            warnings.warn(
                f"{len(outside)} of {examples.targets.size} {name} targets are out of any network's reach, first "
                f"{examples.targets[b, o]:.4g} V at {self.read_at[o]} in example {b}: with inputs and grounds "
                f"from {low[b, 0]:.4g} to {high[b, 0]:.4g} V, every node lies between them. Its error cannot reach 0.",
                UnreachableTarget,
                stacklevel=5,
            )

    @property
    def read_at(self) -> tuple[str, ...]:
        """Where every target is read, in words."""
        return tuple(f"node {node}" for node in self.outputs)

    def _reach(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give the least and the most that can be read while every node lies between `low` and `high`."""
        return low, high

    def _to_warn_of(self, examples: Examples, outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Choose the targets to warn of among those `outside` any network's reach, shape (B, O)."""
        return outside

    def sets(self) -> tuple[tuple[ExampleSet, Examples], ...]:
        """Give both sets of examples with their names."""
        return (("train", self.train), ("test", self.test))

    def held(self, inputs: FloatArray) -> dict[int, float]:
        """Give the nodes to hold for one example's inputs (I,), grounds included: {node: volts}."""
        return dict(zip(self.inputs + self.grounds, [*inputs.tolist(), *[0.0] * len(self.grounds)], strict=True))

    def held_v(self, inputs: FloatArray) -> FloatArray:
        """Give the voltages of inputs and grounds, (B, I + G), for the inputs (B, I) of examples."""
        return np.hstack([inputs, np.zeros((len(inputs), len(self.grounds)))])

    def wanted(self, outputs: FloatArray, targets: FloatArray) -> FloatArray:
        """Give the voltages (..., O) of the output nodes, nearest to `outputs`, at which `targets` are met."""
        return targets

    def cost(self, outputs: FloatArray, examples: Examples) -> float:
        """Give the mean square error of free outputs (B, O), in V^2; labnet's cost, before scaling."""
        return float(np.mean((outputs - self.wanted(outputs, examples.targets)) ** 2))

    def accuracy(self, outputs: FloatArray, examples: Examples) -> float:
        """Give the share of examples put in the right class; NaN where there are no classes."""
        return float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Give the task without its network as plain data; floats survive JSON exactly."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "grounds": list(self.grounds),
        }
        for name, examples in self.sets():
            data[name] = [examples.inputs.tolist(), examples.targets.tolist()]
        return data

    @classmethod
    def from_dict(cls, network: Network, data: dict[str, Any]) -> "Task":
        """Build the task that `to_dict` described."""
        if cls is Task:
            raise TypeError("a Task without a kind does not say how it is built from plain data.")
        return cls(network, **{key: value for key, value in data.items() if key != "kind"})


def examples_or_none(inputs: ArrayLike, targets: ArrayLike, i: int, o: int) -> Examples:
    """Build examples; an empty list is a set of no examples with `i` inputs and `o` targets."""
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    return Examples(x if x.shape != (0,) else x.reshape(0, i), y if y.shape != (0,) else y.reshape(0, o))


def check_counts(train: int, test: int) -> None:
    """Raise `TaskError` unless examples can be drawn, so many of each set."""
    if train < 1 or test < 0:
        raise TaskError(f"train = {train}, test = {test}; allowed: at least 1 and at least 0 examples.")


def check_voltage(v_max: float) -> None:
    """Raise `TaskError` unless it is a positive voltage."""
    if not (np.isfinite(v_max) and v_max > 0):
        raise TaskError(f"v_max is {v_max} V; allowed: a positive voltage.")


def generator(seed: int) -> np.random.Generator:
    """Give numpy's counter-based generator, Philox, for a task's seed."""
    return np.random.Generator(np.random.Philox(int(seed) % 2**64))


def whole_nodes(role: str, nodes: Iterable[int]) -> tuple[int, ...]:
    """Give nodes as plain integers; raise `TaskError` for anything else."""
    try:
        return tuple(index(node) for node in nodes)
    except TypeError:
        raise TaskError(f"{role} is {nodes}; allowed: node numbers.") from None


def check_terminals(network: Network, terminals: Mapping[str, Sequence[int]]) -> None:
    """Raise `TaskError` for unknown or repeated nodes, nothing to hold or nothing to read."""
    roles: dict[int, str] = {}
    for role, nodes in terminals.items():
        for node in nodes:
            if not 0 <= node < network.node_count:
                raise TaskError(
                    f"{role}: node {node} is not in {network.name}; allowed: 0 to {network.node_count - 1}."
                )
            if node in roles:
                raise TaskError(
                    f"node {node} is among {roles[node]} and {role}; give every terminal a node of its own."
                )
            roles[node] = role
    if not terminals["inputs"] and not terminals["grounds"]:
        raise TaskError("there is no input and no ground, so nothing holds the network; name at least one.")
    if not terminals["outputs"]:
        raise TaskError("there is no output, so nothing to learn; name at least one output node.")


def choose_terminals(
    network: Network, rng: np.random.Generator, **wanted: int | Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """Choose nodes for each role: a count is drawn from the nodes still unused, a list is taken as it is."""
    chosen = {role: whole_nodes(role, n) for role, n in wanted.items() if not isinstance(n, int | np.integer)}
    named = {node for nodes in chosen.values() for node in nodes}
    unused = [node for node in rng.permutation(network.node_count).tolist() if node not in named]
    for role, nodes in wanted.items():
        if not isinstance(nodes, int | np.integer):
            continue
        if nodes < 0 or nodes > len(unused):
            raise TaskError(
                f"{role} = {nodes}; allowed: 0 to {len(unused)}, the nodes of {network.name} that are still unused."
            )
        chosen[role], unused = tuple(unused[:nodes]), unused[nodes:]
    chosen = {role: chosen[role] for role in wanted}
    check_terminals(network, chosen)
    return chosen


def teacher_targets(
    network: Network,
    rng: np.random.Generator,
    terminals: dict[str, tuple[int, ...]],
    inputs: Sequence[FloatArray],
) -> list[FloatArray]:
    """Give the outputs of one random network of the same shape for each array of inputs: targets one can reach."""
    r = network.r_ref_ohm * rng.uniform(*_TEACHER_R, network.edge_count)
    held = terminals["inputs"] + terminals["grounds"]
    response = circuit.transfer_matrix(network, r, held)[list(terminals["outputs"])]
    return [x @ response[:, : x.shape[1]].T for x in inputs]
