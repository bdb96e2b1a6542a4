"""The documentation site: ``make docs`` builds it from the Markdown here, the docstrings and the command line."""

import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext import autosummary

sys.path.append(str(Path(__file__).parent / "_extensions"))

project = "labnet"
author = "The labnet developers"
version = release = installed("labnet")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "commands",
    "mathml",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Markdown and notebooks
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests have executed them

# Reference
default_role = "code"
autodoc_default_options = {"exclude-members": "model_config"}  # pydantic's own
autodoc_typehints = "none"  # the tables of the docstrings have them
autodoc_member_order = "bysource"
autosummary_ignore_module_all = False
autosummary.WELL_KNOWN_ABBREVIATIONS += ("Eq.", "Eqs.", ", .")  # they end no sentence
numpydoc_show_class_members = False

# Looks
html_theme = "furo"
html_title = "labnet"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["labnet.css"]
html_math_renderer = "mathml"
pygments_dark_style = "github-dark"


def _escape_bars(_app: Sphinx, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    """Leave an absolute value, |dV|, as it is: in reStructuredText it would be a substitution."""
    lines[:] = [re.sub(r"\|(\w+)\|", r"\|\1\|", line) for line in lines]


def _skip_fields(_app: Sphinx, _what: str, _name: str, of: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what Python says of the fields of a named tuple; the docstring of the tuple says more."""
    return True if (of.__doc__ or "").startswith("Alias for field number") else None


def _link_to_copies(_app: Sphinx, _page: str, text: list[str]) -> None:
    """Lead links to notebooks to their executed copies, which stand beside the pages."""
    text[0] = text[0].replace("](../notebooks/", "](notebooks/")


def setup(app: Sphinx) -> None:
    """Hear of every page, docstring and member."""
    app.connect("source-read", _link_to_copies)
    app.connect("autodoc-process-docstring", _escape_bars)
    app.connect("autodoc-skip-member", _skip_fields)
