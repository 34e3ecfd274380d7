"""Keeping copies of adapters until they are answered, within a bound, so that rotation never costs an answer."""

import shutil
import time
from pathlib import Path

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.ingest.keeping import adapter_bytes, drop_kept, drop_orphans, folder_bytes, keep_adapter, kept_folder
from beyondloss.store.engine import Store
from beyondloss.store.kept import KeptRecord, kept_records, set_kept_path

KEPT_BYTES = 20_000_000_000
SPARED_BYTES = 1_000_000_000
"""Left free on the disk: a training run that shares it must not die of us."""
YOUNG_SECONDS = 86_400.0


def keep_adapters(store: Store, kept_dir: Path, *, kept_bytes: int = KEPT_BYTES) -> tuple[str, ...]:
    """Copy what is wanted, may vanish and lacks a copy; let go what is answered and still lies in its run's folder.

    Over the bound, answered copies of vanished checkpoints go too, oldest first; wanted ones never do: then nothing
    more is copied, and a sentence says so.
    """
    with store.read() as session:
        records = kept_records(session)
    for record in records:
        if record.kept_path is not None and not record.wanted and record.is_present:
            _let_go(store, record, kept_dir)
    wanted = [record for record in records if record.wanted and _lacks_copy(record, kept_dir) and _may_vanish(record)]
    if not wanted:
        return ()
    kept_dir.mkdir(parents=True, exist_ok=True)
    free = min(kept_bytes - folder_bytes(kept_dir), shutil.disk_usage(kept_dir).free - SPARED_BYTES)
    vanished = [row for row in reversed(records) if row.kept_path and not row.wanted and not row.is_present]
    problems: list[str] = []
    for record in wanted:
        size = adapter_bytes(Path(record.path))
        while size > free and vanished:
            free += _let_go(store, vanished.pop(0), kept_dir)
        if size > free:
            problems.append("There is no room to keep more adapters: the others are answered only while they exist.")
            break
        free -= _keep(store, record, kept_dir, problems)
    return tuple(problems)


def sweep_kept(store: Store, kept_dir: Path) -> None:
    """Delete copies that no checkpoint names any more: of deleted runs, or left by a process that died."""
    with store.read() as session:
        named = {record.kept_path for record in kept_records(session) if record.kept_path is not None}
    drop_orphans(kept_dir, named)


def _may_vanish(record: KeptRecord) -> bool:
    """Rotation only deletes while a run trains. Copying every adapter of years of finished runs would fill the disk."""
    try:
        return record.is_training or time.time() - Path(record.path).stat().st_mtime < YOUNG_SECONDS
    except OSError:
        return False


def _lacks_copy(record: KeptRecord, kept_dir: Path) -> bool:
    """Whether there is something to copy: a copy of other weights than the checkpoint now names does not count."""
    if not record.is_present:
        return False
    expected = kept_folder(kept_dir, Path(record.path), stamp=record.stamp)
    return record.kept_path != str(expected) or not expected.is_dir()


def _keep(store: Store, record: KeptRecord, kept_dir: Path, problems: list[str]) -> int:
    """Bytes taken. A checkpoint that vanished or changed while it was copied is the next import's business."""
    try:
        kept = keep_adapter(Path(record.path), kept_dir, stamp=record.stamp)
    except UnreadableCheckpoint as error:
        if Path(record.path).is_dir():
            problems.append(error.message)
        return 0
    with store.write() as session:
        stored = set_kept_path(session, record, str(kept))
    if not stored:
        return -drop_kept(kept, kept_dir)
    if record.kept_path is not None and record.kept_path != str(kept):
        drop_kept(Path(record.kept_path), kept_dir)
    return folder_bytes(kept)


def _let_go(store: Store, record: KeptRecord, kept_dir: Path) -> int:
    """The row first: a copy that no row names is only rubbish, a row that names no copy is a failed answer."""
    with store.write() as session:
        set_kept_path(session, record, None)
    return drop_kept(Path(record.kept_path), kept_dir) if record.kept_path else 0
