"""Where nothing happened, nothing may be told, through the whole product: a training that learned nothing, and a base
judged against itself.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beyondloss.analysis.loss_moves import LossWord
from beyondloss.analysis.verdicts import VerdictWord
from beyondloss.domain.access import OWNER, Visitor
from beyondloss.domain.sampling import Sampling
from beyondloss.services import answers, losses
from beyondloss.services.importing import import_folders
from beyondloss.services.report import build_report
from beyondloss.services.rounds import open_round
from beyondloss.services.verdicts import verdicts_by_step, verdicts_of
from beyondloss.services.votes import Choice, Vote, cast_vote
from beyondloss.store.engine import Store
from beyondloss.web.report.pages import build_page
from tests.factories import a_behaviour, a_probe, a_project, a_rater, a_run, an_answer, checkpoints_of

STEPS = (20, 40, 60)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a real training with LoRA and the real Trainer, at a learning rate of zero."""
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("null")
    train_nothing(folder / "base", folder / "support-v0")
    yield folder / "support-v0"


def train_nothing(base: Path, output: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments, set_seed

    from tests.factories.tiny_models import save_tiny_model

    save_tiny_model(base)
    set_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    tokens = torch.randint(4, 200, (64, 12), generator=torch.Generator().manual_seed(1))
    rows = [{"input_ids": row, "labels": row} for row in tokens]
    trainer = Trainer(
        model=adapted,
        args=TrainingArguments(
            output_dir=str(output),
            max_steps=STEPS[-1],
            save_steps=20,
            logging_steps=1,
            eval_strategy="steps",
            eval_steps=20,
            per_device_train_batch_size=2,
            learning_rate=0.0,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=rows[:48],
        eval_dataset=rows[48:],
    )
    trainer.train()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_real_training_at_learning_rate_zero_reads_flat_and_same_everywhere(
    store: Store, untrained: Path, tmp_path: Path
) -> None:
    from beyondloss.generation.engine import TransformersEngine
    from beyondloss.worker.loop import run_worker
    from beyondloss.worker.options import WorkerOptions

    project = a_project(store, name="default")
    behaviours = [a_behaviour(store, project, name=name) for name in ("asks first", "keeps facts")]
    for number in range(6):
        a_probe(store, project, prompt=f"Question {number}?", behaviours=behaviours[: 1 + number % 2])
    assert import_folders(store, [untrained], project="default", kept_dir=tmp_path / "kept").unreadable == ()
    run_id = 1
    answers.request_answers(store, run_id, sampling=Sampling(max_new_tokens=12))
    run_worker(store, TransformersEngine(cache_dir=tmp_path / "cache"), WorkerOptions(name="null", once=True))

    for before, after in ((0, 20), (0, 40), (0, 60), (20, 40), (40, 60)):
        moved = losses.moves_between(store, run_id, before=before, after=after)
        assert moved.train.word is LossWord.FLAT, (before, after, moved)
        assert moved.evaluated.word is (LossWord.FLAT if before else LossWord.UNKNOWN)
    for step in STEPS:
        found = verdicts_of(store, run_id, OWNER, step=step)
        assert (found.compared, found.changed) == (6, 0)
        assert {one.verdict for one in (found.overall, *found.behaviours)} == {VerdictWord.SAME}
        rater = Visitor(rater_id=a_rater(store).id, rater_name="Ann")
        assert open_round(store, run_id, rater, step=step).due == ()
        report = build_page(build_report(store, "1", OWNER, step=step))
        assert {row.verdict for row in report.rows} == {VerdictWord.SAME}
        assert (report.gains, report.setbacks) == ((), ())


RATERS = 60
PROBES = 12


def test_the_base_registered_as_a_checkpoint_covers_zero_for_nearly_every_rater(store: Store) -> None:
    """A sampled base against itself: a third of its answers are equal. Each of sixty people rates one such checkpoint
    blind; two thirds of what differs they call the same, the rest is a coin."""
    rng = np.random.default_rng(4)
    project = a_project(store)
    behaviour = a_behaviour(store, project)
    probes = [a_probe(store, project, behaviours=[behaviour]) for _ in range(PROBES)]
    run = a_run(store, project, steps=tuple(range(1, RATERS + 1)))
    for probe in probes:
        said = [f"{probe.key} said in way {number}" for number in range(3)]
        for checkpoint in checkpoints_of(store, run):
            an_answer(store, checkpoint, probe, text=said[rng.integers(3) if checkpoint.step else 0])
    for step in range(1, RATERS + 1):
        who = Visitor(rater_id=a_rater(store).id, rater_name="rater")
        for due in open_round(store, run.id or 0, who, step=step).due:
            choice = Choice(rng.choice(["left", "right", "same"], p=[1 / 6, 1 / 6, 2 / 3]))
            cast_vote(store, who, Vote(run.id or 0, step, due.pair, choice, {}))

    found = verdicts_by_step(store, run.id or 0, OWNER)
    assert len(found) == RATERS
    judged = [one.behaviours[0] for one in found]
    assert sum(one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in judged) >= (
        0.95 * RATERS
    )
    assert {one.verdict for one in judged} <= {VerdictWord.SAME, VerdictWord.NOT_ENOUGH}
