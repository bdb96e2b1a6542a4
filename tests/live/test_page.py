"""The page of `labnet watch`, in a real browser, of runs that real processes write."""

import http.client
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import kill_when_committed, start, write_experiment
from playwright.sync_api import Browser, Page, expect, sync_playwright

import labnet
from labnet.comparison import compare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip
MODEL = "Bokeh.documents[0].get_model_by_name"
TIMEOUT_MS = 60_000  # on a busy machine; nothing waits that long when all is well

expect.set_options(timeout=TIMEOUT_MS)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@contextmanager
def watched(*paths: Path, wait: bool = False) -> Iterator[str]:
    """Give the address of the page that a process of its own serves."""
    words = ["watch", "--no-browser", *(["--wait"] if wait else []), *map(str, paths)]
    with start(paths[0].parent, *words, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), server.stderr and server.stderr.read()
            yield url
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@contextmanager
def seen(browser: Browser, url: str) -> Iterator[Page]:
    """Give a page that has loaded; at the end there were no errors in it, and no requests but to its server."""
    with browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light") as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on(
            "request", lambda asked: troubles.append(asked.url) if not asked.url.startswith((url, "data:")) else None
        )
        page.on("websocket", lambda opened: troubles.append(opened.url) if url[4:] not in opened.url else None)
        page.goto(url)
        loaded(page)
        yield page
        assert not troubles


def loaded(page: Page) -> None:
    page.wait_for_function("window.Bokeh?.documents[0]?.is_idle && document.querySelector('#header').innerHTML")


def train(path: Path, steps: int = 60, address: str = "sim://twin16?seed=2", **settings: Any) -> labnet.Run:
    with labnet.open_board(address) as board:
        task = labnet.tasks.Regression.sample(board.network, seed=4, train=3, test=2)
        settings = {"clock": labnet.GlobalClock(p=0.5)} | settings
        return labnet.train(board, task, steps=steps, path=path, progress=False, **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[labnet.Run]:
    """Give a run with more measurements than are drawn at once."""
    with train(tmp_path_factory.mktemp("page") / "run.sqlite", steps=4000, measure=1) as trained:
        yield trained


@pytest.fixture(scope="module")
def url(run: labnet.Run) -> Iterator[str]:
    with watched(run.path) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with seen(browser, url) as opened:
        yield opened


def columns(page: Page, plot: str, column: str) -> dict[str, list[Any]]:
    """Read what a plot draws: the data of its first part that has a column of this name."""
    data: dict[str, list[Any]] = page.evaluate(
        """([plot, column]) => {
            const {renderers} = Bokeh.documents[0].get_model_by_name(plot)
            const {data} = renderers.find((renderer) => renderer.data_source.data[column]).data_source
            const plain = (values) => typeof values === "string" || !values.length ? values : Array.from(values, plain)
            return Object.fromEntries(Object.entries(data).map(([name, values]) => [name, plain(values)]))
        }""",
        [plot, column],
    )
    return data


def edges(page: Page) -> dict[str, list[Any]]:
    """Read what is drawn of the edges."""
    return columns(page, "network", "kohm")


def frame_of(page: Page, name: str) -> dict[str, float]:
    """Give where on the page the frame of a plot is."""
    found: dict[str, float] = page.evaluate(
        """(name) => {
            const view = Bokeh.index.roots.find((view) => view.model.name === name)
            const {x, y} = view.el.getBoundingClientRect(), {left, top, width, height} = view.frame.bbox
            return {x: x + left, y: y + top, width, height}
        }""",
        name,
    )
    return found


def point_at_edge(page: Page, edge: int) -> None:
    """Move the mouse onto an edge, beside its middle."""
    x, y = page.evaluate(
        """(edge) => {
            const view = Bokeh.index.roots.find((view) => view.model.name === "network")
            const {x, y} = view.el.getBoundingClientRect(), {x_scale, y_scale} = view.frame
            const {x0, x1, y0, y1} = view.model.renderers.find((r) => r.data_source.data.kohm).data_source.data
            const along = (a, b) => 0.7 * a[edge] + 0.3 * b[edge]
            return [x + x_scale.compute(along(x0, x1)), y + y_scale.compute(along(y0, y1))]
        }""",
        edge,
    )
    page.mouse.move(x - 20, y - 20)
    page.mouse.move(x, y)


def point_of_curve(page: Page) -> tuple[float, float]:
    """Give where on the page a point of the first curve of errors of several runs is."""
    x, y = page.evaluate(
        """() => {
            const view = Bokeh.index.roots.find((view) => view.model.name === "errors")
            const {x, y} = view.el.getBoundingClientRect(), {x_scale, y_scale} = view.frame
            const {steps_p, median} = view.model.renderers[1].data_source.data
            return [x + x_scale.compute(steps_p[3]), y + y_scale.compute(median[3])]
        }"""
    )
    return x, y


@pytest.mark.slow
@needs_browser
def test_page_shows_a_run(page: Page, run: labnet.Run) -> None:
    expect(page.locator("#header")).to_contain_text("regression on twin16")
    expect(page.locator("#header .status")).to_have_text("complete")
    expect(page.locator("#at")).to_contain_text("step 4,000")
    expect(page.locator("#parameters")).to_contain_text("clock.p")
    expect(page.locator("#gates")).to_contain_text("p = 0.5")
    errors = run.frame("error")
    train = errors[errors["set"] == "train"]
    expect(page.locator("#errors")).to_contain_text(f"{train['scaled_error'].iloc[-1]:.3g}")
    assert min(columns(page, "error", "y")["y"]) == train["scaled_error"].min()
    np.testing.assert_allclose(edges(page)["kohm"], run.resistances_ohm([4000])[0] / 1e3)


@pytest.mark.slow
@needs_browser
def test_edge_tells_its_values(page: Page, run: labnet.Run) -> None:
    point_at_edge(page, 7)
    tip = page.locator(".bk-Tooltip")
    a, b = run.network.edges[7]
    free, clamped = (run.array(name, [3999])[0] for name in ("v_free", "v_clamped"))  # the closing record has none
    direction, gate = run.array("directions", [3999])[0, 7], run.array("enabled", [3999])[0, 7]
    for text in (
        f"7, node {a} to node {b}",
        f"{run.resistances_ohm([4000])[0, 7] / 1e3:.3f} kΩ",
        f"{run.array('wipers', [4000])[0, 7]}",
        f"{'up' if direction == 1 else 'down'}, gate {'open' if gate else 'closed'}",
        f"{free[a] - free[b]:.4f} V",
        f"{clamped[a] - clamped[b]:.4f} V",
    ):
        expect(tip).to_contain_text(text)


@pytest.mark.slow
@needs_browser
def test_tapping_an_edge_draws_its_trace(page: Page, run: labnet.Run) -> None:
    point_at_edge(page, 7)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#chosen")).to_have_text("edges 7")
    drawn = columns(page, "traces_linear", "xs")
    x, y = drawn["xs"][0], drawn["ys"][0]
    np.testing.assert_array_equal(y, run.array("wipers", np.round(np.array(x) / 0.5))[:, 7])
    page.locator(".choice").get_by_text("log").click()
    page.wait_for_function(f"{MODEL}('traces_log').visible && !{MODEL}('traces_linear').visible")


@pytest.mark.slow
@needs_browser
def test_zoom_reads_more_finely(page: Page, run: labnet.Run) -> None:
    before = columns(page, "error", "x")["x"]
    assert len(before) < 1100
    frame = frame_of(page, "error")
    page.evaluate(
        """() => {
            const {toolbar} = Bokeh.documents[0].get_model_by_name("error")
            toolbar.active_drag = toolbar.tools.find((tool) => tool.type === "BoxZoomTool")
        }"""
    )
    page.mouse.move(frame["x"] + 0.8 * frame["width"], frame["y"] + 0.2 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.82 * frame["width"], frame["y"] + 0.8 * frame["height"], steps=3)
    page.mouse.up()
    page.wait_for_function(f"{MODEL}('error').renderers[0].data_source.data.x[0] > {before[1]}")
    low, high = page.evaluate(f"(() => {{ const r = {MODEL}('error').x_range; return [r.start, r.end] }})()")
    x = np.array(columns(page, "error", "x")["x"])
    errors = run.frame("error")
    measured = errors[errors["set"] == "train"]["steps_p"]
    every_one = measured[(measured >= low) & (measured <= high)]
    assert len(every_one) > 20
    np.testing.assert_array_equal(x[(x >= low) & (x <= high)], every_one)
    page.evaluate("Bokeh.index.roots.find((view) => view.model.name === 'error').reset()")
    page.wait_for_function(f"{MODEL}('error').renderers[0].data_source.data.x.length === {len(before)}")


@pytest.mark.slow
@needs_browser
def test_the_whole_network_again(page: Page) -> None:
    start = f"{MODEL}('network').x_range.start"
    before = page.evaluate(start)
    frame = frame_of(page, "network")
    page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    page.mouse.down()
    page.mouse.move(frame["x"] + 90, frame["y"] + 60, steps=3)
    page.mouse.up()
    page.wait_for_function(f"{start} < {before}")
    page.locator("#whole").click()
    page.wait_for_function(f"{start} === {before}")


@pytest.mark.slow
@needs_browser
def test_text_of_a_file_is_text(browser: Browser, tmp_path: Path) -> None:
    """A run file may come from anybody; nothing in it is a part of the page."""
    evil = '<img src="none" onerror="window.harmed = true">'
    paths = [tmp_path / name for name in ("a.sqlite", "b.sqlite")]
    for path, preset in zip(paths, (evil, f"{evil} 2"), strict=True):
        train(path).close()
        with closing(sqlite3.connect(path)) as file, file:
            (board,) = file.execute("SELECT value FROM meta WHERE key = 'board'").fetchone()
            for key, value in {
                "board": json.loads(board) | {"address": f"sim://twin16?preset={preset}"},
                "experiment": {"title": evil},
                "status": f"failed: {evil}",
                "warnings": [{"step": 0, "time": "", "text": evil}],
                "findings": [{"kind": evil, "action": evil, "part": evil, "index": 3}],
            }.items():
                file.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
    for watching in (paths[:1], paths):
        with watched(*watching) as url, seen(browser, url) as page:
            expect(page.locator("#warnings")).to_contain_text(evil)
            if len(watching) > 1:  # its groups are named by their presets
                expect(page.locator("#legend")).to_contain_text(evil)
                page.mouse.move(*point_of_curve(page))
                expect(page.locator(".bk-Tooltip").first).to_contain_text(evil)
            assert page.locator("img").count() == 0
            assert not page.evaluate("window.harmed")


@pytest.mark.slow
@needs_browser
def test_looking_back(page: Page, run: labnet.Run) -> None:
    page.locator("#step").fill("123")
    expect(page.locator("#at")).to_contain_text("step 123,")
    expect(page.locator("#follow")).not_to_be_checked()
    drawn = edges(page)
    np.testing.assert_allclose(drawn["kohm"], run.resistances_ohm([123])[0] / 1e3)
    np.testing.assert_array_equal(np.array(drawn["gate"]) == "gate open", run.array("enabled", [123])[0] == 1)
    page.locator(".choice").get_by_text("difference").click()
    difference = run.array("v_clamped", [123])[0] - run.array("v_free", [123])[0]
    volts = f"{MODEL}('network').renderers.find(r => r.data_source.data.volts).data_source.data.volts"
    page.wait_for_function(f"{volts}[0] === {float(difference[0])}")
    page.locator("#follow").check()
    expect(page.locator("#at")).to_contain_text("step 4,000")


@pytest.mark.slow
@needs_browser
def test_light_and_dark(page: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{background} !== '{light}'")
    page.locator("#theme").click()
    page.wait_for_function(f"{background} === '{light}'")
    page.reload()
    loaded(page)
    assert page.evaluate(background) == light  # what was chosen is kept


@pytest.mark.slow
@needs_browser
def test_run_that_is_written_killed_and_goes_on(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    write_experiment(tmp_path / "run.toml", "sim://twin16?seed=1", 10_000_000)
    words = ("run", "run.toml", "--out", path.name, "--resume")
    with watched(path, wait=True) as url, seen(browser, url) as page:
        status = page.locator("#header .status")
        expect(status).to_have_text("not there yet")
        with start(tmp_path, *words) as writer:
            expect(status).to_have_text("running")  # the page loads itself anew
            expect(page.locator("#header")).to_contain_text("steps/s")
            first = page.evaluate("document.getElementById('step').max")
            page.wait_for_function(f"Number(document.getElementById('step').max) > {first}")
            writer.kill()
        expect(status).to_have_text("stopped")
        last = int(page.evaluate("document.getElementById('step').max"))
        expect(page.locator("#warnings")).to_contain_text("--resume")
        assert np.isfinite(edges(page)["kohm"]).all()
        with start(tmp_path, *words) as writer:
            page.wait_for_function(f"Number(document.getElementById('step').max) > {last}")
            expect(status).to_have_text("running")
            writer.kill()
        path.unlink()
        expect(status).to_have_text("removed")


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(
    ("settings", "element", "said"),
    [
        ({"rule": labnet.Continuous(gamma=0.02), "eta": 0.1}, "moved", "Resistances"),
        (
            {"address": "sim://twin16?gate=oscillator&calibrated=true", "clock": labnet.SelfTriggered(dwell_s=0.01)},
            "gates",
            "edges trigger themselves",
        ),
        ({"detail": "short"}, "chosen", "not logged"),
        ({"steps": 40, "masked": (3,), "on_fault": "mask"}, "at", "step 40"),
    ],
    ids=["continuous", "self-triggered", "short", "masked"],
)
def test_other_runs(browser: Browser, tmp_path: Path, settings: dict[str, Any], element: str, said: str) -> None:
    train(tmp_path / "run.sqlite", **settings).close()
    with watched(tmp_path / "run.sqlite") as url, seen(browser, url) as page:
        expect(page.locator(f"#{element}")).to_contain_text(said)
        dashed = [edge for edge, dash in enumerate(edges(page)["dash"]) if dash != "solid"]
        assert dashed == list(settings.get("masked", ()))


@pytest.mark.slow
@needs_browser
def test_several_runs(browser: Browser, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("slow.sqlite", "fast.sqlite", "again.sqlite")]
    for path, p, seed in zip(paths, (0.1, 1.0, 1.0), (2, 2, 3), strict=True):
        train(path, address=f"sim://twin16?seed={seed}", clock=labnet.GlobalClock(p=p)).close()
    runs = [labnet.Run.open(path) for path in paths]
    distances = compare(runs).distances().to_numpy()
    for run in runs:
        run.close()
    with watched(*paths) as url, seen(browser, url) as page:
        expect(page.locator("#header")).to_contain_text("slow, fast, again")
        expect(page.locator("#legend")).to_contain_text("p = 1 (2 repeats)")
        expect(page.locator("#finals")).to_contain_text("complete")
        expect(page.locator("#parameters")).to_contain_text("clock.p")
        drawn = columns(page, "distances", "distance")["distance"]
        np.testing.assert_allclose(drawn, distances.ravel())


@pytest.mark.slow
@needs_browser
def test_errors_of_several_runs_go_on(browser: Browser, tmp_path: Path) -> None:
    write_experiment(tmp_path / "run.toml", "sim://twin16?seed=1", 10_000_000)
    path, other = tmp_path / "run.sqlite", tmp_path / "other.sqlite"
    words = ("run", "run.toml", "--out", path.name, "--resume")
    kill_when_committed(100, path, *words)
    train(other).close()
    with watched(path, other) as url, seen(browser, url) as page:
        expect(page.locator("#finals")).to_contain_text("stopped")
        with start(tmp_path, *words) as writer:
            expect(page.locator("#header .status")).to_have_text("1 running")
            furthest = f"Math.max(...{MODEL}('errors').renderers[1].data_source.data.steps_p)"
            before = page.evaluate(furthest)
            page.wait_for_function(f"{furthest} > {before}")
            writer.kill()


@pytest.mark.slow
def test_other_pages_are_refused(url: str) -> None:
    """A page from elsewhere that somebody has open cannot talk with this one, nor by a name of its own for it."""
    host = url.removeprefix("http://").rstrip("/")
    port = host.partition(":")[2]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    more = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "bokeh, x"}
    for path, headers, status in (
        ("/ws", upgrade | more | {"Origin": "http://example.org"}, 403),
        ("/ws", upgrade | more | {"Origin": "http://127.0.0.1:1"}, 403),
        ("/", {"Host": f"example.org:{port}"}, 404),
        ("/", {"Host": f"127.0.0.1.example.org:{port}"}, 404),
        ("/", {"Host": f"localhost:{port}"}, 200),  # through ssh -L
    ):
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("GET", path, headers=headers)
        assert connection.getresponse().status == status, (path, headers)
        connection.close()


@pytest.mark.slow
def test_port_of_another_program(run: labnet.Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(run.path.parent, "watch", "--no-browser", "--port", str(port), run.path.name) as child:
            assert f"port {port} of 127.0.0.1 cannot be used" in child.communicate()[1]
        assert child.returncode == 2


@pytest.mark.slow
def test_page_ends_after_its_parent(run: labnet.Run) -> None:
    script = (
        "import sys; from pathlib import Path; from labnet.live import server; server.STAYS_S = 0.01; "
        "server.serve([Path(sys.argv[1])], open_browser=False, parent=0)"
    )
    command = [sys.executable, "-c", script, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as page:
        assert page.stdout is not None
        assert page.stdin is not None
        assert page.stdout.readline().startswith(b"http://127.0.0.1:")
        page.stdin.close()
        assert page.wait(60) == 0
