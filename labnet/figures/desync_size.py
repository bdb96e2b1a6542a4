"""How the floors and the lock of docs/when-desynchrony-helps.md go with the size of a network."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from numpy.typing import ArrayLike
from scipy.special import stdtrit
from scipy.stats import linregress

from labnet import plots
from labnet.analysis import Interval, median
from labnet.desynchrony import LOCKED, Bias, predict
from labnet.figures.desync import SIGMA, P, by_setting, s_of
from labnet.figures.desync_cycles import WIPER, Cycle, cycles, tasks_of
from labnet.figures.drawing import intervals, labelled, picture
from labnet.figures.figure import (
    TASK,
    Figure,
    Findings,
    FloatArray,
    Sweeps,
    completed,
    late_error,
    verdict,
    wide,
)
from labnet.sweeps import Sweep
from labnet.tasks import Task

_START = "start"
_SIZES = (16, 45, 143, 480, 2000)  # about: graphs of these are compared with each other
_PREDICTED_V = 0.005  # sigma at which the bias floor is predicted,
_PREDICTED_TASKS, _NODES_2 = 12, 400_000  # for so many tasks, fewer where (nodes)^2 x tasks is larger: it takes long
_LOW, _MIDDLE = 4.0, 64.0  # starts
_BINS = np.logspace(-2.5, 1.5, 13)  # of Lambda
_MARKERS = "osD^v"


class Graph(NamedTuple):
    """What a curve of the figure gives.

    Attributes
    ----------
    name : str
    edges : int
    ground : bool
    trained : pandas.DataFrame
        A row a training: sigma, start, p, task, "scaled_error", "wiper" (mean position at the end), "settled" (error in
        the third quarter over that in the last).
    cycle : Cycle
    predicted : pandas.Series
        Predicted error at the lowest p, from midscale, by task.
    """

    name: str
    edges: int
    ground: bool
    trained: pd.DataFrame
    cycle: Cycle
    predicted: pd.Series


def _graph(name: str, sweep: Sweep) -> Graph:
    columns, tasks = list(sweep.over.columns), tasks_of(sweep)
    first = next(iter(tasks.values()))
    trained = late_error(sweep, "train").merge(_ends(sweep), on="point").merge(_settled(sweep), on="point")
    return Graph(
        name,
        first.network.edge_count,
        bool(first.grounds),
        trained[[*columns, "scaled_error", "wiper", "settled"]],
        cycles(tasks.values(), sweep.experiment.task.v_max),  # type: ignore[union-attr]
        _predicted(tasks, trained[P].min()),
    )


def _predicted(tasks: Mapping[int, Task], p: float) -> pd.Series:
    first = next(iter(tasks.values()))
    count = min(_PREDICTED_TASKS, _NODES_2 // first.network.node_count**2)
    bias, found = Bias(0.0, _PREDICTED_V), {}
    for seed in list(tasks)[:count]:
        found[seed] = predict(tasks[seed], bias, 1.0, _MIDDLE).error(p)
    return pd.Series(found, dtype=np.float64)


def _ends(sweep: Sweep) -> pd.DataFrame:
    """Give the mean position of the wipers at the end of every training."""
    return completed(sweep, "final").groupby("point")["wiper"].mean().reset_index()


def _settled(sweep: Sweep) -> pd.DataFrame:
    """Give the error in the third quarter of every training over that in the last one."""
    frame = completed(sweep, "error")
    share = frame["step"] / frame.groupby("point")["step"].transform("max")
    third, last = (
        frame[(share >= low) & (share < high)].groupby("point")["scaled_error"].median()
        for low, high in ((0.5, 0.75), (0.75, 1.01))
    )
    return (third / last).rename("settled").reset_index()


def _settings(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """Give all pairs of sigma and start."""
    return list(frame[[SIGMA, _START]].drop_duplicates().itertuples(index=False, name=None))


def _at(graph: Graph, sigma_v: float, start: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give final errors and wipers (T, K) by p (K,) at one setting."""
    frame = graph.trained
    part = frame[(frame[SIGMA] == sigma_v) & (frame[_START] == start)]
    errors, p = wide(part, P, "scaled_error")
    return errors, wide(part, P, "wiper")[0], p


def law(x: ArrayLike, y: ArrayLike) -> tuple[Interval, float]:
    """Fit y = factor x^exponent to graphs; the interval of the exponent is Student's, from how they scatter."""
    fit = linregress(np.log(x), np.log(y))
    half = float(stdtrit(np.size(x) - 2, 0.975)) * fit.stderr if np.size(x) > 2 else np.inf
    return Interval(float(fit.slope), fit.slope - half, fit.slope + half), float(np.exp(fit.intercept))


def scatter(edges: Sequence[int], values: ArrayLike) -> dict[str, float]:
    """Give by which factor graphs of about the same size differ, and sizes: exp of the standard deviations of logs."""
    sizes = pd.Series(np.log(values)).groupby([_size(each) for each in edges])
    within = float(np.exp(np.sqrt(sizes.var().mean())))
    return {"within_sizes": within, "between_sizes": float(np.exp(sizes.mean().std()))}


def _size(edges: int) -> int:
    return min(_SIZES, key=lambda size: abs(np.log(size / edges)))


def _caught(graphs: Sequence[Graph]) -> pd.DataFrame:
    """Say of every training at p = 1 whether it is caught: wipers rise less than half as far as at the lowest p."""
    rows = []
    for graph in graphs:
        for sigma_v, start in _settings(graph.trained):
            _, wipers, _ = _at(graph, sigma_v, start)
            lock = graph.cycle.contrast[: len(wipers)] / (start + WIPER) / s_of(sigma_v)
            caught = wipers[:, -1] - start < 0.5 * (wipers[:, 0] - start)
            rows.append(pd.DataFrame({"size": _size(graph.edges), "lock": lock, "caught": caught}))
    return pd.concat(rows, ignore_index=True)


def find(sweeps: Sweeps) -> Findings:
    """Fit how floors and lock go with the number of edges, and check the prediction on every graph."""
    graphs = [_graph(name, sweep) for name, sweep in sweeps.items()]
    numbers: dict[str, Any] = {"graphs": {each.name: _numbers(each) for each in graphs}}
    grounded = [each for each in graphs if each.ground]
    edges = [each.edges for each in grounded]
    measured = {
        "C = Lambda s R/r0 (predicted)": [numbers["graphs"][each.name]["contrast"].value for each in grounded],
        "step floor x (R/r0)^2 (predicted)": [numbers["graphs"][each.name]["swing"].value for each in grounded],
        "step floor x (R/r0)^2": [numbers["graphs"][each.name]["step_floor"].value for each in grounded],
        "edges of the swing": [numbers["graphs"][each.name]["spread"].value for each in grounded],
        **{
            f"bias floor, s = {s_of(sigma_v):g}": [
                numbers["graphs"][each.name]["bias_floor"].get(f"{s_of(sigma_v):g}") for each in grounded
            ]
            for sigma_v in sorted(grounded[0].trained[SIGMA].unique())
        },
    }
    numbers["laws"] = {}
    found = []
    for name, values in measured.items():
        of = [(e, getattr(v, "value", v)) for e, v in zip(edges, values, strict=True) if v is not None]
        exponent, factor = law(*np.array(of).T)
        apart = scatter(*zip(*of, strict=True))
        numbers["laws"][name] = {"exponent": exponent, "factor": factor, "graphs": len(of), **apart}
        found.append(
            f"{name} ~ E^{exponent} over {len(of)} graphs; graphs of a size differ by a factor of "
            f"{apart['within_sizes']:.2f}, sizes by {apart['between_sizes']:.2f}"
        )
    return _concluded(graphs, numbers, found)


def _numbers(graph: Graph) -> dict[str, Any]:
    trained = graph.trained
    errors, _, _ = _at(graph, trained[SIGMA].min(), _LOW)
    step_floor = errors[:, -1] * (_LOW + WIPER) ** 2
    late = trained[trained[P] < 1.0]
    numbers = {
        "edges": graph.edges,
        "ground": graph.ground,
        "tasks": len(errors),
        "contrast": median(graph.cycle.contrast),
        "swing": median(graph.cycle.swing),
        "spread": median(graph.cycle.spread),
        "step_floor": median(step_floor),
        "step_floor_over_prediction": median(step_floor / graph.cycle.swing[: len(errors)]),
        "bias_floor": {
            f"{s_of(sigma_v):g}": median(_at(graph, sigma_v, _MIDDLE)[0][:, -2])
            for sigma_v in sorted(trained[SIGMA].unique())
        },
        "third_quarter_over_last": {
            f"s = {s_of(sigma_v):g}, start {start:g}": float(
                late[(late[SIGMA] == sigma_v) & (late[_START] == start)].groupby(P)["settled"].median().max()
            )
            for sigma_v, start in _settings(trained)
        },
        "settings": by_setting(trained, [SIGMA, _START]).to_dict("records"),
    }
    part = trained[(trained[SIGMA] == _PREDICTED_V) & (trained[_START] == _MIDDLE)]
    lowest = part[part[P] == part[P].min()].set_index(TASK)["scaled_error"]
    if len(ratio := (lowest / graph.predicted).dropna()) > 1:
        numbers["bias_floor_over_prediction"] = {"tasks": len(ratio), "ratio": median(ratio)}
    return numbers


def _concluded(graphs: Sequence[Graph], numbers: dict[str, Any], found: list[str]) -> Findings:
    """Add what the prediction is worth and what it asks of sigma, and the verdict."""
    caught = _caught(graphs)
    right = (caught["lock"] > LOCKED) == caught["caught"]
    numbers["caught"] = {
        "half": {str(size): _best(part) for size, part in caught.groupby("size")},
        "right": {str(size): float(part.mean()) for size, part in right.groupby(caught["size"])},
        "shares": {str(size): _shares(part) for size, part in caught.groupby("size")},
    }
    exponent, factor = (numbers["laws"]["C = Lambda s R/r0 (predicted)"][key] for key in ("exponent", "factor"))
    numbers["largest_s_that_catches"] = {
        str(size): {f"start {k:g}": factor * size**exponent.value / LOCKED / (k + WIPER) for k in (_LOW, _MIDDLE)}
        for size in _SIZES
    }
    ratios = [each["step_floor_over_prediction"].value for each in numbers["graphs"].values()]
    floors = [
        each["bias_floor_over_prediction"]["ratio"].value
        for each in numbers["graphs"].values()
        if "bias_floor_over_prediction" in each
    ]
    found.append(
        f"Lambda > {LOCKED:g} says whether p = 1 is caught in "
        + ", ".join(
            f"{100 * share:.0f} % of trainings at {size} edges" for size, share in numbers["caught"]["right"].items()
        )
    )
    found.append(
        "the Lambda that tells best: "
        + ", ".join(f"{lock:.2g} at {size} edges" for size, lock in numbers["caught"]["half"].items())
    )
    unsettled = pd.DataFrame(each["third_quarter_over_last"] for each in numbers["graphs"].values()).max()
    found.append(
        "p < 1, error in the third quarter over that in the last, at most over graphs: "
        + ", ".join(f"{ratio:.2f} at {setting}" for setting, ratio in unsettled.items())
    )
    found.append(f"step floor, measured over predicted: {min(ratios):.2f} to {max(ratios):.2f} over graphs (medians)")
    if floors:
        found.append(
            f"bias floor, measured over predicted: {min(floors):.2f} to {max(floors):.2f} over graphs (medians)"
        )
    found.append(
        "p = 1 is caught below s = "
        + "; ".join(
            f"{each['start 4']:.1e} from 4 and {each['start 64']:.1e} from 64 at {size} edges"
            for size, each in numbers["largest_s_that_catches"].items()
        )
    )
    rising = numbers["laws"][f"bias floor, s = {s_of(_PREDICTED_V):g}"]["exponent"]
    says = [exponent.high < 0.0, rising.low > 0.0]
    return Findings(numbers, tuple(found), verdict(*says))


def _best(part: pd.DataFrame) -> float:
    """Give the Lambda that tells best which trainings are caught."""
    ordered = part.sort_values("lock")
    caught = ordered["caught"].to_numpy(dtype=np.int64)
    right = np.cumsum(1 - caught) + caught.sum() - np.cumsum(caught)  # with all up to here said to be free
    return float(ordered["lock"].iloc[int(np.argmax(right))])


def _shares(part: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the share of caught trainings in bins of Lambda with ten trainings or more."""
    bins = np.digitize(part["lock"], _BINS)
    return [
        {"lock": float(np.median(some["lock"])), "share": float(some["caught"].mean()), "trainings": len(some)}
        for _, some in part.groupby(bins)
        if len(some) >= 10
    ]


def draw(_: Sweeps, findings: Findings) -> Picture:
    """Draw floors against size, the share that is caught against Lambda, and the sigma below which p = 1 is caught."""
    made, (bias, step, share, largest) = picture(2, 2)
    graphs = list(findings.numbers["graphs"].values())
    floors = list(graphs[0]["bias_floor"])
    for marker, colour, s in zip(_MARKERS, plots.colours(len(floors)), floors, strict=False):
        _scatter(bias, graphs, lambda each, s=s: each["bias_floor"].get(s), colour, f"s = {float(s):g}", marker)
    blue, orange = plots.colours(2)
    _scatter(step, graphs, lambda each: each["step_floor"], blue, "p = 1 from 4, s = 0.0001")
    _scatter(step, graphs, lambda each: each["swing"], orange, "predicted: two-cycle at the start", "x")
    for marker, colour, (size, shares) in zip(
        _MARKERS, plots.colours(len(_SIZES)), findings.numbers["caught"]["shares"].items(), strict=False
    ):
        x, y = ([each[key] for each in shares] for key in ("lock", "share"))
        share.plot(x, y, color=colour, marker=marker, ms=4, lw=1.2, label=f"about {size} edges")
    share.axvline(LOCKED, color="black", lw=1, ls="--")
    share.set_xscale("log")
    law_of = findings.numbers["laws"]["C = Lambda s R/r0 (predicted)"]
    sizes = np.array([15.0, 2200.0])
    for marker, colour, start in zip(_MARKERS, (blue, orange), (_LOW, _MIDDLE), strict=False):
        steps = LOCKED * (start + WIPER)
        _scatter(
            largest,
            graphs,
            lambda each, steps=steps: Interval(*(value / steps for value in each["contrast"])),
            colour,
            f"start {start:g}",
            marker,
        )
        largest.plot(sizes, law_of["factor"] * sizes ** law_of["exponent"].value / steps, color=colour, lw=1)
    for axes in (bias, step, largest):
        axes.set_xscale("log")
        axes.set_yscale("log")
    bias.set_ylim(bottom=0.1 * bias.get_ylim()[0])  # room for the legend
    name = "number of edges E"
    labelled(bias, name, "final scaled error", "p = 0.3 from midscale (hollow: no ground)", loc="lower right")
    labelled(step, name, "error × $(R/r_0)^2$", "the floor of a synchronous step", loc="upper left")
    labelled(share, "Λ at the start", "share of trainings caught at p = 1", "the lock", loc="upper left")
    labelled(largest, name, "s = $σ_{max}$ / (η V)", "p = 1 is caught below, from Λ = 0.5", loc="upper right")
    return made


def _scatter(
    axes: Any, graphs: Sequence[dict[str, Any]], value: Any, colour: str, label: str, marker: str = "o"
) -> None:
    """Draw a value of every graph with its interval; hollow where there is no ground."""
    for ground in (True, False):
        some = [(each["edges"], found) for each in graphs if each["ground"] is ground and (found := value(each))]
        if some:
            style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "none", "ms": 4.5, "lw": 1}
            style |= {"mfc": colour if ground or marker == "x" else "white", "label": label if ground else None}
            intervals(axes, *zip(*some, strict=True), **style)


FIG_SIZE = Figure(
    "desync-size",
    "The larger a network, the smaller sigma must be for p < 1 to help: the contrast of the two-cycle falls with the "
    "number of edges, and the floor of the bias rises.",
    find,
    draw,
)
