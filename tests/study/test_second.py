"""The second implementation: known circuits, that it is independent, that it confirms labnet's numbers."""

import ast
from dataclasses import replace
from pathlib import Path

import confirm
import networkx as nx
import numpy as np
import pytest
import second

import labnet
from labnet.experiment import Experiment
from labnet.networks import Network

MANY = np.random.default_rng(0)


def voltages(edges: list[tuple[int, int]], ohm: list[float], held: dict[int, float]) -> np.ndarray:
    nodes = 1 + max(max(edge) for edge in edges)
    held_v = np.zeros((1, nodes, 1))
    held_v[0, list(held), 0] = list(held.values())
    circuit = second.Circuit(second.Graph(np.array(edges), nodes), np.isin(np.arange(nodes), list(held))[None])
    volts, _ = circuit.solve(1.0 / np.array([ohm]), held_v, np.empty((1, 0), dtype=np.int64))
    return volts[0, :, 0]


def test_divider() -> None:
    assert voltages([(0, 1), (1, 2)], [3.0, 1.0], {0: 4.0, 2: 0.0}) == pytest.approx([4.0, 1.0, 0.0])


def test_unbalanced_bridge() -> None:
    # 1 V over two arms of 1 and 2 ohm, one upside down, with 1 ohm between: 4/7 and 3/7 V
    bridge = [(0, 1), (1, 3), (0, 2), (2, 3), (1, 2)]
    assert voltages(bridge, [1, 2, 2, 1, 1], {0: 1.0, 3: 0.0}) == pytest.approx([1.0, 4 / 7, 3 / 7, 0.0])


def test_long_chain_in_blocks_falls_evenly() -> None:
    chain = [(k, k + 1) for k in range(20)]
    assert voltages(chain, [2.0] * 20, {0: 10.0, 20: 0.0}) == pytest.approx(np.linspace(10.0, 0.0, 21))


@pytest.mark.parametrize("name", ["twin16", "lattice-7x6", "packing143"])
def test_clamped_state_holds_outputs_and_obeys_kirchhoff(name: str) -> None:
    of = second.graph(name)
    settings = second.Settings(network=name, kind="regression", outputs=3, train=4, test=0)
    tasks = second.Tasks(settings, of, 10, np.random.default_rng(1))
    r = MANY.uniform(0.1, 2.0, (10, len(of.edges)))
    at, row = tasks.outputs, np.arange(10)[:, None]
    _, clamped = tasks.states(r, slice(0, 4), 0.3)
    held, held_v = ~tasks.circuit.free, tasks.held_v.copy()
    held[row, at] = True
    held_v[row, at] = 0.3 * tasks.wanted + 0.7 * tasks.outputs_of(r)
    volts, _ = second.Circuit(of, held).solve(1.0 / r, held_v, np.empty((10, 0), dtype=np.int64))
    assert clamped == pytest.approx(tasks.circuit.drops(volts), abs=1e-12)
    i, j = of.edges.T
    leaving = np.zeros_like(volts)
    for edge, current in enumerate(((volts[:, i] - volts[:, j]) / r[:, :, None]).transpose(1, 0, 2)):
        leaving[:, i[edge]] += current
        leaving[:, j[edge]] -= current
    assert np.abs(leaving[~held]).max() < 1e-9


def test_two_comparators_without_offset_are_equation_10() -> None:
    free, clamped = MANY.uniform(-1.0, 1.0, (2, 1000))
    up = second.rises(free, clamped, 0.0)
    assert (up == (np.abs(clamped) > np.abs(free))).all()
    assert (second.rises_by_pair(free, clamped, 0.0, 0.0) == up).all()


@pytest.mark.parametrize("name", ["twin16", "packing143", "lattice-4x5"])
def test_graphs_are_those_of_labnet(name: str) -> None:
    of = second.graph(name)
    made, theirs = Network(of.edges, of.nodes).to_networkx(), labnet.networks.named(name).to_networkx()
    if name == "packing143":  # its nodes have other numbers
        assert nx.is_isomorphic(made, theirs)
    else:
        assert {frozenset(edge) for edge in made.edges} == {frozenset(edge) for edge in theirs.edges}


def test_it_shares_no_code() -> None:
    tree = list(ast.walk(ast.parse(Path(second.__file__).read_text(encoding="utf-8"))))
    names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}
    assert names == {"math", "collections.abc", "dataclasses", "pathlib", "typing", "numpy", "numpy.typing"}


def test_what_it_does_not_have_is_refused(tmp_path: Path) -> None:
    plain = confirm.load(confirm.POINTS)[0].experiment
    for change in ({"board.tolerance": 0.3}, {"masked": [1]}, {"board.preset": "lab"}, {"board.gate": "oscillator"}):
        changed = plain.changed(change)
        with pytest.raises((KeyError, TypeError)):
            confirm.translated(changed, tmp_path)


@pytest.mark.slow
def test_points_of_the_maps_are_confirmed(tmp_path: Path) -> None:
    small = [point for point in confirm.load(confirm.POINTS) if "twin16" in point.experiment.board]
    cheapest = sorted(small, key=lambda point: point.experiment.triggers * point.tasks)[:4]
    rows = confirm.confirm([replace(point, tasks=50) for point in cheapest], tmp_path)
    assert all(row.confirmed for row in rows), confirm.table(rows)


@pytest.mark.slow
def test_ten_times_the_bias_is_not_confirmed(tmp_path: Path) -> None:
    board = "sim://twin16?preset=ideal&sigma_max_v=0.05"
    experiment = Experiment(board=board, task={"kind": "allostery"}, start=64, steps_p=1000)
    point = confirm.Point("bias", "50 mV, 64", experiment)
    right = confirm.translated(point.experiment, tmp_path)
    first = confirm.first_says(point, 0)

    def confirmed(settings: second.Settings) -> bool:
        return confirm.compare(point, first, second.final_errors(settings, "train", 50, 1.0, 0), 40).confirmed

    assert confirmed(right)
    assert not confirmed(replace(right, sigma_max_v=0.5))
