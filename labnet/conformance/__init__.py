"""Does a board do what a board must? `conform` asks any board of the `labnet.Board` protocol; docs/conformance.md."""

from labnet.conformance.limits import Limits
from labnet.conformance.report import Measured, Report, Result
from labnet.conformance.suite import CHECKS, conform

__all__ = ["CHECKS", "Limits", "Measured", "Report", "Result", "conform"]
