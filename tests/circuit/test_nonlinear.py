"""Networks of nonlinear edges: known circuits, conservation, least content, exact slopes; what cannot be solved."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from graphs import Circuit, circuits
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from labnet import Network, circuit, networks
from labnet.circuit import Diode, Law, Linear, Transistor, nonlinear
from labnet.circuit.laws import Linearised
from labnet.errors import BadResistance, CircuitError, FloatingNode, IllConditioned, NotConverged

FloatArray = NDArray[np.float64]

PATH = Network(np.array([[0, 1], [1, 2]]), 3)
MESH = networks.lattice(4, 4, periodic=True)
MIXED = Diode(directions=(1, 0, -1))
LAWS = pytest.mark.parametrize("law", [MIXED, Diode(directions=(1, -1)), Transistor(), Transistor(2e-3)], ids=str)


def left_over(network: Network, law: Law, ohm: FloatArray, volts: FloatArray) -> FloatArray:
    """The current that leaves every node."""
    currents, left = law.currents(network, ohm, volts), np.zeros(network.node_count)
    for edge, (a, b) in enumerate(network.edges):
        left[a] += currents[edge]
        left[b] -= currents[edge]
    return left


# Known circuits -------------------------------------------------------------------------------------------------


def test_a_diode_above_a_resistor() -> None:
    """5 V over 1 kohm, a 1N4148 and 2 kohm: one equation for the current, solved by bisection."""
    law = Diode(directions=(1, 0), bypass_s=1e-300)
    a = law.ideality * law.thermal_v
    current = brentq(lambda i: 3e3 * i + a * np.log1p(i / law.saturation_a) - 5.0, 0.0, 5e-3, xtol=1e-20, rtol=1e-14)
    v = circuit.node_voltages(PATH, [1e3, 2e3], {0: 5.0, 2: 0.0}, law=law)
    assert v[1] == pytest.approx(2e3 * current, rel=1e-12)
    assert 2.8 < v[1] < 3.0  # some 0.6 V over the diode


def test_a_divider_of_two_transistors() -> None:
    """With equal gates in their ohmic region u^2 halves: u_1^2 = (u_0^2 + u_2^2) / 2, u = V_GT - V."""
    v = circuit.node_voltages(PATH, [1e3, 1e3], {0: 0.8, 2: 0.0}, law=Transistor(1e-3, bypass_s=1e-30))
    assert v[1] == pytest.approx(1.0 - np.sqrt((0.2**2 + 1.0**2) / 2), rel=1e-12)


def test_a_transistor_that_is_pinched_off_is_a_source_of_current() -> None:
    """Above V_GT = 1 V the upper end has no say: S V_GT^2 / 2 at most flows into the lower one."""
    law = Transistor(1e-3, bypass_s=1e-30)
    low, high = (circuit.node_voltages(PATH, [1e3, 10.0], {0: top, 2: 0.0}, law=law)[1] for top in (2.0, 5.0))
    assert low == high == pytest.approx(1e-3 * 0.5 * (1 - low) ** 2 / 0.1, rel=5e-3)  # 10 ohm: V_GT = 100 V


def test_currents_that_are_fed_in_and_shunts() -> None:
    """Norton: a conductance G to a voltage V is the shunt G and the current G V."""
    star = Network(np.array([[0, 1], [1, 2], [3, 1]]), 4)
    law = Diode(directions=(1, 0, 0))
    ohm, g, wanted = np.array([1e3, 2e3, 5e3]), 1 / 5e3, 2.5
    as_edge = circuit.node_voltages(star, ohm, {0: 5.0, 2: 0.0, 3: wanted}, law=law)
    fed = np.array([0.0, g * wanted, 0.0])
    as_nudge = circuit.node_voltages(
        PATH, ohm[:2], {0: 5.0, 2: 0.0}, law=law, currents_a=fed, shunts_s=np.array([0.0, g, 0.0])
    )
    assert as_nudge == pytest.approx(as_edge[:3], rel=1e-12)


# Any network ----------------------------------------------------------------------------------------------------


@LAWS
@given(drawn=circuits())
def test_what_flows_into_a_free_node_flows_out(law: Law, drawn: Circuit) -> None:
    network, ohm, held = drawn.network, drawn.resistances, drawn.held
    v = circuit.node_voltages(network, ohm, held, law=law)
    most = float(np.abs(law.currents(network, ohm, v)).max())
    steepest = max(float(np.abs(slope).max()) for slope in law.slopes(network, ohm, v))
    left = left_over(network, law, ohm, v)[drawn.free]
    assert np.abs(left).max(initial=0.0) <= nonlinear.RESIDUAL * most * network.edge_count + 1e-13 * steepest
    assert [v[node] for node in held] == list(held.values())
    assert v.min() >= min(held.values()) - 1e-9
    assert v.max() <= max(held.values()) + 1e-9


@given(drawn=circuits(), into=st.integers(0, 11), current=st.floats(-1e-4, 1e-4))
def test_the_state_has_the_least_content(drawn: Circuit, into: int, current: float) -> None:
    """Of the contents less what is fed in, along random lines through the state: a minimum of a convex function."""
    network, ohm, held = drawn.network, drawn.resistances, drawn.held
    fed = np.where(np.arange(network.node_count) == into, current, 0.0)
    v = circuit.node_voltages(network, ohm, held, law=MIXED, currents_a=fed)

    def content(at: FloatArray) -> float:
        return float(MIXED.content(network, ohm, at).sum() - fed @ at)

    rng = np.random.default_rng(into)
    for size in (1e-3, 0.1, 2.0):
        moved = v.copy()
        moved[drawn.free] += size * rng.normal(size=len(drawn.free))
        assert content(moved) >= content(v) - 1e-13 * (1.0 + abs(content(v)))


def test_a_general_minimiser_of_the_content_finds_the_same_state() -> None:
    rng = np.random.default_rng(3)
    ohm, held = rng.uniform(500, 5e3, MESH.edge_count), {0: 0.0, 5: 5.0, 10: 2.0}
    free = [node for node in range(16) if node not in held]
    v = circuit.node_voltages(MESH, ohm, held, law=MIXED)

    def at(x: FloatArray) -> FloatArray:
        volts = v.copy()
        volts[free] = x
        return volts

    found = minimize(
        lambda x: 1e3 * MIXED.content(MESH, ohm, at(x)).sum(),
        np.full(len(free), 2.0),
        jac=lambda x: 1e3 * left_over(MESH, MIXED, ohm, at(x))[free],
        options={"gtol": 1e-8},
    )
    assert at(found.x) == pytest.approx(v, abs=1e-5)


@LAWS
def test_the_start_does_not_decide_the_state(law: Law) -> None:
    rng = np.random.default_rng(5)
    ohm, held = rng.uniform(500, 9e3, MESH.edge_count), {0: 0.0, 5: 3.0, 11: 1.0}
    from_scratch = circuit.node_voltages(MESH, ohm, held, law=law)
    from_elsewhere = circuit.node_voltages(MESH, ohm, held, law=law, start_v=rng.uniform(0, 3, 16))
    assert from_elsewhere == pytest.approx(from_scratch, abs=1e-9)


@LAWS
def test_large_networks_are_solved_by_sparse_factors(law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    ohm, held = np.random.default_rng(2).uniform(500, 9e3, MESH.edge_count), {0: 0.0, 5: 3.0}
    errors = np.eye(16)[9]
    dense = circuit.node_voltages(MESH, ohm, held, law=law)
    slope = circuit.cost_slope(MESH, ohm, dense, held, errors, law)
    monkeypatch.setattr(nonlinear, "DENSE_UP_TO", 0)
    sparse = circuit.node_voltages(MESH, ohm, held, law=law)
    assert sparse == pytest.approx(dense, abs=1e-12)
    assert circuit.cost_slope(MESH, ohm, sparse, held, errors, law) == pytest.approx(slope, rel=1e-6, abs=1e-18)


# Slopes of a cost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [Linear(), MIXED, Transistor()], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_slope_of_a_cost_is_that_of_finite_differences(law: Law, seed: int) -> None:
    """Central differences at h and 2 h: what both differ by is three times what the first is off by (Richardson)."""
    rng = np.random.default_rng(seed)
    ohm = rng.uniform(1e3, 5e3, MESH.edge_count)
    nodes = rng.permutation(16).tolist()
    held, outputs = dict(zip(nodes[:4], rng.uniform(0, 0.6, 4).tolist(), strict=True)), nodes[4:7]
    shunts, wanted = np.full(16, 1e-6), rng.uniform(0, 0.6, 3)

    def volts(at: FloatArray) -> FloatArray:
        return circuit.node_voltages(MESH, at, held, 1e-8, law=law, shunts_s=shunts)

    def cost(at: FloatArray) -> float:
        return float(0.5 * ((volts(at)[outputs] - wanted) ** 2).sum())

    errors = np.zeros(16)
    errors[outputs] = volts(ohm)[outputs] - wanted
    slopes = circuit.cost_slope(MESH, ohm, volts(ohm), held, errors, law, 1e-8, shunts)
    unit = np.eye(MESH.edge_count)
    for edge in range(0, MESH.edge_count, 5):
        h = 1e-3 * ohm[edge]
        near, far = ((cost(ohm + n * h * unit[edge]) - cost(ohm - n * h * unit[edge])) / (2 * n * h) for n in (1, 2))
        rounding = 1e-14 / h
        assert slopes[edge] == pytest.approx(near, abs=abs(far - near) + rounding + 1e-9 * abs(near))


def test_on_resistors_the_adjoint_is_the_circuit_driven_at_its_outputs() -> None:
    """The same network with the error fed into the output, inputs at 0 V; its drops times those of the state."""
    ohm, held = np.random.default_rng(1).uniform(500, 9e3, MESH.edge_count), {0: 0.0, 5: 4.0}
    v = circuit.node_voltages(MESH, ohm, held)
    pull = np.eye(16)[9] * 0.3 / MESH.r_ref_ohm
    lam = circuit.node_voltages(MESH, ohm, dict.fromkeys(held, 0.0), currents_a=pull)
    assert circuit.adjoint(MESH, ohm, v, held, pull) == pytest.approx(lam, abs=1e-15)
    r = ohm / MESH.r_ref_ohm
    by_drops = circuit.edge_drops(MESH, lam) * circuit.edge_drops(MESH, v) / r**2
    slope = circuit.cost_slope(MESH, ohm, v, held, np.eye(16)[9] * 0.3)
    assert slope * MESH.r_ref_ohm == pytest.approx(by_drops, rel=1e-10, abs=1e-18)


def nudged_contrast(law: Law, ohm: FloatArray, beta: float, top_v: float) -> tuple[FloatArray, FloatArray]:
    """Centred equilibrium propagation of one output, by a current, and what it estimates: dO/dr, both (E,)."""
    held, output, wanted = {0: 0.0, 5: top_v, 10: top_v / 2}, 13, top_v / 6
    free = circuit.node_voltages(MESH, ohm, held, law=law)
    errors = np.eye(16)[output] * (free[output] - wanted)
    plus, minus = (
        circuit.node_voltages(MESH, ohm, held, law=law, currents_a=-way * beta * errors / MESH.r_ref_ohm)
        for way in (1, -1)
    )
    estimate = -law.contrast(MESH, ohm, minus, plus) / (4 * beta)
    return estimate, MESH.r_ref_ohm * circuit.cost_slope(MESH, ohm, free, held, errors, law)


@pytest.mark.parametrize("law", [Linear(), MIXED], ids=str)
def test_the_contrast_of_two_nudged_states_tends_to_the_gradient_where_edges_are_reciprocal(law: Law) -> None:
    """Centred by a current: exact for resistors, else off by beta^2."""
    ohm = np.random.default_rng(8).uniform(1e3, 5e3, MESH.edge_count)
    off = []
    for beta in (0.02, 0.01):
        estimate, exact = nudged_contrast(law, ohm, beta, 5.0)
        off.append(float(np.abs(estimate - exact).max() / np.abs(exact).max()))
    if law.linear:
        assert max(off) < 1e-10
    else:
        assert off[0] < 0.05
        assert off[0] / off[1] == pytest.approx(4.0, rel=0.2)


def test_on_transistors_the_contrast_is_not_the_gradient_however_small_the_nudge() -> None:
    ohm = np.random.default_rng(8).uniform(1e3, 5e3, MESH.edge_count)
    for beta in (1e-2, 1e-3):
        estimate, exact = nudged_contrast(Transistor(1e-3), ohm, beta, 0.6)
        cosine = estimate @ exact / (np.linalg.norm(estimate) * np.linalg.norm(exact))
        assert 0.3 < cosine < 0.99  # it descends all the same


# What every network is not --------------------------------------------------------------------------------------


@LAWS
@given(drawn=circuits(), rise=st.floats(0.01, 2.0))
def test_where_an_input_rises_no_node_falls(law: Law, drawn: Circuit, rise: float) -> None:
    """So no single node computes XOR, on nonlinear edges as little as on linear ones."""
    node = min(drawn.held)
    before, after = (
        circuit.node_voltages(drawn.network, drawn.resistances, drawn.held | {node: volts}, law=law)
        for volts in (drawn.held[node], drawn.held[node] + rise)
    )
    assert (after - before).min() >= -1e-8


# Bad input ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hill(Law):
    """A current that falls again, and never reaches what is asked of it."""

    name: str = field(default="hill", init=False)

    def linearised(self, network: Network, ohm: FloatArray, volts: FloatArray) -> Linearised:
        drops = circuit.edge_drops(network, volts)
        slope = (1 - drops**2) / (1 + drops**2) ** 2 / ohm
        return Linearised(drops / (1 + drops**2) / ohm, slope, -slope)

    def ohm_slope(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        raise NotImplementedError

    def contrast(self, network: Network, ohm: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        raise NotImplementedError


def test_no_state_names_node_edge_and_what_is_left_over() -> None:
    message = (
        r"[0-9.e-]+ A are left over at node 1, where edge [01] \(nodes . and .\) carries most, .* A; "
        "allowed: 1e-09 of the most current"
    )
    with pytest.raises(NotConverged, match=message):
        circuit.node_voltages(PATH, [1e3, 1e3], {0: 0.0, 2: 0.0}, law=Hill(), currents_a=[0.0, 0.01, 0.0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"resistances_ohm": [1e3, -1.0]}, BadResistance, r"edges \[1\]"),
        ({"held": {}}, FloatingNode, "no path to a held node"),
        ({"resistances_ohm": [np.inf, np.inf]}, FloatingNode, r"nodes \[1\]"),
        ({"currents_a": [1.0]}, CircuitError, r"currents_a have shape \(1,\).*allowed: one finite number per node"),
        ({"shunts_s": [0.0, np.nan, 0.0]}, CircuitError, "shunts_s .* not all finite"),
        ({"shunts_s": [0.0, -1.0, 0.0]}, IllConditioned, r"not stable.*nodes \[1\]"),
    ],
)
def test_what_cannot_be_solved(change: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"resistances_ohm": [1e3, 1e3], "held": {0: 1.0, 2: 0.0}, "law": MIXED} | change
    with pytest.raises(error, match=message):
        circuit.node_voltages(PATH, **given)


def test_negative_shunts_that_leave_the_network_stable() -> None:
    """1 kohm each to 1 V and to ground, and -1 mS: three conductances of 1, 1 and -1 mS, so all of the 1 V."""
    v = circuit.node_voltages(PATH, [1e3, 1e3], {0: 1.0, 2: 0.0}, shunts_s=[0.0, -1e-3, 0.0])
    assert v[1] == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(IllConditioned, match="not stable"):
        circuit.node_voltages(PATH, [1e3, 1e3], {0: 1.0, 2: 0.0}, shunts_s=[0.0, -2.1e-3, 0.0])


def test_a_state_behind_a_diode_that_shunts_make_unstable_is_refused() -> None:
    """A diode that blocks does not hold the node against -10 uS; the state there is would not stay."""
    with pytest.raises(IllConditioned, match="not stable"):
        circuit.node_voltages(
            PATH, [1e3, 1e3], {0: -1.0, 2: -1.0}, law=Diode(directions=(1, -1)), shunts_s=[0.0, -1e-5, 0.0]
        )
