"""Optimisers: their recursions done by hand, and that a state goes on where it ended."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labnet.data import Data
from labnet.errors import PlanError, RunMismatch
from labnet.optimisers import Adam, Momentum, Optimiser, Plain, State

OPTIMISERS: list[Plain | Momentum | Adam] = [
    Plain(),
    Momentum(share=0.7),
    Adam(rate=0.01, beta1=0.8, beta2=0.9),
    Adam(rate=0.01, bias_correction=False, skip=3),
]
optimisers = st.sampled_from(OPTIMISERS)
CHANGES = arrays(np.float64, (7, 3), elements=st.floats(-1, 1))


class Holder(Data):
    optimiser: Optimiser = Plain()


def steps(optimiser: Plain | Momentum | Adam, changes: np.ndarray, state: State | None = None) -> tuple[Any, State]:
    made, now = [], state or {}
    for change in changes:
        step, now = optimiser.step(change, now)
        made.append(step)
    return np.array(made), now


@settings(max_examples=25)
@given(CHANGES)
def test_plain_makes_the_change(changes: np.ndarray) -> None:
    np.testing.assert_array_equal(steps(Plain(), changes)[0], changes)


@settings(max_examples=25)
@given(CHANGES, st.floats(0, 0.99))
def test_momentum_is_a_sum_that_fades(changes: np.ndarray, share: float) -> None:
    expected = [sum(share ** (t - s) * changes[s] for s in range(t + 1)) for t in range(len(changes))]
    np.testing.assert_allclose(steps(Momentum(share=share), changes)[0], expected, atol=1e-12)


@pytest.mark.parametrize("correction", [True, False])
def test_adam_by_its_sums(correction: bool) -> None:
    """m and v are sums with weights (1 - beta) beta^(t - s); the correction divides by the sum of the weights."""
    changes = np.random.default_rng(1).normal(size=(9, 4))
    adam = Adam(rate=0.05, beta1=0.8, beta2=0.95, epsilon=1e-3, bias_correction=correction)
    made, _ = steps(adam, changes)
    for t in range(len(changes)):
        past = np.arange(t, -1, -1)
        one, two = 0.2 * 0.8**past, 0.05 * 0.95**past
        m, v = one @ changes[: t + 1], two @ changes[: t + 1] ** 2
        if correction:
            m, v = m / one.sum(), v / two.sum()
        np.testing.assert_allclose(made[t], 0.05 * m / (np.sqrt(v) + 1e-3), rtol=1e-12)


def test_the_first_step_of_adam_has_its_rate() -> None:
    made, _ = steps(Adam(rate=0.02), np.array([[3.0, -1e-3, 0.0]]))
    np.testing.assert_allclose(made, [[0.02, -0.02, 0.0]], rtol=1e-4)


def test_adam_of_eq_14_learns_its_means_before_it_steps() -> None:
    changes = np.random.default_rng(2).normal(size=(6, 3))
    eager, patient = (Adam(rate=0.1, bias_correction=False, skip=skip) for skip in (0, 4))
    expected, state = steps(eager, changes)
    expected[:4] = 0.0
    made, other = steps(patient, changes)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(state["mean"], other["mean"])


@settings(max_examples=25)
@given(optimisers, CHANGES, st.integers(0, 7))
def test_a_state_goes_on_where_it_ended(optimiser: Any, changes: np.ndarray, cut: int) -> None:
    together, end = steps(optimiser, changes)
    before, state = steps(optimiser, changes[:cut])
    after, same_end = steps(optimiser, changes[cut:], {key: value.copy() for key, value in state.items()})
    np.testing.assert_array_equal(np.concatenate([before.reshape(-1, 3), after.reshape(-1, 3)]), together)
    assert end.keys() == same_end.keys()
    assert all(np.array_equal(end[key], same_end[key]) for key in end)


@settings(max_examples=25)
@given(optimisers, CHANGES)
def test_edges_do_not_know_of_each_other(optimiser: Any, changes: np.ndarray) -> None:
    alone = [steps(optimiser, changes[:, [k]])[0][:, 0] for k in range(3)]
    np.testing.assert_array_equal(steps(optimiser, changes)[0].T, alone)


@pytest.mark.parametrize("other", OPTIMISERS)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_the_state_of_another_optimiser_or_network_is_refused(optimiser: Any, other: Any) -> None:
    _, state = steps(other, np.ones((2, 3)))
    if state and optimiser.name != other.name:
        with pytest.raises(RunMismatch, match=f"the optimiser '{optimiser.name}' is to go on from holds"):
            optimiser.step(np.ones(3), state)
    elif state:
        with pytest.raises(RunMismatch, match=r"\(3,\).*allowed: .*\(5,\)"):
            optimiser.step(np.ones(5), state)


def test_adam_and_momentum_reach_the_bottom_of_a_valley() -> None:
    """O = 1/2 x A x with slopes 1 and 50: plain descent, at the largest rate that is stable, is slower."""
    slopes = np.array([1.0, 50.0])

    def rest(optimiser: Plain | Momentum | Adam, gamma: float) -> float:
        at, state = np.ones(2), {}
        for _ in range(200):
            step, state = optimiser.step(-gamma * slopes * at, state)
            at = at + step
        return float(np.abs(at).max())

    plain = rest(Plain(), 0.03)
    assert rest(Momentum(share=0.75), 0.03) < plain / 100
    assert rest(Adam(rate=0.05), 1.0) < plain
    assert plain < 0.01


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "adamm"}, "optimiser.name is 'adamm'; allowed: 'plain', 'momentum', 'adam'"),
        ({"rate": 0.1}, "optimiser.name is missing"),
        ({"name": "adam"}, "optimiser.rate is missing; give a number above 0, in units of R_ref"),
        ({"name": "adam", "rate": 0.0}, "optimiser.rate is 0.0; allowed: a number above 0"),
        ({"name": "adam", "rate": 0.1, "beta2": 1.0}, "optimiser.beta2 is 1.0; allowed: a number from 0 up, below 1"),
        ({"name": "momentum", "share": 1.0}, "optimiser.share is 1.0; allowed: a number from 0 up, below 1"),
        ({"name": "momentum", "rate": 1.0}, "optimiser.rate is not a known key; allowed: name, share"),
    ],
)
def test_what_a_table_has_to_say(given: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Holder(optimiser=given)


def test_a_table_names_an_optimiser() -> None:
    assert Holder(optimiser={"name": "momentum", "share": 0.5}).optimiser == Momentum(share=0.5)
    assert Holder().optimiser == Plain()
