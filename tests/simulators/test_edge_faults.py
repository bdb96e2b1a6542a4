"""Edges that are removed, stuck or crossed, loose wires: each fault does what it says, and nothing else."""

import numpy as np
import pytest

import labnet
from labnet import Network, circuit
from labnet.board import Side
from labnet_simulators import FaultyBoard

NETWORK = labnet.networks.twin16()
EDGE = 3  # joins nodes 4 and 5
WIPERS = 20 + 5 * np.arange(16)
FREE = {0: 5.0, 8: 0.0}
CLAMPED = {0: 5.0, 8: 0.0, 2: 3.0}
HELD: dict[Side, dict[int, float]] = {"free": FREE, "clamped": CLAMPED}


def opened(fault: str, preset: str = "ideal") -> FaultyBoard:
    board = labnet.open_board(f"sim://twin16?preset={preset}&seed=5&fault={fault}")
    assert isinstance(board, FaultyBoard)
    board.set_wipers(WIPERS)
    for side, held in HELD.items():
        board.drive(side, held)
    board.wait(1e-3)
    return board


def without_edge() -> Network:
    return Network(np.delete(NETWORK.edges, EDGE, axis=0), NETWORK.node_count)


def solved(network: Network, ohm: np.ndarray, side: Side) -> object:
    return pytest.approx(circuit.node_voltages(network, ohm, HELD[side]), abs=1e-6)


@pytest.mark.parametrize(("fault", "open_on"), [("", "both"), ("-free", "free"), ("-clamped", "clamped")])
def test_a_removed_edge_is_not_there(fault: str, open_on: str) -> None:
    board = opened(f"removed{fault}@{EDGE}")
    ohm = board.info.nominal_ohm(WIPERS)
    for side in HELD:
        if open_on in ("both", side):
            assert board.read(side) == solved(without_edge(), np.delete(ohm, EDGE), side)
        else:
            assert board.read(side) == solved(NETWORK, ohm, side)


def test_an_edge_goes_after_its_count_of_triggers_and_comes_back_with_a_snapshot() -> None:
    board = opened(f"removed@{EDGE}:2")
    ohm = board.info.nominal_ohm(WIPERS)
    board.trigger(step_wipers=False)
    assert board.read("free") == solved(NETWORK, ohm, "free")
    snapshot = board.snapshot()
    for _ in range(2):
        board.trigger(step_wipers=False)
        assert board.read("free") == solved(without_edge(), np.delete(ohm, EDGE), "free")
        board.restore(snapshot)
        assert board.read("free") == solved(NETWORK, ohm, "free")
        assert board.resistances("free")[EDGE] < 1e5


def test_below_the_firmware_an_edge_goes_at_the_same_trigger() -> None:
    address = f"twin16?preset=lab&seed=5&fault=removed@{EDGE}:20"
    runs = []
    for scheme in ("sim", "firmware"):
        converters = "&converters=board" if scheme == "sim" else ""
        with labnet.open_board(f"{scheme}://{address}{converters}") as board:
            task = labnet.tasks.Regression.sample(board.network, seed=1)
            run = labnet.train(board, task, steps=40, clock=labnet.GlobalClock(p=0.5), progress=False, measure=40)
            runs.append([run.array(name) for name in ("v_free", "v_clamped", "wipers")])
    for by_sim, by_firmware in zip(*runs, strict=True):
        assert np.array_equal(by_sim, by_firmware, equal_nan=by_sim.dtype.kind == "f")


def test_a_network_that_comes_apart_has_voltages_all_the_same() -> None:
    """Through the insulation: to whatever it leaks to, else to where its lost edges lead."""
    at_corner = [edge for edge, ends in enumerate(NETWORK.edges.tolist()) if 2 in ends]
    fault = ",".join(f"removed@{edge}" for edge in at_corner)
    assert abs(opened(fault, "lab").read("free")[2]) < 0.05
    assert 0.0 < opened(fault).read("free")[2] < 5.0


@pytest.mark.parametrize(("fault", "stuck_on"), [("-free", "free"), ("-clamped", "clamped")])
def test_a_wiper_may_stick_on_one_side(fault: str, stuck_on: Side) -> None:
    board = opened(f"stuck-wiper{fault}@{EDGE}")
    for side in HELD:
        stands = WIPERS.copy()
        if side == stuck_on:
            stands[EDGE] = 64
        assert board.read(side) == solved(NETWORK, board.info.nominal_ohm(stands), side)


def test_swapped_twins_exchange_their_resistances_and_go_the_wrong_way() -> None:
    swapped, sound = (opened(fault, "lab") for fault in (f"swapped-twins@{EDGE}", "stuck-gate@0"))
    for one, other in (("free", "clamped"), ("clamped", "free")):
        assert swapped.resistances(one)[EDGE] == sound.resistances(other)[EDGE]  # type: ignore[arg-type]
        rest = [np.delete(board.resistances(one), EDGE) for board in (swapped, sound)]  # type: ignore[arg-type]
        assert (rest[0] == rest[1]).all()
    wrong = swapped.directions() != sound.directions()
    assert wrong[EDGE]


def test_crossed_twins_join_the_networks() -> None:
    """As one network of both, where the edge's twins lead from a node of one to the other node of the other."""
    board = opened(f"crossed-twins@{EDGE}")
    n, edges = NETWORK.node_count, NETWORK.edges
    both = np.vstack([edges, edges + n])
    a, b = edges[EDGE]
    both[EDGE], both[EDGE + 16] = (a, b + n), (a + n, b)
    ohm = np.tile(board.info.nominal_ohm(WIPERS), 2)
    held = FREE | {node + n: volts for node, volts in CLAMPED.items()}
    volts = circuit.node_voltages(Network(both, 2 * n), ohm, held)
    assert np.concatenate([board.read(side) for side in HELD]) == pytest.approx(volts, abs=1e-9)
    assert board.read("free") != solved(NETWORK, board.info.nominal_ohm(WIPERS), "free"), "one would see it"


def test_crossed_twins_settle_and_come_back_with_a_snapshot() -> None:
    board = opened(f"crossed-twins@{EDGE}", "lab")
    board.drive("free", {0: 1.0, 8: 4.0})
    snapshot = board.snapshot()
    board.wait(1e-6)
    going = board.read("free")
    board.wait(1e-3)
    there = board.read("free")
    board.restore(snapshot)
    board.wait(1e-6)
    assert board.read("free").tolist() == going.tolist()
    assert np.abs(going - there).max() > 0.1


def test_a_loose_source_does_not_hold_its_node_on_its_side() -> None:
    board = opened("loose-source-clamped@2")
    ohm = board.info.nominal_ohm(WIPERS)
    assert board.read("clamped") == pytest.approx(circuit.node_voltages(NETWORK, ohm, {0: 5.0, 8: 0.0}), abs=1e-9)
    board.drive("free", FREE | {2: 3.0})
    assert board.read("free")[2] == 3.0


def test_a_loose_reading_gives_what_the_channel_before_it_gives() -> None:
    board, sound = opened("loose-reading-free@4"), labnet.open_board("sim://twin16?preset=ideal&seed=5")
    sound.set_wipers(WIPERS)
    sound.drive("free", FREE)
    right = sound.read("free")
    read = board.read("free")
    assert read[4] == pytest.approx(right[3])
    assert abs(right[4] - right[3]) > 0.01, "one would see it"
    assert np.delete(read, 4) == pytest.approx(np.delete(right, 4))


def test_swapped_readings_are_those_of_the_other_side() -> None:
    board = opened("swapped-readings@2")
    ohm = board.info.nominal_ohm(WIPERS)
    free, clamped = (circuit.node_voltages(NETWORK, ohm, HELD[side]) for side in HELD)
    assert board.read("free")[2] == pytest.approx(clamped[2])
    assert board.read("clamped")[2] == pytest.approx(free[2])
    assert np.delete(board.read("free"), 2) == pytest.approx(np.delete(free, 2))
