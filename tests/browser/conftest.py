"""A real server and a real Chromium for whole journeys.

    def test_a_person_can(server, page):                  # `server.store` is what the factories fill
        a_run(server.store)
        page.goto(server.url)

`page` fails its test on console errors, uncaught errors and requests to any other host. `open_page(…)` opens more of
them, each in a browser context of its own (a phone, dark, another person). `axe(page)` checks accessibility.
"""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.app import create_app
from tests.browser.accessibility import check_accessibility
from tests.browser.watching import Watch

SYSTEM_CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 10_000

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class RunningServer:
    """`url` ends without a slash. `store` is the very store that the server answers from."""

    url: str
    store: Store
    settings: Settings

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")


@pytest.fixture
def server(tmp_path: Path, store: Store) -> Iterator[RunningServer]:
    """A uvicorn of this test's own, on a free loopback port, over an empty migrated store."""
    settings = Settings(data_dir=tmp_path / "data", port=0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(settings, store)
        config = uvicorn.Config(app, log_level="warning", proxy_headers=False, lifespan="on")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        _wait_until(lambda: running.started)
        yield RunningServer(f"http://127.0.0.1:{listening.getsockname()[1]}", store, settings)
        running.should_exit = True
        thread.join(10)


def _wait_until(is_true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.005)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium where there is one, else Playwright's own."""
    system = SYSTEM_CHROMIUM if SYSTEM_CHROMIUM.exists() else None
    launched = playwright.chromium.launch(executable_path=system, args=CHROMIUM_FLAGS)
    yield launched
    launched.close()


@pytest.fixture
def watch(server: RunningServer) -> Watch:
    """What the browser complained about; `watch.allow(pattern)` expects a complaint."""
    return Watch(server.host)


@pytest.fixture
def open_page(browser: Browser, server: RunningServer, watch: Watch) -> Iterator[OpenPage]:
    """Opens a page in a context of its own: `open_page(color_scheme="dark", viewport={…}, locale="zh-TW")`."""
    contexts = []

    def opened(**options: Any) -> Page:
        defaults: dict[str, Any] = {
            "base_url": server.url,
            "locale": "en-GB",
            "viewport": {"width": 1440, "height": 900},
            "reduced_motion": "reduce",
        }
        context = browser.new_context(**(defaults | options))
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        contexts.append(context)
        return context.new_page()

    expect.set_options(timeout=TIMEOUT_MS)
    yield opened
    for context in contexts:
        context.close()
    watch.verdict()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The owner's own browser, 1440 px wide."""
    return open_page()


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    """A 390 px wide touch screen."""
    return open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)


@pytest.fixture
def axe() -> Callable[[Page], None]:
    return check_accessibility
