"""The cycle: what is shown when, how the outputs are nudged, what is logged, and when each step starts."""

from typing import Any

import numpy as np
import pytest
from references import draw, solved_voltages
from trained import FIELDS, Trained, trained

import labnet
from labnet import Continuous, GlobalClock, LogSpaced, networks
from labnet.board import Converter
from labnet.draws import Stream
from labnet.rules.lab import clamp
from labnet.tasks import Allostery, Regression
from labnet_simulators import PRESETS, SimulatedBoard

STEPS = 60
PERIOD_S = 0.05
BOARD_GRID = Converter(0.0, 5.0, bits=16)
HALF = GlobalClock(p=0.5)


@pytest.fixture(scope="module")
def task() -> Regression:
    return Regression.sample(networks.twin16(), seed=2, train=5, test=4)


def outputs(run: Trained, field: str) -> np.ndarray:
    """Voltages of the output nodes at all steps but the closing one."""
    return run[field][: run.plan.steps, list(run.plan.task.outputs)]


def shown(run: Trained) -> list[int]:
    """Which example was shown at each step, told by the voltages of the inputs, and as logged."""
    task = run.plan.task
    held = run["v_free"][: run.plan.steps, list(task.inputs)]
    told = [int(np.flatnonzero((task.train.inputs == volts).all(axis=1))[0]) for volts in held]
    assert run.log["example"].tolist() == [*told, -1]
    return told


# The nudge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [0.001, 0.1, 0.5, 1.0])
def test_the_clamp_is_eta_v_d_plus_the_rest_v_f_to_the_last_bit(task: Regression, eta: float) -> None:
    run = trained("sim://twin16", task, steps=STEPS, eta=eta, clock=HALF)
    desired = task.train.targets[np.arange(STEPS) % 5]
    assert np.array_equal(outputs(run, "v_clamped"), eta * desired + (1 - eta) * outputs(run, "v_free"))


def test_outputs_are_held_at_the_clamp_itself_however_far_from_the_free_state() -> None:
    wanted = {4: 0.1 / 3, 6: 0.01 / 7}
    task = Allostery(networks.twin16(), {0: 5.0, 1: 1.7}, wanted, [8])
    run = trained("sim://twin16", task, steps=STEPS, eta=1.0, start=(0, 127))
    assert outputs(run, "v_clamped").tolist() == [list(wanted.values())] * STEPS
    assert outputs(run, "v_free").min() > 0.05


def test_eta_is_one_number_a_step_where_a_list_is_given(task: Regression) -> None:
    eta = np.linspace(0.05, 1.0, STEPS)
    run = trained("sim://twin16", task, steps=STEPS, eta=eta.tolist())
    desired, free = task.train.targets[np.arange(STEPS) % 5], outputs(run, "v_free")
    assert np.array_equal(outputs(run, "v_clamped"), eta[:, None] * desired + (1 - eta[:, None]) * free)


@pytest.mark.parametrize("eta", [0.0002, 0.3, 0.5, 1.0])
def test_with_board_converters_the_clamp_is_computed_in_integers(task: Regression, eta: float) -> None:
    run = trained("sim://twin16?converters=board", task, steps=STEPS, eta=eta, clock=HALF)
    eta_q15 = round(32768 * eta)

    def codes(volts: np.ndarray) -> list[list[int]]:
        return [[int(np.floor(v * 65535 / 5 + 0.5)) for v in row] for row in volts]

    desired, free = codes(task.train.targets), codes(outputs(run, "v_free"))
    nudged = [
        [(eta_q15 * d + (32768 - eta_q15) * f + 16384) >> 15 for d, f in zip(desired[k % 5], row, strict=True)]
        for k, row in enumerate(free)
    ]
    assert codes(outputs(run, "v_clamped")) == nudged
    assert outputs(run, "v_clamped") == pytest.approx(np.array(nudged) * 5 / 65535, abs=1e-12)


def test_a_clamp_beyond_the_source_is_cut_and_said() -> None:
    source = Converter(0.0, 5.0)
    free = np.array([4.0, 1.0])
    volts, cut = clamp(0.5, np.array([7.0, -3.0]), free, source)
    assert volts.tolist() == [5.0, 0.0]
    assert cut
    volts, cut = clamp(0.5, np.array([5.0, 0.0]), free, source)
    assert volts.tolist() == [4.5, 0.5]
    assert not cut


def test_both_sides_hold_inputs_and_grounds_and_the_clamped_one_its_outputs(task: Regression) -> None:
    run = trained("sim://twin16", task, steps=STEPS, eta=1.0)
    for field in ("v_free", "v_clamped"):
        held = run[field][:STEPS][:, [*task.inputs, *task.grounds]]
        expected = [[*task.train.inputs[k % 5], 0.0] for k in range(STEPS)]
        assert np.array_equal(held, expected)
    assert np.array_equal(outputs(run, "v_clamped"), task.train.targets[np.arange(STEPS) % 5])


def test_both_states_are_those_of_the_twins_settled() -> None:
    board = SimulatedBoard(networks.twin16(), PRESETS["lab"], seed=5)
    task = Allostery(board.network, {0: 5.0, 1: 1.7}, {4: 0.5, 6: 0.2}, [8])
    ohm = {side: board.resistances(side) for side in ("free", "clamped")}
    row = trained(board, task, steps=1, eta=0.5).at(0)
    held = task.held(task.train.inputs[0])
    clamps = {node: float(row["v_clamped"][node]) for node in task.outputs}
    free = solved_voltages(task.network, ohm["free"], held)
    clamped = solved_voltages(task.network, ohm["clamped"], held | clamps)
    assert row["v_free"] == pytest.approx(free, abs=4e-3)  # offsets of source and reading, 1.5 mV and 1 mV
    assert row["v_clamped"] == pytest.approx(clamped, abs=4e-3)
    assert np.abs(clamped - free)[[2, 3, 5, 7]].max() > 0.1


# A short log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["sim://twin16", "sim://twin16?preset=lab", "sim://packing143?converters=board"])
def test_a_short_log_holds_the_outputs_and_the_same_training(address: str) -> None:
    """Also where a clamp is cut, and with as many unlogged steps between."""
    task = Regression.sample(labnet.open_board(address).network, seed=2, train=5, test=4)
    short, full = (
        trained(address, task, steps=STEPS, eta=0.3, clock=HALF, log=7, detail=detail) for detail in ("short", "full")
    )
    assert short.log.equals(full.log)
    assert short.errors.equals(full.errors)
    steps = len(short.steps) - 1
    for field in ("directions", "enabled"):
        assert np.array_equal(short[field], full[field])
    assert np.array_equal(short["wipers"][-1], full["wipers"][-1])
    assert (short["wipers"][:-1] == -1).all()
    unseen = sorted(set(range(task.network.node_count)) - set(task.outputs))
    for field in ("v_free", "v_clamped"):
        assert np.isnan(short[field][:, unseen]).all()
    tolerance = 3.5e-3 if "lab" in address else 1e-12  # of a second reading: offsets and noise
    seen = [run[field][:steps][:, list(task.outputs)] for run in (short, full) for field in ("v_free", "v_clamped")]
    np.testing.assert_allclose(seen[0], seen[2], atol=tolerance, rtol=0)
    np.testing.assert_allclose(seen[1], seen[3], atol=tolerance, rtol=0)
    grid = labnet.open_board(address).info.source
    wanted = task.train.targets[short.steps[:-1] % 5]
    held = [clamp(0.3, want, free, grid)[0] for want, free in zip(wanted, seen[0], strict=True)]
    assert np.array_equal(seen[1], held)


# Order ----------------------------------------------------------------------------------------------------------


def test_examples_come_in_turn(task: Regression) -> None:
    assert shown(trained("sim://twin16", task, steps=STEPS)) == [k % 5 for k in range(STEPS)]


def test_examples_come_as_listed_again_and_again(task: Regression) -> None:
    order = [3, 3, 0, 1]
    run = trained("sim://twin16", task, steps=STEPS, order=order)
    assert shown(run) == [order[k % 4] for k in range(STEPS)]


@pytest.mark.parametrize("seed", [0, 7])
def test_a_random_order_is_drawn_with_the_plan_s_seed(task: Regression, seed: int) -> None:
    drawn = [(draw(seed, Stream.ORDER, step, 0) >> 32) * 5 >> 32 for step in range(STEPS)]
    assert set(drawn) == set(range(5))
    for board_seed in (0, 1):
        run = trained(f"sim://twin16?seed={board_seed}", task, steps=STEPS, order="random", seed=seed)
        assert shown(run) == drawn


def test_wipers_start_where_the_board_stands_or_where_the_plan_says(task: Regression) -> None:
    board = labnet.open_board("sim://twin16")
    board.set_wipers(np.arange(16))
    assert trained(board, task, steps=1)["wipers"][0].tolist() == list(range(16))
    assert trained("sim://twin16", task, steps=1, start=5)["wipers"][0].tolist() == [5] * 16
    drawn = [10 + ((draw(3, Stream.START, 0, edge) >> 32) * 21 >> 32) for edge in range(16)]
    run = trained("sim://twin16?seed=9", task, steps=1, start=(10, 30), seed=3)
    assert run["wipers"][0].tolist() == drawn


# What is logged and measured ------------------------------------------------------------------------------------

SCHEDULES: list[Any] = [7, LogSpaced(per_decade=5), [2, 3, 31, 200], []]
KINDS = {
    "ideal": ("sim://twin16?seed=3", {}),
    "lab": ("sim://twin16?preset=lab&seed=3", {}),
    "pair": ("sim://twin16?preset=lab&comparator=pair&gate=fixed&seed=3", {}),
    "continuous": ("sim://twin16?seed=3", {"rule": Continuous(gamma=0.01)}),
    "mini-batch": ("sim://twin16?seed=3", {"rule": Continuous(gamma=0.01, batch=0.5), "order": "cyclic"}),
}


def run_of(kind: str, task: labnet.Task, **settings: Any) -> Trained:
    address, rule = KINDS[kind]
    return trained(address, task, steps=STEPS, eta=0.5, clock=HALF, **{"order": "random"} | rule, **settings)


def assert_equal_where_both_are_logged(one: Trained, other: Trained) -> None:
    common = sorted(set(one.steps.tolist()) & set(other.steps.tolist()))
    assert common[-1] == STEPS  # the closing record
    for field in FIELDS:
        a, b = (run[field][np.isin(run.steps, common)] for run in (one, other))
        assert np.array_equal(a, b, equal_nan=field in ("v_free", "v_clamped", "resistances_ohm")), field


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log", SCHEDULES, ids=str)
def test_what_is_logged_does_not_change_what_happens(task: Regression, kind: str, log: Any) -> None:
    every, some = run_of(kind, task), run_of(kind, task, log=log)
    assert_equal_where_both_are_logged(every, some)
    assert every.errors.equals(some.errors)
    assert len(some.steps) < STEPS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", SCHEDULES, ids=str)
def test_what_is_measured_does_not_change_what_happens(task: Regression, kind: str, measure: Any) -> None:
    every, some = run_of(kind, task, measure=1), run_of(kind, task, measure=measure)
    assert_equal_where_both_are_logged(every, some)
    both = every.errors.merge(some.errors, on=["step", "set"])
    assert len(both) == len(some.errors)
    assert (both["cost_v2_x"] == both["cost_v2_y"]).all()


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        (1, list(range(61))),
        (7, [*range(0, 60, 7), 60]),
        ([3, 31, 3, 200], [3, 31, 60]),
        ([], [60]),
        (LogSpaced(per_decade=2), [0, 1, 3, 8, 22, 60]),
    ],
    ids=str,
)
def test_scheduled_steps_and_the_end_are_logged_and_measured(task: Regression, schedule: Any, steps: list[int]) -> None:
    run = trained("sim://twin16", task, steps=STEPS, log=schedule, measure=schedule)
    assert run.steps.tolist() == steps
    for _, errors in run.errors.groupby("set"):
        assert errors["step"].tolist() == sorted({0, *steps}), "the start is measured too: errors are scaled by it"


def test_the_error_is_the_mean_square_of_the_free_outputs(task: Regression) -> None:
    run = trained("sim://twin16", task, steps=STEPS, measure=20, start=(0, 127))
    board = labnet.open_board("sim://twin16")
    for name, examples in task.sets():
        costs = []
        for step in (0, 20, 40, 60):
            board.set_wipers(run.at(step)["wipers"])
            missing = []
            for x, y in zip(examples.inputs, examples.targets, strict=True):
                board.drive("free", task.held(x))
                missing.append(board.read("free")[list(task.outputs)] - y)
            costs.append(np.mean(np.square(missing)))
        errors = run.errors[run.errors["set"] == name]
        assert errors["cost_v2"].to_numpy() == pytest.approx(costs, rel=1e-12)
        assert errors["scaled_error"].to_numpy() == pytest.approx(np.array(costs) / costs[0], rel=1e-12)


def test_the_closing_record_holds_the_final_wipers_alone(task: Regression) -> None:
    board = labnet.open_board("sim://twin16")
    run = trained(board, task, steps=STEPS)
    assert run["wipers"][-1].tolist() == board.wipers().tolist()
    for field, missing in (("directions", -1), ("enabled", -1), ("v_free", np.nan), ("v_clamped", np.nan)):
        assert np.array_equal(run[field][-1], np.full_like(run[field][-1], missing), equal_nan=True)


# Time -----------------------------------------------------------------------------------------------------------


def test_steps_start_a_period_apart_on_the_board_s_clock(task: Regression) -> None:
    board = labnet.open_board("sim://twin16")
    board.wait(0.7)
    run = trained(board, task, steps=STEPS, period_s=PERIOD_S, measure=())
    assert np.diff(run.times_s[:STEPS]) == pytest.approx(PERIOD_S, abs=2e-9)
    assert 0.7 <= run.times_s[0] <= 0.7 + PERIOD_S


def test_steps_start_a_period_apart_whether_measured_before_or_not(task: Regression) -> None:
    run = trained("sim://twin16", task, steps=STEPS, period_s=PERIOD_S, measure=7)
    assert run.times_s[:STEPS] == pytest.approx(run.times_s[0] + np.arange(STEPS) * PERIOD_S, abs=2e-9)


def test_the_default_period_just_holds_a_step_and_a_measurement(task: Regression) -> None:
    plan = labnet.Plan(task=task, steps=1, settle_s=1e-3)
    assert plan.step_period_s == pytest.approx(1e-3 * (2 + 5 + 4))
    batch = Continuous(gamma=1e-3, batch=0.5)
    assert labnet.Plan(task=task, steps=1, rule=batch).step_period_s == pytest.approx(1e-3 * (10 + 5 + 4))
    run = trained("sim://twin16", task, steps=STEPS, measure=())
    assert np.diff(run.times_s[:STEPS]) == pytest.approx(plan.step_period_s, abs=2e-9)


@pytest.mark.parametrize("rule", [None, Continuous(gamma=1e-3, batch=1.0)])
@pytest.mark.parametrize("settle_s", [0.0, 1e-9, 1e-6, 1 / 30000])
def test_a_measurement_at_every_step_fits_the_default_period(
    task: Regression, settle_s: float, rule: Continuous | None
) -> None:
    settings = {} if rule is None else {"rule": rule}
    run = trained("sim://twin16", task, steps=STEPS, settle_s=settle_s, measure=1, **settings)
    assert len(run.times_s) == STEPS + 1


@pytest.mark.parametrize("settle_s", [1 / 60000, 2e-6 / 3, 1.6e-9])
def test_the_default_period_holds_times_that_are_no_whole_nanoseconds(task: Regression, settle_s: float) -> None:
    trained("sim://twin16", task, steps=STEPS, settle_s=settle_s, measure=1)


def test_a_step_without_time_to_settle_learns_from_unsettled_voltages() -> None:
    task = Allostery.sample(networks.twin16(), seed=1)
    settled, early = (
        trained("sim://twin16?preset=lab&seed=1", task, steps=30, settle_s=settle_s) for settle_s in (1e-3, 3e-7)
    )
    assert not np.allclose(settled["v_free"][0], early["v_free"][0], atol=0.05)
    assert not np.array_equal(settled["directions"][0], early["directions"][0])
