"""A training in a thread: the Trainer's side of the callback, step by step, with adapters that it really writes."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Self

from beyondloss.integrations import BeyondLossCallback
from tests.factories.run_folders import write_checkpoint

STEP_SECONDS = 0.01
MOST_STEPS = 100_000


class TrainingLoop:
    """Trains from the start of the block until it is told to stop, or the block ends."""

    def __init__(self, url: str, output_dir: Path, *, spool_dir: Path, first_step: int = 1) -> None:
        self.output_dir = output_dir
        self.step = first_step - 1
        self.stopped = False
        self._callback = BeyondLossCallback(url, spool_dir=spool_dir)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._train, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(10)

    def _train(self) -> None:
        arguments = SimpleNamespace(output_dir=str(self.output_dir), world_size=1, learning_rate=1e-4)
        state = SimpleNamespace(global_step=self.step, epoch=0.0, is_world_process_zero=True)
        self._callback.on_train_begin(arguments, state, None, model=None)
        while self.step < MOST_STEPS and not self._ends.is_set():
            self.step += 1
            state.global_step, state.epoch = self.step, self.step / 10
            control = SimpleNamespace(should_save=False, should_training_stop=False)
            self._callback.on_step_end(arguments, state, control)
            self._callback.on_log(arguments, state, control, logs={"loss": 3.0 / self.step})
            if control.should_save:
                write_checkpoint(self.output_dir, self.step)
                self._callback.on_save(arguments, state, control)
            if control.should_training_stop:
                self.stopped = True
                break
            time.sleep(STEP_SECONDS)
        self._callback.on_train_end(arguments, state, None)
