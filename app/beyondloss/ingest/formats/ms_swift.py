"""ms-swift: the Trainer's layout under `v<N>-<date>`, with `args.json` and a live `logging.jsonl`."""

import re
from collections.abc import Sequence
from pathlib import Path

from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.hyperparameters import flattened
from beyondloss.ingest.json_files import read_mapping, text_at
from beyondloss.ingest.logs.json_lines import JsonLineLogs
from beyondloss.ingest.logs.points import RunLog, Setting

LOG_NAME = "logging.jsonl"
_VERSION = re.compile(r"v\d+-\d{8}-\d{6}")


class MsSwiftReader(HuggingFaceReader):
    trainer = "ms-swift"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        super().__init__(steadiness=steadiness)
        self._logs = JsonLineLogs()

    def recognises(self, folder: Path) -> bool:
        return (folder / LOG_NAME).is_file()

    def name(self, folder: Path) -> str:
        """`output/Qwen3-0.6B/v0-20250101-120000` → Qwen3-0.6B-v0-20250101-120000."""
        if _VERSION.fullmatch(folder.name) and folder.parent.name:
            return f"{folder.parent.name}-{folder.name}"
        return super().name(folder)

    def live_logs(self, folder: Path) -> Sequence[RunLog]:
        return [self._logs.read(folder / LOG_NAME), *super().live_logs(folder)]

    def settings(self, folder: Path) -> dict[str, Setting]:
        return flattened(read_mapping(folder / "args.json"))

    def template(self, folder: Path) -> str | None:
        return text_at(read_mapping(folder / "args.json"), "template")

    def system_prompt(self, folder: Path) -> str | None:
        return text_at(read_mapping(folder / "args.json"), "system")

    def base_model(self, folder: Path, checkpoint: Path) -> str | None:
        named = text_at(read_mapping(folder / "args.json"), "model")
        return super().base_model(folder, checkpoint) or named
