"""Nodes that float between held ones: a voltage divider of their own edges alone."""

from collections.abc import Collection, Iterable

from labnet.networks import Network


def edges_at(network: Network) -> list[list[tuple[int, int]]]:
    """Give edges and neighbours of every node."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(network.node_count)]
    for edge, (a, b) in enumerate(network.edges.tolist()):
        found[a].append((edge, b))
        found[b].append((edge, a))
    return found


def floating_groups(network: Network, drivable: Collection[int], among: Iterable[int]) -> list[tuple[int, ...]]:
    """Give those nodes that can float with all their neighbours held, in groups without neighbours.

    Parameters
    ----------
    network : Network
    drivable : collection of int
        Nodes that can be held.
    among : iterable of int
        Nodes that may float.
    """
    at = edges_at(network)
    groups: list[list[int]] = []
    for node in among:
        neighbours = {neighbour for _, neighbour in at[node]}
        if not neighbours <= set(drivable):
            continue
        fitting = next((group for group in groups if neighbours.isdisjoint(group)), None)
        if fitting is None:
            groups.append(fitting := [])
        fitting.append(node)
    return [tuple(group) for group in groups]
