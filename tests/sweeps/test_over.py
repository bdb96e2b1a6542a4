"""Keys and values become points: grids, linked keys, lists; and what a mistake is answered with."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labnet.errors import SweepError
from labnet.sweeps import Over

names = st.sampled_from(["clock.p", "eta", "task.seed", "seed", "board.seed", "steps_p"])
values = st.lists(st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != int(x)))
grids = st.dictionaries(names, values.filter(bool).map(lambda v: list(dict.fromkeys(v))), min_size=1, max_size=4)


@given(grids)
def test_a_grid_has_every_combination_once(grid: dict[str, list[Any]]) -> None:
    over = Over.read(grid)
    points = [over.changes(point) for point in range(len(over.values))]
    assert points == [dict(zip(grid, row, strict=True)) for row in product(*grid.values())]
    assert Over.read(points) == over, "the list of its points is the same sweep"
    assert Over.from_dict(over.to_dict()) == over


@given(st.permutations(["task.seed", "seed", "board.seed"]), st.sets(st.integers(0, 99), min_size=1))
def test_linked_keys_have_one_value(keys: list[str], seeds: set[int]) -> None:
    over = Over.read({"clock.p": [0.5, 1.0], ", ".join(keys): sorted(seeds)})
    assert over == Over.read({"clock.p": np.array([0.5, 1.0]), tuple(keys): np.array(sorted(seeds))})
    assert over.columns == ("clock.p", keys[0])
    assert len(over.values) == 2 * len(seeds)
    for point in range(len(over.values)):
        assert len({over.changes(point)[key] for key in keys}) == 1


def test_a_file_says_the_same_in_every_spelling(tmp_path: Path) -> None:
    spellings = [
        '[over]\nclock.p = [0.5, 1]\n"task.seed, seed" = { range = 3 }',
        '[over]\n"clock.p" = [0.5, 1]\n"task.seed,seed" = [0, 1, 2]',
        '[over]\n"task.seed , seed" = { range = [0, 3] }\n[over.clock]\np = [0.5, 1]',
        "\n".join(f"[[over]]\nclock.p = {p}\n'task.seed, seed' = {seed}" for p in (0.5, 1) for seed in range(3)),
    ]
    sets = []
    for number, text in enumerate(spellings):
        (tmp_path / f"{number}.toml").write_text(text)
        over = Over.load(tmp_path / f"{number}.toml")
        sets.append({tuple(sorted(over.changes(point).items())) for point in range(len(over.values))})
    assert sets == [sets[0]] * 4
    assert len(sets[0]) == 6


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "goes over no key"),
        ([], "goes over no key"),
        ({"clock.p": []}, "clock.p has no values"),
        ({"clock.p": 0.5}, "clock.p is 0.5; allowed: a list of values"),
        ({"board": "sim://twin16"}, "board is 'sim://twin16'; allowed: a list"),
        ({"seed": {1, 2}}, "allowed: a list"),
        ({"seed": {"range": 2.5}}, "seed has the range 2.5; allowed: n,"),
        ({"clock.p": [0.5, float("nan")]}, "clock.p is nan; allowed: finite numbers"),
        ({"clock.p": [object()]}, "allowed: finite numbers"),
        ({"seed": [1], "task.seed, seed": [2]}, "seed: swept twice"),
        ({"seed": [1, 2, 1]}, "the point seed = 1 comes twice"),
        ([{"seed": 1}, {"eta": 1.0}], "point 1 has the keys eta, point 0 has seed"),
        ([{"seed": 1}, 2], "point 1 is 2"),
        ("clock.p", "over is 'clock.p'"),
    ],
)
def test_mistakes(over: Any, said: str) -> None:
    with pytest.raises(SweepError, match=said.replace(".", r"\.")):
        Over.read(over)


def test_a_file_without_over(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("steps = 1")
    with pytest.raises(SweepError, match=r"run\.toml has no table \[over\]"):
        Over.load(tmp_path / "run.toml")
    (tmp_path / "run.toml").write_text("over.seed = 1")
    with pytest.raises(SweepError, match=r"run\.toml, \[over\]: seed is 1"):
        Over.load(tmp_path / "run.toml")
