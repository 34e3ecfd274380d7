"""Shows a demo: the server with the live training beside it, or with the run recorded earlier."""

import socket
import threading
from collections.abc import Callable

from beyondloss.demo.live import LiveDemo, shared_processor
from beyondloss.demo.material import PROJECT
from beyondloss.demo.recorded import open_recorded
from beyondloss.server.listening import Address, address_of
from beyondloss.server.serve import Serving, serve
from beyondloss.settings import Settings
from beyondloss.store.engine import Store

Ready = Callable[[Address], None]


def show_live(
    settings: Settings, store: Store, listener: socket.socket, *, told: Callable[[str], None], ready: Ready | None
) -> bool:
    """Train and answer while pages are served. Without `ready` nothing is announced and it ends when all is answered.

    False if the training failed.
    """
    demo = LiveDemo(settings, store, told=told)
    demo.prepare()
    thread = threading.Thread(target=demo.follow, args=(address_of(listener, settings).url,), name="demo")

    def begin(address: Address) -> None:
        if ready is not None:
            ready(address)
        told(f"  0:00  training {demo.folders.run}; its output goes to {demo.folders.log}")
        thread.start()

    threads = settings.threads or shared_processor().worker_threads
    try:
        serve(
            settings.model_copy(update={"threads": threads}),
            store,
            Serving([demo.folders.output], project=PROJECT),
            listener=listener,
            told=told,
            ready=begin,
            stop=demo.ended if ready is None else None,
        )
    finally:
        demo.stop()
    return not demo.failed


def show_recorded(
    settings: Settings, store: Store, listener: socket.socket, *, told: Callable[[str], None], ready: Ready | None
) -> None:
    """Put the recorded run into the store, once, and serve it."""
    run = open_recorded(store)
    if ready is None:
        told(f"The run {run.name} is in the store: beyondloss serve shows it.")
        return
    serve(settings, store, Serving(with_worker=False), listener=listener, told=told, ready=ready)
