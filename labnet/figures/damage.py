"""Damage on purpose: one edge after another is removed in both twins, and the rest of the network learns on.

The physical network of Dillavou et al. (Phys. Rev. Applied 18, 014040, 2022) recovers as edges are removed. Here many
networks lose edges, beside the same ones frozen where they were when the first edge went.
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labnet import plots
from labnet.addresses import open_board
from labnet.analysis import median, ratio_of_medians
from labnet.board import Board
from labnet.controller import Controller
from labnet.cycle import Cycle
from labnet.data import Data
from labnet.draws import Stream, draw
from labnet.figures.drawing import band, labelled, picture
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.plan import GlobalClock, Plan
from labnet.tasks import Allostery

IntArray = NDArray[np.int64]

_EVERY = 5  # steps between two measurements
_LATE = 5  # of the measurements between two removals, the last so many say where it ends
_FEW = 4  # edges of 16 at which learning and frozen networks are compared
_LEARNED = 0.1  # of the start's error: below it a task counts as learned


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    tasks : int
    before, every : int
        Steps until the first edge goes, and from one to the next.
    removals : int
        How many edges go.
    p : float
    start : int
        Wiper position where every edge starts.
    boards : dict of str to str
        Address by curve; each task gets a seed.
    """

    title: str = ""
    tasks: int = Field(ge=2)
    before: int = Field(ge=_EVERY * _LATE)
    every: int = Field(ge=_EVERY * _LATE)
    removals: int = Field(ge=1)
    p: float = Field(gt=0, le=1)
    start: int
    boards: dict[str, str] = Field(min_length=1)


class Curve(NamedTuple):
    """One board over many tasks; errors are costs over the cost at the very start.

    Attributes
    ----------
    learning : numpy.ndarray, shape (T, K)
        At `steps`. From where its outputs are cut off, a network's error is that of outputs at 0 V.
    frozen : numpy.ndarray, shape (T, removals + 1)
        With so many edges removed, all others as they stood before the first one went.
    cut_off, tied : numpy.ndarray, shape (T,)
        How many edges were gone when an output had no path to any source, and when one had paths to sources of one
        voltage alone, so that no learning moves it; more than `removals` where that did not happen.
    """

    steps: IntArray
    learning: FloatArray
    frozen: FloatArray
    cut_off: IntArray
    tied: IntArray


class Damaged(NamedTuple):
    """All curves by name, and what was asked for."""

    settings: Settings
    curves: dict[str, Curve]


def measure(given: dict[str, Any]) -> Damaged:
    """Train and damage."""
    settings = Settings(**given)
    return Damaged(settings, {name: _curve(settings, address) for name, address in settings.boards.items()})


def _curve(settings: Settings, address: str) -> Curve:
    found = [_network(settings, address, seed) for seed in range(settings.tasks)]
    learning, frozen, cut_off, tied = (np.array(each) for each in zip(*found, strict=True))
    return Curve(_steps(settings), learning, frozen, cut_off, tied)


def _network(settings: Settings, address: str, seed: int) -> tuple[FloatArray, FloatArray, int, int]:
    """Give a row of each array of a curve."""
    counts = range(settings.removals + 1)
    with open_board(_with(address, seed)) as sound:
        task = Allostery.sample(sound.network, inputs=2, outputs=2, seed=seed)
    order = np.argsort(draw(seed, Stream.ORDER, 0, np.arange(task.network.edge_count)))[: settings.removals].tolist()
    lives = [_life(task, order[:k]) for k in counts]
    cut_off, tied = (next((k for k in counts if lives[k] <= most), settings.removals + 1) for most in (0, 1))
    plan = Plan(
        task=task,
        steps=settings.before + settings.removals * settings.every,
        clock=GlobalClock(p=settings.p),
        start=settings.start,
        seed=seed,
        log=(settings.before,),
        measure=tuple(_steps(settings).tolist()),
    )
    with open_board(_with(address, seed, {edge: _goes(settings, k) for k, edge in enumerate(order)})) as board:
        costs, wipers = _trained(board, plan)
    frozen = np.empty(len(counts))
    for k in counts:
        with open_board(_with(address, seed, dict.fromkeys(order[:k], 0))) as board:
            board.set_wipers(wipers)
            frozen[k] = Cycle(board, plan).measure(0)[0].cost_v2
    lost = task.cost(np.zeros_like(task.train.targets), task.train)
    costs[_steps(settings) >= _goes(settings, cut_off - 1)] = lost
    frozen[cut_off:] = lost
    return costs / costs[0], frozen / costs[0], cut_off, tied


def _steps(settings: Settings) -> IntArray:
    """Give the steps before which errors are measured, and the end."""
    return np.arange(0, settings.before + settings.removals * settings.every + 1, _EVERY)


def _goes(settings: Settings, k: int) -> int:
    """Give after how many triggers edge number k of the order goes."""
    return settings.before + k * settings.every


def _with(address: str, seed: int, removed: dict[int, int] | None = None) -> str:
    """Give an address with a seed, and edges that are removed after so many triggers."""
    faults = ",".join(f"removed@{edge}:{trigger}" for edge, trigger in (removed or {}).items())
    return f"{address}{'&' if '?' in address else '?'}seed={seed}" + (f"&fault={faults}" if faults else "")


def _life(task: Allostery, removed: list[int]) -> int:
    """Give from how many voltages the worst output can still be fed: 0 if it is cut off, 1 if it is tied to one."""
    network = task.network
    a, b = np.delete(network.edges, removed, axis=0).T
    joined = coo_array((np.ones(len(a)), (a, b)), shape=(network.node_count, network.node_count))
    _, part = connected_components(joined, directed=False)
    held = task.held(task.train.inputs[0])
    return min(len({volts for node, volts in held.items() if part[node] == part[output]}) for output in task.outputs)


def _trained(board: Board, plan: Plan) -> tuple[FloatArray, IntArray]:
    """Give the cost at each measurement, and the wipers at the step that is logged."""
    controller = Controller(board, plan)
    controller.start()
    costs, wipers = [], np.empty(0, dtype=np.int64)
    for block in controller.paced_blocks(0):
        costs += [each.cost_v2 for each in block.errors]
        for record in block.records:
            if record.step < plan.steps:  # the closing record comes last
                wipers = record.wipers.astype(np.int64)
    return np.array(costs), wipers


def find(damaged: Damaged) -> Findings:
    """Say what an edge's loss does at once, what is learned back until the next one goes, and what freezing costs."""
    settings = damaged.settings
    tasks, removals, few = settings.tasks, settings.removals, min(settings.removals, _FEW)
    numbers: dict[str, Any] = {"tasks": tasks, "removed": list(range(removals + 1))}
    found, holds = list[str](), []
    for name, curve in damaged.curves.items():
        late, at_once = _late(settings, curve), _at_once(settings, curve)
        ends_below = np.median(late, axis=0) < _LEARNED
        last = int(np.argmin(ends_below)) - 1 if not ends_below.all() else removals
        better = np.mean(late < curve.frozen, axis=0)
        cut_off, tied = (float(np.mean(each <= removals)) for each in (curve.cut_off, curve.tied))
        gain = ratio_of_medians(curve.frozen[:, few], late[:, few])
        numbers[name] = {
            "learning": [median(each) for each in late.T],
            "frozen": [median(each) for each in curve.frozen.T],
            "at_once_over_before": [median(at_once[:, k] / late[:, k - 1]) for k in range(1, removals + 1)],
            "late_over_at_once": [median(late[:, k] / at_once[:, k]) for k in range(1, removals + 1)],
            "share_of_tasks_better_than_frozen": better.tolist(),
            "share_that_can_learn": [float(np.mean(curve.tied > k)) for k in range(removals + 1)],
            "cut_off_in_the_end": cut_off,
            "no_learning_moves_in_the_end": tied,
            "frozen_over_learning": gain,
        }
        found += [
            f"{name}: with {few} edges gone the error ends at {median(late[:, few])} of the start's, frozen "
            f"{median(curve.frozen[:, few])}, higher by a factor of {gain}; learning is better in {better[few]:.0%} of "
            f"{tasks} tasks",
            f"{name}: the median error ends below {_LEARNED:g} of the start's "
            + (f"up to {last} edges gone" if last >= 0 else "not even before an edge goes"),
            f"{name}: with {removals} edges gone {cut_off:.0%} of the networks have an output that is cut off, and "
            f"{tied:.0%} one that no learning moves (half of them with {np.median(curve.tied):g} gone)",
        ]
        holds.append(gain.low > 1.0)
    return Findings(numbers, tuple(found), verdict(*holds))


def _late(settings: Settings, curve: Curve) -> FloatArray:
    """Give where the error ends before each next removal, (T, removals + 1): the median of the last measurements."""
    ends = [_goes(settings, k) for k in range(settings.removals + 1)]
    return np.array([_median_of(curve, end - _LATE * _EVERY, end) for end in ends]).T


def _median_of(curve: Curve, first: int, end: int) -> FloatArray:
    at = (curve.steps >= first) & (curve.steps < end)
    return np.asarray(np.median(curve.learning[:, at], axis=1))


def _at_once(settings: Settings, curve: Curve) -> FloatArray:
    """Give the error right after each removal, before another step, (T, removals + 1); first that of the start."""
    return curve.learning[:, np.searchsorted(curve.steps, [0, *(_goes(settings, k) for k in range(settings.removals))])]


def draw_damage(damaged: Damaged, _: Findings) -> Picture:
    """Draw errors against steps, learning and frozen; below, which share of the networks can still learn."""
    settings = damaged.settings
    made, panels = picture(rows=2, columns=len(damaged.curves), sharex="col", height_ratios=[2.4, 1])
    (blue, red), width = plots.colours(2), len(damaged.curves)
    for k, (name, curve) in enumerate(damaged.curves.items()):
        above, below = panels[k], panels[width + k]
        band(above, curve.steps, curve.learning, blue, "learning on")
        gone = np.clip((curve.steps - settings.before) // settings.every + 1, 0, settings.removals)
        at = curve.steps >= settings.before
        band(above, curve.steps[at], curve.frozen[:, gone[at]], red, "frozen at the first loss")
        for removal in range(settings.removals):
            above.axvline(_goes(settings, removal), color="0.85", lw=0.6, zorder=0)
        above.set_yscale("log")
        labelled(above, "", "scaled error" if k == 0 else "", f"{name}, {settings.tasks} tasks", loc="lower right")
        for ends, colour, label in ((curve.cut_off, blue, "all outputs reached"), (curve.tied, red, "can learn")):
            share = np.array([np.mean(ends > count) for count in range(settings.removals + 1)])
            below.step(curve.steps, share[gone], color=colour, where="post", lw=1.2, label=label)
        below.set_ylim(-0.05, 1.05)
        labelled(below, "steps (an edge goes at each grey line)", "networks" if k == 0 else "", loc="lower left")
    return made


FIG_DAMAGE = Figure(
    "damage",
    "A network that goes on learning recovers as edges are removed one after another, until too few are left.",
    find,
    draw_damage,
    measure,
)
