"""What clocks of their own at the edges do to learning: nothing, where they differ (wycoff2022, Fig. 3, discussion)."""

from pathlib import Path

import numpy as np
import pytest

import labnet
from labnet.figures.figure import late_error
from labnet.sweeps import sweep

FILE = Path(__file__).parents[2] / "experiments" / "allostery16.toml"
BOARD = "sim://twin16?preset=ideal"
OSCILLATORS = BOARD + "&gate=oscillator&calibrated=true&oscillator_hz=1000"
TASKS = 60


def final_errors(board: str, **changes: object) -> np.ndarray:
    """Give the final errors of the same tasks, each on a board of its own."""
    settings = {"task": {"kind": "allostery", "v_max": 5.0}, "start": 64, "steps_p": 600, **changes}
    experiment = labnet.Experiment(board=board, **settings)  # type: ignore[arg-type]
    done = sweep(experiment, {"task.seed, seed, board.seed": range(TASKS)}, progress=False)
    return np.asarray(late_error(done, "train").sort_values("task.seed")["scaled_error"])


def ratio(a: np.ndarray, b: np.ndarray) -> labnet.analysis.Interval:
    return labnet.analysis.ratio_of_medians(a, b)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return final_errors(BOARD, clock={"p": 0.1})


def test_oscillators_train_as_drawn_gates_do(drawn: np.ndarray) -> None:
    found = ratio(final_errors(OSCILLATORS, clock={"p": 0.1}), drawn)
    assert found.low < 1 < found.high
    assert 0.4 < found.value < 2.5


def test_oscillators_that_are_all_alike_train_as_one_clock_does(drawn: np.ndarray) -> None:
    alike = final_errors(OSCILLATORS + "&oscillator_spread=0&phase_spread=0", clock={"p": 0.1})
    assert ratio(alike, drawn).low > 1.2
    synchronous = final_errors(BOARD, clock={"p": 1.0})
    assert np.median(alike) == pytest.approx(np.median(synchronous), rel=0.5)


def test_self_triggered_edges_learn_as_well_at_equally_many_updates(drawn: np.ndarray) -> None:
    alone = final_errors(OSCILLATORS, clock={"dwell_s": 0.01}, steps=60, steps_p=None)
    found = ratio(alone, drawn)
    assert found.low < 1.2
    assert found.value < 2.5


def test_self_triggered_edges_do_not_learn_while_examples_have_not_settled() -> None:
    """A dwell of a period, a settling of a third of it: what is learned is the example before."""
    task = {"task": {"kind": "regression", "train": 8, "test": 0}, "clock": {"dwell_s": 1e-3}, "settle_s": 0.1}
    settled, stale = (
        final_errors(f"{OSCILLATORS}&settling_s={tau_s}", **task, steps=600, steps_p=None) for tau_s in (1e-5, 3e-4)
    )
    assert ratio(stale, settled).low > 5
