"""The twin board: the verbs of `labnet.Board` as messages to its firmware."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.board import Side, Snapshot, Update, check_held
from labnet.errors import DeviceError, LabnetError, NotSupported, OutOfRange
from labnet.interrupts import Closing
from labnet.plan import Plan
from labnet.records import Block
from labnet_drivers.commands import asked, decimal, integer, micro, set_form, whole_ticks
from labnet_drivers.framing import unblocked
from labnet_drivers.instrument import Instrument
from labnet_drivers.link import DEADLINE_S, Exchanges
from labnet_drivers.sequencer import LEAD_S, OUT_OF_RANGE, Sequencer

_log = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_REAL = (float, int, np.number)
_LONGEST_WAIT_S = 1e8
_SELF_TRIGGER_S = 0.1  # at a time: a simulated board can take longer for it than it lasts
SETTINGS_CONFLICT = -221
TRAINING = 256  # of STATus:OPERation:CONDition
_SIDES = {"free": "FREE", "clamped": "CLAM"}

_HOLD = set_form("SOURce:HOLD").short
_BIAS = set_form("SOURce:BIAS").short
_WATCHDOG = set_form("SYSTem:WATChdog")
_WAIT = set_form("SYSTem:WAIT").short
_CONTINUE = set_form("SYSTem:CONTinue")
_SAFE = set_form("SYSTem:SAFE").short
_WIPERS = set_form("WIPer:POSition").short
_SELF = set_form("TRIGger:SELF").short
_CLOCK = asked("SYSTem:CLOCk")
_DIRECTIONS = asked("MEASure:DIRections")
_GATES = asked("MEASure:GATes")
_STEP = asked("TRIGger:STEP")
_LATCH = asked("TRIGger:LATCh")
_HOME = set_form("WIPer:HOME").short
_RESET = set_form("*RST").short
_READ = f"{set_form('FORMat[:DATA]').short} INT;:{asked('MEASure:VOLTage')}"


class TwinBoard(Instrument, Closing):
    """A twin board on the bench, or its firmware elsewhere; see docs/scpi.md.

    A training that still runs when the board is opened is that of a host which is gone: it is aborted, the board made
    safe, and a warning logged.

    The properties below that name a command are that command. Threads may share a board: each verb is done as a whole.

    Parameters
    ----------
    link : Exchanges
        An open link, or a transcript of one.
    watchdog_s : float
        While edges can step (bias above 0), the board makes itself safe when it has not heard from us for so long; the
        next verb then raises `StateLost`. 0: never. A training that the board runs by itself has `sequencer.lost`.

    Attributes
    ----------
    sequencer : Sequencer
        What the board can do by itself beyond a plan.
    """

    trigger_count = integer("TRIGger:COUNt")

    def __init__(self, link: Exchanges, watchdog_s: float = 10.0) -> None:
        try:
            super().__init__(link)
            described = self._described
            self.network, self.info = described.network, described.info
            self._bias_grid, self._bias_limit_v = described.bias_grid, described.bias_limit_v
            self._tick_ns = round(self.info.tick_s * 1e9)
            self.sequencer = Sequencer(self)
            self._take_over()
            self._armed = self.bias_v > 0  # where a host left it so
            self.watchdog_s = watchdog_s
        except BaseException:
            link.close()
            raise
        link.transcript.opened()

    def _take_over(self) -> None:
        """End a training on which nobody waits."""
        if self.operation & TRAINING:
            self.exchange(_SAFE)
            _log.warning(
                "%s was running a training on which nobody waited: it is aborted, and the board is safe. Its run "
                "resumes with --resume.",
                self.address,
            )

    def _integers(self, message: str, count: int) -> NDArray[np.int64]:
        values = [int(text) for text in self.exchange(message).split(b",")]
        return np.array(values, dtype=np.int64).reshape(count)

    # Drive and read -----------------------------------------------------------------------------------------------

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float.

        A node has one source for both sides: where the other side holds it too, it moves there as well.

        Raises
        ------
        NotDrivable
            For a node without a source.
        OutOfRange
            For NaN or a voltage outside the source's range; nothing is changed then.
        """
        words = [_HOLD + " " + _side(side)]
        check_held(self.network, self.info, voltages)
        held = self.info.source.quantised(np.array([*voltages.values()], dtype=np.float64)).tolist()
        words += [f"{node},{decimal(volts)}" for node, volts in zip(voltages, held, strict=True)]
        self.exchange(",".join(words))

    def read(self, side: Side) -> FloatArray:
        """Read all node voltages of a side, shape (n,), as its converters give them."""
        payload = unblocked(self.exchange(f"{_READ} {_side(side)}"))
        return self.info.reading.volts(np.frombuffer(payload, "<u2").astype(np.int64))

    def wait(self, seconds: float) -> None:
        """Let the board's clock run, in its ticks, rounded up."""
        self._check_open()
        if not 0.0 <= seconds <= _LONGEST_WAIT_S:
            raise OutOfRange(f"wait of {seconds} s; allowed: 0 to {_LONGEST_WAIT_S:g} s.")
        self._pass(_WAIT, seconds, longest_s=max(1.0, seconds / 1000))

    def _pass(self, command: str, seconds: float, longest_s: float) -> None:
        """Let a command take so long, rounded up to ticks.

        Meanwhile the board hears nothing: in parts, so that Ctrl-C makes it safe soon, and its watchdog hears from us.
        """
        left = whole_ticks(seconds, self._tick_ns)
        if self._armed and self._watchdog_s:
            longest_s = min(longest_s, self._watchdog_s / 2)
        longest = max(1, int(longest_s / self.info.tick_s))
        while left:
            ticks = min(left, longest)
            self.exchange(f"{command} {decimal(ticks * self.info.tick_s)}", DEADLINE_S + ticks * self.info.tick_s)
            left -= ticks

    @property
    def time_s(self) -> float:
        """The board's own clock."""
        ticks_us = micro(self.exchange(_CLOCK).decode())
        return ticks_us * 1000 * 1e-9

    def go_on(self, time_s: float, triggers: int) -> None:
        """Go on from a time on the board's clock, as after so many triggers; from now, where that time has passed.

        So a run goes on after a restart.
        """
        begin_s = whole_ticks(time_s, self._tick_ns) * self.info.tick_s
        try:
            self.exchange(_CONTINUE.message(self.limits, begin_s, triggers))
        except DeviceError as error:
            if error.code != OUT_OF_RANGE:
                raise
            self.exchange(_CONTINUE.message(self.limits, self.time_s + LEAD_S, triggers))

    # Bias, comparators, wipers ------------------------------------------------------------------------------------

    @property
    def bias_v(self) -> float:
        """The gates' bias voltage, as its source gives it."""
        return self._as_given(float(self.scpi(_BIAS + "?")))

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        if not (isinstance(volts, _REAL) and 0.0 <= volts <= self._bias_limit_v):
            raise OutOfRange(f"bias of {volts} V; allowed: 0 to {self._bias_limit_v:g} V.")
        given = self._as_given(volts)
        with self.link.lock:
            self.exchange(f"{_BIAS} {decimal(given)};:{self._watchdog_message(given > 0)}")
            self._arm(given > 0)

    def _as_given(self, volts: float) -> float:
        """Give a bias as its source gives it."""
        return float(self._bias_grid.quantised(np.array(volts)))

    def set_update_probability(self, p: float) -> None:
        """Set the bias for update probability `p`, in proportion; rounded to the bias source's codes."""
        if not (isinstance(p, _REAL) and 0.0 <= p <= 1.0):
            raise OutOfRange(f"update probability {p}; allowed: 0 to 1.")
        volts = p * self._bias_limit_v
        if p and not self._bias_grid.codes(volts):
            least = self._bias_grid.v_max / self._bias_grid.top / self._bias_limit_v
            raise OutOfRange(
                f"update probability {p} is less than the bias source can set; allowed: 0, or {least:.2g} to 1."
            )
        self.bias_v = volts

    @property
    def watchdog_s(self) -> float:
        """The board makes itself safe after such a silence, while its bias is above 0; 0: never."""
        return self._watchdog_s

    @watchdog_s.setter
    def watchdog_s(self, seconds: float) -> None:
        _WATCHDOG.message(self.limits, seconds)  # it says what is allowed
        self._watchdog_s = float(seconds)
        if self._armed:
            with self.link.lock:
                self.exchange(self._watchdog_message(True))
                self._arm(True)

    def _watchdog_message(self, armed: bool) -> str:
        return _WATCHDOG.message(self.limits, self._watchdog_s if armed else 0)

    def _arm(self, armed: bool) -> None:
        self._armed = armed
        self.link.watchdog_s = self._watchdog_s if armed else 0.0

    def directions(self) -> NDArray[np.int8]:
        """Look at the comparators now, shape (E,): +1 up, -1 down."""
        return self._integers(_DIRECTIONS, self.network.edge_count).astype(np.int8)

    def enabled(self) -> NDArray[np.bool_]:
        """Look at the gates now, shape (E,)."""
        return self._integers(_GATES, self.network.edge_count).astype(np.bool_)

    def trigger(self, step_wipers: bool = True) -> Update:
        """Clock all edges once and give what they latched; without `step_wipers` latch only."""
        edges = self.network.edge_count
        latched = self._integers(_STEP if step_wipers else _LATCH, 2 * edges)
        return Update(latched[:edges].astype(np.int8), latched[edges:].astype(np.bool_))

    def self_trigger(self, seconds: float) -> None:
        """Let every edge step on its own clock for that long, in the board's ticks, rounded up.

        Nobody counts these steps: `wipers` gives -1 from then on, until they are set or the board is reset. Where the
        host dies meanwhile, the board stops by itself within 0.1 s.

        Raises
        ------
        NotSupported
            On a board whose edges have no clock.
        OutOfRange
        """
        self._check_open()
        if self.info.self_trigger_hz is None:
            raise NotSupported("this board's gates have no clock of their own; use trigger().")
        if not 0.0 <= seconds <= _LONGEST_WAIT_S:
            raise OutOfRange(f"self_trigger of {seconds} s; allowed: 0 to {_LONGEST_WAIT_S:g} s.")
        self._pass(_SELF, seconds, longest_s=_SELF_TRIGGER_S)

    def wipers(self) -> IntArray:
        """Give the wiper positions, shape (E,), as counted; while the board runs a plan, those of its last block.

        All are -1 where edges have stepped by themselves since they were set: nobody knows then.
        """
        standing = self.sequencer.standing
        if standing is not None:
            self._check_open()
            return standing.copy()
        try:
            return self._integers(f"{_WIPERS}?", self.network.edge_count)
        except DeviceError as error:
            if error.code != SETTINGS_CONFLICT:
                raise
            return np.full(self.network.edge_count, -1)

    def set_wipers(self, positions: ArrayLike) -> None:
        """Set the wiper positions of both twins, shape (E,) or one for all.

        Raises
        ------
        OutOfRange
            For anything but integers 0 .. positions - 1.
        """
        top, edges = self.info.wiper_positions - 1, self.network.edge_count
        given = np.asarray(positions, dtype=np.float64)
        bad = given[(given != np.floor(given)) | ~((given >= 0) & (given <= top))]
        if bad.size:
            raise OutOfRange(f"wiper position {bad.flat[0]:g}; allowed: whole numbers 0 to {top}.")
        if given.shape not in ((), (edges,)):
            raise OutOfRange(f"wiper positions have shape {given.shape}; allowed: ({edges},) or one number.")
        self.exchange(f"{_WIPERS} {','.join(map(str, given.astype(np.int64).reshape(-1).tolist()))}")

    def home_wipers(self) -> None:
        """Drive every wiper to its low end and back: what was lost by counting is made good."""
        self.exchange(_HOME)

    # What it cannot do --------------------------------------------------------------------------------------------

    def _not_supported(self, why: str) -> NoReturn:
        self._check_open()
        raise NotSupported(why)

    def set_resistances(self, ohm: ArrayLike) -> None:
        """Not possible: there are wipers only."""
        self._not_supported(
            "this board has wipers only, its resistances cannot be set; use set_wipers, or a simulated board with "
            "preset=ideal for continuous resistances."
        )

    def snapshot(self) -> Snapshot:
        """Not possible: nobody knows the state of its noise."""
        self._not_supported("this board's state cannot be read out; a run on it resumes from its wipers.")

    def restore(self, snapshot: Snapshot) -> None:
        """Not possible."""
        self._not_supported("this board cannot be put back to a snapshot; a run on it resumes from its wipers.")

    # Plans, end ---------------------------------------------------------------------------------------------------

    def train(self, plan: Plan, first: int = 0, start_s: float | None = None) -> Iterator[Block]:
        """Let the board run a plan by itself; see `labnet_drivers.sequencer.Sequencer.train`."""
        self._check_open()
        return self.sequencer.train(plan, first, start_s)

    def train_many(self, plans: Sequence[Plan]) -> Iterator[Block]:
        """Not possible: there is one board."""
        self._not_supported("this board runs one plan at a time; use train.")

    def reset(self) -> None:
        """Abort a training, make the board safe, home its wipers, and forget all settings of the sequencer."""
        with self.link.lock:
            self.exchange(_RESET)
            self._arm(False)
            self.sequencer.forget()

    def safe(self) -> None:
        """Abort a training, put all sources and the gates' bias to 0 V: no edge steps. Never fails."""
        if self._open:
            with suppress(LabnetError), self.link.lock:
                self._arm(False)
                self.exchange(f"{_SAFE};:{self._watchdog_message(False)}")

    def _shut(self) -> None:
        self.safe()
        if self._open:
            self.link.close()
            _log.info("closed %s", self.address)
        self._open = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}, {'open' if self._open else 'closed'}>"


def _side(side: str) -> str:
    if side not in _SIDES:
        raise OutOfRange(f"side is {side!r}; allowed: 'free' or 'clamped'.")
    return _SIDES[side]
