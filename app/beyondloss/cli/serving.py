"""`serve`, `worker`, `demo`: the commands that stay."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beyondloss.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from beyondloss.server.listening import Address
    from beyondloss.settings import Settings

PORT = Annotated[int | None, typer.Option(help="Port to serve on; 0 takes a free one. [8420]")]
PROJECT = Annotated[str, typer.Option("--project", help="The project that new runs join.")]


def register(app: typer.Typer) -> None:
    command(app)(serve)
    command(app)(worker)
    command(app)(demo)


def serve(
    invocation: Invocation,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Folders where trainers write.")
    ] = None,
    *,
    host: Annotated[str | None, typer.Option(help="Address to serve on. [127.0.0.1]")] = None,
    port: PORT = None,
    project: PROJECT = "default",
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Make no answers here.")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Show the dashboard, follow the given folders, and answer what their checkpoints have not answered yet."""
    settings = invocation.settings(host=host, port=port)
    _require_folders(folders or [])

    from beyondloss.server.listening import listen

    listener = listen(settings)
    from beyondloss.server.first_page import quick_imports

    with quick_imports():
        from beyondloss.server.serve import Serving
        from beyondloss.server.serve import serve as run_server
    store = invocation.store(settings)

    run_server(
        settings,
        store,
        Serving(folders or (), project=project, with_worker=not no_worker),
        listener=listener,
        told=_say,
        ready=_welcome(invocation, settings, open_browser=open_browser),
    )
    _say("Stopped.")


def worker(
    invocation: Invocation,
    *,
    once: Annotated[bool, typer.Option("--once", help="Answer what is queued, then end.")] = False,
    engine: Annotated[str | None, typer.Option(help="What generates answers. [transformers]")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. [auto]")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, float32, bfloat16, float16. [auto]")] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Answer what is queued, on this machine's GPU or CPU."""
    settings = invocation.settings(engine=engine, device=device, dtype=dtype)

    from beyondloss.store.engine import Store
    from beyondloss.store.migrate import check_current
    from beyondloss.worker.main import work

    store = Store(settings.resolved_database_url)
    check_current(store)
    work(settings, store, once=once, until_stdin_closes=until_stdin_closes)


def demo(
    invocation: Invocation,
    *,
    recorded: Annotated[bool, typer.Option("--recorded", help="Open the run recorded earlier; train nothing.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Train and answer without serving pages.")] = False,
    port: PORT = None,
) -> None:
    """Fine-tune a small model on customer-service phrases, and watch what its checkpoints say."""
    settings = invocation.settings(port=0 if no_serve else port)
    from beyondloss.server.listening import listen

    listener = listen(settings)
    store = invocation.store(settings)
    ready = None if no_serve else _welcome(invocation, settings, open_browser=True)
    if recorded:
        from beyondloss.demo.show import show_recorded

        show_recorded(settings, store, listener, told=_say, ready=ready)
        return
    from beyondloss.demo.show import show_live

    if not show_live(settings, store, listener, told=_say, ready=ready):
        raise typer.Exit(1)


def _require_folders(folders: list[Path]) -> None:
    """A misspelled folder should be told now, not watched for ever."""
    from beyondloss.errors import NotFound

    for folder in folders:
        if not folder.is_dir():
            raise NotFound(f"There is no folder {folder}.", hint="Name the folder that the trainer writes to.")


def _welcome(invocation: Invocation, settings: "Settings", *, open_browser: bool) -> "Callable[[Address], None]":
    def ready(address: "Address") -> None:
        invocation.tell(f"BeyondLoss is at {address.url}   (Ctrl-C stops it)", {"url": address.url})
        if not address.is_local:
            from beyondloss.web.visitors import Keys

            key = Keys(settings.data_dir, owner_key=settings.owner_key).owner_key
            _say(
                f"  It listens on {settings.host}: everyone who can reach this machine can open it. They see nothing "
                "without a share link;\n  a link opens its run or project. Traffic is not encrypted. "
                f"Your own key from elsewhere: {address.url}/?key={key}"
            )
        if open_browser and _has_screen():
            import webbrowser

            webbrowser.open(address.url)

    return ready


def _has_screen() -> bool:
    """Without one, a browser would open as text in this very terminal."""
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    """Progress and notices go to stderr at once, also when stdout is a file or a pipe."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
