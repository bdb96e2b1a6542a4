"""A board that is corrected by its calibration, and runs on it."""

import numpy as np
import pytest

import labnet
from labnet.calibration import Calibration, applied
from labnet.errors import NotCalibrated, NotSupported, OutOfRange, RunMismatch


def part(found, *kinds):
    """Give a calibration of some kinds of part alone."""
    rest = {name: None for name in ("converters", "gate", "pots", "comparators", "settling") if name not in kinds}
    return Calibration(**{**found.to_dict(), **rest})


def task_of(board):
    return labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=1)


def test_sources_give_what_they_are_asked_for_and_readings_are_true(lab, of_lab):
    board = applied(lab, of_lab)
    volts = {node: 0.3 + 0.5 * node for node in range(9)}
    for used, most_v in ((board, 0.15e-3), (lab, np.inf)):
        used.drive("free", volts)
        used.drive("clamped", volts)
        used.wait(1e-3)
        true = lab.voltages.at("free", round(lab.time_s * 1e9))
        assert np.abs(true - [*volts.values()]).max() < most_v
    assert np.abs(true - [*volts.values()]).max() > 0.5e-3  # without the calibration
    for side in ("free", "clamped"):
        read = np.mean([board.read(side) for _ in range(16)], axis=0)
        np.testing.assert_allclose(read, true, atol=0.15e-3)
        assert np.abs(lab.read(side) - true).max() > 0.3e-3


def test_gates_follow_p(lab, of_lab):
    board = applied(lab, of_lab)
    with pytest.raises(NotCalibrated, match="labnet calibrate"):
        lab.set_update_probability(0.3)
    for p in (0.0, 0.1, 0.3, 0.9, 1.0):
        board.set_update_probability(p)
        np.testing.assert_allclose(lab.gates.share(lab.bias_v).mean(), p, atol=0.01)
    with pytest.raises(OutOfRange):
        board.set_update_probability(1.1)


def test_resistances_at_any_wipers_come_with_errors(lab, of_lab):
    board = applied(lab, of_lab)
    lab.set_wipers((37 * np.arange(16)) % 128)
    for side in ("free", "clamped"):
        estimate, true = board.resistances(side), lab.resistances(side)
        z = (estimate.value - true) / estimate.std
        assert np.abs(z).max() < 4
        assert (estimate.std < 0.6 * 10e3 / 128).all()
    with pytest.raises(NotCalibrated):
        applied(lab, part(of_lab, "gate")).resistances("free")


def test_the_board_runs_plans_by_itself_where_no_voltage_is_corrected(lab, of_lab):
    settings = {"steps": 40, "clock": labnet.GlobalClock(p=0.5), "eta": 1.0, "settle_s": 1e-4, "progress": False}
    task = task_of(lab)
    alone = applied(lab, part(of_lab, "gate"))
    assert alone.info.plans == lab.info.plans
    with labnet.train(alone, task, **settings) as run:
        assert run.calibration.gate is not None
        assert 0.4 < run.array("enabled")[:-1].mean() < 0.6
    corrected = applied(lab, of_lab)
    assert not corrected.info.plans
    before = lab.snapshot()
    with pytest.raises(NotSupported, match="host"):
        corrected.train(labnet.Plan(task=task, steps=3))
    for key, value in lab.snapshot().items():
        np.testing.assert_array_equal(value, before[key])


def test_runs_hold_the_calibration_and_have_error_bars(lab, of_lab, tmp_path):
    settings = {"steps": 30, "clock": labnet.GlobalClock(p=0.5), "eta": 1.0, "settle_s": 1e-4, "progress": False}
    with labnet.train(applied(lab, of_lab), task_of(lab), path=tmp_path / "a.sqlite", **settings) as run:
        assert run.calibration.to_dict() == of_lab.to_dict()
        frame, rms = run.frame("error"), run.frame("error", rms=True)
    assert (frame["cost_std_v2"] > 0).all()
    assert (frame["cost_std_v2"] < 0.1 * frame["cost_v2"] + 1e-6).all()
    np.testing.assert_allclose(rms["scaled_error_std"] * 2 * rms["scaled_error"], frame["scaled_error_std"])
    with pytest.raises(RunMismatch, match="another calibration"):
        labnet.train(
            applied(lab, part(of_lab, "gate")), task_of(lab), path=tmp_path / "a.sqlite", resume=True, **settings
        )
    with labnet.train(
        applied(lab, of_lab), task_of(lab), path=tmp_path / "a.sqlite", resume=True, **settings
    ) as resumed:
        assert resumed.frame("error").equals(frame)


def test_without_a_calibration_there_are_no_error_bars():
    with labnet.open_board("sim://twin16?preset=lab&seed=2") as board:
        run = labnet.train(board, task_of(board), steps=5, progress=False)
    assert run.calibration is None
    assert run.frame("error")[["cost_std_v2", "scaled_error_std"]].isna().all(axis=None)


def test_what_an_error_may_be_off_by_covers_what_it_is_off_by(lab, of_lab):
    """The cost as read through a calibration against the cost of the true voltages, at many wipers."""
    board, task = applied(lab, of_lab), task_of(lab)
    (inputs,), (targets,) = task.train.inputs, task.train.targets
    z = []
    for k in range(40):
        lab.set_wipers((k * 29 + 37 * np.arange(16)) % 128)
        board.drive("free", task.held(inputs))
        board.wait(1e-3)
        read, true = board.read("free"), lab.voltages.at("free", round(lab.time_s * 1e9))
        costs = [np.mean((volts[list(task.outputs)] - targets) ** 2) for volts in (read, true)]
        std = of_lab.converters.cost_std_v2(task.outputs, task.train.targets, np.array(costs[0]))
        z.append((costs[0] - costs[1]) / std)
    assert np.mean(np.abs(z) < 1.96) > 0.93
    assert np.std(z) > 0.1  # not by being far too wide
