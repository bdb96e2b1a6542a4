"""A meter whose leads a simulated hand moves: it does what the prompts say, and nothing else."""

import re
from io import StringIO

import pytest
from simulated_bench import METER, Bench

import labnet
from labnet.board import Board
from labnet.errors import NotSupported
from labnet.meters import Accuracy, BoardMeter
from labnet_drivers.bench import HandMeter


class Hand:
    """Somebody who does what is asked, and a meter whose leads are where that one put them."""

    voltage_accuracy = Accuracy(1e-5, 1e-6)
    current_accuracy = Accuracy(1e-4, 1e-9)

    def __init__(self, board: Board) -> None:
        self.board = board
        self.asked: list[str] = []

    def prompt(self, text: str) -> None:
        self.asked.append(text)

    def measure_voltage(self) -> float:
        put = re.search(r"Put the voltmeter on node (\d+), (free|clamped) side, and press Enter$", self.asked[-1])
        assert put is not None
        return float(self.board.read(put[2])[int(put[1])])

    def measure_current(self) -> float:
        put = re.search(r"Put the ammeter between node (\d+) and its source, and press Enter$", self.asked[-1])
        assert put is not None
        node = int(put[1])
        network, volts = self.board.network, self.board.read("free")
        ohm = self.board.info.nominal_ohm(self.board.wipers())
        drops = [
            (volts[node] - volts[j if i == node else i]) / r
            for (i, j), r in zip(network.edges, ohm, strict=True)
            if node in (i, j)
        ]
        return float(sum(drops))


def test_it_measures_where_it_was_asked_to() -> None:
    with labnet.open_board("sim://twin16?seed=3") as board:
        hand = Hand(board)
        meter: BoardMeter = HandMeter(hand, prompt=hand.prompt)
        assert meter.voltage_accuracy == Accuracy(1e-5, 1e-6)
        assert meter.current_accuracy is None
        board.drive("free", {0: 5.0, 8: 0.0})
        board.drive("clamped", {0: 4.0, 8: 0.0})
        board.wait(1e-3)
        for side in ("free", "clamped"):
            assert [meter.node_voltage(side, node) for node in range(9)] == board.read(side).tolist()
        assert len(hand.asked) == 18
        with pytest.raises(NotSupported, match="give HandMeter an ammeter"):
            meter.source_current(0)


def test_it_asks_where_the_place_changes_alone() -> None:
    with labnet.open_board("sim://twin16?seed=3") as board:
        hand = Hand(board)
        meter = HandMeter(hand, prompt=hand.prompt)
        board.drive("clamped", {3: 1.0})
        for volts in (1.0, 2.0, 3.0):
            board.drive("free", {3: volts})
            assert meter.node_voltage("free", 3) == volts
        meter.node_voltage("clamped", 3)
        meter.node_voltage("free", 3)
        assert hand.asked == [
            "Put the voltmeter on node 3, free side, and press Enter",
            "Put the voltmeter on node 3, clamped side, and press Enter",
            "Put the voltmeter on node 3, free side, and press Enter",
        ]


def test_one_pair_of_leads_for_both() -> None:
    with labnet.open_board("sim://twin16?seed=3") as board:
        hand = Hand(board)
        meter = HandMeter(hand, hand, prompt=hand.prompt)
        board.drive("free", {0: 5.0, 8: 0.0})
        board.wait(1e-3)
        into, out = meter.source_current(0), meter.source_current(8)
        assert into == pytest.approx(-out)
        assert into > 0
        meter.node_voltage("free", 0)
        assert meter.current_accuracy == Accuracy(1e-4, 1e-9)
        assert [text.startswith("Join the source again where the ammeter was. ") for text in hand.asked] == [
            False,
            True,
            True,
        ]


def test_two_meters_keep_their_places() -> None:
    with labnet.open_board("sim://twin16?seed=3") as board:
        volts, amperes = Hand(board), Hand(board)

        def prompt(text: str) -> None:
            (volts if "voltmeter" in text else amperes).prompt(text)

        meter = HandMeter(volts, amperes, prompt=prompt)
        board.drive("free", {0: 5.0, 8: 0.0})
        for _ in range(3):
            meter.node_voltage("free", 4)
            meter.source_current(0)
        assert (len(volts.asked), len(amperes.asked)) == (1, 1)


def test_a_hand_that_lets_go_is_asked_again() -> None:
    with labnet.open_board("sim://twin16?seed=3") as board:
        hand = Hand(board)
        board.drive("free", {0: 1.0})
        answers = iter([KeyboardInterrupt(), None])

        def prompt(text: str) -> None:
            hand.prompt(text)
            if error := next(answers):
                raise error

        meter = HandMeter(hand, prompt=prompt)
        with pytest.raises(KeyboardInterrupt):
            meter.node_voltage("free", 2)
        meter.node_voltage("free", 2)
        assert len(hand.asked) == 2


def test_a_multimeter_in_a_hand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with bench.open(METER) as multimeter:
        meter = HandMeter(multimeter, multimeter)
        monkeypatch.setattr("builtins.input", print)
        assert meter.node_voltage("free", 3) == 1.23456789
        bench.tell(METER, "TEST:READ 2.5E-3")
        assert meter.source_current(3) == 2.5e-3
        assert capsys.readouterr().out == (
            "Put the voltmeter on node 3, free side, and press Enter\n"
            "Put the ammeter between node 3 and its source, and press Enter\n"
        )


def test_nobody_in_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    with labnet.open_board("sim://twin16") as board, pytest.raises(NotSupported, match="Run it in a terminal"):
        HandMeter(Hand(board)).node_voltage("free", 3)
