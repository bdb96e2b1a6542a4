"""Whole trainings on random graphs, terminals, settings and parts, against the slow reference."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, reject, settings
from numpy.typing import ArrayLike
from reference import Reference, Undecidable, trained_slowly
from trainings import TOP_V, Training, continuous, discrete, nudged

import labnet
from labnet.errors import Diverged

RELATIVE = 1e-12

pytestmark = pytest.mark.filterwarnings("ignore::labnet.errors.NudgeHidden")  # with codes, and hardly any nudge


@pytest.mark.slow
@settings(max_examples=300)
@given(discrete())
def test_the_discrete_rule_gives_every_wiper_of_the_reference(training: Training) -> None:
    wanted = reference(training)
    with training.run() as run:
        assert_same_steps(run, wanted)
        for name in ("directions", "enabled", "wipers"):
            assert run.array(name)[:-1].tolist() == [getattr(step, name) for step in wanted.steps], name
        assert run.array("wipers")[-1].tolist() == wanted.wipers


@pytest.mark.slow
@settings(max_examples=300)
@given(continuous())
def test_the_continuous_rule_gives_every_resistance_of_the_reference(training: Training) -> None:
    assert_same_resistances(training)


@pytest.mark.slow
@settings(max_examples=300)
@given(nudged())
def test_every_nudge_gives_every_resistance_of_the_reference(training: Training) -> None:
    assert_same_resistances(training)


def assert_same_resistances(training: Training) -> None:
    wanted = reference(training)
    with ended(training, wanted) as run:
        assert_same_steps(run, wanted)
        ohm = [*[step.ohm for step in wanted.steps], wanted.ohm]
        assert_close(run.array("resistances_ohm"), ohm, np.max(ohm))
        assert run.array("enabled")[:-1].tolist() == [step.enabled for step in wanted.steps]
        for signs, step in zip(run.array("directions"), wanted.steps, strict=False):
            clear = np.abs(step.change_ohm) > RELATIVE * np.max(step.ohm)
            assert signs[clear].tolist() == np.sign(step.change_ohm)[clear].tolist()


def reference(training: Training) -> Reference:
    """The reference; a training that floating point cannot decide (about one in a hundred) is not compared."""
    try:
        return trained_slowly(training.plan, training.parts, training.seed)
    except Undecidable:
        reject()


@contextmanager
def ended(training: Training, wanted: Reference) -> Iterator[labnet.Run]:
    """The run; one that diverges must do so at the same step, and leaves a file."""
    if not wanted.diverged:
        with training.run() as run:
            yield run
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.sqlite"
        with pytest.raises(Diverged, match=f"step {len(wanted.steps)} "):
            labnet.run_plan(training.board(), training.plan, path, progress=False)
        with labnet.Run.open(path) as run:
            yield run


def assert_same_steps(run: labnet.Run, wanted: Reference) -> None:
    """Examples, times, flags, voltages and costs."""
    frame = run.frame("steps")
    assert frame["example"].tolist() == [*[step.example for step in wanted.steps], -1]
    assert frame["time_s"].tolist()[:-1] == pytest.approx([step.time_s for step in wanted.steps], rel=0, abs=2e-9)
    for flag, step in zip(frame["clipped"].tolist(), wanted.steps, strict=False):
        assert flag == step.clipped or step.clipped is None
    nothing = np.full(run.network.node_count, np.nan)
    for name in ("v_free", "v_clamped"):
        volts = [getattr(step, name) for step in wanted.steps]
        assert_close(run.array(name)[:-1], [nothing if v is None else v for v in volts], TOP_V)
    errors = run.frame("error")
    keys = list(zip(errors["step"].tolist(), errors["set"].tolist(), strict=True))
    assert set(keys) == set(wanted.costs)
    assert_close(errors["cost_v2"], [wanted.costs[key] for key in keys], TOP_V**2)


def assert_close(got: ArrayLike, wanted: ArrayLike, scale: float) -> None:
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(wanted, float), rtol=0.0, atol=RELATIVE * scale)
