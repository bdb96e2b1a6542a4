"""The two-cycle of synchronous training by linear response, for all tasks of a sweep."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from labnet.desynchrony import Pot, response, swing
from labnet.figures.figure import TASK, FloatArray, plan_of
from labnet.sweeps import Sweep
from labnet.tasks import Task

WIPER = Pot().wiper_ohm / Pot().step_ohm  # R / r0 is the position and this
_START = 4.0  # any: what is found does not depend on it


class Cycle(NamedTuple):
    """The two-cycle at a start at which all edges are alike, by linear response: numbers of task and graph alone, (T,).

    Attributes
    ----------
    contrast : numpy.ndarray
        C = Lambda s R / r0.
    swing : numpy.ndarray
        Its error, times (R / r0)^2.
    spread : numpy.ndarray
        Over how many edges it is spread.
    """

    contrast: FloatArray
    swing: FloatArray
    spread: FloatArray


def tasks_of(sweep: Sweep) -> dict[int, Task]:
    """Give the tasks of a sweep by their seeds."""
    first = sweep.frame("points").drop_duplicates(TASK)
    pairs = zip(first[TASK].tolist(), first["point"].tolist(), strict=True)
    return {seed: plan_of(sweep, point).task for seed, point in pairs}


def cycles(tasks: Iterable[Task], v_max: float) -> Cycle:
    """Find the two-cycles of tasks whose largest input is `v_max`."""
    pot, steps, rows = Pot(), _START + WIPER, []
    for task in tasks:
        at = response(task, np.full(task.network.edge_count, pot.ohm(_START)))
        found = swing(at, pot.step_ohm)
        error = np.mean(found.outputs_v**2) / 4.0 / np.mean(at.errors_v**2)
        rows.append((found.contrast_v * steps / v_max, error * steps**2, found.edges))
    return Cycle(*np.array(rows).T)
