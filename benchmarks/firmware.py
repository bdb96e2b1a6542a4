"""The shipped firmware, on the PC and an emulated chip: questions, trainings, uploads; each against a baseline."""

import socket
import statistics
import threading
import time
from collections.abc import Callable

from naive import naive_steps_per_s

import labnet
from labnet_drivers import TwinBoard
from labnet_drivers.upload import Program

REPEATS = 5
QUESTIONS = 2000
LINE_BYTES_PER_S = 1_000_000 / 10  # a byte is ten bits on the reference board's serial line
ADDRESS = "firmware://twin16?preset=ideal&seed=3&target={}&line={}"


def main() -> None:
    echo_us = statistics.median(round_trips_us(echoing_socket()))
    print(f"echo over a socket          {echo_us:12.0f} us (median of {QUESTIONS})")
    for line in ("pty", "tcp"):
        with labnet.open_board(ADDRESS.format("native", line)) as board:
            assert isinstance(board, TwinBoard)
            took_us = statistics.median(round_trips_us(lambda board=board: board.scpi("*IDN?")))
            rate = statistics.median(upload_bytes_per_s(board) for _ in range(REPEATS))
        print(f"*IDN? over {line}              {took_us:12.0f} us, x{took_us / echo_us:.1f}; wanted under 500 us")
        ratio = rate / LINE_BYTES_PER_S
        print(f"upload over {line}             {rate:12,.0f} bytes/s, x{ratio:.0f} of the serial line; wanted x0.5")
    naive = statistics.median(naive_steps_per_s(labnet.networks.twin16(), p=1.0) for _ in range(REPEATS))
    print(f"naive numpy loop            {naive:12,.0f} steps/s (median of {REPEATS})")
    for detail, steps, wanted in (("short", 20_000, 5000), ("full", 10_000, 1500)):
        rate = statistics.median(steps_per_s("native", detail, steps) for _ in range(REPEATS))
        print(f"board-paced, {detail:5} log      {rate:12,.0f} steps/s, x{rate / naive:.2f}; wanted {wanted:,} steps/s")
    with labnet.open_board(ADDRESS.format("atmega2560", "pty")) as board:
        assert isinstance(board, TwinBoard)
        took_us = statistics.median(round_trips_us(lambda: board.scpi("*IDN?")))
    print(f"emulated chip: *IDN?        {took_us:12.0f} us, x{took_us / echo_us:.1f}; wanted under 1000 us")
    for detail, steps, wanted in (("short", 10_000, 3000), ("full", 5_000, 600)):
        rate = statistics.median(steps_per_s("atmega2560", detail, steps) for _ in range(REPEATS))
        print(f"emulated chip, {detail:5} log    {rate:12,.0f} steps/s, x{rate / naive:.2f}; wanted {wanted:,} steps/s")


def echoing_socket() -> Callable[[], None]:
    """Give a question that a thread answers with itself over a socket."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        while data := theirs.recv(4096):
            theirs.sendall(data)

    threading.Thread(target=answer, daemon=True).start()

    def ask() -> None:
        ours.sendall(b"*IDN?;:SYST:ERR:ALL?\n")
        ours.recv(4096)

    return ask


def round_trips_us(ask: Callable[[], object]) -> list[float]:
    """Time a question, many times."""
    took = []
    for _ in range(QUESTIONS):
        start = time.perf_counter()
        ask()
        took.append(1e6 * (time.perf_counter() - start))
    return took


def upload_bytes_per_s(board: TwinBoard) -> float:
    """Fill most of the training memory."""
    task = labnet.tasks.Regression.sample(board.network, seed=1, train=10_000, test=0)
    program = Program(labnet.Plan(task=task, steps=1), board.info, board.limits, 0, 1, None)
    start = time.perf_counter()
    for message in program.uploads(board.longest):
        board.exchange(message)
    return program.words.nbytes / (time.perf_counter() - start)


def steps_per_s(target: str, detail: str, steps: int) -> float:
    """Let the board run a plan by itself, and log every step."""
    with labnet.open_board(ADDRESS.format(target, "pty")) as board:
        task = labnet.tasks.Allostery.sample(board.network, seed=1)
        start = time.perf_counter()
        labnet.train(board, task, steps=steps, detail=detail, progress=False).close()
        return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
