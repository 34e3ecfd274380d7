"""Samplings, answers and jobs."""

from collections.abc import Callable, Sequence

import numpy as np
from sqlmodel import select

from beyondloss.domain.sampling import Sampling as SamplingValue
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Checkpoint, Job, Probe, Run, Sampling
from tests.factories.rows import NOW, stored
from tests.factories.runs import checkpoints_of


def a_sampling(store: Store, value: SamplingValue | None = None) -> Sampling:
    """The stored sampling of this value (greedy by default), made when missing."""
    value = value or SamplingValue()
    with store.read() as session:
        found = session.exec(select(Sampling).where(Sampling.key == value.key)).first()
        session.expunge_all()
    if found:
        return found
    return stored(
        store,
        Sampling(
            key=value.key,
            max_new_tokens=value.max_new_tokens,
            temperature=value.temperature,
            top_p=value.top_p,
            samples=value.samples,
            noise_key=value.noise_key,
        ),
    )


def an_answer(
    store: Store,
    checkpoint: Checkpoint,
    probe: Probe,
    *,
    text: str = "The capital of France is Paris.",
    token_ids: Sequence[int] | None = None,
    sampling: Sampling | None = None,
    sample_index: int = 0,
    finish: str = "stop",
    margins: Sequence[float] | None = None,
    fingerprint: str | None = None,
    **fields: object,
) -> Answer:
    """A current answer (its fingerprint is the checkpoint's). Token ids default to one per character of the text."""
    token_ids = [ord(character) for character in text] if token_ids is None else token_ids
    margins = [1.0] * (len(token_ids) + (finish == "stop")) if margins is None else margins
    fingerprint = checkpoint.fingerprint if fingerprint is None else fingerprint
    defaults: dict[str, object] = {"provenance": a_provenance(fingerprint), "signals": [], "created_at": NOW}
    return stored(
        store,
        Answer(
            checkpoint_id=checkpoint.id,
            probe_id=probe.id,
            sampling_id=(sampling or a_sampling(store)).id,
            sample_index=sample_index,
            fingerprint=fingerprint,
            text=text,
            token_ids=np.asarray(token_ids, dtype="<u4").tobytes(),
            finish=finish,
            margins=np.asarray(margins, dtype="<f2").tobytes(),
            **(defaults | fields),
        ),
    )


def answers_everywhere(
    store: Store, run: Run, probes: Sequence[Probe], text: Callable[[int, Probe], str] | None = None
) -> list[Answer]:
    """One answer of every checkpoint of the run to every probe; `text(step, probe)` says what."""
    text = text or (lambda step, probe: f"At step {step}: {probe.prompt}")
    return [
        an_answer(store, checkpoint, probe, text=text(checkpoint.step, probe))
        for checkpoint in checkpoints_of(store, run)
        for probe in probes
    ]


def a_provenance(fingerprint: str = "f" * 64) -> dict[str, object]:
    """As the store keeps it: `domain.answers.Provenance` as JSON."""
    return {
        "engine": "fake",
        "base_model": "acme/base-1b",
        "base_fingerprint": "b" * 64,
        "weights_fingerprint": fingerprint,
        "template_hash": "0" * 16,
        "prompt_token_ids": [1, 2, 3],
        "dtype": "float32",
        "device": "cpu",
        "decoding": "plain",
        "versions": {"torch": "0"},
        "adapter_check": "on",
        "notes": [],
        "stats": {},
    }


def a_job(
    store: Store, checkpoint: Checkpoint, *, sampling: Sampling | None = None, state: str = "queued", **fields: object
) -> Job:
    return stored(
        store,
        Job(
            run_id=checkpoint.run_id,
            checkpoint_id=checkpoint.id,
            sampling_id=(sampling or a_sampling(store)).id,
            state=state,
            **({"created_at": NOW, "total": 1} | fields),
        ),
    )
