from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labnet
from labnet.errors import UnknownBoard
from labnet_simulators import (
    PRESETS,
    ComparatorPair,
    EffectiveComparator,
    Gate,
    OscillatorGate,
    Settling,
    SimulatedBoard,
)
from labnet_simulators.components import BIAS_GRID


def opened(address: str) -> SimulatedBoard:
    board = labnet.open_board(address)
    assert isinstance(board, SimulatedBoard)
    return board


@pytest.mark.parametrize(
    ("name", "nodes", "edges"),
    [
        ("twin16", 9, 16),
        ("packing143", 64, 143),
        ("lattice-4x5", 20, 31),
        ("lattice-4x4-periodic", 16, 32),
        ("lattice-3x3-diagonals", 9, 16),
    ],
)
def test_a_name_gives_the_network(name: str, nodes: int, edges: int) -> None:
    network = opened(f"sim://{name}").network
    assert (network.node_count, network.edge_count) == (nodes, edges)


def test_a_network_file_s_path_is_a_name_too(tmp_path: Path) -> None:
    file = tmp_path / "triangle.txt"
    file.write_text("3 3 1.0\n0 0\n1 0\n0 1\n0 1\n1 2\n2 0\n")
    board = opened(f"sim://{file}?seed=4")
    assert board.network.edges.tolist() == [[0, 1], [1, 2], [2, 0]]
    assert board.seed == 4


def test_ideal_is_the_default_and_the_address_is_kept() -> None:
    board = opened("sim://twin16")
    assert (board.parts, board.seed, board.address) == (PRESETS["ideal"], 0, "sim://twin16")
    assert opened("sim://twin16?preset=lab&seed=12").parts == PRESETS["lab"]
    assert opened("sim://twin16?preset=lab&seed=12").seed == 12
    assert opened("sim://twin16?preset=paper").parts == PRESETS["paper"]


@pytest.mark.parametrize(
    ("option", "part", "value"),
    [
        ("comparator=pair", "comparator", ComparatorPair()),
        ("comparator=pair&offset_v=0.002", "comparator", ComparatorPair(0.002)),
        ("comparator=pair&offset_v=0&noise_v=0.01", "comparator", ComparatorPair(0.0, 0.01)),
        ("sigma_max_v=0.02", "comparator", EffectiveComparator(0.0, 0.02)),
        ("sigma_max_v=0.02&sigma=frozen", "comparator", EffectiveComparator(0.0, 0.02, frozen=True)),
        ("preset=lab&sigma=frozen", "comparator", EffectiveComparator(0.0, 0.05, frozen=True)),
        ("gate=fixed", "gate", Gate(fixed_number=True)),
        ("gate=oscillator", "gate", OscillatorGate()),
        ("gate=oscillator&jitter=0.1&calibrated=true", "gate", OscillatorGate(jitter=0.1, known=True)),
        ("gate=oscillator&phase_spread=0", "gate", OscillatorGate(phase_spread=0.0)),
        ("settling_s=2e-6", "settling", Settling(2e-6)),
        ("gate=oscillator&converters=board", "gate", OscillatorGate(grid=BIAS_GRID)),
    ],
)
def test_an_option_changes_its_part(option: str, part: str, value: object) -> None:
    assert getattr(opened(f"sim://twin16?{option}").parts, part) == value


def test_a_spread_of_oscillators_is_a_factor_on_their_tolerances() -> None:
    gate, half = opened("sim://twin16?gate=oscillator").parts.gate, OscillatorGate()
    assert gate == half
    gate = opened("sim://twin16?gate=oscillator&oscillator_spread=0.5").parts.gate
    assert isinstance(gate, OscillatorGate)
    assert (gate.capacitor_tolerance, gate.offset_v) == (half.capacitor_tolerance / 2, half.offset_v / 2)


def test_options_for_pots_change_these_alone() -> None:
    pot = opened("sim://twin16?preset=lab&tolerance=0.1&twin_mismatch=0").parts.pot
    assert (pot.tolerance, pot.twin_mismatch, pot.inl_lsb) == (0.1, 0.0, 0.5)


@pytest.mark.parametrize("positions", [2, 32, 1024])
def test_positions_divide_the_same_pot_and_it_powers_up_at_midscale(positions: int) -> None:
    board = opened(f"sim://twin16?positions={positions}")
    assert board.info.wiper_positions == positions
    assert board.wipers().tolist() == [positions // 2] * 16
    half = opened("sim://twin16").resistances("free")
    np.testing.assert_allclose(board.resistances("free"), half, rtol=1e-12)
    board.set_wipers(positions - 1)
    np.testing.assert_allclose(board.resistances("free"), 40 + 1e4 * (1 - 1 / positions), rtol=1e-12)


@pytest.mark.parametrize(
    ("address", "bits"),
    [
        ("sim://twin16", None),
        ("sim://twin16?converters=board", 16),
        ("sim://twin16?preset=lab", 16),
        ("sim://twin16?preset=lab&converters=float", None),
        ("sim://twin16?preset=paper", None),
        ("sim://twin16?preset=paper&converters=board", 16),
    ],
)
def test_converters_are_real_numbers_or_16_bit_codes(address: str, bits: int | None) -> None:
    info = opened(address).info
    assert (info.source.bits, info.reading.bits) == (bits, bits)
    assert info.source.v_max == (500.0 if "paper" in address else 5.0)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sim://twin16?sede=3", "sede.*allowed: preset, seed, converters, comparator, sigma"),
        ("sim://twin16?preset=perfect", "'perfect'; allowed: 'ideal', 'lab' or 'paper'"),
        ("sim://twin16?converters=8bit", "'8bit'; allowed: 'float' or 'board'"),
        ("sim://twin16?comparator=ideal", "allowed: 'effective' or 'pair'"),
        ("sim://twin16?sigma=fresh", "allowed: 'redrawn' or 'frozen'"),
        ("sim://twin16?gate=open", "allowed: 'bernoulli', 'fixed' or 'oscillator'"),
        ("sim://twin16?jitter=0.01", "jitter is of oscillators; give gate=oscillator"),
        ("sim://twin16?calibrated=true", "calibrated is of oscillators; give gate=oscillator"),
        ("sim://twin16?gate=oscillator&jitter=0.2", "jitter is '0.2'; allowed: .*0.14"),
        ("sim://twin16?gate=oscillator&oscillator_hz=0", "oscillator_hz is '0'; allowed: "),
        ("sim://twin16?seed=three", "'three'; allowed: .*integer"),
        ("sim://twin16?sigma_max_v=-1", "'-1'; allowed: .*0"),
        ("sim://twin16?tolerance=1", "'1'; allowed: less than 1"),
        ("sim://twin16?positions=1", "positions is '1'; allowed: a whole number, 2 to 1024"),
        ("sim://twin16?noise_v=0.01", "noise_v is of the pair; give comparator=pair"),
        ("firmware://twin16?positions=256", "positions is '256'; allowed: left out, firmware counts the 128"),
        ("sim://twin16?seed=1&seed=2", "an option twice"),
        ("simulator://twin16", "known schemes: .*sim://"),
        ("twin16", "'labnet boards' lists"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_allowed(address: str, said: str) -> None:
    with pytest.raises(UnknownBoard, match=said):
        labnet.open_board(address)


@pytest.mark.parametrize("name", ["twin17", "lattice-1x1", ""])
def test_an_unknown_name_is_an_unknown_board(name: str) -> None:
    with pytest.raises(UnknownBoard, match="allowed"):
        labnet.open_board(f"sim://{name}")


def test_every_board_that_is_found_can_be_opened() -> None:
    found: list[Any] = [board for board in labnet.find_boards() if board.address.startswith("sim://")]
    assert len(found) >= 6
    for board in found:
        assert board.description
        with labnet.open_board(board.address) as one:
            assert one.address == board.address
