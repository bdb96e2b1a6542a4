"""A board's future follows from its seed and what was done to it, and a snapshot holds all of that."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet import networks
from labnet.errors import LabnetError
from labnet_simulators import PRESETS, Adc, ComparatorPair, Parts, Settling, SimulatedBoard

BOARDS = {
    "ideal": PRESETS["ideal"],
    "lab": PRESETS["lab"],
    "slow and noisy": Parts(settling=Settling(1e-3), adc=Adc(noise_v=1e-3), comparator=ComparatorPair(noise_v=1e-3)),
}
Verb = tuple[str, tuple[Any, ...]]

sides = st.sampled_from(["free", "clamped"])
verbs: st.SearchStrategy[Verb] = st.one_of(
    st.tuples(st.just("drive"), st.tuples(sides, st.dictionaries(st.integers(0, 8), st.floats(0, 5), max_size=4))),
    st.tuples(
        st.just("nudge"), st.tuples(sides, st.dictionaries(st.integers(0, 8), st.floats(-1e-4, 1e-4), max_size=4))
    ),
    st.tuples(st.just("read"), st.tuples(sides)),
    st.tuples(st.just("wait"), st.tuples(st.floats(0, 3e-3))),
    st.tuples(st.just("set_update_probability"), st.tuples(st.floats(0, 1))),
    st.tuples(st.just("trigger"), st.tuples(st.booleans())),
    st.tuples(st.sampled_from(["directions", "enabled", "wipers", "safe"]), st.just(())),
    st.tuples(st.just("set_wipers"), st.tuples(st.integers(0, 127))),
    st.tuples(st.just("set_resistances"), st.tuples(st.floats(1e3, 1e4))),
)
stories = st.lists(verbs, min_size=1, max_size=12)


def make(kind: str, seed: int = 3) -> SimulatedBoard:
    return SimulatedBoard(networks.twin16(), BOARDS[kind], seed)


def tell(board: SimulatedBoard, story: list[Verb]) -> list[Any]:
    """Apply verbs; what each gave as plain data, or the name of its error; then everything one can read."""
    told: list[Any] = []

    def note(verb: Callable[..., Any], *arguments: Any) -> None:
        try:
            given = verb(*arguments)
        except LabnetError as error:
            told.append(type(error).__name__)
        else:
            told.append([each.tolist() for each in given] if isinstance(given, tuple) else np.array(given).tolist())

    for name, arguments in story:
        note(getattr(board, name), *arguments)
    for side in ("free", "clamped"):
        note(board.read, side)
        note(board.resistances, side)
    note(board.trigger, False)
    return [*told, board.time_s, board.bias_v]


@pytest.mark.parametrize("kind", BOARDS)
@settings(deadline=None, max_examples=150)
@given(past=stories, future=stories)
def test_a_restored_board_has_the_same_future(kind: str, past: list[Verb], future: list[Verb]) -> None:
    board = make(kind)
    tell(board, past)
    snapshot = board.snapshot()
    first = tell(board, future)
    board.restore(snapshot)
    assert tell(board, future) == first
    other = make(kind)
    tell(other, future)
    other.restore(snapshot)
    assert tell(other, future) == first


@pytest.mark.parametrize("kind", BOARDS)
@settings(deadline=None, max_examples=50)
@given(story=stories)
def test_two_boards_with_one_seed_are_identical(kind: str, story: list[Verb]) -> None:
    assert tell(make(kind), story) == tell(make(kind), story)


def readings(board: SimulatedBoard) -> NDArray[np.float64]:
    board.drive("free", {0: 5.0, 8: 0.0})
    board.drive("clamped", {0: 5.0, 4: 2.0, 8: 0.0})
    board.wait(0.1)
    return np.concatenate([board.read("free"), board.read("clamped")])


def test_boards_with_different_seeds_are_different_specimens() -> None:
    one, other = make("lab", seed=1), make("lab", seed=2)
    assert not np.isclose(one.resistances("free"), other.resistances("free")).any()
    assert not np.array_equal(readings(one), readings(other))
    for board in (one, other):
        board.bias_v = 0.5
    assert not np.array_equal(one.enabled(), other.enabled())
    assert one.info.serial != other.info.serial


@pytest.mark.parametrize("kind", BOARDS)
def test_a_snapshot_does_not_change_with_the_board(kind: str) -> None:
    board = make(kind)
    readings(board)
    board.bias_v = 1.0
    snapshot = board.snapshot()
    kept = {name: array.copy() for name, array in snapshot.items()}
    board.trigger()
    readings(board)
    board.restore(snapshot)
    board.trigger()
    assert all(np.array_equal(snapshot[name], kept[name]) for name in kept)


@pytest.mark.parametrize("measurements", [1, 5])
def test_measuring_the_free_side_between_steps_leaves_the_noise_of_steps_alone(measurements: int) -> None:
    plain, measured = make("lab"), make("lab")
    told = []
    for board, count in ((plain, 0), (measured, measurements)):
        board.bias_v = 0.5
        seen = []
        for _ in range(4):
            for k in range(count):
                board.drive("free", {0: 1.0 + k, 8: 0.0})
                board.wait(1e-3)
                board.read("free")
            seen += [readings(board), board.trigger().directions, board.wipers()]
        told.append(seen)
    for one, other in zip(*told, strict=True):
        assert np.array_equal(one, other)


def test_readings_repeated_in_one_state_have_noise_of_their_own() -> None:
    board = make("slow and noisy")
    readings(board)
    repeated = np.array([[board.read("free")[1:8], board.read("clamped")[1:8]] for _ in range(50)]).reshape(100, 7)
    assert len(np.unique(repeated)) == repeated.size


def test_noise_is_new_after_every_clamped_drive_and_every_trigger() -> None:
    board = make("slow and noisy")
    repeated = [readings(board)]
    repeated.append(readings(board))
    board.trigger(step_wipers=False)
    repeated.append(readings(board))
    floating = np.array(repeated)[:, [1, 2, 3, 5, 6, 7]]
    assert len(np.unique(floating)) == floating.size


def test_a_noisy_board_is_read_after_any_number_of_clamped_drives() -> None:
    board = SimulatedBoard(networks.twin16(), Parts(adc=Adc(noise_v=1e-4)))
    readings(board)
    for _ in range(2**16):
        board.drive("clamped", {0: 5.0, 8: 0.0})
    assert board.read("clamped")[0] == pytest.approx(5.0, abs=1e-3)
