"""Boards with broken parts: each fault does what it says and nothing else, below the firmware too."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from bits import Bits, bits_of_records, bits_of_run
from numpy.typing import NDArray

import labnet
from labnet import Board, GlobalClock, Plan, circuit
from labnet.board import Side
from labnet.errors import NotSupported, UnknownBoard
from labnet.tasks import Regression
from labnet_simulators import Faults, FaultyBoard, Parts, SimulatedBoard

EDGE, NODE = 3, 4  # edge 3 joins nodes 4 and 5
NETWORK = labnet.networks.twin16()
LSB_V = 5.0 / 65535
WIPERS = np.arange(16) * 8
POWER_UP = 64
SIDES: tuple[Side, Side] = ("free", "clamped")
FREE = {0: 5.0, 8: 0.0}
CLAMPED = {0: 5.0, 8: 0.0, 2: 3.0, 6: 0.5}
FAULTS = [
    f"swapped-comparators@{EDGE}",
    f"stuck-wiper@{EDGE}",
    f"stuck-gate@{EDGE}",
    f"shifted-adc@{NODE}",
    f"dead-dac@{NODE}",
    "slow-settling",
]

Opened = Callable[..., Board]


@pytest.fixture(params=["sim", "firmware"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Open a board of 16-bit codes with a fault, or without; they are closed at the end of the test."""
    with ExitStack() as stack:

        def board(fault: str = "", preset: str = "ideal") -> Board:
            options = f"converters=board&preset={preset}&seed=5" + (f"&fault={fault}" if fault else "")
            return stack.enter_context(labnet.open_board(f"{request.param}://twin16?{options}"))

        yield board


def driven(board: Board) -> Board:
    """Hold nodes on both sides, so that there are drops of both signs everywhere, and let them settle."""
    board.set_wipers(WIPERS)
    board.drive("free", FREE)
    board.drive("clamped", CLAMPED)
    board.wait(1e-3)
    return board


def solved(board: Board, wipers: Any, held: dict[int, float]) -> Any:
    """What Kirchhoff's laws give for nominal resistances, to half a code."""
    return pytest.approx(circuit.node_voltages(NETWORK, board.info.nominal_ohm(wipers), held), abs=0.51 * LSB_V)


def others(values: NDArray[Any], but: int) -> list[Any]:
    return list(np.delete(values, but))


# Each fault -------------------------------------------------------------------------------------------------------


def test_comparators_with_swapped_inputs_send_their_edge_the_wrong_way(opened: Opened) -> None:
    broken, sound = (driven(opened(fault)) for fault in (f"swapped-comparators@{EDGE}", ""))
    for board in (broken, sound):
        board.set_update_probability(1.0)
    latched, right = broken.trigger(), sound.trigger()
    assert others(latched.directions, EDGE) == others(right.directions, EDGE)
    assert latched.directions[EDGE] == -right.directions[EDGE]
    assert latched.enabled.all()
    moved = broken.wipers() - WIPERS
    assert moved[EDGE] == latched.directions[EDGE]
    assert others(moved, EDGE) == others(sound.wipers() - WIPERS, EDGE)


def test_a_look_sees_swapped_comparators_too(opened: Opened) -> None:
    broken, sound = (driven(opened(fault)).directions() for fault in (f"swapped-comparators@{EDGE}", ""))
    assert np.flatnonzero(broken != sound).tolist() == [EDGE]


def test_a_stuck_wiper_stays_where_it_powers_up_and_is_counted_on(opened: Opened) -> None:
    board = driven(opened(f"stuck-wiper@{EDGE}"))
    assert board.wipers().tolist() == WIPERS.tolist()
    stands = WIPERS.copy()
    stands[EDGE] = POWER_UP
    assert board.read("free") == solved(board, stands, FREE)
    assert board.read("clamped") == solved(board, stands, CLAMPED)
    assert board.read("free") != solved(board, WIPERS, FREE), "one would see it"
    board.set_update_probability(1.0)
    stepped = WIPERS + board.trigger().directions
    assert board.wipers().tolist() == np.clip(stepped, 0, 127).tolist()
    board.wait(1e-3)
    stands = np.clip(stepped, 0, 127)
    stands[EDGE] = POWER_UP
    assert board.read("free") == solved(board, stands, FREE)


def test_a_stuck_gate_never_opens(opened: Opened) -> None:
    broken, sound = (driven(opened(fault)) for fault in (f"stuck-gate@{EDGE}", ""))
    broken.set_update_probability(1.0)
    assert np.flatnonzero(~broken.enabled()).tolist() == [EDGE]
    for board in (broken, sound):
        board.set_update_probability(0.5)
    for _ in range(10):
        latched, right = broken.trigger(), sound.trigger(step_wipers=False)
        assert not latched.enabled[EDGE]
        assert others(latched.enabled, EDGE) == others(right.enabled, EDGE)
    assert broken.wipers()[EDGE] == WIPERS[EDGE]
    assert (broken.wipers() != WIPERS).sum() > 10


def test_a_shifted_adc_reads_a_tenth_of_a_volt_too_much_on_both_sides(opened: Opened) -> None:
    broken, sound = (driven(opened(fault)) for fault in (f"shifted-adc@{NODE}", ""))
    for side in SIDES:
        error = broken.read(side) - sound.read(side)
        assert error[NODE] == pytest.approx(0.1, abs=LSB_V)
        assert others(error, NODE) == [0.0] * 8
    assert broken.directions().tolist() == sound.directions().tolist(), "the comparators see the nodes themselves"
    broken.drive("free", {NODE: 5.0})
    broken.wait(1e-3)
    assert broken.read("free").tolist() == [5.0] * 9, "more than its last code it cannot give"


def test_a_dead_dac_gives_nothing_on_both_sides(opened: Opened) -> None:
    board = opened(f"dead-dac@{NODE}")
    board.set_wipers(WIPERS)
    for side in SIDES:
        board.drive(side, FREE | {NODE: 5.0})
        board.wait(1e-3)
        assert board.read(side)[NODE] == 0.0
        assert board.read(side) == solved(board, WIPERS, FREE | {NODE: 0.0})
    board.drive("free", FREE)
    board.wait(1e-3)
    assert board.read("free") == solved(board, WIPERS, FREE), "a node that it does not hold floats"


def test_a_dead_dac_has_no_offset_left_in_the_safe_state() -> None:
    board = labnet.open_board(f"sim://twin16?preset=lab&fault=dead-dac@{NODE}")
    assert isinstance(board, FaultyBoard)
    board.drive("free", FREE | {NODE: 5.0})
    board.safe()
    held = board.voltages.held["free"]
    assert held[NODE] == 0.0
    assert 0.0 < abs(held[0]) < 1.5e-3, "the others have theirs"


def test_slow_settling_takes_a_millisecond_to_come_within_1_over_e(opened: Opened) -> None:
    board = opened("slow-settling")
    board.set_wipers(WIPERS)
    board.drive("free", FREE)
    end = circuit.node_voltages(NETWORK, board.info.nominal_ohm(WIPERS), FREE)
    for passed in (1, 2, 3):
        board.wait(1e-3)
        going = np.where(np.arange(9) == 0, end, end * -np.expm1(-passed))
        assert board.read("free") == pytest.approx(going, abs=0.51 * LSB_V)
    board.wait(40e-3)
    assert board.read("free") == solved(board, WIPERS, FREE)


@pytest.mark.parametrize("fault", FAULTS)
def test_all_else_is_bit_for_bit_as_on_the_same_board_without_the_fault(opened: Opened, fault: str) -> None:
    """Noise, offsets and tolerances of a lab board too, where the broken part has no say."""
    broken, sound = (opened(each, preset="lab") for each in (fault, ""))
    held = {0: 2.0, 1: 1.0, 3: 3.0}  # all that floats hangs on these
    seen = []
    for board in (broken, sound):
        board.set_wipers(POWER_UP)
        board.drive("free", held)
        board.drive("clamped", held | {2: 1.5})
        board.wait(0.1)
        board.set_update_probability(0.5)
        latched = board.trigger(step_wipers=False)
        voltages = [others(board.read(side), NODE) for side in SIDES]
        seen.append((voltages, others(latched.directions, EDGE), others(latched.enabled, EDGE), board.bias_v))
    assert seen[0] == seen[1]


def test_several_parts_may_be_broken_at_once(opened: Opened) -> None:
    broken, sound = (driven(opened(fault)) for fault in ("shifted-adc@4,stuck-gate@0,shifted-adc@7,stuck-gate@15", ""))
    assert np.flatnonzero(broken.read("free") - sound.read("free")).tolist() == [4, 7]
    broken.set_update_probability(1.0)
    assert np.flatnonzero(~broken.enabled()).tolist() == [0, 15]


# Trainings --------------------------------------------------------------------------------------------------------


def plan() -> Plan:
    task = Regression.sample(NETWORK, seed=4, train=4, test=1)
    return Plan(task=task, steps=40, clock=GlobalClock(p=0.5), settle_s=2e-4, seed=9)


def bits(board: Board) -> Bits:
    with board, labnet.run_plan(board, plan(), progress=False) as run:
        return bits_of_run(run)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_training_differs_by_the_fault_and_is_the_same_at_any_pace(fault: str) -> None:
    options = "twin16?preset=lab&seed=5"
    simulated = bits(labnet.open_board(f"sim://{options}&fault={fault}"))
    assert bits(labnet.open_board(f"firmware://{options}&fault={fault}")) == simulated
    assert bits(labnet.open_board(f"sim://{options}")) != simulated


@pytest.mark.parametrize("fault", FAULTS)
def test_compiled_code_never_trains_a_broken_board(fault: str) -> None:
    """It does not model faults; many plans at once are paced by the host, each on a board with the fault."""
    address = f"sim://twin16?preset=ideal&fault={fault}"
    board = labnet.open_board(address)
    assert board.info.plans == frozenset()
    with pytest.raises(NotSupported, match="broken parts, is trained at the host's pace"):
        list(board.train(plan()))
    many = list(board.train_many([plan()]))
    records, errors = ([each for block in many for each in getattr(block, name)] for name in ("records", "errors"))
    assert bits_of_records(NETWORK, records, errors) == bits(labnet.open_board(address))


def test_a_run_keeps_which_parts_were_broken(opened: Opened) -> None:
    board = opened("dead-dac@2,slow-settling")
    parts = board.info.parts.get("plant", board.info.parts)
    assert parts["faults"]["dead_dac"] == (2,)
    assert parts["faults"]["slow_settling"] is True
    assert parts["faults"]["stuck_gate"] == ()


def test_without_faults_a_run_says_nothing_of_them(opened: Opened) -> None:
    """As runs from before there were any, which therefore resume."""
    board = opened()
    assert "faults" not in board.info.parts.get("plant", board.info.parts)


def test_a_board_that_models_no_faults_refuses_them() -> None:
    for name in ("stuck_wiper", "dead_dac"):
        broken = Parts(faults=Faults(**{name: (EDGE,)}))
        with pytest.raises(NotSupported, match="make a FaultyBoard"):
            SimulatedBoard(NETWORK, broken)
        assert FaultyBoard(NETWORK, broken).info.parts["faults"][name] == (EDGE,)


def test_resistances_cannot_be_set_where_a_wiper_sticks() -> None:
    board = labnet.open_board("sim://twin16?fault=stuck-wiper@3")
    assert board.info.resistance_range_ohm is None
    with pytest.raises(NotSupported, match="has wipers only"):
        board.set_resistances(1e3)


def test_a_stuck_wiper_of_a_large_network_sticks_too() -> None:
    board = labnet.open_board("sim://lattice-52x52?fault=stuck-wiper@7")
    assert isinstance(board, SimulatedBoard)
    assert board.network.edge_count > 5000
    board.set_wipers(0)
    assert np.flatnonzero(board.resistances("clamped") != 40.0).tolist() == [7]
    assert board.resistances("clamped")[7] == 40.0 + POWER_UP * 10e3 / 128


# Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["sim", "firmware"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("broken", "'broken'; allowed: removed@EDGE:TRIGGER, .*shifted-adc@NODE, .*slow-settling; several"),
        ("stuck-wiper", "'stuck-wiper'; allowed: "),
        ("stuck-wiper@", "'stuck-wiper@'; allowed: "),
        ("stuck-wiper@-1", "'stuck-wiper@-1'; allowed: "),
        ("stuck-wiper@three", "'stuck-wiper@three'; allowed: "),
        ("slow-settling@0", "'slow-settling@0'; allowed: "),
        ("stuck-gate@1,", "''; allowed: "),
        ("stuck-gate@16", "stuck-gate@16; allowed: edges 0 to 15 of twin16"),
        ("stuck-gate@3,dead-dac@9", "dead-dac@9; allowed: nodes 0 to 8 of twin16"),
    ],
)
def test_a_wrong_fault_is_refused_with_what_is_allowed(scheme: str, fault: str, said: str) -> None:
    with pytest.raises(UnknownBoard, match=f"{scheme}://twin16.*{said}"):
        labnet.open_board(f"{scheme}://twin16?fault={fault}")
