"""The noise of a step, against enumeration, against the gates of a board and against a divider done by hand."""

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import labnet
from labnet import analysis
from labnet.draws import Stream, draw
from labnet.errors import AnalysisError
from labnet_simulators.components import Gate

PARTS = arrays(np.float64, st.tuples(st.integers(2, 6), st.just(4)), elements=st.floats(-1, 1))
SHARES = st.floats(0, 1)


def divider(r1: float = 1.0, r2: float = 3.0) -> tuple[labnet.Task, np.ndarray]:
    """Two edges in a row from 1 V over an output node to ground; two examples, of 1 V and 2 V."""
    network = labnet.Network([(0, 1), (1, 2)], 3)
    task = labnet.tasks.Regression(network, [0], [1], [2], train=([[1.0], [2.0]], [[0.5], [1.0]]))
    return task, network.r_ref_ohm * np.array([r1, r2])


def sampled(size: int = 8, seed: int = 3) -> tuple[labnet.Task, np.ndarray]:
    network = labnet.networks.twin16()
    task = labnet.tasks.Regression.sample(network, v_max=1.0, seed=seed, train=size, test=0)
    return task, network.r_ref_ohm * np.random.default_rng(seed).uniform(0.5, 1.5, network.edge_count)


def test_updates_of_a_divider() -> None:
    """Free output 3/4 V, wanted 1/2 V, eta 1/2: clamped at 5/8 V. Drops 1/4, 3/4 become 3/8, 5/8."""
    task, ohm = divider()
    first = 0.1 * np.array([(3 / 8) ** 2 - (1 / 4) ** 2, ((5 / 8) ** 2 - (3 / 4) ** 2) / 9])
    found = analysis.example_updates(task, labnet.Continuous(gamma=0.1), ohm, eta=0.5)
    np.testing.assert_allclose(found, [first, 4 * first], rtol=1e-12)  # quadratic in the signal


@pytest.mark.parametrize("options", [{"symmetric": True}, {"margin_v": 0.1}, {"over_clamp_v": (0.0, 1.0)}])
def test_updates_of_other_rules_than_eq_7(options: dict[str, Any]) -> None:
    task, ohm = divider()
    with pytest.raises(AnalysisError, match="symmetric, has a margin or over-clamps"):
        analysis.example_updates(task, labnet.Continuous(gamma=0.1, **options), ohm, eta=0.5)


def test_updates_are_those_of_a_step_on_a_board() -> None:
    task, _ = sampled()
    rule = labnet.Continuous(gamma=0.5, batch=1.0)
    with (
        labnet.open_board("sim://twin16") as board,
        labnet.train(board, task, steps=1, rule=rule, eta=0.3, start=(0.5, 1.5), progress=False) as run,
    ):
        before, after = run.array("resistances_ohm", [0, 1])
    asked = analysis.example_updates(task, rule, before, eta=0.3).sum(axis=0)
    np.testing.assert_allclose((after - before) / 10e3, asked, atol=1e-12)


@given(PARTS, SHARES, st.booleans())
def test_covariances_are_symmetric_and_positive_semidefinite(parts: np.ndarray, share: float, fixed: bool) -> None:
    for matrix in (analysis.diffusion(parts), analysis.step_covariance(parts, share, fixed)):
        np.testing.assert_array_equal(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() >= -1e-12


@given(PARTS, SHARES, st.booleans(), st.floats(0.1, 10))
def test_covariances_grow_as_the_square_of_gamma(parts: np.ndarray, share: float, fixed: bool, gamma: float) -> None:
    scaled = analysis.step_covariance(gamma * parts, share, fixed)
    np.testing.assert_allclose(scaled, gamma**2 * analysis.step_covariance(parts, share, fixed), atol=1e-12)


@given(PARTS, st.booleans())
def test_no_noise_without_a_choice(parts: np.ndarray, fixed: bool) -> None:
    """p = 1 and b = 1 are deterministic, and so is a step in which nothing moves."""
    for share in (0.0, 1.0):
        np.testing.assert_array_equal(analysis.step_covariance(parts, share, fixed), np.zeros((4, 4)))


@given(PARTS, SHARES)
def test_covariance_by_enumeration(parts: np.ndarray, share: float) -> None:
    n = len(parts)
    masks = np.array(list(product((0, 1), repeat=n)))
    weights = np.prod(np.where(masks, share, 1 - share), axis=1)
    steps = masks @ parts
    mean = weights @ steps
    exact = (steps * weights[:, None]).T @ steps - np.outer(mean, mean)
    np.testing.assert_allclose(analysis.step_covariance(parts, share), exact, atol=1e-12)


@given(PARTS, st.data())
def test_covariance_of_a_fixed_number_by_enumeration(parts: np.ndarray, data: st.DataObject) -> None:
    n = len(parts)
    m = data.draw(st.integers(0, n))
    steps = np.array([parts[list(chosen)].sum(axis=0) for chosen in combinations(range(n), m)])
    exact = np.cov(steps.T, bias=True) if len(steps) > 1 else np.zeros((4, 4))
    np.testing.assert_allclose(analysis.step_covariance(parts, m / n, fixed=True), exact, atol=1e-12)


def test_bernoulli_gates_leave_a_diagonal() -> None:
    update = np.array([0.3, -0.1, 0.0, 2.0])
    found = analysis.step_covariance(analysis.edge_updates(update), 0.2)
    np.testing.assert_allclose(found, 0.2 * 0.8 * np.diag(update**2))


@pytest.mark.parametrize("fixed", [False, True])
def test_covariance_of_steps_that_a_board_gates(fixed: bool) -> None:
    """Monte-Carlo over triggers, with the gates of the simulated boards, at a state on the way to a solution."""
    task, ohm = sampled()
    update = analysis.example_updates(task, labnet.Continuous(gamma=1.0), ohm, eta=0.1).sum(axis=0)
    edges, p, count = np.arange(16), 0.375, 20_000
    gates = Gate(fixed_number=fixed).built(5, 16)
    steps = np.array([gates.enabled(draw(5, Stream.TRIGGER, k, edges), 0.0, p) for k in range(count)]) * update
    expected = analysis.step_covariance(analysis.edge_updates(update), p, fixed)
    spread = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()) / count)
    assert (np.abs(np.cov(steps.T, bias=True) - expected) < 5 * spread + 1e-18).all()


def test_eq_6_as_printed_is_no_covariance() -> None:
    """With the whole update in the last term the matrix has a negative eigenvalue; with the mean over edges none."""
    task, ohm = sampled()
    update = analysis.example_updates(task, labnet.Continuous(gamma=1.0), ohm, eta=0.1).sum(axis=0)
    printed = np.diag(update**2) / len(update) - np.outer(update, update)
    assert np.linalg.eigvalsh(printed).min() < -0.1 * np.abs(printed).max()
    assert np.linalg.eigvalsh(analysis.diffusion(analysis.edge_updates(update))).min() > -1e-15


def test_noise_vanishes_where_every_example_is_solved() -> None:
    """At zero error no example asks for a change, so both kinds of noise end: the solution found stays."""
    task, ohm = divider(r1=2.0, r2=2.0)
    updates = analysis.example_updates(task, labnet.Continuous(gamma=1.0), ohm, eta=0.5)
    np.testing.assert_allclose(updates, np.zeros((2, 2)), atol=1e-15)


def test_overlap_and_directions() -> None:
    flat, spread = np.outer([1.0, 0, 0], [1.0, 0, 0]), np.eye(3)
    assert analysis.overlap(flat, 7 * flat) == pytest.approx(1)
    assert analysis.overlap(flat, np.diag([0, 1, 0])) == 0
    assert analysis.overlap(flat, spread) == pytest.approx(1 / np.sqrt(3))
    assert analysis.directions(flat) == pytest.approx(1)
    assert analysis.directions(spread) == pytest.approx(3)
