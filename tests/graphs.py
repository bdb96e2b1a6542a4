"""Connected networks and circuits for hypothesis: any graph, any direction and order of its edges."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet import Network


@dataclass(frozen=True)
class Circuit:
    network: Network
    resistances: NDArray[np.float64]
    held: dict[int, float]

    @property
    def free(self) -> list[int]:
        return [node for node in range(self.network.node_count) if node not in self.held]


def resistances(low_ohm: float = 40.0, high_ohm: float = 10e3) -> st.SearchStrategy[float]:
    """Evenly spread in their logarithm."""
    return st.floats(np.log(low_ohm), np.log(high_ohm)).map(lambda x: float(np.exp(x)))


BOARD_OHM = resistances()


@st.composite
def connected(draw: st.DrawFn, most_nodes: int = 12) -> Network:
    """A random tree and some more edges, in random order and direction."""
    n = draw(st.integers(2, most_nodes))
    name = draw(st.permutations(range(n)))
    pairs = [(draw(st.integers(0, k - 1)), k) for k in range(1, n)]
    pairs += draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=n))
    edges = {frozenset(pair): (name[pair[0]], name[pair[1]]) for pair in pairs if pair[0] != pair[1]}
    return Network(np.array(draw(st.permutations(list(edges.values())))), n)


@st.composite
def circuits(draw: st.DrawFn, ohm: st.SearchStrategy[float] = BOARD_OHM) -> Circuit:
    """A network, its resistances, and at least one held node."""
    network = draw(connected())
    each = st.lists(ohm, min_size=network.edge_count, max_size=network.edge_count)
    held = st.dictionaries(st.integers(0, network.node_count - 1), st.floats(-5, 5), min_size=1, max_size=4)
    return Circuit(network, np.array(draw(each)), draw(held))
