"""Fig. 2 over gamma and time: the exponent of the distance from the synchronous solution, against diffusion and lag."""

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from labnet import plots
from labnet.analysis import Interval, log_contrasts, median, slope_weights
from labnet.figures.desync_measured import CURVES, Distances, Setting, measured
from labnet.figures.drawing import intervals, labelled, picture
from labnet.figures.figure import SAME, Figure, Findings, FloatArray, Sweeps

_PAPER = 2 / 3
_PREDICTIONS = ("first_order", "predicted")  # diffusion and lag; with the shift of the mean too
_LINES = (":", "-")

Average = Callable[..., FloatArray]
AVERAGES: dict[str, Average] = {
    "median": np.median,
    "mean": np.mean,
    "geometric mean": lambda rows, axis: np.exp(np.log(rows).mean(axis=axis)),
    "rms": lambda rows, axis: np.sqrt((rows**2).mean(axis=axis)),
}


def find(sweeps: Sweeps) -> Findings:
    """Fit every exponent, measured and predicted, and look for settings at which all three are 2/3."""
    return judge(measured(sweeps))


def judge(settings: dict[Setting, Distances]) -> Findings:
    """Find what `find` does, in distances."""
    table = [
        {**setting._asdict(), "curve": curve, **_fits(each, curve)}
        for setting, each in settings.items()
        for curve in CURVES
    ]
    hits, searched = list(_hits(settings)), len(settings) * len(AVERAGES)
    of_all, of_first = ([hit for hit in hits if hit["agrees"][group]] for group in ("all", "first half"))
    kept = [hit for hit in hits if all(hit["agrees"].values())]
    laws = [hit for hit in kept if hit["one_law"]]
    crossings = list(_crossings(table))
    found = (
        *_said_of_exponents(table),
        *_said_of_theory(table),
        *_said_of_crossings(crossings),
        f"2/3 in the intervals of all three curves: at {len(of_all)} of {searched} settings with all tasks, at "
        f"{len(of_first)} with the first half, at {len(kept)} with either half too, and at {len(laws)} of these curves "
        "are straight and differ by a shift alone",
    )
    says = f"holds at {len(laws)} of {searched} settings" if laws else f"does not hold at any of {searched} settings"
    return Findings({"table": table, "hits": hits, "searched": searched, "crossings": crossings}, found, says)


def _fits(each: Distances, curve: str) -> dict[str, Any]:
    """Fit one curve: exponents of all averages, those of both halves, predictions, and how far they are off."""
    x, y = each.left_out, each.measured[curve]
    weights = _weights(x)
    exponents = {name: log_contrasts(y, weights, average) for name, average in AVERAGES.items()}
    row: dict[str, Any] = {
        "tasks": len(y),
        "exponents": {name: fits[0] for name, fits in exponents.items()},
        "small_half": exponents["median"][1],
        "large_half": exponents["median"][2],
        "left_out": x.tolist(),
        "median_distances": np.median(y, axis=0).tolist(),
    }
    for name, drawn in zip(_PREDICTIONS, each.predicted[curve], strict=True):
        row[name] = {
            kind: float(np.mean(np.log(average(drawn, axis=1)) @ weights[0])) for kind, average in AVERAGES.items()
        }
        row[f"measured_over_{name}"] = median(np.exp((np.log(y) - np.log(drawn).mean(axis=0)).mean(axis=1)))
    return row


def _weights(x: FloatArray) -> FloatArray:
    """Give the weights of the exponent, and of those of the smaller and the larger half of x, shape (3, K)."""
    weights, half = np.zeros((3, len(x))), (len(x) + 1) // 2
    weights[0] = slope_weights(x)
    weights[1, :half], weights[2, half - 1 :] = slope_weights(x[:half]), slope_weights(x[half - 1 :])
    return weights


def _hits(settings: dict[Setting, Distances]) -> Iterator[dict[str, Any]]:
    """Give where 2/3 is in all three intervals: with all tasks, with the first half of them, with the other half."""
    for (setting, each), (name, average) in product(settings.items(), AVERAGES.items()):
        first = each.tasks < np.median(each.tasks)
        groups = {"all": first | ~first, "first half": first, "other half": ~first}
        if min(map(np.count_nonzero, groups.values())) < 2:  # too few for an interval
            continue
        exponents = {group: _exponents(each, tasks, average) for group, tasks in groups.items()}
        agrees = {group: all(map(_agrees, three)) for group, three in exponents.items()}
        if any(agrees.values()):
            one_law = _one_law(each, average)
            yield {**setting._asdict(), "average": name, "exponents": exponents, "agrees": agrees, "one_law": one_law}


def _exponents(each: Distances, tasks: NDArray[np.bool_], average: Average) -> list[Interval]:
    weights = slope_weights(each.left_out)
    return [log_contrasts(each.measured[curve][tasks], [weights], average)[0] for curve in CURVES]


def _agrees(exponent: Interval) -> bool:
    return exponent.low <= _PAPER <= exponent.high


def _one_law(each: Distances, average: Average) -> bool:
    """Tell whether no curve surely bends, and no two surely differ by more than a shift, over all tasks."""
    whole, small, large = _weights(each.left_out)
    bends = np.kron(np.eye(len(CURVES)), large - small)
    others = np.kron([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0]], whole)
    rows = np.hstack([each.measured[curve] for curve in CURVES])
    return all(fit.low <= 0.0 <= fit.high for fit in log_contrasts(rows, np.vstack([bends, others]), average))


def _crossings(table: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give gammas between which a curve's exponent passes 2/3, where on the line between, and how steeply."""
    shared = ("parts", "equal", "updates", "curve")
    for key in dict.fromkeys(tuple(row[name] for name in shared) for row in table):
        rows = [row for row in table if tuple(row[name] for name in shared) == key]
        for one, two in pairwise(rows):
            (x, y), (later, then) = (
                (np.log10(row["gamma"]), row["exponents"]["median"].value - _PAPER) for row in (one, two)
            )
            if y * then < 0.0:
                slope = (then - y) / (later - x)
                yield dict(zip(shared, key, strict=True)) | {"gamma": 10 ** (x - y / slope), "slope_per_decade": slope}


def _said_of_crossings(crossings: list[dict[str, Any]]) -> Iterator[str]:
    for each in crossings:
        if each["updates"] == max(other["updates"] for other in crossings):
            yield (
                f"{each['parts']}, equal {each['equal']}, {each['curve']}: passes 2/3 at gamma = {each['gamma']:.2g}, "
                f"by {each['slope_per_decade']:+.2f} a decade"
            )


def _said_of_exponents(table: list[dict[str, Any]]) -> Iterator[str]:
    for parts, equal, curve in dict.fromkeys((row["parts"], row["equal"], row["curve"]) for row in table):
        rows = [row for row in table if (row["parts"], row["equal"], row["curve"]) == (parts, equal, curve)]
        values = [row["exponents"]["median"].value for row in rows]
        off = max(abs(row["exponents"]["median"].value - row["predicted"]["median"]) for row in rows)
        inside = sum(_agrees(row["exponents"]["median"]) for row in rows)
        yield (
            f"{parts}, equal {equal}, {curve}: exponents {min(values):.2f} to {max(values):.2f}, 2/3 in the interval "
            f"of {inside} of {len(rows)}, off the prediction by {off:.2f} at most"
        )


def _said_of_theory(table: list[dict[str, Any]]) -> Iterator[str]:
    for name, equal in product(_PREDICTIONS, dict.fromkeys(row["equal"] for row in table)):
        rows = [row for row in table if row["equal"] == equal]
        bad = [row["gamma"] for row in rows if not 1 / SAME < row[f"measured_over_{name}"].value < SAME]
        good = [row["gamma"] for row in rows if row["gamma"] < min(bad, default=np.inf)]
        yield (
            f"equal {equal}, {name.replace('_', ' ')}: distances within a factor of {SAME} "
            f"{f'up to gamma = {max(good):g}' if good else 'at no gamma'}"
        )


def draw(_: Sweeps, findings: Findings) -> Picture:
    """Draw exponents against gamma and time, and distances over their prediction."""
    table = findings.numbers["table"]
    longest, gammas = max(row["updates"] for row in table), sorted({row["gamma"] for row in table})
    middle = gammas[len(gammas) // 2]
    made, panels = picture(rows=2, columns=3)
    along_gamma = {"updates": longest}, "gamma", "γ"
    along_time = {"gamma": middle}, "updates", f"updates of the reference (γ = {middle:g})"
    for axes, parts, equal, (where, along, name) in (
        (panels[0], "drawn", "updates", along_gamma),
        (panels[1], "drawn", "steps", along_gamma),
        (panels[3], "drawn", "updates", along_time),
        (panels[4], "drawn", "steps", along_time),
        (panels[5], "fixed", "updates", along_gamma),
    ):
        where = {"parts": parts, "equal": equal, **where}
        _draw_exponents(axes, [row for row in table if where.items() <= row.items()], along)
        title = f"equal {equal}" + (", fixed numbers" if parts == "fixed" else "")
        labelled(axes, name, "exponent" if axes in panels[::3] else "", title, legend=axes is panels[0], ncols=2)
    where = {"parts": "drawn", "equal": "updates", **along_gamma[0]}
    _draw_ratios(panels[2], [row for row in table if where.items() <= row.items()])
    labelled(panels[2], "γ", "", "equal updates: distance, measured over predicted", legend=False)
    for axes in panels:
        axes.set_xscale("log")
    return made


def _draw_exponents(axes: Axes, rows: list[dict[str, Any]], along: str) -> None:
    """Draw exponents of the medians, and those predicted: with the shift of the mean, and (dotted) without."""
    for marker, colour, curve in _styled():
        each = [row for row in rows if row["curve"] == curve]
        x = [row[along] for row in each]
        intervals(
            axes, x, [row["exponents"]["median"] for row in each], color=colour, label=curve, marker=marker, ls=""
        )
        for name, line in zip(_PREDICTIONS, _LINES, strict=True):
            axes.plot(x, [row[name]["median"] for row in each], color=colour, ls=line, lw=1.2)
    axes.axhline(_PAPER, color="black", ls="--", lw=1, label="2/3 (paper)")
    for label, line in zip(("diffusion and lag", "with the shift"), _LINES, strict=True):
        axes.plot([], [], color="black", ls=line, lw=1.2, label=label)
    axes.set_ylim(0.0, 1.85)


def _draw_ratios(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw measured over predicted distances: with the shift of the mean, and (dotted, open) by diffusion alone."""
    for marker, colour, curve in _styled():
        each = [row for row in rows if row["curve"] == curve]
        for name, line in zip(_PREDICTIONS, _LINES, strict=True):
            filled = {"mfc": "white"} if line == ":" else {}
            ratios = [row[f"measured_over_{name}"] for row in each]
            intervals(axes, [row["gamma"] for row in each], ratios, color=colour, marker=marker, ls=line, **filled)
    axes.axhspan(1 / SAME, SAME, color="black", alpha=0.08, lw=0)
    axes.set_ylim(0.5, 3.0)


def _styled() -> Iterator[tuple[str, str, str]]:
    """Give marker, colour and name of every curve."""
    yield from zip("osD", plots.colours(len(CURVES)), CURVES, strict=True)


FIG_DISTANCE = Figure(
    "desync-distance",
    "Distance from the synchronous full-batch solution grows as (1-p)^(2/3), (1-b)^(2/3), and so for p = b.",
    find,
    draw,
)
