"""A node has one source, which serves both sides; what is held is a set."""

import numpy as np
import pytest

from labnet import networks
from labnet.board import Side
from labnet_simulators import PRESETS, Leakage, Parts, Settling, SimulatedBoard

TAU_S = 1e-3
GIVEN = {0: 5.0, 8: 0.0}


@pytest.fixture
def ideal() -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), seed=1)


@pytest.mark.parametrize(("first", "second"), [("free", "clamped"), ("clamped", "free")])
def test_a_node_has_one_source_for_both_sides(ideal: SimulatedBoard, first: Side, second: Side) -> None:
    ideal.drive(first, GIVEN)
    assert ideal.read(first)[0] == 5.0
    ideal.drive(second, {0: 1.0, 4: 3.0})
    assert ideal.read(first)[[0, 8]].tolist() == [1.0, 0.0]
    assert ideal.read(first)[4] == pytest.approx(0.5)
    assert ideal.read(second)[[0, 4]].tolist() == [1.0, 3.0]


def test_a_node_that_the_other_side_moves_gets_there_from_where_it_was() -> None:
    slow = SimulatedBoard(networks.twin16(), Parts(settling=Settling(TAU_S), leakage=Leakage(1e12)))
    slow.drive("free", {0: 5.0})
    slow.wait(50 * TAU_S)
    slow.drive("clamped", {0: 1.0})
    slow.wait(TAU_S)
    assert slow.read("free")[[0, 5]] == pytest.approx([1.0, 1.0 + 4.0 * np.exp(-1)], rel=1e-6)
    assert slow.read("clamped")[5] == pytest.approx(1.0 - np.exp(-1), rel=1e-6)


@pytest.mark.parametrize("order", [[3, 7, 8, 0], [7, 3, 0, 8]], ids=str)
def test_the_order_in_which_nodes_are_given_does_not_matter_to_the_last_bit(
    ideal: SimulatedBoard, order: list[int]
) -> None:
    volts = {0: 5.0, 3: 1 / 3, 7: 2 / 3, 8: 0.1}
    ideal.set_wipers(np.arange(16) * 7)
    seen = []
    for nodes in (sorted(volts), order):
        ideal.drive("free", {node: volts[node] for node in nodes if node in GIVEN})
        ideal.drive("clamped", {node: volts[node] for node in nodes})
        seen.append([ideal.read("free").tolist(), ideal.read("clamped").tolist()])
    assert seen[0] == seen[1]


def test_to_let_go_of_all_nodes_is_no_clamp() -> None:
    """Firmware does it when it starts, and the noise of what it reads then is that of a board without firmware."""
    boards = [SimulatedBoard(networks.twin16(), PRESETS["lab"], seed=1) for _ in range(2)]
    boards[0].drive("clamped", {})
    for board in boards:
        board.drive("free", GIVEN)
    assert boards[0].read("free").tolist() == boards[1].read("free").tolist()
