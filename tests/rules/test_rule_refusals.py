"""What a rule and a board cannot do together is said before anything moves, with numbers and a remedy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import labnet
from labnet.board import Side
from labnet.errors import LabnetWarning, NotSupported, NudgeHidden, OutOfRange, PlanError
from labnet.plan import Plan
from labnet_simulators import SimulatedBoard

NETWORK = labnet.networks.twin16()
TASK = labnet.tasks.Allostery.sample(NETWORK, seed=2)
EP: dict[str, Any] = {"name": "equilibrium-propagation", "gamma": 0.02}


def train(address: str, **settings: Any) -> labnet.Run:
    with labnet.open_board(address) as board:
        try:
            return labnet.train(board, TASK, progress=False, **{"steps": 2, **settings})
        except (PlanError, NotSupported, OutOfRange):
            assert board.time_s == 0.0, "nothing has moved"
            raise


def test_over_clamping_beyond_the_source() -> None:
    with pytest.raises(OutOfRange, match=r"over_clamp_v is \[-1\.0, 5\.0\]; allowed: 0 to 5 V"):
        train("sim://twin16", rule=labnet.Continuous(gamma=1e-3, over_clamp_v=(-1.0, 5.0)))


def test_wipers_that_stand_nowhere_need_a_start() -> None:
    with labnet.open_board("sim://twin16?converters=board") as board:
        board.set_resistances(np.full(16, 1e4))
        with pytest.raises(NotSupported, match="give start, or call set_wipers first"):
            labnet.train(board, TASK, rule=labnet.Continuous(gamma=1e-3), quantise="nearest", steps=2, progress=False)


def test_wipers_alone_need_a_rounding() -> None:
    with pytest.raises(NotSupported, match=r"the continuous rule needs .* give quantise \('stochastic' or 'nearest'\)"):
        train("sim://twin16?preset=lab", rule=labnet.Continuous(gamma=1e-3))


def test_edges_that_are_no_resistors_have_no_adjoint_circuit() -> None:
    with pytest.raises(NotSupported, match=r"needs edges that are resistors, .*Diode; use .* adjoint = 'computed'"):
        train("sim://twin16?edges=diode", rule={"name": "exact-gradient", "gamma": 1e-3})


class ReadsFew(SimulatedBoard):
    """A board with fewer converters than nodes."""

    def read(self, side: Side) -> Any:
        return np.where(np.isin(np.arange(9), self.info.readable), super().read(side), np.nan)


def test_a_board_that_reads_few_nodes_takes_rules_that_read_outputs() -> None:
    board = ReadsFew(NETWORK)
    board.info = replace(board.info, readable=TASK.outputs, plans=frozenset())
    unread = sorted(set(range(9)) - set(TASK.outputs))
    with pytest.raises(NotSupported, match=rf"reads the voltages of nodes \[{unread[0]}, .* that reads outputs only"):
        labnet.train(board, TASK, rule=labnet.Continuous(gamma=1e-3), steps=2, progress=False)
    assert board.time_s == 0.0
    labnet.train(board, TASK, rule={"name": "finite-differences", "gamma": 1e-3}, steps=2, progress=False).close()


def test_a_beta_too_large_for_the_bias_that_is_allowed() -> None:
    allowed: dict[str, Any] = EP | {"states": "one-sided", "beta": 1.0, "most_bias": 0.01}
    with pytest.raises(PlanError, match=r"beta is 1: .* off by 0\.\d+ of the gradient; allowed by most_bias: 0\.01"):
        train("sim://twin16", rule=allowed)
    train("sim://twin16", rule=allowed | {"beta": 1e-3}).close()
    train("sim://twin16", rule=allowed | {"states": "centred"}).close()  # by currents: none on resistors


@pytest.mark.parametrize(
    "settings",
    [{"rule": EP | {"beta": 1e-6}}, {"rule": {"name": "continuous", "gamma": 0.01}, "eta": 1e-4}],
    ids=["beta", "eta"],
)
def test_a_nudge_that_the_converters_hide_is_warned_of_with_the_numbers(settings: dict[str, Any]) -> None:
    with pytest.warns(NudgeHidden, match=r"no output by more than .* V, and a step of the converters is 7\.6e-05 V"):
        train("sim://twin16?converters=board", **settings).close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": {"name": "discrete"}, "quantise": "nearest"}, r"quantise is given with the discrete rule"),
        ({"optimiser": {"name": "adam", "rate": 0.01}}, r"optimiser is given with the discrete rule"),
        ({"rule": EP, "quantise": "up"}, r"quantise is 'up'; allowed: 'nearest', 'stochastic' or none"),
        ({"rule": EP, "optimiser": {"name": "sgd"}}, r"optimiser\.name is 'sgd'; allowed: 'plain', 'momentum', 'adam'"),
        ({"rule": EP | {"beta": 0.0}}, r"rule\.beta is 0\.0; allowed: a number above 0"),
        ({"rule": EP | {"nudge": "force"}}, r"rule\.nudge is 'force'; allowed: 'current' or 'conductance'"),
        ({"rule": EP | {"gamma": float("nan")}}, r"rule\.gamma is nan; allowed: a number above 0"),
        ({"rule": EP, "detail": "short"}, r"detail is 'short' with the equilibrium-propagation rule"),
        ({"rule": EP, "clock": {"dwell_s": 1e-3}}, r"rule is 'equilibrium-propagation' with a self-triggered clock"),
        (
            {"rule": {"name": "continuous", "gamma": 1.0, "over_clamp_v": [5.0, 0.0]}},
            r"over_clamp_v is \[5\.0, 0\.0\]; allowed: the lower voltage first",
        ),
        ({"rule": {"name": "oscillating-nudge", "gamma": 1.0, "points": 2}}, r"rule\.points is 2; allowed: .* least 3"),
        ({"rule": {"name": "multiplexed", "gamma": 1.0, "tau_theta": 0}}, r"rule\.tau_theta is 0; allowed: .* least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Plan(task=TASK, steps=2, **settings)


def test_a_perturbation_that_moves_no_wiper_is_refused() -> None:
    rule = {"name": "multiplexed", "gamma": 0.01, "amplitude": 1e-3}
    with pytest.raises(PlanError, match=r"amplitude is 0\.001, and a wiper step is 0\.00781 of R_ref"):
        train("sim://twin16", rule=rule, quantise="nearest", start=64)


def test_a_wiper_s_ends_are_no_divergence() -> None:
    with train("sim://twin16", rule=labnet.Continuous(gamma=50.0), quantise="nearest", start=64, steps=20) as run:
        wipers = run.array("wipers")
    assert wipers.min() == 0
    assert wipers.max() == 127


def test_the_warnings_are_labnet_s() -> None:
    assert issubclass(NudgeHidden, LabnetWarning)
    assert np.isfinite(TASK.train.targets).all()
