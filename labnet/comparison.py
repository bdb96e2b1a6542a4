"""Several runs side by side: what differs, how well each setting learned, how far apart their solutions are."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labnet.analysis import distance
from labnet.errors import AnalysisError
from labnet.rules import Costs
from labnet.runs import Run
from labnet.runs.parameters import SEEDS, origin, parameters, shown
from labnet.runs.store import MEMORY
from labnet.tasks.task import ExampleSet

FloatArray = NDArray[np.float64]

_PER_DECADE = 20  # points of the grid of steps x p
_LAST = 20  # records in which a cycle of two is looked for
_QUARTILES = (0.5, 0.25, 0.75)
_METHOD = ("rule.name", "optimiser.name")  # names groups before all else
# What names a group only where nothing else does: how it was logged, and what comes with something else.
_BESIDE = ("steps", "log", "measure", "detail", "period_s", "network")


class Group(NamedTuple):
    """Repeats of one setting: runs that differ in nothing but seeds.

    Attributes
    ----------
    label : str
        What tells it from the other groups: "p = 0.5", or "eta = 1, preset lab".
    runs : tuple of int
        Which of the runs belong to it.
    """

    label: str
    runs: tuple[int, ...]


class Comparison:
    """Several runs side by side; `compare` makes one.

    What a run logged is read when it is first asked for, and kept: runs must be open then, and what they log later is
    not in it.

    Attributes
    ----------
    runs : tuple of Run
    names : tuple of str
        One a run: the stem of its file, or its path where stems are the same.
    settings : tuple of dict
        What each run was made with; see `labnet.runs.parameters`.
    groups : tuple of Group
        In the order of their first runs.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.names = _names(self.runs)
        self.settings = tuple(parameters(run.meta) for run in self.runs)
        self.groups = _groups(self.settings)

    def parameters(self, versions: bool = False) -> pd.DataFrame:
        """Give what differs: a row a dotted key, a column a run; None where a run has no such key.

        Parameters
        ----------
        versions : bool
            Compare too when, where and by which versions the runs were made.
        """
        rows = [row | origin(run.meta) if versions else row for row, run in zip(self.settings, self.runs, strict=True)]
        values = {key: [row.get(key) for row in rows] for key in _differing(rows)}
        return pd.DataFrame.from_dict(values, orient="index", columns=list(self.names), dtype=object)

    def errors(self, set: ExampleSet = "train") -> pd.DataFrame:  # noqa: A002 (as in the frames of a run)
        """Give the scaled error of each group against steps x p.

        Of one run, what was measured. Of several, on a grid that all groups share (0, then 20 points a decade): of
        each run the geometric mean of what was measured around a point, in which a cycle of two steps is averaged away;
        of these the quartiles.

        Returns
        -------
        pandas.DataFrame
            group (its label), steps_p, median, low and high (first and third quartile), n (how many repeats were
            measured there: fewer where one was interrupted).
        """
        parts = []
        for group in self.groups:
            curves = [self._curve(run, set) for run in group.runs]
            steps_p, samples = (curves[0][0], curves[0][1][None]) if len(curves) == 1 else _binned(curves)
            median, low, high = np.nanquantile(samples, _QUARTILES, axis=0) if samples.size else np.empty((3, 0))
            columns = {"steps_p": steps_p, "median": median, "low": low, "high": high}
            n = (~np.isnan(samples)).sum(axis=0)
            parts.append(pd.DataFrame({"group": pd.Series([group.label] * len(n), dtype=str), **columns, "n": n}))
        return pd.concat(parts, ignore_index=True)

    def distances(self) -> pd.DataFrame:
        """Give how far apart the solutions are in resistance space, in units of R_ref; a row and a column a run.

        Solutions are the resistances at the last records (nominal ones, of wipers). NaN where there is no distance;
        `notes` says why.
        """
        apart = np.full((len(self.runs), len(self.runs)), np.nan)
        networks = [(run.network.digest, run.network.r_ref_ohm) for run in self.runs]
        for network in set(networks):
            alike = [k for k, each in enumerate(networks) if each == network]
            ohm = np.array([self._solutions[k] for k in alike])
            for k in alike:
                apart[k, alike] = distance(self._solutions[k], ohm, network[1])
        return pd.DataFrame(apart, index=list(self.names), columns=list(self.names))

    def finals(self) -> pd.DataFrame:
        """Give how each run ended, a row a run.

        Returns
        -------
        pandas.DataFrame
            group (its label), status, steps (done), of (planned), train and test (scaled errors as last measured),
            train_late and test_late (medians over the second half of the steps done), accuracy (of the test set where
            there is one; NaN without classes), cycle (whether the last 20 records go to and fro between two states;
            None where that was not logged).
        """
        labels = {run: group.label for group in self.groups for run in group.runs}
        rows = []
        for k, run in enumerate(self.runs):
            progress = {"group": labels[k], "status": run.status, "steps": run.steps_done(), "of": run.plan.steps}
            rows.append(progress | _late(self._frames[k]) | {"cycle": _cycles(run)})
        return pd.DataFrame(rows, index=list(self.names))

    def costs(self) -> pd.DataFrame:
        """Give what learning took of each run up to its last measurement: settlings, readings, writes, a row a run.

        NaN where that is not known; see `labnet.Run.frame`.
        """
        ends = [frame.reindex(columns=Costs._fields).max() for frame in self._frames]
        return pd.DataFrame(ends, index=list(self.names))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What could not be compared, or only in part, and why: sentences to show beside the numbers."""
        said = []
        for name, run, solution, frame in zip(self.names, self.runs, self._solutions, self._frames, strict=True):
            if (status := run.status) != "complete":
                said.append(f"{name} is not through: {status}, {run.steps_done():,} of {run.plan.steps:,} steps.")
            if np.isnan(solution).any():
                said.append(f"No distances to {name}: where it ended was not logged.")
            if frame["steps_p"].isna().any():
                said.append(f"No errors of {name}: how often its edges step is not known.")
        for what, why, each in (
            ("Tasks", "each error is scaled by its own start", [run.task_kind for run in self.runs]),
            ("Networks", "no distances between these", _networks(self.runs)),
        ):
            if len(kinds := _listed(dict(zip(self.names, each, strict=True)))) > 1:
                said.append(f"{what} differ, {why}: {'; '.join(kinds)}.")
        return tuple(said)

    @cached_property
    def _frames(self) -> list[pd.DataFrame]:
        return [run.frame("error") for run in self.runs]

    @cached_property
    def _solutions(self) -> list[FloatArray]:
        """Resistances at the last records, (E,) each; NaN where they were not logged."""
        empty = [np.full((1, run.network.edge_count), np.nan) for run in self.runs]
        last = [run.steps_before(run.plan.steps) for run in self.runs]
        return [
            (run.resistances_ohm(step) if len(step) else none)[0]
            for run, step, none in zip(self.runs, last, empty, strict=True)
        ]

    def _curve(self, run: int, set: ExampleSet) -> tuple[FloatArray, FloatArray]:  # noqa: A002
        """Give steps x p and scaled errors of a run, both (S,)."""
        frame = self._frames[run]
        part = frame[frame["set"] == set].dropna(subset=["steps_p", "scaled_error"])
        return part["steps_p"].to_numpy(), part["scaled_error"].to_numpy()


def compare(runs: Sequence[Run]) -> Comparison:
    """Put runs side by side.

    Parameters
    ----------
    runs : sequence of Run
        At least two, open; finished or not, of one task or of several.

    Raises
    ------
    AnalysisError
        For fewer than two runs, and for one that is given twice.
    """
    if len(runs) < 2:
        raise AnalysisError(f"{len(runs)} run given to compare; allowed: at least 2. 'labnet plot' draws one.")
    files = [run.path.resolve() for run in runs if run.path != MEMORY]
    if twice := [file for file in files if files.count(file) > 1]:
        raise AnalysisError(f"{twice[0]} is given twice; allowed: each run once.")
    return Comparison(runs)


def _names(runs: Sequence[Run]) -> tuple[str, ...]:
    stems = ["run" if run.path == MEMORY else run.path.stem for run in runs]
    names = stems if len(set(stems)) == len(stems) else [str(run.path) for run in runs]
    if len(set(names)) < len(names):  # several in memory
        names = [f"{stem} {k}" for k, stem in enumerate(stems, 1)]
    return tuple(names)


def _differing(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the keys whose values are not the same in all rows, in the order of the rows."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [key for key in keys if any(row.get(key) != rows[0].get(key) for row in rows)]


def _groups(settings: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    """Put repeats together, and name each group by what differs."""
    bare = [{key: value for key, value in row.items() if key not in SEEDS} for row in settings]
    for row in bare:  # each board has its own
        row["calibration"] = "calibrated" if "calibration" in row else "not calibrated"
    members: list[list[int]] = []
    for k, row in enumerate(bare):
        repeats = next((runs for runs in members if bare[runs[0]] == row), None)
        if repeats is None:
            members.append([k])
        else:
            repeats.append(k)
    first = [bare[runs[0]] for runs in members]
    labels = _labels(first) if len(first) > 1 else [_label(first[0], ["clock.p"])]
    return tuple(Group(label, tuple(runs)) for label, runs in zip(labels, members, strict=True))


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name settings by what differs; those of several rules by these, and what they all have."""
    differing = _differing(rows)
    chief = [key for key in differing if key.split(".")[0] not in _BESIDE]
    first, method = chief, [key for key in _METHOD if key in differing]
    if method:
        first = method + [key for key in chief if key not in method and all(key in row for row in rows)]
    labels = [""] * len(rows)
    for keys in (first, chief, differing):
        for label in {label for label in labels if labels.count(label) > 1}:
            alike = [k for k, each in enumerate(labels) if each == label]
            apart = set(_differing([rows[k] for k in alike])) & set(keys)
            for k in alike:
                labels[k] = ", ".join(filter(None, (label, _label(rows[k], [key for key in keys if key in apart]))))
    if len(set(labels)) < len(labels):  # long lists are cut short
        labels = [f"{label} ({k})" for k, label in enumerate(labels, 1)]
    return labels


def _label(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Say what a setting has for some keys: "p = 0.5, preset lab"."""
    said = []
    for key in keys:
        table, _, name = key.rpartition(".")
        name = table if name in ("kind", "name") else name
        value = row.get(key)
        if key == "optimiser.name" and value == "plain" and "rule.name" in keys:
            continue  # the others are named
        if key in ("board", "calibration", *_METHOD):
            said.append(str(value))
        elif value is None:
            said.append(f"no {name}")
        else:
            said.append(f"{name} {value}" if isinstance(value, str) else f"{name} = {shown(value)}")
    return ", ".join(said)


def _networks(runs: Sequence[Run]) -> list[str]:
    """Name the network of each run, the same where there are distances between them."""
    names = {(run.network.digest, run.network.r_ref_ohm): run.network.name for run in runs}
    ambiguous = len(set(names.values())) < len(names)
    return [
        names[digest, ohm] + (f" with R_ref {ohm:g} ohm and digest {digest[:8]}" if ambiguous else "")
        for digest, ohm in ((run.network.digest, run.network.r_ref_ohm) for run in runs)
    ]


def _listed(values: Mapping[str, Any]) -> list[str]:
    """Say which names have which value: "twin16 (a, b)"."""
    names: dict[Any, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return [f"{value} ({', '.join(each)})" for value, each in names.items()]


def _binned(curves: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Give the grid of steps x p (G,) and the curves on it, (runs, G), NaN where one was not measured."""
    means = []
    for steps_p, error in curves:
        with np.errstate(divide="ignore"):
            points, at = np.unique(np.round(_PER_DECADE * np.log10(steps_p)), return_inverse=True)
        logs = np.bincount(at, np.log(np.maximum(error, 1e-300))) / np.bincount(at)
        means.append(pd.Series(np.exp(logs), index=points))
    table = pd.concat(means, axis=1).sort_index()
    return 10.0 ** (table.index.to_numpy() / _PER_DECADE), table.to_numpy().T


def _late(errors: pd.DataFrame) -> dict[str, float]:
    """Give the last errors and the medians of the second half, and the last accuracy."""
    found = {}
    accuracy = np.nan
    for name in ("train", "test"):
        part = errors[errors["set"] == name]
        late = part[part["step"] >= part["step"].max() / 2]["scaled_error"]
        found[name] = part["scaled_error"].iloc[-1] if len(part) else np.nan
        found[f"{name}_late"] = late.median()
        accuracy = part["accuracy"].iloc[-1] if len(part) else accuracy
    return found | {"accuracy": accuracy}


def _cycles(run: Run) -> bool | None:
    """Tell whether the last records go to and fro between two states; None where that was not logged."""
    steps = run.steps_before(run.plan.steps, _LAST)
    ohm = run.resistances_ohm(steps)
    if len(steps) < _LAST or (np.diff(steps) != 1).any() or np.isnan(ohm).any():
        return None
    return bool((ohm[2:] == ohm[:-2]).all() and (ohm[1:] != ohm[:-1]).any())
