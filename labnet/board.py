"""The board: a twin network one can drive, clamp, read and trigger. All the controller knows.

Units are volts, ohms, seconds and wiper positions; `side` is "free" or "clamped".
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, cast, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.circuit.laws import Law, Linear
from labnet.errors import NotDrivable, NotSupported, OutOfRange
from labnet.networks import Network

if TYPE_CHECKING:
    from labnet.plan import Plan
    from labnet.records import Block

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Side = Literal["free", "clamped"]
NudgeKind = Literal["voltage", "current", "conductance"]
Snapshot = dict[str, NDArray[Any]]

_WHOLE, _REAL = (int, np.integer), (float, int, np.number)


@dataclass(frozen=True)
class Converter:
    """The grid of codes of a DAC or ADC, or none (`bits` None): real numbers, in simulation only.

    Attributes
    ----------
    v_min, v_max : float
        Voltages of the first and the last code.
    bits : int or None
    """

    v_min: float = 0.0
    v_max: float = 5.0
    bits: int | None = None

    @property
    def top(self) -> int:
        """The last code."""
        return (1 << (self.bits or 0)) - 1

    def codes(self, volts: ArrayLike) -> IntArray:
        """Give the nearest codes, clipped to the grid; halves go up."""
        return np.minimum(np.maximum(self._steps(volts), 0.0), self.top).astype(np.int64)

    def nearest(self, volts: ArrayLike) -> IntArray:
        """Give the nearest codes, on a grid that goes on beyond its ends."""
        return self._steps(volts).astype(np.int64)

    def _steps(self, volts: ArrayLike) -> FloatArray:
        steps = (np.asarray(volts, dtype=np.float64) - self.v_min) * (self.top / (self.v_max - self.v_min))
        return np.floor(steps + 0.5)

    def volts(self, codes: IntArray) -> FloatArray:
        """Give the voltages of codes."""
        return np.asarray(codes * ((self.v_max - self.v_min) / self.top) + self.v_min, dtype=np.float64)

    def quantised(self, volts: FloatArray) -> FloatArray:
        """Give what is left of voltages after conversion: clipped, and rounded to a code where there are codes."""
        if self.bits is None:
            return np.clip(volts, self.v_min, self.v_max)
        return self.volts(self.codes(volts))


def nominal_ohm(wipers: ArrayLike, wiper_ohm: float, end_to_end_ohm: float, wiper_positions: int) -> FloatArray:
    """Give R(k) = R_W + k R_AB / positions, in ohms."""
    return wiper_ohm + np.asarray(wipers) * (end_to_end_ohm / wiper_positions)


class Update(NamedTuple):
    """What one trigger latched.

    Attributes
    ----------
    directions : numpy.ndarray of int8, shape (E,)
        +1 where the comparators say up, -1 where they say down.
    enabled : numpy.ndarray of bool, shape (E,)
        Edges whose gate let them step.
    """

    directions: NDArray[np.int8]
    enabled: NDArray[np.bool_]


@dataclass(frozen=True)
class BoardInfo:
    """What a board is, its limits, and which verbs and plans it has.

    Attributes
    ----------
    model, serial, version : str
        Identity: a run resumes only on a board with the same model and serial.
    source, reading : Converter
        Range and codes of what drives the nodes and of what reads them.
    wiper_positions : int
        Wipers run from 0 to wiper_positions - 1.
    wiper_ohm, end_to_end_ohm : float
        Nominal R(k) = wiper_ohm + k end_to_end_ohm / wiper_positions.
    drivable : tuple of int or None
        Nodes that can be held; None for all.
    resistance_range_ohm : (float, float) or None
        What `set_resistances` takes; None where the board has wipers only.
    snapshots : bool
        Whether `snapshot` and `restore` exist.
    plans : frozenset of str
        Names of rules whose plans the board runs by itself (`train`); all others are run host-paced.
    tick_s : float
        What the board's clock counts in; settle_s and period_s are whole numbers of it.
    self_trigger_hz : float or None
        Nominal frequency of the edges' own clocks; None where they have none (`self_trigger`).
    nudges : frozenset of str
        What it can move outputs with: "voltage" (`drive`), "current" and "conductance" (`CanNudge`).
    law : Law
        What current an edge carries.
    readable : tuple of int or None
        Nodes that can be read; None for all. The others read NaN.
    parts : mapping
        Anything else worth keeping with a run, as plain data.
    """

    model: str
    serial: str
    version: str
    source: Converter
    reading: Converter
    wiper_positions: int = 128
    wiper_ohm: float = 40.0
    end_to_end_ohm: float = 10e3
    drivable: tuple[int, ...] | None = None
    resistance_range_ohm: tuple[float, float] | None = None
    snapshots: bool = False
    plans: frozenset[str] = frozenset()
    tick_s: float = 1e-9
    self_trigger_hz: float | None = None
    nudges: frozenset[NudgeKind] = frozenset({"voltage"})
    law: Law = field(default_factory=Linear)
    readable: tuple[int, ...] | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)

    def nominal_ohm(self, wipers: ArrayLike) -> FloatArray:
        """Give the nominal resistances of wiper positions, in ohms."""
        return nominal_ohm(wipers, self.wiper_ohm, self.end_to_end_ohm, self.wiper_positions)


def check_held(network: Network, info: BoardInfo, voltages: Mapping[int, float]) -> None:
    """Refuse voltages (node: volts) that a board cannot hold.

    Raises
    ------
    NotDrivable
        For an unknown node, or one without a source.
    OutOfRange
        For NaN or a voltage outside the source's range.
    """
    grid, nodes = info.source, range(network.node_count) if info.drivable is None else info.drivable
    for node, volts in voltages.items():
        if not (isinstance(node, _WHOLE) and node in nodes):
            allowed = f"0 to {nodes[-1]}" if isinstance(nodes, range) else ", ".join(map(str, nodes))
            raise NotDrivable(f"node {node} cannot be held; allowed: {allowed} of {network.name}.")
        if not (isinstance(volts, _REAL) and grid.v_min <= volts <= grid.v_max):
            raise OutOfRange(
                f"{volts} V at node {node}; allowed: {grid.v_min:g} to {grid.v_max:g} V, what this "
                "board's source gives."
            )


def check_nudged(
    network: Network,
    info: BoardInfo,
    held: Collection[int],
    currents_a: Mapping[int, float],
    shunts_s: Mapping[int, float],
) -> None:
    """Refuse a nudge that a board cannot give to a side on which these nodes are held.

    Raises
    ------
    NotSupported
        Where the board has no currents, or no conductances.
    NotDrivable
        For an unknown node, or a held one.
    OutOfRange
        For anything but finite numbers.
    """
    for kind, unit, given in (("current", "A", currents_a), ("conductance", "S", shunts_s)):
        if given and kind not in info.nudges:
            raise NotSupported(
                f"{info.model} cannot nudge by a {kind}; it can by {', '.join(sorted(info.nudges))}. Choose a rule "
                "that needs no more, or another board."
            )
        for node, value in given.items():
            if not (isinstance(node, _WHOLE) and 0 <= node < network.node_count) or node in held:
                raise NotDrivable(
                    f"node {node} cannot be nudged by a {kind}; allowed: 0 to {network.node_count - 1} of "
                    f"{network.name} but for those that are held, {sorted(held)}."
                )
            if not (isinstance(value, _REAL) and np.isfinite(value)):
                raise OutOfRange(f"a {kind} of {value} {unit} at node {node}; allowed: finite numbers.")


@runtime_checkable
class Board(Protocol):
    """A twin network one can drive, clamp, read and trigger.

    Every board is a context manager; leaving it drives it to the safe state and closes it.
    """

    address: str
    network: Network
    info: BoardInfo
    bias_v: float

    @property
    def time_s(self) -> float:
        """The board's own clock."""
        ...

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float.

        A node has one source for both sides: where the other side holds it too, it moves there as well.
        """
        ...

    def read(self, side: Side) -> FloatArray:
        """Read all node voltages of a side, shape (n,)."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the board's clock run."""
        ...

    def set_update_probability(self, p: float) -> None:
        """Set the bias that lets an edge step with probability `p`, through the board's gate curve."""
        ...

    def directions(self) -> NDArray[np.int8]:
        """Look at the comparators now, shape (E,): +1 up, -1 down."""
        ...

    def enabled(self) -> NDArray[np.bool_]:
        """Look at the gates now, shape (E,)."""
        ...

    def trigger(self, step_wipers: bool = True) -> Update:
        """Clock all edges once and give what they latched; without `step_wipers` latch only (the host decides)."""
        ...

    def self_trigger(self, seconds: float) -> None:
        """Let every edge step on its own clock for that long."""
        ...

    def wipers(self) -> IntArray:
        """Give the wiper positions, shape (E,), shared by both twins."""
        ...

    def set_wipers(self, positions: ArrayLike) -> None:
        """Set the wiper positions, shape (E,) or one for all."""
        ...

    def set_resistances(self, ohm: ArrayLike) -> None:
        """Set the resistances of both twins, shape (E,), where `info` allows."""
        ...

    def train(self, plan: "Plan", first: int = 0, start_s: float | None = None) -> "Iterator[Block]":
        """Run a plan that `info.plans` lists, without the host; yields its blocks.

        Begins at step `first`, with wipers or resistances and the gates' bias as they stand. Step k starts at
        `start_s` + k period on the board's clock; left out, as soon as the board can.
        """
        ...

    def train_many(self, plans: "Sequence[Plan]") -> "Iterator[Block]":
        """Run many plans at once where the board can: each as if alone on this board as it stands, from its own start.

        Blocks of one plan come in the order of its steps, those of different plans in any order. A plan that fails says
        so in its last block, and the others go on. The board itself stays as it stands.
        """
        ...

    def snapshot(self) -> Snapshot:
        """Give everything that decides the board's future, as arrays, where `info.snapshots`."""
        ...

    def restore(self, snapshot: Snapshot) -> None:
        """Put the board back to a snapshot."""
        ...

    def safe(self) -> None:
        """Drive the safe state: sources at 0 V, clock off. Never fails."""
        ...

    def close(self) -> None:
        """Make the board safe and let go of it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class SpeaksScpi(Protocol):
    """A board that takes messages in its own language, too."""

    def scpi(self, message: str) -> str:
        """Send a message; give what its queries answer, joined by semicolons."""
        ...


class CanNudge(Protocol):
    """A board that moves nodes with currents and conductances, too, and not only by holding them."""

    def nudge(self, side: Side, currents_a: Mapping[int, float], shunts_s: Mapping[int, float] = {}) -> None:
        """Feed currents into nodes of a side, and join them to ground through conductances.

        On top of what is held, until that side is driven or nudged again. A conductance G to a voltage V is the shunt G
        and the current G V. Shunts may be negative where the network stays stable.
        """
        ...


def can_nudge(board: Board) -> CanNudge | None:
    """Give a board that can nudge with currents or conductances as one that can, and None for any other."""
    return cast(CanNudge, board) if hasattr(type(board), "nudge") and board.info.nudges - {"voltage"} else None


class CanGoOn(Protocol):
    """A board without snapshots on which a run goes on after a restart as if there had been none."""

    @property
    def trigger_count(self) -> int:
        """How many triggers there were."""
        ...

    def go_on(self, time_s: float, triggers: int) -> None:
        """Go on from a time on the board's clock, as after so many triggers; from now, where that time has passed."""
        ...


def can_go_on(board: Board) -> CanGoOn | None:
    """Give a board that can go on after a restart as one that can, and None for any other."""
    # looked for in the class: to look at a property of the board itself would ask the hardware
    return cast(CanGoOn, board) if hasattr(type(board), "go_on") else None


VERBS = [name for name in (*vars(Board), *Board.__annotations__) if not name.startswith("_")]
