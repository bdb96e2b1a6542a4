"""What a calibration says against what simulated boards hide."""

import os
from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import t as student
from truths import compared

from labnet.addresses import open_board
from labnet.bench import meter
from labnet.calibration import CLASSES, calibrate

LAB = "sim://twin16?preset=lab&comparator=pair&gate=oscillator"
EFFECTIVE = "sim://twin16?preset=lab&gate=oscillator"


def deviations(board, found):
    """Give by how many standard deviations estimates are off, by class."""
    off = defaultdict(list)
    for name, estimate, true in compared(board, found):
        assert np.isfinite(estimate.value).all(), name
        off[name].append(((estimate.value - true) / estimate.std).ravel())
    return {name: np.concatenate(each) for name, each in off.items()}


def test_everything_is_measured_and_nothing_is_far_off(lab, of_lab):
    assert not of_lab.not_done
    off = deviations(lab, of_lab)
    assert len(off) == 12
    for name, z in off.items():
        assert np.abs(z).max() < 4.5, name


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("sim://twin16?preset=lab&seed=2&sigma_max_v=0.03", ("comparators",)),
        ("sim://twin16?preset=lab&seed=3&sigma=frozen", ("settling",)),
        ("sim://lattice-3x4-diagonals?preset=lab&seed=4&comparator=pair", ("pots", "comparators")),
        ("sim://twin16?seed=5&comparator=pair&offset_v=0.02", ("converters", "pots", "comparators")),
    ],
)
def test_other_boards(address, what):
    with open_board(address) as board:
        found = calibrate(board, meter(board, 1), only=what)
        assert not found.not_done
        for name, z in deviations(board, found).items():
            assert np.abs(z).max() < 4.5, name


def test_frozen_sigma_is_told_from_redrawn():
    for sigma, width_v in (("frozen", 0.0), ("redrawn", 0.05 / 12**0.5)):
        with open_board(f"sim://twin16?preset=lab&seed=6&sigma={sigma}") as board:
            comparators = calibrate(board, meter(board), only=("comparators",)).comparators
        np.testing.assert_allclose(comparators.width_v.value.mean(), width_v, atol=1e-3)
        spread = comparators.sigma_v.value.std()
        assert (spread > 5e-3) == (sigma == "frozen")


@pytest.mark.slow
@pytest.mark.parametrize(("address", "what"), [(LAB, CLASSES), (EFFECTIVE, ("comparators",))])
def test_intervals_hold_the_true_values_as_often_as_they_say(address, what):
    """95 % of all true values, within what so many boards can tell; one board's values hang together."""
    boards = int(os.environ.get("LABNET_BOARDS", "10"))
    held = defaultdict(list)
    for seed in range(boards):
        with open_board(f"{address}&seed={seed}") as board:
            found = calibrate(board, meter(board, 10_000 + seed), only=what, seed=seed)
            for name, z in deviations(board, found).items():
                held[name].append(np.mean(np.abs(z) < 1.959964))
    for name, shares in held.items():
        error = np.std(shares, ddof=1) / np.sqrt(boards)
        print(f"| {name} | {np.mean(shares):.1%} ± {error:.1%} |")
        # or as if all values of a board were off together, or none
        error = max(error, np.sqrt(0.95 * 0.05 / boards) if error > 0.02 else 0.0)
        assert abs(np.mean(shares) - 0.95) < student.ppf(0.9995, boards - 1) * error + 0.01, name
