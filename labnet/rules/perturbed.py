"""Gradients from outputs alone: something is moved a little, and the cost is seen to change (oripov2025)."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from labnet import circuit
from labnet.board import BoardInfo
from labnet.errors import LabnetError, PlanError
from labnet.rules.perturbations import Code, Random, perturbations, variance
from labnet.rules.rule import Costs, GradientRule, Needs, Slope
from labnet.tasks import Task

if TYPE_CHECKING:
    from labnet.rules.lab import Lab

FloatArray = NDArray[np.float64]

_LEAST_MADE = 0.25  # of what was asked for; of a wiper at an end a third is left, rounded down and one way only


class Shots(NamedTuple):
    """The perturbations of one step: the values of `code` at so many time steps, and both ways where `central`."""

    code: Code
    times: int
    central: bool


class PerturbationRule(GradientRule):
    """A rule that perturbs resistances ("weights"), or currents into the free nodes ("nodes"), and reads the outputs.

    The cost O = 1/2 sum (V_F - V_D)^2 changes by dO when parameters are moved by theta, and the mean of dO theta over
    time steps, divided by the variance of theta, is the gradient (oripov2025, Eq. 11). Nodes are fewer than edges:
    currents give lambda, the gradient with them, and dO/dR_i = d_lambda d_V / R_i^2 of the drops over edge i (Eq. 6b;
    where edges are no resistors, -d_lambda dI/dR_i). For that the host needs to know R_i, and reads all nodes once.
    A current moves a node far that hangs on edges which block: perturb resistances there.

    What is seen is divided by the perturbation that was really made: wipers go to whole positions, and ranges end.
    Where less than a quarter is left of it, the edge is left out, so one at an end counts when it is moved inwards.
    Records hold the outputs as they were read last, perturbed.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    perturb : {"weights", "nodes"}
        What is moved: resistances, or the currents into free nodes.
    amplitude : float
        delta, the size of a perturbation: in units of R_ref, or of 1 V / R_ref.
    """

    registered: ClassVar[bool] = False
    perturb: Literal["weights", "nodes"] = "weights"
    amplitude: float = Field(0.01, gt=0, description="a number above 0")

    @abstractmethod
    def shots(self, parameters: int) -> Shots:
        """Give the perturbations of a step, for so many parameters."""

    def norm(self, parameters: int) -> float:
        """Give what an estimate is divided by."""
        return 1.0

    @property
    def needs(self) -> Needs:
        """Resistances that can be set and outputs that can be read, or free nodes to feed currents into."""
        return Needs(reads="outputs") if self.perturb == "weights" else Needs("current")

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes; whenever resistances are set, all are."""
        shots = self.shots(len(self.parameters(task)))
        changed = shots.times * (2 if shots.central else 1)
        outputs, edges = len(task.outputs), task.network.edge_count
        if self.perturb == "nodes":
            return Costs((1 + changed) * examples, (task.network.node_count + changed * outputs) * examples, edges)
        settlings = (changed if shots.central else 1 + changed) * examples
        return Costs(settlings, settlings * outputs, (changed + 2) * edges)  # put back, and the step itself

    def parameters(self, task: Task) -> NDArray[np.int64]:
        """Give what is perturbed: edges, or free nodes, (K,)."""
        if self.perturb == "weights":
            return np.arange(task.network.edge_count)
        return np.setdiff1d(np.arange(task.network.node_count), task.inputs + task.grounds)

    def check_wipers(self, info: BoardInfo, r_ref_ohm: float) -> None:
        """Raise `PlanError` where a perturbation is lost between two wiper positions."""
        step = info.end_to_end_ohm / info.wiper_positions / r_ref_ohm
        if self.perturb == "weights" and not self.amplitude > step / 2:
            raise PlanError(
                f"rule.amplitude is {self.amplitude:g}, and a wiper step is {step:.3g} of R_ref, so no wiper moves; "
                f"allowed: more than {step / 2:.3g}, better {step:.3g} or a multiple of it."
            )

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[Slope]:
        """Show examples, perturbed and not."""
        parameters = self.parameters(lab.task)
        count = len(parameters)
        shots = self.shots(count)
        values = perturbations(shots.code, lab.step * shots.times, shots.times, count, seed=lab.seed)
        scale = 1.0 / (shots.times * variance(shots.code, count) * self.amplitude * self.norm(count))
        if self.perturb == "weights":
            yield Slope(lab.network, scale * self._by_weights(lab, examples, values, shots.central))
        else:
            for example in examples:
                pulls = np.zeros(lab.network.node_count)
                free, pulls[parameters] = self._by_nodes(lab, example, parameters, values, shots.central)
                yield Slope(lab.network, scale * slope_of_pulls(lab, free, pulls))

    def _by_weights(self, lab: "Lab", examples: Sequence[int], values: FloatArray, central: bool) -> FloatArray:
        """Give the sum over time of changes of the cost, times values (T, E)."""
        total = np.zeros(values.shape[1])
        base = 0.0 if central else lab.cost(examples)
        try:
            for each in values:
                asked = self.amplitude * lab.network.r_ref_ohm * each
                made = lab.perturb(asked)
                change = lab.cost(examples) - base
                if central:
                    made = 0.5 * (made - lab.perturb(-asked))
                    change = 0.5 * (change - lab.cost(examples))
                counts = (made != 0.0) & (np.abs(made) >= _LEAST_MADE * np.abs(asked))
                total += change * each * np.divide(asked, made, out=np.zeros_like(made), where=counts)
        except LabnetError:
            lab.restore()  # or the run would log the perturbed wipers as its last, and go on from there
            raise
        lab.restore()
        return total

    def _by_nodes(
        self, lab: "Lab", example: int, nodes: NDArray[np.int64], values: FloatArray, central: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Give the free state (n,), and the sum over time of changes of the cost, times values (T, K)."""
        total = np.zeros(values.shape[1])
        lab.hold_free(example)
        lab.settle()
        free = lab.read("free")
        base = lab.cost_of(example, free[list(lab.task.outputs)])

        def nudged(volts: FloatArray) -> float:
            lab.nudge("free", volts, nodes=nodes.tolist())
            lab.settle()
            return lab.cost_of(example, lab.outputs())

        for each in values:
            change = nudged(self.amplitude * each) - base
            if central:
                change = 0.5 * (change + base - nudged(-self.amplitude * each))
            total += change * each
        lab.seen["free"] = free
        return free, total


def slope_of_pulls(lab: "Lab", free: FloatArray, pulls: FloatArray) -> FloatArray:
    """Give dO/dR (E,), R in units of R_ref, from dO/dI of currents into nodes (n,), in units of V / R_ref."""
    into = lab.network.r_ref_ohm**2 * lab.law.ohm_slope(lab.network, lab.ohm, free)
    return np.asarray(-circuit.edge_drops(lab.network, pulls) * into)


class FiniteDifferences(PerturbationRule):
    """dR = -gamma dO/dR, each parameter moved up and down alone (ernoult2024, Eq. 9).

    dO/dR is (O(+delta) - O(-delta)) / 2 delta, off by O(delta^2); nothing is drawn.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    perturb, amplitude
        As of `labnet.rules.perturbed.PerturbationRule`.
    """

    name: Literal["finite-differences"] = "finite-differences"

    def shots(self, parameters: int) -> Shots:
        """Give the perturbations of a step: one of every parameter."""
        return Shots("sequential", parameters, central=True)


class ZerothOrder(PerturbationRule):
    """dR = -gamma G, of slopes along random directions u: the mean of u (O(+delta u) - O(-delta u)) / 2 delta.

    SPSA where u is "bernoulli" (ernoult2024, Eq. 10). G is the gradient in the mean, to O(delta^2).

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    perturb, amplitude
        As of `labnet.rules.perturbed.PerturbationRule`.
    directions : int
        How many a step.
    distribution : {"normal", "bernoulli"}
        Of each component of u, of variance 1.
    """

    name: Literal["zeroth-order"] = "zeroth-order"
    directions: int = Field(1, ge=1, description="a whole number, at least 1")
    distribution: Random = "normal"

    def shots(self, parameters: int) -> Shots:
        """Give the perturbations of a step: new directions."""
        return Shots(self.distribution, self.directions, central=True)


class MultiplexedGradientDescent(PerturbationRule):
    """dR = -gamma G, all parameters perturbed at once and told apart by their codes (oripov2025, Eq. 11).

    Each step measures the cost C_0 without a perturbation, and then at tau_theta time steps with one; its examples stay
    for all of them. Time runs on from step to step, so that codes are gone through even where tau_theta is short. With
    one example a step, in turn, codes other than "bernoulli" can then fall into step with the examples, which never see
    some of the code: take tau_theta a multiple of its period (`labnet.rules.perturbations.period`), a batch, or a
    random order.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    perturb, amplitude
        As of `labnet.rules.perturbed.PerturbationRule`.
    code : {"bernoulli", "walsh", "sequential", "sinusoidal"}
        See `labnet.rules.perturbations.perturbations`.
    tau_theta : int
        Integration time, in time steps.
    normalised : bool
        Divide G by sqrt(1 + (K - 1) / tau_theta), so that its mean square is that of the gradient (Eq. 21); for
        "bernoulli" alone, for which that holds. Gamma of the paper's Table 2 has sqrt(K) / tau_theta besides, which
        makes the mean square tau_theta^2 / K times that of the gradient.
    """

    name: Literal["multiplexed"] = "multiplexed"
    code: Literal["bernoulli", "walsh", "sequential", "sinusoidal"] = "bernoulli"
    tau_theta: int = Field(1, ge=1, description="a whole number, at least 1")
    normalised: bool = False

    @model_validator(mode="after")
    def _known_square(self) -> Self:
        if self.normalised and self.code != "bernoulli":
            raise ValueError(
                f"normalised is set with the code {self.code!r}; allowed: 'bernoulli', which Eq. 21 is for"
            )
        return self

    def shots(self, parameters: int) -> Shots:
        """Give the perturbations of a step: the next of its code."""
        return Shots(self.code, self.tau_theta, central=False)

    def norm(self, parameters: int) -> float:
        """Give what an estimate is divided by."""
        return float(np.sqrt(1.0 + (parameters - 1) / self.tau_theta)) if self.normalised else 1.0
