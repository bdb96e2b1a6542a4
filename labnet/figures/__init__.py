"""The figures of wycoff2022, each from a TOML file: the statement it tests, numbers with intervals, a picture."""

from labnet.figures.collapse import FIG_1B
from labnet.figures.damage import FIG_DAMAGE
from labnet.figures.distances import FIG_2A, FIG_2B
from labnet.figures.figure import Figure, Findings
from labnet.figures.final_errors import FIG_4C, FIG_4D, FIG_4E
from labnet.figures.gate_training import FIG_GATES
from labnet.figures.gates import FIG_3
from labnet.figures.making import Made, make
from labnet.figures.noise import EQ_6
from labnet.figures.self_triggered import FIG_SELF_TRIGGERED
from labnet.figures.traces import FIG_4A, FIG_4B

FIGURES = {
    each.name: each
    for each in (
        *(FIG_1B, FIG_2A, FIG_2B, EQ_6, FIG_3, FIG_GATES, FIG_4A, FIG_4B, FIG_4C, FIG_4D, FIG_4E),
        *(FIG_SELF_TRIGGERED, FIG_DAMAGE),
    )
}

__all__ = ["FIGURES", "Figure", "Findings", "Made", "make"]
