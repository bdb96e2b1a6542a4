"""Properties that hold in every resistor network, on random networks."""

from collections.abc import Iterator

import networkx as nx
import numpy as np
import pytest
from exact import exact_voltages
from graphs import BOARD_OHM, Circuit, circuits, resistances
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labnet import circuit
from labnet.circuit import linear, node_voltages, transfer_matrix
from labnet.errors import FloatingNode, IllConditioned

MICROVOLT = 1e-6
sometimes_broken = st.one_of(BOARD_OHM, BOARD_OHM, st.just(np.inf))
fifteen_decades = resistances(1e-4, 1e11)


@pytest.fixture(params=["dense", "sparse"], scope="module", autouse=True)
def _path(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every property holds on both ways to solve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "DENSE_UP_TO", 400 if request.param == "dense" else 0)
        yield


@given(circuits())
def test_no_current_is_lost_at_a_free_node(c: Circuit) -> None:
    v = node_voltages(c.network, c.resistances, c.held)
    currents = circuit.node_currents(c.network, c.resistances, v)
    assert_allclose(currents[c.free], 0.0, atol=1e-13)  # of up to 0.25 A


@given(circuits())
def test_sources_deliver_the_power_that_edges_dissipate(c: Circuit) -> None:
    v = node_voltages(c.network, c.resistances, c.held)
    sources = list(c.held)
    delivered = v[sources] @ circuit.node_currents(c.network, c.resistances, v)[sources]
    assert_allclose(circuit.dissipated_power(c.network, c.resistances, v).sum(), delivered, rtol=1e-9, atol=1e-12)


@given(circuits(), st.integers(0, 2**32))
def test_no_other_voltages_dissipate_less(c: Circuit, seed: int) -> None:
    v = node_voltages(c.network, c.resistances, c.held)
    other = v.copy()
    other[c.free] += np.random.default_rng(seed).normal(0, 1, len(c.free))
    least, more = (circuit.dissipated_power(c.network, c.resistances, each).sum() for each in (v, other))
    assert more >= least - 1e-12


@given(circuits())
def test_every_voltage_lies_between_the_held_ones(c: Circuit) -> None:
    v = node_voltages(c.network, c.resistances, c.held)
    assert min(c.held.values()) - 1e-12 <= v.min()
    assert v.max() <= max(c.held.values()) + 1e-12


@given(circuits())
def test_held_nodes_have_exactly_the_voltage_given(c: Circuit) -> None:
    v = node_voltages(c.network, c.resistances, c.held)
    assert v[list(c.held)].tolist() == list(c.held.values())


@given(circuits(), st.floats(-3, 3), st.data())
def test_voltages_superpose(c: Circuit, factor: float, data: st.DataObject) -> None:
    second = {node: data.draw(st.floats(-5, 5)) for node in c.held}
    mixed = {node: volts + factor * second[node] for node, volts in c.held.items()}
    v, v_second, v_mixed = (node_voltages(c.network, c.resistances, held) for held in (c.held, second, mixed))
    assert_allclose(v_mixed, v + factor * v_second, atol=1e-12)


@given(circuits(), st.floats(0.1, 1e3))
def test_only_ratios_of_resistances_set_the_voltages(c: Circuit, factor: float) -> None:
    assert_allclose(
        node_voltages(c.network, factor * c.resistances, c.held),
        node_voltages(c.network, c.resistances, c.held),
        atol=1e-12,
    )


@given(circuits(), st.floats(0, 1e-2))
def test_the_transfer_matrix_gives_the_voltages(c: Circuit, leak_s: float) -> None:
    matrix = transfer_matrix(c.network, c.resistances, c.held, leak_s)
    v = node_voltages(c.network, c.resistances, c.held, leak_s)
    assert matrix.shape == (c.network.node_count, len(c.held))
    assert_allclose(matrix @ list(c.held.values()), v, atol=1e-12)


@given(circuits(), st.floats(1e-6, 1e-2))
def test_responses_are_weights_of_a_mean(c: Circuit, leak_s: float) -> None:
    tight, leaking = (transfer_matrix(c.network, c.resistances, c.held, leak) for leak in (0.0, leak_s))
    assert tight.min() >= -1e-13
    assert_allclose(tight.sum(axis=1), 1.0, rtol=1e-12)
    assert np.all(leaking <= tight + 1e-12)  # to ground goes what leaks
    assert np.all(leaking.sum(axis=1)[c.free] < 1.0)


@given(circuits())
def test_reciprocity_of_sources_and_readings(c: Circuit) -> None:
    """The current that 1 V at one held node drives into another is the current the other drives into it."""
    nodes = list(c.held)
    responses = transfer_matrix(c.network, c.resistances, nodes).T
    currents = np.array([circuit.node_currents(c.network, c.resistances, v)[nodes] for v in responses])
    assert_allclose(currents, currents.T, atol=1e-13)


@given(circuits(sometimes_broken))
def test_exactly_the_nodes_that_broken_edges_cut_off_float(c: Circuit) -> None:
    graph: nx.Graph[int] = nx.Graph(c.network.edges[np.isfinite(c.resistances)].tolist())
    graph.add_nodes_from(range(c.network.node_count))
    reached = set().union(*(nx.node_connected_component(graph, node) for node in c.held))
    floating = sorted(set(graph) - reached)
    if floating:
        with pytest.raises(FloatingNode) as raised:
            node_voltages(c.network, c.resistances, c.held)
        assert f"nodes {floating[:8]}" in str(raised.value)
    else:
        assert np.isfinite(node_voltages(c.network, c.resistances, c.held)).all()


@settings(max_examples=200)
@given(circuits(st.one_of(fifteen_decades, sometimes_broken)))
def test_a_solve_is_right_to_four_digits_or_says_it_is_not(c: Circuit) -> None:
    exact = exact_voltages(c.network, c.resistances.tolist(), c.held)
    try:
        v = node_voltages(c.network, c.resistances, c.held)
    except FloatingNode:
        assert exact is None
    except IllConditioned:
        assert np.ptp(np.log10(c.resistances[np.isfinite(c.resistances)])) > 8
    else:
        assert exact is not None
        assert_allclose(v, exact, atol=5e-4 * max(map(abs, c.held.values())) + MICROVOLT)


@settings(max_examples=50)
@given(circuits())
def test_within_the_range_of_a_board_a_solve_is_exact_to_rounding(c: Circuit) -> None:
    exact = exact_voltages(c.network, c.resistances.tolist(), c.held)
    assert exact is not None
    assert_allclose(node_voltages(c.network, c.resistances, c.held), exact, atol=1e-12)
