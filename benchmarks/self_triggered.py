"""Edges that step by themselves, firings a second on one core, against a naive numpy loop in the same run.

The worst case: comparators that toss coins, so that wipers stay off their ends and nearly every firing moves one; then
both sides have to be solved anew. Where wipers stand at their ends a firing costs a tenth of it. The naive loop is what
one writes first: the firing that comes next, two dense solves, one edge stepped, without settling or converters.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from naive import both_states, drops

import labnet
from labnet_simulators import PRESETS, EffectiveComparator, OscillatorGate, Parts, Settling, SimulatedBoard

GRAPHS = Path(__file__).parent / "graphs"
REPEATS = 5
COINS = EffectiveComparator(-20.0, 20.0)
GATE = OscillatorGate(known=True)
UNSETTLED = Settling(2e-6)  # a quarter of the oscillators' period


def naive_firings_per_s(board: SimulatedBoard, task: labnet.Task, seconds: float = 0.3) -> float:
    """Step one edge after the other, in the order of their firings."""
    rng, states = np.random.default_rng(0), both_states(task)
    period = 1e-9 / board.gates.cycles_per_ns
    following = period * rng.random(len(period))
    r = np.full(len(period), 5040.0)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        e = int(np.argmin(following))
        following[e] += period[e]
        free, clamped = drops(task.network, r, states)
        up = clamped[e] + rng.uniform(-20, 20) > free[e]
        r[e] = min(max(r[e] + (78.125 if up else -78.125), 40), 9961.875)
        count += 1
    return count / seconds


def stretch_firings_per_s(board: SimulatedBoard, task: labnet.Task, firings: int) -> float:
    """One long stretch."""
    board.set_wipers(64)
    board.set_update_probability(0.5)
    held = task.held(task.train.inputs[0])
    board.drive("free", held)
    board.drive("clamped", held | dict(zip(task.outputs, task.train.targets[0].tolist(), strict=True)))
    per_s = float(board.gates.cycles_per_ns.sum()) * 1e9
    start = time.perf_counter()
    board.self_trigger(firings / per_s)
    return firings / (time.perf_counter() - start)


def training_firings_per_s(parts: Parts, task: labnet.Task, firings: int, **clamp: float) -> float:
    """Train with dwells of eight periods, with a clamp that a supervisor moves seven times, or an analogue one."""
    board = SimulatedBoard(task.network, parts, seed=1)
    per_s, period_s = float(board.gates.cycles_per_ns.sum()) * 1e9, 1.0 / GATE.frequency_hz
    dwell_s = round(period_s * 1e9) * 8e-9
    clock = labnet.SelfTriggered(dwell_s=dwell_s, **{name: dwell_s / 8 * share for name, share in clamp.items()})
    steps = round(firings / (per_s * dwell_s))
    plan = labnet.Plan(task=task, steps=steps, clock=clock, eta=0.5, start=64, log=(), measure=())
    start = time.perf_counter()
    for _ in board.train_many([plan]):
        pass
    return steps * per_s * dwell_s / (time.perf_counter() - start)


def compare(name: str, graph: Path, firings: int, wanted: float) -> None:
    """Compare stretches and trainings with the naive loop on one graph."""
    network = labnet.networks.read(graph)
    task = labnet.tasks.Regression.sample(network, seed=1, v_max=5.0, train=4, test=0)
    ideal, lab = (replace(PRESETS[preset], gate=GATE, comparator=COINS) for preset in ("ideal", "lab"))
    slow = replace(lab, settling=UNSETTLED)
    boards = {"ideal": SimulatedBoard(network, ideal, seed=1), "lab": SimulatedBoard(network, slow, seed=1)}
    still = SimulatedBoard(network, replace(slow, comparator=EffectiveComparator(20.0, 20.1)), seed=1)
    cases: dict[str, Callable[[], float]] = {
        "a stretch, ideal": lambda: stretch_firings_per_s(boards["ideal"], task, firings),
        "a stretch, lab, unsettled": lambda: stretch_firings_per_s(boards["lab"], task, firings),
        "a training, lab, unsettled, supervisor": lambda: training_firings_per_s(slow, task, firings, clamp_period_s=1),
        "a training, lab, unsettled, analogue": lambda: training_firings_per_s(slow, task, firings, lag_s=0.3),
        "a stretch, wipers at their ends": lambda: stretch_firings_per_s(still, task, 4 * firings),
    }
    for run in cases.values():
        run()  # compiles, or reads what was compiled
    naive: list[float] = []
    found: dict[str, list[float]] = {what: [] for what in cases}
    for _ in range(REPEATS):
        naive.append(naive_firings_per_s(boards["ideal"], task))
        for what, run in cases.items():
            found[what].append(run())
    print(f"{name + ', naive numpy loop':52}{statistics.median(naive):12,.0f} firings/s")
    for what, speeds in found.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(speeds, naive, strict=True))
        speed = statistics.median(speeds)
        verdict = "holds" if speed >= wanted else "below"
        print(f"{name + ', ' + what:52}{speed:12,.0f} firings/s  x{ratio:<6.3g} (wanted {wanted:,.0f}: {verdict})")
    at_end = np.isin(boards["lab"].wipers(), (0, boards["lab"].info.wiper_positions - 1)).mean()
    print(f"{'':52}{at_end:.0%} of the wipers ended at an end")


def main() -> None:
    available = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(available)[:1]))
    compare("16 edges", GRAPHS / "twin16.txt", 1_000_000, 2e6)
    compare("143 edges", GRAPHS / "packing143.txt", 200_000, 0.3e6)


if __name__ == "__main__":
    main()
