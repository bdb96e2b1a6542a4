"""Simulated boards whose edges are diodes or transistors."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from interrupted import Interrupted, assert_same_records

import labnet
from labnet import Network, circuit, networks
from labnet.circuit import Diode, Linear, Transistor
from labnet.errors import NotConverged, NotSupported, UnknownBoard
from labnet.tasks import Differential
from labnet_simulators import SimulatedBoard
from labnet_simulators.components import Faults, Parts, Settling
from labnet_simulators.faults import FaultyBoard

MESH = networks.lattice(4, 4, periodic=True)
OHM = np.linspace(500.0, 9e3, 32)
KINDS = pytest.mark.parametrize("edges", ["diode", "transistor"])


def board(edges: str, **options: object) -> SimulatedBoard:
    asked = "".join(f"&{name}={value}" for name, value in options.items())
    opened = labnet.open_board(f"sim://lattice-4x4-periodic?edges={edges}{asked}")
    assert isinstance(opened, SimulatedBoard)
    return opened


@KINDS
def test_both_sides_settle_to_what_newton_finds(edges: str) -> None:
    with board(edges) as each:
        each.set_resistances(OHM)
        free, clamped = {0: 0.0, 5: 0.4}, {0: 0.0, 5: 0.4, 9: 0.2}
        each.drive("free", free)
        each.drive("clamped", clamped)
        each.nudge("clamped", {3: 1e-6}, {7: 1e-6})
        law, at = each.info.law, np.eye(16)
        nudged = circuit.node_voltages(MESH, OHM, clamped, law=law, currents_a=at[3] * 1e-6, shunts_s=at[7] * 1e-6)
        assert each.read("free") == pytest.approx(circuit.node_voltages(MESH, OHM, free, law=law), abs=1e-12)
        assert each.read("clamped") == pytest.approx(nudged, abs=1e-12)


@KINDS
def test_a_board_says_what_it_is_made_of(edges: str) -> None:
    with board(edges) as each, board("linear") as linear:
        assert each.info.law == {"diode": Diode(), "transistor": Transistor()}[edges]
        assert each.info.plans == frozenset()  # paced by the host
        assert json.loads(json.dumps(each.info.parts))["law"]["name"] == edges
        assert each.info.nudges == linear.info.nudges == {"voltage", "current", "conductance"}
        assert linear.info.law == Linear()
        assert "law" not in linear.info.parts  # so that runs from before there were any resume


def test_a_law_of_ones_own_numbers() -> None:
    law = Diode(saturation_a=1e-6, directions=(1,))
    with SimulatedBoard(MESH, Parts(law=law)) as each:
        each.set_resistances(OHM)
        each.drive("free", {0: 0.0, 5: 1.0})
        assert each.info.law == law
        assert each.read("free") == pytest.approx(
            circuit.node_voltages(MESH, OHM, {0: 0.0, 5: 1.0}, law=law), abs=1e-12
        )


@KINDS
def test_what_was_solved_before_does_not_decide_what_is_read(edges: str) -> None:
    """To the last bit: else a run that goes on would not be the one that was not interrupted."""
    with board(edges) as fresh, board(edges) as used:
        for each in (fresh, used):
            each.set_resistances(OHM)
        for volts in (0.1, 0.45, 0.3):
            used.drive("free", {0: 0.0, 5: volts})
            used.drive("clamped", {2: 0.0, 5: volts})
            used.read("clamped")
        for each in (fresh, used):
            each.drive("free", {0: 0.0, 5: 0.2})
            each.drive("clamped", {0: 0.0, 5: 0.2, 11: 0.1})
        assert fresh.read("clamped").tolist() == used.read("clamped").tolist()
        assert fresh.read("free").tolist() == used.read("free").tolist()
        again = used.copy()
        assert again.read("clamped").tolist() == used.read("clamped").tolist()


def test_nodes_settle_with_their_time_constant() -> None:
    with SimulatedBoard(MESH, Parts(law=Transistor(), settling=Settling(1e-6))) as each:
        each.set_resistances(OHM)
        each.drive("free", {0: 0.0, 5: 0.4})
        each.wait(1e-6)
        on_the_way = each.read("free")
        each.wait(1e-3)
        there = each.read("free")
    moving = there > 1e-6
    moving[5] = False
    assert on_the_way[moving] / there[moving] == pytest.approx(1 - np.exp(-1.0), rel=1e-9)


@KINDS
def test_a_training_resumes_bit_for_bit(edges: str, tmp_path: Path) -> None:
    parts = Parts(law={"diode": Diode(), "transistor": Transistor()}[edges])
    task = Differential.sample_xor(MESH, seed=1)
    plan = labnet.Plan(task=task, steps=12, rule=labnet.Continuous(gamma=1e-2), eta=0.5, start=(500.0, 9e3))
    with SimulatedBoard(MESH, parts) as each:
        whole = labnet.run_plan(each, plan, tmp_path / "whole.sqlite", progress=False)
    stopped = Interrupted(MESH, parts)
    stopped.presses_at = 7
    with stopped, pytest.raises(KeyboardInterrupt):
        labnet.run_plan(stopped, plan, tmp_path / "parts.sqlite", progress=False)
    with SimulatedBoard(MESH, parts) as each:
        resumed = labnet.run_plan(each, plan, tmp_path / "parts.sqlite", resume=True, progress=False)
    assert_same_records(resumed, whole)


# What there is not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sim://twin16?edges=valve", "edges is 'valve'; allowed: 'linear', 'diode' or 'transistor'"),
        ("sim://twin16?edges=diode&fault=removed@3", "faults are those of linear edges"),
        ("firmware://twin16?edges=diode", "edges is 'diode'; allowed: 'linear'"),
    ],
)
def test_addresses_that_name_no_board(address: str, message: str) -> None:
    with pytest.raises(UnknownBoard, match=message):
        labnet.open_board(address)


@pytest.mark.parametrize(
    ("options", "limits"), [("", (1.0, 1e9)), ("?edges=linear", (500.0, 1e4)), ("?edges=diode", (500.0, 1e4))]
)
def test_edges_that_are_asked_for_have_the_same_limits(options: str, limits: tuple[float, float]) -> None:
    with labnet.open_board(f"sim://twin16{options}") as board:
        assert board.info.resistance_range_ohm == limits


def test_faults_are_those_of_resistors() -> None:
    with pytest.raises(NotSupported, match="a FaultyBoard has resistors, not Diode"):
        FaultyBoard(MESH, Parts(law=Diode(), faults=Faults(stuck_gate=(3,))))


def test_edges_do_not_step_by_themselves() -> None:
    with board("diode", gate="oscillator", calibrated="true") as each, pytest.raises(NotSupported, match="resistors"):
        each.self_trigger(1e-3)


def test_faults_are_looked_for_in_resistors_alone() -> None:
    plan = labnet.Plan(task=Differential.sample_xor(MESH), steps=2, on_fault="stop")
    with board("diode") as each, pytest.raises(NotSupported, match=r"no resistors .*leave on_fault at 'ignore'"):
        labnet.run_plan(each, plan, progress=False)


def test_a_state_that_is_not_found_leaves_the_board_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Network(np.array([[0, 1], [1, 2]]), 3)
    with SimulatedBoard(path, Parts(law=Diode())) as each:
        each.set_resistances([1e3, 2e3])
        each.drive("free", {0: 5.0, 2: 0.0})
        before = each.snapshot()
        monkeypatch.setattr("labnet.circuit.nonlinear.MOST_ITERATIONS", 1)
        with pytest.raises(NotConverged, match=r"node 1, where edge [01]"):
            each.read("free")
        after = each.snapshot()
        assert {name: value.tolist() for name, value in after.items()} == {k: v.tolist() for k, v in before.items()}
        monkeypatch.undo()
        law = asdict(Diode())
        assert each.info.parts["law"] == law
        assert each.read("free")[1] == pytest.approx(2.8, abs=0.3)
