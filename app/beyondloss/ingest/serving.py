"""What a checkpoint's folder says that whoever serves it must know. Reads small JSON files only."""

from dataclasses import dataclass
from pathlib import Path

from beyondloss.ingest.json_files import read_mapping

_MOST_BYTES = 1_000_000
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tekken.json")


@dataclass(frozen=True, slots=True)
class ServingFacts:
    """`rank` is the largest LoRA rank in the adapter; None where there is none, or it does not say."""

    rank: int | None
    has_tokenizer: bool


def serving_facts(folder: Path) -> ServingFacts:
    """Nothing is known of a folder that cannot be read."""
    config = read_mapping(folder / "adapter_config.json", limit_bytes=_MOST_BYTES)
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    known = [rank for rank in ranks if isinstance(rank, int) and rank > 0]
    try:
        tokenizer = any((folder / name).is_file() for name in _TOKENIZER_FILES)
    except OSError:
        tokenizer = False
    return ServingFacts(max(known, default=None), tokenizer)
