"""A plan paced by the host, run by the board, among other plans, and interrupted: what each gives, to the last bit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from bits import Bits, bits_of_records, bits_of_run
from numpy.typing import NDArray

import labnet
from labnet import Plan
from labnet.board import Update
from labnet.errors import LabnetError
from labnet.records import Block
from labnet_simulators import Parts, SimulatedBoard


def host_paced(board: SimulatedBoard) -> SimulatedBoard:
    """Take from a board the plans it runs by itself, so that every step goes through its verbs."""
    board.info = replace(board.info, plans=frozenset())
    return board


def bits(board: SimulatedBoard, plan: Plan) -> Bits:
    with labnet.run_plan(board, plan, progress=False) as run:
        return bits_of_run(run)


def bits_of_many(board: SimulatedBoard, plans: Sequence[Plan]) -> list[tuple[Bits, LabnetError | None]]:
    """What `train_many` gives of each plan: blocks in the order of its steps, the last says how it ended."""
    blocks: list[list[Block]] = [[] for _ in plans]
    for block in board.train_many(plans):
        blocks[block.plan].append(block)
    given = []
    for plan, own in zip(plans, blocks, strict=True):
        steps = [block.steps for block in own]
        assert steps == sorted(steps)
        assert all(block.failure is None for block in own[:-1])
        assert own[-1].failure is not None or steps[-1] == plan.steps
        records = [record for block in own for record in block.records]
        errors = [error for block in own for error in block.errors]
        given.append((bits_of_records(board.network, records, errors), own[-1].failure))
    return given


def assert_unchanged(before: dict[str, NDArray[Any]], board: SimulatedBoard) -> None:
    after = board.snapshot()
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


@dataclass
class Presses:
    """When somebody presses Ctrl-C: before the trigger of a step, or after a block."""

    trigger: int = -1
    blocks: int = -1


class Interrupted(SimulatedBoard):
    """A board at which somebody presses Ctrl-C."""

    presses = Presses()  # of copies: nobody presses

    def trigger(self, step_wipers: bool = True) -> Update:
        self.presses.trigger -= 1
        if self.presses.trigger == 0:
            raise KeyboardInterrupt
        return super().trigger(step_wipers)

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        for block in super().train(plan, first, start_s):
            yield block
            self.presses.blocks -= 1
            if self.presses.blocks == 0:
                raise KeyboardInterrupt


def interrupted(
    parts: Parts, plan: Plan, path: Path, presses: Presses, by_host: bool, snapshots: bool
) -> labnet.Run | None:
    """Go on with a run until somebody presses Ctrl-C, or to its end."""
    board = Interrupted(plan.task.network, parts, seed=6)
    board.presses = presses
    board.info = replace(board.info, snapshots=snapshots)
    try:
        return labnet.run_plan(host_paced(board) if by_host else board, plan, path, resume=True, progress=False)
    except KeyboardInterrupt:
        return None
