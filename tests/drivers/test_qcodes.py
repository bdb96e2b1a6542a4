"""Boards as QCoDeS instruments, with QCoDeS itself: stations, snapshots, measurements into its database."""

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qcodes
from qcodes.dataset import (
    Measurement,
    do1d,
    initialise_or_create_database_at,
    load_by_id,
    load_or_create_experiment,
)
from qcodes.dataset.sqlite.database import conn_from_dbpath_or_conn
from qcodes.instrument import Instrument
from qcodes.parameters import ParameterBase
from qcodes.station import Station
from qcodes.utils import NumpyJSONEncoder

import labnet
from labnet.errors import BoardClosed, MissingExtra, NotSupported, OutOfRange
from labnet_drivers.qcodes import TwinNetwork

BOARDS = ["sim://twin16?preset=ideal&seed=1", "sim://twin16?preset=lab&seed=1", "firmware://twin16?seed=1"]
STEP_V = 5 / 65535


@pytest.fixture(params=BOARDS)
def twin(request: pytest.FixtureRequest) -> Iterator[TwinNetwork]:
    with closing(TwinNetwork("twin", request.param)) as instrument:
        yield instrument


@pytest.fixture
def ideal() -> Iterator[TwinNetwork]:
    with closing(TwinNetwork("twin", BOARDS[0])) as instrument:
        yield instrument


# Parameters -----------------------------------------------------------------------------------------------------------


def test_it_says_what_it_is(twin: TwinNetwork) -> None:
    info = twin.board.info
    expected = {"vendor": "labnet", "model": info.model, "serial": info.serial, "firmware": info.version}
    assert twin.IDN() == expected
    assert [len(twin.nodes), len(twin.edges)] == [9, 16]


def test_driving_a_node_leaves_all_others_as_they_are(twin: TwinNetwork) -> None:
    for node, held, middle_v in ((0, 5.0, 5.0), (8, 0.0, 2.5), (4, 1.0, 1.0), (4, None, 2.5)):
        twin.nodes[node].drive_free(held)
        twin.wait(0.01)  # it settles
        volts = twin.v_free()
        assert volts[4] == pytest.approx(middle_v, abs=0.02)
        assert twin.nodes[4].v_free() == pytest.approx(volts[4], abs=0.005)
    np.testing.assert_allclose(volts[[0, 8]], [5.0, 0.0], atol=0.02)
    assert [node.drive_free() for node in twin.nodes] == [5.0, *[None] * 7, 0.0]


def test_a_node_has_one_source_for_both_sides(ideal: TwinNetwork) -> None:
    ideal.drive("free", {0: 5.0, 8: 0.0})
    ideal.nodes[0].drive_clamped(4.0)
    assert ideal.nodes[0].drive_free() == 4.0
    assert ideal.v_free()[0] == 4.0


def test_wipers_are_set_one_by_one_and_together(twin: TwinNetwork) -> None:
    twin.edges[3].wiper(100)
    expected = np.full(16, 64)
    expected[3] = 100
    np.testing.assert_array_equal(twin.wipers(), expected)
    np.testing.assert_array_equal(twin.board.wipers(), expected)
    twin.wipers(np.arange(16))
    assert twin.edges.wiper() == tuple(range(16))


def test_triggers_step_the_wipers_as_the_channels_show(twin: TwinNetwork) -> None:
    twin.drive("free", {0: 5.0, 8: 0.0})
    twin.drive("clamped", {0: 5.0, 8: 0.0, 4: 3.5})
    twin.update_probability(1.0)
    assert [edge.enabled() for edge in twin.edges] == [1] * 16
    before = twin.wipers()
    update = twin.trigger()
    np.testing.assert_array_equal(twin.wipers(), before + update.directions * update.enabled)
    assert {edge.direction() for edge in twin.edges} <= {-1, 1}
    assert twin.time_s() == twin.board.time_s


def test_bias_and_probability_are_one_setting(ideal: TwinNetwork) -> None:
    ideal.update_probability(0.25)
    assert [ideal.update_probability(), ideal.bias_v()] == [0.25, 0.25]
    ideal.bias_v(0.5)
    assert ideal.update_probability() is None, "nobody has set it"
    ideal.safe()
    assert ideal.bias_v() == 0.0


@pytest.mark.parametrize("address", [BOARDS[1], BOARDS[2]])
def test_what_is_not_allowed_is_refused_before_anything_moves(address: str) -> None:
    with closing(TwinNetwork("twin", address)) as twin:
        twin.drive("free", {0: 5.0, 8: 0.0})
        wipers, volts = twin.wipers(), twin.v_free()
        twin.board.drive = twin.board.set_wipers = None  # type: ignore[assignment, method-assign]
        for parameter, value in (
            (twin.nodes[0].drive_free, 5.01),
            (twin.nodes[0].drive_clamped, -0.01),
            (twin.edges[0].wiper, 128),
            (twin.edges[0].wiper, -1),
            (twin.wipers, np.full(16, 128)),
            (twin.update_probability, 1.01),
            (twin.bias_v, -0.1),
        ):
            with pytest.raises(ValueError, match="invalid"):
                parameter(value)
        with pytest.raises(TypeError):
            twin.wipers(np.zeros(16, dtype=complex))
        np.testing.assert_array_equal(twin.wipers(), wipers)
        np.testing.assert_allclose(twin.v_free(), volts, atol=0.01)
        assert twin.bias_v() == 0.0


def test_what_only_the_board_knows_is_labnet_s_error(twin: TwinNetwork) -> None:
    with pytest.raises(OutOfRange, match="allowed: 0 to"):
        twin.bias_v(99.0)
    with pytest.raises(OutOfRange, match="wiper position -1"):
        twin.wipers(np.full(16, -1))
    with pytest.raises(NotSupported):
        twin.self_trigger(0.1)


def test_resistances_are_set_where_a_board_can(ideal: TwinNetwork) -> None:
    ohm = np.linspace(1e3, 9e3, 16)
    ideal.resistances_ohm(ohm)
    np.testing.assert_array_equal(ideal.board.resistances("free"), ohm)  # type: ignore[attr-defined]
    assert ideal.wipers().tolist() == [-1] * 16, "nobody knows"
    with pytest.raises(ValueError, match="invalid"):
        ideal.resistances_ohm(-ohm)
    with closing(TwinNetwork("other", BOARDS[1])) as lab:
        assert "resistances_ohm" not in lab.parameters


def test_every_parameter_has_a_label_and_what_has_a_unit_says_it(ideal: TwinNetwork) -> None:
    parameters = [
        parameter
        for module in (ideal, *ideal.nodes, *ideal.edges)
        for parameter in module.parameters.values()
        if parameter.name != "IDN"
    ]
    assert len(parameters) == 11 + 9 * 4 + 16 * 3
    assert all(parameter.label for parameter in parameters)
    units = {"_v": "V", "_s": "s", "_ohm": "ohm"}
    for parameter in parameters:
        if parameter.name.startswith(("v_", "drive_")):
            assert parameter.unit == "V"
        for ending, unit in units.items():
            assert not parameter.name.endswith(ending) or parameter.unit == unit


# Stations, measurements -----------------------------------------------------------------------------------------------


def test_a_station_s_snapshot_is_whole_and_goes_through_json(twin: TwinNetwork) -> None:
    twin.drive("free", {0: 5.0, 8: 0.0})
    twin.drive("clamped", {0: 5.0, 8: 0.0})
    twin.edges[3].wiper(100)
    text = json.dumps(Station(twin).snapshot(), cls=NumpyJSONEncoder)
    state = json.loads(text)["instruments"]["twin"]
    assert state["address"] == twin.board.address
    assert state["network"] == "twin16"
    values = {name: parameter.get("value") for name, parameter in state["parameters"].items()}
    assert values["IDN"]["vendor"] == "labnet"
    assert values["wipers"] == twin.wipers().tolist()
    assert values["bias_v"] == 0.0
    assert [len(values[name]) for name in ("v_free", "v_clamped", "directions", "enabled")] == [9, 9, 16, 16]
    node = state["submodules"]["nodes"]["channels"]["twin_node0"]["parameters"]
    assert [node[name]["value"] for name in ("drive_free", "drive_clamped")] == [5.0, 5.0]


def test_a_snapshot_never_shows_what_was_before_a_verb(ideal: TwinNetwork) -> None:
    ideal.drive("free", {0: 5.0, 8: 0.0})
    ideal.drive("clamped", {0: 5.0, 8: 0.0})
    ideal.update_probability(1.0)
    before = ideal.snapshot()["parameters"]["wipers"]["value"]
    ideal.trigger()
    after = ideal.snapshot()["parameters"]["wipers"]["value"]
    np.testing.assert_array_equal(after, ideal.board.wipers())
    assert (after != before).all()


def test_a_snapshot_after_a_verb_that_failed_is_read_again(ideal: TwinNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    ideal.snapshot()
    drive = ideal.board.drive

    def drive_and_fail(*words: Any) -> None:
        drive(*words)
        raise BoardClosed("halfway")

    monkeypatch.setattr(ideal.board, "drive", drive_and_fail)
    with pytest.raises(BoardClosed):
        ideal.drive("free", {0: 5.0, 8: 0.0})
    shown = ideal.snapshot()["parameters"]["v_free"]["value"]
    np.testing.assert_array_equal(shown, ideal.board.read("free"))
    assert shown[0] == 5.0


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a database of QCoDeS, its current one."""
    monkeypatch.setitem(qcodes.config.current_config["core"], "db_location", "")  # put back at the end
    path = tmp_path / "experiments.db"
    initialise_or_create_database_at(path)
    load_or_create_experiment("labnet", "twin16")
    yield path
    conn_from_dbpath_or_conn(None, path).close()


def test_a_measurement_is_stored_with_arrays_and_snapshot(twin: TwinNetwork, database: Path) -> None:
    twin.drive("free", {0: 0.0, 8: 0.0})
    twin.drive("clamped", {0: 5.0, 8: 0.0})
    source, taken = twin.nodes[0].drive_free, []
    measurement = Measurement(station=Station(twin))
    measurement.register_parameter(source)
    measurement.register_parameter(twin.v_free, setpoints=(source,))
    with measurement.run(write_in_background=False) as saver:
        for volts in (1.0, 2.0, 4.0):
            source(volts)
            taken.append(twin.v_free())
            saver.add_result((source, volts), (twin.v_free, taken[-1]))
    stored = load_by_id(saver.run_id)
    data = stored.get_parameter_data("twin_v_free")["twin_v_free"]
    np.testing.assert_array_equal(data["twin_v_free"], taken)
    np.testing.assert_array_equal(data["twin_node"][0], np.arange(9))
    np.testing.assert_array_equal(data["twin_node0_drive_free"][:, 0], [1.0, 2.0, 4.0])
    assert stored.paramspecs["twin_v_free"].unit == "V"
    assert stored.snapshot is not None
    state = stored.snapshot["station"]["instruments"]["twin"]["parameters"]
    assert state["wipers"]["value"] == [64] * 16
    stored.conn.close()


def test_do1d_sweeps_a_source(ideal: TwinNetwork, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ideal.drive("free", {8: 0.0})
    measured: list[ParameterBase] = [ideal.v_free, ideal.nodes[4].v_free]
    dataset, _, _ = do1d(ideal.nodes[0].drive_free, 0, 4, 5, 0, *measured, do_plot=False, show_progress=False)
    assert not isinstance(dataset, tuple)
    data = dataset.get_parameter_data()
    np.testing.assert_allclose(data["twin_node4_v_free"]["twin_node4_v_free"], [0.0, 0.5, 1.0, 1.5, 2.0], atol=1e-9)
    assert data["twin_v_free"]["twin_v_free"].shape == (5, 9)
    dataset.conn.close()  # type: ignore[attr-defined]
    capsys.readouterr()  # do1d says which run it is


# The end --------------------------------------------------------------------------------------------------------------


def test_closing_leaves_an_open_board_safe_and_open() -> None:
    with labnet.open_board(BOARDS[2]) as board:
        twin = TwinNetwork("twin", board)
        twin.drive("free", {0: 5.0, 8: 0.0})
        twin.bias_v(1.0)
        twin.close()
        assert board.bias_v == 0.0
        np.testing.assert_allclose(board.read("free"), 0.0, atol=STEP_V)


def test_closing_closes_what_it_opened() -> None:
    twin = TwinNetwork("twin", BOARDS[2])
    board = twin.board
    twin.close()
    with pytest.raises(BoardClosed):
        board.read("free")
    twin.close()
    TwinNetwork("twin", BOARDS[0]).close()


def test_a_board_that_cannot_be_opened_leaves_no_instrument() -> None:
    with pytest.raises(labnet.errors.UnknownBoard):
        TwinNetwork("twin", "sim://nothing")
    assert not Instrument.exist("twin")
    TwinNetwork("twin", BOARDS[0]).close()


def test_a_training_runs_beside_it(ideal: TwinNetwork) -> None:
    task = labnet.tasks.Allostery.sample(ideal.board.network, inputs=2, outputs=2, seed=7)
    with labnet.train(ideal.board, task, steps=20, progress=False) as run:
        np.testing.assert_array_equal(ideal.wipers(), run.array("wipers")[-1])


def test_without_qcodes_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qcodes.instrument", None)
    monkeypatch.delitem(sys.modules, "labnet_drivers.qcodes")
    with pytest.raises(MissingExtra, match=r'labnet_drivers.qcodes needs .* pip install "labnet\[qcodes\]"'):
        importlib.import_module("labnet_drivers.qcodes")
