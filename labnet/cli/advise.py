"""``labnet advise``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from labnet.addresses import open_board
from labnet.advice import HELPS, Advice, Bench, Setting, Spread, factor_for
from labnet.advice import advise as run_advice
from labnet.board import Board
from labnet.checks import check
from labnet.cli import completion
from labnet.cli.console import app, err, experiments_folder, out
from labnet.cli.experiments import as_calibrated
from labnet.cli.tables import print_line, print_prose
from labnet.errors import ExperimentError, NotACalibration
from labnet.experiment import Experiment
from labnet.files import made_folder, whole_file
from labnet.origin import made_with
from labnet.plan import GlobalClock
from labnet.rules import Discrete
from labnet.tasks import Task

_TASKS, _EDGES, _FEWER = 20, 200, 5  # sampled tasks; beyond so many edges, where each takes seconds, fewer
_KINDS = ("allostery", "regression")  # that are looked at where no task is given
_REGIMES = {
    "no bias": "no bias: no comparator is off, so wipers stay about where they start, and a step of all of them swings "
    "the outputs by what is left. Leaving edges out (p < 1) swings them less, and so do high wipers.",
    "offsets": "offsets: biases have both signs, so some wipers drift to the top and others to the bottom. With one "
    "example and p = 1 edges soon come to rest; else they wander until many are at the bottom, where a step is large. "
    "These errors are rough estimates: tasks differ by a factor of ten.",
    "locked": "locked: where it starts, all edges together swing the outputs by more than sigma. At p = 1 they go up "
    "and down, and wipers stay. p < 1 escapes; so does a start at higher wipers, where a step is smaller.",
    "bias": "bias-limited: sigma sets the floor and p does not matter. Wipers go to the top, but for the few that must "
    "resist. Errors below 0.1 fall as (sigma / eta V)².",
    "step": "step-limited: a step of all edges swings the outputs by more than sigma leaves. p < 1 swings them less.",
}
_LEGEND = (
    "Errors are over those at the start: median and quartiles over tasks. In a check two of three single tasks ended "
    "within a factor of 2 of what was predicted. Lambda locks one example beyond 0.5, several beyond 3."
)


class _Column(NamedTuple):
    """Tasks of one kind, with how they are to be trained."""

    experiment: Experiment
    tasks: Mapping[int, Task]
    start: NDArray[np.float64]


@app.command()
def advise(
    target: Annotated[
        str,
        typer.Argument(
            metavar="URI|FILE.toml",
            help="A board's address, or an experiment.",
            autocompletion=completion.boards_and_experiments,
        ),
    ],
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of the experiment, or of what is planned on the board, e.g. eta=0.5, start=16, "
            "clock.p=0.1, task.outputs=4; repeatable.",
            autocompletion=completion.settings,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--tasks", metavar="N", min=1, help=f"How many are sampled: {_TASKS}, beyond {_EDGES} edges {_FEWER}."
        ),
    ] = None,
    calibrated: Annotated[
        str,
        typer.Option(
            "--calibration",
            metavar="stored|none|FILE",
            help="Go by the board's newest stored calibration, where there is one; by what is said of its parts; or by "
            "that file.",
        ),
    ] = "stored",
    sigma_v: Annotated[
        float | None, typer.Option("--sigma", metavar="VOLTS", help="Take comparators that are off by 0 to this.")
    ] = None,
    error: Annotated[
        float | None,
        typer.Option(metavar="X", help="Say which sigma takes the floor to a scaled error of X, e.g. 0.001."),
    ] = None,
    path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers to FILE, too.")] = None,
) -> None:
    """Say what the discrete rule will do on a board, and which eta, start and p to use. Nothing is driven or moved.

    Two numbers decide: sigma / (eta V), the comparators' bias over the signal, and Lambda, how far one step of all
    edges moves the signals, over sigma. Sigma is the board's measured one where it was calibrated ('labnet
    calibrate'), else that of its simulated parts, or --sigma.

    Of a board, sampled allosteric and regression tasks are looked at, with voltages that its source gives; of an
    experiment, its own task and others like it. docs/when-desynchrony-helps.md says where the numbers come from.

    Example: labnet advise "sim://twin16?preset=lab" --set start=4 --error 0.001
    """
    if target.endswith(".json"):
        raise NotACalibration(
            f"{target}: a calibration does not hold its board's network; give both, as 'labnet advise URI "
            f"--calibration {target}', or an experiment (FILE.toml)."
        )
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a directory; name a file.", param_hint="--json")
    changes, planned = list(change or []), target.endswith(".toml")
    experiment = Experiment.load(target if planned else experiments_folder() / "advise.toml", changes)
    if not planned:
        experiment = experiment.changed({"board": target})
    with open_board(experiment.board) as opened:
        board = as_calibrated(opened, calibrated)
        bench = Bench.of(board, sigma_v)
        many = count or (_TASKS if board.network.edge_count <= _EDGES else _FEWER)
        columns = _of_experiment(board, experiment, many) if planned else _of_board(board, experiment, changes, many)
    found, wanted = {}, {}
    with Progress(TextColumn("predicting"), BarColumn(), console=err, transient=True) as bar:
        done = bar.add_task("", total=sum(len(each.tasks) for each in columns.values()))
        for name, (each, tasks, start) in columns.items():
            found[name] = run_advice(
                bench,
                tasks,
                eta=float(np.max(each.eta)),
                p=each.clock.p,
                start=start,
                tell=lambda: bar.advance(done),
            )
            if error is not None:
                wanted[name] = factor_for(bench, tasks, start, error)
    _print_board(board, bench)
    _print_table(found)
    for regime in dict.fromkeys(each.regime for each in found.values()):
        print_prose(_REGIMES[regime])
    print_prose(_LEGEND)
    _print_remedies(board, found)
    if error is not None:
        for name, factor in wanted.items():
            _print_wanted(name, found[name], factor, error)
    if path is not None:
        made_folder(path.parent)
        with whole_file(path) as unfinished:
            data = {"board": experiment.board, "tasks": {name: _as_data(each) for name, each in found.items()}}
            unfinished.write_text(json.dumps(data | made_with(), indent=1) + "\n", encoding="utf-8")
        print_line(f"wrote {path}")


def _of_board(board: Board, experiment: Experiment, changes: Sequence[str], count: int) -> dict[str, _Column]:
    """Sample tasks of the kind that was asked for, or of several, at the voltages that the board gives."""
    asked = {change.partition("=")[0].strip() for change in changes}
    volts = {} if "task.v_max" in asked else {"task.v_max": board.info.source.v_max}
    kinds = (experiment.task.kind,) if "task.kind" in asked else _KINDS
    each = {kind: experiment.changed({"task.kind": kind} | volts) for kind in kinds}
    return {f"{count} x {kind}": _column(board, each[kind], range(count)) for kind in kinds}


def _of_experiment(board: Board, experiment: Experiment, count: int) -> dict[str, _Column]:
    """Give an experiment's own task, and others like it."""
    own = experiment.task.seed
    return {
        "its task": _column(board, experiment, [own]),
        f"{count} like it": _column(board, experiment, range(own + 1, own + 1 + count)),
    }


def _column(board: Board, experiment: Experiment, seeds: Sequence[int]) -> _Column:
    """Sample tasks, and say where their wipers start.

    Raises
    ------
    ExperimentError
        For a training that the theory is not of.
    """
    for key, fits, what in (
        ("rule.name", isinstance(experiment.rule, Discrete), "'discrete', whose steps comparators decide"),
        ("clock", isinstance(experiment.clock, GlobalClock), "a global clock, {p = 0.5}"),
        ("eta", not isinstance(experiment.eta, tuple), "one number"),
        ("masked", not experiment.masked, "none, all edges step"),
    ):
        if not fits:
            given = experiment.rule.name if key == "rule.name" else str(getattr(experiment, key))
            raise ExperimentError(f"{key} is {given}; allowed for advice: {what}. --set changes it.")
    plans = {seed: experiment.changed({"task.seed": seed}).plan(board.network) for seed in seeds}
    for plan in plans.values():
        check(board, plan)
    start = next(iter(plans.values())).starting_values()
    if start is None:
        start = board.wipers().astype(np.float64)
    if start.min() < 0:  # nobody knows how they stand
        start = np.full(len(start), board.info.wiper_positions // 2)
    return _Column(experiment, {seed: plan.task for seed, plan in plans.items()}, start)


def _print_board(board: Board, bench: Bench) -> None:
    """Say what is known of the board."""
    network, sigma, pot, source = board.network, bench.sigma, bench.pot, board.info.source
    millivolts = 1e3 * sigma.most_v
    low, middle, high = millivolts.min(), np.median(millivolts), millivolts.max()
    apart = f", {low:.3g} to {high:.3g} mV over the edges" if high > 1.001 * low else ""
    print_line(f"{board.address}: {board.info.model}, {network.node_count} nodes, {network.edge_count} edges")
    both = ", of both signs" if sigma.signed else ""
    print_line(f"  sigma   up to {middle:.3g} mV in a typical edge{apart}{both}; {sigma.origin}")
    print_line(f"  wipers  {pot.positions} positions of {pot.step_ohm:.3g} ohm above {pot.wiper_ohm:.3g} ohm")
    print_line(f"  source  {source.v_min:g} to {source.v_max:g} V")
    print_line("")


def _print_table(found: Mapping[str, Advice]) -> None:
    """Print the numbers, a column for each kind of task."""
    table = Table(box=None, pad_edge=False)
    for title in ("", *found):
        table.add_column(title, no_wrap=True)
    columns = [_rows(each) for each in found.values()]
    for name in columns[0]:
        table.add_row(name, *(rows[name] for rows in columns))
    out.print(table, "")


def _rows(advice: Advice) -> dict[str, str]:
    """Say the numbers of one column."""
    planned, apart, best = advice.planned, advice.desynchronous, advice.best
    ends = advice.outlooks[best]
    return {
        "V": f"{advice.signal_v:.3g} V",
        "sigma / (eta V)": f"{advice.share:.2g}",
        "Lambda at the start": _spread(Spread.over(advice.lock)),
        "regime": advice.regime,
        "  locked at p = 1": f"{advice.locked.sum()} of {len(advice.locked)} tasks",
        "as planned": _setting(planned),
        "  error, p = 1": _spread(Spread.over(advice.outlooks[planned._replace(p=1.0)].scaled)),
        "  error, p < 1": _spread(Spread.over(advice.outlooks[apart].scaled)),
        "  does p < 1 help?": _helps(advice),
        "to use": _setting(best),
        "  error": _spread(Spread.over(ends.scaled)),
        "  error, rms": f"{_rounded(1e3 * float(np.median(ends.error_v)))} mV",
        "  triggers": f"about {_rounded(ends.steps_p / best.p)}" if ends.steps_p else "few, wipers stay",
    }


def _spread(values: Spread) -> str:
    if values.low == values.high:
        return f"{values.median:.2g}" if values.median < np.inf else "infinite"
    return f"{values.median:.2g} ({values.low:.2g} to {values.high:.2g})"


def _setting(setting: Setting) -> str:
    return f"eta = {setting.eta:g}, start {setting.start}, p = {setting.p:g}"


def _helps(advice: Advice) -> str:
    gain, p = advice.gain.median, advice.desynchronous.p
    if 1 / HELPS < gain < HELPS:
        return f"no, the same at p = {p:g}"
    said = f"yes, {_rounded(gain)} x lower" if advice.helps else f"no, {_rounded(1 / gain)} x higher"
    return f"{said} at p = {p:g}"


def _rounded(value: float) -> str:
    """Write a factor with two digits."""
    return f"{float(f'{value:.2g}'):,g}"


def _print_remedies(board: Board, found: Mapping[str, Advice]) -> None:
    """Say what would lower sigma / (eta V)."""
    advice = next(iter(found.values()))
    range_v = board.info.source.v_max - board.info.source.v_min
    remedies = {"eta = 1": 1 / advice.planned.eta, f"inputs up to {range_v:g} V": range_v / advice.signal_v}
    able = [f"{name}: {_rounded(factor)} times smaller" for name, factor in remedies.items() if factor > 1.1]
    if able and advice.regime != "no bias":
        print_prose(f"What makes sigma / (eta V) smaller: {'; '.join(able)}.")


def _print_wanted(name: str, advice: Advice, factor: float, error: float) -> None:
    """Say what takes the floor to an error."""
    share = factor * advice.share * advice.planned.eta
    print_prose(
        f"{name}: a floor of {error:g} takes sigma / (eta V) = {share:.2g}, {factor:.2g} times what it is at eta = 1: "
        f"sigma of {1e3 * share * advice.signal_v:.2g} mV at these {advice.signal_v:.3g} V."
    )


def _as_data(advice: Advice) -> dict[str, Any]:
    """Give the numbers as JSON takes them."""
    return {
        "regime": advice.regime,
        "signal_v": advice.signal_v,
        "sigma_over_eta_v": advice.share,
        "locked": int(advice.locked.sum()),
        "lock": Spread.over(np.minimum(advice.lock, 1e9)),
        "floor": Spread.over(advice.floor),
        "gain_of_p_below_1": advice.gain,
        "helps": advice.helps,
        "planned": advice.planned._asdict(),
        "best": advice.best._asdict(),
        "settings": [
            each._asdict()
            | {
                "scaled_error": Spread.over(outlook.scaled),
                "error_v": Spread.over(outlook.error_v),
                "steps_p": outlook.steps_p,
            }
            for each, outlook in advice.outlooks.items()
        ],
    }
