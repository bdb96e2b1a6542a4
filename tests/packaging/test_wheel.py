"""What is installed from a wheel works without the checkout."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_installed_wheel_runs_the_demo(tmp_path: Path) -> None:
    def python(*words: str, **extra: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=os.environ | extra, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("labnet-*.whl")
    site = tmp_path / "site"
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    for package in ("labnet", "labnet_simulators", "labnet_drivers"):
        assert (site / package / "py.typed").exists()
    installed = {"PYTHONPATH": str(site), "LABNET_CACHE": str(tmp_path / "cache")}
    said = python("-m", "labnet", "demo", **installed, COLUMNS="200")
    assert "4,000 of 4,000" in said
    assert (tmp_path / "demo.png").exists()
    script = (
        "import labnet; print(labnet.__file__, len(labnet.tasks.iris()[0]));"
        "[print(labnet.open_board('firmware://twin16' + to).network.name) for to in ('', '?target=atmega2560')]"
    )
    found = python("-c", script, **installed).split()
    assert found[0].startswith(str(site))
    assert found[1:] == ["150", "twin16", "twin16"]
    assert list((tmp_path / "cache").glob("firmware/*/firmware"))
    wires = python("-m", "labnet", "wiring", "twin16", "--csv", **installed)
    assert "EDGE_LATCH,controller,0,37 (PC0),latch,0,CLK\n" in wires
