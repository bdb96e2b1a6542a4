"""Ensembles: plans with the same terminals packed into lanes, run in chunks, given back as blocks of records."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side
from labnet.draws import Stream, splitmix64
from labnet.plan import scheduled
from labnet.records import NO_FLOATS, NO_WIPERS, Block, Errors, Record, closing_record
from labnet.rules import Continuous, ContrastRule, EquilibriumPropagation, HostRule
from labnet_simulators.components import ComparatorPair
from labnet_simulators.engine.arrays import CONDUCTANCE, VOLTAGE, Hardware, Log, Networks, Nudging, Schedule, make_room
from labnet_simulators.engine.elimination import eliminate
from labnet_simulators.engine.hardware import hardware, pair_error_v
from labnet_simulators.engine.kernel import run
from labnet_simulators.engine.lanes import aligned
from labnet_simulators.engine.members import Member, Twin, errors_of, measured, variant
from labnet_simulators.oscillators import Oscillators
from labnet_simulators.voltages import NO_NUDGE, NOT_NUDGED, SIDES, Nudge

FloatArray = NDArray[np.float64]

WIDTHS = (1, 8, 16, 32)  # beyond 32 lanes a small network leaves the fastest cache too
_CHUNK_BYTES = 8e6  # of log: as much as stays in the outer cache


class Ensemble:
    """Networks that run in step, from step `first` of their plans on.

    Parameters
    ----------
    twin : Twin
        The board as it stands before that step.
    members : sequence of Member
        Up to `WIDTHS[-1]`, of one `kind`.
    first : int
    """

    def __init__(self, twin: Twin, members: Sequence[Member], first: int = 0) -> None:
        self.members, self.step = members, first
        plan, network = members[0].plan, twin.network
        self._twin, self._seed, self._parts = twin, twin.seed, twin.parts
        self.trigger, self._drives = twin.triggers, twin.clamped_drives
        self._task, self._edges = plan.task, network.edge_count
        self._by_node = np.argsort(plan.task.outputs)  # outputs are held in rising order, as on the board
        self._as_given = np.argsort(self._by_node)
        self._outputs = np.array(plan.task.outputs)[self._by_node]
        self._continuous, self._batch = isinstance(plan.rule, HostRule), plan.batched
        self._full_batch = all(isinstance(m.plan.rule, HostRule) and m.plan.rule.batch == 1.0 for m in members)
        self._variant = variant(plan.rule)
        self._soft = self._variant is not None and self._variant.by != VOLTAGE  # outputs are not held
        shunted = self._variant is not None and self._variant.by == CONDUCTANCE
        leaky = twin.parts.leakage.ohm is not None or shunted
        self._p = eliminate(network, plan.task.inputs + plan.task.grounds, tuple(self._outputs.tolist()), leaky)
        self._nodes = self._p.nodes.astype(np.int64)
        self._place = np.argsort(self._nodes)
        self._hardware = hardware(
            network, twin.parts, twin.seed, self._p, twin.conductances_s, twin.channels, twin.gates, self._continuous
        )
        self._width = next(width for width in WIDTHS if width >= len(members))
        # Lanes without a network of their own repeat the first one's, which is thrown away.
        self._lanes = [*members, *[members[0]] * (self._width - len(members))]
        self._plans = [member.plan for member in self._lanes]
        self._networks, self._nudging = self._make_networks(twin), self._make_nudging()
        self._room = make_room(self._p, self._edges, self._width)
        self._log_at = [scheduled(m.plan.log, m.plan.steps) for m in members]
        self._measure_at = [measured(m.plan) for m in members]
        self.running = set(range(len(members)))

    def _make_networks(self, twin: Twin) -> Networks:
        parts, grid, gates = self._parts, self._parts.dac.grid, twin.gates
        holds = self._nodes[len(self._p.free) :]
        gains, offsets = twin.channels.source_gain[holds], twin.channels.source_offset_v[holds]
        held, desired, gate, turns, rate = [], [], [], [], []
        for member in self._lanes:
            task, rule = member.plan.task, member.plan.rule
            inputs = np.concatenate(
                [examples.inputs.reshape(len(examples), len(task.inputs)) for _, examples in task.sets()]
            )
            asked = task.held_v(inputs)
            held.append(parts.dac.output(asked, gains, offsets).ravel())
            wanted = task.train.targets[:, self._by_node]
            coded = grid.bits is not None and self._variant is None
            desired.append((grid.nearest(wanted) if coded else wanted).ravel())
            if isinstance(gates, Oscillators):
                gate.append(gates.share(member.bias_v))
                turns.append(gates.turns(member.bias_v))
            else:
                gate.append(np.array([gates.threshold(member.bias_v)]))
                turns.append(np.empty(0))
            rate.append(rule.rate * task.network.r_ref_ohm if isinstance(rule, ContrastRule) else 0.0)
        return Networks(
            place=_columns([member.place for member in self._lanes]),
            held=_columns(held),
            desired=_columns(desired),
            eta=aligned(1, self._width),
            gate=_columns(gate),
            turns=_columns(turns),
            rate=_columns([[x] for x in rate]),
            wrong=_columns([[np.inf]] * self._width),
        )

    def _make_nudging(self) -> Nudging | None:
        if self._variant is None:
            return None
        numbers = []
        for plan in self._plans:
            rule = plan.rule
            if isinstance(rule, EquilibriumPropagation):
                numbers.append((rule.beta, 0.0, 0.0, 0.0))
            elif isinstance(rule, Continuous):
                margin_v = -1.0 if rule.margin_v is None else rule.margin_v  # none: all outputs are drawn
                numbers.append((0.0, margin_v, *(rule.over_clamp_v or (0.0, 0.0))))
        return Nudging(*self._variant, *(_columns([[x] for x in each]) for each in zip(*numbers, strict=True)))

    def place(self, lane: int) -> FloatArray:
        """Give where the edges of a network stand: wiper positions or ohms, (E,)."""
        return np.array(self._networks.place[:, lane])

    def went_wrong(self, lane: int) -> bool:
        """Tell whether a network's voltages or resistances are numbers no more; it stays where it was before."""
        return bool(np.isfinite(self._networks.wrong[0, lane]))

    def held_outputs(self, lane: int) -> dict[int, float]:
        """Give the voltages at which the clamped outputs are held, if they are."""
        n = len(self._p.free)
        volts = self._room.v_clamped[n - len(self._p.outputs) : n, lane][self._as_given].tolist()
        return {} if self._soft else dict(zip(self._task.outputs, volts, strict=True))

    def nudges(self, lane: int) -> Mapping[Side, Nudge]:
        """Give what the outputs of both sides are nudged with."""
        if self._variant is None or not self._soft:
            return NOT_NUDGED
        r_ref_ohm, u = self._twin.network.r_ref_ohm, self._nudging
        assert u is not None
        shunts = np.full(len(self._outputs), u.beta[0, lane] if u.by == CONDUCTANCE else 0.0) / r_ref_ohm
        currents, outputs = self._room.want[:, lane] / r_ref_ohm, self._outputs.tolist()

        def nudge(sign: float) -> Nudge:
            amperes, siemens = ((sign * each).tolist() for each in (currents, shunts))
            return Nudge(dict(zip(outputs, amperes, strict=True)), dict(zip(outputs, siemens, strict=True)))

        return {"free": nudge(-1.0) if u.twins else NO_NUDGE, "clamped": nudge(1.0)}

    def voltages(self, lane: int) -> dict[Side, FloatArray]:
        """Give the node voltages (n,) of both sides of a network as the last solves left them."""
        n = len(self._p.free)
        free, clamped = self._room.v[:, lane].copy(), self._room.v_clamped[:, lane].copy()
        if self._hardware.twins_equal and not self._soft:
            inner = n - len(self._p.outputs)
            clamped[:inner] = free[:inner] + self._room.d[:inner, lane]
            clamped[n:] = free[n:]
        return {"free": free[self._place], "clamped": clamped[self._place]}

    @property
    def drives_and_reads(self) -> tuple[int, int]:
        """Clamped drives, and readings after the last of them, since the last trigger."""
        return 0, 0

    def triggers(self, steps: int) -> int:
        """Give how many triggers the board has had after so many steps of the plan."""
        return self.trigger - self.step + steps

    def advance(self, steps: int) -> list[Block]:
        """Run up to so many steps, and give each running network's next block."""
        last = self._last(steps)
        first, count = self.step, last - self.step
        schedule = self._schedule(first, count)
        examples = len(self._task.train) + len(self._task.test)
        log = self._make_log(int(schedule.measured.sum()) * examples, int(schedule.logged.sum()))
        networks = self._networks._replace(eta=self._etas(first, count))
        width, wipers = (0,) * self._width, None if self._continuous else 0
        with np.errstate(all="ignore"):
            run(width, wipers, self._nudging, self._p, self._hardware_at(count), schedule, networks, self._room, log)
        blocks = [self._block(lane, schedule, log) for lane in sorted(self.running)]
        for lane, block in zip(sorted(self.running), blocks, strict=True):
            if self.went_wrong(lane) or block.steps == self.members[lane].plan.steps:
                self.running.discard(lane)
                self._networks.gate[:, lane] = 0.0
        self.step, self.trigger = last, self.trigger + count
        if count:
            self._drives = 0
        return blocks

    def _last(self, steps: int) -> int:
        """Give the step before which a chunk ends: at most so many on, at a plan's end, when the log is full."""
        first = self.step
        last = min(first + steps, *(self.members[lane].plan.steps for lane in self.running))
        task, size = self._task, 8.0 * self._width
        per_measurement = size * (len(task.train) + len(task.test)) * len(task.outputs)
        per_log = size * (2 * len(self._nodes) + 3 * self._edges)
        per_step = size * (len(task.train) if self._batch and not self._full_batch else 1)
        logged, measured = (self._marks(marks, first, last) for marks in (self._log_at, self._measure_at))
        used = np.cumsum(per_step + per_log * logged + per_measurement * measured)
        return max(first + int(np.searchsorted(used, _CHUNK_BYTES)), min(first + 1, last))

    def _marks(self, marks: list[NDArray[np.bool_]], first: int, last: int) -> NDArray[np.bool_]:
        """Give the steps that are marked for any running network."""
        found = np.zeros(last - first, dtype=np.bool_)
        for lane in self.running:
            mine = marks[lane][first:last]
            found[: len(mine)] |= mine
        return found

    def _schedule(self, first: int, count: int) -> Schedule:
        last = first + count
        ends = any(self.members[lane].plan.steps == last for lane in self.running)
        measured = np.append(self._marks(self._measure_at, first, last), ends)
        logged = self._marks(self._log_at, first, last)
        shown, example, chosen = np.empty(0, dtype=np.int64), aligned(0, self._width), aligned(0, self._width)
        if not self._batch:
            if len({(plan.order, plan.seed if plan.order == "random" else 0) for plan in self._plans}) == 1:
                shown = self._plans[0].examples(first, last).astype(np.int64)
            else:
                example = _columns([plan.examples(first, last) for plan in self._plans])
        elif not self._full_batch:
            chosen = _columns([plan.batches(first, last).ravel() for plan in self._plans])
        return Schedule(
            steps=count,
            first=first,
            trigger=np.uint64(self.trigger),
            stream_seed=np.uint64(splitmix64(self._seed % 2**64, Stream.TRIGGER)),
            measured=measured,
            logged=logged,
            batch=self._batch,
            shown=shown,
            example=example,
            chosen=chosen,
            **self._times(first, last),
            **self._noise(count, measured, logged),
        )

    def _times(self, first: int, last: int) -> dict[str, FloatArray]:
        """Give when the steps trigger, where gates are oscillators: once where that is the same in all lanes."""
        gates, nothing = self._twin.gates, aligned(0, self._width)
        time_ns = {"shared_ns": np.empty(0), **dict.fromkeys(("time_ns", "heat_ns"), nothing)}
        if not isinstance(gates, Oscillators):
            return time_ns
        alike = {(each.start_s, each.plan.step_period_s, each.plan.settle_s) for each in self._lanes}
        if len(alike) == 1 and not self._batch:
            time_ns["shared_ns"] = self._lanes[0].trigger_ns(first, last).astype(np.float64)
        else:
            time_ns["time_ns"] = _columns([member.trigger_ns(first, last) for member in self._lanes])
        if gates.gate.temperature_k:  # one by one: numpy's own cosine may round differently
            each_ns = _columns([member.trigger_ns(first, last) for member in self._lanes])
            time_ns["heat_ns"] = _columns([[*map(gates.heat_ns, lane)] for lane in each_ns.T.tolist()])
        return time_ns

    def _noise(self, count: int, measured: NDArray[np.bool_], logged: NDArray[np.bool_]) -> dict[str, FloatArray]:
        """Give the converters' noise, drawn as the board's `read` does: by trigger, clamped drives, node and repeat."""
        if not self._parts.adc.noise_v:
            nothing = {"output_noise_v": (0, 0), "measure_noise_v": (0, 0, 0), "log_noise_v": (0, 0, 0)}
            return {name: np.empty(shape) for name, shape in nothing.items()}
        noise_v, outputs, rows = self._twin.channels.read_noise_v, self._outputs, np.flatnonzero(logged)
        examples = np.arange(len(self._task.train) + len(self._task.test))
        triggers = self.trigger + np.arange(count + 1)
        drives = np.zeros(count + 1, dtype=np.int64)
        drives[0] = self._drives
        before = triggers[measured, None, None], drives[measured, None, None], examples[:, None]
        sides = [noise_v(side, triggers[rows, None], drives[rows, None] + 2, 0, self._nodes) for side in SIDES]
        return {
            "output_noise_v": noise_v("free", triggers[:-1, None], drives[:-1, None] + 1, 0, outputs),
            "measure_noise_v": noise_v("free", *before, outputs),
            "log_noise_v": np.stack(sides, axis=1),
        }

    def _hardware_at(self, count: int) -> Hardware:
        """Give the hardware with the noise that its comparators have at the triggers of a chunk."""
        comparator = self._parts.comparator
        if not isinstance(comparator, ComparatorPair) or not comparator.noise_v:
            return self._hardware
        error = pair_error_v(comparator, self._seed, self._twin.network, self.trigger, max(count, 2))
        return self._hardware._replace(pair_v=error)

    def _etas(self, first: int, count: int) -> FloatArray:
        if all(isinstance(plan.eta, float) for plan in self._plans):
            etas = [np.array([plan.eta]) for plan in self._plans]
        else:  # of a plan that has ended, the last one
            steps = np.arange(first, first + max(count, 1))
            each = [np.atleast_1d(plan.eta) for plan in self._plans]
            etas = [mine[np.minimum(steps, len(mine) - 1)] for mine in each]
        columns = _columns(etas)
        if self._parts.dac.grid.bits is not None:
            columns[:] = np.rint(columns * 32768.0)
        return columns

    def _make_log(self, measured_examples: int, logged: int) -> Log:
        nodes, edges = logged * len(self._nodes), logged * self._edges
        counts = (measured_examples * len(self._task.outputs), nodes, nodes, edges, edges, edges, logged)
        return Log(*(aligned(count, self._width) for count in counts))

    def _block(self, lane: int, schedule: Schedule, log: Log) -> Block:
        """Put a network's block together: up to the chunk's end, the plan's, or where it went wrong."""
        plan, first = self.members[lane].plan, schedule.first
        wrong = self._networks.wrong[0, lane]
        steps = int(min(first + schedule.steps, wrong))
        records = [
            self._record(lane, row, first + k, log)
            for row, k in enumerate(np.flatnonzero(schedule.logged).tolist())
            if first + k < steps and self._log_at[lane][first + k]
        ]
        errors: list[Errors] = []
        for row, k in enumerate(np.flatnonzero(schedule.measured).tolist()):
            step = first + k
            if step <= steps and self._measure_at[lane][step] and (k < schedule.steps or step == plan.steps):
                errors += self._errors(lane, row, step, log)
        if steps in (plan.steps, wrong):
            place = self.place(lane)
            positions = (NO_WIPERS, place) if self._continuous else (place, NO_FLOATS)
            records.append(closing_record(steps, self.members[lane].time_s(steps), *positions))
        ohm = self.place(lane) if self._continuous else None
        return Block(self.members[lane].number, steps, records, errors, resistances_ohm=ohm)

    def _record(self, lane: int, row: int, step: int, log: Log) -> Record:
        plan, nodes, edges = self.members[lane].plan, len(self._nodes), self._edges
        examples = plan.examples_at(step)
        voltages = []
        for side in (log.v_free, log.v_clamped):
            v = side[row * nodes : (row + 1) * nodes, lane][self._place]
            voltages.append(v if len(examples) == 1 else NO_FLOATS)
        moved = slice(row * edges, (row + 1) * edges)
        place = log.place[moved, lane].copy()
        return Record(
            step=step,
            example=examples[0] if len(examples) == 1 else -1,
            time_s=self.members[lane].time_s(step),
            clipped=bool(log.clipped[row, lane]),
            v_free=voltages[0],
            v_clamped=voltages[1],
            directions=log.direction[moved, lane].astype(np.int8),
            enabled=log.enabled[moved, lane].astype(np.int8),
            wipers=NO_WIPERS if self._continuous else place.astype(np.int16),
            resistances_ohm=place if self._continuous else NO_FLOATS,
        )

    def _errors(self, lane: int, row: int, step: int, log: Log) -> list[Errors]:
        task = self.members[lane].plan.task
        size = (len(task.train) + len(task.test)) * len(task.outputs)
        return errors_of(task, step, log.outputs[row * size : (row + 1) * size, lane], self._as_given)


def _columns(rows: Sequence[Sequence[float] | NDArray[np.generic]]) -> FloatArray:
    """Put each network's numbers into a column of its own."""
    made = aligned(len(rows[0]), len(rows))
    made[:] = np.array(rows, dtype=np.float64).T
    return made
