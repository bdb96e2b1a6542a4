"""Serving the page: on this machine alone, without anything from elsewhere."""

import logging
import os
import re
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.routing import HostMatches, Rule, RuleRouter

from labnet.errors import PageNotServed
from labnet.live.comparing_page import ComparingPage
from labnet.live.page import RunPage, waiting_page
from labnet.live.tail import Tail
from labnet.runs import Run

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")  # as browsers have them
STAYS_S = 30.0
"""How long a page stays that was started by a run, after that has ended and no browser looks any more."""


def serve(
    paths: Sequence[Path],
    *,
    port: int = 0,
    open_browser: bool = True,
    wait: bool = False,
    parent: int | None = None,
) -> None:
    """Show runs on a page at http://127.0.0.1:PORT/, until Ctrl-C. Nothing on the page changes a run.

    Parameters
    ----------
    paths : sequence of path
        One run file to follow, or several to compare; one that is given twice counts once.
    port : int
        0 for a free one.
    open_browser : bool
    wait : bool
        Whether files may be missing as yet.
    parent : int, optional
        A file descriptor that is at its end when whoever started this is gone: the page then ends `STAYS_S` after
        the last browser has closed it.

    Raises
    ------
    NotARun, RunTooNew
        One of the files is there and no run, or is missing and `wait` is not set.
    PageNotServed
        The port is another program's.
    """
    paths = list({path.resolve(): path for path in paths}.values())
    for path in paths:
        Tail(path) if wait else Run.open(path).close()
    try:
        sockets, port = bind_sockets(HOST, port)
    except OSError as error:
        raise PageNotServed(
            f"port {port} of {HOST} cannot be used ({error.strerror}); allowed: a free port, or 0 for any."
        ) from None
    logging.getLogger("bokeh").setLevel(logging.ERROR)  # that a browser was closed is no news
    application = BokehTornado(
        {"/": Application(FunctionHandler(lambda document: _fill(document, paths)))},
        extra_websocket_origins=[f"{name}:{port}" for name in _NAMES],
    )
    # By any other name, a page from elsewhere has led a browser here.
    http = HTTPServer(RuleRouter([Rule(HostMatches(f"({'|'.join(map(re.escape, _NAMES))})"), application)]))
    http.add_sockets(sockets)
    loop = IOLoop.current()
    server = BaseServer(loop, application, http)
    server.start()
    url = f"http://{HOST}:{port}/"
    print(url, flush=True)
    if open_browser:  # one that runs in the terminal would hold us up
        threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
    if parent is not None:
        threading.Thread(target=_await_end, args=[parent, loop, application], daemon=True).start()
    try:
        loop.start()
    finally:
        server.stop()


def _fill(document: Document, paths: Sequence[Path]) -> None:
    """Make the page of a browser that has come."""
    tails = [Tail(path) for path in paths]
    for tail in tails:
        tail.refresh()
    if missing := [tail for tail in tails if not tail.exists]:
        waiting_page(document, missing[0])
    elif len(paths) > 1:
        ComparingPage(document, paths)
    else:
        RunPage(document, tails[0])


def _await_end(parent: int, loop: IOLoop, application: BokehTornado) -> None:
    """Wait until the parent is gone; then end the page as soon as nobody has looked at it for a while."""
    while os.read(parent, 1024):
        pass
    seen = time.monotonic()

    def check() -> None:
        nonlocal seen
        now = time.monotonic()
        if any(session.connection_count for session in application.get_sessions("/")):
            seen = now
        elif now - seen > STAYS_S:
            loop.stop()

    loop.add_callback(lambda: PeriodicCallback(check, 1000 * min(1.0, STAYS_S)).start())
