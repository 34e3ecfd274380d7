"""From folders to the store: import once, or watch and keep importing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from beyondloss.services.runs import Imported
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`unreadable` holds one sentence per folder or checkpoint that could not be read, with its reason."""

    imported: tuple[Imported, ...]
    unreadable: tuple[str, ...]


def import_folders(
    store: Store, folders: Sequence[Path], *, project: str, kept_dir: Path, base: str | None = None
) -> ImportReport:
    """Find every run under the folders and store it. Copies present adapters into `kept_dir` when they lack answers."""
    raise NotImplementedError


def watch_folders(
    store: Store,
    folders: Sequence[Path],
    *,
    project: str,
    kept_dir: Path,
    poll_seconds: float,
    stop: Event,
    told: Callable[[ImportReport], None],
) -> None:
    """Import now and again whenever something changes, until `stop` is set. An unreadable folder never ends the watch."""
    raise NotImplementedError
