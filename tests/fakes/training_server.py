"""A server that notes what training sends it, and can be told to be slow, broken, or away."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Heard:
    path: str
    body: dict[str, Any]
    key: str | None


@dataclass
class TrainingServer:
    """`status` is what it answers; while `stalled` is set it answers nothing. `refused` counts what it did not take.

    `orders` are open requests of its page; `settled` is what training said of them.
    """

    port: int = 0
    status: int = 200
    refused: int = 0
    orders: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._resume = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._http.daemon_threads = True
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._resume.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take_word(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        self.settled += body["settled"]
        ids = {word["id"] for word in self.settled}
        return [order for order in self.orders if order["id"] not in ids]

    def points(self) -> list[tuple[int, dict[str, Any]]]:
        """Step by step, in the order in which each request first names them."""
        told: list[tuple[int, dict[str, Any]]] = []
        for heard in self.heard:
            steps: dict[int, dict[str, Any]] = {}
            for name, column in heard.body.get("series", {}).items():
                for step, value in zip(column["steps"], column["values"], strict=True):
                    steps.setdefault(step, {})[name] = value
            told += steps.items()
        return told

    def checkpoints(self) -> list[dict[str, Any]]:
        return [c for heard in self.heard if heard.path.endswith("/checkpoints") for c in heard.body["checkpoints"]]

    def runs(self) -> list[dict[str, Any]]:
        return [heard.body for heard in self.heard if heard.path == "/api/v1/runs"]


def _handler(server: TrainingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if server.stalled.is_set():
                server._resume.wait()
                return
            status, answer = server.status, b"{}"
            if status < 300 and self.path.endswith("/steering/heard"):
                answer = json.dumps({"requests": server.take_word(body)}).encode()
            elif status < 300:
                server.heard.append(Heard(self.path, body, self.headers["Authorization"]))
            else:
                server.refused += 1
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
