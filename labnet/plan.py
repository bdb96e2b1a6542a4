"""A whole training as data: task, order, eta, clock, rule, steps, times, what to log."""

from math import ceil, floor
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BeforeValidator, Field, model_validator

from labnet.data import Data, summary
from labnet.draws import Stream, draw, integers, uniform
from labnet.optimisers import Optimiser, Plain
from labnet.quantisation import Quantise
from labnet.rules import AnyRule, Discrete, HostRule
from labnet.tasks import KINDS, Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class GlobalClock(Data):
    """One trigger for all edges; each steps with probability p (wycoff2022, Eqs. 3 and 11).

    Parameters
    ----------
    p : float
        Update probability, 0 < p <= 1; 1 is synchronous.
    """

    kind: Literal["global"] = "global"
    p: float = Field(1.0, gt=0, le=1, description="a number above 0 and up to 1")

    def updates_per_step(self, self_trigger_hz: float | None) -> float:
        """Give how often an edge steps in a step of the plan, in the mean."""
        return self.p

    def __str__(self) -> str:
        return f"p = {self.p:g}"


class SelfTriggered(Data):
    """No trigger: each edge steps whenever its own oscillator falls through the bias (wycoff2022, discussion).

    A step of the plan shows one example for `dwell_s`. Nobody waits for anything to settle: edges step on what there
    is. Meanwhile the clamped outputs follow the free ones (Eq. 1), by a supervisor or an analogue circuit; with eta = 1
    there is nothing to follow, and neither is needed.

    Parameters
    ----------
    dwell_s : float
        How long an example is shown.
    clamp_period_s : float, optional
        The supervisor reads the free outputs and moves the clamp every so often, for the first time so long after the
        example was changed; until then clamped outputs are held at their targets (all the time, where it is `dwell_s`).
        `dwell_s` is a multiple of it.
    lag_s : float, optional
        Time constant of an analogue clamp, dV_C/dt = (eta V_D + (1 - eta) V_F - V_C) / lag_s. In simulation only.
    p : float
        Sets the bias, through the board's gate curve. Edges step once a period of their oscillators, whatever it is, if
        the oscillator swings through it at all.
    """

    kind: Literal["self"] = "self"
    dwell_s: float = Field(ge=1e-9, description="seconds, at least a nanosecond")
    clamp_period_s: float | None = Field(None, ge=1e-9, description="seconds, at least a nanosecond")
    lag_s: float | None = Field(None, gt=0, description="seconds, more than 0")
    p: float = Field(0.5, gt=0, lt=1, description="a number between 0 and 1")

    @model_validator(mode="after")
    def _one_clamp(self) -> Self:
        if self.clamp_period_s is None:
            return self
        if self.lag_s is not None:
            raise ValueError("clamp_period_s and lag_s are two clamps; give one of them")
        periods = self.dwell_s / self.clamp_period_s
        if abs(periods - round(periods)) > 1e-6 or periods < 0.5:
            raise ValueError(f"dwell_s is {periods:.6g} times clamp_period_s; allowed: a whole number of times")
        return self

    @property
    def stretches(self) -> list[float]:
        """How long the edges run by themselves between two moves of a supervisor's clamp, in seconds; one dwell.

        In whole nanoseconds, as a board's clock counts it at most, so that together they are not longer than the dwell.
        """
        count = 1 if self.clamp_period_s is None else round(self.dwell_s / self.clamp_period_s)
        return [floor(self.dwell_s * 1e9 / count + 1e-3) * 1e-9] * count

    def updates_per_step(self, self_trigger_hz: float | None) -> float:
        """Give how often an edge steps in a step of the plan, in the mean; NaN where its frequency is not known."""
        return self.dwell_s * (np.nan if self_trigger_hz is None else self_trigger_hz)

    def __str__(self) -> str:
        return f"self-triggered, dwell {self.dwell_s:g} s"


def _with_kind(clock: Any) -> Any:
    """Say of which kind the data of a clock is where it does not, by what only one of them has."""
    if not isinstance(clock, dict) or "kind" in clock:
        return clock
    return {**clock, "kind": "self" if clock.keys() & {"dwell_s", "clamp_period_s", "lag_s"} else "global"}


# A function as discriminator would be called when it is stored, too, where pydantic swallows Ctrl-C.
Clock = Annotated[
    Annotated[GlobalClock | SelfTriggered, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
    Field(description="GlobalClock or SelfTriggered, in a file a table like {p = 0.5} or {dwell_s = 0.01}"),
]


class LogSpaced(Data):
    """Steps 0, 1, 2, ... ever further apart: about `per_decade` in each factor of ten."""

    per_decade: int = Field(20, ge=1)


Positive = Annotated[int, Field(ge=1)]
Schedule = Positive | LogSpaced | tuple[Annotated[int, Field(ge=0)], ...]
Eta = Annotated[float, Field(gt=0, le=1)]
_SCHEDULE = "n (every n-th step, at least 1), {per_decade = n} (log-spaced) or a list of steps"


class Settings(Data):
    """All of a plan but its task; an experiment file has the same keys.

    Parameters
    ----------
    steps : int
        How many triggers.
    clock, rule
        When edges step, and how a step is decided.
    optimiser : Plain, Momentum or Adam
        What step is made of the change that a rule asks for.
    quantise : {"nearest", "stochastic"}, optional
        A rule that the host works out sets wipers, rounded so, instead of resistances.
    eta : float or sequence of float
        Nudge, 0 < eta <= 1, constant or one a step (Eq. 1).
    order : {"cyclic", "random"} or sequence of int
        Examples: in turn, drawn with the plan's seed, or as listed (the list starts again at its end).
    start : float or (float, float), optional
        Where every edge starts, or a range to draw from with the plan's seed: wiper positions where wipers are moved
        (left out: as the board stands), else resistances in units of R_ref (left out: 1).
    settle_s : float
        Wait after every change of what is driven.
    period_s : float, optional
        Steps start at t0 + k period_s. Left out: the shortest period that holds a step and a measurement.
    seed : int
        Of order, batches and start. The board's noise has the board's seed.
    log : int or LogSpaced or sequence of int
        Steps to record: every n-th, log-spaced, or as listed.
    detail : {"full", "short"}
        What a logged step holds: all nodes of both sides, directions, gates and wipers; or (short) the outputs as
        read in the free state and as held in the clamped one, directions and gates.
    measure : int or LogSpaced or sequence of int
        Steps before which train and test sets are measured; start and end are always measured.
    on_fault : {"ignore", "stop", "mask"}
        What to do about broken edges and nodes. "stop" and "mask" look for them, by measurement before the first step
        and in every record then: stop there, or go on with the broken edge masked (a broken node stops).
    masked : sequence of int
        Edges that never step.
    """

    steps: int = Field(ge=1, description="a whole number, at least 1")
    clock: Clock = GlobalClock()
    rule: AnyRule = Discrete()
    optimiser: Optimiser = Plain()
    quantise: Quantise | None = Field(None, description="'nearest', 'stochastic' or none")
    eta: Eta | tuple[Eta, ...] = Field(1.0, description="a number above 0 and up to 1, or a list of them, one a step")
    order: Literal["cyclic", "random"] | tuple[int, ...] = Field(
        "cyclic", description="'cyclic', 'random' or a list of examples"
    )
    start: float | tuple[float, float] | None = Field(None, description="a number, or [low, high] to draw from")
    settle_s: float = Field(1e-3, ge=0, le=1e8, description="seconds, 0 to 1e8")
    period_s: float | None = Field(None, ge=0, le=1e8, description="seconds, 0 to 1e8")
    seed: int = Field(0, description="a whole number")
    log: Schedule = Field(1, description=_SCHEDULE)
    detail: Literal["full", "short"] = Field("full", description="'full' or 'short'")
    measure: Schedule = Field(LogSpaced(), description=_SCHEDULE)
    on_fault: Literal["ignore", "stop", "mask"] = Field("ignore", description="'ignore', 'stop' or 'mask'")
    masked: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description="a list of edges")

    @property
    def method(self) -> str:
        """How it learns, in words: the rule, the optimiser, rounding and eta, as far as they are not as by default."""
        said = [summary(self.rule)]
        if not isinstance(self.optimiser, Plain):
            said.append(summary(self.optimiser))
        if self.quantise is not None:
            said.append(f"quantise {self.quantise}")
        if self.rule.uses_eta:
            said.append(f"eta = {self.eta:g}" if isinstance(self.eta, float) else "eta one a step")
        return ", ".join(said)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.eta, tuple) and len(self.eta) != self.steps:
            raise ValueError(
                f"eta has {len(self.eta)} values; allowed: one number, or one for each of {self.steps} steps"
            )
        if isinstance(self.rule, HostRule) and self.rule.batch is not None and self.order != "cyclic":
            raise ValueError(f"order is {self.order!r} with rule.batch; a batch has no order, leave one of them out")
        if isinstance(self.rule, HostRule) and self.detail == "short":
            raise ValueError(
                f"detail is 'short' with the {self.rule.name} rule, which needs all nodes; allowed: 'full', or the "
                "discrete rule"
            )
        if isinstance(self.order, tuple) and not self.order:
            raise ValueError("order is empty; allowed: 'cyclic', 'random' or a list of examples")
        if isinstance(self.rule, Discrete) and (self.quantise or not isinstance(self.optimiser, Plain)):
            key = "quantise" if self.quantise else "optimiser"
            raise ValueError(f"{key} is given with the discrete rule, whose comparators step wipers; leave it out")
        if isinstance(self.clock, SelfTriggered):
            self._consistent_without_trigger(self.clock)
        if self.on_fault != "ignore" and not (
            isinstance(self.clock, GlobalClock) and isinstance(self.rule, Discrete) and self.detail == "full"
        ):
            raise ValueError(
                f"on_fault is {self.on_fault!r}; allowed: 'ignore', or a global clock, the discrete rule and detail "
                "'full': records that show all currents of settled networks"
            )
        if self.masked and isinstance(self.clock, SelfTriggered):
            raise ValueError("masked names edges, which step by themselves with this clock; give a global clock")
        if isinstance(self.start, tuple) and self.start[0] > self.start[1]:
            raise ValueError(f"start is {list(self.start)}; allowed: the lower end first")
        return self

    def _consistent_without_trigger(self, clock: SelfTriggered) -> None:
        if not isinstance(self.rule, Discrete):
            raise ValueError(
                f"rule is {self.rule.name!r} with a self-triggered clock; allowed: 'discrete', which edges decide alone"
            )
        if clock.clamp_period_s is None and clock.lag_s is None and np.min(self.eta) < 1.0:
            raise ValueError(
                f"eta is {np.min(self.eta):g} and nothing moves the clamp; give clock.clamp_period_s or clock.lag_s, "
                "or eta = 1"
            )


class Plan(Settings):
    """A whole training as data: `Settings`, and the task.

    Raises
    ------
    PlanError
        Naming key, value and what is allowed.
    """

    task: Task

    @model_validator(mode="after")
    def _fits_task(self) -> Self:
        if self.task.kind not in KINDS:
            raise ValueError(f"task is a {type(self.task).__name__}; allowed: {', '.join(KINDS)}")
        if isinstance(self.order, tuple) and not all(0 <= k < len(self.task.train) for k in self.order):
            raise ValueError(
                f"order names examples {sorted(set(self.order))}; allowed: 0 to {len(self.task.train) - 1}"
            )
        if self.masked and max(self.masked) >= self.task.network.edge_count:
            raise ValueError(f"masked names edge {max(self.masked)}; allowed: 0 to {self.task.network.edge_count - 1}")
        if self.task.differential and isinstance(self.clock, SelfTriggered) and self.clock.clamp_period_s is None:
            raise ValueError(
                "clock has no clamp_period_s with a task of differences, whose clamp depends on what is read; give one"
            )
        least = self.least_period_s
        if self.period_s is not None and self.period_s < least * (1 - 1e-9):
            raise ValueError(
                f"period_s is {self.period_s:g} s; allowed: at least {least:g} s, which a step and a measurement of "
                "all examples take at this settle_s. Leave it out to have just that"
            )
        return self

    @property
    def least_period_s(self) -> float:
        """The shortest period that holds a step and a measurement of all examples."""
        return self._step_s + (len(self.task.train) + len(self.task.test)) * self._settle_s

    @property
    def _step_s(self) -> float:
        """How long the cycle of a step takes."""
        if isinstance(self.clock, SelfTriggered):
            return self.clock.dwell_s
        return self.rule.costs(self.task, len(self.task.train) if self.batched else 1).settlings * self._settle_s

    @property
    def _settle_s(self) -> float:
        """Give `settle_s` in whole nanoseconds, as a board's clock counts it at most."""
        return ceil(self.settle_s * 1e9 - 1e-3) * 1e-9

    @property
    def step_period_s(self) -> float:
        """The period in use, in whole nanoseconds."""
        period_s = self.least_period_s if self.period_s is None else self.period_s
        return round(period_s * 1e9) * 1e-9

    @property
    def slack_s(self) -> float:
        """What a period leaves after its step: measurements are made in it."""
        return self.step_period_s - self._step_s

    def eta_at(self, step: int) -> float:
        """Give the nudge of a step."""
        return self.eta[step] if isinstance(self.eta, tuple) else self.eta

    @property
    def moves(self) -> Literal["wipers", "resistances"]:
        """What learning moves."""
        return "resistances" if isinstance(self.rule, HostRule) and self.quantise is None else "wipers"

    def costs(self, steps: ArrayLike) -> IntArray:
        """Give what the first so many steps take, measurements aside: a row for each of `Costs`, shape (3, ...)."""
        done = np.asarray(steps, dtype=np.int64)
        if not self.batched or (isinstance(self.rule, HostRule) and self.rule.batch == 1.0):
            each = self.rule.costs(self.task, len(self.task.train) if self.batched else 1)
            return np.array([done * cost for cost in each])
        shown = np.append(0, np.cumsum(self.batches(0, int(done.max(initial=0))).sum(axis=1)))
        one, none = self.rule.costs(self.task, 1), self.rule.costs(self.task, 0)
        return np.array([done * b + shown[done] * (a - b) for a, b in zip(one, none, strict=True)])

    @property
    def batched(self) -> bool:
        """Whether a step shows a batch of examples instead of one."""
        return isinstance(self.rule, HostRule) and self.rule.batch is not None

    def examples_at(self, step: int) -> list[int]:
        """Give the training examples of a step: one, or those of its batch."""
        if self.batched:
            marks = self.batches(step, step + 1)[0]
            return [example for example in range(len(marks)) if marks[example]]
        if self.order == "cyclic":
            return [step % len(self.task.train)]
        return [int(self.examples(step, step + 1)[0])]

    def examples(self, first: int, last: int) -> IntArray:
        """Give the training example of each of the steps `first` .. `last` - 1, where a step shows one."""
        steps, count = np.arange(first, last), len(self.task.train)
        if self.order == "cyclic":
            return steps % count
        if self.order == "random":
            return integers(draw(self.seed, Stream.ORDER, steps, 0), count)
        return np.array(self.order)[steps % len(self.order)]

    def batches(self, first: int, last: int) -> NDArray[np.bool_]:
        """Mark the examples (B,) in the batch of each of the steps `first` .. `last` - 1, shape (steps, B)."""
        assert isinstance(self.rule, HostRule)
        assert self.rule.batch is not None
        steps, count = np.arange(first, last), len(self.task.train)
        z = draw(self.seed, Stream.BATCH, steps[:, None], np.arange(count))
        if not self.rule.fixed_batch:
            return uniform(z) < self.rule.batch
        size = max(1, round(self.rule.batch * count))
        marks = np.zeros(z.shape, dtype=np.bool_)
        np.put_along_axis(marks, np.argsort(z, axis=1, kind="stable")[:, :size], True, axis=1)
        return marks

    def starting_values(self) -> FloatArray | None:
        """Give `start` for every edge, shape (E,); None to leave the board as it stands."""
        start = self.start
        if start is None and self.moves == "resistances":
            start = 1.0
        if start is None:
            return None
        edges = self.task.network.edge_count
        if not isinstance(start, tuple):
            return np.full(edges, start)
        z = draw(self.seed, Stream.START, 0, np.arange(edges))
        if self.moves == "resistances":
            return start[0] + (start[1] - start[0]) * uniform(z)
        low, high = int(start[0]), int(start[1])
        return (low + integers(z, high - low + 1)).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain data, without the network."""
        return {**self.model_dump(mode="json", exclude={"task"}), "task": self.task.to_dict()}


def scheduled(schedule: Schedule, steps: int) -> NDArray[np.bool_]:
    """Mark the scheduled ones of steps 0 .. `steps` - 1, shape (steps,)."""
    marks = np.zeros(steps + 1, dtype=np.bool_)  # with the end, which log-spaced steps reach
    if isinstance(schedule, int):
        marks[::schedule] = True
    elif isinstance(schedule, LogSpaced):
        decades = np.log10(max(steps, 1))
        powers = np.logspace(0, decades, int(np.ceil(decades * schedule.per_decade)) + 1)
        marks[np.append(0, np.round(powers).astype(np.int64))] = True
    else:
        marks[[step for step in schedule if step <= steps]] = True
    return marks[:steps]
