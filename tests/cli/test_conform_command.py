"""``labnet conform``: what is said, what is written, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import labnet
from labnet.conformance import CHECKS

Labnet = Callable[..., tuple[int, str, str]]


def test_the_command_says_and_writes_what_came_out(labnet_command: Labnet, tmp_path: Path) -> None:
    code, out, error = labnet_command("conform", "sim://twin16?preset=lab&seed=3", "--json", "reports/r.json")
    assert (code, error) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line[:1].isalpha()}
    assert set(rows) >= set(CHECKS)
    assert "✔" in rows["clamp"]
    assert "–" in rows["grammar"]
    assert "no language of its own" in rows["grammar"]
    assert out.splitlines()[-1] == "passed"
    report = json.loads((tmp_path / "reports" / "r.json").read_text())
    assert report["schema_version"] == 1
    assert report["board"]["address"] == "sim://twin16?preset=lab&seed=3"
    assert report["board"]["serial"].endswith("-3")
    assert report["versions"]["labnet"] == labnet.__version__
    clamp = report["checks"][list(CHECKS).index("clamp")]
    assert (clamp["check"], clamp["status"], len(clamp["findings"])) == ("clamp", "passed", 18)
    assert clamp["findings"][0]["high"] == pytest.approx(8.5e-3)


def test_the_command_names_what_is_wrong(labnet_command: Labnet) -> None:
    words = ("conform", "sim://twin16?tolerance=0.9&seed=1", "--only", "wipers", "--only", "clamp")
    code, out, error = labnet_command(*words)
    assert (code, error) == (1, "")
    assert "✘" in next(line for line in out.splitlines() if line.startswith("wipers"))
    assert "✔" in next(line for line in out.splitlines() if line.startswith("clamp"))
    assert "gates" not in out
    assert "; allowed: " in out
    assert out.splitlines()[-1] == "failed: wipers"


def test_the_command_lists_the_checks(labnet_command: Labnet) -> None:
    code, out, _ = labnet_command("conform", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:1].isalpha()] == list(CHECKS)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("sim://nowhere",), "no network is called"), (("sim://twin16", "--only", "clamps"), "allowed: grammar")],
)
def test_mistakes_are_said_in_words(labnet_command: Labnet, words: tuple[str, ...], said: str) -> None:
    code, _, error = labnet_command("conform", *words)
    assert code == 2
    assert said in error
    assert "Traceback" not in error
