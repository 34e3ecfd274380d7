"""A run's ratings and answers as tables: CSV for spreadsheets, JSON lines with everything.

A rating names its two answers by what does not change from one store to another: run, step, probe, sampling, and the
SHA-256 of the words. So it finds them again wherever they are (see `ratings_import`).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum

from beyondloss.domain.access import Visitor
from beyondloss.services.answers import AnswerView, answer_view
from beyondloss.services.exports.csv_cells import csv_line
from beyondloss.services.exports.forms import Line, json_line
from beyondloss.services.exports.judged import ExportedRun, Judged, exported_run, judged_comparisons
from beyondloss.services.projects import probe_view
from beyondloss.services.ratings import RatingView
from beyondloss.store import answers, probes, samplings
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id

ANSWERS_AT_ONCE = 200


class TableFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


RATING_COLUMNS = (
    "run", "step", "reference_run", "reference_step", "probe_set", "probe", "probe_revision", "sampling", "sample",
    "behaviour", "rater", "verdict", "both_bad", "comment", "blind", "side", "shown_at", "rated_at",
    "answer_sha256", "reference_sha256",
)  # fmt: skip
ANSWER_COLUMNS = (
    "run", "step", "probe_set", "probe", "probe_revision", "family", "group", "language", "behaviours", "prompt",
    "good", "sampling", "sample", "text", "tokens", "finish", "signals", "base_model", "weights", "engine", "dtype",
    "device", "decoding", "adapter_check", "template_hash", "created_at",
)  # fmt: skip


def text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rating_lines(store: Store, run_id: int, visitor: Visitor, *, form: TableFormat) -> Iterator[str]:
    """Every rating in force, in the form that `import_ratings` reads. Raises NotFound or NotAllowed at once."""
    run = exported_run(store, run_id, visitor)
    records = (_rating_record(judged, rating) for judged in judged_comparisons(store, run) for rating in judged.ratings)
    return _lines(records, RATING_COLUMNS, form)


def answer_lines(store: Store, run_id: int, visitor: Visitor, *, form: TableFormat) -> Iterator[str]:
    """The current answers of the run under its own sampling. Raises NotFound or NotAllowed at once.

    JSON lines also hold the messages, token ids and full provenance.
    """
    run = exported_run(store, run_id, visitor)
    records = (_answer_record(run, key, answer, full=form is TableFormat.JSONL) for key, answer in _all(store, run))
    return _lines(records, ANSWER_COLUMNS, form)


def _lines(records: Iterator[Line], columns: tuple[str, ...], form: TableFormat) -> Iterator[str]:
    if form is TableFormat.JSONL:
        yield from map(json_line, records)
        return
    yield csv_line(columns)
    for record in records:
        yield csv_line(record[name] for name in columns)


def _rating_record(judged: Judged, rating: RatingView) -> Line:
    names = {behaviour.id: behaviour.name for behaviour in judged.answer.probe.behaviours}
    behaviour = "" if rating.behaviour_id is None else names.get(rating.behaviour_id, f"#{rating.behaviour_id}")
    return {
        "run": judged.run,
        "step": judged.answer.step,
        "reference_run": judged.reference_run,
        "reference_step": judged.reference.step,
        "probe_set": judged.answer.probe.set_name,
        "probe": judged.answer.probe.key,
        "probe_revision": judged.answer.probe.revision,
        "sampling": judged.sampling_key,
        "sample": judged.answer.sample_index,
        "behaviour": behaviour,
        "rater": rating.rater,
        "verdict": int(rating.verdict),
        "both_bad": rating.both_bad,
        "comment": rating.comment,
        "blind": rating.blind,
        "side": rating.side.value if rating.side else None,
        "shown_at": rating.shown_at,
        "rated_at": rating.rated_at,
        "answer_sha256": text_sha256(judged.answer.text),
        "reference_sha256": text_sha256(judged.reference.text),
    }


def _all(store: Store, run: ExportedRun) -> Iterator[tuple[str, AnswerView]]:
    """With the key of their sampling, a stretch at a time."""
    after = 0
    while True:
        with store.read() as session:
            row = answers.get_run(session, run.id)
            sampling = samplings.run_sampling(session, row) if row is not None else None
            if sampling is None:
                return
            found = answers.current_answers(
                session, run.id, sampling_id=stored_id(sampling.id), after=after, limit=ANSWERS_AT_ONCE
            )
            asked = list({stored_id(record.probe.id): record.probe for record in found}.values())
            views = {stored_id(one.probe.id): probe_view(one) for one in probes.probe_records(session, asked)}
            stretch = [answer_view(record, views[stored_id(record.probe.id)]) for record in found]
            key = sampling.key
        yield from ((key, answer) for answer in stretch)
        if len(stretch) < ANSWERS_AT_ONCE:
            return
        after = stretch[-1].id


def _answer_record(run: ExportedRun, sampling_key: str, answer: AnswerView, *, full: bool) -> Line:
    probe, provenance = answer.probe, answer.provenance
    behaviours, signals = [one.name for one in probe.behaviours], [one.kind for one in answer.signals]
    record: Line = {
        "run": run.name,
        "step": answer.step,
        "probe_set": probe.set_name,
        "probe": probe.key,
        "probe_revision": probe.revision,
        "family": probe.family.value,
        "group": probe.group,
        "language": probe.language,
        "behaviours": behaviours if full else "; ".join(behaviours),
        "prompt": probe.prompt,
        "good": probe.good,
        "sampling": sampling_key,
        "sample": answer.sample_index,
        "text": answer.text,
        "tokens": len(answer.token_ids),
        "finish": answer.finish.value,
        "signals": [asdict(one) for one in answer.signals] if full else "; ".join(signals),
        "base_model": provenance.base_model,
        "weights": provenance.weights_fingerprint,
        "engine": provenance.engine,
        "dtype": provenance.dtype,
        "device": provenance.device,
        "decoding": provenance.decoding,
        "adapter_check": provenance.adapter_check,
        "template_hash": provenance.template_hash,
        "created_at": answer.created_at,
    }
    if full:
        messages = [{"role": message.role.value, "content": message.content} for message in probe.messages]
        record |= {"messages": messages, "token_ids": list(answer.token_ids), "provenance": asdict(provenance)}
    return record
