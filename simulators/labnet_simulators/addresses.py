"""What ``sim://`` addresses mean; the entry point "sim" of the group ``labnet.boards``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from labnet import networks
from labnet.addresses import Address, FoundBoard
from labnet.board import Board, Converter
from labnet.circuit import Diode, Law, Linear, Transistor
from labnet.data import Data, keys_of
from labnet.errors import NetworkError, OutOfRange, PlanError, UnknownBoard
from labnet.networks import Network
from labnet_simulators import faults
from labnet_simulators.board import SimulatedBoard
from labnet_simulators.components import (
    BIAS_GRID,
    BOARD_GRID,
    PRESETS,
    ComparatorPair,
    EffectiveComparator,
    Faults,
    Parts,
    Settling,
)
from labnet_simulators.faults import FaultyBoard
from labnet_simulators.gates import Gate
from labnet_simulators.meters import SimulatedMeter, put_onto
from labnet_simulators.oscillators import MOST_JITTER, TOLERANCES, OscillatorGate

_NAMES = {
    "twin16": "3 x 3 nodes, 16 edges",
    "packing143": "disordered, 64 nodes, 143 edges",
    "lattice-20x20": "square lattice, 400 nodes, 760 edges; any size",
}
_LAWS: Mapping[str, Law] = {law.name: law for law in (Linear(), Diode(), Transistor())}
_EDGES_OHM = (500.0, 1e4)  # A: gates have limits; of transistors 4 V to 0.2 V above the threshold
_OF_OSCILLATORS = ("oscillator_hz", "oscillator_spread", "phase_spread", "jitter", "temperature_k", "calibrated")


class Options(Data):
    """The options of a ``sim://`` address; what is left out is as in the preset.

    Parameters
    ----------
    preset : {"ideal", "lab", "paper"}
        Without imperfections; as on a bench; or ideal with what wycoff2022 states of its simulation, 128 positions
        and sigma up to 50 mV, and sources up to 500 V, which no bench has: there its statements come nearest to holding
        together (docs/when-desynchrony-helps.md).
    seed : int
        Of everything random about the board.
    converters : {"float", "board"}
        Real numbers; or 16-bit codes, for the bias too, and a clamp in integers.
    comparator : {"effective", "pair"}
        One number sigma (Eq. 10), or the two-comparator circuit of note 32.
    sigma : {"redrawn", "frozen"}
        When the effective sigma is drawn.
    sigma_max_v, offset_v, noise_v : float
        sigma is uniform from 0 to it; offsets of the pair are uniform within plus or minus it; rms noise of each of the
        pair, drawn at every trigger.
    gate : {"bernoulli", "fixed", "oscillator"}
        Each edge with probability p; a fixed number p E of edges a trigger; or where its own oscillator is below the
        bias, as on a board.
    oscillator_hz, jitter, temperature_k : float
        Of the oscillators: nominal frequency, jitter in periods, swing of the temperature.
    oscillator_spread, phase_spread : float
        A factor on all tolerances of the oscillators' parts, 0 for none; over what share of a period phases are spread
        at power-on.
    calibrated : bool
        Whether the board knows the bias of its oscillators for every p; else that must be measured.
    positions : int
        Of every wiper, between the same ends; they power up at midscale.
    tolerance, twin_mismatch : float
        Of the pots, as shares.
    settling_s : float
        Time constant with which the nodes settle.
    edges : {"linear", "diode", "transistor"}
        Resistors; these in series with diodes; or transistors: `labnet.circuit.Linear`, `Diode` and `Transistor` with
        their defaults. Where this is given and resistances can be set, they can from 500 ohm to 10 kohm, whichever
        edges these are: so that one can compare them.
    fault : Faults
        Broken parts; see `labnet_simulators.faults`.
    """

    preset: Literal["ideal", "lab", "paper"] = "ideal"
    seed: int = 0
    converters: Literal["float", "board"] | None = None
    comparator: Literal["effective", "pair"] = "effective"
    sigma: Literal["redrawn", "frozen"] = "redrawn"
    sigma_max_v: float | None = Field(None, ge=0)
    offset_v: float | None = Field(None, ge=0)
    noise_v: float | None = Field(None, ge=0)
    gate: Literal["bernoulli", "fixed", "oscillator"] = "bernoulli"
    oscillator_hz: float | None = Field(None, gt=0)
    oscillator_spread: float | None = Field(None, ge=0, le=3)
    phase_spread: float | None = Field(None, ge=0, le=1)
    jitter: float | None = Field(None, ge=0, le=MOST_JITTER)
    temperature_k: float | None = Field(None, ge=0)
    calibrated: bool = False
    positions: int | None = Field(None, ge=2, le=1024, description="a whole number, 2 to 1024")
    tolerance: float | None = Field(None, ge=0, lt=1)
    twin_mismatch: float | None = Field(None, ge=0, lt=1)
    settling_s: float | None = Field(None, ge=0)
    edges: Literal["linear", "diode", "transistor"] = "linear"
    fault: Annotated[Faults, BeforeValidator(faults.parsed)] = Faults()

    @model_validator(mode="after")
    def _of_its_parts(self) -> Self:
        given = [name for name in _OF_OSCILLATORS if getattr(self, name) not in (None, False)]
        if given and self.gate != "oscillator":
            raise ValueError(f"{given[0]} is of oscillators; give gate=oscillator, or leave it out")
        if self.edges != "linear" and self.fault != Faults():
            raise ValueError("faults are those of linear edges; leave fault out, or give edges=linear")
        for name in ("offset_v", "noise_v"):
            if getattr(self, name) is not None and self.comparator != "pair":
                raise ValueError(f"{name} is of the pair; give comparator=pair, or leave it out")
        if self.comparator == "pair" and (self.sigma != "redrawn" or self.sigma_max_v is not None):
            raise ValueError(
                "sigma and sigma_max_v are of the effective comparator; leave them out with comparator=pair"
            )
        return self

    def parts(self) -> Parts:
        """Give the parts that these options describe."""
        parts = PRESETS[self.preset]
        if self.converters is not None:
            codes = self.converters == "board"
            grid = replace(parts.dac.grid, bits=BOARD_GRID.bits if codes else None)
            gate = Gate(grid=BIAS_GRID) if codes else Gate()
            parts = replace(parts, gate=gate, dac=replace(parts.dac, grid=grid), adc=replace(parts.adc, grid=grid))
        if self.comparator == "pair":
            parts = replace(parts, comparator=ComparatorPair(**self._given("offset_v", "noise_v")))
        elif isinstance(parts.comparator, EffectiveComparator):
            high = parts.comparator.sigma_max_v if self.sigma_max_v is None else self.sigma_max_v
            parts = replace(parts, comparator=EffectiveComparator(0.0, high, self.sigma == "frozen"))
        if self.settling_s is not None:
            parts = replace(parts, settling=Settling(self.settling_s))
        pot = self._given("positions", "tolerance", "twin_mismatch")
        if self.positions is not None:
            pot["power_up"] = self.positions // 2
        parts = replace(parts, pot=replace(parts.pot, **pot), gate=self._gate(parts.gate.grid))
        if "edges" in self.model_fields_set and parts.resistance_range_ohm is not None:
            parts = replace(parts, resistance_range_ohm=_EDGES_OHM)
        return replace(parts, faults=self.fault, law=_LAWS[self.edges])

    def _gate(self, grid: Converter) -> Gate | OscillatorGate:
        if self.gate != "oscillator":
            return Gate(self.gate == "fixed", grid)
        gate = OscillatorGate(known=self.calibrated, grid=grid)
        asked = self._given("phase_spread", "jitter", "temperature_k")
        if self.oscillator_spread is not None:
            asked |= {name: self.oscillator_spread * getattr(gate, name) for name in TOLERANCES}
        if self.oscillator_hz is not None:
            asked["capacitor_f"] = gate.capacitor_f * gate.frequency_hz / self.oscillator_hz
        return replace(gate, **asked)

    def _given(self, *names: str) -> dict[str, Any]:
        """Give those of the options that are not left out."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def board(self, network: Network, address: str) -> SimulatedBoard:
        """Make the board that these options describe.

        Raises
        ------
        OutOfRange
            For a fault of an edge or node that the network does not have.
        """
        kind = SimulatedBoard if self.fault == Faults() else FaultyBoard
        return kind(network, self.parts(), self.seed, address)


def open_board(address: Address) -> SimulatedBoard:
    """Open ``sim://NAME?option=value``; names as in `labnet.networks.named`, options as in `Options`."""
    try:
        return Options(**address.options).board(networks.named(address.name), address.text)
    except (PlanError, NetworkError, OutOfRange) as error:
        raise UnknownBoard(f"{address.text!r}: {error}") from None


def addresses(address: Address) -> Iterator[str]:
    """List named boards; behind a ``?``, options and what they may be."""
    return completed(address, _NAMES, Options)


def completed(address: Address, names: Iterable[str], options: type[Options]) -> Iterator[str]:
    """Give how an address may go on: by a name, by an option, or by what that may be where it is one of few words."""
    before, asked, query = address.text.partition("?")
    if not asked:
        yield from (f"{address.scheme}://{name}" for name in names)
        return
    given, amp, last = query.rpartition("&")
    name, chosen, _ = last.partition("=")
    known = keys_of(options)
    if chosen:
        yield from (f"{before}?{given}{amp}{name}={word}" for word in known.get(name, ()))
    else:
        yield from (f"{before}?{given}{amp}{key}=" for key in known if "." not in key and key not in address.options)


def meter(board: Board, seed: int = 0) -> SimulatedMeter:
    """Put a meter onto a board of this scheme; see `labnet_simulators.meters`."""
    return put_onto(board, seed)


def find_boards() -> Iterator[FoundBoard]:
    """List the named simulated boards."""
    for preset, text in (
        ("ideal", "no tolerance, no noise, sigma 0"),
        ("lab", "sigma 0 to 50 mV, 16-bit converters, part tolerances"),
        ("paper", "ideal but sigma 0 to 50 mV, and sources up to 500 V, which no bench has"),
    ):
        for name, what in _NAMES.items():
            yield FoundBoard(f"sim://{name}?preset={preset}", f"{what}; {text}")
