"""The verbs of the twin board on its real firmware; a simulated board with codes takes the same tests."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest
from wires import Plug, Serve, Socket

import labnet
from labnet.errors import BoardClosed, DeviceError, LinkError, NotDrivable, NotSupported, OutOfRange, StateLost
from labnet_drivers import Link, TwinBoard
from labnet_drivers.link import HOST_LOST

GIVEN = {0: 5.0, 8: 0.0}
STEP_V = 5 / 65535


@pytest.fixture(params=["sim://twin16?seed=1&converters=board", "firmware://twin16?seed=1"])
def any_board(request: pytest.FixtureRequest) -> Iterator[labnet.Board]:
    with labnet.open_board(request.param) as opened:
        yield opened


# Verbs ----------------------------------------------------------------------------------------------------------------


def test_it_is_a_board(any_board: labnet.Board) -> None:
    assert isinstance(any_board, labnet.Board)


def test_the_network_is_told_by_the_board(board: TwinBoard) -> None:
    ours = labnet.networks.twin16()
    assert board.network == ours
    assert board.network.name == "twin16"
    assert np.array_equal(board.network.layout, ours.layout)
    assert board.network.r_ref_ohm == ours.r_ref_ohm


def test_info_is_told_by_the_board(board: TwinBoard) -> None:
    with labnet.open_board("sim://twin16?seed=1&converters=board") as simulated:
        for name in ("source", "reading", "wiper_positions", "wiper_ohm", "end_to_end_ohm", "drivable"):
            assert getattr(board.info, name) == getattr(simulated.info, name)
    assert board.info.model == "TWIN16"
    assert board.info.serial == board.serial_number
    assert board.info.version.startswith("1.")
    assert board.info.resistance_range_ohm is None
    assert not board.info.snapshots
    assert board.info.plans == {"discrete"}
    assert board.info.tick_s == 1e-6


def test_held_nodes_have_their_voltage_and_floating_ones_lie_between(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    volts = any_board.read("free")
    assert volts.shape == (9,)
    assert volts[[0, 8]].tolist() == [5.0, 0.0]
    assert volts[4] == pytest.approx(2.5, abs=STEP_V)
    volts[:] = -1.0
    assert any_board.read("free")[0] == 5.0, "a reading is the user's own array"


def test_what_was_read_can_be_held_again_exactly(any_board: labnet.Board) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        volts = any_board.info.source.volts(rng.integers(0, 65536, 9))
        any_board.drive("clamped", dict(enumerate(volts.tolist())))
        assert np.array_equal(any_board.read("clamped"), volts)


def test_driving_again_lets_all_other_nodes_float(any_board: labnet.Board) -> None:
    any_board.drive("free", {**GIVEN, 4: 1.0})
    assert any_board.read("free")[4] == pytest.approx(1.0, abs=STEP_V)
    any_board.drive("free", GIVEN)
    assert any_board.read("free")[4] == pytest.approx(2.5, abs=STEP_V)


def test_the_sides_are_separate_but_a_node_has_one_source(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", {2: 1.0})
    assert any_board.read("clamped") == pytest.approx(np.ones(9), abs=STEP_V)
    assert any_board.read("free")[4] == pytest.approx(2.5, abs=STEP_V)
    any_board.drive("clamped", {0: 4.0})
    assert any_board.read("free")[0] == pytest.approx(4.0, abs=STEP_V)


@pytest.mark.parametrize("node", [-1, 9, 0.0, "0"])
def test_an_unknown_node_cannot_be_held(any_board: labnet.Board, node: int) -> None:
    with pytest.raises(NotDrivable, match="allowed: 0 to 8"):
        any_board.drive("free", {node: 1.0})


@pytest.mark.parametrize("volts", [float("nan"), -0.001, 5.001, float("inf"), "5"])
def test_a_voltage_the_source_cannot_give_is_refused_and_changes_nothing(any_board: labnet.Board, volts: float) -> None:
    any_board.drive("free", GIVEN)
    before = any_board.read("free")
    with pytest.raises(OutOfRange, match="allowed: 0 to 5 V"):
        any_board.drive("free", {0: 1.0, 8: volts})
    assert np.array_equal(any_board.read("free"), before)


def test_an_unknown_side_is_refused(any_board: labnet.Board) -> None:
    with pytest.raises(OutOfRange, match="'free' or 'clamped'"):
        any_board.drive("left", GIVEN)  # type: ignore[arg-type]
    with pytest.raises(OutOfRange, match="'free' or 'clamped'"):
        any_board.read("left")  # type: ignore[arg-type]


def test_only_waiting_lets_the_clock_run(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", GIVEN)
    any_board.read("free")
    any_board.trigger()
    start_s = any_board.time_s
    any_board.wait(0.25)
    any_board.wait(0.0)
    any_board.wait(3e-6)
    assert any_board.time_s - start_s == pytest.approx(0.250003, rel=1e-12)


def test_waits_are_rounded_up_to_ticks_and_may_be_long(board: TwinBoard) -> None:
    board.wait(1e-9)
    assert board.time_s == 1000 * 1e-9
    board.wait(3e6)
    board.wait(1.5)
    assert board.time_s == 3000001500001000 * 1e-9


@pytest.mark.parametrize("seconds", [2**23, 8.5e6, 3e7, 1e8 - 1])
def test_rounding_of_long_times_makes_no_tick_more(board: TwinBoard, seconds: float) -> None:
    with labnet.open_board("sim://twin16?seed=1&converters=board") as simulated:
        waited = [0.0, 0.0]
        for ticks in range(1, 20):
            for k, each in enumerate((board, simulated)):
                start_s = each.time_s
                each.wait(seconds / 20 + ticks * 1e-6)
                waited[k] = each.time_s - start_s
            assert waited[0] == pytest.approx(waited[1], abs=1e-7)


@pytest.mark.parametrize("seconds", [-1e-9, 1e300, float("nan"), float("inf")])
def test_time_does_not_run_backwards(any_board: labnet.Board, seconds: float) -> None:
    with pytest.raises(OutOfRange, match="allowed: 0 to"):
        any_board.wait(seconds)


@pytest.mark.parametrize("bias", [-0.01, 1.01, float("nan")])
def test_bias_and_probability_run_from_0_to_1(any_board: labnet.Board, bias: float) -> None:
    any_board.set_update_probability(0.25)
    with pytest.raises(OutOfRange, match="allowed: 0 to 1"):
        any_board.bias_v = bias
    with pytest.raises(OutOfRange, match="allowed: 0 to 1"):
        any_board.set_update_probability(bias)
    assert any_board.bias_v == 0.25


def test_the_bias_is_what_its_source_can_give(any_board: labnet.Board) -> None:
    any_board.set_update_probability(0.3)
    assert any_board.bias_v == round(0.3 * 32768) / 32768
    with pytest.raises(OutOfRange, match="0, or"):
        any_board.set_update_probability(1e-6)


def test_looking_latches_nothing(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", {**GIVEN, 4: 4.0})
    any_board.bias_v = 0.5
    looks = [(any_board.directions(), any_board.enabled()) for _ in range(3)]
    update = any_board.trigger()
    assert update.directions.dtype == np.int8
    assert update.enabled.dtype == np.bool_
    for directions, enabled in looks:
        assert np.array_equal(directions, update.directions)
        assert np.array_equal(enabled, update.enabled)


def test_a_trigger_steps_enabled_wipers_by_one_in_the_latched_direction(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", {**GIVEN, 4: 4.0})
    any_board.bias_v = 0.5
    seen = set()
    for _ in range(5):
        before = any_board.wipers()
        update = any_board.trigger()
        seen |= set(zip(update.directions.tolist(), update.enabled.tolist(), strict=True))
        assert np.array_equal(any_board.wipers(), before + update.directions * update.enabled)
    assert seen == {(1, True), (1, False), (-1, True), (-1, False)}


@pytest.mark.parametrize(("start", "end"), [(125, 127), (2, 0)])
def test_wipers_stop_at_both_ends(any_board: labnet.Board, start: int, end: int) -> None:
    any_board.set_wipers(start)
    any_board.drive("free", {0: 1.0, 8: 0.0})
    any_board.drive("clamped", {0: 1.0, 8: 0.0})
    any_board.bias_v = 1.0
    for _ in range(5):
        any_board.drive("clamped", {node: 5.0 * (end > 0 and node % 2 == 0) for node in range(9)})
        update = any_board.trigger()
    wipers = any_board.wipers()
    assert set(wipers[update.directions == (1 if end else -1)].tolist()) == {end}


def test_a_latch_only_trigger_moves_nothing_but_counts(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", {**GIVEN, 4: 4.0})
    any_board.bias_v = 0.5
    looked = any_board.enabled()
    assert np.array_equal(any_board.trigger(step_wipers=False).enabled, looked)
    assert any_board.wipers().tolist() == [64] * 16
    assert not np.array_equal(any_board.enabled(), looked)


@pytest.mark.parametrize("wipers", [-1, 128, 3.5, float("nan"), [1, 2, 3], np.full(16, 128)])
def test_wiper_positions_are_whole_and_on_the_track(any_board: labnet.Board, wipers: object) -> None:
    with pytest.raises(OutOfRange, match="allowed"):
        any_board.set_wipers(wipers)  # type: ignore[arg-type]
    assert any_board.wipers().tolist() == [64] * 16


def test_wipers_are_set_one_by_one_or_all_at_once(any_board: labnet.Board) -> None:
    any_board.set_wipers(np.arange(16))
    assert any_board.wipers().tolist() == list(range(16))
    any_board.set_wipers(5)
    assert any_board.wipers().tolist() == [5] * 16


def test_the_safe_state_is_0_v_everywhere_and_no_edge_steps(any_board: labnet.Board) -> None:
    any_board.drive("free", GIVEN)
    any_board.drive("clamped", {**GIVEN, 4: 4.0})
    any_board.bias_v = 1.0
    any_board.safe()
    assert any_board.bias_v == 0.0
    assert any_board.read("free").tolist() == any_board.read("clamped").tolist() == [0.0] * 9
    assert not any_board.trigger().enabled.any()
    assert any_board.wipers().tolist() == [64] * 16


VERBS: dict[str, Callable[[TwinBoard], object]] = {
    "drive": lambda board: board.drive("free", GIVEN),
    "read": lambda board: board.read("free"),
    "wait": lambda board: board.wait(0.0),
    "time_s": lambda board: board.time_s,
    "bias_v": lambda board: setattr(board, "bias_v", 0.5),
    "set_update_probability": lambda board: board.set_update_probability(0.5),
    "directions": lambda board: board.directions(),
    "enabled": lambda board: board.enabled(),
    "trigger": lambda board: board.trigger(),
    "self_trigger": lambda board: board.self_trigger(1.0),
    "wipers": lambda board: board.wipers(),
    "set_wipers": lambda board: board.set_wipers(1),
    "set_resistances": lambda board: board.set_resistances(100.0),
    "snapshot": lambda board: board.snapshot(),
    "restore": lambda board: board.restore({}),
    "train_many": lambda board: board.train_many([]),
    "scpi": lambda board: board.scpi("*IDN?"),
    "reconnect": lambda board: board.reconnect(),
    "boot": lambda board: board.boot,
}


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_of_a_closed_board_says_so(board: TwinBoard, verb: str) -> None:
    board.close()
    with pytest.raises(BoardClosed, match="open it again"):
        VERBS[verb](board)


def test_closing_twice_or_making_a_closed_board_safe_does_no_harm(board: TwinBoard) -> None:
    board.close()
    board.close()
    board.safe()


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("set_resistances", "wipers only"),
        ("snapshot", "resumes from its wipers"),
        ("restore", "resumes from its wipers"),
        ("train_many", "one plan at a time"),
        ("self_trigger", "use trigger"),
    ],
)
def test_what_the_board_cannot_do_it_says(board: TwinBoard, verb: str, said: str) -> None:
    with pytest.raises(NotSupported, match=said):
        VERBS[verb](board)


# Of this board alone --------------------------------------------------------------------------------------------------


def test_the_board_can_be_talked_to(board: TwinBoard) -> None:
    assert isinstance(board, labnet.board.SpeaksScpi)
    board.scpi("SOUR:BIAS 0.5")
    assert board.scpi("BOAR:NOD?;:SOUR:BIAS?") == "9;0.5"
    board.scpi("FORM ASC")
    assert board.read("free").shape == (9,), "what is typed does not come between the verbs"
    with pytest.raises(DeviceError, match="Undefined header"):
        board.scpi("NO:SUCH?")


def test_reset_homes_wipers_and_forgets_settings(board: TwinBoard) -> None:
    board.set_wipers(3)
    board.home_wipers()
    assert board.wipers().tolist() == [3] * 16
    board.sequencer.repeats = 2
    board.sequencer.only_wrong_v = 0.5
    assert board.sequencer.beyond() == ["repeats", "only_wrong_v"]
    board.reset()
    assert board.sequencer.beyond() == []
    assert board.wipers().tolist() == [64] * 16
    assert board.self_test() == 0


def test_calibration_constants_and_serial_number_are_kept_without_power() -> None:
    """In the store of the board's own chip; the simulated board's ends with its process."""
    with labnet.open_board("firmware://twin16") as board:
        assert isinstance(board, TwinBoard)
        assert board.calibration_constants().tolist() == [0.0] * board.calibration_count
        board.set_calibration_constant(3, -1.5)
        board.calibration_date = "2026-01-31"
        assert board.self_test() == 256, "not kept yet"
        board.save_calibration()
        assert board.self_test() == 0
        assert board.calibration_constants()[3] == -1.5
        assert board.calibration_date == "2026-01-31"
        board.serial_number = "bench 7"
        assert board.scpi("*IDN?") == "LABNET,TWIN16,bench 7,1.0"


def test_the_watchdog_is_armed_while_edges_can_step(board: TwinBoard) -> None:
    assert board.scpi("SYST:WATC?") == "0"
    board.set_update_probability(0.5)
    assert board.scpi("SYST:WATC?") == "10"
    board.watchdog_s = 3.0
    assert board.scpi("SYST:WATC?") == "3"
    board.wait(100.0)
    assert board.bias_v == 0.5, "a host that waits is not silent"
    with pytest.raises(OutOfRange, match="allowed: 0 to"):
        board.watchdog_s = -1.0
    board.safe()
    assert board.scpi("SYST:WATC?") == "0"


def test_a_host_that_is_silent_for_longer_than_the_watchdog_finds_the_board_safe(board: TwinBoard) -> None:
    board.bias_v = 0.5
    board.scpi("SYST:WAIT 9.9")
    assert board.bias_v == 0.5
    board.scpi("SYST:WAIT 9.9")
    assert board.bias_v == 0.5, "it heard from us in between"
    board.scpi("SYST:WAIT 10")
    assert board.bias_v == 0.0
    assert board.questionable & HOST_LOST


def test_a_board_goes_on_at_another_time_and_count(board: TwinBoard) -> None:
    board.trigger()
    board.bias_v = 0.5
    board.go_on(1234.5, 67)
    assert (board.time_s, board.trigger_count) == (1234.5, 67)
    board.trigger()
    assert board.trigger_count == 68
    board.go_on(2.0, 5)  # that is past
    assert 1234.5 < board.time_s < 1235
    assert board.trigger_count == 5
    assert board.bias_v == 0.5, "what passed was no silence"


def test_a_board_that_made_itself_safe_says_so_once(served: Serve) -> None:
    """A board whose host is gone counts time on; meanwhile somebody else looks when it is safe."""
    address = served()
    plug = Plug(lambda: Socket(address))
    with TwinBoard(Link(plug.open, address)) as board:
        board.bias_v = 0.5
        plug.pull()
        while not int(ask(address, "STAT:QUES:COND?")) & 2048:
            pass
        board.reconnect()
        with pytest.raises(StateLost, match="made itself safe"):
            board.trigger()
        assert board.bias_v == 0.0


def ask(address: str, question: str) -> str:
    """Ask as a program without a driver does, when the board has noticed that the one before is gone."""
    while True:
        port, heard = Socket(address), b""
        with suppress(LinkError):
            port.write(b"SYST:LINK:CHEC OFF\n%s\n" % question.encode())
            while not heard.endswith(b"\n"):
                heard += port.read(5.0)
        port.close()
        if heard:
            return heard.decode()
