"""The alarm webhook over a real socket: each alarm once, also after the address was away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any

import pytest

from beyondloss.server.webhook import Webhook
from beyondloss.services import alarms
from beyondloss.store.engine import Store
from tests.factories import a_run, points


@contextmanager
def listening(status: int, heard: "Queue[dict[str, Any]]", port: int = 0) -> Iterator[int]:
    """An address that takes what it is sent, or refuses it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()
            heard.put(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def diverged(store: Store) -> Store:
    run = a_run(store, name="support", state="training")
    points(store, run, loss=[1.0, float("nan")])
    return store


def test_an_alarm_is_told_once_with_what_to_check_and_where(diverged: Store) -> None:
    heard: Queue[dict[str, Any]] = Queue()
    with listening(204, heard) as port:
        webhook = Webhook(diverged, f"http://127.0.0.1:{port}/", link="http://gpu:8420/", told=print, look_seconds=0.02)
        webhook.start()
        body = heard.get(timeout=10)
        webhook.stop()
    assert (body["run"], body["kind"], body["severity"], body["step"]) == ("support", "not_finite", "critical", 2)
    assert body["message"] == "Training loss became NaN."
    assert body["url"] == "http://gpu:8420/runs/1#alarms"
    assert heard.empty()


def test_an_address_that_refuses_is_told_of_and_tried_again(diverged: Store) -> None:
    heard: Queue[dict[str, Any]] = Queue()
    told: Queue[str] = Queue()
    with listening(500, heard) as port:
        webhook = Webhook(diverged, f"http://127.0.0.1:{port}/", link="", told=told.put, look_seconds=0.02)
        webhook.start()
        assert "not reached" in told.get(timeout=10)
        assert len(alarms.untold_alarms(diverged)) == 1
    heard = Queue()
    with listening(200, heard, port):
        heard.get(timeout=20)
        webhook.stop()
    assert alarms.untold_alarms(diverged) == []
