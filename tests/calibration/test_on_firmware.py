"""The same calibration of the board's firmware, over the same simulated parts."""

import numpy as np
import pytest

from labnet.addresses import open_board
from labnet.bench import meter
from labnet.calibration import calibrate

PARTS = "preset=lab&comparator=pair&seed=31"


def measured(target, **options):
    with open_board(f"firmware://twin16?{PARTS}&target={target}") as board:
        return calibrate(board, meter(board, 5), **options)


def near(one, other, most):
    return np.abs(one.value - other.value).max() < most * np.hypot(one.std, other.std).max()


@pytest.mark.slow
def test_firmware_and_simulated_board_agree():
    options = {"positions": (0, 64, 127), "triggers": 640}
    found = measured("native", **options)
    with open_board(f"sim://twin16?{PARTS}") as board:
        there = calibrate(board, meter(board, 5), **options)
    assert not found.not_done
    for kind, names in {
        "converters": ("source_gain", "source_offset_v", "reading_gain", "reading_offset_v"),
        "pots": ("mismatch", "end_to_end_ohm"),
        "comparators": ("difference_v", "sum_v", "sigma_v"),
        "settling": ("tau_s",),
    }.items():
        for name in names:
            assert near(getattr(getattr(found, kind), name), getattr(getattr(there, kind), name), 4.5), name
    p = np.array([[each.gate.probabilities(bias) for bias in (0.2, 0.5, 0.8)] for each in (found, there)])
    np.testing.assert_allclose(p, np.broadcast_to([[0.2], [0.5], [0.8]], p.shape), atol=0.15)


@pytest.mark.slow
def test_emulated_chip_and_pc_give_the_same_bits():
    options = {"positions": (0, 64, 127), "triggers": 320}
    one, other = (measured(target, **options).to_dict() for target in ("native", "atmega2560"))
    for kind in ("converters", "gate", "pots", "comparators", "settling"):
        assert one[kind] == other[kind]
