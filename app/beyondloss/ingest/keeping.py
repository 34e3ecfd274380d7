"""Our own copies of adapters, so that a trainer's rotation never costs an answer.

Copies, not hard links: a rerun in the same folder opens the old file and overwrites it in place, and a link would
follow, so answers would come from other weights than their label says. Adapters are small; where the file system can
share blocks, the copy costs no space. Our own tokenizer files are linked among each other: nobody rewrites those.
"""

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Collection
from pathlib import Path

from beyondloss.errors import UnreadableCheckpoint
from beyondloss.ingest.weights import ADAPTER_CONFIG, ADAPTER_WEIGHTS, Wholeness, find_weights

_BESIDE_ADAPTER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
)
_MAX_BESIDE_BYTES = 64_000_000


def kept_folder(kept_dir: Path, checkpoint: Path, *, stamp: str) -> Path:
    """Where the copy of these very weights lies: another stamp is another folder."""
    run = hashlib.sha256(str(checkpoint.parent).encode()).hexdigest()[:12]
    return kept_dir / run / f"{checkpoint.name}-{stamp}"


def keep_adapter(checkpoint: Path, kept_dir: Path, *, stamp: str) -> Path:
    """Copy an adapter and its tokenizer; gives the copy's folder, made at once or there already.

    Raises `UnreadableCheckpoint` if the adapter is gone, not readable, or no longer the one with this stamp.
    """
    target = kept_folder(kept_dir, checkpoint, stamp=stamp)
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}"
    try:
        partial.mkdir()
        for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG):
            _copy(checkpoint / name, partial / name)
        for name in _BESIDE_ADAPTER:
            _copy_beside(_beside(checkpoint, name), partial / name, siblings=target.parent)
        weights = find_weights(checkpoint, deeper=False)
        if weights is None or weights.stamp != stamp or weights.wholeness is not Wholeness.WHOLE:
            raise UnreadableCheckpoint(f"{checkpoint} changed while it was copied.", hint="It is tried again.")
        with contextlib.suppress(OSError):
            partial.rename(target)  # atomic; another process may have kept the same weights meanwhile
    except OSError as error:
        raise UnreadableCheckpoint(
            f"{checkpoint} could not be kept: {error.strerror or error}.", hint="Free space in the data folder."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not target.is_dir():
        raise UnreadableCheckpoint(f"{checkpoint} could not be kept.", hint="Look at the data folder's permissions.")
    return target


def adapter_bytes(checkpoint: Path) -> int:
    """What a copy of this adapter takes at most."""
    total = 0
    for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG, *_BESIDE_ADAPTER):
        with contextlib.suppress(OSError):
            total += _beside(checkpoint, name).stat().st_size
    return total


def drop_orphans(kept_dir: Path, named: Collection[str], *, older_than_seconds: float = 3600.0) -> None:
    """Delete copies that no checkpoint names. Young ones may belong to an import that has not stored its row yet."""
    for folder in kept_dir.glob("*/*"):
        with contextlib.suppress(OSError):
            age_seconds = time.time() - folder.stat().st_ctime
            if str(folder) not in named and age_seconds > older_than_seconds:
                drop_kept(folder, kept_dir)


def drop_kept(folder: Path, kept_dir: Path) -> int:
    """Delete one kept copy; gives the bytes freed. Touches nothing outside `kept_dir`."""
    if not folder.resolve().is_relative_to(kept_dir.resolve()) or folder.resolve() == kept_dir.resolve():
        return 0
    freed = folder_bytes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()
    return freed


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder; a file shared by several links counts as its part."""
    total = 0
    for directory, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = (Path(directory) / name).stat()
                total += status.st_size // max(1, status.st_nlink)
    return total


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    target.chmod(0o600)


def _beside(checkpoint: Path, name: str) -> Path:
    """A named adapter lies one folder below the checkpoint's tokenizer."""
    path = checkpoint / name
    return (
        path if path.is_file() or not (checkpoint.parent / "trainer_state.json").is_file() else checkpoint.parent / name
    )


def _copy_beside(source: Path, target: Path, *, siblings: Path) -> None:
    try:
        status = source.stat()
    except OSError:
        return
    if not source.is_file() or status.st_size > _MAX_BESIDE_BYTES:
        return
    if status.st_size > 100_000:
        for sibling in siblings.glob(f"*/{source.name}"):
            with contextlib.suppress(OSError):
                if sibling.stat().st_size == status.st_size and _same_bytes(sibling, source):
                    target.hardlink_to(sibling)
                    return
    _copy(source, target)


def _same_bytes(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        return hashlib.file_digest(left, "sha256").digest() == hashlib.file_digest(right, "sha256").digest()
