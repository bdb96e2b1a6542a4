"""What README, CONTRIBUTING and docs/ tell people to type works."""

import os
import re
import sys
from collections import Counter
from pathlib import Path

import matplotlib
import pytest
from blocks import PAGES, ROOT, examples, reason_not_run
from platformdirs import user_cache_path

# How many blocks cannot run here, by the reason that their comment gives: they are not to become more unseen.
NOT_RUN = {"bench": 4, "cluster": 2, "installs": 4, "minutes": 11, "serves": 5}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder that looks like a checkout to a reader's commands, and keep the reader's own files out of it."""
    for name in ("experiments", "notebooks", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    matplotlib.use("agg")
    for name, value in {
        "XDG_CACHE_HOME": user_cache_path(),  # the firmware is compiled once
        "HOME": tmp_path / "home",
        "LABNET_CALIBRATIONS": tmp_path / "calibrations",
        "PYVISA_LIBRARY": f"{ROOT}/tests/bench/instruments.yaml@sim",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "120",
        "MPLBACKEND": "agg",
    }.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.mark.docs
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page: Path) -> None:
    for example in examples(page):
        example.evaluate()


def test_blocks_that_are_not_run_are_known() -> None:
    reasons = Counter(reason_not_run(example) for page in PAGES for example in examples(page))
    del reasons[None]
    assert reasons == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_its_language(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^ *```(.*)$", text, re.MULTILINE)
    assert all(fences[::2]), "a block without a language: say text where it is none"
    assert not any(fences[1::2])
    outside = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"\n\n    \S", outside), "an indented block: fence it, and say its language"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
