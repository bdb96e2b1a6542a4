"""Runs the code blocks of a page from top to bottom, as a reader does. CONTRIBUTING.md says how they are written.

`python` runs here, all of a page in one namespace; `bash` by a shell that stops at the first error; `toml` is loaded,
where it is an experiment. A block whose file the text before it names is written there, and code in it is left to what
runs that file. `text` right after a block is what that must have printed, but for its numbers.
"""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

import labnet

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# What a bench has, and what stands there for it. Meters are those of tests/bench/instruments.yaml.
_METER = "USB0::0x2A8D::0x1301::MY57226010::INSTR"
STAND_INS = {
    f" --meter {_METER}": "",  # a simulated board has its own; this one would not follow it
    "ASRL/dev/ttyACM0::INSTR": "firmware://twin16?preset=lab&seed=3",
    "TCPIP::192.168.0.5::INSTR": "TCPIP::generator::INSTR",
}
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->\n$")
_FILE = re.compile(r"`([\w-]+\.\w+)`:\n+$")
_NUMBER = re.compile(r"[-+]?\d[\d.,:e+-]*")


def reason_not_run(example: Example) -> str | None:
    """Give the reason of the comment right before a block, ``<!-- not run: REASON -->``."""
    found = _NOT_RUN.search(example.document.text[: example.start])
    return found and found[1]


def _python(source: str, example: Example) -> str:
    padded = "\n" * example.line + source  # a traceback has the page's lines
    with redirect_stdout(StringIO()) as printed:
        exec(compile(padded, example.path, "exec", dont_inherit=True), example.namespace)
    return printed.getvalue()


def _bash(source: str, _: Example) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", source], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"exit {done.returncode} of\n{source}{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _toml(source: str, _: Example) -> str:
    data = tomllib.loads(source)
    data.pop("over", None)
    if "board" in data and "task" in data:
        labnet.Experiment(**data)
    return ""


def _text(source: str, example: Example) -> str:
    """Compare with what the block right before printed, where there is one."""
    end, printed = example.namespace["printed"]
    if printed and not example.document.text[end : example.start].strip():
        lines = {_loosely(line) for line in printed.splitlines()}
        missing = [line for line in source.splitlines() if line.strip() != "..." and _loosely(line) not in lines]
        assert not missing, "\n".join(["was not printed:", *missing, "but:", printed])
    return ""


def _loosely(line: str) -> str:
    return " ".join(_NUMBER.sub("0", line).split())


_Run = Callable[[str, Example], str]
_RUN: dict[str, _Run] = {"python": _python, "bash": _bash, "toml": _toml, "text": _text}


def _evaluator(run: _Run) -> Callable[[Example], None]:
    def evaluate(example: Example) -> None:
        if reason_not_run(example):
            return
        source = str(example.parsed)
        for name, instead in STAND_INS.items():
            source = source.replace(name, shlex.quote(instead) if run is _bash and instead else instead)
        if named := _FILE.search(example.document.text[: example.start]):
            Path(named[1]).write_text(source, encoding="utf-8")
        if not named or run is _toml:
            example.namespace["printed"] = example.end, run(source, example)

    return evaluate


_SYBIL = Sybil(parsers=[CodeBlockParser(language, _evaluator(run)) for language, run in _RUN.items()])


def examples(page: Path) -> list[Example]:
    """Give the blocks of a page, which share a namespace."""
    document = _SYBIL.parse(page)
    document.namespace.update(__name__="__main__", printed=(0, ""))
    return list(document.examples())
