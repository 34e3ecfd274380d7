"""Answers: ask for them, hand the worker what is missing, record what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance, Signal
from beyondloss.domain.engine import Question, Target
from beyondloss.domain.sampling import Sampling
from beyondloss.services.projects import ProbeView
from beyondloss.store.engine import Store


@dataclass(frozen=True, slots=True)
class AnswerView:
    id: int
    checkpoint_id: int
    run_id: int
    step: int
    probe: ProbeView
    sampling_id: int
    sample_index: int
    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    margins: tuple[float, ...]
    signals: tuple[Signal, ...]
    provenance: Provenance
    created_at: float


@dataclass(frozen=True, slots=True)
class Work:
    """Everything a worker needs for one checkpoint under one sampling; `questions` holds what is still missing."""

    run_id: int
    target: Target
    questions: tuple[Question, ...]
    sampling: Sampling
    sampling_id: int
    done: int
    total: int


def request_answers(
    store: Store,
    run_id: int,
    *,
    steps: Sequence[int] | None = None,
    sampling: Sampling | None = None,
    looked_at: bool = False,
) -> list[int]:
    """Queue what is missing for the given steps (all present ones by default; the base always with them).

    Gives the ids of the jobs, new and already queued ones. A given sampling becomes the run's own. Idempotent.
    """
    raise NotImplementedError


def work_for(store: Store, checkpoint_id: int, sampling_id: int, *, set_name: str | None = None) -> Work:
    """What is missing at this checkpoint, with earlier answers of the same probes as references (newest first)."""
    raise NotImplementedError


def record_answer(store: Store, checkpoint_id: int, sampling_id: int, answer: GeneratedAnswer) -> bool:
    """Store one answer, with its signals. False if the same answer was there already (a job run twice leaves one).

    Also stores the weight fingerprint on the checkpoint; answers under another fingerprint stop being current.
    """
    raise NotImplementedError


def list_answers(
    store: Store,
    run_id: int,
    *,
    step: int | None = None,
    probe: str | None = None,
    sampling: str | None = None,
    after: int = 0,
    limit: int = 500,
) -> list[AnswerView]:
    """Current answers by id. `probe` is an id or key; `sampling` an id or key, the run's own by default."""
    raise NotImplementedError
