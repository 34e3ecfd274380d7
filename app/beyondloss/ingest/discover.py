"""From the folders a person names to the run folders under them. Bounded in depth and number, proof against loops."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beyondloss.ingest.folders import is_folder
from beyondloss.ingest.formats.base import FileReader, FileRun, Reader
from beyondloss.ingest.joining import RunFolder, joined
from beyondloss.ingest.weights import permission_sentence

MAX_DEPTH = 10
MAX_FOLDERS = 20_000

_NEVER_RUNS = {"node_modules", "site-packages", "__pycache__", "venv", "env", "proc", "sys", "dev", "lost+found"}
_INSIDE_RUNS = re.compile(
    r"checkpoint-\d+.*|epoch_\d+|step_\d+|global_step\d+|pytorch_model_fsdp_\d+|tmp-.*|runs|logs|logging|wandb|images|model",
    re.IGNORECASE,
)
"""Folders within a run that hold its parts. Others may hold further runs."""


@dataclass(slots=True)
class Discovery:
    """`searched` holds every folder looked into that is no run itself: a new run shows as a change of one of them."""

    runs: list[RunFolder] = field(default_factory=list)
    searched: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Readers:
    """`strong` readers recognise a run by its trainer's traces; `weak` ones by weights alone, outside of runs.

    `within` readers find runs that share a file.
    """

    strong: Sequence[Reader]
    weak: Sequence[Reader]
    within: Sequence[FileReader] = ()

    def reader_for(self, folder: Path, *, inside_run: bool) -> Reader | None:
        candidates = self.strong if inside_run else [*self.strong, *self.weak]
        try:
            return next((reader for reader in candidates if reader.recognises(folder)), None)
        except OSError:
            return None  # not ours to look into; listing the folder says why


def discover(roots: Iterable[Path], readers: Readers, *, skip: Iterable[Path] = ()) -> Discovery:
    """Every run folder under the roots, each once, by path. `skip` names folders to stay out of (our own data)."""
    search = _Search(readers, skipped={path.resolve() for path in skip})
    for root in roots:
        search.look_under(_run_of_checkpoint(root.absolute(), readers))
    search.found.runs = joined(search.found.runs, search.within)
    return search.found


def _run_of_checkpoint(root: Path, readers: Readers) -> Path:
    """Somebody who names one checkpoint means its run."""
    if re.fullmatch(r"checkpoint-\d+", root.name) and readers.reader_for(root.parent, inside_run=True):
        return root.parent
    return root


class _Search:
    def __init__(self, readers: Readers, *, skipped: set[Path]) -> None:
        self.found = Discovery()
        self.within: list[tuple[FileReader, FileRun]] = []
        self._readers = readers
        self._skipped = skipped
        self._visited: set[tuple[int, int]] = set()
        self._full = False

    def look_under(self, root: Path) -> None:
        try:
            exists, is_folder = root.exists(), root.is_dir()
        except OSError:
            self.found.problems.append(permission_sentence(root))
            return
        if not exists:
            self.found.problems.append(f"{root}: there is no such folder.")
        elif not is_folder:
            self.found.problems.append(f"{root} is a file, not a folder.")
        else:
            self._walk(root)

    def _walk(self, root: Path) -> None:
        """Breadth first, so that a bound cuts the deepest folders off and not somebody's second run."""
        level: list[tuple[Path, bool]] = [(root, False)]
        for _depth in range(MAX_DEPTH + 1):
            deeper: list[tuple[Path, bool]] = []
            for folder, inside_run in level:
                deeper += self._look_into(folder, inside_run=inside_run)
            level = deeper

    def _look_into(self, folder: Path, *, inside_run: bool) -> Iterator[tuple[Path, bool]]:
        if not self._is_new(folder):
            return
        reader = self._readers.reader_for(folder, inside_run=inside_run)
        if reader is not None:
            self.found.runs.append(RunFolder(folder, reader))
        else:
            self.found.searched.append(folder)
            for within in self._readers.within:
                self.within += [(within, run) for run in within.runs_in(folder)]
        is_run = reader is not None or inside_run
        try:
            with os.scandir(folder) as entries:
                names = sorted(
                    entry.name
                    for entry in entries
                    if _may_hold_runs(entry.name, is_run) and is_folder(entry) and not (is_run and _leads_back(entry))
                )
        except PermissionError:
            self.found.problems.append(permission_sentence(folder))
            return
        except OSError as error:
            self.found.problems.append(f"{folder} cannot be read: {error.strerror or error}.")
            return
        yield from ((folder / name, is_run) for name in names)

    def _is_new(self, folder: Path) -> bool:
        try:
            status = folder.stat()
        except OSError:
            return False
        identity = (status.st_dev, status.st_ino)
        if identity in self._visited or (self._skipped and folder.resolve() in self._skipped):
            return False
        if len(self._visited) >= MAX_FOLDERS:
            if not self._full:
                self._full = True
                self.found.problems.append(f"More than {MAX_FOLDERS} folders: the deepest were left out. Name fewer.")
            return False
        self._visited.add(identity)
        return True


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """A link within a run to a part of it (ms-swift's `last-checkpoint`) is no further run."""
    if not entry.is_symlink():
        return False
    path = Path(entry.path)
    return path.resolve().is_relative_to(path.parent.resolve())


def _may_hold_runs(name: str, inside_run: bool) -> bool:
    if name.startswith(".") or name in _NEVER_RUNS:
        return False
    return not (inside_run and _INSIDE_RUNS.fullmatch(name))
