"""What to call a run that has no name but its folder's."""

from pathlib import Path

_SAY_NOTHING = {
    "adapter", "checkpoint", "checkpoints", "ckpt", "ckpts", "exp", "full", "lora", "model", "models", "out",
    "output", "outputs", "output_dir", "result", "results", "run", "runs", "save", "saves", "sft", "tmp", "train",
    "trainer_output", "training",
}  # fmt: skip


def run_name(folder: Path) -> str:
    """The folder's name, with its parent's before it when it says nothing alone (`support/output` → support-output)."""
    name = folder.name or "run"
    parent = folder.parent.name
    return f"{parent}-{name}" if name.lower() in _SAY_NOTHING and parent else name
