"""An Arduino Mega restarts when its port is opened, and its bootloader listens before the firmware does."""

import pytest
from wires import Pipe, Serve, Socket

from labnet.errors import LinkTimeout
from labnet_drivers import Link, discovery
from labnet_drivers import link as links


class Restarted(Pipe):
    """A Mega whose port was just opened, with time of its own: reading passes it, nothing else does.

    Its bootloader (stk500boot.c of Arduino) starts the firmware after a second, but only where it has heard nothing:
    whatever it hears makes it wait for a programmer, until nobody has said anything for seconds.
    """

    WAITS_S, GIVES_UP_S = 1.0, 6.0

    def __init__(self, inner: Socket) -> None:
        super().__init__(inner)
        self.now_s = 0.0
        self.starts_s = self.WAITS_S

    def monotonic(self) -> float:
        return self.now_s

    perf_counter = monotonic

    def write(self, data: bytes) -> None:
        if self.now_s < self.starts_s:
            self.starts_s = self.now_s + self.GIVES_UP_S
        else:
            super().write(data)

    def read(self, timeout_s: float) -> bytes:
        if self.now_s < self.starts_s:
            self.now_s += timeout_s
            raise LinkTimeout("a bootloader says nothing")
        return super().read(timeout_s)


def test_a_board_is_met_whose_bootloader_wants_silence_first(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    address = served()
    wire = Restarted(Socket(address))
    monkeypatch.setattr(links, "time", wire)
    link = Link(lambda: wire, address, quiet_s=discovery.STARTING_S)
    assert link.exchange("SYST:SYNC? 1") == b"1"
    assert wire.now_s < 3.0
    link.close()
