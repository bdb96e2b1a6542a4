"""What is warned of while a run is trained is shown as ever, and kept in its file."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import labnet
from labnet.board import Update
from labnet.errors import EdgeMasked
from labnet.runs import writer
from labnet_simulators import SimulatedBoard

NETWORK = labnet.networks.twin16()
TASK = labnet.tasks.Regression.sample(NETWORK, seed=4, train=2, test=1)


class Hot(SimulatedBoard):
    """A driver that warns at some triggers; paced by the host."""

    at: tuple[int, ...] = ()

    def trigger(self, step_wipers: bool = True) -> Update:
        if self.triggers in self.at:
            warnings.warn(f"regulator at {60 + self.triggers} degrees", UserWarning, stacklevel=1)
        return super().trigger(step_wipers)

    def train(self, *_: object) -> Iterator[object]:  # type: ignore[override]
        raise labnet.errors.NotSupported("paced by the host only")


def train(board: labnet.Board, path: Path | None = None, **settings: object) -> labnet.Run:
    return labnet.train(board, TASK, steps=8, path=path, progress=False, **settings)  # type: ignore[arg-type]


def hot(*at: int) -> Hot:
    board = Hot(NETWORK)
    board.at = at
    return board


def test_a_warning_is_kept_with_step_and_time_and_still_shown(tmp_path: Path) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    with pytest.warns(UserWarning, match="degrees") as shown:
        run = train(hot(3, 5), tmp_path / "run.sqlite")
    with run:
        kept = run.warnings
    assert [str(each.message) for each in shown] == ["regulator at 63 degrees", "regulator at 65 degrees"]
    assert [(each["step"], each["text"]) for each in kept] == [
        (2, "regulator at 63 degrees"),
        (4, "regulator at 65 degrees"),
    ], "the last step that was logged then"
    assert all(begun <= datetime.fromisoformat(each["time"]) <= datetime.now(UTC) for each in kept)
    with labnet.Run.open(tmp_path / "run.sqlite") as run:
        assert run.warnings == kept
        assert "warnings" not in run.meta, "they change while it is trained; meta is read once"


def test_a_run_without_warnings_has_none() -> None:
    with train(SimulatedBoard(NETWORK)) as run:
        assert run.warnings == []


def test_a_resumed_run_keeps_what_was_warned_of_before(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match="63"):
        train(pressed(hot(3)), path)
    with pytest.warns(UserWarning, match="66"):
        train(hot(6), path, resume=True).close()
    with labnet.Run.open(path) as run:
        assert run.status == "complete"
        assert [each["text"] for each in run.warnings] == ["regulator at 63 degrees", "regulator at 66 degrees"]


def pressed(board: Hot) -> Hot:
    """Press Ctrl-C at the fifth trigger."""
    trigger = board.trigger

    def press(step_wipers: bool = True) -> Update:
        if board.triggers == 5:
            raise KeyboardInterrupt
        return trigger(step_wipers)

    board.trigger = press  # type: ignore[method-assign]
    return board


def test_masked_edges_are_warned_of_in_the_file_too() -> None:
    with labnet.open_board("sim://twin16?fault=removed-free@3") as board, pytest.warns(EdgeMasked):
        run = train(board, on_fault="mask")
    with run:
        assert "edge 3" in run.warnings[0]["text"]


def test_a_warning_that_is_an_error_ends_the_run_as_one(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="63 degrees"):
            train(hot(3), tmp_path / "run.sqlite")
    with labnet.Run.open(tmp_path / "run.sqlite") as run:
        assert run.warnings == []
        assert "63 degrees" in run.status


def test_what_shows_warnings_is_put_back() -> None:
    before = warnings.showwarning
    with pytest.warns(UserWarning, match="degrees"):
        train(hot(1)).close()
    assert warnings.showwarning is before


def test_very_many_warnings_do_not_fill_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MOST_WARNINGS", 5)
    with pytest.warns(UserWarning, match="degrees"):
        run = train(hot(*range(8)))
    with run:
        assert [each["text"] for each in run.warnings] == [f"regulator at {60 + k} degrees" for k in range(5)]
