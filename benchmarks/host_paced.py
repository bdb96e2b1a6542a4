"""Host-paced training on the ideal 16-edge board, every step logged, against the naive numpy loop in the same run.

The naive loop is what one writes first: build the Laplacian, solve twice with np.linalg.solve, update every edge. It
checks nothing, has no verbs, and writes no file. Run it with OPENBLAS_NUM_THREADS=1: threads slow small solves.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import labnet

STEPS = 20_000
REPEATS = 5
TARGET = 0.3


def naive(task: labnet.Task, r: np.ndarray, steps: int) -> np.ndarray:
    """Train with the discrete rule, p = 1, eta = 1, as a script would."""
    edges, n = task.network.edges, task.network.node_count
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
        r = np.clip(r + np.where(np.abs(clamp) > np.abs(free), 78.125, -78.125), 40, 9961.875)
    return r


def labnet_steps_per_s(folder: Path, repeat: int) -> float:
    """Train with every step logged to a file; steps a second."""
    with labnet.open_board("sim://twin16?preset=ideal") as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=1)
        start = time.perf_counter()
        labnet.train(board, task, steps=STEPS, path=folder / f"{repeat}.sqlite", progress=False).close()
        return STEPS / (time.perf_counter() - start)


def naive_steps_per_s() -> float:
    """Time the naive loop on the same task."""
    task = labnet.tasks.Allostery.sample(labnet.networks.twin16(), seed=1)
    start = time.perf_counter()
    naive(task, np.full(task.network.edge_count, 5040.0), STEPS)
    return STEPS / (time.perf_counter() - start)


def main() -> None:
    ratios, ours, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            theirs.append(naive_steps_per_s())
            ours.append(labnet_steps_per_s(Path(folder), repeat))
            ratios.append(ours[-1] / theirs[-1])
    print(f"naive numpy loop             {statistics.median(theirs):10,.0f} steps/s (median of {REPEATS})")
    print(f"labnet, host-paced, all logged {statistics.median(ours):8,.0f} steps/s")
    ratio = statistics.median(ratios)
    print(f"ratio x{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); wanted at least x{TARGET}")


if __name__ == "__main__":
    main()
