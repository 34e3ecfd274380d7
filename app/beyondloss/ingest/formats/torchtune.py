"""torchtune: `epoch_<k>/` or `step_<n>/` folders and a text log under `logs/`."""

import re
from collections.abc import Sequence
from pathlib import Path

from beyondloss.domain.runs import FoundCheckpoint, FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.folders import named_folders
from beyondloss.ingest.formats.huggingface import EMPTY_RUN
from beyondloss.ingest.formats.run_names import run_name
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.formats.stepwise import stepwise_checkpoint
from beyondloss.ingest.hyperparameters import adapter_base, adapter_settings, flattened, read_yaml
from beyondloss.ingest.json_files import as_count, text_at
from beyondloss.ingest.logs.points import RunLog, has_diverged, merged
from beyondloss.ingest.logs.text_lines import TextLogs, torchtune_entry

_EPOCH = re.compile(r"epoch_(\d{1,9})")
_STEP = re.compile(r"step_(\d{1,15})")
_LOG = re.compile(r"log_(\d{1,12})\.txt")


class TorchtuneReader:
    trainer = "torchtune"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        self._steadiness = steadiness or Steadiness()
        self._logs = TextLogs(torchtune_entry)
        self._epoch_steps: dict[Path, int] = {}

    def recognises(self, folder: Path) -> bool:
        if any(_LOG.fullmatch(path.name) for path in _log_files(folder)):
            return True
        return bool(named_folders(folder, _EPOCH) or named_folders(folder, _STEP)) and (
            (folder / "torchtune_config.yaml").is_file() or (folder / "recipe_state").is_dir()
        )

    def read(self, folder: Path) -> FoundRun:
        log = self._log(folder)
        config = read_yaml(folder / "torchtune_config.yaml")
        checkpoints = [*self._by_step(folder), *self._by_epoch(folder, log, config)]
        found = sorted({one.step: one for one in checkpoints}.values(), key=lambda one: one.step)
        if not found and not log.points:
            raise Unreadable(f"{folder} has neither weights nor a log yet.", hint="Wait for a save.", code=EMPTY_RUN)
        newest = found[-1].path if found else folder
        checkpointer = config.get("checkpointer")
        base = text_at(checkpointer, "checkpoint_dir") if isinstance(checkpointer, dict) else None
        epochs = as_count(config.get("epochs"))
        is_finished = epochs is not None and len(named_folders(folder, _EPOCH)) >= epochs
        state = RunState.FINISHED if is_finished else RunState.TRAINING
        return FoundRun(
            name=run_name(folder),
            output_dir=folder,
            trainer=self.trainer,
            base_model=adapter_base(newest) or base,
            state=RunState.DIVERGED if has_diverged(log.points) else state,
            checkpoints=tuple(found),
            points=log.points,
            config=flattened(config) | adapter_settings(newest),
            first_log_at=log.started_at,
            first_log_key=log.key,
        )

    def _log(self, folder: Path) -> RunLog:
        """The newest log names the run; an older one that it goes on from (a resume) is part of it."""
        kept: list[RunLog] = []
        for path in _log_files(folder):
            match = _LOG.fullmatch(path.name)
            log = self._logs.read(path)
            if match is None or not log.points:
                continue
            if kept and log.points[0].step <= kept[0].points[0].step:
                kept = []  # it starts over: a rerun
            started = RunLog(points=log.points, key=log.key, started_at=float(match[1]))
            kept.append(started)
        joined = merged(list(reversed(kept)))
        return RunLog(points=joined.points, key=kept[0].key if kept else "", started_at=joined.started_at)

    def _by_step(self, folder: Path) -> list[FoundCheckpoint]:
        found = (stepwise_checkpoint(step, path, self._steadiness) for step, path in named_folders(folder, _STEP))
        return [one for one in found if one is not None]

    def _by_epoch(self, folder: Path, log: RunLog, config: object) -> list[FoundCheckpoint]:
        epochs = named_folders(folder, _EPOCH)
        found = []
        for epoch, path in epochs:
            step = self._epoch_steps.setdefault(path, self._step_of(epoch, epochs, log=log, config=config))
            checkpoint = stepwise_checkpoint(step, path, self._steadiness, epoch=float(epoch + 1))
            if checkpoint is None:
                self._epoch_steps.pop(path, None)
            else:
                found.append(checkpoint)
        return found

    def _step_of(self, epoch: int, epochs: Sequence[tuple[int, Path]], *, log: RunLog, config: object) -> int:
        """The last step of an epoch, counted from 0 as its folder is. torchtune writes the link down nowhere.

        The log has no epochs, so it is: the configured steps per epoch if there are any; else, for the newest folder,
        the last step logged when it was first seen, and for older ones an even share of that.
        """
        values = config if isinstance(config, dict) else {}
        per_epoch = as_count(values.get("max_steps_per_epoch"))
        newest = max(number for number, _path in epochs)
        if per_epoch:
            return per_epoch * (epoch + 1)
        return max(1, round(log.last_step * (epoch + 1) / (newest + 1))) if log.last_step else epoch + 1


def _log_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in (folder / "logs").iterdir() if _LOG.fullmatch(path.name))
    except OSError:
        return []
