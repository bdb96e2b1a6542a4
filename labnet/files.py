"""Files and directories that are written: whole or not at all, and refused in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labnet.errors import RunNotWritable


def made_folder(folder: Path) -> Path:
    """Make a directory, unless it is there.

    Raises
    ------
    RunNotWritable
        Where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunNotWritable(f"{folder} cannot be made ({error.strerror}); choose another directory.") from None
    return folder


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write to; it becomes `path` when all is written, and nothing is left of it when not."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
