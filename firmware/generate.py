"""Makes what is made from the descriptions: a header and a wiring list a board, the table of commands, pages of docs.

python firmware/generate.py            writes them
python firmware/generate.py --check    only looks whether they are up to date
"""

import argparse
import sys
import textwrap
from pathlib import Path

from board import Board, read_board
from commands import Command, Parameter, read_commands
from connections import connections
from pages import board_page, scpi_page, wiring_page
from tables import MICRO, DescriptionError
from wiring import wiring_csv

HERE = Path(__file__).parent
MADE = "/* Made by generate.py from {}: do not edit. */\n/* clang-format off */\n"


def board_header(board: Board) -> str:
    """Give the description of a board as C."""
    edges = [f"{{{edge.nodes[0]}, {edge.nodes[1]}}}" for edge in board.edges]
    positions = [f"{x}, {y}" for x, y in (node.at_micro for node in board.nodes)]
    parts = ", ".join(
        f"{board.parts[key].number} {what}"
        for key, what in (
            ("dac", "sources"),
            ("adc", "converters"),
            ("pot", "potentiometers"),
            ("comparators", "comparators"),
            ("switch", "switches"),
        )
    )
    values = {
        "BOARD_NAME": f'"{board.name}"',
        "BOARD_MODEL": f'"{board.model}"',
        "BOARD_NODES": f"{len(board.nodes)}",
        "BOARD_EDGES": f"{len(board.edges)}",
        "BOARD_EDGE_LIST": _list(edges),
        "BOARD_POSITIONS_MICRO": _list(positions),
        "BOARD_HOLDABLE": f"0x{sum(1 << n for n in board.holdable):X}UL",
        "BOARD_SOURCE_MIN_UV": _int64(board.source.min_uv),
        "BOARD_SOURCE_MAX_UV": _int64(board.source.max_uv),
        "BOARD_SOURCE_BITS": f"{board.source.bits}",
        "BOARD_READING_MIN_UV": _int64(board.reading.min_uv),
        "BOARD_READING_MAX_UV": _int64(board.reading.max_uv),
        "BOARD_READING_BITS": f"{board.reading.bits}",
        "BOARD_BIAS_FULL_SCALE_UV": _int64(board.bias.full_scale_uv),
        "BOARD_BIAS_BITS": f"{board.bias.bits}",
        "BOARD_BIAS_LIMIT_UV": _int64(board.bias.limit_uv),
        "BOARD_WIPER_POSITIONS": f"{board.wiper.positions}",
        "BOARD_WIPER_OHM": _int64(board.wiper.ohm),
        "BOARD_END_TO_END_OHM": _int64(board.wiper.end_to_end_ohm),
        "BOARD_WIPER_POWER_UP": f"{board.wiper.power_up}",
        "BOARD_R_REF_OHM": _int64(board.r_ref_ohm),
        "BOARD_SELF_TRIGGER_HZ": f"{board.self_trigger_hz}",
        "BOARD_TICK_NS": f"{board.tick_ns}",
        "BOARD_LINE_RATE": f"{board.line_rate}UL",
        "BOARD_PARTS": f'"{parts}"',
        **connections(board),
    }
    lines = [MADE.format(f"{board.name}.toml"), "#ifndef BOARD_H", "#define BOARD_H", "", "#include <stdint.h>", ""]
    lines += [f"#define {name} {value}" for name, value in values.items()]
    return "\n".join([*lines, "", "#endif", ""])


def _list(values: list[str]) -> str:
    """Write an initialiser, eight values a line."""
    rows = [", ".join(values[k : k + 8]) for k in range(0, len(values), 8)]
    return "\\\n    {" + ", \\\n     ".join(rows) + "}"


def _int64(value: int) -> str:
    return f"INT64_C({value})" if value >= 0 else f"(-INT64_C({-value}))"


COMMANDS_H = """\
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"

enum parameter_type {{
    PARAMETER_INTEGER,
    PARAMETER_INTEGER64, /* modulo 2^64, no limits */
    PARAMETER_NUMBER,
    PARAMETER_BOOLEAN,
    PARAMETER_CHOICE,
    PARAMETER_STRING,
    PARAMETER_BLOCK,
    PARAMETER_PAIRS /* a node and a number */
}};

struct parameter {{
    uint8_t type;
    bool optional;
    bool list;                 /* one or more of it; the last parameter alone */
    int64_t min;               /* of numbers in millionths */
    int64_t max;               /* of strings: the most characters */
    const FLASH char *choices; /* "FREE|CLAMped" */
}};

/* A form that a command does not have is NULL. */
struct command {{
    const FLASH char *header; /* as in commands.toml */
    void (*set)(void);
    void (*query)(void);
    const FLASH struct parameter *set_parameters;
    const FLASH struct parameter *query_parameters;
    uint8_t set_count;
    uint8_t query_count;
    bool plain; /* taken without a check frame, always */
    bool idle;  /* refused while a training runs: the set form, or the query where that is all */
}};

#define COMMAND_COUNT {count}

extern const FLASH struct command commands[COMMAND_COUNT];

{prototypes}

#endif
"""


COMMANDS_C = """\
#include "commands.h"

#include "description.h"
#include "sizes.h"
"""


def commands_h(commands: list[Command]) -> str:
    """Give the types of the table of commands, and the prototypes of their handlers."""
    handlers = [f"void {form}_{command.name}(void);" for command in commands for form in command.forms]
    prototypes = "\n".join(handlers)
    return MADE.format("commands.toml") + COMMANDS_H.format(count=len(commands), prototypes=prototypes)


def commands_c(commands: list[Command]) -> str:
    """Give the table of commands. Every string is an array of its own: on AVR only those can stand in flash."""
    choices = {"|".join(p.choices): p for c in commands for form in c.forms.values() for p in form if p.choices}
    lines = [MADE.format("commands.toml") + COMMANDS_C]
    lines += [f'static const FLASH char {_choices(p)}[] = "{text}";' for text, p in choices.items()]
    rows = []
    for command in commands:
        lines += ["", f'static const FLASH char header_{command.name}[] = "{command.header}";']
        fields = [f".header = header_{command.name}"]
        for form, parameters in command.forms.items():
            handler = f"{form}_{command.name}"
            fields.append(f".{form} = {handler}")
            if parameters:
                lines.append(f"static const FLASH struct parameter {handler}_parameters[] = {{")
                lines += [_row(_parameter_fields(parameter)) for parameter in parameters]
                lines.append("};")
                fields += [f".{form}_parameters = {handler}_parameters", f".{form}_count = {len(parameters)}"]
        fields += [f".{flag} = true" for flag in ("plain", "idle") if getattr(command, flag)]
        rows.append(_row(fields))
    return "\n".join([*lines, "", "const FLASH struct command commands[COMMAND_COUNT] = {", *rows, "};", ""])


def _parameter_fields(parameter: Parameter) -> list[str]:
    fields = [f".type = PARAMETER_{parameter.type.upper()}"]
    fields += [f".{flag} = true" for flag in ("optional", "list") if getattr(parameter, flag)]
    scale = MICRO if parameter.type in ("number", "pairs") else 1
    for name, limit in (("min", parameter.min), ("max", parameter.max)):
        if isinstance(limit, str):
            fields.append(f".{name} = ({limit.replace('-', ' - ')})")
        elif limit is not None:
            fields.append(f".{name} = {_int64(int(limit * scale))}")
    if parameter.choices:
        fields.append(f".choices = {_choices(parameter)}")
    return fields


def _choices(parameter: Parameter) -> str:
    return "_".join(["choices", *parameter.choices]).lower()


def _row(fields: list[str]) -> str:
    """Write an initialiser, in lines of the house's length that end between fields."""
    whole = [field.replace(" ", "\N{NO-BREAK SPACE}") for field in fields]
    text = textwrap.fill("{" + ", ".join(whole) + "},", 120, initial_indent="    ", subsequent_indent="     ")
    return text.replace("\N{NO-BREAK SPACE}", " ")


def made() -> dict[Path, str]:
    """Give every file that is made, and what stands in it."""
    commands = read_commands(HERE / "commands.toml")
    files = {HERE / "src/commands.h": commands_h(commands), HERE / "src/commands.c": commands_c(commands)}
    boards = {path: read_board(path) for path in sorted((HERE / "boards").glob("*.toml"))}
    files |= {path.with_suffix(".h"): board_header(board) for path, board in boards.items()}
    files |= {path.with_suffix(".wiring.csv"): wiring_csv(board) for path, board in boards.items()}
    reference = boards[HERE / "boards/twin16.toml"]
    docs = HERE.parent / "docs"
    pages = {"scpi.md": scpi_page(commands, reference)}
    pages |= {"board.md": board_page(reference), "wiring.md": wiring_page(reference)}
    return files | {docs / name: page for name, page in pages.items()}


def main(arguments: list[str]) -> str | None:
    """Write the files, or look at them; gives what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only look whether the files are up to date")
    check = parser.parse_args(arguments).check
    try:
        files = made()
    except DescriptionError as error:
        return f"generate.py: {error}"
    old = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if check and old:
        names = ", ".join(str(path.relative_to(HERE.parent)) for path in old)
        return f"generate.py: not up to date: {names}. Please run 'python firmware/generate.py'."
    for path in old:
        path.write_text(files[path], encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
