"""Answers: ask for them, hand the worker what is missing, record what it says."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beyondloss.analysis.signals import answer_signals
from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance, Signal
from beyondloss.domain.engine import Question, Reference, Target
from beyondloss.domain.runs import BASE_STEP, CheckpointKind, CheckpointState
from beyondloss.domain.sampling import Sampling
from beyondloss.domain.text import storable
from beyondloss.errors import Conflict, NotFound
from beyondloss.ingest.chat_templates import has_tokenizer
from beyondloss.services.projects import ProbeView, messages_of, probe_view
from beyondloss.store import answer_columns as columns
from beyondloss.store import answers, asking, probes, projects, samplings
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Checkpoint, ProbeSet, Run


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
    set_name: str | None = None,
    looked_at: bool = False,
) -> list[int]:
    """Queue what is missing for the given steps (all present ones by default; the base always with them).

    Gives the ids of the jobs, new and already queued ones. A given sampling becomes the run's own. Idempotent.
    Raises NotFound for a step or active set that is not there, Conflict for a step without weights to answer with.
    """
    with store.write() as session:
        run = asking.locked_run(session, run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="The runs list names them all.")
        if set_name is not None:
            _require_active(probes.set_by_name(session, run.project_id, set_name), set_name)
        checkpoint_ids = None
        if steps is not None:
            able = {stored_id(row.id) for row in asking.answering_checkpoints(session, run)}
            checkpoint_ids = _able_at(steps, asking.checkpoints_by_step(session, run_id), able)
        if sampling is None:
            row = samplings.ensure_run_sampling(session, run)
        else:
            sampling = samplings.with_project_noise(session, sampling, run.project_id)
            row = samplings.ensure_sampling(session, sampling)
            if run.sampling_id != row.id:
                bump_run(session, run_id)
                run.sampling_id = row.id
        return asking.queue_missing(
            session, run, checkpoint_ids=checkpoint_ids, sampling=row, set_name=set_name, looked_at=looked_at
        )


def _require_active(probe_set: ProbeSet | None, set_name: str) -> None:
    if probe_set is None:
        raise NotFound(f"There is no probe set {set_name!r}.", hint="`beyondloss probes list` names them.")
    if not probe_set.active:
        raise Conflict(f"The probe set {set_name} is not active.", hint="Activate it on the project's page first.")


def _able_at(steps: Sequence[int], there: Mapping[int, Checkpoint], able: Collection[int]) -> set[int]:
    """The checkpoints at these steps that can answer, with the base where it can."""
    for step in steps:
        if step not in there:
            raise NotFound(f"This run has no checkpoint at step {step}.", hint=f"It has {_listed(there)}.")
        if stored_id(there[step].id) not in able:
            if step == BASE_STEP:
                raise Conflict("The base model is not known.", hint="Name it on the run's page.")
            raise Conflict(
                f"Step {step} cannot answer: it is {there[step].state}.",
                hint=there[step].reason or "Choose another step.",
            )
    return {stored_id(there[step].id) for step in (BASE_STEP, *steps) if step in there}


def _listed(steps: Collection[int]) -> str:
    shown = [str(step) for step in sorted(steps)]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:3], "…", *shown[-3:]])


def work_for(store: Store, checkpoint_id: int, sampling_id: int, *, set_name: str | None = None) -> Work:
    """What is missing at this checkpoint, with earlier answers of the same probes as references (newest first).

    Raises NotFound when the checkpoint went with its run.
    """
    with store.read() as session:
        found = answers.checkpoint_with_run(session, checkpoint_id)
        sampling = samplings.get_sampling(session, sampling_id)
        if found is None or sampling is None:
            raise NotFound("This checkpoint is not there any more.", hint="Its run was deleted.")
        checkpoint, run = found
        missing = answers.missing_answers(
            session, checkpoint, project_id=run.project_id, sampling=sampling, set_name=set_name
        )
        count = answers.count_current_answers(
            session, [checkpoint], project_id=run.project_id, sampling=sampling, set_name=set_name
        )[checkpoint_id]
        references = answers.references(
            session,
            checkpoint,
            run,
            sampling_id=sampling_id,
            probe_ids=[stored_id(entry.probe.id) for entry in missing],
        )
        mapped = projects.base_model_path(session, run.project_id, run.base_model or "")
        folders = answers.weight_folders(session, stored_id(run.id))
    return Work(
        run_id=stored_id(run.id),
        target=_target(checkpoint, run, base_path=mapped, folders=folders),
        questions=tuple(_questions(missing, references)),
        sampling=samplings.sampling_value(sampling),
        sampling_id=sampling_id,
        done=count.done,
        total=count.total,
    )


def _target(checkpoint: Checkpoint, run: Run, *, base_path: str | None, folders: Sequence[str]) -> Target:
    """Our own copy of the weights is taken while it is there: the trainer may rotate its own away as they load."""
    kept = checkpoint.kept_path
    path = kept if kept is not None and Path(kept).is_dir() else checkpoint.path
    return Target(
        checkpoint_id=stored_id(checkpoint.id),
        step=checkpoint.step,
        kind=CheckpointKind(checkpoint.kind),
        path=None if path is None else Path(path),
        base_model=base_path or run.base_model or "",
        template_path=next(filter(has_tokenizer, map(Path, folders)), None),
    )


def _questions(
    missing: Sequence[answers.MissingAnswers], references: Mapping[tuple[int, int], Sequence[answers.ReferenceRow]]
) -> Iterator[Question]:
    """One for each missing sample: noise is coupled by sample, so only the same sample's answers are good drafts."""
    for entry in missing:
        probe_id = stored_id(entry.probe.id)
        for index in entry.sample_indices:
            yield Question(
                probe_id=probe_id,
                messages=messages_of(entry.probe.messages),
                sample_indices=(index,),
                references=tuple(
                    Reference(columns.token_ids_of(row.token_ids), ended=row.finish == Finish.STOP)
                    for row in references.get((probe_id, index), ())
                ),
            )


def record_answer(
    store: Store, checkpoint_id: int, sampling_id: int, answer: GeneratedAnswer, *, asked: Question | None = None
) -> bool:
    """Store one answer, with its signals. False if the same answer was there already (a job run twice leaves one).

    Also stores the weight fingerprint on the checkpoint; answers under another fingerprint stop being current.
    False, too, when the probe was edited in place after it was `asked`: an answer never stands under another question.
    Raises NotFound when checkpoint or probe went with their run or project.
    """
    with store.read() as session:
        found = answers.checkpoint_with_run(session, checkpoint_id)
        probe = probes.get_probe(session, answer.probe_id)
    if found is None or probe is None:
        raise NotFound("This checkpoint or probe is not there any more.", hint="Its run or project was deleted.")
    row = _row(checkpoint_id, sampling_id, answer, language=probe.language)
    with store.write() as session:
        bump_run(session, found[0].run_id)
        checkpoint = answers.locked_checkpoint(session, checkpoint_id)
        probe = answers.held_probe(session, answer.probe_id)
        if checkpoint is None or probe is None:
            raise NotFound("This checkpoint or probe is not there any more.", hint="Its run or project was deleted.")
        if asked is not None and asked.messages != messages_of(probe.messages):
            return False
        checkpoint.fingerprint = row.fingerprint
        if checkpoint.state == CheckpointState.UNREADABLE:  # read after all: somebody mended it and asked again
            checkpoint.state, checkpoint.reason = CheckpointState.PRESENT.value, ""
        checkpoint.adapter_check = answer.provenance.adapter_check or checkpoint.adapter_check
        return answers.insert_answer(session, row)


def _row(checkpoint_id: int, sampling_id: int, answer: GeneratedAnswer, *, language: str) -> Answer:
    text = storable(answer.text)
    return Answer(
        checkpoint_id=checkpoint_id,
        probe_id=answer.probe_id,
        sampling_id=sampling_id,
        sample_index=answer.sample_index,
        fingerprint=answer.provenance.weights_fingerprint,
        text=text,
        token_ids=columns.packed_token_ids(answer.token_ids),
        finish=answer.finish.value,
        margins=columns.packed_margins(answer.margins),
        provenance=columns.provenance_json(answer.provenance),
        signals=columns.signals_json(answer_signals(text, answer.finish, language=language)),
        created_at=time.time(),
    )


def mark_checkpoint(store: Store, checkpoint_id: int, state: CheckpointState, *, reason: str) -> None:
    """What the worker learned of a checkpoint's weights: gone, or unreadable and why. Its answers stay."""
    with store.read() as session:
        found = answers.checkpoint_with_run(session, checkpoint_id)
    if found is None:
        return
    with store.write() as session:
        bump_run(session, found[0].run_id)
        checkpoint = answers.locked_checkpoint(session, checkpoint_id)
        if checkpoint is not None:
            checkpoint.state, checkpoint.reason = state.value, reason


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
    with store.read() as session:
        run = answers.get_run(session, run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="The runs list names them all.")
        probe_ids = None if probe is None else probes.ids_by_reference(session, run.project_id, storable(probe))
        if probe_ids is not None and not probe_ids:
            raise NotFound(f"There is no probe {probe!r}.", hint="The project's page names them.")
        chosen = samplings.run_sampling(session, run)
        if sampling is not None:
            chosen = samplings.sampling_by_reference(session, sampling)
            if chosen is None:
                raise NotFound(f"There is no sampling {sampling!r}.", hint="Leave it out to use the run's own.")
        if chosen is None:
            return []
        records = answers.current_answers(
            session,
            run_id,
            sampling_id=stored_id(chosen.id),
            step=step,
            probe_ids=probe_ids,
            after=after,
            limit=limit,
        )
        asked = {stored_id(record.probe.id): record.probe for record in records}
        views = {view.id: view for view in map(probe_view, probes.probe_records(session, list(asked.values())))}
    return [answer_view(record, views[stored_id(record.probe.id)]) for record in records]


def answer_view(record: answers.AnswerRecord, probe: ProbeView) -> AnswerView:
    """What other services and pages show of an answer."""
    row = record.answer
    return AnswerView(
        id=stored_id(row.id),
        checkpoint_id=row.checkpoint_id,
        run_id=record.run_id,
        step=record.step,
        probe=probe,
        sampling_id=row.sampling_id,
        sample_index=row.sample_index,
        text=row.text,
        token_ids=columns.token_ids_of(row.token_ids),
        finish=Finish(row.finish),
        margins=columns.margins_of(row.margins),
        signals=columns.signals_of(row.signals),
        provenance=columns.provenance_of(row.provenance),
        created_at=row.created_at,
    )
