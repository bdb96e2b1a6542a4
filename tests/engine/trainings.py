"""Random trainings for hypothesis: any graph, terminals, examples, settings and parts."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from graphs import connected
from hypothesis import strategies as st

import labnet
from labnet import Continuous, Discrete, GlobalClock, LogSpaced, Network, Plan
from labnet.board import Converter
from labnet.errors import UnreachableTarget
from labnet.rules import EquilibriumPropagation, HostRule
from labnet.tasks import Regression, Task
from labnet_simulators import (
    Adc,
    ComparatorPair,
    Dac,
    Digipot,
    EffectiveComparator,
    Gate,
    Leakage,
    OscillatorGate,
    Parts,
    Settling,
    SimulatedBoard,
)
from labnet_simulators.components import BIAS_GRID

TOP_V = 5.0
R_REF = 10e3
MOST_NODES = 9
SEEDS = st.integers(-2, 2**64 + 2)


@dataclass(frozen=True)
class Training:
    """A plan, and the board it runs on."""

    plan: Plan
    parts: Parts
    seed: int

    def board(self) -> SimulatedBoard:
        return SimulatedBoard(self.plan.task.network, self.parts, self.seed)

    def run(self) -> labnet.Run:
        return labnet.run_plan(self.board(), self.plan, progress=False)


@st.composite
def tasks(draw: st.DrawFn, network: Network) -> Task:
    """Any nodes as terminals, up to all of them; voltages in whole millivolts, also such as no network reaches."""
    n = network.node_count
    nodes = draw(st.permutations(range(n)))
    terminals = draw(st.integers(2, min(n, 6)))
    outputs = draw(st.integers(1, min(3, terminals - 1)))
    grounds = draw(st.integers(0, terminals - outputs))
    inputs = terminals - outputs - grounds
    volts = st.integers(0, 5000).map(lambda mv: mv / 1000)

    def examples(fewest: int) -> tuple[list[list[float]], list[list[float]]]:
        count = draw(st.integers(fewest, 3))
        return tuple(  # type: ignore[return-value]
            [draw(st.lists(volts, min_size=width, max_size=width)) for _ in range(count)] for width in (inputs, outputs)
        )

    train, test = examples(1), examples(0)
    roles = nodes[:inputs], nodes[inputs : inputs + outputs], nodes[inputs + outputs : terminals]
    with warnings.catch_warnings():  # a target out of reach makes a training too
        warnings.simplefilter("ignore", UnreachableTarget)
        return Regression(network, *roles, train=train, test=test)


TASKS = connected(MOST_NODES).flatmap(tasks)


@st.composite
def pots(draw: st.DrawFn) -> Digipot:
    """Ideal pots more often than not, with few positions now and then, so that wipers reach their ends."""
    positions = draw(st.sampled_from([128, 129, 6]))
    return Digipot(
        positions=positions,
        wiper_ohm=draw(st.sampled_from([40.0, 75.0])),
        tolerance=draw(st.sampled_from([0.0, 0.0, 0.3])),
        twin_mismatch=draw(st.sampled_from([0.0, 0.0, 0.01])),
        inl_lsb=draw(st.sampled_from([0.0, 0.0, 0.0, 1.0])),
        dnl_lsb=draw(st.sampled_from([0.0, 0.0, 0.0, 1.0])),
        power_up=positions // 2,
    )


BITS = st.sampled_from([None, 16]).map(lambda bits: Converter(0.0, TOP_V, bits))
BIAS_GRIDS = st.sampled_from([Converter(0.0, 1.0), BIAS_GRID])
OSCILLATORS = st.builds(
    OscillatorGate,
    capacitor_f=st.sampled_from([1e-9, 1e-6]),
    capacitor_tolerance=st.sampled_from([0.0, 0.1]),
    phase_spread=st.sampled_from([0.0, 1.0]),
    temperature_k=st.sampled_from([0.0, 10.0]),
    temperature_period_s=st.just(0.01),
    known=st.just(True),
    grid=BIAS_GRIDS,
)
GAIN_ERRORS = st.sampled_from([0.0, 0.0, 5e-4])
OFFSETS_V = st.sampled_from([0.0, 0.0, 1.5e-3, 0.3])  # 0.3 V: clamps are cut
MOST_V = TOP_V + 4 * 0.3  # an edge's drop, as it is read
COMPARATORS = st.one_of(
    st.just(EffectiveComparator()),
    st.builds(EffectiveComparator, st.sampled_from([0.0, 0.002]), st.sampled_from([0.005, 0.05]), st.booleans()),
    st.builds(ComparatorPair, st.sampled_from([0.0, 5e-3]), st.sampled_from([0.0, 1e-3])),
)
LIMITS = (0.5, 1.5)  # of set resistances, in units of R_ref; or none to speak of
PARTS = st.builds(
    Parts,
    pot=pots(),
    comparator=COMPARATORS,
    gate=st.builds(Gate, st.booleans(), BIAS_GRIDS) | OSCILLATORS,
    dac=st.builds(Dac, BITS, OFFSETS_V, GAIN_ERRORS),
    adc=st.builds(Adc, BITS, OFFSETS_V, GAIN_ERRORS, st.sampled_from([0.0, 76e-6])),
    settling=st.sampled_from([0.0, 1e-9]).map(Settling),
    leakage=st.sampled_from([None, None, 1e9, 1e5]).map(Leakage),
    resistance_range_ohm=st.sampled_from([(1.0, 1e9), (LIMITS[0] * R_REF, LIMITS[1] * R_REF)]),
)


@st.composite
def settings(draw: st.DrawFn, task: Task, parts: Parts, most_steps: int, sparse: bool) -> dict[str, Any]:
    """All settings but rule and start; `sparse` logs by any schedule instead of every step."""
    steps = draw(st.integers(1, most_steps))
    etas = st.sampled_from([1.0, 0.5, 0.1, 1e-3]) | st.floats(0.01, 1.0)
    least_p = min(0.51 / task.network.edge_count, 1.0) if parts.gate == Gate(True, parts.gate.grid) else 0.01
    some_examples = st.lists(st.integers(0, len(task.train) - 1), min_size=1, max_size=4).map(tuple)
    schedules = st.integers(1, 4) | st.lists(st.integers(0, 12), max_size=3).map(tuple)
    chosen = {
        "task": task,
        "steps": steps,
        "clock": GlobalClock(p=draw(st.just(1.0) | st.floats(least_p, 1.0))),
        "eta": draw(etas | st.lists(etas, min_size=steps, max_size=steps).map(tuple)),
        "order": draw(st.sampled_from(["cyclic", "random"]) | some_examples),
        "seed": draw(SEEDS),
        "settle_s": draw(st.sampled_from([1e-3, 0.25e-6])),
        "period_s": draw(st.sampled_from([None, 0.1])),
        "measure": draw(schedules),
    }
    if sparse:
        either = schedules | st.just(LogSpaced(per_decade=3))
        chosen |= {"log": draw(either), "measure": draw(either)}
    return chosen


@st.composite
def discrete_plans(draw: st.DrawFn, task: Task, parts: Parts, most_steps: int = 24, sparse: bool = False) -> Plan:
    """Eq. 10, started anywhere, close to an end or as the board powers up."""
    top = parts.pot.positions - 1
    start = draw(st.sampled_from([None, (0, top), (0, top), (0, top), top // 3, (0, 2), (top - 2, top)]))
    return Plan(rule=Discrete(), start=start, **draw(settings(task, parts, most_steps, sparse)))


@st.composite
def continuous_plans(draw: st.DrawFn, task: Task, parts: Parts, most_steps: int = 16, sparse: bool = False) -> Plan:
    """Eqs. 2 and 7, with steps up to a third of a resistance, so that rounding errors stay small and none diverges.

    The first step is the share s of the lowest resistance R at most. Without limits R may fall, and steps grow as
    1 / R^2: in each of n steps R^3 falls by up to 3 s of what it was first, so with s = 1 / 3n the last is a third.
    """
    assert parts.resistance_range_ohm is not None
    limited = parts.resistance_range_ohm[0] > 1.0
    start = st.floats(*LIMITS) if limited else st.floats(0.2, 5.0)
    between = st.tuples(start, start).map(lambda ends: tuple(sorted(ends)))
    chosen = draw(between | start | st.none())
    lowest = LIMITS[0] if limited else float(np.min(1.0 if chosen is None else chosen))
    batch = draw(st.none() | st.sampled_from([1.0, 0.5, 0.3]) | st.floats(0.05, 1.0))
    others = draw(settings(task, parts, most_steps, sparse))
    most = 1 / 3 if limited else 1 / (3 * others["steps"])
    share = draw(st.floats(1e-3, most)) / (1 if batch is None else len(task.train))
    fixed = batch is not None and draw(st.booleans())
    rule = Continuous(gamma=share * lowest**3 / MOST_V**2, batch=batch, fixed_batch=fixed)
    if batch is not None:
        others["order"] = "cyclic"
    return Plan(rule=rule, start=chosen, **others)


@st.composite
def nudged_rules(draw: st.DrawFn, like: Continuous) -> HostRule:
    """Equilibrium propagation or an option of coupled learning, with steps that are no larger than those of a rule.

    A nudge of -beta / R_ref leaves any of these networks stable; a current of beta V / R_ref moves a node at the end of
    eight edges of 5 R_ref by 40 beta V.
    """
    batch = {"batch": like.batch, "fixed_batch": like.fixed_batch}
    if draw(st.booleans()):
        return Continuous(
            gamma=like.gamma,
            symmetric=draw(st.booleans()),
            margin_v=draw(st.sampled_from([None, 0.0, 0.3])),
            over_clamp_v=draw(st.sampled_from([None, (0.0, TOP_V)])),
            **batch,
        )
    return EquilibriumPropagation(
        gamma=like.gamma / 60,
        beta=draw(st.sampled_from([1e-3, 5e-3])),
        nudge=draw(st.sampled_from(["current", "conductance"])),
        states=draw(st.sampled_from(["one-sided", "centred", "twin"])),
        **batch,
    )


@st.composite
def nudged_plans(draw: st.DrawFn, task: Task, parts: Parts, most_steps: int = 16, sparse: bool = False) -> Plan:
    """Plans whose outputs are nudged in any way that compiled code knows."""
    plan = draw(continuous_plans(task, parts, most_steps, sparse))
    return Plan(**(dict(plan) | {"rule": draw(nudged_rules(plan.rule))}))


@st.composite
def nudged(draw: st.DrawFn, sparse: bool = False) -> Training:
    task, parts = draw(TASKS), draw(PARTS)
    return Training(draw(nudged_plans(task, parts, sparse=sparse)), parts, draw(SEEDS))


@st.composite
def discrete(draw: st.DrawFn, sparse: bool = False) -> Training:
    task, parts = draw(TASKS), draw(PARTS)
    return Training(draw(discrete_plans(task, parts, sparse=sparse)), parts, draw(SEEDS))


@st.composite
def continuous(draw: st.DrawFn, sparse: bool = False) -> Training:
    task, parts = draw(TASKS), draw(PARTS)
    return Training(draw(continuous_plans(task, parts, sparse=sparse)), parts, draw(SEEDS))


@st.composite
def several(draw: st.DrawFn, most: int = 5) -> list[Training]:
    """Trainings on one board, of any rule, with one task or several."""
    network, parts, seed = draw(connected(MOST_NODES)), draw(PARTS), draw(SEEDS)
    some = draw(st.lists(tasks(network), min_size=1, max_size=3))

    def plans(task: Task) -> st.SearchStrategy[Plan]:
        return discrete_plans(task, parts, sparse=True) | continuous_plans(task, parts, sparse=True)

    chosen = draw(st.lists(st.sampled_from(some).flatmap(plans), min_size=1, max_size=most))
    return [Training(plan, parts, seed) for plan in chosen]
