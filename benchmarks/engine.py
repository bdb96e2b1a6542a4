"""Whole trainings in compiled kernels against the naive numpy loop in the same run: ensembles, single networks, cores.

Steps are counted over all networks; a step is a free solve, a clamped solve and an update of every edge.
Both sides run the discrete rule of wycoff2022 with p = 0.5. The graphs are committed files. The wanted ratios are for a
processor with AVX-512 at full width; others report what they give.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ensembles import training_s
from naive import naive_steps_per_s

import labnet
from labnet_simulators import PRESETS, SimulatedBoard

GRAPHS = Path(__file__).parent / "graphs"
REPEATS = 5
LANES = 32


def steps_per_s(graph: Path, networks: int, steps: int, preset: str = "ideal", cores: int = 1) -> float:
    """Train so many networks with the same terminals at once; steps a second, over all of them."""
    available = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(available)[:cores]))
    try:
        with SimulatedBoard(labnet.networks.read(graph), PRESETS[preset]) as board:
            return networks * steps / training_s(board, networks, steps)
    finally:
        os.sched_setaffinity(0, available)


def report(what: str, wanted: float, ratios: list[float], speeds: list[float]) -> None:
    """Print a line: the median, the range, what is wanted, and whether it holds."""
    ratio = statistics.median(ratios)
    verdict = "holds" if ratio >= wanted else "below"
    print(
        f"{what:44}{statistics.median(speeds):14,.0f} steps/s   x{ratio:<8.3g} "
        f"({min(ratios):.3g} to {max(ratios):.3g}; wanted x{wanted:g}: {verdict})"
    )


def compare(name: str, graph: Path, steps: int, wanted: tuple[float, float, float]) -> None:
    """Compare ensembles, two cores, the lab preset and a single network with the naive loop on one graph."""
    cores = min(2, len(os.sched_getaffinity(0)))
    cases: list[tuple[str, float, Callable[[], float]]] = [
        (f"{name}, {LANES} networks, one core", wanted[0], lambda: steps_per_s(graph, LANES, steps)),
        (f"{name}, the same, preset lab", wanted[2], lambda: steps_per_s(graph, LANES, steps // 2, "lab")),
        (f"{name}, one network", wanted[1], lambda: steps_per_s(graph, 1, steps)),
    ]
    naive: list[float] = []
    found: dict[str, list[float]] = {what: [] for what, _, _ in cases}
    one, two = [], []
    for _, _, run in cases:
        run()  # compiles, or reads what was compiled
    for _ in range(REPEATS):
        naive.append(naive_steps_per_s(labnet.networks.read(graph)))
        for what, _, run in cases:
            found[what].append(run())
        one.append(steps_per_s(graph, 4 * LANES, steps))
        two.append(steps_per_s(graph, 4 * LANES, steps, cores=cores))
    print(f"{name + ', naive numpy loop':44}{statistics.median(naive):14,.0f} steps/s   x1")
    for what, target, _ in cases:
        ratios = [mine / theirs for mine, theirs in zip(found[what], naive, strict=True)]
        report(what, target, ratios, found[what])
    ratios = [more / less for more, less in zip(two, one, strict=True)]
    report(f"{name}, {4 * LANES} networks, two cores to one", 1.8, ratios, two)


def first_call_s(cache: str) -> float:
    """Time the first steps of a new process, from the call on: compiled anew, or read from the cache."""
    script = (
        "import time, labnet\n"
        "with labnet.open_board('sim://twin16') as board:\n"
        "    task = labnet.tasks.Allostery.sample(board.network, seed=1)\n"
        "    start = time.perf_counter()\n"
        "    labnet.train(board, task, steps=10, progress=False).close()\n"
        "    print(time.perf_counter() - start)\n"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": cache}
    return float(subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True).stdout)


def main() -> None:
    compare("16 edges", GRAPHS / "twin16.txt", 1_000_000, (1500, 300, 750))
    compare("143 edges", GRAPHS / "packing143.txt", 80_000, (450, 90, 225))
    with tempfile.TemporaryDirectory() as cache:
        first = first_call_s(cache)
        later = [first_call_s(cache) for _ in range(REPEATS)]
    print(f"first call ever {first:.1f} s (wanted below 20); in later processes {np.median(later):.2f} s (below 1)")


if __name__ == "__main__":
    main()
