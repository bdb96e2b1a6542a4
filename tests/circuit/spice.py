"""The operating point of a circuit by ngspice: netlist out, exact doubles of a raw file back."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labnet import Network


def operating_point(
    folder: Path, network: Network, resistances_ohm: NDArray[np.float64], held: Mapping[int, float]
) -> NDArray[np.float64]:
    """Node voltages, shape (n,). SPICE's ground, node 0, is node n0 of no network."""
    edges = zip(network.edges.tolist(), resistances_ohm.tolist(), strict=True)
    netlist = [
        "resistors and sources",
        *(f"R{k} n{a} n{b} {r!r}" for k, ((a, b), r) in enumerate(edges)),
        *(f"V{node} n{node} 0 {volts!r}" for node, volts in held.items()),
        ".options reltol=1e-12 gmin=1e-30 numdgt=17",
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
