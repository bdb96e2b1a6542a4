"""Damage on purpose: what the figure says follows from what was trained, and no network dies unsaid."""

from pathlib import Path

import numpy as np
import pytest

from labnet.figures import FIGURES, damage, make
from labnet.networks import twin16
from labnet.tasks import Allostery

TINY = {"tasks": 3, "before": 30, "every": 30, "removals": 3, "p": 0.5, "start": 64}
FILE = Path(__file__).parents[2] / "experiments" / "figures" / "damage.toml"


@pytest.fixture(scope="module")
def damaged() -> damage.Damaged:
    return damage.measure(TINY | {"boards": {"ideal": "sim://twin16?preset=ideal"}})


def test_learning_and_frozen_networks_are_the_same_when_an_edge_goes(damaged: damage.Damaged) -> None:
    """The first edge goes at step 30: right then nothing has been learned without it."""
    curve = damaged.curves["ideal"]
    (at,) = np.flatnonzero(curve.steps == 30)
    assert curve.learning[:, at] == pytest.approx(curve.frozen[:, 1], rel=1e-6)
    assert (curve.learning[:, 0] == 1.0).all()
    assert curve.frozen.shape == (3, 4)


def test_they_differ_later(damaged: damage.Damaged) -> None:
    curve = damaged.curves["ideal"]
    assert (np.abs(curve.learning[:, -1] / curve.frozen[:, -1] - 1) > 0.01).any()


def test_lives_of_a_network() -> None:
    """Node 4 is the hub; what is left of its edges decides from how many voltages an output can be fed."""
    network = twin16()
    task = Allostery(network, inputs={0: 5.0, 2: 2.0}, outputs={4: 1.0}, grounds=[8])
    edges = network.edges.tolist()
    at_hub = [k for k, ends in enumerate(edges) if 4 in ends]
    assert damage._life(task, []) == 3
    assert damage._life(task, at_hub) == 0
    to_8 = next(k for k in at_hub if 8 in edges[k])
    around_8 = [k for k, ends in enumerate(edges) if 8 in ends and k != to_8]
    assert damage._life(task, [k for k in at_hub if k != to_8] + around_8) == 1


def test_a_network_that_is_cut_off_counts_as_lost() -> None:
    """With fifteen of sixteen edges gone no network has a path to both outputs from two voltages."""
    settings = damage.Settings(**TINY | {"removals": 15, "tasks": 2}, boards={"ideal": "sim://twin16?preset=ideal"})
    learning, frozen, cut_off, tied = damage._network(settings, settings.boards["ideal"], 1)
    assert tied <= cut_off <= 15
    assert frozen[-1] == learning[-1] > 0
    assert np.isfinite(learning).all()


def test_the_figure_is_made(tmp_path: Path) -> None:
    file = tmp_path / "damage.toml"
    lines = [f"{key} = {value}" for key, value in TINY.items()]
    file.write_text("\n".join([*lines, "[boards]", 'lab = "sim://twin16?preset=lab"', "[quick]"]), encoding="utf-8")
    made = make(FIGURES["damage"], file, tmp_path, progress=False)
    assert made.picture.stat().st_size > 10_000
    assert set(made.findings.numbers["lab"]) >= {"learning", "frozen", "share_that_can_learn", "cut_off_in_the_end"}


def test_the_shipped_file_can_be_read() -> None:
    from labnet.figures.figure import settings

    for quick in (False, True):
        assert damage.Settings(**settings(FILE, quick)).boards
