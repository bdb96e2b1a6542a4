"""Many trainings from perturbations at once, in numpy: linear networks, perturbations too small to bend the cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labnet.optimisers import Optimiser
from labnet.rules.perturbations import perturbations
from labnet.tasks import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Memory = Mapping[str, NDArray[Any]]

_RANGE = (1e-4, 1e5)  # of resistances, in units of R_ref: those of the simulated board
_AHEAD = 256  # time steps drawn at once, where an update takes fewer


class Networks:
    """One network with many tasks, all of their training examples at once, at any resistances.

    Parameters
    ----------
    tasks : sequence of Task
        On the same network, with equally many examples.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        network = tasks[0].network
        nodes = network.node_count
        self.incidence = np.zeros((network.edge_count, nodes))
        first, second = network.ends
        self.incidence[np.arange(len(first)), first] = 1.0
        self.incidence[np.arange(len(first)), second] = -1.0
        self.volts, self.wanted = np.zeros((2, len(tasks), nodes, len(tasks[0].train)))
        self.free, self.output = np.ones((len(tasks), nodes, 1)), np.zeros((len(tasks), nodes, 1))
        for k, task in enumerate(tasks):
            self.volts[k, list(task.inputs)] = task.train.inputs.T
            self.free[k, list(task.inputs + task.grounds)] = 0.0
            self.wanted[k, list(task.outputs)] = task.train.targets.T
            self.output[k, list(task.outputs)] = 1.0

    def solve(self, which: IntArray, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give cost O, (L,), and dO/dR, (L, E), for tasks `which` (L,) at resistances r (L, E) in units of R_ref."""
        g = 1.0 / r
        laplacian = self.incidence.T @ (g[:, :, None] * self.incidence)
        free, volts = self.free[which], self.volts[which]
        matrix = laplacian * free * free.transpose(0, 2, 1)
        diagonal = np.arange(matrix.shape[-1])
        matrix[:, diagonal, diagonal] += 1.0 - free[:, :, 0]
        inverse = np.linalg.inv(matrix)
        v = inverse @ (volts - free * (laplacian @ volts))
        error = self.output[which] * (v - self.wanted[which])
        slope = ((self.incidence @ inverse @ error) * (self.incidence @ v)).sum(axis=2) * g * g
        return 0.5 * (error * error).sum(axis=(1, 2)), slope


def updates(
    tasks: Sequence[Task],
    start: FloatArray,
    seeds: Sequence[int],
    optimiser: Optimiser,
    rates: FloatArray,
    times: int | None,
    goal: float,
    most: int,
    patience: float,
) -> IntArray:
    """Train until the scaled error is at a goal; gives after how many updates it is, (T, M), or `most`.

    Parameters
    ----------
    tasks : sequence of Task
    start : numpy.ndarray, shape (T, E)
        Resistances, in units of R_ref.
    seeds : sequence of int
        Of each task's perturbations.
    optimiser : Optimiser
    rates : numpy.ndarray, shape (M,)
        What the optimiser's steps, made of -G, are multiplied by.
    times : int, optional
        tau_theta; None: G is the exact gradient.
    goal : float
        Of O over that at the start.
    most : int
        Updates.
    patience : float
        Stop when it has taken that many times as long as the best rate took for most tasks.
    """
    networks = Networks(tasks)
    which = np.repeat(np.arange(len(tasks)), len(rates))
    r, rate = start[which], np.tile(rates, len(tasks))[:, None]
    lanes = np.arange(len(which))
    state: Memory = {}
    needed = np.full(len(which), most, dtype=np.int64)
    first = networks.solve(which, r)[0]
    perturbed = _Perturbed(seeds, start.shape[1], times)
    for update in range(most):
        cost, slope = networks.solve(which[lanes], r)
        going = ~(cost <= goal * first[lanes])
        needed[lanes[~going]] = update
        if update > patience * for_most(needed.reshape(len(tasks), -1)).min():
            break
        if not going.all():  # those that are there drop out
            lanes, r, rate, slope = lanes[going], r[going], rate[going], slope[going]
            state = {key: value[going] if value.ndim else value for key, value in state.items()}
        if not len(lanes):
            break
        step, state = optimiser.step(-perturbed.estimate(update, which[lanes], slope), state)
        r = np.clip(np.nan_to_num(r + rate * step, nan=1.0), *_RANGE)
    return needed.reshape(len(tasks), -1)


def for_most(needed: IntArray | FloatArray) -> FloatArray:
    """Give how many updates three of four tasks take at most, (M,) from (T, M)."""
    return np.asarray(np.quantile(needed, 0.75, axis=0, method="higher"), dtype=np.float64)


class _Perturbed:
    """What perturbations make of gradients, update by update: the mean of theta theta^T, for each task."""

    def __init__(self, seeds: Sequence[int], count: int, times: int | None) -> None:
        self.seeds, self.count, self.times = seeds, count, times
        self.ahead = max(1, _AHEAD // (times or 1))
        self.squares = np.empty(0)

    def estimate(self, update: int, which: IntArray, slope: FloatArray) -> FloatArray:
        """Give G (L, E) of an update, for tasks (L,) and their gradients (L, E)."""
        if self.times is None:
            return slope
        if update % self.ahead == 0:
            shape = (self.ahead, self.times, self.count)
            steps = self.ahead * self.times
            made = []
            for seed in self.seeds:
                values = perturbations("bernoulli", update * self.times, steps, self.count, seed=seed).reshape(shape)
                made.append(values.transpose(0, 2, 1) @ values / self.times)
            self.squares = np.array(made)
        return np.asarray((self.squares[which, update % self.ahead] @ slope[:, :, None])[:, :, 0])
