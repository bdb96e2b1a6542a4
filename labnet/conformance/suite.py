"""The suite: its checks in their order, and what runs them."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace

from labnet.board import Board
from labnet.conformance import basics, edges, messages, trainings, voltages
from labnet.conformance.bench import Bench
from labnet.conformance.limits import Limits
from labnet.conformance.report import Measured, Report, Result
from labnet.errors import LabnetError, NotCalibrated, NotSupported, OutOfRange
from labnet.interrupts import finish

Check = Callable[[Bench], Iterator[Measured]]

_ALL: tuple[Check, ...] = (
    messages.grammar,
    messages.error_queue,
    basics.identity,
    basics.limits,
    basics.power_up,
    messages.watchdog,
    voltages.wipers,
    voltages.homing,
    voltages.clamp,
    voltages.hold_and_float,
    voltages.nudges,
    voltages.settling,
    edges.comparators,
    edges.gates,
    edges.triggers,
    voltages.converter_noise,
    trainings.paces,
    trainings.log,
    trainings.abort,
    trainings.recovery,
)
CHECKS: dict[str, Check] = {check.__name__.replace("_", "-"): check for check in _ALL}


def conform(
    board: Board,
    only: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
    limits: Limits | None = None,
) -> Report:
    """Check that a board does what a board must.

    What a board does not claim (by its `info`, the protocols it has, or `NotSupported`) is not applicable. The board is
    made safe between the checks, and left safe with its wipers as they were; where it cannot be, the check before has
    failed.

    Parameters
    ----------
    board : Board
    only : collection of str
        Names of checks, as in `CHECKS`; all by default.
    progress : callable, optional
        Is given the name of each check as it begins.
    limits : Limits, optional
        What the board may be off by.

    Returns
    -------
    Report

    Raises
    ------
    OutOfRange
        For an unknown name.
    """
    if unknown := [name for name in only if name not in CHECKS]:
        raise OutOfRange(f"there is no check {', '.join(unknown)}; allowed: {', '.join(CHECKS)}.")
    bench = Bench(board, limits or Limits())
    names, results = tuple(only or CHECKS), list[Result]()
    wipers = board.wipers()

    def leave() -> None:
        try:
            board.safe()
            if (wipers >= 0).all():  # else its resistances had been set directly
                with suppress(LabnetError):
                    board.set_wipers(wipers)
        except Exception as error:
            if len(results) < len(names):
                raise
            results[-1] = replace(results[-1], error=results[-1].error or _said(error))

    try:
        for name in names:
            if progress is not None:
                progress(name)
            results.append(_result(name, bench))
    finally:
        finish(leave)
    return Report.of(board, results)


def _result(name: str, bench: Bench) -> Result:
    """Run one check to its end, whatever the board says."""
    check, findings, error, unclaimed = CHECKS[name], list[Measured](), "", ""
    try:
        for finding in check(bench):
            findings.append(finding)
    except (NotSupported, NotCalibrated) as said:
        unclaimed = str(said)
    except Exception as said:  # somebody else's board may raise anything, and is judged for it
        error = _said(said)
    try:
        bench.board.safe()
    except Exception as said:
        error = error or _said(said)
    return Result(name, (check.__doc__ or "").partition("\n")[0], tuple(findings), error, unclaimed)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, LabnetError) else f"{type(error).__name__}: {error}"
