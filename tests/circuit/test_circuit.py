"""Circuits that a textbook solves, and circuits that nobody can."""

from typing import Any

import numpy as np
import pytest
from graphs import BOARD_OHM
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet import Network, circuit, networks
from labnet.circuit import edge_drops, linear, node_currents, node_voltages, transfer_matrix
from labnet.errors import BadResistance, CircuitError, FloatingNode, IllConditioned

DIVIDER = Network(np.array([(0, 1), (1, 2)]), 3)  # source, output, ground
BRIDGE = Network(np.array([(0, 1), (1, 3), (0, 2), (2, 3), (1, 2)]), 4)  # the last edge is the galvanometer
BOARD = networks.twin16()
ALIKE = np.full(16, 1e3)
ENDS = {0: 5.0, 8: 0.0}

ohms = BOARD_OHM
many_ohms = st.lists(ohms, min_size=1, max_size=8)


@pytest.fixture(params=["dense", "sparse"])
def _either_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "DENSE_UP_TO", 400 if request.param == "dense" else 0)


def resistance_between(network: Network, resistances_ohm: Any, source: int, ground: int) -> float:
    v = node_voltages(network, resistances_ohm, {source: 1.0, ground: 0.0})
    return float(1.0 / node_currents(network, resistances_ohm, v)[source])


# Textbook circuits


@given(ohms, ohms, st.floats(-5, 5))
def test_a_divider_divides(upper: float, lower: float, volts: float) -> None:
    v = node_voltages(DIVIDER, [upper, lower], {0: volts, 2: 0.0})
    assert v[1] == pytest.approx(volts * lower / (upper + lower), abs=1e-13)


@given(ohms, ohms, ohms, ohms)
def test_no_current_flows_through_a_balanced_bridge(upper: float, lower: float, other: float, meter: float) -> None:
    r = np.array([upper, lower, other, other * lower / upper, meter])
    v = node_voltages(BRIDGE, r, {0: 5.0, 3: 0.0})
    assert edge_drops(BRIDGE, v)[4] == pytest.approx(0.0, abs=1e-12)


@given(ohms, ohms, ohms, ohms, ohms)
def test_an_unbalanced_bridge_is_its_thevenin_source(r1: float, r2: float, r3: float, rx: float, meter: float) -> None:
    source = 5.0 * (r2 / (r1 + r2) - rx / (r3 + rx))
    inner = r1 * r2 / (r1 + r2) + r3 * rx / (r3 + rx)
    v = node_voltages(BRIDGE, [r1, r2, r3, rx, meter], {0: 5.0, 3: 0.0})
    assert edge_drops(BRIDGE, v)[4] == pytest.approx(source * meter / (inner + meter), abs=1e-12)


@given(many_ohms)
def test_resistances_in_series_add(r: list[float]) -> None:
    n = len(r) + 1
    chain = Network(np.column_stack([np.arange(n - 1), np.arange(1, n)]), n)
    assert resistance_between(chain, r, 0, n - 1) == pytest.approx(sum(r))
    assert node_voltages(chain, r, {0: 0.0, n - 1: 1.0}) == pytest.approx(np.cumsum([0.0, *r]) / sum(r))


@given(st.lists(st.tuples(ohms, ohms), min_size=1, max_size=8))
def test_conductances_in_parallel_add(branches: list[tuple[float, float]]) -> None:
    middle = np.arange(2, 2 + len(branches))
    edges = np.concatenate([np.column_stack([0 * middle, middle]), np.column_stack([middle, 0 * middle + 1])])
    r = np.array(branches).T.ravel()
    expected = 1.0 / sum(1.0 / (a + b) for a, b in branches)
    assert resistance_between(Network(edges, len(branches) + 2), r, 0, 1) == pytest.approx(expected)


def test_a_cube_of_equal_resistances_has_five_sixths_from_corner_to_corner() -> None:
    edges = [(a, a | bit) for a in range(8) for bit in (1, 2, 4) if not a & bit]
    assert resistance_between(Network(np.array(edges), 8), np.full(12, 600.0), 0, 7) == pytest.approx(500.0)


def test_a_broken_edge_carries_nothing() -> None:
    r = np.array([1e3, 2e3, 1e3, 2e3, np.inf])
    v = node_voltages(BRIDGE, r, {0: 3.0, 3: 0.0})
    assert v[1] == pytest.approx(2.0)
    assert circuit.dissipated_power(BRIDGE, r, v)[4] == 0.0


# Leakage


@given(ohms, st.floats(0, 1e-2), st.floats(-5, 5))
def test_a_leak_is_the_lower_half_of_a_divider(r: float, leak_s: float, volts: float) -> None:
    pair = Network(np.array([(0, 1)]), 2)
    assert node_voltages(pair, [r], {0: volts}, leak_s)[1] == pytest.approx(volts / (1 + r * leak_s), abs=1e-13)


@pytest.mark.usefixtures("_either_path")
def test_every_node_leaks_on_its_own() -> None:
    chain = Network(np.array([(0, 1), (1, 2)]), 3)
    end = 1.0 / (1e-3 + 1.0 / (1e3 + 1.0 / 1e-3))  # both leaks and the edge between, seen from node 1
    v = node_voltages(chain, [1e3, 1e3], {0: 5.0}, leak_s=1e-3)
    assert v[1] == pytest.approx(5.0 * end / (1e3 + end))
    assert v[2] == pytest.approx(v[1] / 2)


@pytest.mark.usefixtures("_either_path")
def test_a_part_that_leaks_does_not_float() -> None:
    r = np.where(np.any(BOARD.edges == 2, axis=1), np.inf, 1e3)
    assert node_voltages(BOARD, r, ENDS, leak_s=1e-6)[2] == 0.0
    assert np.all(node_voltages(BOARD, ALIKE, {}, leak_s=1e-6) == 0.0)


@pytest.mark.parametrize("leak_s", [-1e-6, -1.0, np.nan, np.inf])
def test_a_leak_is_a_conductance(leak_s: float) -> None:
    with pytest.raises(CircuitError, match=f"leak_s is {leak_s}"):
        node_voltages(BOARD, ALIKE, ENDS, leak_s)


# Shapes


def test_a_drop_points_from_the_first_node_to_the_second() -> None:
    v = np.array([[5.0, 3.0, 0.0], [1.0, 2.0, 4.0]])
    assert edge_drops(DIVIDER, v[0]).tolist() == [2.0, 3.0]
    assert edge_drops(DIVIDER, v).tolist() == [[2.0, 3.0], [-1.0, -2.0]]
    assert circuit.dissipated_power(DIVIDER, [1.0, 2.0], v).tolist() == [[4.0, 4.5], [1.0, 2.0]]


def test_a_fully_held_network_needs_no_solve() -> None:
    held = {node: float(node * node) for node in range(9)}
    assert node_voltages(BOARD, ALIKE, held).tolist() == list(held.values())
    assert np.array_equal(transfer_matrix(BOARD, ALIKE, held), np.eye(9))


def test_large_networks_take_the_sparse_path_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = networks.lattice(22, 23)
    r = np.random.default_rng(1).uniform(40.0, 10e3, grid.edge_count)
    held = {0: 5.0, 250: 1.0, 505: 0.0}
    assert grid.node_count - len(held) > circuit.DENSE_UP_TO
    sparse = node_voltages(grid, r, held)
    monkeypatch.setattr(linear, "DENSE_UP_TO", 1000)
    np.testing.assert_allclose(sparse, node_voltages(grid, r, held), atol=1e-11)


# What cannot be solved


def cut_off(nodes: list[int]) -> NDArray[np.float64]:
    """The board with every edge broken that joins these nodes to the others."""
    return np.where(np.isin(BOARD.edges, nodes).sum(axis=1) == 1, np.inf, 1e3)


@pytest.mark.usefixtures("_either_path")
@pytest.mark.parametrize("nodes", [[2], [2, 5], [1, 2, 4, 5]])
def test_nodes_that_float_are_named(nodes: list[int]) -> None:
    message = rf"nodes \[{', '.join(map(str, nodes))}\] have no path to a held node \(held: \[0, 8\]\)"
    with pytest.raises(FloatingNode, match=message):
        node_voltages(BOARD, cut_off(nodes), ENDS)
    with pytest.raises(FloatingNode, match=message):
        transfer_matrix(BOARD, cut_off(nodes), ENDS)


@pytest.mark.usefixtures("_either_path")
def test_a_network_that_nothing_holds_floats() -> None:
    with pytest.raises(FloatingNode, match=r"nodes \[0, 1, 2, 3, 4, 5, 6, 7\] and more .*held: \[\]"):
        node_voltages(BOARD, ALIKE, {})


@pytest.mark.usefixtures("_either_path")
def test_nodes_held_too_weakly_are_named() -> None:
    r = np.where(np.isin(BOARD.edges, [2]).any(axis=1), 1e15, 1.0)
    with pytest.raises(IllConditioned, match=r"from 1.0e-15 to 1.0e\+00 S; .* weakly are \[2, "):
        node_voltages(BOARD, r, ENDS)


@pytest.mark.usefixtures("_either_path")
def test_a_node_held_by_a_billion_times_its_neighbours_resistance_is_still_solved() -> None:
    chain = Network(np.array([(0, 1), (1, 2), (2, 3)]), 4)
    v = node_voltages(chain, [1e12, 1e3, 1e12], {0: 5.0, 3: 0.0})
    assert v[[1, 2]] == pytest.approx(2.5, rel=1e-5)


@pytest.mark.usefixtures("_either_path")
def test_a_leak_too_small_to_hold_a_part_is_ill_conditioned() -> None:
    with pytest.raises(IllConditioned, match=r"run from 0.0e\+00 to 1.0e-03 S"):
        node_voltages(BOARD, cut_off([2, 5]), ENDS, leak_s=1e-25)


@pytest.mark.usefixtures("_either_path")
@pytest.mark.parametrize(("bridges_ohm", "leak_s"), [(1e18, 0.0), (np.inf, 1e-25)])
def test_a_part_held_too_weakly_is_named(bridges_ohm: float, leak_s: float) -> None:
    r = np.where(np.isinf(cut_off([2, 5])), bridges_ohm, 1e3)
    with pytest.raises(IllConditioned, match=r"weakly are \[2, 5"):
        node_voltages(BOARD, r, ENDS, leak_s)


@pytest.mark.parametrize("bad", [0.0, -0.0, -1e3, -np.inf, np.nan])
def test_resistances_are_positive(bad: float) -> None:
    r = ALIKE.copy()
    r[[3, 7]] = bad
    message = rf"edges \[3, 7\] have resistances \[{bad}, {bad}\] ohm; allowed: above 0"
    for solve in (node_voltages, transfer_matrix):
        with pytest.raises(BadResistance, match=message):
            solve(BOARD, r, ENDS)
    for derived in (node_currents, circuit.dissipated_power):
        with pytest.raises(BadResistance, match=message):
            derived(BOARD, r, np.zeros(9))


@pytest.mark.parametrize("shape", [(15,), (17,), (16, 1), (1, 16), ()])
def test_there_is_one_resistance_an_edge(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadResistance, match=r"shape .*allowed: one per edge, \(16,\)") as raised:
        node_voltages(BOARD, np.ones(shape), ENDS)
    assert f"shape {shape}" in str(raised.value)


@pytest.mark.parametrize("node", [-1, 9, 10**12])
def test_an_unknown_node_cannot_be_held(node: int) -> None:
    for solve in (node_voltages, transfer_matrix):
        with pytest.raises(CircuitError, match=rf"held nodes are \[0, {node}\]; allowed: 0 to 8"):
            solve(BOARD, ALIKE, {0: 1.0, node: 0.0})


def test_a_node_is_held_once() -> None:
    with pytest.raises(CircuitError, match=r"\[4, 2, 4\] repeat"):
        transfer_matrix(BOARD, ALIKE, [4, 2, 4])


@pytest.mark.parametrize("volts", [np.nan, np.inf, -np.inf])
def test_held_voltages_are_finite(volts: float) -> None:
    with pytest.raises(CircuitError, match=rf"0: {volts}.*allowed: finite"):
        node_voltages(BOARD, ALIKE, {0: volts, 8: 0.0})
