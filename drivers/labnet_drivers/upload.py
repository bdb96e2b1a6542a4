"""A plan as what a board's firmware takes: settings as messages, examples and lists as words of its training memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import BoardInfo
from labnet.errors import OutOfRange
from labnet.plan import Plan, SelfTriggered, scheduled
from labnet.tasks import Task
from labnet_drivers.commands import set_form, whole_ticks
from labnet_drivers.framing import block

_MASK_64 = (1 << 64) - 1
_MEMORY = set_form("TRAin:MEMory").short
_AROUND_WORDS = len(" 65534,#565534") + 2  # most bytes of an upload besides header and words; 2 are the block's CRC
ETA_ONE = 32768  # the board's nudge is in units of 1 / ETA_ONE


class Program:
    """A plan for a board's sequencer.

    Attributes
    ----------
    messages : list of str
        The settings.
    words : numpy.ndarray of uint16
        What the training memory must hold, from its beginning.

    Raises
    ------
    OutOfRange
        For what the board cannot hold or do.
    """

    def __init__(
        self,
        plan: Plan,
        info: BoardInfo,
        limits: Mapping[str, int],
        first: int,
        repeats: int,
        transition: NDArray[np.float64] | None,
    ) -> None:
        if isinstance(plan.clock, SelfTriggered):
            raise OutOfRange("the clock is SelfTriggered; allowed: GlobalClock.")
        self._limits = limits
        self._tick_ns = round(info.tick_s * 1e9)
        self._parts: list[NDArray[np.uint16]] = []
        self.messages: list[str] = []
        self._set("TRAin:STEPs", plan.steps)
        self._set("TRAin:FIRSt", first)
        self._task(plan, info)
        self._order(plan, repeats, transition)
        self._eta(plan)
        self._schedule("TRAin:LOG", plan.log, plan, first)
        self._schedule("TRAin:MEASure", plan.measure, plan, first)
        self._set("TRAin:LOG:DETail", plan.detail)
        self._set("TRAin:TIME:SETTle", self._ticks_s(plan.settle_s))
        self._set("TRAin:TIME:PERiod", self._ticks_s(plan.step_period_s))
        self._set("TRAin:TIME:STRict", plan.period_s is not None)
        self.words: NDArray[np.uint16] = np.concatenate(self._parts)

    def _set(self, header: str, *values: Any) -> None:
        self.messages.append(set_form(header).message(self._limits, *values))

    def begin_at(self, time_s: float) -> str:
        """Give the message that says when the first step begins."""
        return set_form("TRAin:TIME:STARt").message(self._limits, self._ticks_s(time_s))

    def _ticks_s(self, seconds: float) -> float:
        """Give a time in whole ticks, rounded up, as `TwinBoard.wait` does."""
        return whole_ticks(seconds, self._tick_ns) * self._tick_ns * 1e-9

    def _keep(self, words: ArrayLike) -> tuple[int, int]:
        """Put words into the memory; gives where they stand."""
        part = np.asarray(words).astype(np.uint16)
        offset, room = sum(map(len, self._parts)), self._limits["TRAIN_WORDS"]
        if offset + len(part) > room:
            raise OutOfRange(
                f"examples and lists of the plan are {offset + len(part):,} words or more; allowed: {room:,}, the "
                "board's training memory."
            )
        self._parts.append(part)
        return offset, len(part)

    def _task(self, plan: Plan, info: BoardInfo) -> None:
        task = plan.task
        if type(task).wanted is not Task.wanted:
            raise OutOfRange(f"{type(task).__name__} wants no fixed voltage of each output; allowed: tasks that do.")
        for _, examples in task.sets():
            if len(examples):
                row = [info.source.codes(examples.inputs), info.source.codes(examples.targets)]
                self._keep(np.hstack(row).reshape(-1))
        self._set("TRAin:INPuts", *task.inputs)
        self._set("TRAin:GROunds", *task.grounds)
        self._set("TRAin:OUTPuts", *task.outputs)
        self._set("TRAin:EXAMples", len(task.train), len(task.test))

    def _order(self, plan: Plan, repeats: int, transition: NDArray[np.float64] | None) -> None:
        self.messages.append(f"{set_form('TRAin:SEED').short} {plan.seed & _MASK_64}")
        if transition is not None:
            sums = np.cumsum(transition, axis=1)
            self._set("TRAin:ORDer:TRANsition", self._keep(np.round(sums * 65535).reshape(-1))[0])
        elif plan.order == "cyclic":
            self._set("TRAin:ORDer:CYCLic", repeats)
        elif plan.order == "random":
            self._set("TRAin:ORDer:RANDom")
        else:
            self._set("TRAin:ORDer:LIST", *self._keep(plan.order))

    def _eta(self, plan: Plan) -> None:
        if not isinstance(plan.eta, tuple):
            self._set("TRAin:ETA", round(plan.eta * ETA_ONE) / ETA_ONE)
            return
        self._set("TRAin:ETA:LIST", *self._keep([round(eta * ETA_ONE) for eta in plan.eta]))

    def _schedule(self, header: str, schedule: object, plan: Plan, first: int) -> None:
        """Set at which steps something happens; a list names those that are left."""
        if isinstance(schedule, int):
            self._set(f"{header}:EVERy", schedule)
            return
        steps = np.flatnonzero(scheduled(schedule, plan.steps))  # type: ignore[arg-type]
        steps = steps[steps >= first]
        if not len(steps):
            self._set(f"{header}:EVERy", 0)
            return
        words = np.stack([steps & 0xFFFF, steps >> 16], axis=1).reshape(-1)
        self._set(f"{header}:LIST", self._keep(words)[0], len(steps))

    def uploads(self, longest: int) -> Iterator[bytes]:
        """Give the messages that write the training memory, each of at most `longest` bytes."""
        count = (longest - len(_MEMORY) - _AROUND_WORDS) // 2
        for offset in range(0, len(self.words), count):
            payload = self.words[offset : offset + count].astype("<u2").tobytes()
            yield b"%s %d,%s" % (_MEMORY.encode(), offset, block(payload))


def transition_matrix(rows: Sequence[Sequence[float]] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Check a matrix of probabilities to go from one example (row) to another (column).

    Raises
    ------
    OutOfRange
    """
    matrix = np.array(rows, dtype=np.float64)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not (matrix >= 0).all() or not np.allclose(matrix.sum(axis=1), 1.0, atol=1e-6):
        raise OutOfRange(
            "transition is no matrix of probabilities; allowed: a row and a column for each training example, numbers "
            "from 0 to 1, rows that sum to 1."
        )
    matrix.setflags(write=False)
    return matrix
