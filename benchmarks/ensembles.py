"""Networks with the same terminals, trained at once: what several benchmarks time."""

import time

import labnet
from labnet_simulators import SimulatedBoard


def training_s(board: SimulatedBoard, networks: int, steps: int) -> float:
    """Train so many networks with the discrete rule, p = 0.5, and log nothing; gives how long it takes."""
    task = labnet.tasks.Regression.sample(board.network, seed=1, v_max=1.0, train=1, test=0)
    common = {"task": task, "steps": steps, "clock": labnet.GlobalClock(p=0.5), "log": (), "measure": ()}
    plans = [labnet.Plan(**common, start=(20, 100), seed=seed) for seed in range(networks)]
    start = time.perf_counter()
    for _ in board.train_many(plans):
        pass
    return time.perf_counter() - start
