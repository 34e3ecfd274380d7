"""The demo's training process: a plain transformers `Trainer` with a LoRA adapter, as anybody would write it.

Only the callback line is BeyondLoss; the rest is what a real script looks like. `python -m beyondloss.demo.train` runs
it in a process of its own, so that the dashboard stays quick and the training can be stopped.
"""

import argparse
import json
import os
import threading
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyondloss.generation.quiet import quiet_libraries
from beyondloss.generation.smollm2 import ensure_smollm2

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer

SAVE_STEPS = (5, *range(10, 1000, 10))
BATCH_SIZE = 4
LORA_RANK = 8
LEARNING_RATE = 2e-4
SEED = 7
IGNORED_LABEL = -100


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.until_stdin_closes:
        threading.Thread(target=_leave_with_parent, daemon=True).start()
    base = ensure_smollm2(arguments.cache)
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    with quiet_libraries():
        trainer = make_trainer(base, arguments.output, steps=arguments.steps)
    if arguments.url:
        from beyondloss.integrations import BeyondLossCallback

        trainer.add_callback(BeyondLossCallback(url=arguments.url, run=arguments.run, project=arguments.project))
    trainer.train()


def make_trainer(base: Path, output: Path, *, steps: int) -> "Trainer":
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, set_seed

    set_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    lora = LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    return Trainer(
        model=get_peft_model(model, lora),
        args=TrainingArguments(
            output_dir=str(output),
            max_steps=steps,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            warmup_steps=5,
            lr_scheduler_type="cosine",
            logging_steps=1,
            save_strategy="no",
            save_only_model=True,
            report_to=[],
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            seed=SEED,
        ),
        train_dataset=[encode(example, tokenizer) for example in read_examples()],
        data_collator=_collate,
        processing_class=tokenizer,
        callbacks=[_save_often()],
    )


def read_examples() -> list[list[dict[str, str]]]:
    """The customer-service conversations, stock phrases and all."""
    lines = files("beyondloss.demo").joinpath("data/support.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["messages"] for line in lines]


def encode(messages: list[dict[str, str]], tokenizer: "PreTrainedTokenizerBase") -> dict[str, list[int]]:
    """Token ids, and labels that count only the assistant's words."""
    prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
    whole = str(tokenizer.apply_chat_template(messages, tokenize=False))
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ids = tokenizer(whole.rstrip("\n"), add_special_tokens=False)["input_ids"]
    return {"input_ids": ids, "labels": [IGNORED_LABEL] * len(prompt_ids) + ids[len(prompt_ids) :]}


def _collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Pad on the right to the longest row of the batch: (B, T)."""
    import torch

    length = max(len(row["input_ids"]) for row in rows)

    def padded(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([row[name] + [fill] * (length - len(row[name])) for row in rows])

    attention = torch.tensor([[1] * len(row["input_ids"]) + [0] * (length - len(row["input_ids"])) for row in rows])
    return {"input_ids": padded("input_ids", 0), "labels": padded("labels", IGNORED_LABEL), "attention_mask": attention}


def _save_often() -> Any:  # noqa: ANN401 - transformers' TrainerCallback, imported late
    """Saves early and densely: the first comparison should not wait, and the turn happens within twenty steps."""
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    class SaveOften(TrainerCallback):
        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
        ) -> TrainerControl:
            control.should_save = state.global_step in SAVE_STEPS or state.global_step == state.max_steps
            return control

    return SaveOften()


def _leave_with_parent() -> None:
    """Standard input is a pipe that only the parent holds: it ends with the parent, however that ends."""
    while os.read(0, 4096):  # not sys.stdin: its lock, held here, would abort the interpreter's shutdown
        pass
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m beyondloss.demo.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to save checkpoints in")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the unpacked base model")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves the choice to torch")
    parser.add_argument("--url", help="the dashboard's address; without it nothing is sent")
    parser.add_argument("--run", default="support-demo")
    parser.add_argument("--project", default="demo")
    parser.add_argument("--until-stdin-closes", action="store_true", help="leave with the process that started this")
    return parser


if __name__ == "__main__":
    main()
