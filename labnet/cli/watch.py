"""``labnet watch``, and the page of ``labnet run --watch``."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from labnet.cli import completion
from labnet.cli.console import app, err, out
from labnet.errors import RunError
from labnet.extras import needs


@app.command()
def watch(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="One run file, or several to compare.", autocompletion=completion.run_files
        ),
    ],
    text: Annotated[bool, typer.Option("--text", help="Show one run in the terminal instead of a browser.")] = False,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The page's port; 0: any free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for runs that are not there yet, or that were stopped, to go on.")
    ] = False,
    parent: Annotated[bool, typer.Option("--parent", hidden=True)] = False,
) -> None:
    """Look at runs, finished ones or while they are written.

    A page, on this machine alone (127.0.0.1), shows network, voltages, errors, wipers, gates, parameters and warnings.
    Looking changes nothing and hinders nobody: the run is read now and then, and may be killed and go on meanwhile.

    \b
    labnet watch run.sqlite                   the page of a run, opened in your browser
    labnet watch a.sqlite b.sqlite            several runs, compared on one page
    labnet watch --no-browser --port 8000 run.sqlite
                                              the page alone; over ssh -L 8000:localhost:8000 from elsewhere
    labnet watch --text run.sqlite            in the terminal, until the run is through
    labnet watch --text run.sqlite > run.log  a line whenever something is new
    labnet watch --wait run.sqlite            begin before the run does
    """  # noqa: D301 (an escape that keeps the lines of the table)
    try:
        if text:
            _in_terminal(runs, wait)
        else:
            check_page()
            from labnet.live.server import serve  # with bokeh, which no other command needs

            from_parent = sys.stdin.fileno() if parent else None
            serve(runs, port=port, open_browser=browser, wait=wait, parent=from_parent)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _in_terminal(runs: list[Path], wait: bool) -> None:
    from labnet.live.text import follow  # with matplotlib, which no other command needs at once

    if len(runs) > 1:
        raise RunError(
            f"{len(runs)} runs with --text, which shows one; 'labnet compare' compares several in the terminal."
        )
    follow(runs[0], out, wait)


def check_page() -> None:
    """Raise `MissingExtra` where what the page needs is not installed."""
    with needs("dashboard", "the page of 'labnet watch' (--text does without)"):
        import bokeh  # noqa: F401


def start_page(run: Path) -> "subprocess.Popen[str]":
    """Start the page of a run in a process of its own, and say where it is.

    Ctrl-C does not reach it. It has a pipe from this process: when that is closed, and nobody looks any more, it ends.

    Raises
    ------
    RunError
        It did not start; what it said is in the message.
    """
    command = [sys.executable, "-m", "labnet", "watch", str(run.absolute()), "--wait", "--parent"]
    with tempfile.TemporaryFile("w+") as said:
        page = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert page.stdout is not None
        if not (url := page.stdout.readline().strip()):
            page.wait()
            said.seek(0)
            raise RunError(
                f"the page did not start: {said.read().strip()}. Run without --watch, and labnet watch later."
            )
    err.print(f"watch it at {url}", soft_wrap=True)
    return page
