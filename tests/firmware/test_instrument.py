"""The firmware as a process: it starts, serves hosts and ends, and leaves nothing behind."""

import gc
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import labnet
from labnet.addresses import Address
from labnet.errors import BoardError, LabnetError, RunMismatch, UnknownBoard
from labnet_simulators import SimulatedBoard, firmware
from labnet_simulators.building import build
from labnet_simulators.firmware import Instrument


def belongings() -> tuple[int, set[threading.Thread], list[str]]:
    """Open files, threads and child processes of this process."""
    gc.collect()
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return len(list(Path("/proc/self/fd").iterdir())), set(threading.enumerate()), children


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    build("twin16")
    before = belongings()
    yield
    for plant in set(threading.enumerate()) - before[1]:  # a board that was closed lets its firmware end by itself
        plant.join(60)
    assert belongings() == before


def instrument(address: str, port: int | None = None, pty: bool = False) -> Instrument:
    return firmware.serve(Address.parse(address), port=port, pty=pty)


class Host:
    """A host on a TCP port."""

    def __init__(self, address: str) -> None:
        _, name, port, _ = address.split("::")
        self.line = socket.create_connection((name, int(port)))
        self.file = self.line.makefile("rwb", buffering=0)

    def ask(self, message: str) -> str:
        self.file.write(message.encode() + b"\n")
        return self.file.readline().decode().strip()

    def close(self) -> None:
        self.file.close()
        self.line.close()


def test_hosts_come_and_go_on_a_tcp_port() -> None:
    with instrument("firmware://twin16?seed=4") as running:
        assert re.fullmatch(r"TCPIP::127\.0\.0\.1::\d+::SOCKET", running.address)
        serial = labnet.networks.twin16().digest + "-4"
        for bias in ("0", "0.5"):
            host = Host(running.address)
            assert host.ask("*IDN?").split(",")[2] == serial
            assert host.ask("SOUR:BIAS?") == bias
            assert host.ask("SOUR:BIAS 0.5;BIAS?") == "0.5"
            host.close()


def test_a_port_can_be_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with instrument("firmware://twin16", port=port) as running:
        assert running.address == f"TCPIP::127.0.0.1::{port}::SOCKET"


def test_a_port_that_is_taken_is_said() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(BoardError, match=r"did not start: it ended. It said: .*in use"),
    ):
        instrument("firmware://twin16", port=taken.getsockname()[1])


def test_a_pty_is_a_serial_port() -> None:
    with instrument("firmware://twin16", pty=True) as running:
        found = re.fullmatch(r"ASRL(/dev/\S+)::INSTR", running.address)
        assert found
        assert Path(found[1]).is_char_device()


def test_one_host_after_the_other_finds_the_port_open() -> None:
    with instrument("firmware://twin16") as running:
        for _ in range(40):
            labnet.open_board(running.address).close()


def test_ctrl_c_is_for_the_host_alone() -> None:
    with instrument("firmware://twin16") as running:
        host = Host(running.address)
        running._process.send_signal(signal.SIGINT)
        assert host.ask("SYST:ERR:COUN?") == "0"
        host.close()


def test_every_start_has_a_boot_number_of_its_own() -> None:
    boots = set()
    for _ in range(3):
        with instrument("firmware://twin16") as running:
            host = Host(running.address)
            boots.add(int(host.ask("SYST:BOOT?")))
            host.close()
    assert len(boots) == 3


def test_an_instrument_may_be_stopped_twice_and_waited_for() -> None:
    running = instrument("firmware://twin16")
    running.stop()
    running.stop()
    assert running.wait() != 0


def test_a_firmware_that_dies_is_noticed() -> None:
    running = instrument("firmware://twin16")
    running._process.kill()
    assert running.wait() == -9


def test_a_program_that_cannot_be_run_or_is_no_firmware_is_said(tmp_path: Path) -> None:
    board = labnet.open_board("sim://twin16?converters=board")
    assert isinstance(board, SimulatedBoard)
    program = tmp_path / "firmware"
    program.write_text("#!/bin/sh\necho no firmware at all >&2\n")
    with pytest.raises(BoardError, match=r"cannot be run: Permission denied; set LABNET_CACHE"):
        Instrument(board, [str(program)], ["--pty"])
    program.chmod(0o755)
    with pytest.raises(BoardError, match=r"did not start: it ended. It said: no firmware at all"):
        Instrument(board, [str(program)], ["--pty"])


def test_what_the_firmware_says_later_is_passed_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    board = labnet.open_board("sim://twin16?converters=board")
    assert isinstance(board, SimulatedBoard)
    program = tmp_path / "firmware"
    program.write_text("#!/bin/sh\necho /dev/somewhere; echo in trouble >&2; exit 3\n")
    program.chmod(0o755)
    with Instrument(board, [str(program)], ["--pty"]) as running:
        assert running.address == "ASRL/dev/somewhere::INSTR"
        assert running.wait() == 3
    assert "the firmware at ASRL/dev/somewhere::INSTR: in trouble" in caplog.text


@pytest.mark.parametrize("line", ["pty", "tcp"])
def test_a_board_is_what_its_address_says_and_ends_with_its_firmware(line: str) -> None:
    address = f"firmware://twin16?preset=lab&seed=12345678901&line={line}"
    before = set(threading.enumerate())
    with labnet.open_board(address) as board:
        (plant,) = {each for each in threading.enumerate() if each.name == f"plant of {address}"} - before
        assert board.address == address
        assert board.network == labnet.networks.twin16()
        assert len(board.info.serial) <= 23
        assert board.info.parts["plant"]["pot"]["tolerance"] == 0.3
        board.drive("free", {0: 5.0, 8: 0.0})
        assert board.read("free")[0] == pytest.approx(5.0, abs=5e-3)
    plant.join()


def test_a_run_goes_on_only_above_the_parts_it_began_with(tmp_path: Path) -> None:
    def train(options: str) -> None:
        with labnet.open_board(f"firmware://twin16?{options}") as board:
            task = labnet.tasks.Allostery.sample(board.network, seed=1)
            labnet.train(board, task, steps=5, path=tmp_path / "run", resume=True, progress=False).close()

    train("preset=lab&seed=3")
    train("preset=lab&seed=3&line=tcp")
    with pytest.raises(RunMismatch, match="parts"):
        train("preset=ideal&seed=3")
    with pytest.raises(RunMismatch, match="serial"):
        train("preset=lab&seed=4")


def test_the_non_volatile_store_is_a_file(tmp_path: Path) -> None:
    for boots in (1, 2):
        running = instrument(f"firmware://twin16?nv={tmp_path / 'store'}")
        host = Host(running.address)
        assert host.ask("SYST:BOOT?") == str(boots)
        host.close()
        running.stop()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("firmware://twin17", "no firmware for 'twin17'; allowed: .*twin16"),
        ("firmware://packing143", "no firmware for 'packing143'; allowed: .*twin16"),
        ("firmware://twin16?target=atmega328", "target is 'atmega328'; allowed: 'native' or 'atmega2560'"),
        ("firmware://twin16?converters=float", "converters is 'float'; allowed: 'board'"),
        ("firmware://twin16?line=usb", "'usb'; allowed: 'pty' or 'tcp'"),
        ("firmware://twin16?sede=3", "sede is not a known key; allowed: .*target.*nv"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_allowed(address: str, said: str) -> None:
    with pytest.raises(UnknownBoard, match=said):
        labnet.open_board(address)


def test_every_board_that_is_found_can_be_opened() -> None:
    found = [board.address for board in labnet.find_boards() if board.address.startswith("firmware://")]
    assert "firmware://twin16?preset=lab" in found
    for address in found:
        with instrument(address) as running:
            assert running.plant.failure is None


def test_a_board_that_cannot_be_opened_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str) -> labnet.Board:
        raise LabnetError(f"no way to {address}")

    monkeypatch.setattr(firmware, "open_any", refuse)
    with pytest.raises(LabnetError, match="no way to ASRL"):
        labnet.open_board("firmware://twin16")


def test_a_file_that_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "data.csv"
    other.write_text("a,b\n1,2\n")
    for target in ("native", "atmega2560"):
        with pytest.raises(BoardError, match="holds something else"):
            instrument(f"firmware://twin16?target={target}&nv={other}").stop()
    assert other.read_text() == "a,b\n1,2\n"
