"""Laws of edges: what current an edge carries at which voltages of its two nodes, for its resistance R.

A law is plain data, stored with the board that has it. Where the current depends on the drop alone the network is
*reciprocal*: it has a content, the sum over the edges of the integral of the current over the drop, which is least in
the physical state (Millar 1951; half the power where edges are linear). Contrast rules (coupled learning, equilibrium
propagation) follow the slope of that content with R.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import wrightomega

from labnet.circuit.edges import edge_drops
from labnet.errors import CircuitError
from labnet.networks import Network

FloatArray = NDArray[np.float64]

# Of a junction's resistor: a broken edge is taken for this, beyond which the difference of currents drowns.
_MOST_OHM = 1e15


class Linearised(NamedTuple):
    """Currents of edges at given voltages, and their slopes.

    Attributes
    ----------
    currents : numpy.ndarray, shape (..., E)
        From the first to the second node of every edge, in amperes.
    first, second : numpy.ndarray, shape (..., E)
        dI/dV_first and dI/dV_second, in siemens.
    """

    currents: FloatArray
    first: FloatArray
    second: FloatArray


class Law(ABC):
    """What current an edge carries. Resistances are (E,), voltages (..., n), results (..., E).

    Attributes
    ----------
    linear : bool
        Whether currents are proportional to voltage drops.
    reciprocal : bool
        Whether the current depends on the drop alone: then the network has a content.
    """

    linear: ClassVar[bool] = False
    reciprocal: ClassVar[bool] = True

    @abstractmethod
    def linearised(self, network: Network, ohm: FloatArray, volts: FloatArray) -> Linearised:
        """Give the currents and their slopes with the voltages of both nodes."""

    @abstractmethod
    def ohm_slope(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """Give dI/dR at fixed voltages, in amperes per ohm."""

    @abstractmethod
    def contrast(self, network: Network, ohm: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        """Give 2 R_ref^2 (dK/dR in state `one` - dK/dR in state `other`) of the content K, in V^2.

        On a linear network that is (R_ref / R)^2 (dV_other^2 - dV_one^2).
        """

    def content(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """Give the content K of every edge, in watts; raises `CircuitError` where the law has none."""
        raise CircuitError(f"edges of {self} have no content; allowed: reciprocal laws, as Linear and Diode.")

    def currents(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """Give the current from the first to the second node of every edge, in amperes."""
        return self.linearised(network, ohm, volts).currents

    def slopes(self, network: Network, ohm: FloatArray, volts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give dI/dV_first and dI/dV_second, in siemens."""
        _, first, second = self.linearised(network, ohm, volts)
        return first, second


@dataclass(frozen=True)
class Linear(Law):
    """Ohm's law: I = (V_first - V_second) / R."""

    name: str = field(default="linear", init=False)
    linear: ClassVar[bool] = True

    def linearised(self, network: Network, ohm: FloatArray, volts: FloatArray) -> Linearised:
        """See `Law`."""
        drops = edge_drops(network, volts)
        slope = np.broadcast_to(1.0 / ohm, drops.shape)
        return Linearised(drops * slope, slope, -slope)

    def ohm_slope(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """See `Law`."""
        return -edge_drops(network, volts) / (ohm * ohm)

    def contrast(self, network: Network, ohm: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        """See `Law`."""
        d_one, d_other = edge_drops(network, one), edge_drops(network, other)
        conductance = network.r_ref_ohm * (1.0 / ohm)  # in units of 1 / R_ref
        # As a product: the difference of two squares that are nearly equal would lose digits.
        return np.asarray((conductance * conductance) * ((d_other - d_one) * (d_other + d_one)))

    def content(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """See `Law`."""
        return np.asarray(0.5 * edge_drops(network, volts) ** 2 / ohm)


@dataclass(frozen=True)
class Diode(Law):
    """The resistor R in series with a junction diode: dV = I R + n V_T ln(1 + I / I_S), and a small bypass.

    The current has a closed form, I = (a / R) omega(ln(I_S R / a) + (dV + I_S R) / a) - I_S with a = n V_T and
    Wright's omega (the Lambert function of an exponential, which does not overflow). The slope of the content with R
    is -I^2 / 2. Defaults are those of a 1N4148 at 300 K.

    Parameters
    ----------
    saturation_a : float
        I_S.
    ideality : float
        n.
    thermal_v : float
        V_T = k T / q.
    bypass_s : float
        Conductance past resistor and diode, such that no node floats behind diodes that block.
    directions : tuple of int
        +1 where the diode conducts from the first node of an edge to the second, -1 where the other way, 0 where the
        edge is the resistor alone; repeated along the edges when there are more of them.

    Raises
    ------
    CircuitError
    """

    name: str = field(default="diode", init=False)
    saturation_a: float = 2.52e-9
    ideality: float = 1.752
    thermal_v: float = 0.02585
    bypass_s: float = 1e-9
    directions: tuple[int, ...] = (1, 0, -1)

    def __post_init__(self) -> None:
        _check_positive(self, "saturation_a", "ideality", "thermal_v", "bypass_s")
        if not self.directions or not set(self.directions) <= {-1, 0, 1}:
            raise CircuitError(f"directions of diodes are {self.directions}; allowed: one or more of 1, -1 and 0.")

    def linearised(self, network: Network, ohm: FloatArray, volts: FloatArray) -> Linearised:
        """See `Law`."""
        current, slope = self._series(network, ohm, volts)
        bypass = self._bypass(network, ohm)
        slope = slope + bypass
        return Linearised(current + bypass * edge_drops(network, volts), slope, -slope)

    def ohm_slope(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """See `Law`."""
        current, slope = self._series(network, ohm, volts)
        return -current * slope

    def contrast(self, network: Network, ohm: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        """See `Law`."""
        i_one, i_other = (self._series(network, ohm, volts)[0] for volts in (one, other))
        return np.asarray(network.r_ref_ohm**2 * ((i_other - i_one) * (i_other + i_one)))

    def content(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """See `Law`."""
        drops, sign = edge_drops(network, volts), _along(self.directions, network.edge_count)
        current, series_ohm = self._series(network, ohm, volts)[0], np.minimum(ohm, _MOST_OHM)
        junction = (drops - current * series_ohm) * sign / (self.ideality * self.thermal_v)
        stored = self.saturation_a * self.ideality * self.thermal_v * (np.expm1(junction) - junction)
        return np.asarray(0.5 * current**2 * series_ohm + stored + 0.5 * self._bypass(network, ohm) * drops**2)

    def _series(self, network: Network, ohm: FloatArray, volts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give current and slope of resistor and diode, without the bypass."""
        sign = _along(self.directions, network.edge_count)
        drops = edge_drops(network, volts)
        ohm = np.minimum(ohm, _MOST_OHM)
        scale = self.saturation_a * ohm / (self.ideality * self.thermal_v)
        omega = wrightomega(np.log(scale) + scale + drops * sign / (self.ideality * self.thermal_v))
        plain = sign == 0
        current = sign * (self.ideality * self.thermal_v * omega / ohm - self.saturation_a)
        slope = omega / ((1.0 + omega) * ohm)
        return np.where(plain, drops / ohm, current), np.where(plain, 1.0 / ohm, slope)

    def _bypass(self, network: Network, ohm: FloatArray) -> FloatArray:
        """Give the bypass of every edge: none past a resistor alone, or where the edge is broken."""
        has = (_along(self.directions, network.edge_count) != 0) & np.isfinite(ohm)
        return np.asarray(self.bypass_s * has)


@dataclass(frozen=True)
class Transistor(Law):
    """An n-channel MOSFET, its gate at a voltage against ground: the edges of Dillavou et al., PNAS 121 (2024).

    I = (S / 2) (u_second^2 - u_first^2) with u = max(V_GT - V, 0) at each end and V_GT = V_gate - V_threshold: the
    square law in all its regions. While both ends are below V_GT that is S (V_GT - mean V) dV, a resistor whose
    conductance falls with the mean voltage of its nodes; an end above V_GT is pinched off (saturation), and with both
    above no current flows but that of the bypass. R stands for the gate: the resistance at 0 V, V_GT = 1 / (S R).

    dI/dV_first is not -dI/dV_second: such a network is not reciprocal and has no content, and the contrast of two
    states is not the gradient of anything, even for small nudges. `contrast` takes the content that the edge would
    have at a fixed mean voltage, whose slope with R is -dV^2 / (2 R^2), as for a resistor: the rule of the paper.
    `circuit.cost_slope` is exact here too.

    Parameters
    ----------
    strength_a_per_v2 : float
        S. The default puts V_GT at 2 V for 1 kohm and at 0.2 V for 10 kohm: for signals of some 0.5 V.
    bypass_s : float
        Conductance past the transistor, such that no node floats where it blocks.

    Raises
    ------
    CircuitError
    """

    name: str = field(default="transistor", init=False)
    strength_a_per_v2: float = 5e-4
    bypass_s: float = 1e-8
    reciprocal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_positive(self, "strength_a_per_v2", "bypass_s")

    def linearised(self, network: Network, ohm: FloatArray, volts: FloatArray) -> Linearised:
        """See `Law`."""
        pinched, first, second = self._channel(network, ohm, volts)
        bypass = self.bypass_s * np.isfinite(ohm)
        currents = 0.5 * (first + second) * pinched + bypass * edge_drops(network, volts)
        return Linearised(currents, first + bypass, -second - bypass)

    def ohm_slope(self, network: Network, ohm: FloatArray, volts: FloatArray) -> FloatArray:
        """See `Law`."""
        return np.asarray(-self._channel(network, ohm, volts)[0] / (ohm * ohm))

    def contrast(self, network: Network, ohm: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        """See `Law`, and above."""
        return Linear().contrast(network, ohm, one, other)

    def _channel(self, network: Network, ohm: FloatArray, volts: FloatArray) -> tuple[FloatArray, ...]:
        """Give the drop over the channel in volts, and its conductance S u at the first and at the second node."""
        over = 1.0 / (self.strength_a_per_v2 * ohm)
        # Not as a difference of both u, which would lose the digits of a drop that is small beside them.
        first, second = (np.minimum(volts.take(end, axis=-1), over) for end in network.ends)
        return first - second, self.strength_a_per_v2 * (over - first), self.strength_a_per_v2 * (over - second)


@lru_cache(maxsize=64)
def _along(pattern: tuple[int, ...], edge_count: int) -> FloatArray:
    """Repeat a pattern along the edges, shape (E,)."""
    along = np.resize(np.array(pattern, dtype=np.float64), edge_count)
    along.flags.writeable = False
    return along


def _check_positive(law: Law, *names: str) -> None:
    for name in names:
        if not 0.0 < getattr(law, name) < np.inf:
            raise CircuitError(f"{name} of {type(law).__name__} is {getattr(law, name)}; allowed: above 0, finite.")
