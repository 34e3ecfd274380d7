"""Probe sets and probes with their revisions. A probe with answers is never changed in what it asks, only replaced."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from beyondloss.domain.probes import ProbeSpec
from beyondloss.store.insert import insert_into
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Behaviour, Probe, ProbeBehaviour, ProbeSet


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One probe row with what a page says about it. `behaviours` holds those that are not archived, in order."""

    probe: Probe
    set_name: str
    behaviours: tuple[Behaviour, ...]
    answers: int


def probe_sets(session: Session, *, project_id: int | None = None) -> Sequence[ProbeSet]:
    query = select(ProbeSet).order_by(col(ProbeSet.project_id), col(ProbeSet.id))
    if project_id is not None:
        query = query.where(ProbeSet.project_id == project_id)
    return session.exec(query).all()


def get_set(session: Session, set_id: int) -> ProbeSet | None:
    return session.get(ProbeSet, set_id)


def set_of(session: Session, probe: Probe) -> ProbeSet:
    return session.get_one(ProbeSet, probe.probe_set_id)


def set_by_name(session: Session, project_id: int, name: str) -> ProbeSet | None:
    return session.exec(select(ProbeSet).where(ProbeSet.project_id == project_id, ProbeSet.name == name)).first()


def lock_set(session: Session, project_id: int, name: str) -> ProbeSet:
    """Find the set or make it, and hold its row: whoever edits its probes next waits, so keys stay unique."""
    statement = insert_into(session, ProbeSet).values(
        project_id=project_id, name=name, active=True, revision=1, created_at=time.time()
    )
    session.exec(statement.on_conflict_do_nothing(index_elements=["project_id", "name"]))
    query = select(ProbeSet).where(ProbeSet.project_id == project_id, ProbeSet.name == name)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one()


def current_probes(
    session: Session,
    *,
    project_id: int | None = None,
    set_id: int | None = None,
    set_name: str | None = None,
    active_only: bool = False,
) -> Sequence[Probe]:
    """Probes in force, neither replaced nor archived, in the order of their sets and within them."""
    query = (
        select(Probe)
        .join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id)
        .where(col(Probe.replaced_by).is_(None), ~col(Probe.archived))
        .order_by(col(Probe.probe_set_id), col(Probe.position), col(Probe.id))
    )
    if project_id is not None:
        query = query.where(ProbeSet.project_id == project_id)
    if set_id is not None:
        query = query.where(Probe.probe_set_id == set_id)
    if set_name is not None:
        query = query.where(ProbeSet.name == set_name)
    if active_only:
        query = query.where(col(ProbeSet.active))
    return session.exec(query).all()


def get_probe(session: Session, probe_id: int) -> Probe | None:
    return session.get(Probe, probe_id)


def ids_by_reference(session: Session, project_id: int, reference: str) -> list[int]:
    """The one probe of the project with this id, whatever its revision; else those in force with this key."""
    if reference.isascii() and reference.isdecimal() and len(reference) < 10:
        found = probe_record(session, int(reference), project_id=project_id)
        if found is not None:
            return [int(reference)]
    current = current_probes(session, project_id=project_id)
    return [stored_id(probe.id) for probe in current if probe.key == reference]


def probe_records(session: Session, probes: Sequence[Probe]) -> list[ProbeRecord]:
    """The same probes in the same order, with three queries for all of them."""
    ids = [stored_id(probe.id) for probe in probes]
    set_ids = {probe.probe_set_id for probe in probes}
    names = dict(session.exec(select(ProbeSet.id, ProbeSet.name).where(col(ProbeSet.id).in_(set_ids))).all())
    behaviours = _behaviours_of(session, ids)
    answers = count_answers(session, ids)
    return [
        ProbeRecord(
            probe=probe,
            set_name=names[probe.probe_set_id],
            behaviours=tuple(behaviours[probe_id]),
            answers=answers.get(probe_id, 0),
        )
        for probe_id, probe in zip(ids, probes, strict=True)
    ]


def probe_record(
    session: Session, probe_id: int, *, project_id: int | None = None, lock: bool = False
) -> ProbeRecord | None:
    """One probe, if it is there (and of that project); locked for an edit when asked (see `newest_revisions`)."""
    query = select(Probe).join(ProbeSet, col(ProbeSet.id) == Probe.probe_set_id).where(Probe.id == probe_id)
    if project_id is not None:
        query = query.where(ProbeSet.project_id == project_id)
    if lock:
        query = query.with_for_update(of=Probe).execution_options(populate_existing=True)
    found = session.exec(query).first()
    return None if found is None else probe_records(session, [found])[0]


def _behaviours_of(session: Session, probe_ids: Collection[int]) -> dict[int, list[Behaviour]]:
    query = (
        select(ProbeBehaviour.probe_id, Behaviour)
        .join(Behaviour, col(Behaviour.id) == ProbeBehaviour.behaviour_id)
        .where(col(ProbeBehaviour.probe_id).in_(probe_ids), ~col(Behaviour.archived))
        .order_by(col(Behaviour.position), col(Behaviour.id))
    )
    found: dict[int, list[Behaviour]] = defaultdict(list)
    for probe_id, behaviour in session.exec(query).all():
        found[probe_id].append(behaviour)
    return found


def count_answers(session: Session, probe_ids: Collection[int]) -> dict[int, int]:
    """Answers per probe id, under all checkpoints and samplings; probes without any are left out."""
    query = (
        select(Answer.probe_id, func.count()).where(col(Answer.probe_id).in_(probe_ids)).group_by(col(Answer.probe_id))
    )
    return dict(session.exec(query).all())


def revisions_of(session: Session, set_id: int, key: str) -> Sequence[Probe]:
    """Newest first; the first one is in force unless it is archived."""
    query = select(Probe).where(Probe.probe_set_id == set_id, Probe.key == key).order_by(col(Probe.revision).desc())
    return session.exec(query).all()


def newest_revisions(session: Session, set_id: int) -> dict[str, Probe]:
    """The last revision of every key of a set, archived ones too, locked.

    An answer locks its probe too, so it comes either before the edit that then makes a new revision, or after it and
    finds that its question has changed. Never is an answer to the old question stored under the new one.
    """
    query = select(Probe).where(Probe.probe_set_id == set_id, col(Probe.replaced_by).is_(None)).order_by(col(Probe.id))
    found = session.exec(query.with_for_update().execution_options(populate_existing=True)).all()
    return {probe.key: probe for probe in found}


def add_probe(session: Session, set_id: int, spec: ProbeSpec, behaviour_ids: Sequence[int]) -> Probe:
    """A new key, at the end of its set."""
    last = session.exec(select(func.max(Probe.position)).where(Probe.probe_set_id == set_id)).one()
    return _insert(session, _row(set_id, spec, position=0 if last is None else last + 1), behaviour_ids)


def revise_probe(session: Session, old: Probe, spec: ProbeSpec, behaviour_ids: Sequence[int]) -> Probe:
    """A new revision in the old one's place; the old one keeps its answers and points to it."""
    row = _row(old.probe_set_id, spec, position=old.position)
    row.revision = old.revision + 1
    new = _insert(session, row, behaviour_ids)
    old.replaced_by = new.id
    session.add(old)
    session.flush()
    return new


def change_probe(session: Session, probe: Probe, spec: ProbeSpec, behaviour_ids: Sequence[int]) -> None:
    """Change a probe in place: right only where nothing it asks or examines has been answered."""
    probe_id = stored_id(probe.id)
    fresh = _row(probe.probe_set_id, spec, position=probe.position)
    probe.messages, probe.prompt = fresh.messages, fresh.prompt
    probe.family, probe.group = fresh.family, fresh.group
    probe.good, probe.language = fresh.good, fresh.language
    probe.archived = False
    session.add(probe)
    live = select(Behaviour.id).where(~col(Behaviour.archived))  # an archived behaviour comes back with its probes
    session.exec(
        delete(ProbeBehaviour).where(
            col(ProbeBehaviour.probe_id) == probe_id, col(ProbeBehaviour.behaviour_id).in_(live)
        )
    )
    _link(session, probe_id, behaviour_ids)


def _row(set_id: int, spec: ProbeSpec, *, position: int) -> Probe:
    return Probe(
        probe_set_id=set_id,
        key=spec.key,
        position=position,
        family=spec.family.value,
        group=spec.group,
        messages=[{"role": message.role.value, "content": message.content} for message in spec.messages],
        prompt=spec.prompt,
        good=spec.good,
        language=spec.language,
        created_at=time.time(),
    )


def _insert(session: Session, probe: Probe, behaviour_ids: Sequence[int]) -> Probe:
    session.add(probe)
    session.flush()
    _link(session, stored_id(probe.id), behaviour_ids)
    return probe


def _link(session: Session, probe_id: int, behaviour_ids: Sequence[int]) -> None:
    for behaviour_id in dict.fromkeys(behaviour_ids):
        session.add(ProbeBehaviour(probe_id=probe_id, behaviour_id=behaviour_id))
    session.flush()
