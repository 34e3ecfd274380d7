"""From folders to the store: import once, or watch and keep importing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from beyondloss.domain.runs import CheckpointState, FoundRun
from beyondloss.errors import BeyondLossError
from beyondloss.ingest.watch import FolderWatch
from beyondloss.services.keeping import KEPT_BYTES, keep_adapters, sweep_kept
from beyondloss.services.runs import Imported, import_run, remembered_runs
from beyondloss.store.engine import Store

SETTLE_SECONDS = 0.5
"""Between the two looks that tell a finished save from one under way."""
KEEP_SECONDS = 5.0
"""How often answered copies are let go while nothing else happens."""
SWEEP_SECONDS = 3600.0
"""How often copies that no checkpoint names any more are looked for."""
BUSY_RATIO = 15.0
"""Looking takes at most one part in so many of the time, however many folders there are."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`unreadable` holds one sentence per folder or checkpoint that could not be read, with its reason."""

    imported: tuple[Imported, ...]
    unreadable: tuple[str, ...]


def import_folders(
    store: Store,
    folders: Sequence[Path],
    *,
    project: str,
    kept_dir: Path,
    base: str | None = None,
    kept_bytes: int = KEPT_BYTES,
) -> ImportReport:
    """Find every run under the folders and store it. Copies present adapters into `kept_dir` when they lack answers."""
    watch = FolderWatch(folders, skip=[kept_dir])
    news = watch.look()
    found = {run.output_dir: run for run in news.runs}
    if watch.restless:
        time.sleep(SETTLE_SECONDS)
        news = watch.look()
        found = {
            **found,
            **{run.output_dir: _with_points(run, found.get(run.output_dir)) for run in news.runs},
        }
    imported = tuple(import_run(store, run, project=project, base_override=base) for run in found.values())
    problems = keep_adapters(store, kept_dir, kept_bytes=kept_bytes)
    unreadable = [*news.problems, *(sentence for run in found.values() for sentence in _unreadable(run)), *problems]
    return ImportReport(imported, tuple(dict.fromkeys(unreadable)))


def watch_folders(
    store: Store,
    folders: Sequence[Path],
    *,
    project: str,
    kept_dir: Path,
    poll_seconds: float,
    stop: Event,
    told: Callable[[ImportReport], None],
    kept_bytes: int = KEPT_BYTES,
) -> None:
    """Import now and again whenever something changes, until `stop` is set. No unreadable folder ends the watch.

    It begins where the last watch ended: what looks as it did then is not read again.

    `told` hears of every import, and of each trouble once while it lasts.
    """
    watch = FolderWatch(folders, skip=[kept_dir], remembered=remembered_runs(store))
    kept_at = swept_at = float("-inf")
    known: frozenset[str] = frozenset()
    while not stop.is_set():
        started = time.monotonic()
        if started - swept_at >= SWEEP_SECONDS:
            sweep_kept(store, kept_dir)
            swept_at = started
        report = _import_news(store, watch, project=project)
        troubles = list(report.unreadable)
        if report.imported or started - kept_at >= KEEP_SECONDS:
            troubles += keep_adapters(store, kept_dir, kept_bytes=kept_bytes)
            kept_at = started
        new = tuple(trouble for trouble in dict.fromkeys(troubles) if trouble not in known)
        if report.imported or new:
            told(ImportReport(report.imported, new))
        known = frozenset(troubles)
        pause_seconds = poll_seconds if report.imported else BUSY_RATIO * (time.monotonic() - started)
        stop.wait(max(poll_seconds, pause_seconds))


def _import_news(store: Store, watch: FolderWatch, *, project: str) -> ImportReport:
    news = watch.look()
    imported: list[Imported] = []
    unreadable = list(news.problems)
    for run in news.runs:
        try:
            imported.append(import_run(store, run, project=project))
        except BeyondLossError as error:
            watch.forget(run.output_dir)
            unreadable.append(f"{run.name} could not be stored: {error.message}")
        unreadable += _unreadable(run)
    return ImportReport(tuple(imported), tuple(unreadable))


def _with_points(run: FoundRun, earlier: FoundRun | None) -> FoundRun:
    """A second look tells only new points; both looks together are one import."""
    return run if earlier is None else replace(run, points=(*earlier.points, *run.points))


def _unreadable(run: FoundRun) -> list[str]:
    return [
        f"{run.name}, step {checkpoint.step}: {checkpoint.reason}"
        for checkpoint in run.checkpoints
        if checkpoint.state is CheckpointState.UNREADABLE
    ]
