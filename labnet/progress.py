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
    """How far a training is: steps done, and the latest measurements (perhaps none)."""

    steps: int
    errors: list[Errors]


@contextmanager
def progress_bar(plan: Plan, start_costs: dict[str, float], enabled: bool) -> Iterator[Callable[[Progress], None]]:
    """Give a function to call after every step; it draws at most ten times a second.

    Errors are scaled by `start_costs`, else by the first that are shown.
    """
    start = dict(start_costs)
    with _bar(plan.task.kind, plan.steps, enabled) as draw:

        def show(progress: Progress) -> None:
            for measured in progress.errors:
                start.setdefault(measured.set, measured.cost_v2)
            draw(progress.steps, lambda: ", ".join(texts(progress)))

        def texts(progress: Progress) -> Iterator[str]:
            latest = {measured.set: measured for measured in progress.errors}  # a block has those of many steps
            for measured in latest.values():
                if start[measured.set] > 0:
                    yield f"{measured.set} error {measured.cost_v2 / start[measured.set]:.3g}"

        yield show


@contextmanager
def sweep_bar(points: int, steps: int, enabled: bool) -> Iterator[Callable[[int, int, int], None]]:
    """Give a function to call with the steps of all points, the points that are done and those that failed."""
    with _bar("sweep", steps, enabled) as draw:

        def show(steps: int, done: int, failed: int) -> None:
            draw(steps, lambda: f"{done:,} of {points:,} points" + (f", {failed:,} failed" if failed else ""))

        yield show


@contextmanager
def comparison_bar(sweeps: int, enabled: bool) -> Iterator[Callable[[int, str], None]]:
    """Give a function to call with the sweeps that are done, and which is next."""
    with _bar("comparison", sweeps, enabled, "sweeps") as draw:
        yield lambda done, following: draw(done, lambda: following)


@contextmanager
def _bar(
    title: str, total: int, enabled: bool, unit: str = "steps"
) -> Iterator[Callable[[int, Callable[[], str]], None]]:
    """Give a function to call with the steps done, and with what says the rest where it is drawn."""
    console = Console(stderr=True)
    in_notebook = console.is_jupyter and find_spec("ipywidgets") is not None
    if not (enabled and (console.is_terminal or in_notebook)):
        yield lambda *_: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("{task.fields[said]}"),
    )
    with RichProgress(*columns, console=console) as bar:
        job = bar.add_task(title, total=total, said="")
        drawn = 0.0

        def draw(steps: int, say: Callable[[], str]) -> None:
            nonlocal drawn
            now = time.monotonic()
            if now - drawn < _EVERY_S and steps < total:
                return
            drawn = now
            bar.update(job, completed=steps, said=say())

        yield draw
