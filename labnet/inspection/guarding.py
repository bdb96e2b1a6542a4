"""What a run does about faults, as its plan says: nothing, stop, or go on with broken edges masked."""

import logging
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Update
from labnet.errors import BoardFault, EdgeMasked, NotSupported
from labnet.inspection.expected import expected_of
from labnet.inspection.finding import Finding
from labnet.inspection.inspecting import inspect
from labnet.inspection.watching import Watch
from labnet.plan import Plan
from labnet.records import Block

_log = logging.getLogger(__name__)


class Notes(Protocol):
    """What a run keeps of faults."""

    def findings(self) -> list[dict[str, Any]]:
        """Give what was noted so far."""
        ...

    def note_findings(self, findings: Sequence[dict[str, Any]]) -> None:
        """Note some more."""
        ...


class Guard:
    """Masks edges, and looks for faults before and during a run.

    Parameters
    ----------
    board : Board
    plan : Plan
    """

    def __init__(self, board: Board, plan: Plan) -> None:
        self.board, self.plan = board, plan
        self._mask = np.zeros(board.network.edge_count, dtype=np.bool_)
        self._mask[list(plan.masked)] = True
        self._watch: Watch | None = None
        self._notes: Notes | None = None

    @property
    def masks(self) -> bool:
        """Whether the host has to step the wipers: some edge is masked, or may come to be."""
        return bool(self._mask.any()) or self.plan.on_fault == "mask"

    def begin(self, notes: Notes, step: int) -> None:
        """Look at the board before the run begins or goes on at a step; its wipers go elsewhere and come back.

        Raises
        ------
        BoardFault
            Where the plan says that faults stop the run.
        """
        self._notes = notes
        noted = notes.findings()
        before = {each["index"] for each in noted if each["action"] == "masked"}
        by_plan = [edge for edge in self.plan.masked if edge not in before]
        notes.note_findings(
            [{"action": "masked", "kind": "by the plan", "index": edge, "step": step} for edge in by_plan]
        )
        if self.plan.on_fault == "mask":
            self._mask[list(before)] = True
        if self.plan.on_fault == "ignore":
            return
        expected, found = expected_of(self.board), tuple[Finding, ...]()
        try:
            inspection = inspect(self.board, expected)
            expected, found = inspection.expected, inspection.findings
        except NotSupported:
            pass  # no node can float between held ones: what is logged has to do
        self._watch = Watch(self.board.network, self.board.info, self.plan, expected)
        self._watch.ignore(self._masked)
        self._act(found)

    @property
    def _masked(self) -> set[int]:
        return set(np.flatnonzero(self._mask).tolist())

    def look(self, block: Block) -> None:
        """Look at the records of a block, once they are kept.

        Raises
        ------
        BoardFault
        """
        if self._watch is not None:
            for record in block.records:
                self._act(self._watch.see(record))

    def _act(self, findings: Iterable[Finding]) -> None:
        new = [each for each in findings if not (each.part == "edge" and self._mask[each.index])]
        if not new:
            return
        assert self._notes is not None
        assert self._watch is not None
        masking = self.plan.on_fault == "mask" and all(each.part == "edge" for each in new)
        action = "masked" if masking else "stopped"
        self._notes.note_findings([{"action": action, **each.to_dict()} for each in new])
        for each in new:
            _log.info("found: %s; %s", each, action)
        edges = {each.index for each in new if each.part == "edge"}
        if not masking:
            raise _fault(new, sorted(edges | self._masked))
        self._mask[list(edges)] = True
        self._watch.ignore(edges)
        for each in new:
            warnings.warn(EdgeMasked(f"{each}; masked, the rest trains on."), stacklevel=2)
        if self._mask.all():
            raise _fault(new, sorted(edges))

    # Steps ------------------------------------------------------------------------------------------------------

    def opened(self, enabled: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Give which edges step, of those whose gates are open."""
        return enabled & ~self._mask

    def trigger(self) -> Update:
        """Trigger; edges that are masked stay."""
        if not self._mask.any():
            return self.board.trigger()
        wipers = self.board.wipers()
        latched = self.board.trigger(step_wipers=False)
        update = Update(latched.directions, self.opened(latched.enabled))
        moved = wipers + update.directions * update.enabled
        self.board.set_wipers(np.clip(moved, 0, self.board.info.wiper_positions - 1))
        return update


def _fault(findings: Sequence[Finding], broken: Sequence[int]) -> BoardFault:
    first = findings[0]
    when = "before the first step" if first.step is None else f"at step {first.step}"
    more = "" if len(findings) == 1 else f" ({len(findings) - 1} more in the run's findings)"
    masked = f", or go on without the broken edges: resume with masked={list(broken)}" if broken else ""
    return BoardFault(
        f"{when}: {first}{more}. What to do: {first.remedy}{masked}. Every step before it is logged; "
        "on_fault='ignore' does not look.",
        tuple(findings),
    )
