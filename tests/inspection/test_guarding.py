"""What a run does about faults: stops and goes on later with the edge masked, or masks it on the way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labnet
from labnet import Continuous, Discrete, Experiment, GlobalClock, Plan, Run, SelfTriggered
from labnet.errors import BoardFault, EdgeMasked, PlanError
from labnet.tasks import Regression, Task
from labnet_simulators import SimulatedBoard

NETWORK = labnet.networks.twin16()
GONE = 50
WITHIN = 5  # steps after the damage by which a run has stopped, where the edge carries current
BOARDS = ["sim", "firmware"]


def task() -> Task:
    return Regression.sample(NETWORK, seed=3)


def train(board: labnet.Board, path: Path | None = None, steps: int = 150, **settings: Any) -> Run:
    return labnet.train(board, task(), steps=steps, clock=GlobalClock(p=0.5), path=path, progress=False, **settings)


def address(scheme: str, fault: str = f"removed@4:{GONE}") -> str:
    return f"{scheme}://twin16?preset=lab&seed=3&fault={fault}"


def noted(run: Run) -> list[tuple[str, str, int]]:
    return [(each["action"], each["kind"], each["index"]) for each in run.findings]


# Stop -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", BOARDS)
def test_a_run_stops_and_goes_on_with_the_edge_masked(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with labnet.open_board(address(scheme)) as board:
        with pytest.raises(BoardFault, match=r"edge 4, both sides.*resume with masked=\[4\]") as stopped:
            train(board, path, on_fault="stop")
        assert board.bias_v == 0.0
    assert [(each.kind, each.index) for each in stopped.value.findings] == [("dead edge", 4)]
    with Run.open(path) as run:
        assert run.status.startswith("failed: at step")
        assert noted(run) == [("stopped", "dead edge", 4)]
        assert GONE <= run.findings[0]["step"] <= GONE + WITHIN
        assert run.steps()[-1] >= run.findings[0]["step"], "what shows it is kept"
    with labnet.open_board(address(scheme)) as board:
        run = train(board, path, on_fault="stop", masked=[4], resume=True)
    assert run.status == "complete"
    assert noted(run) == [("stopped", "dead edge", 4), ("masked", "by the plan", 4)]
    assert run.steps().tolist() == list(range(151))
    wipers = run.array("wipers")
    since = run.findings[1]["step"]
    assert np.ptp(wipers[since:, 4]) == 0
    assert (np.ptp(np.delete(wipers[since:], 4, axis=1), axis=0) > 0).all(), "the others train on"
    run.close()


def test_a_board_that_is_broken_before_stops_a_run_before_its_first_step(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with labnet.open_board(address("sim", "stuck-wiper-free@9")) as board:
        assert isinstance(board, SimulatedBoard)
        with pytest.raises(BoardFault, match="before the first step: stuck edge: edge 9, free side"):
            train(board, path, on_fault="stop")
        assert board.triggers == 0
    with labnet.open_board(address("sim", "stuck-wiper-free@9")) as board:
        run = train(board, path, on_fault="stop", masked=[9], resume=True)
    assert np.ptp(run.array("wipers")[:, 9]) == 0
    run.close()


def test_resuming_without_the_mask_stops_again(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    for resume in (False, True):
        with labnet.open_board(address("sim")) as board, pytest.raises(BoardFault, match="edge 4"):
            train(board, path, on_fault="stop", resume=resume)


# Mask -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", BOARDS)
def test_a_run_goes_on_with_a_broken_edge_masked(scheme: str) -> None:
    said = pytest.warns(EdgeMasked, match=r"edge 4, both sides.*the rest trains on")
    with labnet.open_board(address(scheme)) as board, said:
        run = train(board, on_fault="mask")
    assert noted(run) == [("masked", "dead edge", 4)]
    since = run.findings[0]["step"] + 1
    assert GONE <= run.findings[0]["step"] <= GONE + WITHIN
    assert np.ptp(run.array("wipers")[:since, 4]) > 0
    assert np.ptp(run.array("wipers")[since:, 4]) == 0
    assert not run.array("enabled")[since:-1, 4].any()


@pytest.mark.filterwarnings("ignore::labnet.errors.EdgeMasked")
def test_a_masked_edge_stays_masked_when_a_run_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with labnet.open_board(address("sim")) as board:
        steps, trigger = iter(range(100)), board.trigger

        def interrupted(step_wipers: bool = True) -> Any:
            if next(steps) == 90:
                raise KeyboardInterrupt
            return trigger(step_wipers)

        board.trigger = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            train(board, path, on_fault="mask")
        assert board.bias_v == 0.0
    with labnet.open_board(address("sim")) as board:
        run = train(board, path, on_fault="mask", resume=True)
    assert noted(run) == [("masked", "dead edge", 4)]
    assert np.ptp(run.array("wipers")[GONE + WITHIN :, 4]) == 0
    run.close()


def test_a_broken_node_cannot_be_masked() -> None:
    output = task().outputs[0]
    fault = address("sim", f"loose-source-clamped@{output}")
    with labnet.open_board(fault) as board, pytest.raises(BoardFault, match=f"loose source: node {output}, clamped"):
        train(board, on_fault="mask")


@pytest.mark.parametrize("scheme", BOARDS)
def test_masked_edges_never_step_and_the_others_do_as_their_comparators_say(scheme: str) -> None:
    masked = (0, 7, 15)
    with labnet.open_board(f"{scheme}://twin16?preset=lab&seed=3") as board:
        run = train(board, masked=masked, start=(20, 100))
    wipers, directions, enabled = (run.array(name).astype(np.int64) for name in ("wipers", "directions", "enabled"))
    stepped = np.clip(wipers[:-1] + directions[:-1] * enabled[:-1], 0, 127)
    assert (stepped == wipers[1:]).all()
    assert np.ptp(wipers[:, masked], axis=0).tolist() == [0, 0, 0]
    assert enabled[:-1].mean(axis=0)[[1, 2, 3]] == pytest.approx(0.5, abs=0.2)
    assert noted(run) == [("masked", "by the plan", edge) for edge in masked]


def test_masked_edges_keep_their_resistances_with_the_continuous_rule() -> None:
    with labnet.open_board("sim://twin16") as board:
        run = train(board, steps=20, rule=Continuous(gamma=0.05), masked=[3])
    ohm = run.array("resistances_ohm")
    assert np.ptp(ohm[:, 3]) == 0
    assert (np.ptp(ohm, axis=0) > 0).sum() > 10


# No fault, no difference ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_fault", ["stop", "mask"])
def test_on_a_sound_board_looking_changes_nothing(on_fault: str) -> None:
    """On one without noise, bit for bit: an inspection before it draws readings, which lab boards have noise on."""
    with labnet.open_board("sim://twin16?converters=board&seed=3") as board:
        plain = train(board, start=64)
    with labnet.open_board("sim://twin16?converters=board&seed=3") as board:
        run = train(board, start=64, on_fault=on_fault)
        assert run.findings == []
    for name in ("v_free", "v_clamped", "wipers", "directions", "enabled"):
        assert np.array_equal(run.array(name), plain.array(name), equal_nan=name.startswith("v_"))


def test_by_default_nobody_looks() -> None:
    with labnet.open_board(address("sim")) as board:
        run = train(board)
    assert run.plan.on_fault == "ignore"
    assert run.findings == []


# Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"on_fault": "stop", "detail": "short"}, "detail 'full'"),
        ({"on_fault": "mask", "rule": Continuous(gamma=0.1)}, "the discrete rule"),
        ({"on_fault": "stop", "clock": SelfTriggered(dwell_s=1e-3)}, "a global clock"),
        ({"masked": [1], "clock": SelfTriggered(dwell_s=1e-3)}, "masked names edges"),
        ({"masked": [16]}, "masked names edge 16; allowed: 0 to 15"),
        ({"masked": [-1]}, "masked"),
        ({"on_fault": "retry"}, "'ignore', 'stop' or 'mask'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Plan(task=task(), steps=10, **{"rule": Discrete(), **settings})


def test_an_experiment_file_can_say_it(tmp_path: Path) -> None:
    file = tmp_path / "masked.toml"
    file.write_text(
        'board = "sim://twin16"\nsteps = 20\non_fault = "stop"\nmasked = [2, 5]\n[task]\nkind = "regression"\n',
        encoding="utf-8",
    )
    experiment = Experiment.load(file)
    plan = experiment.plan(NETWORK)
    assert (plan.on_fault, plan.masked) == ("stop", (2, 5))


def test_a_sweep_masks_too() -> None:
    task_ = {"kind": "allostery"}
    experiment = Experiment(board="sim://twin16?preset=lab", steps=40, task=task_, masked=[3], on_fault="mask")
    sweep = labnet.sweep(experiment, over={"clock.p": [0.5, 1.0]}, progress=False)
    wipers = sweep.frame("final")
    masked = wipers[wipers["edge"] == 3]["wiper"]
    assert set(masked) == {64}
    assert set(wipers["wiper"]) != {64}
