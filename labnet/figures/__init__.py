"""The figures of wycoff2022, and studies of learning rules, each from a TOML file.

A figure is the statement it tests, numbers with intervals, a verdict and a picture.
"""

from labnet.figures.collapse import FIG_1B
from labnet.figures.damage import FIG_DAMAGE
from labnet.figures.desync_advice import FIG_ADVICE
from labnet.figures.desync_clocks import FIG_CLOCKS
from labnet.figures.desync_collapse import FIG_COLLAPSE
from labnet.figures.desync_distance import FIG_DISTANCE
from labnet.figures.desync_map import FIG_MAP
from labnet.figures.desync_paper import FIG_PAPER
from labnet.figures.desync_settings import FIG_SETTINGS
from labnet.figures.desync_size import FIG_SIZE
from labnet.figures.desync_tasks import FIG_TASKS
from labnet.figures.desync_time import FIG_TIME
from labnet.figures.distances import FIG_2A, FIG_2B
from labnet.figures.figure import Figure, Findings
from labnet.figures.final_errors import FIG_4C, FIG_4D, FIG_4E
from labnet.figures.gate_training import FIG_GATES
from labnet.figures.gates import FIG_3
from labnet.figures.making import Made, make
from labnet.figures.noise import EQ_6
from labnet.figures.rules_bias import FIG_BIAS
from labnet.figures.rules_cosine import FIG_COSINE
from labnet.figures.rules_hardware import FIG_HARDWARE
from labnet.figures.rules_nonlinear import FIG_NONLINEAR
from labnet.figures.rules_norm import FIG_NORM
from labnet.figures.rules_scaling import FIG_SCALING
from labnet.figures.rules_tau import FIG_TAU
from labnet.figures.self_triggered import FIG_SELF_TRIGGERED
from labnet.figures.traces import FIG_4A, FIG_4B

FIGURES = {
    each.name: each
    for each in (
        *(FIG_1B, FIG_2A, FIG_2B, EQ_6, FIG_3, FIG_GATES, FIG_4A, FIG_4B, FIG_4C, FIG_4D, FIG_4E),
        *(FIG_SELF_TRIGGERED, FIG_DAMAGE, FIG_DISTANCE, FIG_SETTINGS, FIG_CLOCKS, FIG_PAPER, FIG_ADVICE),
        *(FIG_MAP, FIG_COLLAPSE, FIG_TIME),
        *(FIG_SIZE, FIG_TASKS),
        *(FIG_COSINE, FIG_SCALING, FIG_TAU, FIG_NORM, FIG_BIAS, FIG_HARDWARE, FIG_NONLINEAR),
    )
}

__all__ = ["FIGURES", "Figure", "Findings", "Made", "make"]
