"""The command line: what is typed after ``labnet``."""

import logging
import os
import signal
import sys
import warnings

from labnet.cli import calibrate, conform, experiments, flash, inspect, instruments  # each brings its commands
from labnet.cli.console import app, err
from labnet.errors import LabnetError

__all__ = ["app", "calibrate", "conform", "experiments", "flash", "inspect", "instruments", "main"]


def _say_warning(message: Warning | str, *_: object) -> None:
    err.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; errors are said in words, without a traceback (LABNET_DEBUG=1 shows it)."""
    warnings.showwarning = _say_warning  # type: ignore[assignment]
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves the board as safe as Ctrl-C does
    try:
        app()
    except Exception as error:
        if os.environ.get("LABNET_DEBUG"):
            raise
        said = str(error)
        if not isinstance(error, LabnetError | OSError):
            said = f"{type(error).__name__}: {said} (unexpected; LABNET_DEBUG=1 shows where it comes from)"
        err.print(f"error: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
