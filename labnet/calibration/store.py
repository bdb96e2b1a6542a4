"""Where calibrations are kept: a folder a board, a file a calibration; none is ever overwritten, the newest counts."""

import json
import os
import re
from pathlib import Path

from platformdirs import user_data_path

from labnet.board import Board
from labnet.calibration.calibration import FORMAT_VERSION, Calibration, identity
from labnet.errors import CalibrationMismatch, NotACalibration, PlanError
from labnet.files import made_folder, whole_file

VARIABLE = "LABNET_CALIBRATIONS"


def folder() -> Path:
    """Give the folder of all calibrations: that of the environment variable LABNET_CALIBRATIONS, else the user's."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else user_data_path("labnet") / "calibrations"


def _folder_of(board: dict[str, str]) -> Path:
    """Give the folder of one board, named so that somebody finds it."""
    named = re.sub(r"[^A-Za-z0-9.]+", "-", f"{board['model']} {board['serial']}").strip("-")
    return folder() / f"{named}-{board['parts']}"


def save(calibration: Calibration) -> Path:
    """Store a calibration beside the older ones of its board; gives its file.

    Raises
    ------
    RunNotWritable
        Where the folder cannot be made.
    """
    where = made_folder(_folder_of(dict(calibration.board)))
    stamp = calibration.created.strftime("%Y%m%dT%H%M%S.%f")
    path, number = where / f"{stamp}.json", 2
    while path.exists():
        path, number = where / f"{stamp}-{number}.json", number + 1
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(calibration.to_dict(), allow_nan=False) + "\n", encoding="utf-8")
    return path


def load(path: str | os.PathLike[str]) -> Calibration:
    """Read a calibration.

    Raises
    ------
    NotACalibration
        For a file that is not there, is no calibration, or is damaged.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] > FORMAT_VERSION:
            raise NotACalibration(
                f"{path} has format {data['format']}; this labnet reads up to {FORMAT_VERSION}. Install a newer labnet."
            )
        return Calibration(**data)
    except OSError as error:
        raise NotACalibration(f"{path} cannot be read: {error.strerror}; 'labnet calibrate' writes one.") from None
    except (ValueError, KeyError, TypeError, PlanError) as error:
        raise NotACalibration(
            f"{path} is no calibration, or it is damaged ({type(error).__name__}: {error}); remove it, or calibrate "
            "again."
        ) from None


def files(board: Board) -> list[Path]:
    """List the calibrations that are stored of a board, the oldest first."""
    return sorted(_folder_of(identity(board)).glob("[0-9]*.json"))


def newest(board: Board) -> Calibration | None:
    """Give the newest calibration of a board that is stored; None where there is none.

    Raises
    ------
    NotACalibration
        Where its file is damaged.
    """
    stored = files(board)
    return load(stored[-1]) if stored else None


def check_is_of(calibration: Calibration, board: Board) -> None:
    """Refuse the calibration of another board.

    Raises
    ------
    CalibrationMismatch
    """
    now = identity(board)
    for key, value in now.items():
        if calibration.board.get(key) != value:
            raise CalibrationMismatch(
                f"the calibration is of a board with {key} {calibration.board.get(key)!r}; {board.address} has "
                f"{value!r}. Calibrate this one, or open that one."
            )
