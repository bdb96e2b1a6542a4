"""The instruments of instruments.yaml, behind PyVISA, and what the tests know of them besides."""

from pathlib import Path
from shutil import copy
from typing import Any

import pyvisa

from labnet_drivers.bench import open_instrument

METER = "USB0::0x2A8D::0x1301::MY57226010::INSTR"
SILENT = "USB0::0x2A8D::0x1301::SILENT::INSTR"
OLD = "USB0::0x2A8D::0x1301::OLD::INSTR"
DEAD = "TCPIP::dead::INSTR"
SCOPE = "TCPIP::scope::INSTR"
GENERATOR = "TCPIP::generator::INSTR"
WEAK = "TCPIP::weak::INSTR"
SMU = "USB0::0x05E6::0x2450::04610529::INSTR"
SMU_TSP = "USB0::0x05E6::0x2450::04610530::INSTR"


class Bench:
    """A bench of its own: pyvisa-sim keeps the state of a file's devices."""

    def __init__(self, folder: Path) -> None:
        self.library = f"{copy(Path(__file__).with_name('instruments.yaml'), folder)}@sim"
        self._manager = pyvisa.ResourceManager(self.library)
        self._lines: dict[str, Any] = {}

    def open(self, resource: str, timeout_s: float = 1.0) -> Any:
        return open_instrument(resource, self.library, timeout_s)

    def line(self, resource: str) -> Any:
        """A second line to an instrument, which no driver knows."""
        if resource not in self._lines:
            self._lines[resource] = self._manager.open_resource(
                resource, read_termination="\n", write_termination="\n", timeout=1000
            )
        return self._lines[resource]

    def ask(self, resource: str, question: str) -> str:
        answer = self.line(resource).query(question)
        assert isinstance(answer, str)
        return answer

    def tell(self, resource: str, line: str) -> None:
        self.line(resource).write(line)

    def given_v(self, resource: str) -> float:
        """What the output of a generator or a source is at."""
        if self.ask(resource, "OUTP?") != "ON":
            return 0.0
        return float(self.ask(resource, "SOUR:VOLT?" if resource == SMU else "VOLT:OFFS?"))

    def close(self) -> None:
        self._manager.close()
