"""Coupled learning: outputs held closer to what is wanted (wycoff2022; Stern et al., PRX 11, 021045)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from labnet import circuit
from labnet.circuit.laws import Law
from labnet.errors import PlanError
from labnet.rules.rule import ContrastRule, Costs, Needs, Rule, States
from labnet.tasks import Task

if TYPE_CHECKING:
    from labnet.rules.lab import Lab

FloatArray = NDArray[np.float64]


def free_outputs(task: Task, ohm: FloatArray, law: Law) -> FloatArray:
    """Solve for the free voltages (O,) of the outputs in the first example."""
    volts = circuit.node_voltages(task.network, ohm, task.held(task.train.inputs[0]), law=law)
    return np.asarray(volts[list(task.outputs)])


class Discrete(Rule):
    """+1 wiper position if |dV_C| + sigma > |dV_F|, else -1 (Eq. 10). The board's own comparators decide."""

    name: Literal["discrete"] = "discrete"

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        raise PlanError(
            f"{cls.__qualname__} is a subclass of Discrete, which the board's comparators decide; allowed: a subclass "
            "of labnet.Continuous, which the host decides."
        )

    @property
    def needs(self) -> Needs:
        """Comparators, wipers, and outputs that can be held and read."""
        return Needs("voltage", reads="outputs", moves="wipers")

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: the free state, of which the outputs are read, the clamped one, a clock."""
        return Costs(2, len(task.outputs), task.network.edge_count)


class Continuous(ContrastRule):
    """dR_i = (gamma / R_i^2) (dV_C^2 - dV_F^2), R in units of R_ref, V in volts (Eqs. 2 and 7). The host decides.

    Coupled learning: a weakly nudged target (ernoult2024, Sec. 3.2). With eta = 1 outputs are fully clamped.

    A subclass is a rule of one's own: it has a `delta`, and a name that no other has. Fields that it adds are numbers,
    text, or lists of them; they go into every run file. It runs wherever resistances can be set, paced by the host;
    a plan or an experiment file can name it once its class is defined, and defining the class again replaces it::

        class Hinge(labnet.Continuous):
            name: Literal["hinge"] = "hinge"
            margin_v: float = 0.1

            def delta(self, states): ...  # states.network, ohm (E,), free (n,), nudged (n,)

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    symmetric : bool
        Nudge away from the target, too, by -eta: the contrast is that of both, halved.
    margin_v : float, optional
        Only when wrong, with a margin: outputs that are within it of what is wanted are held where they are.
    over_clamp_v : (float, float), optional
        Over-clamping: outputs are drawn to the lower or the upper of these voltages, on the side of what is wanted, and
        the change is scaled by the error: the largest error over the largest way to that voltage.

    Raises
    ------
    PlanError
        When a subclass is defined without a name of its own.
    """

    name: Literal["continuous"] = "continuous"
    symmetric: bool = False
    margin_v: float | None = Field(None, ge=0, description="a voltage, 0 or more, or none")
    over_clamp_v: tuple[float, float] | None = Field(None, description="[low, high] in volts, or none")

    @model_validator(mode="after")
    def _two_ends(self) -> "Continuous":
        if self.over_clamp_v is not None and not self.over_clamp_v[0] < self.over_clamp_v[1]:
            raise ValueError(f"over_clamp_v is {list(self.over_clamp_v)}; allowed: the lower voltage first")
        return self

    @property
    def rate(self) -> float:
        """What the contrast is multiplied by: gamma, or half of it where two nudges are compared."""
        return self.gamma * 0.5 if self.symmetric else self.gamma

    @property
    def needs(self) -> Needs:
        """Outputs that can be held, nodes that can be read."""
        return Needs("voltage")

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: free outputs are read to hold the clamped ones, then all nodes of both sides."""
        nodes, outputs = task.network.node_count, len(task.outputs)
        settlings = 3 if self.symmetric else 2
        return Costs(settlings * examples, (outputs + 2 * nodes) * examples, task.network.edge_count)

    def aim(self, wanted: FloatArray, free: FloatArray) -> tuple[FloatArray, float]:
        """Give the voltages (O,) to draw outputs to, for what is wanted and read there, and a factor on the change."""
        aim, weight = wanted, 1.0
        if self.over_clamp_v is not None:
            aim = np.where(wanted > free, self.over_clamp_v[1], self.over_clamp_v[0])
            way = float(np.abs(aim - free).max())
            weight = float(np.abs(wanted - free).max()) / way if way else 0.0
        if self.margin_v is not None:
            aim = np.where(np.abs(wanted - free) > self.margin_v, aim, free)
        return aim, weight

    def nudge_v(self, task: Task, ohm: FloatArray, law: Law, eta: float) -> float:
        """Work out how far the nudge of the first example moves its outputs at most, in volts."""
        free = free_outputs(task, ohm, law)
        aim, _ = self.aim(task.wanted(free, task.train.targets[0]), free)
        return eta * float(np.abs(aim - free).max())

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[States]:
        """Show examples in the free state and nudged by eta."""
        for example in examples:
            lab.hold(example)
            lab.settle()
            outputs = lab.outputs()
            aim, weight = self.aim(lab.wanted(example, outputs), outputs)
            if self.symmetric:
                lab.clamp(example, aim, outputs, -lab.eta)
                lab.settle()
                opposite = lab.read("clamped")
            lab.clamp(example, aim, outputs, lab.eta)
            lab.settle()
            free = opposite if self.symmetric else lab.read("free")
            yield lab.states(free, lab.read("clamped"), weight)
