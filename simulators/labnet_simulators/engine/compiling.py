"""How the engine's functions are compiled: strictly by IEEE 754, without the interpreter's lock, kept on disk."""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

from labnet.errors import LabnetWarning

# numba finds what it has kept on disk by the function's own file. A function that calls others has this hash of all the
# engine's files among its outer variables, so that it is compiled anew when one of them has changed.
STAMP = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()

_OPTIONS: dict[str, bool | str] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# Arrays that are handed in live as long as the call, so they need no counting of references (_nrt): in tuples of dozens
# of arrays that costs more than the physics. Such a function cannot make arrays.
_BORROWING: dict[str, bool | str] = {**_OPTIONS, "_nrt": False}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile what only other compiled functions call: without a wrapper for Python, which can't be handed lanes."""
    return njit(**_BORROWING, no_cpython_wrapper=True, forceinline=True)(function)


def kept_kernel(function: Callable[..., Any]) -> Any:
    """Compile what Python calls and what makes no arrays, and keep it on disk."""
    return _kept(function, _BORROWING)


def kept(function: Callable[..., Any]) -> Any:
    """Compile what Python calls, and keep it on disk."""
    return _kept(function, _OPTIONS)


def _kept(function: Callable[..., Any], options: dict[str, bool | str]) -> Any:
    try:
        return njit(**options, cache=True)(function)
    except RuntimeError:  # numba found no directory to write to
        warnings.warn(
            "compiled code cannot be kept on disk, so every process compiles it anew, which takes seconds; set "
            "NUMBA_CACHE_DIR to a directory that can be written to.",
            LabnetWarning,
            stacklevel=2,
        )
        return njit(**options)(function)
