"""The front door: train a task on a board, and log it."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labnet.board import Board
from labnet.controller import Controller
from labnet.interrupts import finish
from labnet.plan import Clock, Plan
from labnet.progress import progress_bar
from labnet.rules import Rule
from labnet.runs import Run, RunWriter
from labnet.tasks import Task


def train(
    board: Board,
    task: Task,
    *,
    steps: int,
    path: str | os.PathLike[str] | None = None,
    clock: Clock | None = None,
    rule: Rule | None = None,
    resume: bool = False,
    durable: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train a task on a board, and log it.

    Parameters
    ----------
    board : Board
    task : Task
    steps : int
        How many triggers.
    path : path, optional
        The run file; never overwritten. None keeps the run in memory.
    clock : GlobalClock or SelfTriggered, optional
        When edges step; all at every trigger by default.
    rule : labnet.rules.Rule, optional
        How a step is decided; by the board's comparators by default.
    resume : bool
        Go on with the run at `path`, or start it where there is none.
    durable : bool
        Make every log point survive a power cut too; slower.
    progress : bool
        Show a progress bar in a terminal or notebook.
    **settings
        The other settings of a `Plan`: optimiser, quantise, eta, order, start, settle_s, period_s, seed, log, detail,
        measure.

    Returns
    -------
    Run
        Opened for reading.

    Raises
    ------
    PlanError, TaskError, BoardError, RunError
        With what was given, what is allowed and what to do; the board is left safe.
    """
    chosen: dict[str, Any] = {"clock": clock, "rule": rule}
    chosen = {key: value for key, value in chosen.items() if value is not None}
    plan = Plan(task=task, steps=steps, **chosen, **settings)
    return run_plan(board, plan, path, resume=resume, durable=durable, progress=progress)


def run_plan(
    board: Board,
    plan: Plan,
    path: str | os.PathLike[str] | None = None,
    *,
    experiment: dict[str, Any] | None = None,
    resume: bool = False,
    durable: bool = False,
    progress: bool = True,
) -> Run:
    """Run a plan on a board, as `train` does; `experiment` is stored with the run."""
    try:
        controller = Controller(board, plan)
        board.set_update_probability(plan.clock.p)  # what the board refuses it is to refuse before there is a file
        with RunWriter(path, board, plan, experiment, resume, durable) as writer:
            if not writer.is_complete():
                with (
                    progress_bar(plan, writer.start_costs(), enabled=progress) as show,
                    _noting_warnings(writer),
                ):
                    controller.run(writer, show)
        return writer.run()
    finally:
        finish(board.safe)


@contextmanager
def _noting_warnings(writer: RunWriter) -> Iterator[None]:
    """Keep what this thread warns of in the run's file, and let it be shown as ever."""
    shown, thread = warnings.showwarning, threading.get_ident()
    noting = True

    def note(message: Warning | str, *words: Any, **more: Any) -> None:
        if noting and threading.get_ident() == thread:
            writer.note_warning(str(message))
        shown(message, *words, **more)

    warnings.showwarning = note
    try:
        yield
    finally:
        noting = False
        if warnings.showwarning is note:  # else a training in another thread began meanwhile, and passes on to it
            warnings.showwarning = shown
