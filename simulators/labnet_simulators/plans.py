"""Whole plans on a simulated board, in compiled code: one, or thousands at once on all cores."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import numpy as np

from labnet.controller import Controller
from labnet.cores import core_count
from labnet.errors import CircuitError, LabnetError, NotSupported, OutOfRange, PlanError
from labnet.optimisers import Plain
from labnet.plan import Plan, SelfTriggered
from labnet.records import Block
from labnet.tasks import Task
from labnet_simulators.engine.ensemble import WIDTHS, Ensemble
from labnet_simulators.engine.members import Member, kind
from labnet_simulators.engine.self_triggered_training import SelfTraining
from labnet_simulators.oscillators import Oscillators
from labnet_simulators.voltages import SETTLED

if TYPE_CHECKING:
    from labnet_simulators.board import SimulatedBoard


Training = Ensemble | SelfTraining

COMPILED = frozenset({"discrete", "continuous", "equilibrium-propagation"})  # names of rules

_CORES = BoundedSemaphore(core_count())  # several boards may be trained at once, each on threads of its own
_BLOCK_S = 0.1  # of real time: how long a chunk of steps runs, so that Ctrl-C and progress are not kept waiting
_FIRST_STEPS = 256


def train(board: "SimulatedBoard", plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
    """Run a plan from step `first` on; the board follows, block by block.

    Raises
    ------
    NotSupported
        Before anything moves, for what the compiled code does not model.
    PlanError
        The same, where the host cannot do it either.
    Diverged, CircuitError
        As the host-paced cycle does, after the block that leads up to it.
    """
    controller = Controller(board, plan)
    _check(board, plan)
    if start_s is None:
        start_s = board.time_s + plan.slack_s - first * plan.step_period_s
    controller.start_s = start_s
    member = Member(0, plan, board.place(), board.bias_v, start_s)
    training = _begin(board, [member], first)
    for (block,) in _chunks(training):
        _follow(board, training, member, 0, first, block.steps)
        if training.went_wrong(0):
            yield block
            raise _failure(board, member, block)
        if block.steps == plan.steps:
            controller.end()  # the measurement at the end leaves its traces on the board too
        yield block


def train_many(board: "SimulatedBoard", plans: Sequence[Plan]) -> Iterator[Block]:
    """Run each plan as if alone on a copy of the board; those with the same terminals run as lanes of one kernel."""
    groups: dict[object, list[tuple[Member, SimulatedBoard]]] = defaultdict(list)
    for number, plan in enumerate(plans):
        copy = board.copy()
        try:
            controller = Controller(copy, plan)
            start_s = controller.start()
        except LabnetError as error:
            yield Block(number, 0, [], [], error)
            continue
        try:
            _check(copy, plan)
        except NotSupported:
            yield from _host_paced(controller, number)
        except LabnetError as error:
            yield Block(number, 0, [], [], error)
        else:
            group: object = number if isinstance(plan.clock, SelfTriggered) else kind(plan)
            groups[group].append((Member(number, plan, copy.place(), copy.bias_v, start_s), copy))
    cores = core_count()
    lanes = min(WIDTHS[-1], max(1, -(-sum(map(len, groups.values())) // cores)))
    jobs = []
    for group in groups.values():
        group.sort(key=lambda each: each[0].plan.steps)  # so that the lanes of a job end at about the same time
        jobs += [group[k : k + lanes] for k in range(0, len(group), lanes)]
    yield from _in_parallel(jobs, cores)


def _in_parallel(jobs: list[list[tuple[Member, "SimulatedBoard"]]], cores: int) -> Iterator[Block]:
    """Run jobs on all cores (the kernel leaves the interpreter alone), and give their blocks as they come.

    The next chunk of a job is computed when its last one was taken: who reads slowly is waited for.
    """
    waiting = map(_told_chunks, sorted(jobs, key=lambda each: -each[-1][0].plan.steps))
    running: dict[Future[list[Block]], Iterator[list[Block]]] = {}

    def go_on(chunks: Iterator[list[Block]]) -> None:
        running[pool.submit(next, chunks, [])] = chunks

    with ThreadPoolExecutor(cores) as pool:  # leaving it, whyever, waits for the chunks that are being computed
        for chunks in islice(waiting, cores):
            go_on(chunks)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chunks, blocks = running.pop(future), future.result()
                if blocks:
                    go_on(chunks)
                elif following := next(waiting, None):
                    go_on(following)
                yield from blocks


def _told_chunks(job: list[tuple[Member, "SimulatedBoard"]]) -> Iterator[list[Block]]:
    """Advance the networks of a job together; gives the blocks of one chunk after the other."""
    training = _begin(job[0][1], [member for member, _ in job], 0)
    lanes = {member.number: lane for lane, (member, _) in enumerate(job)}
    for chunk in _chunks(training):
        yield [_told(training, *job[lanes[block.plan]], lanes[block.plan], block) for block in chunk]


def _begin(board: "SimulatedBoard", members: list[Member], first: int) -> Training:
    if isinstance(members[0].plan.clock, SelfTriggered):
        (member,) = members
        return SelfTraining(board, member, first)
    return Ensemble(board, members, first)


def _chunks(training: Training) -> Iterator[list[Block]]:
    """Advance a training to its end, in chunks of about `_BLOCK_S`."""
    steps = _FIRST_STEPS if isinstance(training, Ensemble) else 1  # a dwell may be long
    while training.running:
        first = training.step
        with _CORES:
            began = time.perf_counter()
            blocks = training.advance(steps)
            took = time.perf_counter() - began
        if done := training.step - first:
            steps = max(1, min(int(done * _BLOCK_S / max(took, 1e-6)), 8 * steps))
        yield blocks


def _told(training: Training, member: Member, copy: "SimulatedBoard", lane: int, block: Block) -> Block:
    """Say in a block why its network went wrong, if it did."""
    if not training.went_wrong(lane):
        return block
    _follow(copy, training, member, lane, 0, block.steps)
    return block._replace(failure=_failure(copy, member, block))


def _failure(board: "SimulatedBoard", member: Member, block: Block) -> LabnetError:
    """Run the step that went wrong at the host's pace: its error says what went wrong."""
    try:
        Controller(board.copy(), member.plan).repeat(block)
    except LabnetError as error:
        return error
    return CircuitError(
        f"step {block.steps} gave voltages that are no numbers in compiled code, but not at the host's pace; please "
        "report it with the run. Every step before it is kept."
    )


def _host_paced(controller: Controller, number: int) -> Iterator[Block]:
    """Run a plan that the compiled code does not model through the board's verbs."""
    done = 0
    try:
        for block in controller.paced_blocks(0):
            done = block.steps
            yield block._replace(plan=number)
    except LabnetError as error:
        yield Block(number, done, [], [], error)


def _check(board: "SimulatedBoard", plan: Plan) -> None:
    """Refuse what the compiled code does not model, and a board that does not stand where the rule moves."""
    tau_s, sets_ohm = board.parts.settling.tau_s, plan.moves == "resistances"
    unsettled = tau_s > 0.0 and plan.settle_s <= SETTLED * tau_s
    alone = plan.clock if isinstance(plan.clock, SelfTriggered) else None
    if isinstance(board.gates, Oscillators) and alone and not board.gates.fires(board.bias_v).any():
        raise OutOfRange(
            f"p is {alone.p:g}, and no oscillator of {board.address} falls through the bias of {board.bias_v:g} V "
            "that it comes to, so no edge would ever step; allowed: a p further from 0 and 1."
        )
    if unsettled and alone and alone.lag_s is not None:
        raise PlanError(
            f"settle_s is {plan.settle_s:g} s; allowed with clock.lag_s: more than {SETTLED * tau_s:g} s, so that "
            "measurements are settled. Edges do not wait for it."
        )
    if plan.masked:
        raise NotSupported("some edges are masked, which is done at the host's pace.")
    if plan.detail != "full":
        raise NotSupported("the compiled code logs in full detail; a short log is made at the host's pace.")
    if isinstance(board.gates, Oscillators) and board.gates.gate.jitter and not alone:
        raise NotSupported("the compiled code has no jitter of oscillators.")
    if plan.rule.name not in board.info.plans:
        raise NotSupported(
            f"a network of {board.network.edge_count} edges, or one with broken parts, is trained at the host's pace."
        )
    if plan.quantise is not None or not isinstance(plan.optimiser, Plain):
        raise NotSupported("the compiled code sets what a rule asks for as it is; the host rounds and optimises.")
    if type(plan.task).wanted is not Task.wanted or not board.info.law.linear:
        raise NotSupported("the compiled code has resistors, and outputs that are wanted one by one.")
    if unsettled:
        raise NotSupported(f"settle_s is {plan.settle_s:g} s; the compiled code takes nodes as settled.")
    if sets_ohm and board.parts.adc.noise_v:
        raise NotSupported("the compiled code reads without noise where the host decides.")
    if sets_ohm == bool((board.wipers() >= 0).any()):
        stands, wanted = ("wipers", "resistances") if sets_ohm else ("resistances", "wipers")
        raise NotSupported(f"the board stands at {stands}, and the rule moves {wanted}; set them first.")
    if not sets_ohm and not np.isfinite(board.conductances_s).all():
        raise NotSupported("a wiper position has no resistance, which only the host's pace refuses in time.")


def _follow(board: "SimulatedBoard", training: Training, member: Member, lane: int, first: int, steps: int) -> None:
    """Put the board to where its network is after so many steps of the plan, `first` of which were done before."""
    if steps == first:
        return
    plan, task = member.plan, member.plan.task
    shown = [plan.examples_at(steps - 1)]
    while not shown[-1] and steps - len(shown) > first:  # batches without an example leave what was held before
        shown.append(plan.examples_at(steps - len(shown) - 1))
    held, nudges = board.voltages.held, board.voltages.nudges
    if shown[-1]:
        free = board.as_driven(task.held(task.train.inputs[shown[-1][-1]]))
        held = {"free": free, "clamped": free | training.held_outputs(lane)}
        nudges = dict(training.nudges(lane))
    board.went_on(
        training.triggers(steps),
        int(member.trigger_ns(steps - 1, steps)[0]),
        training.place(lane),
        held,
        training.voltages(lane),
        training.drives_and_reads,
        nudges,
    )
