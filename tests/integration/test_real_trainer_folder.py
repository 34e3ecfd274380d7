"""The folder that the installed transformers really writes: a tiny random Llama with LoRA, trained for a few steps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundRun, RunState
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.keeping import keep_adapter
from beyondloss.ingest.watch import FolderWatch, read_run
from tests.factories.run_folders import tree

pytestmark = [
    pytest.mark.torch,
    # Deprecations inside the libraries that write the folder; nothing of ours calls them.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
torch = pytest.importorskip("torch")
pytest.importorskip("peft")

HIDDEN = 16


def train(
    output: Path,
    *,
    steps: int,
    save_steps: int = 4,
    learning_rate: float = 1e-3,
    callbacks: Sequence[object] = (),
    **arguments: object,
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

    set_seed(0)
    config = LlamaConfig(
        vocab_size=32,
        hidden_size=HIDDEN,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
    )
    model = LlamaForCausalLM(config)
    # A local base: PEFT would ask the hub about a name.
    base = output.parent / "base"
    model.save_pretrained(base)
    model.name_or_path = str(base)
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    rows = [{"input_ids": torch.arange(8) + start, "labels": torch.arange(8) + start} for start in range(16)]
    trainer = Trainer(
        model=adapted,
        args=TrainingArguments(
            output_dir=str(output),
            max_steps=steps,
            save_steps=save_steps,
            logging_steps=2,
            eval_strategy="steps",
            eval_steps=4,
            per_device_train_batch_size=2,
            learning_rate=learning_rate,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
            **arguments,
        ),
        train_dataset=rows,
        callbacks=list(callbacks),
        eval_dataset={"familiar": rows[:4], "unseen": rows[4:8]},
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()


def found_run(folder: Path) -> FoundRun:
    (only,) = discover([folder], all_readers()).runs
    return read_run(only)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("real") / "support-v1"
    train(folder, steps=12)
    yield folder


def test_a_real_run_is_read_whole(output: Path):
    found = found_run(output)
    assert found.name == "support-v1"
    assert found.trainer == "huggingface"
    assert found.base_model == str(output.parent / "base")
    assert found.state is RunState.FINISHED
    assert found.problems == ()
    assert [(one.step, one.kind, one.state, one.epoch) for one in found.checkpoints] == [
        (4, CheckpointKind.ADAPTER, CheckpointState.PRESENT, 0.5),
        (8, CheckpointKind.ADAPTER, CheckpointState.PRESENT, 1.0),
        (12, CheckpointKind.ADAPTER, CheckpointState.PRESENT, 1.5),
    ]
    assert found.config["lora_r"] == 2
    assert found.config["max_steps"] == 12


def test_a_real_runs_curves_are_complete(output: Path):
    curves: dict[str, list[int]] = {}
    for point in found_run(output).points:
        curves.setdefault(point.name, []).append(point.step)
    assert curves["loss"] == curves["grad_norm"] == curves["learning_rate"] == [2, 4, 6, 8, 10, 12]
    assert curves["eval_familiar_loss"] == curves["eval_unseen_loss"] == [4, 8, 12]
    assert set(curves) == {"loss", "grad_norm", "learning_rate", "epoch", "eval_familiar_loss", "eval_unseen_loss"}


def test_reading_and_keeping_leave_a_real_run_as_it_was(output: Path, tmp_path: Path):
    before = tree(output)
    for checkpoint in found_run(output).checkpoints:
        keep_adapter(checkpoint.path, tmp_path / "kept", stamp=checkpoint.stamp)
    assert tree(output) == before


def test_a_real_run_that_rotates_is_followed_while_it_trains(tmp_path: Path):
    from transformers import TrainerCallback

    watch = FolderWatch([tmp_path])
    seen: list[FoundRun] = []

    class LookAfterSaving(TrainerCallback):
        def on_save(self, *_arguments: object, **_more: object) -> None:
            seen.extend(watch.look().runs)

    train(tmp_path / "rotating", steps=12, save_total_limit=1, callbacks=[LookAfterSaving()])
    seen.extend(watch.look().runs)
    told = [[one.step for one in run.checkpoints if one.state is CheckpointState.PRESENT] for run in seen]
    assert told[-1] == [12]
    assert {4, 8, 12} == {step for steps in told for step in steps}
    losses = [point.step for run in seen for point in run.points if point.name == "loss"]
    assert losses == [2, 4, 6, 8, 10, 12]


def test_a_real_divergence_is_seen_though_the_trainer_hides_it(tmp_path: Path):
    """An absurd learning rate; `logging_nan_inf_filter` is on by default."""
    train(tmp_path / "diverging", steps=12, learning_rate=3e38)
    assert found_run(tmp_path / "diverging").state is RunState.DIVERGED
