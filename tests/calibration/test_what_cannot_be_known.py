"""Boards and meters that cannot do everything, and boards that are left safe whatever happens."""

from dataclasses import replace

import numpy as np
import pytest

import labnet
from labnet.bench import meter
from labnet.calibration import calibrate
from labnet.errors import BoardError, NotSupported, PlanError
from labnet.wrapped import WrappedBoard
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import PRESETS
from labnet_simulators.meters import SimulatedMeter

LAB = "sim://twin16?preset=lab&comparator=pair&seed=21"


class HalfDriven(WrappedBoard):
    """A board on which some nodes have no source."""

    def __init__(self, board, drivable):
        super().__init__(board)
        self.info = replace(board.info, drivable=drivable)


class Failing:
    """A meter that gives up after some readings."""

    def __init__(self, board, readings, error):
        self._meter, self._left, self._error = meter(board), readings, error
        self.voltage_accuracy, self.current_accuracy = self._meter.voltage_accuracy, self._meter.current_accuracy

    def _count(self):
        self._left -= 1
        if self._left < 0:
            raise self._error

    def node_voltage(self, side, node):
        self._count()
        return self._meter.node_voltage(side, node)

    def source_current(self, node):
        self._count()
        return self._meter.source_current(node)


def test_without_a_current_ratios_are_known_and_nothing_else():
    with labnet.open_board(LAB) as board:
        pots = calibrate(board, None, only=("pots",), positions=(16, 64, 127)).pots
        assert not pots.absolute
        for k, position in enumerate(pots.positions):
            board.set_wipers(position)
            true = np.array([board.resistances(side) for side in ("free", "clamped")])
            factor = pots.ohm.value[k] / true
            # to what 0.05 % of each source make of them
            np.testing.assert_allclose(factor / factor[:, :1], 1.0, atol=4e-3)
            assert np.abs(factor - 1.0).max() > 0.01
            apart = (1.0 + pots.mismatch.value[k]) / (true[1] / true[0])
            np.testing.assert_allclose(apart / apart[0], 1.0, atol=1e-3)


def test_without_a_meter_readings_are_known_by_the_sources():
    with labnet.open_board(LAB) as board:
        found = calibrate(board, None, only=("converters", "comparators"))
        channels = board.channels
        for k, side in enumerate(("free", "clamped")):
            # what is read at what is asked for, which takes no meter
            gain = channels.reading_gain[side] * channels.source_gain
            offset = channels.reading_gain[side] * channels.source_offset_v + channels.reading_offset_v[side]
            asked = np.linspace(0.5, 4.5, 9)
            seen = (1 + found.converters.reading_gain.value[k]) * asked + found.converters.reading_offset_v.value[k]
            np.testing.assert_allclose(seen, gain * asked + offset, atol=60e-6)
        comparator = board.parts.comparator
        for which, estimate in enumerate((found.comparators.difference_v, found.comparators.sum_v)):
            true = comparator.error_v(board.seed, 0, which, np.arange(16, dtype=np.uint64))
            assert (np.abs(estimate.value - true) < 3.5 * estimate.std).all()
        # a difference is that of two readings against the same source; a sum takes two sources
        assert np.median(found.comparators.sum_v.std) > 20 * np.median(found.comparators.difference_v.std)


def test_scale_needs_one_current_a_side_and_ratios_do_not_change_with_it():
    with labnet.open_board(LAB) as board:
        with_it, without = (
            calibrate(board, each, only=("pots",), positions=(64,)).pots for each in (meter(board, 3), None)
        )
    ratio = np.log(with_it.ohm.value / without.ohm.value)[0]
    for side in ratio:  # the difference is the sources' gains, which no meter was at
        assert np.ptp(side) < 4e-3


def test_a_board_with_nodes_that_cannot_be_held_does_the_rest():
    with labnet.open_board("sim://lattice-3x4?preset=lab&comparator=pair&seed=22") as whole:
        found = calibrate(HalfDriven(whole, tuple(range(1, 12))), meter(whole))
        assert set(found.not_done) == {"pots", "comparators"}
        for why in found.not_done.values():
            assert "edge" in why
        source = found.converters.source_offset_v
        assert np.isnan(source.value[0])
        assert source[1:].holds(whole.channels.source_offset_v[1:], 0.9999).all()
        assert found.settling.tau_s[2].holds(whole.parts.settling.tau_s, 0.9999)
        found = calibrate(HalfDriven(whole, (0, 1, 2)), meter(whole), triggers=320)
        assert set(found.not_done) == {"settling", "pots", "comparators"}
        assert "float" in found.not_done["settling"]
        assert found.gate is not None


def test_resistances_are_measured_of_resistors_alone():
    with labnet.open_board("sim://twin16?preset=lab&edges=diode&seed=21") as board:
        found = calibrate(board, meter(board), only=("converters", "pots"))
        assert found.converters is not None
        assert found.pots is None
        assert "no resistors" in found.not_done["pots"]


def test_an_edge_that_cannot_be_seen_is_named():
    with SimulatedBoard(labnet.Network(np.array([[0, 1]]), 2), PRESETS["lab"]) as board:
        found = calibrate(board, SimulatedMeter(board), only=("pots", "comparators"))
        assert "edge 0" in found.not_done["comparators"]  # its drop is 0 where it floats
        board.set_wipers(127)
        assert found.pots.ohm[-1, 0].holds(board.resistances("free"), 0.999).all()
    with labnet.open_board(LAB) as whole:
        found = calibrate(HalfDriven(whole, tuple(range(8))), meter(whole), only=("pots", "comparators"))
        for kind in ("pots", "comparators"):  # [4, 5]: both have the node as a neighbour that cannot be held
            assert "edge 3" in found.not_done[kind]


@pytest.mark.parametrize("readings", [0, 40, 80])
@pytest.mark.parametrize("error", [BoardError("the meter is gone"), KeyboardInterrupt()])
def test_whatever_happens_the_board_is_safe_and_its_wipers_are_where_they_were(readings, error):
    with labnet.open_board(LAB) as board:
        wipers = (11 * np.arange(16)) % 128
        board.set_wipers(wipers)
        with pytest.raises(type(error)):
            calibrate(board, Failing(board, readings, error))
        np.testing.assert_array_equal(board.wipers(), wipers)
        assert board.bias_v == 0.0
        for side in ("free", "clamped"):
            assert all(abs(volts) < 2e-3 for volts in board.voltages.held[side].values())


def test_set_resistances_are_as_they_were():
    with labnet.open_board("sim://twin16?seed=1") as board:
        ohm = np.linspace(1e3, 5e3, 16)
        board.set_resistances(ohm)
        calibrate(board, meter(board), only=("converters",))
        np.testing.assert_array_equal(board.resistances("free"), ohm)


def test_no_source_drives_too_much_current(monkeypatch):
    most = 0.0
    with labnet.open_board(LAB) as board:
        drive = board.drive

        def watched(side, volts):
            nonlocal most
            drive(side, volts)
            held = board.voltages.held
            if held["free"] and held["clamped"]:
                board.wait(1e-3)
                taken = np.zeros(9)
                for each in ("free", "clamped"):
                    v = board.voltages.at(each, round(board.time_s * 1e9))
                    flow = (v[board.network.edges[:, 0]] - v[board.network.edges[:, 1]]) / board.resistances(each)
                    inside = np.zeros(9)
                    np.add.at(inside, board.network.edges[:, 0], flow)
                    np.add.at(inside, board.network.edges[:, 1], -flow)
                    taken[list(held[each])] += inside[list(held[each])]
                most = max(most, np.abs(taken).max())

        monkeypatch.setattr(board, "drive", watched)
        calibrate(board, meter(board), only=("converters", "pots"))
    assert 2e-3 < most < 10.5e-3


def test_mistakes_are_said():
    with labnet.open_board(LAB) as board:
        with pytest.raises(PlanError, match="allowed: settling, converters"):
            calibrate(board, only=("pot",))
        with pytest.raises(PlanError, match="0 to 127"):
            calibrate(board, positions=(128,))
    with labnet.open_board(LAB) as board, pytest.raises(NotSupported, match="no simulated board"):
        meter(WrappedBoard(board))


class Elsewhere:
    """A meter whose leads stay where they are."""

    def __init__(self, board):
        self.voltage_accuracy, self.current_accuracy = meter(board).voltage_accuracy, None

    def node_voltage(self, side, node):
        return 1.2346


def test_a_meter_that_does_not_follow_the_sources_is_no_calibration():
    with labnet.open_board(LAB) as board:
        found = calibrate(board, Elsewhere(board), only=("converters", "pots"))
    assert found.converters is found.pots is None
    assert "the meter does not follow the source of node 0: it reads 1.235 V at 0.25 V" in found.not_done["converters"]
