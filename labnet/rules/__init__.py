"""Rules: how a step is decided. A rule of one's own is a subclass of `Continuous` with a name of its own."""

from labnet.rules.coupled import Continuous, Discrete
from labnet.rules.exact import ExactGradient, Fisher
from labnet.rules.lab import Lab
from labnet.rules.nudged import EquilibriumPropagation, OscillatingNudge
from labnet.rules.perturbed import FiniteDifferences, MultiplexedGradientDescent, PerturbationRule, ZerothOrder
from labnet.rules.rule import (
    RULES,
    AbsentRule,
    AnyRule,
    ContrastRule,
    Costs,
    GradientRule,
    HostRule,
    Needs,
    Rule,
    Slope,
    States,
    class_of,
    stored_rule,
)

__all__ = [
    "RULES",
    "AbsentRule",
    "AnyRule",
    "Continuous",
    "ContrastRule",
    "Costs",
    "Discrete",
    "EquilibriumPropagation",
    "ExactGradient",
    "FiniteDifferences",
    "Fisher",
    "GradientRule",
    "HostRule",
    "Lab",
    "MultiplexedGradientDescent",
    "Needs",
    "OscillatingNudge",
    "PerturbationRule",
    "Rule",
    "Slope",
    "States",
    "ZerothOrder",
    "class_of",
    "stored_rule",
]
