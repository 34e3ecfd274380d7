"""The small interface every trainer's reader keeps. A reader takes a folder and never writes into it."""

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


class FileReader(Reader, Protocol):
    """Reads runs that share a file. Such a run's path is the file's, with the run's name as a last part."""

    def runs_in(self, folder: Path) -> list[Path]:
        """The paths of the runs in this folder's files. Cheap when there are none."""
        ...
