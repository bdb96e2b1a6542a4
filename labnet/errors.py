"""Every error and warning of labnet. Each message says what was given, what is allowed and what to do.

::

    LabnetError
    |-- NetworkError              a graph that is no network, or an unreadable network file
    |-- CircuitError              Kirchhoff's equations cannot be solved
    |   |-- BadResistance         zero, negative or NaN
    |   |-- FloatingNode          nodes with no path to any held node
    |   |-- IllConditioned        a solve that would not be accurate
    |   `-- NotConverged          Newton's method on nonlinear edges
    |-- TaskError                 terminals or voltages that make no task, or a task for another network
    |-- PlanError                 a training that cannot be run: steps, p, eta, order, rule
    |   |-- ExperimentError       the same, in a TOML file: with key, line and allowed values
    |   `-- SweepError            a sweep that cannot be run: keys, values, points
    |-- BoardError
    |   |-- UnknownBoard          an address nothing answers to
    |   |-- BoardClosed           a verb after close()
    |   |-- NotDrivable           a node the board cannot hold
    |   |-- OutOfRange            a voltage, wiper or resistance outside the board's limits, or NaN
    |   |-- NotCalibrated         a quantity the board cannot set without a calibration
    |   |-- NotSupported          a verb this board does not have
    |   |-- LateStep              a step that could not start at its time
    |   |-- BoardFault            a broken edge or node was found, and the plan says to stop
    |   |-- NoCompiler            none to make the firmware with
    |   |-- BuildFailed           the compiler does not take the firmware
    |   |-- NoProgrammer          none to write the firmware onto a chip with
    |   |-- NotProgrammed         the programmer did not write it
    |   |-- DeviceError           the board itself reports an error
    |   |   `-- InstrumentError       an instrument on the bench does
    |   |-- Overload              more than an instrument on the bench can measure, or hold
    |   |-- StateLost             the board restarted or made itself safe: what was set is gone
    |   |-- TranscriptMismatch    a request that is not the one that was recorded
    |   `-- LinkError             nobody talks with the board
    |       |-- PortInUse             another program has the port
    |       |-- PortNotPermitted      the system does not let us open it
    |       |-- WrongBoard            something else answers there
    |       |-- WrongInstrument       another model of instrument answers there
    |       |-- LinkLost              the other end is gone: cable, power, program
    |       |-- LinkTimeout           no answer in time
    |       `-- LinkDesynchronised    answers that belong to no question
    |-- CalibrationError          a calibration that cannot be used
    |   |-- NotACalibration           some other file, a damaged one, or a newer labnet's
    |   `-- CalibrationMismatch       it is another board's
    |-- Diverged                  resistances that no resistor has
    |-- MissingExtra              a package of one of labnet's extras is not installed
    |-- AnalysisError             data that a number cannot be computed from
    |-- PageNotServed             the page of labnet watch, on a port that is another program's
    `-- RunError
        |-- RunExists             a run file or a sweep's directory is never overwritten
        |-- RunInUse              another process writes it
        |-- RunTooNew             written by a newer labnet
        |-- NotARun               some other file or directory, or a damaged one
        |-- RunNotWritable        no directory, no permission
        |-- DiskFull              what was committed before is kept
        |-- RunMismatch           a run of another experiment, board or network; another sweep
        |-- WorkerDied            of a sweep; the points that are stored are kept
        `-- ConditionError        a condition on runs that cannot be understood
    LabnetWarning
    |-- NudgeHidden               a nudge that a converter's step hides
    |-- EdgeMasked                a run goes on without an edge that was found broken
    |-- UnreachableTarget         a target no passive network can reach
    |-- CalibrationExpired        a calibration whose time is over is used
    |-- BoardRestarted            a board found again after its cable was out has lost its settings
    `-- WalKept                   a reader kept a closed run from becoming one file
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labnet.inspection.finding import Finding


class LabnetError(Exception):
    """Base of all errors that labnet raises on purpose."""


class NetworkError(LabnetError, ValueError):
    """A graph that is no network, or a network file that cannot be read."""


class CircuitError(LabnetError):
    """Kirchhoff's equations cannot be solved for what was given."""


class BadResistance(CircuitError, ValueError):
    """A resistance that is zero, negative or NaN."""


class FloatingNode(CircuitError):
    """Nodes without a path to any held node: their voltage is undefined."""


class IllConditioned(CircuitError):
    """A solve whose result would not be accurate."""


class NotConverged(CircuitError):
    """Newton's method found no state of a network with nonlinear edges."""


class TaskError(LabnetError, ValueError):
    """Terminals or voltages that make no task, or a task made for another network."""


class PlanError(LabnetError, ValueError):
    """A training that cannot be run as given.

    Attributes
    ----------
    problems : tuple of (tuple of (str or int), str)
        Where (the path of keys) and what, for each problem.
    """

    def __init__(self, message: str, problems: tuple[tuple[tuple[str | int, ...], str], ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ExperimentError(PlanError):
    """An experiment file with a mistake: key, line and allowed values are in the message."""


class SweepError(PlanError):
    """A sweep that cannot be run as given: its keys, values or points."""


class BoardError(LabnetError):
    """A board that cannot do what was asked."""


class UnknownBoard(BoardError, ValueError):
    """An address that no installed board answers to."""


class BoardClosed(BoardError):
    """A verb used after the board was closed."""


class NotDrivable(BoardError, ValueError):
    """A node the board has no source for."""


class OutOfRange(BoardError, ValueError):
    """A value outside the board's limits, or NaN."""


class NotCalibrated(BoardError):
    """A quantity the board cannot set before a calibration."""


class NotSupported(BoardError):
    """A verb, rule or clock this board does not have."""


class LateStep(BoardError):
    """A step that could not start at its scheduled time."""


class BoardFault(BoardError):
    """A broken edge or node was found, and the plan says to stop.

    Attributes
    ----------
    findings : tuple of labnet.inspection.finding.Finding
    """

    def __init__(self, message: str, findings: "tuple[Finding, ...]" = ()) -> None:
        super().__init__(message)
        self.findings = findings


class NoCompiler(BoardError):
    """There is no C compiler to make the firmware with."""


class BuildFailed(BoardError):
    """The compiler does not take the firmware; what it says is in the message."""


class NoProgrammer(BoardError):
    """There is no program to write the firmware onto a board's chip with."""


class NotProgrammed(BoardError):
    """The firmware was not written onto the chip, or not all of it; the programmer has said why."""


class DeviceError(BoardError):
    """What a board's error queue held after a message.

    Attributes
    ----------
    errors : tuple of (int, str)
        SCPI's numbers and texts, the oldest first.
    command : str
        The message.
    answer : str
        What those of its queries answered that did not fail.
    """

    def __init__(self, errors: tuple[tuple[int, str], ...], command: str, before: str = "", answer: str = "") -> None:
        said = ", ".join(f"{code} {text!r}" for code, text in errors)
        super().__init__(f"the board reports {said} after {command!r}; docs/scpi.md has what it takes.{before}")
        self.errors = errors
        self.command = command
        self.answer = answer

    @property
    def code(self) -> int:
        """Number of the oldest error."""
        return self.errors[0][0]


class InstrumentError(DeviceError):
    """What the error queue of an instrument on the bench held after a command."""

    def __init__(self, message: str, errors: tuple[tuple[int, str], ...], command: str) -> None:
        BoardError.__init__(self, message)
        self.errors = errors
        self.command = command
        self.answer = ""


class Overload(BoardError):
    """A reading beyond the range of an instrument, or a source at its limit: no number is known."""


class StateLost(BoardError):
    """The board restarted, or made itself safe because it had not heard from us: what was set is gone."""


class TranscriptMismatch(BoardError):
    """A request to a replayed board that is not the one that was recorded."""


class LinkError(BoardError):
    """Nobody talks with the board."""


class PortInUse(LinkError):
    """Another program has the port."""


class PortNotPermitted(LinkError):
    """The system does not let us open the port."""


class WrongBoard(LinkError):
    """Something else than a board of labnet answers, or a board of another version."""


class WrongInstrument(LinkError):
    """Another model of instrument than the driver is for, or one that no driver is for."""


class LinkLost(LinkError):
    """The other end is gone: its cable, its power or its program."""


class LinkTimeout(LinkError):
    """No answer in time."""


class LinkDesynchronised(LinkError):
    """Answers cannot be told to belong to questions."""


class CalibrationError(LabnetError):
    """A calibration that cannot be used."""


class NotACalibration(CalibrationError):
    """The file is no calibration of labnet, or it is damaged."""


class CalibrationMismatch(CalibrationError):
    """The calibration is another board's."""


class Diverged(LabnetError, ArithmeticError):
    """Resistances at zero, below, or no longer finite: the learning rate is too large."""


class MissingExtra(LabnetError, ImportError):
    """A package that only some of labnet needs is not installed."""


class AnalysisError(LabnetError, ValueError):
    """Data that a number cannot be computed from: too few tasks, no logarithm, no share."""


class PageNotServed(LabnetError):
    """The page of ``labnet watch`` cannot have the port it was told to take."""


class RunError(LabnetError):
    """A run file, or a sweep's directory, that cannot be created, opened or written."""


class RunExists(RunError, FileExistsError):
    """The file or directory exists: it is never overwritten."""


class RunInUse(RunError):
    """Another process writes this run."""


class RunTooNew(RunError):
    """The file was written by a newer labnet."""


class NotARun(RunError):
    """The file or directory is no run or sweep of labnet, or it is damaged."""


class RunNotWritable(RunError, OSError):
    """The file cannot be written here."""


class DiskFull(RunError, OSError):
    """The disk is full; everything committed before is kept."""


class RunMismatch(RunError):
    """The run on disk belongs to another experiment, board or network; the sweep on disk is another one."""


class WorkerDied(RunError):
    """A worker process of a sweep died; the points that are stored are kept."""


class ConditionError(RunError, ValueError):
    """A condition on runs that cannot be understood, or a column that no run has."""


class LabnetWarning(UserWarning):
    """Base of all warnings of labnet."""


class NudgeHidden(LabnetWarning):
    """A nudge so small that a converter's step hides it."""


class EdgeMasked(LabnetWarning):
    """An edge was found broken during a run, and steps no more."""


class UnreachableTarget(LabnetWarning):
    """A target voltage that no passive network with these inputs can reach."""


class CalibrationExpired(LabnetWarning):
    """A calibration whose time is over is used all the same."""


class BoardRestarted(LabnetWarning):
    """A board that was found again had restarted meanwhile: wipers and settings are gone."""


class WalKept(LabnetWarning):
    """A reader kept a closed run from becoming one file; it becomes one when it is next opened."""
