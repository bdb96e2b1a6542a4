from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labnet.draws import Stream, draw, integers, normal, splitmix64, uniform

PAGE = Path(__file__).parents[2] / "docs" / "draws.md"
WORD = 2**64
words = st.integers(0, WORD - 1)


def reference_splitmix64(seed: int) -> Iterator[int]:
    """The generator as published: a state that steps, and a mixed output."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) % WORD
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
        yield z ^ (z >> 31)


def reference_nth(seed: int, i: int) -> int:
    return next(reference_splitmix64((seed + i * 0x9E3779B97F4A7C15) % WORD))


def reference_draw(seed: int, stream: int, step: int, i: int) -> int:
    return reference_nth(reference_nth(reference_nth(seed % WORD, stream), step), i)


def table(*header: str) -> list[list[str]]:
    """The rows of the page's table with this header."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(f"| {' | '.join(header)} |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip(" `") for cell in line.strip("|").split("|")])
    return rows


def bits(seed: int, triggers: int, edges: int) -> NDArray[np.uint64]:
    return np.array([draw(seed, Stream.TRIGGER, k, np.arange(edges)) for k in range(triggers)])


def correlations(x: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.asarray(np.corrcoef(x, rowvar=False))
    return matrix[np.triu_indices(len(matrix), 1)]


@pytest.mark.parametrize(
    ("seed", "published"),
    [
        (
            1234567,
            [
                6457827717110365317,
                3203168211198807973,
                9817491932198370423,
                4593380528125082431,
                16408922859458223821,
            ],
        ),
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]),
    ],
)
def test_splitmix64_gives_its_published_outputs(seed: int, published: list[int]) -> None:
    assert [splitmix64(seed, i) for i in range(len(published))] == published


@given(words, st.integers(0, 300))
def test_splitmix64_by_number_is_the_stepped_generator(seed: int, i: int) -> None:
    stepped = reference_splitmix64(seed)
    for _ in range(i):
        next(stepped)
    assert splitmix64(seed, i) == next(stepped)


@given(st.integers(-WORD, 2 * WORD), st.sampled_from(Stream), st.integers(0, 2**62), st.lists(words, min_size=1))
def test_a_draw_is_three_nested_generators(seed: int, stream: Stream, step: int, i: list[int]) -> None:
    expected = [reference_draw(seed, stream, step, each) for each in i]
    assert draw(seed, stream, step, np.array(i, dtype=np.uint64)).tolist() == expected


def test_the_published_vectors_hold() -> None:
    rows = table("seed", "stream", "step", "i", "draw")
    assert len(rows) >= 8
    for seed, stream, step, i, expected in rows:
        assert int(draw(int(seed), Stream[stream], int(step), int(i))) == int(expected, 16)


def test_the_published_streams_are_those_of_the_package() -> None:
    rows = table("number", "stream", "for", "step", "i")
    assert {name: int(number) for number, name, *_ in rows} == {stream.name: stream.value for stream in Stream}


def test_the_published_numbers_are_made_of_the_published_draws() -> None:
    drawn = {row[-1] for row in table("seed", "stream", "step", "i", "draw")}
    rows = table("draw", "high", "low", "integer below 16", "uniform", "normal")
    assert rows
    for text, high, low, integer, share, gaussian in rows:
        assert text in drawn
        z = np.array([int(text, 16)], dtype=np.uint64)
        assert divmod(int(text, 16), 2**32) == (int(high), int(low))
        assert integers(z, 16).tolist() == [int(integer)]
        assert uniform(z).tolist() == [float(share)]
        assert normal(z) == pytest.approx([float(gaussian)], abs=1e-12)


def test_splitmix64_of_the_page_is_the_published_one() -> None:
    published = ", ".join(str(splitmix64(1234567, i)) for i in range(5))
    assert published in PAGE.read_text(encoding="utf-8").replace("\n", " ")


@given(st.integers(0, 5), st.integers(0, 10**9), st.lists(words, min_size=2, max_size=20))
def test_a_draw_does_not_depend_on_what_is_drawn_with_it(seed: int, step: int, i: list[int]) -> None:
    together = draw(seed, Stream.TRIGGER, step, np.array(i, dtype=np.uint64))
    alone = [int(draw(seed, Stream.TRIGGER, step, each)) for each in i]
    in_a_matrix = draw(seed, Stream.TRIGGER, step, np.array([i, i[::-1]], dtype=np.uint64))
    assert together.tolist() == alone
    assert in_a_matrix.tolist() == [alone, alone[::-1]]


@given(words, st.sampled_from(Stream), st.lists(st.integers(0, 2**40), max_size=4), st.lists(words, max_size=4))
def test_many_steps_at_once_are_one_step_after_the_other(
    seed: int, stream: Stream, steps: list[int], i: list[int]
) -> None:
    table = draw(seed, stream, np.array(steps, dtype=np.int64).reshape(-1, 1), np.array(i, dtype=np.uint64))
    assert table.tolist() == [draw(seed, stream, step, np.array(i, dtype=np.uint64)).tolist() for step in steps]
    assert draw(seed, stream, np.array(steps, dtype=np.int64), 3).tolist() == [
        int(draw(seed, stream, k, 3)) for k in steps
    ]


def test_a_draw_has_the_shape_of_what_it_is_for() -> None:
    assert draw(0, Stream.ORDER, 0, 0).shape == ()
    assert draw(0, Stream.ORDER, 0, np.zeros((2, 3), dtype=np.int64)).shape == (2, 3)
    assert draw(0, Stream.ORDER, 0, []).shape == (0,)


@pytest.mark.parametrize("kind", [int, np.int64, np.uint64, np.array])
def test_a_draw_takes_any_kind_of_integer(kind: Callable[[int], Any]) -> None:
    drawn = [int(draw(1, Stream.READ_FREE, 5, kind(i))) for i in range(40)]
    assert drawn == [reference_draw(1, 4, 5, i) for i in range(40)]


def test_every_bit_is_set_half_of_the_time() -> None:
    z = bits(seed=1, triggers=1000, edges=16).ravel()
    shares = np.array([((z >> np.uint64(k)) & np.uint64(1)).mean() for k in range(64)])
    assert np.abs(shares - 0.5).max() < 4.5 * 0.5 / np.sqrt(len(z))


def test_gate_bits_of_different_edges_are_uncorrelated() -> None:
    triggers = 4096
    r = correlations((bits(2, triggers, 16) >> np.uint64(63)).astype(np.float64))
    assert np.abs(r).max() < 4.5 / np.sqrt(triggers)
    assert 0.7 < np.sqrt(np.mean(r**2)) * np.sqrt(triggers) < 1.3


def test_gate_bits_of_successive_triggers_seeds_and_halves_are_uncorrelated() -> None:
    z = bits(3, 4096, 16)
    gate = (z >> np.uint64(63)).astype(np.float64)
    low_half = ((z >> np.uint64(31)) & np.uint64(1)).astype(np.float64)
    next_seed = (bits(4, 4096, 16) >> np.uint64(63)).astype(np.float64)
    for one, other in ((gate[1:], gate[:-1]), (gate, low_half), (gate, next_seed)):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.5 / np.sqrt(one.size)


def test_streams_do_not_repeat_each_other() -> None:
    drawn = [draw(0, stream, step, np.arange(64)) for stream in Stream for step in range(20)]
    assert len(np.unique(drawn)) == len(Stream) * 20 * 64


def test_uniform_numbers_fill_their_range_and_stay_below_one() -> None:
    u = np.sort(uniform(bits(5, 1000, 16)).ravel())
    assert np.abs(u - (np.arange(len(u)) + 0.5) / len(u)).max() < 1.6 / np.sqrt(len(u))
    ends = uniform(np.array([0, WORD - 1], dtype=np.uint64))
    assert ends.tolist() == [0.0, 1.0 - 2.0**-53]


@given(words.filter(lambda z: z < WORD - 2**12))
def test_normal_numbers_are_quantiles_of_the_normal_distribution(z: int) -> None:
    (x,) = normal(np.array([z], dtype=np.uint64)).tolist()
    assert NormalDist().cdf(x) == pytest.approx(z / WORD, abs=1e-14)


def test_every_normal_number_is_finite() -> None:
    assert np.isfinite(normal(np.array([0, WORD - 1], dtype=np.uint64))).all()


@given(st.integers(1, 2**31), words)
def test_integers_lie_below_their_bound(below: int, z: int) -> None:
    (drawn,) = integers(np.array([z], dtype=np.uint64), below).tolist()
    assert drawn == (z >> 32) * below >> 32
    assert 0 <= drawn < below


def test_integers_are_equally_likely() -> None:
    counts = np.bincount(integers(bits(6, 1000, 16), 10).ravel(), minlength=10)
    assert ((counts - 1600) ** 2 / 1600).sum() < 28  # chi squared, 9 degrees of freedom, 1 in 1000
