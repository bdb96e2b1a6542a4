"""A run that is looked at again and again, for its errors."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd

from labnet.live.measurements import Measurements
from labnet.runs import Run
from labnet.runs.frames import FrameName


class FollowedRun(Run):
    """A run that reads its errors as they come in, and so many at most at a time: nobody waits long for a look."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._errors = {name: Measurements(1.0) for name, _ in self.task.sets()}

    def read_on(self, most: int) -> tuple[object, ...]:
        """Read at most `most` new errors of a set; what it gives is something else where anything is new."""
        status = self.status  # before all else: of a run that is complete, all is there
        for name, known in self._errors.items():
            known.read(self, name, most)
        return status, self.steps_done(), *((each.count, each.revisions) for each in self._errors.values())

    def frame(self, name: FrameName, rms: bool = False) -> pd.DataFrame:
        """Give a frame as `labnet.Run` does; of scaled errors those that were read, without their error bars."""
        if name != "error" or rms:
            return super().frame(name, rms)
        parts = []
        for k, known in enumerate(self._errors.values()):
            part = pd.DataFrame({column: known.rows[column] for column in ("step", "cost_v2", "accuracy")})
            part["set"] = pd.Categorical.from_codes(np.full(len(part), k), pd.Index(list(self._errors)))
            part["steps_p"] = part["step"] * self.updates_per_step
            part["scaled_error"] = known.scaled(known.rows["cost_v2"])
            parts.append(part)
        return pd.concat(parts, ignore_index=True)
