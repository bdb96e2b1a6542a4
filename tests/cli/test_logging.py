"""What is done is logged: nothing is said by default, more with -v, and with times in a file."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import labnet

pytestmark = pytest.mark.filterwarnings("always::labnet.errors.EdgeMasked")

Labnet = Callable[..., tuple[int, str, str]]

SMALL = """\
board = "sim://twin16?fault=removed-free@3"
steps = 20
on_fault = "mask"

[task]
kind = "allostery"
seed = 7
"""
MASKED = "dead edge: edge 3, free side"


@pytest.fixture(autouse=True)
def _small(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)


def test_by_default_only_warnings_are_said(labnet_command: Labnet) -> None:
    code, _, said = labnet_command("run", "small.toml")
    assert code == 0
    assert said.startswith(f"warning: {MASKED}")
    assert len(said.splitlines()) == 1


def test_verbose_says_what_a_lab_book_would_hold(labnet_command: Labnet) -> None:
    _, _, said = labnet_command("-v", "run", "small.toml")
    *lines, _ = re.sub(r"\d\d:\d\d:\d\d ", "", said).split("\n")
    assert [line.partition(" ")[0] for line in lines] == ["opened", "run", "found:", "warning:", "run", "closed"]
    assert "serial" in lines[0]
    assert re.search(r"small.sqlite begins: allostery on sim://\S+, 20 steps", lines[1])
    assert re.search(r"small.sqlite ended after step 20: complete", lines[4])
    assert "paced from here" in labnet_command("-vv", "run", "small.toml", "--out", "more.sqlite")[2]


def test_a_file_has_times_levels_and_what_was_there(labnet_command: Labnet, tmp_path: Path) -> None:
    book = tmp_path / "book.log"
    said = labnet_command("--log-file", "book.log", "run", "small.toml")[2]
    assert said.startswith("warning:")
    assert "opened" not in said, "on stderr there is no more than without the file"
    assert labnet_command("--log-file", "book.log", "run", "small.toml")[0] == 2
    lines = book.read_text().splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) (labnet\S*): .+")
    found = [form.fullmatch(line) for line in lines]
    assert all(found), lines
    assert [each[1] for each in found if each].count("WARNING") == 1
    assert "ERROR labnet: " in lines[-1], "what ended the command"
    assert "small.sqlite exists" in lines[-1]
    labnet_command("show", "small.sqlite")
    assert book.read_text().splitlines() == lines, "the next command does not write into it"


def test_a_file_that_cannot_be_written_is_said(labnet_command: Labnet) -> None:
    code, _, said = labnet_command("--log-file", "no/where.log", "run", "small.toml")
    assert code == 2
    assert "no/where.log cannot be written" in said


def test_what_was_warned_of_is_shown_with_the_run(labnet_command: Labnet) -> None:
    labnet_command("run", "small.toml")
    assert f"after step 0: {MASKED}" in " ".join(labnet_command("show", "small.sqlite")[1].split())


def test_nothing_is_logged_step_by_step(caplog: pytest.LogCaptureFixture) -> None:
    counts = []
    for steps in (5, 50):
        caplog.clear()
        with caplog.at_level(logging.DEBUG), labnet.open_board("firmware://twin16?seed=1") as board:
            task = labnet.tasks.Allostery.sample(board.network, inputs=2, outputs=2, seed=7)
            plan = labnet.Plan(task=task, steps=steps, on_fault="mask")
            labnet.run_plan(board, plan, progress=False).close()
        counts.append(len([each for each in caplog.records if each.name.startswith("labnet")]))
    assert counts[0] == counts[1]
    assert counts[0] >= 4, "opened, begins, paced from here, ended, closed"
