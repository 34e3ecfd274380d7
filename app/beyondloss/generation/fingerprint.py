"""Names for weights: a digest over the files, so that an answer can be traced to exactly what made it."""

import hashlib
from functools import lru_cache
from pathlib import Path

from beyondloss.errors import UnreadableCheckpoint

WHOLE_BYTES = 4 << 30
"""Up to here every byte is read (about a second per GB); above, samples are, and the name says so."""
_SAMPLES = 256
_SAMPLE_BYTES = 1 << 20


def fingerprint(files: tuple[Path, ...]) -> str:
    """SHA-256 over names, sizes and contents of the files, in the given order.

    Files of more than `WHOLE_BYTES` together are sampled: both ends and evenly spaced megabytes of each. Such a
    fingerprint starts with `sampled:`. It misses a change of few bytes, but no training step leaves most bytes alone.
    """
    try:
        stats = [path.stat() for path in files]
        return _fingerprint(files, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))
    except FileNotFoundError as error:
        raise vanished(Path(str(error.filename))) from error
    except PermissionError as error:
        raise UnreadableCheckpoint(
            f"{error.filename} is not readable by this user.", hint=f"Try: chmod a+r {error.filename}"
        ) from error


def vanished(path: Path) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        f"{path} is gone.", hint="The trainer removed it; answers made before stay.", code="checkpoint_gone"
    )


@lru_cache(maxsize=256)
def _fingerprint(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> str:
    """`stamps` (size, mtime) are part of the cache's key: a rewritten file is read again."""
    whole = sum(size for size, _ in stamps) <= WHOLE_BYTES
    digest = hashlib.sha256()
    for path, (size, _) in zip(files, stamps, strict=True):
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            if whole:
                while block := file.read(_SAMPLE_BYTES):
                    digest.update(block)
            else:
                for index in range(_SAMPLES):
                    file.seek(max(size - _SAMPLE_BYTES, 0) * index // (_SAMPLES - 1))
                    digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest() if whole else f"sampled:{digest.hexdigest()}"
