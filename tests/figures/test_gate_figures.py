"""What is measured at gates, and that figures of gates and of self-triggered edges find what was planted."""

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import Planted, scatter

import labnet
from labnet.errors import ExperimentError, NotSupported
from labnet.figures import FIGURES, make
from labnet.figures.figure import curves
from labnet.figures.figure import settings as read_settings
from labnet.figures.gate_bits import Measured, at_random, correlated, correlations, drawn, look, measure
from labnet_simulators.oscillators import OscillatorGate

FILES = Path(__file__).parents[2] / "experiments" / "figures"
TASK = "task.seed"
TINY = {
    "board": "sim://twin16?gate=oscillator",
    "curve": {"boards": 2, "biases": 9, "triggers": 60},
    "pairs": {
        "boards": 3,
        "triggers": 400,
        "spreads": [1.0],
        "rates_hz": [1000],
        "others": {"one": "oscillator_spread=0"},
    },
    "map": {"boards": 1, "triggers": 150, "spreads": [1.0, 1e-5], "periods": [1.382, 100.382]},
    "rational": {
        "boards": 2,
        "triggers": 100,
        "periods": [2.0, 2.5],
        "count": 3,
        "gates": {"one": "oscillator_spread=1e-4"},
    },
    "start": {"boards": 2, "spreads": [1.0], "seconds": [1e-6, 0.01], "count": 120},
}


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(TINY)


# What is measured -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=3, max_size=40).map(lambda rows: np.array(rows)),
)
def test_correlations_are_pearsons_of_gates_that_move(bits: np.ndarray) -> None:
    expected = []
    for i in range(6):
        for j in range(i + 1, 6):
            a, b = bits[:, i].astype(float), bits[:, j].astype(float)
            if 0 < a.sum() < len(a) and 0 < b.sum() < len(b):
                covariance = (a * b).mean() - a.mean() * b.mean()
                expected.append(covariance / np.sqrt((a.mean() - a.mean() ** 2) * (b.mean() - b.mean() ** 2)))
    np.testing.assert_allclose(correlations(bits), expected, atol=1e-12)


def test_drawn_gates_have_the_size_that_is_said() -> None:
    bits = np.random.default_rng(1).random((4000, 143)) < 0.5
    found = correlated(bits)
    assert found.size == pytest.approx(float(drawn(4000)), rel=0.03)
    assert abs(found.signed) < 1e-3
    assert found.again == pytest.approx(float(drawn(4000)), rel=0.3)
    assert found.stuck == 0.0


def test_gates_that_never_move_are_counted_and_left_out() -> None:
    bits = np.zeros((100, 4), dtype=np.bool_)
    bits[:, 1] = True
    bits[::2, 2] = bits[1::2, 3] = True
    found = correlated(bits)
    assert (found.stuck, found.signed, found.size) == (0.5, -1.0, 1.0)
    assert found.again == pytest.approx(1.0, abs=0.02), "it alternates"


def test_looking_gives_the_true_shares_of_a_board() -> None:
    with labnet.open_board("sim://twin16?gate=oscillator&seed=4") as board:
        board.bias_v = 0.3
        shares = look(board, at_random(4000)).mean(axis=0)
        truth = OscillatorGate().built(4, 16).share(0.3)
    np.testing.assert_allclose(shares, truth, atol=4 * 0.5 / np.sqrt(4000))


def test_the_axes_of_the_figure_are_what_they_say() -> None:
    """A spread of 1 is 6 % in frequency, rms; the file's factors shrink all of it."""
    frequencies = OscillatorGate().built(1, 4000).cycles_per_ns
    assert frequencies.std() / frequencies.mean() == pytest.approx(0.06, abs=0.003)
    for factor in (0.1, 1e-3):
        with labnet.open_board(f"sim://packing143?gate=oscillator&oscillator_spread={factor}&seed=1") as board:
            narrow = board.gates.cycles_per_ns  # type: ignore[attr-defined]
        assert narrow.std() / narrow.mean() == pytest.approx(0.06 * factor, rel=0.15)


# Fig. 3 ---------------------------------------------------------------------------------------------------------


def test_3_finds_independent_gates_and_those_that_are_one(measured: Measured) -> None:
    found = FIGURES["3"].find(measured)
    pairs = found.numbers["pairs"]
    assert found.verdict == "holds"
    assert pairs["spread 1, 1000 Hz"]["size_of_r"].high < 0.05
    assert pairs["one, 1000 Hz"]["size_of_r"].value > 0.3, "equal frequencies never drift apart"
    assert "one, 1000 Hz" in found.found[2]
    assert measured.shares[0].max() == 0
    assert measured.shares[-1].min() == 1


def test_3_finds_in_the_map_that_little_spread_and_few_periods_correlate(measured: Measured) -> None:
    assert measured.map[0].max() < 0.1 < measured.map[1, 0]


def test_3_finds_wrong_p_at_whole_periods(measured: Measured) -> None:
    whole, _, half = measured.rational["one"]
    assert whole[1] > 0.4, "each gate is open at all triggers, or at none"
    assert half[1] < 0.05 < 0.3 < half[0], "at half periods p is right, and gates are open in turns"


def test_3_says_no_where_gates_are_correlated(measured: Measured) -> None:
    stuck = dict.fromkeys(measured.pairs, measured.pairs["one", 1000])
    assert FIGURES["3"].find(measured._replace(pairs=stuck)).verdict == "holds in part"
    falling = measured._replace(pairs=stuck, shares=measured.shares[::-1])
    assert FIGURES["3"].find(falling).verdict == "does not hold"


def test_3_refuses_gates_that_are_drawn() -> None:
    with pytest.raises(NotSupported, match=r"sim://twin16 are no oscillators; allowed: .*gate=oscillator"):
        measure(TINY | {"board": "sim://twin16"})


def test_3_from_file_to_picture(tmp_path: Path) -> None:
    for quick in (False, True):
        assert read_settings(FILES / "3.toml", quick)["board"].startswith("sim://twin16")
    lines = [f"{key} = {_toml(value)}" for key, value in TINY.items()]
    (tmp_path / "3.toml").write_text("\n".join(lines), encoding="utf-8")
    made = make(FIGURES["3"], tmp_path / "3.toml", tmp_path)
    assert made.picture.read_bytes().startswith(b"\x89PNG")
    (tmp_path / "3.toml").write_text("\n".join([*lines, "trigers = 3"]), encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"3.toml: trigers is not a known key"):
        make(FIGURES["3"], tmp_path / "3.toml", tmp_path)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {_toml(each)}' for key, each in value.items()) + " }"
    return repr(value)


# Trainings ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn_gates() -> Planted:
    return Planted("gates", "ideal, Bernoulli", lambda point, x: scatter(point[TASK]) * np.ones(len(x)))


@pytest.mark.parametrize(("factor", "verdict"), [(1.15, "holds"), (2.0, "does not hold")])
def test_gates_finds_whether_errors_are_the_same(drawn_gates: Planted, factor: float, verdict: str) -> None:
    others = copy(drawn_gates)
    error = drawn_gates.frames["error"]
    others.frames = drawn_gates.frames | {"error": error.assign(scaled_error=factor * error["scaled_error"])}
    names = [curve.name for curve in curves(FILES / "gates.toml")]
    found = FIGURES["gates"].find({name: drawn_gates if "Bernoulli" in name else others for name in names})
    assert {said.rpartition(": ")[2] for said in found.verdict.split("; ")} == {verdict}
    np.testing.assert_allclose([ratio.value for ratio in found.numbers["ideal, oscillators"]["over_drawn"]], factor)


def test_self_triggered_curves_have_equally_many_updates() -> None:
    for curve in curves(FILES / "self-triggered.toml"):
        points = curve.over if isinstance(curve.over, list) else []
        for point in points[:: max(len(points) // 8, 1)]:
            clock = curve.experiment.changed(point).clock
            hz = 129980.08 if "130 kHz" in curve.name else 1000.0
            assert point["steps"] * clock.updates_per_step(hz) == pytest.approx(2000, rel=1e-3)
        assert bool(points) == ("global" not in curve.name)
