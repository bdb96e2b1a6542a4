"""Every rule, with settings with which it trains allostery on 16 edges."""

from typing import Any

from labnet.rules import RULES

TRAININGS: dict[str, dict[str, Any]] = {
    "discrete": {"rule": {"name": "discrete"}, "start": 64, "steps": 600},
    "coupled": {"rule": {"name": "continuous", "gamma": 0.02}, "eta": 0.1, "steps": 600},
    "coupled, symmetric": {"rule": {"name": "continuous", "gamma": 0.02, "symmetric": True}, "eta": 0.1, "steps": 600},
    "coupled, with a margin": {
        "rule": {"name": "continuous", "gamma": 0.02, "margin_v": 1e-3},
        "eta": 0.1,
        "steps": 600,
    },
    "over-clamped": {"rule": {"name": "continuous", "gamma": 0.002, "over_clamp_v": [0.0, 5.0]}, "steps": 600},
    "fully clamped": {"rule": {"name": "continuous", "gamma": 0.002}, "steps": 600},
    "EP, one-sided": {
        "rule": {"name": "equilibrium-propagation", "gamma": 0.02, "states": "one-sided", "nudge": "conductance"},
        "steps": 600,
    },
    "EP, centred": {"rule": {"name": "equilibrium-propagation", "gamma": 0.02, "states": "centred"}, "steps": 600},
    "EP, both twins": {
        "rule": {"name": "equilibrium-propagation", "gamma": 0.02, "states": "twin", "nudge": "conductance"},
        "steps": 600,
    },
    "oscillating": {"rule": {"name": "oscillating-nudge", "gamma": 0.02}, "eta": 0.1, "steps": 600},
    "oscillating current": {"rule": {"name": "oscillating-nudge", "gamma": 0.02, "nudge": "current"}, "steps": 600},
    "exact": {"rule": {"name": "exact-gradient", "gamma": 0.02}, "steps": 600},
    "Fisher": {"rule": {"name": "fisher", "gamma": 0.1}, "steps": 100},
    "finite differences": {"rule": {"name": "finite-differences", "gamma": 0.02}, "steps": 200},
    "zeroth order": {"rule": {"name": "zeroth-order", "gamma": 0.005}, "steps": 1500},
    "node perturbation": {"rule": {"name": "zeroth-order", "gamma": 0.005, "perturb": "nodes"}, "steps": 1500},
    "multiplexed": {
        "rule": {"name": "multiplexed", "gamma": 0.005, "code": "walsh", "tau_theta": 4, "amplitude": 1e-3},
        "steps": 800,
    },
    "multiplexed, nodes": {
        "rule": {"name": "multiplexed", "gamma": 0.01, "perturb": "nodes", "tau_theta": 8, "amplitude": 1e-3},
        "steps": 400,
    },
}

NUDGE_SOFTLY = {name for name, settings in TRAININGS.items() if "EP" in name or "node" in name} | {
    "oscillating current",
    "exact",
    "Fisher",
}
"""Those that feed currents into nodes, or pull at them through conductances."""


def on_wipers(name: str) -> dict[str, Any]:
    """Give the settings of a training in which wipers are set, from midscale."""
    settings = {**TRAININGS[name], "start": 64}
    if name == "discrete":
        return settings
    rule = dict(settings["rule"])
    if rule["name"] in ("finite-differences", "zeroth-order", "multiplexed"):
        rule["amplitude"] = 2 / 128  # two wiper steps, in units of R_ref
    return {**settings, "rule": rule, "quantise": "stochastic"}


def all_rules_are_here() -> bool:
    """Tell whether every rule of labnet's own has settings here."""
    own = {name for name, rule in RULES.items() if rule.__module__.startswith("labnet.rules")}
    return own == {settings["rule"]["name"] for settings in TRAININGS.values()}
