"""Following a run of a million logged steps, against reading its frames through pandas."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import labnet
from labnet.live.tail import Tail
from labnet.records import NO_FLOATS, Block, Errors, Record
from labnet.runs import RunWriter

STEPS = 1_000_000
BLOCK = 10_000
REPEATS = 20
BASELINE_SHARE = 20  # all frames of a million steps at once do not fit in memory: a twentieth of them, times this


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, part = Path(folder) / "run.sqlite", Path(folder) / "part.sqlite"
        write(part, STEPS // BASELINE_SHARE).close("complete")
        frames_s = BASELINE_SHARE * seconds(lambda: read_frames(part))
        print(f"all frames through pandas     {1e3 * frames_s:10,.0f} ms (of {STEPS:,} logged steps, in parts)")
        writer = write(path, STEPS - BLOCK)
        tail = Tail(path)
        say("first look", seconds(tail.refresh), frames_s, "2,000 ms")
        say("all that was measured", seconds(lambda: read_all(tail)), frames_s, "")
        steps = iter(range(STEPS - BLOCK, STEPS, 20))
        say("a later look, 20 steps on", median(lambda: look_later(writer, tail, next(steps))), frames_s, "20 ms")
        say("error of a range", median(lambda: tail.errors("train", 1e3, 4e5)), frames_s, "50 ms")
        say("running mean of a range", median(lambda: tail.smoothed("train", 1e3, 4e5)), frames_s, "50 ms")
        say("traces of 16 edges", median(lambda: tail.traces(range(16))), frames_s, "50 ms")
        say("network at a step", median(lambda: tail.state(STEPS // 3)), frames_s, "50 ms")
        say("gates and warnings", median(lambda: (tail.gates(), tail.warnings())), frames_s, "50 ms")
        writer.close("complete")


def say(what: str, took_s: float, frames_s: float, wanted: str) -> None:
    goal = wanted and f"; wanted under {wanted}"
    print(f"{what:29} {1e3 * took_s:10,.1f} ms, x{took_s / frames_s:.1g}{goal}")


def write(path: Path, steps: int) -> RunWriter:
    """Write a run of so many steps, a measurement of train and test at each."""
    network = labnet.networks.twin16()
    task = labnet.tasks.Regression.sample(network, seed=1, train=4, test=2)
    plan = labnet.Plan(task=task, steps=STEPS, clock=labnet.GlobalClock(p=0.5), measure=1)
    with labnet.open_board("sim://twin16") as board:
        writer = RunWriter(path, board, plan)
    for first in range(0, steps, BLOCK):
        writer.add_block(block(first, BLOCK))
    return writer


def block(first: int, count: int) -> Block:
    rng = np.random.default_rng(first)
    volts, wipers = rng.random((count, 9)), rng.integers(0, 128, (count, 16)).astype(np.int16)
    gates = rng.integers(0, 2, (count, 16)).astype(np.int8)
    records = [
        Record(first + k, k % 4, 1e-3 * k, False, volts[k], volts[k], gates[k], gates[k], wipers[k], NO_FLOATS)
        for k in range(count)
    ]
    return Block(0, first + count, records, list(measured(first, rng.random(count))))


def measured(first: int, noise: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Iterator[Errors]:
    for step, each in enumerate(noise, first):
        yield Errors(step, "train", float(each) / (step + 1), np.nan)
        yield Errors(step, "test", float(each) / (step + 2), np.nan)


def look_later(writer: RunWriter, tail: Tail, step: int) -> float:
    """Write 20 steps; time the look alone."""
    writer.add_block(block(step, 20))
    return seconds(tail.refresh)


def read_all(tail: Tail) -> None:
    while tail.behind:
        tail.refresh()


def read_frames(path: Path) -> None:
    with labnet.Run.open(path) as run:
        for name in ("error", "steps", "wipers", "voltages", "updates"):
            run.frame(name)  # type: ignore[arg-type]


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median(action: Callable[[], object]) -> float:
    """Time it often: by itself, unless it gives a time."""
    took = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        given = action()
        took.append(given if isinstance(given, float) else time.perf_counter() - start)
    return statistics.median(took)


if __name__ == "__main__":
    main()
