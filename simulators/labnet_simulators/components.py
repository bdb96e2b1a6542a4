"""The parts of a twin board with their imperfections, each with units and where its numbers come from.

Marks: V verified in the paper or datasheet, I inferred, A assumed here because nothing is published.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from labnet.board import Converter, NudgeKind, Side
from labnet.circuit import Law, Linear
from labnet.draws import Stream, draw, normal, spread, uniform
from labnet_simulators.gates import Gate
from labnet_simulators.oscillators import OscillatorGate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

# Closer than this is a tie. Where symmetry or a dead end makes two drops equal, the solve leaves rounding errors of
# 1e-15 V, and they would decide; no comparator resolves a picovolt.
TIE_V = 1e-12

_32 = np.uint64(32)
_LOW_32 = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Digipot:
    """A digital potentiometer as a rheostat: R(k) = R_W + k R_AB / positions.

    Defaults are the AD5220 of 10 kohm (V) with all imperfection taken out.

    Attributes
    ----------
    positions : int
        Wiper positions 0 .. positions - 1; it stops at both ends (V).
    end_to_end_ohm, wiper_ohm : float
        R_AB and R_W; 40 ohm typical (V).
    tolerance : float
        R_AB is off by up to this share, the same for both twins of an edge; at most 0.3 (V).
    twin_mismatch : float
        The twins of an edge differ by up to this share; the AD5222 dual: 0.002 typical, 0.01 at most (V).
    inl_lsb : float
        Bow of R(k), up to this many steps at midscale; at most 0.5, 10 kohm parts 1 (V). `dnl_lsb` comes on top.
    dnl_lsb : float
        Two neighbouring steps differ from one step by up to this much; at most 0.5, 10 kohm parts 1 (V).
    power_up : int
        Position after power-up: midscale (V).
    """

    positions: int = 128
    end_to_end_ohm: float = 10e3
    wiper_ohm: float = 40.0
    tolerance: float = 0.0
    twin_mismatch: float = 0.0
    inl_lsb: float = 0.0
    dnl_lsb: float = 0.0
    power_up: int = 64

    @property
    def twins_equal(self) -> bool:
        """Whether both twins of an edge always have the same resistance."""
        return self.twin_mismatch == self.inl_lsb == self.dnl_lsb == 0.0

    def end_to_end(self, seed: int, side: Side, edges: UInt64Array) -> FloatArray:
        """Give R_AB of every edge's pot on one side, in ohms."""
        common = 1.0 + self.tolerance * spread(seed, Stream.POT_END_TO_END, 0, edges)
        apart = 0.5 * self.twin_mismatch * spread(seed, Stream.POT_MISMATCH, 0, edges)
        return self.end_to_end_ohm * common * (1.0 + (apart if side == "clamped" else -apart))

    def resistances(
        self, seed: int, side: Side, edges: UInt64Array, end_to_end_ohm: FloatArray, wipers: IntArray
    ) -> FloatArray:
        """Give the resistance of every edge on one side, in ohms, shape (E,)."""
        ohm_per_step = end_to_end_ohm / self.positions
        if self.inl_lsb == self.dnl_lsb == 0.0:
            return self.wiper_ohm + wipers * ohm_per_step
        k = wipers.astype(np.float64)
        bow = self.inl_lsb * spread(seed, Stream.POT_INL, int(side == "clamped"), edges)
        k += bow * np.sin(np.pi * k / (self.positions - 1))
        at = edges + (wipers.astype(np.uint64) << _32)
        k += 0.5 * self.dnl_lsb * spread(seed, Stream.POT_DNL, int(side == "clamped"), at)
        return self.wiper_ohm + np.maximum(k, 0.0) * ohm_per_step


@dataclass(frozen=True)
class EffectiveComparator:
    """The comparators of an edge as one number: up if |dV_C| + sigma > |dV_F|, else down (wycoff2022, Eq. 10).

    Attributes
    ----------
    sigma_min_v, sigma_max_v : float
        sigma is uniform between them; 0 to 0.05 V measured (V).
    frozen : bool
        Whether every edge keeps its sigma, or draws one at every trigger. The paper leaves it open; redrawn here.
    """

    sigma_min_v: float = 0.0
    sigma_max_v: float = 0.0
    frozen: bool = False

    def up(self, seed: int, count: int, z: UInt64Array, d_free: FloatArray, d_more: FloatArray) -> BoolArray:
        """Decide for every edge.

        Parameters
        ----------
        seed, count : int
            The board's seed and how many triggers came before.
        z : numpy.ndarray of uint64, shape (E,)
            This trigger's draws.
        d_free, d_more : numpy.ndarray, shape (E,)
            Free drops, and how much the clamped drops exceed them, in volts.
        """
        if self.sigma_max_v == 0.0:
            return np.abs(d_free + d_more) - np.abs(d_free) > TIE_V
        if self.frozen:
            share = uniform(draw(seed, Stream.SIGMA, 0, np.arange(len(z))))
        else:
            share = (z & _LOW_32).astype(np.float64) * 2.0**-32
        sigma = self.sigma_min_v + (self.sigma_max_v - self.sigma_min_v) * share
        return np.abs(d_free + d_more) + sigma - np.abs(d_free) > TIE_V


@dataclass(frozen=True)
class ComparatorPair:
    """The circuit of note 32, misprint mended: XOR[dV_C > dV_F, dV_C + dV_F > 0] steps down.

    Attributes
    ----------
    offset_v : float
        Each of the two comparators of an edge has a frozen offset, uniform in plus or minus this. LM393: 1 to 5 mV (V);
        the buffers before it may add to it.
    noise_v : float
        Root mean square noise of each, drawn at every trigger (A).
    """

    offset_v: float = 5e-3
    noise_v: float = 0.0

    def up(self, seed: int, count: int, z: UInt64Array, d_free: FloatArray, d_more: FloatArray) -> BoolArray:
        """Decide for every edge; parameters as in `EffectiveComparator.up`. On exact ties the XOR decides."""
        edges = np.arange(len(z), dtype=np.uint64)
        differ = d_more + self.error_v(seed, count, 0, edges) > TIE_V
        same_way = (d_free + d_more) + d_free + self.error_v(seed, count, 1, edges) > TIE_V
        return ~(differ ^ same_way)

    def error_v(self, seed: int, count: int | IntArray, which: int, edges: UInt64Array) -> FloatArray:
        """Give by how much comparator 0 or 1 of every edge is off at a trigger, (E,); noise at triggers (K, 1), too."""
        offset = self.offset_v * spread(seed, Stream.OFFSET, which, edges)
        if not self.noise_v:
            return offset
        at = edges + (np.uint64(which) << _32)
        return offset + self.noise_v * normal(draw(seed, Stream.COMPARATOR_NOISE, count, at))


@dataclass(frozen=True)
class Dac:
    """What holds the nodes. A node's channel drives both sides.

    Attributes
    ----------
    grid : Converter
        Range and codes; 0 to 5 V, AD5676: 16 bits (V).
    offset_v : float
        Frozen offset of every channel, uniform in plus or minus this; AD5676: 1.5 mV (V).
    gain_error : float
        So is the share by which its gain is off; reference and AD5676 together: 5e-4 (A).
    """

    grid: Converter = field(default_factory=Converter)
    offset_v: float = 0.0
    gain_error: float = 0.0

    def output(self, volts: FloatArray, gain: FloatArray, offset_v: FloatArray) -> FloatArray:
        """Give what nodes are really held at, for voltages asked for, gains and offsets of their channels."""
        if self.grid.bits is None and not self.offset_v and not self.gain_error:
            return volts
        return self.grid.quantised(volts) * gain + offset_v


@dataclass(frozen=True)
class Adc:
    """What reads the nodes, through a buffer each.

    Attributes
    ----------
    grid : Converter
        Range and codes; AD7689: 16 bits (R).
    offset_v : float
        Frozen offset of every channel, uniform in plus or minus this (A).
    gain_error : float
        So is the share by which its gain is off; reference and AD7689 together: 5e-4 (A).
    noise_v : float
        Root mean square noise of a reading (A: about one code of 16 bits).
    """

    grid: Converter = field(default_factory=Converter)
    offset_v: float = 0.0
    gain_error: float = 0.0
    noise_v: float = 0.0


@dataclass(frozen=True)
class Settling:
    """Node voltages approach the static solution as exp(-t / tau) after every change.

    Attributes
    ----------
    tau_s : float
        10 kohm times 100 pF of wiring and buffers would be 1 us (A).
    """

    tau_s: float = 0.0


@dataclass(frozen=True)
class Leakage:
    """Every node leaks to ground through its buffer.

    Attributes
    ----------
    ohm : float or None
        None for no leak; 1 Gohm is a FET-input buffer on a board (A).
    """

    ohm: float | None = None


class Removal(NamedTuple):
    """An edge that is open from a count of triggers on; 0 is from the start."""

    edge: int
    trigger: int = 0


@dataclass(frozen=True)
class Faults:
    """Which parts are broken; `labnet_simulators.faults.FaultyBoard` is a board with broken parts.

    Attributes
    ----------
    removed, removed_free, removed_clamped : tuple of Removal
        Edges that are open: in both twins, or in one.
    stuck_wiper, stuck_wiper_free, stuck_wiper_clamped : tuple of int
        Edges whose wipers, on both sides or on one, stay where they power up; the board does not see it, and goes on
        counting.
    swapped_twins : tuple of int
        Edges whose twins are exchanged at both nodes, the comparators with them: they step the wrong way, too.
    crossed_twins : tuple of int
        Edges whose twins are exchanged at one node: each joins the free network with the clamped one.
    swapped_comparators : tuple of int
        Edges whose comparators have their inputs swapped: they step up where they should step down.
    stuck_gate : tuple of int
        Edges whose gates never open.
    swapped_readings : tuple of int
        Nodes whose readings are exchanged between the sides.
    shifted_adc : tuple of int
        Nodes whose readings, on both sides, are 0.1 V too high.
    loose_reading_free, loose_reading_clamped : tuple of int
        Nodes whose reading, on one side, floats: it gives what the converter's channel before it was charged to.
    dead_dac : tuple of int
        Nodes whose sources give 0 V, whatever is asked of them.
    loose_source_free, loose_source_clamped : tuple of int
        Nodes that their source does not hold on one side: they float there.
    slow_settling : bool
        Whether the nodes' time constant is 1 ms, as with 100 nF of wiring.
    """

    removed: tuple[Removal, ...] = ()
    removed_free: tuple[Removal, ...] = ()
    removed_clamped: tuple[Removal, ...] = ()
    stuck_wiper: tuple[int, ...] = ()
    stuck_wiper_free: tuple[int, ...] = ()
    stuck_wiper_clamped: tuple[int, ...] = ()
    swapped_twins: tuple[int, ...] = ()
    crossed_twins: tuple[int, ...] = ()
    swapped_comparators: tuple[int, ...] = ()
    stuck_gate: tuple[int, ...] = ()
    swapped_readings: tuple[int, ...] = ()
    shifted_adc: tuple[int, ...] = ()
    loose_reading_free: tuple[int, ...] = ()
    loose_reading_clamped: tuple[int, ...] = ()
    dead_dac: tuple[int, ...] = ()
    loose_source_free: tuple[int, ...] = ()
    loose_source_clamped: tuple[int, ...] = ()
    slow_settling: bool = False


@dataclass(frozen=True)
class Parts:
    """All parts of a board; the defaults are the preset ``ideal``."""

    pot: Digipot = field(default_factory=Digipot)
    comparator: EffectiveComparator | ComparatorPair = field(default_factory=EffectiveComparator)
    gate: Gate | OscillatorGate = field(default_factory=Gate)
    dac: Dac = field(default_factory=Dac)
    adc: Adc = field(default_factory=Adc)
    settling: Settling = field(default_factory=Settling)
    leakage: Leakage = field(default_factory=Leakage)
    resistance_range_ohm: tuple[float, float] | None = (1.0, 1e9)  # of the ideal, continuous resistors
    faults: Faults = field(default_factory=Faults)
    law: Law = field(default_factory=Linear)

    @property
    def nudges(self) -> frozenset[NudgeKind]:
        """How outputs are moved: with all there is where there are ideal resistors, else with sources of voltages."""
        return frozenset(get_args(NudgeKind) if self.resistance_range_ohm else ("voltage",))

    def described(self) -> dict[str, Any]:
        """Give all of them as data; faults, and the law of edges that are no resistors, where there are some.

        So that runs from before there were any resume.
        """
        usual = {"faults": Faults(), "law": Linear()}
        return {name: part for name, part in asdict(self).items() if getattr(self, name) != usual.get(name)}


BOARD_GRID = Converter(0.0, 5.0, bits=16)
PAPER_GRID = Converter(0.0, 500.0)  # beyond any board: sigma is 1e-4 of its end
BIAS_GRID = Converter(0.0, 65535 / 32768, bits=16)  # 2 V over 2^16 codes, so that 0.5 V and 1 V are codes

PRESETS: Mapping[str, Parts] = MappingProxyType(
    {
        "ideal": Parts(),
        "lab": Parts(
            pot=Digipot(tolerance=0.3, twin_mismatch=0.002, inl_lsb=0.5, dnl_lsb=0.5),
            comparator=EffectiveComparator(0.0, 0.05),
            gate=Gate(grid=BIAS_GRID),
            dac=Dac(BOARD_GRID, offset_v=1.5e-3, gain_error=5e-4),
            adc=Adc(BOARD_GRID, offset_v=1e-3, gain_error=5e-4, noise_v=76e-6),
            settling=Settling(tau_s=1e-6),
            leakage=Leakage(ohm=1e9),
            resistance_range_ohm=None,
        ),
        # not the paper's board, of which too little is known: where its statements come out at its sigma
        "paper": Parts(
            comparator=EffectiveComparator(0.0, 0.05),
            dac=Dac(PAPER_GRID),
            adc=Adc(PAPER_GRID),
            resistance_range_ohm=None,
        ),
    }
)
