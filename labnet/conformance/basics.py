"""Checks of what a board says it is, of what it refuses, and of its safe state."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from math import nan

import numpy as np

from labnet.board import SpeaksScpi
from labnet.conformance.bench import SIDES, Bench
from labnet.conformance.limits import AT_LEAST, AT_MOST
from labnet.conformance.report import Measured
from labnet.errors import NotDrivable, OutOfRange

Call = Callable[[], object]


def identity(bench: Bench) -> Iterator[Measured]:
    """Model, serial number, network and nominal values are told, and make sense."""
    info, network = bench.info, bench.network
    for name in ("model", "serial", "version"):
        yield Measured(f"info.{name} is empty", not getattr(info, name).strip(), 0, 0)
    yield Measured("nodes", network.node_count, 2, AT_LEAST)
    yield Measured("nodes that can be held", len(bench.nodes), 1, AT_LEAST)
    strange = set(bench.nodes) - set(range(network.node_count))
    yield Measured(f"nodes in info.drivable that are none {sorted(strange) or ''}".strip(), len(strange), 0, 0)
    for name in ("source", "reading"):
        grid = getattr(info, name)
        yield Measured(f"range of info.{name}", grid.v_max - grid.v_min, 1e-3, AT_LEAST, "V")
    yield Measured("wiper positions", info.wiper_positions, 2, AT_LEAST)
    yield Measured("nominal end-to-end resistance", info.end_to_end_ohm, 1, AT_LEAST, "ohm")
    yield Measured("nominal wiper resistance", info.wiper_ohm, 0, AT_LEAST, "ohm")
    yield Measured("tick of the clock", info.tick_s, 1e-12, bench.limits.settled_in_s, "s")
    before_s = bench.board.time_s
    bench.board.wait(0.01)
    yield Measured("the clock after a wait of 10 ms", bench.board.time_s - before_s, 0.01 - 1e-9, AT_LEAST, "s")
    if isinstance(bench.board, SpeaksScpi):
        _, model, serial, _ = (bench.ask("*IDN?") + ",,,").split(",")[:4]
        yield Measured(
            "*IDN? says another model or serial than info", (model, serial) != (info.model, info.serial), 0, 0
        )
        yield Measured("SYST:BOOT? says a number", bench.ask("SYST:BOOT?").isdecimal(), 1, 1)


def limits(bench: Bench) -> Iterator[Measured]:
    """NaN and what is out of range are refused by a typed error, and nothing has moved then."""
    board = bench.board
    bench.place(bench.some_wipers())
    bench.hold(bench.ramp())
    before, wipers = bench.read(), board.wipers()
    for what, call in _bad_calls(bench):
        yield Measured(f"taken, or refused by another error: {what}", not _refused(call), 0, 0)
    yield Measured("bias", board.bias_v, 0, 0, "V")
    yield Measured("wipers that moved", int((board.wipers() != wipers).sum()), 0, 0)
    for side, volts in before.items():
        apart = np.abs(board.read(side) - volts)
        what = f"node {np.argmax(apart)}, {side} side, before and after"
        yield Measured(what, apart.max(), AT_MOST, bench.limits.steady_v, "V")


def _bad_calls(bench: Bench) -> Iterator[tuple[str, Call]]:
    """Give calls that no board takes."""
    board, info, node = bench.board, bench.info, bench.nodes[0]
    span = info.source.v_max - info.source.v_min
    strangers = [bench.network.node_count, -1]
    strangers += [each for each in range(bench.network.node_count) if each not in bench.nodes][:1]
    for side in SIDES:
        for volts in (nan, info.source.v_min - span, info.source.v_max + span):
            yield f"{volts:g} V at node {node}, {side} side", partial(board.drive, side, {node: volts})
        for stranger in strangers:
            yield f"node {stranger}, {side} side", partial(board.drive, side, {stranger: info.source.v_min})
        for kind, where in product(bench.softly, (node, strangers[0])):
            yield f"{kind} at node {where}, held or none, {side} side", partial(bench.nudge, side, kind, {where: 0.0})
    for bias_v in (nan, -0.1, 1e3):
        yield f"bias of {bias_v:g} V", partial(setattr, board, "bias_v", bias_v)
    for p in (nan, -0.1, 1.5):
        yield f"update probability {p:g}", partial(board.set_update_probability, p)
    edges = bench.network.edge_count
    for wiper in (nan, -1, info.wiper_positions, 0.5):
        yield f"wiper position {wiper:g}", partial(board.set_wipers, wiper)
        one = np.where(np.arange(edges) == edges - 1, wiper, bench.middle)
        yield f"wiper position {wiper:g} at the last edge", partial(board.set_wipers, one)
    yield "positions for an edge too many", partial(board.set_wipers, np.full(edges + 1, bench.middle))
    for seconds in (nan, -1.0):
        yield f"wait of {seconds:g} s", partial(board.wait, seconds)


def _refused(call: Call) -> bool:
    try:
        call()
    except (OutOfRange, NotDrivable):
        return True
    except Exception:  # the wrong one
        return False
    return False


def power_up(bench: Bench) -> Iterator[Measured]:
    """After safe, sources and bias are at 0 V; after *RST all nodes float, and the wipers stand as at power-up."""
    board = bench.board
    bench.place(bench.some_wipers())
    wipers = board.wipers()
    bench.hold(bench.ramp())
    board.set_update_probability(0.5)
    board.safe()
    bench.settle()
    yield from bench.safe_state("safe")
    yield Measured("wipers that safe moved", int((board.wipers() != wipers).sum()), 0, 0)
    if not isinstance(board, SpeaksScpi):
        return
    bench.hold(bench.ramp())
    bench.ask("SOUR:BIAS 0.5")
    bench.ask("*RST")
    yield Measured("bias after *RST", board.bias_v, 0, 0, "V")
    for side in ("FREE", "CLAM"):
        yield Measured(f"nodes held after *RST, {side}", bench.ask(f"SOUR:HOLD? {side}") != "NONE", 0, 0)
    home = int(bench.ask("BOAR:WIP?").split(",")[3])
    elsewhere = np.flatnonzero(board.wipers() != home)
    what = f"wipers not at {home} after *RST{f', first edge {elsewhere[0]}' if len(elsewhere) else ''}"
    yield Measured(what, len(elsewhere), 0, 0)
