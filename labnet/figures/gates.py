"""Fig. 3: the bias sets the update probability, and where gates are open independently of each other, where not."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Picture

from labnet import plots
from labnet.analysis import mean
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.figures.gate_bits import MORE, Measured, drawn, lengths, measure, named

_ORDER = 0.03  # up to here |r| counts as of the order of 0.01
_ALIKE = 0.1  # from here on gates that started in phase count as alike no more


def find(measured: Measured) -> Findings:
    """Say whether the bias sets p, and where correlations are of the order of 0.01."""
    asked = measured.settings
    count = asked.pairs.triggers
    mean_p, middle = measured.shares.mean(axis=1), measured.middle
    noise = 0.25 / (MORE * asked.curve.triggers)
    apart = float(np.sqrt(max(np.mean((middle - middle.mean()) ** 2) - noise, 0.0)))
    least = -4 * np.sqrt(0.5 / asked.curve.triggers / measured.shares.shape[1])  # what noise alone may let it fall by
    sets_p = bool((np.diff(mean_p) > least).all()) and mean_p[0] == 0.0 and mean_p[-1] == 1.0
    pairs: dict[str, dict[str, Any]] = {
        f"{name}, {rate_hz:g} Hz": {
            "r": mean([each.signed for each in boards]),
            "size_of_r": mean([each.size for each in boards]),
            "size_of_r_at_the_next_trigger": mean([each.again for each in boards]),
            "stuck": float(np.mean([each.stuck for each in boards])),
        }
        for (name, rate_hz), boards in measured.pairs.items()
    }
    realistic = [
        pairs[f"{named(spread)}, {rate_hz:g} Hz"] for spread in asked.pairs.spreads for rate_hz in asked.pairs.rates_hz
    ]
    small = [name for name, each in pairs.items() if each["size_of_r"].high < _ORDER]
    sizes = [each["size_of_r"] for each in realistic]
    numbers: dict[str, Any] = {
        "oscillator_hz": measured.hz,
        "biases_v": measured.biases_v.tolist(),
        "mean_p": mean_p.tolist(),
        "furthest_from_bias_over_1_V": float(np.abs(mean_p - measured.biases_v).max()),
        "p_apart_edge_to_edge_rms": apart,
        "triggers": count,
        "drawn_gates": float(drawn(count)),
        "pairs": pairs,
        "growing": {name: [mean(column) for column in each.T] for name, each in measured.growing.items()},
        "map": measured.map.tolist(),
        "rational": {name: each.tolist() for name, each in measured.rational.items()},
        "alike_until_s": {f"{spread:g}": _alike_until(measured, spread) for spread in measured.start},
    }
    most, fewest = max(sizes, key=lambda each: each.value), min(sizes, key=lambda each: each.value)
    again = max((each["size_of_r_at_the_next_trigger"] for each in realistic), key=lambda each: each.value)
    large = [f"{name}: {each['size_of_r']}" for name, each in pairs.items() if name not in small]
    found = (
        f"mean p rises from {mean_p[0]:g} to {mean_p[-1]:g}, at most {numbers['furthest_from_bias_over_1_V']:.2g} from "
        f"bias / 1 V; edges differ by {apart:.2g} (rms) at p = 0.5",
        f"mean |r| of all pairs over {count:,} triggers: {fewest} to {most} for realistic spreads and rates, of drawn "
        f"gates {drawn(count):.2g}; mean r at most {max(abs(each['r'].value) for each in realistic):.2g}",
        f"not of the order of 0.01: {'; '.join(large) or 'none of those'}",
        "alike after a start in phase until "
        + ", ".join(f"{1e3 * until:.2g} ms (spread {name})" for name, until in numbers["alike_until_s"].items()),
        f"but a gate and itself at the next trigger: mean |r| up to {again}",
    )
    return Findings(numbers, found, verdict(sets_p, all(each.high < _ORDER for each in sizes)))


def _alike(measured: Measured, spread: float) -> tuple[FloatArray, FloatArray]:
    """Give times, and how alike gates are around them after a start in phase."""
    start = measured.settings.start
    bins = start.count // 30
    times = np.geomspace(*start.seconds, start.count)[: bins * 30].reshape(bins, 30)
    alike = measured.start[spread][:, : bins * 30].reshape(-1, bins, 30)
    return np.exp(np.log(times).mean(axis=1)), alike.mean(axis=(0, 2))


def _alike_until(measured: Measured, spread: float) -> float:
    """Give the time from which on gates are alike by less than 0.1."""
    times, alike = _alike(measured, spread)
    return float(times[min(np.flatnonzero(alike > _ALIKE)[-1] + 1, len(times) - 1)]) if (alike > _ALIKE).any() else 0.0


# Drawing --------------------------------------------------------------------------------------------------------


def draw(measured: Measured, findings: Findings) -> Picture:
    """Draw p against bias; correlations over triggers, over the map, near rationals and after a start in phase."""
    made, panels = picture(rows=2, columns=3)
    _draw_curve(panels[0], measured)
    _draw_growing(panels[1], measured)
    _draw_map(made, panels[2], measured)
    _draw_rational(panels[3:5], measured)
    _draw_start(panels[5], measured)
    return made


def _draw_curve(axes: Axes, measured: Measured) -> None:
    axes.plot(measured.biases_v, measured.shares, color="#9a9a9a", lw=0.5)
    axes.plot([], [], color="#9a9a9a", lw=0.5, label="each edge")
    axes.plot(measured.biases_v, measured.shares.mean(axis=1), color=plots.colours(1)[0], lw=1.5, label="mean")
    axes.plot([0, 1], [0, 1], color="black", lw=1, ls="--", label="bias / 1 V")
    labelled(axes, "bias (V)", "update probability p", "a  one board", loc="upper left")


def _draw_growing(axes: Axes, measured: Measured) -> None:
    triggers = lengths(measured.settings.pairs.triggers)
    for colour, (name, sizes) in zip(plots.colours(len(measured.growing)), measured.growing.items(), strict=True):
        value, low, high = np.array([mean(column) for column in sizes.T]).T
        axes.plot(triggers, value, color=colour, lw=1.3, label=name)
        axes.fill_between(triggers, low, high, color=colour, alpha=0.15, lw=0)
    axes.plot(triggers, drawn(triggers), color="black", lw=1, ls="--", label="drawn gates")
    axes.axhline(0.01, color="black", lw=1, ls=":", label="0.01 (paper)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-3, 12)
    rates_hz = measured.settings.pairs.rates_hz
    title = f"b  triggers at {rates_hz[len(rates_hz) // 2]:g} Hz, p = 0.5"
    labelled(axes, "number of triggers", "mean |r| of all pairs of edges", title, loc="upper right", ncols=2)


def _draw_map(made: Picture, axes: Axes, measured: Measured) -> None:
    asked = measured.settings.map
    shown = axes.imshow(measured.map, norm=LogNorm(3e-3, 1.0), cmap="cividis", aspect="auto")
    for (i, k), size in np.ndenumerate(measured.map):
        colour = "white" if size < 0.1 else "black"
        axes.annotate(f"{size:.2g}", (k, i), ha="center", va="center", fontsize=6, color=colour)
    axes.set_xticks(range(len(asked.periods)), [f"{each:.4g}" for each in asked.periods], rotation=45, fontsize=8)
    axes.set_yticks(range(len(asked.spreads)), [f"{each:g}" for each in asked.spreads], fontsize=8)
    made.colorbar(shown, ax=axes, label="mean |r|")
    title = f"c  {asked.triggers:,} triggers; drawn gates: {drawn(asked.triggers):.2g}"
    labelled(axes, "periods of the oscillators a trigger", "spread, factor on tolerances", title, legend=False)
    axes.grid(visible=False)


def _draw_rational(panels: list[Axes], measured: Measured) -> None:
    asked = measured.settings.rational
    periods = np.linspace(*asked.periods, asked.count)
    for axes, column, name, letter in zip(
        panels, (0, 1), ("mean |r| of all pairs of edges", "error of p, rms over edges"), "de", strict=True
    ):
        for colour, (gates, values) in zip(
            plots.colours(len(measured.rational)), measured.rational.items(), strict=True
        ):
            axes.plot(periods, values[:, column], color=colour, lw=1.2, label=gates)
        noise = drawn(asked.triggers) if column == 0 else 0.5 / np.sqrt(asked.triggers)
        axes.axhline(float(noise), color="black", lw=1, ls="--", label="drawn gates")
        axes.set_ylim(0, 1.0 if column == 0 else 0.6)
        title = f"{letter}  {asked.triggers} triggers, near rationals"
        labelled(
            axes, "periods of the oscillators a trigger", name, title, axes is panels[0], loc="upper center", ncols=2
        )


def _draw_start(axes: Axes, measured: Measured) -> None:
    for colour, spread in zip(plots.colours(len(measured.start)), measured.start, strict=True):
        times, alike = _alike(measured, spread)
        axes.plot(1e3 * times, alike, color=colour, lw=1.2, label=named(spread))
    axes.set_xscale("log")
    labelled(axes, "time since power-on (ms)", "correlation of edges", "f  all start in phase", loc="upper right")


FIG_3 = Figure(
    "3",
    "The bias sets p, and edges update independently: Pearson correlations of order 0.01 at p = 0.5.",
    find,
    draw,
    measure,
)
