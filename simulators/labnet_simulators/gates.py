"""The gates that let edges step at a trigger, and those that are drawn; oscillators are in `oscillators`."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labnet.board import Converter
from labnet.errors import OutOfRange

UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

_32 = np.uint64(32)


@dataclass(frozen=True)
class Gate:
    """Gates that are drawn. The bias in volts is the update probability.

    Attributes
    ----------
    fixed_number : bool
        Instead of each edge with probability p, exactly round(p E) edges a trigger (the paper's p-bar).
    grid : Converter
        Range and codes of the bias source.
    """

    fixed_number: bool = False
    grid: Converter = field(default_factory=lambda: Converter(0.0, 1.0))

    def built(self, seed: int, edges: int) -> "DrawnGates":
        """Give the gates of a board."""
        return DrawnGates(self, edges)


class DrawnGates:
    """Gates of all edges, from the draws of each trigger."""

    def __init__(self, gate: Gate, edges: int) -> None:
        self._gate, self._edges = gate, edges

    def bias_for(self, p: float) -> float:
        """Give the bias for update probability `p`: p times 1 V."""
        if p and not self.threshold(_as_given(self._gate.grid, p)):
            grid = self._gate.grid
            step_v = 2.0**-32 if grid.bits is None else grid.volts(np.array(1))  # that of the draws
            least = 0.5 / self._edges if self._gate.fixed_number else 0.5 * step_v
            raise OutOfRange(
                f"update probability {p} of {self._edges} edges is no edge; allowed on this board: 0, or more than "
                f"{least:.2g}."
            )
        return p

    def threshold(self, bias_v: float) -> int:
        """Give what the high half of a draw (or its rank, with a fixed number) must stay below."""
        return round(bias_v * self._edges) if self._gate.fixed_number else round(bias_v * 2.0**32)

    def enabled(self, z: UInt64Array, time_ns: float, bias_v: float) -> BoolArray:
        """Decide for every edge from the high 32 bits of this trigger's draws."""
        high, threshold = z >> _32, self.threshold(bias_v)
        if not self._gate.fixed_number:
            return high < np.uint64(threshold)
        chosen = np.zeros(len(z), dtype=np.bool_)
        chosen[np.argsort(high, kind="stable")[:threshold]] = True
        return chosen


def _as_given(grid: Converter, volts: float) -> float:
    """Give what a bias source makes of a voltage."""
    return float(grid.quantised(np.asarray(volts, dtype=np.float64)))
