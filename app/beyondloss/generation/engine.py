"""The default engine: transformers and peft in this process, one base in memory, our own decoding loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance
from beyondloss.domain.engine import Question, Target
from beyondloss.domain.runs import CheckpointKind
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import GenerationFailed, MissingDependency, OutOfMemory
from beyondloss.generation.decoding import Decoded, Decoder, Order, RowStats, is_out_of_memory
from beyondloss.generation.loading import choose_placement, find_model
from beyondloss.generation.noise import answer_key
from beyondloss.generation.pace import Acceptance
from beyondloss.generation.prompts import Prompt, PromptWriter, load_prompt_writer
from beyondloss.generation.resident import Ready, Resident
from beyondloss.generation.rule import TokenRule

_PACKAGES = ("torch", "transformers", "peft", "tokenizers", "beyondloss")


class TransformersEngine:
    """Keeps the domain's `Engine` protocol. Not for several threads at once: it holds one model."""

    name = "transformers"

    def __init__(
        self,
        *,
        device: str = "auto",
        dtype: str = "auto",
        max_batch: int = 16,
        gpu_memory_ratio: float = 1.0,
        cache_dir: Path,
        threads: int = 0,
        drafts: bool = True,
    ) -> None:
        """`drafts` off decodes plainly; the answers are the same. `cache_dir` is ours to write to.

        Of a CUDA device never more than `gpu_memory_ratio` of its memory is taken: more counts as out of memory.
        """
        if threads:
            torch.set_num_threads(threads)
        self.cache_dir = cache_dir
        self._placement = choose_placement(device, dtype)
        if self._placement.device.type == "cuda" and gpu_memory_ratio < 1:
            torch.cuda.set_per_process_memory_fraction(gpu_memory_ratio, self._placement.device)
        self._max_batch = max_batch
        self._drafts = drafts
        self._resident = Resident(self._placement)
        self._writers: dict[tuple[Path | None, Path], PromptWriter] = {}
        self._versions = _versions()
        self.last_passes = 0
        """Forward passes of the last call to `answer`, and the tokens fed in them."""
        self.last_tokens_fed = 0

    @property
    def device(self) -> str:
        return str(self._placement.device)

    @property
    def acceptance(self) -> Acceptance:
        """What drafting has learned of the run so far."""
        return self._resident.drafting.acceptance

    @acceptance.setter
    def acceptance(self, known: Acceptance) -> None:
        self._resident.drafting.acceptance = known

    def answer(self, target: Target, questions: Sequence[Question], sampling: Sampling) -> Iterator[GeneratedAnswer]:
        """See `domain.engine.Engine`. What memory allows is remembered from call to call."""
        if not questions:
            return
        try:
            yield from self._answer(target, questions, sampling)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.release()
            raise OutOfMemory(
                "There is not enough memory to load the model.",
                hint="Choose dtype bfloat16, a smaller or quantised base, free memory on this device, or let the "
                "worker take more of it (BEYONDLOSS_GPU_MEMORY_RATIO).",
            ) from error

    def release(self) -> None:
        self._resident.release()
        self._writers.clear()

    def _answer(self, target: Target, questions: Sequence[Question], sampling: Sampling) -> Iterator[GeneratedAnswer]:
        writer = self._writer(target)
        prompts = [writer.write(question.messages) for question in questions]
        ready = self._resident.ready(target, prompts[0].token_ids)
        orders, owners = _orders(questions, prompts, sampling, ready, is_base=target.kind is CheckpointKind.BASE)
        decoder = Decoder(
            ready.passes,
            TokenRule(sampling),
            stop_ids=ready.stop_ids | writer.stop_ids,
            max_batch=self._max_batch,
            drafting=ready.drafting if self._drafts else None,
        )
        try:
            for decoded in decoder.run(orders):
                owner = owners[decoded.index]
                yield GeneratedAnswer(
                    probe_id=owner.question.probe_id,
                    sample_index=owner.sample_index,
                    text=writer.read(decoded.token_ids, cut=decoded.finish is Finish.LENGTH),
                    token_ids=decoded.token_ids,
                    finish=decoded.finish,
                    margins=decoded.margins,
                    provenance=self._provenance(target, ready, writer, prompt=owner.prompt, decoded=decoded),
                )
        finally:
            self._max_batch = decoder.max_batch
            self.last_passes, self.last_tokens_fed = decoder.passes, decoder.tokens_fed

    def _writer(self, target: Target) -> PromptWriter:
        alone = target.kind is CheckpointKind.FULL and target.path is not None
        key = (target.template_path, target.path if alone and target.path else find_model(target.base_model))
        if key not in self._writers:
            self._writers[key] = load_prompt_writer(*key)
        return self._writers[key]

    def _provenance(
        self, target: Target, ready: Ready, writer: PromptWriter, *, prompt: Prompt, decoded: Decoded
    ) -> Provenance:
        return Provenance(
            engine=self.name,
            base_model=target.base_model,
            base_fingerprint=ready.base_fingerprint,
            weights_fingerprint=ready.weights_fingerprint,
            template_hash=writer.template_hash,
            prompt_token_ids=prompt.token_ids,
            dtype=ready.dtype,
            device=ready.device,
            decoding="draft" if decoded.stats.verified else "plain",
            versions=self._versions,
            adapter_check=ready.adapter_check,
            notes=(*writer.notes, *prompt.notes, *ready.notes),
            stats=_stats(decoded.stats, ready.tie_margin),
        )


def _stats(row: RowStats, tie_margin: float | None) -> dict[str, float]:
    """`reference_logprob` is the mean over the first `reference_tokens` tokens of the newest earlier answer.

    `base_kl` is the mean divergence from the base, in nats per token, over the `base_tokens` that it could be had for.
    """
    stats = {
        "passes": float(row.passes),
        "emitted": float(row.emitted),
        "verified": float(row.verified),
        "accepted": float(row.accepted),
    }
    if tie_margin is not None:
        stats["tie_margin"] = tie_margin
    if row.scored:
        stats |= {"reference_tokens": float(row.scored), "reference_logprob": row.scored_logprob / row.scored}
    if row.base_tokens:
        stats |= {"base_tokens": float(row.base_tokens), "base_kl": row.base_kl / row.base_tokens}
    return stats


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose answer an order makes."""

    question: Question
    sample_index: int
    prompt: Prompt


def _orders(
    questions: Sequence[Question], prompts: Sequence[Prompt], sampling: Sampling, ready: Ready, *, is_base: bool
) -> tuple[list[Order], list[_Owner]]:
    orders: list[Order] = []
    owners: list[_Owner] = []
    for question, prompt in zip(questions, prompts, strict=True):
        limit = sampling.max_new_tokens
        if ready.context_tokens is not None:
            limit = min(limit, ready.context_tokens - len(prompt.token_ids))
        if limit < 1:
            raise GenerationFailed(
                f"A prompt of {len(prompt.token_ids)} tokens does not fit the model's {ready.context_tokens}.",
                hint="Shorten the probe.",
            )
        if max(prompt.token_ids, default=0) >= ready.vocabulary:
            raise GenerationFailed(
                "The run's tokenizer has tokens that these weights do not know.",
                hint="The run added tokens; the base cannot answer prompts that use them.",
            )
        for sample_index in question.sample_indices:
            key = b"" if sampling.greedy else answer_key(sampling.noise_key, question.messages, sample_index)
            base = (ready.base_answers.begin if is_base else ready.base_answers.find)(prompt.token_ids, key)
            orders.append(Order(len(orders), prompt.token_ids, limit, key, question.references, base, is_base))
            owners.append(_Owner(question, sample_index, prompt))
    return orders, owners


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError as error:
            if package in ("transformers", "peft"):
                raise MissingDependency(
                    f"{package} is not installed.", hint="Install the worker: pip install 'beyondloss[worker]'"
                ) from error
    return found
