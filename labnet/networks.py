"""Networks: nodes and edges, nothing electrical."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labnet._packing import jammed_packing
from labnet.errors import NetworkError

if TYPE_CHECKING:
    import networkx as nx

_MOST_NODES = 10_000_000  # of a lattice; beyond it memory ends before patience
Number = TypeVar("Number", np.int64, np.float64)

__all__ = ["Network", "lattice", "named", "packing", "read", "twin16"]


@dataclass(frozen=True, eq=False)
class Network:
    """A connected graph without self-loops or double edges. Frozen; equal when nodes and edges are.

    Attributes
    ----------
    edges : numpy.ndarray of int64, shape (E, 2)
        The two nodes of every edge; read-only. A voltage drop is V[edges[:, 0]] - V[edges[:, 1]].
    node_count : int
        Nodes are 0 .. node_count - 1.
    positions : numpy.ndarray of float64, shape (n, 2), or None
        Where to draw the nodes; no physics depends on it.
    r_ref_ohm : float
        Unit of resistance of the continuous rule (gamma is dimensionless): 10 kohm by default.
    name : str

    Raises
    ------
    NetworkError
        For self-loops, double edges, unknown nodes, a graph in several parts, bad shapes or a bad r_ref_ohm.
    """

    edges: NDArray[np.int64]
    node_count: int
    positions: NDArray[np.float64] | None = None
    r_ref_ohm: float = 10e3
    name: str = field(default="network", kw_only=True)

    def __post_init__(self) -> None:
        try:
            given = np.asarray(self.edges)
        except ValueError:
            raise NetworkError("edges is ragged; allowed: (E, 2) integers with E >= 1.") from None
        if given.ndim != 2 or given.shape[1] != 2 or not len(given) or given.dtype.kind not in "iu":
            raise NetworkError(
                f"edges has shape {given.shape} and type {given.dtype}; allowed: (E, 2) integers with E >= 1."
            )
        object.__setattr__(self, "edges", _read_only(np.array(given, dtype=np.int64)))
        if self.positions is not None:
            positions = np.array(self.positions, dtype=np.float64)
            if positions.shape != (self.node_count, 2) or not np.isfinite(positions).all():
                raise NetworkError(
                    f"positions has shape {positions.shape}; allowed: ({self.node_count}, 2), finite. Leave it out to "
                    "have the nodes laid out for you."
                )
            object.__setattr__(self, "positions", _read_only(positions))
        if not (np.isfinite(self.r_ref_ohm) and self.r_ref_ohm > 0):
            raise NetworkError(f"r_ref_ohm is {self.r_ref_ohm}; allowed: a positive number of ohms.")
        self._check_graph()

    def _check_graph(self) -> None:
        edges, n = self.edges, self.node_count
        if (unknown := edges[(edges < 0) | (edges >= n)]).size:
            raise NetworkError(f"edges name node {unknown[0]}; allowed: 0 to {n - 1}. Mend node_count or the edge.")
        if (loops := np.flatnonzero(edges[:, 0] == edges[:, 1])).size:
            raise NetworkError(f"edge {loops[0]} joins node {edges[loops[0], 0]} to itself; remove it.")
        keys = np.sort(edges, axis=1) @ np.array([n, 1])
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        if (doubles := np.flatnonzero(first[inverse] != np.arange(len(keys)))).size:
            second = int(doubles[0])
            raise NetworkError(
                f"edges {first[inverse][second]} and {second} both join nodes {edges[second].tolist()}; "
                "keep one of them."
            )
        joined = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
        parts, part = connected_components(joined, directed=False)
        if parts > 1:
            rest = np.flatnonzero(part == np.argmin(np.bincount(part)))
            raise NetworkError(
                f"the graph is in {parts} parts; nodes {rest[:8].tolist()} have no path to the others. "
                "Join the parts, or make each a network of its own."
            )

    @property
    def edge_count(self) -> int:
        """Number of edges, E."""
        return len(self.edges)

    @cached_property
    def ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and second node of every edge, two contiguous arrays of shape (E,)."""
        return _read_only(self.edges[:, 0].copy()), _read_only(self.edges[:, 1].copy())

    @cached_property
    def digest(self) -> str:
        """A short hash of nodes and edges: two networks with the same digest have the same terminals and edges."""
        content = np.concatenate([[self.node_count], self.edges.ravel()]).astype("<i8").tobytes()
        return hashlib.sha256(content).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.digest == other.digest

    @cached_property
    def _hash(self) -> int:
        return int(self.digest, 16) & 0x7FFFFFFF  # kept, for it is asked for at every solve

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.edges, self.node_count, self.positions, self.r_ref_ohm)
        return partial(Network, name=self.name), arguments  # through the checks: copies are frozen, too

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.node_count} nodes, {self.edge_count} edges>"

    @cached_property
    def layout(self) -> NDArray[np.float64]:
        """Positions to draw at, shape (n, 2): `positions`, else a layout computed from the graph."""
        if self.positions is not None:
            return self.positions
        import networkx as nx  # slow to import, and most of what runs never asks

        laid_out = nx.kamada_kawai_layout(self.to_networkx())
        return _read_only(np.array([laid_out[node] for node in range(self.node_count)]))

    def to_networkx(self) -> "nx.Graph[int]":
        """Give the graph to networkx: nodes with ``pos`` where known, edges with ``edge`` (number) and ``ends``."""
        import networkx as nx

        graph: nx.Graph[int] = nx.Graph(name=self.name)
        for node in range(self.node_count):
            at = {} if self.positions is None else {"pos": tuple(self.positions[node].tolist())}
            graph.add_node(node, **at)
        graph.add_edges_from((a, b, {"edge": k, "ends": (a, b)}) for k, (a, b) in enumerate(self.edges.tolist()))
        return graph

    @classmethod
    def from_networkx(cls, graph: "nx.Graph[int]", r_ref_ohm: float = 10e3) -> "Network":
        """Take a graph from networkx.

        Nodes are numbered in the graph's own order, or as they are named where the names are 0 .. n - 1. Edges keep
        the order of their ``edge`` attribute where all have one, and the direction of ``ends``. Positions are read from
        ``pos`` where all have one.
        """
        if graph.is_directed() or graph.is_multigraph():
            raise NetworkError(
                f"the graph is a {type(graph).__name__}; allowed: an undirected simple graph. Use "
                "networkx.Graph(graph)."
            )
        nodes = list(graph.nodes)
        number = {v: v for v in nodes} if set(nodes) == set(range(len(nodes))) else {v: k for k, v in enumerate(nodes)}
        data = list(graph.edges(data=True))
        if all("edge" in attributes for *_, attributes in data):
            data.sort(key=lambda item: item[2]["edge"])
        ends = [attributes.get("ends", (a, b)) for a, b, attributes in data]
        edges = np.array([(number[a], number[b]) for a, b in ends], dtype=np.int64).reshape(-1, 2)
        at = {number[v]: p for v, p in graph.nodes(data="pos") if p is not None}
        positions = np.array([at[k] for k in range(len(nodes))]) if len(at) == len(nodes) else None
        return cls(edges, len(nodes), positions, r_ref_ohm, name=str(graph.name or "network"))


def _read_only(array: NDArray[Number]) -> NDArray[Number]:
    array.setflags(write=False)
    return array


def twin16() -> Network:
    """Build the default 16-edge board: 3 x 3 nodes, 12 lattice edges and one diagonal a cell.

    The paper's 16-edge topology is not published; this stands for it (a board's own description always wins).
    """
    grid = lattice(3, 3, diagonals=True)
    return Network(grid.edges, 9, grid.positions, name="twin16")


def lattice(rows: int, cols: int, periodic: bool = False, diagonals: bool = False) -> Network:
    """Build a square lattice; node ``r * cols + c`` stands at row r, column c.

    Parameters
    ----------
    rows, cols : int
        At least 2 each; at least 3 each when periodic (else edges would double).
    periodic : bool
        Join the right border to the left and the bottom to the top.
    diagonals : bool
        One diagonal a cell, in alternating directions.
    """
    least = 3 if periodic else 2
    if rows < least or cols < least or rows * cols > _MOST_NODES:
        raise NetworkError(
            f"lattice of {rows} x {cols}; allowed: at least {least} x {least}{' when periodic' if periodic else ''}, "
            f"and at most {_MOST_NODES:,} nodes."
        )
    node = np.arange(rows * cols).reshape(rows, cols)
    wrapped = np.pad(node, ((0, 1), (0, 1)), mode="wrap") if periodic else node
    r, c = wrapped.shape[0] - 1, wrapped.shape[1] - 1
    across = np.stack([wrapped[: node.shape[0], :-1], wrapped[: node.shape[0], 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([wrapped[:-1, : node.shape[1]], wrapped[1:, : node.shape[1]]], axis=-1).reshape(-1, 2)
    edges = [across, down]
    if diagonals:
        even = np.add.outer(np.arange(r), np.arange(c)) % 2 == 0
        first = np.where(even, wrapped[:-1, :-1], wrapped[:-1, 1:])
        second = np.where(even, wrapped[1:, 1:], wrapped[1:, :-1])
        edges.append(np.stack([first, second], axis=-1).reshape(-1, 2))
    y, x = np.divmod(np.arange(rows * cols), cols)
    name = f"lattice-{rows}x{cols}{'-periodic' if periodic else ''}{'-diagonals' if diagonals else ''}"
    return Network(np.concatenate(edges), rows * cols, np.column_stack([x, -y]).astype(float), name=name)


def packing(nodes: int = 64, edges: int = 143, seed: int = 1, periodic: bool = False) -> Network:
    """Build a disordered 2-D network: the contacts of a packing of soft disks of two sizes.

    The defaults stand for the 143-edge network of wycoff2022 (Fig. 1A), which is not published: 64 nodes of degree
    3 to 6, mean 4.47. The same arguments give the same network on every machine.

    Parameters
    ----------
    nodes, edges : int
        Counts; each node gets 3 to 6 edges: from 1.9 to 2.75 edges a node are found. At most 5000 nodes, of which all
        pairs are looked at.
    seed : int
    periodic : bool
        Contacts across the borders of the box too.
    """
    if not 12 <= nodes <= 5000 or not 1.9 * nodes <= edges <= 2.75 * nodes:
        raise NetworkError(
            f"packing of {nodes} nodes and {edges} edges; allowed: 12 to 5000 nodes, and edges from 1.9 to "
            "2.75 times as many."
        )
    packed = jammed_packing(nodes, edges, seed, periodic)
    if packed is None:
        raise NetworkError(
            f"no packing of {nodes} nodes and {edges} edges was found from seed {seed}; take more "
            "edges, or another seed."
        )
    positions, contacts = packed
    name = f"packing{edges}{'-periodic' if periodic else ''}-seed{seed}"
    return Network(contacts, nodes, positions, name=name)


def read(path: str | Path) -> Network:
    """Read a network from a text file: ``nodes edges L``, then ``x y`` lines, then ``i j`` lines.

    Nodes count from 0; a file whose ends run from 1 to `nodes` is taken to count from 1. L, the size of
    the box, is not used.

    Raises
    ------
    NetworkError
        With file and line, for anything else.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NetworkError(f"{path} cannot be read as text: {error}") from error
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    number, words = rows[0] if rows else (1, [])
    try:
        nodes_word, edges_word, box = words
        node_count, edge_count, _ = int(nodes_word), int(edges_word), float(box)
        if len(rows) != 1 + node_count + edge_count:
            raise NetworkError(
                f"{path}: the header promises {node_count} nodes and {edge_count} edges, {1 + node_count + edge_count} "
                f"lines with it; there are {len(rows)}."
            )
        positions, ends = np.empty((node_count, 2)), np.empty((edge_count, 2), dtype=np.int64)
        for k, (number, words) in enumerate(rows[1:]):  # noqa: B007  the line in hand is named in the error
            first, second = words
            if k < node_count:
                positions[k] = float(first), float(second)
            else:
                ends[k - node_count] = int(first), int(second)
    except (ValueError, OverflowError) as error:
        if isinstance(error, NetworkError):
            raise
        raise NetworkError(
            f"{path}, line {number}: {' '.join(words)!r} is not what stands here; allowed: a line 'nodes edges L', "
            f"then 'x y' a node, then 'i j' an edge ({error})."
        ) from error
    if ends.size and ends.min() == 1 and ends.max() == node_count:
        ends -= 1
    try:
        return Network(ends, node_count, positions, name=path.stem)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None


_packing = cache(packing)  # which takes a while to find


def named(name: str) -> Network:
    """Build a network by name, or from a file's path.

    Names: twin16, packing143, packing-NODES-EDGES[-seedN][-periodic], lattice-ROWSxCOLS[-periodic][-diagonals].
    """
    if name == "twin16":
        return twin16()
    if name == "packing143":
        return _packing()
    if found := re.fullmatch(r"packing-(\d+)-(\d+)(?:-seed(\d+))?(-periodic)?", name):
        nodes, count, seed, periodic = found.groups()
        return _packing(int(nodes), int(count), int(seed or 1), bool(periodic))
    if found := re.fullmatch(r"lattice-(\d+)x(\d+)((?:-periodic|-diagonals)*)", name):
        rows, cols, options = found.groups()
        return lattice(int(rows), int(cols), "-periodic" in options, "-diagonals" in options)
    if Path(name).is_file():
        return read(name)
    raise NetworkError(
        f"no network is called {name!r}, and no file is at that path; allowed: twin16, packing143, "
        "lattice-ROWSxCOLS with -periodic and -diagonals if wanted, packing-NODES-EDGES with -seedN and -periodic if "
        "wanted, or a file for labnet.networks.read."
    )
