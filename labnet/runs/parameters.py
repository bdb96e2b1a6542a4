"""What a run was made with, by the dotted keys that ``labnet run --set`` takes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from labnet.addresses import Address

SEEDS = ("seed", "task.seed", "board.seed", "task.examples")
"""What may differ between repeats of one setting."""


def parameters(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a run was made with, from `Run.meta`: {"clock.p": 0.5, "board.preset": "lab", "task.inputs": 2, ...}.

    ``task.inputs``, ``outputs``, ``grounds``, ``train`` and ``test`` are how many there are. A task that was not drawn
    by an experiment's ``task.seed`` has ``task.examples`` instead, a digest. What was not given has no key.
    """
    plan = {key: value for key, value in meta["plan"].items() if key != "task"}
    plan.setdefault("optimiser", {"name": "plain"})  # of files from before there were others
    network, calibration = meta["network"], meta.get("calibration")
    given = {
        "board": dict(_board(meta["board"])),
        "network": {"": network["name"], "digest": network["digest"], "r_ref_ohm": network["r_ref_ohm"]},
        "task": _task(meta["plan"]["task"], meta["experiment"].get("task", {})) | {"kind": task_kind(meta)},
        **plan,
        "calibration": calibration and calibration["created"],
    }
    return dict(_flat(given))


def task_kind(meta: Mapping[str, Any]) -> str:
    """Give the kind of a run's task, from `Run.meta`: as its experiment has it, where there is one."""
    return str(meta["experiment"].get("task", {}).get("kind", meta["plan"]["task"]["kind"]))


def origin(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Give when and by what a run was made, from `Run.meta`: created, versions.labnet, git.commit, ..."""
    return dict(_flat({key: meta[key] for key in ("created", "versions", "platform", "git")}))


def _board(board: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    address = Address.parse(board["address"])
    if address.scheme == "visa":  # nothing but its serial number says which one was plugged in
        yield from (("", address.text), ("serial", board["serial"]))
        return
    yield "", f"{address.scheme}://{address.name}"
    for option, text in address.options.items():
        try:
            yield option, json.loads(text)
        except ValueError:
            yield option, text


def _task(task: Mapping[str, Any], drawn: Mapping[str, Any]) -> dict[str, Any]:
    terminals = {role: len(task[role]) for role in ("inputs", "outputs", "grounds")}
    examples = {name: len(task[name][0]) for name in ("train", "test")}
    found = {**drawn, **terminals, **examples}
    if "seed" not in drawn:
        found["examples"] = hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()[:8]
    return found


def _flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Join the keys of tables within tables by dots; the key "" is the table's own."""
    for key, value in data.items():
        name = ".".join(filter(None, (above, key)))
        if isinstance(value, dict):
            yield from _flat(value, name)
        elif value is not None:
            yield name, value


def shown(value: Any) -> str:
    """Say a value: numbers with six digits, texts as they are, lists cut short."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.15g}" if value.is_integer() else f"{value:.6g}"
    if isinstance(value, str):
        return value
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
