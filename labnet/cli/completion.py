"""What a shell offers when Tab is pressed: run files, addresses, keys of experiments; ``labnet --install-completion``.

Every Tab starts labnet anew, so nothing here opens a board, reads a run, or imports what draws.
"""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import typer

from labnet.bench import addresses
from labnet.cli.console import experiments_folder
from labnet.data import keys_of
from labnet.experiment import Experiment
from labnet.rules import RULES
from labnet.runs.store import is_marked

_BREAKS = ":="  # at which bash takes words apart


def run_files(incomplete: str) -> list[str]:
    """Offer run files and folders."""
    return _further(incomplete, lambda text: _files(text, _may_be_run))


def experiments(incomplete: str) -> list[str]:
    """Offer experiment files and folders."""
    return _further(incomplete, lambda text: _files(text, lambda file: file.suffix == ".toml"))


def boards(incomplete: str) -> list[str]:
    """Offer addresses."""
    return _further(incomplete, addresses)


def boards_and_experiments(incomplete: str) -> list[str]:
    """Offer addresses, experiment files and folders."""
    return boards(incomplete) + experiments(incomplete)


def rules(incomplete: str) -> list[str]:
    """Offer names of rules."""
    return [name for name in RULES if name.startswith(incomplete)]


def settings(incomplete: str) -> list[str]:
    """Offer keys of an experiment; behind the ``=``, what the key may be where that is one of few words."""
    return _further(incomplete, _settings)


def figures(ctx: typer.Context) -> list[str]:
    """Offer the figures that were not given yet."""
    return [name for name in ("all", *figure_names()) if name not in (ctx.params.get("names") or ())]


def figure_names() -> list[str]:
    """Give the figures, by their files: `labnet.figures.FIGURES` takes long to import."""
    return sorted(file.stem for file in (experiments_folder() / "figures").glob("*.toml"))


def _may_be_run(file: Path) -> bool:
    try:
        return file.suffix == ".sqlite" and (is_marked(file) or Path(f"{file}-wal").exists())  # it is being begun
    except OSError:
        return False


def _files(text: str, wanted: Callable[[Path], bool]) -> list[str]:
    """Give files, and folders with a slash."""
    begun = os.path.basename(text)  # noqa: PTH119 (a Path forgets a slash at the end)
    before, found = text.removesuffix(begun), []
    with suppress(OSError):
        for each in sorted(Path(before).expanduser().iterdir()):
            hidden = each.name.startswith(".") and not begun
            if each.name.startswith(begun) and not hidden and (each.is_dir() or wanted(each)):
                found.append(f"{before}{each.name}{os.sep if each.is_dir() else ''}")
    return found


def _settings(text: str) -> list[str]:
    keys = keys_of(Experiment) | _keys_of_rules()
    key, chosen, value = text.partition("=")
    if not chosen:
        return [f"{each}=" for each in keys if each.startswith(key)]
    words = boards(value) if key == "board" else keys.get(key, ())
    return [f"{key}={word}" for word in words if word.startswith(value)]


def _keys_of_rules() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule in RULES.values():
        for key, words in keys_of(rule).items():
            found.setdefault(f"rule.{key}", []).extend(words)
    return found


def _further(text: str, offer: Callable[[str], list[str]]) -> list[str]:
    """Offer; where the only choice is but a beginning, what it begins: a shell would end the word behind it."""
    found = offer(text)
    if len(found) == 1 and found[0] != text and found[0].endswith((os.sep, "/", "=")):
        return _further(found[0], offer) or found
    return found


@contextmanager
def as_shells_ask() -> Iterator[None]:
    """Answer bash as it wants: it takes words apart at : and =, and puts an answer in the place of the last part."""
    if os.environ.get("_LABNET_COMPLETE") != "complete_bash":
        yield
        return
    parts, at = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    words = _joined(parts[: at + 1])
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(words), str(len(words) - 1)
    asked = words[-1]
    cut = 0 if asked.startswith(("'", '"')) else max(asked.rfind(each) for each in _BREAKS) + 1
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    finally:
        print("\n".join(line[cut:] for line in said.getvalue().splitlines()))


def _joined(parts: list[str]) -> list[str]:
    """Join what bash has taken apart."""
    words: list[str] = []
    for part in parts:
        if words and (re.fullmatch(f"[{_BREAKS}]+", part) or words[-1].endswith(tuple(_BREAKS))):
            words[-1] += part
        else:
            words.append(part)
    return words
