"""Boards with broken parts, for whoever tests tests: what the option ``fault`` of an address means.

``fault=NAME@INDEX``, several joined by commas; `labnet_simulators.components.Faults` says what each one is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side, Update
from labnet.errors import OutOfRange
from labnet.networks import Network
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import Faults, Parts, Settling

SHIFT_V = 0.1  # of a shifted ADC
SLOW_S = 1e-3  # time constant of slow settling

# Names in addresses, and what their index counts.
_INDEX = {
    "swapped-comparators": "edge",
    "stuck-wiper": "edge",
    "stuck-gate": "edge",
    "shifted-adc": "node",
    "dead-dac": "node",
    "slow-settling": "",
}


def parsed(text: str | Faults) -> Faults:
    """Give the faults that an address names.

    Raises
    ------
    ValueError
        For anything but names of faults, with the index of an edge or node where they need one.
    """
    if isinstance(text, Faults):
        return text
    found: dict[str, Any] = {}
    for word in text.split(","):
        name, at, index = word.partition("@")
        if name not in _INDEX or bool(at) != bool(_INDEX[name]) or (at and not index.isdecimal()):
            allowed = ", ".join(f"{each}@{what.upper()}".rstrip("@") for each, what in _INDEX.items())
            raise ValueError(f"is {word!r}; allowed: {allowed}; several joined by commas")
        name = name.replace("-", "_")
        found[name] = (*found.get(name, ()), int(index)) if at else True
    return Faults(**found)


class FaultyBoard(SimulatedBoard):
    """A simulated board with broken parts; all else is as without them.

    Compiled code does not model them, so it runs no plans: they are paced by the host.

    Parameters
    ----------
    network, parts, seed, address
        As for a `SimulatedBoard`; ``parts.faults`` says what is broken.

    Raises
    ------
    OutOfRange
        For a fault of an edge or node that the network does not have.
    """

    def __init__(self, network: Network, parts: Parts, seed: int = 0, address: str | None = None) -> None:
        faults = parts.faults
        if faults.slow_settling:
            parts = replace(parts, settling=Settling(SLOW_S))
        if faults.stuck_wiper:  # else resistances could be set where there is a wiper that sticks
            parts = replace(parts, resistance_range_ohm=None)
        super().__init__(network, parts, seed, address)
        self.info = replace(self.info, plans=frozenset())
        self._swapped, self._closed = list(faults.swapped_comparators), list(faults.stuck_gate)
        self._shift_v = np.zeros(network.node_count)
        self._shift_v[list(faults.shifted_adc)] = SHIFT_V

    def _check_faults(self) -> None:
        """Refuse faults of edges and nodes that there are none of."""
        counts = {"edge": self.network.edge_count, "node": self.network.node_count}
        for name, what in _INDEX.items():
            for index in getattr(self.parts.faults, name.replace("-", "_")) if what else ():
                if not 0 <= index < counts[what]:
                    allowed = f"{what}s 0 to {counts[what] - 1} of {self.network.name}"
                    raise OutOfRange(f"fault {name}@{index}; allowed: {allowed}.")

    # Sources and readings -----------------------------------------------------------------------------------------

    def as_driven(self, voltages: Mapping[int, float]) -> dict[int, float]:
        """Give what nodes are really held at when these voltages are asked for."""
        return self._given(super().as_driven(voltages))

    def hold(self, side: Side, nodes: Iterable[int], sources: Mapping[int, float]) -> None:
        """Hold nodes of a side at what their sources really give, and let all others of that side float."""
        super().hold(side, nodes, self._given(sources))

    def _given(self, sources: Mapping[int, float]) -> dict[int, float]:
        dead = self.parts.faults.dead_dac
        return {node: 0.0 if node in dead else volts for node, volts in sources.items()}

    def _before_converter(self, side: Side) -> NDArray[np.float64]:
        return super()._before_converter(side) + self._shift_v

    # Edges --------------------------------------------------------------------------------------------------------

    def _latch(self) -> Update:
        directions, enabled = super()._latch()
        directions[self._swapped] *= -1
        enabled[self._closed] = False
        return Update(directions, enabled)

    def enabled(self) -> NDArray[np.bool_]:
        """Look at the gates now, shape (E,)."""
        enabled = super().enabled()
        enabled[self._closed] = False
        return enabled
