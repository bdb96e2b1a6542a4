"""Fig. 3: the bias sets the update probability, and gates are open independently of each other, or where they are not.

All is measured with the verbs `bias_v`, `wait` and `enabled`: gates are looked at after equal waits.
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Picture
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from labnet import plots
from labnet.analysis import mean
from labnet.board import Board, open_board
from labnet.data import Data
from labnet.errors import NotSupported
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import Figure, Findings, FloatArray, verdict

Bits = NDArray[np.bool_]

_MIDDLE_V = 0.5  # bias for p = 0.5, nearly
_ORDER = 0.03  # up to here |r| counts as of the order of 0.01
_APART_S = 97.3e-6  # between two looks at gates for their shares: a multiple of no oscillator's period
_SHORTEST = 30  # triggers, for a correlation


class Curve(Data):
    """How p against bias is measured: on so many boards, at so many biases, with so many looks at each."""

    boards: int = Field(ge=2)
    biases: int = Field(ge=5)
    triggers: int = Field(ge=10)


class Pairs(Data):
    """Correlations on boards of realistic spreads at several trigger rates, and on `others`, by options."""

    boards: int = Field(ge=2)
    triggers: int = Field(ge=100)
    spreads: tuple[float, ...] = Field(min_length=1)
    rates_hz: tuple[float, ...] = Field(min_length=1)
    others: dict[str, str]


class Map(Data):
    """Correlations over spreads, and over periods of the oscillators between two triggers."""

    boards: int = Field(ge=1)
    triggers: int = Field(ge=100)
    spreads: tuple[float, ...] = Field(min_length=2)
    periods: tuple[float, ...] = Field(min_length=2)


class Rational(Data):
    """Correlations and shares over periods of the oscillators between two triggers, for gates by options."""

    boards: int = Field(ge=1)
    triggers: int = Field(ge=100)
    periods: tuple[float, float]
    count: int = Field(ge=2)
    gates: dict[str, str]


class Start(Data):
    """Gates that start in phase, looked at from power-on."""

    boards: int = Field(ge=2)
    spreads: tuple[float, ...]
    seconds: tuple[float, float]
    count: int = Field(ge=50)


class Settings(Data):
    """What the file says; spreads are factors on all tolerances of the oscillators."""

    title: str = ""
    board: str
    curve: Curve
    pairs: Pairs
    map: Map
    rational: Rational
    start: Start


class Correlated(NamedTuple):
    """Pearson correlations between the gates of a board.

    Attributes
    ----------
    signed, size : float
        Means of r and |r| over all pairs of gates that were both open and closed; NaN where there are none.
    stuck : float
        Share of gates that were always open, or never.
    p_error : float
        How far the shares of looks at which gates were open are from one half, root mean square.
    again : float
        Mean size of the correlation of a gate with itself at the next trigger.
    """

    signed: float
    size: float
    stuck: float
    p_error: float
    again: float


class Measured(NamedTuple):
    """What was measured.

    `shares` (levels, E) at `biases_v`, on one board; `middle` (boards, E) at half the bias. `pairs`: by gates and rate
    a `Correlated` for each board; `growing` (boards, lengths): mean |r| over the first so many triggers. `map`:
    (spreads, periods). `rational`: by gates (count, 2), mean |r| and error of p. `start`: by spread (boards, count).
    """

    settings: Settings
    hz: float
    biases_v: FloatArray
    shares: FloatArray
    middle: FloatArray
    pairs: dict[tuple[str, float], list[Correlated]]
    growing: dict[str, FloatArray]
    map: FloatArray
    rational: dict[str, FloatArray]
    start: dict[float, FloatArray]


def look(board: Board, triggers: int, apart_s: float) -> Bits:
    """Look at the gates so many times, so far apart; gives (triggers, E)."""
    bits = np.empty((triggers, board.network.edge_count), dtype=np.bool_)
    for k in range(triggers):
        board.wait(apart_s)
        bits[k] = board.enabled()
    return bits


def correlations(bits: Bits) -> FloatArray:
    """Give Pearson's r of all pairs of gates that were both open and closed, from bits (triggers, E)."""
    moving = bits[:, bits.any(axis=0) & ~bits.all(axis=0)]
    if moving.shape[1] < 2:
        return np.empty(0)
    return np.asarray(np.corrcoef(moving.T)[np.triu_indices(moving.shape[1], 1)])


def correlated(bits: Bits) -> Correlated:
    """Sum up the correlations of a board's gates at p = 0.5."""
    r, shares = correlations(bits), bits.mean(axis=0)
    moving = (shares > 0) & (shares < 1)
    centred = (bits - shares)[:, moving]
    again = (centred[1:] * centred[:-1]).mean(axis=0) / centred.var(axis=0)
    return Correlated(
        signed=float(r.mean()) if len(r) else np.nan,
        size=_size(r),
        stuck=float(1 - moving.mean()),
        p_error=float(np.sqrt(np.mean((shares - 0.5) ** 2))),
        again=float(np.abs(again).mean()) if len(again) else np.nan,
    )


def _size(r: FloatArray) -> float:
    return float(np.abs(r).mean()) if len(r) else np.nan


def drawn(triggers: ArrayLike) -> FloatArray:
    """Give the mean |r| of gates that are drawn, over so many triggers N: r is normal, of standard deviation N^-1/2."""
    return np.asarray(np.sqrt(2.0 / (np.pi * np.asarray(triggers))))


def lengths(triggers: int) -> NDArray[np.int64]:
    """Give numbers of triggers up to that one, evenly over their logarithm."""
    return np.geomspace(_SHORTEST, triggers, 13).round().astype(np.int64)


# Measuring ------------------------------------------------------------------------------------------------------


def measure(given: dict[str, Any]) -> Measured:
    """Measure what all panels show."""
    settings = Settings(**given)
    address, curve, start = settings.board, settings.curve, settings.start
    with open_board(address) as board:
        hz = board.info.self_trigger_hz
        if hz is None:
            raise NotSupported(f"the gates of {address} are no oscillators; allowed: a board with gate=oscillator.")
        biases_v = np.linspace(0.0, 1.0, curve.biases)
        shares = p_against_bias(board, biases_v, curve.triggers)
    middle = [_looked(address, seed, "", curve.triggers, _APART_S).mean(axis=0) for seed in range(curve.boards)]
    pairs, growing = _measure_pairs(address, settings.pairs)
    return Measured(
        settings,
        hz,
        biases_v,
        shares,
        np.array(middle),
        pairs,
        growing,
        _measure_map(address, settings.map, hz),
        {name: _near_rationals(address, settings.rational, each, hz) for name, each in settings.rational.gates.items()},
        {spread: _from_power_on(address, start, spread) for spread in start.spreads},
    )


def p_against_bias(board: Board, biases_v: FloatArray, triggers: int) -> FloatArray:
    """Give the shares of looks at which gates were open, (levels, E)."""
    shares = []
    for volts in biases_v.tolist():
        board.bias_v = volts
        shares.append(look(board, triggers, _APART_S).mean(axis=0))
    return np.array(shares)


def _looked(address: str, seed: int, options: str, triggers: int, apart_s: float) -> Bits:
    """Open a board, and look at its gates at p = 0.5."""
    with open_board(_with(address, f"seed={seed}", options)) as board:
        board.bias_v = _MIDDLE_V
        return look(board, triggers, apart_s)


def _with(address: str, *options: str) -> str:
    return "&".join([address, *(each for each in options if each)])


def _measure_pairs(
    address: str, asked: Pairs
) -> tuple[dict[tuple[str, float], list[Correlated]], dict[str, FloatArray]]:
    """Measure correlations, and for the middle one of the rates how they become smaller with the number of triggers."""
    middle_hz = asked.rates_hz[len(asked.rates_hz) // 2]
    each = [(_named(spread), rate, _spread(spread)) for spread in asked.spreads for rate in asked.rates_hz]
    each += [(name, middle_hz, options) for name, options in asked.others.items()]
    found: dict[tuple[str, float], list[Correlated]] = {}
    growing: dict[str, FloatArray] = {}
    for name, rate_hz, options in each:
        seen = [_looked(address, seed, options, asked.triggers, 1.0 / rate_hz) for seed in range(asked.boards)]
        found[name, rate_hz] = [correlated(bits) for bits in seen]
        if rate_hz == middle_hz:
            sizes = [[_size(correlations(bits[:n])) for n in lengths(asked.triggers)] for bits in seen]
            growing[name] = np.array(sizes)
    return found, growing


def _named(spread: float) -> str:
    return f"spread {spread:g}"


def _spread(spread: float) -> str:
    return f"oscillator_spread={spread:g}"


def _measure_map(address: str, asked: Map, hz: float) -> FloatArray:
    """Give mean |r| over (spreads, periods); where no pair of gates has moved it is 1."""
    made = np.empty((len(asked.spreads), len(asked.periods)))
    for (i, k), _ in np.ndenumerate(made):
        every_s, options = asked.periods[k] / hz, _spread(asked.spreads[i])
        boards = [_looked(address, seed, options, asked.triggers, every_s) for seed in range(asked.boards)]
        sizes = [_size(correlations(bits)) for bits in boards]
        made[i, k] = np.mean([1.0 if np.isnan(size) else size for size in sizes])
    return made


def _near_rationals(address: str, asked: Rational, options: str, hz: float) -> FloatArray:
    """Give mean |r| and the error of p over times between triggers, (count, 2)."""
    made = []
    for periods in np.linspace(*asked.periods, asked.count).tolist():
        seen = [_looked(address, seed, options, asked.triggers, periods / hz) for seed in range(asked.boards)]
        each = [correlated(bits) for bits in seen]
        sizes = [one.size for one in each if not np.isnan(one.size)]
        made.append([np.mean(sizes) if sizes else np.nan, np.sqrt(np.mean([one.p_error**2 for one in each]))])
    return np.array(made)


def _from_power_on(address: str, asked: Start, spread: float) -> FloatArray:
    """Give how alike gates are at times after a power-on in phase, (boards, count): the mean over pairs of +-1."""
    made = []
    for seed in range(asked.boards):
        with open_board(_with(address, f"seed={seed}", _spread(spread), "phase_spread=0")) as board:
            board.bias_v = _MIDDLE_V
            alike = []
            for time_s in np.geomspace(*asked.seconds, asked.count).tolist():
                board.wait(time_s - board.time_s)
                signs = 2.0 * board.enabled() - 1.0
                edges = len(signs)
                alike.append((signs.sum() ** 2 - edges) / (edges * (edges - 1)))
        made.append(alike)
    return np.array(made)


# Findings -------------------------------------------------------------------------------------------------------


def find(measured: Measured) -> Findings:
    """Say whether the bias sets p, and where correlations are of the order of 0.01."""
    asked = measured.settings
    count = asked.pairs.triggers
    mean_p, middle = measured.shares.mean(axis=1), measured.middle
    noise = 0.25 / asked.curve.triggers
    apart = float(np.sqrt(max(np.mean((middle - middle.mean()) ** 2) - noise, 0.0)))
    sets_p = bool((np.diff(mean_p) >= -4 * np.sqrt(noise / measured.shares.shape[1])).all()) and (
        mean_p[0] == 0 and mean_p[-1] == 1
    )
    pairs = {
        f"{name}, {rate_hz:g} Hz": {
            "r": mean([each.signed for each in boards]),
            "size_of_r": mean([each.size for each in boards]),
            "size_of_r_at_the_next_trigger": mean([each.again for each in boards]),
            "stuck": float(np.mean([each.stuck for each in boards])),
        }
        for (name, rate_hz), boards in measured.pairs.items()
    }
    realistic = [
        pairs[f"{_named(spread)}, {rate_hz:g} Hz"] for spread in asked.pairs.spreads for rate_hz in asked.pairs.rates_hz
    ]
    small = [name for name, each in pairs.items() if each["size_of_r"].high < _ORDER]
    sizes = [each["size_of_r"] for each in realistic]
    numbers = {
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
    most, least = max(sizes, key=lambda each: each.value), min(sizes, key=lambda each: each.value)
    again = max((each["size_of_r_at_the_next_trigger"] for each in realistic), key=lambda each: each.value)
    large = [f"{name}: {each['size_of_r']}" for name, each in pairs.items() if name not in small]
    found = (
        f"mean p rises from {mean_p[0]:g} to {mean_p[-1]:g}, at most {numbers['furthest_from_bias_over_1_V']:.2g} from "
        f"bias / 1 V; edges differ by {apart:.2g} (rms) at p = 0.5",
        f"mean |r| of all pairs over {count:,} triggers: {least} to {most} for realistic spreads and rates, of drawn "
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
    return float(times[min(np.flatnonzero(alike > 0.1)[-1] + 1, len(times) - 1)]) if (alike > 0.1).any() else 0.0


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
    norm = LogNorm(3e-3, 1.0)
    shown = axes.pcolormesh(asked.periods, asked.spreads, measured.map, norm=norm, cmap="cividis", shading="nearest")
    for (i, k), size in np.ndenumerate(measured.map):
        where = (asked.periods[k], asked.spreads[i])
        colour = "white" if size < 0.05 else "black"
        axes.annotate(f"{size:.2g}", where, ha="center", va="center", fontsize=6, color=colour)
    axes.set_xscale("log")
    axes.set_yscale("log")
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
        axes.plot(1e3 * times, alike, color=colour, lw=1.2, label=_named(spread))
    axes.set_xscale("log")
    labelled(axes, "time since power-on (ms)", "correlation of edges", "f  all start in phase", loc="upper right")


FIG_3 = Figure(
    "3",
    "The bias sets p, and edges update independently: Pearson correlations of order 0.01 at p = 0.5.",
    find,
    draw,
    measure,
)
