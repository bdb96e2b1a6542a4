"""Sweeps: one experiment over a grid or a list of values. See docs/sweeps.md."""

from labnet.sweeps.over import Over
from labnet.sweeps.running import sweep
from labnet.sweeps.store import Sweep

__all__ = ["Over", "Sweep", "sweep"]
