"""Which weights a checkpoint folder holds and whether they are whole, told from names, sizes and headers alone.

No tensor is loaded and nothing is unpickled. Numbers that are not numbers are the engine's to find.
"""

import getpass
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from beyondloss.domain.runs import CheckpointKind
from beyondloss.ingest.json_files import parse_json, read_mapping, text_at

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
MODEL_WEIGHTS = "model.safetensors"
MODEL_INDEX = "model.safetensors.index.json"

_PICKLES = ("adapter_model.bin", "pytorch_model.bin", "pytorch_model.bin.index.json")
_MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors library itself."""
_FSDP = re.compile(r"pytorch_model_fsdp_\d+")
_DEEPSPEED = re.compile(r"global_step\d+")
_REFERENCE_ADAPTERS = {"ref", "reference", "train"}
"""TRL keeps a frozen copy of the adapter under such a name beside the trained one."""


class Wholeness(Enum):
    WHOLE = "whole"
    PARTIAL = "partial"
    """Shorter than it says it is: still being written, or cut off for good."""
    REFUSED = "refused"
    SHARDED = "sharded"


@dataclass(frozen=True, slots=True)
class Weights:
    """`folder` holds the weights themselves: one deeper than the checkpoint for a named adapter."""

    kind: CheckpointKind
    folder: Path
    wholeness: Wholeness
    reason: str = ""
    stamp: str = ""
    changed_at: float = 0.0
    files: tuple[Path, ...] = field(default=(), repr=False)


def find_weights(folder: Path, *, deeper: bool = True) -> Weights | None:
    """The weights in a checkpoint folder, or None: an `adapter_config.json` alone is no checkpoint.

    `deeper` also looks for an adapter one folder down; a run's own folder has its checkpoints there.
    """
    try:
        names = {entry.name for entry in os.scandir(folder)}
    except PermissionError:
        return Weights(CheckpointKind.ADAPTER, folder, Wholeness.REFUSED, permission_sentence(folder))
    except OSError:
        return None
    return (
        _adapter(folder, names)
        or (_named_adapter(folder, names) if deeper else None)
        or _full_model(folder, names)
        or _shards(folder, names)
        or _pickles(folder, names)
    )


def _adapter(folder: Path, names: set[str]) -> Weights | None:
    if ADAPTER_WEIGHTS not in names:
        return None
    found = _checked(CheckpointKind.ADAPTER, folder, [folder / ADAPTER_WEIGHTS])
    config = folder / ADAPTER_CONFIG
    if found.wholeness is not Wholeness.WHOLE:
        return found
    if ADAPTER_CONFIG in names and (reason := unreadable_reason(config)):
        return _replaced(found, Wholeness.REFUSED, reason)
    if text_at(read_mapping(config), "peft_type") is None:
        # PEFT writes the weights first, so a missing or half configuration may still come.
        return _replaced(found, Wholeness.PARTIAL, f"{ADAPTER_CONFIG} is missing or incomplete.")
    return found


def _named_adapter(folder: Path, names: set[str]) -> Weights | None:
    """PEFT saves an adapter that is not named `default` in a folder of that name."""
    found = []
    for name in sorted(names - _REFERENCE_ADAPTERS) + sorted(names & _REFERENCE_ADAPTERS):
        inner = folder / name
        if (inner / ADAPTER_WEIGHTS).is_file() and not inner.is_symlink():
            found.append(inner)
    return _adapter(found[0], {entry.name for entry in os.scandir(found[0])}) if found else None


def _full_model(folder: Path, names: set[str]) -> Weights | None:
    if MODEL_INDEX in names:
        shards = _index_shards(folder)
        if not shards:
            return Weights(CheckpointKind.FULL, folder, Wholeness.PARTIAL, f"{MODEL_INDEX} is incomplete.")
        missing = [name for name in shards if name not in names]
        if missing:
            reason = f"{len(missing)} of {len(shards)} shards are missing ({missing[0]})."
            return Weights(CheckpointKind.FULL, folder, Wholeness.PARTIAL, reason, *_stamp_of(folder, [MODEL_INDEX]))
        return _checked(CheckpointKind.FULL, folder, [folder / name for name in shards])
    if MODEL_WEIGHTS in names:
        return _checked(CheckpointKind.FULL, folder, [folder / MODEL_WEIGHTS])
    return None


def _index_shards(folder: Path) -> list[str]:
    """The shard names of an index. A name that leads out of the folder is not a shard."""
    weight_map = read_mapping(folder / MODEL_INDEX).get("weight_map")
    if not isinstance(weight_map, dict):
        return []
    return sorted({name for name in weight_map.values() if isinstance(name, str) and Path(name).name == name})


def _shards(folder: Path, names: set[str]) -> Weights | None:
    fsdp = next((name for name in sorted(names) if _FSDP.fullmatch(name)), None)
    deepspeed = next((name for name in sorted(names) if _DEEPSPEED.fullmatch(name)), None)
    where = shlex.quote(str(folder))
    if fsdp:
        advice = f"accelerate merge-weights {where}/{fsdp} OUTPUT"
    elif deepspeed:
        advice = f"python {where}/zero_to_fp32.py {where} OUTPUT --safe_serialization"
    else:
        return None
    maker = "FSDP" if fsdp else "DeepSpeed"
    reason = f"The weights are in {maker} shards: consolidate them first with `{advice}`."
    return Weights(CheckpointKind.SHARDED, folder, Wholeness.SHARDED, reason)


def _pickles(folder: Path, names: set[str]) -> Weights | None:
    name = next((name for name in _PICKLES if name in names), None)
    if name is None or (name.startswith("adapter") and ADAPTER_CONFIG not in names):
        return None
    kind = CheckpointKind.ADAPTER if name.startswith("adapter") else CheckpointKind.FULL
    reason = f"{name} is a pickle, which can run code when opened: save it again as safetensors."
    return Weights(kind, folder, Wholeness.REFUSED, reason, *_stamp_of(folder, [name]))


def _checked(kind: CheckpointKind, folder: Path, files: list[Path]) -> Weights:
    stamp, changed_at = _stamp_of(folder, [file.name for file in files])
    found = Weights(kind, folder, Wholeness.WHOLE, "", stamp, changed_at, tuple(files))
    for file in files:
        wholeness, reason = check_safetensors(file)
        if wholeness is not Wholeness.WHOLE:
            return _replaced(found, wholeness, reason)
    return found


def _replaced(found: Weights, wholeness: Wholeness, reason: str) -> Weights:
    return Weights(found.kind, found.folder, wholeness, reason, found.stamp, found.changed_at, found.files)


def check_safetensors(path: Path) -> tuple[Wholeness, str]:
    """Whether the header parses and the data it announces is all there."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little") if size >= 8 else 0
            if length > _MAX_HEADER_BYTES:
                return Wholeness.REFUSED, f"{path.name} is not a safetensors file."
            header = file.read(length)
    except PermissionError:
        return Wholeness.REFUSED, permission_sentence(path)
    except OSError as error:
        return Wholeness.PARTIAL, f"{path.name} cannot be read: {error.strerror or error}."
    if size < 8 or len(header) < length:
        return Wholeness.PARTIAL, f"{path.name} is cut off inside its header."
    return _checked_size(path.name, header, size)


def _checked_size(name: str, header: bytes, size: int) -> tuple[Wholeness, str]:
    end = _data_end(header)
    if end is None:
        return Wholeness.REFUSED, f"{name} is not a safetensors file: its header is damaged."
    announced = 8 + len(header) + end
    if announced > size:
        return Wholeness.PARTIAL, f"{name} has {size} of {announced} bytes."
    if announced < size:
        return Wholeness.REFUSED, f"{name} is longer than its header says."
    return Wholeness.WHOLE, ""


def _data_end(header: bytes) -> int | None:
    """Where the last tensor ends, counted from the end of the header; None when the header is not sane."""
    tensors = parse_json(header)
    if not isinstance(tensors, dict):
        return None
    end = 0
    for name, tensor in tensors.items():
        if name == "__metadata__":
            continue
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(offset) is int for offset in offsets)):
            return None
        if not 0 <= offsets[0] <= offsets[1]:
            return None
        end = max(end, offsets[1])
    return end


def _stamp_of(folder: Path, names: Iterable[str]) -> tuple[str, float]:
    """A stamp that changes when a file does (size, mtime), and when the newest of them changed."""
    facts, changed_at = [], 0.0
    for name in names:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        facts.append(f"{name}:{status.st_size}:{status.st_mtime_ns}")
        changed_at = max(changed_at, status.st_mtime)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16], changed_at


def file_stamp(path: Path) -> str:
    return _stamp_of(path.parent, [path.name])[0]


def same_weights(one: Weights, other: Weights) -> bool:
    """Whether two folders hold the same weights: sizes and a sample of the bytes (two saves differ everywhere)."""
    if one.kind is not other.kind or len(one.files) != len(other.files):
        return False
    try:
        return all(_sample(left) == _sample(right) for left, right in zip(one.files, other.files, strict=True))
    except OSError:
        return False


def _sample(path: Path, *, pieces: int = 16, piece_bytes: int = 65_536) -> tuple[int, str]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256()
        for piece in range(pieces):
            file.seek(max(0, size - piece_bytes) * piece // (pieces - 1))
            digest.update(file.read(piece_bytes))
    return size, digest.hexdigest()


def unreadable_reason(path: Path) -> str:
    """The sentence to show when this file may not be read, else "". A missing file is no reason."""
    try:
        with path.open("rb"):
            return ""
    except PermissionError:
        return permission_sentence(path)
    except OSError:
        return ""


def permission_sentence(path: Path) -> str:
    """safetensors ≥ 0.8 writes mode 0600, so a dashboard run by another user meets this often."""
    blocked = path if _stat_mode(path) is not None else path.parent
    mode = _stat_mode(blocked)
    shown = f" (mode {mode:04o})" if mode is not None else ""
    wanted = "a+rX" if blocked.is_dir() else "a+r"
    return (
        f"{path.name} is not readable by user {_user_name()}{shown}: "
        f"let its owner run `chmod {wanted} {shlex.quote(str(blocked))}`."
    )


def _stat_mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
