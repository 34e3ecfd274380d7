"""Run folders as trainers write them, in the order in which they write: real safetensors, tiny, without torch."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save

BASE_MODEL = "org/tiny-base"


def tensors(seed: int, *, rank: int = 2, layers: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    prefix = "base_model.model.model.layers"
    return {
        f"{prefix}.{layer}.self_attn.q_proj.lora_{side}.weight": random.normal(size=shape).astype(np.float32)
        for layer in range(layers)
        for side, shape in (("A", (rank, 8)), ("B", (8, rank)))
    }


def safetensors_bytes(seed: int = 0) -> bytes:
    return save(tensors(seed), metadata={"format": "pt"})


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    return path


def write_adapter(folder: Path, *, seed: int = 0, base: str | None = BASE_MODEL) -> Path:
    """Weights first, then the configuration, as PEFT does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(seed))
    write_json(
        folder / "adapter_config.json",
        {
            "base_model_name_or_path": base,
            "peft_type": "LORA",
            "r": 2,
            "lora_alpha": 4,
            "lora_dropout": 0.0,
            "target_modules": ["v_proj", "q_proj"],
            "task_type": "CAUSAL_LM",
            "use_dora": False,
        },
    )
    return folder


def write_model(folder: Path, *, seed: int = 0, base: str | None = None, shards: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", {"model_type": "llama"} | ({"_name_or_path": base} if base else {}))
    if shards == 1:
        (folder / "model.safetensors").write_bytes(safetensors_bytes(seed))
        return folder
    names = [f"model-{number + 1:05d}-of-{shards:05d}.safetensors" for number in range(shards)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(safetensors_bytes(seed + number))
    weight_map = {f"layer.{number}": name for number, name in enumerate(names)}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    return folder


def log_entries(last_step: int, *, every: int = 5, scale: float = 1.0) -> list[dict[str, float]]:
    """A falling loss. The same scale gives the same log: runs differ in it."""
    return [
        {
            "epoch": step / 10,
            "grad_norm": 0.5 * scale,
            "learning_rate": 1e-4,
            "loss": scale * 3.0 / step,
            "step": step,
        }
        for step in range(every, last_step + 1, every)
    ]


def write_trainer_state(
    folder: Path, step: int, entries: Sequence[dict[str, float]], *, max_steps: int = 100, **extra: object
) -> Path:
    return write_json(
        folder / "trainer_state.json",
        {
            "best_metric": None,
            "epoch": step / 10,
            "eval_steps": 500,
            "global_step": step,
            "is_local_process_zero": True,
            "log_history": list(entries),
            "logging_steps": 5,
            "max_steps": max_steps,
            "num_train_epochs": 3,
            "save_steps": 10,
            "total_flos": 1.0,
            "train_batch_size": 2,
            **extra,
        },
    )


def write_checkpoint(
    run: Path,
    step: int,
    *,
    entries: Sequence[dict[str, float]] | None = None,
    seed: int | None = None,
    full: bool = False,
    max_steps: int = 100,
) -> Path:
    folder = run / f"checkpoint-{step}"
    write = write_model if full else write_adapter
    write(folder, seed=step if seed is None else seed)
    (folder / "training_args.bin").write_bytes(b"never opened")
    (folder / "optimizer.pt").write_bytes(b"never opened")
    write_trainer_state(folder, step, log_entries(step) if entries is None else entries, max_steps=max_steps)
    return folder


def hf_run(run: Path, *, steps: Sequence[int] = (10, 20, 30), full: bool = False, max_steps: int = 100) -> Path:
    """A run in training that has saved these steps."""
    for step in steps:
        write_checkpoint(run, step, full=full, max_steps=max_steps)
    return run


def set_time(folder: Path, seconds: float) -> None:
    """Give a folder and all in it one time."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path with its size and mtime: what a reader must leave as it found it."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in [folder, *sorted(folder.rglob("*"))]
    }
