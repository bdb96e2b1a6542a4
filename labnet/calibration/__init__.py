"""Calibrating a board from the outside, keeping what was found, and using it. docs/calibration.md says how."""

from labnet.calibration.calibrating import CLASSES, calibrate
from labnet.calibration.calibration import Calibration
from labnet.calibration.corrected import CalibratedBoard, applied, calibration_of
from labnet.calibration.estimates import Estimate
from labnet.calibration.store import files, folder, load, newest, save

__all__ = [
    "CLASSES",
    "CalibratedBoard",
    "Calibration",
    "Estimate",
    "applied",
    "calibrate",
    "calibration_of",
    "files",
    "folder",
    "load",
    "newest",
    "save",
]
