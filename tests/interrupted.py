"""A board at which somebody presses Ctrl-C, and runs that must be the same after it."""

from dataclasses import replace
from typing import Any

import numpy as np

import labnet
from labnet.board import Update
from labnet_simulators import SimulatedBoard

ARRAYS = ("v_free", "v_clamped", "directions", "enabled", "wipers", "resistances_ohm")


def assert_same_records(one: labnet.Run, other: labnet.Run) -> None:
    assert one.frame("steps").equals(other.frame("steps"))
    for field in ARRAYS:
        np.testing.assert_array_equal(one.array(field), other.array(field), err_msg=field)
    assert one.frame("error").equals(other.frame("error"))


class Interrupted(SimulatedBoard):
    """A board, paced by the host, at which somebody presses Ctrl-C just before, or just after, a trigger."""

    presses_at: int = -1
    after = False

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.info = replace(self.info, plans=frozenset())

    def trigger(self, step_wipers: bool = True) -> Update:
        self.presses_at -= 1
        if self.presses_at == 0 and not self.after:
            raise KeyboardInterrupt
        update = super().trigger(step_wipers)
        if self.presses_at == 0:
            raise KeyboardInterrupt
        return update
