"""Eqs. 5 and 6 side by side: the noise of leaving out edges and that of leaving out examples, along a training."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture

from labnet import analysis, plots
from labnet.analysis import median
from labnet.figures.drawing import band, labelled, picture
from labnet.figures.figure import Figure, Findings, FloatArray, Sweeps, completed, grouped, plan_of
from labnet.plan import Plan
from labnet.rules import Continuous
from labnet.sweeps import Sweep

_SHARE = 0.5  # p and b
_KINDS = ("edges (p = 0.5)", "examples (b = 0.5)")


def find(sweeps: Sweeps) -> Findings:
    """Compare size, number of directions and overlap of both covariances, at the start and at the end."""
    steps, values = _along(sweeps["all"])
    numbers: dict[str, Any] = {"tasks": len(values["overlap"]), "steps": steps.tolist(), "share": _SHARE}
    for name, samples in values.items():
        numbers[name] = {"first": median(samples[:, 0]), "last": median(samples[:, -1])}
    overlap, size = values["overlap"], values["size of " + _KINDS[1]]
    found = (
        f"noise of a step over its drift: edges {_words(values['size of ' + _KINDS[0]])}, examples {_words(size)}",
        f"directions: edges {_words(values['directions of ' + _KINDS[0]])}, examples "
        f"{_words(values['directions of ' + _KINDS[1]])}",
        f"overlap of the two: {_words(overlap)}",
    )
    alike = np.median(overlap, axis=0).min() > 0.9
    verdict = "holds" if alike else "holds in form: both are the covariance of a draw; not in direction"
    return Findings(numbers, found, verdict)


def _words(samples: FloatArray) -> str:
    return f"{median(samples[:, 0])} at the start, {median(samples[:, -1])} at the end"


def draw(sweeps: Sweeps, _: Findings) -> Picture:
    """Draw size, directions and overlap against steps."""
    steps, values = _along(sweeps["all"])
    made, panels = picture(columns=3)
    for axes, what, name in zip(
        panels, ("size", "directions"), ("noise of a step / its drift", "directions of the noise (of 16)"), strict=False
    ):
        for colour, kind in zip(plots.colours(2), _KINDS, strict=True):
            band(axes, steps + 1, values[f"{what} of {kind}"], colour, kind)
        axes.set_ylim(bottom=0)
        labelled(axes, "training steps + 1", name)
    band(panels[2], steps + 1, values["overlap"], plots.colours(3)[2], "")
    panels[2].set_ylim(0, 1)
    labelled(panels[2], "training steps + 1", "overlap of the two covariances", legend=False)
    for axes in panels:
        axes.set_xscale("log")
    return made


def _along(sweep: Sweep) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Give the logged steps, shape (S,), and for each of them what is compared, shape (T, S)."""
    rows: dict[str, list[list[float]]] = {}
    steps = np.empty(0)
    for point, part in grouped(completed(sweep, "final"), "point").items():
        plan = plan_of(sweep, int(point))
        states = part.pivot(index="step", columns="edge", values="resistance_ohm")
        steps = states.index.to_numpy(dtype=np.float64)
        compared = [_compare(plan, ohm) for ohm in states.to_numpy(dtype=np.float64)]
        for name in compared[0]:
            rows.setdefault(name, []).append([each[name] for each in compared])
    return steps, {name: np.array(each) for name, each in rows.items()}


def _compare(plan: Plan, ohm: FloatArray) -> dict[str, float]:
    """Compare both kinds of noise at one state."""
    assert isinstance(plan.rule, Continuous)
    examples = analysis.example_updates(plan.task, plan.rule, ohm, plan.eta_at(0))
    drift = examples.sum(axis=0)
    covariances = [analysis.step_covariance(parts, _SHARE) for parts in (analysis.edge_updates(drift), examples)]
    compared = {"overlap": analysis.overlap(*covariances)}
    measures: dict[str, Callable[[FloatArray], float]] = {
        "size": lambda each: float(np.sqrt(np.trace(each)) / np.linalg.norm(_SHARE * drift)),
        "directions": analysis.directions,
    }
    for what, measure in measures.items():
        compared |= {f"{what} of {kind}": measure(each) for kind, each in zip(_KINDS, covariances, strict=True)}
    return compared


EQ_6 = Figure(
    "eq6",
    "The diffusion of desynchronous updates (Eq. 6) plays the part of that of mini-batches (Eq. 5).",
    find,
    draw,
)
