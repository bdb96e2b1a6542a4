"""Gradients as rules estimate them, and what chance allows of them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import labnet
from labnet import Network
from labnet.board import Board
from labnet.quantisation import Quantise
from labnet.rules import GradientRule, Lab
from labnet_simulators.board import SimulatedBoard

FloatArray = NDArray[np.float64]

LEVEL = 0.01  # at which a test fails by chance, had its seeds not been chosen before


def random_network(seed: int, nodes: int = 8, more_edges: int = 5) -> Network:
    """A random tree and some more edges."""
    rng = np.random.default_rng(seed)
    edges = {(int(rng.integers(k)), k) for k in range(1, nodes)}
    while len(edges) < nodes - 1 + more_edges:
        a, b = sorted(rng.choice(nodes, 2, replace=False).tolist())
        edges.add((a, b))
    return Network(np.array(sorted(edges)), nodes)


def random_task(seed: int, examples: int = 3) -> tuple[labnet.Task, FloatArray]:
    """A random network with two inputs, two outputs and a ground, and resistances for it."""
    network, rng = random_network(seed), np.random.default_rng(seed + 1000)
    a, b, c, d, e = rng.permutation(network.node_count)[:5].tolist()
    inputs, targets = rng.uniform(0.5, 1.0, (examples, 2)), rng.uniform(0.1, 0.4, (examples, 2))
    task = labnet.tasks.Regression(network, [a, b], [c, d], [e], train=(inputs, targets))
    return task, network.r_ref_ohm * rng.uniform(0.5, 1.5, network.edge_count)


def estimates(
    rule: GradientRule,
    task: labnet.Task,
    ohm: FloatArray,
    steps: Iterable[int] = (0,),
    *,
    examples: Sequence[int] | None = None,
    board: Board | None = None,
    quantise: Quantise | None = None,
    seed: int = 0,
) -> FloatArray:
    """The gradient as a rule sees it in each of some steps, always from the same resistances; (steps, E)."""
    lab = Lab(board or SimulatedBoard(task.network), task, seed=seed, quantise=quantise)
    lab.place(ohm)
    found = []
    for step in steps:
        lab.begin(step, 1.0)
        parts = rule.show(lab, range(len(task.train)) if examples is None else examples)
        found.append(np.sum([part.slope for part in parts], axis=0))
    return np.array(found)


def assert_mean(samples: FloatArray, mean: FloatArray) -> None:
    """Hotelling's test of all components at once, of samples (N, K)."""
    n, k = samples.shape
    apart = samples.mean(axis=0) - mean
    t_square = n * apart @ np.linalg.solve(np.cov(samples.T), apart)
    assert t_square * (n - k) / (k * (n - 1)) < stats.f.ppf(1 - LEVEL, k, n - k)


def assert_each_mean(samples: FloatArray, means: FloatArray) -> None:
    """Student's test of each component of samples (N, ...), at a level shared by all."""
    n = len(samples)
    error = samples.std(axis=0, ddof=1) / np.sqrt(n)
    within = stats.t.ppf(1 - LEVEL / (2 * np.size(means)), n - 1) * error
    assert np.all(np.abs(samples.mean(axis=0) - means) <= within + 1e-12)
