"""Run the server: pages first, then the watcher and the worker, until interrupted; then end them in order."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from beyondloss.server.folder_watcher import FolderWatcher
from beyondloss.server.listening import Address, address_of
from beyondloss.server.webhook import Webhook
from beyondloss.server.worker_process import WorkerProcess, can_work, worker_command
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.web.app import create_app

# The first page is what somebody waits for: what imports heavy libraries begins when it has most likely been served.
AFTER_FIRST_PAGE_SECONDS = 0.3
LINGERING_CONNECTION_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Serving:
    """What to do beside serving pages."""

    folders: Sequence[Path] = ()
    project: str = "default"
    with_worker: bool = True


def serve(
    settings: Settings,
    store: Store,
    serving: Serving,
    *,
    listener: socket.socket,
    told: Callable[[str], None],
    ready: Callable[[Address], None] = lambda address: None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until `stop` is set. `ready` is called once connections are accepted."""
    address = address_of(listener, settings)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    watcher = FolderWatcher(settings, store, project=serving.project, told=told)
    webhook = (
        Webhook(store, settings.alarm_webhook, link=settings.public_url or address.url, told=told)
        if settings.alarm_webhook
        else None
    )
    companions = _Companions(settings, serving, watcher=watcher, webhook=webhook, told=told)

    def on_start() -> None:
        ready(address)
        companions.start_soon()

    app = create_app(settings, store, watch=watcher.watch)
    server = _Server(_configuration(app))
    server.on_start = on_start
    server.stop = stop or threading.Event()
    try:
        server.run(sockets=[listener])
    finally:
        companions.stop()


def _configuration(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        loop="asyncio",
        http="h11",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=LINGERING_CONNECTION_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn that says when it accepts connections, and leaves quietly on SIGINT and SIGTERM."""

    on_start: Callable[[], None]
    stop: threading.Event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.on_start()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self.stop.is_set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn's own would raise the signal again after its shutdown, before our companions have ended in order.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class _Companions:
    """The folder watcher and the alarm webhook (threads), and the worker (a child process)."""

    def __init__(
        self,
        settings: Settings,
        serving: Serving,
        *,
        watcher: FolderWatcher,
        webhook: Webhook | None,
        told: Callable[[str], None],
    ) -> None:
        self._serving = serving
        self._told = told
        self._watcher = watcher
        self._webhook = webhook
        self._worker = WorkerProcess(worker_command(), environment=_environment(settings), told=told)
        self._timer = threading.Timer(AFTER_FIRST_PAGE_SECONDS, self._start)
        self._timer.daemon = True

    def start_soon(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        self._worker.stop()
        self._watcher.stop()
        if self._webhook is not None:
            self._webhook.stop()

    def _start(self) -> None:
        if self._webhook is not None:
            self._webhook.start()
        if self._serving.folders:
            self._watcher.watch(*self._serving.folders)
        if not self._serving.with_worker:
            return
        if can_work():
            self._worker.start()
        else:
            self._told("No answers are made here until this is installed:  pip install 'beyondloss[worker]'")


def _environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings its worker must share, wherever they came from."""
    shared = {
        name: value for name in type(settings).model_fields if (value := getattr(settings, name)) not in {None, ""}
    }
    return os.environ | {f"BEYONDLOSS_{name.upper()}": str(value) for name, value in shared.items()}
