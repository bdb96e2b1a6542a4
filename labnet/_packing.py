"""Contacts of a jammed packing of soft disks, the kind of graph the 143-edge network of wycoff2022 is.

Only additions, products and square roots in a fixed order, so every machine gets the same graph.
"""

import numpy as np
from numpy.typing import NDArray

from labnet.draws import Stream, draw, uniform

_LEAST, _MOST = 3, 6  # degrees of a node (PHYSICS: 3 to 6, mean 4.47)
_PACKING_FRACTION = 0.9  # a little above jamming, 0.84, so that the disks press on each other
_RATIO = 1.4  # of the two radii: two sizes keep the disks from crystallising


def jammed_packing(
    nodes: int, edges: int, seed: int, periodic: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """Relax soft disks in the unit box and give their positions (n, 2) and contacts (E, 2); None if none fit."""
    radii = np.where(np.arange(nodes) % 2, 1.0, _RATIO)
    area = np.pi * (nodes // 2 + (nodes - nodes // 2) * _RATIO * _RATIO)
    radii *= np.sqrt(_PACKING_FRACTION / area)
    for attempt in range(20):
        bits = draw(seed, Stream.PACKING, attempt, np.arange(2 * nodes))
        positions = _relax(uniform(bits).reshape(nodes, 2), radii, periodic)
        contacts = _contacts(positions, radii, edges, periodic)
        if contacts is not None:
            return positions, contacts
    return None


def _separations(
    positions: NDArray[np.float64], pairs: tuple[NDArray[np.intp], NDArray[np.intp]], periodic: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    apart = positions[pairs[0]] - positions[pairs[1]]
    if periodic:
        apart -= np.round(apart)
    return apart, np.sqrt(apart[:, 0] * apart[:, 0] + apart[:, 1] * apart[:, 1])


def _relax(positions: NDArray[np.float64], radii: NDArray[np.float64], periodic: bool) -> NDArray[np.float64]:
    """Push overlapping disks apart (and off the walls) by overdamped steps down the harmonic energy."""
    n = len(radii)
    pairs = np.triu_indices(n, 1)
    reach = radii[pairs[0]] + radii[pairs[1]]
    margin = radii.max()
    moved = margin
    for _ in range(1500):
        if 2.0 * moved >= margin:  # pairs further apart than this could not have met since
            close = np.flatnonzero(_separations(positions, pairs, periodic)[1] < reach + margin)
            ends, limit, moved = (pairs[0][close], pairs[1][close]), reach[close], 0.0
        apart, distance = _separations(positions, ends, periodic)
        near = np.flatnonzero(distance < limit)
        push = 0.25 * (limit[near] / np.maximum(distance[near], 1e-9) - 1.0)[:, None] * apart[near]
        force = np.column_stack(
            [np.bincount(ends[0][near], push[:, k], n) - np.bincount(ends[1][near], push[:, k], n) for k in (0, 1)]
        )
        if not periodic:
            force += 0.5 * np.maximum(radii[:, None] - positions, 0.0)
            force -= 0.5 * np.maximum(positions + radii[:, None] - 1.0, 0.0)
        positions = positions + force
        moved += np.sqrt((force * force).sum(axis=1).max())
        if periodic:
            positions = positions - np.floor(positions)
    return positions


def _contacts(
    positions: NDArray[np.float64], radii: NDArray[np.float64], edges: int, periodic: bool
) -> NDArray[np.int64] | None:
    """Take the closest pairs as contacts: first what each node needs to reach the least degree, then the rest."""
    pairs = np.triu_indices(len(radii), 1)
    _, distance = _separations(positions, pairs, periodic)
    ranked = np.argsort(distance / (radii[pairs[0]] + radii[pairs[1]]), kind="stable")
    degree = np.zeros(len(radii), dtype=np.int64)
    chosen: set[tuple[int, int]] = set()
    for needy_only in (True, False):
        for k in ranked:
            a, b = int(pairs[0][k]), int(pairs[1][k])
            if len(chosen) == edges:
                break
            if max(degree[a], degree[b]) >= _MOST or (a, b) in chosen:
                continue
            if needy_only and min(degree[a], degree[b]) >= _LEAST:
                continue
            chosen.add((a, b))
            degree[[a, b]] += 1
    ends = np.array(sorted(chosen), dtype=np.int64)
    if len(chosen) != edges or degree.min() < _LEAST or not _reached(len(radii), ends).all():
        return None
    return ends


def _reached(nodes: int, ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which nodes hang together with node 0."""
    reached = np.zeros(nodes, dtype=np.bool_)
    reached[0] = True
    while True:
        touched = reached[ends].any(axis=1)
        if reached[ends[touched]].all():
            return reached
        reached[ends[touched]] = True
