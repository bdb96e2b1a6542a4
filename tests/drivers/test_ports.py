"""Ports that cannot be opened, and what answers that is no board of ours."""

import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from wires import Pipe, Serve, Socket

import labnet
from labnet.errors import LinkLost, LinkTimeout, PortInUse, PortNotPermitted, UnknownBoard, WrongBoard
from labnet_drivers import Link, TwinBoard
from labnet_drivers.transports import open_transport, port_of

NOBODY = 65534


@contextmanager
def somebody(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """Another device on a serial port: it answers each line as it likes."""
    ours, theirs = os.openpty()

    def serve() -> None:
        line = b""
        while True:
            select.select([ours], [], [])
            try:
                line += os.read(ours, 1 << 16)
            except OSError:  # closed
                return
            *lines, line = line.split(b"\n")
            with suppress(BlockingIOError):  # nobody reads it
                os.write(ours, b"".join(map(answer, lines)))

    thread = Thread(target=serve)
    thread.start()
    name = os.ttyname(theirs)
    os.set_blocking(theirs, False)
    os.set_blocking(ours, False)
    try:
        yield f"ASRL{name}::INSTR"
    finally:
        os.close(theirs)
        thread.join()
        os.close(ours)


def test_a_port_that_another_program_uses(served: Serve) -> None:
    address = served(pty=True)
    with labnet.open_board(address) as board:
        with pytest.raises(PortInUse, match="another program uses /dev/"):
            labnet.open_board(address)
        board.read("free")
    labnet.open_board(address).close()


def test_a_server_that_serves_somebody_else(served: Serve) -> None:
    address = served()
    with labnet.open_board(address) as board:
        with pytest.raises(PortInUse, match="does another program talk to it"):
            labnet.open_board(address)
        board.read("free")


def test_a_port_that_one_may_not_open(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, ours)
        stack.callback(os.close, theirs)
        os.chmod(os.ttyname(theirs), 0)  # noqa: PTH101
        if os.geteuid() == 0:  # whom nothing is forbidden
            os.seteuid(NOBODY)
            stack.callback(os.seteuid, 0)
        with pytest.raises(PortNotPermitted, match=r"99-labnet\.rules") as raised:
            open_transport(f"ASRL{os.ttyname(theirs)}::INSTR")
    assert "dialout" in str(raised.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ASRL/dev/nothing::INSTR", "/dev/nothing cannot be opened"),
        ("ASRL/dev/null::INSTR", "/dev/null cannot be opened"),
        ("ASRLCOM99::INSTR", "COM99 cannot be opened"),
        ("TCPIP::127.0.0.1::1::SOCKET", "Connection refused"),
        ("TCPIP::no.such.host.invalid::5025::SOCKET", "cannot be opened"),
        ("TCPIP::bench", "cannot be opened"),
        ("nonsense", "Names are like"),
        ("twin16", "did you mean sim://twin16"),
        ("/dev/ttyACM9", "did you mean ASRL/dev/ttyACM9::INSTR"),
    ],
)
def test_names_nobody_answers_to(address: str, said: str) -> None:
    with pytest.raises(UnknownBoard, match=said):
        labnet.open_board(address)


def test_serial_ports_have_the_names_that_visa_gives_them() -> None:
    assert port_of("/dev/ttyACM0") == "/dev/ttyACM0"
    assert port_of("COM3") == "COM3"
    assert port_of("3") == ("COM3" if os.name == "nt" else "/dev/ttyS2")


def test_a_closed_visa_port_is_a_lost_link(served: Serve) -> None:
    port = open_transport(served())
    port.close()
    with pytest.raises(LinkLost):
        port.read(0.1)
    with pytest.raises(LinkLost):
        port.write(b"*IDN?\n")
    port.close()


# Who answers ----------------------------------------------------------------------------------------------------------


def open_link(address: str) -> Link:
    return Link(lambda: open_transport(address), address, patience_s=0.02, deadline_s=0.1)


def test_another_instrument_is_told_by_what_it_says() -> None:
    with (
        somebody(lambda line: b"ACME,METER 7,1,2\n" if line == b"*IDN?" else b"?\n") as address,
        pytest.raises(WrongBoard, match="ACME,METER 7,1,2"),
    ):
        open_link(address)


def test_somebody_who_says_anything_is_no_board() -> None:
    with (
        somebody(lambda line: os.urandom(20)) as address,
        pytest.raises(WrongBoard, match="no board of labnet"),
    ):
        open_link(address)


def test_somebody_who_says_nothing() -> None:
    with somebody(lambda line: b"") as address, pytest.raises(LinkTimeout, match="says nothing; look at its power"):
        open_link(address)


class Impostor(Pipe):
    """Our firmware under another name."""

    name = (b"", b"")

    def read(self, timeout_s: float) -> bytes:
        return super().read(timeout_s).replace(*self.name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ((b"LABNET,", b"ACMENET,"), "it said 'ACMENET,TWIN16"),
        ((b",1.", b",2."), r"has firmware 2\.0; allowed: 1\.x"),
        ((b",1.", b",0."), r"has firmware 0\.0; allowed: 1\.x"),
    ],
)
def test_a_board_of_another_kind_or_version_is_refused(served: Serve, name: tuple[bytes, bytes], said: str) -> None:
    address = served()

    def open_port() -> Impostor:
        pipe = Impostor(Socket(address))
        pipe.name = name
        return pipe

    with pytest.raises(WrongBoard, match=said):
        TwinBoard(Link(open_port, address, check=False))


def test_a_server_that_hangs_up_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = Thread(target=hang_up)
        thread.start()
        with pytest.raises(PortInUse, match="hung up at once"):
            labnet.open_board(f"TCPIP::127.0.0.1::{server.getsockname()[1]}::SOCKET")
        thread.join()


def test_an_arduino_that_restarts_when_its_port_is_opened(served: Serve) -> None:
    """What it is told while it starts is lost."""

    class Starting(Pipe):
        lost = 4

        def write(self, data: bytes) -> None:
            if self.lost:
                self.lost -= 1
            else:
                super().write(data)

    address = served()
    link = Link(lambda: Starting(Socket(address)), address, patience_s=0.02)
    assert link.exchange("SYST:SYNC? 1") == b"1"
    link.close()
