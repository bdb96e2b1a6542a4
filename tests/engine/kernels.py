"""Compiles the engine's kernels, which are kept on disk, before several processes want them at once."""

from typing import Any

import labnet
from labnet import Continuous, GlobalClock, Plan, SelfTriggered
from labnet.rules import EquilibriumPropagation


def train(address: str, count: int = 1, **settings: Any) -> None:
    """Train so many networks together for two steps."""
    with labnet.open_board(address) as board:
        task = labnet.tasks.Regression.sample(board.network, seed=1)
        for _ in board.train_many([Plan(task=task, steps=2, seed=seed, **settings) for seed in range(count)]):
            pass


def stretch() -> None:
    """Let edges step by themselves, outside of a training."""
    with labnet.open_board("sim://twin16?gate=oscillator&calibrated=true") as board:
        board.drive("free", {0: 1.0, 8: 0.0})
        board.drive("clamped", {0: 1.0, 8: 0.0, 4: 0.5})
        board.self_trigger(1e-5)


def main() -> None:
    for count in (1, 2, 8, 32):
        train("sim://twin16", count, clock=GlobalClock(p=0.5))
        train("sim://twin16", count, rule=Continuous(gamma=1e-3))
    for count in (1, 2):
        train("sim://twin16", count, rule=EquilibriumPropagation(gamma=1e-3, nudge="conductance"))
    train("sim://twin16?gate=oscillator&calibrated=true", clock=SelfTriggered(dwell_s=1e-5), settle_s=1e-3)
    stretch()
    with labnet.open_board("sim://lattice-60x60") as board:  # voltages of large networks
        board.drive("free", {0: 1.0, 3599: 0.0})
        board.read("free")


if __name__ == "__main__":
    main()
