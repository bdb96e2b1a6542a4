"""Gain and offset of what drives the nodes and of what reads them, against a meter.

All nodes are held at the same voltages, one after the other, so that no current flows. A source asked for q gives
v = (1 + g) q + o, and a reading of it is r = (1 + g') v + o'. The meter says v, so a straight line through its readings
gives (g, o) and one through the board's gives (1 + g')(1 + g) and (1 + g') o + o'.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labnet.calibration.estimates import few
from labnet.calibration.results import Converters, converters_of
from labnet.calibration.rig import Rig
from labnet.errors import NotSupported
from labnet.meters import Accuracy, BoardMeter

FloatArray = NDArray[np.float64]

LEVELS = 8
READINGS = 24  # of a node at a level
# Of the sources of a board that no meter was at, each on its own (AD5676: 1.5 mV and 0.06 % of the range at most).
ASSUMED = Accuracy(gain=5e-4, offset=1e-3)


WORST = 0.2  # of the range: further off no source is, and the leads are elsewhere


class Lines(NamedTuple):
    """Straight lines through readings.

    Attributes
    ----------
    slopes, intercepts : numpy.ndarray, shape (n,)
    covariance : numpy.ndarray, shape (2, 2)
        Of slope and intercept, the same for all.
    """

    slopes: FloatArray
    intercepts: FloatArray
    covariance: FloatArray


def measure_converters(rig: Rig, meter: BoardMeter | None) -> Converters:
    """Measure sources and readings of all nodes that can be held."""
    nodes = list(rig.nodes)
    levels = np.array([rig.volts(share) for share in np.linspace(0.05, 0.95, LEVELS)])
    rounds = nodes if meter is not None else nodes[:1]
    repeats = -(-READINGS // len(rounds))
    read = np.zeros((len(rounds), LEVELS, 2, rig.network.node_count))
    metered = np.zeros((len(rounds), LEVELS))
    rig.place(rig.top)
    for k, node in enumerate(rounds):  # somebody may have to move the leads: as rarely as can be
        for level, volts in enumerate(levels.tolist()):
            rig.hold(dict.fromkeys(nodes, volts))
            read[k, level] = rig.read(repeats)  # before the meter
            if meter is not None:
                metered[k, level] = meter.node_voltage("free", node)
            rig.tell((k * LEVELS + level + 1) / (len(rounds) * LEVELS))
    means = read.mean(axis=0)[:, :, nodes]  # (levels, 2, n)
    readings = _lines(levels, means.reshape(LEVELS, -1), rig.mean_var(repeats * len(rounds)))
    noise_v = float(np.sqrt(rig.mean_var(1)))
    if meter is None:
        sources = Lines(np.ones(len(nodes)), np.zeros(len(nodes)), np.diag(np.square(ASSUMED)))
        return converters_of(rig.network.node_count, nodes, sources, readings, Accuracy(), noise_v)
    sources = _lines(levels, metered.T, 0.0)
    off = np.abs(metered - levels).max(axis=1) / np.ptp(levels)
    if off.max() > WORST:
        k = int(np.argmax(off))
        raise NotSupported(
            f"the meter does not follow the source of node {nodes[k]}: it reads {metered[k, 0]:.4g} V at "
            f"{levels[0]:.4g} V and {metered[k, -1]:.4g} V at {levels[-1]:.4g} V. See where its leads are."
        )
    return converters_of(rig.network.node_count, nodes, sources, readings, meter.voltage_accuracy, noise_v)


def _lines(levels: FloatArray, readings: FloatArray, least_var: float) -> Lines:
    """Fit a line through each column; scatter about them is that of all together, or at least as given."""
    design = np.stack([levels, np.ones_like(levels)], axis=1)
    fitted, *_ = np.linalg.lstsq(design, readings, rcond=None)
    dof = readings.shape[1] * (len(levels) - 2)
    var = max(float(((readings - design @ fitted) ** 2).sum()) / dof, least_var)
    return Lines(fitted[0], fitted[1], np.linalg.inv(design.T @ design) * var * few(dof) ** 2)
