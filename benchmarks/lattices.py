"""Training large square lattices, discrete rule, twins equal, against a naive sparse loop in the same run.

The naive loop is what one writes first: build the sparse Laplacian, solve twice with scipy.sparse.linalg.spsolve as it
comes, update every edge. labnet runs through its front door; what a training costs besides its steps (building,
measuring at both ends) is taken out as the difference between a longer and a shorter one. Every lattice is trained in a
process of its own, whose peak memory is printed. Run it with OPENBLAS_NUM_THREADS=1: the limits are for one core.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

import labnet


class Size(NamedTuple):
    """A square lattice, how long to time it, and what a step may take."""

    rows: int
    short: int  # steps of the shorter and the longer training
    long: int
    repeats: int
    limit_ms: float
    naive_steps: int  # 0: not run, it would take minutes


SIZES = (Size(71, 10, 110, 5, 8.0, 20), Size(224, 3, 18, 3, 120.0, 3), Size(708, 1, 4, 3, 2500.0, 0))
LEAST_RATIO = 3.0  # at 1e4 edges
MOST_GB = 3.0


def naive(task: labnet.Task, r: np.ndarray, steps: int) -> np.ndarray:
    """Train with the discrete rule, p = 1, eta = 1, as a script would."""
    n = task.network.node_count
    u, v = task.network.edges.T
    held = task.held(task.train.inputs[0])
    clamped = held | dict(zip(task.outputs, task.train.targets[0], strict=True))
    for _ in range(steps):
        g = 1 / r
        entries = np.concatenate([-g, -g, g, g])
        places = np.concatenate([u, v, u, v]), np.concatenate([v, u, u, v])
        laplacian = coo_array((entries, places), shape=(n, n)).tocsc()
        drops = []
        for nodes in (held, clamped):
            x = np.zeros(n)
            x[list(nodes)] = list(nodes.values())
            free = np.setdiff1d(np.arange(n), list(nodes))
            x[free] = spsolve(laplacian[free][:, free], -(laplacian @ x)[free])
            drops.append(x[u] - x[v])
        r = np.clip(r + np.where(np.abs(drops[1]) > np.abs(drops[0]), 78.125, -78.125), 40, 9961.875)
    return r


def naive_ms(size: Size) -> float:
    """Time the naive loop; ms a step."""
    task = labnet.tasks.Allostery.sample(labnet.networks.lattice(size.rows, size.rows), seed=1)
    start = time.perf_counter()
    naive(task, np.full(task.network.edge_count, 5040.0), size.naive_steps)
    return (time.perf_counter() - start) / size.naive_steps * 1e3


def train(size: Size) -> None:
    """Train in this process; print ms a step of every repeat, the number of edges and the peak memory as JSON."""
    ms = []
    with labnet.open_board(f"sim://lattice-{size.rows}x{size.rows}?preset=ideal") as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=1)

        def seconds(steps: int) -> float:
            start = time.perf_counter()
            labnet.train(board, task, steps=steps, start=64, log=(), measure=(), progress=False).close()
            return time.perf_counter() - start

        seconds(1)  # compiles
        for _ in range(size.repeats):
            ms.append((seconds(size.long) - seconds(size.short)) / (size.long - size.short) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"ms": ms, "edges": board.network.edge_count, "peak_gb": peak / 1e9}))


def main() -> None:
    print("    edges   naive ms   labnet ms (least to most)   ratio    limit ms   peak GB")
    for k, size in enumerate(SIZES):
        done = subprocess.run([sys.executable, __file__, str(k)], stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        ours = statistics.median(found["ms"])
        spread = f"({min(found['ms']):.1f} to {max(found['ms']):.1f})"
        theirs, ratio = "       -", "    -"
        if size.naive_steps:
            naive_now = statistics.median(naive_ms(size) for _ in range(size.repeats))
            theirs, ratio = f"{naive_now:8.1f}", f"x{naive_now / ours:.1f}"
        print(
            f"{found['edges']:9,}   {theirs}   {ours:9.1f} {spread:19}  {ratio:>6}   {size.limit_ms:8.0f}   "
            f"{found['peak_gb']:7.2f}",
            flush=True,
        )
    print(f"wanted: at least x{LEAST_RATIO:.0f} at 1e4 edges, no more than the limits, and under {MOST_GB:.0f} GB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(SIZES[int(sys.argv[1])])
    else:
        main()
