"""Notebooks run top to bottom, are kept without outputs, and go from a question to an answer."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.docs

HERE = Path(__file__).parents[2]
NOTEBOOKS = sorted((HERE / "notebooks").glob("*.ipynb"))
EXECUTED = HERE / "docs" / "notebooks"  # pages of the site, not in the repository


def shown(cell: nbformat.NotebookNode, kind: str) -> list[str]:
    """What a cell shows, of one kind."""
    return [out["data"][kind] for out in cell.get("outputs", []) if kind in out.get("data", {})]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_asks_runs_and_answers(file: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code), "kept without outputs"
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "**Question.**" in first.source

    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (answer,) = shown(last, "text/markdown")  # computed, not typed
    assert answer.strip().startswith("**Answer.**")
    assert "nan" not in answer
    assert any(shown(cell, "image/png") for cell in code), "a picture"
    said = [out for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    assert not said, "no warning"

    EXECUTED.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, EXECUTED / file.name)


def test_notebooks_use_the_public_interface_alone() -> None:
    for file in NOTEBOOKS:
        cells = nbformat.read(file, as_version=4).cells
        source = "\n".join(cell.source.replace("%matplotlib", "#") for cell in cells if cell.cell_type == "code")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(each.name for each in node.names)]
            elif isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            else:
                continue
            assert not any(name.startswith(("labnet_", "_")) or "._" in name for name in names), file.name
