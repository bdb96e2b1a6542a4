"""The text format of the group's packings: ``nodes edges L``, then ``x y`` lines, then ``i j`` lines."""

import re
from pathlib import Path

import numpy as np
import pytest

from labnet import Network, networks
from labnet.errors import NetworkError

TRIANGLE = "3 3 1.5\n0.1 0.2\n1 0\n0 1\n0 1\n1 2\n2 0\n"


def write(path: Path, network: Network, count_from: int) -> Path:
    rows = [f"{network.node_count} {network.edge_count} 1.0"]
    rows += [f"{x!r} {y!r}" for x, y in network.layout.tolist()]
    rows += [f"{a} {b}" for a, b in (network.edges + count_from).tolist()]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("count_from", [0, 1])
@pytest.mark.parametrize("name", ["twin16", "packing143", "lattice-5x4-periodic"])
def test_a_written_network_is_read_back(tmp_path: Path, name: str, count_from: int) -> None:
    network = networks.named(name)
    back = networks.read(write(tmp_path / "board.txt", network, count_from))
    assert back == network
    assert np.array_equal(back.layout, network.layout)
    assert back.name == "board"


def test_blank_lines_and_wide_spaces_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "triangle"
    file.write_text("\n" + TRIANGLE.replace(" ", " \t ").replace("\n", "\r\n\n"))
    assert networks.read(str(file)).edges.tolist() == [[0, 1], [1, 2], [2, 0]]


def test_a_file_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "triangle.txt"
    file.write_text(TRIANGLE)
    assert networks.named(str(file)).layout[0].tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("3 3\n", 1),
        ("three 3 1.5\n", 1),
        ("3 -1 1.5\n0 0\n1 0\n", 1),
        (TRIANGLE.replace("0.1 0.2", "0.1"), 2),
        (TRIANGLE.replace("1 0\n0 1\n0", "1 zero\n0 1\n0"), 3),
        (TRIANGLE.replace("2 0", "2"), 7),
        (TRIANGLE.replace("2 0", "2 0.0"), 7),
        ("\n\n" + TRIANGLE.replace("2 0", "2 ;"), 9),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(NetworkError, match=re.escape(f"{file}, line {line}:")):
        networks.read(file)


@pytest.mark.parametrize(("text", "lines"), [(TRIANGLE + "0 2\n", 8), (TRIANGLE.removesuffix("2 0\n"), 6)])
def test_a_file_that_breaks_its_headers_promise_is_refused(tmp_path: Path, text: str, lines: int) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(NetworkError, match=rf"bad.txt: .*3 nodes and 3 edges, 7 lines.*there are {lines}"):
        networks.read(file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TRIANGLE.replace("1.5", "1.5 2"), 1),
        (TRIANGLE.replace("0.1 0.2", "0.1 0.2 0.3"), 2),
        (TRIANGLE.replace("2 0", "2 0 1"), 7),
    ],
)
def test_a_line_with_more_than_its_words_is_named(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(NetworkError, match=re.escape(f"{file}, line {line}:")):
        networks.read(file)


@pytest.mark.parametrize(
    "text",
    [
        TRIANGLE.replace("2 0", "2 2"),
        TRIANGLE.replace("2 0", "2 1"),
        TRIANGLE.replace("2 0", "2 9"),
        TRIANGLE.replace("0.1", "nan"),
        "0 0 1\n",
    ],
)
def test_a_graph_that_is_no_network_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(NetworkError, match=re.escape(str(file))):
        networks.read(file)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "binary", tmp_path / "missing", tmp_path):
        with pytest.raises(NetworkError, match=re.escape(f"{path} cannot be read")):
            networks.read(path)
