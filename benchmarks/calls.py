"""What a log call costs the training loop: ten metrics a call, whatever becomes of the server.

Two rhythms: back to back, and a call every 2 ms of other work, as a fast training loop makes them; the second meets the
sender's thread at work more often.
"""

import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from beyondloss.integrations.sender import RunIdentity, Sender
from tests.fakes.training_server import TrainingServer

CALLS = 20_000
PACED_CALLS = 4_000
PACE_SECONDS = 0.002
METRICS = {f"metric_{number}": 1.0 / (number + 3) for number in range(10)}
P50_TARGET_US = 10.0
P99_TARGET_US = 50.0


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a target was missed."""
    del arguments
    missed = 0
    for name, place in _PLACES.items():
        with place() as (url, spool):
            for rhythm, calls, pause in (("back to back", CALLS, 0.0), ("paced", PACED_CALLS, PACE_SECONDS)):
                times = sorted(_call_times_us(url, Path(spool), calls, pause))
                p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
                good = p50 <= P50_TARGET_US and p99 <= P99_TARGET_US
                missed += not good
                print(
                    f"{name + ', ' + rhythm:<44}p50 {p50:6.1f} µs   p99 {p99:6.1f} µs   worst {times[-1]:8.0f} µs"
                    f"   {'ok' if good else 'MISSED'} (10 / 50)",
                    flush=True,
                )
    return 1 if missed else 0


def _call_times_us(url: str, spool: Path, calls: int, pause: float) -> list[float]:
    sender = Sender(url, RunIdentity(f"calls-{calls}"), spool_dir=spool)
    times = []
    for step in range(calls):
        began = time.perf_counter_ns()
        sender.log(step, METRICS)
        times.append((time.perf_counter_ns() - began) / 1000)
        _work(pause)
    sender.close(timeout_seconds=1.0)
    return times


def _work(seconds: float) -> None:
    """Half of it computing, half waiting as for a GPU."""
    busy_until = time.perf_counter() + seconds / 2
    while time.perf_counter() < busy_until:
        pass
    if seconds:
        time.sleep(seconds / 2)


@contextmanager
def _answering() -> Iterator[tuple[str, str]]:
    """A process of its own: in this one it would fight for the interpreter, which no server does."""
    script = (
        "from tests.fakes.training_server import TrainingServer as S\nwith S() as s: print(s.port, flush=True); input()"
    )
    server = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        with tempfile.TemporaryDirectory() as spool:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}", spool
    finally:
        server.kill()
        server.wait()


@contextmanager
def _dead() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as spool:
        yield "http://127.0.0.1:9", spool


@contextmanager
def _silent() -> Iterator[tuple[str, str]]:
    with TrainingServer() as server, tempfile.TemporaryDirectory() as spool:
        server.stalled.set()
        yield server.url, spool


@contextmanager
def _full_disk() -> Iterator[tuple[str, str]]:
    """No server, and a spool that cannot be written: a folder below a device that is always full."""
    yield "http://127.0.0.1:9", "/dev/full/spool"


@contextmanager
def _wrong_certificate() -> Iterator[tuple[str, str]]:
    """A certificate that nobody vouches for, made by openssl."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
             "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        yield from _serve_tls(context, folder)


def _serve_tls(context: ssl.SSLContext, folder: str) -> Iterator[tuple[str, str]]:
    from http.server import BaseHTTPRequestHandler

    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}", str(Path(folder) / "spool")
        server.shutdown()


_PLACES: dict[str, Callable[[], AbstractContextManager[tuple[str, str]]]] = {
    "server answers": _answering,
    "server is dead": _dead,
    "server never answers": _silent,
    "dead, and the disk is full": _full_disk,
    "wrong certificate": _wrong_certificate,
}

if __name__ == "__main__":
    sys.exit(main())
