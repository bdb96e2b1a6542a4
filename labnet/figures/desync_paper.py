"""At the paper's sigma, which of its statements about the discrete rule come out at which settings it leaves open."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Patch, Rectangle

from labnet.figures.desync_statements import NAMES, Average, Judged, Outcome, Trained, judged
from labnet.figures.desync_trained import SOURCE_V, Asked, trained
from labnet.figures.figure import Figure, Findings

_COLOURS = {Outcome.HOLDS: "#7fbf7b", Outcome.IN_PART: "#fee08b", Outcome.NOT: "#e4e4e4"}
_HEADS = ("4A\nends\nlower", "4B\nstands\nstill", "4C\nfalls\nwith p", "16 edges,\nregression:\nno gain")
_HEADS_LARGE = ("4D\ngain shrinks\nwith outputs", "4E\nfalls\nwith p")
_AVERAGES: tuple[Average, ...] = ("median", "mean")
_STRIP = 0.1  # width of what stands for the means, in cells
_ROW_IN = 0.235

Table = dict[str, dict[str, Judged]]  # by setting and statement


class Compared(NamedTuple):
    """Errors at all settings, and on tasks that were held out at those that come nearest.

    Attributes
    ----------
    asked : Asked
    searched, held_out : dict of str to Trained
    marks : dict of str to str
        The settings that come nearest, and in what.
    """

    asked: Asked
    searched: Mapping[str, Trained]
    held_out: Mapping[str, Trained]
    marks: Mapping[str, str]


def measure(given: dict[str, Any]) -> Compared:
    """Train at all settings, then at the nearest ones on other tasks."""
    asked = Asked(**given)
    searched = trained(asked, asked.searched, list(asked.settings))
    marks = _nearest(asked, searched)
    held_out = trained(asked, asked.held_out, list(marks))
    return Compared(asked, searched, held_out, marks)


def _on_board(asked: Asked, name: str) -> bool:
    return asked.settings[name].v_max <= SOURCE_V


def _table(asked: Asked, of: Mapping[str, Trained], average: Average) -> Table:
    return {name: judged(each, average, asked.labs) for name, each in of.items()}


def _nearest(asked: Asked, of: Mapping[str, Trained]) -> dict[str, str]:
    """Find the settings where most holds: in medians, then means; the same at 5 V; and in means, then medians."""
    medians, means = (
        {name: sum(each.outcome for each in row.values()) for name, row in _table(asked, of, average).items()}
        for average in _AVERAGES
    )
    both = {name: (medians[name], means[name]) for name in of}
    on_board = {name: both[name] for name in of if _on_board(asked, name)}
    other = {name: (means[name], medians[name]) for name in of}
    found: dict[str, str] = {}
    for scores, mark in ((both, "nearest"), (on_board, f"nearest at {SOURCE_V:g} V"), (other, "nearest in means")):
        found.setdefault(max(scores, key=lambda name: scores[name]), mark)
    return found


def find(compared: Compared) -> Findings:
    """Say where each statement holds, and which setting comes nearest to all."""
    asked = compared.asked
    table, means = (_table(asked, compared.searched, average) for average in _AVERAGES)
    other, other_means = (_table(asked, compared.held_out, average) for average in _AVERAGES)
    numbers = {
        "settings": {name: _numbers(table[name], means[name]) for name in table},
        "held_out": {name: _numbers(other[name], other_means[name]) for name in other},
        "nearest": {mark: name for name, mark in compared.marks.items()},
    }
    found = [_where(asked, table, statement) for statement in NAMES]
    for name in other:
        for what, each in (("", table), (", means", means), (", held out", other), (", held out, means", other_means)):
            found.append(f"{name}{what}: {_said(each[name])}")
    best = max(sum(each.outcome is Outcome.HOLDS for each in row.values()) for row in table.values())
    nearest = [
        f"{mark}: {name} (medians: {_count(table[name])}; means: {_count(means[name])})"
        for name, mark in compared.marks.items()
    ]
    verdict = f"at most {best} of {len(NAMES)} hold together, in medians; " + "; ".join(nearest)
    return Findings(numbers, tuple(found), verdict)


def _numbers(row: dict[str, Judged], means: dict[str, Judged]) -> dict[str, Any]:
    return {
        statement: {
            "outcome": str(each.outcome),
            "outcome_of_means": str(means[statement].outcome),
            "span_at_p_1" if statement == "4B" else "gain": each.number,
            "gain_of_means": means[statement].number,
            "seen_by_a_lab": each.seen,
            **each.more,
        }
        for statement, each in row.items()
    }


def _where(asked: Asked, table: Table, statement: str) -> str:
    """Say at which settings a statement holds."""
    by_outcome = {
        outcome: [name for name, row in table.items() if row[statement].outcome is outcome] for outcome in Outcome
    }
    holds = by_outcome[Outcome.HOLDS]
    board = [name for name in holds if _on_board(asked, name)]
    return (
        f"{statement}: holds at {len(holds)} of {len(table)} settings ({len(board)} with sources up to "
        f"{SOURCE_V:g} V), in part at {len(by_outcome[Outcome.IN_PART])}: {'; '.join(holds) or 'none'}"
    )


def _said(row: dict[str, Judged]) -> str:
    return "; ".join(
        f"{statement} {each.outcome} ({'span' if statement == '4B' else 'gain'} {each.number})"
        for statement, each in row.items()
    )


def _count(row: dict[str, Judged]) -> str:
    counts = [(outcome, sum(each.outcome is outcome for each in row.values())) for outcome in reversed(Outcome)]
    return ", ".join(f"{count} {outcome}" for outcome, count in counts if count)


def draw(compared: Compared, _: Findings) -> Picture:
    """Draw settings by statements: a cell's colour is its outcome, the number the gain, the strip that of means."""
    asked = compared.asked
    table, means = (_table(asked, compared.searched, average) for average in _AVERAGES)
    rows = list(table)
    made = Picture(figsize=(8.4, _ROW_IN * len(rows) + 1.35), layout="constrained")
    axes = made.subplots()
    for y, name in enumerate(rows):
        for x, statement in enumerate(NAMES):
            _cell(axes, x, y, statement, table[name][statement], means[name][statement].outcome)
    for name, mark in compared.marks.items():
        y = rows.index(name)
        axes.add_patch(Rectangle((0, y), len(NAMES), 1, fill=False, ec="black", lw=1.6, zorder=3))
        axes.text(len(NAMES) + 0.08, y + 0.5, mark, fontsize=7, va="center")
    edge = sum(_on_board(asked, name) for name in rows)
    axes.plot([-2.6, len(NAMES)], [edge, edge], color="black", lw=1, ls="--", clip_on=False)
    axes.set_xlim(0, len(NAMES) + 0.95)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=7)
    axes.set_xticks(np.arange(len(NAMES)) + 0.5, [*_HEADS, *_HEADS_LARGE], fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    keys = [Patch(fc=_COLOURS[outcome], ec="white", label=str(outcome)) for outcome in reversed(Outcome)]
    made.legend(
        handles=keys,
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=7,
        title_fontsize=7,
        title=(
            f"{asked.searched[1]} tasks, σ up to {1e3 * asked.sigma_max_v:g} mV. Number: error at p = 1 / error at "
            f"p = {asked.p[0]:g}, median (4B: positions a wiper still moves at p = 1). Strip: of the means.\n"
            "Above the dashed line with the sources of a board; below it in simulation alone."
        ),
    )
    return made


def _cell(axes: Axes, x: int, y: int, statement: str, of: Judged, mean: Outcome) -> None:
    axes.add_patch(Rectangle((x, y), 1 - _STRIP, 1, fc=_COLOURS[of.outcome], ec="white", lw=0.8))
    colour = _COLOURS[of.outcome if statement == "4B" else mean]  # spans have no means
    axes.add_patch(Rectangle((x + 1 - _STRIP, y), _STRIP, 1, fc=colour, ec="white", lw=0.8))
    value = of.number.value
    text = f"{value:.0f}" if statement == "4B" or value >= 9.95 else f"{value:.2g}"
    axes.text(x + (1 - _STRIP) / 2, y + 0.52, text, ha="center", va="center", fontsize=7)


FIG_PAPER = Figure(
    "desync-paper",
    "At sigma up to 50 mV, one setting shows all of Figs. 4A to 4E and no gain in regression on 16 edges.",
    find,
    draw,
    measure,
)
