"""What labnet should do, computed another way: exact fractions, dense solves, draws in pure integers."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from labnet import Network

FloatArray = NDArray[np.float64]
WORD = 2**64


def splitmix64(seed: int, i: int) -> int:
    z = (seed + (i + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def draw(seed: int, stream: int, step: int, i: int) -> int:
    return splitmix64(splitmix64(splitmix64(seed % WORD, stream), step), i)


def exact_voltages(network: Network, conductances: Sequence[Fraction], held: Mapping[int, Fraction]) -> list[Fraction]:
    """Solve Kirchhoff's laws in fractions, by Gaussian elimination of the Laplacian of the nodes not held."""
    free = [node for node in range(network.node_count) if node not in held]
    row = {node: k for k, node in enumerate(free)}
    rows = [[Fraction(0)] * (len(free) + 1) for _ in free]
    for (a, b), g in zip(network.edges.tolist(), conductances, strict=True):
        for node, other in ((a, b), (b, a)):
            if node not in row:
                continue
            rows[row[node]][row[node]] += g
            if other in row:
                rows[row[node]][row[other]] -= g
            else:
                rows[row[node]][-1] += g * held[other]
    for k, pivot in enumerate(rows):
        for lower in rows[k + 1 :]:
            if lower[k]:
                share = lower[k] / pivot[k]
                lower[k:] = [x - share * y for x, y in zip(lower[k:], pivot[k:], strict=True)]
    solution = [Fraction(0)] * len(free)
    for k in reversed(range(len(free))):
        known = sum(rows[k][j] * solution[j] for j in range(k + 1, len(free)))
        solution[k] = (rows[k][-1] - known) / rows[k][k]
    return [held[node] if node in held else solution[row[node]] for node in range(network.node_count)]


def exact_margins(
    network: Network,
    wipers: Sequence[int],
    held: Mapping[int, float],
    clamps: Mapping[int, float],
    sigma_v: Sequence[float] | None = None,
) -> list[Fraction]:
    """Give |dV_C| + sigma - |dV_F| of every edge, exactly; R(k) = 40 + k 10000 / 128 ohm."""
    conductances = [1 / (40 + int(k) * Fraction(10000, 128)) for k in wipers]
    free_held = {node: Fraction(v) for node, v in held.items()}
    clamped_held = free_held | {node: Fraction(v) for node, v in clamps.items()}
    free = exact_voltages(network, conductances, free_held)
    clamped = exact_voltages(network, conductances, clamped_held)
    sigmas = [Fraction(0)] * network.edge_count if sigma_v is None else [Fraction(s) for s in sigma_v]
    return [
        abs(clamped[a] - clamped[b]) + sigma - abs(free[a] - free[b])
        for (a, b), sigma in zip(network.edges.tolist(), sigmas, strict=True)
    ]


def solved_voltages(network: Network, ohm: FloatArray, held: Mapping[int, float]) -> FloatArray:
    """Solve Kirchhoff's laws by one dense solve: current law at floating nodes, V = given at held ones."""
    laplacian = np.zeros((network.node_count, network.node_count))
    for (a, b), r in zip(network.edges.tolist(), ohm.tolist(), strict=True):
        laplacian[[a, b], [a, b]] += 1 / r
        laplacian[[a, b], [b, a]] -= 1 / r
    currents = np.zeros(network.node_count)
    for node, volts in held.items():
        laplacian[node] = np.eye(network.node_count)[node]
        currents[node] = volts
    return np.asarray(np.linalg.solve(laplacian, currents), dtype=np.float64)


def drops(network: Network, volts: FloatArray) -> FloatArray:
    return np.array([volts[a] - volts[b] for a, b in network.edges.tolist()])
