"""Every rule that runs in compiled code against coupled learning (the continuous rule) in the same run.

Steps are counted over 32 networks with the same terminals, one example a step, on one core; a step is what the rule
shows of it, and an update of every edge. Wanted is x0.3 of the continuous rule's rate.
"""

import os
import statistics
import time
from itertools import product

import labnet
from labnet import Continuous, Discrete, GlobalClock, Plan
from labnet.rules import EquilibriumPropagation, Rule
from labnet_simulators import SimulatedBoard

REPEATS = 5
LANES = 32
WANTED = 0.3
COUPLED = "continuous"
RULES: dict[str, Rule] = {
    COUPLED: Continuous(gamma=1e-3),
    "discrete": Discrete(),
    "symmetric": Continuous(gamma=1e-3, symmetric=True),
    "with a margin": Continuous(gamma=1e-3, margin_v=0.01),
    "over-clamped": Continuous(gamma=1e-3, over_clamp_v=(0.0, 5.0)),
} | {
    f"propagation, {nudge}, {states}": EquilibriumPropagation(gamma=1e-3, nudge=nudge, states=states)
    for nudge, states in product(("current", "conductance"), ("one-sided", "centred", "twin"))
}


def steps_per_s(board: SimulatedBoard, rule: Rule, steps: int) -> float:
    """Train the networks at once; steps a second, over all of them."""
    task = labnet.tasks.Regression.sample(board.network, seed=1, v_max=1.0, train=1, test=0)
    start = (20, 100) if isinstance(rule, Discrete) else (0.5, 1.5)
    common = {"task": task, "steps": steps, "rule": rule, "clock": GlobalClock(p=0.5), "log": (), "measure": ()}
    plans = [Plan(**common, start=start, seed=seed) for seed in range(LANES)]
    began = time.perf_counter()
    for block in board.train_many(plans):
        assert block.failure is None, block.failure
    return LANES * steps / (time.perf_counter() - began)


def compare(name: str, steps: int) -> None:
    """Print a line for every rule: median speed and ratio, its range, and whether it holds."""
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    with SimulatedBoard(labnet.networks.named(name)) as board:
        for rule in RULES.values():
            steps_per_s(board, rule, 2)  # compiles, or reads what was compiled
        for _ in range(REPEATS):
            for what, rule in RULES.items():
                found[what].append(steps_per_s(board, rule, steps))
    for what, speeds in found.items():
        ratios = [mine / theirs for mine, theirs in zip(speeds, found[COUPLED], strict=True)]
        ratio = statistics.median(ratios)
        verdict = "holds" if ratio >= WANTED else "below"
        print(
            f"{name + ', ' + what:52}{statistics.median(speeds):14,.0f} steps/s   x{ratio:.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}; wanted x{WANTED:g}: {verdict})"
        )


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    compare("twin16", 200_000)
    compare("packing143", 15_000)


if __name__ == "__main__":
    main()
