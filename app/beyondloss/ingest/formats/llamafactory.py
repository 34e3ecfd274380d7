"""LLaMA-Factory: v0 adds a live log and its own settings to the Trainer's layout; v1 has a layout of its own."""

import re
from collections.abc import Sequence
from pathlib import Path

from beyondloss.domain.runs import FoundCheckpoint, FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.hf_checkpoints import checkpoint_folders
from beyondloss.ingest.formats.huggingface import EMPTY_RUN, HuggingFaceReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.formats.stepwise import stepwise_checkpoint
from beyondloss.ingest.hyperparameters import adapter_base, adapter_settings, flattened, model_base, read_yaml
from beyondloss.ingest.json_files import as_number, read_mapping, text_at
from beyondloss.ingest.logs.json_lines import JsonLineLogs
from beyondloss.ingest.logs.points import RunLog, Setting, has_diverged

LOG_NAME = "trainer_log.jsonl"
COMPLETE_NAME = "CHECKPOINT_COMPLETE"
_SETTINGS_FILES = ("training_args.yaml", "llamaboard_config.yaml")
_WEB_DATE = re.compile(r"train_\d{4}-\d{2}-\d{2}.*")


class LlamaFactoryReader(HuggingFaceReader):
    """v0, with its web interface's folders (`saves/<Model>/<lora|full>/train_<date>`)."""

    trainer = "llamafactory"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        super().__init__(steadiness=steadiness)
        self._logs = JsonLineLogs()

    def recognises(self, folder: Path) -> bool:
        return (folder / LOG_NAME).is_file()

    def name(self, folder: Path) -> str:
        """The web interface names runs by date alone; the model says more."""
        if _WEB_DATE.fullmatch(folder.name) and len(folder.parts) > 3:
            return f"{folder.parent.parent.name}-{folder.name}"
        return super().name(folder)

    def live_logs(self, folder: Path) -> Sequence[RunLog]:
        return [self._logs.read(folder / LOG_NAME), *super().live_logs(folder)]

    def settings(self, folder: Path) -> dict[str, Setting]:
        return settings_of(folder)

    def template(self, folder: Path) -> str | None:
        return template_of(folder)

    def system_prompt(self, folder: Path) -> str | None:
        return system_prompt_of(folder)

    def base_model(self, folder: Path, checkpoint: Path) -> str | None:
        return super().base_model(folder, checkpoint) or text_at(settings_of(folder), "model_name_or_path")


def settings_of(folder: Path) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name in reversed(_SETTINGS_FILES):
        found |= flattened(read_yaml(folder / name))
    return {key.removeprefix("train.").removeprefix("top."): value for key, value in found.items()}


def template_of(folder: Path) -> str | None:
    return text_at(settings_of(folder), "template")


def system_prompt_of(folder: Path) -> str | None:
    """From the file itself: among the settings a long text is left out."""
    return text_at(read_yaml(folder / "training_args.yaml"), "default_system")


class LlamaFactoryV1Reader:
    """v1: `checkpoint-<step>/model/` with the weights, `metadata.json`, and an empty marker written last."""

    trainer = "llamafactory-v1"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        self._steadiness = steadiness or Steadiness()
        self._logs = JsonLineLogs()

    def recognises(self, folder: Path) -> bool:
        return any(
            (path / COMPLETE_NAME).is_file() or (path / "model").is_dir() for _step, path in checkpoint_folders(folder)
        )

    def read(self, folder: Path) -> FoundRun:
        checkpoints = [
            found for step, path in checkpoint_folders(folder) if (found := self._checkpoint(step, path)) is not None
        ]
        log = self._logs.read(folder / LOG_NAME)
        if not checkpoints and not log.points:
            raise Unreadable(f"{folder} has neither weights nor a log yet.", hint="Wait for a save.", code=EMPTY_RUN)
        newest = checkpoints[-1].path if checkpoints else folder
        settings = settings_of(folder)
        state = RunState.FINISHED if log.ended else RunState.TRAINING
        return FoundRun(
            name=folder.name,
            output_dir=folder,
            trainer=self.trainer,
            base_model=adapter_base(newest) or model_base(newest) or text_at(settings, "model"),
            state=RunState.DIVERGED if has_diverged(log.points) else state,
            checkpoints=tuple(checkpoints),
            points=log.points,
            config=adapter_settings(newest) | settings,
            first_log_key=log.key,
            template=template_of(folder),
            system_prompt=system_prompt_of(folder),
        )

    def _checkpoint(self, step: int, folder: Path) -> FoundCheckpoint | None:
        epoch = as_number(read_mapping(folder / "metadata.json").get("epoch"))
        is_done = (folder / COMPLETE_NAME).is_file()
        return stepwise_checkpoint(step, folder / "model", self._steadiness, epoch=epoch, is_done=is_done)
