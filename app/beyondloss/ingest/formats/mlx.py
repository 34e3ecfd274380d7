"""MLX-LM: numbered adapter files in one folder. Answers need Apple silicon, so only the run and its loss are shown."""

import re
from collections.abc import Mapping
from pathlib import Path

from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundCheckpoint, FoundRun, RunState
from beyondloss.ingest.formats.run_names import run_name
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import as_count, read_mapping, text_at
from beyondloss.ingest.logs.points import RunLog, Setting, has_diverged, merged
from beyondloss.ingest.logs.text_lines import TextLogs, mlx_entry
from beyondloss.ingest.weights import file_stamp

_NUMBERED = re.compile(r"(\d{7,})_adapters\.safetensors")
_LATEST = "adapters.safetensors"
_REASON = "MLX adapters can be run on Apple silicon only, so there are no answers here: fuse the model and import that."
_MAX_LOGS = 20


class MlxReader:
    trainer = "mlx-lm"

    def __init__(self) -> None:
        self._logs = TextLogs(mlx_entry)

    def recognises(self, folder: Path) -> bool:
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return "adapter_config.json" in names and (_LATEST in names or any(_NUMBERED.fullmatch(name) for name in names))

    def read(self, folder: Path) -> FoundRun:
        config = read_mapping(folder / "adapter_config.json")
        log = self._log(folder)
        steps = sorted(
            int(match[1]) for path in folder.iterdir() if (match := _NUMBERED.fullmatch(path.name)) is not None
        )
        found = [_checkpoint(folder, step, f"{step:07d}_{_LATEST}") for step in steps]
        iterations = as_count(config.get("iters"))
        if not found and (folder / _LATEST).is_file():
            found = [_checkpoint(folder, iterations or 1, _LATEST)]
        last = max([log.last_step, *steps])
        state = RunState.FINISHED if iterations is not None and last >= iterations else RunState.TRAINING
        return FoundRun(
            name=run_name(folder),
            output_dir=folder,
            trainer=self.trainer,
            base_model=text_at(config, "model"),
            state=RunState.DIVERGED if has_diverged(log.points) else state,
            checkpoints=tuple(found),
            points=log.points,
            config=flattened(config) | _lora_settings(config),
            first_log_key=log.key,
        )

    def _log(self, folder: Path) -> RunLog:
        """MLX-LM prints its log; people keep it beside the adapters as they like."""
        files = sorted(path for path in folder.iterdir() if path.suffix in {".log", ".txt", ".out"})
        return merged([log for path in files[-_MAX_LOGS:] if (log := self._logs.read(path)).points])


def _lora_settings(config: Mapping[str, object]) -> dict[str, Setting]:
    """Under the names that other trainers have for them. MLX-LM calls the factor itself `scale`."""
    parameters = config.get("lora_parameters")
    if not isinstance(parameters, dict):
        return {}
    named = {"rank": "lora_r", "dropout": "lora_dropout", "scale": "lora_scale"}
    return {named[key]: value for key, value in flattened(parameters).items() if key in named}


def _checkpoint(folder: Path, step: int, name: str) -> FoundCheckpoint:
    return FoundCheckpoint(
        step=step,
        path=folder,
        kind=CheckpointKind.ADAPTER,
        state=CheckpointState.UNREADABLE,
        reason=_REASON,
        stamp=file_stamp(folder / name),
    )
