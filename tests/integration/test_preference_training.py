"""What we export, TRL trains on: two optimiser steps of DPO and of KTO on a tiny model, from the exported files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from beyondloss.domain.access import OWNER
from beyondloss.domain.preferences import Unpaired, Wanted
from beyondloss.services.exports import PreferenceFormat, preference_lines
from beyondloss.store.engine import Store
from tests.factories import a_behaviour, a_probe, a_project, a_rater, a_rating, a_run, an_answer, checkpoints_of
from tests.factories.tiny_models import save_tiny_model

# TRL still asks transformers by the old name.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")]

Export = Callable[..., Path]


@pytest.fixture
def export(store: Store, tmp_path: Path) -> Export:
    """Four rated comparisons, the last one a tie, as a file in the given form."""
    project = a_project(store)
    behaviour = a_behaviour(store, project)
    run = a_run(store, project, steps=(10,))
    base, step = checkpoints_of(store, run)
    ann = a_rater(store, name="Ann")
    for number, verdict in enumerate((1, -1, 1, 0)):
        system = "Be kind." if number else None
        probe = a_probe(store, project, prompt=f"第{number} question?", system=system, behaviours=[behaviour])
        before = an_answer(store, base, probe, text=f"Base {number}.")
        after = an_answer(store, step, probe, text=f"Tuned {number}, 好。\n")
        a_rating(store, ann, after, before, verdict=verdict)

    def export(form: PreferenceFormat, **wanted: Any) -> Path:
        file = tmp_path / f"{form}.jsonl"
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(preference_lines(store, run.id or 0, OWNER, form=form, wanted=Wanted(**wanted)))
        return file

    return export


def load(file: Path, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset("json", data_files=str(file), split="train", cache_dir=str(cache))


def settings(folder: Path) -> dict[str, Any]:
    """Two steps, in this process, told to nobody."""
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "activation_checkpointing": False,
    }


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_trl_trains_dpo_on_the_exported_pairs(export: Export, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    folder = save_tiny_model(tmp_path / "model")
    pairs = load(export(PreferenceFormat.TRL_DPO), tmp_path / "cache")
    assert len(pairs) == 3
    trainer = DPOTrainer(
        AutoModelForCausalLM.from_pretrained(folder),
        args=DPOConfig(**settings(tmp_path / "out")),
        train_dataset=pairs,
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    trainer.train()
    assert trainer.state.global_step == 2
    assert len(losses(trainer)) == 2


def test_trl_trains_kto_on_the_exported_labels(export: Export, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import KTOConfig, KTOTrainer

    folder = save_tiny_model(tmp_path / "model")
    answers = load(export(PreferenceFormat.TRL_KTO, ties=Unpaired.GOOD), tmp_path / "cache")
    assert len(answers) == 8
    trainer = KTOTrainer(
        AutoModelForCausalLM.from_pretrained(folder),
        AutoModelForCausalLM.from_pretrained(folder),
        args=KTOConfig(**settings(tmp_path / "out")),
        train_dataset=answers,
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    trainer.train()
    assert trainer.state.global_step == 2
    assert len(losses(trainer)) == 2
