"""The tidy pandas frames of a run; see `labnet.Run.frame` for their columns."""

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labnet.errors import RunError
from labnet.plan import Plan, SelfTriggered
from labnet.rules import AbsentRule, Costs
from labnet.tasks.task import ExampleSet

if TYPE_CHECKING:
    from labnet.runs.run import Run

FrameName = Literal["error", "steps", "wipers", "resistances", "voltages", "updates"]

_RECORDS: dict[str, tuple[Literal["node", "edge"], dict[str, str]]] = {
    "wipers": ("edge", {"wiper": "wipers"}),
    "resistances": ("edge", {"resistance_ohm": "resistances_ohm"}),
    "voltages": ("node", {"v_free": "v_free", "v_clamped": "v_clamped"}),
    "updates": ("edge", {"direction": "directions", "enabled": "enabled"}),
}


def frame(run: "Run", name: FrameName, rms: bool = False) -> pd.DataFrame:
    """Give a frame of a run."""
    if name == "error":
        return _errors(run, rms)
    if name == "steps":
        return pd.DataFrame(run.logged_all())
    if name not in _RECORDS:
        raise RunError(f"frame is {name!r}; allowed: {', '.join(get_args(FrameName))}.")
    moved = "wipers" if run.plan.moves == "wipers" else "resistances"
    if name in ("wipers", "resistances") and name != moved:
        raise RunError(f"this run moved {moved}; use frame({moved!r}).")
    return _records(run, name)


def _records(run: "Run", name: str) -> pd.DataFrame:
    """Give fields of the records, a row a step and node or edge."""
    per, columns = _RECORDS[name]
    with run.at_one_moment():
        steps = run.steps()
        arrays = {column: run.array(field) for column, field in columns.items()}
    width = next(iter(arrays.values())).shape[1]
    index = {"step": np.repeat(steps, width), per: np.tile(np.arange(width), len(steps))}
    return pd.DataFrame(index | {column: values.reshape(-1) for column, values in arrays.items()})


def _errors(run: "Run", rms: bool) -> pd.DataFrame:
    with run.at_one_moment():
        parts = {name: run.errors_from(0, name) for name in get_args(ExampleSet)}
    frame = pd.DataFrame(np.concatenate(list(parts.values())))
    frame.insert(1, "steps_p", frame["step"] * run.updates_per_step)
    frame.insert(2, "set", np.repeat(list(parts), [len(part) for part in parts.values()]))
    scaled = scaled_error(frame, ["set"])
    frame.insert(4, "scaled_error", np.sqrt(scaled) if rms else scaled)
    _add_costs(frame, run.plan)
    _add_error_bars(run, frame, scaled, rms)
    return frame


def _add_costs(frame: pd.DataFrame, plan: Plan) -> None:
    """Add what learning took up to each step of a frame; NaN where the class of the rule, which knows, is not here.

    And where edges step by themselves: nobody waits or writes.
    """
    unknown = isinstance(plan.rule, AbsentRule) or isinstance(plan.clock, SelfTriggered)
    for name, values in zip(Costs._fields, plan.costs(frame["step"]), strict=True):
        frame[name] = np.nan if unknown else values


def _add_error_bars(run: "Run", frame: pd.DataFrame, scaled: NDArray[np.float64], rms: bool) -> None:
    """Add standard deviations of the errors, as the calibration of the readings has them."""
    frame["cost_std_v2"] = frame["scaled_error_std"] = np.nan
    converters = None if run.calibration is None else run.calibration.converters
    if converters is None or frame.empty or run.task.differential:  # these do not say where the outputs are
        return
    for name, examples in run.task.sets():
        at = frame["set"] == name
        if at.any():
            cost = frame.loc[at, "cost_v2"].to_numpy()
            frame.loc[at, "cost_std_v2"] = converters.cost_std_v2(run.task.outputs, examples.targets, cost)
    start = frame.groupby("set")[["cost_v2", "cost_std_v2"]].transform("first")
    with np.errstate(divide="ignore", invalid="ignore"):
        std = np.hypot(frame["cost_std_v2"], scaled * start["cost_std_v2"]) / start["cost_v2"]
        frame["scaled_error_std"] = std / (2 * np.sqrt(scaled)) if rms else std


def scaled_error(errors: pd.DataFrame, by: list[str]) -> NDArray[np.float64]:
    """Give cost / cost at the start, for measurements in the order of steps; `by` tells trainings and sets apart."""
    start = errors.groupby(by)["cost_v2"].transform("first")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(errors["cost_v2"].to_numpy() / start.to_numpy(), dtype=np.float64)
