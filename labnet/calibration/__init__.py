"""Calibrating a board from the outside, keeping what was found, and using it. docs/calibration.md says how."""

from labnet.calibration.calibrating import CLASSES, calibrate
from labnet.calibration.calibration import Calibration
from labnet.calibration.estimates import Estimate

__all__ = ["CLASSES", "Calibration", "Estimate", "calibrate"]
