"""A twin network made of simulated parts, behind the verbs of every board."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet import circuit
from labnet.board import BoardInfo, Side, Snapshot, Update
from labnet.draws import Stream, draw
from labnet.errors import LabnetError, NotSupported, OutOfRange
from labnet.networks import Network
from labnet.plan import Plan
from labnet.records import Block
from labnet_simulators import plans
from labnet_simulators.components import Faults, Parts
from labnet_simulators.engine.self_triggered_stretches import Stretches
from labnet_simulators.oscillators import OscillatorGate, Oscillators
from labnet_simulators.pots import TwinPots
from labnet_simulators.sides import TwinSides, nanoseconds
from labnet_simulators.voltages import NO_NUDGE, NOT_NUDGED, SIDES, TABLE_UP_TO, Nudge

_log = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NO_WIPERS = "the resistances were set directly, so there is no wiper to step; call set_wipers first."


class SimulatedBoard(TwinSides):
    """A twin network of simulated parts; it can also tell the truth (`resistances`).

    Parameters
    ----------
    network : Network
    parts : Parts
        What it is made of; the ideal parts by default. Broken ones raise `NotSupported`: they make a `FaultyBoard`.
    seed : int
        Of everything random about it: spreads, gate, sigma, converter noise.
    address : str, optional
    """

    def __init__(self, network: Network, parts: Parts | None = None, seed: int = 0, address: str | None = None) -> None:
        parts = parts or Parts()
        super().__init__(network, parts, seed)
        self._check_faults()
        self.address = address or f"sim://{network.name}?seed={seed}"
        self.info = BoardInfo(
            model=f"simulated twin network {network.name}",
            serial=f"{network.digest}-{seed}",
            version="1",
            source=parts.dac.grid,
            reading=parts.adc.grid,
            wiper_positions=parts.pot.positions,
            wiper_ohm=parts.pot.wiper_ohm,
            end_to_end_ohm=parts.pot.end_to_end_ohm,
            resistance_range_ohm=parts.resistance_range_ohm,
            snapshots=True,
            plans=plans.COMPILED if network.edge_count <= TABLE_UP_TO and parts.law.linear else frozenset(),
            self_trigger_hz=parts.gate.frequency_hz if isinstance(parts.gate, OscillatorGate) else None,
            nudges=parts.nudges,
            law=parts.law,
            parts=parts.described(),
        )
        self._edges = np.arange(network.edge_count, dtype=np.uint64)
        self._bias_v = 0.0
        self.gates = parts.gate.built(seed, network.edge_count)
        self._pots = TwinPots(network, parts, seed)

    # What it is made of -----------------------------------------------------------------------------------------

    def _check_faults(self) -> None:
        """Refuse broken parts, which are not modelled here."""
        if self.parts.faults != Faults():
            raise NotSupported(f"a SimulatedBoard has no broken parts: make a FaultyBoard with {self.parts.faults}.")

    def resistances(self, side: Side) -> FloatArray:
        """Give the true resistances of a side, in ohms, shape (E,); read-only."""
        return self._pots.resistances(side)

    # Comparators, gates, wipers ---------------------------------------------------------------------------------

    @property
    def bias_v(self) -> float:
        """The gates' bias voltage, 0 to 1 V."""
        return self._bias_v

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        self._check_open()
        if not 0.0 <= volts <= 1.0:
            raise OutOfRange(f"bias of {volts} V; allowed: 0 to 1 V.")
        self._bias_v = float(self.parts.gate.grid.quantised(np.array(volts)))

    def set_update_probability(self, p: float) -> None:
        """Set the bias for update probability `p`, through the curve of the gates: p = bias / 1 V where they are drawn.

        Raises
        ------
        OutOfRange
            For no probability, or one that no edge steps at.
        NotCalibrated
            Where the gates are oscillators, and their curve is not known.
        """
        if not 0.0 <= p <= 1.0:
            raise OutOfRange(f"update probability {p}; allowed: 0 to 1.")
        self.bias_v = self.gates.bias_for(p)

    def _latch(self) -> Update:
        """Work out what the next trigger latches."""
        z = draw(self.seed, Stream.TRIGGER, self.triggers, self._edges)
        free, difference = self.voltages.both_at(self._time_ns)
        drops = circuit.edge_drops(self.network, free)
        more = circuit.edge_drops(self.network, difference)
        up = self.parts.comparator.up(self.seed, self.triggers, z, drops, more)
        directions = (up.view(np.int8) << 1) - np.int8(1)
        return Update(directions, self.gates.enabled(z, float(self._time_ns), self._bias_v))

    def directions(self) -> NDArray[np.int8]:
        """Look at the comparators now, shape (E,): +1 up, -1 down."""
        self._check_open()
        return self._latch().directions

    def enabled(self) -> NDArray[np.bool_]:
        """Look at the gates now, shape (E,)."""
        self._check_open()
        z = draw(self.seed, Stream.TRIGGER, self.triggers, self._edges)
        return self.gates.enabled(z, float(self._time_ns), self._bias_v)

    def trigger(self, step_wipers: bool = True) -> Update:
        """Clock all edges once and give what they latched; without `step_wipers` latch only."""
        self._check_open()
        if step_wipers and self._pots.set_ohm is not None:
            raise NotSupported(f"{_NO_WIPERS[:-1]}, or trigger with step_wipers=False.")
        update = self._latch()
        if step_wipers:
            self._before_change("free", "clamped")
            self._pots.step(update)
        self.count_from(self.triggers + 1)
        return update

    def count_from(self, triggers: int) -> None:
        """Take it that there were so many triggers, the last one just now: noise goes on from there."""
        self.triggers = triggers
        self.clamped_drives = 0
        self._reads = {"free": 0, "clamped": 0}

    def self_trigger(self, seconds: float) -> None:
        """Let every edge step whenever its oscillator falls through the bias, if it does, for that long.

        Raises
        ------
        NotSupported
            Where gates are no oscillators, or resistances were set directly.
        OutOfRange
            For a time that a board cannot wait.
        FloatingNode
            For nodes without a path to a held one; nothing is changed then.
        """
        self._check_open()
        if not isinstance(self.gates, Oscillators):
            raise NotSupported("this board's gates have no clock of their own; use trigger().")
        if self._pots.set_ohm is not None:
            raise NotSupported(_NO_WIPERS)
        if not self.info.law.linear:
            raise NotSupported("edges that step by themselves are modelled as resistors; use trigger().")
        if any(nudge.nodes for nudge in self.voltages.nudges.values()):
            raise NotSupported("edges do not step by themselves while nodes are nudged; drive both sides first.")
        to_ns = self._time_ns + nanoseconds("self-triggering", seconds)
        place = self._stretches.run(self._pots.positions, self.voltages, self._bias_v, self._time_ns, to_ns)
        self._pots.place(place, None)
        self._time_ns = to_ns

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches(self)

    def wipers(self) -> IntArray:
        """Give the wiper positions, shape (E,); -1 while resistances are set directly."""
        self._check_open()
        return self._pots.positions.copy() if self._pots.set_ohm is None else np.full_like(self._pots.positions, -1)

    def set_wipers(self, positions: ArrayLike) -> None:
        """Set the wiper positions of both twins, shape (E,) or one for all.

        Raises
        ------
        OutOfRange
            For anything but integers 0 .. positions - 1.
        """
        values = self._pots.checked_positions(positions)
        self._before_change("free", "clamped")
        self._pots.place(values, None)

    def set_resistances(self, ohm: ArrayLike) -> None:
        """Set the resistances of both twins, shape (E,) or one for all.

        Raises
        ------
        NotSupported
            On a board with wipers only.
        OutOfRange
            Outside ``info.resistance_range_ohm``, or NaN.
        """
        values = self._pots.checked_ohm(ohm)
        self._before_change("free", "clamped")
        self._pots.place(self._pots.positions, values)

    # Plans, state, end ------------------------------------------------------------------------------------------

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        """Run a plan in compiled code; see `labnet_simulators.plans.train`."""
        self._check_open()
        return plans.train(self, plan, first, start_s)

    def train_many(self, plans_: Sequence[Plan]) -> Iterator[Block]:
        """Run many plans at once in compiled code; see `labnet_simulators.plans.train_many`."""
        self._check_open()
        return plans.train_many(self, plans_)

    @cached_property
    def conductances_s(self) -> tuple[FloatArray, FloatArray]:
        """Conductances in siemens by edge and wiper position, (E * positions,), of the free and clamped side."""
        with np.errstate(divide="ignore"):
            free, clamped = (np.ravel(1.0 / self._pots.table_ohm[side].T) for side in SIDES)
        return free, clamped

    def place(self) -> FloatArray:
        """Give where the edges stand: ohms where they were set, else wiper positions; (E,)."""
        pots = self._pots
        return (pots.positions if pots.set_ohm is None else pots.set_ohm).astype(np.float64)

    def went_on(
        self,
        triggers: int,
        time_ns: int,
        place: FloatArray,
        held: Mapping[Side, Mapping[int, float]],
        voltages: Mapping[Side, FloatArray],
        drives_and_reads: tuple[int, int],
        nudges: Mapping[Side, Nudge] = NOT_NUDGED,
    ) -> None:
        """Take over what a plan in compiled code has done: its state after the last trigger, and `voltages` before."""
        pots = self._pots
        pots.place(*((place.astype(np.int64), None) if pots.set_ohm is None else (pots.positions, place)))
        self._time_ns = time_ns
        self.triggers, (self.clamped_drives, reads) = triggers, drives_and_reads
        self._reads = dict.fromkeys(SIDES, reads)
        self.voltages.went_on(time_ns, held, voltages, nudges)

    def copy(self) -> Self:
        """Give another board of the same parts and seed, as this one stands."""
        twin = type(self)(self.network, self.parts, self.seed, self.address)
        twin.__dict__["conductances_s"] = self.conductances_s
        twin.restore(self.snapshot())
        return twin

    def snapshot(self) -> Snapshot:
        """Give everything that decides the board's future."""
        self._check_open()
        counters = [self._time_ns, self.triggers, self.clamped_drives, *self._reads.values()]
        return {
            "counters": np.array(counters, dtype=np.int64),
            "bias_v": np.array([self._bias_v]),
            "wipers": self._pots.positions.copy(),
            "set_ohm": np.empty(0) if self._pots.set_ohm is None else self._pots.set_ohm.copy(),
            **self.voltages.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Put the board back to a snapshot."""
        self._check_open()
        self._time_ns, self.triggers, self.clamped_drives, *reads = snapshot["counters"].tolist()
        self._reads = dict(zip(SIDES, reads, strict=True))
        self._bias_v = float(snapshot["bias_v"][0])
        set_ohm = snapshot["set_ohm"].copy() if snapshot["set_ohm"].size else None
        self._pots.place(snapshot["wipers"].astype(np.int64), set_ohm)
        self.voltages.restore(snapshot)

    def safe(self) -> None:
        """Put all sources to 0 V and the gates' bias to 0: no edge steps. Never fails."""
        if self._open:
            with suppress(LabnetError):
                self._before_change("free", "clamped")
            for side, held in self.voltages.held.items():
                self.voltages.held[side] = self.as_driven(dict.fromkeys(held, 0.0))
                self.voltages.nudges[side] = NO_NUDGE
            self._bias_v = 0.0

    def _shut(self) -> None:
        self.safe()
        if self._open:
            _log.info("closed %s", self.address)
        self._open = False
