"""``labnet serve`` and ``labnet scpi``: a board as an instrument, for people and for programs that know no labnet."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from children import start

import labnet

Labnet = Callable[..., tuple[int, str, str]]

CLIENT = """
import sys
import pyvisa

port = pyvisa.ResourceManager("@py").open_resource(sys.argv[1], read_termination="\\n", write_termination="\\n")
assert port.query("*IDN?").startswith("LABNET,TWIN16,")
port.write("SOUR:HOLD FREE,0,4,8,0")
port.write("SYST:WAIT 0.001")
volts = port.query_ascii_values("MEAS:VOLT? FREE")
assert len(volts) == 9 and volts[0] == 4 and abs(volts[4] - 2) < 1e-4, volts
port.write("SOUR:HOLD FREE,12,1")
assert port.query("SYST:ERR?") == '-222,"Data out of range;no such node"'
assert port.query("SYST:ERR?") == '0,"No error"'
port.write("FORM INT")
codes = port.query_binary_values("MEAS:VOLT? FREE", datatype="H", is_big_endian=False)
assert [round(code * 5 / 65535, 6) for code in codes[:-1]] == volts, "the last word is the CRC"
port.write("FORM ASC")
assert port.query("MEAS:VOLT? FREE;*OPC?").endswith(";1")
assert "labnet" not in sys.modules
port.close()
print("done")
"""


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run ``labnet serve firmware://twin16 WORDS``; gives the process and the VISA resource name."""
    child = start(folder, "serve", "firmware://twin16", *words, stdout=subprocess.PIPE)
    with child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert line.startswith("firmware://twin16 is at "), line
            assert "open_resource" in child.stdout.readline()
            assert "termination" in child.stdout.readline()
            assert "query" in child.stdout.readline()
            yield child, line.split()[3]
        finally:
            child.terminate()


@pytest.mark.parametrize("words", [("--pty",), ("--tcp", "0")], ids=["pty", "tcp"])
def test_any_visa_program_can_use_a_served_board(tmp_path: Path, words: tuple[str, ...]) -> None:
    with serving(tmp_path, *words) as (child, address):
        for _ in range(2):  # one program after the other
            client = [sys.executable, "-W", "ignore", "-c", CLIENT, address]
            done = subprocess.run(client, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
        with labnet.open_board(address) as board:
            assert board.network.name == "twin16"
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=30)
        assert child.returncode == 0, said
        assert said[0] == "Stopped.\n"


def test_a_port_that_is_taken_is_said(tmp_path: Path, labnet_command: Labnet) -> None:
    with serving(tmp_path, "--tcp", "0") as (_, address):
        code, _, error = labnet_command("serve", "firmware://twin16", "--tcp", address.split("::")[2])
    assert code == 2
    assert "Address already in use" in error


def test_a_served_board_that_ends_by_itself_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, "--pty") as (child, address):
        assert address.startswith("ASRL/dev/pts/")
        (firmware,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        os.kill(int(firmware), signal.SIGKILL)
        error = child.communicate(timeout=60)[1]
    assert child.returncode == 2
    assert "ended by itself" in error


# A prompt -------------------------------------------------------------------------------------------------------------


def test_messages_on_the_command_line(labnet_command: Labnet) -> None:
    words = (
        "-c",
        "*IDN?",
        "-c",
        "SOUR:BIAS 0.5",
        "-c",
        "BOAR:NOD?;:NO:SUCH;:BOAR:NAME?",
        "-c",
        "*CLS" * 2000,
        "-c",
        "FOO →",
        "-c",
        "SOUR:BIAS?",
    )
    code, out, error = labnet_command("scpi", "firmware://twin16", *words)
    assert out.splitlines()[0].startswith("LABNET,TWIN16,")
    assert out.splitlines()[1:] == ['9;"twin16"', "0.5"], "an error ends neither a message nor the talk"
    assert error.startswith('-113,"Undefined header"\n')
    assert "Split it" in error
    assert "not ASCII" in error
    assert code == 1


def test_messages_from_a_pipe(tmp_path: Path) -> None:
    with start(tmp_path, "scpi", "firmware://twin16", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        out, error = child.communicate("BOAR:NOD?\n\nBOAR:NAME?\n", timeout=60)
    assert (out, error, child.returncode) == ('9\n"twin16"\n', "", 0)


def test_a_prompt_remembers_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    up, end = "\x1b[A", "\x04"
    for typed in ("BOAR:NOD?\n", f"{up}\n"):
        ours, theirs = pty.openpty()
        with start(tmp_path, "scpi", "firmware://twin16", stdin=theirs, stdout=theirs) as child:
            os.close(theirs)
            said = answered(ours, "> ")
            os.write(ours, typed.encode())
            said += answered(ours, "9\r\n> ")
            os.write(ours, end.encode())
            child.communicate(timeout=60)
        os.close(ours)
        assert child.returncode == 0, said


def answered(terminal: int, text: str) -> str:
    """Read what a program prints until this comes."""
    heard = ""
    while text not in heard:
        heard += os.read(terminal, 1 << 10).decode()
    return heard


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("scpi", "sim://twin16", "-c", "*IDN?"), "has no language of its own"),
        (("scpi", "nowhere://x"), "known schemes"),
        (("serve", "sim://twin16"), "cannot be served"),
        (("serve", "firmware://nothing"), "no firmware for 'nothing'"),
    ],
)
def test_what_cannot_be_is_said_in_words(labnet_command: Labnet, words: tuple[str, ...], said: str) -> None:
    code, _, error = labnet_command(*words)
    assert code == 2
    assert said in error
    assert "Traceback" not in error
