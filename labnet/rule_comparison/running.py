"""The front door of comparisons of rules: every rule on every task, each a sweep over seeds."""

import json
import os
import time
from concurrent.futures import Executor
from pathlib import Path

from labnet.errors import RunMismatch
from labnet.files import made_folder, whole_file
from labnet.origin import made_with
from labnet.progress import comparison_bar
from labnet.rule_comparison.comparison import RuleComparison
from labnet.rule_comparison.entries import Entry, read
from labnet.sweeps import Sweep, sweep

_SEEDS = "task.seed, seed"  # the task, and what the rule draws
_DPI = 150


def compare_rules(
    file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    quick: bool = False,
    executor: Executor | None = None,
    progress: bool = True,
) -> RuleComparison:
    """Say which rule learns what, from which measurements, at what cost: each on every task, for as many settlings.

    The file has a board, the number of settlings that every training may take (steps follow from what a step of a rule
    takes), tables ``[tasks.NAME]``, tables ``[rules.NAME]`` with keys of experiments, and above them the keys that all
    share; see docs/experiment-file.md. Each rule on each task is a sweep over seeds, of the task and of what the rule
    draws. A rule that the board cannot do is a row that says so.

    Parameters
    ----------
    file : path
        A TOML file.
    out : path
        Directory: table.csv, comparison.json (all numbers, settings, versions), comparison.png and a sweep for each
        rule and task, which the same call goes on with; quick-... for quick ones.
    quick : bool
        With what the file's table ``[quick]`` changes: fewer seeds and settlings. A file without it is refused.
    executor : concurrent.futures.Executor, optional
        Where rules run that the host paces, as `labnet.sweep` takes it, for example a ProcessPoolExecutor. Left out: in
        this process.
    progress : bool
        Show a progress bar in a terminal or notebook.

    Returns
    -------
    RuleComparison
        `table`, a pandas.DataFrame with a row for each rule and task; `curve(rule, task)`, another, of the error
        against settlings, readings and writes; `verdicts`, sentences; `sweeps`, all trainings.

    Raises
    ------
    ExperimentError
        For a file with a mistake, and for fewer settlings than one step takes.
    RunMismatch
        Where `out` has a sweep with other settings.
    RunInUse, RunNotWritable, WorkerDied
    """
    began = time.monotonic()
    said = read(file, quick)
    folder, before = made_folder(Path(out)), "quick-" if quick else ""
    able = [entry for entry in said.entries if not entry.missing]
    sweeps: dict[tuple[str, str], Sweep] = {}
    with comparison_bar(len(able), progress) as show:
        for done, entry in enumerate(able):
            show(done, f"{entry.rule}, {entry.task}")
            path = folder / f"{before}{entry.task}-{entry.rule}.sweep"
            sweeps[entry.rule, entry.task] = _trained(entry, said.seeds, path, None if entry.compiled else executor)
        show(len(able), "")
    compared = RuleComparison(said, sweeps)
    _write(compared, folder, before, {"quick": quick, "seconds": round(time.monotonic() - began, 1)})
    return compared


def _trained(entry: Entry, seeds: range, path: Path, executor: Executor | None) -> Sweep:
    """Train one rule on one task, or go on with it."""
    try:
        return sweep(entry.experiment, {_SEEDS: seeds}, path=path, executor=executor, resume=True, progress=False)
    except RunMismatch as error:
        raise RunMismatch(
            f"{error} To compare rules with other settings, give --out (out) another directory, or remove that sweep."
        ) from None


def _write(compared: RuleComparison, folder: Path, before: str, how: dict[str, object]) -> None:
    """Write table, numbers and picture."""
    from labnet.rule_comparison.drawing import draw  # matplotlib is slow to import

    with whole_file(folder / f"{before}table.csv") as unfinished:
        compared.table.to_csv(unfinished, index=False)
    with whole_file(folder / f"{before}comparison.json") as unfinished:
        text = json.dumps({**compared.to_dict(), **how, **made_with()}, indent=1, ensure_ascii=False, allow_nan=False)
        unfinished.write_text(text, encoding="utf-8")
    with whole_file(folder / f"{before}comparison.png") as unfinished:
        draw(compared).savefig(unfinished, dpi=_DPI, format="png")
