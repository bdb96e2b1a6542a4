"""What p does to the discrete rule, predicted from linear response and mean drift: two constants are measured.

Three numbers decide. The bias sigma of the comparators sets a floor that p does not change: all wipers drift to the
top, but for the few that the task holds down. One synchronous step of all edges swings the outputs, by an amount that
sets a floor of its own. And with a single example these swings lock: where both ends of the swing show a typical
comparator more than its bias, all edges step up and down for ever (p = 1) and the wipers stay where they started.
Several examples hold them, too, where the swings are larger still.
See docs/when-desynchrony-helps.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet import circuit
from labnet.errors import AnalysisError
from labnet.tasks import Task

FloatArray = NDArray[np.float64]

LOCKED = 0.5  # Lambda above which synchronous training is caught where it starts, with one example: measured
SLOW = 3.0  # above which several examples hold it there, too, for 3000 steps and more: measured
_DRIFTS, _SETTLES = 250, 250  # rounds of the mean drift, with whole steps and with ever smaller ones
_LEAST_STEP = 0.02
_DEAD = 1e-9  # drops below this share of the largest one are none
_SOLVED = 1e-9  # errors below this share of the drops are none


class Bias(NamedTuple):
    """The comparators' sigma, uniform from `low_v` to `high_v` at every trigger; each (E,) or one for all.

    Where both are the same, sigma is known and does not change: that of each edge, as a calibration finds it.
    """

    low_v: float | FloatArray
    high_v: float | FloatArray

    def down(self, gap_v: FloatArray) -> FloatArray:
        """Give how likely edges step down whose free drops exceed the clamped ones by `gap_v`, shape (M, E)."""
        width = np.asarray(self.high_v, dtype=np.float64) - self.low_v
        over = gap_v - self.low_v
        share = np.divide(over, width, out=np.where(over > 0.0, 1.0, 0.0), where=width > 0.0)
        return np.clip(share, 0.0, 1.0)

    @property
    def largest_v(self) -> float:
        """The largest sigma of a typical edge."""
        return float(np.median(np.abs(self.high_v)))


class Pot(NamedTuple):
    """The wipers' range: R(k) = wiper_ohm + k step_ohm for k from 0 to positions - 1."""

    positions: int = 128
    step_ohm: float = 10e3 / 128
    wiper_ohm: float = 40.0

    def ohm(self, wipers: ArrayLike) -> FloatArray:
        """Give resistances at wiper positions, which need not be whole."""
        return np.asarray(self.wiper_ohm + np.asarray(wipers, dtype=np.float64) * self.step_ohm)


class Response(NamedTuple):
    """What a network does at one state, linearised.

    Attributes
    ----------
    free_v : numpy.ndarray, shape (M, E)
        Free drops for every training example.
    errors_v : numpy.ndarray, shape (M, O)
        Free outputs less their targets.
    slopes : numpy.ndarray, shape (M, E, O)
        dV_o / dR_e of the free outputs, in volts per ohm.
    clamped : numpy.ndarray, shape (E, O)
        Drops per volt at an output, all other terminals at 0 V.
    """

    free_v: FloatArray
    errors_v: FloatArray
    slopes: FloatArray
    clamped: FloatArray


class Swing(NamedTuple):
    """The two-cycle of a network whose edges all step together, by linear response.

    Attributes
    ----------
    outputs_v : numpy.ndarray, shape (M, O)
        How far outputs swing, from end to end.
    contrast_v : float
        By how much the clamped and the free drop of an edge differ at the ends, at eta = 1: the median over edges.
    edges : float
        Over how many edges the swing is spread: (sum of their parts)^2 over the sum of squares.
    """

    outputs_v: FloatArray
    contrast_v: float
    edges: float


def response(task: Task, ohm: ArrayLike) -> Response:
    """Linearise a network at resistances (E,).

    Raises
    ------
    CircuitError
        As `labnet.circuit.transfer_matrix`.
    AnalysisError
        For a task of differences, whose clamp depends on both nodes.
    """
    if task.differential:
        raise AnalysisError("the task is of differences; allowed: targets at single nodes.")
    network, resistances = task.network, np.asarray(ohm, dtype=np.float64)
    first, second = network.ends
    outputs, rim = list(task.outputs), task.inputs + task.grounds
    held = task.held_v(task.train.inputs)
    free = held @ circuit.transfer_matrix(network, resistances, rim).T
    drops = circuit.edge_drops(network, free)
    of_outputs = circuit.transfer_matrix(network, resistances, rim + task.outputs)[:, len(rim) :]
    clamped = circuit.edge_drops(network, of_outputs.T).T
    currents = clamped / resistances[:, None]
    fed = np.zeros((network.node_count, len(outputs)))
    np.add.at(fed, first, currents)
    np.add.at(fed, second, -currents)
    per_ampere = clamped @ np.linalg.inv(fed[outputs])
    slopes = drops[:, :, None] * (per_ampere / resistances[:, None] ** 2)[None]
    return Response(drops, free[:, outputs] - task.train.targets, slopes, clamped)


def swing(at: Response, step_ohm: float) -> Swing:
    """Find the two-cycle of all edges together: errors e = -w / 2, with w what the steps at errors e add up to."""
    outputs_v, contrasts, spread = [], [], []
    for drops, errors, slopes in zip(at.free_v, at.errors_v, at.slopes, strict=True):
        alive = np.abs(drops) > _DEAD * np.abs(drops).max(initial=1e-300)
        parts = np.zeros_like(slopes)
        for _ in range(50):
            up = np.where(-np.sign(drops) * (at.clamped @ errors) > 0.0, 1.0, -1.0)
            parts = step_ohm * slopes * (up * alive)[:, None]
            before, errors = errors, -0.5 * parts.sum(axis=0)
            if np.allclose(before, errors, rtol=1e-6, atol=0.0):
                break
        w = parts.sum(axis=0)
        outputs_v.append(w)
        contrasts.append(np.median(np.abs(at.clamped @ w)[alive]) / 2.0 if alive.any() else 0.0)
        squares = float((parts**2).sum())
        spread.append(float(w @ w) / squares if squares > 0.0 else 1.0)
    return Swing(np.array(outputs_v), float(np.median(contrasts)), float(np.median(spread)))


class Rest(NamedTuple):
    """Where a long training comes to rest.

    Attributes
    ----------
    wipers : numpy.ndarray, shape (E,)
        Not whole.
    cost_v2 : float
        The cost there, which the bias leaves.
    swing : Swing
    """

    wipers: FloatArray
    cost_v2: float
    swing: Swing


def drift(task: Task, bias: Bias, eta: float, pot: Pot | None = None) -> Rest:
    """Follow the mean step of every edge to where it rests: dk/d(steps x p) = 1 - 2 P(down), the mean over examples.

    It begins at the top and takes whole steps first, then ever smaller ones, so that what is left is the bias's. Where
    training starts makes no difference to it.
    """
    pot = pot or Pot()
    network, top = task.network, pot.positions - 1.0
    outputs, rim = list(task.outputs), task.inputs + task.grounds
    held = task.held_v(task.train.inputs)
    wipers = np.full(network.edge_count, top)
    shrinking = _LEAST_STEP ** (np.arange(_SETTLES) / _SETTLES)
    costs: list[float] = []
    for step in np.append(np.ones(_DRIFTS), shrinking) * (pot.positions / 128.0):
        ohm = pot.ohm(wipers)
        free = held @ circuit.transfer_matrix(network, ohm, rim).T
        errors = free[:, outputs] - task.train.targets
        costs.append(float(np.mean(errors**2)))
        nudged = np.hstack([held, free[:, outputs] - eta * errors])
        clamped = nudged @ circuit.transfer_matrix(network, ohm, rim + task.outputs).T
        gap = np.abs(circuit.edge_drops(network, free)) - np.abs(circuit.edge_drops(network, clamped))
        wipers = np.clip(wipers + step * (1.0 - 2.0 * bias.down(gap).mean(axis=0)), 0.0, top)
    cost_v2 = float(np.median(costs[-_SETTLES // 5 :]))
    return Rest(wipers, cost_v2, swing(response(task, pot.ohm(wipers)), pot.step_ohm))


@dataclass(frozen=True)
class Prediction:
    """What a long discrete training is expected to end at; errors are scaled by that at the start.

    Attributes
    ----------
    lock : float
        Lambda: contrast of the start's two-cycle, times eta, over the largest sigma.
    locks : bool
        Whether p = 1 stays where it starts: with a single example above `LOCKED`, with several above `SLOW`.
    cost_v2 : float
        The cost at the start.
    bias_error : float
        The floor that sigma sets, whatever p.
    start_error, end_error : float
        What swings of all edges together leave, where it starts and where wipers come to rest.
    edges : float
        `Swing.edges`, there.
    start, top : float
        Resistances in steps (R / r0): the mean at the start, and the highest.
    """

    lock: float
    locks: bool
    cost_v2: float
    bias_error: float
    start_error: float
    end_error: float
    edges: float
    start: float
    top: float

    def share(self, p: float) -> float:
        """Give which share of the swings' error is left at p: p^2 + (1 - p) / edges."""
        return p**2 + (1.0 - p) / self.edges

    def error(self, p: float) -> float:
        """Give the expected final scaled error at update probability p."""
        if p == 1.0 and self.locks:
            return self.start_error
        return self.bias_error + self.share(p) * self.end_error

    def steps_p(self, p: float) -> float:
        """Give how many steps x p the way to the top takes, roughly; infinity where it is locked.

        Edges whose contrast is below their bias go up for sure, and others up and down alike: the mean step is
        1 / (2 Lambda sqrt(share)), at most 1, with Lambda falling as 1 / R on the way.
        """
        if p == 1.0 and self.locks:
            return float("inf")
        slow = 2.0 * self.lock * np.sqrt(self.share(p)) * self.start
        return float(slow * np.log(self.top / self.start) + self.top - self.start)


def predict(
    task: Task, bias: Bias, eta: float, start: ArrayLike, pot: Pot | None = None, rest: Rest | None = None
) -> Prediction:
    """Predict a training by the discrete rule.

    Parameters
    ----------
    task : Task
    bias : Bias
    eta : float
    start : array_like, shape () or (E,)
        Wiper positions at the start.
    pot : Pot, optional
        The AD5220 of 10 kohm.
    rest : Rest, optional
        What `drift` gives for the same task, bias, eta and pot, where it is known.

    Raises
    ------
    AnalysisError
        For a task of differences, and one that is solved at the start.
    CircuitError
        For a network that cannot be solved.
    """
    pot = pot or Pot()
    ohm = np.broadcast_to(pot.ohm(start), task.network.edge_count)
    begun = response(task, ohm)
    cost_v2 = float(np.mean(begun.errors_v**2))
    if not cost_v2 > _SOLVED**2 * float(np.mean(begun.free_v**2)):
        raise AnalysisError("the task is solved where it starts; give another start or task.")
    first = swing(begun, pot.step_ohm)
    last = rest or drift(task, bias, eta, pot)
    lock = eta * first.contrast_v / bias.largest_v if bias.largest_v else float("inf")
    return Prediction(
        lock=lock,
        locks=lock > (LOCKED if len(task.train) == 1 else SLOW),
        cost_v2=cost_v2,
        bias_error=last.cost_v2 / cost_v2,
        start_error=float(np.mean(first.outputs_v**2)) / 4.0 / cost_v2,
        end_error=float(np.mean(last.swing.outputs_v**2)) / 4.0 / cost_v2,
        edges=last.swing.edges,
        start=float(np.mean(ohm)) / pot.step_ohm,
        top=float(pot.ohm(pot.positions - 1)) / pot.step_ohm,
    )
