"""What learning took stands beside the errors: counted by the plan, not known where the rule's class is not here."""

from pathlib import Path
from typing import Literal

import numpy as np

import labnet
from labnet.rules import RULES

COSTS = ["settlings", "readings", "writes"]


def trained(path: Path, rule: labnet.Continuous, steps: int) -> None:
    with labnet.open_board("sim://twin16?preset=ideal") as board:
        task = labnet.tasks.Regression.sample(board.network, inputs=2, outputs=2, train=4, test=2, seed=1)
        labnet.train(board, task, rule=rule, eta=0.1, steps=steps, path=path, progress=False).close()


def test_batches_cost_what_they_show(tmp_path: Path) -> None:
    trained(tmp_path / "run.sqlite", labnet.Continuous(gamma=0.01, batch=0.5), steps=6)
    with labnet.Run.open(tmp_path / "run.sqlite") as run:
        errors = run.frame("error")
        shown = np.append(0, [len(run.plan.examples_at(step)) for step in range(6)]).cumsum()[errors["step"]]
    np.testing.assert_array_equal(errors["settlings"], 2 * shown)
    np.testing.assert_array_equal(errors["readings"], (2 + 2 * 9) * shown)
    np.testing.assert_array_equal(errors["writes"], 16 * errors["step"])


def test_costs_are_not_known_where_edges_step_by_themselves() -> None:
    with labnet.open_board("sim://twin16?gate=oscillator&calibrated=true") as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=1)
        clock = labnet.SelfTriggered(dwell_s=1e-3)
        with labnet.train(board, task, clock=clock, steps=2, start=64, progress=False) as run:
            assert run.frame("error")[COSTS].isna().all(axis=None)


def test_costs_of_a_rule_whose_class_is_not_here_are_not_known(tmp_path: Path) -> None:
    class Gone(labnet.Continuous):
        name: Literal["gone"] = "gone"  # type: ignore[assignment]

    try:
        trained(tmp_path / "run.sqlite", Gone(gamma=0.01), steps=2)
    finally:
        del RULES["gone"]
    with labnet.Run.open(tmp_path / "run.sqlite") as run:
        errors = run.frame("error")
    assert errors[COSTS].isna().all(axis=None)
    assert errors["scaled_error"].notna().all()
