"""`beyondloss bench decoding RUN`: the checkpoints and probes of a run, given to the decoding benchmark."""

import sys
from dataclasses import dataclass

from beyondloss.cli.runs import find_run
from beyondloss.domain.access import OWNER
from beyondloss.domain.engine import Question, Target
from beyondloss.domain.runs import CheckpointKind, CheckpointState
from beyondloss.errors import NotFound
from beyondloss.generation.bench import DecodingBench, bench_decoding
from beyondloss.services.answers import list_answers, work_for
from beyondloss.services.projects import find_project
from beyondloss.services.runs import RunView
from beyondloss.settings import Settings
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class Measured:
    bench: DecodingBench

    @property
    def table(self) -> str:
        """One line for each way of answering, and how it compares with the first."""
        first = self.bench.contenders[0].seconds_median
        lines = [f"{'':12}{'seconds':>10}{'passes':>10}{'tokens':>10}{'times':>8}"]
        for one in self.bench.contenders:
            ratio = first / one.seconds_median if one.seconds_median else 0.0
            lines.append(
                f"{one.name:12}{one.seconds_median:10.1f}{one.forward_passes:10}{one.tokens_emitted:10}{ratio:7.2f}x"
            )
        return "\n".join(lines)


def measure_decoding(
    settings: Settings, store: Store, reference: str, *, max_new_tokens: int, repeats: int
) -> Measured:
    """Base and adapters only: full fine-tunes share no base to keep in memory."""
    run = find_run(store, reference)
    targets = _targets(store, run)
    if len(targets) < 2:
        raise NotFound(
            f"{run.name} has no adapters to measure.", hint="Name a run whose LoRA checkpoints are still there."
        )
    bench = bench_decoding(
        targets,
        _questions(store, run),
        max_new_tokens=max_new_tokens,
        device=settings.device,
        dtype=settings.dtype,
        repeats=repeats,
        on_step=lambda step: _say(f"step {step} measured"),
    )
    return Measured(bench)


def _targets(store: Store, run: RunView) -> list[Target]:
    able = [
        checkpoint
        for checkpoint in run.checkpoints
        if checkpoint.state is CheckpointState.PRESENT
        and checkpoint.kind in {CheckpointKind.BASE, CheckpointKind.ADAPTER}
    ]
    answered = list_answers(store, run.id, limit=1)
    if not answered:
        raise NotFound(f"{run.name} was never answered.", hint="Answer it first: beyondloss answer RUN")
    return [work_for(store, checkpoint.id, answered[0].sampling_id).target for checkpoint in able]


def _questions(store: Store, run: RunView) -> list[Question]:
    project = find_project(store, str(run.project_id), OWNER)
    return [Question(p.id, p.messages) for probe_set in project.sets if probe_set.active for p in probe_set.probes]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
