"""A run as an xarray dataset: the same numbers, named, with units, and as good as new from a file."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import labnet
from labnet.errors import MissingExtra, RunError

BOARD = "sim://twin16?preset=lab&seed=3"


def trained(**settings: object) -> labnet.Run:
    with labnet.open_board(BOARD) as board:
        task = labnet.tasks.Regression.sample(board.network, seed=7, train=3, test=2)
        clock = labnet.GlobalClock(p=0.5)
        return labnet.train(board, task, clock=clock, eta=1.0, steps=40, progress=False, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run() -> Iterator[labnet.Run]:
    with trained(log=4, measure=10) as run:
        yield run


@pytest.fixture(scope="module")
def data(run: labnet.Run) -> xr.Dataset:
    return run.to_xarray()


def test_it_holds_what_the_frames_hold(run: labnet.Run, data: xr.Dataset) -> None:
    assert dict(data.sizes) == {"step": 11, "node": 9, "edge": 16, "set": 2, "measured": 5}
    steps, errors = run.frame("steps"), run.frame("error")
    for name in ("v_free", "v_clamped", "directions", "enabled", "wipers"):
        np.testing.assert_array_equal(data[name], run.array(name))
    for name in ("step", "example", "time_s", "clipped"):
        np.testing.assert_array_equal(data[name], steps[name])
    np.testing.assert_array_equal(data["steps_p"], steps["step"] * 0.5)
    for which, part in errors.groupby("set"):
        here = data.sel(set=which, measured=part["step"].to_numpy())
        for name in ("cost_v2", "scaled_error"):
            np.testing.assert_array_equal(here[name], part[name])
        np.testing.assert_array_equal(here["measured_steps_p"], part["steps_p"])


def test_edges_and_nodes_are_those_of_the_network(run: labnet.Run, data: xr.Dataset) -> None:
    np.testing.assert_array_equal(np.stack([data["edge_from"], data["edge_to"]], axis=1), run.network.edges)
    np.testing.assert_array_equal(np.stack([data["node_x"], data["node_y"]], axis=1), run.network.layout)
    drops = data["v_free"].sel(node=data["edge_from"]) - data["v_free"].sel(node=data["edge_to"])
    assert drops.dims == ("step", "edge")


def test_every_variable_says_what_it_is_and_in_what(data: xr.Dataset) -> None:
    assert all(data[name].attrs["long_name"] for name in data.variables)
    units = {"v_free": "V", "cost_v2": "V2", "scaled_error": "1", "time_s": "s", "wipers": "position"}
    assert {name: data[name].attrs["units"] for name in units} == units
    assert "not logged: -1" in data["enabled"].attrs["comment"]
    assert np.isnan(data["v_free"][-1]).all(), "the closing record holds wipers alone"
    assert (data["enabled"][-1] == -1).all()


def test_chosen_steps_are_those_of_the_whole(run: labnet.Run, data: xr.Dataset) -> None:
    xr.testing.assert_identical(run.to_xarray([8, 20]), data.sel(step=[8, 20]))
    with pytest.raises(RunError, match=r"step 3 of .* is not logged"):
        run.to_xarray([4, 3])


def test_attributes_say_where_it_comes_from(data: xr.Dataset) -> None:
    assert data.attrs["status"] == "complete"
    assert json.loads(data.attrs["board"])["address"] == BOARD
    assert json.loads(data.attrs["plan"])["eta"] == 1.0
    assert json.loads(data.attrs["warnings"]) == []


def test_a_netcdf_file_gives_it_back(data: xr.Dataset, tmp_path: Path) -> None:
    data.to_netcdf(tmp_path / "run.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "run.nc", engine="scipy") as read:
        xr.testing.assert_identical(read.load(), data)


def test_the_continuous_rule_moves_resistances() -> None:
    with labnet.open_board("sim://twin16") as board:
        task = labnet.tasks.Regression.sample(board.network, seed=7, train=3, test=0)
        rule = labnet.Continuous(gamma=1e-3)
        with labnet.train(board, task, rule=rule, steps=5, progress=False) as run:
            data = run.to_xarray()
            np.testing.assert_array_equal(data["resistances_ohm"], run.array("resistances_ohm"))
    assert data["resistances_ohm"].attrs["units"] == "ohm"
    assert "wipers" not in data
    assert np.isnan(data["cost_v2"].sel(set="test")).all(), "there are no test examples"


def test_without_xarray_the_extra_is_named(run: labnet.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtra, match=r'run.to_xarray\(\) needs .* pip install "labnet\[xarray\]"'):
        run.to_xarray()
