"""How soon what the trainer writes is a pixel, what a page left open asks for, and how long a zoom takes.

    python -m benchmarks.live

A real `beyondloss serve` and a real Chromium with a run's page open. A line is appended to the run's log, or a point
handed to the callback's sender; the clock runs from there to the frame in which the curve has it. Then nothing happens
for a while, and what the page asks for is counted. Last, somebody drags over a curve of 1,000,000 points.
"""

import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import sync_playwright

from benchmarks.pages import CHROMIUM, Figure, serving
from benchmarks.seed import CURVE_POINTS, LONG_RUN, made_store
from benchmarks.server import served_store
from beyondloss.integrations.sender import RunIdentity, Sender
from tests.factories.layouts import llamafactory_v0

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

ROUNDS = 30
ZOOMS = 15
QUIET_SECONDS = 15.0
NEWS_TARGET_MS = 3000.0
ZOOM_TARGET_MS = 100.0
POINT_TARGET_BYTES = 2000.0
LOGGED = 6
"""Training losses in the log when the page is opened."""

# `data-drawn` counts the points drawn; the frame after the next has them on the screen.
_WAIT_FOR_POINTS = """
count => {
  window.painted = new Promise(done => {
    const look = () => {
      if (Number(document.getElementById("chart").dataset.drawn) < count) requestAnimationFrame(look);
      else requestAnimationFrame(() => requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
    };
    look();
  });
}
"""
_WAIT_FOR_ZOOM = """
() => {
  const chart = document.getElementById("chart");
  const before = chart.dataset.zoomed;
  window.zoomed = new Promise(done => {
    addEventListener("mouseup", () => {
      const released = performance.now();
      const look = () => {
        if (chart.dataset.zoomed === before) requestAnimationFrame(look);
        else done(performance.now() - released);
      };
      look();
    }, { once: true, capture: true });
  });
}
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a target was missed."""
    del arguments
    met = []
    with sync_playwright() as playwright:
        installed = next((path for path in CHROMIUM if Path(path).exists()), None)
        browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        for figure in itertools.chain(from_write_to_pixel(browser), zoomed(browser)):
            print(figure.line(), flush=True)
            met.append(figure.met)
        browser.close()
    return 0 if all(met) else 1


def from_write_to_pixel(browser: "Browser") -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        saves, spool = Path(folder) / "saves", Path(folder) / "spool"
        run = llamafactory_v0(saves / "by-folder")
        with served_store([saves]) as served:
            page = _open_run(browser, served.url, "by-folder", points=LOGGED)
            yield from _news("line in a log → pixel", page, lambda step: _append_line(run, step))
            yield from _left_open(page, lambda step: _append_line(run, step))
            page.context.close()
            before = served.stored_points()
            sender = Sender(served.url, RunIdentity("by-callback"), spool_dir=spool)
            for step in range(LOGGED):
                sender.log(step, {"loss": 1.0})
            served.wait_for_points(before + LOGGED)
            page = _open_run(browser, served.url, "by-callback", points=LOGGED)
            log = lambda step: sender.log(step, {"loss": 3.0 / step})  # noqa: E731
            yield from _news("log call of the callback → pixel", page, log)
            sender.close()
            page.context.close()


def zoomed(browser: "Browser") -> Iterator[Figure]:
    """From letting the mouse go to the finer points drawn."""
    with tempfile.TemporaryDirectory() as folder:
        store, _spikes = made_store(Path(folder))
        store.dispose()
        with serving(Path(folder)) as (client, _milliseconds):
            page = _open_run(browser, str(client.base_url).rstrip("/"), LONG_RUN, points=CURVE_POINTS)
            times = [_zoom_ms(page, number) for number in range(ZOOMS + 1)][1:]
            page.context.close()
    name = f"zoom on {CURVE_POINTS:,} points, end to end"
    yield Figure(name, statistics.median(times), "ms", ZOOM_TARGET_MS, f"p95 {_p95(times):.0f} ms")


def _open_run(browser: "Browser", url: str, name: str, *, points: int) -> "Page":
    number = _run_id(url, name)
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{url}/runs/{number}")
    page.wait_for_function(f"Number(document.getElementById('chart').dataset.drawn) >= {points}", timeout=60_000)
    return page


def _run_id(url: str, name: str) -> int:
    """Once the watcher has found it."""
    deadline = time.monotonic() + 30
    while True:
        answer = httpx.get(f"{url}/api/v1/runs/{name}")
        if answer.status_code == 200:
            return int(answer.json()["id"])
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} was not found.")
        time.sleep(0.1)


def _append_line(run: Path, step: int) -> None:
    entry = {"current_steps": 100 + step, "total_steps": 100_000, "loss": 3.0 / step, "lr": 1e-4, "epoch": step / 10}
    with (run / "trainer_log.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def _news(name: str, page: "Page", write: Callable[[int], None]) -> Iterator[Figure]:
    """Points at moments that no clock of ours knows."""
    chance = random.Random(7)
    times = []
    for number in range(1, ROUNDS + 1):
        page.wait_for_timeout(1000 * chance.uniform(0.5, 2.5))
        page.evaluate(_WAIT_FOR_POINTS, LOGGED + number)
        began = time.time()
        write(LOGGED + number)
        times.append(float(page.evaluate("() => window.painted")) - 1000 * began)
    yield Figure(f"{name}, median", statistics.median(times), "ms", NEWS_TARGET_MS)
    yield Figure(f"{name}, p95", _p95(times), "ms", NEWS_TARGET_MS, f"worst {max(times):.0f} ms of {ROUNDS}")


def _left_open(page: "Page", write: Callable[[int], None]) -> Iterator[Figure]:
    """What the page asks for while nothing happens, and for one more point."""
    page.wait_for_timeout(12_000)
    answers: list[Response] = []

    def note(answer: "Response") -> None:
        answers.append(answer)

    page.on("response", note)
    page.wait_for_timeout(1000 * QUIET_SECONDS)
    idle = list(answers)
    loaded = sum(len(answer.body()) for answer in idle if answer.status != 204)
    note = f"{len(idle)} requests, {sum(answer.status == 204 for answer in idle)} answered “nothing new”"
    yield Figure(f"left open {QUIET_SECONDS:.0f} s, bytes of content", loaded, "B", 0, note)
    answers.clear()
    page.evaluate(_WAIT_FOR_POINTS, LOGGED + ROUNDS + 1)
    write(LOGGED + ROUNDS + 1)
    page.evaluate("() => window.painted")
    news = [answer for answer in answers if answer.status == 200]
    loaded = sum(len(answer.body()) for answer in news)
    asked = ", ".join(sorted({answer.url.partition("?")[0].rpartition("/")[2] for answer in news}))
    yield Figure("one more point, bytes of content", loaded, "B", POINT_TARGET_BYTES, f"{len(news)} answers: {asked}")


def _zoom_ms(page: "Page", number: int) -> float:
    """Drags over a stretch of the curve, each time another, then goes back to the whole run."""
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    left = box["x"] + box["width"] * (0.1 + 0.04 * number)
    top = box["y"] + box["height"] / 2
    page.evaluate(_WAIT_FOR_ZOOM)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] * 0.1, top, steps=4)
    page.mouse.move(left + box["width"] * 0.2, top, steps=4)
    page.mouse.up()
    milliseconds = float(page.evaluate("() => window.zoomed"))
    page.locator("[data-tool=reset]").click()
    page.wait_for_timeout(300)
    return milliseconds


def _p95(times: list[float]) -> float:
    return sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())
