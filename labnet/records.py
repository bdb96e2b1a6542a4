"""What one logged step holds, described once: the run file's columns and the frames both follow from it."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.errors import LabnetError


@dataclass
class Record:
    """One step, as logged. Arrays that were not logged are empty; in frames they are NaN or -1.

    Attributes
    ----------
    step : int
        Steps count from 0. The closing record, at the number of steps (or at the one that failed), holds the final
        positions alone.
    example : int
        Training example; -1 for a batch of several.
    time_s : float
        The board's clock when the step began.
    clipped : bool
        Whether a clamped voltage was cut to the source's range.
    v_free, v_clamped : numpy.ndarray, shape (n,)
        As read before the trigger, in volts.
    directions : numpy.ndarray of int8, shape (E,)
        +1 up, -1 down, 0 where the host decided to leave it.
    enabled : numpy.ndarray of int8, shape (E,)
        1 where the gate let the edge step, 0 where not.
    wipers : numpy.ndarray of int16, shape (E,)
        Positions *before* the update.
    resistances_ohm : numpy.ndarray, shape (E,)
        Before the update, where the host set resistances instead of wipers.
    """

    step: int
    example: int
    time_s: float
    clipped: bool
    v_free: NDArray[np.float64]
    v_clamped: NDArray[np.float64]
    directions: NDArray[np.int8]
    enabled: NDArray[np.int8]
    wipers: NDArray[np.int16]
    resistances_ohm: NDArray[np.float64]


NO_FLOATS = np.empty(0)
NO_BYTES = np.empty(0, dtype=np.int8)
NO_WIPERS = np.empty(0, dtype=np.int16)


def closing_record(step: int, time_s: float, wipers: NDArray[Any], ohm: NDArray[np.float64]) -> Record:
    """Give the record of where the edges stand before a step that does not happen any more; one of the two is empty."""
    nothing = (NO_FLOATS, NO_FLOATS, NO_BYTES, NO_BYTES)
    return Record(step, -1, time_s, False, *nothing, wipers.astype(np.int16), ohm)


class ArrayField(NamedTuple):
    """How an array of a record is stored: little-endian, one value a node or edge."""

    name: str
    dtype: str
    per: Literal["node", "edge"]
    unit: str
    missing: float
    meaning: str


ARRAY_FIELDS = (
    ArrayField("v_free", "<f8", "node", "V", np.nan, "free node voltages, read before the trigger"),
    ArrayField("v_clamped", "<f8", "node", "V", np.nan, "clamped node voltages, read before the trigger"),
    ArrayField("directions", "|i1", "edge", "", -1, "+1 up, -1 down, 0 left by the host"),
    ArrayField("enabled", "|i1", "edge", "", -1, "1 where the gate let the edge step"),
    ArrayField("wipers", "<i2", "edge", "position", -1, "wiper positions before the update"),
    ArrayField("resistances_ohm", "<f8", "edge", "ohm", np.nan, "set resistances before the update"),
)


class Errors(NamedTuple):
    """One measurement of a set of examples on the free side alone, before the step it stands at."""

    step: int
    set: Literal["train", "test"]
    cost_v2: float
    accuracy: float


class Block(NamedTuple):
    """What a board that runs plans by itself gives from time to time: the next part of one training.

    Attributes
    ----------
    plan : int
        Which of the plans, from 0.
    steps : int
        Steps done so far; the last block of a plan has all of them, and the closing record.
    records : list of Record
    errors : list of Errors
    failure : LabnetError or None
        Why this plan ended before its last step; the others go on.
    resistances_ohm : numpy.ndarray, shape (E,), or None
        Where they stand now, on boards whose resistances are set.
    """

    plan: int
    steps: int
    records: list[Record]
    errors: list[Errors]
    failure: LabnetError | None = None
    resistances_ohm: NDArray[np.float64] | None = None
