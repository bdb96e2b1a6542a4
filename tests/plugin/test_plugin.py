"""The pytest plugin: a bench script gets its board from the command line."""

import pytest

pytest_plugins = "pytester"

SCRIPT = """
def test_bench(board):
    board.drive("free", {0: 1.0})
    print("nodes", board.network.node_count)
    assert abs(board.read("free")[-1] - 1.0) < 1e-6
"""


@pytest.mark.parametrize(("words", "nodes"), [((), 9), (("--board", "sim://lattice-4x5"), 20)])
def test_board_fixture(pytester: pytest.Pytester, words: tuple[str, ...], nodes: int) -> None:
    pytester.makepyfile(SCRIPT)
    result = pytester.runpytest_inprocess("-s", *words)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*nodes {nodes}*"])


def test_a_wrong_address_is_an_error_with_words(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SCRIPT)
    result = pytester.runpytest_inprocess("--board", "nowhere://x")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no installed package opens 'nowhere://x'*"])
