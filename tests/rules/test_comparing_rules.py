"""A comparison of rules says what its trainings say, goes on where it was, and has a row for what cannot be done."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import labnet
from labnet.errors import ExperimentError, RunMismatch
from labnet.rule_comparison import RuleComparison
from labnet.rule_comparison.entries import read

SETTLINGS = 160
FILE = f"""title = "small"
board = "sim://twin16?preset=ideal"
settlings = {SETTLINGS}
seeds = 3
learned.regression = 0.1
measure = {{ per_decade = 5 }}

[tasks.allostery]
kind = "allostery"

[tasks.regression]
kind = "regression"
train = 3
test = 2

[rules.coupled]
rule = {{ name = "continuous", gamma = 0.1 }}
eta = 0.1
tasks.regression.rule.gamma = 0.05

[rules."finite differences"]
rule = {{ name = "finite-differences", gamma = 0.3 }}

[rules."too fast"]
rule = {{ name = "continuous", gamma = 1e4 }}

[rules.lab]
board = "sim://twin16?preset=lab"
rule = {{ name = "continuous", gamma = 0.1 }}
tasks.regression.quantise = "nearest"

[quick]
seeds = 1
"""


def compared(folder: Path, text: str = FILE, **options: Any) -> RuleComparison:
    (folder / "rules.toml").write_text(text)
    return labnet.compare_rules(folder / "rules.toml", folder / "out", progress=False, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared")


@pytest.fixture(scope="module")
def made(folder: Path) -> RuleComparison:
    return compared(folder)


def test_every_training_has_as_many_steps_as_there_are_settlings_for(made: RuleComparison) -> None:
    steps = made.table.set_index(["task", "rule"])["steps"]
    assert (steps[:, "coupled"] == SETTLINGS // 2).all()
    assert (steps[:, "finite differences"] == SETTLINGS // 32).all()
    for (rule, task), sweep in made.sweeps.items():
        errors = sweep.frame("error")
        assert errors["settlings"].max() <= SETTLINGS
        assert rule == "too fast" or errors["step"].max() == steps[task, rule]


def test_a_training_is_the_run_of_that_experiment_and_counts_the_same_costs(made: RuleComparison) -> None:
    for entry in made.file.entries:
        if entry.rule not in ("coupled", "finite differences"):
            continue
        experiment = entry.experiment.changed({"task.seed": 2, "seed": 2})
        with labnet.open_board(experiment.board) as board:
            run = labnet.run_plan(board, experiment.plan(board.network), progress=False)
        alone = run.frame("error")
        run.close()
        errors = made.sweeps[entry.rule, entry.task].frame("error")
        for column in ("scaled_error", "settlings", "readings", "writes"):
            np.testing.assert_array_equal(errors[errors["task.seed"] == 2][column], alone[column])
        spent = entry.per_step.settlings * alone["step"], entry.per_step.readings * alone["step"]
        np.testing.assert_array_equal(alone[["settlings", "readings"]].T, spent)


def test_the_table_is_of_the_median_seed(made: RuleComparison) -> None:
    for row in made.table[made.table["failed"] == 0].to_dict("records"):
        errors = made.sweeps[row["rule"], row["task"]].frame("error")
        train = errors[errors["set"] == "train"].sort_values(["point", "step"])
        seeds = np.sort(train["scaled_error"].to_numpy().reshape(3, -1), axis=0)
        assert [row["train_low"], row["train"], row["train_high"]] == seeds[:, -1].tolist()
        learned = np.flatnonzero(seeds[1] <= (0.1 if row["task"] == "regression" else 0.01))
        spent = train["settlings"].to_numpy()[learned[0]] if len(learned) else np.nan
        np.testing.assert_equal(row["settlings_learned"], spent)
        assert (row["test"] > 0) == (row["task"] == "regression")
    done = made.table[made.table["failed"] == 0]["settlings_learned"]
    assert done.notna().any()
    assert done.isna().any()


def test_verdicts_name_who_learned_and_who_did_not(made: RuleComparison) -> None:
    table = made.table[made.table["missing"] == ""]
    for task in made.tasks:
        missed = next(line for line in made.verdicts if line.startswith(f"{task}: ")).partition("; these end at: ")[2]
        for row in table[table["task"] == task].to_dict("records"):
            assert (f"{row['rule']} (" in missed) == np.isnan(row["settlings_learned"])


def test_what_is_written_holds_all_numbers(made: RuleComparison, folder: Path) -> None:
    stored, numbers = pd.read_csv(folder / "out" / "table.csv"), made.table.select_dtypes("number")
    pd.testing.assert_frame_equal(stored[numbers.columns], numbers, check_dtype=False)
    written = json.loads((folder / "out" / "comparison.json").read_text())
    assert written["settings"]["tasks"]["regression"]["train"] == 3
    assert written["versions"]["labnet"]
    assert len(written["curves"]) == 11  # of seven sweeps; allostery has no test set
    assert [row["train"] for row in written["table"]] == made.table["train"].map(
        lambda error: error if np.isfinite(error) else None
    ).replace(np.nan, None).tolist()
    assert (folder / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_call_goes_on_and_trains_what_was_added(made: RuleComparison, folder: Path) -> None:
    kept = folder / "out" / "allostery-coupled.sweep" / "points.parquet"
    before = kept.stat().st_mtime_ns
    added = FILE.replace("[quick]", '[rules.clamped]\nrule = { name = "continuous", gamma = 0.01 }\n\n[quick]')
    both = compared(folder, added)
    assert kept.stat().st_mtime_ns == before
    assert both.rules == (*made.rules, "clamped")
    pd.testing.assert_frame_equal(
        both.table[both.table["rule"] != "clamped"].reset_index(drop=True), made.table, check_dtype=False
    )
    with pytest.raises(RunMismatch, match=r"allostery-coupled.*gamma.*another directory"):
        compared(folder, FILE.replace("gamma = 0.1 ", "gamma = 0.2 "))
    quick = compared(folder, quick=True)
    assert set(quick.table["seeds"].dropna()) == {1}
    assert (folder / "out" / "quick-table.csv").exists()


def test_a_rule_that_the_board_cannot_do_is_a_row_that_says_so(made: RuleComparison) -> None:
    rows = made.table[made.table["rule"] == "lab"].set_index("task")
    assert "wipers only" in rows.loc["allostery", "missing"]
    assert np.isnan(rows.loc["allostery", "train"])
    assert rows.loc["regression", "missing"] == ""
    assert 0 < rows.loc["regression", "train"] < np.inf


def test_of_an_even_number_of_seeds_the_median_is_between_the_two_in_the_middle(made: RuleComparison) -> None:
    errors = made.sweeps["coupled", "allostery"].frame("error")
    ends = errors[errors["task.seed"] < 2].groupby("task.seed")["scaled_error"].last()

    class Two:
        def frame(self, what: str) -> pd.DataFrame:
            frame = made.sweeps["coupled", "allostery"].frame(what)  # type: ignore[call-overload]
            return frame[frame["task.seed"] < 2]

    two = RuleComparison(made.file, {("coupled", "allostery"): Two()})  # type: ignore[dict-item]
    assert two.curve("coupled", "allostery")["median"].iloc[-1] == ends.mean()


def test_a_rule_that_diverges_is_counted_as_worst(made: RuleComparison) -> None:
    row = made.table[made.table["rule"] == "too fast"].iloc[0]
    assert (row["failed"], row["train"]) == (3, np.inf)
    assert "resistances to zero" in row["why"]
    assert np.isnan(row["settlings_learned"])
    assert np.isinf(made.curve("too fast", "allostery")["median"]).all()
    assert any("too fast (failed)" in line for line in made.verdicts)


def test_it_shows_its_table_and_how_much_was_trained(made: RuleComparison) -> None:
    assert repr(made).startswith("small: 3 seeds, 160 settlings a training")
    assert made.verdicts[-1].startswith(("both tasks are learned by: ", "no rule learns both"))
    assert all(rule in repr(made) for rule in made.rules)


def test_a_file_without_quick_has_no_quick_one(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"rules.toml has no table \[quick\]"):
        compared(tmp_path, FILE.partition("[quick]")[0], quick=True)


def test_a_board_that_can_do_none_of_them_says_so(tmp_path: Path) -> None:
    text = FILE.replace("preset=ideal", "preset=lab").replace('tasks.regression.quantise = "nearest"', "")
    found = compared(tmp_path, text)
    assert not found.sweeps
    assert (found.table["missing"] != "").all()
    assert found.table["train"].isna().all()
    assert found.verdicts[0] == "allostery: no rule can be trained, see what is missing"
    assert (tmp_path / "out" / "comparison.png").exists()


def test_a_rule_may_have_a_title_of_its_own(tmp_path: Path) -> None:
    text = FILE.replace('[rules."too fast"]', '[rules."too fast"]\ntitle = "far too fast"')
    (tmp_path / "rules.toml").write_text(text)
    titles = {entry.rule: entry.experiment.title for entry in read(tmp_path / "rules.toml").entries}
    assert titles == dict.fromkeys(titles, "small") | {"too fast": "far too fast"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gamma = 0.1", "gama = 0.1", r"line 17: rules.coupled.rule.gama is not a known key; .*"),
        ("eta = 0.1", "eta = 1.5", r"line 18: rules.coupled.eta is 1.5; allowed: a number above 0"),
        ("= 0.05", "= -1", r"line 19: rules.coupled.tasks.regression.rule.gamma is -1; allowed"),
        (
            "finite-differences",
            "finite-diferences",
            r"line 22: rules.finite differences.rule.name is 'finite-dif.*'cont",
        ),
        ("train = 3", "train = 0", r"line 13: tasks.regression.train is 0; allowed: a whole number"),
        ('kind = "allostery"', "", r"line 8: tasks.allostery.kind is missing; allowed: 'allostery'"),
        (
            "tasks.regression.rule",
            "tasks.regresion.rule",
            r"line 19: rules.coupled.tasks.regresion is of no task; allowed",
        ),
        ("seeds = 3", "seeds = 0", r"line 4: seeds is 0; allowed: how many"),
        ("seeds = 3", "seeds = [5, 5]", r"line 4: seeds is not possible; allowed: a seed or more"),
        ("seeds = 3", "steps = 9", r"line 4: steps is not taken here: steps follow from settlings"),
        ("seeds = 3", "seed = 3", r"line 4: seed is not taken here: .*seeds is of all"),
        (
            "learned.regression = 0.1",
            "learned.regression = -1",
            r"line 5: learned is -1; allowed: a number above 0",
        ),
        ("[quick]", "[[quick]]", r"quick is \[\{'seeds': 1\}\]; allowed: a table"),
        ("[rules.coupled]", "[rule.coupled]", r"line 16: rule.coupled .*did you mean \[rules.coupled\]\?$"),
        ("measure", "mesure", r"line 6: mesure is not a known key; .*Did you mean measure"),
        (f"settlings = {SETTLINGS}", "", r"settlings is missing; give a whole number"),
        (
            f"settlings = {SETTLINGS}",
            "settlings = 31",
            r"finite differences on task allostery: settlings is 31.*takes 32",
        ),
        ("learned.regression", "learned.regresion", r"line 5: learned.regresion is of no task; allowed: allostery"),
        ('[rules."finite differences"]', '[rules."a/b"]', r"line 21: rules.a/b is not possible; allowed: names of"),
    ],
)
def test_a_mistake_is_said_with_line_and_what_is_allowed(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert FILE.count(old) >= 1
    with pytest.raises(ExperimentError, match=rf"rules\.toml.*{said}"):
        compared(tmp_path, FILE.replace(old, new, 1))
    assert not (tmp_path / "out").exists()
