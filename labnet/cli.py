"""The command line: ``labnet run``, ``boards``, ``show``, ``plot``, ``export``, ``demo``."""

import os
import signal
import sys
import warnings
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from labnet import __version__
from labnet.board import find_boards, open_board
from labnet.errors import ExperimentError, LabnetError, PlanError, RunError
from labnet.experiment import Experiment
from labnet.runs import Run
from labnet.runs.export import Format, whole_file
from labnet.training import run_plan

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_WIDTH = None if sys.stdout.isatty() else 120  # a pipe has no width of its own
out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True)

RunFile = Annotated[Path, typer.Argument(metavar="RUN", help="A run file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"labnet {__version__}")
        raise typer.Exit


@app.callback()
def labnet(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Train twin resistor networks, simulated or on the bench, and look at the runs."""


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The experiment.")],
    board: Annotated[str | None, typer.Option(metavar="URI", help="Use this board instead of the file's.")] = None,
    path: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="The run file; by default FILE.sqlite, here.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run at PATH, or start it where there is none.")
    ] = False,
    durable: Annotated[
        bool, typer.Option("--durable", help="Make every log point survive a power cut too; slower.")
    ] = False,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key, e.g. clock.p=0.1; repeatable."),
    ] = None,
) -> None:
    """Run an experiment and log every step.

    Ctrl-C, a kill (with --durable, a power cut) lose nothing committed: the same command with --resume goes on, and
    ends with the records of an uninterrupted run.

    Example: labnet run experiments/demo.toml --set clock.p=0.1 --out p01.sqlite
    """
    changes = list(change or [])
    if board is not None:
        changes.append(f"board={board}")
    _train(file, changes, path or Path(f"{file.stem}.sqlite"), resume, durable)


def _train(file: Path, changes: list[str], path: Path, resume: bool = False, durable: bool = False) -> None:
    experiment = Experiment.load(file, changes)
    with open_board(experiment.board) as opened:
        try:
            plan = experiment.plan(opened.network)
        except PlanError as error:
            raise ExperimentError(f"{file}: {error}") from None
        try:
            stored = experiment.model_dump(mode="json")
            done = run_plan(opened, plan, path, experiment=stored, resume=resume, durable=durable)
        except KeyboardInterrupt:
            err.print(
                f"Interrupted. The board is safe, {path} holds every committed step; --resume goes on.", soft_wrap=True
            )
            raise typer.Exit(130) from None
    with done:
        _summary(done)


@app.command()
def boards() -> None:
    """List the boards that can be opened here."""
    table = Table(box=None, pad_edge=False)
    table.add_column("address", no_wrap=True)
    table.add_column("what it is")
    for found in find_boards():
        table.add_row(found.address, found.description)
    out.print(table)
    out.print("Options follow ? and are joined by &, for example sim://twin16?preset=lab&seed=3&converters=board")


@app.command()
def show(run: RunFile) -> None:
    """Say what a run is, how far it got and how well it learned."""
    with Run.open(run) as opened:
        _summary(opened)


def _summary(run: Run) -> None:
    plan, meta, steps = run.plan, run.meta, run.steps()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    rows: dict[str, Any] = {
        "run": run.path,
        "title": meta["experiment"].get("title"),
        "status": run.status,
        "board": meta["board"]["address"],
        "network": f"{run.network.name}: {run.network.node_count} nodes, {run.network.edge_count} edges",
        "task": f"{run.task.kind}: inputs {list(run.task.inputs)}, outputs {list(run.task.outputs)}, "
        f"grounds {list(run.task.grounds)}; {len(run.task.train)} train, {len(run.task.test)} test examples",
        "rule": f"{plan.rule.name}, p = {plan.clock.p:g}, "
        f"eta = {plan.eta if isinstance(plan.eta, float) else 'one a step'}, order {plan.order}",
        "steps": f"{steps[-1] if len(steps) else 0:,} of {plan.steps:,} ({len(steps):,} records)",
        "made": f"{meta['created']} by labnet {meta['versions']['labnet']}",
    }
    for key, value in rows.items():
        if value:
            table.add_row(key, str(value))
    out.print(table)
    errors = run.frame("error")
    for name, part in errors.groupby("set", sort=False):
        last = part.iloc[-1]
        accuracy = "" if last["accuracy"] != last["accuracy"] else f", accuracy {last['accuracy']:.1%}"
        second_half = part[part["step"] >= last["step"] / 2]["scaled_error"].median()
        out.print(
            f"{name} error: {second_half:.3g} of the start's (median of the second half; "
            f"{last['scaled_error']:.3g} after step {last['step']:,}){accuracy}"
        )


@app.command()
def plot(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="One run file, or several to compare.")],
    path: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="PNG, PDF or SVG; by default RUN.png, or RUN+RUN.png.")
    ] = None,
) -> None:
    """Draw a run (error, wipers, network), or compare several."""
    from labnet import plots  # matplotlib takes longer to import than the other commands take to run

    path = path or runs[0].with_name("+".join(run.stem for run in runs) + ".png")
    if not path.suffix:
        path = path.with_suffix(".png")
    with ExitStack() as stack:
        opened = [stack.enter_context(Run.open(run)) for run in runs]
        figure = plots.run_figure(opened[0]) if len(opened) == 1 else plots.comparison_figure(opened)
        with whole_file(path) as unfinished:
            try:
                figure.savefig(unfinished, dpi=150)
            except ValueError as error:  # matplotlib's, for an unknown format
                raise RunError(f"{path} cannot be written: {error}.") from None
    out.print(f"wrote {path}", soft_wrap=True)


@app.command()
def export(
    run: RunFile,
    to: Annotated[Format, typer.Option(help="CSV and Parquet: a file a frame. MATLAB .mat: one file.")],
    path: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Directory; by default that of the run.")
    ] = None,
) -> None:
    """Write a run in another format; no file is overwritten."""
    with Run.open(run) as opened:
        for file in opened.export(to, path):
            out.print(f"wrote {file}", soft_wrap=True)


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to put the run and its picture.")
    ] = Path(),
) -> None:
    """Train a simulated 16-edge lab board, and draw the run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.sqlite"
    number = 2
    while path.exists():
        path = folder / f"demo-{number}.sqlite"
        number += 1
    _train(_experiments() / "demo.toml", [], path)
    plot([path])


def _experiments() -> Path:
    """Find the experiments: in the package when installed, beside it in a checkout."""
    shipped = Path(str(files("labnet"))) / "experiments"
    return shipped if shipped.is_dir() else Path(str(files("labnet"))).parent / "experiments"


def _say_warning(message: Warning | str, *_: object) -> None:
    err.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; errors are said in words, without a traceback (LABNET_DEBUG=1 shows it)."""
    warnings.showwarning = _say_warning  # type: ignore[assignment]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves the board as safe as Ctrl-C does
    try:
        app()
    except Exception as error:
        if os.environ.get("LABNET_DEBUG"):
            raise
        said = str(error)
        if not isinstance(error, LabnetError | OSError):
            said = f"{type(error).__name__}: {said} (unexpected; LABNET_DEBUG=1 shows where it comes from)"
        err.print(f"error: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
