"""The command line, as somebody types it."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labnet import cli

Labnet = Callable[..., tuple[int, str, str]]


@pytest.fixture
def labnet_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Labnet:
    """Run ``labnet WORDS`` in an empty directory; gives exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest keeps its own handlers

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labnet", *words])
        code: object = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return int(str(code or 0)), said.out, said.err

    return command
