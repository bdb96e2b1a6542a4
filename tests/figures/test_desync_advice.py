"""The check of advice: what settings are drawn, how predictions are counted, and the verdict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import labnet
from labnet.advice import Advice, Bench, Outlook, Setting
from labnet.experiment import Experiment
from labnet.figures import FIGURES, make
from labnet.figures.desync_advice import Checked, Settings, drawn, find
from labnet.figures.figure import settings

FILE = Path(__file__).parents[2] / "experiments" / "figures" / "desync-advice.toml"
BOARD = "sim://twin16?preset=ideal&sigma=redrawn&sigma_max_v=0.01"
LOW, APART, HIGH = Setting(1.0, "4", 1.0), Setting(1.0, "4", 0.3), Setting(1.0, "120", 1.0)


def said(errors: dict[Setting, float]) -> Advice:
    """Say of four tasks that a setting ends at an error, from the low start."""
    found = {each: Outlook(np.full(4, error), np.full(4, error), 10.0) for each, error in errors.items()}
    others = {APART._replace(p=p): Outlook(np.ones(4), np.ones(4), 10.0) for p in (0.5, 0.1)}
    with labnet.open_board(BOARD) as board:
        bench = Bench.of(board)
    return Advice(bench, 5.0, "locked", np.ones(4), np.ones(4, np.bool_), np.zeros(4), LOW, HIGH, others | found)


def checked(predicted: dict[Setting, float], trained: dict[Setting, float]) -> Checked:
    experiment = Experiment(board=BOARD, task={"kind": "allostery"}, steps=9, start=4)
    advice = said(predicted)
    return Checked(experiment, advice, advice, {each: np.full(8, error) for each, error in trained.items()})


def test_settings_are_the_same_each_time_and_within_their_ranges() -> None:
    asked = Settings(**settings(FILE))
    experiments = list(drawn(asked))
    assert experiments == list(drawn(asked))
    assert len(experiments) == asked.settings
    assert {each.task.kind for each in experiments} == set(asked.among.kinds)
    for each in experiments:
        assert isinstance(each.eta, float)
        assert asked.among.eta[0] <= each.eta <= asked.among.eta[1]
    assert len({each.board for each in experiments}) == asked.settings
    assert list(drawn(asked.model_copy(update={"seed": asked.seed + 1}))) != experiments


def test_trainings_as_predicted_hold() -> None:
    errors = {LOW: 0.3, APART: 0.01, HIGH: 0.008}
    right = checked(errors, errors)
    findings = find([right, right])
    assert findings.verdict == "holds"
    assert findings.numbers["within_2"] == {"medians": 1.0, "single_tasks": 1.0}
    assert findings.numbers["helps"]["said yes, found yes"] == 2
    assert findings.numbers["followed"].value == pytest.approx(0.3 / 0.008)


def test_what_is_wrong_is_counted() -> None:
    errors = {LOW: 0.3, APART: 0.01, HIGH: 0.008}
    useless = checked(errors, {LOW: 0.3, APART: 0.3, HIGH: 0.9})
    findings = find([checked(errors, errors), useless])
    assert findings.verdict == "does not hold"
    assert findings.numbers["helps"] == {
        "said yes, found yes": 1,
        "said yes, found no": 1,
        "said no, found yes": 0,
        "said no, found no": 0,
    }
    assert findings.numbers["worse_when_followed"] == [BOARD]
    assert findings.numbers["within_2"]["medians"] == pytest.approx(4 / 6)


def test_single_tasks_are_held_beside_their_own_trainings() -> None:
    one = checked({LOW: 0.3, APART: 0.01, HIGH: 0.008}, {LOW: 0.2})
    own = np.array([0.1, 0.2, 0.3, 0.4])
    outlook = Outlook(own, own, 10.0)
    one = one._replace(single=replace(one.single, outlooks={LOW: outlook}), trained={LOW: np.arange(8) / 10})
    np.testing.assert_allclose(one.single_pairs(), np.stack([own, np.arange(4) / 10], axis=1))


@pytest.mark.slow
def test_it_is_made_quickly(tmp_path: Path) -> None:
    made = make(FIGURES["desync-advice"], FILE, tmp_path, quick=True, progress=False)
    assert made.picture.stat().st_size > 10_000
    numbers = made.findings.numbers
    assert len(numbers["settings"]) == sum(numbers["helps"].values()) == 6
    assert numbers["helps"]["said yes, found no"] <= 1
    assert numbers["followed"].value > 1.5
    assert numbers["within_2"]["single_tasks"] > 0.4
