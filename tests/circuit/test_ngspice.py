"""Voltages against ngspice, which knows nothing of labnet: resistors, its junction diode, its level 1 MOSFET."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from spice import operating_point

from labnet import circuit, networks
from labnet.circuit import Diode, Transistor
from labnet.tasks import Allostery

THERMAL_V = 1.380649e-23 / 1.602176634e-19 * 300.15  # at 27 degrees, where ngspice is
MESH = networks.lattice(4, 4, periodic=True)


@pytest.fixture(autouse=True)
def _ngspice() -> None:
    if shutil.which("ngspice") is None:
        reason = "ngspice is not installed (Debian: apt-get install ngspice)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["twin16", "packing143", "lattice-20x20", "lattice-21x21-periodic"])
def test_free_and_clamped_voltages_are_those_of_ngspice(name: str, seed: int, tmp_path: Path) -> None:
    network = networks.named(name)
    rng = np.random.default_rng(seed)
    r, eta = rng.uniform(40.0, 10e3, network.edge_count), rng.uniform(0.01, 1.0)
    task = Allostery.sample(network, inputs=2, outputs=2, grounds=1, seed=seed)
    held = task.held(task.train.inputs[0])
    free = circuit.node_voltages(network, r, held)
    np.testing.assert_allclose(free, operating_point(tmp_path, network, r, held), rtol=0, atol=1e-9)

    outputs = list(task.outputs)
    nudged = eta * task.train.targets[0] + (1 - eta) * free[outputs]
    held |= dict(zip(outputs, nudged.tolist(), strict=True))
    clamped = circuit.node_voltages(network, r, held)
    np.testing.assert_allclose(clamped, operating_point(tmp_path, network, r, held), rtol=0, atol=1e-9)


@pytest.mark.parametrize("directions", [(1, 0, -1), (1, -1), (1,)])
@pytest.mark.parametrize("seed", range(2))
def test_diodes(tmp_path: Path, directions: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    ohm, held = rng.uniform(200, 9e3, MESH.edge_count), {0: 0.0, 5: 5.0, 11: 2.0}
    law = Diode(thermal_v=THERMAL_V, bypass_s=1e-7, directions=directions)
    v = circuit.node_voltages(MESH, ohm, held, law=law)
    assert v == pytest.approx(operating_point(tmp_path, MESH, ohm, held, law), abs=2e-5)  # its k / q has 5 digits


@pytest.mark.parametrize("top_v", [0.45, 2.0])
@pytest.mark.parametrize("seed", range(2))
def test_transistors(tmp_path: Path, top_v: float, seed: int) -> None:
    """V_GT from 0.2 to 2 V: at 2 V many edges are pinched off."""
    rng = np.random.default_rng(seed)
    ohm, held = rng.uniform(500, 5e3, MESH.edge_count), {0: 0.0, 5: top_v, 11: top_v / 3}
    law = Transistor(bypass_s=1e-7)
    v = circuit.node_voltages(MESH, ohm, held, law=law)
    assert v == pytest.approx(operating_point(tmp_path, MESH, ohm, held, law), abs=1e-6)
