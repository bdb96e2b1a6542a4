"""What puts the firmware onto a board's chip: the image as Intel HEX, and avrdude's words for an Arduino Mega 2560."""

import subprocess
import tempfile
from pathlib import Path

from labnet.bench import Image
from labnet.errors import BuildFailed
from labnet_simulators.building import build_image
from labnet_simulators.chip_memory import DoesNotFit, measure

# The bootloader erases a page when it writes it; a chip erase (without -D) is more than it can do.
_AVRDUDE = ("avrdude", "-p", "atmega2560", "-c", "wiring", "-b", "115200", "-P", "PORT", "-D")


def chip_image(name: str) -> Image:
    """Build the image of a board's firmware, if need be, and say how it gets onto an Arduino Mega 2560.

    Raises
    ------
    UnknownBoard, NoCompiler
    BuildFailed
        Where it does not fit the chip, too.
    """
    elf = build_image(name)
    try:
        memory = measure(elf).table()
    except DoesNotFit as error:
        raise BuildFailed(f"the firmware of {name} cannot go onto an ATmega2560: {error}") from None
    made = elf.with_suffix(".hex")
    if not made.exists():
        _to_hex(elf, made)
    return Image(made, memory, (*_AVRDUDE, "-U", f"flash:w:{made}:i"))


def _to_hex(elf: Path, made: Path) -> None:
    """Convert into a file of another name, so that it is there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=elf.parent) as folder:
        file = Path(folder) / made.name
        words = ["avr-objcopy", "-O", "ihex", "-R", ".eeprom", str(elf), str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailed(f"{elf} cannot be made Intel HEX; mend what avr-objcopy says.\n{done.stderr.strip()}")
        file.replace(made)
