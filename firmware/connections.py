"""What the HAL of the Mega, and its emulator, must know of the wires: pins and channels, as C."""

from collections.abc import Iterable, Sequence

from board import Board
from mega import PINS
from tables import DescriptionError, Place

NONE = (0xFF, 0xFF)


def connections(board: Board) -> dict[str, str]:
    """Give macros: a pin is its port and bit, a list of pins their port and masks, a channel its chip and number."""
    macros = {f"BOARD_{key.upper()}_CHIPS": f"{board.parts[key].count}" for key in ("dac", "adc", "switch")}
    for name, pins in board.pins.items():
        macros |= _pins(name, [PINS[pin] for pin in pins])
    macros["BOARD_NODE_DAC"] = _places(node.dac for node in board.nodes)
    macros["BOARD_BIAS_DAC"] = _place(board.bias.dac)
    for side in ("free", "clamped"):
        bits = (_in_chain(board, getattr(node, f"{side}_switch")) for node in board.nodes)
        macros[f"BOARD_{side.upper()}_SWITCHES"] = _set(bits)
        # in the order of chips: the channels of one are read in a row
        channels = sorted((*getattr(node, f"{side}_adc"), n) for n, node in enumerate(board.nodes))
        macros[f"BOARD_{side.upper()}_CHANNELS"] = _set(_set(map(str, channel)) for channel in channels)
    return macros


def _pins(name: str, pins: Sequence[str]) -> dict[str, str]:
    ports = {pin[0] for pin in pins}
    if len(ports) > 1:
        raise DescriptionError(f"{name} has pins of ports {', '.join(sorted(ports))}; allowed: pins of one port.")
    if len(pins) == 1:
        return {f"PIN_{name}": f"{pins[0][0]}, {pins[0][1]}"}
    return {f"PORT_{name}": f"{pins[0][0]}", f"MASKS_{name}": _set(f"0x{1 << int(pin[1]):02X}" for pin in pins)}


def _in_chain(board: Board, switch: Place | None) -> str:
    """Give where a switch is in the chain of its side."""
    if switch is None:
        return f"{NONE[0]}"
    part = board.parts["switch"]
    return str(switch[0] % (part.count // 2) * part.channels + switch[1])


def _places(places: Iterable[Place | None]) -> str:
    return _set(_place(place or NONE) for place in places)


def _place(place: Place) -> str:
    return _set(map(str, place))


def _set(values: Iterable[str]) -> str:
    return "{" + ", ".join(values) + "}"
