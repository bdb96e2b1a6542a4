"""What the page shows, without a browser: the models that one would draw, of a run in a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document

import labnet
from labnet.comparison import Group
from labnet.live import words
from labnet.live.comparing_page import ComparingPage
from labnet.live.drawing import NetworkDrawing
from labnet.live.page import RunPage
from labnet.live.tail import NetworkState, Tail

TASK = labnet.tasks.Regression.sample(labnet.networks.twin16(), seed=4, train=3, test=2)


def train(path: Path, steps: int = 60, address: str = "sim://twin16?seed=2", **settings: Any) -> labnet.Run:
    with labnet.open_board(address) as board:
        return labnet.train(board, TASK, steps=steps, path=path, progress=False, **settings)


def page_of(path: Path) -> tuple[Document, RunPage]:
    tail, document = Tail(path), Document()
    tail.refresh()
    return document, RunPage(document, tail)


def drawn(document: Document, plot: str, column: str) -> dict[str, Any]:
    """Give the data of the first part of a plot that has such a column."""
    renderers = document.get_model_by_name(plot).renderers
    data: dict[str, Any] = next(r.data_source.data for r in renderers if column in r.data_source.data)
    return data


def said(document: Document) -> dict[str, str]:
    text: dict[str, str] = document.get_model_by_name("view").text
    return text


KINDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "masked": ({"clock": labnet.GlobalClock(p=0.5), "masked": (3,)}, "gates", "of 15 edges a trigger"),
    "batch": ({"rule": labnet.Continuous(gamma=0.02, batch=0.7), "eta": 0.1}, "at", "step 60"),
    "continuous": ({"rule": labnet.Continuous(gamma=0.02), "eta": 0.1}, "moved", "Resistances"),
    "short": ({"detail": "short"}, "chosen", "not logged"),
    "self-triggered": (
        {"address": "sim://twin16?gate=oscillator&calibrated=true", "clock": labnet.SelfTriggered(dwell_s=0.01)},
        "gates",
        "edges trigger themselves",
    ),
}


@pytest.mark.parametrize(
    "kind", ["masked", "batch", *(pytest.param(each, marks=pytest.mark.slow) for each in [*KINDS][2:])]
)
def test_shows_what_the_run_holds(tmp_path: Path, kind: str) -> None:
    settings, element, words = KINDS[kind]
    with train(tmp_path / "run.sqlite", **settings) as run:
        document, _ = page_of(run.path)
        assert words in said(document)[element]
        edges, nodes = drawn(document, "network", "kohm"), drawn(document, "network", "volts")
        np.testing.assert_allclose(edges["kohm"], run.resistances_ohm([60])[0] / 1e3)
        np.testing.assert_array_equal(nodes["free"], run.array("v_free", [59])[0])
        assert [edge for edge, dash in enumerate(edges["dash"]) if dash != "solid"] == list(settings.get("masked", ()))
        errors = run.frame("error").query("set == 'train' and step > 0")
        shown = drawn(document, "error", "x")
        np.testing.assert_array_equal(shown["y"], errors["scaled_error"])
        x = errors["step"] * (run.updates_per_step if np.isfinite(run.updates_per_step) else 1.0)
        np.testing.assert_allclose(shown["x"], x)


def test_a_file_that_goes_away_after_the_look_is_said_by_the_next(tmp_path: Path) -> None:
    train(tmp_path / "run.sqlite").close()
    document, page = page_of(tmp_path / "run.sqlite")
    (tmp_path / "run.sqlite").unlink()
    page._draw()
    assert "complete" in said(document)["header"]
    errors = said(document)["errors"]
    page._look()
    assert "was removed; below is what was read last" in said(document)["header"]
    assert said(document)["errors"] == errors
    train(tmp_path / "run.sqlite", steps=20).close()
    page._look()
    assert document.get_model_by_name("view").stale, "the page is loaded anew"


def test_several_runs_of_which_one_goes_away_and_comes_back(tmp_path: Path) -> None:
    paths = [tmp_path / "a.sqlite", tmp_path / "b.sqlite"]
    for path, p in zip(paths, (0.5, 1.0), strict=True):
        train(path, clock=labnet.GlobalClock(p=p)).close()
    document = Document()
    page = ComparingPage(document, paths)
    with labnet.Run.open(paths[0]) as run:
        errors = run.frame("error").query("set == 'train' and step > 0")
    shown = drawn(document, "errors", "median")
    np.testing.assert_array_equal(shown["median"], errors["scaled_error"])
    assert not page._look(), "nothing is new"
    paths[1].rename(tmp_path / "elsewhere")
    assert not page._look()
    assert "there is no run file" in said(document)["warnings"]
    (tmp_path / "elsewhere").rename(paths[1])
    assert page._look()
    assert said(document)["warnings"] == ""
    train(tmp_path / "c.sqlite", steps=20).close()
    (tmp_path / "c.sqlite").replace(paths[1])
    page._look()
    assert document.get_model_by_name("view").stale


def test_parameters_say_which_nodes_are_terminals(tmp_path: Path) -> None:
    train(tmp_path / "run.sqlite").close()
    document, _ = page_of(tmp_path / "run.sqlite")
    parameters = said(document)["parameters"]
    assert f"<td>nodes {', '.join(map(str, TASK.inputs))}</td>" in parameters
    assert parameters.index("clock.p") < parameters.index("task.kind") < parameters.index("created")
    assert drawn(document, "network", "volts")["number"] == [str(node) for node in range(9)]


def test_a_running_mean_is_said_where_it_is_drawn(tmp_path: Path) -> None:
    paths = [tmp_path / "few.sqlite", tmp_path / "many.sqlite"]
    for path, steps in zip(paths, (60, 300), strict=True):
        train(path, steps=steps, measure=1, clock=labnet.GlobalClock(p=60 / steps)).close()
        document, _ = page_of(path)
        assert ("running geometric mean" in said(document)["errors"]) == (steps > 200)
    both = Document()
    ComparingPage(both, paths)
    assert said(both)["curves"] == "one run: running geometric mean"


def test_groups_with_long_names_begin_with_their_runs() -> None:
    names = ["p = 1", "task regression, " * 4]
    legend = words.groups([Group(label, (k,)) for k, label in enumerate(names)], ["one", "other"], tested=False)
    assert ">p = 1</span>" in legend
    assert f">other: {names[1]}</span>" in legend
    assert f'title="{names[1]}"' in legend


def test_an_edge_across_a_border_is_two_stubs() -> None:
    """It would lie on the edges between; of other networks all edges are whole."""
    for network in (labnet.networks.twin16(), labnet.networks.lattice(2, 7)):
        data = edges_of(network)
        np.testing.assert_array_equal(data["edge"], np.arange(network.edge_count))
        np.testing.assert_array_equal(data["x1"], network.layout[network.edges[:, 1], 0])
    data = edges_of(labnet.networks.lattice(4, 6, periodic=True))
    assert len(data["edge"]) == 48 + 4 + 6
    lengths = np.hypot(data["x1"] - data["x0"], data["y1"] - data["y0"])
    whole = np.bincount(data["edge"])[data["edge"]] == 1
    np.testing.assert_allclose(lengths[whole], lengths[whole][0])
    np.testing.assert_allclose(lengths[~whole], 0.4 * lengths[whole][0])


def test_outputs_of_a_pair_are_wanted_where_their_difference_is_right() -> None:
    """Each half of the way: from 1.0 V and 0.6 V to a difference of 0.1 V; nowhere where they were not read."""
    network = labnet.networks.twin16()
    task = labnet.tasks.Differential(network, [0], [4, 5], [8], train=([[2.0]], [[0.1]]))
    nodes, edges = np.full(9, np.nan), np.full(16, -1)
    drawing, volts = NetworkDrawing(network, task), nodes.copy()
    volts[[4, 5]] = 1.0, 0.6
    for v_free, wanted in ((nodes, ["–", "–"]), (volts, ["0.8500 V", "0.7500 V"])):
        state = NetworkState(0, 0, 0.0, 0, False, v_free, nodes, np.full(16, 1e4), edges, edges, edges)
        drawing.show(state, "free", {})
        assert [drawing.nodes.data["wanted"][node] for node in (4, 5)] == wanted


def edges_of(network: labnet.Network) -> dict[str, Any]:
    """Give what is drawn of the edges of a network."""
    data: dict[str, Any] = NetworkDrawing(network, labnet.tasks.Regression.sample(network, seed=1)).edges.data
    return data
