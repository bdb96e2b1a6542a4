"""The firmware is compiled when it is first wanted, once, and what is in the way is said."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labnet.errors import BoardError, BuildFailed, NoCompiler, UnknownBoard
from labnet_simulators import building
from labnet_simulators.building import build

COUNTING = """#!/bin/sh
for word in "$@"; do [ "$word" = -o ] && echo compiled >> {log}; done
exec {compiler} "$@"
"""


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a compiler that notes in this file whenever it compiles."""
    compiler, log = shutil.which("cc"), tmp_path / "log"
    script = tmp_path / "counting cc"
    script.write_text(COUNTING.format(log=log, compiler=compiler))
    script.chmod(0o755)
    log.touch()
    monkeypatch.setenv("CC", f"'{script}' -g0")
    monkeypatch.setenv("LABNET_CACHE", str(tmp_path / "cache"))
    return log


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources that one may change."""
    copy = tmp_path / "sources"
    for folder in ("src", "hal", "boards"):
        shutil.copytree(building.sources() / folder, copy / folder)
    monkeypatch.setattr(building, "sources", lambda: copy)
    return copy


def times(log: Path) -> int:
    return len(log.read_text().splitlines())


def test_what_was_compiled_is_kept(compiled: Path) -> None:
    program = build("twin16")
    assert os.access(program, os.X_OK)
    assert program.is_relative_to(compiled.parent / "cache")
    assert build("twin16") == program
    assert times(compiled) == 1
    said = subprocess.run([program], capture_output=True, text=True, check=False)
    assert "usage: firmware --plant-fd" in said.stderr
    left = {file.name for file in program.parent.iterdir()} - {"lock"}
    assert left == {program.name}


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["src/scpi.c", "src/scpi.h", "boards/twin16.h", "hal/native/plant.c", "hal/hal.h"])
def test_other_sources_are_compiled_anew(compiled: Path, copied: Path, changed: str) -> None:
    program = build("twin16")
    with (copied / changed).open("a") as file:
        file.write("/* changed */\n")
    assert build("twin16") != program
    assert times(compiled) == 2


@pytest.mark.slow
def test_another_compiler_compiles_anew(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build("twin16")
    monkeypatch.setenv("CC", os.environ["CC"] + " -DOTHER")
    assert build("twin16") != program
    assert times(compiled) == 2


@pytest.mark.slow
def test_processes_that_want_it_at_once_compile_it_once(compiled: Path) -> None:
    script = "from labnet_simulators.building import build; print(build('twin16'))"
    children = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(4)]
    said = {child.communicate()[0] for child in children}
    assert [child.returncode for child in children] == [0] * 4
    assert len(said) == 1
    assert times(compiled) == 1


def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABNET_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(NoCompiler, match=r"none of cc, gcc and clang is found; install one: .*apt install gcc.*Fedora"):
        build("twin16")
    monkeypatch.setenv("CC", "mycc -O3")
    with pytest.raises(NoCompiler, match="CC is 'mycc -O3', which is not found"):
        build("twin16")


def test_what_does_not_compile_is_shown_and_not_kept(compiled: Path, copied: Path) -> None:
    with (copied / "src/scpi.c").open("a") as file:
        file.write("int broken(void) { return nowhere; }\n")
    for _ in range(2):
        with pytest.raises(BuildFailed, match=r"(?s)did not compile the firmware.*scpi.c.*nowhere"):
            build("twin16")
    assert times(compiled) == 2


def test_a_cache_that_cannot_be_written_is_said(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LABNET_CACHE", str(tmp_path / "file"))
    with pytest.raises(BoardError, match=r"cannot be kept in .*set LABNET_CACHE"):
        build("twin16")


def test_an_unknown_board_is_refused() -> None:
    with pytest.raises(UnknownBoard, match=r"no firmware for 'twin17'; allowed: .*twin16"):
        build("twin17")


def test_cmake_makes_the_image_with_the_flags_of_the_one_that_is_flashed() -> None:
    firmware = building.sources()
    lists, toolchain = ((firmware / file).read_text() for file in ("CMakeLists.txt", "cmake/avr.cmake"))
    presets = json.loads((firmware / "CMakePresets.json").read_text())["configurePresets"]
    (variables,) = (preset["cacheVariables"] for preset in presets if preset["name"] == "avr")
    assert variables.keys() == {"CMAKE_BUILD_TYPE", "CMAKE_C_FLAGS_RELEASE"}, "or they replace others"
    assert variables["CMAKE_BUILD_TYPE"] == "Release"
    (standard,) = re.findall(r"set\(CMAKE_C_STANDARD (\d+)\)", lists)
    assert "set(CMAKE_C_EXTENSIONS ${CMAKE_CROSSCOMPILING})" in lists
    given = [f"-std=gnu{standard}", variables["CMAKE_C_FLAGS_RELEASE"]]
    given += re.findall(r'set\(CMAKE_C_FLAGS_INIT "(.*)"\)', toolchain)
    given += re.findall(r"add_(?:compile|link)_options\((.*)\)", lists)
    given += re.findall(r"target_(?:compile|link)_options\(firmware\.elf PRIVATE (.*)\)", lists)
    flags = {flag for words in given for flag in words.split()}
    warnings = {flag for flag in flags if flag.startswith("-W") and not flag.startswith("-Wl")}
    assert warnings == {"-Wall", "-Wextra", "-Wconversion", "-Werror"}
    assert sorted(flags - warnings) == sorted(building._CHIP)
