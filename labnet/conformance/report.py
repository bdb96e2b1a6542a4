"""What came out: findings with their limits, a result a check, and the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from labnet.board import Board
from labnet.origin import made_with

SCHEMA_VERSION = 1

Status = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True)
class Measured:
    """One finding.

    Attributes
    ----------
    what : str
        With the part it is about: edge, node, side.
    value : float
    low, high : float
        What is allowed, both included; infinite where there is no bound.
    unit : str
    """

    what: str
    value: float
    low: float
    high: float
    unit: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is within its limits."""
        return bool(self.low <= self.value <= self.high)

    @property
    def strain(self) -> float:
        """How near to its limits: 1 at them, more beyond."""
        if self.low == -inf or self.high == inf:
            limit, value = (self.high, self.value) if self.low == -inf else (self.value, self.low)
            return max(value / limit, 0.0) if limit > 0 else (0.0 if self.ok else inf)
        half = (self.high - self.low) / 2
        off = abs(self.value - (self.low + self.high) / 2)
        return off / half if half > 0 else (0.0 if self.ok else inf)

    @property
    def measured(self) -> str:
        """The value in words."""
        prefix, factor = self._prefix
        return f"{factor * self.value:.4g} {prefix}{self.unit}".rstrip()

    @property
    def allowed(self) -> str:
        """The limits in words."""
        prefix, factor = self._prefix
        low, high = (f"{factor * limit:.4g}" for limit in (self.low, self.high))
        if self.low == -inf and self.high == inf:
            return "anything"
        if self.low == -inf:
            said = f"at most {high}"
        elif self.high == inf:
            said = f"at least {low}"
        else:
            said = low if low == high else f"{low} to {high}"
        return f"{said} {prefix}{self.unit}".rstrip()

    @property
    def _prefix(self) -> tuple[str, float]:
        """Give the prefix of the unit in which the numbers read well, and what to multiply them by."""
        largest = max((abs(n) for n in (self.value, self.low, self.high) if isfinite(n)), default=0.0)
        for prefix, factor in (("", 1.0), ("m", 1e3), ("u", 1e6)):
            if self.unit in ("V", "s") and 1.0 <= largest * factor < 1e3:
                return prefix, factor
        return "", 1.0

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it; null where there is no bound."""
        numbers = {name: float(getattr(self, name)) for name in ("value", "low", "high")}
        finite = {name: number if isfinite(number) else None for name, number in numbers.items()}
        return {"what": self.what, **finite, "unit": self.unit, "ok": self.ok}


@dataclass(frozen=True)
class Result:
    """One check.

    Attributes
    ----------
    name, does : str
        What it is called, and what it looks at.
    findings : tuple of Measured
    error : str
        What ended it before its end; "" where nothing did.
    unclaimed : str
        What of it this board does not claim to do; "" where it claims all.
    """

    name: str
    does: str
    findings: tuple[Measured, ...]
    error: str = ""
    unclaimed: str = ""

    @property
    def status(self) -> Status:
        """Whether it passed; not applicable where the board claims nothing of it."""
        if self.error or self.wrong:
            return "failed"
        return "passed" if self.findings else "not applicable"

    @property
    def wrong(self) -> tuple[Measured, ...]:
        """The findings that are not within their limits, the worst first."""
        return tuple(sorted((each for each in self.findings if not each.ok), key=_worst_first))

    @property
    def worst(self) -> Measured | None:
        """The finding that is nearest to its limits, or furthest beyond."""
        return min(self.findings, key=_worst_first, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "check": self.name,
            "does": self.does,
            "status": self.status,
            "error": self.error or None,
            "unclaimed": self.unclaimed or None,
            "findings": [each.to_dict() for each in self.findings],
        }


@dataclass(frozen=True)
class Report:
    """All checks of one board.

    Attributes
    ----------
    board : dict
        Its identity.
    results : tuple of Result
    made : dict
        When, and with which versions.
    """

    board: dict[str, Any]
    results: tuple[Result, ...]
    made: dict[str, Any]

    @classmethod
    def of(cls, board: Board, results: Sequence[Result]) -> "Report":
        """Make the report of a board."""
        info, network = board.info, board.network
        identity = {
            "address": board.address,
            "model": info.model,
            "serial": info.serial,
            "version": info.version,
            "network": {"name": network.name, "nodes": network.node_count, "edges": network.edge_count},
        }
        return cls(identity, tuple(results), made_with())

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(result.name for result in self.results if result.status == "failed")

    def __getitem__(self, name: str) -> Result:
        """Give the result of a check."""
        return {result.name: result for result in self.results}[name]

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON takes it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "board": self.board,
            "passed": self.passed,
            "checks": [result.to_dict() for result in self.results],
            **self.made,
        }


def _worst_first(finding: Measured) -> tuple[bool, float]:
    return finding.ok, -finding.strain if finding.strain == finding.strain else -inf
