"""Kirchhoff's laws: node voltages of any network with any nodes held, and slopes of a cost. Pure functions."""

from labnet.circuit.conditions import check_condition, known_leak, known_nodes
from labnet.circuit.edges import dissipated_power, edge_drops, node_currents
from labnet.circuit.gradients import adjoint, cost_slope
from labnet.circuit.laws import Diode, Law, Linear, Transistor
from labnet.circuit.linear import DENSE_UP_TO, transfer_matrix
from labnet.circuit.voltages import node_voltages

__all__ = [
    "DENSE_UP_TO",
    "Diode",
    "Law",
    "Linear",
    "Transistor",
    "adjoint",
    "check_condition",
    "cost_slope",
    "dissipated_power",
    "edge_drops",
    "known_leak",
    "known_nodes",
    "node_currents",
    "node_voltages",
    "transfer_matrix",
]
