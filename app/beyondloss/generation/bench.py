"""What `beyondloss bench decoding` measures: four ways to answer the same probes at every checkpoint of a run.

`script` is what a person writes, `batched` the best plain way with transformers, `no-draft` our loop without drafts
and `ours` the default. They take turns at each checkpoint, so that a busy machine slows all of them. Times hold
everything a contender does for a checkpoint: loading or switching weights, writing prompts, generating.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch

from beyondloss.domain.answers import GeneratedAnswer
from beyondloss.domain.engine import Question, Reference, Target
from beyondloss.domain.sampling import Sampling
from beyondloss.generation.engine import TransformersEngine
from beyondloss.generation.foreign import LanguageModel, PeftWrapper
from beyondloss.generation.loading import choose_placement, find_model, load_model, stop_ids
from beyondloss.generation.pace import Acceptance
from beyondloss.generation.prompts import load_prompt_writer
from beyondloss.generation.quiet import quiet_libraries

NAMES = ("script", "batched", "no-draft", "ours")
Answers = dict[int, tuple[int, ...]]
"""New tokens by probe, without the end token."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Totals over the sweep. Forward passes are the model's; emitted tokens hold the end tokens."""

    name: str
    seconds_median: float
    forward_passes: int
    tokens_emitted: int
    tokens_fed: int
    tokens_verified: int
    identical_to_script: bool


@dataclass(frozen=True, slots=True)
class CheckpointTimes:
    """By name of the contender. Passes and tokens are counts, so they are the same on a busy machine."""

    step: int
    changed_answers: int
    seconds: dict[str, float]
    forward_passes: dict[str, int]
    tokens_emitted: dict[str, int]
    tokens_verified: dict[str, int]


@dataclass(frozen=True, slots=True)
class DecodingBench:
    """`base` stands apart: everybody answers it first, cold, and nobody has an earlier answer to draft from."""

    contenders: tuple[Contender, ...]
    per_checkpoint: tuple[CheckpointTimes, ...]
    base: CheckpointTimes


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """`max_batch` bounds our loop alone; the plain batch takes all probes at once.

    The script may be measured fewer times than the others: it takes far longer than all of them.
    """

    max_new_tokens: int = 96
    device: str = "auto"
    dtype: str = "auto"
    max_batch: int = 16
    repeats: int = 1
    script_repeats: int | None = None


@dataclass(slots=True)
class _Turn:
    """What one contender did at one checkpoint, over the repeats."""

    answers: Answers = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    passes: int = 0
    fed: int = 0
    emitted: int = 0
    verified: int = 0


class _Entrant:
    """One way to answer. `answer` gives new tokens per probe, without end tokens."""

    name = ""

    def answer(self, target: Target, questions: Sequence[Question]) -> _Turn:
        raise NotImplementedError


class _CountedModel:
    """Counts the passes and tokens of whatever calls the model."""

    def __init__(self, model: LanguageModel) -> None:
        self.passes = 0
        self.fed = 0
        self._hook = model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, module: torch.nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        tokens = kwargs.get("input_ids", args[0] if args else None)
        self.passes += 1
        self.fed += tokens.numel() if isinstance(tokens, torch.Tensor) else 0

    def stop(self) -> None:
        self._hook.remove()


class _Script(_Entrant):
    """Per checkpoint: load the base, put `PeftModel` around it, `generate` one prompt at a time."""

    name = "script"

    def __init__(self, sampling: Sampling, *, device: str, dtype: str) -> None:
        self._limit = sampling.max_new_tokens
        self._placement = choose_placement(device, dtype)

    def answer(self, target: Target, questions: Sequence[Question]) -> _Turn:
        base = find_model(target.base_model)
        model: PeftWrapper = load_model(base, self._placement)
        counted = _CountedModel(model)
        if target.path is not None:
            model = _with_adapter(model, target.path)
        writer = load_prompt_writer(target.template_path, base)
        ends = stop_ids(model) | writer.stop_ids
        turn = _Turn()
        for question in questions:
            prompt = torch.tensor([writer.write(question.messages).token_ids], device=model.device)
            output = _generate(model, prompt, torch.ones_like(prompt), limit=self._limit, ends=ends)
            _keep(turn, question.probe_id, output[0, prompt.shape[1] :].tolist(), ends)
        turn.passes, turn.fed = counted.passes, counted.fed
        return turn


class _Batched(_Entrant):
    """The base stays, adapters are loaded beside it and set; one left-padded `generate` per checkpoint."""

    name = "batched"

    def __init__(self, sampling: Sampling, *, device: str, dtype: str) -> None:
        self._limit = sampling.max_new_tokens
        self._placement = choose_placement(device, dtype)
        self._model: PeftWrapper = None
        self._wrapped = False
        self._loaded = 0

    def answer(self, target: Target, questions: Sequence[Question]) -> _Turn:
        base = find_model(target.base_model)
        if self._model is None:
            self._model = load_model(base, self._placement)
        self._switch(target)
        writer = load_prompt_writer(target.template_path, base)
        ends = stop_ids(self._model) | writer.stop_ids
        prompts = [writer.write(question.messages).token_ids for question in questions]
        width = max(map(len, prompts))
        pad = min(ends, default=0)
        ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=self._model.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self._model.device)
        counted = _CountedModel(self._model.get_base_model() if self._wrapped else self._model)
        output = _generate(self._model, ids, mask, limit=self._limit, ends=ends)
        counted.stop()
        turn = _Turn(passes=counted.passes, fed=counted.fed)
        for question, row in zip(questions, output[:, width:].tolist(), strict=True):
            _keep(turn, question.probe_id, row, ends)
        return turn

    def _switch(self, target: Target) -> None:
        if target.path is None:
            return
        if not self._wrapped:
            self._model, self._wrapped = _with_adapter(self._model, target.path), True
            return
        self._loaded += 1
        new, old = f"adapter-{self._loaded}", self._model.active_adapter
        with quiet_libraries():
            self._model.load_adapter(str(target.path), adapter_name=new)
            self._model.set_adapter(new)
            self._model.delete_adapter(old)


class _Ours(_Entrant):
    """Our engine, with or without drafts. It sees the answers of earlier checkpoints, newest first."""

    def __init__(self, name: str, sampling: Sampling, plan: BenchPlan) -> None:
        self.name = name
        self._sampling = sampling
        self._engine = TransformersEngine(
            device=plan.device, dtype=plan.dtype, max_batch=plan.max_batch, cache_dir=Path(), drafts=name == "ours"
        )
        self._earlier: dict[int, list[Reference]] = {}
        self._learned: Acceptance | None = None

    def answer(self, target: Target, questions: Sequence[Question]) -> _Turn:
        turn = _Turn()
        if self._learned is not None:
            # A checkpoint measured again must not profit from what the first time taught.
            self._engine.acceptance = deepcopy(self._learned)
        asked = [
            Question(q.probe_id, q.messages, references=tuple(self._earlier.get(q.probe_id, ())[:2])) for q in questions
        ]
        found: list[GeneratedAnswer] = list(self._engine.answer(target, asked, self._sampling))
        for answer in found:
            turn.answers[answer.probe_id] = answer.token_ids
            turn.emitted += int(answer.provenance.stats["emitted"])
            turn.verified += int(answer.provenance.stats["verified"])
        turn.passes, turn.fed = self._engine.last_passes, self._engine.last_tokens_fed
        return turn

    def remember(self, answers: Answers, limit: int) -> None:
        """The next checkpoint may draft from these; called once per checkpoint, after its repeats."""
        for probe_id, tokens in answers.items():
            self._earlier.setdefault(probe_id, []).insert(0, Reference(tokens, len(tokens) < limit))
        self._learned = deepcopy(self._engine.acceptance)


def bench_decoding(
    targets: Sequence[Target],
    questions: Sequence[Question],
    plan: BenchPlan,
    *,
    on_step: Callable[[int], None] | None = None,
) -> DecodingBench:
    """Sweep the base and its adapters, by step, greedy. `on_step` hears each step when it is measured."""
    sampling = Sampling(max_new_tokens=plan.max_new_tokens)
    ours = [_Ours(name, sampling, plan) for name in ("no-draft", "ours")]
    entrants: list[_Entrant] = [
        _Script(sampling, device=plan.device, dtype=plan.dtype),
        _Batched(sampling, device=plan.device, dtype=plan.dtype),
        *ours,
    ]
    turns: list[dict[str, _Turn]] = []
    swept = sorted(targets, key=lambda target: target.step)
    for target in swept:
        turns.append(_measure(entrants, target, questions, plan))
        for entrant in ours:
            entrant.remember(turns[-1][entrant.name].answers, plan.max_new_tokens)
        if on_step is not None:
            on_step(target.step)
    times = _per_checkpoint([target.step for target in swept], turns)
    return DecodingBench(_totals(turns[1:]), times[1:], base=times[0])


def _measure(
    entrants: Sequence[_Entrant], target: Target, questions: Sequence[Question], plan: BenchPlan
) -> dict[str, _Turn]:
    measured: dict[str, _Turn] = {}
    for repeat in range(plan.repeats):
        # Another goes first each time: what runs after a pause or a load is not always the same one.
        for entrant in (*entrants[repeat % len(entrants) :], *entrants[: repeat % len(entrants)]):
            if entrant.name == "script" and plan.script_repeats is not None and repeat >= plan.script_repeats:
                continue
            started = time.perf_counter()
            turn = entrant.answer(target, questions)
            seconds = time.perf_counter() - started
            turn.seconds = [*(measured[entrant.name].seconds if entrant.name in measured else []), seconds]
            measured[entrant.name] = turn
    return measured


def _totals(turns: Sequence[dict[str, _Turn]]) -> tuple[Contender, ...]:
    return tuple(
        Contender(
            name=name,
            seconds_median=sum(statistics.median(turn[name].seconds) for turn in turns),
            forward_passes=sum(turn[name].passes for turn in turns),
            tokens_emitted=sum(turn[name].emitted for turn in turns),
            tokens_fed=sum(turn[name].fed for turn in turns),
            tokens_verified=sum(turn[name].verified for turn in turns),
            identical_to_script=all(turn[name].answers == turn["script"].answers for turn in turns),
        )
        for name in NAMES
    )


def _per_checkpoint(steps: Sequence[int], turns: Sequence[dict[str, _Turn]]) -> tuple[CheckpointTimes, ...]:
    times = []
    before: Answers = {}
    for step, turn in zip(steps, turns, strict=True):
        now = turn["script"].answers
        times.append(
            CheckpointTimes(
                step=step,
                changed_answers=sum(before.get(probe_id) != tokens for probe_id, tokens in now.items()),
                seconds={name: statistics.median(turn[name].seconds) for name in NAMES},
                forward_passes={name: turn[name].passes for name in NAMES},
                tokens_emitted={name: turn[name].emitted for name in NAMES},
                tokens_verified={name: turn[name].verified for name in NAMES},
            )
        )
        before = now
    return tuple(times)


def _with_adapter(model: LanguageModel, folder: Path) -> PeftWrapper:
    from peft import PeftModel

    with quiet_libraries():
        return PeftModel.from_pretrained(model, str(folder)).eval()


def _generate(
    model: PeftWrapper, ids: torch.Tensor, mask: torch.Tensor, *, limit: int, ends: frozenset[int]
) -> torch.Tensor:
    with torch.inference_mode(), quiet_libraries():
        output: torch.Tensor = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=limit,
            do_sample=False,
            eos_token_id=sorted(ends) or None,
            pad_token_id=min(ends, default=0),
        )
    return output


def _keep(turn: _Turn, probe_id: int, row: Sequence[int], ends: frozenset[int]) -> None:
    end = next((at for at, token in enumerate(row) if token in ends), len(row))
    turn.answers[probe_id] = tuple(row[:end])
    turn.emitted += min(end + 1, len(row))
