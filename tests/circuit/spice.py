"""The operating point of a circuit by ngspice: netlist out, exact doubles of a raw file back."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labnet import Network
from labnet.circuit import Diode, Law, Linear, Transistor

_LINEAR = Linear()


def operating_point(
    folder: Path, network: Network, resistances_ohm: NDArray[np.float64], held: Mapping[int, float], law: Law = _LINEAR
) -> NDArray[np.float64]:
    """Node voltages, shape (n,). SPICE's ground, node 0, is node n0 of no network."""
    edges = zip(network.edges.tolist(), resistances_ohm.tolist(), strict=True)
    netlist = [
        "edges and sources",
        *(line for k, ((a, b), r) in enumerate(edges) for line in _edge(k, f"n{a}", f"n{b}", r, law)),
        *(f"V{node} n{node} 0 {volts!r}" for node, volts in held.items()),
        *_models(law),
        ".options reltol=1e-12 gmin=1e-30 numdgt=17 abstol=1e-18 vntol=1e-12 itl1=1000",
        ".op",
        ".end",
    ]
    (folder / "circuit.cir").write_text("\n".join(netlist) + "\n")
    command = ["ngspice", "-b", "-r", "circuit.raw", "circuit.cir"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    header, _, data = (folder / "circuit.raw").read_bytes().partition(b"Binary:\n")
    names = [line.split()[1] for line in header.decode().partition("Variables:\n")[2].splitlines()]
    values = dict(zip(names, np.frombuffer(data, dtype=np.float64).tolist(), strict=True))
    return np.array([values[f"v(n{node})"] for node in range(network.node_count)])


def _edge(k: int, a: str, b: str, ohm: float, law: Law) -> list[str]:
    if isinstance(law, Transistor):
        over = 1 / (law.strength_a_per_v2 * ohm)
        return [
            f"M{k} {a} g{k} {b} bulk edge W=1u L=1u",
            f"VG{k} g{k} 0 {over!r}",
            f"RB{k} {a} {b} {1 / law.bypass_s!r}",
        ]
    way = law.directions[k % len(law.directions)] if isinstance(law, Diode) else 0
    if not isinstance(law, Diode) or not way:
        return [f"R{k} {a} {b} {ohm!r}"]
    junction = f"D{k} m{k} {b} edge" if way > 0 else f"D{k} {b} m{k} edge"
    return [f"R{k} {a} m{k} {ohm!r}", junction, f"RB{k} {a} {b} {1 / law.bypass_s!r}"]


def _models(law: Law) -> list[str]:
    if isinstance(law, Diode):
        return [f".model edge D(IS={law.saturation_a!r} N={law.ideality!r} TNOM=27)"]
    if isinstance(law, Transistor):
        return [f".model edge NMOS(LEVEL=1 VTO=0 KP={law.strength_a_per_v2!r} IS=1e-30)", "VB bulk 0 -10"]
    return []
