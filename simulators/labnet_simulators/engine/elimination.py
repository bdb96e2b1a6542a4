"""Gaussian elimination of a network as a program: worked out once for a graph and its terminals.

Held nodes are eliminated from the start (their voltages are known); the others in an order that keeps fill low, the
outputs last. Then one factorisation serves both states: the free state needs one back-substitution, and what the clamp
adds to it (the response to a difference at the outputs) another one that begins behind the outputs.

Eliminating a node is the star-mesh transform: it joins its neighbours by new edges and adds up conductances. There is
no subtraction, so no cancellation, whatever the ratio of conductances.
"""

import heapq
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.networks import Network

IntArray = NDArray[np.uint32]

_FILL_UP_TO = 300  # free nodes; beyond, counting the fill of every choice takes longer than it saves


class Elimination(NamedTuple):
    """The program. Nodes are numbered anew: eliminated ones 0 .. n - 1 in order, then the held ones.

    A slot is an entry of the factor: an edge, present or filled in, from an eliminated node to a later one. Lists of
    varying length stand one after the other, with the index where each begins: list k is [start[k], start[k + 1]).

    Attributes
    ----------
    nodes : numpy.ndarray, shape (n + H,)
        The network's node at each new number.
    free, outputs : numpy.ndarray of length n, O
        Only their lengths count: how many nodes are eliminated, how many of them are outputs.
    first, second : numpy.ndarray, shape (E,)
        Ends of every edge, in new numbers.
    slot_start, slot_end : numpy.ndarray, shape (n + 1,), (S,)
        Slots of every eliminated node, and the later node of each.
    slot_edge : numpy.ndarray, shape (S,)
        The edge a slot begins with; E for none.
    pair_start, pair_one, pair_two : numpy.ndarray, shape (S + 1,), (P,), (P,)
        Slots whose product is added to a slot.
    fold_start, fold_slot, fold_node : numpy.ndarray, shape (n + 1,), (F,), (F,)
        Earlier nodes that pass on what they have met of the held ones, and through which slot.
    rim_start, rim_edge, rim_held : numpy.ndarray, shape (n + 1,), (M,), (M,)
        Edges from a node to held ones, and these in new numbers.
    """

    nodes: IntArray
    free: IntArray
    outputs: IntArray
    first: IntArray
    second: IntArray
    slot_start: IntArray
    slot_end: IntArray
    slot_edge: IntArray
    pair_start: IntArray
    pair_one: IntArray
    pair_two: IntArray
    fold_start: IntArray
    fold_slot: IntArray
    fold_node: IntArray
    rim_start: IntArray
    rim_edge: IntArray
    rim_held: IntArray


@lru_cache(maxsize=512)
def eliminate(network: Network, held: tuple[int, ...], outputs: tuple[int, ...], leaky: bool) -> Elimination:
    """Work out the program for a graph, its held nodes and its outputs; `leaky` if all nodes leak to ground."""
    order, later = _order(network, held, outputs)
    number = {node: k for k, node in enumerate([*order, *held])}
    n, edges = len(order), network.edge_count
    ends = [(number[a], number[b]) for a, b in network.edges.tolist()]
    slots = [(j, i) for j, after in enumerate(later) for i in sorted(number[node] for node in after)]
    slot_of = {pair: k for k, pair in enumerate(slots)}
    slot_edge = [edges] * len(slots)
    rim: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for edge, (a, b) in enumerate(ends):
        low, high = min(a, b), max(a, b)
        if high < n:
            slot_edge[slot_of[low, high]] = edge
        elif low < n:
            rim[low].append((edge, high))
    pairs: list[list[tuple[int, int]]] = [[] for _ in slots]
    fold: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    slots_of: list[list[int]] = [[] for _ in range(n)]
    for k, (j, i) in enumerate(slots):
        if leaky or rim[j] or fold[j]:  # else nothing held is met so far, and nothing is passed on
            fold[i].append((k, j))
        slots_of[j].append(k)
    for mine in slots_of:
        for one, two in combinations(mine, 2):
            pairs[slot_of[slots[one][1], slots[two][1]]].append((one, two))
    slot_start = np.concatenate([[0], np.cumsum([len(mine) for mine in slots_of])])
    return Elimination(
        _array([*order, *held]),
        _array([0] * n),
        _array([0] * len(outputs)),
        _array([a for a, _ in ends]),
        _array([b for _, b in ends]),
        _array(slot_start),
        _array([i for _, i in slots]),
        _array(slot_edge),
        *_lists(pairs),
        *_lists(fold),
        *_lists(rim),
    )


def _order(network: Network, held: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[list[int], list[set[int]]]:
    """Give the nodes in the order of elimination, outputs last, and the later neighbours of each by then."""
    near: dict[int, set[int]] = {node: set() for node in range(network.node_count)}
    for a, b in network.edges.tolist():
        near[a].add(b)
        near[b].add(a)
    for node in held:
        del near[node]
    for others in near.values():
        others.difference_update(held)
    count_fill = len(near) <= _FILL_UP_TO

    def cost(node: int) -> tuple[int, int, int]:
        others = near[node]
        missing = sum(len(others - near[each]) - 1 for each in others) if count_fill else 0
        return missing, len(others), node

    waiting = {node: cost(node) for node in near if node not in outputs}
    heap = sorted(waiting.values())
    order: list[int] = []
    later: list[set[int]] = []

    def remove(node: int) -> None:
        others = near.pop(node)
        for each in others:
            near[each] |= others
            near[each] -= {each, node}
        order.append(node)
        later.append(others)

    while waiting:
        best = heapq.heappop(heap)
        node = best[-1]
        if waiting.get(node) != best:
            continue  # its cost has changed since
        del waiting[node]
        changed = set(near[node])
        remove(node)
        if count_fill:
            changed = changed.union(*(near[each] for each in changed))
        for each in changed & waiting.keys():
            now = cost(each)
            if now != waiting[each]:
                waiting[each] = now
                heapq.heappush(heap, now)
    for node in outputs:
        remove(node)
    return order, later


def _lists(lists: list[list[tuple[int, int]]]) -> tuple[IntArray, IntArray, IntArray]:
    """Join lists of pairs: where each begins, the first and the second of every pair."""
    start = np.concatenate([[0], np.cumsum([len(each) for each in lists])])
    joined = np.array([pair for each in lists for pair in each], dtype=np.uint32).reshape(-1, 2)
    return _array(start), _array(joined[:, 0]), _array(joined[:, 1])


def _array(values: list[int] | NDArray[np.int64] | IntArray) -> IntArray:
    return np.ascontiguousarray(values, dtype=np.uint32)
