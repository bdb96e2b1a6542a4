"""Pictures show what the run holds."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import labnet
from labnet import plots
from labnet.runs import RunWriter


def train(path: Path | None = None, steps: int = 60, p: float = 0.5, **settings: object) -> labnet.Run:
    with labnet.open_board("sim://twin16?seed=2") as board:
        task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)
        clock = labnet.GlobalClock(p=p)
        return labnet.train(board, task, steps=steps, clock=clock, path=path, progress=False, **settings)  # type: ignore[arg-type]


def axes() -> Axes:
    return Figure().add_subplot()


def test_error_against_steps_times_p() -> None:
    with train() as run:
        drawn = axes()
        plots.error(drawn, [run])
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


def test_network_shows_resistances_and_active_edges() -> None:
    with train() as run:
        drawn = axes()
        plots.network(drawn, run, step=40)
        halo, lines = (each for each in drawn.collections if isinstance(each, LineCollection))
        nominal = 0.040 + run.array("wipers", [40])[0] * 10.0 / 128
        np.testing.assert_allclose(np.asarray(lines.get_array()), nominal)
        assert len(halo.get_segments()) == run.array("enabled", [40])[0].sum()


def test_figures_of_one_and_of_several_runs(tmp_path: Path) -> None:
    with train() as run, train(p=1.0) as other:
        run.plot().savefig(tmp_path / "one.png")
        both = plots.comparison_figure([run, other])
        both.savefig(tmp_path / "both.png")
        assert [line.get_label() for line in both.axes[0].lines][::2] == ["p = 0.5", "p = 1"]


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
