"""Where leaving out edges helps: final errors over sigma/(eta V) and start, beside the boundary that is predicted."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Picture

from labnet.desynchrony import LOCKED
from labnet.figures.desync import P, by_setting
from labnet.figures.desync_predicted import compared
from labnet.figures.drawing import picture
from labnet.figures.figure import SAME, Figure, Findings, Sweeps

_KEYS = ["s", "start"]
WITHIN = 2.0  # a prediction is right within this factor
_MOST, _MANY = 0.95, 0.75  # shares of settings for which a statement holds, and holds in part
_DARK = 0.5  # text on what is less bright is white


def find(sweeps: Sweeps) -> Findings:
    """Say where p < 1 ends lower, and on which side of Lambda = 1/2 that is."""
    table = tabulated(compared(sweeps["all"]))
    lowest = table[table["p"] == table["p"].min()]
    p, helps, locks = lowest["p"].iloc[0], lowest["helps"], lowest["lock"] > LOCKED
    worse = (lowest["gain"] < 1 / SAME) & (lowest["gain_high"] < 1.0)
    right = float((helps == locks).mean())
    gains, others = lowest["gain"][helps], lowest["gain"][~helps]
    numbers: dict[str, Any] = {
        "tasks": int(table["tasks"].min()),
        "settings": len(lowest),
        "helps": int(helps.sum()),
        "worse": int(worse.sum()),
        "gain_where_it_helps": [float(gains.min()), float(gains.max())],
        "gain_elsewhere": [float(others.min()), float(others.max())],
        "highest_start_that_gains": {f"{s:g}": float(part.max()) for s, part in lowest[helps].groupby("s")["start"]},
        "right_side_of_boundary": right,
        "wrong_side": lowest[helps != locks].to_dict("records"),
        "right_by_predicted_gain": float((helps == (lowest["predicted_gain"] > SAME)).mean()),
        "lowest_lambda_with_gain": float(lowest["lock"][helps].min()),
        "highest_lambda_without_gain": float(lowest["lock"][~helps].max()),
        "measured_over_predicted": {f"{p:g}": ratios(part) for p, part in table.groupby("p")},
        "table": table.to_dict("records"),
    }
    up_to = ", ".join(f"{start:g} (s = {s})" for s, start in numbers["highest_start_that_gains"].items())
    found = [
        f"p = {p:g} ends lower than p = 1 at {numbers['helps']} of {len(lowest)} settings, by factors of "
        f"{gains.min():.2g} to {gains.max():.2g}; higher at {numbers['worse']}; elsewhere the factor is "
        f"{others.min():.2g} to {others.max():.2g}",
        f"it ends lower up to start {up_to}",
        f"{right:.0%} of the settings are on their side of Lambda = {LOCKED:g}, by the predicted gain "
        f"{numbers['right_by_predicted_gain']:.0%}; gains begin at Lambda = {numbers['lowest_lambda_with_gain']:.2g}, "
        f"and there is none up to {numbers['highest_lambda_without_gain']:.2g}",
    ]
    for p, ratio in numbers["measured_over_predicted"].items():
        found.append(f"p = {p}: {said(ratio)}")
    how = "holds" if right >= _MOST else "holds in part" if right >= _MANY else "does not hold"
    return Findings(numbers, tuple(found), how)


def tabulated(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a row a setting and p: errors and gains as `by_setting`, medians of what is predicted, and "helps".

    p < 1 helps where its gain is above what counts as the same, and surely above 1.
    """
    frame = frame.assign(ratio=frame["scaled_error"] / frame["predicted"])
    synchronous = frame[frame[P] == 1.0].set_index([*_KEYS, "task.seed"])["predicted"].rename("of_p_1")
    frame = frame.join(synchronous, on=[*_KEYS, "task.seed"])
    frame["predicted_gain"] = frame["of_p_1"] / frame["predicted"]
    columns = ["predicted", "predicted_gain", "ratio", "lock", "reached"]
    expected = frame.groupby([*_KEYS, P])[columns].median().reset_index().rename(columns={P: "p"})
    table = by_setting(frame, _KEYS).merge(expected, on=[*_KEYS, "p"])
    table["reached"] = table["reached"] > 0.5
    table["helps"] = (table["gain"] > SAME) & (table["gain_low"] > 1.0)
    return table


def ratios(table: pd.DataFrame) -> dict[str, Any]:
    """Give quartiles of measured over predicted errors, where trainings are long enough and where they are not."""
    long = table["reached"]
    return {
        "settings": int(long.sum()),
        "within": int((np.abs(np.log(table["ratio"][long])) < np.log(WITHIN)).sum()),
        "quartiles": quartiles(table["ratio"][long]),
        "short": int((~long).sum()),
        "quartiles_of_short": quartiles(table["ratio"][~long]),
    }


def quartiles(values: pd.Series) -> list[float] | None:
    """Give the quartiles of numbers, where there are any."""
    return values.quantile([0.25, 0.5, 0.75]).tolist() if len(values) else None


def said(ratio: dict[str, Any]) -> str:
    """Say it in words."""
    words = [
        f"error over prediction {middle:.2g} (quartiles {low:.2g}, {high:.2g}) at {count} settings, trainings {how}"
        for count, (low, middle, high), how in (
            (ratio["settings"], ratio["quartiles"] or (0.0, 0.0, 0.0), "long enough"),
            (ratio["short"], ratio["quartiles_of_short"] or (0.0, 0.0, 0.0), "too short"),
        )
        if count
    ]
    return "; ".join(words)


# Drawing --------------------------------------------------------------------------------------------------------


def draw(_: Sweeps, findings: Findings) -> Picture:
    """Draw errors at p = 1 and at the lowest p, and their ratio; the line is Lambda = 1/2, bold are sure gains."""
    table = pd.DataFrame(findings.numbers["table"])
    lowest = table[table["p"] == table["p"].min()]
    synchronous, p = table[table["p"] == 1.0], lowest["p"].iloc[0]
    made, panels = picture(columns=3, sharey=True)
    made.set_size_inches(13.0, 4.6)
    errors = LogNorm(1e-4, 1.0)
    _cells(panels[0], synchronous, "median", "viridis", errors, "a  final scaled error, p = 1")
    _cells(panels[1], lowest, "median", "viridis", errors, f"b  final scaled error, p = {p:g}")
    _cells(panels[2], lowest, "gain", "YlGnBu", LogNorm(0.9, 3000.0), f"c  error at p = 1 over p = {p:g}, task by task")
    for axes in panels:
        _boundary(axes, lowest)
    panels[0].set_ylabel("s = σ_max / (η V)")
    made.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8.5)
    return made


def _cells(axes: Axes, table: pd.DataFrame, value: str, colours: str, norm: LogNorm, title: str) -> None:
    """Draw a heat map with its numbers."""
    shown = table.pivot(index="s", columns="start", values=value)
    helps = table.pivot(index="s", columns="start", values="helps").to_numpy()
    image = axes.imshow(shown.to_numpy(), cmap=colours, norm=norm, origin="lower", aspect="auto")
    for (row, column), number in np.ndenumerate(shown.to_numpy()):
        red, green, blue, _ = image.cmap(norm(number))
        bright = 0.3 * red + 0.6 * green + 0.1 * blue > _DARK
        axes.text(
            column,
            row,
            brief(float(number)),
            color="black" if bright else "white",
            weight="bold" if value == "gain" and helps[row, column] else "normal",
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.set_xticks(range(shown.shape[1]), [f"{start:g}" for start in shown.columns])
    axes.set_yticks(range(len(shown)), [f"{s:g}" for s in shown.index])
    axes.set_xlabel("wiper position at the start")
    axes.set_title(title, fontsize=9, loc="left")
    axes.figure.colorbar(image, ax=axes, pad=0.01)


def _boundary(axes: Axes, table: pd.DataFrame) -> None:
    """Draw where Lambda, which goes as 1 / s, is one half."""
    above = table[table["s"] > 0.0]
    s = np.sort(above["s"].unique())
    at = (above["s"] * above["lock"]).groupby(above["start"]).median() / LOCKED
    axes.plot(
        range(len(at)),
        np.interp(np.log(at), np.log(s), np.arange(len(s)) + float(len(s) < table["s"].nunique())),
        color="#d55e00",
        lw=2,
        label=f"predicted: Λ = {LOCKED:g}; below the line p = 1 is caught. Bold: p < 1 is surely lower",
    )


def brief(number: float) -> str:
    """Write a number in at most four characters."""
    if number >= 0.01:
        return f"{number:.0f}" if number >= 10 else f"{number:.2g}"
    return f"{number:.0e}".replace("e-0", "e-")


FIG_MAP = Figure(
    "desync-map",
    "p < 1 lowers the final error where one step of all edges outdoes sigma, at Lambda > 1/2, and nowhere else.",
    find,
    draw,
)
