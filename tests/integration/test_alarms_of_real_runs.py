"""Alarms on what the installed transformers really logs: a tiny model with LoRA, healthy and broken on purpose."""

from pathlib import Path

from beyondloss.domain.alarms import AlarmKind, Severity
from beyondloss.services import alarms
from beyondloss.services.alarms import AlarmView
from beyondloss.services.importing import import_folders
from beyondloss.store.engine import Store
from tests.integration.test_real_trainer_folder import pytestmark, torch, train

__all__ = ["pytestmark"]


def raised(store: Store, output: Path) -> list[AlarmView]:
    """Without mere information."""
    report = import_folders(store, [output], project="real", kept_dir=output.parent / "kept")
    (run,) = report.imported
    found = alarms.find_alarms(store, run.run_id).alarms
    return [alarm for alarm in found if alarm.severity is not Severity.INFO]


def test_a_healthy_run_raises_nothing(store: Store, tmp_path: Path) -> None:
    train(tmp_path / "run", steps=80, save_steps=80)
    assert raised(store, tmp_path / "run") == []


def test_a_learning_rate_of_zero_learns_nothing(store: Store, tmp_path: Path) -> None:
    train(tmp_path / "run", steps=80, save_steps=80, learning_rate=0.0)
    (alarm,) = raised(store, tmp_path / "run")
    assert (alarm.kind, alarm.facts["cause"]) == (AlarmKind.NOT_LEARNING, "learning_rate")


def test_an_absurd_learning_rate_is_critical(store: Store, tmp_path: Path) -> None:
    """Every weight is trained: an adapter on attention alone is held by the norms around it."""
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

    set_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    rows = [{"input_ids": torch.randint(32, (8,)), "labels": torch.randint(32, (8,))} for _ in range(64)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "run"),
        max_steps=80,
        warmup_steps=60,
        learning_rate=100.0,
        logging_steps=1,
        save_steps=80,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(model=LlamaForCausalLM(config), args=arguments, train_dataset=rows)
    trainer.train()
    trainer.save_state()
    assert Severity.CRITICAL in {alarm.severity for alarm in raised(store, tmp_path / "run")}


def test_nan_that_the_trainers_filter_hides_is_found(store: Store, tmp_path: Path) -> None:
    from transformers import TrainerCallback

    class Break(TrainerCallback):
        def on_step_begin(self, args: object, state: object, control: object, **kwargs: object) -> None:
            if state.global_step == 40:  # type: ignore[attr-defined]
                with torch.no_grad():
                    next(p for p in kwargs["model"].parameters() if p.requires_grad).fill_(float("nan"))  # type: ignore[attr-defined]

    train(tmp_path / "run", steps=60, save_steps=60, callbacks=[Break()])
    broken = [alarm for alarm in raised(store, tmp_path / "run") if alarm.kind is AlarmKind.NOT_FINITE]
    assert min(alarm.step for alarm in broken) == 42
    assert {"loss": "0", "grad_norm": "NaN"}.items() <= broken[0].facts.items()
