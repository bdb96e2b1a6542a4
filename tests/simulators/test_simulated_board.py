from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from star import hold_drops, star_board

import labnet
from labnet import networks
from labnet.errors import BoardClosed, FloatingNode, NotDrivable, NotSupported, OutOfRange
from labnet_simulators import PRESETS, Leakage, Parts, Settling, SimulatedBoard

TAU_S = 1e-3
GIVEN = {0: 5.0, 8: 0.0}


@pytest.fixture
def ideal() -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), seed=1)


@pytest.fixture
def lab() -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), PRESETS["lab"], seed=1)


@pytest.fixture
def slow() -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), Parts(settling=Settling(TAU_S), leakage=Leakage(1e12)))


def kirchhoff_currents(board: SimulatedBoard, volts: np.ndarray) -> np.ndarray:
    """What flows out of every node into the edges."""
    out = np.zeros(board.network.node_count)
    for (a, b), r in zip(board.network.edges.tolist(), board.resistances("free").tolist(), strict=True):
        out[a] += (volts[a] - volts[b]) / r
        out[b] += (volts[b] - volts[a]) / r
    return out


# Drive and read -------------------------------------------------------------------------------------------------


def test_a_simulated_board_is_a_board(ideal: SimulatedBoard, lab: SimulatedBoard) -> None:
    assert isinstance(ideal, labnet.Board)
    assert isinstance(lab, labnet.Board)


def test_held_nodes_have_their_voltage_and_floating_ones_obey_kirchhoff(ideal: SimulatedBoard) -> None:
    ideal.set_wipers(np.arange(16) * 8)
    ideal.drive("free", GIVEN)
    volts = ideal.read("free")
    assert volts[[0, 8]].tolist() == [5.0, 0.0]
    assert kirchhoff_currents(ideal, volts)[1:8] == pytest.approx(0.0, abs=1e-15)


def test_driving_again_lets_all_other_nodes_float(ideal: SimulatedBoard) -> None:
    ideal.drive("free", {0: 5.0, 4: 1.0, 8: 0.0})
    assert ideal.read("free")[4] == 1.0
    ideal.drive("free", GIVEN)
    assert ideal.read("free")[4] == pytest.approx(2.5)


def test_the_sides_are_separate_networks(ideal: SimulatedBoard) -> None:
    ideal.drive("free", GIVEN)
    ideal.drive("clamped", {4: 1.0})
    assert ideal.read("clamped") == pytest.approx(np.ones(9))
    assert ideal.read("free")[4] == pytest.approx(2.5)


def test_one_side_can_be_read_while_nothing_is_held_on_the_other(ideal: SimulatedBoard) -> None:
    ideal.drive("clamped", GIVEN)
    assert ideal.read("clamped")[4] == pytest.approx(2.5)


def test_a_reading_is_the_user_s_own_array(ideal: SimulatedBoard) -> None:
    ideal.drive("free", GIVEN)
    first = ideal.read("free")
    first[:] = -1.0
    ideal.wipers()[:] = 0
    assert ideal.read("free")[0] == 5.0
    assert ideal.wipers().tolist() == [64] * 16


@pytest.mark.parametrize("made_by", ["wipers", "set", "restored"])
def test_the_truth_about_resistances_cannot_be_written_to(ideal: SimulatedBoard, made_by: str) -> None:
    if made_by != "wipers":
        ideal.set_resistances(5040.0)
    if made_by == "restored":
        ideal.restore(ideal.snapshot())
    with suppress(ValueError):  # read-only will do, and so will a copy
        ideal.resistances("free")[:] = 1.0
    assert ideal.resistances("free").tolist() == [5040.0] * 16


@pytest.mark.parametrize("node", [-1, 9])
def test_an_unknown_node_cannot_be_held(ideal: SimulatedBoard, node: int) -> None:
    with pytest.raises(NotDrivable, match="allowed: 0 to 8"):
        ideal.drive("free", {node: 1.0})


@pytest.mark.parametrize("volts", [float("nan"), -0.001, 5.001, float("inf")])
def test_a_voltage_the_source_cannot_give_is_refused_and_changes_nothing(ideal: SimulatedBoard, volts: float) -> None:
    ideal.drive("free", GIVEN)
    before = ideal.read("free")
    with pytest.raises(OutOfRange, match="allowed: 0 to 5 V"):
        ideal.drive("free", {0: 1.0, 8: volts})
    assert np.array_equal(ideal.read("free"), before)


def test_an_unknown_side_is_refused(ideal: SimulatedBoard) -> None:
    with pytest.raises(OutOfRange, match="'free' or 'clamped'"):
        ideal.drive("left", GIVEN)  # type: ignore[arg-type]


def test_with_nothing_held_an_ideal_board_floats_and_a_lab_board_leaks_to_ground(
    ideal: SimulatedBoard, lab: SimulatedBoard
) -> None:
    with pytest.raises(FloatingNode, match=r"nodes \[0, 1"):
        ideal.read("free")
    assert lab.read("free") == pytest.approx(np.zeros(9), abs=2e-3)


# Time and settling ----------------------------------------------------------------------------------------------


def test_only_waiting_lets_the_clock_run(lab: SimulatedBoard) -> None:
    lab.drive("free", GIVEN)
    lab.drive("clamped", GIVEN)
    lab.read("free")
    lab.trigger()
    assert lab.time_s == 0.0
    lab.wait(0.25)
    lab.wait(15e-9)  # times 1e9 a bit less than 15 in floating point
    assert lab.time_s == pytest.approx(0.25 + 15e-9, rel=1e-15)


@pytest.mark.parametrize("seconds", [-1e-9, 1e300, float("nan"), float("inf")])
def test_time_does_not_run_backwards(ideal: SimulatedBoard, seconds: float) -> None:
    with pytest.raises(OutOfRange, match="allowed: 0 to"):
        ideal.wait(seconds)


def test_the_clock_runs_until_a_time_in_whole_nanoseconds(ideal: SimulatedBoard) -> None:
    for time_ns in (7, 7, 3_000_000_000_000_000_001):
        ideal.run_until(time_ns)
        assert int(ideal.snapshot()["counters"][0]) == time_ns
    with pytest.raises(OutOfRange, match="time does not run backwards"):
        ideal.run_until(7)


@pytest.mark.parametrize("side", ["free", "clamped"])
@pytest.mark.parametrize("taus", [0.0, 0.5, 3.0])
def test_a_board_read_too_early_is_off_by_exp_of_minus_t_over_tau(
    slow: SimulatedBoard, ideal: SimulatedBoard, side: labnet.board.Side, taus: float
) -> None:
    ideal.drive("free", GIVEN)
    settled = ideal.read("free")
    slow.drive("free", GIVEN)
    slow.drive(side, GIVEN)
    slow.wait(taus * TAU_S)
    assert slow.read(side)[1:8] == pytest.approx(settled[1:8] * (1 - np.exp(-taus)), rel=1e-6)
    assert slow.read(side)[[0, 8]].tolist() == [5.0, 0.0]


def test_settling_goes_on_from_where_the_last_change_left_it(slow: SimulatedBoard) -> None:
    slow.drive("free", {0: 5.0})
    slow.wait(TAU_S)
    first = 5.0 * (1 - np.exp(-1))
    slow.drive("free", {0: 1.0})
    slow.wait(2 * TAU_S)
    assert slow.read("free")[5] == pytest.approx(1.0 + (first - 1.0) * np.exp(-2), rel=1e-6)


def test_waiting_long_enough_mends_an_early_reading(slow: SimulatedBoard, ideal: SimulatedBoard) -> None:
    for board in (slow, ideal):
        board.drive("free", GIVEN)
        board.wait(50 * TAU_S)
    assert slow.read("free") == pytest.approx(ideal.read("free"), rel=1e-6)


def test_comparators_look_at_voltages_that_have_not_settled() -> None:
    edges = np.array([[0, 1], [1, 2]])
    network = labnet.Network(edges, 3, name="divider")
    board = SimulatedBoard(network, Parts(settling=Settling(TAU_S)))
    board.drive("free", {0: 5.0, 2: 0.0})
    board.drive("clamped", {0: 5.0, 1: 1.0, 2: 0.0})
    assert board.directions().tolist() == [-1, 1]  # node 1 is still at 0 V on the free side
    board.wait(50 * TAU_S)
    assert board.directions().tolist() == [1, -1]


# Bias, comparators, wipers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [-0.01, 1.01, float("nan")])
def test_bias_and_probability_run_from_0_to_1(ideal: SimulatedBoard, bias: float) -> None:
    ideal.set_update_probability(0.25)
    with pytest.raises(OutOfRange, match="allowed: 0 to 1"):
        ideal.bias_v = bias
    with pytest.raises(OutOfRange, match="allowed: 0 to 1"):
        ideal.set_update_probability(bias)
    assert ideal.bias_v == 0.25


def test_looking_latches_nothing(lab: SimulatedBoard) -> None:
    lab.drive("free", GIVEN)
    lab.drive("clamped", GIVEN)
    lab.wait(1e-3)
    lab.bias_v = 0.5
    looks = [(lab.directions(), lab.enabled()) for _ in range(3)]
    update = lab.trigger()
    for directions, enabled in looks:
        assert np.array_equal(directions, update.directions)
        assert np.array_equal(enabled, update.enabled)


def test_a_trigger_steps_enabled_wipers_by_one_in_the_latched_direction() -> None:
    board = star_board(200, seed=2)
    hold_drops(board, 1.0, np.where(np.arange(200) % 3, 1.5, 0.5))
    board.bias_v = 0.5
    for _ in range(5):
        before = board.wipers()
        update = board.trigger()
        assert set(update.directions.tolist()) == {-1, 1}
        assert 50 < update.enabled.sum() < 150
        assert np.array_equal(board.wipers(), before + update.directions * update.enabled)


@pytest.mark.parametrize(("start", "clamped_v", "ends"), [(125, 2.0, [126, 127, 127, 127]), (1, 0.0, [0, 0, 0, 0])])
def test_wipers_stop_at_both_ends(start: int, clamped_v: float, ends: list[int]) -> None:
    board = star_board(1)
    board.set_wipers(start)
    hold_drops(board, 1.0, clamped_v)
    board.bias_v = 1.0
    reached = []
    for _ in ends:
        board.trigger()
        reached.append(int(board.wipers()[0]))
    assert reached == ends


def test_a_latch_only_trigger_moves_nothing_but_counts(ideal: SimulatedBoard) -> None:
    ideal.drive("free", GIVEN)
    ideal.drive("clamped", {**GIVEN, 4: 4.0})
    ideal.bias_v = 0.5
    looked = ideal.enabled()
    assert np.array_equal(ideal.trigger(step_wipers=False).enabled, looked)
    assert ideal.wipers().tolist() == [64] * 16
    assert not np.array_equal(ideal.enabled(), looked)


def test_stepping_changes_the_voltages_of_both_sides(ideal: SimulatedBoard) -> None:
    for side in ("free", "clamped"):
        ideal.drive(side, {0: 5.0, 2: 1.0, 8: 0.0})
    before = ideal.read("free")
    ideal.bias_v = 0.5
    ideal.trigger()
    assert not np.allclose(ideal.read("free"), before)
    assert kirchhoff_currents(ideal, ideal.read("free"))[3:8] == pytest.approx(0.0, abs=1e-15)
    assert np.array_equal(ideal.read("free"), ideal.read("clamped"))


@pytest.mark.parametrize("wipers", [-1, 128, 3.5, float("nan"), [1, 2, 3], np.full(16, 128)])
def test_wiper_positions_are_whole_and_on_the_track(ideal: SimulatedBoard, wipers: object) -> None:
    with pytest.raises(OutOfRange, match="allowed"):
        ideal.set_wipers(wipers)  # type: ignore[arg-type]
    assert ideal.wipers().tolist() == [64] * 16


def test_wipers_are_set_one_by_one_or_all_at_once(ideal: SimulatedBoard) -> None:
    ideal.set_wipers(np.arange(16))
    assert ideal.wipers().tolist() == list(range(16))
    assert ideal.resistances("free") == pytest.approx(40 + np.arange(16) * 78.125)
    ideal.set_wipers(5)
    assert ideal.wipers().tolist() == [5] * 16


# Resistances ----------------------------------------------------------------------------------------------------


def test_set_resistances_take_the_place_of_wipers_until_these_are_set(ideal: SimulatedBoard) -> None:
    ohm = np.linspace(100, 1e5, 16)
    ideal.drive("free", GIVEN)
    ideal.drive("clamped", GIVEN)
    ideal.set_resistances(ohm)
    assert ideal.resistances("free").tolist() == ideal.resistances("clamped").tolist() == ohm.tolist()
    assert ideal.wipers().tolist() == [-1] * 16
    with pytest.raises(NotSupported, match="set_wipers"):
        ideal.trigger()
    assert kirchhoff_currents(ideal, ideal.read("free"))[1:8] == pytest.approx(0.0, abs=1e-14)
    ideal.set_wipers(1)
    assert ideal.resistances("free").tolist() == [118.125] * 16


@pytest.mark.parametrize("ohm", [0.0, 0.99, 1.1e9, float("nan"), float("inf"), -5.0, [100.0, 200.0]])
def test_a_resistance_out_of_range_is_refused(ideal: SimulatedBoard, ohm: float | list[float]) -> None:
    with pytest.raises(OutOfRange, match="allowed"):
        ideal.set_resistances(ohm)
    assert ideal.wipers().tolist() == [64] * 16


def test_a_board_with_wipers_only_says_so(lab: SimulatedBoard) -> None:
    assert lab.info.resistance_range_ohm is None
    with pytest.raises(NotSupported, match="wipers only"):
        lab.set_resistances(1000.0)


# The end --------------------------------------------------------------------------------------------------------


def test_the_safe_state_is_0_v_everywhere_and_no_edge_steps(ideal: SimulatedBoard) -> None:
    ideal.drive("free", GIVEN)
    ideal.drive("clamped", {**GIVEN, 4: 4.0})
    ideal.bias_v = 1.0
    ideal.safe()
    assert ideal.bias_v == 0.0
    for side in ("free", "clamped"):
        assert ideal.read(side).tolist() == [0.0] * 9
    assert not ideal.trigger().enabled.any()
    assert ideal.wipers().tolist() == [64] * 16


VERBS: dict[str, Callable[[SimulatedBoard], object]] = {
    "drive": lambda board: board.drive("free", GIVEN),
    "read": lambda board: board.read("free"),
    "wait": lambda board: board.wait(0.0),
    "bias_v": lambda board: setattr(board, "bias_v", 0.5),
    "set_update_probability": lambda board: board.set_update_probability(0.5),
    "directions": lambda board: board.directions(),
    "enabled": lambda board: board.enabled(),
    "trigger": lambda board: board.trigger(),
    "set_wipers": lambda board: board.set_wipers(1),
    "set_resistances": lambda board: board.set_resistances(100.0),
    "snapshot": lambda board: board.snapshot(),
    "restore": lambda board: board.restore(SimulatedBoard(board.network).snapshot()),
    "wipers": lambda board: board.wipers(),
}


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_of_a_closed_board_says_so(ideal: SimulatedBoard, verb: str) -> None:
    ideal.close()
    with pytest.raises(BoardClosed, match="open it again"):
        VERBS[verb](ideal)


def test_closing_twice_or_making_a_closed_board_safe_does_no_harm(ideal: SimulatedBoard) -> None:
    ideal.close()
    ideal.close()
    ideal.safe()


class Watched(SimulatedBoard):
    """A simulated board that notes that it was made safe."""

    made_safe = False

    def safe(self) -> None:
        super().safe()
        self.made_safe = True


def test_leaving_the_context_makes_the_board_safe_and_closes_it() -> None:
    with Watched(networks.twin16()) as board:
        assert not board.made_safe
    assert board.made_safe
    with pytest.raises(BoardClosed):
        board.read("free")


def test_leaving_the_context_by_an_error_does_so_too() -> None:
    board = Watched(networks.twin16())
    with pytest.raises(ZeroDivisionError), board:
        _ = 1 / 0
    assert board.made_safe
    with pytest.raises(BoardClosed):
        board.read("free")


def test_what_the_board_cannot_do_it_says(ideal: SimulatedBoard) -> None:
    with pytest.raises(NotSupported, match="trigger"):
        ideal.self_trigger(1.0)
