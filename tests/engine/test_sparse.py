"""Large networks: the sparse factor against the dense solve, and the physics that it must keep exactly."""

from typing import Any

import numpy as np
import pytest
from exact import exact_voltages
from graphs import BOARD_OHM, connected, resistances
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labnet import Network, circuit, networks
from labnet.circuit import node_voltages, transfer_matrix
from labnet.errors import CircuitError, FloatingNode, IllConditioned
from labnet_simulators.engine.sparse import SparseSolver
from labnet_simulators.engine.symbolic import WIDEST

BOARD = networks.twin16()
ALIKE = np.full(16, 1e-3)
sometimes_broken = st.one_of(BOARD_OHM, BOARD_OHM, st.just(np.inf))
leaks = st.sampled_from([0.0, 1e-9, 1e-3])


@st.composite
def twins(draw: st.DrawFn, ohm: st.SearchStrategy[float] = BOARD_OHM) -> tuple[Network, Any, Any, Any]:
    """A network, its resistances, held nodes and outputs: any number, next to one another or not."""
    network = draw(connected(most_nodes=30))
    each = draw(st.lists(ohm, min_size=network.edge_count, max_size=network.edge_count))
    nodes = draw(st.permutations(range(network.node_count)))
    held = draw(st.integers(1, min(4, network.node_count)))
    outputs = draw(st.integers(0, min(4, network.node_count - held)))
    return network, np.array(each), tuple(nodes[:held]), tuple(nodes[held : held + outputs])


def volts_for(nodes: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).uniform(-5, 5, len(nodes))


def held_at(nodes: tuple[int, ...], volts: Any) -> dict[int, float]:
    return dict(zip(nodes, volts.tolist(), strict=True))


@given(twins(), leaks, st.integers(0, 99))
def test_both_states_are_those_of_kirchhoffs_laws(drawn: Any, leak_s: float, seed: int) -> None:
    network, ohm, held, outputs = drawn
    volts, clamp = volts_for(held, seed), volts_for(outputs, seed + 1)
    solver = SparseSolver(network, held, outputs, leak_s)
    solver.factor(1.0 / ohm)
    free, clamped = solver.free(volts), solver.clamped(volts, clamp)
    assert_allclose(free, node_voltages(network, ohm, held_at(held, volts), leak_s), atol=1e-11)
    both = held_at(held, volts) | held_at(outputs, clamp)
    assert_allclose(clamped, node_voltages(network, ohm, both, leak_s), atol=1e-11)
    assert free[list(held)].tolist() == clamped[list(held)].tolist() == volts.tolist()
    assert clamped[list(outputs)].tolist() == clamp.tolist()


@given(twins(), leaks, st.integers(0, 99))
def test_the_response_is_linear_and_exact_where_it_is_given(drawn: Any, leak_s: float, seed: int) -> None:
    network, ohm, held, outputs = drawn
    difference = volts_for(outputs, seed)
    solver = SparseSolver(network, held, outputs, leak_s)
    solver.factor(1.0 / ohm)
    change = solver.response(difference)
    assert_allclose(
        change, transfer_matrix(network, ohm, (*held, *outputs), leak_s)[:, len(held) :] @ difference, atol=1e-11
    )
    assert change[list(outputs)].tolist() == difference.tolist()
    assert not change[list(held)].any()


def test_what_a_held_node_shields_from_the_outputs_does_not_change_at_all() -> None:
    chain = Network(np.column_stack([np.arange(9), np.arange(1, 10)]), 10)
    solver = SparseSolver(chain, (0, 4), (7,), 0.0)
    solver.factor(np.linspace(1e-4, 1e-3, 9))
    assert solver.response(np.array([0.3]))[:5].tolist() == [0.0] * 5


@pytest.mark.parametrize("diagonals", [False, True])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("leak_s", [0.0, 1e-9])
def test_lattices_agree_with_sparse_lu(periodic: bool, diagonals: bool, leak_s: float) -> None:
    """Large enough for fronts that are eliminated by matrix products."""
    grid = networks.lattice(48, 52, periodic, diagonals)
    ohm = np.random.default_rng(1).uniform(40.0, 10e3, grid.edge_count)
    held, outputs = (0, 2400, 1300), (1, 700, 1301)  # outputs next to held nodes, too
    volts, clamp = np.array([5.0, 0.0, 2.0]), np.array([1.0, 4.0, 3.0])
    assert grid.node_count - 6 > circuit.DENSE_UP_TO
    solver = SparseSolver(grid, held, outputs, leak_s)
    solver.factor(1.0 / ohm)
    assert_allclose(solver.free(volts), node_voltages(grid, ohm, held_at(held, volts), leak_s), atol=1e-11)
    both = held_at(held, volts) | held_at(outputs, clamp)
    assert_allclose(solver.clamped(volts, clamp), node_voltages(grid, ohm, both, leak_s), atol=1e-11)


def test_a_wide_front_is_cut() -> None:
    """A complete graph is one dense block."""
    n = 3 * WIDEST + 7
    full = Network(np.column_stack(np.triu_indices(n, 1)), n)
    ohm = np.random.default_rng(2).uniform(40.0, 10e3, full.edge_count)
    solver = SparseSolver(full, (3,), tuple(range(100, 100 + WIDEST + 1)), 0.0)
    solver.factor(1.0 / ohm)
    clamp = np.linspace(0.0, 5.0, WIDEST + 1)
    both = {3: 1.0, **held_at(solver.outputs, clamp)}
    assert_allclose(solver.clamped(np.array([1.0]), clamp), node_voltages(full, ohm, both), atol=1e-11)


def test_a_second_factor_forgets_the_first() -> None:
    solver, first, second = (SparseSolver(BOARD, (0,), (8,), 1e-6) for _ in range(3))
    one, other = np.random.default_rng(3).uniform(1e-4, 1e-2, (2, 16))
    first.factor(one)
    solver.factor(other)
    solver.factor(one)
    assert solver.free(np.array([5.0])).tolist() == first.free(np.array([5.0])).tolist()
    second.factor(other)
    assert solver.free(np.array([5.0])).tolist() != second.free(np.array([5.0])).tolist()


def test_a_fully_held_network_needs_no_solve() -> None:
    solver = SparseSolver(BOARD, tuple(range(9)), (), 0.0)
    solver.factor(ALIKE)
    assert solver.free(np.arange(9.0)).tolist() == list(range(9))
    assert not solver.response(np.empty(0)).any()


# What cannot be solved


@given(twins(sometimes_broken), leaks)
def test_it_refuses_what_the_dense_solve_refuses(drawn: Any, leak_s: float) -> None:
    network, ohm, held, outputs = drawn
    volts = volts_for(held, 0)
    solver = SparseSolver(network, held, outputs, leak_s)
    try:
        expected = node_voltages(network, ohm, held_at(held, volts), leak_s)
        refused = ""
    except FloatingNode as error:
        refused = str(error)
    if refused:
        with pytest.raises(FloatingNode) as raised:
            solver.factor(1.0 / ohm)
        assert str(raised.value) == refused
        with pytest.raises(CircuitError, match="call factor"):
            solver.free(volts)
        with pytest.raises(CircuitError, match="call factor"):
            solver.response(np.zeros(len(outputs)))
    else:
        solver.factor(1.0 / ohm)
        assert_allclose(solver.free(volts), expected, atol=1e-9)


@settings(max_examples=200)
@given(twins(resistances(1e-6, 1e13)))
def test_over_nineteen_decades_it_is_right_or_refuses(drawn: Any) -> None:
    network, ohm, held, outputs = drawn
    assume(network.node_count <= 12)
    volts = volts_for(held, 0)
    solver = SparseSolver(network, held, outputs, 0.0)
    try:
        solver.factor(1.0 / ohm)
    except IllConditioned:
        return
    exact = exact_voltages(network, ohm.tolist(), held_at(held, volts))
    assert exact is not None
    assert_allclose(solver.free(volts), exact, atol=5e-4 * np.abs(volts).max() + 1e-6)


def test_nodes_held_too_weakly_are_named() -> None:
    weak = np.where(np.isin(BOARD.edges, [2]).any(axis=1), 1e-15, 1.0)
    with pytest.raises(IllConditioned, match=r"weakly are \[2, "):
        SparseSolver(BOARD, (0, 8), (4,), 0.0).factor(weak)


@pytest.mark.parametrize("bad", [-1e-3, np.nan, np.inf])
def test_conductances_are_finite_and_not_negative(bad: float) -> None:
    solver, g = SparseSolver(BOARD, (0, 8), (4,), 0.0), ALIKE.copy()
    g[[3, 7]] = bad
    with pytest.raises(CircuitError, match=rf"edges \[3, 7\] have conductances \[{bad}, {bad}\] S; allowed"):
        solver.factor(g)
    with pytest.raises(CircuitError, match=r"shape \(15,\); allowed: \(16,\)"):
        solver.factor(ALIKE[:15])


@pytest.mark.parametrize(("held", "outputs", "leak_s"), [((0, 9), (), 0.0), ((0, 1), (1,), 0.0), ((0,), (1,), -1.0)])
def test_terminals_and_leaks_are_checked(held: Any, outputs: Any, leak_s: float) -> None:
    with pytest.raises(CircuitError, match=r"allowed|repeat"):
        SparseSolver(BOARD, held, outputs, leak_s)
