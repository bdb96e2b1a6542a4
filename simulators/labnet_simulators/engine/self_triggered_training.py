"""Plans whose edges step by themselves: run in chunks, given back as blocks of records."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side
from labnet.plan import SelfTriggered, scheduled
from labnet.records import NO_BYTES, NO_FLOATS, Block, Errors, Record, closing_record
from labnet_simulators.components import ComparatorPair
from labnet_simulators.engine.members import Member, Twin, errors_of, measured
from labnet_simulators.engine.self_triggered_arrays import Noise, make_room
from labnet_simulators.engine.self_triggered_dwells import Dwells, Log, Shown, dwell
from labnet_simulators.engine.self_triggered_stretches import ended, make_clocks, make_hardware, make_noise, make_sides
from labnet_simulators.oscillators import Oscillators
from labnet_simulators.voltages import NOT_NUDGED, SIDES, Nudge, TwinVoltages

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CHUNK_BYTES = 8e6  # of log and noise: as much as stays in the outer cache


class Held(Twin, Protocol):
    """What a self-triggered training asks of a simulated board besides."""

    @property
    def voltages(self) -> TwinVoltages:
        """What is held on each side."""
        ...

    @property
    def free_reads(self) -> int:
        """How often the free side was read since the clamped one was driven last."""
        ...


class SelfTraining:
    """A network whose edges step by themselves, from step `first` of its plan on.

    Parameters
    ----------
    twin : Held
        The board as it stands before that step.
    member : Member
    first : int
    """

    def __init__(self, twin: Held, member: Member, first: int = 0) -> None:
        plan, parts = member.plan, twin.parts
        gates, clock, task = twin.gates, plan.clock, plan.task
        assert isinstance(gates, Oscillators)
        assert isinstance(clock, SelfTriggered)
        self.member, self.step, self.running = member, first, True
        self._drives, self._reads, self._triggers = twin.clamped_drives, twin.free_reads, twin.triggers
        self._plan, self._parts, self._seed, self._gates = plan, parts, twin.seed, gates
        lengths_s = clock.stretches
        self._stretches, self._stretch_ns = len(lengths_s), round(lengths_s[0] * 1e9)
        self._lag_ns = 0.0 if clock.lag_s is None else clock.lag_s * 1e9
        self._by_node = np.argsort(task.outputs)  # outputs are held in rising order, as on the board
        self._as_given = np.argsort(self._by_node)
        self._outputs = np.array(task.outputs)[self._by_node]
        inputs = task.inputs + task.grounds
        self._sides = make_sides(twin.network, parts, inputs, inputs + task.outputs)
        self._nodes = self._sides.p.nodes.astype(np.int64)
        self._place = np.argsort(self._nodes)
        self._hardware = make_hardware(twin, self._sides)
        self._clocks = make_clocks(gates, parts, twin.seed, member.bias_v)
        self._shown, self._channels = self._make_shown(twin), twin.channels
        self._room = make_room(self._sides.p, self._sides.q, len(member.place))
        self._room.place[:] = member.place
        self._hold(twin)
        self._log_at, self._measure_at = scheduled(plan.log, plan.steps), measured(plan)
        self.firings = 0

    def _hold(self, twin: Held) -> None:
        """Begin with what the board holds; with what the first step does, where it holds nothing."""
        held, room, count = twin.voltages.held["clamped"], self._room, len(self._outputs)
        example, nodes = self._plan.examples_at(self.step)[0], self._nodes[self._sides.inner :].tolist()
        outputs = self._shown.first[example * count :][:count]
        inputs = self._shown.held[example * (len(nodes) - count) :][: len(nodes) - count]
        first = np.concatenate([outputs, inputs]).tolist()
        begin = [held.get(node, volts) for node, volts in zip(nodes, first, strict=True)]
        room.hold[self._sides.inner :], room.v[len(self._sides.p.free) :] = begin, begin[count:]

    def _make_shown(self, twin: Held) -> Shown:
        task, dac, channels = self._plan.task, self._parts.dac, twin.channels
        inputs = np.concatenate(
            [examples.inputs.reshape(len(examples), len(task.inputs)) for _, examples in task.sets()]
        )
        asked = task.held_v(inputs)
        wanted = task.train.targets[:, self._by_node]
        held, outputs = self._nodes[len(self._sides.p.free) :], self._outputs
        in_codes = dac.grid.bits is not None and not self._lag_ns
        return Shown(
            held=dac.output(asked, channels.source_gain[held], channels.source_offset_v[held]).ravel(),
            desired=(dac.grid.nearest(wanted) if in_codes else wanted).astype(np.float64).ravel(),
            first=dac.output(wanted, channels.source_gain[outputs], channels.source_offset_v[outputs]).ravel(),
        )

    # Where it stands ----------------------------------------------------------------------------------------------

    def place(self, lane: int = 0) -> FloatArray:
        """Give the wiper positions, (E,)."""
        return self._room.place.copy()

    def went_wrong(self, lane: int = 0) -> bool:
        """Tell that it did not: there is nothing that floats, and no resistance but those of wipers."""
        return False

    def held_outputs(self, lane: int = 0) -> dict[int, float]:
        """Give the voltages at which the clamped outputs are held."""
        inner = self._sides.inner
        volts = self._room.hold[inner : inner + len(self._outputs)]
        return dict(zip(self._outputs[self._as_given].tolist(), volts[self._as_given].tolist(), strict=True))

    def nudges(self, lane: int = 0) -> Mapping[Side, Nudge]:
        """Give what the outputs of both sides are nudged with: nothing, they are held."""
        return NOT_NUDGED

    def voltages(self, lane: int = 0) -> dict[Side, FloatArray]:
        """Give the node voltages (n,) of both sides at the end of the last dwell."""
        return ended(self._sides, self._room)

    @property
    def drives_and_reads(self) -> tuple[int, int]:
        """Clamped drives, and readings after the last of them, since the last trigger."""
        return self._drives, self._reads

    def triggers(self, steps: int) -> int:
        """Give how many triggers the board has had: no more than before."""
        return self._triggers

    # Chunks -------------------------------------------------------------------------------------------------------

    def advance(self, steps: int) -> list[Block]:
        """Run up to so many steps, and give the next block."""
        first, last = self.step, self._last(steps)
        count = last - first
        marks, logged = self._measure_at[first : last + 1].copy(), self._log_at[first:last]
        if last < self._plan.steps:
            marks[-1] = False  # it is measured before the next chunk
        dwells, noise = self._dwells(first, last, marks, logged)
        log = self._make_log(int(marks.sum()), int(logged.sum()))
        dwell(self._sides, self._hardware, self._clocks, noise, dwells, self._shown, self._room, log)
        self.firings += int(log.firings[0])
        self.step, self._drives = last, self._drives + count * self._stretches
        self._reads = int(self._log_at[last - 1])
        self.running = last < self._plan.steps
        return [self._block(dwells, log)]

    def _last(self, steps: int) -> int:
        """Give the step before which a chunk ends: at most so many on, at the plan's end, when the log is full."""
        first = self.step
        last = min(first + steps, self._plan.steps)
        task, edges = self._plan.task, len(self._room.place)
        size = 8.0 * (len(task.train) + len(task.test)) * len(task.outputs) * self._measure_at[first:last]
        size += 8.0 * (2 * len(self._nodes) + edges) * self._log_at[first:last]
        if isinstance(self._parts.comparator, ComparatorPair) and self._parts.comparator.noise_v:
            size += 16.0 * edges * self._stretches * (4 + self._stretch_ns * self._gates.cycles_per_ns.max())
        return max(first + int(np.searchsorted(np.cumsum(size), _CHUNK_BYTES)), min(first + 1, last))

    def _dwells(
        self, first: int, last: int, marks: NDArray[np.bool_], logged: NDArray[np.bool_]
    ) -> tuple[Dwells, Noise]:
        plan, count = self._plan, last - first
        etas = np.array([plan.eta_at(step) for step in range(first, last)])
        if self._parts.dac.grid.bits is not None and not self._lag_ns:
            etas = np.rint(etas * 32768.0)
        began_ns = self.member.began_ns(first, last).astype(np.float64)
        dwells = Dwells(
            steps=count,
            measured=marks,
            logged=logged,
            shown=plan.examples(first, last).astype(np.int64),
            eta=etas,
            began_ns=began_ns,
            stretches=self._stretches,
            stretch_ns=float(self._stretch_ns),
            lag_ns=self._lag_ns,
            **self._noise(count, marks, logged),
        )
        from_ns = (began_ns[:, None] + np.arange(self._stretches) * self._stretch_ns).ravel()
        return dwells, make_noise(
            self._parts, self._seed, self._gates, self.member.bias_v, from_ns, float(self._stretch_ns)
        )

    def _noise(self, count: int, marks: NDArray[np.bool_], logged: NDArray[np.bool_]) -> dict[str, FloatArray]:
        """Give the converters' noise, drawn as the board's `read` does: by clamped drives, side, node and repeat."""
        if not self._parts.adc.noise_v:
            return {name: np.zeros((0, 0, 0)) for name in ("output_noise_v", "measure_noise_v", "log_noise_v")}
        noise_v, triggers, outputs = self._channels.read_noise_v, self._triggers, self._outputs
        examples = np.arange(len(self._plan.task.train) + len(self._plan.task.test))
        drives = (self._drives + np.arange(count + 1) * self._stretches)[:, None]
        reads = np.concatenate([[self._reads], logged]).astype(np.int64)[:, None]
        between = (drives[:-1] + np.arange(1, self._stretches))[..., None]
        before = drives[marks, None], (reads[marks] + examples)[..., None]
        sides = [noise_v(side, triggers, drives[1:][logged], 0, self._nodes) for side in SIDES]
        return {
            "output_noise_v": noise_v("free", triggers, between, 0, outputs),
            "measure_noise_v": noise_v("free", triggers, *before, outputs),
            "log_noise_v": np.stack(sides, axis=1),
        }

    def _make_log(self, measurements: int, logged: int) -> Log:
        task, nodes, edges = self._plan.task, len(self._nodes), len(self._room.place)
        outputs = measurements * (len(task.train) + len(task.test)) * len(task.outputs)
        return Log(
            outputs=np.zeros(outputs),
            v_free=np.zeros((logged, nodes)),
            v_clamped=np.zeros((logged, nodes)),
            place=np.zeros((logged, edges)),
            clipped=np.zeros(logged),
            firings=np.zeros(1, dtype=np.int64),
        )

    # Records ------------------------------------------------------------------------------------------------------

    def _block(self, dwells: Dwells, log: Log) -> Block:
        first = self.step - dwells.steps
        records = [self._record(row, first + k, log) for row, k in enumerate(np.flatnonzero(dwells.logged).tolist())]
        errors: list[Errors] = []
        for row, k in enumerate(np.flatnonzero(dwells.measured).tolist()):
            errors += self._errors(row, first + k, log)
        if not self.running:
            records.append(closing_record(self.step, self.member.time_s(self.step), self._room.place, NO_FLOATS))
        return Block(self.member.number, self.step, records, errors)

    def _record(self, row: int, step: int, log: Log) -> Record:
        return Record(
            step=step,
            example=self._plan.examples_at(step)[0],
            time_s=self.member.time_s(step),
            clipped=bool(log.clipped[row]),
            v_free=log.v_free[row][self._place],
            v_clamped=log.v_clamped[row][self._place],
            directions=NO_BYTES,
            enabled=NO_BYTES,
            wipers=log.place[row].astype(np.int16),
            resistances_ohm=NO_FLOATS,
        )

    def _errors(self, row: int, step: int, log: Log) -> list[Errors]:
        task = self._plan.task
        size = (len(task.train) + len(task.test)) * len(task.outputs)
        return errors_of(task, step, log.outputs[row * size : (row + 1) * size], self._as_given)
