"""That the study of settings says what was planted, and trains what its file says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labnet.errors import ExperimentError
from labnet.figures import FIGURES, Findings, make
from labnet.figures.desync import by_setting
from labnet.figures.desync_settings import Measured, find, measure
from labnet.figures.figure import settings

FILE = Path(__file__).parents[2] / "experiments" / "figures" / "desync-settings.toml"
TINY = settings(FILE) | {"tasks": 3, "p": [0.5, 1.0], "steps_p": 10, "groups": ["comparator"]}


def said(gains: dict[str, float], locks: dict[str, float]) -> Findings:
    """Plant errors of 40 tasks whose error at p = 1 is that many times larger."""
    rng = np.random.default_rng(3)
    rows = [
        {
            "base": "A",
            "setting": name,
            "task.seed": task,
            "clock.p": p,
            "scaled_error": error * (gain if p == 1.0 else 1),
        }
        for name, gain in gains.items()
        for task, error in enumerate(rng.lognormal(size=40))
        for p in (0.1, 1.0)
    ]
    return find(
        Measured(by_setting(pd.DataFrame(rows), ("base", "setting")), {("A", k): v for k, v in locks.items()}, {}, ())
    )


def test_gains_where_lambda_says_so_and_nowhere_else() -> None:
    locks = {"base": 4.0, "free": 0.1, "none": np.inf}
    right = said({"base": 20.0, "free": 1.0, "none": 3.0}, locks)
    assert right.verdict == "holds"
    assert right.numbers["A"]["base"]["by_p"]["0.1"]["gain"][0] == pytest.approx(20.0)
    json.dumps(right.numbers, allow_nan=False)
    reversed_ = said({"base": 20.0, "free": 1.0, "none": 0.1}, locks)
    assert reversed_.verdict == "holds in part"
    assert "surely higher at none (0.1" in reversed_.found[0]
    assert said({"base": 1.0, "free": 20.0, "none": 1.0}, locks).verdict == "does not hold"


def test_every_change_is_trained_from_its_bases() -> None:
    made = measure(TINY)
    assert set(made.locks) == set(zip(made.errors["base"], made.errors["setting"], strict=True))
    assert made.locks["C: from 64, σ ≤ 1 mV", "base"] == pytest.approx(50 * made.locks["B: from 64, σ ≤ 50 mV", "base"])
    assert np.isinf(made.locks["A: from 4, σ ≤ 50 mV", "comparator: σ = 0"])
    assert set(made.errors["tasks"]) == {3}
    assert made.ends.keys() == made.locks.keys()
    assert not made.failed


@pytest.mark.slow
def test_the_study_is_made(tmp_path: Path) -> None:
    made = make(FIGURES["desync-settings"], FILE, tmp_path, quick=True, progress=False)
    assert made.picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "desync-settings-quick.json").read_text(encoding="utf-8"))["verdict"]


def test_a_mistake_names_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "desync-settings.toml"
    file.write_text(FILE.read_text(encoding="utf-8").replace("start = 4,", "strat = 4,"), encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"strat is not a known key"):
        make(FIGURES["desync-settings"], file, tmp_path, progress=False)
