"""``labnet run``, ``sweep``, ``show``, ``plot``, ``figures``, ``export``, ``demo``."""

import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from labnet.addresses import open_board
from labnet.board import Board
from labnet.calibration import Calibration, applied, newest
from labnet.cli import completion
from labnet.cli.console import app, err, experiments_folder, out, save_figure
from labnet.cli.watch import check_page, start_page
from labnet.errors import ExperimentError, PlanError, SweepError
from labnet.experiment import Experiment
from labnet.files import made_folder
from labnet.runs import Run
from labnet.runs.export import Format
from labnet.sweeps import Over, Sweep
from labnet.sweeps import sweep as run_sweep
from labnet.sweeps.job import COMPLETE
from labnet.training import run_plan

_ROWS = 40  # of a table that somebody reads

RunFile = Annotated[Path, typer.Argument(metavar="RUN", help="A run file.", autocompletion=completion.run_files)]


@app.command()
def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.toml", help="The experiment.", autocompletion=completion.experiments)
    ],
    board: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Use this board instead of the file's.", autocompletion=completion.boards),
    ] = None,
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
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key, e.g. clock.p=0.1; repeatable.",
            autocompletion=completion.settings,
        ),
    ] = None,
    calibrated: Annotated[
        str,
        typer.Option(
            "--calibration",
            metavar="stored|none|FILE",
            help="Use the board as its newest stored calibration says it is, where there is one (a resumed run goes on "
            "with its own); as it is; or by that file.",
        ),
    ] = "stored",
    watched: Annotated[
        bool, typer.Option("--watch", help="Show the run on a page in your browser meanwhile; see labnet watch.")
    ] = False,
) -> None:
    """Run an experiment and log every step.

    Ctrl-C, a kill (with --durable, a power cut) lose nothing committed: the same command with --resume goes on, and on sim://
    and firmware:// ends with the records of an uninterrupted run.

    Example: labnet run experiments/demo.toml --set clock.p=0.1 --out p01.sqlite
    """
    changes = list(change or [])
    if board is not None:
        changes.append(f"board={board}")
    if watched:
        check_page()
    _train(file, changes, path or Path(f"{file.stem}.sqlite"), resume, durable, calibrated, watched)


def _train(
    file: Path,
    changes: list[str],
    path: Path,
    resume: bool = False,
    durable: bool = False,
    calibrated: str = "none",
    watched: bool = False,
) -> None:
    experiment = Experiment.load(file, changes)
    with open_board(experiment.board) as opened:
        try:
            plan = experiment.plan(opened.network)
        except PlanError as error:
            raise ExperimentError(f"{file}: {error}") from None
        try:
            stored = experiment.model_dump(mode="json")
            used = as_calibrated(opened, calibrated, path if resume else None)
            # Kept until the end: the page has a pipe from here. Not where the run is refused because there is one.
            page = start_page(path) if watched and (resume or not path.exists()) else None
            done = run_plan(used, plan, path, experiment=stored, resume=resume, durable=durable)
        except KeyboardInterrupt:
            err.print(
                f"Interrupted. The board is safe, {path} holds every committed step; --resume goes on.", soft_wrap=True
            )
            raise typer.Exit(130) from None
    with done:
        _summary(done)
    if page is not None and sys.stdin.isatty():
        err.print("The page stays while a browser looks at it, and half a minute longer.")


def as_calibrated(board: Board, chosen: str, resumed: Path | None = None) -> Board:
    """Give the board as a calibration says it is, where one is to be used, and say so."""
    if chosen == "none":
        return board
    found: Calibration | Path | None = Path(chosen)
    if chosen == "stored":
        found = newest(board)
        if resumed is not None and resumed.exists():
            with Run.open(resumed) as begun:
                found = begun.calibration
    if found is None:
        return board
    used = applied(board, found)
    made = used.calibration.created
    err.print(f"with the calibration of {made:%Y-%m-%d %H:%M} UTC; --calibration none goes without", soft_wrap=True)
    return used


@app.command()
def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.toml", help="The experiment, with a table [over].", autocompletion=completion.experiments
        ),
    ],
    path: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The directory; by default FILE.sweep, here.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep in DIR, or start it where there is none.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Train in N processes; for boards that are paced by the host. 0: in this one."
        ),
    ] = 0,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key for all points, e.g. steps=100; repeatable.",
            autocompletion=completion.settings,
        ),
    ] = None,
) -> None:
    """Train an experiment at every point of a grid or list; the results are Parquet tables.

    The table [over] of the file says which keys take which values:

    \b
        [over]
        clock.p = [0.1, 0.5, 1.0]
        "task.seed, board.seed" = { range = 50 }

    is all combinations of three p and 50 tasks, each task on a board of its own: 150 points. Each is what 'labnet run'
    gives with those keys set. Ctrl-C or a kill lose no point that is stored: the same command with --resume goes on.

    Example: labnet sweep experiments/sweep16.toml --set steps_p=200 --out short.sweep
    """  # noqa: D301 (an escape that keeps the lines of the table)
    path = path or Path(f"{file.stem}.sweep")
    experiment, over = Experiment.load(file, change or []), Over.load(file)
    if twice := [each for each in change or [] if each.partition("=")[0].strip() in over.names]:
        raise SweepError(f"--set {twice[0]}: the table [over] of {file} goes over that key; change it there.")
    with ExitStack() as stack:
        workers = stack.enter_context(ProcessPoolExecutor(jobs, get_context("spawn"))) if jobs else None
        try:
            done = run_sweep(experiment, over, path=path, executor=workers, resume=resume)
        except KeyboardInterrupt:
            stored = len(Sweep.open(path).frame("points"))
            err.print(
                f"Interrupted. {path} holds {stored:,} of {len(over.values):,} points; the same command with --resume "
                "goes on.",
                soft_wrap=True,
            )
            raise typer.Exit(130) from None
    if _sweep_summary(done, path):
        raise typer.Exit(1)


def _sweep_summary(sweep: Sweep, path: Path) -> int:
    """Print what came of a sweep; gives how many points failed."""
    points, summary = sweep.frame("points"), sweep.summary()
    table = Table(box=None, pad_edge=False)
    for column in summary.columns:
        title = f"{column} error" if column in ("train", "test") else str(column)
        table.add_column(title, justify="right", no_wrap=True)
    for row in summary.head(_ROWS).itertuples(index=False):
        cells = ("" if value != value else f"{value:.4g}" if isinstance(value, float) else f"{value}" for value in row)
        table.add_row(*map(escape, cells))
    out.print(table)
    if len(summary) > _ROWS:
        out.print(f"... and {len(summary) - _ROWS:,} rows more")
    out.print("errors: of the start's, median over the points of a row")
    failed = points[points["status"] != COMPLETE]
    for _, point in failed.head(_ROWS).iterrows():
        where = ", ".join(f"{key} = {point[key]}" for key in sweep.over.columns)
        said = f"point {point['point']} ({where}) failed after step {point['steps']:,}: {point['status']}"
        out.print(said, soft_wrap=True, markup=False)
    if len(failed) > _ROWS:
        out.print(f"... and {len(failed) - _ROWS:,} more failed; see points.parquet")
    for name in ("points", "error", "final"):
        out.print(f"wrote {path / name}.parquet", soft_wrap=True)
    return len(failed)


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
        "task": f"{run.task_kind}: inputs {list(run.task.inputs)}, outputs {list(run.task.outputs)}, "
        f"grounds {list(run.task.grounds)}; {len(run.task.train)} train, {len(run.task.test)} test examples",
        "rule": f"{plan.method}, {plan.clock}" + ("" if plan.batched else f", order {plan.order}"),
        "steps": f"{steps[-1] if len(steps) else 0:,} of {plan.steps:,} ({len(steps):,} records)",
        "calibration": None if run.calibration is None else f"{run.calibration.created:%Y-%m-%d %H:%M} UTC",
        "faults": "; ".join(
            f"{each['kind']}, {each.get('part', 'edge')} {each['index']}: {each['action']}" for each in run.findings
        ),
        "warnings": "\n".join(f"after step {each['step']:,}: {each['text']}" for each in run.warnings),
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


@app.command(context_settings={"allow_extra_args": True})
def plot(
    ctx: typer.Context,
    run: RunFile,
    path: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="PNG, PDF or SVG; by default RUN.png.")
    ] = None,
) -> None:
    """Draw a run: error, wipers, network. 'labnet compare --out' draws several."""
    if ctx.args:
        several = " ".join((str(run), *ctx.args))
        raise typer.BadParameter(f"plot draws one run; 'labnet compare {several} --out PATH' draws several.")
    _draw(run, path or run.with_suffix(".png"))


def _draw(run: Path, path: Path) -> None:
    with Run.open(run) as opened:
        save_figure(opened.plot(), path)


@app.command()
def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help=f"{', '.join(completion.figure_names())}; left out, or all: all.",
            autocompletion=completion.figures,
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to put pictures, numbers and sweeps.")
    ] = Path("figures"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer tasks and steps: minutes, not an hour.")] = False,
) -> None:
    """Make the figures of the paper and of the studies: NAME.png, and NAME.json with numbers, intervals and settings.

    Each comes from experiments/figures/NAME.toml and says what is stated, what was found and whether it holds. The
    paper's are 1b to 4e (docs/reproduction.md), desync-* are of docs/when-desynchrony-helps.md.
    The same command goes on where it was interrupted.
    """
    from labnet.figures import FIGURES, make  # matplotlib takes longer to import than the other commands take to run

    chosen = list(FIGURES) if not names or "all" in names else names
    if unknown := [name for name in chosen if name not in FIGURES]:
        raise ExperimentError(f"no figure is called {', '.join(unknown)}; allowed: all, {', '.join(FIGURES)}.")
    for name in chosen:
        figure = FIGURES[name]
        try:
            made = make(figure, experiments_folder() / "figures" / f"{name}.toml", folder, quick=quick)
        except KeyboardInterrupt:
            err.print(f"Interrupted. {folder} holds what was done; the same command goes on.", soft_wrap=True)
            raise typer.Exit(130) from None
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        table.add_row(f"{name}", f"{made.picture} ({made.seconds:.0f} s)")
        table.add_row("statement", figure.statement)
        for line in made.findings.found:
            table.add_row("found", line)
        table.add_row("verdict", made.findings.verdict)
        out.print(table, "")


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
    path = made_folder(folder) / "demo.sqlite"
    number = 2
    while path.exists():
        path = folder / f"demo-{number}.sqlite"
        number += 1
    _train(experiments_folder() / "demo.toml", [], path)
    _draw(path, path.with_suffix(".png"))
