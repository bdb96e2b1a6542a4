"""What Fig. 3 shows is measured here, with the verbs `bias_v`, `wait` and `enabled`.

Gates are looked at after equal waits, as a trigger would, and for their share of open gates after random ones.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from labnet.addresses import open_board
from labnet.board import Board
from labnet.data import Data
from labnet.errors import NotSupported
from labnet.figures.figure import FloatArray

Bits = NDArray[np.bool_]

_MIDDLE_V = 0.5  # bias for p = 0.5, nearly
_LONGEST_S = 1e-3  # between two looks at gates for their shares: some hundred periods
MORE = 4  # times as many looks at half the bias
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


def look(board: Board, waits_s: FloatArray) -> Bits:
    """Look at the gates after each of these waits (triggers,); gives (triggers, E)."""
    bits = np.empty((len(waits_s), board.network.edge_count), dtype=np.bool_)
    for k, wait_s in enumerate(waits_s.tolist()):
        board.wait(wait_s)
        bits[k] = board.enabled()
    return bits


def at_random(triggers: int) -> FloatArray:
    """Give random waits (triggers,): whatever its frequency, an oscillator is then found anywhere in its period."""
    return np.random.default_rng(0).uniform(0.0, _LONGEST_S, triggers)


def correlations(bits: Bits) -> FloatArray:
    """Give Pearson's r of all pairs of gates that were both open and closed, from bits (triggers, E)."""
    moving = bits[:, bits.any(axis=0) & ~bits.all(axis=0)]
    if moving.shape[1] < 2:
        return np.empty(0)
    r = np.asarray(np.corrcoef(moving.T), dtype=np.float64)
    return r[np.triu_indices(len(r), 1)]


def correlated(bits: Bits) -> Correlated:
    """Sum up the correlations of a board's gates at p = 0.5."""
    r, shares = correlations(bits), bits.mean(axis=0)
    moving = (shares > 0) & (shares < 1)
    centred = (bits - shares)[:, moving]
    again = (centred[1:] * centred[:-1]).mean(axis=0) / centred.var(axis=0)
    return Correlated(
        signed=float(r.mean()) if len(r) else np.nan,
        size=size(r),
        stuck=float(1 - moving.mean()),
        p_error=float(np.sqrt(np.mean((shares - 0.5) ** 2))),
        again=float(np.abs(again).mean()) if len(again) else np.nan,
    )


def size(r: FloatArray) -> float:
    """Give the mean of |r|, NaN where there is none."""
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
    middle = []
    for seed in range(curve.boards):
        with open_board(_with(address, f"seed={seed}")) as board:
            middle.append(p_against_bias(board, np.array([_MIDDLE_V]), MORE * curve.triggers)[0])
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
        shares.append(look(board, at_random(triggers)).mean(axis=0))
    return np.array(shares)


def _looked(address: str, seed: int, options: str, triggers: int, apart_s: float) -> Bits:
    """Open a board, and look at its gates at p = 0.5 after equal waits."""
    with open_board(_with(address, f"seed={seed}", options)) as board:
        board.bias_v = _MIDDLE_V
        return look(board, np.full(triggers, apart_s))


def _with(address: str, *options: str) -> str:
    return "&".join([address, *(each for each in options if each)])


def _measure_pairs(
    address: str, asked: Pairs
) -> tuple[dict[tuple[str, float], list[Correlated]], dict[str, FloatArray]]:
    """Measure correlations, and for the middle one of the rates how they become smaller with the number of triggers."""
    middle_hz = asked.rates_hz[len(asked.rates_hz) // 2]
    each = [(named(spread), rate, _spread(spread)) for spread in asked.spreads for rate in asked.rates_hz]
    each += [(name, middle_hz, options) for name, options in asked.others.items()]
    found: dict[tuple[str, float], list[Correlated]] = {}
    growing: dict[str, FloatArray] = {}
    for name, rate_hz, options in each:
        seen = [_looked(address, seed, options, asked.triggers, 1.0 / rate_hz) for seed in range(asked.boards)]
        found[name, rate_hz] = [correlated(bits) for bits in seen]
        if rate_hz == middle_hz:
            sizes = [[size(correlations(bits[:n])) for n in lengths(asked.triggers)] for bits in seen]
            growing[name] = np.array(sizes)
    return found, growing


def named(spread: float) -> str:
    """Name boards by the factor on their tolerances."""
    return f"spread {spread:g}"


def _spread(spread: float) -> str:
    return f"oscillator_spread={spread:g}"


def _measure_map(address: str, asked: Map, hz: float) -> FloatArray:
    """Give mean |r| over (spreads, periods); where no pair of gates has moved it is 1."""
    made = np.empty((len(asked.spreads), len(asked.periods)))
    for (i, k), _ in np.ndenumerate(made):
        every_s, options = asked.periods[k] / hz, _spread(asked.spreads[i])
        boards = [_looked(address, seed, options, asked.triggers, every_s) for seed in range(asked.boards)]
        sizes = np.array([size(correlations(bits)) for bits in boards])
        made[i, k] = np.mean(np.where(np.isnan(sizes), 1.0, sizes))
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
