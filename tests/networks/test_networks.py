import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from graphs import connected
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet import Network, networks
from labnet.errors import NetworkError

TRIANGLE = [(0, 1), (1, 2), (2, 0)]
CORNERS = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
LARGE_DISK = 0.16  # diameter in the default packing, where 64 disks of two sizes fill 0.9 of a unit box


def degrees(network: Network) -> NDArray[np.int64]:
    return np.bincount(network.edges.ravel(), minlength=network.node_count)


def lengths(network: Network) -> NDArray[np.float64]:
    assert network.positions is not None
    a, b = network.edges.T
    return np.asarray(np.linalg.norm(network.positions[a] - network.positions[b], axis=1))


# Builders


def test_twin16_is_three_by_three_nodes_with_a_diagonal_a_cell() -> None:
    board = networks.twin16()
    assert (board.node_count, board.edge_count, board.name) == (9, 16, "twin16")
    assert sorted(lengths(board)) == pytest.approx([1.0] * 12 + [2**0.5] * 4)
    assert board.digest == "ee0d956f88d83317"


@given(st.integers(2, 6), st.integers(2, 6), st.booleans())
def test_an_open_lattice_joins_neighbours_only(rows: int, cols: int, diagonals: bool) -> None:
    grid = networks.lattice(rows, cols, diagonals=diagonals)
    straight, cells = rows * (cols - 1) + cols * (rows - 1), (rows - 1) * (cols - 1)
    assert grid.node_count == rows * cols
    assert sorted(lengths(grid)) == pytest.approx([1.0] * straight + [2**0.5] * (cells * diagonals))


@given(st.integers(3, 6), st.integers(3, 6), st.booleans())
def test_a_periodic_lattice_has_no_border(rows: int, cols: int, diagonals: bool) -> None:
    grid = networks.lattice(rows, cols, periodic=True, diagonals=diagonals)
    assert grid.edge_count == (3 if diagonals else 2) * rows * cols
    if not diagonals:
        assert set(degrees(grid)) == {4}


def test_lattice_nodes_are_numbered_along_the_rows() -> None:
    assert networks.lattice(2, 3).edges.tolist() == [[0, 1], [1, 2], [3, 4], [4, 5], [0, 3], [1, 4], [2, 5]]


def test_the_default_packing_stands_for_the_papers_143_edge_network() -> None:
    packing = networks.packing()
    assert (packing.node_count, packing.edge_count) == (64, 143)
    assert (degrees(packing).min(), degrees(packing).max()) == (3, 6)
    assert round(degrees(packing).mean(), 2) == 4.47
    assert nx.is_connected(packing.to_networkx())


@pytest.mark.parametrize(("periodic", "digest"), [(False, "89821f2c3734b27b"), (True, "d7c5c13a45cd5d14")])
def test_a_packing_is_the_same_on_every_machine(periodic: bool, digest: str) -> None:
    assert networks.packing(periodic=periodic).digest == digest


def test_a_packings_contacts_are_short_and_stay_in_the_box() -> None:
    packing = networks.packing()
    assert packing.positions is not None
    assert packing.positions.min() > 0
    assert packing.positions.max() < 1
    assert np.median(lengths(packing)) < LARGE_DISK
    assert lengths(packing).max() < 2 * LARGE_DISK


def test_contacts_of_a_periodic_packing_cross_the_borders() -> None:
    packing = networks.packing(periodic=True)
    assert packing.positions is not None
    apart = packing.positions[packing.edges[:, 0]] - packing.positions[packing.edges[:, 1]]
    assert np.abs(apart).max() > 0.5
    assert np.linalg.norm(apart - np.round(apart), axis=1).max() < 2 * LARGE_DISK


@settings(max_examples=10)
@given(st.integers(12, 40), st.floats(2.0, 2.75), st.integers(0, 2**32), st.booleans())
def test_packings_have_the_counts_asked_for(nodes: int, ratio: float, seed: int, periodic: bool) -> None:
    packing = networks.packing(nodes, int(ratio * nodes), seed, periodic)
    assert (packing.node_count, packing.edge_count) == (nodes, int(ratio * nodes))
    assert degrees(packing).min() >= 3
    assert degrees(packing).max() <= 6


def test_another_seed_gives_another_packing() -> None:
    assert networks.packing(seed=1) != networks.packing(seed=2)


@pytest.mark.parametrize(("nodes", "edges"), [(11, 25), (64, 95), (64, 177), (5001, 10_002)])
def test_a_packing_outside_its_limits_is_refused(nodes: int, edges: int) -> None:
    with pytest.raises(NetworkError, match=f"{nodes} nodes and {edges} edges"):
        networks.packing(nodes, edges)


def test_a_packing_that_cannot_be_found_is_refused() -> None:
    with pytest.raises(NetworkError):
        networks.packing(12, 18)


@pytest.mark.parametrize(("rows", "cols", "periodic"), [(1, 5, False), (5, 1, False), (0, 0, False), (2, 3, True)])
def test_a_tiny_lattice_is_refused(rows: int, cols: int, periodic: bool) -> None:
    with pytest.raises(NetworkError, match=f"{rows} x {cols}"):
        networks.lattice(rows, cols, periodic)


# Rejections


@pytest.mark.parametrize(
    ("edges", "node_count", "message"),
    [
        ([(0, 1), (2, 2)], 3, "edge 1 joins node 2 to itself"),
        ([(0, 1), (1, 2), (0, 1)], 3, r"edges 0 and 2 both join nodes \[0, 1\]"),
        ([(0, 1), (1, 2), (1, 0)], 3, r"edges 0 and 2 both join nodes \[1, 0\]"),
        ([(0, 1), (2, 3), (3, 4)], 5, r"in 2 parts; nodes \[0, 1\]"),
        ([(0, 1)], 3, r"in 2 parts; nodes \[2\]"),
        ([(0, 1), (1, 7)], 3, "node 7; allowed: 0 to 2"),
        ([(0, -1)], 2, "node -1; allowed: 0 to 1"),
        ([(0, 1)], 0, "node 0"),
        ([], 0, r"shape \(0,\)"),
        ([0, 1], 2, r"shape \(2,\)"),
        ([(0, 1, 2)], 3, r"shape \(1, 3\)"),
        ([(0.0, 1.0)], 2, "float64"),
        ([(True, False)], 2, "bool"),
    ],
)
def test_what_is_no_network_is_refused(edges: Any, node_count: int, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network(edges, node_count)


@pytest.mark.parametrize("positions", [CORNERS[:2], [(0, 0, 0)] * 3, [0, 1, 2], [(0, 0), (1, 0), (0, np.nan)]])
def test_positions_are_one_finite_point_a_node(positions: Any) -> None:
    with pytest.raises(NetworkError, match=r"positions has shape .*allowed: \(3, 2\), finite"):
        Network(TRIANGLE, 3, positions)  # type: ignore[arg-type]


@pytest.mark.parametrize("r_ref_ohm", [0.0, -1.0, np.nan, np.inf])
def test_the_unit_of_resistance_is_positive(r_ref_ohm: float) -> None:
    with pytest.raises(NetworkError, match=f"r_ref_ohm is {r_ref_ohm}"):
        Network(np.array(TRIANGLE), 3, r_ref_ohm=r_ref_ohm)


# Frozen, equal, drawn


def test_a_network_cannot_be_changed() -> None:
    edges, corners = np.array(TRIANGLE), np.array(CORNERS)
    triangle = Network(edges, 3, corners)
    edges[0], corners[0] = 2, 9.0
    assert triangle == Network(np.array(TRIANGLE), 3)
    assert triangle.layout.tolist() == np.array(CORNERS).tolist()
    for array in (triangle.edges, triangle.positions):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        triangle.node_count = 4  # type: ignore[misc]


def test_the_ends_of_the_edges_cannot_be_changed() -> None:
    first, second = networks.twin16().ends
    assert not first.flags.writeable
    assert not second.flags.writeable


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_cannot_be_changed_either(copied: Any) -> None:
    again = copied(networks.twin16())
    assert again == networks.twin16()
    assert not again.edges.flags.writeable
    assert not again.positions.flags.writeable


def test_equal_networks_hash_alike_in_another_process(tmp_path: Path) -> None:
    board = networks.twin16()
    assert hash(board) == hash(networks.twin16())  # and the hash is in the pickle if it is kept
    (tmp_path / "board").write_bytes(pickle.dumps(board))
    code = "import pickle, sys; from labnet.networks import twin16; assert pickle.load(sys.stdin.buffer) in {twin16()}"
    with (tmp_path / "board").open("rb") as file:
        subprocess.run([sys.executable, "-c", code], stdin=file, check=True, capture_output=True, timeout=60)


def test_names_positions_and_units_do_not_tell_networks_apart() -> None:
    plain = Network(np.array(TRIANGLE), 3)
    drawn = Network(np.array(TRIANGLE), 3, np.array(CORNERS), 1e3, name="triangle")
    assert plain == drawn
    assert hash(plain) == hash(drawn)
    assert plain.digest == drawn.digest
    assert repr(drawn) == "<Network triangle: 3 nodes, 3 edges>"


@pytest.mark.parametrize("edges", [[(0, 1), (2, 0), (1, 2)], [(1, 0), (1, 2), (2, 0)], TRIANGLE[:2]])
def test_order_direction_and_number_of_edges_tell_networks_apart(edges: list[tuple[int, int]]) -> None:
    assert Network(np.array(edges), 3) != Network(np.array(TRIANGLE), 3)


def test_a_network_is_no_string() -> None:
    assert networks.twin16() != "twin16"


def test_a_network_without_positions_is_laid_out() -> None:
    laid_out = Network(np.array(TRIANGLE), 3).layout
    assert laid_out.shape == (3, 2)
    assert len(np.unique(laid_out.round(6), axis=0)) == 3


# networkx


@given(connected(), st.booleans())
def test_networkx_gives_back_nodes_edges_and_positions(network: Network, drawn: bool) -> None:
    positions = network.layout if drawn else None
    there = Network(network.edges, network.node_count, positions, name="some")
    back = Network.from_networkx(there.to_networkx(), r_ref_ohm=5e3)
    assert (back.node_count, back.name, back.r_ref_ohm) == (there.node_count, "some", 5e3)
    assert np.array_equal(np.sort(back.edges, axis=1), np.sort(there.edges, axis=1))
    assert (back.positions is None) == (not drawn)
    if positions is not None:
        assert np.array_equal(back.layout, positions)


@given(connected())
def test_networkx_gives_back_the_same_network(network: Network) -> None:
    assert Network.from_networkx(network.to_networkx()) == network


def test_nodes_with_other_names_are_numbered_in_the_graphs_order() -> None:
    graph: nx.Graph[Any] = nx.Graph([("b", "a"), ("a", "c")])
    assert Network.from_networkx(graph).edges.tolist() == [[0, 1], [1, 2]]


def test_numbered_nodes_keep_their_numbers() -> None:
    graph: nx.Graph[Any] = nx.Graph([(2, 0), (0, 1)])
    assert {frozenset(edge) for edge in Network.from_networkx(graph).edges.tolist()} == {
        frozenset({0, 2}),
        frozenset({0, 1}),
    }


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([(0, 1)]), "DiGraph"),
        (nx.MultiGraph([(0, 1)]), "MultiGraph"),
        (nx.Graph([(0, 1), (1, 1)]), "itself"),
        (nx.Graph([(0, 1), (2, 3)]), "2 parts"),
        (nx.empty_graph(1), "shape"),
    ],
)
def test_graphs_that_are_no_networks_are_refused(graph: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network.from_networkx(graph)


# Names


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("twin16", networks.twin16()),
        ("packing143", networks.packing()),
        ("packing-20-45", networks.packing(20, 45)),
        ("packing-20-45-seed7-periodic", networks.packing(20, 45, 7, periodic=True)),
        ("lattice-2x7", networks.lattice(2, 7)),
        ("lattice-4x3-periodic", networks.lattice(4, 3, periodic=True)),
        ("lattice-4x3-diagonals", networks.lattice(4, 3, diagonals=True)),
        ("lattice-4x3-periodic-diagonals", networks.lattice(4, 3, periodic=True, diagonals=True)),
    ],
)
def test_a_name_gives_its_network(name: str, network: Network) -> None:
    assert networks.named(name) == network


@pytest.mark.parametrize(
    "name", ["twin17", "lattice-3", "lattice-3x3-diagonal", "packing-20", "packing-20-45-7", "", "no/such.txt"]
)
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(NetworkError, match=f"{name!r}.*twin16, packing143, lattice"):
        networks.named(name)


def test_a_named_lattice_that_is_too_small_is_refused() -> None:
    with pytest.raises(NetworkError, match="1 x 3"):
        networks.named("lattice-1x3")
