"""What a run says about where it comes from, and whether a board and a plan are those it began with."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labnet.board import Board
from labnet.calibration import calibration_of
from labnet.errors import RunMismatch
from labnet.origin import made_with
from labnet.plan import Plan, Settings
from labnet.rules import class_of, stored_rule

_MAY_CHANGE = ("on_fault", "masked")  # between parts of one run, which notes what was masked when


def describe(board: Board, plan: Plan, experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Give all that describes a run, as plain data."""
    used = calibration_of(board)
    return {
        "experiment": dict(experiment),
        "plan": plan.to_dict(),
        "rule_class": class_of(plan.rule),
        **_hardware(board),
        "calibration": None if used is None else used.to_dict(),
        **made_with(),
    }


def check_same(path: Path, stored: Mapping[str, Any], board: Board, plan: Plan) -> None:
    """Raise `RunMismatch` unless board and plan are those that `describe` gave."""
    settings = {**stored["plan"], "rule": stored_rule(stored["plan"]["rule"])}
    task = settings.pop("task")
    was = {**Settings(**settings).model_dump(mode="json"), "task": task}  # keys that came later have their defaults
    now = _plain(plan.to_dict())
    differing = [key for key in now if now[key] != was.get(key) and key not in _MAY_CHANGE]
    if differing:
        shown = "; ".join(f"{key} was {_short(was.get(key))}, is {_short(now[key])}" for key in differing)
        raise RunMismatch(f"{path} is a run of another plan: {shown}. Give the same plan, or a new path.")
    _check_calibration(path, stored.get("calibration"), board)
    fresh = _hardware(board)
    for part, keys in (("board", ("model", "serial", "parts")), ("network", ("digest", "r_ref_ohm"))):
        for key in keys:
            if stored[part][key] != fresh[part][key]:
                what, was_there, is_there = _first_difference(key, stored[part][key], fresh[part][key])
                raise RunMismatch(
                    f"{path} was made on another board: {what} was {_short(was_there)}, is {_short(is_there)}. Open "
                    f"the same board ({stored['board']['address']}), or give a new path."
                )


def _check_calibration(path: Path, stored: Mapping[str, Any] | None, board: Board) -> None:
    """Raise `RunMismatch` unless the board is used with the calibration that the run began with."""
    used = calibration_of(board)
    now = None if used is None else used.to_dict()
    if now == stored:
        return
    was, is_now = ("none" if each is None else f"of {each['created']}" for each in (stored, now))
    raise RunMismatch(
        f"{path} was made with another calibration: {was}, now {is_now}. labnet.Run.open(path).calibration is the "
        "one to go on with; or give a new path."
    )


def _first_difference(key: str, was: Any, now: Any) -> tuple[str, Any, Any]:
    """Give the first key, within tables, whose values differ, and these."""
    while isinstance(was, dict) and isinstance(now, dict):
        inner = next(name for name in (*now, *was) if now.get(name) != was.get(name))
        key, was, now = f"{key}.{inner}", was.get(inner), now.get(inner)
    return key, was, now


def _hardware(board: Board) -> dict[str, Any]:
    """Give network and board, as plain data."""
    network = board.network
    return {
        "network": {
            "name": network.name,
            "node_count": network.node_count,
            "edges": network.edges.tolist(),
            "positions": None if network.positions is None else network.positions.tolist(),
            "r_ref_ohm": network.r_ref_ohm,
            "digest": network.digest,
        },
        "board": {"address": board.address, **_plain(asdict(board.info))},
    }


def _plain(value: Any) -> Any:
    """Give data as JSON gives it back."""
    return json.loads(json.dumps(value, default=lambda x: sorted(x) if isinstance(x, frozenset) else dict(x)))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
