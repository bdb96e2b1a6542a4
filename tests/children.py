"""The real process, for tests that interrupt and kill it."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def start(folder: Path, *words: str, stdin: int | None = None, stdout: int | None = None) -> "subprocess.Popen[str]":
    """Start ``labnet WORDS`` in a folder; coverage, which can hang where a signal comes, does not measure it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-m", "labnet", *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def succeed(folder: Path, *words: str) -> None:
    """Run ``labnet WORDS`` in a folder, to its end."""
    with start(folder, *words) as child:
        said = child.communicate()[1]
    assert child.returncode == 0, said


def wait_until(child: "subprocess.Popen[str]", count: Callable[[], int], least: int) -> None:
    """Wait until something has come to so many, or the process has ended."""
    while child.poll() is None and count() < least:
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.01)
