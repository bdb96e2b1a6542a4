"""labnet: twin resistor networks that train themselves, simulated and on the bench, in one script."""

from labnet import calibration, circuit, errors, networks, rules, tasks
from labnet.addresses import find_boards, open_board
from labnet.board import Board
from labnet.calibration import calibrate
from labnet.catalogue import catalogue
from labnet.comparison import compare
from labnet.controller import Controller
from labnet.experiment import Experiment
from labnet.inspection.inspecting import inspect
from labnet.networks import Network
from labnet.plan import GlobalClock, LogSpaced, Plan, SelfTriggered
from labnet.records import Record
from labnet.rule_comparison import compare_rules
from labnet.rules import Continuous, Discrete
from labnet.runs import Run
from labnet.sweeps import Sweep, sweep
from labnet.tasks import Task
from labnet.training import run_plan, train

__version__ = "0.1.0"

__all__ = [
    "Board",
    "Continuous",
    "Controller",
    "Discrete",
    "Experiment",
    "GlobalClock",
    "LogSpaced",
    "Network",
    "Plan",
    "Record",
    "Run",
    "SelfTriggered",
    "Sweep",
    "Task",
    "calibrate",
    "calibration",
    "catalogue",
    "circuit",
    "compare",
    "compare_rules",
    "errors",
    "find_boards",
    "inspect",
    "networks",
    "open_board",
    "rules",
    "run_plan",
    "sweep",
    "tasks",
    "train",
]
