"""Damage on purpose: one edge after another is removed in both twins, and the rest of the network learns on.

The physical network of Dillavou et al. (Phys. Rev. Applied 18, 014040, 2022) recovers as edges are removed. Here many do, beside
the same networks frozen where they were when the first edge went.
"""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labnet import plots
from labnet.analysis import median, medians, ratio_of_medians
from labnet.board import Board, open_board
from labnet.controller import Controller
from labnet.data import Data
from labnet.draws import Stream, draw
from labnet.figures.drawing import band, labelled, picture
from labnet.figures.figure import Figure, Findings, FloatArray, verdict
from labnet.plan import GlobalClock, Plan
from labnet.tasks import Allostery

IntArray = NDArray[np.int64]

_EVERY = 5  # steps between two measurements
_LATE = 5  # of the measurements between two removals, the last so many say where it ends


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
    learning, frozen, cut_off, tied = [], [], [], []
    for seed in range(settings.tasks):
        with open_board(_with(address, seed)) as sound:
            task = Allostery.sample(sound.network, inputs=2, outputs=2, seed=seed)
        edges = task.network.edge_count
        removed = np.argsort(draw(seed, Stream.ORDER, 0, np.arange(edges)))[: settings.removals].tolist()
        gone = [_life(task, set(removed[:k])) for k in range(settings.removals + 1)]
        cut_off.append(next((k for k, (connected, _) in enumerate(gone) if not connected), settings.removals + 1))
        tied.append(next((k for k, (_, free) in enumerate(gone) if not free), settings.removals + 1))
        plan = _plan(settings, task)
        errors, steps, wipers = _learned(settings, _with(address, seed), plan, removed)
        lost = task.cost(np.zeros_like(task.train.targets), task.train) / errors[0]
        errors = errors / errors[0]
        if cut_off[-1] <= settings.removals:
            errors[steps >= settings.before + (cut_off[-1] - 1) * settings.every] = lost
        still = [_frozen(_with(address, seed, removed[:k]), plan, wipers) for k in range(settings.removals + 1)]
        still = [lost if k >= cut_off[-1] else cost / still_start for k, cost in enumerate(still) for still_start in [_start(settings, address, seed, plan)]]
        learning.append(errors)
        frozen.append(still)
    return Curve(steps, np.array(learning), np.array(frozen), np.array(cut_off), np.array(tied))
