"""One experiment, simulated and by the firmware on PC and chip, paced by host and by board: the same bits."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bits import Bits, bits_of_run

import labnet
from labnet import GlobalClock, LogSpaced, Network, Plan
from labnet.tasks import Allostery, Classification, Regression, Task

TASKS = 10
CHIP = "firmware://twin16?target=atmega2560"
PARTS = [
    "preset=ideal",
    "preset=lab",
    "preset=lab&gate=fixed",
    "preset=lab&comparator=pair",
    "preset=ideal&sigma_max_v=0.05&sigma=frozen",
    "preset=ideal&tolerance=0.2&twin_mismatch=0.01",
]


def random_task(network: Network, kind: str, seed: int, rng: np.random.Generator) -> Task:
    terminals = {"inputs": int(rng.integers(1, 4)), "outputs": int(rng.integers(1, 4)), "grounds": 1}
    if kind == "regression":
        return Regression.sample(
            network, seed=seed, train=int(rng.integers(1, 6)), test=int(rng.integers(0, 4)), **terminals
        )
    if kind == "allostery":
        return Allostery.sample(network, seed=seed, **terminals)
    return Classification.sample(network, seed=seed, train=0.1)


def random_plan(number: int) -> tuple[str, Plan]:
    """Give the options of a board, and a plan for it."""
    rng = np.random.default_rng(number)
    kind = ("regression", "allostery", "classification")[number % 3]
    task = random_task(labnet.networks.twin16(), kind, number, rng)
    steps = int(rng.integers(1, 80))
    some_steps = tuple(sorted(set(rng.integers(0, steps, 5).tolist())))
    schedules = [1, 7, LogSpaced(per_decade=4), some_steps]
    settings: dict[str, Any] = {
        "steps": steps,
        "clock": GlobalClock(p=float(rng.choice([1.0, 0.5, rng.uniform(0.1, 1)]))),
        "eta": [1.0, float(rng.uniform(0.01, 1)), tuple(rng.uniform(0.01, 1, steps).tolist())][rng.integers(3)],
        "order": ["cyclic", "random", tuple(rng.integers(0, len(task.train), 7).tolist())][rng.integers(3)],
        "start": [None, 17, (0, 127)][rng.integers(3)],
        "settle_s": float(rng.choice([1e-3, 50e-6, 2e-6])),  # the last one is too short for preset=lab
        "period_s": [None, 0.25][rng.integers(2)],
        "seed": int(rng.integers(0, 2**63)),
        "log": schedules[rng.integers(4)],
        "measure": schedules[rng.integers(4)],
        "detail": ["full", "short"][rng.integers(2)],
    }
    return f"{PARTS[number % len(PARTS)]}&seed={number}", Plan(task=task, **settings)


def bits(address: str, plan: Plan, by_host: bool) -> Bits:
    with labnet.open_board(address) as board:
        if by_host:
            board.info = replace(board.info, plans=frozenset())
        with labnet.run_plan(board, plan, progress=False) as run:
            return bits_of_run(run)


@pytest.mark.parametrize("number", range(TASKS))
def test_the_firmware_gives_what_the_simulation_gives(number: int) -> None:
    options, plan = random_plan(number)
    simulated = bits(f"sim://twin16?converters=board&{options}", plan, by_host=False)
    assert bits(f"firmware://twin16?{options}", plan, by_host=False) == simulated
    assert bits(f"firmware://twin16?{options}", plan, by_host=True) == simulated


@pytest.mark.slow
@pytest.mark.parametrize("number", range(TASKS))
def test_the_emulated_chip_gives_what_the_firmware_on_the_pc_gives(number: int) -> None:
    options, plan = random_plan(number)
    native = bits(f"firmware://twin16?{options}", plan, by_host=False)
    assert bits(f"{CHIP}&{options}", plan, by_host=False) == native
    assert bits(f"{CHIP}&{options}", plan, by_host=True) == native


@contextmanager
def busy_machine() -> Iterator[None]:
    """More processes that never rest than there are processors."""
    count = 2 * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_the_emulated_chip_gives_the_same_on_a_busy_machine() -> None:
    options, plan = random_plan(3)
    quiet = bits(f"firmware://twin16?{options}", plan, by_host=False)
    with busy_machine():
        assert bits(f"{CHIP}&{options}", plan, by_host=False) == quiet
        assert bits(f"{CHIP}&{options}", plan, by_host=True) == quiet
