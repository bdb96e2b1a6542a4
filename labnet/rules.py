"""Rules: how a step is decided. A rule of one's own is a subclass of `Continuous` with a name of its own."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from labnet import circuit
from labnet.data import Data
from labnet.errors import PlanError
from labnet.networks import Network

FloatArray = NDArray[np.float64]


class Discrete(Data):
    """+1 wiper position if |dV_C| + sigma > |dV_F|, else -1 (Eq. 10). The board's own comparators decide."""

    name: Literal["discrete"] = "discrete"

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        raise PlanError(
            f"{cls.__qualname__} is a subclass of Discrete, which the board's comparators decide; allowed: a subclass "
            "of labnet.Continuous, which the host decides."
        )


class Continuous(Data):
    """dR_i = (gamma / R_i^2) (dV_C^2 - dV_F^2), R in units of R_ref, V in volts (Eqs. 2 and 7). The host decides.

    A subclass is a rule of one's own: it has a `delta`, and a name that no other has. Fields that it adds are numbers,
    text, or lists of them; they go into every run file. It runs wherever resistances can be set, paced by the host;
    a plan or an experiment file can name it once its class is defined, and defining the class again replaces it::

        class Hinge(labnet.Continuous):
            name: Literal["hinge"] = "hinge"
            margin_v: float = 0.1

            def delta(self, network, ohm, v_free, v_clamped): ...

    Parameters
    ----------
    gamma : float
        Learning rate, dimensionless.
    batch : float, optional
        None: one example a step, in the plan's order. Else every example enters the sum of Eq. 7 with this
        probability b; 1 is the full batch.
    fixed_batch : bool
        Take exactly round(b B) examples a step instead (b-bar).

    Raises
    ------
    PlanError
        When a subclass is defined without a name of its own.
    """

    name: Literal["continuous"] = "continuous"
    gamma: float = Field(gt=0, description="a number above 0")
    batch: float | None = Field(None, gt=0, le=1, description="a number above 0 and up to 1, or none")
    fixed_batch: bool = False

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if cls.__module__ == __name__:  # AbsentRule
            return
        field = cls.model_fields["name"]
        name, remedy = field.default, f'name: Literal["{cls.__name__.lower()}"] = "{cls.__name__.lower()}"'
        if get_args(field.annotation) != (name,):  # else one could be called "continuous", and boards would run that
            raise PlanError(f"the rule {cls.__qualname__} needs one fixed name of its own, for example {remedy}.")
        other = RULES.get(name)
        if other is not None and _full_name(other) != _full_name(cls):
            raise PlanError(
                f"the rule {_full_name(cls)} has the name {name!r}, which is that of {_full_name(other)}; give it one "
                f"of its own, for example {remedy}."
            )
        RULES[name] = cls

    @model_validator(mode="after")
    def _batch_to_fix(self) -> Self:
        if self.fixed_batch and self.batch is None:
            raise ValueError("fixed_batch is set without batch; give batch, the share of examples a step")
        return self

    def delta(self, network: Network, ohm: FloatArray, v_free: FloatArray, v_clamped: FloatArray) -> FloatArray:
        """Give the change of the resistances in ohms, shape (E,), for one example; voltages (n,)."""
        d_free, d_clamped = circuit.edge_drops(network, v_free), circuit.edge_drops(network, v_clamped)
        conductance = network.r_ref_ohm * (1.0 / ohm)  # in units of 1 / R_ref
        # As a product: the difference of two squares that are nearly equal would lose digits.
        squares = (d_clamped - d_free) * (d_clamped + d_free)
        return self.gamma * network.r_ref_ohm * (conductance * conductance) * squares


RULES: dict[str, type[Discrete] | type[Continuous]] = {"discrete": Discrete, "continuous": Continuous}


class AbsentRule(Continuous):
    """A rule of a file whose class is not here: its name and numbers. Everything but training goes on without it."""

    model_config = ConfigDict(extra="allow")
    defined_in: str = Field("", exclude=True)

    @property
    def why(self) -> str:
        """Say what is missing."""
        return (
            f"the rule {self.name!r} is of the class {self.defined_in or 'of that name'}, which is not here, or takes "
            "other numbers; import or run what defines it first, then open the file again."
        )

    def delta(self, network: Network, ohm: FloatArray, v_free: FloatArray, v_clamped: FloatArray) -> FloatArray:
        """Raise `PlanError`: only the class knows."""
        raise PlanError(self.why)


def _full_name(rule: type[Any]) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _read(given: Any) -> Any:
    """Give a rule, or the one that a table names."""
    if isinstance(given, Discrete | Continuous):
        return given
    if not isinstance(given, Mapping):
        raise ValueError(f"is {given!r}; allowed: a rule, in a file a table like {{name = 'discrete'}}")
    name = given.get("name")
    if not isinstance(name, str) or name not in RULES:
        said = "is missing" if name is None else f"is {name!r}"
        allowed = (
            f"{', '.join(map(repr, RULES))}, or in Python that of a subclass of labnet.Continuous, once it is defined"
        )
        raise PlanError(f"name {said}; allowed: {allowed}", ((("name",), f"{said}; allowed: {allowed}"),))
    return RULES[name](**given)


def stored_rule(data: Mapping[str, Any], defined_in: str = "") -> Discrete | Continuous:
    """Give the rule that a file holds: an `AbsentRule` where its class is not here."""
    try:
        rule: Discrete | Continuous = _read(data)
    except PlanError:
        return AbsentRule.model_construct(**data, defined_in=defined_in)
    return rule


def class_of(rule: Discrete | Continuous) -> str:
    """Give the full name of a rule's class, which says what to import."""
    return rule.defined_in if isinstance(rule, AbsentRule) else _full_name(type(rule))


Rule = Annotated[
    Discrete | Continuous,
    SerializeAsAny(),
    BeforeValidator(_read),
    Field(description="Discrete, Continuous or a subclass of it, in a file a table like {name = 'discrete'}"),
]
