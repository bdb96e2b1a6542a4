"""Confirm points of the study's maps by a second implementation, which shares no code with labnet.

    python tests/study/confirm.py                        # all of points.toml; or --points FILE, --only MAP
    python tests/study/confirm.py --out DIR --seed 1     # DIR/confirmed.md and .json; other tasks on both sides

Each point is trained on so many random tasks by `labnet.sweep` and on as many others by second.py. A file of points has
tables that are experiments, such as [common], and [[point]] tables: the experiment's keys that change, and

    map, name                              which map it is of, and what it is called
    base = "common"                        the experiment that is changed: a table of this file,
    curve = "NAME"                         or a curve of experiments/figures/MAP.toml; "all" where that has no curves
    tasks = 50
    of = "train", "test" or "distance"     final error of that set; or (Figs. 2) how far from p = b = 1 a training ends
    equal = "updates" or "steps"           of distances: what the point shares with that reference, as in labnet.figures

A point is confirmed where two tests find no difference of the samples, and the intervals of their medians overlap, both
at the level that so many points ask for. The table shows 95 % intervals; the ratio of the medians tells what is proved.
"""

import argparse
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import numpy as np
import second
from scipy.stats import binom, ks_2samp, mannwhitneyu

import labnet
from labnet.analysis import Interval, distance, median
from labnet.experiment import Experiment, merged
from labnet.figures.figure import TASK, completed, late_error, settings

LIMIT = 0.001  # of p-values, over all points of a file
FIRST_SEED = 1000  # of labnet's tasks: none that the maps show
POINTS = Path(__file__).with_name("points.toml")
FIGURES = Path(__file__).parents[2] / "experiments" / "figures"


@dataclass(frozen=True)
class Point:
    """A point of a map: what is trained, and what of it is compared."""

    map: str
    name: str
    experiment: Experiment
    tasks: int = 50
    of: str = "train"
    equal: str = "updates"


class Row(NamedTuple):
    """What both implementations say of a point."""

    map: str
    name: str
    p: float
    tasks: tuple[int, int]
    first: Interval
    second: Interval
    ratio: Interval
    p_value: float
    confirmed: bool


def load(path: Path, only: str = "") -> list[Point]:
    """Read a file of points, of the maps with `only` in their names."""
    bases = tomllib.loads(path.read_text(encoding="utf-8"))
    points = []
    for keys in bases.pop("point"):
        name = keys.pop("base", "common")
        base = _curve(keys["map"], keys.pop("curve")) if "curve" in keys else dict(bases[name])
        said: dict[str, Any] = {}
        for table in (base, keys):
            said |= {name: table.pop(name) for name in ("map", "name", "tasks", "of", "equal") if name in table}
        points.append(Point(experiment=Experiment(**base).changed(_flat(keys)), **said))
    return [point for point in points if only in point.map]


def _curve(figure: str, name: str) -> dict[str, Any]:
    """Give the experiment of a map's curve; what it logs, and when it measures, is of no account here."""
    data = settings(FIGURES / f"{figure}.toml")
    both = merged(data, data.pop("curves", {"all": {}})[name])
    return {key: value for key, value in both.items() if key in Experiment.model_fields.keys() - {"log", "measure"}}


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Give a table of tables with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


def first_says(point: Point, seed: int) -> np.ndarray:
    """Train a point by labnet; gives (T,), of those that did not fail."""
    over = {"task.seed, seed, board.seed": range(FIRST_SEED + seed, FIRST_SEED + seed + point.tasks)}
    if point.of != "distance":
        return late_error(labnet.sweep(point.experiment, over, progress=False), point.of)["scaled_error"].to_numpy()
    end, reference = (
        _ends(labnet.sweep(each, over, progress=False)) for each in (_lengthened(point), _reference(point))
    )
    return np.array([distance(end[task], reference[task]) for task in end.keys() & reference.keys()])


def _ends(sweep: labnet.Sweep) -> dict[int, np.ndarray]:
    """Give the resistances at the end by task."""
    return completed(sweep, "final").groupby(TASK)["resistance_ohm"].agg(np.array).to_dict()


def _reference(point: Point) -> Experiment:
    return point.experiment.changed({"clock.p": 1.0, "rule.batch": 1.0})


def _lengthened(point: Point) -> Experiment:
    """Give the experiment of a distance as long as its reference, in updates or in steps."""
    e = point.experiment
    times = {"updates": 1.0 / (e.rule.batch or 1.0), "steps": e.clock.p}[point.equal]
    return e.changed({"steps_p": e.steps_p * times})


def second_says(point: Point, folder: Path) -> tuple[Any, ...]:
    """Give the call of the second implementation: a function and its arguments but the seed."""
    p = point.experiment.clock.p
    if point.of == "distance":
        both = (translated(each, folder) for each in (_lengthened(point), _reference(point)))
        return (second.distances, *both, point.tasks, p)
    examples = "test" if point.of == "test" else "train"
    return second.final_errors, translated(point.experiment, folder), examples, point.tasks, p


def translated(experiment: Experiment, folder: Path) -> second.Settings:
    """Say an experiment in the second implementation's words; networks it cannot make are files in `folder`.

    Raises
    ------
    KeyError, TypeError
        For what the second implementation does not have: it would train something else.
    """
    given = experiment.to_dict()
    address, _, query = given.pop("board").removeprefix("sim://").partition("?")
    option = {"preset": "ideal", "sigma": "redrawn", "comparator": "effective", "gate": "bernoulli"} | dict(
        parse_qsl(query)
    )
    task, clock, rule = given.pop("task"), given.pop("clock", {}), given.pop("rule", {"name": "discrete"})
    said: dict[str, Any] = {
        "network": _network(address, folder),
        "steps_p": experiment.triggers * experiment.clock.p,
        "start": experiment.start,
        "frozen": {"redrawn": False, "frozen": True}[option.pop("sigma")],
        "pair": {"effective": False, "pair": True}[option.pop("comparator")],
        "fixed_gate": {"bernoulli": False, "fixed": True}[option.pop("gate")],
        **{"ideal": {}}[option.pop("preset")],
        **{"discrete": {}, "continuous": {}}[rule.pop("name")],
        **{key: float(option.pop(key)) for key in ("sigma_max_v", "offset_v", "noise_v") if key in option},
        **{key: int(option.pop(key)) for key in ("positions",) if key in option},
    }
    same = {"title", "start", "settle_s", "steps", "steps_p", "seed", "measure", "log", "detail", "p", "kind"}
    for table in (given, option, clock):
        said |= {key: value for key, value in table.items() if key not in same}
    return second.Settings(**said, **rule, **{key: value for key, value in task.items() if key != "seed"})


def _network(name: str, folder: Path) -> str:
    if re.fullmatch(r"twin16|packing143|lattice-\d+x\d+", name):
        return name
    with labnet.open_board(f"sim://{name}") as board:
        network = board.network
    lines = [[network.node_count, network.edge_count, 1], *network.layout.tolist(), *network.edges.tolist()]
    path = folder / f"{network.digest[:16]}.txt"
    path.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def compare(point: Point, first: np.ndarray, other: np.ndarray, points: int) -> Row:
    """Compare what both say of a point, one of so many: ranks, distributions, and the medians' intervals."""
    a, b = (each[np.isfinite(each)] for each in (first, other))
    p_value = min(1.0, 2.0 * min(mannwhitneyu(a, b).pvalue, ks_2samp(a, b).pvalue))
    (low, high), (other_low, other_high) = (_bounds(each, 0.05 / points) for each in (a, b))
    confirmed = bool(p_value > LIMIT / points and low <= other_high and other_low <= high)
    numbers = (len(a), len(b)), median(a), median(b), _ratio(a, b), p_value, confirmed
    return Row(point.map, point.name, point.experiment.clock.p, *numbers)


def _bounds(sample: np.ndarray, miss: float) -> tuple[float, float]:
    """Give the interval that misses the median with at most this probability, whatever the distribution."""
    outside = int(binom.ppf(miss / 2, len(sample), 0.5)) - 1
    ordered = np.sort(sample)
    return (-np.inf, np.inf) if outside < 0 else (ordered[outside], ordered[-1 - outside])


def _ratio(a: np.ndarray, b: np.ndarray) -> Interval:
    """Give the ratio of two medians of different tasks, b over a, with a bootstrap interval."""
    rng = np.random.default_rng(0)
    above, below = (np.median(each[rng.integers(len(each), size=(2000, len(each)))], axis=1) for each in (b, a))
    return Interval(float(np.median(b) / np.median(a)), *np.quantile(above / below, (0.025, 0.975)).tolist())


def confirm(points: Sequence[Point], folder: Path, seed: int = 0, processes: int = 2) -> list[Row]:
    """Train all points with both implementations, each on tasks of its own, and compare."""
    seeds = [1000 * (k + seed * len(points)) for k in range(len(points))]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        others = [pool.submit(*second_says(point, folder), each) for point, each in zip(points, seeds, strict=True)]
        firsts = [first_says(point, each) for point, each in zip(points, seeds, strict=True)]
        return [
            compare(point, first, other.result(), len(points))
            for point, first, other in zip(points, firsts, others, strict=True)
        ]


def table(rows: Sequence[Row]) -> str:
    """Give the rows as an aligned Markdown table."""
    head = ("map", "point", "p", "tasks", "labnet", "second implementation", "ratio", "p-value", "confirmed")
    cells = []
    for row in rows:
        numbers = (
            f"{row.p:g}",
            f"{min(row.tasks)}",
            *map(str, (row.first, row.second, row.ratio)),
            f"{row.p_value:.2g}",
        )
        cells.append((row.map, row.name, *numbers, "yes" if row.confirmed else "**no**"))
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *cells]
    return "".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |\n" for line in lines)


def main() -> None:
    """Confirm the points of a file; print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=Path, default=POINTS)
    parser.add_argument("--only", default="", help="points of maps with this in their names")
    parser.add_argument("--tasks", type=int, help="so many tasks at every point")
    parser.add_argument("--seed", type=int, default=0, help="other tasks, on both sides")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("confirmation"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    points = load(given.points, given.only)
    if given.tasks:
        points = [replace(point, tasks=given.tasks) for point in points]
    rows = confirm(points, given.out, given.seed, given.processes)
    said = f"{sum(row.confirmed for row in rows)} of {len(rows)} points confirmed.\n"
    print(table(rows), said, sep="\n", end="")
    (given.out / "confirmed.md").write_text(f"{table(rows)}\n{said}", encoding="utf-8")
    numbers = [row._asdict() for row in rows]
    (given.out / "confirmed.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
