"""What a board says of itself: who it is, its network, its converters and its limits."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from labnet.board import BoardInfo, Converter
from labnet.errors import WrongBoard
from labnet.networks import Network
from labnet_drivers.commands import MICRO, asked, micro, unquoted
from labnet_drivers.link import Exchanges

_MAKER, _VERSION = "LABNET", 1  # the firmware's major version

_NAME = asked("BOARd:NAME")
_NODES = asked("BOARd:NODes")
_EDGES = asked("BOARd:EDGes")
_POSITIONS = asked("BOARd:POSitions")
_HOLDABLE = asked("BOARd:HOLDable")
_SOURCE = asked("BOARd:SOURce")
_READING = asked("BOARd:READing")
_BIAS = asked("BOARd:BIAS")
_OSCILLATOR = asked("BOARd:OSCillator")
_WIPER = asked("BOARd:WIPer")
_R_REF = asked("BOARd:RREF")
_PARTS = asked("BOARd:PARTs")
_TICK = asked("SYSTem:TICK")
_CONSTANTS = asked("CALibration:COUNt")
_WORDS = asked("TRAin:MEMory:SIZE")


class Identity(NamedTuple):
    """What ``*IDN?`` says."""

    model: str
    serial: str
    version: str


class Description(NamedTuple):
    """What a board is.

    Attributes
    ----------
    network : Network
    info : BoardInfo
    bias_grid : Converter
        Codes of the bias source.
    bias_limit_v : float
        The bias at which every edge updates.
    limits : mapping of str to int
        The numbers that commands.toml has by name.
    """

    network: Network
    info: BoardInfo
    bias_grid: Converter
    bias_limit_v: float
    limits: Mapping[str, int]


def identify(link: Exchanges, expected: Identity | None = None) -> Identity:
    """Ask a board who it is.

    Raises
    ------
    WrongBoard
        For another instrument, a firmware this driver does not know, or another board than expected.
    """
    said = link.exchange("*IDN?").decode("latin-1")
    maker, *rest = said.split(",")
    if maker != _MAKER or len(rest) != 3:
        raise WrongBoard(f"{link.address} is no board of labnet: to *IDN? it said {said!r}.")
    identity = Identity(*rest)
    if identity.version.partition(".")[0] != str(_VERSION):
        raise WrongBoard(
            f"{link.address} has firmware {identity.version}; allowed: {_VERSION}.x. Bring the older of firmware and "
            "labnet up to date."
        )
    if expected is not None and identity[:2] != expected[:2]:
        raise WrongBoard(
            f"{link.address} is {identity.model} {identity.serial} now; it was {expected.model} {expected.serial}. "
            "Connect that one again, or open the new one."
        )
    return identity


def describe(link: Exchanges, identity: Identity) -> Description:
    """Ask a board what it is."""

    def ask(message: str) -> str:
        return link.exchange(message).decode("latin-1")

    def micros(message: str) -> list[int]:
        return [micro(text) for text in ask(message).split(",")]

    def converter(message: str) -> Converter:
        low, high, bits = micros(message)
        return Converter(low / MICRO, high / MICRO, bits // MICRO)

    nodes = int(ask(_NODES))
    network = Network(
        np.array(ask(_EDGES).split(","), dtype=np.int64).reshape(-1, 2),
        nodes,
        np.array(ask(_POSITIONS).split(","), dtype=np.float64).reshape(-1, 2),
        float(ask(_R_REF)),
        name=unquoted(ask(_NAME)),
    )
    holdable = tuple(int(text) for text in ask(_HOLDABLE).split(","))
    source, reading = converter(_SOURCE), converter(_READING)
    full, bits, limit = micros(_BIAS)
    codes = 1 << bits // MICRO
    wiper_positions, wiper_ohm, end_to_end_ohm, power_up = (value / MICRO for value in micros(_WIPER))
    info = BoardInfo(
        model=identity.model,
        serial=identity.serial,
        version=identity.version,
        source=source,
        reading=reading,
        wiper_positions=int(wiper_positions),
        wiper_ohm=wiper_ohm,
        end_to_end_ohm=end_to_end_ohm,
        drivable=None if len(holdable) == nodes else holdable,
        plans=frozenset({"discrete"}),
        tick_s=float(ask(_TICK)),
        self_trigger_hz=float(ask(_OSCILLATOR)) or None,
        parts={"chips": unquoted(ask(_PARTS)), "power_up": int(power_up), "bias_limit_v": limit / MICRO},
    )
    limits = {
        "BOARD_NODES": nodes,
        "BOARD_WIPER_POSITIONS": int(wiper_positions),
        "BOARD_SOURCE_MIN_UV": round(source.v_min * MICRO),
        "BOARD_SOURCE_MAX_UV": round(source.v_max * MICRO),
        "BOARD_BIAS_LIMIT_UV": limit,
        "CALIBRATION_CONSTANTS": int(ask(_CONSTANTS)),
        "TRAIN_WORDS": int(ask(_WORDS)),
    }
    bias_grid = Converter(0.0, full / MICRO * (codes - 1) / codes, bits // MICRO)
    return Description(network, info, bias_grid, limit / MICRO, limits)
