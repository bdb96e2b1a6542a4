"""How the engine's functions are compiled: strictly by IEEE 754, without the interpreter's lock, kept on disk."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

# numba finds a function kept on disk by its own file alone. A function with this hash of all the engine's files among
# its outer variables is compiled anew when one that it calls has changed.
STAMP = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


# Arrays live as long as the call that gets them, so they need no counting of references (_nrt): in tuples of dozens of
# arrays that costs more than the physics.
_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile what only other compiled functions call: without a wrapper for Python, which can't be handed lanes."""
    return njit(**_OPTIONS, no_cpython_wrapper=True, forceinline=True)(function)


def kept(function: Callable[..., Any]) -> Any:
    """Compile what Python calls, and keep it on disk."""
    return njit(**_OPTIONS, cache=True)(function)
