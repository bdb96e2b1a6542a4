"""What a calibration found, a class for each kind of part: values with errors, and how to use them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Side
from labnet.calibration.estimates import Array, Estimate
from labnet.data import Data
from labnet.errors import NotCalibrated
from labnet.meters import Accuracy

if TYPE_CHECKING:
    from labnet.calibration.converters import Lines

FloatArray = NDArray[np.float64]

SIDE_INDEX: Mapping[Side, int] = {"free": 0, "clamped": 1}
# A wiper between two calibrated positions: differential nonlinearity of a pot, 0.5 steps at most (AD5220), uniform.
_BETWEEN_STEPS = 0.5 / 3**0.5


class Converters(Data):
    """Gain and offset of sources and readings; NaN at nodes that have no source.

    Asked for q, a source gives (1 + gain) q + offset; at v, a reading is (1 + gain) v + offset.

    Parameters
    ----------
    source_gain, source_offset_v : Estimate, shape (n,)
    reading_gain, reading_offset_v : Estimate, shape (2, n)
        Of the free and the clamped side.
    covariance : array, shape (n, 6, 6)
        At each node, of source gain and offset, those of the free reading, those of the clamped one; without the meter.
    meter_gain, meter_offset_v : float
        Standard deviations of what the meter adds to all nodes alike.
    reading_noise_v : float
        Standard deviation of one reading: noise and codes.
    """

    source_gain: Estimate
    source_offset_v: Estimate
    reading_gain: Estimate
    reading_offset_v: Estimate
    covariance: Array
    meter_gain: float
    meter_offset_v: float
    reading_noise_v: float

    def given(self, nodes: Iterable[int], volts: ArrayLike) -> FloatArray:
        """Give what sources truly give when these voltages are asked for."""
        gain, offset = self._source(nodes)
        return (1.0 + gain) * np.asarray(volts, dtype=np.float64) + offset

    def ask(self, nodes: Iterable[int], volts: ArrayLike) -> FloatArray:
        """Give what to ask sources for, so that they truly give these voltages."""
        gain, offset = self._source(nodes)
        return np.asarray((np.asarray(volts, dtype=np.float64) - offset) / (1.0 + gain))

    def _source(self, nodes: Iterable[int]) -> tuple[FloatArray, FloatArray]:
        """Give gain and offset of sources; 0 where they are not known."""
        at = list(nodes)
        return np.nan_to_num(self.source_gain.value[at]), np.nan_to_num(self.source_offset_v.value[at])

    def corrected(self, side: Side, readings: FloatArray) -> FloatArray:
        """Give true voltages for the readings of all nodes of a side, (n,)."""
        k = SIDE_INDEX[side]
        gain, offset = self.reading_gain.value[k], self.reading_offset_v.value[k]
        return np.asarray((readings - np.nan_to_num(offset)) / (1.0 + np.nan_to_num(gain)))

    def in_source_volts(self, side: Side, readings: FloatArray) -> FloatArray:
        """Give what each node's own source is to be asked for to be read so, (n,): no meter comes into it."""
        return self.ask(range(len(readings)), self.corrected(side, readings))

    def cost_std_v2(self, nodes: Sequence[int], volts: FloatArray, cost_v2: FloatArray) -> FloatArray:
        """Give how far a mean square error that was read may be off, at most, one standard deviation.

        What each output was read as is not known any more, but that these errors are small: so they are taken to be at
        the wanted voltages, and to have the sign that makes it worst.

        Parameters
        ----------
        nodes : sequence of int
            Outputs, read on the free side.
        volts : numpy.ndarray, shape (B, O)
            Wanted there.
        cost_v2 : numpy.ndarray
        """
        each = [np.diag(self.reading_covariance("free", nodes, row)) for row in volts]
        var = float(np.mean(each)) + self.reading_noise_v**2
        return np.asarray(np.sqrt(4.0 * cost_v2 * var + 2.0 * var**2))

    def reading_covariance(self, side: Side, nodes: Iterable[int], volts: ArrayLike) -> FloatArray:
        """Give the covariance of corrected readings of these voltages, in square volts."""
        at, v = list(nodes), np.asarray(volts, dtype=np.float64)
        ones, first = np.ones_like(v), 2 + 2 * SIDE_INDEX[side]
        own = self.covariance[at][:, first : first + 2, first : first + 2]
        var = v**2 * own[:, 0, 0] + 2 * v * own[:, 0, 1] + own[:, 1, 1]
        common = self.meter_gain**2 * np.outer(v, v) + self.meter_offset_v**2 * np.outer(ones, ones)
        return np.diag(var) + common


def converters_of(
    count: int, nodes: Sequence[int], sources: "Lines", readings: "Lines", meter: Accuracy, noise_v: float
) -> Converters:
    """Give gains and offsets for lines through a meter's readings (n,), and through those of both sides (2 n,)."""
    n, at = len(nodes), list(nodes)
    s, i = sources.slopes, sources.intercepts
    slopes, intercepts = readings.slopes.reshape(2, n), readings.intercepts.reshape(2, n)
    ratio = slopes / s
    value = np.full((6, count), np.nan)
    value[:, at] = [
        s - 1.0,
        i,
        *(row for k in range(2) for row in (ratio[k] - 1.0, intercepts[k] - i * ratio[k])),
    ]
    jacobian = np.zeros((n, 6, 6))
    jacobian[:, 0, 0] = jacobian[:, 1, 1] = 1.0
    for k in range(2):
        g, o = 2 + 2 * k, 3 + 2 * k
        jacobian[:, g, 0], jacobian[:, g, g] = -ratio[k] / s, 1.0 / s
        jacobian[:, o, 0], jacobian[:, o, 1] = i * ratio[k] / s, -ratio[k]
        jacobian[:, o, g], jacobian[:, o, o] = -i / s, 1.0
    lines = np.zeros((6, 6))
    lines[:2, :2], lines[2:4, 2:4], lines[4:, 4:] = sources.covariance, readings.covariance, readings.covariance
    covariance = np.full((count, 6, 6), np.nan)
    covariance[at] = jacobian @ lines @ jacobian.transpose(0, 2, 1)
    common = np.array([meter.gain, meter.offset] * 3)[:, None]  # all gains and slopes are 1 but for little
    std = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).T + common**2)
    return Converters(
        source_gain=Estimate(value=value[0], std=std[0]),
        source_offset_v=Estimate(value=value[1], std=std[1]),
        reading_gain=Estimate(value=value[[2, 4]], std=std[[2, 4]]),
        reading_offset_v=Estimate(value=value[[3, 5]], std=std[[3, 5]]),
        covariance=covariance,
        meter_gain=meter.gain,
        meter_offset_v=meter.offset,
        reading_noise_v=noise_v,
    )


class GateCurve(Data):
    """Update probability against bias: of edge e, p = a_e + s_e u + c2 T2(u) + c3 T3(u), from 0 to 1.

    u is -1 at the lowest and 1 at the highest bias; T2 and T3 are Chebyshev's polynomials: the curve's shape is that of
    all edges, its place and slope are each edge's own.

    Parameters
    ----------
    bias_max_v : float
        The highest bias; the lowest is 0.
    fitted : array, shape (2 E + 2,)
        a, s, then c2 and c3; NaN for an edge that never, or always, steps.
    covariance : array, shape (2 E + 2, 2 E + 2)
    triggers : int
        How many were counted.
    misfit : float
        Chi square of the fit, by its degrees of freedom. Where it is above 1 by more than chance the covariance has
        been multiplied by it.
    """

    bias_max_v: float
    fitted: Array
    covariance: Array
    triggers: int
    misfit: float

    @property
    def edge_count(self) -> int:
        """How many edges there are."""
        return (len(self.fitted) - 2) // 2

    def _terms(self, bias_v: float) -> FloatArray:
        """Give what the fitted numbers are multiplied by, (E, 2 E + 2)."""
        edges, u = np.arange(self.edge_count), 2.0 * bias_v / self.bias_max_v - 1.0
        terms = np.zeros((len(edges), len(self.fitted)))
        terms[edges, edges], terms[edges, len(edges) + edges] = 1.0, u
        terms[:, -2], terms[:, -1] = 2 * u**2 - 1, 4 * u**3 - 3 * u
        return terms

    def _line(self, bias_v: ArrayLike) -> FloatArray:
        """Give the curves, not cut at 0 and 1, (biases, E)."""
        u = 2.0 * np.atleast_1d(np.asarray(bias_v, dtype=np.float64))[:, None] / self.bias_max_v - 1.0
        a, s = self.fitted[:-2].reshape(2, -1)
        c2, c3 = self.fitted[-2:]
        return np.asarray(a + s * u + c2 * (2 * u**2 - 1) + c3 * (4 * u**3 - 3 * u))

    def probabilities(self, bias_v: float) -> FloatArray:
        """Give the update probability of every edge at a bias, (E,)."""
        return np.asarray(np.clip(self._line(bias_v)[0], 0.0, 1.0))

    def _biases(self) -> FloatArray:
        return np.linspace(0.0, self.bias_max_v, 4097)

    def edge_bias_v(self, p: float) -> Estimate:
        """Give the bias at which each edge steps with probability p, (E,); NaN where there is none."""
        biases = self._biases()
        value, std = np.full((2, self.edge_count), np.nan)
        for edge, line in enumerate(self._line(biases).T):
            if np.isfinite(line).all() and line[0] <= p <= line[-1]:
                value[edge] = np.interp(p, line, biases)
                terms = self._terms(value[edge])[edge]
                known = np.isfinite(self.fitted)
                var = terms[known] @ self.covariance[np.ix_(known, known)] @ terms[known]
                std[edge] = np.sqrt(var) / self._slope(value[edge])[edge]
        return Estimate(value=value, std=std)

    def _slope(self, bias_v: float) -> FloatArray:
        """Give dp / dbias of the curves that are not cut, (E,)."""
        h = 1e-3 * self.bias_max_v
        low, high = self._line([bias_v - h, bias_v + h])
        return np.asarray((high - low) / (2 * h))

    def bias_v(self, p: float) -> Estimate:
        """Give the bias at which edges step with probability p, in their mean; 0 for p = 0.

        Raises
        ------
        NotCalibrated
            For a p that no bias gives.
        """
        if p == 0.0:
            return Estimate(value=0.0, std=0.0)
        biases = self._biases()
        means = np.nanmean(np.clip(self._line(biases), 0.0, 1.0), axis=1)
        if p >= 1.0:  # the least bias at which all edges step at every trigger
            top = float(np.interp(means[-1], np.maximum.accumulate(means), biases))
            return Estimate(value=min(1.02 * top, self.bias_max_v) if means[-1] >= 1 else self.bias_max_v, std=0.0)
        if not means[0] < p < means[-1]:
            raise NotCalibrated(
                f"update probability {p:g} is beyond this board's gates; allowed: {means[0]:.3g} to {means[-1]:.3g}, 0 "
                "and 1, as its calibration found."
            )
        bias = float(np.interp(p, means, biases))
        inside = np.isfinite(self._line(bias)[0])
        moving = inside & (self._line(bias)[0] > 0) & (self._line(bias)[0] < 1)
        known = np.isfinite(self.fitted)
        terms = self._terms(bias)[moving].sum(axis=0)[known] / inside.sum()
        slope = self._slope(bias)[moving].sum() / inside.sum()
        std = np.sqrt(terms @ self.covariance[np.ix_(known, known)] @ terms) / slope
        return Estimate(value=bias, std=float(std))


class Pots(Data):
    """Resistances of both twins of every edge, at some wiper positions.

    Parameters
    ----------
    positions : tuple of int, ascending
    ohm : Estimate, shape (positions, 2, E)
        Of the free and the clamped side.
    absolute : bool
        Whether a current was measured. If not, only ratios within a side and position are known: resistances are scaled
        so that their geometric mean is the nominal one, and mismatches so that theirs is 0.
    scale_std : float
        Which share of every resistance, the same for all, comes from the meter; it is within `ohm`.
    mismatch : Estimate, shape (positions, E)
        R_clamped / R_free - 1.
    end_to_end_ohm : Estimate, shape (2, E)
        R(top) - R(0): from the last to the first of `positions`.
    """

    positions: tuple[int, ...]
    ohm: Estimate
    absolute: bool
    scale_std: float
    mismatch: Estimate
    end_to_end_ohm: Estimate

    def at(self, side: Side, wipers: ArrayLike) -> Estimate:
        """Give the resistances of a side at any wiper positions, (E,); between calibrated ones along straight lines."""
        wipers = np.asarray(wipers)
        edges, k, x = np.arange(len(wipers)), SIDE_INDEX[side], np.array(self.positions)
        if len(x) < 2:
            raise NotCalibrated("resistances were measured at one wiper position; calibrate two or more.")
        upper = np.clip(np.searchsorted(x, wipers), 1, len(x) - 1)
        lower = upper - 1
        share = (wipers - x[lower]) / (x[upper] - x[lower])
        low, high = self.ohm[lower, k, edges], self.ohm[upper, k, edges]
        step_ohm = (high.value - low.value) / (x[upper] - x[lower])
        between = np.where((share == 0) | (share == 1), 0.0, _BETWEEN_STEPS * step_ohm)
        std = np.sqrt(((1 - share) * low.std) ** 2 + (share * high.std) ** 2 + between**2)
        return Estimate(value=(1 - share) * low.value + share * high.value, std=std)

    @property
    def midscale(self) -> int:
        """Index of the position nearest to the middle."""
        return int(np.argmin(np.abs(np.array(self.positions) - (self.positions[0] + self.positions[-1] + 1) / 2)))


class Comparators(Data):
    """When edges step up.

    With differ = dV_C - dV_F + o1 + sigma' > 0 and same_way = dV_C + dV_F + o2 + sigma' > 0 an edge steps up where
    both, or neither, is true; sigma' has the sign of the other sum, so that sigma adds to |dV_C| as in Eq. 10. The pair
    of comparators of an edge has offsets and sigma = 0, the effective comparator has sigma and no offsets.

    Parameters
    ----------
    difference_v, sum_v : Estimate, shape (E,)
        o1 and o2.
    sigma_v : Estimate, shape (E,)
        Mean of sigma.
    width_v : Estimate, shape (E,)
        Its standard deviation from trigger to trigger: the width of redrawn sigma, or the comparators' noise.
    """

    difference_v: Estimate
    sum_v: Estimate
    sigma_v: Estimate
    width_v: Estimate


class Settling(Data):
    """How fast what floats approaches where it goes.

    Parameters
    ----------
    tau_s : Estimate, shape (n,)
        Time constant of each node; NaN where it is too fast to see.
    at_most_s : float
        The time constants that were not seen are shorter than this.
    """

    tau_s: Estimate
    at_most_s: float
