"""Eq. 10 edge by edge, against exact fractions: up where |dV_C| + sigma > |dV_F|, down on ties and below."""

from collections.abc import Callable

import numpy as np
import pytest
from references import draw, exact_margins
from trained import Trained, trained

import labnet
from labnet import networks
from labnet.board import Converter
from labnet.draws import Stream
from labnet.tasks import Allostery, Regression
from labnet_simulators import SimulatedBoard

CLEAR_V = 1e-12
Sigma = Callable[[int, int], float]


def hung(*edges: tuple[int, int]) -> labnet.Network:
    """twin16 with more edges."""
    joined = np.concatenate([networks.twin16().edges, np.array(edges)])
    return labnet.Network(joined, int(joined.max()) + 1, name="hung")


def compare(run: Trained, sigma: Sigma | None = None, grid: Converter | None = None) -> tuple[int, int]:
    """Check every direction whose exact margin is 0 or clear of rounding; gives how many were ties and how many not."""
    task, network = run.plan.task, run.plan.task.network
    ties = clear = 0
    for step in range(run.plan.steps):
        row = run.at(step)
        inputs = task.train.inputs[step % len(task.train)]
        held = task.held(inputs if grid is None else grid.quantised(inputs))
        clamps = {node: float(row["v_clamped"][node]) for node in task.outputs}
        sigmas = None if sigma is None else [sigma(step, edge) for edge in range(network.edge_count)]
        margins = exact_margins(network, row["wipers"].tolist(), held, clamps, sigmas)
        for edge, margin in enumerate(margins):
            if margin == 0 or abs(margin) > CLEAR_V:
                assert row["directions"][edge] == (1 if margin > 0 else -1), (step, edge, float(margin))
            ties += margin == 0
            clear += abs(margin) > CLEAR_V
    return ties, clear


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["twin16", "lattice-3x4"])
@pytest.mark.parametrize("eta", [0.1, 1.0])
def test_every_edge_of_random_tasks_steps_as_eq_10_says(name: str, seed: int, eta: float) -> None:
    task = Regression.sample(networks.named(name), seed=seed, train=3, test=0)
    run = trained(f"sim://{name}", task, steps=60, eta=eta, start=(0, 127), seed=seed, measure=())
    ties, clear = compare(run)
    assert ties + clear == 60 * task.network.edge_count


@pytest.mark.parametrize("p", [1.0, 0.3])
def test_eq_10_holds_at_any_update_probability(p: float) -> None:
    task = Allostery.sample(networks.twin16(), seed=1)
    settings = {"steps": 150, "start": (0, 127), "measure": ()}
    run = trained("sim://twin16?seed=2", task, clock=labnet.GlobalClock(p=p), **settings)
    assert compare(run)[1] > 1500


def test_eq_10_holds_with_the_codes_of_converters() -> None:
    task = Regression.sample(networks.twin16(), seed=3, train=3, test=0)
    run = trained("sim://twin16?converters=board", task, steps=60, eta=0.5, start=(0, 127), measure=())
    assert compare(run, grid=Converter(0.0, 5.0, 16))[1] > 700


@pytest.mark.parametrize(
    ("more", "tied"),
    [
        ([], [0]),  # edge 0 joins the two inputs
        ([(0, 9), (9, 10), (10, 0)], [0, 16, 17, 18]),  # a block hanging off an input
        ([(8, 9), (9, 10), (10, 8)], [0, 16, 17, 18]),  # off the ground
        ([(0, 9), (9, 1)], [0, 16, 17]),  # a node fed by both inputs alone
    ],
    ids=["two held nodes", "block at an input", "block at the ground", "node between inputs"],
)
def test_edges_that_the_clamp_cannot_reach_tie_exactly_and_step_down(
    more: list[tuple[int, int]], tied: list[int]
) -> None:
    network = hung(*more) if more else networks.twin16()
    task = Allostery(network, {0: 5.0, 1: 1.7}, {4: 2.0, 6: 1.0}, [8])
    run = trained(SimulatedBoard(network), task, steps=60, eta=0.7, start=(60, 127), measure=())
    ties, clear = compare(run)
    assert (ties, clear) == (60 * len(tied), 60 * (network.edge_count - len(tied)))
    assert (run["directions"][:60, tied] == -1).all()


@pytest.mark.parametrize("more", [[(5, 9)], [(4, 9), (9, 10), (10, 4)]], ids=["dead end", "block at an output"])
def test_edges_that_carry_no_current_tie_exactly_and_step_down(more: list[tuple[int, int]]) -> None:
    network = hung(*more)
    task = Allostery(network, {0: 5.0, 1: 1.7}, {4: 2.0, 6: 1.0}, [8])
    run = trained(SimulatedBoard(network), task, steps=300, start=(0, 127), measure=())
    assert compare(run)[0] == 300 * (1 + len(more))


def test_the_bridge_of_a_balanced_wheatstone_network_ties_exactly_and_steps_down() -> None:
    edges = np.array([[0, 1], [0, 2], [1, 3], [2, 3], [1, 4], [2, 4], [1, 2]])
    network = labnet.Network(edges, 5, name="bridge")
    task = Allostery(network, {0: 5.0}, {4: 1.0}, [3])
    run = trained(SimulatedBoard(network), task, steps=100, measure=())
    assert compare(run)[0] == 100
    assert (run["directions"][:100, 6] == -1).all()


@pytest.mark.parametrize("sigma", ["redrawn", "frozen"])
@pytest.mark.parametrize("seed", [0, 9])
def test_sigma_lifts_the_clamped_drop_of_every_edge_by_its_own_draw(sigma: str, seed: int) -> None:
    def redrawn(step: int, edge: int) -> float:
        return 0.05 * ((draw(seed, Stream.TRIGGER, step, edge) % 2**32) / 2**32)

    def frozen(step: int, edge: int) -> float:
        return 0.05 * ((draw(seed, Stream.SIGMA, 0, edge) >> 11) / 2**53)

    task = Regression.sample(networks.twin16(), seed=seed, train=3, test=0)
    address = f"sim://twin16?sigma_max_v=0.05&sigma={sigma}&seed={seed}"
    run = trained(address, task, steps=100, eta=0.2, start=(0, 127), measure=())
    ties, clear = compare(run, redrawn if sigma == "redrawn" else frozen)
    assert (ties, clear) == (0, 1600)
    with pytest.raises(AssertionError):
        compare(run)  # sigma does make a difference


def test_wipers_move_by_the_directions_of_enabled_edges_and_stop_at_the_ends() -> None:
    task = Allostery.sample(networks.twin16(), seed=2)
    run = trained("sim://twin16", task, steps=400, clock=labnet.GlobalClock(p=0.5), start=(0, 127))
    moves = run["directions"][:-1] * run["enabled"][:-1]
    assert np.array_equal(run["wipers"][1:], np.clip(run["wipers"][:-1] + moves, 0, 127))
    at_the_end = {end: (run["wipers"][:-1] == end) & (moves == way) for end, way in ((0, -1), (127, 1))}
    assert all(stopped.any() for stopped in at_the_end.values())


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_edges_are_enabled_by_their_draws_with_probability_p(p: float) -> None:
    task, steps = Allostery.sample(networks.twin16(), seed=1), 500
    run = trained("sim://twin16?seed=4", task, steps=steps, clock=labnet.GlobalClock(p=p))
    enabled = run["enabled"][:-1]
    expected = [[draw(4, Stream.TRIGGER, k, e) >> 32 < round(p * 2**32) for e in range(16)] for k in range(steps)]
    assert enabled.tolist() == np.array(expected).astype(int).tolist()
    assert abs(enabled.mean() - p) <= 4.5 * np.sqrt(p * (1 - p) / enabled.size)


def test_a_fixed_number_gate_enables_round_p_e_edges_a_step() -> None:
    task = Allostery.sample(networks.twin16(), seed=1)
    run = trained("sim://twin16?gate=fixed", task, steps=100, clock=labnet.GlobalClock(p=0.3))
    assert (run["enabled"][:-1].sum(axis=1) == round(0.3 * 16)).all()


def test_a_second_training_on_a_board_draws_anew() -> None:
    board = labnet.open_board("sim://twin16")
    task = Allostery.sample(board.network, seed=1)
    first, second = (trained(board, task, steps=30, clock=labnet.GlobalClock(p=0.5), start=64) for _ in range(2))
    assert not np.array_equal(first["enabled"], second["enabled"])
    expected = [[draw(0, Stream.TRIGGER, 30 + k, e) >> 63 == 0 for e in range(16)] for k in range(30)]
    assert second["enabled"][:-1].tolist() == np.array(expected).astype(int).tolist()
