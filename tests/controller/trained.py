"""One training in memory, as plain arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import labnet

FIELDS = ("v_free", "v_clamped", "directions", "enabled", "wipers", "resistances_ohm")


@dataclass(frozen=True)
class Trained:
    """What a run holds: a row a logged step, the closing one included; and the frame of errors."""

    plan: labnet.Plan
    log: pd.DataFrame
    arrays: dict[str, NDArray[Any]]
    errors: pd.DataFrame

    @property
    def steps(self) -> NDArray[np.int64]:
        return self.log["step"].to_numpy()

    @property
    def times_s(self) -> NDArray[np.float64]:
        return self.log["time_s"].to_numpy()

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self.arrays[field]

    def at(self, step: int) -> dict[str, NDArray[Any]]:
        """All fields of one step."""
        (row,) = np.flatnonzero(self.steps == step)
        return {name: array[row] for name, array in self.arrays.items()}


def trained(board: labnet.Board | str, task: labnet.Task, **settings: Any) -> Trained:
    """Train, on a new board where an address is given."""
    opened = labnet.open_board(board) if isinstance(board, str) else board
    with labnet.train(opened, task, progress=False, **settings) as run:
        arrays = {field: run.array(field) for field in FIELDS}
        return Trained(run.plan, run.frame("steps"), arrays, run.frame("error"))
