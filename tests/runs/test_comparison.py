"""Several runs side by side: groups, errors with quartiles, distances, how each ended."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

import labnet
from labnet.errors import AnalysisError
from labnet_simulators import SimulatedBoard

STEPS = 60


def trained(path: Path, **changes: object) -> Path:
    """Run a small experiment, changed."""
    data = {"board": "sim://twin16?preset=lab&seed=3", "task.kind": "allostery", "steps": STEPS, "measure": 1}
    experiment = labnet.Experiment(board="sim://twin16", task={"kind": "allostery"}, steps=1).changed(data | changes)
    with labnet.open_board(experiment.board) as board:
        stored = experiment.model_dump(mode="json")
        labnet.run_plan(board, experiment.plan(board.network), path, experiment=stored, progress=False).close()
    return path


def cut(path: Path, step: int) -> None:
    """Make it a run that was interrupted before a step."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM record WHERE step >= ?", (step,))
        database.execute("DELETE FROM error WHERE step >= ?", (step,))
        database.execute("UPDATE state SET step = ?", (step,))
        database.execute("UPDATE meta SET value = ? WHERE key = 'status'", (json.dumps("interrupted"),))
        database.commit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three repeats at p = 1, three at p = 0.5 (the last interrupted), other networks and tasks."""
    folder = tmp_path_factory.mktemp("runs")
    for p in (1.0, 0.5):
        for k in range(3):
            seeds = {"seed": k, "task.seed": k, "board.seed": k}
            trained(folder / f"p{p:g}-{k}.sqlite", **seeds | {"clock.p": p})
    cut(folder / "p0.5-2.sqlite", 30)
    trained(folder / "ideal.sqlite", **{"board.preset": "ideal", "eta": 0.5})
    trained(folder / "packing.sqlite", **{"board": "sim://packing143"})
    trained(folder / "regression.sqlite", **{"task.kind": "regression", "task.train": 3, "task.test": 2})
    trained(folder / "short.sqlite", detail="short")
    cut(folder / "short.sqlite", 30)
    return folder


@pytest.fixture
def opened(folder: Path) -> Iterator["Opened"]:
    with ExitStack() as stack:
        yield Opened(folder, stack)


class Opened:
    """Opens runs by their names, until the test ends."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack

    def __call__(self, *names: str) -> list[labnet.Run]:
        return [self.stack.enter_context(labnet.Run.open(self.folder / f"{name}.sqlite")) for name in names]


SIX = ("p1-0", "p1-1", "p1-2", "p0.5-0", "p0.5-1", "p0.5-2")


def test_runs_that_differ_in_seeds_alone_are_repeats(opened: Opened) -> None:
    compared = labnet.compare(opened(*SIX))
    assert compared.names == SIX
    assert compared.groups == (("p = 1", (0, 1, 2)), ("p = 0.5", (3, 4, 5)))
    assert labnet.compare(opened(*SIX[:3])).groups == (("p = 1", (0, 1, 2)),)


def test_groups_are_named_by_what_differs(opened: Opened) -> None:
    labels = [group.label for group in labnet.compare(opened("p1-0", "ideal", "regression")).groups]
    assert labels == [
        "preset lab, task allostery, train = 1, test = 0, eta = 1",
        "preset ideal, task allostery, train = 1, test = 0, eta = 0.5",
        "preset lab, task regression, train = 3, test = 2, eta = 1",
    ]


def test_several_rules_are_named_by_rule_and_what_all_have(tmp_path: Path) -> None:
    propagation = {"rule.name": "equilibrium-propagation", "rule.gamma": 0.01}
    changes: dict[str, dict[str, object]] = {
        "discrete": {},
        "weak": propagation | {"rule.beta": 0.1},
        "strong": propagation | {"rule.beta": 0.5},
        "adam": propagation | {"optimiser.name": "adam", "optimiser.rate": 0.01},
        "exact": {"rule.name": "exact-gradient", "rule.gamma": 0.02},
    }
    with ExitStack() as stack:
        runs = {
            name: stack.enter_context(
                labnet.Run.open(trained(tmp_path / f"{name}.sqlite", board="sim://twin16", steps=4, **each))
            )
            for name, each in changes.items()
        }

        def labels(*names: str) -> list[str]:
            return [group.label for group in labnet.compare([runs[name] for name in names]).groups]

        assert labels("discrete", "exact") == ["discrete", "exact-gradient"]
        assert labels("weak", "exact") == ["equilibrium-propagation, gamma = 0.01", "exact-gradient, gamma = 0.02"]
        assert labels("discrete", "adam") == ["discrete", "equilibrium-propagation, adam"]
        assert labels("weak", "adam") == ["plain", "adam"]
        assert labels("weak", "strong", "discrete") == [
            "equilibrium-propagation, beta = 0.1",
            "equilibrium-propagation, beta = 0.5",
            "discrete",
        ]
        costs = labnet.compare([runs["discrete"], runs["weak"]]).costs()
        for name in costs.index:
            one = runs[name].plan.rule.costs(runs[name].task, 1)
            assert costs.loc[name].tolist() == [4 * each for each in one]


def test_tasks_without_a_seed_are_repeats_too() -> None:
    with labnet.open_board("sim://twin16") as board, ExitStack() as stack:
        runs = []
        for seed in (0, 1):
            task = labnet.tasks.Allostery.sample(board.network, seed=seed)
            runs.append(stack.enter_context(labnet.train(board, task, steps=5, progress=False)))
        compared = labnet.compare(runs)
        assert compared.names == ("run 1", "run 2"), "runs in memory have names, too"
        assert [group.runs for group in compared.groups] == [(0, 1)]
        assert list(compared.parameters().index) == ["task.examples"]


def test_settings_that_are_written_otherwise_are_the_same(tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = [
            stack.enter_context(labnet.Run.open(trained(tmp_path / f"{k}.sqlite", board=board, steps=2, seed=k)))
            for k, board in enumerate(("sim://twin16?settling_s=0&seed=1", "sim://twin16?seed=1&settling_s=0.0"))
        ]
        compared = labnet.compare(runs)
        assert [group.runs for group in compared.groups] == [(0, 1)]
        assert list(compared.parameters().index) == ["seed"]


def test_parameters_are_those_that_differ(opened: Opened) -> None:
    compared = labnet.compare(opened("p1-0", "p0.5-1", "ideal"))
    frame = compared.parameters()
    assert set(frame.index) == {"board.seed", "board.preset", "task.seed", "seed", "clock.p", "eta"}
    assert frame.loc["clock.p"].tolist() == [1.0, 0.5, 1.0]
    assert frame.loc["board.preset"].tolist() == ["lab", "lab", "ideal"]
    assert labnet.compare(opened("p1-0", "packing")).parameters().loc["board.preset"].tolist() == ["lab", None]
    with_versions = compared.parameters(versions=True).index
    assert set(frame.index) <= set(with_versions) <= {*frame.index, "created"}, "one machine made them all"


def test_errors_of_a_group_are_quartiles_over_its_runs(opened: Opened) -> None:
    runs = opened(*SIX[:3])
    frame = labnet.compare(runs).errors().set_index("steps_p")
    each = np.array([run.frame("error")["scaled_error"] for run in runs])  # p = 1: before every step, (3, STEPS + 1)
    for step in (0, 1, 2, 5):  # alone around their points of the grid
        row = frame.loc[frame.index[np.argmin(abs(frame.index - step))]]
        np.testing.assert_allclose(
            row[["low", "median", "high"]].astype(float), np.sort(each[:, step])[[0, 1, 2]] @ LINEAR
        )
        assert row["n"] == 3
    around = np.exp(np.log(each[:, 54:STEPS]).mean(axis=1))  # 10^(35/20) = 56.2: 10^(34.5/20) = 53.1 to 59.6
    np.testing.assert_allclose(frame["median"].iloc[-2], np.median(around))


LINEAR = np.array([[0.5, 0, 0], [0.5, 1, 0.5], [0, 0, 0.5]])  # quartiles of three: halfway to the median


def test_errors_of_one_run_are_what_was_measured(opened: Opened) -> None:
    run, other = opened("regression", "ideal")
    measured = run.frame("error")
    compared = labnet.compare([run, other])
    for name in ("train", "test"):
        frame = compared.errors(name)
        part = frame[frame["group"] == compared.groups[0].label]
        want = measured[measured["set"] == name]
        for column in ("median", "low", "high"):
            np.testing.assert_array_equal(part[column], want["scaled_error"])
        np.testing.assert_array_equal(part["steps_p"], want["steps_p"])
        assert (part["n"] == 1).all()
    assert set(compared.errors("test")["group"]) == {compared.groups[0].label}, "the other has no test set"


def test_an_interrupted_repeat_counts_as_far_as_it_got(opened: Opened) -> None:
    compared = labnet.compare(opened(*SIX))
    frame = compared.errors()
    half = frame[frame["group"] == "p = 0.5"]
    assert (half[half["steps_p"] < 14]["n"] == 3).all()
    assert (half[half["steps_p"] > 15]["n"] == 2).all()
    assert compared.notes == ("p0.5-2 is not through: interrupted, 30 of 60 steps.",)
    finals = compared.finals()
    assert finals.loc["p0.5-2", ["status", "steps", "of"]].tolist() == ["interrupted", 30, 60]


def test_distances_are_between_the_resistances_at_the_ends(opened: Opened) -> None:
    runs = opened(*SIX)
    frame = labnet.compare(runs).distances()
    ends = [run.array("wipers")[-1].astype(float) for run in runs]
    for a, first in zip(SIX, ends, strict=True):
        for b, second in zip(SIX, ends, strict=True):
            want = np.sqrt(np.sum(((first - second) * 10e3 / 128 / 10e3) ** 2))  # 10 kohm over 128 positions
            assert frame.loc[a, b] == pytest.approx(want)
    assert (np.diag(frame) == 0).all()


def test_what_cannot_be_compared_is_said(opened: Opened) -> None:
    compared = labnet.compare(opened("p1-0", "packing", "regression", "short"))
    frame = compared.distances()
    assert frame.notna().to_numpy().tolist() == [
        [True, False, True, False],
        [False, True, False, False],
        [True, False, True, False],
        [False, False, False, False],
    ]
    said = "\n".join(compared.notes)
    assert "No distances to short: where it ended was not logged." in said
    assert "Tasks differ, each error is scaled by its own start: allostery (p1-0, packing, short)" in said
    assert "Networks differ, no distances between these: twin16 (p1-0, regression, short); packing143" in said


def test_networks_of_one_name_are_told_apart() -> None:
    twin = labnet.networks.twin16()
    with ExitStack() as stack:
        runs = []
        for r_ref_ohm in (10e3, 5e3):
            network = labnet.Network(twin.edges, twin.node_count, r_ref_ohm=r_ref_ohm, name="mine")
            task = labnet.tasks.Allostery.sample(network, seed=1)
            board = SimulatedBoard(network)
            runs.append(stack.enter_context(labnet.train(board, task, steps=2, progress=False)))
        compared = labnet.compare(runs)
        assert len(compared.groups) == 2, "no repeats"
        assert compared.distances().notna().to_numpy().tolist() == [[True, False], [False, True]]
        (said,) = compared.notes
        assert said.startswith("Networks differ, no distances between these: mine with R_ref 10000 ohm and digest")
        assert f"; mine with R_ref 5000 ohm and digest {twin.digest[:8]} (run 2)." in said


def test_how_each_run_ended(opened: Opened) -> None:
    (run,) = opened("regression")
    finals = labnet.compare([run, *opened("ideal")]).finals()
    measured = run.frame("error")
    for name in ("train", "test"):
        part = measured[measured["set"] == name]["scaled_error"].to_numpy()
        assert finals.loc["regression", name] == part[-1]
        assert finals.loc["regression", f"{name}_late"] == np.median(part[STEPS // 2 :])
    assert np.isnan(finals.loc["ideal", "test"])
    assert np.isnan(finals.loc["ideal", "accuracy"])


def test_a_cycle_of_two_is_found(tmp_path: Path) -> None:
    """wycoff2022: with all edges stepping at once, the discrete rule ends in a cycle; with some of them it goes on."""
    ideal = {"board": "sim://twin16?preset=ideal&seed=1", "task.seed": 1, "steps": 400, "measure": 100}
    runs = [trained(tmp_path / f"{p}.sqlite", **ideal | {"clock.p": p}) for p in (1.0, 0.5)]
    sparse = trained(tmp_path / "sparse.sqlite", **ideal | {"log": 10})
    with ExitStack() as stack:
        compared = labnet.compare([stack.enter_context(labnet.Run.open(path)) for path in (*runs, sparse)])
        assert compared.finals()["cycle"].tolist() == [True, False, None]


def test_one_run_or_the_same_twice_is_refused(opened: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnalysisError, match="at least 2"):
        labnet.compare(opened("p1-0"))
    (run,) = opened("p1-0")
    monkeypatch.chdir(folder)
    with labnet.Run.open("p1-0.sqlite") as same, pytest.raises(AnalysisError, match="twice"):
        labnet.compare([run, same])


def test_runs_of_the_same_name_are_told_apart(opened: Opened, tmp_path: Path) -> None:
    with labnet.Run.open(trained(tmp_path / "p1-0.sqlite", steps=5)) as other:
        (run,) = opened("p1-0")
        assert labnet.compare([run, other]).names == (str(run.path), str(other.path))
