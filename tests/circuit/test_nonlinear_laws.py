"""Laws of edges that are no resistors: against closed forms, their own integrals and slopes."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from labnet import Network
from labnet.circuit import Diode, Law, Linear, Transistor
from labnet.errors import CircuitError

EDGE = Network(np.array([[0, 1]]), 2)
ONE_A_VOLT = 1e-3  # S, of a transistor
LAWS = [Linear(), Diode(), Diode(directions=(-1,)), Diode(directions=(0,)), Transistor(ONE_A_VOLT)]
RECIPROCAL = [law for law in LAWS if law.reciprocal]
ALL = pytest.mark.parametrize("law", LAWS, ids=str)

volts = st.floats(-5, 5)
ohms = st.floats(np.log(40), np.log(1e6)).map(lambda x: float(np.exp(x)))


def current(law: Law, ohm: float, first: float, second: float) -> float:
    return float(law.currents(EDGE, np.array([ohm]), np.array([first, second]))[0])


# What a current is ----------------------------------------------------------------------------------------------


@given(ohms, st.floats(-50, 50))
def test_resistor_and_junction_share_the_drop_over_a_diode(ohm: float, drop: float) -> None:
    law = Diode(bypass_s=1e-300)
    through = current(law, ohm, drop, 0.0)
    assert (
        -law.saturation_a * (1 + 1e-12) <= through <= max(0.0, drop / ohm) + 1e-13 * law.saturation_a
    )  # rounding of its logarithm
    if through > -0.999 * law.saturation_a:  # the logarithm has digits to compare
        junction = law.ideality * law.thermal_v * np.log1p(through / law.saturation_a)
        assert through * ohm + junction == pytest.approx(drop, rel=1e-9, abs=1e-9)


def test_a_diode_is_a_junction_where_its_resistor_is_small() -> None:
    """Shockley's equation, to the resistor's own drop."""
    law = Diode(bypass_s=1e-300)
    drop = 0.3
    shockley = law.saturation_a * np.expm1(drop / (law.ideality * law.thermal_v))
    through = current(law, 1.0, drop, 0.0)
    assert through == pytest.approx(shockley, rel=2 * shockley * 1.0 / (law.ideality * law.thermal_v))


def test_a_diode_at_extremes_neither_overflows_nor_vanishes() -> None:
    forward, backward = (current(Diode(), 1e3, drop, 0.0) for drop in (1e6, -1e6))
    assert forward == pytest.approx(1e6 / 1e3 + 1e6 * 1e-9, rel=1e-5)
    assert backward == pytest.approx(-2.52e-9 - 1e-3, rel=1e-9)
    assert current(Diode(), np.inf, 5.0, 0.0) == pytest.approx(0.0, abs=1e-14)


@given(ohms, volts, volts)
def test_directions_of_diodes(ohm: float, first: float, second: float) -> None:
    forward, backward, none = (Diode(directions=(way,)) for way in (1, -1, 0))
    assert current(forward, ohm, first, second) == -current(backward, ohm, second, first)
    assert current(none, ohm, first, second) == pytest.approx(current(Linear(), ohm, first, second), rel=1e-15)


def test_directions_are_repeated_along_the_edges() -> None:
    path = Network(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), 5)
    through = Diode(directions=(1, 0, -1)).currents(path, np.full(4, 1e3), np.array([4.0, 3.0, 2.0, 1.0, 0.0]))
    assert (through > 1e-5).tolist() == [True, True, False, True]


@given(st.floats(0.1, 3.0), st.floats(-1, 4), st.floats(-1, 4))
def test_the_square_law_of_a_transistor_in_all_its_regions(over: float, first: float, second: float) -> None:
    """The textbook's, with source and drain named: the lower end is the source of an n-channel transistor."""
    law = Transistor(strength_a_per_v2=ONE_A_VOLT, bypass_s=1e-300)
    source, drain, way = (second, first, 1) if first > second else (first, second, -1)
    gate_to_source, drain_to_source = over - source, drain - source
    if gate_to_source <= 0:
        expected = 0.0
    elif drain_to_source < gate_to_source:
        expected = ONE_A_VOLT * (gate_to_source * drain_to_source - drain_to_source**2 / 2)
    else:
        expected = ONE_A_VOLT * gate_to_source**2 / 2
    through = current(law, 1 / (ONE_A_VOLT * over), first, second)
    assert through == pytest.approx(way * expected, rel=1e-9, abs=1e-14)


@ALL
def test_resistance_at_zero_volts(law: Law) -> None:
    """R is the small-signal resistance of a transistor at 0 V; a diode adds that of its junction."""
    first, _ = law.slopes(EDGE, np.array([2e3]), np.zeros(2))
    has_junction = isinstance(law, Diode) and law.directions != (0,)
    junction_ohm = 1.752 * 0.02585 / 2.52e-9 if has_junction else 0.0
    assert 1 / first[0] == pytest.approx(2e3 + junction_ohm, rel=0.05 if has_junction else 1e-4)  # less the bypass


# What a current's slopes are ------------------------------------------------------------------------------------


@ALL
@given(ohm=ohms, first=volts, second=volts)
def test_slopes_are_those_of_the_current(law: Law, ohm: float, first: float, second: float) -> None:
    """Central differences: off by the third derivative, at most that of a junction, and by rounding."""
    h = 1e-4
    scale = 1 / ohm + 1e-6
    near_kink = isinstance(law, Transistor) and min(abs(1 / (ONE_A_VOLT * ohm) - v) for v in (first, second)) < 2 * h
    truncation = (h / 0.045) ** 2 + (1.0 if near_kink else 0.0)
    by_first, by_second = law.slopes(EDGE, np.array([ohm]), np.array([first, second]))
    rises = (current(law, ohm, first + h, second) - current(law, ohm, first - h, second)) / (2 * h)
    falls = (current(law, ohm, first, second + h) - current(law, ohm, first, second - h)) / (2 * h)
    steepest = scale + (ONE_A_VOLT * 10 if isinstance(law, Transistor) else 0.0)
    assert by_first[0] > 0 > by_second[0]
    assert by_first[0] == pytest.approx(rises, abs=(truncation + 1e-8) * steepest)
    assert by_second[0] == pytest.approx(falls, abs=(truncation + 1e-8) * steepest)
    dr = 1e-4 * ohm
    by_ohm = (current(law, ohm + dr, first, second) - current(law, ohm - dr, first, second)) / (2 * dr)
    largest = max(abs(first), abs(second), 1.0) * steepest / ohm
    slope = law.ohm_slope(EDGE, np.array([ohm]), np.array([first, second]))[0]
    assert slope == pytest.approx(by_ohm, abs=(2e-3 if near_kink or isinstance(law, Transistor) else 1e-6) * largest)


# Content --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", RECIPROCAL, ids=str)
@pytest.mark.parametrize("drop", [-3.0, -0.01, 0.0, 0.02, 0.5, 4.0])
def test_content_is_the_integral_of_the_current_over_the_drop(law: Law, drop: float) -> None:
    integral, error = quad(lambda v: current(law, 1e3, v, 0.0), 0.0, drop, epsabs=1e-15, epsrel=1e-10, limit=200)
    content = law.content(EDGE, np.array([1e3]), np.array([drop, 0.0]))[0]
    assert content == pytest.approx(integral, rel=1e-8, abs=1e-14 + error)


@pytest.mark.parametrize("law", RECIPROCAL, ids=str)
@given(ohm=st.floats(100, 1e4), one=st.floats(-3, 3), other=st.floats(-3, 3))
def test_contrast_is_the_difference_of_the_contents_slopes(law: Law, ohm: float, one: float, other: float) -> None:
    def slope(drop: float) -> float:
        low, high = (law.content(EDGE, np.array([ohm * x]), np.array([drop, 0.0]))[0] for x in (1 - 1e-4, 1 + 1e-4))
        return float((high - low) / (2e-4 * ohm))

    states = np.array([one, 0.0]), np.array([other, 0.0])
    contrast = law.contrast(EDGE, np.array([ohm]), *states)[0]
    scale = (EDGE.r_ref_ohm / ohm) ** 2 * (one * one + other * other)
    assert contrast == pytest.approx(2 * EDGE.r_ref_ohm**2 * (slope(one) - slope(other)), abs=1e-7 * scale + 1e-9)


def test_contrast_of_resistors_has_the_bits_of_coupled_learning() -> None:
    """The roundings that engine and firmware have: (r r) ((c - f) (c + f)), r = R_ref (1 / R)."""
    rng = np.random.default_rng(1)
    path = Network(np.array([[k, k + 1] for k in range(8)]), 9)
    ohm, free, clamped = rng.uniform(40, 1e4, 8), rng.uniform(0, 5, 9), rng.uniform(0, 5, 9)
    f, c = (-np.diff(v) for v in (free, clamped))
    r = path.r_ref_ohm * (1.0 / ohm)
    assert Linear().contrast(path, ohm, free, clamped).tolist() == ((r * r) * ((c - f) * (c + f))).tolist()


@pytest.mark.parametrize("law", RECIPROCAL, ids=str)
def test_a_broken_edge_has_no_content(law: Law) -> None:
    assert law.content(EDGE, np.array([np.inf]), np.array([5.0, 0.0]))[0] == pytest.approx(0.0, abs=1e-12)


def test_transistors_are_not_reciprocal_and_have_no_content() -> None:
    law = Transistor(ONE_A_VOLT)
    first, second = law.slopes(EDGE, np.array([2e3]), np.array([0.3, 0.0]))
    assert first[0] < 0.5 * -second[0]
    assert not law.reciprocal
    with pytest.raises(CircuitError, match="no content; allowed: reciprocal laws"):
        law.content(EDGE, np.array([2e3]), np.zeros(2))


# Data -----------------------------------------------------------------------------------------------------------


@ALL
def test_laws_are_plain_data_that_say_which_they_are(law: Law) -> None:
    data: dict[str, Any] = asdict(law)  # type: ignore[call-overload]
    name = data.pop("name")
    kinds = {"linear": Linear, "diode": Diode, "transistor": Transistor}
    assert kinds[name](**data) == law


@pytest.mark.parametrize(
    ("law", "data", "message"),
    [
        (Diode, {"saturation_a": 0.0}, "saturation_a of Diode is 0.0; allowed: above 0"),
        (Diode, {"ideality": np.nan}, "ideality of Diode is nan"),
        (Diode, {"directions": (1, 2)}, r"directions of diodes are \(1, 2\); allowed"),
        (Diode, {"directions": ()}, "directions of diodes are"),
        (Transistor, {"strength_a_per_v2": -1.0}, "strength_a_per_v2 of Transistor is -1.0"),
        (Transistor, {"bypass_s": np.inf}, "bypass_s of Transistor is inf"),
    ],
)
def test_numbers_that_no_part_has(law: type[Law], data: dict[str, Any], message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        law(**data)
