"""A board with a task before it: all that rules do to boards goes through here."""

from collections.abc import Iterable
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from labnet.board import Board, Converter, Side, can_nudge
from labnet.errors import BoardError, NotSupported
from labnet.quantisation import Quantise, quantised
from labnet.rules.rule import States
from labnet.tasks import Task

FloatArray = NDArray[np.float64]


class Lab:
    """A board, and the training examples of a task: held, nudged, read.

    Parameters
    ----------
    board : Board
    task : Task
    settle_s : float
        Wait after every change of what is driven.
    seed : int
        Of what rules draw, and of stochastic rounding.
    quantise : {"nearest", "stochastic"}, optional
        Wipers are set instead of resistances, rounded so.

    Attributes
    ----------
    step : int
        Of the plan.
    eta : float
        Nudge of the step (Eq. 1).
    ohm : numpy.ndarray, shape (E,)
        Resistances as they are set, nominal ones where wipers are.
    seen : dict of numpy.ndarray, shape (n,)
        What was read last of each side in this step; NaN where nothing was.
    clipped : bool
        Whether a voltage was cut to the source's range in this step.
    """

    def __init__(
        self, board: Board, task: Task, settle_s: float = 1e-3, seed: int = 0, quantise: Quantise | None = None
    ) -> None:
        self.board, self.task, self.settle_s, self.seed, self.quantise = board, task, settle_s, seed, quantise
        self.network, self.law = board.network, board.info.law
        self.step, self.eta = 0, 1.0
        self.ohm: FloatArray = np.empty(0)
        self._outputs = np.array(task.outputs)
        self._ones = np.ones(board.network.node_count)
        self._readable = slice(None) if board.info.readable is None else list(board.info.readable)
        self._held = [task.held(row) for row in task.train.inputs]
        self._targets = task.train.targets
        self.begin(0, 1.0)

    def begin(self, step: int, eta: float) -> None:
        """Begin a step."""
        self.step, self.eta = step, eta
        self.seen: dict[Side, FloatArray] = {side: np.full(len(self._ones), np.nan) for side in ("free", "clamped")}
        self.clipped = False

    # Voltages ---------------------------------------------------------------------------------------------------

    def hold(self, example: int, clamped: bool = True) -> None:
        """Hold an example's inputs on both sides; with `clamped` the clamped outputs too, where they should come to."""
        held = self._held[example]
        self.board.drive("free", held)
        if clamped and not self.task.differential:
            held = held | dict(zip(self.task.outputs, self._targets[example].tolist(), strict=True))
        self.board.drive("clamped", held)
        if not clamped and "current" in self.board.info.nudges:  # by 0 A: so a simulated board knows what is to come,
            self.nudge("clamped", np.zeros(len(self.task.outputs)))  # and rounds all solves of a step alike

    def hold_free(self, example: int) -> None:
        """Hold an example's inputs on the free side, for rules that need no other."""
        self.board.drive("free", self._held[example])

    def hold_even(self, side: Side) -> float:
        """Hold inputs and grounds of a side at one voltage; gives it: it stands for 0 V, where nodes go below that."""
        middle_v = 0.5 * (self.board.info.source.v_min + self.board.info.source.v_max)
        self.board.drive(side, dict.fromkeys(self.task.inputs + self.task.grounds, middle_v))
        return middle_v

    def settle(self) -> None:
        """Wait for nodes to settle."""
        self.board.wait(self.settle_s)

    def read(self, side: Side) -> FloatArray:
        """Read all nodes of a side, (n,), and see that they are voltages, but those that cannot be read."""
        v = self.board.read(side)
        if v.shape != self._ones.shape or not isfinite(v[self._readable].dot(self._ones[self._readable])):
            raise BoardError(
                f"{self.board.address} read {v} on the {side} side; allowed: one finite voltage for each of "
                f"{len(self._ones)} nodes, NaN for those that info.readable leaves out. Look at the board's converter "
                "and its wiring."
            )
        self.seen[side] = v
        return v

    def outputs(self, side: Side = "free") -> FloatArray:
        """Read the outputs of a side, (O,)."""
        before = self.seen[side].copy()  # whoever read it has it too
        volts: FloatArray = self.read(side)[self._outputs]
        self.seen[side] = before  # what was not asked for is not known
        before[self._outputs] = volts
        return volts

    def wanted(self, example: int, outputs: FloatArray) -> FloatArray:
        """Give the voltages (O,) of the outputs, nearest to those, at which an example is solved."""
        return self.task.wanted(outputs, self._targets[example])

    def clamp(self, example: int, aim: FloatArray, free: FloatArray, eta: float) -> FloatArray:
        """Hold the clamped outputs between what free ones read and an aim, all (O,) (Eq. 1); gives these voltages."""
        volts, cut = clamp(eta, aim, free, self.board.info.source)
        self.clipped |= cut
        outputs = dict(zip(self.task.outputs, volts.tolist(), strict=True))
        self.board.drive("clamped", self._held[example] | outputs)
        return volts

    def nudge(
        self, side: Side, volts: FloatArray, shunts: FloatArray | None = None, nodes: Iterable[int] | None = None
    ) -> None:
        """Feed currents into the outputs of a side, or into other nodes, and join them to ground by conductances.

        In units of R_ref: `volts` / R_ref amperes, `shunts` / R_ref siemens.
        """
        board, at = can_nudge(self.board), self.task.outputs if nodes is None else tuple(nodes)
        if board is None:
            raise NotSupported(f"{self.board.address} has no nudge by currents; see labnet rules for what needs one.")
        r_ref = self.network.r_ref_ohm
        currents_a = dict(zip(at, (volts / r_ref).tolist(), strict=True))
        shunts_s = {} if shunts is None else dict(zip(at, (shunts / r_ref).tolist(), strict=True))
        board.nudge(side, currents_a, shunts_s)

    def states(self, free: FloatArray, nudged: FloatArray, weight: float = 1.0) -> States:
        """Put two states (n,) together."""
        return States(self.network, self.ohm, free, nudged, self.law, weight)

    def cost_of(self, example: int, outputs: FloatArray) -> float:
        """Give half the sum of the squares of the errors of outputs (O,), as read for an example, in V^2."""
        apart = outputs - self.wanted(example, outputs)
        return 0.5 * float(apart @ apart)

    def cost(self, examples: Iterable[int]) -> float:
        """Show examples on the free side; gives the sum of their `cost_of`."""
        total = 0.0
        for example in examples:
            self.hold_free(example)
            self.settle()
            total += self.cost_of(example, self.outputs())
        return total

    # Resistances ------------------------------------------------------------------------------------------------

    def place(self, ohm: FloatArray) -> FloatArray:
        """Set the resistances (E,), cut to the board's range, or the wipers next to them; gives what they are now."""
        info = self.board.info
        if self.quantise is None:
            self.ohm = np.clip(ohm, *(info.resistance_range_ohm or (0.0, np.inf)))
            self.board.set_resistances(self.ohm)
            return self.ohm
        wanted = (ohm - info.wiper_ohm) * (info.wiper_positions / info.end_to_end_ohm)
        return self.place_wipers(self._whole(wanted, self.quantise))

    def place_wipers(self, positions: NDArray[np.int64]) -> FloatArray:
        """Set the wipers (E,); gives the nominal resistances there."""
        self.board.set_wipers(positions)
        self.ohm = self.board.info.nominal_ohm(positions)
        return self.ohm

    def perturb(self, change_ohm: FloatArray) -> FloatArray:
        """Move the resistances by a change (E,) for a while, from where `ohm` is; gives the change really made.

        Wipers go to the nearest position, and ranges cut. `restore` puts all back.
        """
        info, ohm = self.board.info, self.ohm
        if self.quantise is None:
            moved = np.clip(ohm + change_ohm, *(info.resistance_range_ohm or (0.0, np.inf)))
            self.board.set_resistances(moved)
            return moved - ohm
        per_ohm = info.wiper_positions / info.end_to_end_ohm
        wanted = (ohm + change_ohm - info.wiper_ohm) * per_ohm
        positions = self._whole(wanted, "nearest")
        self.board.set_wipers(positions)
        return info.nominal_ohm(positions) - ohm

    def _whole(self, positions: FloatArray, how: Quantise) -> NDArray[np.int64]:
        return quantised(positions, how, self.board.info.wiper_positions, seed=self.seed, step=self.step)

    def restore(self) -> None:
        """Put the resistances back to where they were before `perturb`."""
        self.perturb(np.zeros_like(self.ohm))


def clamp(eta: float, desired: FloatArray, free: FloatArray, source: Converter) -> tuple[FloatArray, bool]:
    """Give the voltages to hold the clamped outputs at (Eq. 1), and whether any was cut to the source's range.

    V_C = eta V_D + (1 - eta) V_F; where the source has codes, in integers:
    c = clip((eta_q15 d + (32768 - eta_q15) f + 16384) >> 15), with eta_q15 = round(32768 eta).
    """
    if source.bits is None:
        nudged = eta * desired + (1.0 - eta) * free
        clipped = np.minimum(np.maximum(nudged, source.v_min), source.v_max)
        return clipped, clipped.tolist() != nudged.tolist()
    eta_q15 = round(eta * 32768)
    codes = (eta_q15 * source.nearest(desired) + (32768 - eta_q15) * source.codes(free) + 16384) >> 15
    cut = np.clip(codes, 0, source.top)
    return source.volts(cut), bool((cut != codes).any())
