"""Thousands of faults on the line: values are right or an error is raised, and nothing is done twice.

A line damaged at random passes its CRC-32 with probability 2^-32: of the 101,000 faults below, 2e-5 are expected to.
"""

import random

import numpy as np
import pytest
from wires import Faulty, Serve, Socket

from labnet.errors import LinkError
from labnet_drivers import Link, TwinBoard

A_FEW, MANY = 1_000, [pytest.param(seed, 25_000, marks=pytest.mark.slow) for seed in (1, 2, 3, 4)]


@pytest.mark.parametrize(("seed", "faults"), [(0, A_FEW), *MANY])
def test_whatever_the_line_does_values_are_right_and_no_command_is_executed_twice(
    served: Serve, seed: int, faults: int
) -> None:
    address = served("converters=board")
    pipe = Faulty(Socket(address), seed, share=0.0)
    draws = random.Random(seed)
    with TwinBoard(Link(lambda: pipe, address, patience_s=0.001)) as board:
        # Without sigma, and with the clamped side below the free one, every edge that is enabled steps.
        board.drive("free", {0: 5.0, 8: 0.0})
        expected = board.read("free")
        board.set_update_probability(0.5)
        done = unsure = failed = right = 0
        pipe.share = 0.6
        while pipe.faults.total() < faults:
            try:
                match draws.randrange(4):
                    case 0:
                        unsure += 1  # unless an answer comes
                        # Some messages get little time, so that some fail and the link gets in step again.
                        board.exchange("TRIG:LATC?", deadline_s=draws.choice([0.004, 0.004, 0.02, 1.0, 1.0]))
                        unsure -= 1
                        done += 1
                    case 1:
                        number = draws.randrange(1 << 31)
                        assert board.scpi(f"SYST:SYNC? {number}") == str(number)
                    case 2:
                        assert np.array_equal(board.read("free"), expected)
                    case _:
                        assert board.bias_v == 0.5
                right += 1
            except LinkError:
                failed += 1
        pipe.share = 0.0
        assert done <= board.trigger_count <= done + unsure
    assert all(pipe.faults[kind] > faults / 20 for kind in ("dropped", "doubled", "flipped", "split", "delayed"))
    assert failed > 0, "some were given too little time"
    assert right > 3 * failed
