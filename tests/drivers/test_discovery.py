"""What ``labnet boards`` finds on serial ports."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_ports import somebody
from wires import Serve

import labnet
from labnet_drivers import discovery

MEGA = (0x2341, 0x0042)
Find = Callable[[dict[str, tuple[int, int]]], dict[str, str]]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Find:
    """Give what is found when the system lists these ports."""

    def find(ports: dict[str, tuple[int, int]]) -> dict[str, str]:
        listed = [SimpleNamespace(device=device, vid=vid, pid=pid) for device, (vid, pid) in ports.items()]
        monkeypatch.setattr(discovery, "comports", lambda: listed)
        monkeypatch.setattr(discovery, "ASKING_S", 0.3)  # no Arduino starts here
        monkeypatch.setattr(discovery, "STARTING_S", 0.0)
        boards = [board for board in labnet.addresses.find_boards() if board.address.startswith("ASRL")]
        return {board.address: board.description for board in boards}

    return find


def device(address: str) -> str:
    return address.removeprefix("ASRL").removesuffix("::INSTR")


def test_a_board_is_named_with_its_serial_number(served: Serve, found: Find) -> None:
    address = served("seed=5", pty=True)
    said = found({device(address): MEGA})[address]
    with labnet.open_board(address) as board:
        assert said == f"twin board TWIN16, serial {board.info.serial}, firmware {board.info.version}"


def test_others_are_said_to_be_what_they_are(served: Serve, found: Find) -> None:
    used, silent = served(pty=True), os.openpty()
    with somebody(lambda line: b"ACME,METER 7,1,2\n") as meter, labnet.open_board(used):
        ports = {device(used): MEGA, device(meter): MEGA, "/dev/nothing": MEGA, os.ttyname(silent[1]): MEGA}
        boards = found(ports)
    silent_port = f"ASRL{os.ttyname(silent[1])}::INSTR"
    for end in silent:
        os.close(end)
    assert boards[used] == "in use by another program"
    assert "ACME,METER 7,1,2" in boards[meter]
    assert "cannot be opened" in boards["ASRL/dev/nothing::INSTR"]
    assert "says nothing" in boards[silent_port]


def test_a_port_that_is_no_arduino_s_is_not_asked(found: Find) -> None:
    asked: list[bytes] = []

    def answer(line: bytes) -> bytes:
        asked.append(line)
        return b""

    with somebody(answer) as address:
        boards = found({device(address): (0x1234, 0x5678)})
    assert address not in boards
    assert asked == []


def test_an_arduino_is_given_time_to_start_under_any_name_of_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, link = tmp_path / "ttyACM0", tmp_path / "by-id"
    port.touch()
    link.symlink_to(port)
    mega = SimpleNamespace(device=str(port), vid=MEGA[0], pid=MEGA[1])
    monkeypatch.setattr(discovery, "comports", lambda: [mega])
    assert discovery.starting_s(f"ASRL{port}::INSTR") == discovery.starting_s(f"asrl{link}") == discovery.STARTING_S
    for other in ("ASRL/dev/ttyS0::INSTR", "ASRL1::INSTR", "TCPIP::bench::5025::SOCKET"):
        assert discovery.starting_s(other) == 0.0
