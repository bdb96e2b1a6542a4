"""What a page or a terminal shows of a network: where it stands at a step, and how often its gates were open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik

from labnet.plan import GlobalClock
from labnet.runs import Run


@dataclass(frozen=True)
class NetworkState:
    """The network at a logged step; NaN, or -1 in integers, where something was not logged.

    Attributes
    ----------
    step : int
        Where wipers and resistances stand just before; -1 where nothing is logged yet.
    voltages_step : int
        The step of all else: the same, or the last one before a closing record, which has positions alone.
    time_s : float
    example : int
    clipped : bool
    v_free, v_clamped : numpy.ndarray, shape (n,)
    ohm : numpy.ndarray, shape (E,)
        Nominal resistances of the wipers, or those that were set.
    wipers, directions, enabled : numpy.ndarray of int, shape (E,)
    """

    step: int
    voltages_step: int
    time_s: float
    example: int
    clipped: bool
    v_free: NDArray[np.float64]
    v_clamped: NDArray[np.float64]
    ohm: NDArray[np.float64]
    wipers: NDArray[np.int64]
    directions: NDArray[np.int64]
    enabled: NDArray[np.int64]


@dataclass(frozen=True)
class GateStatistics:
    """How often gates were open, over the latest logged steps.

    Attributes
    ----------
    count : int
        Logged steps.
    share : numpy.ndarray, shape (E,)
        In which share of them the gate of an edge was open; NaN of those that are masked, which do not learn.
    p : float
        What it should be.
    low, high : float
        Where 95 % of the shares lie that gates with p give.
    edges_per_trigger : float
        Mean number of open gates.
    """

    count: int
    share: NDArray[np.float64]
    p: float
    low: float
    high: float
    edges_per_trigger: float

    @property
    def mean(self) -> float:
        """Mean share."""
        return float(np.nanmean(self.share))

    @property
    def learning(self) -> int:
        """How many edges are not masked."""
        return int(np.isfinite(self.share).sum())

    @property
    def outside(self) -> int:
        """How many edges were open so often, or so seldom, as 5 % at most should be."""
        return int(np.count_nonzero((self.share < self.low) | (self.share > self.high)))


def masked_edges(findings: Iterable[Mapping[str, Any]]) -> list[int]:
    """Give the edges that are masked, by `labnet.Run.findings`."""
    return sorted({each["index"] for each in findings if each["action"] == "masked"})


def at_ends(run: Run, step: int) -> int:
    """Count the wipers that stand at an end at a logged step."""
    wipers = run.array("wipers", [step])[0]
    return int(np.count_nonzero((wipers == 0) | (wipers == run.meta["board"]["wiper_positions"] - 1)))


def state_of(run: Run, step: int) -> NetworkState:
    """Read the network at a logged step, or at the last one before it."""
    with run.at_one_moment():
        return _state_of(run, run.steps_before(step, 2)[::-1])


def _state_of(run: Run, steps: NDArray[np.int64]) -> NetworkState:
    """Read the network at a logged step; of a closing record, voltages and gates at the one before it."""
    if not len(steps):
        return _unknown(run)
    v_free, v_clamped, directions, enabled = (
        run.array(field, steps) for field in ("v_free", "v_clamped", "directions", "enabled")
    )
    # A rule may read the clamped side alone, and of batches no voltages are logged.
    read = ~(np.isnan(v_free) & np.isnan(v_clamped)).all(axis=1)
    seen = int(np.argmax(read | (enabled >= 0).any(axis=1)))
    example, time_s, clipped = run.logged(steps[seen])
    return NetworkState(
        step=int(steps[0]),
        voltages_step=int(steps[seen]),
        time_s=time_s,
        example=example,
        clipped=clipped,
        v_free=v_free[seen],
        v_clamped=v_clamped[seen],
        ohm=run.resistances_ohm(steps[:1])[0],
        wipers=run.array("wipers", steps[:1])[0].astype(np.int64),
        directions=directions[seen].astype(np.int64),
        enabled=enabled[seen].astype(np.int64),
    )


def _unknown(run: Run) -> NetworkState:
    nodes, edges = np.full(run.network.node_count, np.nan), np.full(run.network.edge_count, -1)
    return NetworkState(-1, -1, np.nan, -1, False, nodes, nodes, np.full(len(edges), np.nan), edges, edges, edges)


def gates_of(run: Run, last: int) -> GateStatistics | None:
    """Count open gates over the last logged steps; None where nobody latches them, or none is logged."""
    if not isinstance(run.plan.clock, GlobalClock):
        return None
    masked = masked_edges(run.findings)
    enabled = run.array("enabled", run.steps_before(run.plan.steps, last))
    enabled = enabled[(enabled >= 0).all(axis=1)]
    if not len(enabled) or len(masked) == run.network.edge_count:
        return None
    share = enabled.mean(axis=0)
    share[masked] = np.nan
    count, p = len(enabled), run.plan.clock.p
    return GateStatistics(count, share, p, *_binomial_band(count, p), float(enabled.sum(axis=1).mean()))


def _binomial_band(count: int, p: float) -> tuple[float, float]:
    """Give between which shares 95 % of `count` draws with probability p lie."""
    if p == 1:
        return 1.0, 1.0
    low, high = np.maximum(np.ceil(bdtrik([0.025, 0.975], count, p)), 0.0) / count
    return float(low), float(high)
