"""What came of a comparison of rules: curves, a table, and what it says in words."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from labnet.rule_comparison.entries import Entry, RuleFile
from labnet.rules import Costs, Needs
from labnet.sweeps import Sweep
from labnet.sweeps.job import COMPLETE
from labnet.tasks.task import ExampleSet

_SPENT = Costs._fields
_COLUMNS = (
    *("task", "rule", "name", *Needs._fields, "missing", "steps", *_SPENT),
    *("train", "train_low", "train_high", "test", "accuracy"),
    *(*(f"{name}_learned" for name in _SPENT), "seeds", "failed", "why"),
)
_QUARTILES = (0.25, 0.75)
_SHOWN = ("task", "rule", "train", "test", "settlings_learned", "readings_learned", "failed", "missing")


class RuleComparison:
    """Rules side by side on some tasks; `labnet.compare_rules` makes one.

    `table` has the numbers as a pandas frame, `verdicts` says them in words, and `curve` gives the error of a rule on a
    task against what it took. Errors are scaled errors: medians over seeds, and quartiles, each a seed's. A training
    that failed (it diverged) counts as worse than all others.

    Attributes
    ----------
    file : RuleFile
        What was compared.
    sweeps : dict of (str, str) to Sweep
        The trainings by rule and task, where the board can do that rule.
    """

    def __init__(self, file: RuleFile, sweeps: Mapping[tuple[str, str], Sweep]) -> None:
        self.file, self.sweeps = file, dict(sweeps)

    def __repr__(self) -> str:
        """Give the table, with the columns that say most."""
        said = f"{self.sized_title}; .table has {len(_COLUMNS)} columns:"
        return f"{said}\n{self.table[list(_SHOWN)].to_string(index=False, max_colwidth=40, na_rep='-')}"

    @property
    def sized_title(self) -> str:
        """The title of the file, and how many seeds and settlings."""
        seeds, settlings = len(self.file.seeds), self.file.settlings
        size = f"{seeds} seed{'s' * (seeds > 1)}, {settlings:,} settlings a training"
        return f"{self.file.title}: {size}" if self.file.title else size

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, in the order of the file."""
        return tuple(dict.fromkeys(entry.task for entry in self.file.entries))

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules, in the order of the file."""
        return tuple(dict.fromkeys(entry.rule for entry in self.file.entries))

    def curve(self, rule: str, task: str, set: ExampleSet = "train") -> pd.DataFrame:  # noqa: A002 (as in frames)
        """Give the scaled error of a rule on a task against what it took.

        Returns
        -------
        pandas.DataFrame
            step; settlings, readings, writes (of batches that are drawn, the median); median, low, high (first and
            third quartile over seeds; inf where that training failed). Empty where there is no such set.
        """
        sweep = self.sweeps[rule, task]
        points, errors = sweep.frame("points"), sweep.frame("error")
        failed = points["point"][points["status"] != COMPLETE]
        errors = errors[errors["set"] == set]
        whole = errors[~errors["point"].isin(failed)]
        reached = whole if len(whole) else errors  # how far any came: for what it took
        spent = reached.groupby("step")[list(_SPENT)].median()
        table = whole.pivot(index="step", columns="point", values="scaled_error").reindex(spent.index)
        samples = np.hstack([table.to_numpy(dtype=np.float64), np.full((len(table), len(failed)), np.inf)])
        median = np.median(samples, axis=1) if len(table) else []
        low, high = np.quantile(samples, _QUARTILES, axis=1, method="inverted_cdf") if len(table) else ([], [])
        return spent.assign(median=median, low=low, high=high).reset_index()

    @cached_property
    def table(self) -> pd.DataFrame:
        """How each rule did on each task, a row each, task by task.

        Columns: task, rule, name (the rule's own); nudge, both_twins, reads, moves, linear (its needs); missing (what
        the board does not have of them, else ""); steps, settlings, readings, writes (of a whole training); train,
        train_low, train_high, test (median and quartiles of scaled errors at the end, NaN without such a set), accuracy
        (median); settlings_learned, readings_learned, writes_learned (when the median error is first at what counts as
        learned, NaN where it never is); seeds, failed (how many), why (the first did).
        """
        return pd.DataFrame([self._row(entry) for entry in self.file.entries], columns=_COLUMNS)

    def _row(self, entry: Entry) -> dict[str, Any]:
        experiment = entry.experiment
        row: dict[str, Any] = {"task": entry.task, "rule": entry.rule, "name": experiment.rule.name}
        row |= {
            **entry.needs._asdict(),
            "nudge": entry.needs.nudge or "none",
            "missing": entry.missing,
            "steps": experiment.triggers,
        }
        row |= {name: cost * experiment.triggers for name, cost in entry.per_step._asdict().items()}
        if entry.missing:
            return row | {"why": ""}
        sweep = self.sweeps[entry.rule, entry.task]
        points, errors = sweep.frame("points"), sweep.frame("error")
        failed = points[points["status"] != COMPLETE]
        train, test = (self.curve(entry.rule, entry.task, name) for name in ("train", "test"))
        ends = train[["median", "low", "high"]].iloc[-1].tolist()
        row |= dict(zip(("train", "train_low", "train_high"), ends, strict=True))
        row["test"] = test["median"].iloc[-1] if len(test) else np.nan
        row["accuracy"] = errors[~errors["point"].isin(failed["point"])].groupby("point")["accuracy"].last().median()
        learned = train[train["median"] <= entry.learned]
        row |= {f"{name}_learned": learned[name].iloc[0] if len(learned) else np.nan for name in _SPENT}
        why = failed["status"].iloc[0] if len(failed) else ""
        return row | {"seeds": len(points), "failed": len(failed), "why": why}

    def learned(self, task: str) -> float:
        """Give the scaled error at which a task counts as learned."""
        return next(entry.learned for entry in self.file.entries if entry.task == task)

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """Which rules learn what, and at what cost: sentences computed from the table."""
        lines = [line for task in self.tasks for line in self._verdict(task)]
        if len(self.tasks) > 1:
            learned = self.table.groupby("rule", sort=False)["settlings_learned"].count()
            everything = "; ".join(learned.index[learned == len(self.tasks)])
            tasks = "both" if len(self.tasks) == 2 else f"all {len(self.tasks)}"
            lines.append(f"{tasks} tasks are learned by: {everything}" if everything else f"no rule learns {tasks}")
        return tuple(lines)

    def _verdict(self, task: str) -> Iterator[str]:
        rows = self.table[self.table["task"] == task].set_index("rule")
        able = rows[rows["missing"] == ""]
        if able.empty:
            yield f"{task}: no rule can be trained, see what is missing"
            return
        learned = able[able["settlings_learned"].notna()].sort_values("settlings_learned", kind="stable")
        others = able[able["settlings_learned"].isna()]
        said = f"{task}: {len(learned)} of {len(able)} rules learn it within {self.file.settlings:,} settlings"
        if len(others):
            said += f"; these end at: {_listed(others['train'])}"
        yield said
        outputs = learned[learned["reads"] == "outputs"]["settlings_learned"]
        if len(outputs):
            yield f"{task}, settlings of rules that read outputs alone: {_listed(outputs)}"
        if len(learned):
            least = {what: learned[f"{what}_learned"] for what in _SPENT}
            best = (f"{what}: {_listed(spent[spent == spent.min()])}" for what, spent in least.items())
            yield f"{task}, fewest {'; '.join(best)}"

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as JSON takes them; None stands for what there is not."""
        curves = [
            {"rule": rule, "task": task, "set": name, **_plain(self.curve(rule, task, name).to_dict("list"))}
            for rule, task in self.sweeps
            for name in ("train", "test")
        ]
        return {
            "title": self.file.title,
            "settings": self.file.settings,
            "verdicts": list(self.verdicts),
            "table": [_plain(row) for row in self.table.to_dict("records")],
            "curves": [curve for curve in curves if curve["step"]],
        }


def _listed(numbers: "pd.Series[float]") -> str:
    """Say rules and a number of each."""
    return ", ".join(f"{rule} ({_said(number)})" for rule, number in numbers.items())


def _said(number: float) -> str:
    if np.isinf(number):
        return "failed"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _plain(values: Any) -> Any:
    """Give numbers that are none as None."""
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_plain(value) for value in values]
    if isinstance(values, np.generic):
        values = values.item()
    return None if isinstance(values, float) and not np.isfinite(values) else values
