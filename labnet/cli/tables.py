"""Tables and prose as wide as the terminal."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labnet.cli.console import out

_GAP = "  "
_WIDEST = 100  # prose; longer lines are hard to read


class Column(NamedTuple):
    """A column of a table, its cells as text."""

    head: str
    cells: Sequence[str]
    right: bool = False

    @property
    def width(self) -> int:
        """How many characters it takes."""
        return max(map(len, (self.head, *self.cells)))


def that_fit(columns: Sequence[Column], less: Sequence[str]) -> tuple[list[Column], list[str]]:
    """Leave out columns until the others go into one line, in the order of `less`; gives both."""
    kept, gone = list(columns), []
    for head in less:
        if sum(column.width + len(_GAP) for column in kept) - len(_GAP) <= out.width:
            break
        kept = [column for column in kept if column.head != head]
        gone.append(head)
    return kept, gone


def lines(columns: Sequence[Column]) -> Iterator[str]:
    """Give the head and the rows of a table."""
    for cells in zip(*([column.head, *column.cells] for column in columns), strict=True):
        aligned = (
            f"{cell:>{column.width}}" if column.right else f"{cell:<{column.width}}"
            for cell, column in zip(cells, columns, strict=True)
        )
        yield _GAP.join(aligned).rstrip()


def print_line(line: str) -> None:
    """Print a line as it is."""
    out.print(line, markup=False, soft_wrap=True)


def print_prose(text: str, indent: str = "") -> None:
    """Print text, wrapped to the terminal."""
    width = min(out.width, _WIDEST)
    print_line(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False))
