"""Diffusion along a training: against every choice that gates can make, and against trainings drawn at random."""

from itertools import combinations, product

import numpy as np
import pytest

import labnet
from labnet import analysis
from labnet.figures.desync_diffusion import Spread, local, spread
from labnet.tasks import Regression, Task

ETA = 0.5
CASES = [("drawn", 0.5, 1.0), ("drawn", 1.0, 0.5), ("drawn", 0.5, 0.5), ("fixed", 0.5, 1.0), ("fixed", 1.0, 0.5)]
CASES.append(("fixed", 0.5, 0.5))


def star() -> tuple[Task, np.ndarray]:
    """Four edges between an output, two inputs and two grounds, and four examples that no resistances solve."""
    network = labnet.Network([(0, 2), (1, 2), (2, 3), (2, 4)], 5)
    inputs = [[1.0, 0.2], [0.1, 0.9], [0.6, 0.5], [0.3, 0.1]]
    targets = [[0.7], [0.1], [0.2], [0.3]]
    return Regression(network, [0, 1], [2], [3, 4], train=(inputs, targets)), np.array([1.0, 0.7, 1.3, 0.9])


def masks(kind: str, share: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give every choice of `count` parts, and its probability."""
    if share == 1.0:
        return np.ones((1, count)), np.ones(1)
    if kind == "drawn":
        chosen = np.array(list(product((0.0, 1.0), repeat=count)))
        return chosen, np.prod(np.where(chosen, share, 1.0 - share), axis=1)
    chosen = np.array([[k in each for k in range(count)] for each in combinations(range(count), round(share * count))])
    return chosen, np.full(len(chosen), 1.0 / len(chosen))


def along(task: Task, start: np.ndarray, gamma: float, updates: int) -> tuple[np.ndarray, Spread]:
    """Train the reference; give its states after 0, 1, ... updates, and how noise spreads along it."""
    states = [start]
    for _ in range(updates):
        states.append(states[-1] + gamma * local(task, ETA, states[-1]).drift)
    steps, path = np.arange(updates + 1.0), np.array(states)
    return path, spread(task, ETA, np.array([gamma]), steps, path[None])


def test_the_rule_at_many_states_and_its_slope() -> None:
    network = labnet.networks.twin16()
    task = Regression.sample(network, v_max=1.0, seed=1, train=5, test=0)
    states = np.random.default_rng(0).uniform(0.5, 1.5, (3, 2, 16))
    found = local(task, 0.1, states)

    def updates(r: np.ndarray) -> np.ndarray:
        return analysis.example_updates(task, labnet.Continuous(gamma=1.0), network.r_ref_ohm * r, 0.1)

    for at in np.ndindex(3, 2):
        np.testing.assert_allclose(found.parts[at].T, updates(states[at]), atol=1e-13)
        for edge, way in enumerate(1e-5 * np.eye(16)):
            apart = updates(states[at] + way) - updates(states[at] - way)
            np.testing.assert_allclose(found.slope[at][:, edge], apart.sum(axis=0) / 2e-5, atol=1e-7)


@pytest.mark.parametrize(("kind", "p", "b"), CASES)
def test_noise_of_every_choice_of_a_step(kind: str, p: float, b: float) -> None:
    """So few updates that the state hardly moves: what n updates gather is n times what a step has, over p b."""
    task, start = star()
    gamma, updates = 1e-6, 2
    _, there = along(task, start, gamma, updates)
    parts = local(task, ETA, start).parts
    (edges, p_edges), (examples, p_examples) = masks(kind, p, 4), masks(kind, b, 4)
    steps = gamma * np.einsum("me,ek,nk->mne", edges, parts, examples).reshape(-1, 4)
    weights = np.outer(p_edges, p_examples).ravel()
    mean = weights @ steps
    exact = (steps * weights[:, None]).T @ steps - np.outer(mean, mean)
    _, covariance = there.displacement(updates, p, b, kind == "fixed")
    np.testing.assert_allclose(covariance[0], exact * updates / (p * b), rtol=1e-4, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize(("kind", "p", "b"), [CASES[0], CASES[2], CASES[-1]])
def test_spread_of_trainings_drawn_at_random(kind: str, p: float, b: float) -> None:
    """Over several of the fastest time constants: noise decays in some directions and stays in others."""
    task, start = star()
    gamma, updates, count = 0.05, 60, 1000
    path, there = along(task, start, gamma, updates)
    rng = np.random.default_rng(1)
    (edges, p_edges), (examples, p_examples) = masks(kind, p, 4), masks(kind, b, 4)
    states = np.tile(start, (count, 1))
    for _ in range(round(updates / (p * b))):
        parts = local(task, ETA, states).parts
        gates = edges[rng.choice(len(edges), count, p=p_edges)]
        shown = examples[rng.choice(len(examples), count, p=p_examples)]
        states += gamma * gates * (parts @ shown[..., None])[..., 0]
    shift, covariance = (each[0] for each in there.displacement(updates, p, b, kind == "fixed"))
    apart = states - path[-1]
    sure = np.sqrt(covariance.diagonal() / count)
    off = np.linalg.norm(np.cov(apart.T) - covariance) / np.linalg.norm(covariance)
    assert off < 0.15  # of the order of gamma; 0.04 at gamma = 0.01, where 3000 trainings are drawn
    assert (np.abs(apart.mean(axis=0) - shift) < 0.4 * np.linalg.norm(shift) + 4.0 * sure).all()
    drawn = there.distances(updates, updates, p, b, kind == "fixed", rng.standard_normal((count, 4)))
    found, (_, expected) = np.sort(np.linalg.norm(apart, axis=-1)), np.sort(drawn[:, 0])
    np.testing.assert_allclose(np.median(found), np.median(expected), rtol=0.1)


def test_exponents_of_diffusion_and_of_lag() -> None:
    """Leaving out edges alone has the exponent 1/2 at equal updates; a lag at a steady pace has 1."""
    task, start = star()
    _, there = along(task, start, 1e-4, 50)
    left_out, normal = np.array([0.05, 0.1, 0.2, 0.4]), np.random.default_rng(0).standard_normal((1, 4))
    diffusion = [there.distances(50, 50, 1 - x, 1.0, False, normal)[0, 0, 0] for x in left_out]
    lag = [there.distances(50 * (1 - x), 50, 1 - x, 1.0, False, 0 * normal)[0, 0, 0] for x in left_out]
    weights = analysis.slope_weights(left_out)
    assert weights @ np.log(diffusion) == pytest.approx(0.5)
    assert weights @ np.log(lag) == pytest.approx(1.0, abs=0.01)


def test_lag_is_what_the_reference_has_yet_to_go() -> None:
    """Between the steps that are known, too: here every third."""
    task, start = star()
    path, there = along(task, start, 0.01, 60)
    known = np.arange(0, 61, 3)
    coarse = spread(task, ETA, np.array([0.01]), known.astype(float), path[None, known])
    for steps in (10, 25, 59):
        exact = np.linalg.norm(path[steps] - path[60])
        for each in (there, coarse):
            found = each.distances(steps, 60, steps / 60, 1.0, False, np.zeros((1, 4)))[0]
            assert found[0, 0] == pytest.approx(exact, rel=1e-3)
