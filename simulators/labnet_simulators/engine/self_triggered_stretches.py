"""Edges of a board that step by themselves: what the kernel is given, and a stretch of it for the board's verb."""

from dataclasses import replace
from math import inf, sqrt, tau

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Side
from labnet.draws import Stream, draw, normal, splitmix64
from labnet.errors import NotSupported
from labnet.networks import Network
from labnet_simulators.components import ComparatorPair, Parts
from labnet_simulators.engine.arrays import Hardware
from labnet_simulators.engine.elimination import eliminate
from labnet_simulators.engine.hardware import hardware
from labnet_simulators.engine.members import Twin
from labnet_simulators.engine.self_triggered import stretch
from labnet_simulators.engine.self_triggered_arrays import Clamp, Clocks, Noise, Room, Sides, make_room
from labnet_simulators.oscillators import Oscillators
from labnet_simulators.voltages import SETTLED, SIDES, TwinVoltages

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FIRINGS = 1_000_000  # at once, about: half a second, so that Ctrl-C is not kept waiting
_NOISY_FIRINGS = 100_000  # the same, where each has noise of its own
_NO_NOISE = Noise(np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0, 0, 2)))
_NOT_MODELLED = (
    *("removed", "removed_free", "removed_clamped", "stuck_wiper", "stuck_wiper_free", "stuck_wiper_clamped"),
    *("swapped_twins", "crossed_twins"),
)
_NO_CLAMP = Clamp(1.0, np.zeros(0), 0, 0.0)


def make_sides(network: Network, parts: Parts, free: tuple[int, ...], clamped: tuple[int, ...]) -> Sides:
    """Describe what is solved for; `free` and `clamped` are the nodes that each side holds."""
    leaky, nested = parts.leakage.ohm is not None, bool(free) and set(free) <= set(clamped)
    outputs = tuple(sorted(set(clamped) - set(free))) if nested else ()
    p = eliminate(network, free, outputs, leaky)
    q = p if nested else eliminate(network, clamped, (), leaky)
    return Sides(
        p=p,
        q=q,
        same=np.argsort(p.nodes)[q.nodes].astype(np.int64),
        inner=len(q.free) - len(q.outputs),
        joined=nested and parts.pot.twins_equal,
        tau_ns=parts.settling.tau_s * 1e9,
        settled_ns=SETTLED * parts.settling.tau_s * 1e9,
    )


def make_hardware(twin: Twin, sides: Sides) -> Hardware:
    """Describe the board; the comparators' noise is another one for each firing, and is none of it."""
    parts, comparator = twin.parts, twin.parts.comparator
    if isinstance(comparator, ComparatorPair):
        parts = replace(parts, comparator=replace(comparator, noise_v=0.0))
    return hardware(
        twin.network, parts, twin.seed, sides.p, twin.conductances_s, twin.channels, twin.gates, continuous=False
    )


def make_clocks(gates: Oscillators, parts: Parts, seed: int, bias_v: float) -> Clocks:
    """Describe the oscillators; edges whose swing does not hold the bias never step, nor those with stuck gates."""
    gate, faults, fires = gates.gate, parts.faults, gates.fires(bias_v)
    swapped = np.zeros(len(fires), dtype=np.bool_)
    fires[list(faults.stuck_gate)] = False
    swapped[list(faults.swapped_comparators)] = True
    period_ns = gate.temperature_period_s * 1e9
    jitter_seed, draw_seed = (
        np.uint64(splitmix64(seed % 2**64, stream)) for stream in (Stream.GATE_JITTER, Stream.SELF_TRIGGER)
    )
    return Clocks(
        cycles_per_ns=gates.cycles_per_ns,
        drift_per_ns=gates.drift_per_ns,
        turns=gates.turns(bias_v),
        fires=fires,
        swapped=swapped,
        heat_k_ns=gate.temperature_k * period_ns / tau,
        radians_per_ns=tau / period_ns,
        jitter=gate.jitter * sqrt(3.0),
        jitter_seed=jitter_seed,
        draw_seed=draw_seed,
    )


def make_noise(
    parts: Parts, seed: int, gates: Oscillators, bias_v: float, from_ns: ArrayLike, length_ns: float
) -> Noise:
    """Draw the comparators' noise for stretches that begin at times (R,) and are `length_ns` long."""
    comparator = parts.comparator
    if not isinstance(comparator, ComparatorPair) or not comparator.noise_v:
        return _NO_NOISE
    begins = np.array([gates.cycles(float(each), bias_v) for each in np.atleast_1d(from_ns)])
    ends = np.array([gates.cycles(float(each) + length_ns, bias_v) for each in np.atleast_1d(from_ns)])
    first = np.floor(begins).astype(np.int64) - 1  # one more at both ends: a period may begin early or late
    count = int(np.max(np.ceil(ends) - first)) + 2
    periods = first[:, :, None] + np.arange(count)
    edges = np.arange(first.shape[1])[:, None]
    sides = [draw(seed, Stream.SELF_NOISE, periods + 1, edges + (which << 32)) for which in (0, 1)]
    return Noise(first, comparator.noise_v * normal(np.stack(sides, axis=-1)))


def ended(sides: Sides, room: Room) -> dict[Side, FloatArray]:
    """Give the node voltages (n,) of both sides where a stretch has ended."""
    free, clamped = np.empty(len(room.base_v)), np.empty(len(room.base_v))
    free[sides.p.nodes], clamped[sides.q.nodes] = room.base_v, room.base_v_clamped
    return {"free": free, "clamped": clamped}


class Stretches:
    """The edges of a board when they step by themselves, whatever is held on both sides.

    Parameters
    ----------
    twin : Twin
    """

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._made_for: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def _make(self, free: tuple[int, ...], clamped: tuple[int, ...]) -> None:
        twin = self._twin
        self._sides = make_sides(twin.network, twin.parts, free, clamped)
        self._hardware = make_hardware(twin, self._sides)
        self._room = make_room(self._sides.p, self._sides.q, twin.network.edge_count)
        self._made_for = (free, clamped)

    def run(self, place: IntArray, voltages: TwinVoltages, bias_v: float, from_ns: int, to_ns: int) -> IntArray:
        """Let edges step from wiper positions (E,) and voltages on; gives the positions at the end, voltages follow."""
        broken = [name for name in _NOT_MODELLED if getattr(self._twin.parts.faults, name)]
        if broken:
            raise NotSupported(
                f"edges do not step by themselves in simulation with faults {', '.join(broken)}; allowed: those of "
                "gates, comparators, sources and readings. Use trigger()."
            )
        for side in SIDES:
            voltages.at(side, from_ns)  # says so where nodes float, before anything changes
        voltages.before_change(from_ns, *SIDES)
        twin, held, begun = self._twin, voltages.held, voltages.snapshot()
        free, clamped, gates = tuple(held["free"]), tuple(held["clamped"]), twin.gates
        assert isinstance(gates, Oscillators)
        if self._made_for != (free, clamped):
            self._make(free, clamped)
        sides, room = self._sides, self._room
        p, q, n = sides.p, sides.q, len(sides.p.free)
        room.place[:] = place
        room.base_v[:] = begun["free_moving_from"][p.nodes]
        room.base_v_clamped[:] = begun["clamped_moving_from"][q.nodes]
        room.v[n:] = room.base_v[n:] = [held["free"][node] for node in p.nodes[n:].tolist()]
        room.hold[sides.inner :] = [held["clamped"][node] for node in q.nodes[sides.inner :].tolist()]
        clocks, parts = make_clocks(gates, twin.parts, twin.seed, bias_v), twin.parts
        noisy = isinstance(parts.comparator, ComparatorPair) and parts.comparator.noise_v > 0.0
        per_ns = float(gates.cycles_per_ns.sum())
        part_ns, begin_ns = (_NOISY_FIRINGS if noisy else _FIRINGS) / per_ns, float(from_ns)
        while True:  # in parts of a stretch, which are not seen in what it gives
            last = not begin_ns + part_ns < to_ns
            noise = make_noise(parts, twin.seed, gates, bias_v, begin_ns, min(part_ns, to_ns - begin_ns))
            times = float(from_ns), float(to_ns), inf if last else begin_ns + part_ns
            stretch(sides, self._hardware, clocks, _NO_CLAMP, noise, room, *times, begin_ns == from_ns)
            if last:
                break
            begin_ns += part_ns
        voltages.went_on(to_ns, held, ended(sides, room))
        return room.place.astype(np.int64)
