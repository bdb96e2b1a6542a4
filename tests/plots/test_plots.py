"""Pictures show what the run holds."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import labnet
from labnet import plots
from labnet.runs import RunWriter


def train(
    path: Path | None = None, steps: int = 60, p: float = 0.5, task_seed: int = 4, **settings: object
) -> labnet.Run:
    with labnet.open_board("sim://twin16?seed=2") as board:
        task = labnet.tasks.Regression.sample(board.network, seed=task_seed, train=3, test=2)
        clock = labnet.GlobalClock(p=p)
        return labnet.train(board, task, steps=steps, clock=clock, path=path, progress=False, **settings)  # type: ignore[arg-type]


def axes() -> Axes:
    return Figure().add_subplot()


def test_error_against_steps_times_p() -> None:
    with train() as run:
        drawn = axes()
        plots.error(drawn, run)
        frame = run.frame("error")
        assert [line.get_label() for line in drawn.lines] == ["train", "test"]
        for line in drawn.lines:
            part = frame[frame["set"] == line.get_label()]
            np.testing.assert_array_equal(line.get_xdata(), part["steps_p"])
            np.testing.assert_array_equal(line.get_ydata(), part["scaled_error"])
        assert drawn.get_yscale() == "log"


def test_traces_are_wipers_or_resistances() -> None:
    with train() as run:
        drawn = axes()
        plots.traces(drawn, run)
        np.testing.assert_array_equal(drawn.lines[0].get_ydata(), run.array("wipers")[:, 0])
    with train(rule=labnet.Continuous(gamma=0.01)) as run:
        drawn = axes()
        plots.traces(drawn, run)
        np.testing.assert_array_equal(drawn.lines[0].get_ydata(), run.array("resistances_ohm")[:, 0] / 1e3)


def test_long_traces_are_thinned() -> None:
    with train(steps=5000) as run:
        drawn = axes()
        plots.traces(drawn, run)
        assert 1000 < len(np.asarray(drawn.lines[0].get_xdata())) <= 2000


def test_outputs_of_a_pair_that_were_not_read_are_not_wanted_anywhere() -> None:
    network = labnet.networks.twin16()
    task = labnet.tasks.Differential(network, [0], [4, 5], [8], train=([[2.0]], [[0.1]]))
    for batch, told in ((None, 2), (1e-9, 0)):  # so small a batch shows nothing
        rule = labnet.Continuous(gamma=1e-3, batch=batch)
        with (
            labnet.open_board("sim://twin16") as board,
            labnet.train(board, task, steps=1, rule=rule, progress=False) as run,
        ):
            drawn = axes()
            plots.network(drawn, run)
            texts = [text.get_text() for text in drawn.texts]
        assert sum("wanted" in text for text in texts) == told
        assert not any("nan" in text for text in texts)


def test_network_shows_resistances_and_active_edges() -> None:
    with train() as run:
        drawn = axes()
        plots.network(drawn, run, step=40)
        halo, lines = (each for each in drawn.collections if isinstance(each, LineCollection))
        nominal = 0.040 + run.array("wipers", [40])[0] * 10.0 / 128
        np.testing.assert_allclose(np.asarray(lines.get_array()), nominal)
        assert len(halo.get_segments()) == run.array("enabled", [40])[0].sum()


def test_network_has_numbers_of_nodes_and_stubs_across_borders() -> None:
    with labnet.open_board("sim://lattice-4x6-periodic") as board:
        task = labnet.tasks.Regression.sample(board.network, seed=4)
        run = labnet.train(board, task, steps=2, progress=False)
    with run:
        drawn = axes()
        plots.network(drawn, run)
        assert [text.get_text() for text in drawn.texts][:24] == [str(node) for node in range(24)]
        lines = [each for each in drawn.collections if isinstance(each, LineCollection)][1]
        assert len(lines.get_segments()) == 48 + 4 + 6
        assert len(np.asarray(lines.get_array())) == 48 + 4 + 6


def test_two_runs_are_drawn_with_their_traces(tmp_path: Path) -> None:
    with train() as run, train(p=1.0) as other:
        run.plot().savefig(tmp_path / "one.png")
        both = plots.comparison_figure(labnet.compare([run, other]))
        both.savefig(tmp_path / "both.png")
        errors, *traces = both.axes
        assert [line.get_label() for line in errors.lines] == ["p = 0.5", "p = 1", "p = 0.5, test", "p = 1, test"]
        assert [axes.get_title(loc="left") for axes in traces] == ["p = 0.5", "p = 1"]


def test_long_names_of_settings_stay_on_the_page(tmp_path: Path) -> None:
    settings = {"eta": 0.5, "order": "random", "settle_s": 0.0123456, "start": (60.0, 70.0), "on_fault": "mask"}
    with train() as run, train(p=1.0, masked=(1, 2, 3), **settings) as other:
        compared = labnet.compare([run, other])
        assert min(len(group.label) for group in compared.groups) > 80
        figure = plots.comparison_figure(compared)
        figure.savefig(tmp_path / "long.png")
        drawn = [axes.title.get_window_extent() for axes in figure.axes]
        drawn += [axes._left_title.get_window_extent() for axes in figure.axes]  # type: ignore[attr-defined]
        drawn += [axes.get_legend().get_window_extent() for axes in figure.axes[:1]]
        width = figure.bbox.width
        assert all(0 <= box.x0 <= box.x1 <= width for box in drawn)


def test_many_runs_are_drawn_as_bands_and_a_map(tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = [stack.enter_context(train(p=p, task_seed=seed)) for p in (0.5, 1.0) for seed in range(3)]
        compared = labnet.compare(runs)
        figure = plots.comparison_figure(compared)
        figure.savefig(tmp_path / "many.png")
        errors, distances = figure.axes[:2]
        assert len(errors.collections) == 4, "a band for each setting and set"
        np.testing.assert_array_equal(distances.images[0].get_array(), compared.distances())


def test_a_run_that_has_hardly_begun_can_be_drawn(tmp_path: Path) -> None:
    with labnet.open_board("sim://twin16") as board:
        task = labnet.tasks.Allostery.sample(board.network)
        writer = RunWriter(tmp_path / "run.sqlite", board, labnet.Plan(task=task, steps=5))
        with labnet.Run.open(tmp_path / "run.sqlite") as run:
            run.plot().savefig(tmp_path / "none.png")
        writer.close("interrupted")


def test_a_run_with_a_short_log_can_be_drawn(tmp_path: Path) -> None:
    with train(detail="short") as run:
        run.plot().savefig(tmp_path / "short.png")
        drawn = axes()
        plots.network(drawn, run, step=40)
        halo, lines = (each for each in drawn.collections if isinstance(each, LineCollection))
        assert np.ma.getmaskarray(np.ma.asarray(lines.get_array())).all()  # wipers were not logged at that step
        assert len(halo.get_segments()) == run.array("enabled", [40])[0].sum()
        drawn = axes()
        plots.network(drawn, run)
        _, lines = (each for each in drawn.collections if isinstance(each, LineCollection))
        np.testing.assert_allclose(np.asarray(lines.get_array()), 0.040 + run.array("wipers", [60])[0] * 10.0 / 128)
