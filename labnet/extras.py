"""Packages that labnet uses only when they are there: the extras of its installation."""

from collections.abc import Iterator
from contextlib import contextmanager

from labnet.errors import MissingExtra


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Import an extra's packages inside this, so that a missing one is said in words.

    Parameters
    ----------
    extra : str
        Name of the extra in labnet's pyproject.toml: ``"xarray"``.
    what : str
        What needs it, as the user called it: ``"run.to_xarray()"``.

    Raises
    ------
    MissingExtra
        A package is not installed: the message has the line that installs it.

    Examples
    --------
    >>> with needs("xarray", "run.to_xarray()"):
    ...     import xarray
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "labnet").partition(".")[0]
        if missing.startswith("labnet"):
            raise  # a mistake of ours
        raise MissingExtra(
            f'{what} needs the package {missing}, which is not installed: pip install "labnet[{extra}]".'
        ) from None
