"""What the page's own elements (templates/page.js) and the server tell each other."""

from typing import TYPE_CHECKING

from bokeh.core.properties import Bool, Dict, Enum, Int, String
from bokeh.events import DocumentReady
from bokeh.model import DataModel
from bokeh.models import CustomJS, Plot
from jinja2 import Environment, PackageLoader

if TYPE_CHECKING:
    from bokeh.document import Document

_TEMPLATES = Environment(loader=PackageLoader("labnet.live"))


class View(DataModel):  # type: ignore[misc]  # Bokeh's types are not used
    """What is shown, and what somebody chose to see."""

    text = Dict(String, String, help="HTML of the page's elements, by their id.")
    last_step = Int(0, help="The last logged step: the end of the slider.")
    stale = Bool(False, help="Whether the page has to be loaded anew, for there is another run to show.")
    visible = Bool(True, help="Whether somebody may see the page: its tab is in front.")
    follow = Bool(True, help="Whether the network is shown as it is now.")
    step = Int(0, help="Else, at which step.")
    nodes = Enum("free", "clamped", "difference", help="What colours the nodes.")
    axis = Enum("linear", "log", help="The axis of the wiper traces.")

    def say(self, **text: str) -> None:
        """Change the HTML of some of the page's elements."""
        if changed := {name: html for name, html in text.items() if self.text.get(name) != html}:
            self.text = {**self.text, **changed}


def fill(document: "Document", template: str, title: str, **plots: Plot) -> View:
    """Make the page of a document from a template and the plots that it names."""
    view = View(name="view")
    for name, plot in plots.items():
        plot.name = name
        document.add_root(plot)
    document.add_root(view)
    document.title = title
    document.template = _TEMPLATES.get_template(template)
    document.js_on_event(DocumentReady, CustomJS(args={"view": view}, code="ready(view)"))
    return view
