"""The folders watched while the server runs: those it was started with, and those a person adds in the page."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from beyondloss.errors import BeyondLossError
from beyondloss.settings import Settings
from beyondloss.store.engine import Store

if TYPE_CHECKING:
    from beyondloss.services.importing import ImportReport

AGAIN_SECONDS = 5.0


class FolderWatcher:
    """One thread for each group of folders; `watch` may be called from any thread."""

    def __init__(self, settings: Settings, store: Store, *, project: str, told: Callable[[str], None]) -> None:
        self._settings = settings
        self._store = store
        self._project = project
        self._told = told
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._watched: list[Path] = []
        self._threads: list[threading.Thread] = []

    def watch(self, *folders: Path) -> None:
        """Follow these folders from now on. One that lies within a watched one is followed already."""
        with self._lock:
            known = list(self._watched)
            new = [folder for folder in map(Path.absolute, folders) if not any(map(folder.is_relative_to, known))]
            if not new:
                return
            self._watched += new
            thread = threading.Thread(target=self._follow, args=(new,), name="folder-watcher", daemon=True)
            self._threads.append(thread)
        thread.start()

    def stop(self, *, patience_seconds: float = 5.0) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(patience_seconds)

    def _follow(self, folders: Sequence[Path]) -> None:
        from beyondloss.services.importing import watch_folders

        while not self._stop.is_set():
            try:
                watch_folders(
                    self._store,
                    folders,
                    project=self._project,
                    kept_dir=self._settings.kept_dir,
                    poll_seconds=self._settings.poll_seconds,
                    stop=self._stop,
                    told=self._tell,
                    kept_bytes=self._settings.kept_bytes,
                )
            except BeyondLossError as error:
                self._told(f"{error.message} Looking again in {AGAIN_SECONDS:.0f} s.")
                self._stop.wait(AGAIN_SECONDS)

    def _tell(self, report: "ImportReport") -> None:
        for sentence in report.unreadable:
            self._told(sentence)
