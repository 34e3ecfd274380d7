"""What the demo is made of: its names, its probes, its folders."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from beyondloss.domain.probes import ProbeFile
from beyondloss.domain.sampling import Sampling
from beyondloss.ingest.probe_files import read_probe_file

PROJECT = "demo"
RUN_NAME = "support-demo"
STEPS = 100
# Long enough to see where an answer goes, short enough for a laptop to keep up with the training.
SAMPLING = Sampling(max_new_tokens=80)


@dataclass(frozen=True, slots=True)
class DemoFolders:
    """Where one live demo writes. The name of the run is the name of its folder."""

    output: Path
    log: Path

    @property
    def run(self) -> str:
        return self.output.name


def demo_probes() -> ProbeFile:
    with as_file(files("beyondloss.demo") / "data" / "probes.yaml") as path:
        return read_probe_file(path)


def new_folders(data_dir: Path) -> DemoFolders:
    """The first name that is free: every demo is a run of its own, and none is ever overwritten."""
    root = data_dir / "demo"
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        output = root / (RUN_NAME if number == 1 else f"{RUN_NAME}-{number}")
        try:
            output.mkdir()
        except FileExistsError:
            number += 1
            continue
        return DemoFolders(output, output.with_suffix(".log"))
