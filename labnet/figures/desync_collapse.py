"""Whether final errors depend on sigma/(eta V) and the start alone, and are those that are predicted."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.desynchrony import LOCKED
from labnet.figures.desync import SIGMA, P
from labnet.figures.desync_map import WITHIN, quartiles, ratios, said, tabulated
from labnet.figures.desync_predicted import compared
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import SAME, TASK, Figure, Findings, Sweeps, completed, late_error, verdict
from labnet.sweeps import Sweep

_KIND = "board.sigma"
_MOST = 0.9  # of settings are
_IN_SAMPLE, _HELD_OUT = "map", "held out"


def scaled(sweeps: Sweeps) -> dict[str, Sweep]:
    """Give the sweeps that differ by the voltage alone, the largest first."""
    return {name: sweep for name, sweep in sweeps.items() if name.endswith(" V") and _HELD_OUT not in name}


def unscaled(sweep: Sweep, frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame with the voltage "v", "over_v" (sigma / V) and "s" as columns, and starts as numbers."""
    v = sweep.experiment.task.v_max  # type: ignore[union-attr]
    frame = frame.assign(v=v, over_v=frame[SIGMA] / v, start=frame["start"].astype(float))
    return frame.assign(s=frame["over_v"] / frame["eta"])


def identical(sweeps: dict[str, Sweep]) -> dict[str, Any]:
    """Count trainings that end at the very same wipers as those with all voltages larger."""
    keys = ["over_v", "eta", "start", P, TASK]
    ends = {}
    for name, sweep in sweeps.items():
        frame = unscaled(sweep, completed(sweep, "final"))
        last = frame[frame["step"] == frame.groupby("point")["step"].transform("max")]
        ends[name] = last.pivot(index=keys, columns="edge", values="wiper")
    (_, largest), *others = ends.items()
    counted = {}
    for name, wipers in others:
        common = wipers.index.intersection(largest.index)
        same = (wipers.loc[common] == largest.loc[common]).all(axis=1)
        counted[name] = {"trainings": len(same), "identical": int(same.sum())}
    return counted


def medians_of(sweeps: dict[str, Sweep]) -> pd.DataFrame:
    """Give median final errors of all V, sigma, eta, starts and p."""
    frames = [unscaled(sweep, late_error(sweep, "train")) for sweep in sweeps.values()]
    keys = ["v", SIGMA, "eta", "s", "start", P]
    return pd.concat(frames).groupby(keys)["scaled_error"].median().reset_index()


def spread(middle: pd.DataFrame, against: str) -> pd.Series:
    """Give the highest over the lowest of the curves that meet at a value of `against`, for each start and p."""
    met = middle.groupby([against, "start", P])["scaled_error"].agg(["min", "max", "count"])
    met = met[met["count"] > 1]
    return met["max"] / met["min"]


def of_eta(middle: pd.DataFrame) -> pd.DataFrame:
    """Give "over": errors over those at the smallest eta that has the same s; with "s", "start", "clock.p", "eta"."""
    largest_v = middle[middle["v"] == middle["v"].max()].sort_values("eta")
    keys = ["s", "start", P]
    least = largest_v.groupby(keys)[["eta", "scaled_error"]].first().add_suffix("_least")
    both = largest_v.join(least, on=keys)
    both["over"] = both["scaled_error"] / both["scaled_error_least"]
    larger: pd.DataFrame = both[both["eta"] > both["eta_least"]]
    return larger[[*keys, "eta", "over"]]


def settings(sweeps: Sweeps) -> dict[str, pd.DataFrame]:
    """Give measured and predicted errors of all settings (see `tabulated`), by where they are from."""
    held_out = pd.concat([compared(sweep) for name, sweep in sweeps.items() if _HELD_OUT in name])
    return {_IN_SAMPLE: tabulated(compared(sweeps[_IN_SAMPLE]))} | {
        f"{_HELD_OUT}, {kind}": tabulated(part) for kind, part in held_out.groupby(_KIND, sort=False)
    }


def find(sweeps: Sweeps) -> Findings:
    """Say how far curves are apart against sigma and against s, and how well errors are predicted."""
    same, middle = identical(scaled(sweeps)), medians_of(scaled(sweeps))
    apart = {"sigma": spread(middle, SIGMA), "s": spread(middle, "s")}
    by_eta, tables = of_eta(middle), settings(sweeps)
    fails = by_eta[np.abs(np.log(by_eta["over"])) > np.log(SAME)]
    numbers: dict[str, Any] = {
        "identical_wipers": same,
        "highest_over_lowest_curve": {
            against: {"median": float(each.median()), "largest": float(each.max()), "places": len(each)}
            for against, each in apart.items()
        },
        "eta_over_smallest_eta": by_eta.to_dict("records"),
        "predicted": {name: _quality(table) for name, table in tables.items()},
        "curves": middle.to_dict("records"),
        "settings": {name: table.to_dict("records") for name, table in tables.items()},
    }
    of_sigma, of_s = (numbers["highest_over_lowest_curve"][against] for against in ("sigma", "s"))
    found = [
        *(f"{name}: {n['identical']} of {n['trainings']} trainings end at the same wipers" for name, n in same.items()),
        f"against sigma alone curves are apart by a factor of {of_sigma['median']:.2g} (median; at most "
        f"{of_sigma['largest']:.2g}), against sigma/(eta V) by {of_s['median']:.3g} (at most {of_s['largest']:.2g})",
        f"at equal s errors differ from those at the smallest eta by more than {SAME:g} at {len(fails)} of "
        f"{len(by_eta)} places: "
        + "; ".join(
            f"eta {each['eta']:g}, s {each['s']:.2g}, start {each['start']:g}, p {each[P]:g}: {each['over']:.2g}"
            for each in fails.to_dict("records")
        ),
    ]
    for name, table in numbers["predicted"].items():
        for p, ratio in table["measured_over_predicted"].items():
            found.append(f"{name}, p = {p}: {said(ratio)}; {ratio['within']} of those within a factor of {WITHIN:g}")
        found.append(f"{name}: {table['right_side']:.0%} of the settings are on their side of Lambda = {LOCKED:g}")
    says = {
        "sigma/V": verdict(all(each["identical"] == each["trainings"] for each in same.values())),
        "sigma/(eta V)": verdict(of_s["largest"] < WITHIN, of_s["median"] < SAME),
        "held-out settings": verdict(
            *(
                ratio["within"] >= _MOST * ratio["settings"]
                for name, table in numbers["predicted"].items()
                if _HELD_OUT in name
                for ratio in table["measured_over_predicted"].values()
            )
        ),
    }
    return Findings(numbers, tuple(found), "; ".join(f"{what}: {how}" for what, how in says.items()))


def _quality(table: pd.DataFrame) -> dict[str, Any]:
    """Give how errors and gains compare with what is predicted."""
    lowest = table[table["p"] == table["p"].min()]
    long = lowest[lowest["reached"]]
    return {
        "measured_over_predicted": {f"{p:g}": ratios(part) for p, part in table.groupby("p")},
        "gain_over_predicted": quartiles(long["gain"] / long["predicted_gain"]),
        "right_side": float((lowest["helps"] == (lowest["lock"] > LOCKED)).mean()),
        "right_by_predicted_gain": float((lowest["helps"] == (lowest["predicted_gain"] > SAME)).mean()),
    }


# Drawing --------------------------------------------------------------------------------------------------------


def draw(sweeps: Sweeps, findings: Findings) -> Picture:
    """Draw errors against sigma and against s, then against what is predicted, and gains against Lambda."""
    middle = pd.DataFrame(findings.numbers["curves"])
    tables = {name: pd.DataFrame(rows) for name, rows in findings.numbers["settings"].items()}
    made, panels = picture(2, 2)
    made.set_size_inches(10.0, 8.2)
    _curves(panels[0], middle, SIGMA)
    _curves(panels[1], middle, "s")
    labelled(panels[0], "σ_max in V", "final scaled error", "a  against σ alone, start 4", loc="lower right", ncols=2)
    labelled(panels[1], "s = σ_max / (η V)", "final scaled error", "b  against s: the same curves", legend=False)
    _against_predicted(panels[2], tables)
    _against_lock(panels[3], tables)
    return made


def _curves(axes: Axes, middle: pd.DataFrame, against: str) -> None:
    """Draw a curve for every eta (colour), voltage (marker) and p (line)."""
    low = middle[middle["start"] == middle["start"].min()]
    etas, volts = sorted(low["eta"].unique(), reverse=True), sorted(low["v"].unique(), reverse=True)
    for colour, eta in zip(plots.colours(len(etas)), etas, strict=True):
        axes.plot([], [], color=colour, label=f"η = {eta:.3g}")
        for marker, v in zip("os^", volts, strict=False):
            for p, line, filled in ((1.0, "-", "full"), (low[P].min(), "--", "none")):
                one = low[(low["eta"] == eta) & (low["v"] == v) & (low[P] == p)]
                style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "fillstyle": filled}
                axes.plot(one[against], one["scaled_error"], ms=4, lw=0.8, **style)
    for marker, v in zip("os^", volts, strict=False):
        axes.plot([], [], color="0.4", marker=marker, ls="", ms=4, label=f"V = {v:g} V")
    axes.plot([], [], color="0.4", ls="-", label="p = 1")
    axes.plot([], [], color="0.4", ls="--", label=f"p = {low[P].min():g}")
    axes.set_xscale("log")
    axes.set_yscale("log")


def _against_predicted(axes: Axes, tables: dict[str, pd.DataFrame]) -> None:
    """Draw every setting and p: measured over predicted error; open where trainings are too short."""
    ends = np.array([2e-5, 2.0])
    axes.fill_between(ends, ends / WITHIN, ends * WITHIN, color="0.9", lw=0, label=f"factor of {WITHIN:g}")
    axes.plot(ends, ends, color="0.5", lw=0.8)
    for (name, table), colour in zip(tables.items(), plots.colours(len(tables)), strict=True):
        for p, marker in zip(sorted(table["p"].unique(), reverse=True), "os^", strict=False):
            for long, filled in ((True, colour), (False, "none")):
                part = table[(table["p"] == p) & (table["reached"] == long)]
                style: dict[str, Any] = {
                    "color": colour,
                    "mfc": filled,
                    "marker": marker,
                    "ls": "",
                    "ms": 4,
                    "mew": 0.8,
                    "alpha": 0.8,
                }
                axes.plot(part["predicted"], part["median"], **style)
        axes.plot([], [], color=colour, marker="o", ls="", ms=4, label=name)
    for p, marker in zip(sorted(table["p"].unique(), reverse=True), "os^", strict=False):
        axes.plot([], [], color="0.4", marker=marker, ls="", ms=4, label=f"p = {p:g}")
    axes.plot([], [], color="0.4", mfc="none", marker="o", ls="", ms=4, label="too short")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    title = "c  all settings; each marker is a median over tasks"
    labelled(axes, "predicted final scaled error", "measured final scaled error", title, loc="lower right")


def _against_lock(axes: Axes, tables: dict[str, pd.DataFrame]) -> None:
    """Draw gains of the lowest p against Lambda."""
    for table, colour in zip(tables.values(), plots.colours(len(tables)), strict=True):
        for long, filled in ((True, colour), (False, "none")):
            part = table[(table["p"] == table["p"].min()) & (table["reached"] == long)]
            bars = (part["gain"] - part["gain_low"], part["gain_high"] - part["gain"])
            style: dict[str, Any] = {"color": colour, "mfc": filled, "fmt": "o", "ms": 4, "lw": 0.7, "alpha": 0.8}
            axes.errorbar(part["lock"], part["gain"], bars, **style)
    axes.axvline(LOCKED, color="0.4", lw=1, ls="--")
    axes.axhline(1.0, color="0.5", lw=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    labelled(
        axes,
        "Λ at the start",
        f"error at p = 1 over p = {table['p'].min():g}",
        "d  gain; dashed: Λ = 0.5",
        legend=False,
    )


FIG_COLLAPSE = Figure(
    "desync-collapse",
    "The final error depends on sigma/(eta V) and the start alone; linear response and mean drift predict it.",
    find,
    draw,
)
