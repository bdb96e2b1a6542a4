"""``labnet rules`` and ``labnet compare-rules``, as somebody types them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labnet
from labnet import rule_comparison
from labnet.cli import rule_comparisons as cli_comparisons
from labnet.cli import rules as cli_rules
from labnet.cli.console import out
from labnet.rules import RULES

Labnet = Callable[..., tuple[int, str, str]]
FILE = """board = "sim://twin16?preset=ideal"
settlings = 120
seeds = 20
measure = { per_decade = 5 }

[tasks.allostery]
kind = "allostery"

[rules.coupled]
rule = { name = "continuous", gamma = 0.3 }
eta = 0.1

[rules."zeroth order"]
rule = { name = "zeroth-order", gamma = 1e4 }

[rules.nudged]
board = "sim://twin16?preset=lab"
rule = { name = "equilibrium-propagation", gamma = 0.1 }

[quick]
seeds = 2
"""


def built_in() -> list[str]:
    return [name for name, rule in RULES.items() if rule.__module__.startswith("labnet.")]


def test_rules_are_listed_with_needs_and_costs(labnet_command: Labnet) -> None:
    code, said, _ = labnet_command("rules")
    assert code == 0
    lines = said.splitlines()
    assert max(map(len, lines)) <= 100
    rows = {line.split()[0]: line.split() for line in lines if line and not line.startswith(" ")}
    assert set(built_in()) <= rows.keys()
    assert rows["discrete"][1:] == ["voltage", "outputs", "wipers", "2", "2", "16"]
    assert rows["finite-differences"][1:] == ["none", "outputs", "resistances", "32", "64", "544"]
    twins = next(line for line in lines if line.startswith("  conductance, twin "))
    assert twins.split()[2:] == ["conductance,", "twins", "nodes", "resistances", "1", "18", "16"]


def test_a_rule_is_told_in_full(labnet_command: Labnet) -> None:
    code, said, _ = labnet_command("rules", "multiplexed")
    assert code == 0
    assert "(oripov2025, Eq. 11)" in said
    rows = [re.split(r" {2,}", line) for line in said.splitlines()]
    assert ["tau_theta", "1", "a whole number, at least 1", "Integration time, in time steps."] in rows
    assert any(row[0] == "gamma" and row[-1].startswith("Learning rate, dimensionless") for row in rows)
    assert any(row[0] == "amplitude" and row[-1].startswith("delta, the size of a perturbation") for row in rows)
    assert said.splitlines()[-1] == "In Python: labnet.rules.MultiplexedGradientDescent"


@pytest.mark.parametrize("name", built_in())
@pytest.mark.parametrize("width", [80, 120])
def test_a_page_fits_the_terminal_and_every_key_has_its_meaning(
    labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    monkeypatch.setattr(out, "width", width)
    code, said, _ = labnet_command("rules", name)
    assert code == 0
    assert not re.search(r"----|Raises|As of|class |`| $", said, re.MULTILINE)
    assert max(map(len, said.splitlines())) <= width
    meanings = cli_rules._meanings(RULES[name])
    assert [key for key, _ in cli_rules._keys(RULES[name]) if not meanings.get(key)] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("multiplex", "no rule is called 'multiplex'; allowed: discrete.* Did you mean multiplexed"),
        ("xyz", r"no rule is called 'xyz'; allowed: discrete.*multiplexed.*\.$"),
        ("adam", r"'adam' is an optimiser, no rule: a table \[optimiser\]"),
    ],
)
def test_a_name_that_is_no_rule_is_answered_with_what_may_be_meant(
    labnet_command: Labnet, name: str, said: str
) -> None:
    code, _, complaint = labnet_command("rules", name)
    assert code == 2
    assert re.search(said, complaint.strip())


def test_a_board_says_which_rules_it_can_do_and_why_not(labnet_command: Labnet) -> None:
    refused = {"no: needs currents", "no: needs conductances"}
    for preset, can in (("ideal", {"yes"}), ("lab", {"yes", "quantised", *refused})):
        code, said, _ = labnet_command("rules", "--board", f"sim://twin16?preset={preset}")
        assert code == 0
        assert "Traceback" not in said
        head, *lines = said.partition("\n\n")[0].splitlines()
        at = head.index("here")
        assert {line[at:] for line in lines if line[at - 3 : at - 2].isdigit()} == can
        assert ("quantised: with" in said) == ("quantised" in can)


def test_a_narrow_terminal_leaves_columns_out_and_wraps_prose(
    labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "width", 80)
    for words in (["rules"], ["rules", "--board", "sim://twin16?preset=lab"]):
        _, said, _ = labnet_command(*words)
        assert max(map(len, said.splitlines())) <= 80
        assert not re.search(r" $", said, re.MULTILINE)
        assert "equilibrium-propagation  current" in said
        assert re.search(r"wider terminal has room for: moves", said)


def test_a_board_that_reads_and_holds_few_nodes_says_which_rules_it_can_do(
    labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_of_few(address: str) -> labnet.Board:
        board = labnet.open_board(address)
        board.info = replace(board.info, readable=(4,), drivable=(0,))  # type: ignore[misc]
        return board

    monkeypatch.setattr(cli_rules, "open_board", one_of_few)
    code, said, complaint = labnet_command("rules", "--board", "sim://twin16")
    assert (code, complaint) == (0, "")
    here = {line.split()[0]: re.split(r" {2,}", line)[-1] for line in said.splitlines() if line[:1].isalpha()}
    assert (here["finite-differences"], here["continuous"]) == ("yes", "no: reads all nodes")


@pytest.mark.parametrize(
    ("error", "said"), [(np.nan, "nan"), (np.inf, "failed"), (0.0, "<1e-09"), (0.0123, "0.012"), (1e-10, "<1e-09")]
)
def test_what_is_no_error_is_not_said_to_be_a_small_one(error: float, said: str) -> None:
    assert cli_comparisons._error(error) == said


def test_rules_are_compared(labnet_command: Labnet) -> None:
    Path("mine.toml").write_text(FILE)
    code, said, _ = labnet_command("compare-rules", "mine.toml", "--quick", "--jobs", "0")
    assert code == 0
    rows = {line[:12].strip(): line[12:].split() for line in said.splitlines()[:5]}
    assert not re.search(r"\binf\b| $", said, re.MULTILINE)
    assert rows["zeroth order"][2] == "failed"
    assert "in brackets the quartiles" in said
    assert rows["coupled"][:2] == ["nodes", "voltage"]
    assert rows["zeroth order"][-1] == "2"  # failed
    assert rows["nudged"][2:] == ["not", "here"]
    assert "zeroth order: step 0 on twin16 would move" in said
    assert "nudged: the equilibrium-propagation rule nudges nodes by a current" in " ".join(said.split())
    assert "of 2 rules learn it within 120 settlings" in said
    written = json.loads(Path("mine/quick-comparison.json").read_text())
    assert written["quick"]


def test_a_narrow_terminal_leaves_out_columns_and_never_the_rule(
    labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text(FILE)
    monkeypatch.setattr(out, "width", 60)
    code, said, _ = labnet_command("compare-rules", "mine.toml", "--quick", "--jobs", "0")
    assert code == 0
    assert max(len(line) for line in said.splitlines() if not line.startswith("wrote")) <= 60
    assert {line[:12].strip() for line in said.splitlines()[2:5]} == {"coupled", "zeroth order", "nudged"}
    assert "A wider terminal has room for: nudge, measures" in said


def test_a_board_that_can_do_no_rule_of_the_file_says_what_is_missing(labnet_command: Labnet) -> None:
    Path("mine.toml").write_text(FILE.replace("preset=ideal", "preset=lab"))
    code, said, complaint = labnet_command("compare-rules", "mine.toml", "--jobs", "0")
    assert (code, complaint) == (0, "")
    assert "coupled: the continuous rule needs a board whose resistances can be set" in " ".join(said.split())
    assert "allostery: no rule can be trained" in said


def test_a_file_of_the_other_command_is_told_from_a_mistake(labnet_command: Labnet) -> None:
    Path("mine.toml").write_text(FILE)
    code, _, complaint = labnet_command("run", "mine.toml")
    assert (code, "is a file of labnet compare-rules" in complaint) == (2, True)
    Path("one.toml").write_text('board = "sim://twin16"\nsteps = 3\ntask = { kind = "allostery" }\n')
    code, _, complaint = labnet_command("compare-rules", "one.toml")
    assert (code, "is a file of labnet run" in complaint) == (2, True)


def test_ctrl_c_says_how_to_go_on(labnet_command: Labnet, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text(FILE)
    trained: list[str] = []

    def interrupted(experiment: labnet.Experiment, *given: Any, **options: Any) -> labnet.Sweep:
        if trained:
            raise KeyboardInterrupt
        trained.append(experiment.rule.name)
        return labnet.sweep(experiment, *given, **options)

    monkeypatch.setattr(rule_comparison.running, "sweep", interrupted)
    code, _, complaint = labnet_command("compare-rules", "mine.toml", "--quick", "--jobs", "0", "--out", "here")
    assert code == 130
    assert "here holds what was done; the same command goes on" in complaint
    assert (
        labnet.Sweep.open("here/quick-allostery-coupled.sweep").frame("points")["status"].tolist() == ["complete"] * 2
    )


def test_a_mistake_in_the_file_is_said_in_words(labnet_command: Labnet) -> None:
    Path("mine.toml").write_text(FILE.replace("gamma = 0.3", "gamma = 0"))
    code, _, complaint = labnet_command("compare-rules", "mine.toml")
    assert code == 2
    assert "mine.toml, line 10: rules.coupled.rule.gamma is 0; allowed: a number above 0" in complaint
