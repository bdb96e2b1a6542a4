"""The networks of compiled trainings: what they ask of their board, when their steps are, what is measured of them."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from labnet.networks import Network
from labnet.plan import Plan, SelfTriggered, scheduled
from labnet.records import Errors
from labnet.rules import Continuous, EquilibriumPropagation, Rule
from labnet.tasks import Task
from labnet_simulators.channels import Channels
from labnet_simulators.components import Parts
from labnet_simulators.engine.arrays import CONDUCTANCE, CURRENT, VOLTAGE
from labnet_simulators.gates import DrawnGates
from labnet_simulators.oscillators import Oscillators

FloatArray = NDArray[np.float64]


class Twin(Protocol):
    """What an ensemble asks of a simulated board; all its networks are on boards of the same parts and seed."""

    network: Network
    parts: Parts
    seed: int
    triggers: int
    clamped_drives: int

    @property
    def conductances_s(self) -> tuple[FloatArray, FloatArray]:
        """Conductances by edge and wiper position, of both sides."""
        ...

    @property
    def channels(self) -> Channels:
        """Gains and offsets of its converters."""
        ...

    @property
    def gates(self) -> DrawnGates | Oscillators:
        """The gates of its edges."""
        ...


class Member(NamedTuple):
    """One network of an ensemble: its number, its plan, where its edges stand, its gates' bias, when step 0 begins."""

    number: int
    plan: Plan
    place: FloatArray
    bias_v: float
    start_s: float

    def trigger_ns(self, first: int, last: int) -> NDArray[np.int64]:
        """Give when each of the steps `first` .. `last` - 1 triggers or ends its dwell, on the board's clock."""
        plan = self.plan
        if isinstance(plan.clock, SelfTriggered):
            return self.began_ns(first, last) + sum(round(seconds * 1e9) for seconds in plan.clock.stretches)
        shows = plan.batches(first, last).sum(axis=1) if plan.batched else 1
        settlings = plan.rule.costs(plan.task, 1).settlings
        return np.asarray(self.began_ns(first, last) + settlings * round(plan.settle_s * 1e9) * shows)

    def began_ns(self, first: int, last: int) -> NDArray[np.int64]:
        """Give when each of the steps `first` .. `last` - 1 begins, on the board's clock."""
        began_ns = np.rint((self.start_s + np.arange(first, last) * self.plan.step_period_s) * 1e9)
        return np.asarray(began_ns, dtype=np.int64)

    def time_s(self, step: int) -> float:
        """Give when a step begins, in seconds."""
        return int(self.began_ns(step, step + 1)[0]) * 1e-9


def kind(plan: Plan) -> tuple[object, ...]:
    """Give what the plans of an ensemble have in common."""
    task = plan.task
    terminals = (task.inputs + task.grounds, task.outputs)
    return (task.network, *terminals, len(task.train), len(task.test), plan.rule.name, variant(plan.rule), plan.batched)


class Variant(NamedTuple):
    """How a rule nudges where that is not as in wycoff2022; see `Nudging`."""

    by: int
    opposite: bool
    twins: bool
    over: bool


def variant(rule: Rule) -> Variant | None:
    """Give how a rule nudges; None where that is as in wycoff2022."""
    if isinstance(rule, EquilibriumPropagation):
        by = CURRENT if rule.nudge == "current" else CONDUCTANCE
        return Variant(by, rule.states != "one-sided", rule.states == "twin", False)
    if isinstance(rule, Continuous) and (rule.symmetric or (rule.margin_v, rule.over_clamp_v) != (None, None)):
        return Variant(VOLTAGE, rule.symmetric, False, rule.over_clamp_v is not None)
    return None


def errors_of(task: Task, step: int, outputs: FloatArray, as_given: NDArray[np.intp]) -> list[Errors]:
    """Give the errors of both sets for what the outputs read, one example after the other, in rising order of nodes."""
    count, begin, found = len(task.train) + len(task.test), 0, []
    seen = outputs.reshape(count, -1)[:, as_given]
    for name, examples in task.sets():
        if len(examples):
            mine = np.ascontiguousarray(seen[begin : begin + len(examples)])
            found.append(Errors(step, name, task.cost(mine, examples), task.accuracy(mine, examples)))
        begin += len(examples)
    return found


def measured(plan: Plan) -> NDArray[np.bool_]:
    """Mark the steps before which a plan measures, its end with them, shape (steps + 1,)."""
    marks = np.append(scheduled(plan.measure, plan.steps), True)
    marks[0] = True
    return marks
