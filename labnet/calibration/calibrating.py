"""Calibrate a board from the outside, through its verbs alone."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from labnet.board import Board
from labnet.calibration.calibration import Calibration, identity
from labnet.calibration.comparators import measure_comparators
from labnet.calibration.converters import measure_converters
from labnet.calibration.gates import TRIGGERS, measure_gates
from labnet.calibration.pots import measure_pots
from labnet.calibration.rig import Rig
from labnet.calibration.settling import measure_settling
from labnet.errors import LabnetError, NotSupported, PlanError
from labnet.interrupts import finish
from labnet.meters import BoardMeter
from labnet.origin import made_with

CLASSES = ("settling", "converters", "pots", "comparators", "gate")
DAYS = 90
_LEAST_SETTLE_S = 20e-6


def calibrate(
    board: Board,
    meter: BoardMeter | None = None,
    *,
    only: Collection[str] = CLASSES,
    positions: Sequence[int] | None = None,
    triggers: int = TRIGGERS,
    days: float = DAYS,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Calibration:
    """Calibrate a board: sources and readings, gates, potentiometers, comparators, settling.

    The board is moved through its whole range; it is left safe, with its wipers as they were, whatever happens. What it
    cannot do is said in the result, and the rest is done.

    Parameters
    ----------
    board : Board
    meter : BoardMeter, optional
        Without one, sources are taken to be as good as their data sheet says; without one that measures currents, the
        scale of resistances is not known.
    only : collection of str
        Which kinds of part: converters, gate, pots, comparators, settling.
    positions : sequence of int, optional
        Wiper positions at which resistances are measured; some twelve by default.
    triggers : int
        How many to count open gates over.
    days : float
        How long it is good for.
    seed : int
        Of the random waits between these triggers.
    progress : callable
        Called with the kind of part and the share of it that is done.

    Raises
    ------
    PlanError
        For a kind of part there is not, or wiper positions that the board has not.
    BoardError
        For a board that fails.
    """
    if unknown := [name for name in only if name not in CLASSES]:
        raise PlanError(f"only {', '.join(unknown)}; allowed: {', '.join(CLASSES)}.")
    top = board.info.wiper_positions - 1
    if wrong := [k for k in positions or () if not 0 <= k <= top]:
        raise PlanError(f"wiper position {wrong[0]}; allowed: 0 to {top}.")
    began, kind = time.monotonic(), ""
    rig = Rig(board, seed, lambda share: progress(kind, share))
    found: dict[str, Any] = {}
    not_done: dict[str, str] = {}
    wipers = board.wipers()
    snapshot = board.snapshot() if (wipers < 0).any() and board.info.snapshots else None  # resistances were set
    if snapshot is None and (wipers < 0).any():
        raise NotSupported(
            f"where the wipers of {board.address} stand is not known, its edges have stepped by themselves, so they "
            "could not be put back; call set_wipers first."
        )

    def left_as_it_was() -> None:
        board.safe()
        if snapshot is not None:
            board.restore(snapshot)
        else:
            board.set_wipers(wipers)
        board.safe()

    def attempt(name: str, measure: Callable[[], Any]) -> None:
        nonlocal kind
        kind = name
        progress(name, 0.0)
        try:
            found[name] = measure()
        except NotSupported as error:
            not_done[name] = str(error)

    try:
        attempt("settling", lambda: measure_settling(rig))
        rig.settle_s = _settle_s(rig, found)
        if {"converters", "pots", "comparators"} & set(only):
            attempt("converters", lambda: measure_converters(rig, meter))
        if "converters" in found and "pots" in only:
            attempt("pots", lambda: measure_pots(rig, found["converters"], meter, positions))
        if "converters" in found and "comparators" in only:
            attempt("comparators", lambda: measure_comparators(rig, found["converters"]))
        if "gate" in only:
            attempt("gate", lambda: measure_gates(rig, triggers))
    except BaseException:
        with suppress(LabnetError):  # what ended it is the error to see
            finish(left_as_it_was)
        raise
    finish(left_as_it_was)
    now = datetime.now(UTC)
    return Calibration(
        board=identity(board),
        created=now,
        expires=now + timedelta(days=days),
        seconds=time.monotonic() - began,
        seed=seed,
        meter="none" if meter is None else type(meter).__name__,
        made_with=made_with(),
        not_done={name: why for name, why in not_done.items() if name in only},
        **{name: value for name, value in found.items() if name in only},
    )


def _settle_s(rig: Rig, found: dict[str, Any]) -> float:
    """Give how long to wait after a change, by what was found of settling."""
    settling = found.get("settling")
    if settling is None:
        return rig.settle_s
    tau_s = settling.tau_s.value
    slowest = np.nanmax(tau_s) if np.isfinite(tau_s).any() else 0.0
    return max(25 * float(slowest), 25 * float(settling.at_most_s), _LEAST_SETTLE_S)
