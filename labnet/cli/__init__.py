"""The command line: what is typed after ``labnet``."""

import os
import signal
import sys
import warnings

from labnet.cli import (
    advise,
    calibrate,
    compare,
    conform,
    experiments,
    flash,
    inspect,
    instruments,
    logs,
    rule_comparisons,
    rules,
    watch,
)  # each brings its commands
from labnet.cli.completion import as_shells_ask
from labnet.cli.console import app, err
from labnet.errors import LabnetError

__all__ = [
    "advise",
    "app",
    "calibrate",
    "compare",
    "conform",
    "experiments",
    "flash",
    "inspect",
    "instruments",
    "main",
    "rule_comparisons",
    "rules",
    "watch",
]


def main() -> None:
    """Run the command line; errors are said in words, without a traceback (LABNET_DEBUG=1 shows it)."""
    warnings.showwarning = logs.say_warning  # type: ignore[assignment]
    logs.begin()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves the board as safe as Ctrl-C does
    try:
        with as_shells_ask():
            app()
    except Exception as error:
        if os.environ.get("LABNET_DEBUG"):
            raise
        said = str(error)
        if not isinstance(error, LabnetError | OSError):
            said = f"{type(error).__name__}: {said} (unexpected; LABNET_DEBUG=1 shows where it comes from)"
        err.print(f"error: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
        logs.failed(said)
        sys.exit(2)
    finally:
        logs.end()
