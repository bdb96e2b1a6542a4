"""Whole plans on a simulated board, in compiled code: one, or thousands at once on all cores."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING

from labnet.controller import Controller
from labnet.errors import LabnetError, NotSupported
from labnet.plan import Continuous, Plan
from labnet.records import Block
from labnet_simulators.engine.ensemble import WIDTHS, Ensemble, Member, kind
from labnet_simulators.voltages import SETTLED

if TYPE_CHECKING:
    from labnet_simulators.board import SimulatedBoard

_BLOCK_S = 0.1  # of real time: how long a chunk of steps runs, so that Ctrl-C and progress are not kept waiting
_FIRST_STEPS = 256


def train(board: "SimulatedBoard", plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
    """Run a plan from step `first` on; the board follows, block by block.

    Raises
    ------
    NotSupported
        Before anything moves, for what the compiled code does not model.
    Diverged, CircuitError
        As the host-paced cycle does, after the block that leads up to it.
    """
    _check(board, plan)
    if start_s is None:
        start_s = board.time_s + plan.slack_s - first * plan.step_period_s
    member = Member(0, plan, board.place(), start_s)
    ensemble = Ensemble(board, [member], first)
    for (block,) in _chunks(ensemble):
        if block.steps > first:
            _follow(board, ensemble, member, 0, block.steps)
        yield block
        if ensemble.went_wrong(0):
            raise _failure(board, member, block)
    controller = Controller(board, plan)  # the measurement at the end leaves its traces too
    controller.start_s = start_s
    controller.end()


def train_many(board: "SimulatedBoard", plans: Sequence[Plan]) -> Iterator[Block]:
    """Run each plan as if alone on a copy of the board; those with the same terminals run as lanes of one kernel."""
    groups: dict[object, list[tuple[Member, SimulatedBoard]]] = defaultdict(list)
    for number, plan in enumerate(plans):
        copy = board.copy()
        try:
            controller = Controller(copy, plan)
            _check(copy, plan)
            start_s = controller.start()
        except NotSupported:
            yield from _host_paced(copy, plan, number)
        except LabnetError as error:
            yield Block(number, 0, [], [], error)
        else:
            groups[kind(plan)].append((Member(number, plan, copy.place(), start_s), copy))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lanes = min(WIDTHS[-1], max(1, -(-sum(map(len, groups.values())) // cores)))
    jobs = []
    for group in groups.values():
        group.sort(key=lambda each: each[0].plan.steps)  # so that the lanes of a job end at about the same time
        jobs += [group[k : k + lanes] for k in range(0, len(group), lanes)]
    yield from _in_parallel(jobs, cores)


def _in_parallel(jobs: list[list[tuple[Member, "SimulatedBoard"]]], cores: int) -> Iterator[Block]:
    """Run jobs on all cores (the kernel leaves the interpreter alone), and give their blocks as they come."""
    blocks: SimpleQueue[list[Block] | BaseException | None] = SimpleQueue()
    stop = Event()

    def work(job: list[tuple[Member, "SimulatedBoard"]]) -> None:
        try:
            ensemble = Ensemble(job[0][1], [member for member, _ in job])
            numbers = {member.number: lane for lane, (member, _) in enumerate(job)}
            for chunk in _chunks(ensemble):
                if stop.is_set():
                    return
                blocks.put([_told(ensemble, job[numbers[block.plan]], block, numbers) for block in chunk])
        except BaseException as error:
            blocks.put(error)
        finally:
            blocks.put(None)

    with ThreadPoolExecutor(cores) as pool:
        for job in sorted(jobs, key=lambda each: -each[-1][0].plan.steps):
            pool.submit(work, job)
        try:
            left = len(jobs)
            while left:
                found = blocks.get()
                if isinstance(found, BaseException):
                    raise found
                left -= found is None
                yield from found or []
        finally:
            stop.set()


def _chunks(ensemble: Ensemble) -> Iterator[list[Block]]:
    """Advance an ensemble to its end, in chunks of about `_BLOCK_S`."""
    steps = _FIRST_STEPS
    while ensemble.running:
        began, first = time.perf_counter(), ensemble.step
        yield ensemble.advance(steps)
        took = time.perf_counter() - began
        done = ensemble.step - first
        if done:
            steps = max(1, min(int(done * _BLOCK_S / max(took, 1e-6)), 8 * steps))


def _told(ensemble: Ensemble, job: tuple[Member, "SimulatedBoard"], block: Block, numbers: dict[int, int]) -> Block:
    """Say in a block why its network went wrong, if it did."""
    member, copy = job
    lane = numbers[member.number]
    if not ensemble.went_wrong(lane):
        return block
    _follow(copy, ensemble, member, lane, block.steps)
    return block._replace(failure=_failure(copy, member, block))


def _failure(board: "SimulatedBoard", member: Member, block: Block) -> LabnetError:
    """Run the step that went wrong at the host's pace: its error says what went wrong."""
    try:
        Controller(board.copy(), member.plan).repeat(block)
    except LabnetError as error:
        return error
    raise AssertionError(f"step {block.steps} went wrong in compiled code, but not at the host's pace")


def _host_paced(copy: "SimulatedBoard", plan: Plan, number: int) -> Iterator[Block]:
    """Run a plan that the compiled code does not model through the board's verbs."""
    controller = Controller(copy, plan)
    controller.start()
    done = 0
    try:
        for block in controller.paced_blocks(0):
            done = block.steps
            yield block._replace(plan=number)
    except LabnetError as error:
        yield Block(number, done, [], [], error)


def _check(board: "SimulatedBoard", plan: Plan) -> None:
    """Refuse what the compiled code does not model."""
    tau_s = board.parts.settling.tau_s
    if plan.rule.name not in board.info.plans:
        raise NotSupported(f"a network of {board.network.edge_count} edges is trained at the host's pace.")
    if tau_s and plan.settle_s <= SETTLED * tau_s:
        raise NotSupported(f"settle_s is {plan.settle_s:g} s; the compiled code takes nodes as settled.")
    if isinstance(plan.rule, Continuous) and board.parts.adc.noise_v:
        raise NotSupported("the compiled code reads without noise where the host decides.")
    if not isinstance(plan.rule, Continuous) and plan.start is None and (board.wipers() < 0).any():
        raise NotSupported("the board stands at resistances, not at wiper positions.")


def _follow(board: "SimulatedBoard", ensemble: Ensemble, member: Member, lane: int, steps: int) -> None:
    """Put the board to where its network is after so many steps."""
    if not steps:
        return
    plan, task = member.plan, member.plan.task
    shown = plan.examples_at(steps - 1)
    began_ns = round((member.start_s + (steps - 1) * plan.step_period_s) * 1e9)
    held = board.voltages.held
    if shown:
        free = board.as_driven(task.held(task.train.inputs[shown[-1]]))
        outputs = dict(zip(task.outputs, ensemble.held_outputs(lane).tolist(), strict=True))
        held = {"free": free, "clamped": free | outputs}
    triggered_ns = began_ns + 2 * round(plan.settle_s * 1e9) * len(shown)
    board.went_on(ensemble.triggers(steps), triggered_ns, ensemble.place(lane), held, ensemble.voltages(lane))
