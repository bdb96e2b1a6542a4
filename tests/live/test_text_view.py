"""The terminal view: it fits, it says what the run holds, and it ends with the run."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import labnet
from labnet.errors import NotARun
from labnet.live.braille import bars, curve
from labnet.live.phrases import duration
from labnet.live.tail import Tail
from labnet.live.text import View, follow, line
from labnet.runs import RunWriter

TWIN16 = labnet.networks.twin16()
TASK = labnet.tasks.Regression.sample(TWIN16, seed=4, train=4, test=2)


def trained(path: Path, board: str = "sim://twin16?preset=lab", steps: int = 300, **plan: Any) -> labnet.Run:
    with labnet.open_board(board) as opened:
        return labnet.train(opened, TASK, steps=steps, path=path, progress=False, **plan)


def seen(path: Path, width: int, height: int) -> list[str]:
    """Give the lines that a terminal of that size shows."""
    tail = Tail(path)
    tail.refresh()
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(View(tail))
    return capture.get().splitlines()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=str)
def test_fits_and_says_how_it_goes(tmp_path: Path, size: tuple[int, int]) -> None:
    with trained(tmp_path / "run.sqlite", clock=labnet.GlobalClock(p=0.5), masked=(3,)) as run:
        errors = run.frame("error")
    lines = seen(run.path, *size)
    said = "\n".join(lines)
    assert len(lines) < size[1]
    assert max(map(len, lines)) <= size[0]
    for _, part in errors.groupby("set"):
        assert f"error {part['scaled_error'].iloc[-1]:.3g}, best {part['scaled_error'].min():.3g}" in said
    for words in ("regression on twin16", "complete", "300 of 300 steps", "clock.p", "0.5", "steps × p", "! edge 3"):
        assert words in said
    assert len(set(said) & {chr(0x2800 + dots) for dots in range(1, 256)}) > 5, "there is a chart"


PLANS: dict[str, tuple[str, dict[str, Any], str]] = {
    "short": ("sim://twin16?preset=lab", {"detail": "short"}, "wipers  0 "),
    "continuous": ("sim://twin16", {"rule": labnet.Continuous(gamma=0.02)}, "R       "),
    "self-triggered": (
        "sim://twin16?preset=lab&gate=oscillator&calibrated=true",
        {"clock": labnet.SelfTriggered(dwell_s=0.01)},
        "gates   nobody latches them",
    ),
    "one step": ("sim://twin16?preset=lab", {"steps": 1}, "begins with the third measurement"),
}


@pytest.mark.parametrize(
    "plan", [pytest.param(plan, marks=[pytest.mark.slow] * (plan == "self-triggered")) for plan in PLANS], ids=str
)
def test_every_kind_of_run_can_be_seen(tmp_path: Path, plan: str) -> None:
    board, settings, words = PLANS[plan]
    trained(tmp_path / "run.sqlite", board, **settings).close()
    lines = seen(tmp_path / "run.sqlite", 80, 24)
    assert len(lines) < 24
    assert any(words in each for each in lines)


def test_before_the_first_step(tmp_path: Path) -> None:
    with labnet.open_board("sim://twin16") as board:
        writer = RunWriter(tmp_path / "run.sqlite", board, labnet.Plan(task=TASK, steps=100))
    said = "\n".join(seen(writer.path, 80, 24))
    assert len(Tail(writer.path).traces([0])[0]) == 0
    writer.close("interrupted")
    for words in ("running", "0 of 100 steps", "no error measured yet", "not logged yet"):
        assert words in said


def test_wipers_and_gates_as_bars(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite", start=127.0, steps=2, clock=labnet.GlobalClock(p=1.0)):
        lines = seen(tmp_path / "run.sqlite", 120, 30)
    (wipers,) = (each for each in lines if each.startswith("wipers"))
    (gates,) = (each for each in lines if each.startswith("gates"))
    assert wipers.rstrip()[-1].isalpha()
    assert "█ 127" in wipers
    assert "█" * 16 in gates
    assert "open 1.000 (p 1); 0 of 16 outside" in gates


def test_a_log_has_a_line_for_what_is_new(tmp_path: Path) -> None:
    with trained(tmp_path / "run.sqlite") as run:
        out = io.StringIO()
        follow(run.path, Console(file=out))
    (said,) = out.getvalue().splitlines()
    assert "complete | 300 of 300 steps | train error" in said
    assert "| regression by discrete" in said
    tail = Tail(tmp_path / "none.sqlite")
    assert line(tail).endswith("not there yet")


def test_a_run_in_a_terminal_ends_by_itself(tmp_path: Path) -> None:
    out = io.StringIO()
    trained(tmp_path / "run.sqlite").close()
    follow(tmp_path / "run.sqlite", Console(file=out, force_terminal=True, width=80, height=24))
    assert "complete" in out.getvalue()


def test_there_has_to_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match="--wait"):
        follow(tmp_path / "none.sqlite", Console(file=io.StringIO()))


class RemovesIt(io.StringIO):
    """Somewhere to write to, and a run that is gone as soon as it was written about."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def write(self, text: str) -> int:
        self._path.unlink(missing_ok=True)
        return super().write(text)


def test_a_run_that_is_removed_meanwhile_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with labnet.open_board("sim://twin16") as board:
        RunWriter(path, board, labnet.Plan(task=TASK, steps=100)).close("interrupted")
    out = RemovesIt(path)
    with pytest.raises(NotARun, match="was removed while it was watched"):
        follow(path, Console(file=out), wait=True)
    assert [each.split()[1] for each in out.getvalue().splitlines()] == ["interrupted", "removed"]


def test_times_in_words() -> None:
    said = [duration(seconds) for seconds in (0.4, 89, 91, 5340, 5400, 90_000)]
    assert said == ["0 s", "89 s", "2 min", "89 min", "1 h 30 min", "25 h 00 min"]


def test_a_curve_goes_through_its_points() -> None:
    cells = curve([0, 1], [0, 1], columns=4, rows=2)
    dots = [(row, column) for row, column in np.argwhere(cells)]
    assert dots == [(0, 2), (0, 3), (1, 0), (1, 1)], "a line from the lower left to the upper right"
    # one dot a column, of 2 x 4 in a character: in the lower left corner the one of row 4, column 1
    assert cells[1, 0] & 0x40
    assert cells[0, 3] & 0x08
    assert sum(int(each).bit_count() for each in cells.flat) == 8
    assert curve([0.5], [0.5], 3, 3).astype(bool).sum() == 1
    flat = curve([0, 0.5, 1], [1, 1, 1], columns=5, rows=3)
    assert flat[0].tolist() == [0x01 | 0x08] * 5
    assert not flat[1:].any()


def test_bars_show_what_is_not_nothing() -> None:
    assert bars([0, 1e-6, 0.5, 1, 2, np.nan]) == " ▁▄██ "
