"""A progress bar for long work: the error so far and the time left, on stderr where somebody looks."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from labnet.plan import Plan
from labnet.records import Errors

_EVERY_S = 0.1


class Progress(NamedTuple):
    """How far a training is: steps done, and the latest measurement (perhaps empty)."""

    steps: int
    errors: list[Errors]


@contextmanager
def progress_bar(plan: Plan, start_costs: dict[str, float], enabled: bool) -> Iterator[Callable[[Progress], None]]:
    """Give a function to call after every step; it draws at most ten times a second.

    Errors are scaled by `start_costs`, else by the first that are shown.
    """
    console = Console(stderr=True)
    in_notebook = console.is_jupyter and find_spec("ipywidgets") is not None
    if not (enabled and (console.is_terminal or in_notebook)):
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("{task.fields[error]}"),
    )
    with RichProgress(*columns, console=console) as bar:
        job = bar.add_task(plan.task.kind, total=plan.steps, error="")
        start = dict(start_costs)
        drawn = 0.0

        def show(progress: Progress) -> None:
            nonlocal drawn
            for measured in progress.errors:
                start.setdefault(measured.set, measured.cost_v2)
            now = time.monotonic()
            if now - drawn < _EVERY_S and progress.steps < plan.steps:
                return
            drawn = now
            texts = [
                f"{measured.set} error {measured.cost_v2 / start[measured.set]:.3g}"
                for measured in progress.errors
                if start[measured.set] > 0
            ]
            bar.update(job, completed=progress.steps, error=", ".join(texts))

        yield show
