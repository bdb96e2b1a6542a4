"""What advice says of simulated boards, and whether trainings do that."""

import numpy as np
import pytest

import labnet
from labnet import bench, calibration
from labnet.advice import HELPS, Advice, Bench, Sigma, advise, factor_for
from labnet.board import Board
from labnet.draws import Stream, draw, uniform
from labnet.errors import NotCalibrated, NotSupported, OutOfRange
from labnet.tasks import Allostery, Regression, Task
from labnet.wrapped import WrappedBoard

IDEAL = "sim://twin16?preset=ideal"


def sampled(board: Board, kind: type[Allostery | Regression], count: int) -> dict[int, Task]:
    return {seed: kind.sample(board.network, seed=seed) for seed in range(count)}


def advice(address: str, start: float, kind: type[Allostery | Regression] = Allostery, count: int = 3) -> Advice:
    with labnet.open_board(address) as board:
        return advise(Bench.of(board), sampled(board, kind, count), start=start)


def typical(found: Advice, p: float) -> float:
    return float(np.median(found.outlooks[found.planned._replace(p=p)].scaled))


def test_at_a_large_sigma_p_does_not_matter() -> None:
    found = advice("sim://twin16?preset=lab", start=64)
    assert (found.regime, found.helps, found.best.p, found.best.start) == ("bias", False, 1.0, "64")
    assert found.share == pytest.approx(0.05 / 5.0)
    assert typical(found, 0.1) == pytest.approx(typical(found, 1.0), rel=0.2)
    assert typical(found, 1.0) == pytest.approx(np.median(found.floor), rel=0.2)


def test_at_a_small_sigma_low_wipers_lock() -> None:
    found = advice(f"{IDEAL}&sigma_max_v=0.001", start=4)
    assert (found.regime, found.helps) == ("locked", True)
    assert found.locked.all()
    assert found.gain.median > 20
    assert found.best.start != "4" or found.best.p < 1.0
    assert np.median(found.outlooks[found.best].scaled) < typical(found, 1.0) / 20


def test_several_examples_are_held_by_p_1_where_lambda_is_large() -> None:
    found = advice(f"{IDEAL}&sigma_max_v=0.0002", start=3, kind=Regression, count=2)
    assert (found.regime, found.helps) == ("locked", True)


def test_without_a_bias_steps_set_the_error() -> None:
    found = advice(IDEAL, start=64)
    assert (found.regime, found.share, found.best.start) == ("no bias", 0.0, "120")
    assert typical(found, 0.1) < typical(found, 1.0)
    with labnet.open_board(IDEAL) as board, pytest.raises(NotSupported, match="no comparator"):
        factor_for(Bench.of(board), sampled(board, Allostery, 1), 64, 0.01)


def test_offsets_of_both_signs_speak_for_p_1() -> None:
    found = advice(f"{IDEAL}&comparator=pair", start=64)
    assert (found.regime, found.helps, found.best.p) == ("offsets", False, 1.0)
    assert typical(found, 0.3) > HELPS * typical(found, 1.0)


def test_trainings_of_other_tasks_do_what_was_said() -> None:
    """p = 1 is locked at low wipers, and p < 1 escapes: eight tasks that the advice has not seen."""
    address = f"{IDEAL}&sigma_max_v=0.003"
    found = advice(address, start=6)
    settings = {"board": address, "steps_p": 1500, "start": 6, "task": {"kind": "allostery"}}
    points = {"task.seed, board.seed": range(1000, 1008), "clock.p": [0.3, 1.0]}
    frame = labnet.sweep(labnet.Experiment(**settings), points, progress=False).frame("error")
    late = frame[frame["step"] * frame["clock.p"] > 700].groupby("clock.p")["scaled_error"].median()
    for p in (0.3, 1.0):
        assert 1 / 3 < late[p] / typical(found, p) < 3
    assert found.helps
    assert late[1.0] > 5 * late[0.3]


def test_a_wanted_floor_is_met_by_a_factor_on_sigma() -> None:
    with labnet.open_board(f"{IDEAL}&sigma_max_v=0.05") as board:
        described, tasks = Bench.of(board), sampled(board, Allostery, 2)
        factor = factor_for(described, tasks, 64, 0.001)
        scaled = Bench(described.network, described.sigma.times(factor), described.pot)
        floor = np.median(advise(scaled, tasks, start=64).floor)
        assert floor == pytest.approx(0.001, rel=0.15)
        with pytest.raises(OutOfRange, match="between 0 and 1"):
            factor_for(described, tasks, 64, 2.0)


def test_a_calibration_says_what_each_edge_has() -> None:
    with labnet.open_board("sim://twin16?preset=lab&sigma=frozen&seed=5") as board:
        nominal = Bench.of(board).sigma
        found = calibration.calibrate(board, bench.meter(board), only=["converters", "comparators"])
        measured = Bench.of(calibration.applied(board, found)).sigma
    true = 0.05 * uniform(draw(5, Stream.SIGMA, 0, np.arange(16)))
    assert "nominal" in nominal.origin
    assert nominal.drawn
    assert "measured" in measured.origin
    assert not measured.drawn
    np.testing.assert_allclose(measured.most_v, true, atol=3e-4)
    task = Allostery.sample(labnet.networks.twin16(), seed=1)
    edges = measured.bias(np.ones((1, 16)), seed=0), nominal.bias(np.ones((1, 16)), seed=5)
    np.testing.assert_allclose(edges[0].high_v, edges[1].high_v, atol=3e-4)
    assert len(task.train) == 1


def test_noise_of_a_pair_is_said_to_be_left_out() -> None:
    for noise_v, said in ((0.0, False), (0.01, True)):
        with labnet.open_board(f"{IDEAL}&comparator=pair&noise_v={noise_v}") as board:
            assert ("noise left out" in Bench.of(board).sigma.origin) == said


def test_offsets_add_to_sigma_where_the_drop_is_positive() -> None:
    zero = np.zeros(2)
    pairs = Sigma(zero, zero, np.array([3e-3, 1e-3]), drawn=False, origin="")
    assert pairs.signed
    np.testing.assert_allclose(pairs.bias(np.array([[1.0, -2.0]]), seed=0).high_v, [[3e-3, -1e-3]])


def test_what_is_not_known_is_refused() -> None:
    with labnet.open_board("sim://twin16?preset=lab") as board:
        silent = WrappedBoard(board)
        silent.info = board.info.__class__(**{**vars(board.info), "parts": {}})
        with pytest.raises(NotCalibrated, match="labnet calibrate"):
            Bench.of(silent)
        assert Bench.of(silent, 0.01).sigma.most_v.max() == 0.01
        with pytest.raises(OutOfRange, match="-1"):
            Bench.of(silent, -1.0)
    with labnet.open_board("sim://twin16?edges=diode") as diodes, pytest.raises(NotSupported, match="Diode"):
        Bench.of(diodes)
