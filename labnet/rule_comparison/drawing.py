"""How rules are drawn side by side: a panel a task, a colour for rules of one name, dashes and marks for variants."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labnet import plots
from labnet.rule_comparison.comparison import RuleComparison

_VARIANTS: tuple[tuple[Any, str], ...] = (
    *(("-", ""), ((0, (5, 1.5)), "o"), ((0, (1.2, 1.2)), "^"), ((0, (6, 1.5, 1.2, 1.5)), "s"), ((0, (10, 4)), "x")),
    *(("-", "v"), ("-", "D")),
)
_LEAST, _MOST = 1e-12, 3.0  # errors; what is less is rounding
_FIRST = 5  # settling
_NINTH = "#000000"

Looks = dict[str, dict[str, Any]]


def draw(compared: RuleComparison) -> Figure:
    """Draw the median error against settlings, a panel a task."""
    tasks, looks = compared.tasks, _looks(compared)
    figure = Figure(figsize=(4.2 * len(tasks) + 2.4, 6.4), layout="constrained")
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        _panel(axes, compared, task, looks)
    panels[0].set_ylabel("scaled error, train set, median over seeds")
    handles = {line.get_label(): line for axes in panels for line in axes.get_lines() if line.get_label() in looks}
    shown = [handles[rule] for rule in looks if rule in handles]
    figure.legend(handles=shown, loc="outside right upper", frameon=False, fontsize=8, handlelength=4.0)
    figure.suptitle(compared.sized_title, fontsize=11)
    return figure


def _looks(compared: RuleComparison) -> Looks:
    """Give colour, dashes and mark for every rule."""
    names = compared.table.groupby("rule", sort=False)["name"].first()
    colours = dict(zip(dict.fromkeys(names), [*plots.colours(8), _NINTH] * len(names), strict=False))
    looks: Looks = {}
    for rule, name in names.items():
        variants = sum(names[other] == name for other in looks)
        dashes, mark = _VARIANTS[variants % len(_VARIANTS)]
        looks[str(rule)] = {"color": colours[name], "ls": dashes, "marker": mark}
    return looks


def _panel(axes: Axes, compared: RuleComparison, task: str, looks: Looks) -> None:
    lowest = _MOST
    for rule, look in looks.items():
        if (rule, task) not in compared.sweeps:
            continue
        curve = compared.curve(rule, task)
        curve = curve[curve["settlings"] >= _FIRST]
        curve = curve[curve["median"].shift(fill_value=_MOST) > _LEAST]  # no further than where it gets to the bottom
        error = curve["median"].clip(_LEAST, 2 * _MOST)  # what diverges leaves at the top
        axes.plot(curve["settlings"], error, **look, lw=1.4, ms=3.6, label=rule)
        lowest = min(lowest, error.min())
    axes.axhline(compared.learned(task), color="#999999", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, _LEAST), min(high, _MOST))
    axes.set_xlabel("settlings")
    at_bottom = f"; at the bottom: {_LEAST:g} or less" if lowest <= _LEAST else ""
    axes.set_title(f"{task}{at_bottom}", fontsize=9, loc="left")
    axes.grid(alpha=0.25)
