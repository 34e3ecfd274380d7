"""What `beyondloss doctor` looks at: one function per question, each giving one finding. Changes nothing."""

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from beyondloss.domain.access import OWNER
from beyondloss.errors import BeyondLossError
from beyondloss.services import runs
from beyondloss.settings import Settings
from beyondloss.store.engine import Store
from beyondloss.store.migrate import check_current, current_revision
from beyondloss.web.template_words import doubt_advice, doubt_sentence, is_warning

LITTLE_SPACE_BYTES = 2_000_000_000
MOST_RUNS = 200
"""Of the newest, so many are looked at for how they were trained."""
WORKER_PACKAGES = ("torch", "transformers", "peft", "safetensors")


class State(StrEnum):
    FINE = "fine"
    ABSENT = "absent"
    """Something optional is not there."""
    BROKEN = "broken"

    @property
    def mark(self) -> str:
        return {State.FINE: "✓", State.ABSENT: "–", State.BROKEN: "✗"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: what was looked at, how it is, and what to do about it."""

    name: str
    state: State
    detail: str
    hint: str = ""


def examine(settings: Settings) -> list[Finding]:
    store = Store(settings.resolved_database_url)
    found = [_program(), _data_folder(settings.data_dir), _space(settings.data_dir), _database(settings, store)]
    found += [*_worker(), _processor()]
    if found[3].state is State.FINE:
        found += _base_models(store)
        found += _templates(store)
    store.dispose()
    return found


def _program() -> Finding:
    python = ".".join(map(str, sys.version_info[:3]))
    return Finding("beyondloss", State.FINE, f"{version('beyondloss')}, Python {python}")


def _data_folder(path: Path) -> Finding:
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", State.BROKEN, f"{path} is not writable", "Choose another with --data-dir.")
    return Finding("data folder", State.FINE, str(path))


def _space(path: Path) -> Finding:
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free_bytes = shutil.disk_usage(existing).free
    detail = f"{free_bytes / 1e9:.1f} GB free"
    if free_bytes < LITTLE_SPACE_BYTES:
        return Finding("disk", State.BROKEN, detail, "Free some space: a full disk stops answers and ratings.")
    return Finding("disk", State.FINE, detail)


def _database(settings: Settings, store: Store) -> Finding:
    kind = "SQLite" if store.is_sqlite else "PostgreSQL"
    try:
        if current_revision(store) is None:
            return Finding("database", State.ABSENT, f"{kind}, not made yet", "beyondloss serve makes it.")
        check_current(store)
    except BeyondLossError as error:
        return Finding("database", State.BROKEN, error.message, error.hint)
    where = settings.data_dir / "beyondloss.db" if settings.database_url is None else "as BEYONDLOSS_DATABASE_URL says"
    return Finding("database", State.FINE, f"{kind}, {where}")


def _worker() -> list[Finding]:
    missing = []
    present = []
    for package in WORKER_PACKAGES:
        try:
            present.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return [
            Finding("answers", State.ABSENT, f"not installed: {', '.join(missing)}", "pip install 'beyondloss[worker]'")
        ]
    return [Finding("answers", State.FINE, ", ".join(present))]


def _processor() -> Finding:
    """GPUs by NVIDIA's own library: looking must not cost what importing torch does."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        import pynvml
    except ImportError:
        return Finding("processor", State.FINE, f"{cores} CPU cores")
    try:
        pynvml.nvmlInit()
        names = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            device = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(device)
            names.append(
                f"{pynvml.nvmlDeviceGetName(device)} ({memory.free / 1e9:.0f} of {memory.total / 1e9:.0f} GB free)"
            )
    except pynvml.NVMLError:
        return Finding("processor", State.FINE, f"{cores} CPU cores, no NVIDIA GPU")
    return Finding("processor", State.FINE, f"{cores} CPU cores; {', '.join(names)}")


def _base_models(store: Store) -> list[Finding]:
    """Every base model that runs in the store name: can it be loaded from here?"""
    wanted = {}
    for summary in runs.list_runs(store, OWNER):
        if summary.base_model is not None and summary.base_model not in wanted:
            wanted[summary.base_model] = runs.find_run(store, str(summary.id), OWNER).base_path
    return [_base_model(name, path) for name, path in sorted(wanted.items())]


def _base_model(name: str, path: str | None) -> Finding:
    label = f"base model {name}"
    if path is not None and Path(path).is_dir():
        return Finding(label, State.FINE, path)
    if path is None and _cached(name):
        return Finding(label, State.FINE, "in the Hugging Face cache")
    return Finding(
        label,
        State.BROKEN,
        f"not on this machine (looked in {path or 'the Hugging Face cache'})",
        f"hf download {name}, or say where it is: beyondloss import DIR --base FOLDER",
    )


def _templates(store: Store) -> list[Finding]:
    """Runs whose probes are not asked as in training."""
    views = runs.list_run_views(store, OWNER, limit=MOST_RUNS).runs
    return [
        Finding(f"run {view.name}", State.ABSENT, doubt_sentence(doubt, view.trained_with), doubt_advice(doubt))
        for view in views
        for doubt in view.trained_with.doubts
        if is_warning(doubt)
    ]


def _cached(name: str) -> bool:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return False
    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False
