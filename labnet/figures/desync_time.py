"""Whether it depends on how long one trains, or on what is called the error, which p ends lowest."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import Interval, log_contrasts, median, ratio_of_medians
from labnet.figures.desync import P
from labnet.figures.drawing import band, labelled, picture
from labnet.figures.figure import SAME, TASK, Figure, Findings, FloatArray, Sweeps, completed, grouped
from labnet.sweeps import Sweep

_LOW = 0.1  # stands for p < 1 where one p does
_SHARES = (0.0025, 0.01, 0.05, 0.25, 1.0)  # of the whole length: lengths that are compared
_SHORTEST = 10.0  # steps x p, so that there are some in its second half
_NEAR = 2.0  # from when on a training is within this factor of where it ends


class Course(NamedTuple):
    """How trainings went at one p: times (K,), scaled errors and costs (T, K)."""

    steps_p: FloatArray
    scaled: FloatArray
    cost_v2: FloatArray

    def ends(self, length: float | None = None) -> FloatArray:
        """Give the final scaled errors (T,) of trainings of that length: medians over their second half."""
        return late(self.steps_p, self.scaled, length or self.steps_p[-1])


def late(steps_p: FloatArray, values: FloatArray, length: float) -> FloatArray:
    """Give medians (T,) over the second half of a length of values (T, K)."""
    window = (steps_p >= 0.5 * length) & (steps_p <= length)
    return np.asarray(np.median(values[:, window], axis=1))


def courses(sweep: Sweep) -> dict[float, Course]:
    """Give how trainings went, by p; of tasks of which none failed."""
    frame = completed(sweep, "error")
    frame = frame[frame["set"] == "train"]
    trained = frame.groupby(TASK)[P].nunique()
    frame = frame[frame[TASK].isin(trained.index[trained == trained.max()])]
    made = {}
    for p, part in grouped(frame, P).items():
        table = part.pivot(index=TASK, columns="steps_p", values=["scaled_error", "cost_v2"])
        scaled, cost_v2 = (table[each].to_numpy(dtype=np.float64) for each in ("scaled_error", "cost_v2"))
        made[p] = Course(table["scaled_error"].columns.to_numpy(dtype=np.float64), scaled, cost_v2)
    return made


def wipers(sweep: Sweep) -> dict[float, tuple[FloatArray, FloatArray]]:
    """Give by p times (K,) and the mean wiper of every training (T, K)."""
    means = completed(sweep, "final").groupby([P, "step", TASK])["wiper"].mean().reset_index()
    made = {}
    for p, part in grouped(means, P).items():
        table = part.pivot(index=TASK, columns="step", values="wiper").dropna()
        made[p] = (p * table.columns.to_numpy(dtype=np.float64), table.to_numpy(dtype=np.float64))
    return made


def find(sweeps: Sweeps) -> Findings:
    """Say for each setting at which lengths, and by which definitions, p < 1 is lower."""
    numbers: dict[str, Any] = {}
    found = []
    for setting, sweep in sweeps.items():
        by_p = courses(sweep)
        one, low = by_p[1.0], by_p[_LOW]
        lengths = [max(_SHORTEST, share * one.steps_p[-1]) for share in _SHARES]
        each: dict[str, Any] = {
            "tasks": len(one.scaled),
            "final_error": {f"{p:g}": median(course.ends()) for p, course in by_p.items()},
            "arrived": {f"{p:g}": arrived(course) for p, course in by_p.items()},
            "mean_wiper_at_end": {f"{p:g}": median(means[:, -1]) for p, (_, means) in wipers(sweep).items()},
            "gain_by_length": {
                f"{p:g}": {f"{length:g}": ratio_of_medians(one.ends(length), course.ends(length)) for length in lengths}
                for p, course in by_p.items()
                if p < 1.0
            },
            "gain_by_definition": by_definition(one, low),
        }
        numbers[setting] = each
        gains, arrivals = each["gain_by_length"][f"{_LOW:g}"], each["arrived"]
        found.append(
            f"{setting}: error at p = 1 over p = {_LOW:g} "
            + ", ".join(f"{gain} after {length}" for length, gain in gains.items())
            + f" steps x p; it is where it ends after {arrivals[f'{_LOW:g}']:.2g}, p = 1 after {arrivals['1']:.2g}"
        )
    says = {
        what: [setting for setting, each in numbers.items() if len(_signs(each[key])) > 1]
        for what, key in (("length", "gain_by_length"), ("definition", "gain_by_definition"))
    }
    numbers["depends_on"] = says
    higher = [
        f"{setting}, p = {p}, {length} steps x p ({gain})"
        for setting in sweeps
        for p, gains in numbers[setting]["gain_by_length"].items()
        for length, gain in gains.items()
        if sign(gain) == "higher"
    ]
    for setting in says["definition"]:
        each = numbers[setting]["gain_by_definition"]
        found.append(f"{setting}, by definition: " + ", ".join(f"{name} {gain}" for name, gain in each.items()))
    found.append(f"p < 1 is surely higher at: {'; '.join(higher) or 'none'}")
    return Findings(numbers, tuple(found), "; ".join(f"{what}: {_verdict(each)}" for what, each in says.items()))


def _signs(gains: dict[str, Any]) -> set[str]:
    """Give in which ways p < 1 differs from p = 1, over all lengths and p, or all definitions."""
    flat = [each for gain in gains.values() for each in (gain.values() if isinstance(gain, dict) else [gain])]
    return {sign(gain) for gain in flat} - {"alike"}


def _verdict(settings: list[str]) -> str:
    return f"does not hold at {', '.join(settings)}" if settings else "holds"


def sign(gain: Interval) -> str:
    """Say whether p < 1 is surely lower than p = 1, surely higher, or neither."""
    if gain.low > 1.0 and gain.value > SAME:
        return "lower"
    return "higher" if gain.high < 1.0 and gain.value < 1.0 / SAME else "alike"


def arrived(course: Course) -> float:
    """Give after how many steps x p median errors are where they end, and stay there."""
    lengths = course.steps_p[course.steps_p >= 1.0]
    apart = np.log([np.median(course.ends(length)) for length in lengths])
    away = np.flatnonzero(np.abs(apart - apart[-1]) > np.log(_NEAR))
    return float(lengths[away[-1] + 1] if len(away) else lengths[0])


def by_definition(one: Course, low: Course) -> dict[str, Interval]:
    """Give the gain by different definitions of the error; of medians over tasks, where they do not say otherwise."""
    a, b = one.ends(), low.ends()
    costs = [late(each.steps_p, each.cost_v2, each.steps_p[-1]) for each in (one, low)]
    (of_means,) = log_contrasts(np.stack([a, b], axis=1), [[1.0, -1.0]], np.mean)
    return {
        "scaled error": ratio_of_medians(a, b),
        "its root": ratio_of_medians(np.sqrt(a), np.sqrt(b)),
        "cost in V^2": ratio_of_medians(*costs),
        "last step": ratio_of_medians(one.scaled[:, -1], low.scaled[:, -1]),
        "lowest so far": ratio_of_medians(one.scaled.min(axis=1), low.scaled.min(axis=1)),
        "task by task": median(a / b),
        "mean over tasks": Interval(*np.exp(of_means).tolist()),
    }


def draw(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw errors and mean wipers over steps x p, a column for each s, two rows for each start."""
    columns = len(sweeps) // 2
    made, panels = picture(rows=4, columns=columns, sharex=True, sharey="row", height_ratios=[3, 2, 3, 2])
    made.set_size_inches(3.9 * columns, 10.5)
    for number, (setting, sweep) in enumerate(sweeps.items()):
        at = 2 * columns * (number // columns) + number % columns
        errors, positions, first = panels[at], panels[at + columns], number % columns == 0
        shown, means = courses(sweep), wipers(sweep)
        for colour, p in zip(plots.colours(len(shown)), shown, strict=True):
            course, (steps_p, wiper) = shown[p], means[p]
            seen, logged = course.steps_p >= 1.0, steps_p >= 1.0
            band(errors, course.steps_p[seen], course.scaled[:, seen], colour, f"p = {p:g}")
            band(positions, steps_p[logged], wiper[:, logged], colour, f"p = {p:g}")
        errors.set_xscale("log")
        errors.set_yscale("log")
        errors.set_xlim(1.0, shown[1.0].steps_p[-1])
        positions.set_ylim(0, 128)
        labelled(errors, "", "scaled error" if first else "", f"{'abcdef'[number]}  {setting}", number == 0)
        below = "steps x p" if number >= columns else ""
        labelled(positions, below, "mean wiper position" if first else "", legend=False)
    return made


FIG_TIME = Figure(
    "desync-time",
    "Whether p < 1 ends lower than p = 1 depends neither on how long one trains nor on what is called the error.",
    find,
    draw,
)
