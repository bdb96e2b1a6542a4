"""The statements of wycoff2022 as criteria: on errors that are known, and where their trainings come from."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import labnet
from labnet.figures import FIGURES, make
from labnet.figures.desync_statements import NAMES, Outcome, Trained, judged
from labnet.figures.desync_trained import Setting
from labnet_simulators import PRESETS, SimulatedBoard

FILE = Path(__file__).parents[2] / "experiments" / "figures" / "desync-paper.toml"
P = np.array([0.1, 0.4, 0.8, 1.0])
LABS = dict.fromkeys(NAMES, 10)
RNG = np.random.default_rng(5)


def around(*errors: float) -> NDArray[np.float64]:
    """Errors of 60 tasks, which differ by tens of percent."""
    return np.array(errors) * np.exp(0.2 * RNG.standard_normal((60, len(errors))))


def outcomes(**changed: object) -> dict[str, Outcome]:
    falling, level = around(0.01, 0.02, 0.04, 0.3), around(0.2, 0.2, 0.2, 0.2)
    spans = np.tile([20.0, 30.0, 10.0, 1.0], (60, 1))
    of = Trained(falling, spans, level, falling, {2: falling, 24: around(0.1, 0.15, 0.2, 0.2)}, P)
    return {name: each.outcome for name, each in judged(of._replace(**changed), "median", LABS).items()}


def test_all_hold_on_errors_as_the_paper_tells_them() -> None:
    assert set(outcomes().values()) == {Outcome.HOLDS}
    of = Trained(
        around(1, 2, 4, 8),
        np.ones((60, 4)),
        *[around(1, 1, 1, 1)] * 2,
        {2: around(1, 2, 4, 8)} | {24: around(1, 1, 1, 1)},
        P,
    )
    assert judged(of, "mean", LABS)["4C"].seen > 0.99


@pytest.mark.parametrize(
    ("statement", "changed", "outcome"),
    [
        ("4C", {"allostery": around(0.01, 0.01, 0.01, 0.3)}, Outcome.IN_PART),
        ("4C", {"allostery": around(0.2, 0.2, 0.2, 0.2)}, Outcome.NOT),
        ("4A", {"allostery": around(0.3, 0.2, 0.1, 0.2)}, Outcome.NOT),
        ("4B", {"spans": np.tile([20.0, 30.0, 10.0, 4.0], (60, 1))}, Outcome.IN_PART),
        ("4B", {"spans": np.tile([20.0, 30.0, 10.0, 20.0], (60, 1))}, Outcome.NOT),
        ("16 edges, regression", {"regression": around(0.1, 0.1, 0.1, 0.3)}, Outcome.NOT),
        ("4D", {"outputs": {2: around(0.01, 0.02, 0.04, 0.3), 24: around(0.1, 0.15, 0.1, 0.2)}}, Outcome.IN_PART),
        ("4D", {"outputs": {2: around(0.2, 0.2, 0.2, 0.2), 24: around(0.2, 0.2, 0.2, 0.2)}}, Outcome.NOT),
        ("4E", {"large": around(0.01, 0.04, 0.02, 0.3)}, Outcome.IN_PART),
    ],
)
def test_each_is_told_from_the_rest(statement: str, changed: dict[str, object], outcome: Outcome) -> None:
    found = outcomes(**changed)
    assert found.pop(statement) is outcome
    assert all(each is Outcome.HOLDS for name, each in found.items() if name[:2] not in ("4A", "4C"))


@pytest.mark.slow
def test_the_figure_is_made_from_its_file(tmp_path: Path) -> None:
    made = make(FIGURES["desync-paper"], FILE, tmp_path, quick=True, progress=False)
    assert made.findings.verdict.startswith("at most")
    assert set(made.findings.numbers["held_out"]) == set(made.findings.numbers["nearest"].values())
    assert made.picture.stat().st_size > 10_000


def test_high_voltages_are_small_sigmas_and_the_preset_paper_says_so() -> None:
    changes = Setting(v_max=500.0).changes("twin16", 0.05)
    assert changes["task.v_max"] == 5.0
    scaled = labnet.open_board(f"{changes['board']}&seed=3")
    paper = SimulatedBoard(scaled.network, PRESETS["paper"], seed=3)
    wipers = []
    for board, v_max in ((scaled, 5.0), (paper, 500.0)):
        task = labnet.tasks.Regression.sample(board.network, v_max=v_max, seed=4)
        labnet.train(board, task, clock=labnet.GlobalClock(p=0.5), eta=1.0, steps=200, progress=False)
        wipers.append(board.wipers().tolist())
    assert wipers[0] == wipers[1]
