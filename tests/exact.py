"""Kirchhoff's laws in rational numbers: exact for the floats given, and slow."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isinf

from labnet import Network


def exact_voltages(network: Network, resistances_ohm: Sequence[float], held: Mapping[int, float]) -> list[float] | None:
    """Gauss's elimination; None where a node floats."""
    n = network.node_count
    rows = [[Fraction(0)] * (n + 1) for _ in range(n)]
    for (a, b), r in zip(network.edges.tolist(), resistances_ohm, strict=True):
        g = Fraction(0) if isinf(r) else 1 / Fraction(r)
        for here, there in ((a, b), (b, a)):
            rows[here][here] += g
            rows[here][there] -= g
    for node, volts in held.items():
        rows[node] = [Fraction(int(k == node)) for k in range(n)] + [Fraction(volts)]
    for k in range(n):
        pivot = next((row for row in range(k, n) if rows[row][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for row in set(range(n)) - {k}:
            if factor := rows[row][k]:
                rows[row] = [x - factor * y for x, y in zip(rows[row], rows[k], strict=True)]
    return [float(row[n]) for row in rows]
