"""The gradient by implicit differentiation, and a second-order step of it: a reference for all other rules."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from labnet import circuit
from labnet.networks import Network
from labnet.rules.rule import Costs, GradientRule, HostRule, Needs, Slope
from labnet.tasks import Task

if TYPE_CHECKING:
    from labnet.rules.lab import Lab

FloatArray = NDArray[np.float64]


class Responses(NamedTuple):
    """What one example showed, and how all nodes respond to currents.

    Attributes
    ----------
    network : Network
    ohm : numpy.ndarray, shape (E,)
    free : numpy.ndarray, shape (n,)
        Node voltages.
    responses : numpy.ndarray, shape (K, n)
        In volts, to K currents in units of 1 V / R_ref, inputs and grounds at 0 V.
    pulls : numpy.ndarray, shape (K,)
        What the rule does with them: the error at the node that a response is to.
    """

    network: Network
    ohm: FloatArray
    free: FloatArray
    responses: FloatArray
    pulls: FloatArray

    @property
    def slopes(self) -> FloatArray:
        """D V / dR of what each response is to, in volts, R in units of R_ref; (K, E): d_response d_free / R^2."""
        g = self.network.r_ref_ohm / self.ohm
        drops = circuit.edge_drops(self.network, self.responses)
        return np.asarray(drops * circuit.edge_drops(self.network, self.free) * (g * g))


class ExactGradient(GradientRule):
    """dR = -gamma dO/dR by implicit differentiation (ernoult2024, Eq. 2), O = 1/2 sum (V_F - V_D)^2, R in R_ref.

    On resistors the adjoint circuit is the network itself: inputs and grounds at one voltage, and the errors of
    the outputs fed into them as currents. Then dO/dR_i = d_lambda d_V / R_i^2, of the drops over edge i in both. With
    ``adjoint = "computed"`` the host solves for lambda, in the linearised network where edges are no resistors: it has
    to know what the board is made of, so that is a reference and no rule for a bench.

    Parameters
    ----------
    gamma, batch, fixed_batch
        As of `labnet.rules.HostRule`.
    adjoint : {"circuit", "computed"}
        Where lambda comes from: read on the board, or solved for by the host.
    """

    name: Literal["exact-gradient"] = "exact-gradient"
    adjoint: Literal["circuit", "computed"] = "circuit"

    @property
    def needs(self) -> Needs:
        """Outputs that currents can be fed into, resistors, nodes that can be read; or nodes that can be read."""
        return Needs("current", linear=True) if self.adjoint == "circuit" else Needs()

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: the free state and, where the board has it, the adjoint one."""
        states = 2 if self.adjoint == "circuit" else 1
        return Costs(states * examples, states * task.network.node_count * examples, task.network.edge_count)

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[Slope]:
        """Show examples, and the adjoint circuit of each."""
        at = np.array(lab.task.outputs)
        for example in examples:
            lab.hold(example, clamped=False)
            lab.settle()
            free = lab.read("free")
            error = free[at] - lab.wanted(example, free[at])
            if self.adjoint == "circuit":
                zero_v = lab.hold_even("clamped")
                lab.nudge("clamped", error)
                lab.settle()
                response = lab.read("clamped")[None] - zero_v
                yield Slope(lab.network, Responses(lab.network, lab.ohm, free, response, np.ones(1)).slopes[0])
            else:
                held = lab.task.held(lab.task.train.inputs[example])
                errors = np.zeros(lab.network.node_count)
                errors[at] = error
                slope = circuit.cost_slope(lab.network, lab.ohm, free, held, errors, lab.law)
                yield Slope(lab.network, lab.network.r_ref_ohm * slope)


class Fisher(HostRule):
    """dR = -gamma pinv(dV/dR) (V - V_D): a second-order step with Fisher's information, one example at a time (Eq. 18).

    dV/dR has a row for every voltage whose error counts, each measured as the response to a current into that node; its
    pseudo-inverse takes the smallest change that mends the errors. Of all nodes' voltages, those that are no
    outputs are to stay as they are.

    Parameters
    ----------
    gamma : float
        The share of the errors that a step mends.
    batch
        Examples are stepped for one by one, and the steps added; the paper has it for one example alone.
    of : {"outputs", "nodes"}
        Which voltages V there are.
    damping : float
        Added to dV/dR dV/dR^T, as a share of its largest eigenvalue: where a response is hardly there, it asks for
        less.
    """

    name: Literal["fisher"] = "fisher"
    of: Literal["outputs", "nodes"] = "outputs"
    damping: float = Field(1e-3, ge=0, description="a number, 0 or more")

    @property
    def needs(self) -> Needs:
        """Nodes that currents can be fed into and that can be read, and resistors."""
        return Needs("current", linear=True)

    def costs(self, task: Task, examples: int) -> Costs:
        """Give what a step takes: the free state, and one for each voltage that counts."""
        states = (1 + len(self._counting(task))) * examples
        return Costs(states, states * task.network.node_count, task.network.edge_count)

    def _counting(self, task: Task) -> tuple[int, ...]:
        """Give the nodes whose voltages count, outputs first."""
        rim = {*task.inputs, *task.grounds, *task.outputs}
        others = (
            () if self.of == "outputs" else tuple(node for node in range(task.network.node_count) if node not in rim)
        )
        return task.outputs + others

    def show(self, lab: "Lab", examples: Sequence[int]) -> Iterator[Responses]:
        """Show examples, and how their nodes respond to a current into each node that counts."""
        nodes, at = self._counting(lab.task), np.array(lab.task.outputs)
        for example in examples:
            lab.hold(example, clamped=False)
            lab.settle()
            free = lab.read("free")
            pulls = np.zeros(len(nodes))
            pulls[: len(at)] = free[at] - lab.wanted(example, free[at])
            zero_v = lab.hold_even("clamped")
            responses = []
            for node in nodes:
                lab.nudge("clamped", np.ones(1), nodes=[node])
                lab.settle()
                responses.append(lab.read("clamped") - zero_v)
            yield Responses(lab.network, lab.ohm, free, np.array(responses), pulls)

    def delta(self, states: Responses) -> FloatArray:
        """Give the change of the resistances in ohms, shape (E,)."""
        slopes = states.slopes
        square = slopes @ slopes.T
        square += self.damping * np.linalg.norm(square, 2) * np.eye(len(square))
        return (
            -self.gamma * states.network.r_ref_ohm * (slopes.T @ np.linalg.lstsq(square, states.pulls, rcond=None)[0])
        )
