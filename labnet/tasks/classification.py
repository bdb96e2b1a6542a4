"""Classification, with Fisher's Iris data as the worked example."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from labnet.errors import TaskError
from labnet.networks import Network
from labnet.tasks.task import (
    Examples,
    FloatArray,
    Task,
    check_voltage,
    choose_terminals,
    examples_or_none,
    generator,
)

IntArray = NDArray[np.int64]


def iris() -> tuple[FloatArray, IntArray]:
    """Give Fisher's Iris data (Annals of Eugenics 7, 179, 1936).

    Returns
    -------
    features : numpy.ndarray, shape (150, 4)
        Sepal length and width, petal length and width, in cm.
    labels : numpy.ndarray of int64, shape (150,)
        0 setosa, 1 versicolor, 2 virginica.
    """
    with (files("labnet.tasks") / "iris.csv").open(encoding="ascii") as file:
        table = pd.read_csv(file)
    return table.iloc[:, :4].to_numpy(dtype=np.float64), table["species"].to_numpy(dtype=np.int64)


class Classification(Task):
    """Every class has its target voltages; an example counts as the class whose targets are nearest.

    Parameters
    ----------
    network : Network
    inputs, outputs, grounds : sequence of int
    class_targets : array_like, shape (C, O)
        Wanted output voltages of every class.
    train, test : (array_like, array_like)
        Inputs (B, I) in volts and labels (B,), 0 .. C - 1.
    """

    kind: ClassVar[str] = "classification"
    class_targets: FloatArray

    def __init__(
        self,
        network: Network,
        inputs: Sequence[int],
        outputs: Sequence[int],
        grounds: Sequence[int] = (),
        *,
        class_targets: ArrayLike,
        train: tuple[ArrayLike, ArrayLike],
        test: tuple[ArrayLike, ArrayLike] = ((), ()),
    ) -> None:
        levels = np.array(class_targets, dtype=np.float64)
        if levels.ndim != 2 or levels.shape[1] != len(outputs) or not np.isfinite(levels).all():
            raise TaskError(
                f"class_targets has shape {levels.shape}; allowed: (classes, {len(outputs)}), finite voltages."
            )
        if len(np.unique(levels, axis=0)) < max(len(levels), 2):
            raise TaskError(
                f"class_targets is {levels.tolist()}; allowed: at least two classes, with targets that differ."
            )
        levels.setflags(write=False)
        object.__setattr__(self, "class_targets", levels)
        sets = []
        for name, (x, labels) in (("train", train), ("test", test)):
            k = np.asarray(labels)
            if k.size and (k.dtype.kind not in "iu" or k.min() < 0 or k.max() >= len(levels)):
                raise TaskError(f"{name} labels are {np.unique(k)}; allowed: integers 0 to {len(levels) - 1}.")
            y = levels[k.astype(np.int64)] if k.size else np.empty((0, len(outputs)))
            sets.append(examples_or_none(x, y, len(inputs), len(outputs)))
        super().__init__(network, tuple(inputs), tuple(outputs), tuple(grounds), sets[0], sets[1])

    def classes(self, outputs: FloatArray) -> IntArray:
        """Give the class, shape (B,), of free outputs (B, O)."""
        apart = ((outputs[:, None, :] - self.class_targets) ** 2).sum(axis=2)
        return np.asarray(apart.argmin(axis=1), dtype=np.int64)

    def _to_warn_of(self, examples: Examples, outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Only classes out of reach in all of their examples: the right class needs no exact voltage."""
        labels = self.classes(examples.targets)
        hopeless = [label for label in np.unique(labels) if outside[labels == label].any(axis=1).all()]
        return outside & np.isin(labels, hopeless)[:, None]

    def accuracy(self, outputs: FloatArray, examples: Examples) -> float:
        """Give the share of examples put in the right class."""
        return float(np.mean(self.classes(outputs) == self.classes(examples.targets)))

    def to_dict(self) -> dict[str, Any]:
        """Give the task without its network as plain data."""
        sets: dict[str, Any] = {
            name: [each.inputs.tolist(), self.classes(each.targets).tolist()] for name, each in self.sets()
        }
        return {**super().to_dict(), **sets, "class_targets": self.class_targets.tolist()}

    @classmethod
    def sample(
        cls,
        network: Network,
        inputs: int | Sequence[int] | None = None,
        outputs: int | Sequence[int] = 1,
        grounds: int | Sequence[int] = 1,
        v_max: float = 5.0,
        seed: int = 0,
        data: tuple[ArrayLike, ArrayLike] | None = None,
        class_targets: ArrayLike | None = None,
        train: float = 0.5,
    ) -> Self:
        """Put a data set (Iris by default) on a network.

        Parameters
        ----------
        network : Network
        inputs, outputs, grounds : int or sequence of int
            How many, drawn from the unused nodes; or which. Every feature needs an input.
        v_max : float
            Each feature is scaled to run from 0 V to it.
        seed : int
        data : (array_like, array_like), optional
            Features (N, F) and labels (N,); Iris if left out.
        class_targets : array_like, shape (C, O), optional
            By default, one level a class: the class mean of a weighted mean of the features, weighted by how well each
            separates the classes (variance between over variance within). A passive network gives weighted means, so
            these levels are within reach.
        train : float
            Share of each class that goes to the training set; the rest is the test set.
        """
        features, labels = iris() if data is None else (np.asarray(data[0], float), np.asarray(data[1]))
        check_voltage(v_max)
        if features.ndim != 2 or not len(features) == len(labels) > 0 or not np.isfinite(features).all():
            raise TaskError(
                f"features have shape {features.shape} for {len(labels)} labels; allowed: (examples, features), finite."
            )
        if len(np.unique(labels)) < 2:
            raise TaskError(f"labels are all {labels[0]}; allowed: at least two classes.")
        if not 0 < train <= 1:
            raise TaskError(f"train is {train}; allowed: a share of the examples, above 0 and up to 1.")
        rng = generator(seed)
        count = features.shape[1] if inputs is None else inputs
        terminals = choose_terminals(network, rng, inputs=count, outputs=outputs, grounds=grounds)
        low, high = features.min(axis=0), features.max(axis=0)
        x = v_max * (features - low) / np.where(high > low, high - low, 1.0)
        in_train = np.zeros(len(x), dtype=np.bool_)
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            in_train[members[: max(1, round(train * len(members)))]] = True
        if class_targets is None:
            class_targets = np.tile(_levels(x[in_train], labels[in_train]), (1, len(terminals["outputs"])))
        return cls(
            network,
            **terminals,
            class_targets=class_targets,
            train=(x[in_train], labels[in_train]),
            test=(x[~in_train], labels[~in_train]),
        )


def _levels(x: FloatArray, labels: IntArray) -> FloatArray:
    """Give one level a class, shape (C, 1), as `Classification.sample` describes."""
    groups = [x[labels == label] for label in np.unique(labels)]
    means = np.array([group.mean(axis=0) for group in groups])
    within = np.mean([group.var(axis=0) for group in groups], axis=0)
    weights = means.var(axis=0) / np.maximum(within, 1e-12)
    return np.asarray(means @ (weights / weights.sum()), dtype=np.float64)[:, None]
