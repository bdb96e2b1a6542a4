"""The study's trainings written a second time, from the physics alone: numpy, and nothing of labnet.

Many tasks on one graph are trained together, each with terminals, targets, start and noise of its own. Tasks and draws
differ from labnet's, so the two agree in distribution.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Whole = NDArray[np.int64]
Change = Callable[[Floats, Floats, Floats], Floats]

WIPER = 40.0 / 10e3  # resistances are in units of R_ref = 10 kohm, which is a pot from end to end: of the wiper itself,
TEACHER = (0.1, 1.0)  # and of the network that the targets come from
TIE_V = 1e-12
PER_DECADE = 20


@dataclass(frozen=True)
class Settings:
    """A training. Volts; wiper positions, or (continuous rule) resistances in units of R_ref."""

    network: str = "twin16"  # or lattice-ROWSxCOLS, or a text file
    kind: Literal["allostery", "regression"] = "allostery"
    inputs: int = 2
    outputs: int = 2
    grounds: int = 1
    v_max: float = 5.0
    targets: Literal["teacher", "random"] = "teacher"
    train: int = 16
    test: int = 16
    steps_p: float = 1000.0
    eta: float = 1.0
    order: Literal["cyclic", "random"] | tuple[int, ...] = "cyclic"
    start: float | tuple[float, float] = 64
    positions: int = 128  # of every wiper
    sigma_max_v: float = 0.0
    frozen: bool = False  # sigma an edge; else redrawn at every step
    pair: bool = False  # two comparators and an XOR, instead of sigma
    offset_v: float = 0.0  # of each of the two, up to this, either sign, frozen
    noise_v: float = 0.0  # of each, at every step: root mean square
    fixed_gate: bool = False  # exactly p E edges a step
    gamma: float = 0.0  # above 0: the continuous rule
    batch: float = 0.0  # its share of the examples; 0: one a step, in turn
    fixed_batch: bool = False  # exactly that share


class Graph(NamedTuple):
    """Edges (E, 2) between nodes 0 to nodes - 1, numbered so that neighbours have near numbers."""

    edges: Whole
    nodes: int


class Trained(NamedTuple):
    """Steps (M,) before which was measured; scaled errors (M, T) of both sets; resistances (T, E) at the end, R_ref.

    NaN where a training came to a resistance below zero.
    """

    steps: Whole
    train: Floats
    test: Floats
    resistances: Floats


def twin16() -> Graph:
    """Make 3 x 3 nodes, the 12 edges between neighbours, and a diagonal in each of the 4 cells, directions in turn."""
    diagonals = []
    for row in range(2):
        for col in range(2):
            corner = 3 * row + col
            diagonals.append((corner, corner + 4) if (row + col) % 2 == 0 else (corner + 1, corner + 3))
    return Graph(np.concatenate([lattice(3, 3).edges, np.array(diagonals)]), 9)


def lattice(rows: int, cols: int) -> Graph:
    """Make a square lattice with open ends."""
    node = np.arange(rows * cols).reshape(rows, cols)
    across = np.stack([node[:, :-1], node[:, 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([node[:-1], node[1:]], axis=-1).reshape(-1, 2)
    return Graph(np.concatenate([across, down]), rows * cols)


def read(path: Path) -> Graph:
    """Read ``nodes edges L``, then ``x y`` lines, then ``i j`` lines; nodes are numbered anew, along x."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    nodes, count = int(lines[0][0]), int(lines[0][1])
    along = np.argsort([float(line[0]) for line in lines[1 : 1 + nodes]])
    number = np.empty(nodes, dtype=np.int64)
    number[along] = np.arange(nodes)
    edges = np.array([[int(end) for end in line[:2]] for line in lines[1 + nodes : 1 + nodes + count]])
    return Graph(number[edges], nodes)


def graph(name: str) -> Graph:
    """Give twin16, lattice-ROWSxCOLS, or what a text file says; packing143 is such a file, beside this one."""
    if name == "twin16":
        return twin16()
    if name.startswith("lattice-"):
        rows, cols = map(int, name.removeprefix("lattice-").split("x"))
        return lattice(rows, cols)
    return read(Path(__file__).with_name("packing143.txt") if name == "packing143" else Path(name))


class Circuit:
    """Kirchhoff's laws for T copies of one graph, each with other nodes held.

    Nodes are taken in blocks as large as the numbers of neighbours are apart, so that only blocks side by side touch:
    the matrix is block tridiagonal, and is eliminated block by block. A small graph is a single block.

    Parameters
    ----------
    edges : Graph
    held : array, shape (T, n)
        Which nodes are held at a voltage.
    """

    def __init__(self, of: Graph, held: Bools) -> None:
        low, high = of.edges.min(axis=1), of.edges.max(axis=1)
        apart = int((high - low).max())
        size = apart if 4 * apart < of.nodes else of.nodes
        self.tasks, self.nodes, self.size, self.blocks = len(held), of.nodes, size, math.ceil(of.nodes / size)
        self.ends, self.free = (low, high), ~held
        self.both_free = self.free[:, low] & self.free[:, high]
        ends = np.concatenate([low, high])
        self.order = ends.argsort(kind="stable")
        self.first = np.searchsorted(ends[self.order], np.arange(of.nodes))
        self.inside = np.flatnonzero(low // size == high // size)
        self.across = np.flatnonzero(low // size != high // size)
        self.at = np.divmod(np.arange(self.blocks * size), size)  # block and place of every node

    def drops(self, volts: Floats) -> Floats:
        """Give the voltage along every edge, (T, E, K), from those of the nodes (T, n, K)."""
        low, high = self.ends
        return volts[:, low] - volts[:, high]

    def sums(self, at_low: Floats, at_high: Floats) -> Floats:
        """Add up at every node what the edges (T, E, ...) bring to their ends."""
        both = np.concatenate([at_low, at_high], axis=1)
        return np.add.reduceat(both[:, self.order], self.first, axis=1)

    def solve(self, conductances: Floats, held_v: Floats, fed: Whole) -> tuple[Floats, Floats]:
        """Give node voltages (T, n, K) for K sets of held voltages, and what a unit current into `fed` adds (T, n, O).

        Parameters
        ----------
        conductances : array, shape (T, E)
        held_v : array, shape (T, n, K)
            0 at nodes that are free.
        fed : array, shape (T, O)
            Nodes that are not held.
        """
        sets, row = held_v.shape[2], np.arange(self.tasks)[:, None]
        currents = conductances[:, :, None] * self.drops(held_v)
        right = np.zeros((self.tasks, self.blocks * self.size, sets + fed.shape[1]))
        right[:, : self.nodes, :sets] = held_v - self.free[:, :, None] * self.sums(currents, -currents)
        right[row, fed, sets + np.arange(fed.shape[1])] = 1.0
        volts = self._eliminate(conductances, right)[:, : self.nodes]
        return volts[:, :, :sets], volts[:, :, sets:]

    def _eliminate(self, conductances: Floats, right: Floats) -> Floats:
        diagonal, upper = self._matrix(conductances)
        rest = np.split(right, self.blocks, axis=1)
        done: list[Floats] = []
        for k in range(self.blocks - 1):
            done.append(np.linalg.solve(diagonal[k], np.concatenate([upper[k], rest[k]], axis=2)))
            passed = upper[k].transpose(0, 2, 1) @ done[k]
            diagonal[k + 1] -= passed[:, :, : self.size]
            rest[k + 1] -= passed[:, :, self.size :]
        found = [np.linalg.solve(diagonal[-1], rest[-1])]
        for each in reversed(done):
            found.append(each[:, :, self.size :] - each[:, :, : self.size] @ found[-1])
        return np.concatenate(found[::-1], axis=1)

    def _matrix(self, conductances: Floats) -> tuple[Floats, Floats]:
        """Give the blocks on the diagonal (1 where a node is held) and right of it, (blocks, T, size, size)."""
        diagonal, upper = np.zeros((2, self.blocks, self.tasks, self.size, self.size))
        total = np.ones((self.tasks, self.blocks * self.size))
        total[:, : self.nodes] = np.where(self.free, self.sums(conductances, conductances), 1.0)
        block, place = self.at
        diagonal[block, :, place, place] = total.T
        shared = -(conductances * self.both_free).T
        low, high = self.ends
        for k, (row, col) in ((self.inside, (low, high)), (self.inside, (high, low))):
            diagonal[block[row[k]], :, place[row[k]], place[col[k]]] = shared[k]
        k = self.across
        upper[block[low[k]], :, place[low[k]], place[high[k]]] = shared[k]
        return diagonal, upper


class Tasks:
    """T tasks: terminals, and voltages of all examples, the training set first."""

    def __init__(self, settings: Settings, of: Graph, count: int, rng: np.random.Generator) -> None:
        s = settings
        self.train, examples = {"allostery": (1, 1), "regression": (s.train, s.train + s.test)}[s.kind]
        nodes = rng.permuted(np.tile(np.arange(of.nodes), (count, 1)), axis=1)
        inputs, self.outputs, grounds, _ = np.split(nodes, np.cumsum([s.inputs, s.outputs, s.grounds]), axis=1)
        input_v = rng.uniform(0.0, s.v_max, (count, s.inputs, examples))
        if s.kind == "allostery":
            input_v[:, 0] = s.v_max
        row = np.arange(count)[:, None]
        held = np.zeros((count, of.nodes), dtype=bool)
        held[row, inputs] = held[row, grounds] = True
        self.held_v = np.zeros((count, of.nodes, examples))
        self.held_v[row, inputs] = input_v
        self.circuit = Circuit(of, held)
        self.wanted = self.outputs_of(rng.uniform(*TEACHER, (count, len(of.edges))))
        if s.targets == "random" and s.kind == "allostery":
            lowest = 0.0 if s.grounds else input_v.min(axis=1, keepdims=True)
            self.wanted = rng.uniform(lowest, s.v_max, self.wanted.shape)
        elif s.targets == "random":  # one mixture of inputs and grounds for all examples
            shares = rng.dirichlet(np.ones(s.inputs + s.grounds), (count, s.outputs))
            self.wanted = shares[:, :, : s.inputs] @ input_v

    def outputs_of(self, resistances: Floats) -> Floats:
        """Give the free outputs of all examples, (T, O, examples)."""
        volts, _ = self.circuit.solve(1.0 / resistances, self.held_v, self.outputs)
        return np.take_along_axis(volts, self.outputs[:, :, None], axis=1)

    def costs(self, resistances: Floats) -> Floats:
        """Give the costs of training and test set, (2, T); NaN where a set is empty."""
        squares = ((self.outputs_of(resistances) - self.wanted) ** 2).mean(axis=1)
        test = squares[:, self.train :]
        return np.stack(
            [squares[:, : self.train].mean(axis=1), test.mean(axis=1) if test.size else np.nan * test.sum(1)]
        )

    def states(self, resistances: Floats, shown: slice, eta: float) -> tuple[Floats, Floats]:
        """Give the drops over all edges in the free and the clamped state, (T, E, shown).

        The clamped state is the free one and what the currents add that hold the outputs.
        """
        free, response = self.circuit.solve(1.0 / resistances, self.held_v[:, :, shown], self.outputs)
        output, square = (np.take_along_axis(each, self.outputs[:, :, None], axis=1) for each in (free, response))
        clamped = free + response @ np.linalg.solve(square, eta * (self.wanted[:, :, shown] - output))
        return self.circuit.drops(free), self.circuit.drops(clamped)


def rises(free: Floats, clamped: Floats, sigma: Floats | float) -> Bools:
    """Say where the resistance steps up (Eq. 10)."""
    return np.abs(clamped) + sigma - np.abs(free) > TIE_V


def rises_by_pair(free: Floats, clamped: Floats, first: Floats | float, second: Floats | float) -> Bools:
    """Say where the resistance steps up, from two comparators with offsets.

    clamped^2 - free^2 = (clamped - free)(clamped + free) is above 0 where both factors have one sign. One comparator
    looks at each factor; their XOR, "the signs differ", is |clamped| < |free|, a step down. So equal answers are a step
    up.
    """
    return np.equal(clamped - free + first > TIE_V, clamped + free + second > TIE_V)


def drawn(rng: np.random.Generator, shape: tuple[int, int], share: float, fixed: bool) -> Bools:
    """Draw which of the columns take part in each row: each by itself, or a fixed number."""
    draws = rng.random(shape)
    return draws.argsort(axis=1).argsort(axis=1) < round(share * shape[1]) if fixed else draws < share


def measured(steps: int) -> Whole:
    """Give the steps before which is measured, log-spaced, and both ends."""
    spaced = 10.0 ** (np.arange(1 + math.floor(PER_DECADE * math.log10(steps))) / PER_DECADE)
    return np.unique(np.concatenate([[0, steps], np.round(spaced).astype(np.int64)]))


def train(settings: Settings, tasks: int, p: float, seed: int) -> Trained:
    """Train T tasks; these and the start depend on seed and settings alone, not on p, batch and steps."""
    s, of = settings, graph(settings.network)
    prepared, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    task, shape = Tasks(s, of, tasks, prepared), (tasks, len(of.edges))
    step_of = _continuous(s, task, rng) if s.gamma else _discrete(s, shape, prepared, rng)
    at = _start(s, shape, prepared)
    steps = max(1, round(s.steps_p / p))
    points, costs = measured(steps), list[Floats]()
    for step in range(steps + 1):
        r = at if s.gamma else WIPER + at / s.positions
        if step == points[len(costs)]:
            costs.append(task.costs(r))
        if step < steps:
            example = _example(s, task.train, step, rng)
            shown = slice(0, task.train) if s.batch else slice(example, example + 1)
            change = step_of(r, *task.states(r, shown, s.eta))
            at = at + drawn(rng, shape, p, s.fixed_gate) * change
            at = at if s.gamma else np.clip(at, 0, s.positions - 1)
            at[(at < 0.0).any(axis=1) | ~np.isfinite(at).all(axis=1)] = np.nan
    error = np.array(costs) / costs[0]
    return Trained(points, error[:, 0], error[:, 1], r)


def _example(s: Settings, count: int, step: int, rng: np.random.Generator) -> int:
    if s.order == "random":
        return int(rng.integers(count))
    return step % count if s.order == "cyclic" else int(s.order[step % len(s.order)])


def _start(s: Settings, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    low, high = s.start if isinstance(s.start, tuple) else (s.start, s.start)
    if s.gamma:
        return rng.uniform(low, high, shape)
    return rng.integers(int(low), int(high), shape, endpoint=True).astype(np.float64)


def _discrete(s: Settings, shape: tuple[int, int], prepared: np.random.Generator, rng: np.random.Generator) -> Change:
    """Give Eq. 10: from resistances and drops (T, E, 1) to steps of the wipers, (T, E)."""
    sigma = prepared.uniform(0.0, s.sigma_max_v, shape)
    offsets = prepared.uniform(-s.offset_v, s.offset_v, (2, *shape))

    def change(_: Floats, free: Floats, clamped: Floats) -> Floats:
        drops = free[:, :, 0], clamped[:, :, 0]
        if s.pair:
            up = rises_by_pair(*drops, *(offsets + rng.normal(0.0, s.noise_v, offsets.shape)))
        else:
            up = rises(*drops, sigma if s.frozen else rng.uniform(0.0, s.sigma_max_v, shape))
        return np.where(up, 1.0, -1.0)

    return change


def _continuous(s: Settings, task: Tasks, rng: np.random.Generator) -> Change:
    """Give Eq. 7: from resistances and drops (T, E, K) to changes of the resistances, (T, E)."""

    def change(r: Floats, free: Floats, clamped: Floats) -> Floats:
        asked = clamped**2 - free**2
        if s.batch:
            asked = asked * drawn(rng, (len(r), task.train), s.batch, s.fixed_batch)[:, None]
        return np.asarray(s.gamma / r**2 * asked.sum(axis=2))

    return change


def final_errors(settings: Settings, examples: Literal["train", "test"], tasks: int, p: float, seed: int) -> Floats:
    """Give the final scaled error of T tasks: the median of those measured over the second half."""
    trained = train(settings, tasks, p, seed)
    error = trained.train if examples == "train" else trained.test
    return np.asarray(np.median(error[2 * trained.steps >= trained.steps[-1]], axis=0))


def distances(settings: Settings, reference: Settings, tasks: int, p: float, seed: int) -> Floats:
    """Give how far T solutions are from those of the reference at p = 1, of the same tasks and starts: L2, in R_ref."""
    apart = train(settings, tasks, p, seed).resistances - train(reference, tasks, 1.0, seed).resistances
    return np.asarray(np.linalg.norm(apart, axis=1))
