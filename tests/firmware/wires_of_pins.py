"""The waveforms of the emulated chip's pins, read from their value change dump."""

from pathlib import Path
from typing import NamedTuple


class Change(NamedTuple):
    """A pin that rose or fell, and when, in units of 0.1 ns."""

    time: int
    pin: str
    high: bool


def changes(file: Path) -> list[Change]:
    """Give all changes in their order; the first of a pin says how it stood."""
    header, _, rest = file.read_text().partition("$enddefinitions $end\n")
    names = {line.split()[3]: line.split()[4] for line in header.splitlines() if line.startswith("$var")}
    found, time = [], 0
    for line in rest.splitlines():
        if line.startswith("#"):
            time = int(line[1:])
        else:
            found.append(Change(time, names[line[1:]], line[0] == "1"))
    return found
