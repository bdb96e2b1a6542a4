"""The table of commands, read from commands.toml and checked."""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tables import DescriptionError, Table

Limit = int | Decimal | str  # a name that the board's header or sizes.h defines, less a number perhaps

_HEADER = r"\*[A-Z]{3}|[A-Z]+[a-z]*(\[?:[A-Z]+[a-z]*\]?)*"
_LIMITS = {  # which of min and max each type has
    "integer": ("min", "max"),
    "integer64": (),
    "number": ("min", "max"),
    "boolean": (),
    "choice": (),
    "string": ("max",),
    "block": (),
    "pairs": ("min", "max"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a form."""

    name: str
    type: str
    min: Limit | None
    max: Limit | None
    unit: str
    choices: tuple[str, ...]
    optional: bool
    list: bool


@dataclass(frozen=True)
class Command:
    """One header and its forms, "set" and "query"."""

    header: str
    forms: dict[str, tuple[Parameter, ...]]
    returns: str
    unit: str
    plain: bool
    idle: bool
    doc: str

    @property
    def name(self) -> str:
        """The long form as a name in C."""
        return re.sub(r"\[.*?\]|\*", "", self.header).replace(":", "_").lower()

    def spellings(self) -> set[str]:
        """All ways to write the header, in capitals: every keyword long or short, with and without what is in []."""
        spellings = {""}
        for optional, word in re.findall(r"(\[?):?([A-Z]+[a-z]*)", self.header):
            longer = {f"{start}:{form}" for start in spellings for form in (word.upper(), re.sub("[a-z]", "", word))}
            spellings = longer | spellings if optional else longer
        return {spelling[1:] for spelling in spellings}


def by_rule(word: str) -> str:
    """Write a keyword with its short form in capitals: four letters, three where the fourth is a vowel."""
    length = len(word) if len(word) <= 4 else 3 if word[3] in "AEIOUaeiou" else 4
    return word[:length].upper() + word[length:].lower()


def read_commands(path: Path) -> list[Command]:
    """Read and check the table."""
    table = Table.read(path)
    commands = [_command(row) for row in table.rows("command")]
    table.end()
    seen: dict[str, str] = {}
    for command in commands:
        for spelling in sorted(command.spellings()):
            if spelling in seen:
                raise DescriptionError(
                    f"{path.name}: {spelling} can be {seen[spelling]} and {command.header}; rename one of them."
                )
            seen[spelling] = command.header
    return commands


def _command(table: Table) -> Command:
    header = table.take("header", str)
    if not re.fullmatch(_HEADER, header):
        table.refuse("header", header, "*ABC, or keywords as in SYSTem:ERRor[:NEXT]")
    table.where += f" ({header})"
    _check_keywords(table, "header", re.findall("[A-Za-z]+", header))
    command = Command(
        header,
        {form: tuple(_parameter(row) for row in table.rows(form)) for form in ("set", "query") if form in table},
        table.take("returns", str, default=""),
        table.take("unit", str, default=""),
        table.take("plain", bool, default=False),
        table.take("idle", bool, default=False),
        table.take("doc", str),
    )
    if not command.forms or ("query" in command.forms) != bool(command.returns):
        raise DescriptionError(f"{table.where}: allowed: 'set', or 'query' with 'returns', or all three.")
    for form, parameters in command.forms.items():
        for parameter in parameters[:-1]:
            if parameter.list or parameter.optional:
                table.refuse(f"{form}: {parameter.name}", "optional or a list", "that for the last parameter alone")
    return command


def _check_keywords(table: Table, key: str, words: list[str]) -> None:
    for word in words:
        if word != by_rule(word):
            table.refuse(key, word, f"{by_rule(word)}; short are four letters, three where the fourth is a vowel")


def _parameter(table: Table) -> Parameter:
    name, kind = table.take("name", str), table.take("type", str)
    if kind not in _LIMITS:
        table.refuse("type", kind, ", ".join(_LIMITS))
    limits = {key: table.take(key, int, Decimal, str) for key in _LIMITS[kind]}
    choices = table.some("choices", str) if kind == "choice" else ()
    _check_keywords(table, "choices", list(choices))
    return Parameter(
        name,
        kind,
        limits.get("min"),
        limits.get("max"),
        table.take("unit", str, default=""),
        choices,
        table.take("optional", bool, default=False),
        table.take("list", bool, default=False),
    )
