"""The log of a training that a board runs by itself: its blocks into records (docs/scpi.md, Trainings)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.board import BoardInfo
from labnet.errors import LinkError
from labnet.plan import Plan
from labnet.records import NO_FLOATS, NO_WIPERS, Errors, Record

_HEADER = np.dtype([("number", "<u4"), ("count", "<u2")])
_STEP, _MEASURE, _END = b"SME"
_CLIPPED, _NOT_WRONG = 1, 2


class End(NamedTuple):
    """How a training ended: before which step, when, why (D, A, L, H or P), and where the wipers stand."""

    step: int
    time_s: float
    reason: str
    wipers: NDArray[np.int64]


class LogBlock(NamedTuple):
    """What a block of the log holds; not `empty` is also one that holds the beginning of a measurement alone."""

    number: int
    empty: bool
    records: list[Record]
    errors: list[Errors]
    end: End | None


class LogReader:
    """Reads the blocks of one training, in their order.

    Parameters
    ----------
    info : BoardInfo
    plan : Plan
    """

    def __init__(self, info: BoardInfo, plan: Plan) -> None:
        nodes, edges, outputs = plan.task.network.node_count, plan.task.network.edge_count, len(plan.task.outputs)
        mask = (edges + 7) // 8
        self._full = plan.detail == "full"
        logged = nodes if self._full else outputs
        self._types = {
            _STEP: np.dtype(
                [
                    ("kind", "u1"),
                    ("step", "<u4"),
                    ("example", "<u2"),
                    ("flags", "u1"),
                    ("time", "<u8"),
                    ("v_free", "<u2", (logged,)),
                    ("v_clamped", "<u2", (logged,)),
                    ("directions", "u1", (mask,)),
                    ("gates", "u1", (mask,)),
                    *([("wipers", "u1", (edges,))] if self._full else []),
                ]
            ),
            _MEASURE: np.dtype(
                [("kind", "u1"), ("step", "<u4"), ("set", "u1"), ("example", "<u2"), ("v", "<u2", (outputs,))]
            ),
            _END: np.dtype(
                [("kind", "u1"), ("step", "<u4"), ("time", "<u8"), ("reason", "S1"), ("wipers", "u1", (edges,))]
            ),
        }
        self._info, self._plan = info, plan
        self._tick_ns = round(info.tick_s * 1e9)
        self._measured: list[NDArray[np.float64]] = []  # of a set that has begun

    def read(self, payload: bytes) -> LogBlock:
        """Read a block."""
        header = np.frombuffer(payload, _HEADER, 1)[0]
        block = LogBlock(int(header["number"]), not header["count"], [], [], None)
        count = 0
        for rows in self._runs(payload):
            count += len(rows)
            kind = rows[0]["kind"]
            if kind == _STEP:
                block.records.extend(self._steps(rows))
            elif kind == _MEASURE:
                block.errors.extend(self._errors(rows))
            else:
                time_s = int(rows[0]["time"]) * self._tick_ns * 1e-9
                end = End(int(rows[0]["step"]), time_s, rows[0]["reason"].decode(), rows[0]["wipers"].astype(np.int64))
                block = block._replace(end=end)
        if count != header["count"]:
            raise LinkError(
                f"block {block.number} of the log says that it holds {header['count']} records; it has {count}."
            )
        return block

    def _runs(self, payload: bytes) -> Iterator[NDArray[Any]]:
        """Give records of one kind that follow each other, together."""
        at = _HEADER.itemsize
        while at < len(payload):
            dtype = self._types.get(payload[at])
            if dtype is None or len(payload) - at < dtype.itemsize:
                raise LinkError(f"the log holds {payload[at : at + 20]!r}..., which is no record.")
            rows = np.frombuffer(payload, dtype, (len(payload) - at) // dtype.itemsize, at)
            others = np.flatnonzero(rows["kind"] != payload[at])  # the first is where the next run begins
            if len(others):
                rows = rows[: others[0]]
            yield rows
            at += rows.nbytes

    def _steps(self, rows: NDArray[Any]) -> Iterator[Record]:
        edges = self._plan.task.network.edge_count
        v_free = self._info.reading.volts(rows["v_free"].astype(np.int64))
        clamped = self._info.reading if self._full else self._info.source  # short: as held
        v_clamped = clamped.volts(rows["v_clamped"].astype(np.int64))
        if not self._full:
            v_free, v_clamped = self._outputs_alone(v_free), self._outputs_alone(v_clamped)
        bits = [
            np.unpackbits(rows[name], axis=1, count=edges, bitorder="little").view(np.int8)
            for name in ("directions", "gates")
        ]
        triggered = (rows["flags"] & _NOT_WRONG == 0).astype(np.int8)
        directions = (2 * bits[0] - 1) * triggered[:, None]
        wipers = rows["wipers"].astype(np.int16) if self._full else None
        times_s = (rows["time"].astype(np.int64) * self._tick_ns).astype(np.float64) * 1e-9
        clipped = (rows["flags"] & _CLIPPED).astype(np.bool_).tolist()
        heads = zip(rows["step"].tolist(), rows["example"].tolist(), times_s.tolist(), clipped, strict=True)
        for k, head in enumerate(heads):
            moved = NO_WIPERS if wipers is None else wipers[k]
            yield Record(*head, v_free[k], v_clamped[k], directions[k], bits[1][k], moved, NO_FLOATS)

    def _outputs_alone(self, volts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the voltages of the outputs, (S, O), among those of all nodes, (S, n), which are not known."""
        v = np.full((len(volts), self._plan.task.network.node_count), np.nan)
        v[:, list(self._plan.task.outputs)] = volts
        return v

    def _errors(self, rows: NDArray[Any]) -> Iterator[Errors]:
        """Give the errors of the sets that end in these measurements."""
        sets = self._plan.task.sets()
        volts = self._info.reading.volts(rows["v"].astype(np.int64))
        for row, outputs in zip(rows, volts, strict=True):
            self._measured.append(outputs)
            name, examples = sets[int(row["set"])]
            if len(self._measured) == len(examples):
                seen = np.array(self._measured)
                self._measured = []
                accuracy = self._plan.task.accuracy(seen, examples)
                yield Errors(int(row["step"]), name, self._plan.task.cost(seen, examples), accuracy)
