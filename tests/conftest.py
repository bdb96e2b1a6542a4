"""Puts this folder on the import path, for what the tests of several packages share."""

import os
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("labnet", deadline=None)  # a shared machine's pauses are no failures
settings.load_profile("labnet")

# no test looks at the calibrations of whoever runs it
os.environ["LABNET_CALIBRATIONS"] = str(Path(tempfile.gettempdir()) / "labnet-tests-have-no-calibrations")
