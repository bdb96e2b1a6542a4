"""The firmware as a program for this PC: compiled when it is first wanted, and kept."""

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from labnet.errors import BoardError, BuildFailed, NoCompiler, UnknownBoard

_FLAGS = ("-std=c11", "-O2")
_INSTALL = (
    "install one: Debian and Ubuntu 'sudo apt install gcc libc6-dev', Fedora 'sudo dnf install gcc', Arch 'sudo pacman "
    "-S gcc', macOS 'xcode-select --install', Windows inside WSL. Or name yours in the environment variable CC."
)


def sources() -> Path:
    """Give the directory of the firmware's sources: in the installed package, else in the checkout."""
    here = Path(__file__).resolve()
    installed = here.parent / "firmware_sources"
    return installed if installed.is_dir() else here.parents[2] / "firmware"


def boards() -> list[str]:
    """List the boards that firmware can be built for."""
    return sorted(file.stem for file in (sources() / "boards").glob("*.h"))


def build(name: str) -> Path:
    """Give the firmware of a board as a program for this PC, compiled if need be.

    What was compiled is kept in the user's cache directory, or in ``LABNET_CACHE``, by a hash of sources, compiler and
    flags. Processes that want it at the same time compile it once.

    Raises
    ------
    UnknownBoard
        For a board without a description.
    NoCompiler
        Without a C compiler.
    BuildFailed
        With what the compiler says.
    """
    if name not in boards():
        raise UnknownBoard(f"there is no firmware for {name!r}; allowed: {', '.join(boards())}.")
    compiler = _compiler()
    folder = _cache() / "firmware" / _key(name, compiler)
    program = folder / "firmware"
    if not program.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock"):
                if not program.exists():
                    _compile(name, compiler, program)
        except OSError as error:
            raise BoardError(
                f"the firmware cannot be kept in {folder}: {error.strerror}; set LABNET_CACHE to a directory that you "
                "may write to."
            ) from error
    return program


def _cache() -> Path:
    given = os.environ.get("LABNET_CACHE")
    return Path(given) if given else user_cache_path("labnet")


def _compiler() -> list[str]:
    """Give the command of the C compiler."""
    given = shlex.split(os.environ.get("CC", ""))
    for words in [given] if given else [["cc"], ["gcc"], ["clang"]]:
        if found := shutil.which(words[0]):
            return [found, *words[1:]]
    looked = f"CC is {shlex.join(given)!r}, which is not found" if given else "none of cc, gcc and clang is found"
    raise NoCompiler(f"the firmware needs a C compiler, and {looked}; {_INSTALL}")


def _arguments(name: str) -> list[str]:
    """Give what the compiler is told, relative to the sources."""
    include = [f"-I{folder}" for folder in ("src", "hal", "hal/native", "boards")]
    files = [file.relative_to(sources()).as_posix() for file in _files(("src", "hal/native"), "*.c")]
    return [*_FLAGS, f'-DBOARD_FILE="{name}.h"', *include, *files, "-lutil"]


def _files(folders: Iterable[str], pattern: str) -> list[Path]:
    return sorted(file for folder in folders for file in (sources() / folder).glob(pattern))


def _key(name: str, compiler: list[str]) -> str:
    """Hash all that decides what the compiler makes."""
    made_of = hashlib.sha256(repr([compiler, _arguments(name)]).encode())
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False)
    made_of.update(version.stdout)
    for file in _files(("src", "hal", "hal/native", "boards"), "*.[ch]"):
        made_of.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return made_of.hexdigest()[:20]


def _compile(name: str, compiler: list[str], program: Path) -> None:
    """Compile into a file of another name, so that `program` is there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / program.name
        done = subprocess.run(
            [*compiler, *_arguments(name), "-o", str(made)], cwd=sources(), capture_output=True, text=True, check=False
        )
        if done.returncode or not made.exists():
            raise BuildFailed(
                f"{shlex.join(compiler)} did not compile the firmware in {sources()}; mend what it says, or name "
                f"another compiler in the environment variable CC.\n{done.stderr.strip()}"
            )
        made.replace(program)
