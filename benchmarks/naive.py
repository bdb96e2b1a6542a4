"""What one writes first: build the Laplacian, solve twice with np.linalg.solve, update every edge that may.

It checks nothing, has no verbs, and writes no file. Run it with OPENBLAS_NUM_THREADS=1: threads slow small solves.
"""

import time
from collections.abc import Sequence

import numpy as np

import labnet


def drops(network: labnet.Network, r: np.ndarray, states: Sequence[tuple[list[int], np.ndarray]]) -> list[np.ndarray]:
    """Give the voltage drops of all edges, for each state: held nodes and what they are held at."""
    n, g = network.node_count, 1 / r
    u, v = network.edges.T
    laplacian = np.zeros((n, n))
    np.add.at(laplacian, (u, v), -g)
    np.add.at(laplacian, (v, u), -g)
    np.add.at(laplacian, (u, u), g)
    np.add.at(laplacian, (v, v), g)
    found = []
    for nodes, values in states:
        matrix, rhs = laplacian.copy(), np.zeros(n)
        matrix[nodes] = 0
        matrix[nodes, nodes] = 1
        rhs[nodes] = values
        x = np.linalg.solve(matrix, rhs)
        found.append(np.abs(x[u] - x[v]))
    return found


def both_states(task: labnet.Task) -> list[tuple[list[int], np.ndarray]]:
    """Give what is held in the free state, and in the clamped one with eta = 1, of the first example."""
    held = list(task.inputs + task.grounds)
    volts = np.append(task.train.inputs[0], np.zeros(len(task.grounds)))
    return [(held, volts), (held + list(task.outputs), np.append(volts, task.train.targets[0]))]


def naive(task: labnet.Task, r: np.ndarray, steps: int, p: float = 1.0) -> np.ndarray:
    """Train with the discrete rule, eta = 1, as a script would."""
    rng, states = np.random.default_rng(0), both_states(task)
    for _ in range(steps):
        free, clamped = drops(task.network, r, states)
        moved = np.clip(r + np.where(clamped > free, 78.125, -78.125), 40, 9961.875)
        r = moved if p == 1.0 else np.where(rng.random(len(r)) < p, moved, r)
    return r


def naive_steps_per_s(network: labnet.Network, p: float = 0.5, seconds: float = 0.5) -> float:
    """Time it for about so long on one task."""
    task = labnet.tasks.Regression.sample(network, seed=1, v_max=1.0, train=1, test=0)
    steps, took = 100, 0.0
    while took < seconds:
        steps *= 2
        start = time.perf_counter()
        naive(task, np.full(network.edge_count, 5040.0), steps, p)
        took = time.perf_counter() - start
    return steps / took
