"""An interrupted training ends as an uninterrupted one, whatever the rule, the optimiser and the rounding."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupted import Interrupted, assert_same_records
from numpy.typing import NDArray
from rule_book import TRAININGS, on_wipers

import labnet
from labnet.board import Side
from labnet.errors import BoardError, RunMismatch
from labnet.plan import Plan
from labnet_simulators import SimulatedBoard

NETWORK = labnet.networks.twin16()
TASK = labnet.tasks.Regression.sample(NETWORK, seed=4, train=3, test=0)
ADAM = {"name": "adam", "rate": 0.01}
PLANS: dict[str, dict[str, Any]] = {
    name: TRAININGS[name] for name in ("EP, both twins", "Fisher", "finite differences", "multiplexed", "zeroth order")
} | {
    "Adam": TRAININGS["EP, centred"] | {"optimiser": ADAM},
    "momentum": TRAININGS["node perturbation"] | {"optimiser": {"name": "momentum"}},
    "wipers": on_wipers("multiplexed"),
    "wipers, Adam": on_wipers("coupled") | {"optimiser": ADAM, "clock": {"p": 0.5}},
}


def train(board: SimulatedBoard, path: Path | None, plan: dict[str, Any]) -> labnet.Run:
    settings = plan | {"steps": 40, "seed": 3}
    return labnet.train(board, TASK, path=path, resume=path is not None, progress=False, **settings)


@pytest.mark.parametrize("name", PLANS)
def test_ctrl_c_and_resume_with_any_rule(tmp_path: Path, name: str) -> None:
    for press in (13, 19):
        board = Interrupted(NETWORK)
        board.presses_at = press
        with pytest.raises(KeyboardInterrupt):
            train(board, tmp_path / "run.sqlite", PLANS[name])
    with (
        train(SimulatedBoard(NETWORK), tmp_path / "run.sqlite", PLANS[name]) as resumed,
        train(SimulatedBoard(NETWORK), None, PLANS[name]) as whole,
    ):
        assert_same_records(resumed, whole)
        assert np.unique(whole.moved(), axis=0).shape[0] > 10


class Misread(SimulatedBoard):
    """A board without snapshots, paced by the host, one of whose readings is no number."""

    misreads_at: int = -1

    def __init__(self) -> None:
        super().__init__(NETWORK)
        self.info = replace(self.info, plans=frozenset(), snapshots=False)

    def read(self, side: Side) -> NDArray[np.float64]:
        self.misreads_at -= 1
        return super().read(side) * (np.nan if self.misreads_at == 0 else 1.0)


def test_a_reading_that_fails_while_wipers_are_perturbed_leaves_none_so(tmp_path: Path) -> None:
    board = Misread()
    board.misreads_at = 300
    with pytest.raises(BoardError, match="one finite voltage"):
        train(board, tmp_path / "run.sqlite", on_wipers("finite differences"))
    with labnet.Run.open(tmp_path / "run.sqlite") as failed:
        np.testing.assert_array_equal(board.wipers(), failed.moved()[-1])
    with (
        train(Misread(), tmp_path / "run.sqlite", on_wipers("finite differences")) as resumed,
        train(Misread(), None, on_wipers("finite differences")) as whole,
    ):
        np.testing.assert_array_equal(resumed.moved(), whole.moved())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"optimiser": {"name": "momentum"}}, r"optimiser was .*adam.*, is .*momentum"),
        ({"rule": {"name": "exact-gradient", "gamma": 0.02}}, r"rule was .*equilibrium.*, is .*exact-gradient"),
        ({"quantise": "nearest"}, r"quantise was null, is .nearest"),
    ],
)
def test_what_an_optimiser_remembers_is_not_taken_by_another_rule(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    board = Interrupted(NETWORK)
    board.presses_at = 20
    with pytest.raises(KeyboardInterrupt):
        train(board, tmp_path / "run.sqlite", PLANS["Adam"])
    before = (tmp_path / "run.sqlite").read_bytes()
    with pytest.raises(RunMismatch, match=said):
        train(SimulatedBoard(NETWORK), tmp_path / "run.sqlite", PLANS["Adam"] | change)
    assert (tmp_path / "run.sqlite").read_bytes() == before


def test_gates_leave_edges_where_they_are_with_every_rounding() -> None:
    with labnet.train(
        SimulatedBoard(NETWORK), TASK, **on_wipers("coupled") | {"steps": 30, "clock": {"p": 0.3}}
    ) as run:
        wipers, enabled = run.array("wipers"), run.array("enabled")[:-1]
        assert isinstance(run.plan, Plan)
    moved = np.diff(wipers, axis=0) != 0
    assert not moved[enabled == 0].any()
    assert moved.any()
