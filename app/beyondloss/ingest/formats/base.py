"""The small interface every trainer's reader keeps. A reader takes a folder and never writes into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from beyondloss.domain.runs import FoundRun


class Reader(Protocol):
    """Reads the run folders of one trainer."""

    trainer: str

    def recognises(self, folder: Path) -> bool:
        """Whether this folder is the output folder of one run of this trainer. Cheap: names only, or one small file."""
        ...

    def read(self, folder: Path) -> FoundRun:
        """Everything the folder says now. Raises `Unreadable` if that is nothing; partial trouble is in `problems`."""
        ...


@dataclass(frozen=True, slots=True)
class FileRun:
    """A run within a file. Its path is the file's, with the run's name as a last part.

    `output_dir` is where its settings say that the training wrote: absolute, or from a folder that nobody knows now.
    """

    path: Path
    name: str
    output_dir: str | None


class FileReader(Reader, Protocol):
    """Reads runs that share a file."""

    def runs_in(self, folder: Path) -> list[FileRun]:
        """The runs in this folder's files. Cheap when there are none."""
        ...
