"""What one writes first: build the Laplacian, solve twice with np.linalg.solve, update every edge that may.

It checks nothing, has no verbs, and writes no file. Run it with OPENBLAS_NUM_THREADS=1: threads slow small solves.
"""

import time

import numpy as np

import labnet


def naive(task: labnet.Task, r: np.ndarray, steps: int, p: float = 1.0) -> np.ndarray:
    """Train with the discrete rule, eta = 1, as a script would."""
    edges, n = task.network.edges, task.network.node_count
    rng = np.random.default_rng(0)
    held = list(task.inputs + task.grounds)
    clamped = held + list(task.outputs)
    volts = np.append(task.train.inputs[0], np.zeros(len(task.grounds)))
    target = task.train.targets[0]
    u, v = edges.T
    for _ in range(steps):
        g = 1 / r
        laplacian = np.zeros((n, n))
        np.add.at(laplacian, (u, v), -g)
        np.add.at(laplacian, (v, u), -g)
        np.add.at(laplacian, (u, u), g)
        np.add.at(laplacian, (v, v), g)
        voltages = []
        for nodes, values in ((held, volts), (clamped, np.append(volts, target))):
            matrix, rhs = laplacian.copy(), np.zeros(n)
            matrix[nodes] = 0
            matrix[nodes, nodes] = 1
            rhs[nodes] = values
            voltages.append(np.linalg.solve(matrix, rhs))
        free, clamp = (x[u] - x[v] for x in voltages)
        moved = np.clip(r + np.where(np.abs(clamp) > np.abs(free), 78.125, -78.125), 40, 9961.875)
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
