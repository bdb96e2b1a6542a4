"""Runs: one training on disk, in one SQLite file. See docs/run-file.md."""

from labnet.runs.run import Run
from labnet.runs.writer import RunWriter

__all__ = ["Run", "RunWriter"]
