"""What the figures of sizes and tasks compute, on numbers where it is known."""

import numpy as np
import pandas as pd
import pytest

from labnet.figures import desync_size
from labnet.figures.desync_tasks import turns

STEPS = np.arange(40)


@pytest.mark.parametrize("examples", [1, 2, 5])
def test_edges_that_overshoot_turn_at_every_visit(examples: int) -> None:
    way = np.where(STEPS // examples % 2, 1, -1)  # every visit of an example undoes the one before
    wipers = 64.0 + np.cumsum(way)[None, :, None] * np.ones((3, 1, 4))
    assert turns(wipers, examples)[1].tolist() == [1.0, 1.0, 1.0]


def test_edges_that_obey_two_examples_turn_from_step_to_step_alone() -> None:
    wipers = 64.0 + (STEPS % 2)[None, :, None] * np.ones((3, 1, 4))
    step, visit = turns(wipers, 2)
    assert step.tolist() == [1.0, 1.0, 1.0]
    assert visit.tolist() == [0.0, 0.0, 0.0]


def test_edges_that_stand_at_an_end_do_not_count() -> None:
    wipers = np.stack([np.full(40, 127.0), 64.0 + STEPS % 2], axis=-1)[None]
    assert turns(wipers, 1)[0].tolist() == [1.0]


def test_a_law_and_the_scatter_about_it() -> None:
    edges = np.array([16, 17, 143, 144, 2000, 1984])
    aside = np.array([1.2, 1 / 1.2] * 3)
    exponent, factor = desync_size.law(edges, 3.0 * edges**-0.7)
    np.testing.assert_allclose([*exponent, factor], [-0.7, -0.7, -0.7, 3.0], rtol=1e-9)
    scattered, _ = desync_size.law(edges, 3.0 * edges**-0.7 * aside)
    assert scattered.low < -0.7 < scattered.high
    assert desync_size.scatter(edges.tolist(), aside)["within_sizes"] == pytest.approx(1.2 ** np.sqrt(2.0))
    assert desync_size.scatter(edges.tolist(), aside)["between_sizes"] == pytest.approx(1.0)


def test_the_lambda_that_tells_best_lies_between_free_and_caught() -> None:
    lock = np.array([0.1, 0.3, 0.6, 0.9, 2.0, 5.0])
    frame = pd.DataFrame({"lock": lock, "caught": lock > 0.7}).sample(frac=1.0, random_state=0)
    assert 0.6 <= desync_size._best(frame) < 0.9
