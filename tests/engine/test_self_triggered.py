"""Edges that step by themselves, event by event, against brute force in small steps of time."""

from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
import pytest
from graphs import connected
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from self_triggered_reference import Firing, SlowTwin
from slow_draws import Undecidable
from trainings import SEEDS, tasks

import labnet
from labnet import Network, Plan, SelfTriggered, networks
from labnet.tasks import Task
from labnet_simulators import (
    PRESETS,
    Adc,
    ComparatorPair,
    Dac,
    Digipot,
    EffectiveComparator,
    Leakage,
    OscillatorGate,
    Parts,
    Settling,
    SimulatedBoard,
)

AROUND_NS = 3.0  # an event's window: boards' clocks count nanoseconds
VOLTS = 1e-9  # what small steps of time are sure to

GATES = st.builds(
    OscillatorGate,
    capacitor_f=st.sampled_from([1e-9, 10e-9]),
    capacitor_tolerance=st.sampled_from([0.0, 0.1]),
    phase_spread=st.sampled_from([1.0, 0.3]),
    temperature_k=st.sampled_from([0.0, 0.0, 20.0]),
    temperature_period_s=st.just(1e-3),
    jitter=st.sampled_from([0.0, 0.0, 0.1]),
    known=st.just(True),
)
COMPARATORS = st.one_of(
    st.just(EffectiveComparator()),
    st.builds(EffectiveComparator, st.just(0.0), st.sampled_from([0.005, 0.05]), st.booleans()),
    st.builds(ComparatorPair, st.sampled_from([0.0, 5e-3]), st.sampled_from([0.0, 1e-3])),
)
POTS = st.builds(
    Digipot,
    positions=st.sampled_from([128, 6]),
    tolerance=st.sampled_from([0.0, 0.3]),
    twin_mismatch=st.sampled_from([0.0, 0.01]),
    inl_lsb=st.sampled_from([0.0, 0.0, 1.0]),
    power_up=st.just(3),
)
PARTS = st.builds(
    Parts,
    pot=POTS,
    comparator=COMPARATORS,
    gate=GATES,
    settling=st.sampled_from([0.0, 0.3e-6, 3e-6, 30e-6]).map(Settling),
    leakage=st.sampled_from([None, 1e5]).map(Leakage),
)
MILLIVOLTS = st.integers(0, 5000).map(lambda mv: mv / 1000)


@dataclass
class Session:
    """A board, where its wipers stand and its bias, and what is held on both sides for which stretches of time."""

    network: Network
    parts: Parts
    seed: int
    wipers: list[int]
    bias_v: float
    waited_ns: int
    stretches: list[tuple[dict[int, float], dict[int, float], int]]  # in nanoseconds

    def board(self) -> SimulatedBoard:
        board = SimulatedBoard(self.network, self.parts, self.seed)
        board.set_wipers(self.wipers)
        board.bias_v = self.bias_v
        return board

    def twin(self) -> SlowTwin:
        twin = SlowTwin(self.network, self.parts, self.seed)
        twin.wipers = self.wipers
        return twin


def hold(board: SimulatedBoard, free: dict[int, float], clamped: dict[int, float]) -> None:
    board.drive("free", free)
    board.drive("clamped", clamped)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Some three firings an edge, in stretches with other voltages each; any nodes on boards that leak."""
    network, parts = draw(connected(8)), draw(PARTS)
    nodes = draw(st.permutations(range(network.node_count)))
    inputs = draw(st.integers(1, len(nodes) - 1))
    outputs = draw(st.integers(1, min(3, len(nodes) - inputs)))
    free, clamped = nodes[:inputs], nodes[: inputs + outputs]
    if parts.leakage.ohm is not None and draw(st.booleans()):
        clamped = nodes[draw(st.integers(0, inputs)) : inputs + outputs]  # lets go of what the free side holds
    period_s = 1.0 / parts.gate.frequency_hz  # type: ignore[union-attr]
    stretches = []
    for _ in range(draw(st.integers(1, 4))):
        volts = {node: draw(MILLIVOLTS) for node in nodes}
        sides = [{node: volts[node] for node in side} for side in (free, clamped)]
        stretches.append((*sides, round(draw(st.floats(0.05, 1.5)) * period_s * 1e9)))
    top = parts.pot.positions - 1
    wipers = draw(st.lists(st.integers(0, top), min_size=network.edge_count, max_size=network.edge_count))
    waited_ns = draw(st.integers(0, 2_000_000))
    return Session(network, parts, draw(SEEDS), wipers, draw(st.floats(0.3, 0.7)), waited_ns, stretches)


def begun(session: Session) -> tuple[SimulatedBoard, SlowTwin]:
    """Both with the first stretch held since long."""
    board, twin = session.board(), session.twin()
    free, clamped, _ = session.stretches[0]
    hold(board, free, clamped)
    board.wait(session.waited_ns * 1e-9 + 50 * session.parts.settling.tau_s)
    twin.hold(free, clamped)
    twin.settle()
    return board, twin


@settings(max_examples=20)
@given(sessions())
def test_every_firing_of_every_edge(session: Session) -> None:
    compare(session)


@pytest.mark.slow
@settings(max_examples=120)
@given(sessions())
def test_every_firing_of_every_edge_of_many_boards(session: Session) -> None:
    compare(session)


def compare(session: Session) -> None:
    """Just before a firing nothing has moved, just after it that one wiper; a whole stretch at once ends the same."""
    board, twin = begun(session)
    watched = session.board()
    watched.restore(board.snapshot())
    try:
        for free, clamped, length_ns in session.stretches:
            from_s = board.time_s
            twin.hold(free, clamped)
            before = twin.wipers
            firings = twin.run(session.bias_v, from_s, from_s + length_ns * 1e-9)
            for each in (board, watched):
                hold(each, free, clamped)
            board.self_trigger(length_ns * 1e-9)
            watch(watched, firings, before, round(from_s * 1e9) + length_ns)
            for each in (board, watched):
                assert each.wipers().tolist() == twin.wipers
                for k, side in enumerate(("free", "clamped")):
                    np.testing.assert_allclose(each.read(side), twin.v[k], rtol=0, atol=VOLTS)
    except Undecidable:
        reject()


def watch(board: SimulatedBoard, firings: list[Firing], wipers: list[int], end_ns: int) -> None:
    """Run from just before every firing to just after it; those that are too close together are taken as one."""
    groups: list[list[Firing]] = []
    for firing in firings:
        if groups and (firing.time_s - groups[-1][-1].time_s) * 1e9 < 2 * AROUND_NS + 2:
            groups[-1].append(firing)
        else:
            groups.append([firing])
    for group in groups:
        run_until(board, max(floor(group[0].time_s * 1e9 - AROUND_NS), round(board.time_s * 1e9)))
        assert board.wipers().tolist() == wipers
        run_until(board, min(ceil(group[-1].time_s * 1e9 + AROUND_NS), end_ns))
        wipers = group[-1].wipers
        assert board.wipers().tolist() == wipers
    run_until(board, end_ns)


def run_until(board: SimulatedBoard, time_ns: int) -> None:
    board.self_trigger((time_ns - round(board.time_s * 1e9)) * 1e-9)


LAB = replace(
    PRESETS["lab"],
    gate=OscillatorGate(jitter=0.05),
    comparator=EffectiveComparator(0.0, 0.002),
    adc=Adc(),
    settling=Settling(2e-6),
)


@pytest.mark.parametrize(("name", "periods"), [("twin16", 60), ("packing143", 3)])
@pytest.mark.parametrize("parts", [LAB, replace(LAB, pot=Digipot(), settling=Settling())], ids=["lab", "equal"])
def test_many_firings_at_once(name: str, periods: int, parts: Parts) -> None:
    """What is worked out anew after a firing is as exact as a dense solve, however many there were."""
    network = networks.named(name)
    nodes, seconds = network.node_count, periods * 8.13e-6
    free = {0: 5.0, nodes - 1: 0.0, nodes // 2: 1.0}
    outputs = {nodes // 3: 4.0, 2 * nodes // 3: 1.0}
    wipers = np.random.default_rng(1).integers(20, 100, network.edge_count).tolist()
    ideal = replace(parts, dac=Dac())
    session = Session(network, ideal, 5, wipers, 0.5, 0, [(free, free | outputs, 0)])
    board, twin = begun(session)
    done = twin.run(0.5, board.time_s, board.time_s + seconds)
    board.self_trigger(seconds)
    assert len(done) > 0.9 * periods * network.edge_count
    assert sum(abs(a - b) for a, b in zip(wipers, twin.wipers, strict=True)) > network.edge_count
    assert board.wipers().tolist() == twin.wipers
    for k, side in enumerate(("free", "clamped")):
        np.testing.assert_allclose(board.read(side), twin.v[k], rtol=0, atol=VOLTS)


# The analogue clamp ---------------------------------------------------------------------------------------------------


@dataclass
class Followed:
    """A task that an analogue clamp follows for some steps."""

    plan: Plan
    parts: Parts
    seed: int


@st.composite
def followed(draw: st.DrawFn) -> Followed:
    parts = replace(draw(PARTS), leakage=Leakage(draw(st.sampled_from([None, 1e6]))))
    task: Task = draw(connected(7).flatmap(tasks))
    period_s = 1.0 / parts.gate.frequency_hz  # type: ignore[union-attr]
    lag_s = draw(st.sampled_from([0.3e-6, 3e-6, 3.001e-6, 2.9e-6, 50e-6]))
    clock = SelfTriggered(dwell_s=round(draw(st.floats(0.3, 3.0)) * period_s * 1e9) * 1e-9, lag_s=lag_s, p=0.4)
    top = parts.pot.positions - 1
    plan = Plan(
        task=task,
        steps=draw(st.integers(1, 3)),
        clock=clock,
        eta=draw(st.sampled_from([1.0, 0.5, 0.1])),
        settle_s=2e-3,
        start=(0, top),
        seed=draw(SEEDS),
        measure=draw(st.sampled_from([1, 10])),
    )
    return Followed(plan, parts, draw(SEEDS))


@settings(max_examples=6)
@given(followed())
def test_an_analogue_clamp(case: Followed) -> None:
    compare_followed(case)


@pytest.mark.slow
@settings(max_examples=80)
@given(followed())
def test_many_analogue_clamps(case: Followed) -> None:
    compare_followed(case)


def compare_followed(case: Followed) -> None:
    """Wipers before, and voltages after every dwell."""
    plan, task = case.plan, case.plan.task
    board = SimulatedBoard(task.network, case.parts, case.seed)
    with labnet.run_plan(board, plan, progress=False) as run:
        wipers, free, clamped = (run.array(name) for name in ("wipers", "v_free", "v_clamped"))
        times = run.frame("steps")["time_s"].tolist()
    board.set_update_probability(plan.clock.p)
    bias_v = board.bias_v
    twin = SlowTwin(task.network, case.parts, case.seed)
    twin.wipers = wipers[0].tolist()
    shown = task.held(task.train.inputs[0])
    held = {o: float(v) for o, v in zip(task.outputs, task.train.targets[0], strict=True)}
    assert isinstance(plan.clock, SelfTriggered)
    assert plan.clock.lag_s is not None
    try:
        for step, from_s in enumerate(times[:-1]):
            assert wipers[step].tolist() == twin.wipers
            if step == 0 or plan.measure == 1:
                last = task.test if len(task.test) else task.train
                shown = task.held(last.inputs[-1])
            twin.hold(shown, shown | held)
            twin.settle()
            example = step % len(task.train)
            shown = task.held(task.train.inputs[example])
            twin.hold(shown, shown | held)
            wanted = {o: float(v) for o, v in zip(task.outputs, task.train.targets[example], strict=True)}
            twin.analogue = (plan.eta_at(step), wanted, plan.clock.lag_s)
            twin.run(bias_v, from_s, from_s + plan.clock.dwell_s)
            held = {o: twin.held[1][o] for o in task.outputs}
            for seen, wanted_v in zip((free[step], clamped[step]), twin.v, strict=True):
                np.testing.assert_allclose(seen, wanted_v, rtol=0, atol=100 * VOLTS)
    except Undecidable:
        reject()
    assert wipers[-1].tolist() == twin.wipers
