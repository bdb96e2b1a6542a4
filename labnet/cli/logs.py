"""What the library logs and warns of, on the command line: on stderr, and in a file."""

import logging
import time
from pathlib import Path

import typer
from rich.console import Console

err = Console(stderr=True)

_LOGGERS = [logging.getLogger(name) for name in ("labnet", "labnet_drivers", "labnet_simulators")]
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)  # by how often -v is given


class _Stderr(logging.Handler):
    """Says warnings as such, and all else with its time."""

    def emit(self, record: logging.LogRecord) -> None:
        text, style = self.format(record), "dim"
        if record.levelno >= logging.WARNING:
            text, style = f"warning: {text}", "yellow"
        else:
            text = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {text}"
        err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


_stderr = _Stderr()
_files: list[logging.FileHandler] = []


def say_warning(message: Warning | str, *_: object) -> None:
    """Say a Python warning as one that is logged."""
    _LOGGERS[0].warning("%s", message)


def begin(verbosity: int = 0, file: Path | None = None) -> None:
    """Say what is logged on stderr, the more the more verbose; into a file goes as much, and at least INFO.

    Raises
    ------
    typer.BadParameter
        For a file that cannot be written.
    """
    level = _LEVELS[min(verbosity, len(_LEVELS) - 1)]
    _stderr.setLevel(level)
    logging.getLogger().addHandler(_stderr)
    if file is not None:
        try:
            handler = logging.FileHandler(file, encoding="utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{file} cannot be written: {error.strerror}.", param_hint="--log-file") from None
        level = min(level, logging.INFO)
        handler.setLevel(level)
        formatter = logging.Formatter(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)
        _files.append(handler)
    for logger in _LOGGERS:
        logger.setLevel(level)


def failed(said: str) -> None:
    """Write what ended the command into the file; on stderr it is said as an error."""
    for handler in _files:
        handler.handle(
            logging.makeLogRecord({"name": "labnet", "levelno": logging.ERROR, "levelname": "ERROR", "msg": said})
        )


def end() -> None:
    """Log no more."""
    while _files:
        handler = _files.pop()
        logging.getLogger().removeHandler(handler)
        handler.close()
    logging.getLogger().removeHandler(_stderr)
    for logger in _LOGGERS:
        logger.setLevel(logging.NOTSET)
