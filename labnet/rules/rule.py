"""What a rule is: what it needs of a board, what it does to it, and the change it makes of what it reads there."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from labnet.circuit.laws import Law, Linear
from labnet.data import Data
from labnet.errors import PlanError
from labnet.networks import Network
from labnet.tasks import Task

if TYPE_CHECKING:
    from labnet.rules.lab import Lab

FloatArray = NDArray[np.float64]
Nudge = Literal["voltage", "current", "conductance"]


class Needs(NamedTuple):
    """What a rule asks of a board.

    Attributes
    ----------
    nudge : {"voltage", "current", "conductance"} or None
        How it pulls nodes: holds them at voltages, feeds currents into them, joins them to a voltage by a conductance.
    both_twins : bool
        Whether it nudges both twins at once, each in its own way.
    reads : {"nodes", "outputs", "none"}
        Which voltages: of all nodes, or of the outputs alone.
    moves : {"wipers", "resistances"}
        What it sets: wipers that comparators step; or resistances, for which wipers do with `Settings.quantise`.
    linear : bool
        Whether edges have to be resistors.
    """

    nudge: Nudge | None = None
    both_twins: bool = False
    reads: Literal["nodes", "outputs"] = "nodes"
    moves: Literal["wipers", "resistances"] = "resistances"
    linear: bool = False


class Costs(NamedTuple):
    """What a step takes: waits for nodes to settle, node voltages read, resistances or wipers written."""

    settlings: int
    readings: int
    writes: int


class States(NamedTuple):
    """What one example showed, in two states whose contrast is a change.

    Attributes
    ----------
    network : Network
    ohm : numpy.ndarray, shape (E,)
        Resistances, nominal ones where wipers are moved.
    free, nudged : numpy.ndarray, shape (n,)
        Node voltages, as read. `free` is the state that the nudged one is compared with: without a nudge, or with the
        opposite one.
    law : Law
        How an edge's current depends on its voltages.
    weight : float
        A factor on the change that these states ask for.
    """

    network: Network
    ohm: FloatArray
    free: FloatArray
    nudged: FloatArray
    law: Law = Linear()
    weight: float = 1.0


class Rule(Data):
    """A rule: a name and numbers. `RULES` has all there are, by name."""

    name: str
    registered: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if "registered" in vars(cls):  # a base of rules
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

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What it asks of a board."""

    @property
    def uses_eta(self) -> bool:
        """Whether the plan's eta counts: where outputs are held at voltages."""
        return self.needs.nudge == "voltage"

    @abstractmethod
    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes that shows so many examples."""


RULES: dict[str, type[Rule]] = {}


class HostRule(Rule):
    """A rule that the host works out: it shows examples to a board, and makes changes of what it reads.

    Parameters
    ----------
    gamma : float
        Learning rate, dimensionless: R in units of R_ref, V in volts.
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

    registered: ClassVar[bool] = False
    gamma: float = Field(gt=0, description="a number above 0")
    batch: float | None = Field(None, gt=0, le=1, description="a number above 0 and up to 1, or none")
    fixed_batch: bool = False

    @model_validator(mode="after")
    def _batch_to_fix(self) -> Self:
        if self.fixed_batch and self.batch is None:
            raise ValueError("fixed_batch is set without batch; give batch, the share of examples a step")
        return self

    @abstractmethod
    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[Any]:
        """Do to the board what a step takes, and give what was read, part by part, as `delta` takes it."""

    @abstractmethod
    def delta(self, states: Any) -> FloatArray:
        """Give the change of the resistances that a part asks for, in ohms, shape (E,); a step adds them up."""

    @property
    def needs(self) -> Needs:
        """What it asks of a board."""
        return Needs()


class ContrastRule(HostRule):
    """A rule whose change is the contrast of a nudged state and another: rate R_ref times that of edges' contents."""

    registered: ClassVar[bool] = False

    @property
    def rate(self) -> float:
        """What the contrast is multiplied by, dimensionless."""
        return self.gamma

    @abstractmethod
    def nudge_v(self, task: Task, ohm: FloatArray, law: Law, eta: float) -> float:
        """Work out how far the nudge of the first example moves its outputs at most, in volts."""

    def delta(self, states: States) -> FloatArray:
        """Give the change of the resistances in ohms, shape (E,), that two states ask for."""
        contrast = states.law.contrast(states.network, states.ohm, states.free, states.nudged)
        change = self.rate * states.network.r_ref_ohm * contrast
        return change if states.weight == 1.0 else states.weight * change


class Slope(NamedTuple):
    """A part of the gradient dO/dR of the cost O = 1/2 sum (V_F - V_D)^2, in V^2, R in units of R_ref, shape (E,)."""

    network: Network
    slope: FloatArray


class GradientRule(HostRule):
    """A rule whose change is -gamma times the gradient that it estimates."""

    registered: ClassVar[bool] = False

    def delta(self, states: Slope) -> FloatArray:
        """Give the change of the resistances in ohms, shape (E,), for a part of the gradient."""
        return -self.gamma * states.network.r_ref_ohm * states.slope


class AbsentRule(HostRule):
    """A rule of a file whose class is not here: its name and numbers. Everything but training goes on without it."""

    registered: ClassVar[bool] = False
    model_config = ConfigDict(extra="allow")
    defined_in: str = Field("", exclude=True)

    @property
    def why(self) -> str:
        """Say what is missing."""
        return (
            f"the rule {self.name!r} is of the class {self.defined_in or 'of that name'}, which is not here, or takes "
            "other numbers; import or run what defines it first, then open the file again."
        )

    @property
    def uses_eta(self) -> bool:
        """Whether the plan's eta counts: perhaps."""
        return True

    def costs(self, task: Task, examples: int) -> Costs:
        """Give nothing: only the class knows."""
        return Costs(0, 0, 0)

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[Any]:
        """Raise `PlanError`: only the class knows."""
        raise PlanError(self.why)

    def delta(self, states: Any) -> FloatArray:
        """Raise `PlanError`: only the class knows."""
        raise PlanError(self.why)


def _full_name(rule: type[Any]) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _read(given: Any) -> Any:
    """Give a rule, or the one that a table names."""
    if isinstance(given, Rule):
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


def stored_rule(data: Mapping[str, Any], defined_in: str = "") -> Rule:
    """Give the rule that a file holds: an `AbsentRule` where its class is not here."""
    try:
        rule: Rule = _read(data)
    except PlanError:
        return AbsentRule.model_construct(**data, defined_in=defined_in)
    return rule


def class_of(rule: Rule) -> str:
    """Give the full name of a rule's class, which says what to import."""
    return rule.defined_in if isinstance(rule, AbsentRule) else _full_name(type(rule))


AnyRule = Annotated[
    Rule,
    SerializeAsAny(),
    BeforeValidator(_read),
    Field(description="a rule, in a file a table like {name = 'discrete'}; see labnet rules"),
]
