"""The real application on a real port of this machine, for as long as a block runs."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.app import create_app


@contextmanager
def serving(store: Store, data_dir: Path) -> Iterator[str]:
    """Gives its address, without a slash at the end."""
    settings = Settings(data_dir=data_dir, port=0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = uvicorn.Server(uvicorn.Config(create_app(settings, store), log_level="warning", proxy_headers=False))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not running.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join(10)
