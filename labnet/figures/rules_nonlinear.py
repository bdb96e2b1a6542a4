"""Whether edges that are no resistors learn what no linear network can: XOR, and a curve (Dillavou et al. 2024)."""

from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import betaincinv

from labnet import circuit, plots
from labnet.addresses import open_board
from labnet.analysis import Interval, cosine, gradient, median
from labnet.board import Board
from labnet.circuit import Law
from labnet.cores import core_count
from labnet.data import Data
from labnet.experiment import Experiment, merged
from labnet.figures.drawing import labelled, picture
from labnet.figures.figure import TASK, Figure, Findings, FloatArray, verdict
from labnet.figures.rules_states import estimate
from labnet.plan import Plan
from labnet.rules import HostRule, Lab
from labnet.sweeps import sweep
from labnet.sweeps.job import COMPLETE
from labnet.tasks import Differential

_LEARNED = 0.1  # of the least cost of linear networks: below it counts as learned
_ROUNDING = 1e-9  # by which a linear network may seem to be below that cost
_FAILED = 1e3  # what counts for a training that failed
_FLOOR = 1e-5  # costs below are drawn there
_CONTROL, _CLAIMED, _CONTRAST = "linear", "transistor", "coupled learning"  # what the statement is about


class Settings(Data):
    """What the file says.

    Parameters
    ----------
    board : str
        Address; its edges are added.
    first, networks : int
        Seed of the first network, and how many: each has terminals, resistances and examples drawn.
    longer : int
        Steps of the rule and the edges that the statement is about; its cost is looked at after as many as all others
        have, too.
    processes : int
        In which networks are trained; 0 trains them in this one.
    all : dict
        Keys of experiments that all trainings share.
    edges, tasks, rules : dict of str to dict
        Keys of ``[task]``, by law of the edges and by task; keys of experiments, by rule.
    """

    title: str = ""
    board: str
    first: int = Field(ge=0)
    networks: int = Field(ge=2)
    longer: int = Field(ge=1)
    processes: int = Field(default_factory=core_count, ge=0)
    all: dict[str, Any]
    edges: dict[str, dict[str, Any]] = Field(min_length=1)
    tasks: dict[str, dict[str, Any]] = Field(min_length=1)
    rules: dict[str, dict[str, Any]] = Field(min_length=1)


class Trained(NamedTuple):
    """Networks with the same edges and rule on the same kind of task; costs in units of the least of linear networks.

    Attributes
    ----------
    tasks : list of Differential
        T of them.
    law : labnet.circuit.Law
    steps : numpy.ndarray, shape (K,)
    costs : numpy.ndarray, shape (T, K)
        NaN from where a training failed.
    equal, final, test : numpy.ndarray, shape (T,)
        After as many steps as all have, and at the end; at the end of examples that were not shown, NaN where there are
        none. Infinite where a training failed.
    ohm : numpy.ndarray, shape (T, E)
        At the end; NaN where a training failed.
    cosines : numpy.ndarray, shape (T,)
        Of what the rule asks for at the end to the step against the gradient; NaN where a training failed.
    """

    tasks: list[Differential]
    law: Law
    steps: NDArray[np.int64]
    costs: FloatArray
    equal: FloatArray
    final: FloatArray
    test: FloatArray
    ohm: FloatArray
    cosines: FloatArray

    def read(self, at: int, inputs: FloatArray) -> FloatArray:
        """Give the differences (B,) that network `at` makes of inputs (B, I)."""
        task = self.tasks[at]
        ohm = self.ohm[at]
        volts = [circuit.node_voltages(task.network, ohm, task.held(row), law=self.law) for row in inputs]
        return task.differences(np.array(volts)[:, list(task.outputs)])[:, 0]


class Learned(NamedTuple):
    """What was trained, by task, edges and rule, and what was asked for."""

    settings: Settings
    trained: dict[tuple[str, str, str], Trained]


def measure(given: dict[str, Any]) -> Learned:
    """Train all networks with all rules on all tasks."""
    settings = Settings(**given)
    trained = {}
    with ProcessPoolExecutor(settings.processes, get_context("spawn")) if settings.processes else nullcontext() as pool:
        for kind, task in settings.tasks.items():
            for edges, levels in settings.edges.items():
                shared = settings.all | {
                    "board": f"{settings.board}?edges={edges}",
                    "task": {"kind": kind} | task | levels,
                }
                for rule, keys in settings.rules.items():
                    experiment = Experiment(**merged(shared, keys))
                    more = {"steps": settings.longer} if (edges, rule) == (_CLAIMED, _CONTRAST) else {}
                    equal_at = experiment.triggers
                    trained[kind, edges, rule] = _trained(settings, experiment.changed(more), equal_at, pool)
    return Learned(settings, trained)


def _trained(settings: Settings, experiment: Experiment, equal_at: int, pool: Executor | None) -> Trained:
    seeds = range(settings.first, settings.first + settings.networks)
    swept = sweep(experiment, {f"{TASK}, seed, board.seed": seeds}, executor=pool, progress=False)
    points, errors, final = (swept.frame(name) for name in ("points", "error", "final"))
    done = (points["status"] == COMPLETE).to_numpy()
    final = final[final["step"] == final["step"].max()]
    ohm = final.pivot(index=TASK, columns="edge", values="resistance_ohm").reindex(seeds).to_numpy(dtype=np.float64)
    ohm = np.where(done[:, None], ohm, np.nan)
    with open_board(experiment.board) as board:
        law, network = board.info.law, board.network
        plans = [experiment.changed({TASK: seed}).plan(network) for seed in seeds]
        cosines = np.array([_cosine(board, plan, at) for plan, at in zip(plans, ohm, strict=True)])
    tasks = [cast(Differential, plan.task) for plan in plans]
    least = np.array([least_linear_cost(task) for task in tasks])
    sets = {name: part.pivot(index=TASK, columns="step", values="cost_v2") for name, part in errors.groupby("set")}
    costs = {name: part.reindex(seeds).to_numpy(dtype=np.float64) / least[:, None] for name, part in sets.items()}
    steps = sets["train"].columns.to_numpy()
    equal = np.nan_to_num(costs["train"][:, np.searchsorted(steps, equal_at)], nan=np.inf)
    ends = {name: np.where(done, each[:, -1], np.inf) for name, each in costs.items()}
    test = ends.get("test", np.full(len(tasks), np.nan))
    return Trained(tasks, law, steps, costs["train"], equal, ends["train"], test, ohm, cosines)


def _cosine(board: Board, plan: Plan, ohm: FloatArray) -> float:
    """Give the cosine between what a rule follows on all examples and the exact gradient."""
    if np.isnan(ohm).any():
        return np.nan
    lab = Lab(board, plan.task)
    lab.place(ohm)
    examples = range(len(plan.task.train))
    follows = estimate(cast(HostRule, plan.rule), lab, cast(float, plan.eta), examples=examples)
    return float(cosine(follows, gradient(plan.task, ohm, law=board.info.law)))


def least_linear_cost(task: Differential) -> float:
    """Give the least cost in V^2 that any network of resistors can have, of the training examples.

    By superposition its differences are linear in the voltages that are held, so that the best of all linear functions
    is a bound. That for XOR is target^2 / 4.
    """
    inputs, targets = task.train.inputs, task.train.targets
    fit = inputs @ np.linalg.lstsq(inputs, targets)[0]
    return float(((fit - targets) ** 2).mean() / 4.0)


def share(succeeded: NDArray[np.bool_]) -> Interval:
    """Estimate a share from trials (T,), with the exact interval of Clopper and Pearson."""
    count, of = int(succeeded.sum()), len(succeeded)
    low = float(betaincinv(count, of - count + 1, 0.025)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 0.975)) if count < of else 1.0
    return Interval(count / of, low, high)


def find(learned: Learned) -> Findings:
    """Count what was learned; the statement is about coupled learning on transistors."""
    numbers: dict[str, Any] = {
        "learned_below": _LEARNED,
        "networks": learned.settings.networks,
        "seeds_from": learned.settings.first,
    }
    found, control, claimed = list[str](), list[bool](), dict[str, str]()
    for (kind, edges, rule), trained in learned.trained.items():
        numbers.setdefault(kind, {}).setdefault(edges, {})[rule] = _counted(trained.equal, trained)
        each = numbers[kind][edges][rule]
        found.append(f"{kind}, {edges}, {rule}: {_said(each)}")
        if edges == _CONTROL:
            control.append(bool(trained.equal.min() >= 1.0 - _ROUNDING))
        if (edges, rule) == (_CLAIMED, _CONTRAST):
            each["longer"] = {"steps": int(trained.steps[-1])} | _counted(trained.final, trained)
            found.append(f"{kind}, {edges}, {rule}, {trained.steps[-1]} steps: {_said(each['longer'])}")
            claimed[kind] = f"{(trained.final < _LEARNED).sum()} of {len(trained.final)}"
    some = [not each.startswith("0 ") for each in claimed.values()]
    counts = ", ".join(f"{kind} with {often}" for kind, often in claimed.items())
    control_says = "resistors never below the bound" if all(control) else "resistors below the bound"
    return Findings(numbers, tuple(found), f"{verdict(all(control), *some)}; {counts} networks drawn; {control_says}")


def _counted(final: FloatArray, trained: Trained) -> dict[str, Any]:
    """Give the numbers of final costs (T,) of networks."""
    costs = np.minimum(final, _FAILED)
    cosines = trained.cosines[(trained.final >= _LEARNED) & np.isfinite(trained.cosines)]
    return {
        "cost_over_linear": costs.tolist(),
        "median": median(costs),
        "learned": share(costs < _LEARNED),
        "below_linear": share(costs < 1.0 - _ROUNDING),
        "failed": int(np.isinf(final).sum()),
        "test_over_linear": None if np.isnan(trained.test).any() else median(np.minimum(trained.test, _FAILED)),
        "cosine_where_not_learned": median(cosines) if len(cosines) > 1 else cosines.tolist(),
    }


def _said(numbers: dict[str, Any]) -> str:
    """Say how many networks learned, and how far the others are from the gradient."""
    of = len(numbers["cost_over_linear"])
    said = f"learned by {numbers['learned'].value * of:.0f} of {of}, a share of {numbers['learned']}; "
    said += f"{numbers['below_linear'].value * of:.0f} below the bound, cost {numbers['median']} of it"
    if isinstance(cosines := numbers["cosine_where_not_learned"], Interval):
        said += f"; cosine to the gradient at the end, where not learned, {cosines}"
    return said + (f"; {numbers['failed']} failed" if numbers["failed"] else "")


def draw(learned: Learned, _: Findings) -> Picture:
    """Draw for each task the final costs, costs against steps, and what one network of each kind has learned."""
    kinds = list(learned.settings.tasks)
    made, panels = picture(rows=len(kinds), columns=3)
    for row, kind in enumerate(kinds):
        left, middle, right = panels[3 * row : 3 * row + 3]
        letters = "abcdef"[3 * row :]
        _draw_final(left, learned, kind, f"{letters[0]}  {kind}, after equally many steps; bars: medians")
        _draw_steps(middle, learned, kind, f"{letters[1]}  {_CONTRAST}: each network")
        _draw_read(right, learned, kind, f"{letters[2]}  {_CONTRAST}: the best network of each")
    return made


def _draw_final(axes: Axes, learned: Learned, kind: str, title: str) -> None:
    edges, rules = list(learned.settings.edges), list(learned.settings.rules)
    for k, (colour, marker, rule) in enumerate(zip(plots.colours(len(rules)), "os^Dv", rules, strict=False)):
        for x, each in enumerate(edges):
            costs = np.clip(learned.trained[kind, each, rule].equal, _FLOOR, _FAILED)
            at = x + 0.24 * (k - (len(rules) - 1) / 2)
            axes.plot(
                np.full(len(costs), at),
                costs,
                marker,
                color=colour,
                ms=3.5,
                alpha=0.6,
                mew=0,
                label=rule if x == 0 else None,
            )
            axes.hlines(np.median(costs), at - 0.09, at + 0.09, color=colour, lw=1.5)
    axes.set_xticks(range(len(edges)), edges)
    _bounds(axes)
    labelled(
        axes,
        "edges",
        "cost / least of linear networks",
        title,
        loc="lower left",
    )


def _draw_steps(axes: Axes, learned: Learned, kind: str, title: str) -> None:
    edges = list(learned.settings.edges)
    for colour, each in zip(plots.colours(len(edges)), edges, strict=True):
        trained = learned.trained[kind, each, _CONTRAST]
        lines = axes.plot(trained.steps, np.maximum(trained.costs.T, _FLOOR), color=colour, lw=0.9, alpha=0.8)
        lines[0].set_label(each)
    _bounds(axes)
    labelled(axes, "steps", "", title, loc="lower left")


def _bounds(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.axhline(1.0, color="0.3", lw=1, ls="--")
    axes.axhline(_LEARNED, color="0.6", lw=1, ls=":")


def _draw_read(axes: Axes, learned: Learned, kind: str, title: str) -> None:
    """Draw differences over the largest target: XOR's truth table, or the curve."""
    edges = list(learned.settings.edges)
    for k, (colour, each) in enumerate(zip(plots.colours(len(edges)), edges, strict=True)):
        trained = learned.trained[kind, each, _CONTRAST]
        best = int(np.argmin(trained.final))
        if np.isinf(trained.final[best]):
            continue
        task, levels = trained.tasks[best], learned.settings.edges[each]
        label = f"{each}, network {learned.settings.first + best}"
        if kind == "xor":
            at = np.arange(len(task.train)) + 0.25 * (k - (len(edges) - 1) / 2)
            axes.bar(at, trained.read(best, task.train.inputs) / levels["target_v"], 0.22, color=colour, label=label)
            continue
        x = np.linspace(0.0, 1.0, 41)
        inputs = np.tile(task.train.inputs[0], (len(x), 1))
        inputs[:, 0] = levels["high_v"] * x
        axes.plot(x, trained.read(best, inputs) / levels["target_v"], color=colour, label=label)
        axes.plot(
            task.train.inputs[:, 0] / levels["high_v"], task.train.targets / levels["target_v"], "o", color=colour, ms=3
        )
    if kind == "xor":
        corners = ["0 0", "0 1", "1 0", "1 1"]
        axes.set_xticks(range(4), corners)
        axes.hlines([-1, 1, 1, -1], np.arange(4) - 0.45, np.arange(4) + 0.45, color="black", lw=1, label="wanted")
        axes.axhline(0.0, color="0.6", lw=0.8)
        axes.set_ylim(-1.9, 1.5)
        labelled(axes, "inputs", "(V+ - V-) / target", title, loc="lower center", ncols=2)
        return
    x = np.linspace(0.0, 1.0, 101)
    axes.plot(x, 2.0 * (2.0 * x - 1.0) ** 2 - 1.0, color="black", lw=1, ls="--", label="wanted")
    labelled(axes, "input / high level; dots: examples", "(V+ - V-) / target", title, loc="upper center")


FIG_NONLINEAR = Figure(
    "rules-nonlinear",
    "A network of transistors learns XOR and a nonlinear regression by the contrast rule, which no linear network can "
    "(Dillavou et al., PNAS 2024).",
    find,
    draw,
    measure,
)
