"""Simulated boards that are not as they must be, each in one way."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

import labnet
from labnet.board import Side, Update
from labnet.errors import OutOfRange
from labnet.plan import Plan
from labnet.records import Block
from labnet_simulators import Parts, SimulatedBoard
from labnet_simulators.components import Adc, Settling

NETWORK = labnet.networks.twin16()
EDGE, NODE = 3, 4
PARTS = Parts()


class Nameless(SimulatedBoard):
    """A board without a serial number."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.info = replace(self.info, serial=" ")


class TakesNan(SimulatedBoard):
    """A driver that looks at voltages with a comparison that NaN passes."""

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        if not any(volts != volts for volts in voltages.values()):
            super().drive(side, voltages)


class MovesAndRefuses(SimulatedBoard):
    """A driver that refuses a bias, but had set one."""

    @property
    def bias_v(self) -> float:
        return SimulatedBoard.bias_v.fget(self)  # type: ignore[attr-defined,no-any-return]

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        SimulatedBoard.bias_v.fset(self, min(max(volts, 0.0), 1.0))  # type: ignore[attr-defined]
        if not 0.0 <= volts <= 1.0:
            raise OutOfRange("too late")


class UnsafeSources(SimulatedBoard):
    """A board whose safe state is its bias alone."""

    def safe(self) -> None:
        self._bias_v = 0.0


class WrongPot(SimulatedBoard):
    """One edge has pots of 20 kohm."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for ohm in self._pots.table_ohm.values():
            ohm[:, EDGE] *= 2


class WrongTwin(SimulatedBoard):
    """The pot of an edge's clamped side is 8 % more than its twin."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._pots.table_ohm["clamped"][:, EDGE] *= 1.08


class LosesSteps(SimulatedBoard):
    """A wiper loses ten steps on its way up from the low end."""

    lost = 0

    def set_wipers(self, positions: Any) -> None:
        counted = np.broadcast_to(np.asarray(positions), NETWORK.edge_count).copy()
        real = counted.copy()
        if np.isfinite(counted).all() and 10 <= counted[EDGE] <= 127:
            self.lost = 10 if super().wipers()[EDGE] == 0 else self.lost
            real[EDGE] -= self.lost
        else:
            self.lost = 0
        super().set_wipers(real)

    def wipers(self) -> Any:
        counted = super().wipers()
        counted[EDGE] += self.lost
        return counted


class OffByTwenty(SimulatedBoard):
    """A source is 20 mV too low."""

    def as_driven(self, voltages: Mapping[int, float]) -> dict[int, float]:
        return {node: volts - 0.02 * (node == NODE) for node, volts in voltages.items()}


class HoldsOn(SimulatedBoard):
    """A switch of the clamped side that does not open."""

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        source = self.voltages.held["free"].get(NODE)
        stuck = {} if source is None or side == "free" else {NODE: source}
        super().drive(side, stuck | dict(voltages))


class NudgesBoth(SimulatedBoard):
    """What nudges the free side nudges the clamped one, too."""

    def nudge(
        self, side: Side, currents_a: Mapping[int, float], shunts_s: Mapping[int, float] = MappingProxyType({})
    ) -> None:
        super().nudge(side, currents_a, shunts_s)
        super().nudge("clamped", currents_a, shunts_s)


class DrawsUp(SimulatedBoard):
    """Currents have the wrong sign."""

    def nudge(
        self, side: Side, currents_a: Mapping[int, float], shunts_s: Mapping[int, float] = MappingProxyType({})
    ) -> None:
        super().nudge(side, {node: -amperes for node, amperes in currents_a.items()}, shunts_s)


class StaysNudged(SimulatedBoard):
    """To drive a side does not end its nudge."""

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        nudge = self.voltages.nudges[side]
        super().drive(side, voltages)
        if not nudge.nodes & voltages.keys():
            super().nudge(side, *nudge)


class Inverted(SimulatedBoard):
    """The inputs of an edge's comparators are swapped."""

    def _latch(self) -> Update:
        update = super()._latch()
        update.directions[EDGE] *= -1
        return update


class OpenGate(SimulatedBoard):
    """A gate is open at every other trigger, whatever the bias."""

    def _latch(self) -> Update:
        update = super()._latch()
        update.enabled[EDGE] |= self.triggers % 2 == 0
        return update


class OneGate(SimulatedBoard):
    """All edges have the gate of the first."""

    def _latch(self) -> Update:
        update = super()._latch()
        update.enabled[:] = update.enabled[0]
        return update


class StepsTwice(SimulatedBoard):
    """A wiper takes two steps at a trigger."""

    def trigger(self, step_wipers: bool = True) -> Update:
        update = super().trigger(step_wipers)
        if step_wipers and update.enabled[EDGE]:
            wipers = self.wipers()
            wipers[EDGE] = np.clip(wipers[EDGE] + update.directions[EDGE], 0, 127)
            self.set_wipers(wipers)
        return update


class CountsOnly(SimulatedBoard):
    """A wiper is counted when it is triggered, but does not move."""

    ahead = 0

    def trigger(self, step_wipers: bool = True) -> Update:
        before = super().wipers()
        update = super().trigger(step_wipers)
        moved = super().wipers()
        self.ahead += int(moved[EDGE] - before[EDGE])
        super().set_wipers(np.where(np.arange(len(moved)) == EDGE, before, moved))
        return update

    def set_wipers(self, positions: Any) -> None:
        self.ahead = 0
        super().set_wipers(positions)

    def wipers(self) -> Any:
        counted = super().wipers()
        counted[EDGE] += self.ahead
        return counted


class OtherNudge(SimulatedBoard):
    """A board that runs plans with another eta than it was told."""

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        return super().train(plan.model_copy(update={"eta": 1.0}), first, start_s)


class LosesRecords(SimulatedBoard):
    """The log lacks a step."""

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        for block in super().train(plan, first, start_s):
            yield block._replace(records=[record for record in block.records if record.step != 7])


class OffSchedule(SimulatedBoard):
    """Step 9 says that it began 2 us late."""

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        for block in super().train(plan, first, start_s):
            for record in block.records:
                record.time_s += 2e-6 * (record.step == 9)
            yield block


class TrainsOn(SimulatedBoard):
    """A training that is broken off goes on."""

    going_on = False

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        for block in super().train(plan, first, start_s):
            self.going_on = True
            yield block
        self.going_on = False

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        if self.going_on:
            super().set_wipers(np.maximum(super().wipers() - 1, 0))


class Sulks(SimulatedBoard):
    """After an error, readings are off by 10 mV."""

    off_v = 0.0

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        try:
            super().drive(side, voltages)
        except OutOfRange:
            self.off_v = 0.01
            raise

    def read(self, side: Side) -> Any:
        return super().read(side) + self.off_v


SLOW = replace(PARTS, settling=Settling(1e-3))
UNEQUAL = replace(PARTS, pot=replace(PARTS.pot, twin_mismatch=1e-6))  # else one table serves both sides
NOISY = replace(PARTS, adc=Adc(noise_v=1e-3))

# the check that finds it, and what the finding names
DEFECTS: list[tuple[type[SimulatedBoard], Parts, str, str]] = [
    (Nameless, PARTS, "identity", "info.serial is empty"),
    (TakesNan, PARTS, "limits", "nan V at node 0, free side"),
    (MovesAndRefuses, PARTS, "limits", "bias"),
    (UnsafeSources, PARTS, "power-up", "after safe, clamped side"),
    (WrongPot, PARTS, "wipers", f"edge {EDGE} "),
    (WrongTwin, UNEQUAL, "wipers", "clamped less free"),
    (LosesSteps, PARTS, "homing", "after both rails"),
    (OffByTwenty, PARTS, "clamp", f"node {NODE}, "),
    (HoldsOn, PARTS, "hold-and-float", f"node {NODE}, let go of on the clamped side"),
    (SimulatedBoard, SLOW, "settling", "1 s after a step"),
    (NudgesBoth, PARTS, "nudges", "clamped side, when the other is nudged"),
    (DrawsUp, PARTS, "nudges", "nudged by a current"),
    (StaysNudged, PARTS, "nudges", "free side, driven after a nudge"),
    (Inverted, PARTS, "comparators", f"edge {EDGE}: wrong of 24 directions"),
    (OpenGate, PARTS, "gates", f"edge {EDGE}, p = 0: updates of 10"),
    (OneGate, PARTS, "gates", "all edges alike"),
    (StepsTwice, PARTS, "triggers", f"at edge {EDGE}"),
    (CountsOnly, PARTS, "triggers", "where they were counted"),
    (SimulatedBoard, NOISY, "converter-noise", "noise of node"),
    (OtherNudge, PARTS, "paces", "board-paced: clamped outputs off Eq. 1"),
    (LosesRecords, PARTS, "log", "full log: steps that are not there once"),
    (OffSchedule, PARTS, "log", "full log: step 9 off its time"),
    (TrainsOn, PARTS, "abort", "wipers that move still"),
    (Sulks, PARTS, "recovery", "after errors"),
]
