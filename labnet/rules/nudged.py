"""Energy-based learning: the gradient from states that are nudged along the error (ernoult2024, Sec. 3)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from labnet import circuit
from labnet.circuit.laws import Law
from labnet.rules.coupled import Continuous
from labnet.rules.rule import ContrastRule, Costs, Needs, States
from labnet.tasks import Task

if TYPE_CHECKING:
    from labnet.rules.lab import Lab

FloatArray = NDArray[np.float64]


class EquilibriumPropagation(ContrastRule):
    """dR = -gamma dO/dR, from two states of F = K + beta O: nudged, and not, or oppositely (ernoult2024, Eqs. 12, 13).

    K is the content of the network (half the power, where edges are resistors), O = 1/2 sum (V_F - V_D)^2 over the
    outputs; R in units of R_ref. What nudges is the slope of beta O: a current -beta (V_F - V_D) / R_ref into every
    output, as its error was read in the free state; or a conductance beta / R_ref from it to V_D, which needs no
    reading before. The estimate is off by O(beta) from one side and by O(beta^2) centred; on resistors, centred by
    currents, by nothing.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    beta : float
        Strength of the nudge, dimensionless.
    nudge : {"current", "conductance"}
        What pulls the outputs.
    states : {"one-sided", "centred", "twin"}
        The nudged state against the free one; nudged both ways, one after the other; or both ways at once, one on each
        twin (Sec. 3.3).
    most_bias : float, optional
        How much the estimate may be off from the gradient, as a share of it, where training starts; a beta that is
        larger than that allows is refused.
    """

    name: Literal["equilibrium-propagation"] = "equilibrium-propagation"
    beta: float = Field(0.1, gt=0, description="a number above 0")
    nudge: Literal["current", "conductance"] = "current"
    states: Literal["one-sided", "centred", "twin"] = "centred"
    most_bias: float | None = Field(None, gt=0, description="a share above 0, or none")

    @property
    def rate(self) -> float:
        """What the contrast is multiplied by: gamma / (2 beta), half of it where two nudges are compared."""
        return self.gamma / ((2.0 if self.states == "one-sided" else 4.0) * self.beta)

    @property
    def needs(self) -> Needs:
        """Outputs that can be nudged softly, nodes that can be read."""
        return Needs(self.nudge, both_twins=self.states == "twin")

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: the free state where its error has to be read, and the nudged ones."""
        first = self._reads_first(task)
        settlings = first + (2 if self.states == "centred" else 1)
        readings = first * len(task.outputs) + 2 * task.network.node_count
        return Costs(settlings * examples, readings * examples, task.network.edge_count)

    def _reads_first(self, task: Task) -> bool:
        return self.nudge == "current" or task.differential

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[States]:
        """Show examples nudged, and in the state that is compared with it."""
        for example in examples:
            lab.hold(example, clamped=False)
            outputs = np.full(len(lab.task.outputs), np.nan)
            if self._reads_first(lab.task):
                lab.settle()
                outputs = lab.outputs()
            volts, shunts = self.pull(outputs, lab.wanted(example, outputs))
            if self.states == "twin":
                lab.nudge("free", -volts, None if shunts is None else -shunts)
            elif self.states == "centred":
                lab.nudge("clamped", -volts, None if shunts is None else -shunts)
                lab.settle()
                opposite = lab.read("clamped")
            lab.nudge("clamped", volts, shunts)
            lab.settle()
            free = opposite if self.states == "centred" else lab.read("free")
            yield lab.states(free, lab.read("clamped"))

    def pull(self, outputs: FloatArray, wanted: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """Give the nudge of the outputs, all (O,), as `Lab.nudge` takes it: currents, and conductances or none."""
        if self.nudge == "current":
            return self.beta * (wanted - outputs), None
        return self.beta * wanted, np.full(len(wanted), self.beta)

    def nudge_v(self, task: Task, ohm: FloatArray, law: Law, eta: float) -> float:
        """Work out how far the nudge of the first example moves its outputs at most, in volts."""
        free, _, nudged = self._solved(task, ohm, law)
        return float(np.abs(nudged - free)[list(task.outputs)].max())

    def bias(self, task: Task, resistances_ohm: ArrayLike, law: Law) -> float:
        """Work out how far the estimate of the first example's gradient is off, as a share of it; see `most_bias`."""
        network, ohm = task.network, np.asarray(resistances_ohm, dtype=np.float64)
        free, other, nudged = self._solved(task, ohm, law)
        estimate = self.delta(States(network, ohm, other, nudged, law)) / network.r_ref_ohm
        held, at = task.held(task.train.inputs[0]), list(task.outputs)
        errors = np.zeros(network.node_count)
        errors[at] = free[at] - task.wanted(free[at], task.train.targets[0])
        exact = -self.gamma * network.r_ref_ohm * circuit.cost_slope(network, ohm, free, held, errors, law)
        size = float(np.linalg.norm(exact))
        return float(np.linalg.norm(estimate - exact)) / size if size else 0.0

    def _solved(self, task: Task, ohm: FloatArray, law: Law) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Solve for the states of the first example, (n,) each: free, what is compared with, nudged."""
        network, held, at = task.network, task.held(task.train.inputs[0]), list(task.outputs)
        free = circuit.node_voltages(network, ohm, held, law=law)
        volts, shunts = self.pull(free[at], task.wanted(free[at], task.train.targets[0]))

        def nudged(sign: float) -> FloatArray:
            currents_a, shunts_s = np.zeros((2, network.node_count))
            currents_a[at] = sign * volts / network.r_ref_ohm
            shunts_s[at] = 0.0 if shunts is None else sign * shunts / network.r_ref_ohm
            return circuit.node_voltages(network, ohm, held, law=law, currents_a=currents_a, shunts_s=shunts_s)

        return free, free if self.states == "one-sided" else nudged(-1.0), nudged(1.0)


class OscillatingNudge(ContrastRule):
    """dR = -gamma dO/dR, or coupled learning, read out of a slow oscillation of the nudge (ernoult2024, Sec. 3.2).

    The nudge goes through one period as a sine, slowly: at each of its points all nodes settle and are read. A lock-in,
    the first Fourier component of the edges' contents, gives the change: what does not oscillate with the nudge drops
    out, and noise of readings is averaged over the period.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    nudge : {"voltage", "current"}
        Outputs are held at V_F + eta sin(.) (V_D - V_F), and the change is that of coupled learning; or currents
        -beta sin(.) (V_F - V_D) / R_ref are fed into them, and the change is that of equilibrium propagation.
    beta : float
        Strength of a nudge by currents, dimensionless.
    points : int
        Readings in a period, at least 3.
    """

    name: Literal["oscillating-nudge"] = "oscillating-nudge"
    nudge: Literal["voltage", "current"] = "voltage"
    beta: float = Field(0.1, gt=0, description="a number above 0")
    points: int = Field(8, ge=3, description="a whole number, at least 3")

    @property
    def rate(self) -> float:
        """What the contrast is multiplied by: gamma, or gamma / (2 beta) for currents."""
        return self.gamma if self.nudge == "voltage" else self.gamma / (2.0 * self.beta)

    @property
    def needs(self) -> Needs:
        """Outputs that can be nudged, nodes that can be read."""
        return Needs(self.nudge)

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: the free state, and one for every point of the period."""
        readings = len(task.outputs) + self.points * task.network.node_count
        return Costs((1 + self.points) * examples, readings * examples, task.network.edge_count)

    def nudge_v(self, task: Task, ohm: FloatArray, law: Law, eta: float) -> float:
        """Work out how far the nudge of the first example moves its outputs at most, in volts."""
        same = Continuous(gamma=1.0) if self.nudge == "voltage" else EquilibriumPropagation(gamma=1.0, beta=self.beta)
        return same.nudge_v(task, ohm, law, eta)

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[States]:
        """Show examples nudged by every point of a sine, each against the first point, weighted by the sine."""
        sines = np.sin(2.0 * np.pi * np.arange(self.points) / self.points)
        for example in examples:
            lab.hold(example, clamped=False)
            lab.settle()
            outputs = lab.outputs()
            wanted = lab.wanted(example, outputs)
            first = None
            for sine in sines.tolist():
                if self.nudge == "voltage":
                    lab.clamp(example, wanted, outputs, sine * lab.eta)
                else:
                    lab.nudge("clamped", self.beta * sine * (wanted - outputs))
                lab.settle()
                nudged = lab.read("clamped")
                first = nudged if first is None else first  # what is compared with drops out: the sines add up to 0
                yield lab.states(first, nudged, weight=2.0 / self.points * sine)
