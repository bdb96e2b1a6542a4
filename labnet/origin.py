"""Where data comes from: when, by which versions, and from which state of the working directory it was made."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any


def made_with() -> dict[str, Any]:
    """Give when, with which versions, and on which state of the working directory's repository, as plain data."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("labnet", "numpy", "scipy")},
        },
        "platform": platform.platform(),
        "git": _git_state(),
    }


def _git_state() -> dict[str, Any] | None:
    """Give commit and cleanness of the working directory's repository, None outside one."""
    try:
        commit, status = (
            subprocess.run(["git", *words], capture_output=True, text=True, timeout=5, check=True).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "clean": not status}
