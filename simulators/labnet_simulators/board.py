"""A twin network made of simulated parts, behind the verbs of every board."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet import circuit
from labnet.board import BoardInfo, Side, Snapshot, Update, check_held, check_nudged
from labnet.draws import Stream, draw
from labnet.errors import BoardClosed, LabnetError, NotSupported, OutOfRange
from labnet.interrupts import Closing
from labnet.networks import Network
from labnet.plan import Plan
from labnet.records import Block
from labnet_simulators import plans
from labnet_simulators.channels import Channels
from labnet_simulators.components import Faults, Parts
from labnet_simulators.engine.self_triggered_stretches import Stretches
from labnet_simulators.nonlinear import twin_voltages
from labnet_simulators.oscillators import OscillatorGate, Oscillators
from labnet_simulators.pots import TwinPots
from labnet_simulators.voltages import NO_NUDGE, NOT_NUDGED, SIDES, TABLE_UP_TO, Nudge

_log = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_OTHER: Mapping[Side, Side] = {"free": "clamped", "clamped": "free"}
_LONGEST_WAIT_S = 1e8  # three years; the clock counts nanoseconds in 64 bits
_NO_WIPERS = "the resistances were set directly, so there is no wiper to step; call set_wipers first."


def _check_side(side: str) -> None:
    if side not in SIDES:
        raise OutOfRange(f"side is {side!r}; allowed: 'free' or 'clamped'.")


def _nanoseconds(what: str, seconds: float) -> int:
    if not 0.0 <= seconds <= _LONGEST_WAIT_S:
        raise OutOfRange(f"{what} of {seconds} s; allowed: 0 to {_LONGEST_WAIT_S:g} s.")
    return round(seconds * 1e9)


class SimulatedBoard(Closing):
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
        self.network = network
        self.parts = parts = parts or Parts()
        self._check_faults()
        self.seed = seed
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
        self._open = True
        self._bias_v = 0.0
        self._time_ns = 0
        self.triggers = 0
        # Converter noise is drawn by trigger, clamped drives since, side, node and repeat since the last of these: a
        # measurement on the free side between two steps cannot change what the steps read.
        self.clamped_drives = 0
        self._reads: dict[Side, int] = {"free": 0, "clamped": 0}
        self.gates = parts.gate.built(seed, network.edge_count)
        self.channels = Channels(parts, seed, network.node_count)
        self._pots = TwinPots(network, parts, seed)
        leak_s = 0.0 if parts.leakage.ohm is None else 1.0 / parts.leakage.ohm
        self.voltages = twin_voltages(network, self._pots.resistances, leak_s, parts.settling.tau_s, parts.law)

    # What it is made of -----------------------------------------------------------------------------------------

    def _check_faults(self) -> None:
        """Refuse broken parts, which are not modelled here."""
        if self.parts.faults != Faults():
            raise NotSupported(f"a SimulatedBoard has no broken parts: make a FaultyBoard with {self.parts.faults}.")

    def resistances(self, side: Side) -> FloatArray:
        """Give the true resistances of a side, in ohms, shape (E,); read-only."""
        return self._pots.resistances(side)

    # Voltages ---------------------------------------------------------------------------------------------------

    def _before_change(self, *changed: Side) -> None:
        self._check_open()
        self.voltages.before_change(self._time_ns, *changed)

    def _check_open(self) -> None:
        if not self._open:
            raise BoardClosed(f"{self.address} is closed; open it again with labnet.open_board.")

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float.

        A node has one source for both sides: where the other side holds it too, it moves there as well.

        Raises
        ------
        NotDrivable
            For an unknown node.
        OutOfRange
            For NaN or a voltage outside the source's range; nothing is changed then.
        """
        _check_side(side)
        check_held(self.network, self.info, voltages)
        self.hold(side, voltages, self.as_driven(voltages))

    def hold(self, side: Side, nodes: Iterable[int], sources: Mapping[int, float]) -> None:
        """Hold nodes of a side at what their sources really give, and let all others of that side float.

        Nodes of the other side follow their sources too, where these are given. Nothing is checked.
        """
        held, other = self.voltages.held, _OTHER[side]
        there = {node: sources.get(node, volts) for node, volts in held[other].items()}
        if side == "free" or there != held[other] or self.voltages.nudges[side].nodes:
            self._before_change("free", "clamped")
        else:
            self._before_change("clamped")
        held[side], held[other] = {node: sources[node] for node in nodes}, there
        self.voltages.nudges[side] = NO_NUDGE
        if side == "clamped" and held[side]:  # to let go of all is no clamp: firmware does it when it starts
            self.clamped_drives += 1
            self._reads = {"free": 0, "clamped": 0}

    def nudge(
        self, side: Side, currents_a: Mapping[int, float], shunts_s: Mapping[int, float] = NO_NUDGE.shunts_s
    ) -> None:
        """Feed currents into nodes of a side, and join them to ground through conductances.

        On top of what is held, until that side is driven or nudged again. A conductance G to a voltage V is the shunt G
        and the current G V. To nudge by 0 A tells which nodes will be, as it decides how a solve is rounded.

        Raises
        ------
        NotSupported
            On a board that has sources of voltages alone.
        NotDrivable
            For an unknown node, or a held one.
        OutOfRange
            For anything but finite numbers; nothing is changed then.
        CircuitError
            Where shunts below 0 make the network unstable; nothing is changed then.
        """
        self._check_open()
        _check_side(side)
        check_nudged(self.network, self.info, self.voltages.held[side], currents_a, shunts_s)
        self.voltages.nudge(side, Nudge(dict(currents_a), dict(shunts_s)), self._time_ns)

    def as_driven(self, voltages: Mapping[int, float]) -> dict[int, float]:
        """Give what nodes are really held at when these voltages are asked for."""
        nodes = list(voltages)
        real = self.channels.held_at(nodes, np.array([*voltages.values()], dtype=np.float64))
        return dict(zip(nodes, real.tolist(), strict=True))

    def read(self, side: Side) -> FloatArray:
        """Read all node voltages of a side, shape (n,), as its converter gives them."""
        _check_side(side)
        grid, v = self.parts.adc.grid, self._before_converter(side)
        return np.array(v) if grid.bits is None else grid.quantised(v)

    def read_codes(self, side: Side) -> IntArray:
        """Read all node voltages of a side as the codes of its converter, shape (n,)."""
        return self.parts.adc.grid.codes(self._before_converter(side))

    def _before_converter(self, side: Side) -> FloatArray:
        """Give what the converter of a side is given at its next reading; not to be written to."""
        self._check_open()
        volts, reads = self.voltages.at(side, self._time_ns), self._reads[side]
        self._reads[side] += 1
        return self.channels.before_converter(side, volts, self.triggers, self.clamped_drives, reads)

    def wait(self, seconds: float) -> None:
        """Let the virtual clock run."""
        self._check_open()
        self._time_ns += _nanoseconds("wait", seconds)

    def run_until(self, time_ns: int) -> None:
        """Let the virtual clock run to a time, in nanoseconds."""
        self._check_open()
        if time_ns < self._time_ns:
            raise OutOfRange(f"time {time_ns} ns; allowed: {self._time_ns} ns or later, time does not run backwards.")
        self._time_ns = time_ns

    @property
    def free_reads(self) -> int:
        """How often the free side was read since the clamped one was driven last."""
        return self._reads["free"]

    @property
    def time_s(self) -> float:
        """The virtual clock, which counts nanoseconds."""
        return self._time_ns * 1e-9

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
        to_ns = self._time_ns + _nanoseconds("self-triggering", seconds)
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
