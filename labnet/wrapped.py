"""A board that passes all verbs on to another: the base of boards that change a few of them."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from numpy import bool_, int8
from numpy.typing import ArrayLike, NDArray

from labnet.board import Board, FloatArray, IntArray, Side, Snapshot, Update

if TYPE_CHECKING:
    from labnet.plan import Plan
    from labnet.records import Block


def _passed(name: str) -> property:
    """Give a property that is that of the wrapped board."""

    def get(self: "WrappedBoard") -> Any:
        return getattr(self.board, name)

    def put(self: "WrappedBoard", value: Any) -> None:
        setattr(self.board, name, value)

    return property(get, put)


class WrappedBoard:
    """A board that is another one; a subclass changes what differs.

    What the wrapped board's class has beyond `labnet.Board` (`scpi`, `go_on`, ...) is there too, and nothing else: so
    `labnet.board.can_go_on` and `SpeaksScpi` answer as they do for the wrapped board.

    The wrapped board knows nothing of the wrapper: what it does by itself (`train`, `train_many`, `self_trigger`,
    `scpi`) goes past the verbs that a subclass changes. A subclass whose verbs matter to plans takes them out of
    `info.plans`.

    Parameters
    ----------
    board : Board

    Attributes
    ----------
    board : Board
        The wrapped board.
    address, network, info
        Its own; a subclass may set others.
    """

    def __new__(cls, board: Board, *_others: Any, **_named: Any) -> Self:
        """Give an object of a class that has what the board's class has."""
        known = {*dir(cls), *Board.__annotations__}
        extra = [name for name in dir(type(board)) if not name.startswith("_") and name not in known]
        body = {name: _passed(name) for name in extra} | {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return object.__new__(type(cls.__name__, (cls,), body))

    def __init__(self, board: Board) -> None:
        self.board = board
        self.address = board.address
        self.network = board.network
        self.info = board.info

    @property
    def bias_v(self) -> float:
        """The gates' bias voltage."""
        return self.board.bias_v

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        self.board.bias_v = volts

    @property
    def time_s(self) -> float:
        """The board's own clock."""
        return self.board.time_s

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float."""
        self.board.drive(side, voltages)

    def read(self, side: Side) -> FloatArray:
        """Read all node voltages of a side, shape (n,)."""
        return self.board.read(side)

    def wait(self, seconds: float) -> None:
        """Let the board's clock run."""
        self.board.wait(seconds)

    def set_update_probability(self, p: float) -> None:
        """Set the bias that lets an edge step with probability `p`."""
        self.board.set_update_probability(p)

    def directions(self) -> NDArray[int8]:
        """Look at the comparators now, shape (E,): +1 up, -1 down."""
        return self.board.directions()

    def enabled(self) -> NDArray[bool_]:
        """Look at the gates now, shape (E,)."""
        return self.board.enabled()

    def trigger(self, step_wipers: bool = True) -> Update:
        """Clock all edges once and give what they latched; without `step_wipers` latch only."""
        return self.board.trigger(step_wipers)

    def self_trigger(self, seconds: float) -> None:
        """Let every edge step on its own clock for that long."""
        self.board.self_trigger(seconds)

    def wipers(self) -> IntArray:
        """Give the wiper positions, shape (E,)."""
        return self.board.wipers()

    def set_wipers(self, positions: ArrayLike) -> None:
        """Set the wiper positions, shape (E,) or one for all."""
        self.board.set_wipers(positions)

    def set_resistances(self, ohm: ArrayLike) -> None:
        """Set the resistances of both twins, shape (E,), where `info` allows."""
        self.board.set_resistances(ohm)

    def train(self, plan: "Plan", first: int = 0, start_s: float | None = None) -> "Iterator[Block]":
        """Run a plan that `info.plans` lists, without the host; yields its blocks."""
        return self.board.train(plan, first, start_s)

    def train_many(self, plans: "Sequence[Plan]") -> "Iterator[Block]":
        """Run many plans at once where the board can."""
        return self.board.train_many(plans)

    def snapshot(self) -> Snapshot:
        """Give everything that decides the board's future, as arrays, where `info.snapshots`."""
        return self.board.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Put the board back to a snapshot."""
        self.board.restore(snapshot)

    def safe(self) -> None:
        """Drive the safe state. Never fails."""
        self.board.safe()

    def close(self) -> None:
        """Make the board safe and let go of it."""
        self.board.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.board!r}>"

    def __enter__(self) -> Self:
        self.board.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.board.__exit__(kind, error, trace)
