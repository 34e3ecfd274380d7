"""Sends what training says to the server, from a thread of its own. Training never waits for it, whatever happens here.

Invariant: `log` and `checkpoint` only append to a deque. JSON, HTTP and the disk are the thread's.
"""

import atexit
import http.client
import json
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from beyondloss.integrations.orders import Orders
from beyondloss.integrations.spool import Record, Spool, spool_path

SEND_EVERY_SECONDS = 0.5
LISTEN_EVERY_SECONDS = 1.0
REQUEST_TIMEOUT_SECONDS = 10.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
LAST_WORDS_SECONDS = 3.0
POINTS_PER_REQUEST = 50_000
RECORDS_PER_REQUEST = 20_000
SPOOLED_PER_REQUEST = 2000
MAX_KEPT_IN_MEMORY = 100_000

_PLAIN = frozenset({float, int})

_log = logging.getLogger("beyondloss")


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What names a run to the server. The same output folder is the same run as the one its watcher finds."""

    name: str
    project: str = "default"
    base_model: str | None = None
    trainer: str = "callback"
    output_dir: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)


class Unreachable(Exception):
    """The server did not answer, or said that it cannot now."""


class Refused(Exception):
    """The server answered that it will not take this; asking again would not help."""


class Sender:
    """One run's line to one server. With `orders` it also asks what the page wants of the training."""

    def __init__(
        self,
        url: str,
        identity: RunIdentity,
        *,
        key: str | None = None,
        spool_dir: Path | None = None,
        orders: Orders | None = None,
    ) -> None:
        self._server = _Server(url, key)
        self._identity = identity
        self._orders = orders
        self._listen_at = 0.0
        self._spool = Spool(spool_path(spool_dir, url, identity.name))
        self._waiting: deque[Record] = deque(maxlen=MAX_KEPT_IN_MEMORY)
        self._in_flight: list[Record] = []
        self._registered = False
        self._retry_at = 0.0
        self._spool_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._complained = False
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="beyondloss-sender", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def identify(self, identity: RunIdentity) -> None:
        """Tell the server more about the run, once it is known."""
        self._identity = identity
        self._registered = False

    def log(self, step: int, values: Mapping[str, object]) -> None:
        """What may change under our hands is read now; only a number on a GPU waits for the thread to fetch it."""
        numbers = dict(values)
        if not _PLAIN.issuperset(map(type, numbers.values())):
            numbers = {name: _now(value) for name, value in numbers.items()}
        self._waiting.append({"step": int(step), "metrics": numbers})

    def checkpoint(self, step: int, path: str, epoch: float | None = None) -> None:
        self._waiting.append({"step": int(step), "path": path, "epoch": epoch})
        self._wake.set()

    def finish(self) -> None:
        """Training has come to its end."""
        self._waiting.append({"state": "finished"})

    def close(self, *, timeout_seconds: float = LAST_WORDS_SECONDS) -> None:
        """Send or keep on disk what is left. Waits a little, for a server that answers; never for one that does not."""
        atexit.unregister(self.close)
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            self._spool.append([_plain(record) for record in (*self._in_flight, *self._drain())])

    def _run(self) -> None:
        while True:
            self._wake.wait(SEND_EVERY_SECONDS)
            self._wake.clear()
            closing = self._closing
            try:
                self._pass_on()
            except Exception:  # noqa: BLE001 - the boundary: nothing that happens here may end the thread
                _log.debug("beyondloss: could not send", exc_info=True)
            if closing and not self._waiting:
                self._server.close()
                return

    def _pass_on(self) -> None:
        """Send everything in order: what lies on disk first."""
        if not self._may_try() and time.monotonic() < self._spool_at:
            return  # neither server nor disk takes anything now: it stays where it is
        self._in_flight = [_plain(record) for record in self._drain()]
        try:
            if not self._may_try():
                raise Unreachable
            self._register("training")
            self._listen()  # before the end is told, which would make open orders missed ones
            self._send_spooled()
            while self._in_flight:
                count = _fitting(self._in_flight)
                self._send(self._in_flight[:count])
                self._in_flight = self._in_flight[count:]
            self._retry_seconds = FIRST_RETRY_SECONDS
        except Unreachable as reason:
            self._note_unreachable(reason)
            if self._in_flight and not self._spool.append(self._in_flight):
                self._waiting.extendleft(reversed(self._in_flight))
                self._spool_at = max(self._retry_at, time.monotonic() + FIRST_RETRY_SECONDS)
            self._in_flight = []

    def _drain(self) -> list[Record]:
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _may_try(self) -> bool:
        return self._closing or time.monotonic() >= self._retry_at

    def _note_unreachable(self, reason: Unreachable) -> None:
        if not self._may_try():
            return
        self._registered = False
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)
        self._complain(f"{reason}; training goes on, and what it says is kept until the server is back")

    def _register(self, state: str) -> None:
        """Once for each connection: a server that was away may have another database now."""
        if self._registered and state == "training":
            return
        identity = self._identity
        body = {
            "name": identity.name,
            "project": identity.project,
            "base_model": identity.base_model,
            "trainer": identity.trainer,
            "output_dir": identity.output_dir,
            "config": dict(identity.config),
            "state": state,
        }
        self._post("/api/v1/runs", body)
        self._registered = True

    def _listen(self) -> None:
        """Ask for orders. Trouble with it is no trouble of the points: they go on."""
        orders = self._orders
        if orders is None or not (orders.has_word or time.monotonic() >= self._listen_at):
            return
        self._listen_at = time.monotonic() + LISTEN_EVERY_SECONDS
        word = orders.word()
        path = f"/api/v1/runs/{quote(self._identity.name, safe='')}/steering/heard"
        try:
            answer = self._server.post(path, {"first": orders.first, "settled": word})
            orders.heard(json.loads(answer), told=len(word))
        except (Refused, ValueError):
            self._listen_at += LONGEST_RETRY_SECONDS
        except Unreachable:
            self._registered = False

    def _send_spooled(self) -> None:
        while not self._spool.is_empty:
            batch = self._spool.first(SPOOLED_PER_REQUEST)
            self._send(batch.records)
            self._spool.mark_sent(batch)

    def _send(self, records: Sequence[Record]) -> None:
        run = quote(self._identity.name, safe="")
        points = [record for record in records if "metrics" in record]
        saved = [record for record in records if "path" in record]
        if points:
            self._post(f"/api/v1/runs/{run}/metrics", {"series": _columns(points)})
        if saved:
            self._post(f"/api/v1/runs/{run}/checkpoints", {"checkpoints": saved})
        if any("state" in record for record in records):
            self._register("finished")

    def _post(self, path: str, body: Mapping[str, object]) -> None:
        try:
            self._server.post(path, body)
        except Refused as reason:
            self._complain(str(reason))

    def _complain(self, sentence: str) -> None:
        """Once: a training log is no place for our troubles."""
        if not self._complained:
            self._complained = True
            _log.warning("beyondloss: %s", sentence)


class _Server:
    """One connection, kept open between requests."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._prefix = urlsplit(url).path.rstrip("/")
        self._connection: http.client.HTTPConnection | None = None
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def post(self, path: str, body: Mapping[str, object]) -> bytes:
        """What the server answers. Raises Unreachable or Refused."""
        content = json.dumps(body, separators=(",", ":")).encode()
        status, answer = self._exchange(path, content)
        if status >= 500 or status in {404, 408, 429}:
            raise Unreachable(f"{self._url} answered {status}")
        if status >= 400:
            raise Refused(f"{self._url} refused what training sent ({status}): {answer[:300].decode(errors='replace')}")
        return answer

    def _exchange(self, path: str, content: bytes) -> tuple[int, bytes]:
        try:
            return self._ask(path, content)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()  # an idle connection that the server has closed: once more on a new one
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        try:
            return self._ask(path, content)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _ask(self, path: str, content: bytes) -> tuple[int, bytes]:
        connection = self._connection = self._connection or self._connect()
        connection.request("POST", self._prefix + path, content, self._headers)
        response = connection.getresponse()
        return response.status, response.read()

    def _connect(self) -> http.client.HTTPConnection:
        """Directly: a proxy for the world outside seldom knows the way to a dashboard."""
        parts = urlsplit(self._url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise http.client.InvalidURL("it is no address like http://HOST:PORT")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, parts.port, timeout=REQUEST_TIMEOUT_SECONDS)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _unreachable(self, error: Exception) -> Unreachable:
        self.close()
        return Unreachable(f"{self._url} cannot be reached ({error})")


def _fitting(records: Sequence[Record]) -> int:
    """How many of the first make one request; at least one."""
    count = points = 0
    for record in records[:RECORDS_PER_REQUEST]:
        metrics = record.get("metrics")
        points += len(metrics) if isinstance(metrics, Mapping) else 1
        if points > POINTS_PER_REQUEST:
            break
        count += 1
    return max(count, 1)


def _columns(records: Sequence[Record]) -> dict[str, dict[str, list[object]]]:
    """Metric by metric, each in the order it was logged: the server takes lists several times as fast as points."""
    columns: dict[str, dict[str, list[object]]] = {}
    for record in records:
        step, metrics = record["step"], record["metrics"]
        for name, value in metrics.items() if isinstance(metrics, Mapping) else ():
            column = columns.get(name)
            if column is None:
                column = columns[name] = {"steps": [], "values": []}
            column["steps"].append(step)
            column["values"].append(value)
    return columns


def _plain(record: Record) -> Record:
    """The record with numbers that JSON can hold; what is no number stays out."""
    metrics = record.get("metrics")
    if not isinstance(metrics, Mapping):
        return record
    numbers = {name: number for name, value in metrics.items() if (number := _number(value)) is not None}
    return {"step": record["step"], "metrics": numbers}


def _now(value: object) -> object:
    return _number(value) if getattr(value, "is_cpu", True) else value


def _number(value: object) -> float | str | None:
    """What JSON can hold: a number, or "NaN", "Infinity", "-Infinity"; None for no number. Tensors have `item`."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, str):
        return value if value in {"NaN", "Infinity", "-Infinity"} else None
    item = getattr(value, "item", None)
    try:
        number = float(item() if callable(item) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
