"""The firmware as a program: for this PC, for the chip, and an emulator of the chip; compiled when wanted, and kept."""

import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from labnet.errors import BoardError, BuildFailed, NoCompiler, UnknownBoard

_log = logging.getLogger(__name__)

_INSTALL = (
    "install one: Debian and Ubuntu 'sudo apt install gcc libc6-dev', Fedora 'sudo dnf install gcc', Arch 'sudo pacman "
    "-S gcc', macOS 'xcode-select --install', Windows inside WSL. Or name yours in the environment variable CC."
)
_INSTALL_AVR = (
    "install them: Debian and Ubuntu 'sudo apt install gcc-avr avr-libc', Fedora 'sudo dnf install avr-gcc avr-libc', "
    "Arch 'sudo pacman -S avr-gcc avr-libc'."
)
_INSTALL_SIMAVR = "install simavr: Debian and Ubuntu 'sudo apt install libsimavr-dev'."


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
    return _made(_Product("firmware", _compiler(), ("-std=c11", "-O2"), _core("native"), ("-lutil",)), name)


def build_image(name: str) -> Path:
    """Give the firmware of a board as an image (ELF) for its ATmega2560; all else as `build` does."""
    if (compiler := shutil.which("avr-gcc")) is None:
        raise NoCompiler(f"the chip's firmware needs avr-gcc and avr-libc, and avr-gcc is not found; {_INSTALL_AVR}")
    return _made(_Product("firmware.elf", [compiler], _CHIP, _core("atmega2560"), ()), name)


def build_emulator(name: str) -> Path:
    """Give the emulator of a board's chip, a program for this PC; all else as `build` does."""
    compiler = _compiler()
    found = subprocess.run(
        [*compiler, "-E", "-"], input="#include <simavr/sim_avr.h>", capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise NoCompiler(f"the emulated chip needs simavr, whose headers are not found; {_INSTALL_SIMAVR}")
    shared = (file for file in _sources_in(sources() / "hal/native") if file.name != "native.c")
    files = (*_sources_in(_emulator()), *shared)
    flags, libraries = ("-std=gnu11", "-O2"), ("-lsimavr", "-lutil")
    return _made(_Product("emulator", compiler, flags, files, libraries, headers=(sources() / "src",)), name)


# As firmware/cmake/avr.cmake has it. With ivopts, avr-gcc takes some of what is in flash from RAM.
_CHIP = (
    *("-mmcu=atmega2560", "-DF_CPU=16000000UL", "-std=gnu11", "-O2", "-fno-ivopts", "-fno-common"),
    *("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections,--emit-relocs"),
)


@dataclass(frozen=True)
class _Product:
    """What is made: the file's name, and of what."""

    file: str
    compiler: list[str]
    flags: tuple[str, ...]
    files: tuple[Path, ...]
    libraries: tuple[str, ...]
    headers: tuple[Path, ...] = ()  # folders besides those of the files, hal and boards

    def command(self, name: str) -> list[str]:
        """Give what makes it for a board, relative to the sources."""
        folders = {*(file.parent for file in self.files), sources() / "hal", sources() / "boards", *self.headers}
        include = [f"-I{relpath(folder, sources())}" for folder in sorted(folders)]
        files = [relpath(file, sources()) for file in self.files]
        return [*self.compiler, *self.flags, f'-DBOARD_FILE="{name}.h"', *include, *files, *self.libraries]

    def key(self, name: str) -> str:
        """Hash all that decides what is made."""
        made_of = hashlib.sha256(repr(self.command(name)).encode())
        made_of.update(subprocess.run([*self.compiler, "--version"], capture_output=True, check=False).stdout)
        headers = [sources() / folder for folder in ("src", "hal", "boards")]
        folders = dict.fromkeys([*headers, *(file.parent for file in self.files)])
        for file in (*self.files, *(file for folder in folders for file in sorted(folder.glob("*.h")))):
            made_of.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
        return made_of.hexdigest()[:20]


def _core(target: str) -> tuple[Path, ...]:
    return (*_sources_in(sources() / "src"), *_sources_in(sources() / "hal" / target))


def _sources_in(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.c"))


def _emulator() -> Path:
    """Give the directory of the emulator's sources: in the installed package, else in the checkout."""
    here = Path(__file__).resolve()
    installed = here.parent / "emulator_sources"
    return installed if installed.is_dir() else here.parents[1] / "emulator"


def _made(product: _Product, name: str) -> Path:
    """Give a product as it is kept, compiled if need be."""
    if name not in boards():
        raise UnknownBoard(f"there is no firmware for {name!r}; allowed: {', '.join(boards())}.")
    folder = _cache() / "firmware" / product.key(name)
    made = folder / product.file
    if not made.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock"):
                if not made.exists():
                    _compile(product, name, made)
        except OSError as error:
            raise BoardError(
                f"the firmware cannot be kept in {folder}: {error.strerror}; set LABNET_CACHE to a directory that you "
                "may write to."
            ) from error
    return made


def _cache() -> Path:
    given = os.environ.get("LABNET_CACHE")
    return Path(given).absolute() if given else user_cache_path("labnet")


def _compiler() -> list[str]:
    """Give the command of the C compiler."""
    given = shlex.split(os.environ.get("CC", ""))
    for words in [given] if given else [["cc"], ["gcc"], ["clang"]]:
        if found := shutil.which(words[0]):
            return [found, *words[1:]]
    looked = f"CC is {shlex.join(given)!r}, which is not found" if given else "none of cc, gcc and clang is found"
    raise NoCompiler(f"the firmware needs a C compiler, and {looked}; {_INSTALL}")


def _compile(product: _Product, name: str, made: Path) -> None:
    """Compile into a file of another name, so that it is there whole or not at all."""
    _log.info("compiling %s for %s", product.file, name)
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        file = Path(folder) / made.name
        command = [*product.command(name), "-o", str(file)]
        done = subprocess.run(command, cwd=sources(), capture_output=True, text=True, check=False)
        if done.returncode or not file.exists():
            raise BuildFailed(
                f"{shlex.join(product.compiler)} did not compile the firmware in {sources()}; mend what it says, or "
                f"name another compiler in the environment variable CC.\n{done.stderr.strip()}"
            )
        file.replace(made)
