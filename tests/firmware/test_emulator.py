"""The emulated chip: time stands still or passes as told, resets and hangs end safely, no wrong wire is let pass."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from wires_of_pins import changes

import labnet
from labnet import GlobalClock, Plan
from labnet.addresses import Address
from labnet.errors import BoardError, LinkError, StateLost, UnknownBoard
from labnet.tasks import Allostery
from labnet_drivers import TwinBoard
from labnet_simulators import building, firmware
from labnet_simulators.chip_memory import measure
from labnet_simulators.instrument import Emulated

pytestmark = pytest.mark.slow
CHIP = "firmware://twin16?target=atmega2560"
RAM = 8192


@contextmanager
def emulated(options: str = "") -> Iterator[tuple[Emulated, TwinBoard]]:
    """A board on an emulated chip that one can do things to."""
    with firmware.serve(Address.parse(CHIP + options), pty=True) as chip:
        assert isinstance(chip, Emulated)
        with labnet.open_board(chip.address) as board:
            assert isinstance(board, TwinBoard)
            yield chip, board


def test_time_passes_as_it_is_told_and_else_stands_still() -> None:
    with emulated() as (chip, board):
        assert board.time_s == 0.0
        board.read("free")
        assert board.time_s == 0.0
        board.wait(0.25)
        assert board.time_s == 0.25
        chip.advance(100.000_001)  # over many rounds of the chip's timer
        assert board.time_s == pytest.approx(100.250_001, abs=1e-9)


def test_a_silent_host_makes_the_board_safe() -> None:
    with emulated() as (chip, board):
        board.drive("free", {0: 5.0, 8: 0.0})
        board.bias_v = 0.5
        chip.advance(9.9)
        assert board.scpi("SOUR:BIAS?") == "0.5"
        chip.advance(10.1)
        assert board.scpi("SOUR:BIAS?;:SOUR:HOLD? FREE") == "0;0,0,8,0"
        assert board.read("free")[0] == 0.0


def test_the_reset_button_brings_the_board_back_safe_and_says_so() -> None:
    with emulated("&preset=lab") as (chip, board):
        boot = board.boot
        board.set_wipers(np.arange(16))
        board.drive("free", {0: 5.0, 8: 0.0})
        board.bias_v = 0.5
        chip.reset()
        with pytest.raises((LinkError, StateLost)):
            board.read("free")
        with pytest.raises(StateLost):
            board.read("free")
        assert board.boot == boot + 1
        assert board.scpi("SOUR:BIAS?;:SOUR:HOLD? FREE") == "0;NONE"
        assert board.wipers().tolist() == [64] * 16


def test_firmware_that_hangs_restarts_with_all_nodes_let_go() -> None:
    with emulated() as (chip, board):
        boot = board.boot
        board.bias_v = 0.5
        chip.hang()
        with pytest.raises((LinkError, StateLost)):
            board.read("free")
        with pytest.raises(StateLost):
            board.read("free")
        assert board.boot == boot + 1
        assert board.scpi("SOUR:BIAS?;:SOUR:HOLD? CLAM") == "0;NONE"


def test_opening_the_port_restarts_the_chip_as_it_does_a_mega() -> None:
    with firmware.serve(Address.parse(CHIP), pty=True) as chip:
        boots = []
        for _ in range(3):
            with labnet.open_board(chip.address) as board:
                assert isinstance(board, TwinBoard)
                assert board.time_s == 0.0
                board.wait(1.0)
                boots.append(board.boot)
        assert boots == [boots[0], boots[0] + 1, boots[0] + 2]


def test_what_is_kept_without_power_is_there_after_it(tmp_path: Path) -> None:
    address = f"{CHIP}&nv={tmp_path / 'eeprom'}"
    boots = []
    for value in (1.5, -2.25):
        with labnet.open_board(address) as board:
            assert isinstance(board, TwinBoard)
            boots.append(board.boot)
            assert board.calibration_constants()[5] == (0.0 if value > 0 else 1.5)
            board.set_calibration_constant(5, value)
            board.save_calibration()
    with labnet.open_board(address.replace("atmega2560", "native")) as board:  # and the PC reads the same store
        assert isinstance(board, TwinBoard)
        assert board.calibration_constants()[5] == -2.25
        assert board.boot == boots[1] + 1 == boots[0] + 2
        assert board.self_test() == 0


def plan(**settings: object) -> Plan:
    task = Allostery.sample(labnet.networks.twin16(), inputs=2, outputs=2, seed=7)
    return Plan(task=task, clock=GlobalClock(p=0.5), **settings)  # type: ignore[arg-type]


def test_the_stack_stays_within_what_the_build_says() -> None:
    memory = measure(building.build_image("twin16"))
    with emulated() as (chip, board):
        list(board.train(plan(steps=40)))
        board.scpi("*IDN?;:SYST:WAIT 0.001;:SYST:ERR:ALL?;*TST?")
        assert 100 < chip.stack_bytes() <= memory.stack
        assert memory.static + memory.stack <= RAM


def test_a_chip_that_takes_its_time_settles_as_long_and_says_when_it_is_late() -> None:
    with labnet.open_board(CHIP + "&timed=true&preset=lab") as board:
        records = [record for block in board.train(plan(steps=50, settle_s=2e-3)) for record in block.records]
        began = np.array([record.time_s for record in records[:-1]])
        assert (np.diff(began) >= 4e-3).all()  # two settling times at least
        assert np.median(np.diff(began)) < 20e-3  # and what is to be done takes less than that
    with labnet.open_board(CHIP + "&timed=true") as board:
        with pytest.raises(labnet.errors.LateStep):
            list(board.train(plan(steps=50, settle_s=2e-6, period_s=1e-4)))
        blocks = list(board.train(plan(steps=20, settle_s=2e-6, period_s=0.05)))
        assert blocks[-1].steps == 20


def test_the_pins_waveforms_can_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "pins.vcd"
    with labnet.open_board(f"{CHIP}&vcd={file}") as board:
        board.set_update_probability(1.0)
        for _ in range(5):
            board.trigger()
    seen = changes(file)
    assert {"EDGE_CLOCK", "EDGE_LATCH", "DAC_SELECT_1", "SWITCH_SELECT_0"} <= {one.pin for one in seen}
    times = [one.time for one in seen]
    assert times == sorted(times)
    forced = max(k for k, one in enumerate(seen) if one == (one.time, "EDGE_FORCE", False))  # when the wipers were set
    triggers = [(one.pin, one.high) for one in seen[forced:] if one.pin in ("EDGE_LATCH", "EDGE_CLOCK")]
    once = [("EDGE_LATCH", True), ("EDGE_LATCH", False), ("EDGE_CLOCK", False), ("EDGE_CLOCK", True)]
    assert triggers == once * 5


def use(address: str) -> None:
    with labnet.open_board(address) as board:
        board.trigger()
        board.read("free")
        board.self_trigger(1e-3)


WRONG_WIRES = {
    "the wrong edge of the clock": (
        "#define AT_FALLING (_BV(SPE) | _BV(MSTR) | _BV(CPHA))",
        "#define AT_FALLING AT_RISING",
    ),
    "before it had converted": ("#define ADC_CONVERSION_US 4", "#define ADC_CONVERSION_US 1"),
    "nothing new is latched": ("    HIGH(PIN_EDGE_LATCH);\n", ""),
    "while it sent another": ("    while (!(SPSR & _BV(SPIF))) {\n    }\n    return SPDR;", "    return SPDR;"),
    "while edges were selected": ("        select_edges(0);\n", ""),
    "edges 1 are to step by themselves": ("        select_edges(UINT32_MAX);\n", "        select_edges(1);\n"),
}


@pytest.mark.parametrize("said", WRONG_WIRES)
def test_a_hal_that_a_real_part_would_not_stand_ends_the_emulator(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "firmware"
    for folder in ("src", "hal", "boards"):
        shutil.copytree(building.sources() / folder, copy / folder)
    parts = copy / "hal/atmega2560/parts.c"
    text, (right, wrong) = parts.read_text(), WRONG_WIRES[said]
    assert right in text
    parts.write_text(text.replace(right, wrong))
    monkeypatch.setattr(building, "sources", lambda: copy)
    monkeypatch.setenv("LABNET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BoardError) as error:
        use(CHIP + "&gate=oscillator")
    for plant in threading.enumerate():
        if plant.name.startswith("plant of"):
            plant.join(60)
    assert said in str(error.value) + caplog.text


def test_options_of_the_chip_are_the_chips_alone() -> None:
    with pytest.raises(UnknownBoard, match="target=atmega2560"):
        labnet.open_board("firmware://twin16?vcd=pins.vcd")
    with pytest.raises(UnknownBoard, match="'native' or 'atmega2560'"):
        labnet.open_board("firmware://twin16?target=atmega328")


def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABNET_CACHE", str(tmp_path))
    compiler = shutil.which("cc")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(labnet.errors.NoCompiler, match="gcc-avr avr-libc"):
        building.build_image("twin16")
    monkeypatch.setenv("CC", f"{compiler} -nostdinc")
    with pytest.raises(labnet.errors.NoCompiler, match="libsimavr-dev"):
        building.build_emulator("twin16")


def test_an_emulator_that_has_ended_is_said() -> None:
    with emulated() as (chip, board):
        board.close()
        chip.stop()
        with pytest.raises(BoardError, match=r"ended|answer"):
            chip.advance(1.0)
