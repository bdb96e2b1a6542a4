"""The directive ``{commands}``: a section for every command of labnet, with what its --help prints."""

from __future__ import annotations

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from labnet.cli import app

_COLUMNS = 92  # as wide as the page


class Commands(SphinxDirective):
    """Lists the commands."""

    def run(self) -> list[nodes.Node]:
        """Give a section a command."""
        group = typer.main.get_command(app)
        return [self._section(f"labnet {name}", command) for name, command in group.commands.items()]

    def _section(self, name: str, command: typer.core.TyperCommand | typer.core.TyperGroup) -> nodes.section:
        context = command.context_class(command, info_name=name, terminal_width=_COLUMNS, max_content_width=_COLUMNS)
        said = command.get_help(context)
        section = nodes.section(ids=[nodes.make_id(name)], names=[name])
        section += [nodes.title(text=name), nodes.literal_block(said, said, language="text")]
        self.state.document.note_implicit_target(section)
        section += [self._section(f"{name} {sub}", each) for sub, each in getattr(command, "commands", {}).items()]
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Let pages use it."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
