"""``labnet advise``, as somebody types it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Labnet = Callable[..., tuple[int, str, str]]
LAB = "sim://twin16?preset=lab"
FEW = ("--tasks", "1", "--set", "task.kind=allostery")
EXPERIMENT = """
board = "sim://twin16?preset=ideal&sigma_max_v=0.001"
steps = 2000
eta = 0.5
start = 4
task = { kind = "allostery", v_max = 2.0, seed = 7 }
clock = { p = 0.3 }
"""


def test_a_board(labnet_command: Labnet, tmp_path: Path) -> None:
    code, said, _ = labnet_command("advise", LAB, "--tasks", "1", "--json", "numbers.json")
    assert code == 0
    assert "up to 50 mV" in said
    assert "nominal: redrawn" in said
    assert "1 x allostery" in said
    assert "1 x regression" in said
    assert "bias-limited: sigma sets the floor" in said
    assert "eta = 1, start 64, p = 1" in said
    written = json.loads((tmp_path / "numbers.json").read_text())
    (allostery, _) = written["tasks"].values()
    assert (allostery["regime"], allostery["helps"], allostery["best"]["eta"]) == ("bias", False, 1.0)


def test_an_experiment(labnet_command: Labnet, tmp_path: Path) -> None:
    (tmp_path / "low.toml").write_text(EXPERIMENT)
    code, said, _ = labnet_command("advise", "low.toml", "--tasks", "1")
    assert code == 0
    assert "eta = 0.5, start 4, p = 0.3" in said
    assert "locked: where it starts" in said
    assert re.search(r"yes, [\d.,]+ x lower at p = 0.3", said)
    assert "eta = 1: 2 times smaller; inputs up to 5 V: 2.5 times smaller" in said
    assert "its task" in said
    assert "1 like it" in said


def test_a_wanted_error_and_a_given_sigma(labnet_command: Labnet) -> None:
    code, said, _ = labnet_command("advise", LAB, *FEW, "--sigma", "0.02", "--error", "0.001")
    assert code == 0
    assert "as given" in said
    assert "a floor of 0.001 takes sigma / (eta V)" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere://x",), "known schemes"),
        (("sim://twin16?edges=diode",), "allowed: resistors"),
        (("missing.toml",), "give a TOML file"),
        (("found.json",), "labnet advise URI --calibration found.json"),
        ((LAB, "--set", "rule.name=continuous", "--set", "rule.gamma=1"), "allowed for advice: 'discrete'"),
        (("differences.toml",), "allowed: targets at single nodes"),
        (("etas.toml",), "eta is (1.0, 0.5); allowed for advice: one number"),
        (("own-clocks.toml",), "allowed for advice: a global clock"),
        ((LAB, "--set", "masked=[3]"), "masked is (3,); allowed for advice: none"),
        ((LAB, "--set", "clock.p=0"), "above 0 and up to 1"),
        ((LAB, "--set", "task.v_max=9"), "0 to 5 V"),
        ((LAB, "--set", "start=200"), "0 to 127"),
        ((LAB, *FEW, "--error", "7"), "between 0 and 1"),
        ((LAB, *FEW, "--sigma", "-1"), "0 V or more"),
        ((LAB, *FEW, "--sigma", "nan"), "0 V or more"),
        ((LAB, "--calibration", "none.json"), "none.json cannot be read"),
    ],
)
def test_mistakes_are_said_in_words(labnet_command: Labnet, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    for name, keys in (
        ("differences", 'task = { kind = "xor" }'),
        ("etas", 'task = { kind = "allostery" }\neta = [1.0, 0.5]'),
        ("own-clocks", 'task = { kind = "allostery" }\nclock = { dwell_s = 0.01 }'),
    ):
        (tmp_path / f"{name}.toml").write_text(f'board = "{LAB}"\nsteps = 2\n{keys}\n')
    code, _, error = labnet_command("advise", *words)
    assert code == 2
    assert told in error
    assert "Traceback" not in error


def test_tab_offers_boards_and_experiments(
    labnet_command: Labnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "low.toml").write_text(EXPERIMENT)
    for typed, offered in (("lo", "low.toml"), ("sim://tw", "//twin16")):
        monkeypatch.setenv("_LABNET_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", f"labnet\nadvise\n{typed}")
        monkeypatch.setenv("COMP_CWORD", "2")
        assert labnet_command()[1].split() == [offered]
