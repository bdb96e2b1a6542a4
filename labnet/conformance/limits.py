"""What a board may be off by, in one place; and the bounds that follow from it."""

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from labnet.board import BoardInfo
from labnet.plan import Settings

FloatArray = NDArray[np.float64]

_SIGMAS = 6.5  # of Gaussian noise: beyond them once in 1e10


@dataclass(frozen=True)
class Limits:
    """What a board may be off by. The defaults are those of the reference board's parts (docs/board.md).

    Attributes
    ----------
    accuracy_v : float
        A reading from what was asked to be held: 1.5 mV of the source, 1 mV of the converter, 5e-4 of 5 V of each, a
        code each, noise.
    noise_v : float
        Root mean square noise of a reading: four codes of 16 bits over 5 V.
    pot_tolerance : float
        End-to-end resistance from its nominal value, as a share; the same for both twins.
    twin_mismatch : float
        The twins of an edge from each other, as a share.
    pot_inl_lsb : float
        Resistance from the straight line between the ends, in steps.
    wiper_spread_ohm : float
        Wiper resistance from its nominal value.
    comparator_v : float
        Where |dV_C| and |dV_F| differ by more, an edge must go the right way: sigma of the board.
    probability : float
        Update probability from the one asked for.
    settled_in_s : float
        After it a change is over: how long a plan waits when it does not say.
    period_s : float
        Steps this far apart begin at their time, while the board is asked for its log.
    false_alarm : float
        Probability that a good board fails the suite by chance.
    """

    accuracy_v: float = 8.5e-3
    noise_v: float = 0.3e-3
    pot_tolerance: float = 0.3
    twin_mismatch: float = 0.01
    pot_inl_lsb: float = 1.0
    wiper_spread_ohm: float = 75.0
    comparator_v: float = 0.05
    probability: float = 0.01
    settled_in_s: float = Settings.model_fields["settle_s"].default
    period_s: float = 0.05
    false_alarm: float = 1e-6

    @property
    def steady_v(self) -> float:
        """By how much two readings of the same voltage may differ."""
        return _SIGMAS * sqrt(2.0) * self.noise_v

    @property
    def clear_v(self) -> float:
        """Where |dV_C| and |dV_F| *as read* differ by more, an edge must go the right way."""
        return self.comparator_v + 2 * self.accuracy_v

    def times(self, n: int, p: float, alpha: float) -> tuple[int, int]:
        """Give how often something of probability `p` happens in `n` trials, at least and at most.

        p may be off by `probability`, unless it is 0 or 1; outside these bounds by chance with probability `alpha`.
        """
        off = self.probability if 0.0 < p < 1.0 else 0.0
        counts = np.arange(n + 1)
        low = np.searchsorted(bdtr(counts, n, max(p - off, 0.0)), alpha / 2)
        high = np.searchsorted(bdtr(counts, n, min(p + off, 1.0)), 1.0 - alpha / 2)
        return int(low), min(int(high), n)

    def resistance(self, info: BoardInfo, wiper: int) -> tuple[float, float]:
        """Give the least and the greatest resistance of an edge at a wiper position, in ohms."""
        low, high = (self._resistance(info, wiper, *signs) for signs in ((-1, -1, -1), (1, 1, 1)))
        return low, high

    def ratio(self, info: BoardInfo, wiper: int) -> tuple[float, float]:
        """Give R(wiper) / R(top) of one pot, at least and at most, whatever its tolerance."""
        top, signs = info.wiper_positions - 1, (-1, 1)
        ratios = [
            self._resistance(info, wiper, at, tolerance, ohm) / self._resistance(info, top, -at, tolerance, ohm)
            for at in signs
            for tolerance in signs
            for ohm in signs
        ]
        return min(ratios), max(ratios)

    def twin_ratio(self, info: BoardInfo, wiper: int) -> float:
        """Give by which share the resistances of an edge's twins may differ, well above the low end."""
        return self.twin_mismatch + 2 * self.pot_inl_lsb / wiper

    def _resistance(self, info: BoardInfo, wiper: int, at: int, tolerance: int, ohm: int) -> float:
        """Give R(k) with each part off to one side, the wiper by its nonlinearity."""
        step_ohm = info.end_to_end_ohm / info.wiper_positions * (1.0 + tolerance * self.pot_tolerance)
        wiper_ohm = max(info.wiper_ohm + ohm * self.wiper_spread_ohm, 0.0)
        return wiper_ohm + max(wiper + at * self.pot_inl_lsb, 0.0) * step_ohm


AT_MOST, AT_LEAST = -inf, inf  # the other bound of a finding with one
