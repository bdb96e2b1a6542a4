"""Host-paced training on the ideal 16-edge board, every step logged, against the naive numpy loop in the same run."""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from naive import naive_steps_per_s

import labnet

STEPS = 20_000
REPEATS = 5
TARGET = 0.3


def labnet_steps_per_s(folder: Path, repeat: int) -> float:
    """Train with every step logged to a file; steps a second."""
    with labnet.open_board("sim://twin16?preset=ideal") as board:
        board.info = replace(board.info, plans=frozenset())  # so that the host paces it
        task = labnet.tasks.Allostery.sample(board.network, seed=1)
        start = time.perf_counter()
        labnet.train(board, task, steps=STEPS, path=folder / f"{repeat}.sqlite", progress=False).close()
        return STEPS / (time.perf_counter() - start)


def main() -> None:
    ratios, ours, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            theirs.append(naive_steps_per_s(labnet.networks.twin16(), p=1.0))
            ours.append(labnet_steps_per_s(Path(folder), repeat))
            ratios.append(ours[-1] / theirs[-1])
    print(f"naive numpy loop             {statistics.median(theirs):10,.0f} steps/s (median of {REPEATS})")
    print(f"labnet, host-paced, all logged {statistics.median(ours):8,.0f} steps/s")
    ratio = statistics.median(ratios)
    print(f"ratio x{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); wanted at least x{TARGET}")


if __name__ == "__main__":
    main()
