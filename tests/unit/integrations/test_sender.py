"""What training says reaches the server in order and whole, or waits on disk; training never notices."""

import math
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from beyondloss.integrations import sender as sender_module
from beyondloss.integrations.sender import RunIdentity, Sender
from beyondloss.integrations.spool import Spool, spool_path
from tests.fakes.training_server import TrainingServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "SEND_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(sender_module, "FIRST_RETRY_SECONDS", 0.02)
    monkeypatch.setattr(sender_module, "LONGEST_RETRY_SECONDS", 0.05)


def make_sender(url: str, folder: Path, *, key: str | None = None) -> Sender:
    return Sender(url, RunIdentity("support", output_dir="/saves/support"), key=key, spool_dir=folder)


def wait_for(condition: object, *, seconds: float = 5.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def untrusted_server(folder: Path) -> Iterator[str]:
    """A TLS server with a certificate it has signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject, *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


def test_points_and_checkpoints_arrive_after_the_run_was_introduced(tmp_path: Path) -> None:
    with TrainingServer() as server:
        sender = make_sender(server.url, tmp_path, key="secret")
        sender.log(1, {"loss": 2.5})
        sender.checkpoint(5, "/saves/support/checkpoint-5", 0.2)
        sender.finish()
        sender.close()
        assert server.heard[0].path == "/api/v1/runs"
        assert server.runs()[0]["output_dir"] == "/saves/support"
        assert server.points() == [(1, {"loss": 2.5})]
        assert server.checkpoints() == [{"step": 5, "path": "/saves/support/checkpoint-5", "epoch": 0.2}]
        assert server.runs()[-1]["state"] == "finished"
        assert {heard.key for heard in server.heard} == {"Bearer secret"}


def test_values_that_are_not_finite_are_named_and_words_are_left_out(tmp_path: Path) -> None:
    with TrainingServer() as server:
        sender = make_sender(server.url, tmp_path)
        sender.log(1, {"loss": math.nan, "grad_norm": math.inf, "eval_loss": -math.inf, "note": "warm-up", "ok": True})
        sender.close()
        assert server.points() == [(1, {"loss": "NaN", "grad_norm": "Infinity", "eval_loss": "-Infinity", "ok": 1.0})]


def test_what_is_said_while_the_server_is_away_arrives_later_in_order(tmp_path: Path) -> None:
    port = free_port()
    sender = make_sender(f"http://127.0.0.1:{port}", tmp_path)
    for step in range(1, 51):
        sender.log(step, {"loss": 1 / step})
    wait_for(lambda: not Spool(spool_path(tmp_path, f"http://127.0.0.1:{port}", "support")).is_empty)
    with TrainingServer(port=port) as server:
        sender.log(51, {"loss": 0.0})
        wait_for(lambda: len(server.points()) >= 51)
        sender.close()
        assert [step for step, _ in server.points()] == list(range(1, 52))
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_sends_what_the_last_one_could_not(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    first = make_sender(url, tmp_path)
    first.log(1, {"loss": 3.0})
    first.close()
    with TrainingServer(port=port) as server:
        second = make_sender(url, tmp_path)
        second.log(2, {"loss": 2.0})
        second.close()
        assert server.points() == [(1, {"loss": 3.0}), (2, {"loss": 2.0})]


def test_a_server_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    with TrainingServer() as server:
        server.stalled.set()
        sender = make_sender(server.url, tmp_path)
        began = time.monotonic()
        for step in range(1000):
            sender.log(step, {"loss": 1.0})
        assert time.monotonic() - began < 0.5
        began = time.monotonic()
        sender.close(timeout_seconds=0.2)
        assert time.monotonic() - began < 2.0
        kept = Spool(spool_path(tmp_path, server.url, "support")).first(5000).records
        assert [record["step"] for record in kept] == list(range(1000))


def test_a_server_with_another_database_meets_the_run_again(tmp_path: Path) -> None:
    with TrainingServer() as server:
        sender = make_sender(server.url, tmp_path)
        sender.log(1, {"loss": 1.0})
        wait_for(server.points)
        server.status = 404
        sender.log(2, {"loss": 0.5})
        wait_for(lambda: server.refused)
        server.status = 200
        wait_for(lambda: len(server.points()) == 2)
        sender.close()
        assert len(server.runs()) >= 2


def test_what_the_server_refuses_is_not_sent_for_ever(tmp_path: Path) -> None:
    with TrainingServer(status=422) as server:
        sender = make_sender(server.url, tmp_path)
        sender.log(1, {"loss": 1.0})
        wait_for(lambda: server.refused >= 2)
        server.status = 200
        sender.log(2, {"loss": 0.5})
        wait_for(lambda: (2, {"loss": 0.5}) in server.points())
        sender.close()


def test_a_certificate_that_nobody_vouches_for_keeps_the_points(tmp_path: Path) -> None:
    with untrusted_server(tmp_path) as url:
        sender = make_sender(url, tmp_path / "spool")
        sender.log(1, {"loss": 1.0})
        spool = Spool(spool_path(tmp_path / "spool", url, "support"))
        wait_for(lambda: not spool.is_empty)
        sender.close(timeout_seconds=1.0)
        assert spool.first(10).records == [{"step": 1, "metrics": {"loss": 1.0}}]


def test_a_number_that_changes_in_place_is_told_as_it_was(tmp_path: Path) -> None:
    total = np.array(1.5)
    with TrainingServer() as server:
        sender = make_sender(server.url, tmp_path)
        sender.log(np.int64(1), {"loss": total})
        total += 1
        sender.close()
        assert server.points() == [(1, {"loss": 1.5})]


def test_while_neither_server_nor_disk_take_anything_points_wait_without_being_moved(tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    port = free_port()
    sender = make_sender(f"http://127.0.0.1:{port}", not_a_folder)
    for step in range(500):
        sender.log(step, {"loss": 1.0})
        time.sleep(0.0002)
    with TrainingServer(port=port) as server:
        wait_for(lambda: len(server.points()) == 500)
        sender.close()
        assert [step for step, _ in server.points()] == list(range(500))


def test_a_folder_that_cannot_be_written_keeps_the_points_in_memory(tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    port = free_port()
    sender = make_sender(f"http://127.0.0.1:{port}", not_a_folder)
    sender.log(1, {"loss": 1.0})
    time.sleep(0.05)
    with TrainingServer(port=port) as server:
        wait_for(lambda: server.points() == [(1, {"loss": 1.0})])
        sender.close()


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "ftp://host", "http://host:99999", "https://127.0.0.1:1"])
def test_a_wrong_address_is_no_error_of_the_training(url: str, tmp_path: Path) -> None:
    sender = make_sender(url, tmp_path)
    sender.log(1, {"loss": 1.0})
    sender.close(timeout_seconds=1.0)
    assert Spool(spool_path(tmp_path, url, "support")).first(10).records == [{"step": 1, "metrics": {"loss": 1.0}}]
