"""Hugging Face Trainer, TRL, Unsloth: `checkpoint-<step>` folders whose `trainer_state.json` holds the log.

Trainers built on it override what they add: live logs, settings, template.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import CheckpointState, FoundCheckpoint, FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.final_model import FinalModel, FinalModels
from beyondloss.ingest.formats.hf_checkpoints import SeenCheckpoint, checkpoint_folders, see_checkpoint, settled_state
from beyondloss.ingest.formats.run_names import run_name
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.hyperparameters import adapter_base, adapter_settings, card_base, card_settings, model_base
from beyondloss.ingest.logs import trainer_state
from beyondloss.ingest.logs.points import RunLog, Setting, has_diverged, merged
from beyondloss.ingest.logs.tensorboard import FILE_PREFIX, TensorBoardLogs
from beyondloss.ingest.logs.trainer_state import StateHead

EMPTY_RUN = "empty_run"
"""The error code of a folder that is a run's but holds nothing to show yet."""
QUIET_SECONDS = 1800.0
"""A run that wrote nothing for so long, and for five times its longest pause between checkpoints, has ended."""
UNKNOWN_STEP = 1


class HuggingFaceReader:
    """Not shared between threads: it remembers what unfinished saves looked like at the last look."""

    trainer = "huggingface"

    def __init__(self, *, steadiness: Steadiness | None = None, clock: Callable[[], float] = time.time) -> None:
        self._steadiness = steadiness or Steadiness()
        self._final_models = FinalModels()
        self._clock = clock
        self._tensorboard = TensorBoardLogs()

    def recognises(self, folder: Path) -> bool:
        if any(True for _ in checkpoint_folders(folder)) or (folder / trainer_state.FILE_NAME).is_file():
            return True
        # Saved without checkpoints. Weights alone are no run: that may be somebody's base model.
        weights = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")
        saved = (folder / "training_args.bin").is_file() and any((folder / name).is_file() for name in weights)
        return saved or _logs_only(folder)

    def read(self, folder: Path) -> FoundRun:
        every = [
            seen
            for step, path in checkpoint_folders(folder)
            if (seen := see_checkpoint(step, path, self._steadiness)) is not None
        ]
        states = _states(folder, every)
        newest = max(states, key=lambda state: (state.head.changed_ns, state.head.step), default=None)
        checkpoints = [seen for seen in every if _belongs(seen, newest)]
        log = self.merge(_state_log(states, newest), self.live_logs(folder))
        final = self._final_models.look(
            folder,
            step=log.last_step or None,
            checkpoints=[(seen.found.step, seen.weights) for seen in checkpoints],
        )
        found = [seen.found for seen in checkpoints] + self._final_checkpoint(final, log)
        if not found and not log.points:
            raise Unreadable(
                f"{folder} has neither weights nor a log yet.", hint="Wait for the first save.", code=EMPTY_RUN
            )
        best_folder = _settings_folder(folder, found)
        return FoundRun(
            name=self.name(folder),
            output_dir=folder,
            trainer=self.trainer,
            base_model=self.base_model(folder, best_folder),
            state=self._run_state(folder, found, log=log, final=final),
            checkpoints=tuple(found),
            points=log.points,
            config=log.config | card_settings(folder) | adapter_settings(best_folder) | self.settings(folder),
            first_log_at=log.started_at,
            first_log_key=log.key,
            template=self.template(folder),
            system_prompt=self.system_prompt(folder),
            problems=(*log.problems, *_problems(every, checkpoints), *([final.problem] if final.problem else [])),
        )

    def name(self, folder: Path) -> str:
        return run_name(folder)

    def live_logs(self, folder: Path) -> Sequence[RunLog]:
        """Logs beside the checkpoints, the most exact first. The Trainer itself writes only TensorBoard's, if asked."""
        return (self._tensorboard.read(folder),)

    def merge(self, state_log: RunLog, live_logs: Sequence[RunLog]) -> RunLog:
        """One log. A live log is there from the first step on, so its beginning names the run, not the state's."""
        log = merged([state_log, *live_logs])
        key = next((live.key for live in live_logs if live.key), state_log.key)
        return replace(log, key=key)

    def settings(self, folder: Path) -> dict[str, Setting]:
        """Hyperparameters that this trainer writes in files of its own."""
        return {}

    def template(self, folder: Path) -> str | None:
        """The name of the chat template trained with, where the trainer has such names."""
        return None

    def system_prompt(self, folder: Path) -> str | None:
        """What training told the model where a conversation said nothing else, where the trainer writes that down."""
        return None

    def base_model(self, folder: Path, checkpoint: Path) -> str | None:
        return adapter_base(checkpoint) or card_base(checkpoint) or card_base(folder) or model_base(checkpoint)

    def _final_checkpoint(self, final: FinalModel, log: RunLog) -> list[FoundCheckpoint]:
        if final.weights is None:
            return []
        weights = final.weights
        state, reason = settled_state(weights.folder, weights, self._steadiness)
        if log.ended or self._clock() - weights.changed_at > 60:
            state, reason = CheckpointState.PRESENT, ""
        return [
            FoundCheckpoint(
                step=log.last_step or UNKNOWN_STEP,
                path=weights.folder,
                kind=weights.kind,
                state=state,
                reason=reason,
                stamp=weights.stamp,
            )
        ]

    def _run_state(self, folder: Path, found: Sequence[FoundCheckpoint], *, log: RunLog, final: FinalModel) -> RunState:
        if has_diverged(log.points):
            return RunState.DIVERGED
        if log.ended or final.is_there:
            return RunState.FINISHED
        return RunState.FINISHED if self._went_quiet(folder, found) else RunState.TRAINING

    def _went_quiet(self, folder: Path, found: Sequence[FoundCheckpoint]) -> bool:
        times = sorted(_changed_at(path) for path in [folder, *(checkpoint.path for checkpoint in found)])
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        return self._clock() - times[-1] > max(QUIET_SECONDS, 5 * max(gaps, default=0.0))


@dataclass(frozen=True, slots=True)
class _State:
    """A readable `trainer_state.json`."""

    folder: Path
    head: StateHead


def _states(folder: Path, seen: Sequence[SeenCheckpoint]) -> list[_State]:
    states = [_State(one.folder, one.head) for one in seen if one.head is not None]
    root = trainer_state.read_head(folder)
    return states if root is None else [*states, _State(folder, root)]


def _state_log(states: Sequence[_State], newest: _State | None) -> RunLog:
    """The log of the state written last: after a rerun or a resume, later steps of the past still lie in the folder.

    Copying a run scrambles its times. So a state of a later step speaks instead, if it tells the newest one's last
    step as the newest one does: then it is the same story, further told.
    """
    if newest is None:
        return RunLog()
    log = trainer_state.read_log(newest.folder)
    furthest = max(states, key=lambda state: state.head.step)
    if furthest.head.step > newest.head.step and furthest.head.key == newest.head.key:
        other = trainer_state.read_log(furthest.folder)
        if _ending(log) and _ending(log) <= {_comparable(point) for point in other.points}:
            return other
    return log


def _ending(log: RunLog) -> set[tuple[str, int, str]]:
    return {_comparable(point) for point in log.points if point.step == log.last_step}


def _comparable(point: MetricPoint) -> tuple[str, int, str]:
    return point.name, point.step, repr(point.value)  # as text, because NaN does not equal itself


def _belongs(seen: SeenCheckpoint, newest: _State | None) -> bool:
    """A checkpoint of another run in the same folder has a log that begins otherwise. No log yet proves nothing."""
    key = "" if newest is None else newest.head.key
    return not key or seen.head is None or not seen.head.key or seen.head.key == key


def _problems(every: Sequence[SeenCheckpoint], kept: Sequence[SeenCheckpoint]) -> list[str]:
    steps = {seen.found.step for seen in kept}
    left = [seen.found for seen in every if seen.found.step not in steps]
    return [f"checkpoint-{checkpoint.step} is left from an earlier run in this folder." for checkpoint in left]


def _settings_folder(folder: Path, found: Sequence[FoundCheckpoint]) -> Path:
    """The newest readable checkpoint speaks for the run; else the run's own folder."""
    readable = [checkpoint.path for checkpoint in found if checkpoint.state is CheckpointState.PRESENT]
    return readable[-1] if readable else found[-1].path if found else folder


def _logs_only(folder: Path) -> bool:
    """A run that has not saved yet: TensorBoard's events lie in `runs/<date>_<host>/` of its output folder."""
    try:
        return any(path.name.startswith(FILE_PREFIX) for path in (folder / "runs").glob("*/*"))
    except OSError:
        return False


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
