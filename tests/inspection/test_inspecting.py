"""Every broken part is found by measurement and named; a sound board gives no finding, and its resistances."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import labnet
from labnet.calibration import Estimate, applied, calibrate
from labnet.cli import app
from labnet.errors import NotSupported
from labnet.inspection.expected import Calibrated, Nominal
from labnet.inspection.finding import Finding
from labnet.inspection.inspecting import inspect
from labnet.inspection.states import states
from labnet_simulators import PRESETS, SimulatedBoard

NETWORK = labnet.networks.twin16()

# A fault, and what must be found: kind, part, side.
FOUND: list[tuple[str, str, str, str | None]] = [
    ("removed", "dead edge", "edge", None),
    ("removed-free", "dead edge", "edge", "free"),
    ("removed-clamped", "dead edge", "edge", "clamped"),
    ("stuck-wiper", "stuck edge", "edge", None),
    ("stuck-wiper-free", "stuck edge", "edge", "free"),
    ("stuck-wiper-clamped", "stuck edge", "edge", "clamped"),
    ("swapped-twins", "swapped comparators", "edge", None),
    ("crossed-twins", "crossed twins", "edge", None),
    ("swapped-comparators", "swapped comparators", "edge", None),
    ("stuck-gate", "stuck gate", "edge", None),
    ("swapped-readings", "swapped readings", "node", None),
    ("shifted-adc", "bad reading", "node", None),
    ("loose-reading-free", "bad reading", "node", "free"),
    ("loose-reading-clamped", "bad reading", "node", "clamped"),
    ("dead-dac", "dead source", "node", None),
    ("loose-source-free", "loose source", "node", "free"),
    ("loose-source-clamped", "loose source", "node", "clamped"),
]
EVERY_PART = [
    (*found, index)
    for found in FOUND
    for index in range(0, NETWORK.edge_count if found[2] == "edge" else NETWORK.node_count, 3)
]


def findings(address: str) -> tuple[Finding, ...]:
    with labnet.open_board(address) as board:
        return labnet.inspect(board).findings


def what(found: Finding) -> tuple[str, str, int, str | None]:
    return found.kind, found.part, found.index, found.side


@pytest.mark.parametrize(
    "board",
    [
        "sim://twin16?preset=ideal&seed=3",
        "sim://twin16?preset=lab&seed=3",
        pytest.param("firmware://twin16?preset=lab&seed=3", marks=pytest.mark.slow),
        pytest.param("sim://packing143?preset=lab&seed=3", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("fault", "kind", "part", "side"), FOUND)
def test_a_broken_part_is_the_one_finding(board: str, fault: str, kind: str, part: str, side: str | None) -> None:
    assert [what(found) for found in findings(f"{board}&fault={fault}@4")] == [(kind, part, 4, side)]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "kind", "part", "side", "index"), EVERY_PART)
def test_each_part_that_may_break_is_the_one_finding(
    fault: str, kind: str, part: str, side: str | None, index: int
) -> None:
    found = findings(f"sim://twin16?preset=lab&seed=5&fault={fault}@{index}")
    assert [what(each) for each in found] == [(kind, part, index, side)]


def test_several_broken_parts_are_all_named() -> None:
    found = findings("sim://twin16?preset=lab&seed=3&fault=removed@2,stuck-wiper-free@13,stuck-gate@7,shifted-adc@8")
    assert {what(each) for each in found} == {
        ("dead edge", "edge", 2, None),
        ("stuck edge", "edge", 13, "free"),
        ("stuck gate", "edge", 7, None),
        ("bad reading", "node", 8, None),
    }


def test_the_firmware_shows_what_the_simulation_shows() -> None:
    faults = "fault=removed-clamped@4,stuck-wiper@9"
    by_sim, by_firmware = (findings(f"{scheme}://twin16?preset=lab&seed=3&{faults}") for scheme in ("sim", "firmware"))
    assert [what(each) for each in by_sim] == [what(each) for each in by_firmware]


def test_twins_that_differ_by_more_than_they_may_are_named() -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=4&twin_mismatch=0.3") as board:
        assert isinstance(board, SimulatedBoard)
        found = labnet.inspect(board)
        board.set_wipers(127)
        apart = np.log(board.resistances("clamped") / board.resistances("free"))
    named = [each.index for each in found.findings]
    assert {each.kind for each in found.findings} == {"twin mismatch"}
    apart -= np.median(apart)
    assert named == [e for e in np.flatnonzero(np.abs(apart) > 0.032) if e in named]
    assert set(np.flatnonzero(np.abs(apart) > 0.05)) <= set(named)
    assert found.mismatch == pytest.approx(np.expm1(apart), abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_resistances_are_measured_to_their_errors(seed: int) -> None:
    """Against the truth that a simulated board can tell: all but one factor for each side."""
    with labnet.open_board(f"sim://twin16?preset=lab&seed={seed}") as board:
        assert isinstance(board, SimulatedBoard)
        found = labnet.inspect(board)
        for parity in (0, 1):
            odd = np.arange(16) % 2
            wipers = np.where(odd == parity, 127, 64)
            board.set_wipers(wipers)
            for k, side in enumerate(("free", "clamped")):
                true = np.log(board.resistances(side) / board.info.nominal_ohm(wipers))  # type: ignore[arg-type]
                off = (np.log(found.resistance[k]) - true)[odd == parity]
                assert np.ptp(off) < 8 * found.error[k].max()
    assert found.moved == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", ["twin16", "lattice-4x4-periodic", "packing143"])
@pytest.mark.parametrize("preset", ["ideal", "lab"])
def test_a_sound_board_is_sound(name: str, preset: str) -> None:
    assert findings(f"sim://{name}?preset={preset}&seed=1") == ()


@pytest.mark.slow
def test_of_many_sound_boards_none_gives_a_finding() -> None:
    assert [seed for seed in range(120) if findings(f"sim://twin16?preset=lab&seed={seed}")] == []
    assert [seed for seed in range(20) if findings(f"sim://packing143?preset=lab&seed={seed}")] == []


def test_every_edge_is_shown_at_each_of_its_nodes_and_alone() -> None:
    """In every state a floating node has all its neighbours held, one of them high."""
    board = SimulatedBoard(labnet.networks.packing(64, seed=2))
    network = board.network
    neighbours = [set(network.edges[(network.edges == node).any(axis=1)].ravel()) - {node} for node in range(64)]
    shown = []
    for state in states(board, range(64)):
        for node, (edge, other) in state.shown.items():
            assert set(network.edges[edge]) == {node, other}
            assert neighbours[node].isdisjoint(state.shown)
            assert neighbours[node] & state.high == {other}
            shown.append((node, edge))
    assert sorted(shown) == sorted((node, edge) for edge, ends in enumerate(network.edges.tolist()) for node in ends)


def test_edges_that_cannot_be_seen_are_not_judged() -> None:
    """Where a node has no source, its neighbours never float alone between held ones."""

    class Partly(SimulatedBoard):
        def __init__(self) -> None:
            super().__init__(NETWORK, PRESETS["lab"], seed=2)
            self.info = replace(self.info, drivable=tuple(node for node in range(9) if node != 4))

    found = inspect(Partly())
    assert found.sound
    at = [edge for edge, ends in enumerate(NETWORK.edges.tolist()) if 4 in ends]
    rest = [edge for edge in range(16) if edge not in at]
    assert np.isfinite(found.resistance[:, at]).all(), "node 4 floats between held ones"
    assert np.isnan(found.resistance[:, rest]).any()


def test_without_a_divider_there_is_nothing_to_measure() -> None:
    class Hardly(SimulatedBoard):
        def __init__(self) -> None:
            super().__init__(NETWORK, PRESETS["lab"], seed=2)
            self.info = replace(self.info, drivable=(0, 8))

    with pytest.raises(NotSupported, match="no node of this board can float"):
        inspect(Hardly())


def test_resistances_that_were_set_are_left_alone() -> None:
    with labnet.open_board("sim://twin16") as board:
        board.set_resistances(5e3)
        with pytest.raises(NotSupported, match="call set_wipers first"):
            labnet.inspect(board)


@pytest.mark.slow
def test_drift_since_calibration_is_named() -> None:
    """A calibrated board is sound; one edge 5 % off what its calibration says is not, on the side where it is."""
    with labnet.open_board("sim://twin16?preset=lab&seed=3") as board:
        calibration = calibrate(board)
        used = applied(board, calibration)
        assert labnet.inspect(used).sound
        assert calibration.pots is not None
        before = calibration.pots.ohm
        for share, kind, side in ((1.05, "drift", "free"), (1.02, "twin mismatch", None)):
            value = before.value.copy()
            value[:, 0, 5] *= share
            pots = calibration.pots.model_copy(update={"ohm": Estimate(value=value, std=before.std)})
            found = labnet.inspect(used, Calibrated(Nominal(used.info), pots, True)).findings
            assert [what(each) for each in found] == [(kind, "edge", 5, side)]


# The board afterwards ---------------------------------------------------------------------------------------------


def is_safe(board: SimulatedBoard) -> bool:
    held = [abs(volts) for held in board.voltages.held.values() for volts in held.values()]
    return board.bias_v == 0.0 and max(held, default=0.0) < 2e-3


def test_it_leaves_the_board_safe_and_its_wipers_and_triggers_as_they_were() -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=3") as board:
        assert isinstance(board, SimulatedBoard)
        wipers = np.arange(16) * 8
        board.set_wipers(wipers)
        board.trigger(step_wipers=False)
        labnet.inspect(board)
        assert board.wipers().tolist() == wipers.tolist()
        assert board.triggers == 1
        assert is_safe(board)


class CtrlC:
    """Presses Ctrl-C before the n-th line that labnet executes."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: FrameType, event: str, _: Any) -> "CtrlC | None":
        if not frame.f_globals.get("__name__", "").startswith("labnet"):
            return None
        self.left -= event == "line"
        if self.left == 0 and event == "line":
            signal.raise_signal(signal.SIGINT)
        return self


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("at", [50, 500, 3000, 9000])
def test_ctrl_c_leaves_the_board_safe_with_its_wipers(at: int) -> None:
    with labnet.open_board("sim://twin16?preset=lab&seed=3") as board:
        assert isinstance(board, SimulatedBoard)
        before = sys.gettrace()
        try:
            sys.settrace(CtrlC(at))
            with pytest.raises(KeyboardInterrupt):
                labnet.inspect(board)
        finally:
            sys.settrace(before)
        assert is_safe(board)
        assert board.wipers().tolist() == [64] * 16


# The command ------------------------------------------------------------------------------------------------------


def command(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["inspect", *words], env={"COLUMNS": "120"})
    return result.exit_code, result.output


def test_the_command_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    code, said = command("sim://twin16?preset=lab&fault=removed-free@3", "--json", str(tmp_path / "found.json"))
    assert code == 1
    assert "dead edge: edge 3, free side" in said
    assert "look for an open wire" in said
    assert '"kind": "dead edge"' in (tmp_path / "found.json").read_text(encoding="utf-8")


def test_the_command_on_a_sound_board() -> None:
    code, said = command("sim://twin16?preset=lab")
    assert (code, said.rstrip().endswith("sound")) == (0, True)


def test_sound_parts_are_within_what_is_expected() -> None:
    """The limits are those of the parts, with nothing left to chance: the lab board's worst pot is within them."""
    options = PRESETS["lab"]
    with labnet.open_board("sim://twin16?preset=lab") as board:
        nominal = Nominal(board.info)
    assert nominal.pot >= options.pot.tolerance
    assert nominal.twin_mismatch >= options.pot.twin_mismatch
    assert nominal.inl_lsb >= options.pot.inl_lsb + options.pot.dnl_lsb / 2
    most_v = nominal.held_v + 4.5 * nominal.held_share
    gains = options.dac.gain_error + options.adc.gain_error
    assert most_v > options.dac.offset_v + options.adc.offset_v + 4.5 * gains + 7 * options.adc.noise_v
