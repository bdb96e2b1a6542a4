from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from star import hold_drops, star_board

import labnet
from labnet.board import Converter, Side
from labnet.errors import OutOfRange
from labnet_simulators import (
    Adc,
    ComparatorPair,
    Dac,
    Digipot,
    EffectiveComparator,
    Gate,
    Leakage,
    Parts,
    SimulatedBoard,
)

FloatArray = NDArray[np.float64]
LSB = 10000 / 128
EDGES = 1000
TRIGGERS = 20
# Every pair of drops from this set: strict ones of both signs, equal and opposite ones, zeros.
DROPS_V = np.array(list(product([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], repeat=2)))


def all_resistances(pot: Digipot, side: Side = "free", seed: int = 0, edges: int = EDGES) -> FloatArray:
    """R at every wiper position, shape (128, E)."""
    board = star_board(edges, Parts(pot=pot), seed)
    r = []
    for k in range(pot.positions):
        board.set_wipers(k)
        r.append(board.resistances(side))
    return np.array(r)


def ups(board: SimulatedBoard, triggers: int) -> NDArray[np.bool_]:
    return np.array([board.trigger(step_wipers=False).directions > 0 for _ in range(triggers)])


def assert_share(found: NDArray[np.bool_], expected: float) -> None:
    assert abs(found.mean() - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / found.size)


# Digital potentiometer ------------------------------------------------------------------------------------------


def test_an_ideal_pot_is_a_wiper_and_k_steps() -> None:
    k = np.arange(128)[:, None]
    for side in ("free", "clamped"):
        assert np.array_equal(all_resistances(Digipot(), side, edges=3), np.repeat(40 + k * LSB, 3, axis=1))


def test_the_rails_are_the_wiper_alone_and_all_but_one_step() -> None:
    r = all_resistances(Digipot(), edges=1)
    assert r[0, 0] == 40.0
    assert r[127, 0] == 40.0 + 127 * 10000 / 128


def test_a_pot_powers_up_at_midscale() -> None:
    assert star_board(2).wipers().tolist() == [64, 64]
    assert star_board(2, Parts(pot=Digipot(power_up=3))).wipers().tolist() == [3, 3]


def test_tolerance_scales_both_twins_by_the_same_share() -> None:
    pot = Digipot(tolerance=0.3)
    free, clamped = all_resistances(pot, "free"), all_resistances(pot, "clamped")
    share = (free[1:] - 40) / (np.arange(1, 128)[:, None] * LSB) - 1
    assert np.array_equal(free, clamped)
    assert np.allclose(share, share[0], atol=1e-12)
    assert 0.29 < np.abs(share).max() <= 0.3
    assert share[0].std() == pytest.approx(0.3 / np.sqrt(3), rel=0.05)


def test_twins_differ_by_at_most_the_mismatch() -> None:
    pot = Digipot(twin_mismatch=0.01)
    free, clamped = all_resistances(pot, "free")[127] - 40, all_resistances(pot, "clamped")[127] - 40
    apart = (clamped - free) / (127 * LSB)
    assert 0.0099 < np.abs(apart).max() <= 0.01
    assert abs(apart.mean()) < 4.5 * 0.01 / np.sqrt(3 * EDGES)


def test_inl_bows_r_between_exact_ends() -> None:
    steps = (all_resistances(Digipot(inl_lsb=0.5)) - 40) / LSB
    bow = steps - np.arange(128)[:, None]
    assert bow[[0, 127]] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(bow).max() <= 0.5
    assert np.abs(bow[63]).max() > 0.49
    assert (np.abs(bow[63]) >= np.abs(bow[20])).all()


def test_dnl_changes_single_steps_and_does_not_add_up() -> None:
    steps = (all_resistances(Digipot(dnl_lsb=0.5)) - 40) / LSB
    uneven = np.diff(steps, axis=0) - 1
    assert 0.48 < np.abs(uneven).max() <= 0.5
    assert np.abs(steps - np.arange(128)[:, None]).max() <= 0.25


def test_no_resistance_is_below_the_wiper() -> None:
    assert all_resistances(Digipot(inl_lsb=1.0, dnl_lsb=1.0)).min() >= 40.0


@pytest.mark.parametrize("name", ["tolerance", "twin_mismatch", "inl_lsb", "dnl_lsb"])
def test_spreads_of_pots_belong_to_the_seed(name: str) -> None:
    pot = replace(Digipot(), **{name: 0.2})
    first, again, other = (all_resistances(pot, seed=seed, edges=5) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.isclose(first[64], other[64]).any()


@pytest.mark.parametrize("name", ["inl_lsb", "dnl_lsb"])
def test_nonlinearity_of_twins_is_their_own(name: str) -> None:
    pot = replace(Digipot(), **{name: 0.2})
    assert not np.isclose(all_resistances(pot, "free")[64], all_resistances(pot, "clamped")[64]).all()


# Comparators ----------------------------------------------------------------------------------------------------


def test_without_sigma_the_larger_drop_decides_and_ties_step_down() -> None:
    board = star_board(len(DROPS_V))
    hold_drops(board, DROPS_V[:, 0], DROPS_V[:, 1])
    d_free, d_clamped = np.abs(DROPS_V).T
    assert (board.directions() == np.where(d_clamped > d_free, 1, -1)).all()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_sigma_lifts_clamped_drops_that_fall_short_by_less(share: float, frozen: bool) -> None:
    board = star_board(EDGES, Parts(comparator=EffectiveComparator(0.0, 0.05, frozen)), seed=1)
    hold_drops(board, 1.0, 1.0 - share * 0.05)
    assert_share(ups(board, 1 if frozen else TRIGGERS), 1 - share)


def test_sigma_has_a_lower_end_too() -> None:
    board = star_board(EDGES, Parts(comparator=EffectiveComparator(0.03, 0.05)))
    hold_drops(board, -1.0, -0.9701)
    assert ups(board, TRIGGERS).all()
    hold_drops(board, -1.0, -0.96)
    assert_share(ups(board, TRIGGERS), 0.5)
    hold_drops(board, -1.0, -0.9499)
    assert not ups(board, TRIGGERS).any()


def test_a_redrawn_sigma_is_new_at_every_trigger() -> None:
    board = star_board(EDGES, Parts(comparator=EffectiveComparator(0.0, 0.05)))
    hold_drops(board, 1.0, 0.975)
    up = ups(board, 40)
    assert up.any(axis=0).all()
    assert not up.all(axis=0).any()
    assert abs(np.corrcoef(up[1:].ravel(), up[:-1].ravel())[0, 1]) < 4.5 / np.sqrt(up.size)


def test_a_frozen_sigma_is_the_edge_s_own_for_ever() -> None:
    parts = Parts(comparator=EffectiveComparator(0.0, 0.05, frozen=True))
    decided = []
    for seed in (1, 1, 2):
        board = star_board(EDGES, parts, seed)
        hold_drops(board, 1.0, 0.975)
        up = ups(board, TRIGGERS)
        assert (up == up[0]).all()
        decided.append(up[0])
    assert (decided[0] == decided[1]).all()
    assert_share(decided[0] != decided[2], 0.5)


def test_sigma_and_gate_are_independent() -> None:
    board = star_board(EDGES, Parts(comparator=EffectiveComparator(0.0, 0.05)))
    hold_drops(board, 1.0, 0.975)
    board.set_update_probability(0.5)
    latched = [board.trigger(step_wipers=False) for _ in range(TRIGGERS)]
    up = np.array([update.directions > 0 for update in latched]).ravel()
    enabled = np.array([update.enabled for update in latched]).ravel()
    assert abs(np.corrcoef(up, enabled)[0, 1]) < 4.5 / np.sqrt(up.size)


def test_the_comparator_pair_is_note_32_s_xor() -> None:
    board = star_board(len(DROPS_V), Parts(comparator=ComparatorPair(offset_v=0.0)))
    hold_drops(board, DROPS_V[:, 0], DROPS_V[:, 1])
    d_free, d_clamped = DROPS_V.T
    down = (d_clamped > d_free) ^ (d_clamped + d_free > 0)
    assert (board.directions() == np.where(down, -1, 1)).all()
    no_tie = np.abs(d_clamped) != np.abs(d_free)
    assert (board.directions() == np.where(np.abs(d_clamped) > np.abs(d_free), 1, -1))[no_tie].all()


@pytest.mark.parametrize(
    ("d_free", "d_clamped", "direction"),
    [(1, 1, -1), (-1, -1, 1), (0, 0, 1), (-1, 1, -1), (1, -1, 1)],
    ids=["equal above 0", "equal below 0", "both 0", "opposite, clamped above", "opposite, clamped below"],
)
def test_on_ties_the_xor_of_the_pair_decides(d_free: float, d_clamped: float, direction: int) -> None:
    board = star_board(3, Parts(comparator=ComparatorPair(offset_v=0.0)))
    hold_drops(board, d_free, d_clamped)
    assert board.directions().tolist() == [direction] * 3


@pytest.mark.parametrize("sign", [1, -1])
def test_each_comparator_of_a_pair_is_off_by_its_own_frozen_offset(sign: int) -> None:
    board = star_board(EDGES, Parts(comparator=ComparatorPair(offset_v=0.02)), seed=3)
    hold_drops(board, sign * 1.0, sign * 0.99)
    first = ups(board, TRIGGERS)
    assert (first == first[0]).all()
    assert_share(first[0], 0.25)  # the first comparator's offset is uniform within 20 mV; 10 mV decide
    hold_drops(board, sign * -1.0, sign * 0.99)
    second = ups(board, 1)[0]
    assert_share(second, 0.25)
    assert_share(first[0] & second, 0.0625)
    hold_drops(board, sign * 1.0, sign * 0.97999)
    assert not ups(board, 1).any()
    hold_drops(board, sign * 1.0, sign * 1.02001)
    assert ups(board, 1).all()


def test_noise_of_the_pair_is_normal_and_new_at_every_trigger() -> None:
    board = star_board(EDGES, Parts(comparator=ComparatorPair(offset_v=0.0, noise_v=0.01)))
    hold_drops(board, 1.0, 0.99)
    up = ups(board, TRIGGERS)
    assert_share(up, 0.15866)  # one standard deviation
    assert abs(np.corrcoef(up[1:].ravel(), up[:-1].ravel())[0, 1]) < 4.5 / np.sqrt(up.size)


# Gate -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.03, 0.3, 0.5, 0.99, 1.0])
def test_a_bernoulli_gate_lets_each_edge_step_with_probability_p(p: float) -> None:
    board = star_board(EDGES)
    hold_drops(board, 1.0, 1.0)
    board.set_update_probability(p)
    assert board.bias_v == p
    enabled = np.array([board.trigger().enabled for _ in range(TRIGGERS)])
    assert_share(enabled, p)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.37, 0.5, 1.0])
def test_a_fixed_number_gate_lets_round_p_e_edges_step(p: float) -> None:
    edges, triggers = 60, 2000
    board = star_board(edges, Parts(gate=Gate(fixed_number=True)))
    hold_drops(board, 1.0, 1.0)
    board.set_update_probability(p)
    enabled = np.array([board.trigger().enabled for _ in range(triggers)])
    share = round(p * edges) / edges
    assert (enabled.sum(axis=1) == round(p * edges)).all()
    assert np.abs(enabled.mean(axis=0) - share).max() <= 4.5 * np.sqrt(share * (1 - share) / triggers)


@pytest.mark.parametrize(("p", "code"), [(0.3, 9830), (0.5, 16384), (1.0, 32768), (1.5 / 32768, 2)])
def test_with_board_converters_the_bias_has_codes(p: float, code: int) -> None:
    for address in ("sim://twin16?converters=board", "sim://twin16?preset=lab&gate=fixed"):
        board = labnet.open_board(address)
        board.bias_v = p
        assert board.bias_v == code / 32768


def test_a_probability_below_half_a_code_is_refused() -> None:
    board = labnet.open_board("sim://twin16?converters=board")
    with pytest.raises(OutOfRange, match=r"no edge; allowed on this board: 0, or more than 1.5e-05"):
        board.set_update_probability(1e-5)
    board.set_update_probability(1.6e-5)
    assert board.bias_v == 1 / 32768


# Converters and sources -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [Converter(0, 5, 16), Converter(-2.5, 2.5, 12), Converter(0, 0.4532, 8)])
def test_every_code_survives_the_round_trip(grid: Converter) -> None:
    codes = np.arange(grid.top + 1)
    assert np.array_equal(grid.codes(grid.volts(codes)), codes)
    assert grid.volts(codes)[[0, -1]] == pytest.approx([grid.v_min, grid.v_max])


def test_halves_go_to_the_upper_code_and_what_is_beyond_to_the_ends() -> None:
    grid = Converter(0.0, 3.0, bits=2)
    volts = [0.0, 0.49, 0.5, 1.49, 1.5, 2.5, 3.0, 3.5, 9.0, -0.5, -9.0]
    assert grid.codes(volts).tolist() == [0, 0, 1, 1, 2, 3, 3, 3, 3, 0, 0]
    assert Converter(-1.0, 2.0, bits=2).codes([-0.5, -0.51, 1.5]).tolist() == [1, 0, 3]


@given(st.floats(-1, 6))
def test_quantisation_is_off_by_at_most_half_a_code(volts: float) -> None:
    quantised = float(Converter(0.0, 5.0, 16).quantised(np.array([volts]))[0])
    within = min(max(volts, 0.0), 5.0)
    assert abs(quantised - within) <= 0.5 * 5 / 65535 + 1e-12
    assert Converter(0.0, 5.0).quantised(np.array([volts])).tolist() == [within]


def test_board_converters_hold_and_read_voltages_of_codes() -> None:
    board = labnet.open_board("sim://twin16?converters=board")
    board.drive("free", {0: 3.3333, 8: 0.1})
    volts = board.read("free")
    codes = volts * 65535 / 5
    assert np.allclose(codes, np.round(codes), atol=1e-9)
    assert np.round(codes)[[0, 8]].tolist() == [np.floor(3.3333 * 13107 + 0.5), np.floor(0.1 * 13107 + 0.5)]


def test_a_source_s_offset_is_frozen_and_the_same_on_both_sides() -> None:
    board = star_board(EDGES, Parts(dac=Dac(offset_v=1.5e-3)), seed=4)
    hold_drops(board, 1.0, 1.0)
    off = board.read("free")[1:] - 1.5
    assert 1.4e-3 < np.abs(off).max() <= 1.5e-3
    assert np.array_equal(board.read("free"), board.read("clamped"))
    hold_drops(board, 0.5, 0.5)
    assert board.read("free")[1:] - 2.0 == pytest.approx(off, abs=1e-12)


def test_readings_have_a_frozen_offset_a_side_and_fresh_normal_noise() -> None:
    offset_v, noise_v = 1e-3, 76e-6
    quiet = star_board(EDGES, Parts(adc=Adc(offset_v=offset_v)))
    noisy = star_board(EDGES, Parts(adc=Adc(offset_v=offset_v, noise_v=noise_v)))
    for board in (quiet, noisy):
        hold_drops(board, 1.0, 1.0)
    off = {side: quiet.read(side)[1:] - 1.5 for side in ("free", "clamped")}
    assert 0.95e-3 < np.abs(off["free"]).max() <= offset_v
    assert abs(np.corrcoef(off["free"], off["clamped"])[0, 1]) < 4.5 / np.sqrt(EDGES)
    noise = np.array([noisy.read("free")[1:] - 1.5 - off["free"] for _ in range(TRIGGERS)])
    assert noise.std() == pytest.approx(noise_v, rel=0.03)
    assert abs(noise.mean()) < 4.5 * noise_v / np.sqrt(noise.size)
    assert np.mean(np.abs(noise) < noise_v) == pytest.approx(0.6827, abs=0.015)
    clamped = noisy.read("clamped")[1:] - 1.5 - off["clamped"]
    between = np.corrcoef([*noise, clamped])[np.triu_indices(TRIGGERS + 1, 1)]
    assert np.abs(between).max() < 4.5 / np.sqrt(EDGES)


def test_a_leaking_node_is_a_divider() -> None:
    board = star_board(1, Parts(leakage=Leakage(ohm=1e6)))
    board.drive("free", {0: 5.0})
    assert board.read("free") == pytest.approx([5.0, 5.0 * 1e6 / (1e6 + 5040)], rel=1e-12)
