"""Oscillator gates against their circuit: a capacitor that charges and discharges between two thresholds."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labnet
from labnet.errors import OutOfRange
from labnet_simulators.components import PRESETS
from labnet_simulators.oscillators import MOST_JITTER, OscillatorGate, Oscillators, jitter

BIASES = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 2**32)
EDGES = 5


class Circuit:
    """One oscillator's capacitor, followed from threshold to threshold: exponentials, no fractions of a cycle."""

    def __init__(self, gate: OscillatorGate, oscillators: Oscillators, edge: int) -> None:
        self.supply_v, self.level_v = gate.supply_v, gate.level_v
        self.low_v, self.high_v = float(oscillators.low_v[edge]), float(oscillators.high_v[edge])
        self.offset_v = float(oscillators.offset_v[edge])
        turn = log((self.supply_v - self.low_v) / (self.supply_v - self.high_v)) + log(self.high_v / self.low_v)
        self.rc_s = 1e-9 / float(oscillators.cycles_per_ns[edge]) / turn
        self.rising_s = self.rc_s * log((self.supply_v - self.low_v) / (self.supply_v - self.high_v))
        self.period_s = self.rc_s * turn
        self.began_s = -float(oscillators.phase[edge]) * self.period_s  # when it last stood at the low threshold

    def volts(self, time_s: float) -> float:
        """Give the capacitor's voltage, walking from one corner of the waveform to the next."""
        at, rises = self.began_s, True
        while True:
            lasts = self.rising_s if rises else self.period_s - self.rising_s
            if time_s < at + lasts:
                break
            at, rises = at + lasts, not rises
        decayed = exp(-(time_s - at) / self.rc_s)
        if rises:
            return self.supply_v + (self.low_v - self.supply_v) * decayed
        return self.high_v * decayed

    def margin_v(self, time_s: float, bias_v: float) -> float:
        """Give by how much the oscillator is below what it is compared with."""
        return self.level_v + bias_v + self.offset_v - self.volts(time_s)


def gates(**changes: float) -> tuple[OscillatorGate, Oscillators]:
    seed = int(changes.pop("seed", 3))
    gate = replace(OscillatorGate(), **changes)
    return gate, gate.built(seed, EDGES)


# The circuit ----------------------------------------------------------------------------------------------------


def test_the_frequency_is_that_of_the_rc_circuit_in_tiny_steps() -> None:
    """Euler's method, nothing of the exponentials: the capacitor's current is the voltage over the resistor."""
    gate = OscillatorGate()
    step_s, volts, rises, crossings, time_s = 1e-9, gate.low_v, True, [], 0.0
    while len(crossings) < 6:
        volts += step_s * ((gate.supply_v if rises else 0.0) - volts) / (gate.resistor_ohm * gate.capacitor_f)
        time_s += step_s
        if rises and volts >= gate.high_v:
            rises = False
        elif not rises and volts <= gate.low_v:
            rises = True
            crossings.append(time_s)
    periods = np.diff(crossings)
    assert 1.0 / periods.mean() == pytest.approx(gate.frequency_hz, rel=1e-3)
    assert gate.frequency_hz == pytest.approx(130e3, rel=1e-3)


@settings(deadline=None)
@given(seed=SEEDS, bias_v=BIASES, periods=st.floats(0.0, 40.0), phase_spread=st.sampled_from([0.0, 0.3, 1.0]))
def test_gates_are_open_when_the_capacitor_is_below_the_bias(
    seed: int, bias_v: float, periods: float, phase_spread: float
) -> None:
    gate, oscillators = gates(seed=seed, phase_spread=phase_spread)
    time_ns = round(periods / gate.frequency_hz * 1e9)
    enabled = oscillators.enabled(np.empty(0, np.uint64), float(time_ns), bias_v)
    for edge in range(EDGES):
        margin_v = Circuit(gate, oscillators, edge).margin_v(time_ns * 1e-9, bias_v)
        if abs(margin_v) > 1e-9:  # at a tie either is right
            assert enabled[edge] == (margin_v > 0), (edge, margin_v)


def test_far_times_cost_no_walk_and_keep_the_phase() -> None:
    """An hour after power-on, against exact integers: time in ns times the frequency loses no phase that matters."""
    gate, oscillators = gates()
    bias_v, hour_ns = 0.37, 3_600_000_000_000
    for late in range(hour_ns, hour_ns + 200_000, 331):
        enabled = oscillators.enabled(np.empty(0, np.uint64), float(late), bias_v)
        for edge in range(EDGES):
            circuit = Circuit(gate, oscillators, edge)
            frequency = float(oscillators.cycles_per_ns[edge]).as_integer_ratio()
            turned = (late * frequency[0]) % frequency[1] / frequency[1]  # of a period, exactly
            margin_v = circuit.margin_v(turned * circuit.period_s, bias_v)
            if abs(margin_v) > 1e-4:
                assert enabled[edge] == (margin_v > 0)


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, bias_v=BIASES)
def test_the_share_is_the_duty_cycle(seed: int, bias_v: float) -> None:
    gate, oscillators = gates(seed=seed)
    shares = oscillators.share(bias_v)
    for edge in range(EDGES):
        circuit = Circuit(gate, oscillators, edge)
        times_s = (np.arange(2000) + 0.5) / 2000 * circuit.period_s
        below = np.mean([circuit.margin_v(time_s, bias_v) > 0 for time_s in times_s])
        assert shares[edge] == pytest.approx(below, abs=2e-3)


@given(seed=SEEDS, low_v=BIASES, high_v=BIASES)
def test_the_share_rises_with_the_bias_and_ends_outside_of_the_swing(seed: int, low_v: float, high_v: float) -> None:
    oscillators = OscillatorGate().built(seed, EDGES)
    low_v, high_v = sorted((low_v, high_v))
    assert (oscillators.share(low_v) <= oscillators.share(high_v)).all()
    assert (oscillators.share(0.0) == 0.0).all()
    assert (oscillators.share(1.0) == 1.0).all()


def test_the_share_is_the_formula_of_the_docs() -> None:
    def logit(share: float) -> float:
        return log(share / (1.0 - share))

    gate = replace(OscillatorGate(), threshold_tolerance_v=0.0, offset_v=0.0)
    low, high = (logit(volts / gate.supply_v) for volts in (gate.low_v, gate.high_v))
    for bias_v in np.linspace(0.03, 0.97, 20):
        p = (logit((gate.level_v + bias_v) / gate.supply_v) - low) / (high - low)
        np.testing.assert_allclose(gate.built(1, EDGES).share(bias_v), p, rtol=1e-12)
        assert p == pytest.approx((bias_v - 0.025) / 0.95, abs=4e-3), "nearly a straight line"


@pytest.mark.parametrize("bias_v", [0.0, 1.0])
def test_bias_outside_of_the_swing_is_never_or_always(bias_v: float) -> None:
    for rms in (0.0, MOST_JITTER):
        _, oscillators = gates(jitter=rms)
        for time_ns in range(0, 1_000_000, 9973):
            assert (oscillators.enabled(np.empty(0, np.uint64), float(time_ns), bias_v) == bool(bias_v)).all()


# Power-on, temperature, jitter ----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase_spread", [0.0, 0.25, 1.0])
def test_phases_at_power_on(phase_spread: float) -> None:
    phase = replace(OscillatorGate(), phase_spread=phase_spread).built(7, 4000).phase
    assert ((phase >= 0) & (phase <= phase_spread)).all()
    if phase_spread:
        decile = np.arange(1, 10) / 10
        np.testing.assert_allclose(np.quantile(phase / phase_spread, decile), decile, atol=0.03)


def test_together_from_power_on_all_gates_are_alike_at_first() -> None:
    """Capacitors are empty and below any bias; after some periods the spread has drawn them apart."""
    gate = replace(OscillatorGate(), phase_spread=0.0)
    oscillators = gate.built(5, 143)
    nothing = np.empty(0, np.uint64)
    assert oscillators.enabled(nothing, 0.0, 0.5).all()
    late = [oscillators.enabled(nothing, 1e7 + 1234.0 * k, 0.5).mean() for k in range(50)]
    assert np.mean(late) == pytest.approx(0.5, abs=0.05)


def test_spreads_are_uniform_within_their_tolerances() -> None:
    gate = OscillatorGate()
    oscillators = gate.built(2, 4000)
    for volts, nominal, tolerance in (
        (oscillators.low_v, gate.low_v, gate.threshold_tolerance_v),
        (oscillators.high_v, gate.high_v, gate.threshold_tolerance_v),
        (oscillators.offset_v, 0.0, gate.offset_v),
    ):
        off = (volts - nominal) / tolerance
        assert np.abs(off).max() <= 1
        assert off.std() == pytest.approx(3**-0.5, rel=0.05)
    turn = np.log((5 - oscillators.low_v) / (5 - oscillators.high_v)) + np.log(oscillators.high_v / oscillators.low_v)
    rc = 1e-9 / oscillators.cycles_per_ns / turn / (gate.resistor_ohm * gate.capacitor_f)
    assert rc.min() >= 0.99 * 0.9
    assert rc.max() <= 1.01 * 1.1
    assert rc.std() == pytest.approx(np.hypot(0.1, 0.01) / 3**0.5, rel=0.05)


def test_temperature_drift_against_a_sum_over_small_steps() -> None:
    """Phase is the integral of the frequency, and the frequency falls with the temperature at that time."""
    gate, oscillators = gates(temperature_k=7.0, temperature_period_s=2.0)
    _, steady = gates()
    step_ns, lost, at = 20_000.0, np.zeros(EDGES), 0.0
    per_k = oscillators.drift_per_ns / oscillators.cycles_per_ns
    assert ((per_k >= gate.tempco_per_k - gate.tempco_spread_per_k) & (per_k <= 6e-4)).all()
    for k in range(50_000):
        kelvin = 7.0 * np.sin(2 * np.pi * (at + step_ns / 2) / 2e9)
        lost += step_ns * oscillators.cycles_per_ns * per_k * kelvin
        at += step_ns
        if k % 7000 == 0:
            drifted = steady.cycles(at, 0.5) - oscillators.cycles(at, 0.5)
            np.testing.assert_allclose(drifted, lost, atol=1e-6 * np.abs(lost).max() + 1e-6)
    assert lost.max() > 10, "many periods in a second"


@pytest.mark.parametrize("rms", [0.01, MOST_JITTER])
def test_jitter_is_as_large_as_stated_and_periods_never_swap(rms: float) -> None:
    edges = np.arange(20, dtype=np.uint64)
    late = jitter(4, rms, edges[:, None], np.arange(-10, 5000))
    assert late.std() == pytest.approx(rms, rel=0.01)
    assert late.mean() == pytest.approx(0.0, abs=4 * rms / np.sqrt(late.size))
    assert np.abs(late).max() < min(0.5, 3.5 * rms)
    assert np.diff(np.arange(-10, 5000) + late, axis=1).min() > 0
    between = np.corrcoef(late[:, 1:].ravel(), late[:, :-1].ravel())[0, 1]
    assert abs(between) < 4 / np.sqrt(late.size), "it does not accumulate, nor last"


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, bias_v=BIASES, rms=st.floats(0.001, MOST_JITTER), first_ns=st.integers(0, 10**12))
def test_jitter_moves_each_opening(seed: int, bias_v: float, rms: float, first_ns: int) -> None:
    """Against a list of openings near that time, each as long as the share: O(1) must find the one that counts."""
    _, oscillators = gates(seed=seed, jitter=rms)
    shares, edges = oscillators.share(bias_v), np.arange(EDGES, dtype=np.uint64)
    for time_ns in range(first_ns, first_ns + 20_000, 777):
        y = oscillators.cycles(float(time_ns), bias_v)
        enabled = oscillators.enabled(np.empty(0, np.uint64), float(time_ns), bias_v)
        for edge in range(EDGES):
            numbers = np.floor(y[edge]) + np.arange(-3, 4)
            begins = numbers + jitter(seed, rms, edges[edge], numbers)
            inside = (begins <= y[edge]) & (y[edge] < begins + shares[edge])
            assert enabled[edge] == (shares[edge] > 0 and (inside.any() or shares[edge] >= 1))


def test_jitter_widens_no_gate_while_openings_do_not_overlap() -> None:
    _, oscillators = gates(jitter=0.05)
    rng = np.random.default_rng(1)
    times = rng.uniform(0, 1e10, 4000)
    nothing = np.empty(0, np.uint64)
    counted = np.mean([oscillators.enabled(nothing, time_ns, 0.5) for time_ns in times], axis=0)
    np.testing.assert_allclose(counted, oscillators.share(0.5), atol=4 * 0.5 / np.sqrt(len(times)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low_v": 3.0}, "thresholds of 3.0 V and 2.975 V"),
        ({"high_v": 5.0}, "thresholds of 2.025 V and 5.0 V"),
        ({"threshold_tolerance_v": 0.6}, "further apart than their tolerance of 0.6 V"),
        ({"jitter": 0.2}, "jitter of 0.2 periods; allowed: 0 to 0.14"),
        ({"temperature_k": 2000.0}, "changes periods by up to 1.2; allowed: .* up to 0.5"),
        ({"temperature_k": -1.0}, "swings by -1.0 K"),
    ],
)
def test_circuits_that_do_not_oscillate_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(OutOfRange, match=message):
        replace(OscillatorGate(), **changes)


# On the board ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(p=st.floats(0.001, 0.999), seed=SEEDS)
def test_a_board_that_knows_its_curve_sets_the_bias_for_a_mean_p(p: float, seed: int) -> None:
    oscillators = OscillatorGate(known=True).built(seed, 16)
    assert oscillators.share(oscillators.bias_for(p)).mean() == pytest.approx(p, abs=1e-9)


ADDRESS = "sim://twin16?preset=lab&gate=oscillator&calibrated=true&seed=5"


def test_a_p_for_which_the_bias_source_has_no_code_is_refused() -> None:
    with labnet.open_board(ADDRESS.replace("seed=5", "seed=3")) as board:
        with pytest.raises(OutOfRange, match="opens no gate"):
            board.set_update_probability(1e-7)
        board.set_update_probability(1e-4)
        assert board.bias_v > 0.0


@pytest.mark.parametrize("options", ["", "&jitter=0.1", "&temperature_k=20", "&jitter=0.1&temperature_k=20"])
def test_the_same_bits_from_verbs_snapshots_and_the_engine(options: str) -> None:
    """The engine trains; a board that is only waited and looked at says which gates were open at these times."""
    with labnet.open_board(ADDRESS + options) as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=2)
        with labnet.train(board, task, steps=120, clock=labnet.GlobalClock(p=0.3), progress=False) as run:
            steps = run.steps()[:-1]
            enabled = run.array("enabled", steps).astype(bool)
            triggered_s = run.frame("steps")["time_s"].to_numpy()[:-1] + 2 * run.plan.settle_s
    with labnet.open_board(ADDRESS + options) as board:
        board.set_update_probability(0.3)
        for k in steps:
            if k == 60:
                middle = board.snapshot()
            board.wait(triggered_s[k] - board.time_s)
            assert (board.enabled() == enabled[k]).all(), k
        board.restore(middle)
        for k in steps[60:]:
            board.wait(triggered_s[k] - board.time_s)
            assert (board.enabled() == enabled[k]).all(), k
    assert 0.2 < enabled.mean() < 0.4


def test_looking_changes_nothing_and_a_trigger_latches_what_was_seen() -> None:
    with labnet.open_board("sim://twin16?gate=oscillator&seed=1") as board:
        board.drive("free", {0: 1.0, 8: 0.0})
        board.drive("clamped", {0: 1.0, 8: 0.0})
        board.bias_v = 0.5
        for _ in range(50):
            board.wait(1.234e-3)
            seen = board.enabled()
            assert (seen == board.enabled()).all()
            assert (board.trigger().enabled == seen).all()


def test_presets_have_drawn_gates_unless_asked() -> None:
    assert not any(isinstance(parts.gate, OscillatorGate) for parts in PRESETS.values())
