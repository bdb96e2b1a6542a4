"""What is wrong with a board: what kind of fault, at which edge or node, and what was measured."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from labnet.board import Side

Kind = Literal[
    "dead edge",
    "stuck edge",
    "resistance",
    "drift",
    "twin mismatch",
    "crossed twins",
    "swapped comparators",
    "stuck gate",
    "swapped readings",
    "bad reading",
    "dead source",
    "loose source",
]

REMEDIES: dict[Kind, str] = {
    "dead edge": "look for an open wire or joint at the edge's pot; until then train with it masked",
    "stuck edge": "look at the clock, direction and select lines of the edge's pot; until then train with it masked",
    "resistance": "look for a pot of another value, or a bad joint, at this edge",
    "drift": "calibrate again; if it goes on, look for a bad joint",
    "twin mismatch": "calibrate, or replace the edge's twins by a matched pair",
    "crossed twins": "exchange back the wires of the edge's twins at one of its two nodes",
    "swapped comparators": "exchange the comparators' inputs, or the wires of the edge's twins at both nodes",
    "stuck gate": "look at the edge's gate and the bias line",
    "swapped readings": "exchange back the reading wires of the node's two sides",
    "bad reading": "look at the wire from the node to its buffer and converter, or calibrate the converter",
    "dead source": "look at the source's channel and its wire",
    "loose source": "look at the switch and the wire that join the source to the node on this side",
}


@dataclass(frozen=True)
class Finding:
    """One fault, by edge or node.

    Attributes
    ----------
    kind : str
    part : {"edge", "node"}
    index : int
        Which edge or node.
    side : {"free", "clamped"} or None
        None for both sides.
    evidence : str
        What was measured, in numbers.
    allowed : str
        What it should have been.
    step : int or None
        In whose record it was found; None before a training.
    others : tuple of int
        Edges that what was measured tells from this one barely, or not at all.
    """

    kind: Kind
    part: Literal["edge", "node"]
    index: int
    side: Side | None
    evidence: str
    allowed: str
    step: int | None = None
    others: tuple[int, ...] = ()

    @property
    def remedy(self) -> str:
        """What to do."""
        return REMEDIES[self.kind]

    @property
    def where(self) -> str:
        """The part, in words."""
        other = "" if not self.others else f" (or {', '.join(map(str, self.others))})"
        return f"{self.part} {self.index}{other}, {'both sides' if self.side is None else f'{self.side} side'}"

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.evidence}; allowed: {self.allowed}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {**asdict(self), "others": list(self.others)}
