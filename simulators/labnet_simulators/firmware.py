"""The board's own firmware on a simulated board: what ``firmware://`` addresses mean.

The firmware runs as a process, and answers on a pty or a TCP port as the board on the bench does; below it is a
`Plant`. The entry point "firmware" of the group ``labnet.boards``.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from labnet import networks
from labnet.addresses import Address, FoundBoard
from labnet.addresses import open_board as open_any
from labnet.bench import Image, Wire
from labnet.board import Board
from labnet.errors import NotSupported, OutOfRange, PlanError, UnknownBoard
from labnet_simulators.addresses import Options, completed
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.building import boards, build, build_emulator, build_image, sources
from labnet_simulators.flashing import chip_image
from labnet_simulators.instrument import Emulated, Instrument
from labnet_simulators.meters import SimulatedMeter, below, put_onto


class FirmwareOptions(Options):
    """The options of a ``firmware://`` address: those of ``sim://``, and what is left out is as there.

    Parameters
    ----------
    target : {"native", "atmega2560"}
        What the firmware runs on: this PC, or the board's chip, emulated.
    line : {"pty", "tcp"}
        What it answers on.
    nv : str, optional
        File of its non-volatile store; left out, what it holds is lost at the end.
    vcd : str, optional
        File for the waveforms of the emulated chip's pins, for any viewer of value change dumps.
    timed : bool
        Whether the emulated chip's instructions take time on the board's clock, as they do on a bench. Left out, the
        clock shows scheduled times alone, and records are those of the other targets.
    """

    target: Literal["native", "atmega2560"] = "native"
    line: Literal["pty", "tcp"] = "pty"
    nv: str | None = None
    vcd: str | None = None
    timed: bool = False
    preset: Literal["ideal", "lab"] = Field("ideal", description="'ideal' or 'lab', whose sources end at 5 V")
    edges: Literal["linear"] = Field("linear", description="'linear', there are resistors below the firmware")
    positions: None = Field(None, description="left out, firmware counts the 128 of the board")
    converters: Literal["board"] = Field("board", description="'board', codes are all that firmware knows")

    @model_validator(mode="after")
    def _of_the_chip(self) -> Self:
        if self.target == "native" and (self.vcd or self.timed):
            raise ValueError("vcd and timed are of an emulated chip; give target=atmega2560, or leave them out")
        return self

    def start(self, board: SimulatedBoard, line: list[str], *, once: bool = False) -> Instrument:
        """Start a board's firmware, built if need be; parameters as of `Instrument`."""
        name = board.network.name
        if self.target == "native":
            return Instrument(board, [str(build(name))], line, once=once, nv=self.nv)
        words = [str(build_emulator(name)), "--image", str(build_image(name))]
        words += ["--vcd", self.vcd] if self.vcd else []
        words += ["--timed"] if self.timed else []
        return Emulated(board, words, line, once=once, nv=self.nv)


def _known(address: Address) -> tuple[FirmwareOptions, SimulatedBoard]:
    """Give what an address means: options, and the board below the firmware."""
    try:
        options = FirmwareOptions(**address.options)
        if address.name not in boards():
            raise UnknownBoard(f"there is no firmware for {address.name!r}; allowed: {', '.join(boards())}.")
        return options, options.board(networks.named(address.name), address.text)
    except (PlanError, OutOfRange, UnknownBoard) as error:
        raise UnknownBoard(f"{address.text!r}: {error}") from None


def open_board(address: Address) -> Board:
    """Open ``firmware://NAME?option=value``: names as in `building.boards`, options as in `FirmwareOptions`.

    The firmware ends when the board is closed.
    """
    options, simulated = _known(address)
    line = ["--pty"] if options.line == "pty" else ["--tcp", "0"]
    instrument = options.start(simulated, line, once=True)
    try:
        board = open_any(instrument.address)
    except BaseException:
        instrument.stop()
        raise
    board.address = address.text
    below(board, simulated)
    parts: dict[str, Any] = {**board.info.parts, "plant": simulated.parts.described()}
    parts |= {"timed": True} if options.timed else {}  # another board: it keeps other times
    # not what the firmware says: which gates there are below it is for the address to say
    board.info = replace(board.info, parts=parts, self_trigger_hz=simulated.info.self_trigger_hz)
    return board


def addresses(address: Address) -> Iterator[str]:
    """List the boards that there is firmware for; behind a ``?``, options and what they may be."""
    return completed(address, boards(), FirmwareOptions)


def meter(board: Board, seed: int = 0) -> SimulatedMeter:
    """Put a meter onto the simulated board below the firmware; see `labnet_simulators.meters`."""
    return put_onto(board, seed)


def find_boards() -> Iterator[FoundBoard]:
    """List the boards that there is firmware for."""
    for name in boards():
        for preset in ("ideal", "lab"):
            text = f"the board's firmware, compiled for this PC, on a simulated board of preset {preset}"
            yield FoundBoard(f"firmware://{name}?preset={preset}", text)
        yield FoundBoard(f"firmware://{name}?target=atmega2560", "the same firmware on an emulated Arduino Mega")


def serve(address: Address, *, port: int | None = None, bind: str = "127.0.0.1", pty: bool = False) -> Instrument:
    """Start an instrument that hosts may come to and go from, on a TCP port (a free one by default) or a pty."""
    options, simulated = _known(address)
    line = ["--pty"] if pty else ["--tcp", str(port or 0), "--bind", bind]
    return options.start(simulated, line)


def image(address: Address) -> Image:
    """Build the image for a board's chip, and say how it gets there."""
    options, _ = _known(address)
    if options.target == "native":
        raise NotSupported(
            f"{address.text!r} runs on this PC; for a chip it is firmware://{address.name}?target=atmega2560."
        )
    return chip_image(address.name)


def wiring(address: Address) -> list[Wire]:
    """Give the wires of a board, as firmware/wiring.py has them."""
    _known(address)
    with (sources() / "boards" / f"{address.name}.wiring.csv").open(encoding="utf-8", newline="") as file:
        return [Wire(*row) for row in csv.reader(file)][1:]
