"""Boards with broken parts, for whoever tests tests: what the option ``fault`` of an address means.

``fault=NAME@INDEX``, several joined by commas; `labnet_simulators.components.Faults` says what each one is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labnet import circuit
from labnet.board import Side, Snapshot, Update
from labnet.errors import NotSupported, OutOfRange
from labnet.networks import Network
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import Faults, Parts, Removal, Settling
from labnet_simulators.pots import TwinPots, read_only
from labnet_simulators.voltages import SIDES, Setup, TwinVoltages

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHIFT_V = 0.1  # of a shifted ADC
SLOW_S = 1e-3  # time constant of slow settling
OPEN_OHM = 1e12  # of a removed edge: the insulation that is left, so that nodes without any edge have a voltage, too
_OTHER: Mapping[Side, Side] = {"free": "clamped", "clamped": "free"}

# Names in addresses, and what their index counts; a removed edge may be there up to a count of triggers.
_INDEX = {
    "removed": "edge:trigger",
    "removed-free": "edge:trigger",
    "removed-clamped": "edge:trigger",
    "stuck-wiper": "edge",
    "stuck-wiper-free": "edge",
    "stuck-wiper-clamped": "edge",
    "swapped-twins": "edge",
    "crossed-twins": "edge",
    "swapped-comparators": "edge",
    "stuck-gate": "edge",
    "swapped-readings": "node",
    "shifted-adc": "node",
    "loose-reading-free": "node",
    "loose-reading-clamped": "node",
    "dead-dac": "node",
    "loose-source-free": "node",
    "loose-source-clamped": "node",
    "slow-settling": "",
}


def parsed(text: str | Faults) -> Faults:
    """Give the faults that an address names.

    Raises
    ------
    ValueError
        For anything but names of faults, with the index of an edge or node where they need one.
    """
    if isinstance(text, Faults):
        return text
    found: dict[str, Any] = {}
    for word in text.split(","):
        name, at, index = word.partition("@")
        counts = _INDEX.get(name)
        numbers = index.split(":") if at else []
        most = 0 if not counts else 1 + counts.count(":")
        if counts is None or bool(numbers) != bool(counts) or len(numbers) > most or not all(map(_is_whole, numbers)):
            allowed = ", ".join(f"{each}@{what.upper()}".rstrip("@") for each, what in _INDEX.items())
            raise ValueError(f"is {word!r}; allowed: {allowed}; several joined by commas, :TRIGGER may be left out")
        whole = tuple(map(int, numbers))
        name = name.replace("-", "_")
        found[name] = (*found.get(name, ()), Removal(*whole) if most == 2 else whole[0]) if at else True
    return Faults(**found)


def _is_whole(text: str) -> bool:
    return text.isdecimal()


class FaultyBoard(SimulatedBoard):
    """A simulated board with broken parts; all else is as without them.

    Compiled code does not model them, so it runs no plans: they are paced by the host.

    Parameters
    ----------
    network, parts, seed, address
        As for a `SimulatedBoard`; ``parts.faults`` says what is broken.

    Raises
    ------
    OutOfRange
        For a fault of an edge or node that the network does not have.
    """

    def __init__(self, network: Network, parts: Parts, seed: int = 0, address: str | None = None) -> None:
        faults = parts.faults
        if faults.slow_settling:
            parts = replace(parts, settling=Settling(SLOW_S))
        if any((faults.stuck_wiper, faults.stuck_wiper_free, faults.stuck_wiper_clamped, faults.swapped_twins)):
            parts = replace(parts, resistance_range_ohm=None)  # else they could be set where there is a broken pot
        super().__init__(network, parts, seed, address)
        self.info = replace(self.info, plans=frozenset())
        self._pots: FaultyPots = FaultyPots(network, parts, seed)
        leak_s = 0.0 if parts.leakage.ohm is None else 1.0 / parts.leakage.ohm
        kind = CrossedVoltages if faults.crossed_twins else TwinVoltages
        self.voltages = kind(network, self._pots.resistances, leak_s, parts.settling.tau_s)
        if isinstance(self.voltages, CrossedVoltages):
            self.voltages.cross(network, faults.crossed_twins, leak_s)
        self._wrong_way = list(faults.swapped_comparators + faults.swapped_twins)
        self._closed = list(faults.stuck_gate)
        self._shift_v = np.zeros(network.node_count)
        self._shift_v[list(faults.shifted_adc)] = SHIFT_V

    def _check_faults(self) -> None:
        """Refuse faults of edges and nodes that there are none of, and of edges that are no resistors."""
        if not self.parts.law.linear:
            raise NotSupported(f"a FaultyBoard has resistors, not {self.parts.law}; give it no law, or no faults.")
        counts = {"edge": self.network.edge_count, "node": self.network.node_count}
        for name, index in _INDEX.items():
            what = index.partition(":")[0]
            for number in getattr(self.parts.faults, name.replace("-", "_")) if what else ():
                part = number[0] if isinstance(number, tuple) else number
                if not 0 <= part < counts[what]:
                    allowed = f"{what}s 0 to {counts[what] - 1} of {self.network.name}"
                    raise OutOfRange(f"fault {name}@{part}; allowed: {allowed}.")

    # Sources and readings -----------------------------------------------------------------------------------------

    def as_driven(self, voltages: Mapping[int, float]) -> dict[int, float]:
        """Give what nodes are really held at when these voltages are asked for."""
        return self._given(super().as_driven(voltages))

    def hold(self, side: Side, nodes: Iterable[int], sources: Mapping[int, float]) -> None:
        """Hold nodes of a side at what their sources really give, and let all others of that side float."""
        faults = self.parts.faults
        loose = faults.loose_source_free if side == "free" else faults.loose_source_clamped
        super().hold(side, [node for node in nodes if node not in loose], self._given(sources))

    def _given(self, sources: Mapping[int, float]) -> dict[int, float]:
        dead = self.parts.faults.dead_dac
        return {node: 0.0 if node in dead else volts for node, volts in sources.items()}

    def _before_converter(self, side: Side) -> FloatArray:
        faults, volts = self.parts.faults, super()._before_converter(side) + self._shift_v
        if swapped := list(faults.swapped_readings):
            own, other = (self.voltages.at(each, self._time_ns)[swapped] for each in (side, _OTHER[side]))
            volts[swapped] += other - own
        loose = list(faults.loose_reading_free if side == "free" else faults.loose_reading_clamped)
        volts[loose] = volts[[node - 1 for node in loose]]
        return volts

    # Edges --------------------------------------------------------------------------------------------------------

    def _latch(self) -> Update:
        directions, enabled = super()._latch()
        directions[self._wrong_way] *= -1
        enabled[self._closed] = False
        return Update(directions, enabled)

    def enabled(self) -> NDArray[np.bool_]:
        """Look at the gates now, shape (E,)."""
        enabled = super().enabled()
        enabled[self._closed] = False
        return enabled

    def count_from(self, triggers: int) -> None:
        """Take it that there were so many triggers, the last one just now; edges that go with it are gone."""
        super().count_from(triggers)
        if self._pots.opens(triggers):
            self._before_change(*SIDES)
            self._pots.open_at(triggers)

    def restore(self, snapshot: Snapshot) -> None:
        """Put the board back to a snapshot."""
        super().restore(snapshot)
        self._pots.open_at(self.triggers)


class FaultyPots(TwinPots):
    """The potentiometers of both sides, some of them broken."""

    def __init__(self, network: Network, parts: Parts, seed: int) -> None:
        self._broken: dict[Side, FloatArray] = {}
        self._triggers = 0
        super().__init__(network, parts, seed)

    def place(self, positions: IntArray, set_ohm: FloatArray | None) -> None:
        """Put the edges somewhere; nothing is checked."""
        super().place(positions, set_ohm)
        self._broken = {}

    def _removals(self, side: Side) -> tuple[Removal, ...]:
        faults = self.parts.faults
        return faults.removed + (faults.removed_free if side == "free" else faults.removed_clamped)

    def opens(self, triggers: int) -> bool:
        """Tell whether other edges are open after so many triggers than are now."""
        since = [trigger for side in SIDES for _, trigger in self._removals(side)]
        return any((self._triggers < trigger) != (triggers < trigger) for trigger in since)

    def open_at(self, triggers: int) -> None:
        """Open the edges that are open after so many triggers, and those alone."""
        self._triggers, self._broken = triggers, {}

    def resistances(self, side: Side) -> FloatArray:
        """Give the resistances of a side, in ohms, shape (E,); read-only, and the same array until something moves."""
        if not self._broken:
            sound = {each: super(FaultyPots, self).resistances(each) for each in SIDES}
            broken = {each: self._as_broken(each, sound) for each in SIDES}
            if np.array_equal(broken["free"], broken["clamped"]):  # equal twins are one array
                broken["clamped"] = broken["free"]
            self._broken = broken
        return self._broken[side]

    def _as_broken(self, side: Side, sound: Mapping[Side, FloatArray]) -> FloatArray:
        faults, ohm = self.parts.faults, sound[side].copy()
        stuck = list(faults.stuck_wiper_free if side == "free" else faults.stuck_wiper_clamped)
        if stuck := [*stuck, *faults.stuck_wiper]:
            stands = np.full(self.network.edge_count, self.parts.pot.power_up)
            ohm[stuck] = self._ohm_at(side, stands)[stuck]
        swapped = list(faults.swapped_twins)
        ohm[swapped] = sound[_OTHER[side]][swapped]
        ohm[[edge for edge, trigger in self._removals(side) if self._triggers >= trigger]] = OPEN_OHM
        return read_only(ohm)


class CrossedVoltages(TwinVoltages):
    """The voltages of two networks that some edges join, each of their twins from a node of one to a node of the other.

    Which of its two nodes an edge is crossed at makes no difference but for which twin is where.
    """

    def cross(self, network: Network, edges: tuple[int, ...], leak_s: float) -> None:
        """Cross edges; before anything is held."""
        n, ends = network.node_count, np.vstack([network.edges, network.edges + network.node_count])
        for edge in edges:
            ends[[edge, edge + network.edge_count], 1] = ends[[edge + network.edge_count, edge], 1]
        self._now = _CrossedSetup(Network(ends, 2 * n), self._now, leak_s)


class _CrossedSetup(Setup):
    """What is held on each side, and what both sides settle to, as one network of twice the nodes."""

    def __init__(self, joined: Network, apart: Setup, leak_s: float) -> None:
        super().__init__(apart._solvers, apart._resistances)
        self._joined, self._leak_s = joined, leak_s

    def forget(self, *changed: Side) -> None:
        super().forget(*(SIDES if changed else ()))

    def kept(self) -> Setup:
        same = _CrossedSetup(self._joined, super().kept(), self._leak_s)
        same.held, same.nudges, same._target = dict(self.held), dict(self.nudges), dict(self._target)
        return same

    def static(self, side: Side) -> FloatArray:
        if self._target[side] is None:
            n = self._joined.node_count // 2
            ohm = np.concatenate([self._resistances(each) for each in SIDES])
            held = self.held["free"] | {n + node: volts for node, volts in self.held["clamped"].items()}
            nudges = zip(*(self.nudges[each].by_node(n) for each in SIDES), strict=True)
            currents, shunts = map(np.concatenate, nudges)
            self._target["free"], self._target["clamped"] = np.split(
                circuit.node_voltages(self._joined, ohm, held, self._leak_s, currents_a=currents, shunts_s=shunts),
                2,
            )
        target = self._target[side]
        assert target is not None
        return target
