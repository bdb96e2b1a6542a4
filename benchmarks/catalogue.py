"""labnet runs over 1000 run files, its start included, against a loop that opens each run and reads its errors.

    python benchmarks/catalogue.py [FOLDER]

Twenty copies of each of 50 trainings, half of twin16 and half of packing143, are made in a folder that is removed,
or in FOLDER, which stays. "Cold" is the first look, when no file is in memory (Linux).
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import labnet

COPIES, SEEDS, REPEATS = 20, 25, 5
WANTED_S = 2.0
BOARDS = {"twin16": "allostery", "packing143": "regression"}
LOOP = """
import sys
from pathlib import Path
import labnet
for path in Path(sys.argv[1]).rglob("*.sqlite"):
    with labnet.Run.open(path) as run:
        run.plan.clock, run.frame("error").groupby("set").last()
"""


def make_runs(folder: Path) -> None:
    """Train, and copy the run files into folders."""
    for network, kind in BOARDS.items():
        for seed in range(SEEDS):
            experiment = labnet.Experiment(
                board=f"sim://{network}?seed={seed}",
                task={"kind": kind, "seed": seed},
                steps=100,
                clock={"p": (0.1, 0.2, 0.5, 1.0)[seed % 4]},
            )
            first = folder / f"{network}-{seed}" / "0.sqlite"
            first.parent.mkdir(parents=True)
            with labnet.open_board(experiment.board) as board:
                stored, plan = experiment.model_dump(mode="json"), experiment.plan(board.network)
                labnet.run_plan(board, plan, first, experiment=stored, progress=False).close()
            for copy in range(1, COPIES):
                shutil.copy(first, first.with_name(f"{copy}.sqlite"))


def forget(folder: Path) -> None:
    """Take the files out of memory."""
    for path in folder.rglob("*.sqlite"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(*command: str | Path) -> float:
    """Time a command."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        if not any(folder.rglob("*.sqlite")):
            make_runs(folder)
        list_runs = ("-m", "labnet", "runs", folder, "--where", "clock.p<0.5")
        ours, cold, loops = [], [], []
        for _ in range(REPEATS):
            loops.append(seconds("-c", LOOP, folder))
            ours.append(seconds(*list_runs))
            if hasattr(os, "posix_fadvise"):
                forget(folder)
                cold.append(seconds(*list_runs))
        start = statistics.median(seconds("-c", "import labnet.cli") for _ in range(REPEATS))
        count = sum(1 for _ in folder.rglob("*.sqlite"))
    print(f"a loop over {count} runs  {statistics.median(loops):6.2f} s (median of {REPEATS})")
    print(
        f"labnet runs, warm     {statistics.median(ours):6.2f} s, of which {start:.2f} s to start; wanted {WANTED_S} s"
    )
    if cold:
        print(f"labnet runs, cold     {statistics.median(cold):6.2f} s")
    ratios = [loop / our for loop, our in zip(loops, ours, strict=True)]
    print(f"ratio x{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
