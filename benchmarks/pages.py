"""How fast the server answers on a large store, what a first load weighs, and how soon the chart is drawn.

    python -m benchmarks.pages [--no-browser]

A real `beyondloss serve` process is asked over loopback, one request at a time: the median of REQUESTS after a first
one that is told apart. Exit code 1 when a target is missed.
"""

import argparse
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.seed import CURVE_POINTS, LONG_RUN, RUNS, made_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUESTS = 25
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
"""Taken if it is there; Playwright's own otherwise."""
PLAIN_RUN = f"support-{RUNS // 2:03}"
METRICS = f"/api/v1/runs/{LONG_RUN}/metrics?names=loss&points=2000"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement against its target; both in `unit`, smaller is better."""

    name: str
    value: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        return self.target is None or self.value <= self.target

    def line(self) -> str:
        target = "" if self.target is None else f"≤ {self.target:g}"
        mark = " " if self.target is None else "✓" if self.met else "✗"
        return f"{mark} {self.name:<48} {self.value:>9.1f} {self.unit:<3} {target:>7}  {self.note}"


@contextmanager
def serving(data_dir: Path) -> Iterator[tuple[httpx.Client, float]]:
    """A server of its own on this data folder, and the milliseconds from its start to its first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    command = [sys.executable, "-m", "beyondloss", "serve", "--no-worker", "--data-dir", data_dir, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while not _answers(client):
                if server.poll() is not None:
                    raise SystemExit(f"the server ended: {server.stderr.read().decode()}")  # type: ignore[union-attr]
                time.sleep(0.005)
            yield client, 1000 * (time.perf_counter() - begun)
    finally:
        server.terminate()
        server.communicate(timeout=20)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.TransportError:
        return False


def timed(client: httpx.Client, name: str, url: str, *, target_ms: float | None = None) -> Figure:
    times = []
    for _ in range(REQUESTS + 1):
        begun = time.perf_counter()
        response = client.get(url)
        times.append(1000 * (time.perf_counter() - begun))
        response.raise_for_status()
    note = f"first {times[0]:.0f} ms; {response.num_bytes_downloaded / 1000:.1f} kB sent"
    return Figure(name, statistics.median(times[1:]), "ms", target_ms, note)


def page_figures(client: httpx.Client) -> list[Figure]:
    run = client.get(f"/api/v1/runs/{PLAIN_RUN}").json()["id"]
    long_run = client.get(f"/api/v1/runs/{LONG_RUN}").json()["id"]
    api = f"/api/v1/runs/{run}"
    return [
        timed(client, f"runs list ({RUNS} runs)", "/", target_ms=100),
        timed(client, "run page", f"/runs/{run}", target_ms=100),
        timed(client, f"run page ({CURVE_POINTS:,} points)", f"/runs/{long_run}", target_ms=100),
        timed(client, "run page, nothing new", f"/runs/{run}/live?rev=999999999"),
        timed(client, "API: runs", "/api/v1/runs"),
        timed(client, "API: one run", api),
        timed(client, "API: answers of a step", f"{api}/answers?step=500"),
        timed(client, "API: comparisons of a step", f"{api}/compare?step=500&against=base"),
        timed(client, f"API: metrics ({CURVE_POINTS:,} points)", METRICS, target_ms=50),
    ]


def curve_figures(client: httpx.Client, spikes: list[int]) -> list[Figure]:
    response = client.get(METRICS, headers={"accept-encoding": "gzip"})
    steps = set(response.json()["series"]["loss"]["steps"])
    missing = [step for step in spikes if step not in steps]
    return [
        Figure("metrics call, compressed", response.num_bytes_downloaded / 1000, "kB", 60, f"{len(steps)} points"),
        Figure("lone spikes missing", len(missing), "", 0, f"of {len(spikes)}"),
    ]


def first_load_figure(client: httpx.Client) -> Figure:
    """The run page with everything its HTML names from this server, as a browser that has nothing yet loads it."""
    run = client.get(f"/api/v1/runs/{LONG_RUN}").json()["id"]
    page = client.get(f"/runs/{run}")
    linked = re.findall(r'<(?:script|link)[^>]*?(?:src|href)="(/[^"]+)"', page.text)
    linked += re.findall(r'data-metrics="(/[^"]+)"', page.text)
    urls = {url.replace("&amp;", "&") for url in linked if not url.startswith("/runs/")}
    sizes = {url: client.get(url, headers={"accept-encoding": "br, gzip"}).num_bytes_downloaded for url in urls}
    sizes["the page"] = page.num_bytes_downloaded
    heaviest = sorted(sizes, key=sizes.__getitem__)[-3:]
    note = ", ".join(f"{Path(url.partition('?')[0]).name} {sizes[url] / 1000:.0f}" for url in reversed(heaviest))
    return Figure("first load of the run page, compressed", sum(sizes.values()) / 1000, "kB", 500, note)


def chart_figures(client: httpx.Client) -> list[Figure]:
    """From navigation to a line on screen, in real Chromium, each time with an empty cache."""
    from playwright.sync_api import sync_playwright

    figures, address = [], str(client.base_url).rstrip("/")
    with sync_playwright() as playwright:
        installed = next((path for path in CHROMIUM if Path(path).exists()), None)
        browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        for name in (PLAIN_RUN, LONG_RUN):
            run = client.get(f"/api/v1/runs/{name}").json()["id"]
            moments = [_drawn_ms(browser, f"{address}/runs/{run}") for _ in range(6)]
            figures.append(Figure(f"chart drawn in Chromium ({name})", statistics.median(moments[1:]), "ms", 900))
        browser.close()
    return figures


def _drawn_ms(browser: "Browser", url: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(".scatterlayer path.js-line[d]", state="attached")
    moment = float(page.evaluate("performance.now()"))
    context.close()
    return moment


def measure(data_dir: Path, spikes: list[int], *, browser: bool) -> Iterator[Figure]:
    starts = []
    with tempfile.TemporaryDirectory() as empty:
        for _ in range(5):
            with serving(Path(empty)) as (_, milliseconds):
                starts.append(milliseconds)
    yield Figure("serve: start to first page (empty store)", statistics.median(starts[1:]), "ms", 600)
    with serving(data_dir) as (client, milliseconds):
        yield Figure("serve: start to first page (full store)", milliseconds, "ms", None, "once")
        yield from page_figures(client)
        yield from curve_figures(client, spikes)
        yield first_load_figure(client)
        if browser:
            yield from chart_figures(client)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--no-browser", action="store_true", help="leave Chromium out")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        store, spikes = made_store(Path(folder))
        store.dispose()
        print(f"A store of {RUNS} runs, made in {time.perf_counter() - begun:.0f} s.", flush=True)
        met = []
        for figure in measure(Path(folder), spikes, browser=not options.no_browser):
            print(figure.line(), flush=True)
            met.append(figure.met)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
