import pytest

from labnet.addresses import open_board
from labnet.bench import meter
from labnet.calibration import Calibration, calibrate
from labnet_simulators.board import SimulatedBoard

LAB = "sim://twin16?preset=lab&comparator=pair&gate=oscillator"


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("LABNET_CALIBRATIONS", str(tmp_path / "calibrations"))


@pytest.fixture
def lab():
    with open_board(f"{LAB}&seed=11") as board:
        assert isinstance(board, SimulatedBoard)
        yield board


@pytest.fixture(scope="session")
def of_lab() -> Calibration:
    """The calibration of `lab`."""
    with open_board(f"{LAB}&seed=11") as board:
        return calibrate(board, meter(board, 11))
