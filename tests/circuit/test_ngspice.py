"""Free and clamped voltages against ngspice, which knows nothing of labnet."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from spice import operating_point

from labnet import circuit, networks
from labnet.tasks import Allostery


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
