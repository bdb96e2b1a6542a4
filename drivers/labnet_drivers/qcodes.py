"""Boards as QCoDeS instruments; any board of labnet, simulated or real, by its address or as it is open."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labnet.addresses import open_board
from labnet.board import Board, Side, Update
from labnet.extras import needs
from labnet.interrupts import finish

with needs("qcodes", "labnet_drivers.qcodes"):
    from qcodes.instrument import ChannelList, Instrument, InstrumentChannel
    from qcodes.parameters import Parameter, ParameterBase, ParameterWithSetpoints
    from qcodes.validators import Arrays, Enum, Ints, MultiTypeOr, Numbers

if TYPE_CHECKING:
    from typing import Unpack

    from qcodes.instrument.instrument_base import InstrumentBaseKWArgs

_SIDES: tuple[Side, ...] = ("free", "clamped")


class Node(InstrumentChannel):
    """A node: `v_free` and `v_clamped` as read; where it has a source, `drive_free` and `drive_clamped`.

    Those are the volts it is held at, or None where it floats; setting one leaves all other nodes as they are driven.
    """

    def __init__(self, parent: "TwinNetwork", name: str, node: int) -> None:
        super().__init__(parent, name)
        info = parent.board.info
        for side in _SIDES:
            array = parent.parameters[f"v_{side}"]
            self.add_parameter(
                f"v_{side}",
                label=f"node {node}, {side} voltage",
                unit="V",
                get_cmd=partial(_one, array, node),
                set_cmd=False,
                snapshot_value=False,  # the whole array is in the instrument's
            )
            if info.drivable is None or node in info.drivable:
                self.add_parameter(
                    f"drive_{side}",
                    label=f"node {node}, {side} source",
                    unit="V",
                    get_cmd=partial(parent.held[side].get, node),
                    set_cmd=partial(parent.hold, side, node),
                    vals=MultiTypeOr(Numbers(info.source.v_min, info.source.v_max), Enum(None)),
                )


class Edge(InstrumentChannel):
    """An edge: its `wiper`, and as they are now its `direction` (+1 up, -1 down) and gate, `enabled` (1 open)."""

    def __init__(self, parent: "TwinNetwork", name: str, edge: int) -> None:
        super().__init__(parent, name)
        set_wiper = {"set_cmd": partial(parent.set_wiper, edge), "vals": Ints(0, parent.board.info.wiper_positions - 1)}
        for kind, array, settable in (
            ("wiper", parent.wipers, set_wiper),
            ("direction", parent.directions, {"set_cmd": False}),
            ("enabled", parent.enabled, {"set_cmd": False}),
        ):
            self.add_parameter(
                kind,
                label=f"edge {edge}, {kind}",
                get_cmd=partial(_one, array, edge),
                snapshot_value=False,  # the whole array is in the instrument's
                **settable,
            )


class TwinNetwork(Instrument):
    """A board of labnet as a QCoDeS instrument.

    Errors are labnet's; validators refuse what the board's `info` does not allow before anything is sent. QCoDeS'
    snapshots read again what a verb of the instrument may have changed. `close` leaves the board safe.

    Parameters
    ----------
    name : str
        Of the instrument, as QCoDeS wants it: letters, digits and underscores.
    board : str or Board
        An address, whose board is opened and closed with the instrument; or an open board, which stays open.
    **kwargs
        Those of `qcodes.instrument.Instrument`: metadata, label.

    Attributes
    ----------
    board : Board
        For what QCoDeS has no word: ``labnet.train(instrument.board, task, steps=100)``.
    held : dict of str to dict of int to float
        Nodes and volts, by side, as last driven through this instrument.
    v_free, v_clamped : ParameterWithSetpoints
        All node voltages of a side, shape (n,), V.
    wipers : ParameterWithSetpoints
        All wiper positions, shape (E,); can be set. -1 where nobody knows.
    directions, enabled : ParameterWithSetpoints
        Comparators (+1 up, -1 down) and gates (1 open) as they are now, shape (E,).
    resistances_ohm : Parameter
        Of all edges, shape (E,); can only be set, on boards that can.
    bias_v, update_probability : Parameter
        The gates' bias voltage, and the probability that an edge steps, which is set through it; None where it was not.
    time_s : Parameter
        The board's own clock.
    nodes, edges : ChannelList
        A `Node` each, an `Edge` each.

    Raises
    ------
    MissingExtra
        On import, without QCoDeS: ``pip install "labnet[qcodes]"``.
    """

    def __init__(self, name: str, board: str | Board, **kwargs: "Unpack[InstrumentBaseKWArgs]") -> None:
        super().__init__(name, **kwargs)
        self._owned = isinstance(board, str)
        self.board = open_board(board) if isinstance(board, str) else board
        self.held: dict[Side, dict[int, float]] = {side: {} for side in _SIDES}
        self._probability: float | None = None
        network, info = self.board.network, self.board.info
        node = self._counted("node", network.node_count)
        edge = self._counted("edge", network.edge_count)
        for side in _SIDES:
            self._array(f"v_{side}", f"{side} voltages", node, partial(self.board.read, side), unit="V")
        self.wipers = self._array(
            "wipers",
            "wiper positions",
            edge,
            self.board.wipers,
            set_cmd=self.set_wipers,
            min_value=-1,  # what a board says that does not know; it refuses to be set to that
            max_value=info.wiper_positions - 1,
        )
        self.directions = self._array(
            "directions", "directions", edge, self.board.directions, min_value=-1, max_value=1
        )
        self.enabled = self._array(
            "enabled", "gates", edge, lambda: self.board.enabled().astype(np.int8), min_value=0, max_value=1
        )
        self._scalars()
        for title, kind, count in (("nodes", Node, network.node_count), ("edges", Edge, network.edge_count)):
            channels = ChannelList(self, title, kind)
            channels.extend(kind(self, f"{title[:-1]}{number}", number) for number in range(count))
            self.add_submodule(title, channels.to_channel_tuple())

    # Parameters ---------------------------------------------------------------------------------------------------

    def _counted(self, name: str, count: int) -> Parameter:
        """Give the axis of an array: nodes, or edges, from 0."""
        numbers = np.arange(count)
        return self.add_parameter(
            name, label=name, get_cmd=lambda: numbers, set_cmd=False, vals=Arrays(shape=(count,)), snapshot_value=False
        )

    def _array(
        self,
        name: str,
        label: str,
        axis: Parameter,
        get: Callable[[], NDArray[Any]],
        *,
        unit: str = "",
        set_cmd: Callable[[Any], None] | bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> ParameterWithSetpoints:
        """Add a parameter that is read as a whole."""
        return self.add_parameter(
            name,
            ParameterWithSetpoints,
            label=label,
            unit=unit,
            setpoints=(axis,),
            get_cmd=get,
            set_cmd=set_cmd,
            vals=Arrays(min_value, max_value, (len(axis()),)),
            snapshot_get=True,
            snapshot_value=True,
        )

    def _scalars(self) -> None:
        board, info = self.board, self.board.info
        self.bias_v = self.add_parameter(
            "bias_v",
            label="bias of the gates",
            unit="V",
            get_cmd=lambda: board.bias_v,
            set_cmd=self._set_bias,
            vals=Numbers(0),  # how far it goes the board says
        )
        self.update_probability = self.add_parameter(
            "update_probability",
            label="update probability",
            get_cmd=lambda: self._probability,
            set_cmd=self._set_update_probability,
            vals=Numbers(0, 1),
        )
        self.add_parameter("time_s", label="time", unit="s", get_cmd=lambda: board.time_s, set_cmd=False)
        if info.resistance_range_ohm is not None:
            low, high = info.resistance_range_ohm
            self.add_parameter(
                "resistances_ohm",
                label="resistances",
                unit="ohm",
                get_cmd=False,
                set_cmd=self._set_resistances,
                vals=Arrays(low, high, (board.network.edge_count,)),
            )

    def _set_bias(self, volts: float) -> None:
        self._changing()
        self.board.bias_v, self._probability = volts, None

    def _set_update_probability(self, p: float) -> None:
        self._changing()
        self.board.set_update_probability(p)
        self._probability = p

    def _set_resistances(self, ohm: NDArray[np.float64]) -> None:
        self._changing()
        self.board.set_resistances(ohm)

    def set_wipers(self, positions: NDArray[np.int64]) -> None:
        """Set all wiper positions, shape (E,)."""
        self._changing()
        self.board.set_wipers(positions)

    def set_wiper(self, edge: int, position: int) -> None:
        """Set the wiper of one edge."""
        positions = self.board.wipers()
        positions[edge] = position
        self.set_wipers(positions)

    def _changing(self) -> None:
        """Forget what was read before; first of all, so that a verb that fails halfway has done it, too."""
        for module in (self, *self.nodes, *self.edges):
            for parameter in module.parameters.values():
                parameter.cache.invalidate()

    # Verbs --------------------------------------------------------------------------------------------------------

    def drive(self, side: Side, voltages: Mapping[int, float]) -> None:
        """Hold these nodes at these voltages and let all others of that side float; see `labnet.Board.drive`."""
        self._changing()
        self.board.drive(side, voltages)
        for other, held in self.held.items():
            if other == side:
                held.clear()
                held.update(voltages)
            else:  # a node has one source for both sides
                held.update({node: voltages[node] for node in held.keys() & voltages.keys()})

    def hold(self, side: Side, node: int, volts: float | None) -> None:
        """Hold one node at a voltage, or with None let it float; all others stay as they are driven."""
        others = {each: value for each, value in self.held[side].items() if each != node}
        self.drive(side, others if volts is None else others | {node: volts})

    def trigger(self, step_wipers: bool = True) -> Update:
        """Clock all edges once and give what they latched; see `labnet.Board.trigger`."""
        self._changing()
        return self.board.trigger(step_wipers)

    def self_trigger(self, seconds: float) -> None:
        """Let every edge step on its own clock for that long, on boards that can."""
        self._changing()
        self.board.self_trigger(seconds)

    def wait(self, seconds: float) -> None:
        """Let the board's clock run."""
        self._changing()
        self.board.wait(seconds)

    def safe(self) -> None:
        """Put sources and bias to 0 V: no edge steps."""
        self._changing()
        self.board.safe()
        for held in self.held.values():
            held.update(dict.fromkeys(held, 0.0))
        self._probability = None

    # What QCoDeS asks ---------------------------------------------------------------------------------------------

    def get_idn(self) -> dict[str, str | None]:
        """Give what the board is."""
        info = self.board.info
        return {"vendor": "labnet", "model": info.model, "serial": info.serial, "firmware": info.version}

    def snapshot_base(self, update: bool | None = False, params_to_skip_update: Any = None) -> dict[Any, Any]:
        """Give the state for QCoDeS' own snapshot, with the board's address and network."""
        # a measurement begins with update=False, which would take what was read before the last trigger
        state = super().snapshot_base(update or None, params_to_skip_update)
        return state | {"address": self.board.address, "network": self.board.network.name}

    def close(self) -> None:
        """Make the board safe, and close it where it was opened by its address."""
        board: Board | None = getattr(self, "board", None)  # None: it could not be opened, or is closed already
        if board is not None:
            finish(board.close if self._owned else board.safe)
        super().close()


def _one(array: ParameterBase, index: int) -> float:
    """Read an array and give one of it, as QCoDeS stores it."""
    number: float = array()[index].item()
    return number
