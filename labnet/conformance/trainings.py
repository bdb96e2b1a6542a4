"""Checks of whole trainings: paced by the host and by the board, the log, breaking off, going on afterwards."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from labnet.board import SpeaksScpi
from labnet.conformance.bench import Bench
from labnet.conformance.limits import AT_LEAST, AT_MOST
from labnet.conformance.report import Measured
from labnet.controller import Controller
from labnet.errors import LabnetError, NotSupported
from labnet.plan import GlobalClock, Plan, scheduled
from labnet.records import Errors, Record
from labnet.rules.lab import clamp
from labnet.tasks import Regression

_STEPS = 40
_LONG = 5000
_COMPARED = ("example", "v_free", "v_clamped", "directions", "enabled", "wipers")

Training = tuple[list[Record], list[Errors]]


def paces(bench: Bench) -> Iterator[Measured]:
    """One plan, paced by the host and by the board: the same steps, each by Eqs. 1 and 10.

    On a board without noise the records are the same; with noise too, where it can be put back to a snapshot.
    """
    plan = _plan(bench, steps=_STEPS, measure=_STEPS)
    _check_claims(bench)
    board = bench.board
    snapshot = board.snapshot() if bench.info.snapshots else None
    by_host = _run(bench, plan, by_host=True)[0]
    if snapshot is not None:
        board.restore(snapshot)
    by_board = _run(bench, plan, by_host=False)[0]
    for pace, records in (("host-paced", by_host), ("board-paced", by_board)):
        yield from _consistent(bench, plan, records, pace)
    same = [_same(*pair) for pair in zip(by_host, by_board, strict=False)]
    low, high = (AT_MOST, AT_LEAST) if snapshot is None else (len(by_host), len(by_host))
    yield Measured(f"records of {len(by_host)} that are the same to the last bit", sum(same), low, high)
    first = by_host[0], by_board[0]
    for name in ("v_free", "v_clamped"):
        apart = np.abs(getattr(first[0], name) - getattr(first[1], name))
        what = f"{name} of the first step in both paces, node {np.argmax(apart)}"
        yield Measured(what, apart.max(), AT_MOST, bench.limits.steady_v, "V")


def log(bench: Bench) -> Iterator[Measured]:
    """Every step of a board-paced training is logged once, at its time, and the wipers follow from the steps."""
    _check_claims(bench)
    details: tuple[Literal["full", "short"], ...] = ("full", "short")
    for detail in details:
        plan = _plan(bench, steps=_STEPS, p=0.5, detail=detail, measure=_STEPS // 2)
        period_s = max(2 * plan.least_period_s, bench.whole(bench.limits.period_s))
        plan = plan.model_copy(update={"period_s": period_s})
        records, errors = _run(bench, plan, by_host=False)
        name = f"{detail} log"
        yield from _consistent(bench, plan, records, name)
        late_s = [r.time_s - records[0].time_s - r.step * plan.step_period_s for r in records]
        worst = int(np.argmax(np.abs(late_s)))
        tick_s = bench.info.tick_s
        yield Measured(f"{name}: step {records[worst].step} off its time by", late_s[worst], -tick_s, tick_s, "s")
        updates = int(sum(record.enabled.sum() for record in records[:-1]))
        possible = _STEPS * bench.network.edge_count
        yield Measured(f"{name}: updates of {possible}", updates, *bench.limits.times(possible, 0.5, bench.alpha))
        steps = [*np.flatnonzero(scheduled(plan.measure, plan.steps)).tolist(), plan.steps]
        wanted = sorted((step, name) for step in steps for name in ("test", "train"))
        found = sorted((each.step, each.set) for each in errors)
        yield Measured(f"{name}: measurements that are not there once", _differing(found, wanted), 0, 0)


def abort(bench: Bench) -> Iterator[Measured]:
    """After a training is broken off it has ended, the board is safe, and the next one runs."""
    _check_claims(bench)
    board = bench.board
    _break_off(bench)
    if isinstance(board, SpeaksScpi):
        state = bench.ask("TRA:STAT?").partition(",")[0]
        yield Measured("the training runs on", state == "RUN", 0, 0)
    board.safe()
    bench.settle()
    yield from bench.safe_state("breaking off")
    wipers = board.wipers()
    bench.settle()
    yield Measured("wipers that move still", int((board.wipers() != wipers).sum()), 0, 0)
    plan = _plan(bench, steps=3)
    yield from _consistent(bench, plan, _run(bench, plan, by_host=False)[0], "the training after it")


def recovery(bench: Bench) -> Iterator[Measured]:
    """After errors, a training that was broken off and a reset, a board reads what it read before."""
    board, wipers = bench.board, bench.some_wipers()
    bench.place(wipers)
    before = bench.look()
    node, beyond = bench.nodes[0], 2 * bench.info.source.v_max + 1.0
    with suppress(LabnetError):
        board.drive("free", {node: beyond})
    with suppress(LabnetError):
        board.set_wipers(-1)
    if isinstance(board, SpeaksScpi):
        bench.errors("NO:SUCH;:SOUR:BIAS")
    bench.place(wipers)
    yield bench.same("after errors", bench.look(), before)
    if bench.info.plans:
        with suppress(NotSupported):
            _break_off(bench)
        bench.place(wipers)
        yield bench.same("after a training that was broken off", bench.look(), before)
    reset = getattr(board, "reset", None)
    if reset is not None:
        reset()
        bench.place(wipers)
        yield bench.same("after a reset", bench.look(), before)


def _check_claims(bench: Bench) -> None:
    if "discrete" not in bench.info.plans:
        raise NotSupported("this board runs no plans of the discrete rule by itself.")


def _plan(bench: Bench, p: float = 1.0, **settings: Any) -> Plan:
    """Give a plan for nodes that the board can hold: two inputs, up to two outputs, two examples a set."""
    nodes = bench.nodes
    if len(nodes) < 3:
        raise NotSupported(f"a training takes three nodes that can be held, this board has {len(nodes)}.")
    outputs = tuple(sorted({nodes[len(nodes) // 4 or 1], nodes[len(nodes) // 2]}))
    low, middle, high = bench.low, bench.volts(0.5), bench.high
    inputs = [[high, low], [low, middle]]
    targets = [[bench.volts(share)] * len(outputs) for share in (0.3, 0.4)]
    examples = (inputs, targets)
    task = Regression(bench.network, (nodes[0], nodes[-1]), outputs, train=examples, test=examples)
    timing = {"start": bench.middle, "settle_s": bench.whole(bench.limits.settled_in_s)}
    return Plan(task=task, clock=GlobalClock(p=p), eta=0.5, **timing, **settings)


def _run(bench: Bench, plan: Plan, by_host: bool) -> Training:
    """Run a plan at one of the two paces; gives what it logged."""
    bench.board.safe()
    controller = Controller(bench.board, plan)
    start_s = controller.start()
    blocks = list(controller.paced_blocks(0) if by_host else bench.board.train(plan, 0, start_s))
    bench.board.safe()
    return [record for block in blocks for record in block.records], [e for block in blocks for e in block.errors]


def _break_off(bench: Bench) -> None:
    """Begin a long training, take the first part of its log, and break it off."""
    plan = _plan(bench, steps=_LONG, p=0.5)
    start_s = Controller(bench.board, plan).start()
    blocks = bench.board.train(plan, 0, start_s)
    next(iter(blocks))
    if isinstance(blocks, Generator):
        blocks.close()


def _consistent(bench: Bench, plan: Plan, records: list[Record], name: str) -> Iterator[Measured]:
    """Compare records with their schedule, with Eqs. 1 and 10, and with each other."""
    steps = [record.step for record in records]
    yield Measured(f"{name}: steps that are not there once", _differing(steps, list(range(plan.steps + 1))), 0, 0)
    if not records:
        return
    outputs, targets = list(plan.task.outputs), plan.task.train.targets
    position = np.full(bench.network.edge_count, bench.middle)
    strayed, wrong, off_v = 0, np.zeros(bench.network.edge_count, dtype=np.int64), [0.0]
    for record in records:
        if record.wipers.size:
            strayed += int((record.wipers != position).sum())
        if record is records[-1]:
            break
        position = np.clip(position + record.directions * record.enabled, 0, bench.top)
        nudged, _ = clamp(plan.eta_at(record.step), targets[record.example], record.v_free[outputs], bench.info.source)
        off_v += (record.v_clamped[outputs] - nudged).tolist()
        if plan.detail == "full":
            expected = bench.expected({"free": record.v_free, "clamped": record.v_clamped})
            wrong += (expected != 0) & (record.directions != expected)
    yield Measured(f"{name}: wipers that do not follow from the steps before", strayed, 0, 0)
    accuracy_v = bench.limits.accuracy_v
    yield Measured(f"{name}: clamped outputs off Eq. 1 by", max(off_v, key=abs), -accuracy_v, accuracy_v, "V")
    if plan.detail == "full":
        edge = int(np.argmax(wrong))
        what = f"{name}: wrong directions" + (f", first at edge {edge}" if wrong[edge] else "")
        yield Measured(what, int(wrong.sum()), 0, 0)


def _same(one: Record, other: Record) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("step", *_COMPARED))


def _differing(found: list[Any], wanted: list[Any]) -> int:
    """Count what is missing, too much, or twice."""
    return len(set(found) ^ set(wanted)) + len(found) - len(set(found))
