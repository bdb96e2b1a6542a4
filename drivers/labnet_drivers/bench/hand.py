"""A meter whose leads somebody moves."""

from collections.abc import Callable

from labnet.board import Side
from labnet.errors import NotSupported
from labnet.meters import Accuracy, Ammeter, Voltmeter


def _ask(text: str) -> None:
    try:
        input(text)
    except EOFError:
        raise NotSupported(f"nobody is there who could do this: {text} Run it in a terminal.") from None


class HandMeter:
    """A `labnet.meters.BoardMeter`: it asks somebody to put the leads where they are to be.

    It asks where the place changes, and at the start. An instrument that is both meters has one pair of leads; two have
    two, and both stay where they are.

    Parameters
    ----------
    voltmeter : Voltmeter
    ammeter : Ammeter, optional
        May be the voltmeter. None: it measures voltages alone.
    prompt : callable
        Takes the text and returns once that is done; left out, it is shown in the terminal, until Enter.
    """

    def __init__(
        self, voltmeter: Voltmeter, ammeter: Ammeter | None = None, prompt: Callable[[str], object] = _ask
    ) -> None:
        self.voltmeter, self.ammeter = voltmeter, ammeter
        self._prompt = prompt
        self._places: dict[int, str] = {}  # of the leads of each instrument

    @property
    def voltage_accuracy(self) -> Accuracy:
        """Of `node_voltage`."""
        return self.voltmeter.voltage_accuracy

    @property
    def current_accuracy(self) -> Accuracy | None:
        """Of `source_current`; None where there is no ammeter."""
        return None if self.ammeter is None else self.ammeter.current_accuracy

    def node_voltage(self, side: Side, node: int) -> float:
        """Measure a node against ground."""
        self._move(self.voltmeter, f"Put the voltmeter on node {node}, {side} side, and press Enter")
        return self.voltmeter.measure_voltage()

    def source_current(self, node: int) -> float:
        """Measure the current out of the source of a node, into whichever sides it holds there.

        Raises
        ------
        NotSupported
            Where there is no ammeter.
        """
        if self.ammeter is None:
            raise NotSupported("this meter measures voltages alone; give HandMeter an ammeter, too.")
        self._move(self.ammeter, f"Put the ammeter between node {node} and its source, and press Enter")
        return self.ammeter.measure_current()

    def _move(self, instrument: Voltmeter | Ammeter, place: str) -> None:
        """Have the leads of an instrument put to a place, unless they are there."""
        before = self._places.pop(id(instrument), None)  # should nobody answer, nobody knows where they are
        if before != place:
            joined = before is not None and before.startswith("Put the ammeter")
            self._prompt(("Join the source again where the ammeter was. " if joined else "") + place)
        self._places[id(instrument)] = place
