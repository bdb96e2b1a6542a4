"""What a training gives, to the last bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import labnet
from labnet import Network
from labnet.records import ARRAY_FIELDS, Errors, Record

Bits = dict[str, Any]


def bits_of_run(run: labnet.Run) -> Bits:
    """All that a run holds, as bytes."""
    steps, errors = run.frame("steps"), run.frame("error")
    columns = {str(name): steps[name].to_numpy().tobytes() for name in steps}
    measured = sorted(zip(errors["step"], errors["set"], errors["cost_v2"], errors["accuracy"], strict=True))
    arrays = {field.name: run.array(field.name).tobytes() for field in ARRAY_FIELDS}
    return {**columns, **arrays, "errors": _bits_of_errors([Errors(*each) for each in measured])}


def bits_of_records(network: Network, records: Sequence[Record], errors: Sequence[Errors]) -> Bits:
    """The same from records; an array that was not logged is empty there."""

    def array(name: str, dtype: str, per: str, missing: float) -> bytes:
        width = network.node_count if per == "node" else network.edge_count
        nothing = np.full(width, missing)
        given = [getattr(record, name) for record in records]
        return b"".join((each if each.size else nothing).astype(dtype).tobytes() for each in given)

    types: dict[str, type] = {"step": np.int64, "example": np.int64, "time_s": np.float64, "clipped": np.bool_}
    columns = {name: np.array([getattr(r, name) for r in records], dtype=t).tobytes() for name, t in types.items()}
    arrays = {f.name: array(f.name, f.dtype, f.per, f.missing) for f in ARRAY_FIELDS}
    return {**columns, **arrays, "errors": _bits_of_errors(sorted(errors))}


def _bits_of_errors(errors: Sequence[Errors]) -> list[tuple[int, str, bytes]]:
    return [(int(e.step), e.set, np.array([e.cost_v2, e.accuracy], dtype=np.float64).tobytes()) for e in errors]
