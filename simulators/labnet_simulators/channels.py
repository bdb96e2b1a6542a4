"""The channels of a board's converters: what each one's gain and offset really are, and the noise of readings."""

import numpy as np
from numpy.typing import NDArray

from labnet.board import Side
from labnet.draws import Stream, draw, normal, spread
from labnet_simulators.components import Parts
from labnet_simulators.voltages import SIDES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NodeArray = NDArray[np.int64] | NDArray[np.uint64]


class Channels:
    """Gains and offsets of the sources, and of the readings of both sides; each channel's are frozen.

    Parameters
    ----------
    parts : Parts
    seed : int
    nodes : int

    Attributes
    ----------
    source_gain, source_offset_v : numpy.ndarray, shape (n,)
        A node is held at gain times the voltage that its code stands for, plus the offset.
    reading_gain, reading_offset_v : dict of numpy.ndarray, shape (n,)
        By side: a converter is given gain times the node's voltage, plus the offset.
    """

    def __init__(self, parts: Parts, seed: int, nodes: int) -> None:
        which, dac, adc = np.arange(nodes, dtype=np.uint64), parts.dac, parts.adc
        self._parts, self._seed, self._nodes = parts, seed, which
        self.source_gain = 1.0 + dac.gain_error * spread(seed, Stream.SOURCE_GAIN, 0, which)
        self.source_offset_v = dac.offset_v * spread(seed, Stream.SOURCE_OFFSET, 0, which)
        self.reading_gain: dict[Side, FloatArray] = {}
        self.reading_offset_v: dict[Side, FloatArray] = {}
        for k, side in enumerate(SIDES):
            self.reading_gain[side] = 1.0 + adc.gain_error * spread(seed, Stream.READING_GAIN, k, which)
            self.reading_offset_v[side] = adc.offset_v * spread(seed, Stream.READING_OFFSET, k, which)

    def held_at(self, nodes: list[int], asked_v: FloatArray) -> FloatArray:
        """Give what nodes are really held at when these voltages are asked for."""
        return self._parts.dac.output(asked_v, self.source_gain[nodes], self.source_offset_v[nodes])

    def before_converter(self, side: Side, volts: FloatArray, triggers: int, drives: int, reads: int) -> FloatArray:
        """Give what the converter of a side is given for the voltages of all nodes (see `read_noise_v`)."""
        adc = self._parts.adc
        if adc.offset_v or adc.gain_error:
            volts = volts * self.reading_gain[side] + self.reading_offset_v[side]
        if adc.noise_v:
            volts = volts + self.read_noise_v(side, triggers, drives, reads, self._nodes)
        return volts

    def read_noise_v(
        self, side: Side, triggers: int | IntArray, drives: int | IntArray, reads: int | IntArray, nodes: NodeArray
    ) -> FloatArray:
        """Draw the noise of readings, of the shape to which the counts and `nodes` broadcast.

        Parameters
        ----------
        side : {"free", "clamped"}
        triggers, drives, reads : int or array_like of int
            Triggers until then; clamped drives since the last of them; readings of the side since the last of those.
        nodes : numpy.ndarray of int
        """
        stream = Stream.READ_FREE if side == "free" else Stream.READ_CLAMPED
        repeat = (drives << 16) + reads
        since = triggers + (repeat >> 32 << 32)  # without triggers there may be many readings
        bits = np.asarray(repeat & 0xFFFFFFFF, dtype=np.uint64) << np.uint64(32)
        which = nodes.astype(np.uint64, copy=False) + bits  # of mixed integers numpy makes floats
        return self._parts.adc.noise_v * normal(draw(self._seed, stream, since, which))
