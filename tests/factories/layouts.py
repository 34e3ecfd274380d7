"""One realistic run folder for every trainer that is read, with what a reader must find in it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beyondloss.domain.runs import CheckpointState
from tests.factories.run_folders import BASE_MODEL, hf_run, write_adapter

PRESENT = frozenset({CheckpointState.PRESENT})


@dataclass(frozen=True)
class Layout:
    name: str
    trainer: str
    build: Callable[[Path], Path]
    steps: tuple[int, ...]
    loss_steps: tuple[int, ...]
    base_model: str | None = BASE_MODEL
    states: frozenset[CheckpointState] = PRESENT

    def remove(self, run: Path, step: int) -> None:
        for path in run.iterdir():
            if path.name in {f"checkpoint-{step}", f"step_{step}"} or path.name.startswith(f"{step:07d}_"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


LAYOUTS = [
    Layout("huggingface-adapter", "huggingface", hf_run, (10, 20, 30), (5, 10, 15, 20, 25, 30)),
    Layout(
        "huggingface-full",
        "huggingface",
        lambda run: hf_run(run, full=True),
        (10, 20, 30),
        (5, 10, 15, 20, 25, 30),
        base_model=None,
    ),
    Layout("lone-adapter", "peft", write_adapter, (1,), ()),
]
