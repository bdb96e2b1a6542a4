"""A run as an xarray dataset: every number beside its step, node or edge, with its unit."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labnet.errors import RunError
from labnet.extras import needs
from labnet.records import ARRAY_FIELDS

if TYPE_CHECKING:
    import xarray as xr

    from labnet.runs.run import Run

Variable = tuple[tuple[str, ...] | str, NDArray[Any], dict[str, str]]

_MISSING = {"v_free": "NaN", "v_clamped": "NaN", "directions": "-1 with enabled = -1", "enabled": "-1", "wipers": "-1"}
_ERRORS = {
    "cost_v2": ("V2", "cost"),
    "scaled_error": ("1", "cost over cost at the start"),
    "accuracy": ("1", "share of examples classified correctly; NaN for other tasks"),
    "cost_std_v2": ("V2", "standard deviation of the cost, by the calibration; NaN without one"),
    "scaled_error_std": ("1", "standard deviation of the scaled error, by the calibration; NaN without one"),
}


def to_xarray(run: "Run", steps: ArrayLike | None = None) -> "xr.Dataset":
    """Give a run as a dataset; see `labnet.Run.to_xarray`."""
    with needs("xarray", "run.to_xarray()"):
        import xarray as xr
    with run.at_one_moment():
        logged = run.frame("steps").set_index("step")
        chosen = logged.index.to_numpy() if steps is None else np.atleast_1d(np.asarray(steps))
        if len(absent := np.setdiff1d(chosen, logged.index)):
            raise RunError(f"step {absent[0]} of {run.path} is not logged; run.steps() gives those that are.")
        variables = _records(run, None if steps is None else chosen) | _errors(run)
        attributes = _attributes(run)
    logged = logged.loc[chosen]
    variables["clipped"] = ("step", logged["clipped"].to_numpy(), _named("a clamped voltage was cut to the range"))
    coordinates: dict[str, Variable] = {
        "step": ("step", chosen, _named("step, from 0; the last record holds final positions alone")),
        "steps_p": ("step", chosen * run.updates_per_step, _named("updates an edge: steps times p", "1")),
        "time_s": ("step", logged["time_s"].to_numpy(), _named("time on the board's clock at which it began", "s")),
        "example": ("step", logged["example"].to_numpy(), _named("training example; -1 for a batch of several")),
    }
    return xr.Dataset(variables, coordinates | _graph(run), attributes).set_coords("measured_steps_p")


def _named(long_name: str, units: str = "", **more: str) -> dict[str, str]:
    """Give attributes as the CF conventions call them."""
    return {"long_name": long_name} | ({"units": units} if units else {}) | more


def _records(run: "Run", steps: NDArray[Any] | None) -> dict[str, Variable]:
    """Give what was logged a step, and of wipers and resistances what learning moved."""
    left_out = "resistances_ohm" if run.plan.moves == "wipers" else "wipers"
    return {
        field.name: (
            ("step", field.per),
            run.array(field.name, steps),
            _named(field.meaning, field.unit or "1", comment=f"not logged: {_MISSING.get(field.name, 'NaN')}"),
        )
        for field in ARRAY_FIELDS
        if field.name != left_out
    }


def _errors(run: "Run") -> dict[str, Variable]:
    """Give the measurements: a row a set, a column a measured step; NaN where a set was not measured."""
    frame = run.frame("error")
    sets = [name for name, _ in run.task.sets()]
    measured = np.unique(frame["step"].to_numpy())
    at = np.searchsorted(measured, frame["step"]), [sets.index(name) for name in frame["set"]]
    variables: dict[str, Variable] = {
        "set": ("set", np.array(sets), _named("set of examples")),
        "measured": ("measured", measured, _named("step before which the errors were measured")),
        "measured_steps_p": ("measured", measured * run.updates_per_step, _named("steps times p there", "1")),
    }
    for name, (units, long_name) in _ERRORS.items():
        values = np.full((len(sets), len(measured)), np.nan)
        values[at[1], at[0]] = frame[name]
        variables[name] = (("set", "measured"), values, _named(long_name, units))
    return variables


def _graph(run: "Run") -> dict[str, Variable]:
    """Give nodes and edges: their numbers, the ends of edges, and where to draw nodes."""
    network = run.network
    return {
        "node": ("node", np.arange(network.node_count), _named("node")),
        "node_x": ("node", network.layout[:, 0], _named("position to draw the node at, across")),
        "node_y": ("node", network.layout[:, 1], _named("position to draw the node at, up")),
        "edge": ("edge", np.arange(network.edge_count), _named("edge")),
        "edge_from": ("edge", network.edges[:, 0], _named("first node of the edge")),
        "edge_to": ("edge", network.edges[:, 1], _named("second node of the edge")),
    }


def _attributes(run: "Run") -> dict[str, str]:
    """Give all that the run says about itself; what is no text is JSON."""
    said = run.meta | {"status": run.status, "findings": run.findings, "warnings": run.warnings}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}
