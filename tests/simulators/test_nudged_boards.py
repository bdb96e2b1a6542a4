"""Nudges by current and by conductance: Kirchhoff's laws, both sides, settling, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from graphs import connected
from hypothesis import given, settings
from hypothesis import strategies as st

import labnet
from labnet import Network, circuit, networks
from labnet.board import Side, can_nudge
from labnet.errors import CircuitError, NotDrivable, NotSupported, OutOfRange
from labnet.wrapped import WrappedBoard
from labnet_simulators import PRESETS, Faults, Leakage, Parts, Settling, SimulatedBoard
from labnet_simulators.faults import FaultyBoard

SIDES: tuple[Side, Side] = ("free", "clamped")
HELD = {0: 5.0, 8: 0.0}


def twin16(parts: Parts | None = None) -> SimulatedBoard:
    board = SimulatedBoard(networks.twin16(), parts, seed=3)
    board.set_resistances(np.linspace(4e3, 2e4, 16))
    for side in SIDES:
        board.drive(side, HELD)
    return board


def by_node(given: dict[int, float], count: int = 9) -> np.ndarray:
    values = np.zeros(count)
    values[list(given)] = list(given.values())
    return values


def solved(board: SimulatedBoard, side: Side, held: dict[int, float], currents: dict, shunts: dict) -> np.ndarray:
    """The state after `labnet.circuit`, which shares no code with the board's solvers."""
    n = board.network.node_count
    leak = board.parts.leakage.ohm
    return circuit.node_voltages(
        board.network,
        board.resistances(side),
        held,
        0.0 if leak is None else 1.0 / leak,
        currents_a=by_node(currents, n),
        shunts_s=by_node(shunts, n),
    )


@settings(max_examples=60)
@given(connected(9), st.data())
def test_any_nudge_of_any_nodes_obeys_kirchhoff(network: Network, data: st.DataObject) -> None:
    """Held nodes, what the clamp holds besides, nudged nodes, twins and leakage are any."""
    n = network.node_count
    nodes = data.draw(st.permutations(range(n)))
    cut = data.draw(st.integers(1, n))
    more = data.draw(st.integers(0, n - cut))
    mismatch = data.draw(st.sampled_from([0.0, 0.01]))
    leak = data.draw(st.sampled_from([None, 1e5]))
    ideal = Parts()
    parts = replace(ideal, pot=replace(ideal.pot, twin_mismatch=mismatch), leakage=Leakage(leak))
    board = SimulatedBoard(network, parts, seed=1)
    board.set_wipers(np.arange(network.edge_count) * 7 % 100 + 5)
    held: dict[Side, dict[int, float]] = {"free": {node: 0.5 * node for node in nodes[:cut]}}
    held["clamped"] = held["free"] | dict.fromkeys(nodes[cut : cut + more], 1.25)
    amperes, siemens = st.floats(-1e-3, 1e-3), st.floats(0.0, 1e-3)
    for side in SIDES:
        board.drive(side, held[side])
    for side in data.draw(st.permutations(SIDES)):
        if data.draw(st.booleans()):
            board.read(side)
        free = st.sampled_from(sorted(set(range(n)) - held[side].keys()) or [-1])
        currents, shunts = (data.draw(st.dictionaries(free, what, max_size=n)) for what in (amperes, siemens))
        if -1 in currents or -1 in shunts:
            continue
        board.nudge(side, currents, shunts)
        wanted = solved(board, side, held[side], currents, shunts)
        np.testing.assert_allclose(board.read(side), wanted, rtol=0, atol=1e-9 * (1 + np.abs(wanted).max()))


def test_a_response_is_reciprocal_and_adds_up() -> None:
    board = twin16()
    rest = board.read("free")

    def response(currents: dict[int, float]) -> np.ndarray:
        board.nudge("free", currents)
        return np.asarray(board.read("free") - rest)

    for a, b in ((1, 7), (3, 4), (2, 6)):
        one, other = response({a: 1e-4}), response({b: 1e-4})
        assert one[b] == pytest.approx(other[a], rel=1e-12)
        assert one[b] > 1e-3
        np.testing.assert_allclose(response({a: 2e-4, b: -3e-4}), 2 * one - 3 * other, atol=1e-13)
    np.testing.assert_allclose(response({1: 0.0}), 0.0, atol=1e-14)  # other nodes are eliminated last


@pytest.mark.parametrize("side", SIDES)
def test_a_strong_conductance_to_a_voltage_holds_it(side: Side) -> None:
    board = twin16()
    siemens = 1e3
    board.nudge(side, {4: siemens * 2.0}, {4: siemens})
    nudged = board.read(side)
    board.drive(side, HELD | {4: 2.0})
    np.testing.assert_allclose(nudged, board.read(side), atol=1e-6)


def test_of_equal_twins_the_states_differ_by_the_response_alone() -> None:
    """Two parts that only held nodes join: the nudge does not reach one, where the drops are equal to the last bit."""
    network = Network([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 0)], 5)
    board = SimulatedBoard(network)
    board.set_resistances([1e3, 2.7e3, 3.1e3, 1.9e3, 4.3e3, 2.2e3])
    for side in SIDES:
        board.drive(side, {0: 0.3, 2: 1.7})
    board.nudge("clamped", {1: 3e-4})
    free, clamped = (circuit.edge_drops(network, board.read(side)) for side in SIDES)
    assert (free[2:] == clamped[2:]).all()
    assert (free[:2] != clamped[:2]).all()
    assert (board.directions()[2:] == -1).all()  # a tie steps down


def test_both_sides_may_be_nudged_and_the_comparators_see_it() -> None:
    board = twin16()
    board.nudge("clamped", {1: 1e-3})
    alone = board.directions()
    board.nudge("free", {1: 2e-3})
    free, clamped = (circuit.edge_drops(board.network, board.read(side)) for side in SIDES)
    np.testing.assert_array_equal(board.directions(), np.where(abs(clamped) > abs(free), 1, -1))
    assert (board.directions() != alone).any()


def test_a_side_keeps_its_nudge_until_it_is_driven_nudged_or_made_safe() -> None:
    board = twin16()
    rest = board.read("clamped")
    board.nudge("clamped", {4: 1e-4}, {7: 1e-4})
    first = board.read("clamped")
    board.drive("free", HELD)
    board.nudge("free", {1: 1e-4})
    np.testing.assert_allclose(board.read("clamped"), first, atol=1e-13)
    board.nudge("clamped", {7: 1e-4})
    other = board.read("clamped")
    assert abs(other - first).max() > 1e-3
    board.drive("clamped", HELD)
    np.testing.assert_allclose(board.read("clamped"), rest, atol=1e-13)
    board.nudge("clamped", {4: 1e-3})
    board.safe()
    np.testing.assert_array_equal(board.read("clamped"), np.zeros(9))


def test_a_nudge_takes_time_to_settle() -> None:
    tau_s = 1e-3
    board = twin16(Parts(settling=Settling(tau_s)))
    board.wait(1.0)
    rest, held = board.read("clamped"), HELD
    board.nudge("clamped", {4: 1e-4})
    np.testing.assert_allclose(board.read("clamped"), rest, atol=1e-12)
    final = solved(board, "clamped", held, {4: 1e-4}, {})
    board.wait(tau_s)
    np.testing.assert_allclose(board.read("clamped") - final, (rest - final) * np.exp(-1.0), atol=1e-12)
    board.wait(1.0)
    np.testing.assert_allclose(board.read("clamped"), final, atol=1e-12)


def test_copies_and_snapshots_hold_the_nudge() -> None:
    board = twin16()
    board.nudge("free", {4: 1e-4})
    board.nudge("clamped", {7: -2e-4}, {3: 1e-4, 7: 2e-4})
    snapshot, copy = board.snapshot(), board.copy()
    now = [board.read(side) for side in SIDES]
    for side in SIDES:
        board.drive(side, HELD)
    board.restore(snapshot)
    for one in (board, copy):
        for side, volts in zip(SIDES, now, strict=True):
            np.testing.assert_array_equal(one.read(side), volts)
    before = {name: value for name, value in snapshot.items() if "nudge" not in name}
    board.restore(before)  # a run of before there were any nudges
    assert abs(board.read("free") - now[0]).max() > 1e-3


def test_a_negative_conductance_is_taken_while_the_network_is_stable() -> None:
    board = twin16()
    rest = board.read("free")
    board.nudge("free", {}, {4: -5e-5})
    np.testing.assert_allclose(board.read("free"), solved(board, "free", HELD, {}, {4: -5e-5}), atol=1e-12)
    stood = board.read("free")
    with pytest.raises(CircuitError, match="not stable"):
        board.nudge("free", {}, {4: -1e-2})
    np.testing.assert_array_equal(board.read("free"), stood)
    assert abs(stood - rest).max() > 1e-3


def test_what_cannot_be_nudged_is_refused_and_nothing_changes() -> None:
    board = twin16()
    rest = board.read("free")
    for currents, shunts, error in (
        ({0: 1e-3}, {}, NotDrivable),
        ({9: 1e-3}, {}, NotDrivable),
        ({}, {-1: 1e-3}, NotDrivable),
        ({1: np.nan}, {}, OutOfRange),
        ({1: 1e-3}, {2: np.inf}, OutOfRange),
    ):
        with pytest.raises(error, match="allowed"):
            board.nudge("free", currents, shunts)
    with pytest.raises(OutOfRange, match="side"):
        board.nudge("both", {1: 1e-3})  # type: ignore[arg-type]
    np.testing.assert_array_equal(board.read("free"), rest)


def test_a_board_with_sources_of_voltages_alone_says_so() -> None:
    board = SimulatedBoard(networks.twin16(), PRESETS["lab"])
    assert board.info.nudges == {"voltage"}
    assert can_nudge(board) is None
    with pytest.raises(NotSupported, match="cannot nudge by a current"):
        board.nudge("free", {1: 1e-3})


def test_a_wrapped_board_nudges_as_the_board_does() -> None:
    with WrappedBoard(labnet.open_board("sim://twin16")) as wrapped:
        nudging = can_nudge(wrapped)
        assert nudging is not None
        wrapped.drive("free", HELD)
        rest = wrapped.read("free")
        nudging.nudge("free", {4: 1e-4})
        assert wrapped.read("free")[4] - rest[4] > 1e-3
    with WrappedBoard(labnet.open_board("sim://twin16?preset=lab")) as wrapped:
        assert can_nudge(wrapped) is None


def test_crossed_twins_pass_a_nudge_on_to_the_other_side() -> None:
    sound = twin16()
    board = FaultyBoard(networks.twin16(), Parts(faults=Faults(crossed_twins=(3,))), seed=3)
    board.set_resistances(np.linspace(4e3, 2e4, 16))
    for side in SIDES:
        board.drive(side, HELD)
    rest = {side: board.read(side) for side in SIDES}
    for each in (sound, board):
        each.nudge("free", {4: 1e-4})
    assert abs(board.read("clamped") - rest["clamped"]).max() > 1e-4
    assert abs(board.read("free") - rest["free"]).max() > 1e-3


def test_a_large_network_is_nudged_like_a_small_one() -> None:
    network = networks.named("lattice-60x60")
    board = SimulatedBoard(network)
    held = {0: 5.0, 3599: 0.0}
    board.drive("free", held)
    board.drive("clamped", held)
    nudge = {1800: 1e-4, 40: -2e-4}, {7: 1e-4}
    for side in SIDES:
        board.nudge(side, *nudge)
        np.testing.assert_allclose(board.read(side), solved(board, side, held, *nudge), atol=1e-9)
    with pytest.raises(CircuitError, match="not stable"):
        board.nudge("free", {}, {40: -1e-2})
    np.testing.assert_allclose(board.read("free"), solved(board, "free", held, *nudge), atol=1e-9)
