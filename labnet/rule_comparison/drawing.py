"""How rules are drawn side by side: a panel a task, a colour for rules of one name, dashes for their variants."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labnet import plots
from labnet.rule_comparison.comparison import RuleComparison

_DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (10, 4)))
_SHOWN = (1e-6, 3.0)  # errors
_FIRST = 5  # settling
_NINTH = "#000000"

Looks = dict[str, tuple[str, object]]


def draw(compared: RuleComparison) -> Figure:
    """Draw the error of the median seed against settlings, a panel a task."""
    tasks, looks = compared.tasks, _looks(compared)
    figure = Figure(figsize=(4.2 * len(tasks) + 2.4, 5.2), layout="constrained")
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        _panel(axes, compared, task, looks)
    panels[0].set_ylabel("scaled error, train set, median seed")
    handles = {line.get_label(): line for axes in panels for line in axes.get_lines() if line.get_label() in looks}
    shown = [handles[rule] for rule in looks if rule in handles]
    figure.legend(handles=shown, loc="outside right upper", frameon=False, fontsize=8, handlelength=3.2)
    figure.suptitle(compared.file.title, fontsize=11)
    return figure


def _looks(compared: RuleComparison) -> Looks:
    """Give colour and dashes for every rule."""
    names = compared.table.groupby("rule", sort=False)["name"].first()
    colours = dict(zip(dict.fromkeys(names), [*plots.colours(8), _NINTH] * len(names), strict=False))
    looks: Looks = {}
    for rule, name in names.items():
        variants = sum(names[other] == name for other in looks)
        looks[str(rule)] = (colours[name], _DASHES[variants % len(_DASHES)])
    return looks


def _panel(axes: Axes, compared: RuleComparison, task: str, looks: Looks) -> None:
    for rule, (colour, dashes) in looks.items():
        if (rule, task) not in compared.sweeps:
            continue
        curve = compared.curve(rule, task)
        curve = curve[curve["settlings"] >= _FIRST]
        error = curve["median"].clip(upper=2 * _SHOWN[1])  # what diverges leaves at the top
        axes.plot(curve["settlings"], error, color=colour, ls=dashes, lw=1.4, label=rule)
    axes.axhline(compared.learned(task), color="#999999", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, _SHOWN[0]), min(high, _SHOWN[1]))
    axes.set_xlabel("settlings")
    axes.set_title(task, fontsize=9, loc="left")
    axes.grid(alpha=0.25)
