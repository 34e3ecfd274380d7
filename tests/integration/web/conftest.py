"""The web application without a network: clients for the owner, for a link's guest, and for strangers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.app import create_app

OWNER_URL = "http://127.0.0.1:8420"
LOOPBACK = ("127.0.0.1", 50000)
ELSEWHERE = ("192.0.2.7", 50000)

MakeClient = Callable[..., TestClient]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", allowed_hosts="bench.example")


@pytest.fixture
def app(settings: Settings, store: Store) -> Starlette:
    return create_app(settings, store)


@pytest.fixture
def make_client(app: Starlette) -> Iterator[MakeClient]:
    """`make_client(client=ELSEWHERE, base_url=…)`: an own cookie jar each; no redirects followed."""
    with ExitStack() as stack:

        def made(**options: object) -> TestClient:
            defaults: dict[str, object] = {
                "base_url": OWNER_URL,
                "client": LOOPBACK,
                "follow_redirects": False,
                "raise_server_exceptions": False,
            }
            client = TestClient(app, **(defaults | options))  # type: ignore[arg-type]
            stack.callback(client.close)
            return client

        yield made


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """The owner, on this machine."""
    return make_client()


@pytest.fixture
def stranger(make_client: MakeClient) -> TestClient:
    """Somebody on another machine, without a link."""
    return make_client(client=ELSEWHERE, base_url="http://bench.example")


@pytest.fixture
def guest_of(make_client: MakeClient, app: Starlette) -> Callable[..., TestClient]:
    """`guest_of(link_id, rater_id=…)`: a browser on another machine that opened this share link."""

    def guest(link_id: int, *, rater_id: int | None = None) -> TestClient:
        client = make_client(client=ELSEWHERE, base_url="http://bench.example")
        client.cookies.set("bl_link", app.state.keys.sign("link", link_id))
        if rater_id is not None:
            client.cookies.set("bl_rater", app.state.keys.sign("rater", rater_id, link_id))
        return client

    return guest
