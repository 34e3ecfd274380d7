"""`beyondloss bench decoding`: a run folder and a probe file, given to the decoding benchmark. Needs no store."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beyondloss.domain.engine import Question, Target
from beyondloss.domain.runs import CheckpointKind, CheckpointState, FoundRun
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.generation.bench import BenchPlan, CheckpointTimes, Contender, DecodingBench, bench_decoding
from beyondloss.generation.prompts import has_tokenizer
from beyondloss.ingest.discover import discover
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.probe_files import read_probe_file
from beyondloss.ingest.watch import read_run


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure on. Without a `base` it is the one that the run names."""

    run: Path
    probes: Path
    base: str | None


def measure_decoding(asked: Asked, plan: BenchPlan) -> DecodingBench:
    """Base and adapters only: full fine-tunes share no base to keep in memory."""
    targets = targets_of(asked.run, asked.base)
    questions = [Question(index, spec.messages) for index, spec in enumerate(read_probe_file(asked.probes).probes)]
    if not questions:
        raise InvalidInput(f"{asked.probes} holds no probes.", hint="Name a file with at least one.")
    return bench_decoding(targets, questions, plan, on_step=lambda step: _say(f"step {step} measured"))


def _only_run(folder: Path) -> FoundRun:
    found = discover([folder], all_readers()).runs
    if len(found) != 1:
        raise NotFound(
            f"{folder} holds {len(found)} runs." if found else f"No run was found in {folder}.",
            hint="Name the folder that one trainer wrote its checkpoints to.",
        )
    return read_run(found[0])


def targets_of(folder: Path, base: str | None) -> list[Target]:
    """The base, then the adapters of the folder's one run, by step."""
    run = _only_run(folder)
    adapters = [
        checkpoint
        for checkpoint in sorted(run.checkpoints, key=lambda checkpoint: checkpoint.step)
        if checkpoint.kind is CheckpointKind.ADAPTER and checkpoint.state is CheckpointState.PRESENT
    ]
    if not adapters:
        raise NotFound(f"{run.name} has no adapters to measure.", hint="Name a run whose LoRA checkpoints are there.")
    named = base or run.base_model
    if not named:
        raise InvalidInput(f"{run.name} does not say which base it started from.", hint="Name it: --base MODEL")
    template = next(filter(has_tokenizer, (checkpoint.path for checkpoint in adapters)), None)
    return [
        Target(0, 0, CheckpointKind.BASE, None, named, template),
        *(Target(c.step, c.step, c.kind, c.path, named, template) for c in adapters),
    ]


def bench_table(bench: DecodingBench) -> str:
    """One line for each contender, then one for each checkpoint, for people."""
    heads = ("seconds", "script÷", "batched÷", "passes", "fed", "verified", "emitted")
    seconds = {one.name: one.seconds_median for one in bench.contenders}
    return "\n".join(
        [
            f"{'':10}{''.join(f'{head:>10}' for head in heads)}  same text",
            *(_contender_line(one, seconds) for one in bench.contenders),
            "",
            f"{'step':>8}{'changed':>9}{''.join(f'{name:>10}' for name in seconds)}{'batched÷ours':>14}",
            *map(_checkpoint_line, (bench.base, *bench.per_checkpoint)),
        ]
    )


def _contender_line(one: Contender, seconds: Mapping[str, float]) -> str:
    ratios = "".join(f"{_times(seconds, first, one.name):>10}" for first in ("script", "batched"))
    counts = (one.forward_passes, one.tokens_fed, one.tokens_verified, one.tokens_emitted)
    same = "yes" if one.identical_to_script else "NO"
    return f"{one.name:10}{one.seconds_median:10.1f}{ratios}{''.join(f'{count:10}' for count in counts)}  {same}"


def _checkpoint_line(times: CheckpointTimes) -> str:
    changed = "" if times.step == 0 else str(times.changed_answers)
    seconds = "".join(f"{seconds:10.2f}" for seconds in times.seconds.values())
    return f"{times.step or 'base':>8}{changed:>9}{seconds}{_times(times.seconds, 'batched', 'ours'):>14}"


def _times(seconds: Mapping[str, float], first: str, second: str) -> str:
    return f"{seconds[first] / seconds[second]:.2f}x"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
