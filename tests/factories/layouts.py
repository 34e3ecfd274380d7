"""One realistic run folder for every trainer that is read, with what a reader must find in it.

Where they come from:

- The Trainer's: written by hand here, and really made by the installed transformers in the integration tests.
- `…-recorded`: really written by LLaMA-Factory 0.9.5 (its command line), ms-swift 4.6 and mlx-lm 0.32.2 (CPU), training
  a tiny random model. Every text file kept is as it was, but for folders' names; weights are made anew; pickles,
  pictures, tokenizers and TensorBoard's files are left out. See `tests/data/trainers`.
- LLaMA-Factory's web interface and v1, Axolotl 0.19.0 and torchtune 0.6.1: built from the trainers' sources, not run.
  So are the other LLaMA-Factory, ms-swift and mlx-lm layouts, which hold more oddities than one real run.
- TensorBoard's events: really written (tests/data/tensorboard). trackio's tables: made from its source.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beyondloss.domain.runs import CheckpointState
from tests.factories.run_folders import (
    BASE_MODEL,
    hf_run,
    log_entries,
    safetensors_bytes,
    write_adapter,
    write_json,
)
from tests.factories.trackio_files import trackio_run, trainer_entries

RECORDED = Path(__file__).parent.parent / "data" / "trainers"
PRESENT = frozenset({CheckpointState.PRESENT})
STEPS = (10, 20, 30)
LOSS_STEPS = (5, 10, 15, 20, 25, 30)


@dataclass(frozen=True)
class Layout:
    name: str
    trainer: str
    build: Callable[[Path], Path]
    steps: tuple[int, ...] = STEPS
    loss_steps: tuple[int, ...] = LOSS_STEPS
    base_model: str | None = BASE_MODEL
    states: frozenset[CheckpointState] = PRESENT
    template: str | None = None
    system_prompt: str | None = None
    within: str = ""
    """What follows the folder in the run's path, for runs within a file."""

    def remove(self, run: Path, step: int) -> None:
        for path in run.iterdir():
            if path.name in {f"checkpoint-{step}", f"step_{step}", f"epoch_{step // 10 - 1}"}:
                shutil.rmtree(path)
            elif path.name.startswith(f"{step:07d}_"):
                path.unlink()


def write_lines(path: Path, entries: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def llamafactory_v0(run: Path) -> Path:
    hf_run(run)
    entries: list[dict[str, object]] = [
        {
            "current_steps": entry["step"],
            "total_steps": 100,
            "loss": entry["loss"],
            "lr": entry["learning_rate"],
            "epoch": entry["epoch"],
            "percentage": float(entry["step"]),
            "elapsed_time": "0:00:05",
            "remaining_time": "0:01:00",
            "throughput": 1234.5,
            "total_tokens": 6789,
        }
        for entry in log_entries(30)
    ]
    entries.insert(2, {"current_steps": 10, "total_steps": 100, "eval_loss": 1.5, "epoch": 1.0, "percentage": 10.0})
    write_lines(run / "trainer_log.jsonl", entries)
    (run / "training_args.yaml").write_text(
        f"model_name_or_path: {BASE_MODEL}\nstage: sft\ntemplate: qwen\nlearning_rate: 1.0e-4\nhub_token: hf_secret\n"
    )
    return run


def llamafactory_v1(run: Path) -> Path:
    for step in STEPS:
        folder = run / f"checkpoint-{step}"
        write_adapter(folder / "model", seed=step)
        write_json(folder / "metadata.json", {"global_step": step, "epoch": step / 10})
        (folder / "CHECKPOINT_COMPLETE").touch()
    write_lines(run / "trainer_log.jsonl", [dict(entry) | {"total_steps": 100} for entry in log_entries(30)])
    return run


def ms_swift(run: Path) -> Path:
    hf_run(run)
    entries: list[dict[str, object]] = [
        {key: value for key, value in entry.items() if key != "step"}
        | {
            "global_step/max_steps": f"{entry['step']}/30",
            "percentage": "10.00%",
            "elapsed_time": "1m 2s",
            "remaining_time": "3m",
            "memory(GiB)": 6.2,
            "train_speed(iter/s)": 0.5,
        }
        for entry in log_entries(30)
    ]
    entries.append({"train_runtime": 60.0, "train_loss": 1.0, "global_step/max_steps": "30/30"})
    entries.append({"last_model_checkpoint": str(run / "checkpoint-30"), "best_metric": 1.0, "global_step": 30})
    write_lines(run / "logging.jsonl", entries)
    write_json(run / "args.json", {"model": BASE_MODEL, "template": "qwen2_5", "system": "Be kind.", "seed": 42})
    return run


def axolotl(run: Path) -> Path:
    hf_run(run, steps=(10, 20))
    write_json(run / "adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": BASE_MODEL})
    config = {
        "adapter": "lora",
        "base_model": BASE_MODEL,
        "datasets": [{"path": "data.jsonl", "type": "alpaca"}],
        "learning_rate": 2e-4,
        "micro_batch_size": 2,
        "seed": 42,
        "wandb_token": "hf_secret",
    }
    lines = ["[INFO] starting", f"[INFO] [axolotl.cli.config] config:\n{json.dumps(config, indent=2, sort_keys=True)}"]
    lines.append("  0%|          | 0/100 [00:00<?, ?it/s]")
    for entry in log_entries(30):
        lines.append(f"{{'loss': '{entry['loss']:.4g}', 'grad_norm': '0.5', 'epoch': '{entry['epoch']}'}}")
        lines.append("{'eval_loss': nan, 'epoch': 'odd'}")
    (run / "debug.log").write_text("\n".join(lines) + "\n{'loss': '0.")
    return run


def torchtune(run: Path) -> Path:
    for step in STEPS:
        write_adapter(run / f"step_{step}", seed=step)
        (run / f"step_{step}" / "adapter_model").mkdir()
    (run / "torchtune_config.yaml").write_text(
        f"epochs: 3\nbatch_size: 2\ncheckpointer:\n  checkpoint_dir: {BASE_MODEL}\n"
    )
    log = run / "logs" / "log_1700000000.txt"
    log.parent.mkdir(parents=True)
    log.write_text(
        "".join(
            f"Step {e['step']} | loss:{e['loss']} lr:0.0003 tokens_per_second_per_gpu:99.5 \n" for e in log_entries(30)
        )
    )
    return run


def torchtune_epochs(run: Path) -> Path:
    torchtune(run)
    for number, step in enumerate(STEPS):
        (run / f"step_{step}").rename(run / f"epoch_{number}")
    return run


def mlx(run: Path) -> Path:
    run.mkdir(parents=True)
    write_json(
        run / "adapter_config.json",
        {"model": BASE_MODEL, "fine_tune_type": "lora", "iters": 100, "lora_parameters": {"rank": 8}, "train": True},
    )
    for step in STEPS:
        (run / f"{step:07d}_adapters.safetensors").write_bytes(safetensors_bytes(step))
    (run / "adapters.safetensors").write_bytes(safetensors_bytes(30))
    lines = ["Starting training..., iters: 100", "Iter 1: Val loss 3.500, Val took 2.0s"]
    lines += [
        f"Iter {e['step']}: Train loss {e['loss']:.3f}, Learning Rate 1.000e-05, It/sec 3.1, Peak mem 2.3 GB"
        for e in log_entries(20)
    ]
    lines += [f"  \x1b[2m{e['step']:>4}\x1b[0m    {e['loss']:>5.3f} ▼      123      1.2k" for e in log_entries(30)[4:]]
    (run / "train.log").write_text("\n".join(lines) + "\n")
    return run


def recorded(name: str) -> Callable[[Path], Path]:
    """A folder that a trainer really wrote, with weights made anew: the run's own model is its last checkpoint's."""

    def build(run: Path) -> Path:
        shutil.copytree(RECORDED / name, run)
        numbers = [int(path.name.rpartition("-")[2]) for path in run.glob("checkpoint-*")]
        for config in sorted(run.rglob("adapter_config.json")):
            if "peft_type" in json.loads(config.read_text()):
                number = int(config.parent.name.rpartition("-")[2]) if config.parent != run else max(numbers)
                (config.parent / "adapter_model.safetensors").write_bytes(safetensors_bytes(number))
        for state in run.rglob("trainer_state.json"):
            state.touch()  # the trainer writes it last
        return run

    return build


def ms_swift_recorded(run: Path) -> Path:
    """With the link that it keeps to its last checkpoint."""
    recorded("ms-swift")(run)
    (run / "last-checkpoint").symlink_to("checkpoint-12")
    return run


def mlx_recorded(run: Path) -> Path:
    recorded("mlx-lm")(run)
    for name in ("0000010_adapters", "0000020_adapters", "adapters"):
        (run / f"{name}.safetensors").write_bytes(safetensors_bytes(20 if name == "adapters" else int(name[:7])))
    return run


def events_alone(run: Path) -> Path:
    """Not saved yet: there is nothing but what TensorBoard was told."""
    shutil.copytree(RECORDED.parent / "tensorboard", run)
    return run


def trackio_project(run: Path) -> Path:
    config = {"model_name_or_path": BASE_MODEL, "learning_rate": 1e-4, "hub_token": "hf_secret"}
    trackio_run(run / "project.db", "dainty-sunset-0", trainer_entries(LOSS_STEPS), config=config)
    return run


def full_run(run: Path) -> Path:
    return hf_run(run, full=True)


LAYOUTS = [
    Layout("huggingface-adapter", "huggingface", hf_run),
    Layout("huggingface-full", "huggingface", full_run, base_model=None),
    Layout("llamafactory-v0", "llamafactory", llamafactory_v0, template="qwen"),
    Layout("llamafactory-v1", "llamafactory-v1", llamafactory_v1),
    Layout("ms-swift", "ms-swift", ms_swift, template="qwen2_5", system_prompt="Be kind."),
    Layout("axolotl", "axolotl", axolotl, steps=(10, 20), template="alpaca"),
    Layout("torchtune-steps", "torchtune", torchtune),
    Layout("torchtune-epochs", "torchtune", torchtune_epochs),
    Layout("mlx-lm", "mlx-lm", mlx, states=frozenset({CheckpointState.UNREADABLE})),
    Layout(
        "llamafactory-recorded",
        "llamafactory",
        recorded("llamafactory"),
        steps=(6, 12),
        loss_steps=(2, 4, 6, 8, 10, 12),
        base_model="/data/tiny-base",
    ),
    Layout(
        "ms-swift-recorded",
        "ms-swift",
        ms_swift_recorded,
        steps=(6, 12),
        loss_steps=(1, 2, 4, 6, 8, 10, 12),
        base_model="/data/tiny-base",
        template="qwen2_5",
        system_prompt="Be kind and short.",
    ),
    Layout(
        "mlx-lm-recorded",
        "mlx-lm",
        mlx_recorded,
        steps=(10, 20),
        loss_steps=(5, 10, 15, 20),
        base_model="/data/tiny-llama",
        states=frozenset({CheckpointState.UNREADABLE}),
    ),
    Layout(
        "tensorboard-alone",
        "huggingface",
        events_alone,
        steps=(),
        loss_steps=(5, 10, 15, 20, 25),
        base_model=None,
        states=frozenset(),
    ),
    Layout("trackio", "trackio", trackio_project, steps=(), states=frozenset(), within="project.db/dainty-sunset-0"),
    Layout("lone-adapter", "peft", write_adapter, steps=(1,), loss_steps=()),
]
